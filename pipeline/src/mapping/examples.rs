//! One fully filled record of each kind, from which the catalogue of fields is read. Every struct
//! is written out, so that a new field of the model does not compile until it stands here too.

use std::str::FromStr;

use cartage_model::*;
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::{
    example_order::order,
    example_people::{buy_get, company, coupon, customer, customer_group, gift_card},
};

/// The decimal that stands in every example.
pub(super) const DECIMAL: &str = "1.5";
/// The instant that stands in every example.
pub(super) const INSTANT: &str = "2024-03-01T10:00:00Z";

/// The examples of a kind; the first has every field, others show other forms of a value.
pub(super) fn of(kind: Kind) -> impl Iterator<Item = Record> {
    let (first, others) = match kind {
        Kind::Category => (Record::Category(category()), Vec::new()),
        Kind::Collection => (Record::Collection(collection()), Vec::new()),
        Kind::Product => (Record::Product(product()), Vec::new()),
        Kind::CustomerGroup => (Record::CustomerGroup(customer_group()), Vec::new()),
        Kind::Company => (Record::Company(company()), Vec::new()),
        Kind::Customer => (Record::Customer(customer()), Vec::new()),
        Kind::Coupon => {
            let others = [
                CouponValue::Percent(decimal()),
                CouponValue::BuyGet(buy_get()),
                CouponValue::FixedPrice(vec![money()]),
                CouponValue::Other(any()),
            ];
            (
                Record::Coupon(coupon(CouponValue::Amount(vec![money()]))),
                others.map(|value| Record::Coupon(coupon(value))).into(),
            )
        }
        Kind::GiftCard => (Record::GiftCard(gift_card()), Vec::new()),
        Kind::Order => (Record::Order(order()), Vec::new()),
        Kind::Review => (Record::Review(review()), Vec::new()),
        Kind::Page => (Record::Page(page()), Vec::new()),
        Kind::Post => (Record::Post(post()), Vec::new()),
        Kind::Url => (Record::Url(url()), Vec::new()),
    };
    std::iter::once(first).chain(others)
}

pub(super) fn text() -> String {
    "text".to_owned()
}

pub(super) fn some() -> Option<String> {
    Some(text())
}

pub(super) fn decimal() -> Decimal {
    Decimal::new(15, 1)
}

pub(super) fn currency() -> Currency {
    Currency::parse("EUR").expect("three letters")
}

pub(super) fn money() -> Money {
    Money::new(decimal(), currency())
}

fn utc() -> DateTime<Utc> {
    DateTime::from_str(INSTANT).expect("the constant is RFC 3339")
}

pub(super) fn instant() -> Instant {
    Instant { utc: utc(), original: text(), zone: Zone::Offset(0) }
}

pub(super) fn scope() -> Scope {
    Scope::Locale("de".to_owned())
}

pub(super) fn narrower<T>(value: T) -> Vec<ScopedValue<T>> {
    vec![ScopedValue { scope: scope(), value }]
}

fn scoped<T>(value: T, inner: T) -> Scoped<T> {
    Scoped { value: Some(value), scoped: narrower(inner) }
}

fn scoped_text() -> Scoped<String> {
    scoped(text(), text())
}

pub(super) fn any() -> Value {
    json!({"*": "anything"})
}

pub(super) fn unknown() -> UnknownFields {
    UnknownFields([("*".to_owned(), json!("anything"))].into())
}

pub(super) fn custom_fields() -> Vec<CustomField> {
    vec![CustomField {
        namespace: text(),
        key: text(),
        value_type: some(),
        value: scoped(any(), any()),
        label: scoped_text(),
        unknown: unknown(),
    }]
}

fn seo() -> Seo {
    Seo {
        title: scoped_text(),
        description: scoped_text(),
        keywords: scoped_text(),
        canonical_url: scoped_text(),
        robots: scoped_text(),
    }
}

fn image() -> Image {
    Image {
        url: text(),
        position: 1,
        alt_text: scoped_text(),
        source_id: some(),
        roles: vec![text()],
        hidden: scoped(true, true),
        unknown: unknown(),
    }
}

fn price() -> Price {
    Price {
        kind: PriceKind::Regular,
        money: money(),
        scope: Some(scope()),
        includes_tax: Some(true),
        starts_at: Some(utc()),
        ends_at: Some(utc()),
        quantity_min: Some(decimal()),
        customer_group: some(),
        quantity_max: Some(decimal()),
        percent_off: Some(decimal()),
        company: some(),
        customer: some(),
        country_code: some(),
        price_list: some(),
        unknown: unknown(),
    }
}

fn download() -> Download {
    Download {
        title: text(),
        url: text(),
        downloads_max: Some(1),
        sample: true,
        source_id: some(),
        title_scoped: narrower(text()),
        position: Some(1),
        price: Some(price()),
        sample_url: some(),
        expires_after_days: Some(1),
        shareable: Some(true),
        unknown: unknown(),
    }
}

fn media() -> Media {
    Media {
        source_id: some(),
        kind: MediaKind::Video,
        url: text(),
        position: Some(1),
        title: scoped_text(),
        description: scoped_text(),
        preview_url: some(),
        content_type: some(),
        unknown: unknown(),
    }
}

fn bundle_choice() -> BundleChoice {
    BundleChoice {
        key: text(),
        title: scoped_text(),
        position: Some(1),
        required: true,
        input: some(),
        picks_min: Some(1),
        picks_max: Some(1),
        unknown: unknown(),
    }
}

fn bundle_terms() -> BundleTerms {
    BundleTerms {
        price_from_parts: Some(true),
        weight_from_parts: Some(true),
        sku_from_parts: Some(true),
        sent_together: Some(true),
    }
}

fn category() -> Category {
    Category {
        source_id: text(),
        parent: some(),
        position: Some(1),
        level: 1,
        title: scoped_text(),
        description_html: scoped_text(),
        slug: scoped_text(),
        seo: seo(),
        visible: Some(true),
        image: Some(image()),
        custom_fields: custom_fields(),
        unknown: unknown(),
        visible_scoped: narrower(true),
        assigned: scoped(true, true),
        in_menu: scoped(true, true),
        rules: Some(any()),
        sort_order: some(),
        created_at: Some(instant()),
        updated_at: Some(instant()),
    }
}

fn collection() -> Collection {
    Collection {
        source_id: text(),
        title: scoped_text(),
        description_html: scoped_text(),
        slug: scoped_text(),
        seo: seo(),
        rules: Some(any()),
        sort_order: some(),
        members: vec![CollectionMember { product: text(), position: Some(1), unknown: unknown() }],
        image: Some(image()),
        custom_fields: custom_fields(),
        unknown: unknown(),
        collection_type: some(),
        visible: scoped(true, true),
        assigned: scoped(true, true),
        published_at: Some(instant()),
        created_at: Some(instant()),
        updated_at: Some(instant()),
    }
}

fn variant() -> Variant {
    Variant {
        source_id: text(),
        title: some(),
        sku: some(),
        barcode: some(),
        options: vec![SelectedOption { option: text(), value: text() }],
        prices: vec![price()],
        stock_tracked: true,
        backorder_allowed: true,
        stock: vec![Stock {
            location: some(),
            quantity: decimal(),
            reserved: Some(decimal()),
            incoming: Some(decimal()),
            low_at: Some(decimal()),
            unknown: unknown(),
        }],
        weight: Some(Weight { value: decimal(), unit: WeightUnit::Gram }),
        dimensions: Some(Dimensions {
            length_cm: Some(decimal()),
            width_cm: Some(decimal()),
            height_cm: Some(decimal()),
        }),
        requires_shipping: true,
        taxable: true,
        tax_class: some(),
        harmonised_system_code: some(),
        origin_country: some(),
        fulfilment_service: some(),
        image_url: some(),
        custom_fields: custom_fields(),
        unknown: unknown(),
        title_scoped: narrower(text()),
        enabled: scoped(true, true),
        tax_class_scoped: narrower(text()),
        identifiers: vec![Identifier { id_type: text(), value: text() }],
        image_urls: vec![text()],
        downloads: vec![download()],
        quantity_min: Some(decimal()),
        quantity_max: Some(decimal()),
        quantity_step: Some(decimal()),
        shipping_class: some(),
        available_at: Some(instant()),
    }
}

fn product() -> Product {
    Product {
        source_id: text(),
        product_type: ProductType::Simple,
        status: ProductStatus::Active,
        title: scoped_text(),
        description_html: scoped_text(),
        short_description_html: scoped_text(),
        slug: scoped_text(),
        seo: seo(),
        vendor: some(),
        merchandise_type: some(),
        tags: vec![text()],
        options: vec![ProductOption {
            name: text(),
            label: scoped_text(),
            values: vec![OptionValue {
                value: text(),
                label: scoped_text(),
                source_id: some(),
                swatch: some(),
                unknown: unknown(),
            }],
            source_id: some(),
            input: some(),
            unknown: unknown(),
        }],
        variants: vec![variant()],
        images: vec![image()],
        categories: vec![Placement {
            source_id: text(),
            position: Some(1),
            primary: Some(true),
            unknown: unknown(),
        }],
        collections: vec![Placement {
            source_id: text(),
            position: Some(1),
            primary: Some(true),
            unknown: unknown(),
        }],
        relations: vec![Relation {
            kind: RelationKind::Related,
            product: text(),
            position: Some(1),
            quantity: Some(decimal()),
            source_kind: some(),
            unknown: unknown(),
        }],
        bundle_components: vec![BundleComponent {
            choice: some(),
            required: true,
            product: text(),
            variant: some(),
            quantity: decimal(),
            price: Some(price()),
            source_id: some(),
            position: Some(1),
            preselected: Some(true),
            quantity_changeable: Some(true),
            quantity_min: Some(decimal()),
            quantity_max: Some(decimal()),
            price_percent: Some(decimal()),
            unknown: unknown(),
        }],
        downloads: vec![download()],
        custom_options: vec![CustomOption {
            title: scoped_text(),
            input: text(),
            required: true,
            values: vec![CustomOptionValue {
                title: scoped_text(),
                surcharge: Some(price()),
                sku_suffix: some(),
                source_id: some(),
                position: Some(1),
                surcharge_percent: Some(decimal()),
                unknown: unknown(),
            }],
            source_id: some(),
            position: Some(1),
            surcharge: Some(price()),
            surcharge_percent: Some(decimal()),
            sku_suffix: some(),
            length_max: Some(1),
            file_extensions: vec![text()],
            unknown: unknown(),
        }],
        custom_fields: custom_fields(),
        published_at: Some(instant()),
        created_at: Some(instant()),
        updated_at: Some(instant()),
        new_until: Some(utc()),
        unknown: unknown(),
        status_scoped: narrower(ProductStatus::Active),
        visibility: scoped(Visibility::Everywhere, Visibility::Hidden),
        assigned: scoped(true, true),
        published_at_scoped: narrower(instant()),
        media: vec![media()],
        bundle_choices: vec![bundle_choice()],
        bundle_terms: Some(bundle_terms()),
        attribute_set: some(),
    }
}

fn criterion_rating() -> CriterionRating {
    CriterionRating { criterion: text(), points: decimal(), points_max: Some(decimal()) }
}

fn comment() -> Comment {
    Comment {
        source_id: some(),
        parent: some(),
        author: some(),
        email: some(),
        body: text(),
        published: Some(true),
        written_at: Some(instant()),
        unknown: unknown(),
    }
}

fn review() -> Review {
    Review {
        source_id: text(),
        product: text(),
        customer: some(),
        author: some(),
        email: some(),
        rating: Some(1),
        rating_max: Some(5),
        title: some(),
        body: some(),
        published: Some(true),
        verified: Some(true),
        reply: some(),
        images: vec![image()],
        locale: some(),
        written_at: Some(instant()),
        unknown: unknown(),
        variant: some(),
        order: some(),
        scopes: vec![scope()],
        ratings: vec![criterion_rating()],
        helpful_votes: Some(1),
        unhelpful_votes: Some(1),
        replied_at: Some(instant()),
        custom_fields: custom_fields(),
    }
}

fn page() -> Page {
    Page {
        source_id: text(),
        title: scoped_text(),
        body_html: scoped_text(),
        slug: scoped_text(),
        seo: seo(),
        published: Some(true),
        published_at: Some(instant()),
        unknown: unknown(),
        published_scoped: narrower(true),
        assigned: scoped(true, true),
        parent: some(),
        position: Some(1),
        template: some(),
        created_at: Some(instant()),
        updated_at: Some(instant()),
        custom_fields: custom_fields(),
    }
}

fn post() -> Post {
    Post {
        source_id: text(),
        blog: some(),
        author: some(),
        title: scoped_text(),
        body_html: scoped_text(),
        summary_html: scoped_text(),
        slug: scoped_text(),
        seo: seo(),
        tags: vec![text()],
        image: Some(image()),
        published: Some(true),
        published_at: Some(instant()),
        unknown: unknown(),
        published_scoped: narrower(true),
        assigned: scoped(true, true),
        categories: vec![text()],
        comments: vec![comment()],
        template: some(),
        created_at: Some(instant()),
        updated_at: Some(instant()),
        custom_fields: custom_fields(),
    }
}

fn url() -> Url {
    Url {
        source_id: text(),
        path: text(),
        scope: Some(scope()),
        shows_kind: Some(Kind::Product),
        shows_source_id: some(),
        redirect: Some(Redirect { target: text(), status: 301, unknown: unknown() }),
        unknown: unknown(),
        enabled: Some(true),
        pattern: Some(true),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// What says how much and where a price is, not for whom.
    const NO_CONDITIONS: [&str; 5] = ["kind", "money", "scope", "includes_tax", "percent_off"];

    #[test]
    fn every_further_field_of_a_price_is_a_condition() {
        let full = serde_json::to_value(price()).unwrap();
        let plain = serde_json::to_value(Price::plain(PriceKind::Regular, money())).unwrap();
        for (field, value) in full.as_object().unwrap() {
            let mut said = plain.clone();
            said[field] = value.clone();
            let price = serde_json::from_value::<Price>(said).unwrap();
            let expected = NO_CONDITIONS.contains(&field.as_str());
            assert_eq!(price.has_no_condition(), expected, "{field}");
        }
        let empty = full.as_object().unwrap().values().filter(|value| **value == Value::Null);
        assert_eq!(empty.count(), 0, "the example leaves a field empty");
    }
}
