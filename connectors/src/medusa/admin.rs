//! Where Medusa's admin shows a record.

use cartage_model::Kind;

/// The page of an object in the shop's admin; none for kinds that have no page of their own.
///
/// The admin is served by the shop's own server at `/app` unless its configuration says otherwise
/// (`@medusajs/utils` 2.21.2, `define-config.js`: `admin.path`); the pages are those of
/// `@medusajs/dashboard` 2.21.2, `src/routes`. Both read on 27 November 2026.
pub fn admin_url(base_url: &str, kind: Kind, target_id: &str) -> Option<String> {
    let page = match kind {
        Kind::Order => "orders",
        Kind::Product => "products",
        Kind::Customer => "customers",
        Kind::CustomerGroup => "customer-groups",
        Kind::Category => "categories",
        Kind::Collection => "collections",
        _ => return None,
    };
    // Ids of Medusa's own need no escaping; one that does was not given by it.
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
    (!target_id.is_empty() && target_id.chars().all(plain))
        .then(|| format!("{}/app/{page}/{target_id}", base_url.trim_end_matches('/')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_below_the_shops_own_address() {
        for base in ["https://shop.example.com", "https://shop.example.com/"] {
            assert_eq!(
                admin_url(base, Kind::Order, "order_1").as_deref(),
                Some("https://shop.example.com/app/orders/order_1")
            );
        }
        assert_eq!(
            admin_url("https://example.com/medusa", Kind::CustomerGroup, "cusgroup_1").as_deref(),
            Some("https://example.com/medusa/app/customer-groups/cusgroup_1")
        );
        assert_eq!(admin_url("https://example.com", Kind::Review, "r"), None);
        for odd in ["", "a/../b", "a?b", "ä"] {
            assert_eq!(admin_url("https://example.com", Kind::Order, odd), None, "{odd}");
        }
    }
}
