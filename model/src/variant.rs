//! What is really bought: a variant of a product, with its stock and measures.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{CustomField, Download, Instant, Price, Scoped, ScopedValue, UnknownFields};

/// The value a variant has for one option of its product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SelectedOption {
    /// The option's name, as in the product's options.
    pub option: String,
    /// The chosen value.
    pub value: String,
}

/// A number that names a variant outside the shop.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identifier {
    /// What it is: `mpn`, `isbn`, `upc`, as the source names it.
    pub id_type: String,
    /// The number.
    pub value: String,
}

/// How many pieces lie at one location.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stock {
    /// The location's name or id in the source; none where the source has one nameless location.
    pub location: Option<String>,
    /// Pieces on hand; negative where the shop sold more than it had.
    pub quantity: Decimal,
    /// Pieces promised to orders that were not yet sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserved: Option<Decimal>,
    /// Pieces on their way to the location.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incoming: Option<Decimal>,
    /// From how few pieces on the merchant is warned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low_at: Option<Decimal>,
    /// What the model has no field for.
    #[serde(default, skip_serializing_if = "UnknownFields::is_empty")]
    pub unknown: UnknownFields,
}

/// The unit a weight was given in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WeightUnit {
    /// Grams.
    Gram,
    /// Kilograms.
    Kilogram,
    /// Avoirdupois pounds.
    Pound,
    /// Avoirdupois ounces.
    Ounce,
}

/// A weight as the source gave it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Weight {
    /// How much.
    pub value: Decimal,
    /// Of what.
    pub unit: WeightUnit,
}

impl Weight {
    /// The weight in grams, exactly (pound and ounce by the international definition of 1959).
    pub fn grams(&self) -> Decimal {
        let factor = match self.unit {
            WeightUnit::Gram => Decimal::ONE,
            WeightUnit::Kilogram => Decimal::ONE_THOUSAND,
            WeightUnit::Pound => Decimal::new(45_359_237, 5),
            WeightUnit::Ounce => Decimal::new(28_349_523_125, 9),
        };
        (self.value * factor).normalize()
    }
}

/// Outer measures in centimetres.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dimensions {
    /// Length in centimetres.
    pub length_cm: Option<Decimal>,
    /// Width in centimetres.
    pub width_cm: Option<Decimal>,
    /// Height in centimetres.
    pub height_cm: Option<Decimal>,
}

/// One thing that can be put into a cart. A simple product has exactly one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Variant {
    /// Its id in the source.
    pub source_id: String,
    /// Its title where it has one of its own.
    pub title: Option<String>,
    /// The merchant's article number.
    pub sku: Option<String>,
    /// GTIN, EAN, UPC or ISBN as printed.
    pub barcode: Option<String>,
    /// Its value for each option of the product, in the product's order.
    pub options: Vec<SelectedOption>,
    /// Its prices.
    pub prices: Vec<Price>,
    /// Whether stock is counted.
    pub stock_tracked: bool,
    /// Whether it may be sold without stock.
    pub backorder_allowed: bool,
    /// Its stock by location.
    pub stock: Vec<Stock>,
    /// Its weight.
    pub weight: Option<Weight>,
    /// Its measures.
    pub dimensions: Option<Dimensions>,
    /// Whether it is sent by post.
    pub requires_shipping: bool,
    /// Whether it is taxed.
    pub taxable: bool,
    /// Its tax class or code in the source.
    pub tax_class: Option<String>,
    /// Its customs tariff number.
    pub harmonised_system_code: Option<String>,
    /// Its country of origin (ISO 3166-1 alpha-2).
    pub origin_country: Option<String>,
    /// Who sends it, as the source names the service.
    pub fulfilment_service: Option<String>,
    /// The address of the image shown for it.
    pub image_url: Option<String>,
    /// Fields the merchant defined.
    pub custom_fields: Vec<CustomField>,
    /// What narrower scopes than the shop say of its title.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub title_scoped: Vec<ScopedValue<String>>,
    /// Whether it can be bought, per scope; nothing said is yes.
    #[serde(skip_serializing_if = "Scoped::is_empty")]
    pub enabled: Scoped<bool>,
    /// What narrower scopes than the shop say of its tax class.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tax_class_scoped: Vec<ScopedValue<String>>,
    /// Numbers beside the barcode: `mpn`, `isbn`, `upc`, as the source names them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub identifiers: Vec<Identifier>,
    /// The addresses of further images shown for it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub image_urls: Vec<String>,
    /// Files that come with this variant only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub downloads: Vec<Download>,
    /// The fewest pieces of one order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quantity_min: Option<Decimal>,
    /// The most pieces of one order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quantity_max: Option<Decimal>,
    /// By how many pieces an order grows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quantity_step: Option<Decimal>,
    /// Its shipping class in the source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shipping_class: Option<String>,
    /// From when on it can be had, where it is sold in advance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub available_at: Option<Instant>,
    /// What the model has no field for.
    pub unknown: UnknownFields,
}
