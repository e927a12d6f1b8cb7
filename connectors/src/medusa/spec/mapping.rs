//! The mapping to start with: every canonical field a source can fill goes somewhere.

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
    ("metadata.custom_fields", "custom_fields"),
    ("metadata.unknown", "unknown"),
];

const CUSTOMER_GROUP: Paths =
    &[("name", "title"), ("metadata.tax_class", "tax_class"), ("metadata.unknown", "unknown")];

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
    ("lines[].metadata.unknown", "lines[].unknown"),
    ("shipping_lines[].title", "shipping_lines[].title"),
    ("shipping_lines[].amount", "shipping_lines[].money.amount"),
    ("shipping_lines[].metadata.taxes", "shipping_lines[].taxes"),
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
