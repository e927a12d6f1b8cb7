//! A person with an address: a customer with an account, or a guest.

use super::places::{self, Country};
use super::random::{Dice, Stream};
use super::settings::Settings;
use super::text::plain_letter;
use super::words::{COMPANIES, FIRST_NAMES, LAST_NAMES, NOTES};

pub(super) struct Person {
    pub(super) id: String,
    pub(super) first_name: String,
    pub(super) last_name: String,
    pub(super) email: String,
    pub(super) phone: String,
    pub(super) address: Address,
    pub(super) accepts_email: bool,
    pub(super) accepts_sms: bool,
    pub(super) tax_exempt: bool,
    pub(super) tags: Vec<&'static str>,
    pub(super) note: &'static str,
}

#[derive(Clone)]
pub(super) struct Address {
    pub(super) company: String,
    pub(super) line1: String,
    pub(super) line2: String,
    pub(super) city: &'static str,
    pub(super) province_code: &'static str,
    pub(super) province: &'static str,
    pub(super) country: &'static Country,
    pub(super) zip: String,
    pub(super) phone: String,
}

impl Person {
    /// Customer `index` of the shop, always the same one.
    pub(super) fn customer(settings: &Settings, index: usize) -> Self {
        let mut dice = Dice::new(settings.seed, Stream::Customer, index);
        let id = (7_210_000_000_000 + index * 32_768).to_string();
        Person::make(settings, id, &format!("{index}"), &mut dice)
    }

    /// Somebody who ordered without an account.
    pub(super) fn guest(settings: &Settings, order: usize, dice: &mut Dice) -> Self {
        Person::make(settings, String::new(), &format!("guest{order}"), dice)
    }

    fn make(settings: &Settings, id: String, mark: &str, dice: &mut Dice) -> Self {
        let first_name = dice.pick(FIRST_NAMES);
        let last_name = dice.pick(LAST_NAMES);
        let host = dice.pick(&["example.com", "example.org", "example.net", "mail.example.com"]);
        let country = places::country(dice, &settings.currencies);
        let business = dice.chance(12);
        Person {
            id,
            email: format!("{}.{}.{mark}@{host}", ascii(first_name), ascii(last_name)),
            first_name: first_name.to_owned(),
            last_name: last_name.to_owned(),
            phone: if dice.chance(40) { country.phone(dice) } else { String::new() },
            address: Address::make(country, business, dice),
            accepts_email: dice.chance(45),
            accepts_sms: dice.chance(8),
            tax_exempt: business && dice.chance(40),
            tags: tags(business, dice),
            note: if dice.chance(6) { dice.pick(NOTES) } else { "" },
        }
    }

    pub(super) fn name(&self) -> String {
        format!("{} {}", self.first_name, self.last_name)
    }
}

impl Address {
    pub(super) fn make(country: &'static Country, business: bool, dice: &mut Dice) -> Self {
        let (city, province_code, province) = dice.pick(country.cities);
        let company = if business { dice.pick(COMPANIES) } else { "" };
        Address {
            company: company.to_owned(),
            line1: country.street(dice),
            line2: if dice.chance(20) {
                format!("App. {}", dice.between(1, 40))
            } else {
                String::new()
            },
            city,
            province_code,
            province,
            country,
            zip: country.zip(dice),
            phone: if dice.chance(50) { country.phone(dice) } else { String::new() },
        }
    }

    /// Both address lines in one, as order files have them.
    pub(super) fn street(&self) -> String {
        if self.line2.is_empty() {
            return self.line1.clone();
        }
        format!("{}, {}", self.line1, self.line2)
    }
}

fn ascii(name: &str) -> String {
    name.to_lowercase().chars().map(plain_letter).filter(char::is_ascii_alphanumeric).collect()
}

fn tags(business: bool, dice: &mut Dice) -> Vec<&'static str> {
    let mut tags = Vec::new();
    if business {
        tags.push("B2B");
    }
    if dice.chance(10) {
        tags.push("VIP");
    }
    if dice.chance(15) {
        tags.push("Newsletter");
    }
    tags
}
