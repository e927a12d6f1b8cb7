//! Verification: what stands in the target against what should. Field by field per record, and
//! the money and the stock of the whole shop, old against new.

mod compare;
pub(crate) mod equal;
mod kind;
mod money;
mod stock;

pub use compare::{Comparison, Difference, compare};
pub use equal::is_empty;
pub use kind::{FieldDifferences, KindVerification};
pub use money::{Amounts, MoneyRow, Reconciliation, Sum};
pub use stock::{StockReconciliation, StockRow};
