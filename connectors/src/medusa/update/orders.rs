//! Orders: what Medusa changes of a placed one. Its lines, its sums and its buyer stay; so does the
//! country of an address, and everything of an order that is cancelled
//! (`order/workflows/update-order.js`, `cancel-order.js` and `complete-orders.js` of
//! `@medusajs/core-flows` 2.21.2, read on 2026-11-28). Whatever differs and stays is refused before
//! anything is sent.

use serde_json::{Map, Value, json};

use super::{
    super::{
        json, marks,
        work::{Stop, Writer},
    },
    OBJECT, Task,
    difference::{Keeping, metadata, put_fields, sum},
    done, fixed,
    step::{Change, Verb},
    trace::Trace,
};
use crate::WrittenOutcome;

const STATUS: u32 = OBJECT + 4;

/// Fields that stay as the order was placed.
const FIXED: [&str; 4] = ["currency_code", "customer", "lines", "shipping_lines"];
/// Sums that stay as the order was placed.
const FIXED_SUMS: [&str; 5] =
    ["subtotal", "shipping_total", "tax_total", "discount_total", "total"];
/// Sums that can only rise.
const RISING_SUMS: [&str; 2] = ["paid_total", "refunded_total"];
/// Fields that our metadata holds.
const KEPT: [&str; 7] = [
    "financial_status",
    "fulfilment_status",
    "taxes_included",
    "taxes",
    "adjustments",
    "payments",
    "refunds",
];
const SIDES: [&str; 2] = ["billing_address", "shipping_address"];
/// The texts of an order's address.
const ADDRESS: [&str; 10] = [
    "first_name",
    "last_name",
    "company",
    "address_1",
    "address_2",
    "city",
    "province",
    "postal_code",
    "country_code",
    "phone",
];

/// What is to become of an order's status in Medusa.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    Stays,
    Completed,
    Cancelled,
}

impl Writer<'_> {
    pub(super) async fn change_order(&self, task: &Task<'_>) -> Result<WrittenOutcome, Stop> {
        judge(task)?;
        let turn = turn(task)?;
        let mut body = Map::new();
        put_fields(&mut body, &task.current, &task.wanted, &["email"], &json!(""));
        for side in SIDES {
            if let Some(address) = address(task, side) {
                body.insert(side.to_owned(), address);
            }
        }
        let metadata = order_metadata(task, turn);
        if is_cancelled(task) && (!body.is_empty() || metadata.is_some()) {
            let field = body.keys().next().map_or("metadata", String::as_str);
            return Err(fixed(field, "Medusa changes nothing of a cancelled order"));
        }
        let order = &task.item.target_id;
        let path = format!("/admin/orders/{order}");
        self.change_own(task, "order.update", path, body, metadata).await?;
        self.change_money(task).await?;
        let (name, verb, status) = match turn {
            Turn::Stays => return Ok(done()),
            Turn::Completed => ("order.complete", "complete", "completed"),
            Turn::Cancelled => ("order.cancel", "cancel", "canceled"),
        };
        let change = Change {
            ordinal: STATUS,
            name,
            verb: Verb::Post,
            path: format!("/admin/orders/{order}/{verb}"),
            body: json!({}),
            trace: Trace::Status { order: order.clone(), status },
        };
        self.change(task.item, &change).await?;
        Ok(done())
    }
}

fn is_cancelled(task: &Task<'_>) -> bool {
    json::text(task.raw, "status") == Some("canceled")
}

/// Refuses what cannot be changed.
fn judge(task: &Task<'_>) -> Result<(), Stop> {
    if let Some(field) = FIXED.iter().find(|field| !keeps(task, field)) {
        return Err(fixed(field, "Medusa keeps it as the order was placed"));
    }
    let sums = |field: &str| (sum(&task.current, field), sum(&task.wanted, field));
    if let Some(field) = FIXED_SUMS.iter().find(|field| sums(field).0 != sums(field).1) {
        return Err(fixed(field, "Medusa keeps it as the order was placed"));
    }
    for field in RISING_SUMS {
        let (before, after) = sums(field);
        if after < before {
            return Err(fixed(field, "Medusa takes no payment and no refund back"));
        }
        if after != before && is_cancelled(task) {
            return Err(fixed(field, "Medusa changes nothing of a cancelled order"));
        }
    }
    for side in SIDES {
        let country = |of: &Value| of.get(side).and_then(|it| json::owned(it, "country_code"));
        if country(&task.current) != country(&task.wanted) {
            let field = format!("{side}.country_code");
            return Err(fixed(&field, "Medusa keeps the country of an order's address"));
        }
    }
    Ok(())
}

/// Whether a field stays; sums in lines are compared by their value.
fn keeps(task: &Task<'_>, field: &str) -> bool {
    let plain = |of: &Value| of.get(field).cloned().map(plain_sums).unwrap_or_default();
    task.keeps(field) || json::dense(plain(&task.current)) == json::dense(plain(&task.wanted))
}

fn plain_sums(mut lines: Value) -> Value {
    for line in lines.as_array_mut().into_iter().flatten() {
        for field in ["quantity", "unit_price", "discount", "amount"] {
            if let Some(amount) = json::decimal_of(line, field) {
                line[field] = json::plain(amount);
            }
        }
    }
    lines
}

/// What the status has to become. Only an open order can be completed or cancelled, and cancelling one
/// gives back what was not given back yet, so where money is kept the cancellation is our metadata's.
fn turn(task: &Task<'_>) -> Result<Turn, Stop> {
    let (before, after) = (json::text(&task.current, "state"), json::text(&task.wanted, "state"));
    if before == after {
        return Ok(Turn::Stays);
    }
    let status = json::text(task.raw, "status").unwrap_or_default();
    let is_over = matches!(status, "canceled" | "completed" | "archived");
    match after {
        _ if is_over && before != after => {
            // What was done and not answered has been read in the meantime.
            let is_done = matches!(
                (status, after),
                ("canceled", Some("cancelled")) | ("completed" | "archived", Some("completed"))
            );
            if is_done {
                return Ok(Turn::Stays);
            }
            Err(fixed("state", "Medusa opens no order again and cancels none that is completed"))
        }
        Some("completed") => Ok(Turn::Completed),
        Some("cancelled") if can_cancel(&task.wanted) => Ok(Turn::Cancelled),
        _ => Ok(Turn::Stays),
    }
}

fn can_cancel(fields: &Value) -> bool {
    sum(fields, "paid_total") == sum(fields, "refunded_total")
}

/// The address to be sent. What is sent is laid over the old one, so that a text is cleared by null;
/// its metadata is put in the stead of the old.
fn address(task: &Task<'_>, side: &str) -> Option<Value> {
    let of = |fields: &Value| fields.get(side).cloned().unwrap_or_default();
    let (current, wanted, raw) = (of(&task.current), of(&task.wanted), of(task.raw));
    let mut body = Map::new();
    put_fields(&mut body, &current, &wanted, &ADDRESS, &Value::Null);
    if let Some(metadata) = metadata(&raw, &current, &wanted, &[], Keeping::Replaced) {
        body.insert("metadata".to_owned(), metadata);
    }
    (!body.is_empty()).then_some(Value::Object(body))
}

/// The metadata with what Medusa has no place for.
fn order_metadata(task: &Task<'_>, turn: Turn) -> Option<Value> {
    let kept = task.raw.get("metadata").and_then(|it| it.get(marks::ORDER));
    let mut own = kept.and_then(Value::as_object).cloned().unwrap_or_default();
    for field in KEPT.iter().filter(|field| !task.keeps(field)) {
        match task.wanted.get(*field).filter(|value| !json::is_blank(value)) {
            Some(value) => drop(own.insert((*field).to_owned(), value.clone())),
            None => drop(own.shift_remove(*field)),
        }
    }
    if !task.keeps("state") {
        let wanted = json::text(&task.wanted, "state");
        match wanted == Some("cancelled") && turn == Turn::Stays && !is_cancelled(task) {
            true => drop(own.insert("state".to_owned(), json!("cancelled"))),
            false => drop(own.shift_remove("state")),
        }
    }
    if !task.keeps("email") {
        own.shift_remove(marks::EMAIL_ABSENT);
        // The order stays at its customer, who has another address then.
        let said = own.get("customer").and_then(Value::as_str);
        let id = json::text(task.raw, "customer_id");
        if json::text(&task.current, "customer") == said
            && let Some(id) = id
        {
            own.insert(marks::BUYER.to_owned(), json!(id));
        }
    }
    let mut own_marks = Vec::new();
    if kept.and_then(Value::as_object).cloned().unwrap_or_default() != own {
        own_marks.push((marks::ORDER, Value::Object(own)));
    }
    for (field, mark) in [("number", marks::ORDER_NUMBER), ("placed_at", marks::ORDER_DATE)] {
        if !task.keeps(field) {
            own_marks.push((mark, task.wanted.get(field).cloned().unwrap_or_default()));
        }
    }
    task.metadata(&own_marks, Keeping::Merged)
}
