//! Prices of a variant.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{Currency, Money, Scope, UnknownFields};

/// What a price is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PriceKind {
    /// What is asked for one piece.
    Regular,
    /// What is asked instead of the regular price, within its dates.
    Special,
    /// What is asked for one piece from a quantity on, or of a customer group.
    Tier,
    /// What the merchant paid.
    Cost,
    /// The price the manufacturer recommends, shown struck through.
    Msrp,
}

/// One price in one currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// What it is for.
    pub kind: PriceKind,
    /// How much.
    pub money: Money,
    /// Where it holds; none is the whole shop.
    pub scope: Option<Scope>,
    /// Whether tax is in it; none where the source does not say.
    pub includes_tax: Option<bool>,
    /// From when on a special price holds.
    pub starts_at: Option<DateTime<Utc>>,
    /// Until when it holds.
    pub ends_at: Option<DateTime<Utc>>,
    /// From how many pieces on a tier price holds.
    pub quantity_min: Option<Decimal>,
    /// For which customer group (its source id) it holds.
    pub customer_group: Option<String>,
    /// Until how many pieces a tier price holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity_max: Option<Decimal>,
    /// The part of the regular price that is taken off, in percent, where the source says it so;
    /// `money` is then what that comes to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent_off: Option<Decimal>,
    /// For which company (its source id) it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub company: Option<String>,
    /// For which single customer (its source id) it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
    /// For buyers of which country (ISO 3166-1 alpha-2) it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country_code: Option<String>,
    /// The price list it stands in, by its name or id in the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_list: Option<String>,
    /// What the model has no field for. A price with any of it counts as conditional.
    #[serde(default, skip_serializing_if = "UnknownFields::is_empty")]
    pub unknown: UnknownFields,
}

impl Price {
    /// A price without conditions.
    pub const fn plain(kind: PriceKind, money: Money) -> Self {
        Self {
            kind,
            money,
            scope: None,
            includes_tax: None,
            starts_at: None,
            ends_at: None,
            quantity_min: None,
            customer_group: None,
            quantity_max: None,
            percent_off: None,
            company: None,
            customer: None,
            country_code: None,
            price_list: None,
            unknown: UnknownFields::NONE,
        }
    }

    /// The price of a kind and currency that holds for everybody along a chain of scopes
    /// ([`crate::ScopeTree::chain`]): the nearest one, the shop's last. Prices with conditions
    /// (dates, quantities, buyers) are the caller's to choose among.
    pub fn effective<'a>(
        prices: &'a [Self],
        kind: PriceKind,
        currency: &Currency,
        chain: &[Scope],
    ) -> Option<&'a Self> {
        let plain = |price: &&Self| {
            price.kind == kind && price.money.currency == *currency && price.has_no_condition()
        };
        chain.iter().find_map(|scope| {
            prices.iter().filter(plain).find(|price| match &price.scope {
                None => *scope == Scope::Shop,
                Some(own) => own == scope,
            })
        })
    }

    /// Whether it is asked of everybody in its scope, always and from the first piece on. What the
    /// model has no field for may be a condition as well, so a price with such is none for all.
    pub fn has_no_condition(&self) -> bool {
        // Every field is named, so that one which is added has to be judged here.
        let Self {
            kind: _,
            money: _,
            scope: _,
            includes_tax: _,
            percent_off: _,
            starts_at,
            ends_at,
            quantity_min,
            quantity_max,
            customer_group,
            company,
            customer,
            country_code,
            price_list,
            unknown,
        } = self;
        let buyers = [customer_group, company, customer, country_code, price_list];
        starts_at.is_none()
            && ends_at.is_none()
            && quantity_min.is_none()
            && quantity_max.is_none()
            && buyers.into_iter().all(Option::is_none)
            && unknown.is_empty()
    }
}
