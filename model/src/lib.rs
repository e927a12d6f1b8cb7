//! The canonical shop: every kind of record that platforms can hold, in one vocabulary.
//!
//! This crate is pure: no I/O, no platform's words, nothing of the wire or the database. A record
//! is an aggregate root ([`Record`]); its children live inside it and have no life of their own
//! until a target makes objects of them. Values that differ between websites, store views or
//! locales are [`Scoped`]; money is a [`Money`] with the scale it came with; what a source said
//! and the model has no field for is kept in [`UnknownFields`], of records and of their children.
//!
//! A field that came later is left out of the JSON where it says nothing, so that the hash of a
//! record changes only with what the source says.
//!
//! # What stands where
//!
//! | of a shop | type |
//! | --- | --- |
//! | shop, website, store view, locale, with inheritance | [`ScopeTree`], [`ScopeNode`], [`Scope`], [`Scoped`], [`ScopedValue`] |
//! | products of every type | [`Product`] with [`ProductType`] |
//! | configurable: options and variants | [`ProductOption`], [`OptionValue`], [`Variant`], [`SelectedOption`] |
//! | bundle: choices (required, least, most), parts (default, quantities, prices) | [`BundleChoice`], [`BundleComponent`], [`BundleTerms`] |
//! | grouped: members with place and quantity | [`Relation`] with [`RelationKind::Member`] |
//! | downloadable: links, limits, samples | [`Download`], also of a [`Variant`] |
//! | status, visibility, assignment, publication, tax class per scope | [`Product`], [`Visibility`], [`Variant`] |
//! | regular, special, tier, cost, MSRP, per currency, scope, group, company | [`Price`] with [`PriceKind`] |
//! | stock by location, promised, coming | [`Stock`] |
//! | images with alt texts and roles, films, attachments | [`Image`], [`Media`] |
//! | SEO and slug per locale | [`Seo`], `slug` of each kind |
//! | relations; categories and collections with positions | [`Relation`]; [`Placement`], [`CollectionMember`] |
//! | custom options with fixed and percent prices and SKUs | [`CustomOption`], [`CustomOptionValue`] |
//! | custom fields, attributes | [`CustomField`] with labels and values per scope |
//! | category trees; collections, brands | [`Category`]; [`Collection`] |
//! | customers per website, addresses with own fields | [`Customer`], [`Address`] |
//! | groups; consents with proof; tax ids | [`CustomerGroup`]; [`Consent`]; [`TaxId`] |
//! | companies, their tree, members and roles | [`Company`], [`CompanyMember`], [`CompanyRole`] |
//! | store credit with its history | [`StoreCredit`], [`BalanceChange`] |
//! | orders with number per store, currencies and rates | [`Order`], [`CurrencyRate`] |
//! | lines, their parts, discounts and files | [`OrderLine`] with `parent_line`, [`Adjustment`], [`LineDownload`] |
//! | taxes per rate; discounts, fees; shipping | [`AppliedTax`]; [`Adjustment`]; [`ShippingLine`] |
//! | payments; refunds; fulfilments | [`Payment`]; [`Refund`], [`RefundLine`]; [`Fulfilment`], [`FulfilmentLine`] |
//! | invoice and credit-memo numbers | [`Invoice`], [`InvoiceLine`], [`InvoiceKind`] |
//! | status history; notes | [`StatusChange`]; [`OrderNote`] |
//! | coupons with their codes; gift cards with their history | [`Coupon`], [`CouponValue`], [`CouponCode`]; [`GiftCard`], [`BalanceChange`] |
//! | reviews, with ratings by criterion | [`Review`], [`CriterionRating`] |
//! | pages; posts with comments | [`Page`]; [`Post`], [`Comment`] |
//! | URLs with redirects, per scope, with status | [`Url`], [`Redirect`] |
//! | fields the model does not know | [`UnknownFields`] |

mod category;
mod content;
mod customer;
mod hash;
mod instant;
mod kind;
mod mapping;
mod money;
mod order;
mod order_line;
mod price;
mod product;
mod promotion;
mod read;
mod record;
mod scope;
mod scope_tree;
mod target;
mod unknown;
mod variant;

pub use category::{Category, Collection, CollectionMember};
pub use content::{Comment, CriterionRating, Page, Post, Redirect, Review, Url};
pub use customer::{
    Address, BalanceChange, Company, CompanyMember, CompanyRole, Consent, ConsentChannel,
    ConsentState, Customer, CustomerGroup, StoreCredit, TaxId,
};
pub use hash::record_hash;
pub use instant::{Instant, InstantError, Zone};
pub use kind::{Kind, UnknownKind};
pub use mapping::{Change, ExclusionRule, FieldRule, Mapped, Mapping, OnError, RuleValue};
pub use money::{Currency, Money, MoneyError};
pub use order::{
    CurrencyRate, Fulfilment, FulfilmentLine, Invoice, InvoiceKind, InvoiceLine, Order,
    OrderAddress, OrderNote, OrderState, Payment, PaymentState, Refund, RefundLine, StatusChange,
};
pub use order_line::{
    Adjustment, AdjustmentKind, AppliedTax, LineDownload, OrderLine, ShippingLine,
};
pub use price::{Price, PriceKind};
pub use product::{
    BundleChoice, BundleComponent, BundleTerms, CustomField, CustomOption, CustomOptionValue,
    Download, Image, Media, MediaKind, OptionValue, Placement, Product, ProductOption,
    ProductStatus, ProductType, Relation, RelationKind, Seo, Visibility,
};
pub use promotion::{BuyGet, Coupon, CouponCode, CouponValue, GiftCard};
pub use read::{RawFailure, RawRecord, RawScope, ReadMap, Unreadable};
pub use record::Record;
pub use scope::{Scope, ScopeError, Scoped, ScopedValue};
pub use scope_tree::{ScopeNode, ScopeTree};
pub use target::{FieldSpec, FieldType, Limit, Loss, says_something};
pub use unknown::UnknownFields;
pub use variant::{Dimensions, Identifier, SelectedOption, Stock, Variant, Weight, WeightUnit};
