//! An order with everything that happened to it.

use std::collections::HashMap;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{
    Address, Adjustment, AppliedTax, Currency, CustomField, Instant, Money, OrderLine, Scope,
    ShippingLine, TaxId, UnknownFields, Unreadable,
};

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
    /// The source id of the payment it follows: the authorisation of a capture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// The amount in the currency it was really paid in, where that is another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paid_money: Option<Money>,
    /// Source id of the gift card it was paid with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gift_card: Option<String>,
    /// What the model has no field for.
    #[serde(default, skip_serializing_if = "UnknownFields::is_empty")]
    pub unknown: UnknownFields,
}

/// A line of a refund.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundLine {
    /// The order line's source id.
    pub line: String,
    /// How many pieces came back.
    pub quantity: Decimal,
    /// How much was given back for them.
    pub money: Option<Money>,
    /// Whether they went back into stock.
    pub restocked: Option<bool>,
    /// The taxes given back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taxes: Vec<AppliedTax>,
    /// What the model has no field for.
    #[serde(default, skip_serializing_if = "UnknownFields::is_empty")]
    pub unknown: UnknownFields,
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
    /// What of it was for shipping.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipping: Option<Money>,
    /// What was added (positive) or kept back (negative) by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adjustment: Option<Money>,
    /// The payment that was given back, by its source id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment: Option<String>,
    /// The number of its credit memo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credit_memo: Option<String>,
    /// What the model has no field for.
    #[serde(default, skip_serializing_if = "UnknownFields::is_empty")]
    pub unknown: UnknownFields,
}

/// A line of a fulfilment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FulfilmentLine {
    /// The order line's source id.
    pub line: String,
    /// How many pieces.
    pub quantity: Decimal,
    /// What the model has no field for.
    #[serde(default, skip_serializing_if = "UnknownFields::is_empty")]
    pub unknown: UnknownFields,
}

/// A parcel, or whatever was handed over at once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Its number, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// Addresses to follow it by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tracking_urls: Vec<String>,
    /// From which location it was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// Where it went, where that is not where the order goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<OrderAddress>,
    /// When it arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered_at: Option<Instant>,
    /// What the model has no field for.
    #[serde(default, skip_serializing_if = "UnknownFields::is_empty")]
    pub unknown: UnknownFields,
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

/// A line of a document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvoiceLine {
    /// The order line's source id.
    pub line: String,
    /// How many pieces.
    pub quantity: Decimal,
    /// How much it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub money: Option<Money>,
    /// What the model has no field for.
    #[serde(default, skip_serializing_if = "UnknownFields::is_empty")]
    pub unknown: UnknownFields,
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
    /// Its id in the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_id: Option<String>,
    /// How far it has come, as the source names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Where the document lies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// What is on it; empty means everything.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<InvoiceLine>,
    /// What the model has no field for.
    #[serde(default, skip_serializing_if = "UnknownFields::is_empty")]
    pub unknown: UnknownFields,
}

/// A step in an order's life.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Whether the customer sees it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visible_to_customer: Option<bool>,
    /// What the model has no field for.
    #[serde(default, skip_serializing_if = "UnknownFields::is_empty")]
    pub unknown: UnknownFields,
}

/// Something written on an order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderNote {
    /// What.
    pub text: String,
    /// Whether the customer sees it.
    pub visible_to_customer: bool,
    /// When.
    pub written_at: Option<Instant>,
    /// Who wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// What the model has no field for.
    #[serde(default, skip_serializing_if = "UnknownFields::is_empty")]
    pub unknown: UnknownFields,
}

/// A rate between the order's currency and another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CurrencyRate {
    /// The other currency.
    pub currency: Currency,
    /// How much of it one unit of the order's currency was.
    pub rate: Decimal,
    /// What the currency is for: `base`, `shown`, `settled`, as the source names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// What the model has no field for.
    #[serde(default, skip_serializing_if = "UnknownFields::is_empty")]
    pub unknown: UnknownFields,
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
    pub currency: Currency,
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
    /// The store view, or wider, it was placed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
    /// What its number begins with where each store counts by itself; a part of `number`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number_prefix: Option<String>,
    /// The company it was bought for, by its source id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub company: Option<String>,
    /// The buyer's own number for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purchase_order_number: Option<String>,
    /// Terms of payment, as the source names them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_terms: Option<String>,
    /// Language tag (BCP 47) it was placed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// From which network address it was placed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network_address: Option<String>,
    /// Tax numbers as they were.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tax_ids: Vec<TaxId>,
    /// When it was done with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<Instant>,
    /// When it was last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Instant>,
    /// What the model has no field for.
    pub unknown: UnknownFields,
}

impl Payment {
    /// A payment of which nothing but the sum is known.
    pub const fn new(state: PaymentState, money: Money) -> Self {
        Self {
            source_id: None,
            method: None,
            reference: None,
            state,
            money,
            paid_at: None,
            parent: None,
            paid_money: None,
            gift_card: None,
            unknown: UnknownFields::NONE,
        }
    }
}

impl Refund {
    /// A refund of which nothing but the sum is known.
    pub const fn new(money: Money) -> Self {
        Self {
            source_id: None,
            money,
            reason: None,
            refunded_at: None,
            lines: Vec::new(),
            shipping: None,
            adjustment: None,
            payment: None,
            credit_memo: None,
            unknown: UnknownFields::NONE,
        }
    }
}

impl Order {
    /// An open order without lines, over nothing: what a read map begins with.
    pub fn new(source_id: String, currency: Currency, placed_at: Instant) -> Self {
        let nothing = || Money::new(Decimal::ZERO, currency.clone());
        Self {
            number: source_id.clone(),
            source_id,
            store: None,
            state: OrderState::Open,
            financial_status: None,
            fulfilment_status: None,
            customer: None,
            email: None,
            phone: None,
            guest: None,
            rates: Vec::new(),
            taxes_included: None,
            lines: Vec::new(),
            taxes: Vec::new(),
            adjustments: Vec::new(),
            shipping_lines: Vec::new(),
            billing_address: None,
            shipping_address: None,
            subtotal: nothing(),
            shipping_total: nothing(),
            tax_total: nothing(),
            discount_total: nothing(),
            total: nothing(),
            refunded_total: nothing(),
            payments: Vec::new(),
            refunds: Vec::new(),
            fulfilments: Vec::new(),
            invoices: Vec::new(),
            history: Vec::new(),
            notes: Vec::new(),
            tags: Vec::new(),
            channel: None,
            placed_at,
            paid_at: None,
            cancelled_at: None,
            custom_fields: Vec::new(),
            scope: None,
            number_prefix: None,
            company: None,
            purchase_order_number: None,
            payment_terms: None,
            locale: None,
            network_address: None,
            tax_ids: Vec::new(),
            closed_at: None,
            updated_at: None,
            unknown: UnknownFields::NONE,
            currency,
        }
    }

    /// Whether the lines say where they belong: every parent is a line of this order, and no line
    /// is a part of itself, directly or through others.
    ///
    /// # Errors
    /// [`Unreadable`] with `REFERENCE_MISSING` for a parent that is not there, and with
    /// `VALUE_INVALID` for lines that are parts of each other.
    pub fn check_lines(&self) -> Result<(), Unreadable> {
        // Most orders have no parts, and are done here.
        if self.lines.iter().all(|line| line.parent_line.is_none()) {
            return Ok(());
        }
        let parents: HashMap<&str, Option<&str>> = self
            .lines
            .iter()
            .map(|line| (line.source_id.as_str(), line.parent_line.as_deref()))
            .collect();
        for line in &self.lines {
            let mut above = line.parent_line.as_deref();
            let mut steps = 0;
            while let Some(parent) = above {
                let Some(next) = parents.get(parent) else {
                    return Err(line_error(
                        "REFERENCE_MISSING",
                        "is a part of a line that is not there",
                        line,
                    ));
                };
                steps += 1;
                if steps > self.lines.len() {
                    return Err(line_error("VALUE_INVALID", "is a part of itself", line));
                }
                above = *next;
            }
        }
        Ok(())
    }
}

fn line_error(reason: &str, what: &str, line: &OrderLine) -> Unreadable {
    let message = format!("line {} {what}", line.position);
    Unreadable::field(reason, "lines.parent_line", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(parents: &[Option<&str>]) -> Order {
        let euro = Currency::parse("EUR").unwrap();
        let placed_at = Instant::parse("2026-01-02 03:04:05 +0100", 0).unwrap();
        let mut order = Order::new("#1".to_owned(), euro.clone(), placed_at);
        order.lines = (1..)
            .zip(parents)
            .map(|(position, parent)| {
                let price = Money::new(Decimal::ONE, euro.clone());
                let mut line = OrderLine::new(position.to_string(), position, Decimal::ONE, price);
                line.parent_line = parent.map(str::to_owned);
                line
            })
            .collect();
        order
    }

    #[test]
    fn a_line_is_a_part_of_another_line_of_its_order_and_never_of_itself() {
        let check = |parents: &[Option<&str>], expected: Option<(&str, &str)>| {
            let found = crate::Record::Order(order(parents)).check().err();
            let found = found.as_ref().map(|it| (it.reason.as_str(), it.message.as_str()));
            assert_eq!(found, expected, "{parents:?}");
        };
        check(&[], None);
        check(&[None, Some("1"), Some("2"), Some("1")], None);
        check(&[Some("2"), None], None);
        let gone = "line 2 is a part of a line that is not there";
        check(&[None, Some("3")], Some(("REFERENCE_MISSING", gone)));
        check(&[Some("1")], Some(("VALUE_INVALID", "line 1 is a part of itself")));
        check(&[Some("2"), Some("1")], Some(("VALUE_INVALID", "line 1 is a part of itself")));
    }

    #[test]
    fn what_is_not_said_is_not_in_the_json() {
        let json = serde_json::to_value(order(&[None])).unwrap();
        assert!(json.get("scope").is_none() && json["lines"][0].get("parent_line").is_none());
        let with_part = serde_json::to_value(order(&[None, Some("1")])).unwrap();
        assert_eq!(with_part["lines"][1]["parent_line"], "1");
        assert_eq!(serde_json::from_value::<Order>(with_part).unwrap(), order(&[None, Some("1")]));
    }
}
