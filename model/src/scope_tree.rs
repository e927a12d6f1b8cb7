//! The parts a shop has, and along which of them a value is inherited.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::{Currency, Scope, ScopeError, UnknownFields};

/// One part of a shop: the shop itself, a website, a store view, a language.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScopeNode {
    /// Which part.
    #[serde(flatten)]
    pub scope: Scope,
    /// What it lies in; none is the shop. Store views lie in websites, websites in other websites
    /// (a group of shops), languages in wider languages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Scope>,
    /// Its id in the source, where that is not its code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_id: Option<String>,
    /// What the source calls such a part: `channel`, `market`, `store group`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_type: Option<String>,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Its language (BCP 47), where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// Its further languages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub locales: Vec<String>,
    /// The currency it prices in, where it has one of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
    /// Its further currencies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub currencies: Vec<Currency>,
    /// The countries it is for (ISO 3166-1 alpha-2).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub countries: Vec<String>,
    /// Its public address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// Its time zone (IANA).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// The offset assumed for its times without one, in seconds east of UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assumed_utc_offset_s: Option<i32>,
    /// Whether its prices include tax.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prices_include_tax: Option<bool>,
    /// What the numbers of its orders begin with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_number_prefix: Option<String>,
    /// Whether visitors can reach it; none where the source does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// What the model has no field for.
    #[serde(default, skip_serializing_if = "UnknownFields::is_empty")]
    pub unknown: UnknownFields,
}

impl ScopeNode {
    /// A part of which nothing but its code is known, directly in the shop.
    pub const fn new(scope: Scope) -> Self {
        Self {
            scope,
            parent: None,
            source_id: None,
            source_type: None,
            title: None,
            locale: None,
            locales: Vec::new(),
            currency: None,
            currencies: Vec::new(),
            countries: Vec::new(),
            base_url: None,
            time_zone: None,
            assumed_utc_offset_s: None,
            prices_include_tax: None,
            order_number_prefix: None,
            enabled: None,
            unknown: UnknownFields::NONE,
        }
    }
}

/// The parts a shop has: the shop itself first, then whatever the source has, in its order. Every
/// tree was checked when it was made, so that walking up from a part ends at the shop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<ScopeNode>", into = "Vec<ScopeNode>")]
pub struct ScopeTree {
    nodes: Vec<ScopeNode>,
}

impl Default for ScopeTree {
    /// A shop without parts.
    fn default() -> Self {
        Self { nodes: vec![ScopeNode::new(Scope::Shop)] }
    }
}

impl TryFrom<Vec<ScopeNode>> for ScopeTree {
    type Error = ScopeError;

    fn try_from(nodes: Vec<ScopeNode>) -> Result<Self, ScopeError> {
        Self::new(nodes)
    }
}

impl From<ScopeTree> for Vec<ScopeNode> {
    fn from(tree: ScopeTree) -> Self {
        tree.nodes
    }
}

impl ScopeTree {
    /// The tree of these parts. The shop itself is added where it is missing, and stands first.
    ///
    /// # Errors
    /// Every [`ScopeError`] but `Unknown`: parts that come twice, that lie in nothing the shop
    /// has, in something that cannot hold them, or in themselves.
    pub fn new(mut nodes: Vec<ScopeNode>) -> Result<Self, ScopeError> {
        match nodes.iter().position(|node| node.scope == Scope::Shop) {
            Some(place) => nodes[..=place].rotate_right(1),
            None => nodes.insert(0, ScopeNode::new(Scope::Shop)),
        }
        let tree = Self { nodes };
        let mut parents: HashMap<&Scope, Option<&Scope>> = HashMap::new();
        for node in &tree.nodes {
            if parents.insert(&node.scope, node.parent.as_ref()).is_some() {
                return Err(ScopeError::Duplicate(node.scope.clone()));
            }
        }
        for node in &tree.nodes {
            let Some(parent) = &node.parent else { continue };
            let scope = node.scope.clone();
            if *parent != Scope::Shop && !parents.contains_key(parent) {
                return Err(ScopeError::ParentUnknown { scope, parent: parent.clone() });
            }
            if !holds(parent, &node.scope) {
                return Err(ScopeError::ParentUnfit { scope, parent: parent.clone() });
            }
            let (mut above, mut steps) = (Some(parent), 0);
            while let Some(scope) = above {
                steps += 1;
                if steps > tree.nodes.len() {
                    return Err(ScopeError::Cycle(node.scope.clone()));
                }
                above = parents.get(scope).copied().flatten();
            }
        }
        Ok(tree)
    }

    /// The parts, the shop first.
    pub fn nodes(&self) -> &[ScopeNode] {
        &self.nodes
    }

    /// The shop itself.
    pub fn shop(&self) -> Option<&ScopeNode> {
        self.nodes.first()
    }

    /// What is known of a part; none where the shop has no such part, or where it is a language
    /// that other parts name and nothing more is known of.
    pub fn node(&self, scope: &Scope) -> Option<&ScopeNode> {
        self.nodes.iter().find(|node| node.scope == *scope)
    }

    /// Whether the shop has a part. A language that a part names is one.
    pub fn knows(&self, scope: &Scope) -> bool {
        let named = |node: &ScopeNode, tag: &String| {
            node.locale.as_ref() == Some(tag) || node.locales.contains(tag)
        };
        self.node(scope).is_some()
            || matches!(scope, Scope::Locale(tag) if self.nodes.iter().any(|node| named(node, tag)))
    }

    /// From a part outwards to the shop, nearest first: the order in which values are inherited.
    /// The language of a part (its own, or that of the nearest part around it that has one) stands
    /// directly behind the part that names it; languages of wider parts are not asked, so that no
    /// view shows the texts of another language. The shop is last; asked of the shop itself, only
    /// the shop's own values hold.
    ///
    /// # Errors
    /// [`ScopeError::Unknown`] where the shop has no such part.
    pub fn chain(&self, scope: &Scope) -> Result<Vec<Scope>, ScopeError> {
        if !self.knows(scope) {
            return Err(ScopeError::Unknown(scope.clone()));
        }
        if *scope == Scope::Shop {
            return Ok(vec![Scope::Shop]);
        }
        let mut chain = Vec::new();
        let mut spoken = matches!(scope, Scope::Locale(_));
        let mut at = Some(scope.clone());
        while let Some(scope) = at.take().filter(|scope| *scope != Scope::Shop) {
            let node = self.node(&scope);
            chain.push(scope);
            self.push_language(node, &mut spoken, &mut chain);
            at = node.and_then(|node| node.parent.clone());
        }
        self.push_language(self.shop(), &mut spoken, &mut chain);
        chain.push(Scope::Shop);
        Ok(chain)
    }

    /// The language of a part with those it inherits from, unless a nearer part had one.
    fn push_language(&self, node: Option<&ScopeNode>, spoken: &mut bool, chain: &mut Vec<Scope>) {
        let Some(tag) = node.and_then(|node| node.locale.clone()).filter(|_| !*spoken) else {
            return;
        };
        *spoken = true;
        let mut language = Some(Scope::Locale(tag));
        while let Some(scope) = language.take().filter(|scope| *scope != Scope::Shop) {
            language = self.node(&scope).and_then(|node| node.parent.clone());
            chain.push(scope);
        }
    }
}

/// Whether a part can lie in another.
const fn holds(parent: &Scope, scope: &Scope) -> bool {
    match (parent, scope) {
        (_, Scope::Shop) | (Scope::StoreView(_), Scope::Website(_)) => false,
        (Scope::Locale(_), _) => matches!(scope, Scope::Locale(_)),
        (Scope::Shop, _) => true,
        (Scope::Website(_) | Scope::StoreView(_), _) => !matches!(scope, Scope::Locale(_)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Price, PriceKind, Scoped, ScopedValue};

    fn website(code: &str) -> Scope {
        Scope::Website(code.to_owned())
    }

    fn view(code: &str) -> Scope {
        Scope::StoreView(code.to_owned())
    }

    fn locale(tag: &str) -> Scope {
        Scope::Locale(tag.to_owned())
    }

    fn node(scope: Scope, parent: Option<Scope>, language: Option<&str>) -> ScopeNode {
        ScopeNode { parent, locale: language.map(str::to_owned), ..ScopeNode::new(scope) }
    }

    fn shop() -> ScopeTree {
        ScopeTree::new(vec![
            node(website("eu"), None, Some("en")),
            node(view("eu_at"), Some(website("eu")), Some("de-AT")),
            node(view("eu_en"), Some(website("eu")), None),
            node(locale("de-AT"), Some(locale("de")), None),
            node(locale("de"), None, None),
        ])
        .unwrap()
    }

    #[test]
    fn a_view_inherits_from_its_languages_its_website_and_the_shop_in_that_order() {
        let tree = shop();
        let chain = tree.chain(&view("eu_at")).unwrap();
        assert_eq!(
            chain,
            [view("eu_at"), locale("de-AT"), locale("de"), website("eu"), Scope::Shop]
        );
        let mut title = Scoped::shop("Shirt");
        let values = ["Shirt EU", "Hemd", "Hemd AT", "Hemd EU AT"];
        for (scope, value) in chain.iter().rev().skip(1).zip(values) {
            title.scoped.push(ScopedValue { scope: scope.clone(), value });
            assert_eq!(title.effective(&tree, &view("eu_at")), Ok(Some(&value)));
        }
        // No view shows another language, and none of the narrower values is the shop's.
        assert_eq!(title.effective(&tree, &view("eu_en")), Ok(Some(&"Shirt EU")));
        assert_eq!(title.effective(&tree, &Scope::Shop), Ok(Some(&"Shirt")));
        assert_eq!(title.effective(&tree, &locale("en")), Ok(Some(&"Shirt")));
    }

    #[test]
    fn a_scope_the_shop_does_not_have_is_an_error_with_a_reason() {
        let title = Scoped::shop("Shirt");
        for scope in [website("us"), view("eu"), locale("fr"), website("de")] {
            let error = title.effective(&shop(), &scope).unwrap_err();
            assert_eq!(error, ScopeError::Unknown(scope));
            assert_eq!(error.reason(), "REFERENCE_MISSING");
        }
        assert!(shop().knows(&locale("en")) && shop().knows(&Scope::Shop));
    }

    #[test]
    fn a_tree_that_is_none_is_refused_also_when_it_is_read() {
        let check = |nodes: Vec<ScopeNode>, expected: ScopeError| {
            let json = serde_json::to_value(&nodes).unwrap();
            let read = serde_json::from_value::<ScopeTree>(json).unwrap_err();
            assert!(read.to_string().contains(&expected.to_string()), "{read}");
            assert_eq!(ScopeTree::new(nodes), Err(expected));
        };
        let (eu, de) = (website("eu"), view("de"));
        check(
            vec![node(eu.clone(), None, None), node(eu.clone(), None, None)],
            ScopeError::Duplicate(eu.clone()),
        );
        check(
            vec![node(de.clone(), Some(eu.clone()), None)],
            ScopeError::ParentUnknown { scope: de.clone(), parent: eu.clone() },
        );
        check(
            vec![node(de.clone(), None, None), node(eu.clone(), Some(de.clone()), None)],
            ScopeError::ParentUnfit { scope: eu.clone(), parent: de },
        );
        check(vec![node(eu.clone(), Some(eu.clone()), None)], ScopeError::Cycle(eu));
    }

    #[test]
    fn a_tree_is_the_same_after_it_was_written_and_the_shop_stands_first() {
        let mut nodes: Vec<ScopeNode> = shop().into();
        nodes.rotate_left(1);
        let tree = ScopeTree::new(nodes).unwrap();
        assert_eq!(tree, shop());
        let json = serde_json::to_string(&tree).unwrap();
        assert!(json.starts_with(r#"[{"level":"shop"},{"level":"website","code":"eu""#), "{json}");
        assert_eq!(serde_json::from_str::<ScopeTree>(&json).unwrap(), tree);
    }

    #[test]
    fn the_nearest_plain_price_holds() {
        let euro = Currency::parse("EUR").unwrap();
        let price = |amount: i64, scope: Option<Scope>| Price {
            scope,
            ..Price::plain(PriceKind::Regular, crate::Money::new(amount.into(), euro.clone()))
        };
        let mut of_group = price(1, Some(view("eu_at")));
        of_group.customer_group = Some("wholesale".to_owned());
        let prices = [price(3, None), of_group, price(2, Some(website("eu")))];
        let asked = |scope: &Scope| {
            let chain = shop().chain(scope).unwrap();
            let found = Price::effective(&prices, PriceKind::Regular, &euro, &chain);
            found.map(|price| price.money.amount)
        };
        assert_eq!(asked(&view("eu_at")), Some(2.into()));
        assert_eq!(asked(&Scope::Shop), Some(3.into()));
        assert_eq!(asked(&locale("de")), Some(3.into()));
    }

    /// Websites `0..n`, each in the one that is named, or in the shop.
    fn tree_of(parents: &[Option<usize>]) -> Vec<ScopeNode> {
        let code = |index: usize| website(&index.to_string());
        let nodes = parents.iter().enumerate();
        nodes.map(|(index, parent)| node(code(index), parent.map(code), None)).collect()
    }

    proptest! {
        /// A parent among those before it cannot make a circle.
        #[test]
        fn the_nearest_ancestor_wins(
            picks in prop::collection::vec(any::<prop::sample::Index>(), 1..20),
            said in prop::collection::vec(any::<bool>(), 20),
        ) {
            let parents: Vec<Option<usize>> = picks
                .iter()
                .enumerate()
                .map(|(index, pick)| pick.index(index + 1).checked_sub(1))
                .collect();
            let tree = ScopeTree::new(tree_of(&parents)).unwrap();
            let mut value = Scoped::shop(usize::MAX);
            for index in (0..parents.len()).filter(|index| said[*index]) {
                let scope = website(&index.to_string());
                value.scoped.push(ScopedValue { scope, value: index });
            }
            for start in 0..parents.len() {
                let mut expected = Some(start);
                while let Some(index) = expected.filter(|index| !said[*index]) {
                    expected = parents[index];
                }
                let scope = website(&start.to_string());
                let found = value.effective(&tree, &scope).unwrap();
                prop_assert_eq!(found, Some(&expected.unwrap_or(usize::MAX)));
            }
        }

        /// Whatever lies in whatever: either every part leads to the shop, or the tree is refused.
        #[test]
        fn a_circle_is_refused_and_nothing_else(
            parents in prop::collection::vec(prop::option::of(0_usize..12), 12),
        ) {
            let ends = |start: usize| {
                let mut at = Some(start);
                for _ in 0..=parents.len() {
                    let Some(index) = at else { return true };
                    at = parents[index];
                }
                false
            };
            let result = ScopeTree::new(tree_of(&parents));
            if (0..parents.len()).all(ends) {
                let tree = result.unwrap();
                for node in tree.nodes() {
                    let chain = tree.chain(&node.scope).unwrap();
                    prop_assert_eq!(chain.first(), Some(&node.scope));
                    prop_assert_eq!(chain.last(), Some(&Scope::Shop));
                }
            } else {
                prop_assert!(matches!(result, Err(ScopeError::Cycle(_))));
            }
        }
    }
}
