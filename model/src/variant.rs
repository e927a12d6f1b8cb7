//! What is really bought: a variant of a product, with its stock and measures.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{CustomField, Price, UnknownFields};

/// The value a variant has for one option of its product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SelectedOption {
    /// The option's name, as in the product's options.
    pub option: String,
    /// The chosen value.
    pub value: String,
}

/// How many pieces lie at one location.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stock {
    /// The location's name or id in the source; none where the source has one nameless location.
    pub location: Option<String>,
    /// Pieces on hand; negative where the shop sold more than it had.
    pub quantity: Decimal,
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
    /// What the model has no field for.
    pub unknown: UnknownFields,
}
