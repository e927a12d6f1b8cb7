//! The fields of each kind.

use cartage_model::{
    FieldSpec,
    FieldType::{self, Any, Boolean, Decimal, Instant, List, Object, Set, Text},
    Kind,
};

/// The fields of a kind; none for a kind Medusa does not take.
pub(crate) const fn schema(kind: Kind) -> &'static [FieldSpec] {
    match kind {
        Kind::Category => CATEGORY,
        Kind::Collection => COLLECTION,
        Kind::Product => PRODUCT,
        Kind::CustomerGroup => CUSTOMER_GROUP,
        Kind::Customer => CUSTOMER,
        Kind::Order => ORDER,
        Kind::Company
        | Kind::Coupon
        | Kind::GiftCard
        | Kind::Review
        | Kind::Page
        | Kind::Post
        | Kind::Url => &[],
    }
}

const fn field(path: &'static str, field_type: FieldType, about: &'static str) -> FieldSpec {
    FieldSpec { path, field_type, required: false, length_max: None, personal: false, about }
}

const fn required(mut spec: FieldSpec) -> FieldSpec {
    spec.required = true;
    spec
}

const fn person(path: &'static str, field_type: FieldType, about: &'static str) -> FieldSpec {
    FieldSpec { path, field_type, required: false, length_max: None, personal: true, about }
}

const CATEGORY: &[FieldSpec] = &[
    required(field("name", Text, "The category's name.")),
    field("handle", Text, "The last part of its address; made from the name where absent."),
    field("description", Text, "Its description as HTML."),
    field("parent", Text, "The source id of the category above."),
    field("is_active", Boolean, "Whether visitors see it; true where absent."),
    field("metadata.*", Any, "Everything Medusa has no field for."),
];

const COLLECTION: &[FieldSpec] = &[
    required(field("title", Text, "The collection's name.")),
    field("handle", Text, "The last part of its address; made from the title where absent."),
    field("metadata.*", Any, "Everything Medusa has no field for."),
];

const CUSTOMER_GROUP: &[FieldSpec] = &[
    required(field("name", Text, "The group's name.")),
    field("metadata.*", Any, "Everything Medusa has no field for."),
];

const PRODUCT: &[FieldSpec] = &[
    required(field("title", Text, "The product's name.")),
    field("subtitle", Text, "A line below the name."),
    field("description", Text, "Its description as HTML."),
    field(
        "handle",
        Text,
        "The last part of its address: lower-case letters, numbers and single hyphens.",
    ),
    required(field("status", Text, "`published` or `draft`.")),
    field(
        "images",
        List,
        "Addresses of its pictures, in order; a list of canonical images is taken too.",
    ),
    field("type", Text, "What it is, in the merchant's word."),
    field("tags", Set, "Free words."),
    field(
        "collections",
        Set,
        "Source ids of its collections; Medusa links the first, the others are kept as metadata.",
    ),
    field("categories", Set, "Source ids of its categories."),
    field(
        "options",
        List,
        "In what the variants differ: title and values; canonical options are taken too.",
    ),
    field("variants[].source_id", Text, "The variant's id in the source, kept as metadata."),
    field("variants[].title", Text, "The variant's title; made from its options where absent."),
    field("variants[].sku", Text, "The article number, unique in the shop."),
    field("variants[].barcode", Text, "GTIN, EAN, UPC or ISBN, unique in the shop."),
    field(
        "variants[].options",
        Object,
        "Its value per option title; canonical selected options are taken too.",
    ),
    field(
        "variants[].prices",
        Set,
        "Currency code and amount; of canonical prices the plain regular ones are taken, the others are kept as metadata.",
    ),
    field(
        "variants[].weight_g",
        Decimal,
        "Its weight in grams, six significant digits; a canonical weight is taken too.",
    ),
    field("variants[].length_cm", Decimal, "Length in centimetres."),
    field("variants[].width_cm", Decimal, "Width in centimetres."),
    field("variants[].height_cm", Decimal, "Height in centimetres."),
    field("variants[].hs_code", Text, "Its customs tariff number."),
    field("variants[].origin_country", Text, "Its country of origin."),
    field("variants[].manage_inventory", Boolean, "Whether stock is counted."),
    field("variants[].allow_backorder", Boolean, "Whether it may be sold without stock."),
    field("variants[].stock", Set, "Pieces by location; canonical stock is taken too."),
    field("variants[].metadata.*", Any, "Everything Medusa has no field for."),
    field("metadata.*", Any, "Everything Medusa has no field for."),
];

const CUSTOMER: &[FieldSpec] = &[
    FieldSpec {
        length_max: Some(254),
        ..person("email", Text, "The address by which Medusa tells customers apart, lower-cased.")
    },
    person("first_name", Text, "First name."),
    person("last_name", Text, "Last name."),
    person("phone", Text, "Telephone."),
    person("company_name", Text, "Company."),
    person("addresses[].address_name", Text, "What the customer calls it."),
    person("addresses[].first_name", Text, "First name."),
    person("addresses[].last_name", Text, "Last name."),
    person("addresses[].company", Text, "Company."),
    person("addresses[].address_1", Text, "First line of the street."),
    person("addresses[].address_2", Text, "Second line."),
    person("addresses[].city", Text, "Town."),
    person("addresses[].province", Text, "State or province; its code where there is no name."),
    person("addresses[].postal_code", Text, "Postal code."),
    field("addresses[].country_code", Text, "ISO 3166-1 alpha-2 in lower case."),
    person("addresses[].phone", Text, "Telephone."),
    field("addresses[].is_default_shipping", Boolean, "Whether goods go here by default."),
    field("addresses[].is_default_billing", Boolean, "Whether bills go here by default."),
    person("addresses[].metadata.*", Any, "Everything Medusa has no field for."),
    field("groups", Set, "Source ids of the customer's groups."),
    person("metadata.*", Any, "Everything Medusa has no field for."),
];

const ORDER: &[FieldSpec] = &[
    required(field("number", Text, "The number the customer knows, kept as metadata.")),
    required(field("placed_at", Instant, "When it was placed, kept as metadata.")),
    person("email", Text, "E-mail as it was, trimmed and lower-cased."),
    field(
        "customer",
        Text,
        "The buyer's source id; the order is linked to the customer and read back from there.",
    ),
    required(field("currency_code", Text, "ISO 4217 in lower case.")),
    required(field("state", Text, "`open`, `completed` or `cancelled`.")),
    field("financial_status", Text, "As the source names it, kept as metadata."),
    field("fulfilment_status", Text, "As the source names it, kept as metadata."),
    field("taxes_included", Boolean, "Whether line prices include tax, kept as metadata."),
    field("lines[].title", Text, "The name as it was."),
    field("lines[].sku", Text, "The article number as it was."),
    field("lines[].quantity", Decimal, "How many."),
    field("lines[].unit_price", Decimal, "The price of one piece."),
    field("lines[].discount", Decimal, "What was taken off the whole line, kept as metadata."),
    field("lines[].metadata.*", Any, "Everything Medusa has no field for."),
    field("shipping_lines[].title", Text, "The way of sending."),
    field("shipping_lines[].amount", Decimal, "What it cost."),
    field("shipping_lines[].metadata.*", Any, "Everything Medusa has no field for."),
    field("subtotal", Decimal, "Lines after discounts: summed up from Medusa's lines."),
    field("shipping_total", Decimal, "Medusa's own shipping total."),
    field("tax_total", Decimal, "Summed up from Medusa's tax lines."),
    field("discount_total", Decimal, "Summed up from Medusa's discount lines; positive."),
    required(field("total", Decimal, "Medusa's own total at the time of placement.")),
    field(
        "paid_total",
        Decimal,
        "Summed up from Medusa's payments; made from `payments` where absent.",
    ),
    field("refunded_total", Decimal, "Summed up from Medusa's refunds."),
    field("taxes", List, "Taxes per rate, kept as metadata."),
    field(
        "adjustments",
        List,
        "Discounts with codes and fees, kept as metadata; their sums are lines.",
    ),
    field("payments", List, "Payments with methods and references, kept as metadata."),
    field("refunds", List, "Refunds with reasons, kept as metadata; their sum is a refund."),
    person("billing_address.first_name", Text, "First name, or the whole name."),
    person("billing_address.last_name", Text, "Last name."),
    person("billing_address.company", Text, "Company."),
    person("billing_address.address_1", Text, "First line of the street."),
    person("billing_address.address_2", Text, "Second line."),
    person("billing_address.city", Text, "Town."),
    person("billing_address.province", Text, "State or province; its code where there is no name."),
    person("billing_address.postal_code", Text, "Postal code."),
    field("billing_address.country_code", Text, "ISO 3166-1 alpha-2 in lower case."),
    person("billing_address.phone", Text, "Telephone."),
    person("billing_address.metadata.*", Any, "Everything Medusa has no field for."),
    person("shipping_address.first_name", Text, "First name, or the whole name."),
    person("shipping_address.last_name", Text, "Last name."),
    person("shipping_address.company", Text, "Company."),
    person("shipping_address.address_1", Text, "First line of the street."),
    person("shipping_address.address_2", Text, "Second line."),
    person("shipping_address.city", Text, "Town."),
    person(
        "shipping_address.province",
        Text,
        "State or province; its code where there is no name.",
    ),
    person("shipping_address.postal_code", Text, "Postal code."),
    field("shipping_address.country_code", Text, "ISO 3166-1 alpha-2 in lower case."),
    person("shipping_address.phone", Text, "Telephone."),
    person("shipping_address.metadata.*", Any, "Everything Medusa has no field for."),
    person("metadata.*", Any, "Everything Medusa has no field for."),
];
