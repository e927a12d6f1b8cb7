//! Makes canonical records of the exports' rows. Pure.
//!
//! Every cell ends in a field of the model or among the record's unknown fields: a cell that no
//! rule takes is left over, and what is left over is kept ([`sheet::Sheet::rest`]).

mod address;
mod category;
mod country;
mod customer;
mod field;
mod order;
mod order_line;
mod order_money;
mod order_payment;
mod product;
mod scope;
mod sheet;
mod value;
mod variant;

use cartage_model::{Currency, Kind, RawRecord, RawScope, ReadMap, Record, ScopeTree, Unreadable};

use super::{layout::FileKind, reason};
use sheet::Sheet;

/// The version of [`Map`], which snapshots record. 2 reads `Included / …` as the assignment to
/// markets, which stood among the unknown fields before.
pub const VERSION: &str = "shopify_csv/2";

/// The read map of Shopify's exports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Map {
    /// In which products are priced.
    default_currency: Currency,
    /// For times without an offset.
    assumed_utc_offset_s: i32,
}

impl Map {
    /// A map for a shop of this currency; see [`super::Settings`].
    pub const fn new(default_currency: Currency, assumed_utc_offset_s: i32) -> Self {
        Self { default_currency, assumed_utc_offset_s }
    }
}

impl ReadMap for Map {
    fn version(&self) -> &'static str {
        VERSION
    }

    fn read(&self, raw: &RawRecord) -> Result<Record, Unreadable> {
        match raw.kind {
            Kind::Category => Ok(Record::Category(category::category(raw))),
            Kind::Collection => Ok(Record::Collection(category::collection(raw))),
            Kind::CustomerGroup => Ok(Record::CustomerGroup(category::customer_group(raw))),
            Kind::Product => {
                let sheet = Sheet::of(raw, FileKind::Products)?;
                product::read(&raw.source_id, sheet, &self.default_currency).map(Record::Product)
            }
            Kind::Customer => {
                let sheet = Sheet::of(raw, FileKind::Customers)?;
                Ok(Record::Customer(customer::read(&raw.source_id, sheet)))
            }
            Kind::Order => {
                let sheet = Sheet::of(raw, FileKind::Orders)?;
                order::read(&raw.source_id, sheet, self.assumed_utc_offset_s).map(Record::Order)
            }
            Kind::Company
            | Kind::Coupon
            | Kind::GiftCard
            | Kind::Review
            | Kind::Page
            | Kind::Post
            | Kind::Url => Err(Unreadable::record(
                reason::VALUE_INVALID,
                "The exports have no records of this kind.",
            )),
        }
    }

    fn scopes(&self, raw: &[RawScope]) -> Result<ScopeTree, Unreadable> {
        scope::tree(raw, &self.default_currency, self.assumed_utc_offset_s)
    }
}
