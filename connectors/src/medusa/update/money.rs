//! The money of an order: what was paid and given back, and the calls that raise it. Medusa takes no
//! payment and no refund back, so a sum only rises; what is due is reckoned from what the shop says
//! now, so that nothing is paid or given back twice.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::{
    super::{
        json::{self, decimal_of},
        look_up,
        work::{Stop, Writer},
    },
    OBJECT, Task,
    difference::sum,
    step::{Change, Verb},
    trace::Trace,
};

/// What is asked for of an order beside its fields.
pub(super) const ALSO_ASKED: &str = "payment_collections.amount,payment_collections.status";
/// What is asked for where only the money matters.
pub(super) const FIELDS: &str = "id,status,payment_collections.id,payment_collections.amount,\
                                 payment_collections.status,payment_collections.payments.id,\
                                 payment_collections.payments.amount,\
                                 payment_collections.payments.captured_at,\
                                 payment_collections.payments.refunds.amount";

const COLLECT: u32 = OBJECT + 1;
const PAY: u32 = OBJECT + 2;
const CAPTURE: u32 = OBJECT + 3;
const REFUND: u32 = OBJECT + 100;

/// A payment.
struct Payment {
    id: String,
    amount: Decimal,
    is_captured: bool,
    refunded: Decimal,
}

/// The payments of an order.
pub(super) struct Money {
    payments: Vec<Payment>,
    /// Collections that wait for their payment: id and amount.
    waiting: Vec<(String, Decimal)>,
}

impl Money {
    /// That of an order of the shop.
    pub(super) fn of(order: &Value) -> Self {
        let mut money = Self { payments: Vec::new(), waiting: Vec::new() };
        for collection in json::list(order, "payment_collections") {
            for payment in json::list(collection, "payments") {
                let Some(id) = json::owned(payment, "id") else { continue };
                money.payments.push(Payment {
                    id,
                    amount: sum(payment, "amount"),
                    is_captured: json::text(payment, "captured_at").is_some(),
                    refunded: json::list(payment, "refunds")
                        .iter()
                        .filter_map(|refund| decimal_of(refund, "amount"))
                        .sum(),
                });
            }
            if json::text(collection, "status") == Some("not_paid")
                && let Some(id) = json::owned(collection, "id")
            {
                money.waiting.push((id, sum(collection, "amount")));
            }
        }
        money.payments.sort_by(|left, right| left.id.cmp(&right.id));
        money
    }

    /// What is captured.
    pub(super) fn captured(&self) -> Decimal {
        self.payments.iter().filter(|it| it.is_captured).map(|it| it.amount).sum()
    }

    /// What was given back.
    pub(super) fn refunded(&self) -> Decimal {
        self.payments.iter().map(|it| it.refunded).sum()
    }

    /// A collection that waits for this amount.
    pub(super) fn waiting(&self, amount: Decimal) -> Option<&str> {
        self.waiting.iter().find(|(_, it)| *it == amount).map(|(id, _)| id.as_str())
    }

    /// The payment by which all payments sum up to this, captured or not.
    pub(super) fn paid_up_to(&self, paid: Decimal) -> Option<Value> {
        let all: Decimal = self.payments.iter().map(|it| it.amount).sum();
        let open = self.payments.iter().find(|it| !it.is_captured);
        let last = open.or(self.payments.last()).filter(|_| all >= paid)?;
        Some(json!({ "id": last.id, "captured": last.is_captured }))
    }
}

/// The payment that a call made, with whether it is captured.
pub(super) fn last_payment(payments: &[Value]) -> Option<Value> {
    let payment = payments.last()?;
    let is_captured = json::text(payment, "captured_at").is_some();
    Some(json!({ "id": json::text(payment, "id")?, "captured": is_captured }))
}

impl Writer<'_> {
    /// Raises what was paid and given back to what it shall be.
    pub(super) async fn change_money(&self, task: &Task<'_>) -> Result<(), Stop> {
        let mut money = Money::of(task.raw);
        if sum(&task.current, "paid_total") != sum(&task.wanted, "paid_total") {
            self.pay(task, &money).await?;
            money = self.money_now(task).await?;
        }
        if sum(&task.current, "refunded_total") != sum(&task.wanted, "refunded_total") {
            self.give_back(task, &money).await?;
        }
        Ok(())
    }

    async fn money_now(&self, task: &Task<'_>) -> Result<Money, Stop> {
        let id = &task.item.target_id;
        let kind = cartage_model::Kind::Order;
        let found = super::read::by_ids(self.client, kind, std::slice::from_ref(id), FIELDS).await;
        let found = found.map_err(Stop::of)?;
        Ok(Money::of(found.get(id).unwrap_or(&Value::Null)))
    }

    /// One more payment over what is missing.
    async fn pay(&self, task: &Task<'_>, money: &Money) -> Result<(), Stop> {
        let wanted = sum(&task.wanted, "paid_total");
        let due = wanted - money.captured();
        if due <= Decimal::ZERO {
            return Ok(());
        }
        let order = task.item.target_id.clone();
        let mut payment = money.paid_up_to(wanted);
        if payment.is_none() {
            let collection = match money.waiting(due) {
                Some(id) => id.to_owned(),
                None => {
                    let collect = post(
                        COLLECT,
                        "payment_collection.create",
                        "/admin/payment-collections".to_owned(),
                        json!({ "order_id": order, "amount": json::number(due) }),
                        Trace::Collection { order: order.clone(), amount: due },
                    );
                    id_of(&self.change(task.item, &collect).await?)?
                }
            };
            let pay = post(
                PAY,
                "payment_collection.mark_as_paid",
                format!("/admin/payment-collections/{collection}/mark-as-paid"),
                json!({ "order_id": order }),
                Trace::Paid { order: order.clone(), paid: wanted },
            );
            payment = Some(self.change(task.item, &pay).await?);
        }
        let Some(payment) = payment.filter(|payment| !look_up::is_whole(payment)) else {
            return Ok(());
        };
        // The shop was cut between the authorisation and the capture.
        let capture = post(
            CAPTURE,
            "payment.capture",
            format!("/admin/payments/{}/capture", id_of(&payment)?),
            json!({}),
            Trace::Captured { order, paid: wanted },
        );
        self.change(task.item, &capture).await.map(drop)
    }

    /// Gives back what is missing, payment after payment.
    async fn give_back(&self, task: &Task<'_>, money: &Money) -> Result<(), Stop> {
        let mut refunded = money.refunded();
        let wanted = sum(&task.wanted, "refunded_total");
        for (place, payment) in (0..).zip(&money.payments) {
            let left = payment.amount - payment.refunded;
            let due = left.min(wanted - refunded);
            if !payment.is_captured || due <= Decimal::ZERO {
                continue;
            }
            refunded += due;
            let refund = post(
                REFUND + place,
                "payment.refund",
                format!("/admin/payments/{}/refund", payment.id),
                json!({ "amount": json::number(due), "note": task.item.key }),
                Trace::Refunded { order: task.item.target_id.clone(), refunded },
            );
            self.change(task.item, &refund).await?;
        }
        Ok(())
    }
}

fn post(ordinal: u32, name: &'static str, path: String, body: Value, trace: Trace) -> Change {
    Change { ordinal, name, verb: Verb::Post, path, body, trace }
}

fn id_of(value: &Value) -> Result<String, Stop> {
    json::owned(value, "id")
        .ok_or_else(|| Stop::Postponed("the shop names no id of what was made".to_owned()))
}
