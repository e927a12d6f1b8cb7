//! Scopes: the part of a shop a value belongs to, and how a narrower part inherits from a wider.

use serde::{Deserialize, Serialize};

/// The part of a shop a value belongs to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "level", content = "code")]
pub enum Scope {
    /// The whole shop.
    Shop,
    /// One website of it.
    Website(String),
    /// One store view (a language or region of a website).
    StoreView(String),
    /// A language tag (BCP 47) wherever it is used.
    Locale(String),
}

/// One view of a website: what a visitor sees.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreView {
    /// Its code in the source.
    pub code: String,
    /// Its language tag (BCP 47).
    pub locale: Option<String>,
    /// Its currency, when the view fixes one.
    pub currency: Option<crate::Currency>,
}

/// One website of a shop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Website {
    /// Its code in the source.
    pub code: String,
    /// Its public address.
    pub base_url: Option<String>,
    /// Its views.
    #[serde(default)]
    pub store_views: Vec<StoreView>,
}

/// The parts a shop has. A shop without parts has an empty tree.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScopeTree {
    /// The websites.
    #[serde(default)]
    pub websites: Vec<Website>,
}

impl ScopeTree {
    /// From a store view outwards: the view, its locale, its website, the shop.
    pub fn chain(&self, store_view: &str) -> Vec<Scope> {
        let mut chain = vec![Scope::StoreView(store_view.to_owned())];
        for website in &self.websites {
            if let Some(view) = website.store_views.iter().find(|view| view.code == store_view) {
                chain.extend(view.locale.clone().map(Scope::Locale));
                chain.push(Scope::Website(website.code.clone()));
                break;
            }
        }
        chain.push(Scope::Shop);
        chain
    }
}

/// A value in one scope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScopedValue<T> {
    /// Where it holds.
    pub scope: Scope,
    /// What holds there.
    pub value: T,
}

/// A value of the whole shop, and what narrower scopes say instead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scoped<T> {
    /// The value of the shop, inherited wherever nothing narrower stands.
    #[serde(default = "Option::default", skip_serializing_if = "Option::is_none")]
    pub value: Option<T>,
    /// The narrower values.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub scoped: Vec<ScopedValue<T>>,
}

impl<T> Default for Scoped<T> {
    fn default() -> Self {
        Self { value: None, scoped: Vec::new() }
    }
}

impl<T> Scoped<T> {
    /// A value of the whole shop.
    pub const fn shop(value: T) -> Self {
        Self { value: Some(value), scoped: Vec::new() }
    }

    /// A value of the whole shop, or none.
    pub const fn optional(value: Option<T>) -> Self {
        Self { value, scoped: Vec::new() }
    }

    /// Whether nothing is said in any scope.
    pub const fn is_empty(&self) -> bool {
        self.value.is_none() && self.scoped.is_empty()
    }

    /// The first value along a chain of scopes, the shop's last.
    pub fn resolve(&self, chain: &[Scope]) -> Option<&T> {
        chain
            .iter()
            .find_map(|scope| {
                self.scoped.iter().find(|entry| entry.scope == *scope).map(|entry| &entry.value)
            })
            .or(self.value.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_view_inherits_from_its_locale_website_and_shop_in_that_order() {
        let tree = ScopeTree {
            websites: vec![Website {
                code: "eu".to_owned(),
                base_url: None,
                store_views: vec![StoreView {
                    code: "eu_de".to_owned(),
                    locale: Some("de".to_owned()),
                    currency: None,
                }],
            }],
        };
        let chain = tree.chain("eu_de");
        let mut title = Scoped::shop("Shirt");
        assert_eq!(title.resolve(&chain), Some(&"Shirt"));
        let narrower =
            [Scope::Website("eu".to_owned()), Scope::Locale("de".to_owned()), chain[0].clone()];
        for (scope, value) in narrower.into_iter().zip(["Shirt EU", "Hemd", "Hemd EU"]) {
            title.scoped.push(ScopedValue { scope, value });
            assert_eq!(title.resolve(&chain), Some(&value));
        }
        assert_eq!(title.resolve(&tree.chain("us_en")), Some(&"Shirt"));
    }
}
