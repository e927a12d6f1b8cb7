//! Promotion codes on a draft order: a fixed amount spread over its lines.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::error::{Answer, Refusal};
use super::state::{Kind, Shop};
use super::value::{Row, amount, id, list, number, text};

/// Puts the adjustments of the codes on the lines.
pub(crate) fn apply(
    shop: &Shop,
    codes: &[Value],
    currency: &str,
    items: &mut [Value],
) -> Answer<()> {
    for code in codes.iter().filter_map(Value::as_str) {
        let promotion = shop.find(Kind::Promotions, "code", code);
        let promotion = promotion
            .filter(|one| text(one, "status") == "active")
            .ok_or_else(|| Refusal::invalid(format!("The promotion code {code} is invalid")))?;
        let Some(method) = promotion.get("application_method").and_then(Value::as_object) else {
            continue;
        };
        let fixed = text(method, "type") == "fixed";
        if fixed && text(method, "currency_code").to_lowercase() == currency {
            spread(amount(method, "value"), code, text(promotion, "id"), items);
        }
    }
    Ok(())
}

/// What a line costs after its adjustments.
fn left(item: &Row) -> Decimal {
    let taken: Decimal = list(item, "adjustments")
        .iter()
        .filter_map(Value::as_object)
        .map(|one| amount(one, "amount"))
        .sum();
    amount(item, "unit_price") * amount(item, "quantity") - taken
}

/// Spreads an amount over the lines by their weight, to the last digit.
fn spread(value: Decimal, code: &str, promotion: &str, items: &mut [Value]) {
    let costs: Vec<Decimal> = items
        .iter()
        .map(|item| item.as_object().map_or(Decimal::ZERO, left).max(Decimal::ZERO))
        .collect();
    let whole: Decimal = costs.iter().sum();
    let mut rest = value.min(whole);
    let total = rest;
    let last = costs.iter().rposition(|cost| *cost > Decimal::ZERO);
    for (place, (item, cost)) in items.iter_mut().zip(costs).enumerate() {
        let share = if Some(place) == last {
            rest
        } else {
            total.checked_mul(cost).and_then(|share| share.checked_div(whole)).unwrap_or_default()
        };
        rest -= share;
        if share > Decimal::ZERO
            && let Some(Value::Array(held)) = item.get_mut("adjustments")
        {
            held.push(json!({
                "id": id("ordliadj"), "code": code, "promotion_id": promotion,
                "amount": number(share.round_dp(16)),
            }));
        }
    }
}
