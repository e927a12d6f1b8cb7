//! The customer file, with the faults of customers.

use super::columns;
use super::customer::Person;
use super::faults::{Fault, Kind};
use super::manifest::Manifest;
use super::plan::{Plan, Planned};
use super::settings::{Layout, Settings};
use super::table::{Table, yes};
use super::text;
use super::words::UMLAUT_NAMES;
use super::{Error, orders::Spent};
use std::path::Path;

/// Writes every customer account.
pub(super) fn write(
    settings: &Settings,
    plan: &Plan,
    directory: &Path,
    spent: &Spent,
    manifest: &mut Manifest,
) -> Result<(), Error> {
    for file in settings.files("customers", settings.customers, usize::MAX) {
        let columns = columns::customer(file.layout, settings.rare);
        let mut table = Table::create(&directory.join(&file.name), &columns)?;
        for index in file.records {
            write_one(settings, file.layout, plan, index, spent, &mut table, manifest)?;
        }
        table.finish()?;
        manifest.files.push(file.name);
    }
    Ok(())
}

fn write_one(
    settings: &Settings,
    layout: Layout,
    plan: &Plan,
    index: usize,
    spent: &Spent,
    table: &mut Table,
    manifest: &mut Manifest,
) -> Result<(), Error> {
    let mut person = Person::customer(settings, index);
    let planned = plan.of(Kind::Customer, index);
    let mut related = String::new();
    let mut country = (person.address.country.code, person.address.country.name);
    if let Some(Planned { fault, partner }) = planned {
        let partner = partner.map(|other| (other, Person::customer(settings, other)));
        spoil(&mut person, fault, index, partner.as_ref().map(|(_, person)| person));
        related = partner.map(|(other, person)| id(layout, &person, other)).unwrap_or_default();
        if fault == Fault::UnknownCountry {
            country = ("ZZ", "Ruritania");
        }
    }
    set(table, layout, &person, country);
    if let Some(number) = settings.rarity(index).filter(|number| number.is_multiple_of(4)) {
        table.set(columns::BIRTH_DATE, format!("19{:02}-0{}-17", 50 + number % 50, 1 + number % 9));
    }
    table.set("Total Orders", spent.orders(index).to_string());
    table.set("Total Spent", settings.shop_currency().text(spent.money(index)));
    table.end_row()?;
    let fault = planned.map(|planned| (planned.fault, related));
    manifest.note(Kind::Customer, &id(layout, &person, index), fault);
    manifest.records.customers += 1;
    Ok(())
}

/// The manifest's id of a customer.
fn id(layout: Layout, person: &Person, index: usize) -> String {
    match layout {
        Layout::Current => person.id.clone(),
        Layout::Older if person.email.is_empty() => format!("row:{}", index + 1),
        Layout::Older => person.email.clone(),
    }
}

fn set(table: &mut Table, layout: Layout, person: &Person, country: (&str, &str)) {
    let address = &person.address;
    // Shopify protects ids and postcodes from spreadsheets with an apostrophe, in today's layout.
    let guard = if layout == Layout::Current { "'" } else { "" };
    let tags = person.tags.join(", ");
    let columns = [
        ("Customer ID", format!("{guard}{}", person.id)),
        ("Default Address Zip", format!("{guard}{}", address.zip)),
        ("Zip", format!("{guard}{}", address.zip)),
    ];
    table.set_all(columns);
    table.set_all([
        ("First Name", person.first_name.as_str()),
        ("Last Name", &person.last_name),
        ("Email", &person.email),
        ("Phone", &person.phone),
        ("Accepts Email Marketing", yes(person.accepts_email)),
        ("Accepts Marketing", yes(person.accepts_email)),
        ("Accepts SMS Marketing", yes(person.accepts_sms)),
        ("Note", person.note),
        ("Tax Exempt", yes(person.tax_exempt)),
        ("Tags", &tags),
        ("Default Address Company", &address.company),
        ("Default Address Address1", &address.line1),
        ("Default Address Address2", &address.line2),
        ("Default Address City", address.city),
        ("Default Address Province Code", address.province_code),
        ("Default Address Country Code", country.0),
        ("Default Address Phone", &address.phone),
        ("Company", &address.company),
        ("Address1", &address.line1),
        ("Address2", &address.line2),
        ("City", address.city),
        ("Province", address.province),
        ("Province Code", address.province_code),
        ("Country", country.1),
        ("Country Code", country.0),
    ]);
}

fn spoil(person: &mut Person, fault: Fault, index: usize, partner: Option<&Person>) {
    match fault {
        Fault::DuplicateEmail => {
            if let Some(partner) = partner {
                person.first_name.clone_from(&partner.first_name);
                person.last_name.clone_from(&partner.last_name);
                person.email = untidy(&partner.email, index);
            }
        }
        Fault::UntidyEmail => person.email = untidy(&person.email, index),
        Fault::InvalidEmail => {
            let wrong = ["(at)", "@@", " @ ", ""][index % 4];
            person.email = person.email.replacen('@', wrong, 1);
        }
        Fault::MissingEmail => person.email.clear(),
        Fault::TestAccount => person.tags = vec!["test-account"],
        Fault::MalformedPhone => person.phone = format!("call me: 12-{index} (evenings)"),
        Fault::MojibakeName => {
            let name = UMLAUT_NAMES[index % UMLAUT_NAMES.len()];
            person.last_name = text::mojibake(name);
        }
        Fault::MissingName => {
            person.first_name.clear();
            person.last_name.clear();
        }
        Fault::OverlongCompany => person.address.company = text::overlong("Holding", 300),
        _ => {}
    }
}

/// The same e-mail with a capital first letter or all in capitals, and blanks around it.
fn untidy(email: &str, index: usize) -> String {
    let mut letters = email.chars();
    match letters.next() {
        Some(first) if index.is_multiple_of(2) => {
            format!(" {}{}", first.to_uppercase(), letters.as_str())
        }
        _ => format!("{} ", email.to_uppercase()),
    }
}
