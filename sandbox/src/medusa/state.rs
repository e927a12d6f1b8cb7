//! Everything the shop holds: its tables, the undo log that makes a refused request leave
//! nothing behind, and its form on disk.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::error::Answer;
use super::table::Table;
use super::value::{Row, text};

/// The kinds of object, one table each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    ApiKeys,
    Stores,
    SalesChannels,
    StockLocations,
    FulfillmentSets,
    ShippingProfiles,
    ShippingOptions,
    Regions,
    TaxRegions,
    TaxRates,
    Promotions,
    Categories,
    Collections,
    Tags,
    Types,
    Products,
    Variants,
    InventoryItems,
    Customers,
    Addresses,
    Groups,
    Orders,
    PaymentCollections,
    Payments,
}

/// A kind's name in the state file and in counts, its id prefix and its indexed fields.
const KINDS: &[(Kind, &str, &str, &[&str])] = &[
    (Kind::ApiKeys, "api_keys", "apk", &["token"]),
    (Kind::Stores, "stores", "store", &[]),
    (Kind::SalesChannels, "sales_channels", "sc", &["name"]),
    (Kind::StockLocations, "stock_locations", "sloc", &["name"]),
    (Kind::FulfillmentSets, "fulfillment_sets", "fuset", &["name"]),
    (Kind::ShippingProfiles, "shipping_profiles", "sp", &["name"]),
    (Kind::ShippingOptions, "shipping_options", "so", &["name"]),
    (Kind::Regions, "regions", "reg", &["name", "currency_code"]),
    (Kind::TaxRegions, "tax_regions", "txreg", &["country_code"]),
    (Kind::TaxRates, "tax_rates", "txr", &[]),
    (Kind::Promotions, "promotions", "promo", &["code"]),
    (
        Kind::Categories,
        "product_categories",
        "pcat",
        &["handle", "external_id", "parent_category_id"],
    ),
    (Kind::Collections, "collections", "pcol", &["handle", "external_id"]),
    (Kind::Tags, "product_tags", "ptag", &["value", "external_id"]),
    (Kind::Types, "product_types", "ptyp", &["value", "external_id"]),
    (Kind::Products, "products", "prod", &["handle", "external_id", "options.id"]),
    (
        Kind::Variants,
        "variants",
        "variant",
        &["product_id", "sku", "barcode", "ean", "upc", "_inventory.inventory_item_id"],
    ),
    (Kind::InventoryItems, "inventory_items", "iitem", &["sku", "location_levels.id"]),
    (Kind::Customers, "customers", "cus", &["email"]),
    (Kind::Addresses, "addresses", "cuaddr", &["customer_id"]),
    (Kind::Groups, "customer_groups", "cusgroup", &["name"]),
    (Kind::Orders, "orders", "order", &["customer_id", "email"]),
    (Kind::PaymentCollections, "payment_collections", "pay_col", &["order_id"]),
    (Kind::Payments, "payments", "pay", &["payment_collection_id"]),
];

impl Kind {
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        KINDS.iter().map(|(kind, ..)| *kind)
    }

    /// The name in the state file and in counts.
    pub(crate) fn name(self) -> &'static str {
        KINDS[self as usize].1
    }

    /// The prefix of its ids.
    pub(crate) fn prefix(self) -> &'static str {
        KINDS[self as usize].2
    }
}

/// What takes back one change of a table.
#[derive(Debug)]
struct Undo {
    kind: Kind,
    place: u64,
    before: Option<Row>,
}

/// The shop's data.
#[derive(Debug)]
pub(crate) struct Shop {
    tables: Vec<Table>,
    undo: Vec<Undo>,
    display_id: u64,
    pub(crate) habits: Habits,
}

/// What the shop does wrong all the time, as the faults say.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Habits {
    /// Lists do not show yet what was made since.
    pub(crate) search_lag: Duration,
    /// What must be unique is taken twice.
    pub(crate) takes_duplicates: bool,
}

impl Shop {
    /// A shop with nothing in it.
    pub(crate) fn empty() -> Self {
        let tables = KINDS.iter().map(|(_, _, _, indexed)| Table::new(indexed)).collect();
        Self { tables, undo: Vec::new(), display_id: 0, habits: Habits::default() }
    }

    pub(crate) fn table(&self, kind: Kind) -> &Table {
        &self.tables[kind as usize]
    }

    pub(crate) fn get(&self, kind: Kind, id: &str) -> Option<&Row> {
        self.table(kind).get(id)
    }

    pub(crate) fn has(&self, kind: Kind, id: &str) -> bool {
        self.get(kind, id).is_some()
    }

    /// The first row with this value in an indexed field.
    pub(crate) fn find(&self, kind: Kind, field: &str, value: &str) -> Option<&Row> {
        self.table(kind).by(field, value).next()
    }

    /// Adds a row and gives its id back.
    pub(crate) fn insert(&mut self, kind: Kind, row: Row) -> String {
        let id = text(&row, "id").to_owned();
        let table = &mut self.tables[kind as usize];
        table.push(row);
        if let Some(place) = table.place(&id) {
            self.undo.push(Undo { kind, place, before: None });
        }
        id
    }

    /// Changes a row; nothing happens when there is none.
    pub(crate) fn update(&mut self, kind: Kind, id: &str, change: impl FnOnce(&mut Row)) {
        let table = &mut self.tables[kind as usize];
        let Some(place) = table.place(id) else { return };
        let Some(before) = table.take(place) else { return };
        let mut row = before.clone();
        change(&mut row);
        table.put(place, row);
        self.undo.push(Undo { kind, place, before: Some(before) });
    }

    /// Takes a row out.
    pub(crate) fn remove(&mut self, kind: Kind, id: &str) {
        let table = &mut self.tables[kind as usize];
        let Some(place) = table.place(id) else { return };
        let before = table.take(place);
        self.undo.push(Undo { kind, place, before });
    }

    /// The next order number.
    pub(crate) fn next_display_id(&mut self) -> u64 {
        self.display_id += 1;
        self.display_id
    }

    /// Runs a change that leaves nothing behind when it is refused.
    pub(crate) fn transaction<T>(
        &mut self,
        change: impl FnOnce(&mut Self) -> Answer<T>,
    ) -> Answer<T> {
        self.undo.clear();
        let answer = change(self);
        if answer.is_err() {
            while let Some(Undo { kind, place, before }) = self.undo.pop() {
                let table = &mut self.tables[kind as usize];
                match before {
                    Some(row) => table.put(place, row),
                    None => drop(table.take(place)),
                }
            }
        }
        self.undo.clear();
        answer
    }

    /// The whole shop as JSON, for the state file.
    pub(crate) fn dump(&self) -> Value {
        let mut tables = Map::new();
        for kind in Kind::all() {
            let rows = self.table(kind).rows().cloned().map(Value::Object).collect();
            tables.insert(kind.name().into(), Value::Array(rows));
        }
        json!({ "format": 1, "display_id": self.display_id, "tables": tables })
    }

    /// The shop of a state file.
    pub(crate) fn load(dump: &Value) -> Self {
        let mut shop = Self::empty();
        shop.display_id = dump.get("display_id").and_then(Value::as_u64).unwrap_or(0);
        for kind in Kind::all() {
            let rows = dump.get("tables").and_then(|tables| tables.get(kind.name()));
            for row in rows.and_then(Value::as_array).into_iter().flatten() {
                if let Value::Object(row) = row {
                    shop.tables[kind as usize].push(row.clone());
                }
            }
        }
        shop
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::medusa::error::Refusal;

    #[test]
    fn kinds_stand_in_order() {
        for (place, (kind, ..)) in KINDS.iter().enumerate() {
            assert_eq!(*kind as usize, place);
        }
    }

    #[test]
    fn a_refused_transaction_leaves_nothing() {
        let mut shop = Shop::empty();
        let row = |id: &str, email: &str| {
            json!({ "id": id, "email": email }).as_object().cloned().unwrap()
        };
        shop.insert(Kind::Customers, row("cus_1", "a@x.test"));
        let refused: Answer<()> = shop.transaction(|shop| {
            shop.insert(Kind::Customers, row("cus_2", "b@x.test"));
            shop.update(Kind::Customers, "cus_1", |row| {
                row.insert("email".into(), "c@x.test".into());
            });
            shop.remove(Kind::Customers, "cus_1");
            Err(Refusal::unknown())
        });
        assert!(refused.is_err());
        assert_eq!(shop.table(Kind::Customers).len(), 1);
        assert!(shop.find(Kind::Customers, "email", "a@x.test").is_some());
        assert!(shop.find(Kind::Customers, "email", "b@x.test").is_none());
        assert!(shop.find(Kind::Customers, "email", "c@x.test").is_none());
    }
}
