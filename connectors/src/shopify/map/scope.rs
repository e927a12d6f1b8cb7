//! The parts of a shop as far as its exports say: the shop itself, and the markets that the product
//! columns name.

use cartage_model::{Currency, RawScope, Scope, ScopeNode, ScopeTree, Unreadable};
use serde_json::Value;

use super::super::layout::{FileKind, is_market};

/// The shop with its currency, and a website for each market. In which currency and for which
/// countries a market is, the exports do not say.
pub(super) fn tree(
    raw: &[RawScope],
    currency: &Currency,
    assumed_utc_offset_s: i32,
) -> Result<ScopeTree, Unreadable> {
    let mut nodes = vec![ScopeNode {
        currency: Some(currency.clone()),
        assumed_utc_offset_s: Some(assumed_utc_offset_s),
        ..ScopeNode::new(Scope::Shop)
    }];
    let headers = raw.iter().filter_map(|said| said.body.get("header")).filter_map(Value::as_array);
    for heading in headers.flatten().filter_map(Value::as_str) {
        let Some(market) = market(heading) else { continue };
        let scope = Scope::Website(market.to_owned());
        if nodes.iter().all(|node| node.scope != scope) {
            nodes.push(ScopeNode {
                source_type: Some("market".to_owned()),
                title: Some(market.to_owned()),
                ..ScopeNode::new(scope)
            });
        }
    }
    ScopeTree::new(nodes).map_err(|error| error.to_unreadable())
}

/// The market in `Price / International`.
pub(super) fn market(heading: &str) -> Option<&str> {
    let key = FileKind::Products.key(heading);
    let (_, name) = heading.split_once('/').filter(|_| is_market(&key))?;
    Some(name.trim()).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_shop_has_its_currency_and_every_market_of_the_columns_once() {
        let said = |header: Value| RawScope {
            origin: "products_header".to_owned(),
            body: json!({ "header": header }),
        };
        let first = json!(["Handle", "Included / International", "Price / International"]);
        let second = json!(["Compare-at price / Swiss / Liechtenstein", "Google Shopping / MPN"]);
        let euro = Currency::parse("EUR").unwrap();
        let tree = tree(&[said(first), said(second)], &euro, 3_600).unwrap();
        let codes: Vec<_> = tree.nodes().iter().map(|node| node.scope.code()).collect();
        assert_eq!(codes, [None, Some("International"), Some("Swiss / Liechtenstein")]);
        let shop = tree.shop().unwrap();
        assert_eq!((shop.currency.as_ref(), shop.assumed_utc_offset_s), (Some(&euro), Some(3_600)));
        assert_eq!(super::tree(&[], &euro, 0).unwrap().nodes().len(), 1);
    }
}
