//! An order as it is before anything is wrong with it.
//!
//! How it adds up, exact to the currency's smallest unit:
//! - `Subtotal` = the sum of price × quantity − every `Lineitem discount` − `Discount Amount`;
//! - prices without tax: `Total` = `Subtotal` + `Shipping` + `Taxes`;
//! - prices with tax (most European countries): `Total` = `Subtotal` + `Shipping`, and `Taxes` says
//!   how much tax that contains; the file has no column for which of the two it is;
//! - `Duties`, where there are any, are in the total as well;
//! - `Taxes` = the sum of `Tax n Value`; `Refunded Amount` ≤ `Total`.

use super::customer::{Address, Person};
use super::faults::Kind;
use super::money::{Currency, share};
use super::order_money::{self, Tax};
use super::plan::Plan;
use super::product::Product;
use super::random::{Dice, Stream};
use super::settings::Settings;
use super::time;
use super::words::{DISCOUNT_CODES, PAYMENTS, SHIPPING};
use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;

pub(super) struct Order {
    pub(super) name: String,
    pub(super) id: String,
    pub(super) person: Person,
    /// Which account it belongs to; `None` for a guest.
    pub(super) customer: Option<usize>,
    pub(super) ship_to: Address,
    pub(super) currency: Currency,
    pub(super) created: DateTime<Utc>,
    pub(super) lines: Vec<Line>,
    pub(super) code: Option<(&'static str, Decimal)>,
    pub(super) shipping: (&'static str, Decimal),
    pub(super) subtotal: Decimal,
    pub(super) taxes: Vec<Tax>,
    pub(super) total: Decimal,
    pub(super) refunded: Decimal,
    /// Customs duties, for few orders.
    pub(super) duties: Decimal,
    /// What is still to be paid.
    pub(super) owed: Decimal,
    pub(super) state: State,
    pub(super) payment: &'static str,
    /// The number by which it has cells that are rare.
    pub(super) rarity: Option<usize>,
}

pub(super) struct Line {
    pub(super) name: String,
    pub(super) sku: String,
    pub(super) vendor: &'static str,
    pub(super) quantity: i64,
    pub(super) price: Decimal,
    pub(super) compare_at: Option<Decimal>,
    pub(super) discount: Decimal,
    pub(super) ships: bool,
    pub(super) reduced_tax: bool,
}

impl Line {
    /// What it costs after its own discount.
    pub(super) fn amount(&self) -> Decimal {
        self.price * Decimal::from(self.quantity) - self.discount
    }
}

/// How far an order has come.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Pending,
    Paid,
    Fulfilled,
    PartlyFulfilled,
    PartlyRefunded,
    Refunded,
    /// Cancelled before it was paid.
    Voided,
    /// Cancelled and paid back.
    CancelledRefunded,
    /// The payment is promised and not taken.
    Authorised,
    /// A part of the total is paid.
    PartlyPaid,
    /// The promise of payment has run out.
    Expired,
}

impl Order {
    /// Order `index` of the shop, the oldest being 0; always the same one.
    pub(super) fn make(settings: &Settings, plan: &Plan, index: usize) -> Self {
        let mut dice = Dice::new(settings.seed, Stream::Order, index);
        let customer = account(settings, plan, &mut dice);
        let person = match customer {
            Some(customer) => Person::customer(settings, customer),
            None => Person::guest(settings, index, &mut dice),
        };
        let country = person.address.country;
        let currency = country.currency;
        let rarity = settings.rarity(index);
        let rare_state = rarity.and_then(rare_state);
        let mut lines = lines(settings, plan, currency, country.reduced.is_some(), &mut dice);
        if rare_state == Some(State::PartlyFulfilled) && lines.len() == 1 {
            lines.push(line(settings, plan, currency, country.reduced.is_some(), &mut dice));
        }
        let elsewhere = dice.chance(15);
        let (method, cents) = dice.pick(SHIPPING);
        let shipping = Currency::Eur.convert(Decimal::new(cents, 2), currency);
        let mut order = Order {
            name: format!("#{}", 1001 + index),
            id: (5_550_000_000_000 + index * 65_536).to_string(),
            ship_to: match elsewhere {
                true => Address::make(country, false, &mut dice),
                false => person.address.clone(),
            },
            created: time::moment(index, settings.orders, dice.between(0, 1_500)),
            code: None,
            shipping: (method, currency.round(shipping)),
            subtotal: Decimal::ZERO,
            taxes: Vec::new(),
            total: Decimal::ZERO,
            refunded: Decimal::ZERO,
            duties: match rarity {
                Some(number) if number % 6 == 1 => currency.round(Decimal::new(1250, 2)),
                _ => Decimal::ZERO,
            },
            owed: Decimal::ZERO,
            state: rare_state.unwrap_or_else(|| state(&mut dice)),
            payment: dice.pick(PAYMENTS),
            rarity,
            currency,
            person,
            customer,
            lines,
        };
        order.code = code(&order, &mut dice);
        order_money::add_up(&mut order);
        order
    }

    /// Whether any money came in.
    pub(super) fn is_paid(&self) -> bool {
        let unpaid = [State::Pending, State::Voided, State::Authorised, State::Expired];
        !unpaid.contains(&self.state)
    }

    /// Everything taken off: the code's amount and the lines' own discounts.
    pub(super) fn discounts(&self) -> Decimal {
        let lines: Decimal = self.lines.iter().map(|line| line.discount).sum();
        lines + self.code.map_or(Decimal::ZERO, |(_, amount)| amount)
    }

    pub(super) fn tax(&self) -> Decimal {
        self.taxes.iter().map(|tax| tax.value).sum()
    }

    pub(super) fn cancelled(&self) -> Option<DateTime<Utc>> {
        matches!(self.state, State::Voided | State::CancelledRefunded)
            .then(|| self.created + TimeDelta::hours(5))
    }
}

/// The account that orders, or nobody for a guest. Who ordered with an account that was opened
/// twice is the first one; accounts without a usable e-mail order nothing.
fn account(settings: &Settings, plan: &Plan, dice: &mut Dice) -> Option<usize> {
    use super::faults::Fault::{DuplicateEmail, UntidyEmail};
    if settings.customers == 0 || dice.chance(18) {
        return None;
    }
    let index = dice.below(settings.customers);
    match plan.of(Kind::Customer, index) {
        None => Some(index),
        Some(planned) if planned.fault == UntidyEmail => Some(index),
        Some(planned) if planned.fault == DuplicateEmail => planned.partner,
        Some(_) => None,
    }
}

fn lines(
    settings: &Settings,
    plan: &Plan,
    currency: Currency,
    has_reduced_tax: bool,
    dice: &mut Dice,
) -> Vec<Line> {
    if settings.products == 0 {
        return Vec::new();
    }
    let count = if dice.chance(45) { 1 } else { 1 + dice.below(6) };
    (0..count).map(|_| line(settings, plan, currency, has_reduced_tax, dice)).collect()
}

fn line(
    settings: &Settings,
    plan: &Plan,
    currency: Currency,
    has_reduced_tax: bool,
    dice: &mut Dice,
) -> Line {
    let product = Product::sold(settings, plan, dice);
    let variant = &product.variants[dice.below(product.variants.len())];
    let in_currency = |text: &str| {
        let amount = text.parse::<Decimal>().ok()?;
        Some(currency.round(settings.shop_currency().convert(amount, currency)))
    };
    let price = in_currency(&variant.price).unwrap_or_default();
    let quantity = if dice.chance(70) { 1 } else { dice.between(2, 5) };
    let off = if dice.chance(8) { share(price, Decimal::from(10)) } else { Decimal::ZERO };
    Line {
        name: product.line_name(variant),
        sku: variant.sku.clone(),
        vendor: product.vendor,
        quantity,
        price,
        compare_at: in_currency(&variant.compare_at),
        discount: currency.round(off),
        ships: !product.gift_card,
        reduced_tax: has_reduced_tax && product.kind.name == "Books",
    }
}

fn code(order: &Order, dice: &mut Dice) -> Option<(&'static str, Decimal)> {
    if !dice.chance(22) {
        return None;
    }
    let (code, percent) = dice.pick(DISCOUNT_CODES);
    let amount: Decimal = order.lines.iter().map(Line::amount).sum();
    Some((code, order.currency.round(share(amount, Decimal::from(percent)))))
}

/// States that few orders are in, one after the other.
fn rare_state(number: usize) -> Option<State> {
    match number % 20 {
        4 => Some(State::Authorised),
        9 => Some(State::PartlyPaid),
        14 => Some(State::PartlyFulfilled),
        19 => Some(State::Expired),
        _ => None,
    }
}

fn state(dice: &mut Dice) -> State {
    match dice.below(100) {
        0..=4 => State::Pending,
        5..=17 => State::Paid,
        18..=82 => State::Fulfilled,
        83..=86 => State::PartlyFulfilled,
        87..=91 => State::PartlyRefunded,
        92..=95 => State::Refunded,
        96..=97 => State::Voided,
        _ => State::CancelledRefunded,
    }
}
