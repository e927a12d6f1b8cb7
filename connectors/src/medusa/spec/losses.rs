//! What Medusa cannot hold as its own, and its limits.

use cartage_model::{Kind, Limit, Loss};

const fn kept(kind: Kind, field: &'static str, about: &'static str) -> Loss {
    Loss { kind, field, kept_as_metadata: true, about }
}

const fn lost(kind: Kind, field: &'static str, about: &'static str) -> Loss {
    Loss { kind, field, kept_as_metadata: false, about }
}

/// Said before a run.
pub(crate) const LOSSES: &[Loss] = &[
    kept(Kind::Category, "seo", "Categories have no texts for search engines."),
    kept(Kind::Category, "image", "Categories have no picture."),
    kept(
        Kind::Category,
        "position",
        "Medusa counts ranks anew per parent, in the order of arrival.",
    ),
    kept(
        Kind::Category,
        "title.scoped",
        "Narrower scopes' texts have no field; translations are an add-on.",
    ),
    kept(Kind::Collection, "description_html", "Collections have a title and a handle only."),
    kept(Kind::Collection, "seo", "Collections have a title and a handle only."),
    kept(Kind::Collection, "image", "Collections have a title and a handle only."),
    kept(Kind::Collection, "rules", "Collections are lists, not rules."),
    kept(Kind::Collection, "members.position", "Products have no place within a collection."),
    kept(
        Kind::Product,
        "collections",
        "A product is in one collection; the others are kept as source ids.",
    ),
    kept(Kind::Product, "collections.position", "Products have no place within a collection."),
    kept(Kind::Product, "images.alt_text", "Pictures have no alt texts."),
    kept(Kind::Product, "seo", "Products have no texts for search engines."),
    kept(Kind::Product, "vendor", "Products have no brand."),
    kept(Kind::Product, "status", "There is no archived status: archived products become drafts."),
    lost(
        Kind::Product,
        "status_scoped",
        "A product has one status; that of the whole shop is taken.",
    ),
    lost(Kind::Product, "visibility", "Whatever is published stands in lists and in the search."),
    kept(Kind::Product, "assigned", "Every product goes to the one sales channel of the run."),
    lost(Kind::Product, "media", "Products have pictures, no films or files."),
    kept(Kind::Product, "product_type", "Bundles, downloads and gift cards become plain products."),
    kept(Kind::Product, "short_description_html", "There is one description."),
    kept(
        Kind::Product,
        "slug",
        "Only lower-case letters, numbers and single hyphens are taken; of a changed address the old one is kept.",
    ),
    kept(
        Kind::Product,
        "title.scoped",
        "Narrower scopes' texts have no field; translations are an add-on.",
    ),
    kept(Kind::Product, "custom_fields", "Fields of the merchant's own."),
    kept(Kind::Product, "custom_options", "There are no questions at the time of sale."),
    kept(Kind::Product, "relations", "Products do not refer to each other."),
    kept(Kind::Product, "published_at", "Medusa writes its own times."),
    kept(Kind::Product, "created_at", "Medusa writes its own times."),
    kept(Kind::Product, "variants.prices.cost", "Variants have no cost price."),
    kept(Kind::Product, "variants.prices.msrp", "Variants have no struck-through price."),
    kept(
        Kind::Product,
        "variants.prices.special",
        "Special, tier and market prices are kept, not applied.",
    ),
    kept(Kind::Product, "variants.image_url", "The picture of a variant is kept as its address."),
    kept(Kind::Product, "variants.taxable", "Taxation follows tax regions."),
    kept(Kind::Product, "variants.tax_class", "Taxation follows tax regions."),
    kept(Kind::Product, "variants.requires_shipping", "Sending follows shipping profiles."),
    kept(Kind::Product, "variants.fulfilment_service", "Sending follows shipping profiles."),
    kept(
        Kind::Product,
        "variants.stock",
        "Stock below zero becomes zero; stock that is not counted is kept as metadata.",
    ),
    kept(Kind::CustomerGroup, "tax_class", "Groups have no tax class."),
    lost(
        Kind::Customer,
        "password_hash",
        "No password can be brought in: customers set a new one.",
    ),
    kept(
        Kind::Customer,
        "registered",
        "Accounts cannot be made through the API: all become guests until they register.",
    ),
    kept(Kind::Customer, "enabled", "Customers cannot be switched off."),
    kept(Kind::Customer, "consents", "Consents are kept with their proof."),
    kept(Kind::Customer, "tax_ids", "Customers have no tax number."),
    kept(Kind::Customer, "tax_exempt", "Customers have no exemption."),
    kept(Kind::Customer, "note", "Customers have no note."),
    kept(Kind::Customer, "tags", "Customers have no tags."),
    kept(Kind::Customer, "store_credits", "Customers have no balance."),
    kept(Kind::Customer, "created_at", "Medusa writes its own times."),
    kept(Kind::Customer, "addresses.province_code", "An address has one text for the province."),
    kept(Kind::Order, "number", "Medusa counts its own order numbers; the old one is kept."),
    kept(Kind::Order, "placed_at", "Medusa writes its own times; the old one is kept."),
    kept(Kind::Order, "financial_status", "The payment status follows payments and refunds."),
    kept(Kind::Order, "fulfilment_status", "Parcels need shipping options; what was sent is kept."),
    kept(Kind::Order, "fulfilments", "Parcels need shipping options; what was sent is kept."),
    kept(
        Kind::Order,
        "lines.variant",
        "Lines are not tied to variants, so that old orders reserve no stock; the variant's id is kept.",
    ),
    lost(Kind::Order, "lines.parent_line", "Lines are not parts of other lines."),
    kept(Kind::Order, "lines.discount", "Discounts are lines of their own with a negative price."),
    kept(Kind::Order, "adjustments", "Discounts and fees are lines of their own."),
    kept(
        Kind::Order,
        "tax_total",
        "Tax on top is a line of its own; tax contained in prices is a line of zero that says it.",
    ),
    kept(Kind::Order, "taxes", "Rates are kept; the sum is a line."),
    kept(Kind::Order, "payments", "All payments are one; methods and references are kept."),
    kept(Kind::Order, "refunds", "All refunds are one; reasons and lines are kept."),
    kept(
        Kind::Order,
        "state",
        "A cancelled order that was paid and not fully refunded stays open, because cancelling would refund it.",
    ),
    kept(Kind::Order, "notes", "Orders have no notes."),
    kept(Kind::Order, "tags", "Orders have no tags."),
    kept(Kind::Order, "invoices", "Orders have no documents."),
    kept(Kind::Order, "history", "Orders have no history that can be written."),
    kept(Kind::Order, "guest", "An order by an unknown address makes a guest customer."),
];

const SEEN: &str = "seen on a real Medusa 2.21.2";

const fn limit(name: &'static str, value: i64, unit: &'static str) -> Limit {
    Limit { name, value, unit, source: SEEN, read_on: "2026-11-23" }
}

/// Its limits.
pub(crate) const LIMITS: &[Limit] = &[
    limit("request.body_size_max", 102_400, "bytes"),
    limit("request.address_size_max", 16_384, "bytes"),
    limit("product.batch_size_max", 50, "records"),
    limit("product.collections_max", 1, "records"),
    limit("product.variants.weight_g.digits_max", 6, "digits"),
    Limit {
        name: "customer.email.length_max",
        value: 254,
        unit: "characters",
        source: "RFC 5321, 4.5.3.1; Medusa itself sets none",
        read_on: "2026-11-23",
    },
];
