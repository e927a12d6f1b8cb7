//! What Medusa cannot hold as its own, and its limits.

use cartage_model::{Kind, Limit, Loss};

const fn kept(kind: Kind, field: &'static str, about: &'static str) -> Loss {
    Loss { kind, field, kept_as_metadata: true, about, shown_by: &[] }
}

const fn lost(kind: Kind, field: &'static str, about: &'static str) -> Loss {
    Loss { kind, field, kept_as_metadata: false, about, shown_by: &[] }
}

/// The same loss, shown by other paths than the field it is about.
const fn shown_by(mut loss: Loss, paths: &'static [&'static str]) -> Loss {
    loss.shown_by = paths;
    loss
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
    shown_by(
        kept(
            Kind::Category,
            "title.scoped",
            "Narrower scopes' texts have no field; translations are an add-on.",
        ),
        &["title.scoped", "description_html.scoped", "slug.scoped"],
    ),
    kept(Kind::Category, "visible_scoped", "A category is visible everywhere or nowhere."),
    shown_by(
        kept(Kind::Category, "assigned", "Categories belong to the whole shop."),
        &["assigned.value=false", "assigned.scoped.value=false"],
    ),
    kept(Kind::Category, "in_menu", "Menus are the storefront's."),
    shown_by(
        kept(Kind::Category, "rules", "Categories are lists in no order of their own, not rules."),
        &["rules", "sort_order"],
    ),
    shown_by(
        kept(Kind::Category, "created_at", "Medusa writes its own times."),
        &["created_at", "updated_at"],
    ),
    kept(Kind::Category, "custom_fields", "Fields of the merchant's own."),
    kept(Kind::Collection, "description_html", "Collections have a title and a handle only."),
    kept(Kind::Collection, "seo", "Collections have a title and a handle only."),
    kept(Kind::Collection, "image", "Collections have a title and a handle only."),
    kept(Kind::Collection, "rules", "Collections are lists, not rules."),
    shown_by(
        kept(Kind::Collection, "members.position", "Products have no place within a collection."),
        &["members.position", "sort_order"],
    ),
    shown_by(
        kept(
            Kind::Collection,
            "title.scoped",
            "Narrower scopes' texts have no field; translations are an add-on.",
        ),
        &["title.scoped", "slug.scoped"],
    ),
    shown_by(
        kept(
            Kind::Collection,
            "visible",
            "Collections cannot be hidden: one that was hidden is seen.",
        ),
        &["visible.value=false", "visible.scoped"],
    ),
    shown_by(
        kept(Kind::Collection, "assigned", "Collections belong to the whole shop."),
        &["assigned.value=false", "assigned.scoped.value=false"],
    ),
    kept(Kind::Collection, "collection_type", "Collections are of one type."),
    shown_by(
        kept(Kind::Collection, "created_at", "Medusa writes its own times."),
        &["created_at", "updated_at", "published_at"],
    ),
    kept(Kind::Collection, "custom_fields", "Fields of the merchant's own."),
    kept(
        Kind::Product,
        "collections",
        "A product is in one collection; the others are kept as source ids.",
    ),
    shown_by(
        lost(Kind::Product, "collections.position", "Products have no place within a collection."),
        &["collections.position", "collections.primary", "collections.unknown"],
    ),
    shown_by(
        lost(
            Kind::Product,
            "categories.position",
            "Products have no place within a category, and no main one.",
        ),
        &["categories.position", "categories.primary", "categories.unknown"],
    ),
    shown_by(
        kept(
            Kind::Product,
            "images.hidden",
            "Pictures cannot be hidden: one that is hidden in the whole shop is not published, and its address is kept; one hidden in a part of it is seen.",
        ),
        &["images.hidden.value=true", "images.hidden.scoped"],
    ),
    shown_by(
        lost(
            Kind::Product,
            "images.roles",
            "The first picture stands in front; pictures have no other use and no fields of their own.",
        ),
        &["images.roles", "images.unknown"],
    ),
    shown_by(
        lost(
            Kind::Product,
            "options.values.swatch",
            "Options are texts: colours, pictures and the way of choosing are not brought in.",
        ),
        &["options.values.swatch", "options.input", "options.unknown", "options.values.unknown"],
    ),
    kept(Kind::Product, "images.alt_text", "Pictures have no alt texts."),
    kept(Kind::Product, "seo", "Products have no texts for search engines."),
    kept(Kind::Product, "vendor", "Products have no brand."),
    shown_by(
        kept(
            Kind::Product,
            "status",
            "There is no archived status: archived products become drafts.",
        ),
        &["status=archived"],
    ),
    kept(
        Kind::Product,
        "status_scoped",
        "A product has one status; that of the whole shop is taken.",
    ),
    kept(Kind::Product, "visibility", "Whatever is published stands in lists and in the search."),
    shown_by(
        kept(Kind::Product, "assigned", "Every product goes to the one sales channel of the run."),
        &["assigned.value=false", "assigned.scoped.value=false"],
    ),
    kept(Kind::Product, "media", "Products have pictures, no films or files."),
    shown_by(
        kept(
            Kind::Product,
            "product_type",
            "Bundles, downloads and gift cards become plain products.",
        ),
        &[
            "product_type=bundle",
            "product_type=grouped",
            "product_type=downloadable",
            "product_type=virtual",
            "product_type=gift_card",
        ],
    ),
    shown_by(
        kept(
            Kind::Product,
            "bundle_components",
            "A bundle is bought like any product; its parts, choices and terms are kept.",
        ),
        &["bundle_components", "bundle_choices", "bundle_terms"],
    ),
    shown_by(
        kept(Kind::Product, "downloads", "No files come with products."),
        &["downloads", "variants.downloads"],
    ),
    kept(Kind::Product, "attribute_set", "Products are of one make."),
    kept(Kind::Product, "short_description_html", "There is one description."),
    kept(
        Kind::Product,
        "slug",
        "Only lower-case letters, numbers and single hyphens are taken; of a changed address the old one is kept.",
    ),
    shown_by(
        kept(
            Kind::Product,
            "title.scoped",
            "Narrower scopes' texts have no field; translations are an add-on.",
        ),
        &[
            "title.scoped",
            "description_html.scoped",
            "short_description_html.scoped",
            "slug.scoped",
            "variants.title_scoped",
        ],
    ),
    kept(Kind::Product, "custom_fields", "Fields of the merchant's own."),
    kept(Kind::Product, "custom_options", "There are no questions at the time of sale."),
    kept(Kind::Product, "relations", "Products do not refer to each other."),
    shown_by(
        kept(Kind::Product, "published_at", "Medusa writes its own times."),
        &["published_at", "published_at_scoped"],
    ),
    shown_by(
        kept(Kind::Product, "created_at", "Medusa writes its own times."),
        &["created_at", "updated_at"],
    ),
    kept(Kind::Product, "new_until", "Products are not marked as new."),
    shown_by(
        kept(
            Kind::Product,
            "variants.enabled",
            "Variants cannot be switched off: one that could not be bought can be bought.",
        ),
        &["variants.enabled.value=false", "variants.enabled.scoped"],
    ),
    shown_by(
        kept(Kind::Product, "variants.prices.cost", "Variants have no cost price."),
        &["variants.prices.kind=cost"],
    ),
    shown_by(
        kept(Kind::Product, "variants.prices.msrp", "Variants have no struck-through price."),
        &["variants.prices.kind=msrp"],
    ),
    shown_by(
        kept(
            Kind::Product,
            "variants.prices.special",
            "Special, tier and market prices, and those of some buyers, are kept, not applied.",
        ),
        &[
            "variants.prices.kind=special",
            "variants.prices.kind=tier",
            "variants.prices.scope",
            "variants.prices.starts_at",
            "variants.prices.ends_at",
            "variants.prices.quantity_min",
            "variants.prices.quantity_max",
            "variants.prices.customer_group",
            "variants.prices.company",
            "variants.prices.customer",
            "variants.prices.country_code",
            "variants.prices.price_list",
            "variants.prices.unknown",
        ],
    ),
    shown_by(
        lost(
            Kind::Product,
            "variants.prices.includes_tax",
            "Whether prices contain tax is a setting of regions; what was taken off in percent is only in the amount.",
        ),
        &["variants.prices.includes_tax", "variants.prices.percent_off"],
    ),
    shown_by(
        kept(
            Kind::Product,
            "variants.image_url",
            "The pictures of a variant are kept as their addresses.",
        ),
        &["variants.image_url", "variants.image_urls"],
    ),
    shown_by(
        kept(Kind::Product, "variants.taxable", "Taxation follows tax regions."),
        &["variants.taxable=false"],
    ),
    shown_by(
        kept(Kind::Product, "variants.tax_class", "Taxation follows tax regions."),
        &["variants.tax_class", "variants.tax_class_scoped"],
    ),
    shown_by(
        kept(Kind::Product, "variants.requires_shipping", "Sending follows shipping profiles."),
        &["variants.requires_shipping=false", "variants.shipping_class"],
    ),
    kept(
        Kind::Product,
        "variants.identifiers",
        "Variants have one barcode; other numbers are kept.",
    ),
    shown_by(
        kept(
            Kind::Product,
            "variants.quantity_min",
            "Orders have no least, most or steps of pieces.",
        ),
        &["variants.quantity_min", "variants.quantity_max", "variants.quantity_step"],
    ),
    kept(Kind::Product, "variants.available_at", "Nothing is sold in advance."),
    kept(Kind::Product, "variants.custom_fields", "Fields of the merchant's own."),
    kept(Kind::Product, "variants.fulfilment_service", "Sending follows shipping profiles."),
    kept(
        Kind::Product,
        "variants.stock",
        "Stock below zero becomes zero; stock that is not counted is kept as metadata.",
    ),
    shown_by(
        lost(
            Kind::Product,
            "variants.stock.reserved",
            "Medusa counts what its own orders reserve; what was promised or is coming in the source, and from when on it warned, is not brought in.",
        ),
        &[
            "variants.stock.reserved",
            "variants.stock.incoming",
            "variants.stock.low_at",
            "variants.stock.unknown",
        ],
    ),
    kept(Kind::CustomerGroup, "tax_class", "Groups have no tax class."),
    kept(Kind::CustomerGroup, "rules", "Groups are lists of customers, not rules."),
    kept(Kind::CustomerGroup, "percent_off", "Groups have no discount of their own."),
    kept(Kind::CustomerGroup, "prices_include_tax", "Groups see the prices all see."),
    kept(Kind::CustomerGroup, "title_scoped", "A group has one name."),
    kept(Kind::CustomerGroup, "custom_fields", "Fields of the merchant's own."),
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
    shown_by(
        kept(Kind::Customer, "enabled", "Customers cannot be switched off."),
        &["enabled=false"],
    ),
    kept(Kind::Customer, "scope", "Customers belong to the whole shop."),
    shown_by(
        kept(
            Kind::Customer,
            "name_prefix",
            "A name has two parts; titles, middle names and suffixes are kept.",
        ),
        &[
            "name_prefix",
            "middle_name",
            "name_suffix",
            "addresses.name_prefix",
            "addresses.middle_name",
            "addresses.name_suffix",
        ],
    ),
    kept(Kind::Customer, "email_verified", "Addresses are not proven."),
    kept(Kind::Customer, "default_group", "A customer is in groups, none of them the main one."),
    shown_by(
        kept(Kind::Customer, "born_on", "Customers have no such fields."),
        &["born_on", "gender", "locale"],
    ),
    shown_by(
        kept(Kind::Customer, "custom_fields", "Fields of the merchant's own."),
        &["custom_fields", "addresses.custom_fields"],
    ),
    kept(Kind::Customer, "addresses.more_lines", "A street has two lines."),
    shown_by(
        kept(Kind::Customer, "addresses.email", "Addresses have no e-mail and no tax number."),
        &["addresses.email", "addresses.tax_ids"],
    ),
    kept(Kind::Customer, "consents", "Consents are kept with their proof."),
    kept(Kind::Customer, "tax_ids", "Customers have no tax number."),
    shown_by(
        kept(Kind::Customer, "tax_exempt", "Customers have no exemption."),
        &["tax_exempt=true"],
    ),
    kept(Kind::Customer, "note", "Customers have no note."),
    kept(Kind::Customer, "tags", "Customers have no tags."),
    kept(Kind::Customer, "store_credits", "Customers have no balance."),
    shown_by(
        kept(Kind::Customer, "created_at", "Medusa writes its own times."),
        &["created_at", "updated_at"],
    ),
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
    kept(Kind::Order, "lines.parent_line", "Lines are not parts of other lines."),
    shown_by(
        kept(
            Kind::Order,
            "lines.discount",
            "Discounts are lines of their own with a negative price.",
        ),
        &["lines.discount", "lines.adjustments", "shipping_lines.discount"],
    ),
    kept(Kind::Order, "lines.total", "Medusa counts the sum of a line itself."),
    shown_by(
        kept(
            Kind::Order,
            "lines.options",
            "Lines have a title, a number, a price and a quantity; all else is kept.",
        ),
        &[
            "lines.options",
            "lines.product_type",
            "lines.cost",
            "lines.compare_at_price",
            "lines.tax_class",
            "lines.weight",
            "lines.gift_cards",
            "lines.downloads",
            "lines.properties",
            "lines.fulfilment_state",
        ],
    ),
    shown_by(
        kept(Kind::Order, "shipping_lines.code", "The way of sending has a title and a price."),
        &["shipping_lines.code", "shipping_lines.carrier", "shipping_lines.unknown"],
    ),
    shown_by(
        kept(Kind::Order, "scope", "Orders belong to the whole shop."),
        &["scope", "store", "number_prefix"],
    ),
    shown_by(
        kept(Kind::Order, "company", "Orders have a customer, no company."),
        &["company", "purchase_order_number", "payment_terms", "tax_ids"],
    ),
    shown_by(
        kept(Kind::Order, "locale", "Orders do not say whence they came."),
        &["locale", "network_address", "channel"],
    ),
    kept(Kind::Order, "rates", "An order has one currency; rates are kept."),
    shown_by(
        kept(Kind::Order, "paid_at", "Medusa writes its own times."),
        &["paid_at", "cancelled_at", "closed_at", "updated_at"],
    ),
    kept(Kind::Order, "custom_fields", "Fields of the merchant's own."),
    shown_by(
        kept(
            Kind::Order,
            "billing_address.province_code",
            "An address has two names, two lines, and one text for the province; all else is kept.",
        ),
        &[
            "billing_address.province_code",
            "billing_address.full_name",
            "billing_address.label",
            "billing_address.name_prefix",
            "billing_address.middle_name",
            "billing_address.name_suffix",
            "billing_address.more_lines",
            "billing_address.email",
            "billing_address.tax_ids",
            "billing_address.custom_fields",
        ],
    ),
    shown_by(
        kept(
            Kind::Order,
            "shipping_address.province_code",
            "An address has two names, two lines, and one text for the province; all else is kept.",
        ),
        &[
            "shipping_address.province_code",
            "shipping_address.full_name",
            "shipping_address.label",
            "shipping_address.name_prefix",
            "shipping_address.middle_name",
            "shipping_address.name_suffix",
            "shipping_address.more_lines",
            "shipping_address.email",
            "shipping_address.tax_ids",
            "shipping_address.custom_fields",
        ],
    ),
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
    shown_by(
        kept(Kind::Order, "guest", "An order by an unknown address makes a guest customer."),
        &["guest=true"],
    ),
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
