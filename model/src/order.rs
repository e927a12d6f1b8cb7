//! An order with everything that happened to it.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{Address, CustomField, Instant, Money, UnknownFields};

/// How far an order has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderState {
    /// Placed and not yet done with.
    #[default]
    Open,
    /// Done with.
    Completed,
    /// Called off.
    Cancelled,
}

/// How far a payment has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentState {
    /// Promised.
    Pending,
    /// Reserved on the payer's side.
    Authorized,
    /// Taken.
    Captured,
    /// Given up.
    Voided,
    /// Refused.
    Failed,
}

/// A tax that was charged, with its rate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppliedTax {
    /// Its name, such as "MwSt.".
    pub title: Option<String>,
    /// Its rate in percent.
    pub rate_percent: Option<Decimal>,
    /// How much.
    pub money: Money,
}

/// What changes the sum of an order and is no line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdjustmentKind {
    /// Lowers it.
    Discount,
    /// Raises it: payment fee, gift wrap, duties.
    Fee,
    /// Paid with a gift card.
    GiftCard,
    /// Paid with store credit.
    StoreCredit,
    /// Rounding.
    Rounding,
}

/// A discount, fee or rounding. The amount is positive for what its kind says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adjustment {
    /// What it is.
    pub kind: AdjustmentKind,
    /// The code that was used.
    pub code: Option<String>,
    /// Its name.
    pub title: Option<String>,
    /// How much.
    pub money: Money,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderLine {
    /// Its id in the source; where the format has none, the order's id and its place.
    pub source_id: String,
    /// Its place, from 1.
    pub position: u32,
    /// The product's source id, where it is known.
    pub product: Option<String>,
    /// The variant's source id, where it is known.
    pub variant: Option<String>,
    /// The article number as it was.
    pub sku: Option<String>,
    /// The name as it was.
    pub title: String,
    /// The brand as it was.
    pub vendor: Option<String>,
    /// How many.
    pub quantity: Decimal,
    /// The price of one piece.
    pub unit_price: Money,
    /// The struck-through price of one piece.
    pub compare_at_price: Option<Money>,
    /// What was taken off the whole line.
    pub discount: Option<Money>,
    /// The taxes in or on the line.
    pub taxes: Vec<AppliedTax>,
    /// Whether it was taxed.
    pub taxable: Option<bool>,
    /// Whether it had to be sent.
    pub requires_shipping: Option<bool>,
    /// How far sending has come, as the source names it.
    pub fulfilment_state: Option<String>,
    /// Answers to questions asked at the time of sale.
    pub properties: Vec<CustomField>,
    /// What the model has no field for.
    pub unknown: UnknownFields,
}

/// An address as it was at the time of the order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OrderAddress {
    /// The whole name as the source wrote it.
    pub full_name: Option<String>,
    /// The rest.
    #[serde(flatten)]
    pub address: Address,
}

/// A way of sending that was charged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShippingLine {
    /// Its name.
    pub title: Option<String>,
    /// What it cost before discounts.
    pub money: Money,
    /// The taxes in or on it.
    pub taxes: Vec<AppliedTax>,
}

/// A payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// Its id in the source.
    pub source_id: Option<String>,
    /// The way it was paid, as the source names it.
    pub method: Option<String>,
    /// The payment service's own number.
    pub reference: Option<String>,
    /// How far it has come.
    pub state: PaymentState,
    /// How much.
    pub money: Money,
    /// When.
    pub paid_at: Option<Instant>,
}

/// A line of a refund.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundLine {
    /// The order line's source id.
    pub line: String,
    /// How many pieces came back.
    pub quantity: Decimal,
    /// How much was given back for them.
    pub money: Option<Money>,
    /// Whether they went back into stock.
    pub restocked: Option<bool>,
}

/// Money given back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    /// Its id in the source.
    pub source_id: Option<String>,
    /// How much.
    pub money: Money,
    /// Why.
    pub reason: Option<String>,
    /// When; none where the source does not say.
    pub refunded_at: Option<Instant>,
    /// For which lines.
    pub lines: Vec<RefundLine>,
}

/// A line of a fulfilment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FulfilmentLine {
    /// The order line's source id.
    pub line: String,
    /// How many pieces.
    pub quantity: Decimal,
}

/// A parcel, or whatever was handed over at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fulfilment {
    /// Its id in the source.
    pub source_id: Option<String>,
    /// How far it has come, as the source names it.
    pub state: Option<String>,
    /// Who carried it.
    pub carrier: Option<String>,
    /// Numbers to follow it by.
    pub tracking_numbers: Vec<String>,
    /// When it was sent.
    pub sent_at: Option<Instant>,
    /// What was in it; empty means everything.
    pub lines: Vec<FulfilmentLine>,
}

/// Which document a number belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InvoiceKind {
    /// A bill.
    Invoice,
    /// Its reversal.
    CreditMemo,
}

/// A document with a number of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invoice {
    /// Which document.
    pub kind: InvoiceKind,
    /// Its number.
    pub number: String,
    /// How much it was over.
    pub money: Option<Money>,
    /// When it was written.
    pub issued_at: Option<Instant>,
}

/// A step in an order's life.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusChange {
    /// The status as the source names it.
    pub status: String,
    /// When.
    pub changed_at: Option<Instant>,
    /// Who.
    pub actor: Option<String>,
    /// What was said.
    pub comment: Option<String>,
    /// Whether the customer was told; none where the source does not say.
    pub customer_notified: Option<bool>,
}

/// Something written on an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderNote {
    /// What.
    pub text: String,
    /// Whether the customer sees it.
    pub visible_to_customer: bool,
    /// When.
    pub written_at: Option<Instant>,
}

/// A rate between the order's currency and another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CurrencyRate {
    /// The other currency.
    pub currency: crate::Currency,
    /// How much of it one unit of the order's currency was.
    pub rate: Decimal,
}

/// An order. All its amounts are in [`Order::currency`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Its id in the source.
    pub source_id: String,
    /// The number the customer knows, such as `#1001`.
    pub number: String,
    /// The store view, website or counter that counts these numbers.
    pub store: Option<String>,
    /// How far it has come.
    pub state: OrderState,
    /// The financial status as the source names it.
    pub financial_status: Option<String>,
    /// The fulfilment status as the source names it.
    pub fulfilment_status: Option<String>,
    /// The buyer's source id, where the source says it.
    pub customer: Option<String>,
    /// E-mail as it was.
    pub email: Option<String>,
    /// Telephone as it was.
    pub phone: Option<String>,
    /// Whether it was bought without an account; none where the source does not say.
    pub guest: Option<bool>,
    /// The currency of all its amounts.
    pub currency: crate::Currency,
    /// The rates to other currencies.
    pub rates: Vec<CurrencyRate>,
    /// Whether the line prices include tax.
    pub taxes_included: Option<bool>,
    /// The lines in order.
    pub lines: Vec<OrderLine>,
    /// The taxes of the whole order, per rate.
    pub taxes: Vec<AppliedTax>,
    /// Discounts and fees of the whole order.
    pub adjustments: Vec<Adjustment>,
    /// Ways of sending.
    pub shipping_lines: Vec<ShippingLine>,
    /// Where bills go.
    pub billing_address: Option<OrderAddress>,
    /// Where goods go.
    pub shipping_address: Option<OrderAddress>,
    /// Sum of the lines after discounts, as the source states it.
    pub subtotal: Money,
    /// Shipping, as the source states it.
    pub shipping_total: Money,
    /// Taxes, as the source states them.
    pub tax_total: Money,
    /// Discounts, as the source states them; positive.
    pub discount_total: Money,
    /// What had to be paid, as the source states it.
    pub total: Money,
    /// What was given back, as the source states it.
    pub refunded_total: Money,
    /// Payments.
    pub payments: Vec<Payment>,
    /// Money given back.
    pub refunds: Vec<Refund>,
    /// Parcels.
    pub fulfilments: Vec<Fulfilment>,
    /// Documents with numbers of their own.
    pub invoices: Vec<Invoice>,
    /// What happened when.
    pub history: Vec<StatusChange>,
    /// What was written on it.
    pub notes: Vec<OrderNote>,
    /// Free words.
    pub tags: Vec<String>,
    /// Where it came from: web, counter, an app.
    pub channel: Option<String>,
    /// When it was placed.
    pub placed_at: Instant,
    /// When it was paid.
    pub paid_at: Option<Instant>,
    /// When it was called off.
    pub cancelled_at: Option<Instant>,
    /// Fields the merchant defined.
    pub custom_fields: Vec<CustomField>,
    /// What the model has no field for.
    pub unknown: UnknownFields,
}
