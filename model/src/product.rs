//! A product of any type.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{Instant, Price, Scope, Scoped, ScopedValue, UnknownFields, Variant};

/// How a product is made up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProductType {
    /// One variant, no options.
    #[default]
    Simple,
    /// Options, and a variant for each wanted combination.
    Configurable,
    /// Sold together with other products for one price.
    Bundle,
    /// A page that shows other products to be bought one by one.
    Grouped,
    /// Files to be fetched.
    Downloadable,
    /// Nothing to send: a service, a warranty.
    Virtual,
    /// A code with a balance.
    GiftCard,
}

/// Whether visitors see a product.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProductStatus {
    /// Visible and for sale.
    Active,
    /// Not yet published.
    #[default]
    Draft,
    /// Kept for the records.
    Archived,
}

/// Where visitors come upon a product that is for sale.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// In lists and in the search.
    #[default]
    Everywhere,
    /// In lists only.
    Catalog,
    /// In the search only.
    Search,
    /// Nowhere: by its address, or as a part of another product.
    Hidden,
}

/// Titles and descriptions for search engines.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Seo {
    /// The title of the page.
    pub title: Scoped<String>,
    /// Its description.
    pub description: Scoped<String>,
    /// Its key words.
    pub keywords: Scoped<String>,
    /// The address search engines should take for it.
    #[serde(skip_serializing_if = "Scoped::is_empty")]
    pub canonical_url: Scoped<String>,
    /// What robots may do, as the source writes it.
    #[serde(skip_serializing_if = "Scoped::is_empty")]
    pub robots: Scoped<String>,
}

/// A value of an option.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OptionValue {
    /// The value variants refer to.
    pub value: String,
    /// How it is shown, per scope.
    #[serde(default)]
    pub label: Scoped<String>,
    /// Its id in the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_id: Option<String>,
    /// Its colour or the address of its picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub swatch: Option<String>,
    /// What the model has no field for.
    #[serde(default, skip_serializing_if = "UnknownFields::is_empty")]
    pub unknown: UnknownFields,
}

/// A property in which the variants differ.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductOption {
    /// The name variants refer to.
    pub name: String,
    /// How it is shown, per scope.
    #[serde(default)]
    pub label: Scoped<String>,
    /// Its values in order.
    pub values: Vec<OptionValue>,
    /// Its id in the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_id: Option<String>,
    /// The form field it is chosen with, as the source names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    /// What the model has no field for.
    #[serde(default, skip_serializing_if = "UnknownFields::is_empty")]
    pub unknown: UnknownFields,
}

/// A picture.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Image {
    /// Where it lies.
    pub url: String,
    /// Its place, from 1.
    pub position: u32,
    /// Its text for those who do not see it.
    pub alt_text: Scoped<String>,
    /// Its id in the source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_id: Option<String>,
    /// What it is used for: `base`, `thumbnail`, as the source names it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// Whether it is kept from visitors, per scope.
    #[serde(skip_serializing_if = "Scoped::is_empty")]
    pub hidden: Scoped<bool>,
    /// What the model has no field for.
    #[serde(skip_serializing_if = "UnknownFields::is_empty")]
    pub unknown: UnknownFields,
}

/// What a medium is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaKind {
    /// A film that the shop keeps.
    Video,
    /// A film that another site shows.
    ExternalVideo,
    /// A model to turn around.
    Model3d,
    /// A file to be fetched: a leaflet, a manual, a size table.
    #[default]
    Attachment,
}

/// Something shown or fetched beside the pictures.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Media {
    /// Its id in the source.
    pub source_id: Option<String>,
    /// What it is.
    pub kind: MediaKind,
    /// Where it lies.
    pub url: String,
    /// Its place, from 1.
    pub position: Option<u32>,
    /// Its title.
    pub title: Scoped<String>,
    /// Its description.
    pub description: Scoped<String>,
    /// Where a picture for it lies.
    pub preview_url: Option<String>,
    /// Its type, such as `application/pdf`.
    pub content_type: Option<String>,
    /// What the model has no field for.
    #[serde(skip_serializing_if = "UnknownFields::is_empty")]
    pub unknown: UnknownFields,
}

/// Membership of a category or collection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placement {
    /// The source id of the category or collection.
    pub source_id: String,
    /// The product's place in it, from 1.
    pub position: Option<u32>,
    /// Whether this is the product's main category.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary: Option<bool>,
    /// What the model has no field for.
    #[serde(default, skip_serializing_if = "UnknownFields::is_empty")]
    pub unknown: UnknownFields,
}

/// How two products belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RelationKind {
    /// Shown beside it.
    Related,
    /// A better one.
    UpSell,
    /// Something to go with it.
    CrossSell,
    /// A member of a grouped product.
    Member,
    /// A part or supply for it.
    Accessory,
    /// What can be bought in its place.
    Substitute,
}

/// A reference to another product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relation {
    /// How they belong together.
    pub kind: RelationKind,
    /// The other product's source id.
    pub product: String,
    /// Its place, from 1.
    pub position: Option<u32>,
    /// How many pieces a grouped product proposes.
    pub quantity: Option<Decimal>,
    /// The source's own word for how they belong together, where it has more of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_kind: Option<String>,
    /// What the model has no field for.
    #[serde(default, skip_serializing_if = "UnknownFields::is_empty")]
    pub unknown: UnknownFields,
}

/// A choice that the buyer of a bundle makes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BundleChoice {
    /// What [`BundleComponent::choice`] calls it: its id in the source, or its name.
    pub key: String,
    /// Its name.
    pub title: Scoped<String>,
    /// Its place, from 1.
    pub position: Option<u32>,
    /// Whether it must be made.
    pub required: bool,
    /// The form field: `select`, `radio`, `checkbox`, as the source names it.
    pub input: Option<String>,
    /// The fewest components to choose.
    pub picks_min: Option<u32>,
    /// The most components to choose.
    pub picks_max: Option<u32>,
    /// What the model has no field for.
    #[serde(skip_serializing_if = "UnknownFields::is_empty")]
    pub unknown: UnknownFields,
}

/// How the whole of a bundle is made up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BundleTerms {
    /// Whether its price is the sum of its parts.
    pub price_from_parts: Option<bool>,
    /// Whether its weight is the sum of its parts.
    pub weight_from_parts: Option<bool>,
    /// Whether its article number is made of those of its parts.
    pub sku_from_parts: Option<bool>,
    /// Whether its parts are sent together.
    pub sent_together: Option<bool>,
}

/// A part of a bundle.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundleComponent {
    /// The choice this component belongs to, such as "Case".
    pub choice: Option<String>,
    /// Whether a choice must be made.
    pub required: bool,
    /// The product's source id.
    pub product: String,
    /// The variant's source id, where one is fixed.
    pub variant: Option<String>,
    /// How many pieces.
    pub quantity: Decimal,
    /// The price in the bundle, where it differs.
    pub price: Option<Price>,
    /// Its id in the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_id: Option<String>,
    /// Its place within the choice, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<u32>,
    /// Whether it is chosen before the customer chooses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preselected: Option<bool>,
    /// Whether the customer may change how many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity_changeable: Option<bool>,
    /// The fewest pieces the customer may choose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity_min: Option<Decimal>,
    /// The most pieces the customer may choose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity_max: Option<Decimal>,
    /// What it adds, in percent of the bundle's price, where the source says it so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_percent: Option<Decimal>,
    /// What the model has no field for.
    #[serde(default, skip_serializing_if = "UnknownFields::is_empty")]
    pub unknown: UnknownFields,
}

/// A file that comes with a product.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Download {
    /// Its title.
    pub title: String,
    /// Where it lies.
    pub url: String,
    /// How often it may be fetched; none is without limit.
    pub downloads_max: Option<u32>,
    /// Whether it is a sample that anybody may fetch.
    pub sample: bool,
    /// Its id in the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_id: Option<String>,
    /// What narrower scopes than the shop say of its title.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub title_scoped: Vec<ScopedValue<String>>,
    /// Its place, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<u32>,
    /// What it costs beside the product, where it is sold by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
    /// Where a sample of it lies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample_url: Option<String>,
    /// How many days after the purchase it may be fetched; none is for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_after_days: Option<u32>,
    /// Whether the buyer may give the link to others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shareable: Option<bool>,
    /// What the model has no field for.
    #[serde(default, skip_serializing_if = "UnknownFields::is_empty")]
    pub unknown: UnknownFields,
}

/// A value of a question asked at the time of sale.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomOptionValue {
    /// What is shown.
    pub title: Scoped<String>,
    /// What it adds to the price.
    pub surcharge: Option<Price>,
    /// What it adds to the article number.
    pub sku_suffix: Option<String>,
    /// Its id in the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_id: Option<String>,
    /// Its place, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<u32>,
    /// What it adds, in percent of the product's price, where the source says it so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub surcharge_percent: Option<Decimal>,
    /// What the model has no field for.
    #[serde(default, skip_serializing_if = "UnknownFields::is_empty")]
    pub unknown: UnknownFields,
}

/// A question asked at the time of sale that makes no variant: an engraving, a gift wrap.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomOption {
    /// What is asked.
    pub title: Scoped<String>,
    /// The form field: `text`, `select`, `checkbox`, `file`, `date`, as the source names it.
    pub input: String,
    /// Whether an answer is needed.
    pub required: bool,
    /// The answers to choose from; empty for free text.
    pub values: Vec<CustomOptionValue>,
    /// Its id in the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_id: Option<String>,
    /// Its place, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<u32>,
    /// What an answer adds to the price, where there are none to choose from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub surcharge: Option<Price>,
    /// The same in percent of the product's price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub surcharge_percent: Option<Decimal>,
    /// What an answer adds to the article number, where there are none to choose from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sku_suffix: Option<String>,
    /// The longest text, in characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length_max: Option<u32>,
    /// Which files may be given: their endings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub file_extensions: Vec<String>,
    /// What the model has no field for.
    #[serde(default, skip_serializing_if = "UnknownFields::is_empty")]
    pub unknown: UnknownFields,
}

/// A field the merchant or an app defined.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomField {
    /// Its name space in the source; empty where there is none.
    pub namespace: String,
    /// Its name.
    pub key: String,
    /// Its type as the source names it; none where it does not say.
    pub value_type: Option<String>,
    /// Its value per scope.
    pub value: Scoped<serde_json::Value>,
    /// What it is called for visitors, per scope.
    #[serde(default, skip_serializing_if = "Scoped::is_empty")]
    pub label: Scoped<String>,
    /// What the model has no field for.
    #[serde(default, skip_serializing_if = "UnknownFields::is_empty")]
    pub unknown: UnknownFields,
}

/// A product with everything that belongs to it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Product {
    /// Its id in the source.
    pub source_id: String,
    /// How it is made up.
    pub product_type: ProductType,
    /// Whether visitors see it.
    pub status: ProductStatus,
    /// Its name.
    pub title: Scoped<String>,
    /// Its description as HTML.
    pub description_html: Scoped<String>,
    /// A shorter one.
    pub short_description_html: Scoped<String>,
    /// The last part of its address.
    pub slug: Scoped<String>,
    /// Its texts for search engines.
    pub seo: Seo,
    /// Its brand or maker.
    pub vendor: Option<String>,
    /// The merchant's own word for what it is, such as "Shirt".
    pub merchandise_type: Option<String>,
    /// Free words.
    pub tags: Vec<String>,
    /// In what the variants differ.
    pub options: Vec<ProductOption>,
    /// The variants, at least one.
    pub variants: Vec<Variant>,
    /// Pictures in order.
    pub images: Vec<Image>,
    /// The categories it is in.
    pub categories: Vec<Placement>,
    /// The collections it is in.
    pub collections: Vec<Placement>,
    /// Other products it refers to.
    pub relations: Vec<Relation>,
    /// The parts of a bundle.
    pub bundle_components: Vec<BundleComponent>,
    /// Files that come with it.
    pub downloads: Vec<Download>,
    /// Questions asked at the time of sale.
    pub custom_options: Vec<CustomOption>,
    /// Fields the merchant defined.
    pub custom_fields: Vec<CustomField>,
    /// When it became visible.
    pub published_at: Option<Instant>,
    /// When it was made.
    pub created_at: Option<Instant>,
    /// When it was last changed.
    pub updated_at: Option<Instant>,
    /// When it stops being new, for platforms that mark new products.
    pub new_until: Option<DateTime<Utc>>,
    /// What narrower scopes than the shop say of its status.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub status_scoped: Vec<ScopedValue<ProductStatus>>,
    /// Where visitors come upon it, per scope; nothing said is everywhere.
    #[serde(skip_serializing_if = "Scoped::is_empty")]
    pub visibility: Scoped<Visibility>,
    /// Whether it belongs to a website, channel or market at all; nothing said is yes. `false` for the
    /// shop and `true` for a website is a product of that website alone.
    #[serde(skip_serializing_if = "Scoped::is_empty")]
    pub assigned: Scoped<bool>,
    /// What narrower scopes than the shop say of when it became visible.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub published_at_scoped: Vec<ScopedValue<Instant>>,
    /// Films, models, leaflets and whatever else is shown or fetched beside the pictures.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub media: Vec<Media>,
    /// The choices of a bundle, which its components name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub bundle_choices: Vec<BundleChoice>,
    /// How the whole of a bundle is made up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bundle_terms: Option<BundleTerms>,
    /// The set of fields it is described by, as the source names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attribute_set: Option<String>,
    /// What the model has no field for.
    pub unknown: UnknownFields,
}

impl Product {
    /// Its status along a chain of scopes ([`crate::ScopeTree::chain`]): the nearest one. The
    /// shop's own stands in `status`, as it always did, so that neither the hashes of records nor
    /// the mappings that name it change with it.
    pub fn status_in(&self, chain: &[Scope]) -> ProductStatus {
        *crate::scope::nearest(Some(&self.status), &self.status_scoped, chain)
            .unwrap_or(&self.status)
    }

    /// When it became visible along a chain of scopes: the nearest one.
    pub fn published_at_in(&self, chain: &[Scope]) -> Option<&Instant> {
        crate::scope::nearest(self.published_at.as_ref(), &self.published_at_scoped, chain)
    }
}

impl Variant {
    /// Its tax class along a chain of scopes: the nearest one.
    pub fn tax_class_in(&self, chain: &[Scope]) -> Option<&String> {
        crate::scope::nearest(self.tax_class.as_ref(), &self.tax_class_scoped, chain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ScopeNode, ScopeTree};

    #[test]
    fn status_visibility_and_assignment_are_inherited() {
        let website = Scope::Website("eu".to_owned());
        let view = Scope::StoreView("eu_de".to_owned());
        let tree = ScopeTree::new(vec![
            ScopeNode::new(website.clone()),
            ScopeNode { parent: Some(website.clone()), ..ScopeNode::new(view.clone()) },
        ])
        .unwrap();
        let mut product = Product { status: ProductStatus::Draft, ..Product::default() };
        product.assigned = Scoped::shop(false);
        let chain = tree.chain(&view).unwrap();
        assert_eq!(product.status_in(&chain), ProductStatus::Draft);
        assert_eq!(product.assigned.resolve(&chain), Some(&false));
        let entry = |value| ScopedValue { scope: website.clone(), value };
        product.status_scoped.push(entry(ProductStatus::Active));
        product.assigned.scoped.push(ScopedValue { scope: website.clone(), value: true });
        assert_eq!(product.status_in(&chain), ProductStatus::Active);
        assert_eq!(product.assigned.resolve(&chain), Some(&true));
        let value = ProductStatus::Archived;
        product.status_scoped.push(ScopedValue { scope: view, value });
        assert_eq!(product.status_in(&chain), ProductStatus::Archived);
        assert_eq!(product.status_in(&[Scope::Shop]), ProductStatus::Draft);
    }

    #[test]
    fn a_product_of_one_scope_has_the_json_it_always_had() {
        let json = serde_json::to_value(Product::default()).unwrap();
        assert_eq!(json["status"], "draft");
        for name in ["status_scoped", "visibility", "assigned", "media", "bundle_choices"] {
            assert!(json.get(name).is_none(), "{name}");
        }
    }
}
