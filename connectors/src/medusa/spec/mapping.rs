//! The mapping to start with: every canonical field goes somewhere, or is named as a loss.

use std::collections::BTreeMap;

use cartage_model::{FieldRule, Kind, Mapping, OnError, RuleValue};
use serde_json::Value;

/// Rules of one kind that take a value as it is: target field, source path.
type Paths = &'static [(&'static str, &'static str)];

/// The default mapping.
pub(crate) fn default_mapping() -> Mapping {
    let mut rules = Vec::new();
    for (kind, paths) in [
        (Kind::Category, CATEGORY),
        (Kind::Collection, COLLECTION),
        (Kind::Product, PRODUCT),
        (Kind::CustomerGroup, CUSTOMER_GROUP),
        (Kind::Customer, CUSTOMER),
        (Kind::Order, ORDER),
    ] {
        for (target, source) in paths {
            rules.push(rule(kind, target, RuleValue::SourcePath((*source).to_owned())));
        }
    }
    for side in ["billing_address", "shipping_address"] {
        for (target, source) in ORDER_ADDRESS {
            let path = RuleValue::SourcePath(format!("{side}.{source}"));
            rules.push(rule(Kind::Order, &format!("{side}.{target}"), path));
        }
    }
    let entries = [("active", "published"), ("draft", "draft"), ("archived", "draft")]
        .into_iter()
        .map(|(from, to)| (from.to_owned(), Value::from(to)))
        .collect::<BTreeMap<_, _>>();
    let status = RuleValue::ValueMap {
        source_path: "status".to_owned(),
        entries,
        default: Some(Value::from("draft")),
    };
    rules.push(rule(Kind::Product, "status", status));
    Mapping { rules, exclusions: Vec::new() }
}

fn rule(kind: Kind, target: &str, value: RuleValue) -> FieldRule {
    FieldRule { kind, target_field: target.to_owned(), value, on_error: OnError::Quarantine }
}

const CATEGORY: Paths = &[
    ("name", "title.value"),
    ("handle", "slug.value"),
    ("description", "description_html.value"),
    ("parent", "parent"),
    ("is_active", "visible"),
    ("metadata.position", "position"),
    ("metadata.seo_title", "seo.title.value"),
    ("metadata.seo_description", "seo.description.value"),
    ("metadata.seo_keywords", "seo.keywords.value"),
    ("metadata.image", "image"),
    ("metadata.title_by_scope", "title.scoped"),
    ("metadata.description_by_scope", "description_html.scoped"),
    ("metadata.slug_by_scope", "slug.scoped"),
    ("metadata.seo_title_by_scope", "seo.title.scoped"),
    ("metadata.seo_description_by_scope", "seo.description.scoped"),
    ("metadata.seo_keywords_by_scope", "seo.keywords.scoped"),
    ("metadata.seo_canonical_url", "seo.canonical_url"),
    ("metadata.seo_robots", "seo.robots"),
    ("metadata.visible_by_scope", "visible_scoped"),
    ("metadata.assigned", "assigned"),
    ("metadata.in_menu", "in_menu"),
    ("metadata.rules", "rules"),
    ("metadata.sort_order", "sort_order"),
    ("metadata.created_at", "created_at.utc"),
    ("metadata.updated_at", "updated_at.utc"),
    ("metadata.custom_fields", "custom_fields"),
    ("metadata.unknown", "unknown"),
];

const COLLECTION: Paths = &[
    ("title", "title.value"),
    ("handle", "slug.value"),
    ("metadata.description", "description_html.value"),
    ("metadata.seo_title", "seo.title.value"),
    ("metadata.seo_description", "seo.description.value"),
    ("metadata.seo_keywords", "seo.keywords.value"),
    ("metadata.rules", "rules"),
    ("metadata.sort_order", "sort_order"),
    ("metadata.members", "members"),
    ("metadata.image", "image"),
    ("metadata.title_by_scope", "title.scoped"),
    ("metadata.description_by_scope", "description_html.scoped"),
    ("metadata.slug_by_scope", "slug.scoped"),
    ("metadata.seo_title_by_scope", "seo.title.scoped"),
    ("metadata.seo_description_by_scope", "seo.description.scoped"),
    ("metadata.seo_keywords_by_scope", "seo.keywords.scoped"),
    ("metadata.seo_canonical_url", "seo.canonical_url"),
    ("metadata.seo_robots", "seo.robots"),
    ("metadata.collection_type", "collection_type"),
    ("metadata.visible", "visible"),
    ("metadata.assigned", "assigned"),
    ("metadata.published_at", "published_at.utc"),
    ("metadata.created_at", "created_at.utc"),
    ("metadata.updated_at", "updated_at.utc"),
    ("metadata.custom_fields", "custom_fields"),
    ("metadata.unknown", "unknown"),
];

const CUSTOMER_GROUP: Paths = &[
    ("name", "title"),
    ("metadata.tax_class", "tax_class"),
    ("metadata.title_by_scope", "title_scoped"),
    ("metadata.rules", "rules"),
    ("metadata.percent_off", "percent_off"),
    ("metadata.prices_include_tax", "prices_include_tax"),
    ("metadata.custom_fields", "custom_fields"),
    ("metadata.unknown", "unknown"),
];

const PRODUCT: Paths = &[
    ("title", "title.value"),
    ("description", "description_html.value"),
    ("handle", "slug.value"),
    ("images", "images"),
    ("type", "merchandise_type"),
    ("tags", "tags"),
    ("collections", "collections"),
    ("categories", "categories"),
    ("options", "options"),
    ("variants[].source_id", "variants[].source_id"),
    ("variants[].title", "variants[].title"),
    ("variants[].sku", "variants[].sku"),
    ("variants[].barcode", "variants[].barcode"),
    ("variants[].options", "variants[].options"),
    ("variants[].prices", "variants[].prices"),
    ("variants[].weight_g", "variants[].weight"),
    ("variants[].length_cm", "variants[].dimensions.length_cm"),
    ("variants[].width_cm", "variants[].dimensions.width_cm"),
    ("variants[].height_cm", "variants[].dimensions.height_cm"),
    ("variants[].hs_code", "variants[].harmonised_system_code"),
    ("variants[].origin_country", "variants[].origin_country"),
    ("variants[].manage_inventory", "variants[].stock_tracked"),
    ("variants[].allow_backorder", "variants[].backorder_allowed"),
    ("variants[].stock", "variants[].stock"),
    ("variants[].metadata.requires_shipping", "variants[].requires_shipping"),
    ("variants[].metadata.taxable", "variants[].taxable"),
    ("variants[].metadata.tax_class", "variants[].tax_class"),
    ("variants[].metadata.fulfilment_service", "variants[].fulfilment_service"),
    ("variants[].metadata.image_url", "variants[].image_url"),
    ("variants[].metadata.title_by_scope", "variants[].title_scoped"),
    ("variants[].metadata.enabled", "variants[].enabled"),
    ("variants[].metadata.tax_class_by_scope", "variants[].tax_class_scoped"),
    ("variants[].metadata.identifiers", "variants[].identifiers"),
    ("variants[].metadata.image_urls", "variants[].image_urls"),
    ("variants[].metadata.downloads", "variants[].downloads"),
    ("variants[].metadata.quantity_min", "variants[].quantity_min"),
    ("variants[].metadata.quantity_max", "variants[].quantity_max"),
    ("variants[].metadata.quantity_step", "variants[].quantity_step"),
    ("variants[].metadata.shipping_class", "variants[].shipping_class"),
    ("variants[].metadata.available_at", "variants[].available_at.utc"),
    ("variants[].metadata.custom_fields", "variants[].custom_fields"),
    ("variants[].metadata.unknown", "variants[].unknown"),
    ("metadata.vendor", "vendor"),
    ("metadata.product_type", "product_type"),
    ("metadata.source_status", "status"),
    ("metadata.assigned", "assigned"),
    ("metadata.short_description", "short_description_html.value"),
    ("metadata.seo_title", "seo.title.value"),
    ("metadata.seo_description", "seo.description.value"),
    ("metadata.seo_keywords", "seo.keywords.value"),
    ("metadata.title_by_scope", "title.scoped"),
    ("metadata.description_by_scope", "description_html.scoped"),
    ("metadata.short_description_by_scope", "short_description_html.scoped"),
    ("metadata.slug_by_scope", "slug.scoped"),
    ("metadata.seo_title_by_scope", "seo.title.scoped"),
    ("metadata.seo_description_by_scope", "seo.description.scoped"),
    ("metadata.relations", "relations"),
    ("metadata.bundle_components", "bundle_components"),
    ("metadata.downloads", "downloads"),
    ("metadata.custom_options", "custom_options"),
    ("metadata.seo_keywords_by_scope", "seo.keywords.scoped"),
    ("metadata.seo_canonical_url", "seo.canonical_url"),
    ("metadata.seo_robots", "seo.robots"),
    ("metadata.status_by_scope", "status_scoped"),
    ("metadata.visibility", "visibility"),
    ("metadata.published_at_by_scope", "published_at_scoped"),
    ("metadata.media", "media"),
    ("metadata.bundle_choices", "bundle_choices"),
    ("metadata.bundle_terms", "bundle_terms"),
    ("metadata.attribute_set", "attribute_set"),
    ("metadata.custom_fields", "custom_fields"),
    ("metadata.published_at", "published_at.utc"),
    ("metadata.created_at", "created_at.utc"),
    ("metadata.updated_at", "updated_at.utc"),
    ("metadata.new_until", "new_until"),
    ("metadata.unknown", "unknown"),
];

const CUSTOMER: Paths = &[
    ("email", "email"),
    ("first_name", "first_name"),
    ("last_name", "last_name"),
    ("phone", "phone"),
    ("company_name", "company"),
    ("addresses[].address_name", "addresses[].label"),
    ("addresses[].first_name", "addresses[].first_name"),
    ("addresses[].last_name", "addresses[].last_name"),
    ("addresses[].company", "addresses[].company"),
    ("addresses[].address_1", "addresses[].line1"),
    ("addresses[].address_2", "addresses[].line2"),
    ("addresses[].city", "addresses[].city"),
    ("addresses[].province", "addresses[].province"),
    ("addresses[].postal_code", "addresses[].postal_code"),
    ("addresses[].country_code", "addresses[].country_code"),
    ("addresses[].phone", "addresses[].phone"),
    ("addresses[].is_default_shipping", "addresses[].default_shipping"),
    ("addresses[].is_default_billing", "addresses[].default_billing"),
    ("addresses[].metadata.source_id", "addresses[].source_id"),
    ("addresses[].metadata.province_code", "addresses[].province_code"),
    ("addresses[].metadata.country", "addresses[].country"),
    ("addresses[].metadata.name_prefix", "addresses[].name_prefix"),
    ("addresses[].metadata.middle_name", "addresses[].middle_name"),
    ("addresses[].metadata.name_suffix", "addresses[].name_suffix"),
    ("addresses[].metadata.more_lines", "addresses[].more_lines"),
    ("addresses[].metadata.email", "addresses[].email"),
    ("addresses[].metadata.tax_ids", "addresses[].tax_ids"),
    ("addresses[].metadata.custom_fields", "addresses[].custom_fields"),
    ("addresses[].metadata.unknown", "addresses[].unknown"),
    ("groups", "groups"),
    ("metadata.born_on", "born_on"),
    ("metadata.gender", "gender"),
    ("metadata.locale", "locale"),
    ("metadata.registered", "registered"),
    ("metadata.enabled", "enabled"),
    ("metadata.tags", "tags"),
    ("metadata.consents", "consents"),
    ("metadata.tax_ids", "tax_ids"),
    ("metadata.tax_exempt", "tax_exempt"),
    ("metadata.store_credits", "store_credits"),
    ("metadata.note", "note"),
    ("metadata.total_spent", "total_spent"),
    ("metadata.orders_count", "orders_count"),
    ("metadata.created_at", "created_at.utc"),
    ("metadata.updated_at", "updated_at.utc"),
    ("metadata.scope", "scope"),
    ("metadata.name_prefix", "name_prefix"),
    ("metadata.middle_name", "middle_name"),
    ("metadata.name_suffix", "name_suffix"),
    ("metadata.email_verified", "email_verified"),
    ("metadata.default_group", "default_group"),
    ("metadata.custom_fields", "custom_fields"),
    ("metadata.unknown", "unknown"),
];

const ORDER: Paths = &[
    ("number", "number"),
    ("placed_at", "placed_at.utc"),
    ("email", "email"),
    ("customer", "customer"),
    ("currency_code", "currency"),
    ("state", "state"),
    ("financial_status", "financial_status"),
    ("fulfilment_status", "fulfilment_status"),
    ("taxes_included", "taxes_included"),
    ("lines[].title", "lines[].title"),
    ("lines[].sku", "lines[].sku"),
    ("lines[].quantity", "lines[].quantity"),
    ("lines[].unit_price", "lines[].unit_price.amount"),
    ("lines[].discount", "lines[].discount.amount"),
    ("lines[].metadata.source_id", "lines[].source_id"),
    ("lines[].metadata.product", "lines[].product"),
    ("lines[].metadata.variant", "lines[].variant"),
    ("lines[].metadata.vendor", "lines[].vendor"),
    ("lines[].metadata.compare_at_price", "lines[].compare_at_price.amount"),
    ("lines[].metadata.taxes", "lines[].taxes"),
    ("lines[].metadata.taxable", "lines[].taxable"),
    ("lines[].metadata.requires_shipping", "lines[].requires_shipping"),
    ("lines[].metadata.fulfilment_state", "lines[].fulfilment_state"),
    ("lines[].metadata.properties", "lines[].properties"),
    ("lines[].metadata.parent_line", "lines[].parent_line"),
    ("lines[].metadata.product_type", "lines[].product_type"),
    ("lines[].metadata.options", "lines[].options"),
    ("lines[].metadata.adjustments", "lines[].adjustments"),
    ("lines[].metadata.total", "lines[].total.amount"),
    ("lines[].metadata.cost", "lines[].cost.amount"),
    ("lines[].metadata.tax_class", "lines[].tax_class"),
    ("lines[].metadata.weight", "lines[].weight"),
    ("lines[].metadata.gift_cards", "lines[].gift_cards"),
    ("lines[].metadata.downloads", "lines[].downloads"),
    ("lines[].metadata.unknown", "lines[].unknown"),
    ("shipping_lines[].title", "shipping_lines[].title"),
    ("shipping_lines[].amount", "shipping_lines[].money.amount"),
    ("shipping_lines[].metadata.taxes", "shipping_lines[].taxes"),
    ("shipping_lines[].metadata.code", "shipping_lines[].code"),
    ("shipping_lines[].metadata.carrier", "shipping_lines[].carrier"),
    ("shipping_lines[].metadata.discount", "shipping_lines[].discount.amount"),
    ("shipping_lines[].metadata.unknown", "shipping_lines[].unknown"),
    ("subtotal", "subtotal.amount"),
    ("shipping_total", "shipping_total.amount"),
    ("tax_total", "tax_total.amount"),
    ("discount_total", "discount_total.amount"),
    ("total", "total.amount"),
    ("refunded_total", "refunded_total.amount"),
    ("taxes", "taxes"),
    ("adjustments", "adjustments"),
    ("payments", "payments"),
    ("refunds", "refunds"),
    ("metadata.placed_at_original", "placed_at.original"),
    ("metadata.store", "store"),
    ("metadata.phone", "phone"),
    ("metadata.guest", "guest"),
    ("metadata.rates", "rates"),
    ("metadata.fulfilments", "fulfilments"),
    ("metadata.invoices", "invoices"),
    ("metadata.history", "history"),
    ("metadata.notes", "notes"),
    ("metadata.tags", "tags"),
    ("metadata.channel", "channel"),
    ("metadata.paid_at", "paid_at.utc"),
    ("metadata.cancelled_at", "cancelled_at.utc"),
    ("metadata.scope", "scope"),
    ("metadata.number_prefix", "number_prefix"),
    ("metadata.company", "company"),
    ("metadata.purchase_order_number", "purchase_order_number"),
    ("metadata.payment_terms", "payment_terms"),
    ("metadata.locale", "locale"),
    ("metadata.network_address", "network_address"),
    ("metadata.tax_ids", "tax_ids"),
    ("metadata.closed_at", "closed_at.utc"),
    ("metadata.updated_at", "updated_at.utc"),
    ("metadata.custom_fields", "custom_fields"),
    ("metadata.unknown", "unknown"),
];

const ORDER_ADDRESS: Paths = &[
    ("first_name", "first_name"),
    ("last_name", "last_name"),
    ("company", "company"),
    ("address_1", "line1"),
    ("address_2", "line2"),
    ("city", "city"),
    ("province", "province"),
    ("postal_code", "postal_code"),
    ("country_code", "country_code"),
    ("phone", "phone"),
    ("metadata.full_name", "full_name"),
    ("metadata.province_code", "province_code"),
    ("metadata.country", "country"),
    ("metadata.label", "label"),
    ("metadata.name_prefix", "name_prefix"),
    ("metadata.middle_name", "middle_name"),
    ("metadata.name_suffix", "name_suffix"),
    ("metadata.more_lines", "more_lines"),
    ("metadata.email", "email"),
    ("metadata.tax_ids", "tax_ids"),
    ("metadata.custom_fields", "custom_fields"),
    ("metadata.unknown", "unknown"),
];

#[cfg(test)]
mod tests {
    use super::super::{KINDS, schema};
    use super::*;

    #[test]
    fn every_rule_of_the_default_mapping_names_a_field_of_the_schema() {
        for rule in default_mapping().rules {
            assert!(KINDS.contains(&rule.kind));
            let known = schema(rule.kind).iter().any(|spec| {
                spec.path == rule.target_field
                    || spec
                        .path
                        .strip_suffix('*')
                        .is_some_and(|prefix| rule.target_field.starts_with(prefix))
            });
            assert!(known, "{} {}", rule.kind, rule.target_field);
        }
    }
}
