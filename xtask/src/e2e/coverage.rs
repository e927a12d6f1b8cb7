//! Every field the mapping fills must have been broken, and the break noticed: a field that no
//! fixture fills could be lost without anybody seeing it. What cannot occur is listed here, each
//! with its reason, and an exception that is none any more is a fault too.

use std::collections::BTreeSet;

use cartage_client::v1::MappingContent;

use super::breakage::Breakage;
use super::facts::Kind;

/// Mapped fields that these exports can never fill.
const EXCEPTIONS: &[(&str, Kind, &[&str])] = &[
    (
        "a category is a path in `Product Category`: nothing else is said of it",
        Kind::Category,
        &[
            "description",
            "metadata.position",
            "metadata.seo_title",
            "metadata.seo_description",
            "metadata.seo_keywords",
            "metadata.image",
            "metadata.title_by_scope",
            "metadata.description_by_scope",
            "metadata.slug_by_scope",
            "metadata.custom_fields",
            "metadata.unknown",
            "metadata.seo_title_by_scope",
            "metadata.seo_description_by_scope",
            "metadata.seo_keywords_by_scope",
            "metadata.seo_canonical_url",
            "metadata.seo_robots",
            "metadata.visible_by_scope",
            "metadata.assigned",
            "metadata.in_menu",
            "metadata.rules",
            "metadata.sort_order",
            "metadata.created_at",
            "metadata.updated_at",
        ],
    ),
    (
        "a collection is a title in `Collection`: nothing else is said of it",
        Kind::Collection,
        &[
            "metadata.description",
            "metadata.seo_title",
            "metadata.seo_description",
            "metadata.seo_keywords",
            "metadata.rules",
            "metadata.sort_order",
            "metadata.members",
            "metadata.image",
            "metadata.title_by_scope",
            "metadata.description_by_scope",
            "metadata.slug_by_scope",
            "metadata.custom_fields",
            "metadata.unknown",
            "metadata.seo_title_by_scope",
            "metadata.seo_description_by_scope",
            "metadata.seo_keywords_by_scope",
            "metadata.seo_canonical_url",
            "metadata.seo_robots",
            "metadata.collection_type",
            "metadata.visible",
            "metadata.assigned",
            "metadata.published_at",
            "metadata.created_at",
            "metadata.updated_at",
        ],
    ),
    (
        "a group is a tag of customers: nothing else is said of it",
        Kind::CustomerGroup,
        &[
            "metadata.tax_class",
            "metadata.unknown",
            "metadata.title_by_scope",
            "metadata.rules",
            "metadata.percent_off",
            "metadata.prices_include_tax",
            "metadata.custom_fields",
        ],
    ),
    (
        "the exports have the texts of one language, and of markets only prices and whether a product is in them",
        Kind::Product,
        &[
            "metadata.title_by_scope",
            "metadata.description_by_scope",
            "metadata.short_description_by_scope",
            "metadata.slug_by_scope",
            "metadata.seo_title_by_scope",
            "metadata.seo_description_by_scope",
        ],
    ),
    (
        "the exports have no column for it",
        Kind::Product,
        &[
            "variants[].length_cm",
            "variants[].width_cm",
            "variants[].height_cm",
            "variants[].hs_code",
            "variants[].origin_country",
            "metadata.seo_keywords",
            "metadata.short_description",
            "metadata.relations",
            "metadata.published_at",
            "metadata.created_at",
            "metadata.updated_at",
            "metadata.new_until",
            "metadata.seo_keywords_by_scope",
            "metadata.seo_canonical_url",
            "metadata.seo_robots",
            "metadata.status_by_scope",
            "metadata.visibility",
            "metadata.published_at_by_scope",
            "metadata.media",
            "metadata.bundle_choices",
            "metadata.bundle_terms",
            "metadata.attribute_set",
            "variants[].metadata.title_by_scope",
            "variants[].metadata.enabled",
            "variants[].metadata.tax_class_by_scope",
            "variants[].metadata.identifiers",
            "variants[].metadata.image_urls",
            "variants[].metadata.downloads",
            "variants[].metadata.quantity_min",
            "variants[].metadata.quantity_max",
            "variants[].metadata.quantity_step",
            "variants[].metadata.shipping_class",
            "variants[].metadata.available_at",
        ],
    ),
    (
        "Shopify has no bundles, downloads or questions at the sale of its own",
        Kind::Product,
        &["metadata.bundle_components", "metadata.downloads", "metadata.custom_options"],
    ),
    (
        "the exports have no column for it",
        Kind::Customer,
        &[
            "company_name",
            "addresses[].address_name",
            "addresses[].first_name",
            "addresses[].last_name",
            "addresses[].metadata.source_id",
            "metadata.born_on",
            "metadata.gender",
            "metadata.locale",
            "metadata.registered",
            "metadata.enabled",
            "metadata.tax_ids",
            "metadata.store_credits",
            "metadata.created_at",
            "metadata.updated_at",
            "metadata.scope",
            "metadata.name_prefix",
            "metadata.middle_name",
            "metadata.name_suffix",
            "metadata.email_verified",
            "metadata.default_group",
            "addresses[].metadata.name_prefix",
            "addresses[].metadata.middle_name",
            "addresses[].metadata.name_suffix",
            "addresses[].metadata.more_lines",
            "addresses[].metadata.email",
            "addresses[].metadata.tax_ids",
            "addresses[].metadata.custom_fields",
        ],
    ),
    (
        "every column of an address has a field, so that nothing is left over",
        Kind::Customer,
        &["addresses[].metadata.unknown"],
    ),
    (
        "every column of customers has a field, so that nothing is left over",
        Kind::Customer,
        &["metadata.unknown"],
    ),
    (
        "every column of an address or a line has a field, so that nothing is left over",
        Kind::Order,
        &[
            "lines[].metadata.unknown",
            "billing_address.metadata.unknown",
            "shipping_address.metadata.unknown",
        ],
    ),
    (
        "a name stands in one cell, which becomes the first name",
        Kind::Order,
        &["billing_address.last_name", "shipping_address.last_name"],
    ),
    (
        "lines name what was bought by article number alone, by which the variant is found",
        Kind::Order,
        &["lines[].metadata.product", "lines[].metadata.variant"],
    ),
    (
        "the exports have no column for it",
        Kind::Order,
        &[
            "lines[].metadata.taxes",
            "lines[].metadata.properties",
            "shipping_lines[].metadata.taxes",
            "metadata.store",
            "metadata.guest",
            "metadata.rates",
            "metadata.invoices",
            "metadata.history",
            "metadata.scope",
            "metadata.number_prefix",
            "metadata.company",
            "metadata.purchase_order_number",
            "metadata.payment_terms",
            "metadata.locale",
            "metadata.network_address",
            "metadata.tax_ids",
            "metadata.closed_at",
            "metadata.updated_at",
            "lines[].metadata.parent_line",
            "lines[].metadata.product_type",
            "lines[].metadata.options",
            "lines[].metadata.adjustments",
            "lines[].metadata.total",
            "lines[].metadata.cost",
            "lines[].metadata.tax_class",
            "lines[].metadata.weight",
            "lines[].metadata.gift_cards",
            "lines[].metadata.downloads",
            "shipping_lines[].metadata.code",
            "shipping_lines[].metadata.carrier",
            "shipping_lines[].metadata.discount",
            "shipping_lines[].metadata.unknown",
            "billing_address.metadata.label",
            "billing_address.metadata.name_prefix",
            "billing_address.metadata.middle_name",
            "billing_address.metadata.name_suffix",
            "billing_address.metadata.more_lines",
            "billing_address.metadata.email",
            "billing_address.metadata.tax_ids",
            "billing_address.metadata.custom_fields",
            "shipping_address.metadata.label",
            "shipping_address.metadata.name_prefix",
            "shipping_address.metadata.middle_name",
            "shipping_address.metadata.name_suffix",
            "shipping_address.metadata.more_lines",
            "shipping_address.metadata.email",
            "shipping_address.metadata.tax_ids",
            "shipping_address.metadata.custom_fields",
        ],
    ),
];

/// What the mapping fills, and what of it was broken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Coverage {
    /// How many fields the mapping fills.
    pub(crate) mapped: usize,
    /// How many of them were broken and noticed.
    pub(crate) broken: usize,
    /// How many are exceptions.
    pub(crate) excepted: usize,
    /// Fields that were not broken, and exceptions that are none.
    pub(crate) faults: Vec<String>,
}

/// Compares the fields of a mapping with those that a break was noticed by, on both sides.
pub(crate) fn of(mapping: &MappingContent, target: &Breakage, source: &Breakage) -> Coverage {
    let mut fields: BTreeSet<(Kind, String)> = BTreeSet::new();
    for rule in &mapping.rules {
        if let Some(kind) = Kind::of(rule.kind()) {
            fields.insert((kind, rule.target_field.clone()));
        }
    }
    let mut coverage = Coverage { mapped: fields.len(), ..Coverage::default() };
    for (kind, field) in &fields {
        let is_broken = is_noticed(*kind, field, target);
        let excepted = EXCEPTIONS
            .iter()
            .find(|(_, of, names)| of == kind && names.contains(&field.as_str()))
            .map(|(reason, _, _)| *reason);
        match (is_broken, excepted) {
            (true, None) => coverage.broken += 1,
            (false, Some(_)) => coverage.excepted += 1,
            (false, None) => coverage
                .faults
                .push(format!("the mapped field {kind} {field} was never broken in the shop")),
            (true, Some(reason)) => coverage
                .faults
                .push(format!("{kind} {field} was broken although it is excepted ({reason})")),
        }
        if is_broken && !is_noticed(*kind, field, source) && !is_made(*kind, field) {
            let what = format!("no cell of the files was broken that fills {kind} {field}");
            coverage.faults.push(what);
        }
    }
    for (_, kind, names) in EXCEPTIONS {
        let unknown = names.iter().filter(|name| !fields.contains(&(*kind, (**name).to_owned())));
        let faults = unknown.map(|name| format!("{kind} {name} is excepted and not mapped"));
        coverage.faults.extend(faults);
    }
    coverage
}

fn is_noticed(kind: Kind, field: &str, breakage: &Breakage) -> bool {
    facts(kind, field).iter().any(|wanted| {
        breakage.noticed.iter().any(|(of, fact)| {
            let rest = fact.strip_prefix(wanted.as_str()).filter(|_| *of == kind);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        })
    })
}

/// Fields with values that no single cell says.
fn is_made(kind: Kind, field: &str) -> bool {
    MADE.iter().any(|(of, names)| *of == kind && names.contains(&field))
}

const MADE: &[(Kind, &[&str])] = &[
    // Their value is what they are known by: another one is another record.
    (Kind::Category, &["name", "handle", "parent"]),
    (Kind::Collection, &["title", "handle"]),
    (Kind::CustomerGroup, &["name"]),
    (Kind::Product, &["handle"]),
    // The same for all.
    (Kind::Category, &["is_active"]),
    (Kind::Customer, &["addresses[].is_default_shipping", "addresses[].is_default_billing"]),
    // Made of what was paid, what was sent and whether it was cancelled, together.
    (Kind::Order, &["state"]),
    // Counted on within the order.
    (Kind::Order, &["lines[].metadata.source_id"]),
];

/// The facts that a field of the mapping becomes, where it is not the one of its own name.
fn facts(kind: Kind, field: &str) -> Vec<String> {
    let named: &[&str] = match (kind, field) {
        (Kind::Product, "collections") => &["collection"],
        (Kind::Product, "options") => &["option_order"],
        (
            Kind::Order,
            "financial_status" | "fulfilment_status" | "taxes_included" | "taxes" | "adjustments"
            | "payments" | "refunds",
        ) => return vec![format!("order.{field}")],
        _ => return vec![field.to_owned()],
    };
    named.iter().map(|name| (*name).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use cartage_client::v1::{FieldRule, RecordKind};

    use super::*;

    fn mapping(fields: &[&str]) -> MappingContent {
        let rule = |field: &&str| FieldRule {
            kind: RecordKind::Order.into(),
            target_field: (*field).to_owned(),
            ..Default::default()
        };
        MappingContent { rules: fields.iter().map(rule).collect(), ..Default::default() }
    }

    fn noticed(facts: &[&str]) -> Breakage {
        let noticed = facts.iter().map(|fact| (Kind::Order, (*fact).to_owned())).collect();
        Breakage { noticed, ..Breakage::default() }
    }

    #[test]
    fn a_mapped_field_that_was_not_broken_is_a_fault() {
        let mapping = mapping(&["taxes", "lines[].sku", "metadata.tags", "metadata.invented"]);
        let breaks = noticed(&["order.taxes[].title", "lines[].sku", "metadata.tags_of_others"]);
        let faults = of(&mapping, &breaks, &breaks).faults;
        let own = |fault: &&String| !fault.contains("excepted and not mapped");
        let faults: Vec<&String> = faults.iter().filter(own).collect();
        assert_eq!(faults.len(), 2, "{faults:?}");
        assert!(faults[0].contains("metadata.invented") && faults[1].contains("metadata.tags"));
    }

    #[test]
    fn a_field_is_broken_on_both_sides() {
        let mapping = mapping(&["taxes"]);
        let coverage = of(&mapping, &noticed(&["order.taxes[].title"]), &noticed(&[]));
        assert!(coverage.faults.iter().any(|fault| fault.contains("no cell of the files")));
    }
}
