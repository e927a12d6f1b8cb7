//! What was paid for an order and what was sent of it, as far as the exports say.

use cartage_model::{
    Fulfilment, FulfilmentLine, Instant, Money, OrderLine, Payment, PaymentState, Unreadable,
};
use rust_decimal::Decimal;

use super::sheet::Sheet;

/// The one payment that the export sums all payments up to. Nothing is made up: where an order is
/// paid in part and no column says how much is open, the cells stay among what is left over.
pub(super) fn payments(
    sheet: &mut Sheet,
    financial_status: &str,
    total: &Money,
    paid_at: Option<Instant>,
) -> Result<Vec<Payment>, Unreadable> {
    let Some(state) = state(financial_status) else { return Ok(Vec::new()) };
    let open = outstanding(sheet, total)?;
    let amount = match (financial_status, open) {
        ("partially_paid", None) => return Ok(Vec::new()),
        ("partially_paid", Some(open)) => total.amount - open,
        _ => total.amount,
    };
    let source_id = sheet.take(0, "payment id");
    let reference = sheet.take(0, "payment reference");
    if sheet.look(0, "payment references") == reference.as_deref() {
        sheet.mark(0, "payment references");
    }
    let money = Money::new(amount, total.currency.clone());
    let method = sheet.take(0, "payment method");
    Ok(vec![Payment { source_id, method, reference, paid_at, ..Payment::new(state, money) }])
}

/// What is still to be paid. The cell stays among what is left over unless it says nothing.
fn outstanding(sheet: &mut Sheet, total: &Money) -> Result<Option<Decimal>, Unreadable> {
    let key = "outstanding balance";
    let written = sheet.look(0, key).map(str::to_owned);
    let open = sheet.money(0, key, &total.currency)?.map(|money| money.amount);
    if written.is_some() && open.is_some_and(|open| !open.is_zero()) {
        sheet.give_back(0, key);
    }
    Ok(open)
}

fn state(financial_status: &str) -> Option<PaymentState> {
    Some(match financial_status {
        "pending" => PaymentState::Pending,
        "authorized" => PaymentState::Authorized,
        "paid" | "partially_paid" | "partially_refunded" | "refunded" => PaymentState::Captured,
        "voided" | "expired" => PaymentState::Voided,
        _ => return None,
    })
}

/// The parcel, where the export says what was in one: everything, or the lines that were sent.
pub(super) fn fulfilments(
    fulfilment_status: &str,
    sent_at: Option<Instant>,
    lines: &[OrderLine],
) -> Vec<Fulfilment> {
    let sent: Vec<FulfilmentLine> = match fulfilment_status {
        // Everything was sent; "restocked" means that it came back.
        "fulfilled" => Vec::new(),
        "restocked" if sent_at.is_some() => Vec::new(),
        "partial" => lines
            .iter()
            .filter(|line| line.fulfilment_state.as_deref() == Some("fulfilled"))
            .map(|line| FulfilmentLine {
                line: line.source_id.clone(),
                quantity: line.quantity,
                ..FulfilmentLine::default()
            })
            .collect(),
        _ => return Vec::new(),
    };
    if fulfilment_status == "partial" && sent.is_empty() {
        return Vec::new();
    }
    vec![Fulfilment {
        state: Some(fulfilment_status.to_owned()),
        sent_at,
        lines: sent,
        ..Fulfilment::default()
    }]
}
