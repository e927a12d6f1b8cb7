//! How orders look in replies: their totals, their payments, their lists.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::error::{Answer, Refusal};
use super::fields::Fields;
use super::query::{List, Match, Query};
use super::state::{Kind, Shop};
use super::value::{Row, amount, decimal, flag, list, number, text};

const DRAFT_DEFAULTS: &[&str] = &[
    "id",
    "display_id",
    "custom_display_id",
    "status",
    "version",
    "email",
    "region_id",
    "*items",
    "*items.tax_lines",
    "*items.adjustments",
    "*items.detail",
    "*shipping_address",
    "*billing_address",
    "*shipping_methods",
    "summary",
    "total",
    "metadata",
    "created_at",
    "updated_at",
];

const DEFAULTS: &[&str] = &[
    "id",
    "display_id",
    "custom_display_id",
    "status",
    "version",
    "summary",
    "total",
    "metadata",
    "locale",
    "created_at",
    "updated_at",
    "region_id",
    "subtotal",
    "tax_total",
    "discount_total",
    "discount_tax_total",
    "original_total",
    "original_subtotal",
    "original_tax_total",
    "item_total",
    "item_subtotal",
    "item_tax_total",
    "shipping_total",
    "shipping_subtotal",
    "shipping_tax_total",
    "credit_line_total",
    "*items",
    "*credit_lines",
    "*items.tax_lines",
    "*items.adjustments",
    "*items.detail",
    "*shipping_address",
    "*billing_address",
    "*shipping_methods",
    "*payment_collections",
    "*payment_collections.payments",
    "*payment_collections.payments.refunds",
    "*payment_collections.payments.captures",
];

const LIST_DEFAULTS: &[&str] = &[
    "id",
    "display_id",
    "custom_display_id",
    "status",
    "version",
    "summary",
    "total",
    "metadata",
    "locale",
    "created_at",
    "updated_at",
];

/// What `q` looks through besides the row's own texts.
const SEARCHED: &[&str] = &[
    "company",
    "first_name",
    "last_name",
    "address_1",
    "address_2",
    "city",
    "province",
    "postal_code",
    "phone",
];

static ORDERS: List = List {
    strict: false,
    limit: 15,
    filters: &[
        ("id", Match::Value),
        ("status", Match::Value),
        ("sales_channel_id", Match::Value),
        ("region_id", Match::Value),
        ("customer_id", Match::Value),
        ("q", Match::Related(search)),
        ("created_at", Match::Time),
        ("updated_at", Match::Time),
        ("total", Match::Number(|row| Totals::of(row).total())),
    ],
};

static DRAFTS: List = List {
    strict: true,
    limit: 50,
    filters: &[
        ("id", Match::Value),
        ("sales_channel_id", Match::Value),
        ("region_id", Match::Value),
        ("customer_id", Match::Value),
        ("q", Match::Related(search)),
        ("created_at", Match::Time),
        ("updated_at", Match::Time),
    ],
};

fn search(_: &Shop, row: &Row, asked: &[&str]) -> bool {
    let addresses = ["shipping_address", "billing_address"]
        .into_iter()
        .filter_map(|one| row.get(one).and_then(Value::as_object))
        .flat_map(|one| SEARCHED.iter().map(|field| text(one, field)));
    let own = ["email", "custom_display_id"].into_iter().map(|field| text(row, field));
    let texts: Vec<String> = own.chain(addresses).map(str::to_lowercase).collect();
    let number = row.get("display_id").map(Value::to_string).unwrap_or_default();
    asked.iter().all(|asked| {
        let asked = asked.to_lowercase();
        number == asked || texts.iter().any(|text| text.contains(&asked))
    })
}

/// `GET /admin/orders`: drafts are not among them.
pub(crate) fn list_orders(shop: &Shop, query: &Query) -> Answer {
    let fields = query.fields(LIST_DEFAULTS);
    let page = query.page(shop, Kind::Orders, &ORDERS, |row| !flag(row, "is_draft_order"))?;
    let rows = page.rows.iter().map(|row| order(shop, row, &fields, true));
    Ok(page.reply("orders", rows.collect()))
}

/// `GET /admin/draft-orders`: only drafts.
pub(crate) fn list_drafts(shop: &Shop, query: &Query) -> Answer {
    let defaults: Vec<&str> = DRAFT_DEFAULTS.to_vec();
    let fields = query.fields(&defaults);
    let page = query.page(shop, Kind::Orders, &DRAFTS, |row| flag(row, "is_draft_order"))?;
    let rows = page.rows.iter().map(|row| order(shop, row, &fields, false));
    Ok(page.reply("draft_orders", rows.collect()))
}

/// One order, under the name a reply gives it. A draft is found as an order too.
pub(crate) fn read(shop: &Shop, query: &Query, id: &str, name: &str) -> Answer {
    let row = shop.get(Kind::Orders, id);
    let row = row.filter(|row| name == "order" || flag(row, "is_draft_order"));
    let row = row.ok_or_else(|| Refusal::missing(format!("Order id not found: {id}")))?;
    let fields = query.fields(if name == "order" { DEFAULTS } else { DRAFT_DEFAULTS });
    Ok(json!({ name: order(shop, row, &fields, name == "order") }))
}

/// The money of an order.
pub(crate) struct Totals {
    items: Decimal,
    shipping: Decimal,
    discount: Decimal,
    credit: Decimal,
    paid: Decimal,
    refunded: Decimal,
}

impl Totals {
    pub(crate) fn of(row: &Row) -> Self {
        let rows = |field| list(row, field).iter().filter_map(Value::as_object);
        let items = rows("items").map(|one| amount(one, "unit_price") * amount(one, "quantity"));
        let discount = rows("items").flat_map(|one| list(one, "adjustments"));
        let moved = |keep: fn(&Decimal) -> bool| -> Decimal {
            rows("transactions").map(|one| amount(one, "amount")).filter(keep).sum()
        };
        Self {
            items: items.sum(),
            shipping: rows("shipping_methods").map(|one| amount(one, "amount")).sum(),
            discount: discount.map(|one| decimal(&one["amount"])).sum(),
            credit: rows("credit_lines").map(|one| amount(one, "amount")).sum(),
            paid: moved(Decimal::is_sign_positive),
            refunded: -moved(Decimal::is_sign_negative),
        }
    }

    /// Before discount and credit.
    fn original(&self) -> Decimal {
        self.items + self.shipping
    }

    /// What the order costs now.
    pub(crate) fn total(&self) -> Decimal {
        self.original() - self.discount - self.credit
    }

    /// What is still to be paid, or negative, to be given back.
    pub(crate) fn pending(&self) -> Decimal {
        self.total() - self.paid + self.refunded
    }

    fn summary(&self, row: &Row) -> Value {
        let before = row.get("_total_before").cloned().unwrap_or_else(|| number(self.total()));
        let credit = row.get("_credit").cloned().unwrap_or_else(|| 0.into());
        json!({
            "paid_total": number(self.paid),
            "refunded_total": number(self.refunded),
            "accounting_total": number(self.total()),
            "credit_line_total": credit,
            "transaction_total": number(self.paid - self.refunded),
            "pending_difference": number(self.pending()),
            "current_order_total": number(self.total()),
            "original_order_total": before,
        })
    }
}

fn order(shop: &Shop, row: &Row, fields: &Fields, with_states: bool) -> Value {
    let mut full = row.clone();
    full.shift_remove("is_draft_order");
    let totals = Totals::of(row);
    let items = totals.items - totals.discount;
    for (name, value) in [
        ("total", totals.total()),
        ("subtotal", totals.original()),
        ("original_total", totals.original()),
        ("original_subtotal", totals.original()),
        ("item_total", items),
        ("item_subtotal", totals.items),
        ("original_item_total", totals.items),
        ("original_item_subtotal", totals.items),
        ("shipping_total", totals.shipping),
        ("shipping_subtotal", totals.shipping),
        ("original_shipping_total", totals.shipping),
        ("original_shipping_subtotal", totals.shipping),
        ("discount_total", totals.discount),
        ("credit_line_total", totals.credit),
        ("credit_line_subtotal", totals.credit),
        ("tax_total", Decimal::ZERO),
        ("discount_tax_total", Decimal::ZERO),
        ("original_tax_total", Decimal::ZERO),
        ("item_tax_total", Decimal::ZERO),
        ("shipping_tax_total", Decimal::ZERO),
    ] {
        full.insert(name.into(), number(value));
    }
    full.insert("summary".into(), totals.summary(row));
    if fields.relation("items").is_some() {
        let items = list(row, "items").iter().filter_map(Value::as_object).map(line);
        let items: Vec<Value> = items.collect();
        full.insert("items".into(), Value::Array(items));
    }
    let collections = collections(shop, text(row, "id"));
    let paid = payment_status(&collections);
    if fields.relation("payment_collections").is_some() {
        full.insert("payment_collections".into(), Value::Array(collections));
    }
    let mut picked = fields.pick(&full);
    if let Value::Object(out) = &mut picked {
        for name in ["shipping_address", "billing_address"] {
            if fields.relation(name).is_some() && full.get(name) == Some(&Value::Null) {
                out.insert(name.into(), Value::Null);
            }
        }
        if with_states {
            for name in ["status", "version"] {
                out.insert(name.into(), full[name].clone());
            }
            out.insert("fulfillments".into(), full["fulfillments"].clone());
            out.insert("payment_status".into(), paid.into());
            out.insert("fulfillment_status".into(), fulfillment_status(row).into());
        }
    }
    picked
}

fn line(item: &Row) -> Value {
    let mut full = item.clone();
    let whole = amount(item, "unit_price") * amount(item, "quantity");
    let taken: Decimal = list(item, "adjustments").iter().map(|one| decimal(&one["amount"])).sum();
    for (name, value) in [
        ("subtotal", whole),
        ("original_total", whole),
        ("total", whole - taken),
        ("discount_total", taken),
        ("tax_total", Decimal::ZERO),
    ] {
        full.insert(name.into(), number(value));
    }
    Value::Object(full)
}

/// The payment collections of an order with their payments.
pub(crate) fn collections(shop: &Shop, order: &str) -> Vec<Value> {
    let rows = shop.table(Kind::PaymentCollections).by("order_id", order);
    rows.map(|row| collection(shop, row)).collect()
}

/// One payment collection with its payments.
pub(crate) fn collection(shop: &Shop, row: &Row) -> Value {
    let mut full = row.clone();
    let payments = shop.table(Kind::Payments).by("payment_collection_id", text(row, "id"));
    let payments: Vec<Value> = payments.cloned().map(Value::Object).collect();
    full.shift_remove("order_id");
    full.insert("payments".into(), Value::Array(payments));
    Value::Object(full)
}

fn payment_status(collections: &[Value]) -> &'static str {
    let sum = |field: &str| -> Decimal { collections.iter().map(|one| decimal(&one[field])).sum() };
    let (captured, refunded) = (sum("captured_amount"), sum("refunded_amount"));
    let open = collections.iter().any(|one| one["status"] == "not_paid");
    if captured.is_zero() {
        "not_paid"
    } else if refunded >= captured {
        "refunded"
    } else if refunded > Decimal::ZERO {
        "partially_refunded"
    } else if open {
        "partially_captured"
    } else {
        "captured"
    }
}

fn fulfillment_status(row: &Row) -> &'static str {
    if list(row, "fulfillments").is_empty() { "not_fulfilled" } else { "fulfilled" }
}
