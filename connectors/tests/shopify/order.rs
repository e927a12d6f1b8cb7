//! What becomes of an order's columns.

use cartage_model::{AdjustmentKind, Kind, Order, OrderState, PaymentState, Record, Unreadable};
use rust_decimal::Decimal;

use crate::support::{fixture, folder, open, open_file, read};

fn order(record: Result<Record, Unreadable>) -> Order {
    match record {
        Ok(Record::Order(order)) => order,
        other => panic!("{other:?}"),
    }
}

fn orders(text: &str) -> Vec<Result<Record, Unreadable>> {
    let folder = folder(&[("o.csv", text.as_bytes())]);
    read(&open(folder.path()).unwrap(), Kind::Order)
}

const HEADER: &str = "Name,Email,Currency,Subtotal,Shipping,Taxes,Total,Discount Amount,Created at,\
    Lineitem quantity,Lineitem name,Lineitem price,Lineitem discount,Financial Status,\
    Outstanding Balance\n";

#[test]
fn an_order_of_several_rows_is_whole() {
    let all = read(&open_file(fixture("orders_current.csv")), Kind::Order);
    let [first, second]: [Order; 2] =
        all.into_iter().map(order).collect::<Vec<_>>().try_into().unwrap();

    assert_eq!((first.source_id.as_str(), first.number.as_str()), ("5550001", "#1001"));
    assert_eq!(first.lines.len(), 2);
    assert_eq!(first.lines[1].source_id, "5550001:2");
    assert_eq!(first.state, OrderState::Completed);
    assert_eq!(first.placed_at.utc.to_rfc3339(), "2024-05-01T08:00:00+00:00");
    assert_eq!(first.taxes_included, Some(true));
    assert_eq!(first.taxes[0].title.as_deref(), Some("MwSt."));
    assert_eq!(first.taxes[0].rate_percent, Some(Decimal::from(19)));
    assert_eq!(first.discount_total.to_string(), "14.99 EUR");
    assert_eq!(first.adjustments[0].code.as_deref(), Some("SPRING"));
    assert_eq!(first.refunds[0].money.to_string(), "49.90 EUR");
    assert_eq!(first.payments[0].state, PaymentState::Captured);
    assert_eq!(first.payments[0].reference.as_deref(), Some("c5.1"));
    assert_eq!(first.fulfilments.len(), 1);
    assert_eq!(first.notes[0].text, "Please ring,\ntwice");
    assert_eq!(first.custom_fields[1].value.value, Some("newsletter: March".into()));
    let address = first.billing_address.as_ref().unwrap();
    assert_eq!(address.full_name.as_deref(), Some("Änne O'Hara"));
    assert_eq!(address.address.country_code.as_deref(), Some("DE"));
    let unknown: Vec<_> = first.unknown.0.keys().map(String::as_str).collect();
    assert_eq!(unknown, ["Accepts Marketing", "Risk Level"]);

    assert_eq!(second.currency.as_str(), "USD");
    assert_eq!(second.taxes_included, Some(false));
    assert_eq!((second.state, second.fulfilments.len()), (OrderState::Open, 0));
    assert_eq!(second.payments[0].state, PaymentState::Pending);
    assert_eq!(second.channel.as_deref(), Some("pos"));
    assert_eq!(second.adjustments[0].kind, AdjustmentKind::Fee);
    for order in [&first, &second] {
        adds_up(order);
    }
}

/// Lines, discounts, shipping, taxes and fees make the sums that the order states.
pub(crate) fn adds_up(order: &Order) {
    let sum = |kind: AdjustmentKind| -> Decimal {
        let of_kind = order.adjustments.iter().filter(|it| it.kind == kind);
        of_kind.map(|it| it.money.amount).sum()
    };
    let before: Decimal =
        order.lines.iter().map(|line| line.unit_price.amount * line.quantity).sum();
    let own: Decimal =
        order.lines.iter().flat_map(|line| &line.discount).map(|money| money.amount).sum();
    let off = own + sum(AdjustmentKind::Discount);
    assert_eq!(off, order.discount_total.amount, "{}", order.number);
    assert_eq!(before - off, order.subtotal.amount, "{}", order.number);
    let included = order.taxes_included != Some(false);
    let added = if included { Decimal::ZERO } else { order.tax_total.amount };
    let total =
        order.subtotal.amount + order.shipping_total.amount + added + sum(AdjustmentKind::Fee);
    assert_eq!(total, order.total.amount, "{}", order.number);
}

#[test]
fn a_discount_that_holds_the_lines_discounts_is_not_counted_twice() {
    let rows = "#1,a@x.de,CLP,163056,1,30981,194038,5000,2024-05-01 10:00:00 -0400,2,Lamp,84028,\
        0,paid,\n#2,a@x.de,EUR,90,0,0,90,10,2024-05-01 10:00:00 -0400,1,Lamp,100,4,paid,\n";
    let all: Vec<_> = orders(&format!("{HEADER}{rows}")).into_iter().map(order).collect();
    // The first is a real row of a real shop; it says 163056 for 2 × 84028 − 5000 = 163056.
    assert_eq!(all[0].discount_total.to_string(), "5000 CLP");
    assert_eq!(all[1].discount_total.to_string(), "10 EUR");
    assert_eq!(all[1].adjustments[0].money.to_string(), "6 EUR");
    all.iter().for_each(adds_up);
}

#[test]
fn orders_that_cannot_be_read_give_their_cause() {
    let when = "2024-05-01 10:00:00 +0000";
    let rows = [
        (format!("#1,,EURO,1,0,0,1,0,{when},1,Lamp,1,0,paid,"), "CURRENCY_INVALID"),
        (format!("#2,,EUR,1,0,0,1,0,{when},,,,,paid,"), "ORDER_WITHOUT_LINES"),
        (format!("#3,,EUR,1,0,0,1,0,{when},two,Lamp,1,0,paid,"), "VALUE_INVALID"),
        ("#4,,EUR,1,0,0,1,0,2026-13-45,1,Lamp,1,0,paid,".to_owned(), "VALUE_INVALID"),
        (format!("#5,,EUR,1,0,0,x,0,{when},1,Lamp,1,0,paid,"), "MONEY_MALFORMED"),
        (format!("#6,,EUR,1,0,0,,0,{when},1,Lamp,1,0,paid,"), "FIELD_MISSING"),
    ];
    let text: Vec<_> = rows.iter().map(|(row, _)| row.as_str()).collect();
    let all = orders(&format!("{HEADER}{}\n", text.join("\n")));
    for (record, (_, reason)) in all.iter().zip(&rows) {
        assert_eq!(record.as_ref().unwrap_err().reason, *reason);
    }
}

#[test]
fn a_payment_in_part_is_what_is_not_open() {
    let when = "2024-05-01 10:00:00 +0000";
    let text = format!(
        "{HEADER}#1,,EUR,10,0,0,10,0,{when},1,Lamp,10,0,partially_paid,4.00\n\
         #2,,EUR,10,0,0,10,0,{when},1,Lamp,10,0,partially_paid,\n"
    );
    let all: Vec<_> = orders(&text).into_iter().map(order).collect();
    assert_eq!(all[0].payments[0].money.to_string(), "6.00 EUR");
    assert_eq!(all[0].unknown.0["Outstanding Balance"], "4.00");
    assert!(all[1].payments.is_empty());
}
