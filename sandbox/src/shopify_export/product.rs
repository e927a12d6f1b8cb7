//! A product with its variants and images, as it is before anything is wrong with it.

use super::faults::Kind;
use super::money::share;
use super::plan::Plan;
use super::random::{Dice, Stream};
use super::settings::Settings;
use super::text;
use super::words::{ADJECTIVES, COLLECTIONS, MAKERS, TAGS, TYPES, Type};
use rust_decimal::Decimal;

pub(super) struct Product {
    pub(super) handle: String,
    pub(super) title: String,
    pub(super) body: String,
    pub(super) vendor: &'static str,
    pub(super) kind: &'static Type,
    pub(super) tags: Vec<&'static str>,
    pub(super) status: &'static str,
    pub(super) collection: &'static str,
    pub(super) gift_card: bool,
    pub(super) fabric: &'static str,
    pub(super) seo: Option<(String, String)>,
    /// Option names; `Title` where there is nothing to choose.
    pub(super) options: Vec<&'static str>,
    pub(super) variants: Vec<Variant>,
    pub(super) images: Vec<Image>,
    /// The number by which it has cells that are rare.
    pub(super) rarity: Option<usize>,
}

pub(super) struct Variant {
    pub(super) values: Vec<&'static str>,
    pub(super) sku: String,
    pub(super) barcode: String,
    /// A text, because one of the faults is a price that is no number.
    pub(super) price: String,
    pub(super) compare_at: String,
    pub(super) cost: String,
    pub(super) grams: i64,
    /// `None` where stock is not tracked.
    pub(super) stock: Option<i64>,
    pub(super) continue_selling: bool,
    /// Which of the images shows it.
    pub(super) image: Option<usize>,
}

pub(super) struct Image {
    pub(super) address: String,
    pub(super) alt: String,
}

/// The most variants made per product.
const MOST_VARIANTS: usize = 12;

impl Product {
    /// Product `index` of the shop, always the same one.
    pub(super) fn make(settings: &Settings, index: usize) -> Self {
        let mut dice = Dice::new(settings.seed, Stream::Product, index);
        let kind = &TYPES[dice.below(TYPES.len())];
        let gift_card = dice.chance(1);
        let title = if gift_card {
            format!("Gutschein {}", 1000 + index)
        } else {
            format!("{} {} {}", dice.pick(ADJECTIVES), dice.pick(kind.nouns), 100 + index)
        };
        let images = images(&title, index, &mut dice);
        let (options, choices) = choices(kind, gift_card, &mut dice);
        let mut product = Product {
            handle: text::handle(&title, index),
            body: text::html(&title, &mut dice),
            vendor: dice.pick(MAKERS),
            kind,
            tags: tags(&mut dice),
            status: status(&mut dice),
            collection: if dice.chance(40) { dice.pick(COLLECTIONS) } else { "" },
            gift_card,
            fabric: if kind.fabric.is_empty() { "" } else { dice.pick(kind.fabric) },
            seo: Some((format!("{title} | Kistenweise"), format!("Buy {title} online, in stock."))),
            options,
            variants: Vec::new(),
            images,
            rarity: settings.rarity(index),
            title,
        };
        product.variants = product.make_variants(settings, index, choices, &mut dice);
        product
    }

    fn make_variants(
        &self,
        settings: &Settings,
        index: usize,
        choices: Vec<Vec<&'static str>>,
        dice: &mut Dice,
    ) -> Vec<Variant> {
        let currency = settings.shop_currency();
        let (low, high) = self.kind.price;
        let base = Decimal::new(dice.between(low, high), 2);
        let reduced = dice.chance(25);
        let tracked = !self.gift_card && dice.chance(90);
        let make = |(place, values): (usize, Vec<&'static str>)| {
            let price = currency.round(base + Decimal::new(dice.between(0, 3) * 250, 2));
            let before = share(price, Decimal::from(125));
            Variant {
                values,
                sku: format!("{}-{index:05}-{place:02}", self.kind.code),
                barcode: text::barcode(index * 100 + place),
                price: currency.text(price),
                compare_at: if reduced { currency.text(before) } else { String::new() },
                cost: currency.text(share(price, Decimal::from(45))),
                grams: if self.gift_card {
                    0
                } else {
                    dice.between(self.kind.grams.0, self.kind.grams.1)
                },
                stock: tracked.then(|| dice.between(0, 120)),
                continue_selling: dice.chance(15),
                image: dice.chance(30).then(|| dice.below(self.images.len())),
            }
        };
        choices.into_iter().enumerate().map(make).collect()
    }

    /// What an order line calls this variant: `Title - M / Grün`.
    pub(super) fn line_name(&self, variant: &Variant) -> String {
        if self.options == ["Title"] {
            return self.title.clone();
        }
        format!("{} - {}", self.title, variant.values.join(" / "))
    }

    /// A product an order can be for: nothing that matters is wrong with it.
    pub(super) fn sold(settings: &Settings, plan: &Plan, dice: &mut Dice) -> Self {
        let start = dice.below(settings.products);
        let sound = (0..settings.products)
            .map(|step| (start + step) % settings.products)
            .find(|index| plan.is_sound(Kind::Product, *index));
        Product::make(settings, sound.unwrap_or(start))
    }
}

/// The names of the options and, per variant, their values.
fn choices(
    kind: &'static Type,
    gift_card: bool,
    dice: &mut Dice,
) -> (Vec<&'static str>, Vec<Vec<&'static str>>) {
    if gift_card {
        return (vec!["Denominations"], vec![vec!["25.00"], vec!["50.00"]]);
    }
    if dice.chance(35) {
        return (vec!["Title"], vec![vec!["Default Title"]]);
    }
    let count = 1 + dice.below(kind.options.len());
    let mut rows: Vec<Vec<&'static str>> = vec![Vec::new()];
    for (_, values) in kind.options.iter().take(count) {
        let kept = values.len().min(2 + dice.below(values.len()));
        let longer = |row: &Vec<&'static str>| {
            values.iter().take(kept).map(|value| [row.as_slice(), &[*value]].concat()).collect()
        };
        rows = rows.iter().flat_map::<Vec<_>, _>(longer).collect();
    }
    rows.truncate(MOST_VARIANTS);
    (kind.options.iter().take(count).map(|(name, _)| *name).collect(), rows)
}

fn images(title: &str, index: usize, dice: &mut Dice) -> Vec<Image> {
    let count = 1 + dice.below(5);
    let views = ["front", "back", "detail, close up", "in use", "packed 📦"];
    let image = |(place, view): (usize, &&str)| Image {
        address: format!("https://cdn.example.com/s/files/{index:05}-{place}.jpg?v=17{index:08}"),
        alt: format!("{title}, {view}"),
    };
    views.iter().take(count).enumerate().map(image).collect()
}

fn tags(dice: &mut Dice) -> Vec<&'static str> {
    let count = dice.below(4);
    dice.shuffled(TAGS).into_iter().take(count).collect()
}

fn status(dice: &mut Dice) -> &'static str {
    match dice.below(100) {
        0..=87 => "active",
        88..=94 => "draft",
        _ => "archived",
    }
}
