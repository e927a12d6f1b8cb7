//! The canonical shop: every kind of record that platforms can hold, in one vocabulary.
//!
//! This crate is pure: no I/O, no platform's words, nothing of the wire or the database. A record
//! is an aggregate root ([`Record`]); its children live inside it and have no life of their own
//! until a target makes objects of them. Values that differ between websites, store views or
//! locales are [`Scoped`]; money is a [`Money`] with the scale it came with; what a source said
//! and the model has no field for is kept in [`UnknownFields`].

mod category;
mod content;
mod customer;
mod hash;
mod instant;
mod kind;
mod mapping;
mod money;
mod order;
mod price;
mod product;
mod promotion;
mod read;
mod record;
mod scope;
mod target;
mod unknown;
mod variant;

pub use category::{Category, Collection, CollectionMember};
pub use content::{Page, Post, Redirect, Review, Url};
pub use customer::{
    Address, Company, CompanyMember, Consent, ConsentChannel, ConsentState, Customer,
    CustomerGroup, StoreCredit, TaxId,
};
pub use hash::record_hash;
pub use instant::{Instant, InstantError, Zone};
pub use kind::{Kind, UnknownKind};
pub use mapping::{Change, ExclusionRule, FieldRule, Mapped, Mapping, OnError, RuleValue};
pub use money::{Currency, Money, MoneyError};
pub use order::{
    Adjustment, AdjustmentKind, AppliedTax, CurrencyRate, Fulfilment, FulfilmentLine, Invoice,
    InvoiceKind, Order, OrderAddress, OrderLine, OrderNote, OrderState, Payment, PaymentState,
    Refund, RefundLine, ShippingLine, StatusChange,
};
pub use price::{Price, PriceKind};
pub use product::{
    BundleComponent, CustomField, CustomOption, CustomOptionValue, Download, Image, OptionValue,
    Placement, Product, ProductOption, ProductStatus, ProductType, Relation, RelationKind, Seo,
};
pub use promotion::{Coupon, CouponValue, GiftCard};
pub use read::{RawFailure, RawRecord, ReadMap, Unreadable};
pub use record::Record;
pub use scope::{Scope, ScopeTree, Scoped, ScopedValue, StoreView, Website};
pub use target::{FieldSpec, FieldType, Limit, Loss};
pub use unknown::UnknownFields;
pub use variant::{Dimensions, SelectedOption, Stock, Variant, Weight, WeightUnit};
