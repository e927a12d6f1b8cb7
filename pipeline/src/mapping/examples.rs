//! One fully filled record of each kind, from which the catalogue of fields is read. Every struct
//! is written out, so that a new field of the model does not compile until it stands here too.

use std::str::FromStr;

use cartage_model::*;
use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde_json::{Value, json};

/// The decimal that stands in every example.
pub(super) const DECIMAL: &str = "1.5";
/// The instant that stands in every example.
pub(super) const INSTANT: &str = "2024-03-01T10:00:00Z";

/// The examples of a kind; the first has every field, others show other forms of a value.
pub(super) fn of(kind: Kind) -> impl Iterator<Item = Record> {
    let (first, second) = match kind {
        Kind::Category => (Record::Category(category()), None),
        Kind::Collection => (Record::Collection(collection()), None),
        Kind::Product => (Record::Product(product()), None),
        Kind::CustomerGroup => (Record::CustomerGroup(customer_group()), None),
        Kind::Company => (Record::Company(company()), None),
        Kind::Customer => (Record::Customer(customer()), None),
        Kind::Coupon => (
            Record::Coupon(coupon(CouponValue::Amount(vec![money()]))),
            Some(Record::Coupon(coupon(CouponValue::Percent(decimal())))),
        ),
        Kind::GiftCard => (Record::GiftCard(gift_card()), None),
        Kind::Order => (Record::Order(order()), None),
        Kind::Review => (Record::Review(review()), None),
        Kind::Page => (Record::Page(page()), None),
        Kind::Post => (Record::Post(post()), None),
        Kind::Url => (Record::Url(url()), None),
    };
    std::iter::once(first).chain(second)
}

fn text() -> String {
    "text".to_owned()
}

fn some() -> Option<String> {
    Some(text())
}

fn decimal() -> Decimal {
    Decimal::new(15, 1)
}

fn currency() -> Currency {
    Currency::parse("EUR").expect("three letters")
}

fn money() -> Money {
    Money::new(decimal(), currency())
}

fn utc() -> DateTime<Utc> {
    DateTime::from_str(INSTANT).expect("the constant is RFC 3339")
}

fn instant() -> Instant {
    Instant { utc: utc(), original: text(), zone: Zone::Offset(0) }
}

fn scoped<T>(value: T, narrower: T) -> Scoped<T> {
    let scope = Scope::Locale("de".to_owned());
    Scoped { value: Some(value), scoped: vec![ScopedValue { scope, value: narrower }] }
}

fn scoped_text() -> Scoped<String> {
    scoped(text(), text())
}

fn any() -> Value {
    json!({"*": "anything"})
}

fn unknown() -> UnknownFields {
    UnknownFields([("*".to_owned(), json!("anything"))].into())
}

fn custom_fields() -> Vec<CustomField> {
    vec![CustomField {
        namespace: text(),
        key: text(),
        value_type: some(),
        value: scoped(any(), any()),
    }]
}

fn seo() -> Seo {
    Seo { title: scoped_text(), description: scoped_text(), keywords: scoped_text() }
}

fn image() -> Image {
    Image { url: text(), position: 1, alt_text: scoped_text() }
}

fn price() -> Price {
    Price {
        kind: PriceKind::Regular,
        money: money(),
        scope: Some(Scope::Locale("de".to_owned())),
        includes_tax: Some(true),
        starts_at: Some(utc()),
        ends_at: Some(utc()),
        quantity_min: Some(decimal()),
        customer_group: some(),
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
        members: vec![CollectionMember { product: text(), position: Some(1) }],
        image: Some(image()),
        custom_fields: custom_fields(),
        unknown: unknown(),
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
        stock: vec![Stock { location: some(), quantity: decimal() }],
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
            values: vec![OptionValue { value: text(), label: scoped_text() }],
        }],
        variants: vec![variant()],
        images: vec![image()],
        categories: vec![Placement { source_id: text(), position: Some(1) }],
        collections: vec![Placement { source_id: text(), position: Some(1) }],
        relations: vec![Relation {
            kind: RelationKind::Related,
            product: text(),
            position: Some(1),
            quantity: Some(decimal()),
        }],
        bundle_components: vec![BundleComponent {
            choice: some(),
            required: true,
            product: text(),
            variant: some(),
            quantity: decimal(),
            price: Some(price()),
        }],
        downloads: vec![Download {
            title: text(),
            url: text(),
            downloads_max: Some(1),
            sample: true,
        }],
        custom_options: vec![CustomOption {
            title: scoped_text(),
            input: text(),
            required: true,
            values: vec![CustomOptionValue {
                title: scoped_text(),
                surcharge: Some(price()),
                sku_suffix: some(),
            }],
        }],
        custom_fields: custom_fields(),
        published_at: Some(instant()),
        created_at: Some(instant()),
        updated_at: Some(instant()),
        new_until: Some(utc()),
        unknown: unknown(),
    }
}

fn customer_group() -> CustomerGroup {
    CustomerGroup { source_id: text(), title: text(), tax_class: some(), unknown: unknown() }
}

fn tax_ids() -> Vec<TaxId> {
    vec![TaxId { id_type: some(), value: text(), country_code: some(), validated: Some(true) }]
}

fn address() -> Address {
    Address {
        source_id: some(),
        label: some(),
        first_name: some(),
        last_name: some(),
        company: some(),
        line1: some(),
        line2: some(),
        city: some(),
        postal_code: some(),
        province: some(),
        province_code: some(),
        country_code: some(),
        country: some(),
        phone: some(),
        default_shipping: true,
        default_billing: true,
        unknown: unknown(),
    }
}

fn company() -> Company {
    Company {
        source_id: text(),
        title: text(),
        external_number: some(),
        email: some(),
        tax_ids: tax_ids(),
        addresses: vec![address()],
        members: vec![CompanyMember { customer: text(), role: some() }],
        payment_terms: some(),
        credit_limit: Some(money()),
        unknown: unknown(),
    }
}

fn customer() -> Customer {
    Customer {
        source_id: text(),
        email: some(),
        first_name: some(),
        last_name: some(),
        phone: some(),
        company: some(),
        born_on: NaiveDate::from_ymd_opt(1970, 1, 1),
        gender: some(),
        locale: some(),
        registered: Some(true),
        enabled: Some(true),
        addresses: vec![address()],
        groups: vec![text()],
        tags: vec![text()],
        consents: vec![Consent {
            channel: ConsentChannel::Email,
            state: ConsentState::Given,
            given_at: Some(instant()),
            origin: some(),
            network_address: some(),
            text: some(),
        }],
        tax_ids: tax_ids(),
        tax_exempt: Some(true),
        store_credits: vec![StoreCredit { balance: money(), expires_at: Some(instant()) }],
        password_hash: some(),
        note: some(),
        total_spent: some(),
        orders_count: Some(1),
        created_at: Some(instant()),
        updated_at: Some(instant()),
        custom_fields: custom_fields(),
        unknown: unknown(),
    }
}

fn coupon(value: CouponValue) -> Coupon {
    Coupon {
        source_id: text(),
        code: some(),
        title: some(),
        value,
        subtotal_min: vec![money()],
        uses_max: Some(1),
        uses_per_customer_max: Some(1),
        uses: Some(1),
        products: vec![text()],
        categories: vec![text()],
        customer_groups: vec![text()],
        starts_at: Some(instant()),
        ends_at: Some(instant()),
        enabled: Some(true),
        unknown: unknown(),
    }
}

fn gift_card() -> GiftCard {
    GiftCard {
        source_id: text(),
        code: some(),
        initial: Some(money()),
        balance: money(),
        customer: some(),
        order: some(),
        expires_at: Some(instant()),
        enabled: Some(true),
        unknown: unknown(),
    }
}

fn taxes() -> Vec<AppliedTax> {
    vec![AppliedTax { title: some(), rate_percent: Some(decimal()), money: money() }]
}

fn order_address() -> Option<OrderAddress> {
    Some(OrderAddress { full_name: some(), address: address() })
}

fn order_line() -> OrderLine {
    OrderLine {
        source_id: text(),
        position: 1,
        product: some(),
        variant: some(),
        sku: some(),
        title: text(),
        vendor: some(),
        quantity: decimal(),
        unit_price: money(),
        compare_at_price: Some(money()),
        discount: Some(money()),
        taxes: taxes(),
        taxable: Some(true),
        requires_shipping: Some(true),
        fulfilment_state: some(),
        properties: custom_fields(),
        unknown: unknown(),
    }
}

fn order() -> Order {
    Order {
        source_id: text(),
        number: text(),
        store: some(),
        state: OrderState::Open,
        financial_status: some(),
        fulfilment_status: some(),
        customer: some(),
        email: some(),
        phone: some(),
        guest: Some(true),
        currency: currency(),
        rates: vec![CurrencyRate { currency: currency(), rate: decimal() }],
        taxes_included: Some(true),
        lines: vec![order_line()],
        taxes: taxes(),
        adjustments: vec![Adjustment {
            kind: AdjustmentKind::Discount,
            code: some(),
            title: some(),
            money: money(),
        }],
        shipping_lines: vec![ShippingLine { title: some(), money: money(), taxes: taxes() }],
        billing_address: order_address(),
        shipping_address: order_address(),
        subtotal: money(),
        shipping_total: money(),
        tax_total: money(),
        discount_total: money(),
        total: money(),
        refunded_total: money(),
        payments: vec![Payment {
            source_id: some(),
            method: some(),
            reference: some(),
            state: PaymentState::Captured,
            money: money(),
            paid_at: Some(instant()),
        }],
        refunds: vec![Refund {
            source_id: some(),
            money: money(),
            reason: some(),
            refunded_at: Some(instant()),
            lines: vec![RefundLine {
                line: text(),
                quantity: decimal(),
                money: Some(money()),
                restocked: Some(true),
            }],
        }],
        fulfilments: vec![Fulfilment {
            source_id: some(),
            state: some(),
            carrier: some(),
            tracking_numbers: vec![text()],
            sent_at: Some(instant()),
            lines: vec![FulfilmentLine { line: text(), quantity: decimal() }],
        }],
        invoices: vec![Invoice {
            kind: InvoiceKind::Invoice,
            number: text(),
            money: Some(money()),
            issued_at: Some(instant()),
        }],
        history: vec![StatusChange {
            status: text(),
            changed_at: Some(instant()),
            actor: some(),
            comment: some(),
            customer_notified: Some(true),
        }],
        notes: vec![OrderNote {
            text: text(),
            visible_to_customer: true,
            written_at: Some(instant()),
        }],
        tags: vec![text()],
        channel: some(),
        placed_at: instant(),
        paid_at: Some(instant()),
        cancelled_at: Some(instant()),
        custom_fields: custom_fields(),
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
    }
}

fn url() -> Url {
    Url {
        source_id: text(),
        path: text(),
        scope: Some(Scope::Locale("de".to_owned())),
        shows_kind: Some(Kind::Product),
        shows_source_id: some(),
        redirect: Some(Redirect { target: text(), status: 301 }),
        unknown: unknown(),
    }
}
