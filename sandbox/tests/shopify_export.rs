//! The generated exports are what the manifest says, read again by a CSV reader that shares no
//! code with the generator.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop at what it did not expect")]

use cartage_sandbox::shopify_export::{Currency, Fault, Kind, Layout, Manifest, Outcome, Settings};
use cartage_sandbox::shopify_export::{generate, manifest_path};
use reader::{Row, groups, read};
use rust_decimal::Decimal;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

fn made(settings: &Settings) -> (tempfile::TempDir, PathBuf, Manifest) {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("shop");
    let manifest = generate(settings, &folder).unwrap();
    (place, folder, manifest)
}

fn small(layout: Layout) -> Settings {
    Settings { products: 1_100, customers: 600, orders: 900, layout, ..Settings::default() }
}

fn products(folder: &Path, manifest: &Manifest) -> Vec<Row> {
    let files = manifest.files.iter().filter(|name| name.starts_with("products"));
    files.flat_map(|name| read(&folder.join(name))).collect()
}

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap_or_else(|_| panic!("{text:?} is no amount"))
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_does_not() {
    let settings = Settings { products: 40, customers: 40, orders: 60, ..Settings::default() };
    let (_one, first, manifest) = made(&settings);
    let (_two, second, again) = made(&settings);
    let (_three, third, _) = made(&Settings { seed: 1, ..settings });
    assert_eq!(manifest, again);
    for name in &manifest.files {
        let bytes = |folder: &Path| std::fs::read(folder.join(name)).unwrap();
        assert_eq!(bytes(&first), bytes(&second), "{name}");
        assert_ne!(bytes(&first), bytes(&third), "{name}");
    }
    let saved = std::fs::read_to_string(manifest_path(&first)).unwrap();
    assert_eq!(serde_json::from_str::<Manifest>(&saved).unwrap(), manifest);
}

#[test]
fn the_files_hold_as_many_records_as_the_manifest_says() {
    for layout in [Layout::Current, Layout::Older] {
        let (_place, folder, manifest) = made(&small(layout));
        assert_eq!(manifest.files.len(), 4, "two product files, customers, orders");
        let counts = &manifest.records;
        let rows = products(&folder, &manifest);
        assert_eq!(groups(&rows, "Handle").len(), counts.products);
        let filled = |column| rows.iter().filter(|row| !row.get(column).is_empty()).count();
        assert_eq!(filled("Option1 Value"), counts.variants);
        assert_eq!(filled("Image Src"), counts.images);
        let named: BTreeSet<&str> = rows.iter().map(|row| row.get("Collection")).collect();
        let expected = if layout == Layout::Current { named.len() - 1 } else { 0 };
        assert_eq!(counts.collections, expected);
        assert_eq!(read(&folder.join("customers_export.csv")).len(), counts.customers);
        let rows = read(&folder.join("orders_export.csv"));
        assert_eq!(groups(&rows, "Name").len(), counts.orders);
        let lines = rows.iter().filter(|row| !row.get("Lineitem name").is_empty()).count();
        assert_eq!(lines, counts.lines);
        let total = counts.products + counts.customers + counts.orders + counts.collections;
        assert_eq!(manifest.total(), total);
        let guests = counts.guest_orders;
        assert!(guests > 50 && counts.refunded_orders > 50 && counts.cancelled_orders > 10);
        let stock = products(&folder, &manifest)
            .iter()
            .map(|row| row.get("Variant Inventory Qty"))
            .filter_map(|units| units.parse::<i64>().ok())
            .sum::<i64>();
        assert_eq!(manifest.stock.in_files, stock);
    }
}

#[test]
fn every_order_adds_up_and_so_does_the_money_of_the_manifest() {
    let (_place, folder, manifest) = made(&small(Layout::Current));
    let wrong: HashMap<&str, &str> = manifest
        .faults
        .iter()
        .flat_map(|(name, fault)| {
            fault.source_ids.iter().map(move |id| (id.as_str(), name.as_str()))
        })
        .collect();
    let rows = read(&folder.join("orders_export.csv"));
    let (mut contained, mut added) = (0, 0);
    for order in groups(&rows, "Name") {
        let fault = wrong.get(order[0].get("Name")).copied().unwrap_or_default();
        let amount = |column| decimal(order[0].get(column));
        let taxes: Decimal = (1..=5)
            .map(|n| order[0].get(&format!("Tax {n} Value")))
            .filter(|text| !text.is_empty())
            .map(decimal)
            .sum();
        assert_eq!(taxes, amount("Taxes"));
        if !["order_without_lines", "line_quantity_malformed"].contains(&fault) {
            let lines: Decimal = order
                .iter()
                .map(|row| {
                    let quantity = decimal(row.get("Lineitem quantity"));
                    decimal(row.get("Lineitem price")) * quantity
                        - decimal(row.get("Lineitem discount"))
                })
                .sum();
            assert_eq!(lines - amount("Discount Amount"), amount("Subtotal"));
        }
        let bare = amount("Subtotal") + amount("Shipping");
        let off = amount("Total") - bare;
        if fault == "order_total_mismatch" {
            assert!(off != Decimal::ZERO && off != amount("Taxes"));
        } else if off == Decimal::ZERO {
            contained += 1;
        } else {
            assert_eq!(off, amount("Taxes"));
            added += 1;
        }
        assert!(amount("Refunded Amount") <= amount("Total"));
    }
    assert!(contained > 100 && added > 100);

    let mut revenue: BTreeMap<String, Decimal> = BTreeMap::new();
    for order in groups(&rows, "Name") {
        let currency = order[0].get("Currency").replace("EURO", "?");
        *revenue.entry(currency).or_default() += decimal(order[0].get("Total"));
    }
    let mut stated: BTreeMap<String, Decimal> = BTreeMap::new();
    let both = manifest.money.iter().chain(&manifest.money_held_back);
    for (currency, months) in both {
        assert!(
            currency == "?" || months.len() > 1 || manifest.money_held_back.contains_key(currency)
        );
        let sum: Decimal = months.values().map(|month| month.revenue).sum();
        *stated.entry(currency.clone()).or_default() += sum;
    }
    assert_eq!(revenue, stated);
    assert!(revenue.len() == 5, "four currencies and an unreadable one");
}

/// Whether a fault can be seen in a record of the files (its rows), told only from the cells.
fn shows(fault: Fault, rows: &[&Row], sku_uses: &HashMap<&str, usize>) -> bool {
    let first = |column| rows[0].get(column);
    let either = |one, other| if first(one).is_empty() { first(other) } else { first(one) };
    let all_empty = |column| rows.iter().all(|row| row.get(column).is_empty());
    let variants = || rows.iter().filter(|row| !row.get("Option1 Value").is_empty());
    match fault {
        Fault::MissingTitle => first("Title").is_empty(),
        Fault::MalformedPrice => first("Variant Price") == "12,5O",
        Fault::NegativePrice => first("Variant Price").starts_with('-'),
        Fault::MissingPrice => first("Variant Price").is_empty(),
        Fault::ZeroPrice => variants().all(|row| row.get("Variant Price") == "0.00"),
        Fault::DuplicateSku => sku_uses[first("Variant SKU")] == 2,
        Fault::DuplicateVariant => {
            let values = |row: &&&Row| {
                ["1", "2", "3"].map(|n| row.get(&format!("Option{n} Value")).to_owned())
            };
            variants().map(|row| values(&row)).collect::<BTreeSet<_>>().len() + 1
                == variants().count()
        }
        Fault::UnsafeHandle => first("Handle").contains(' '),
        Fault::NegativeStock => first("Variant Inventory Qty").starts_with('-'),
        Fault::OverlongTitle => first("Title").chars().count() == 300,
        Fault::MojibakeText => first("Title").contains("GrÃ¼ne"),
        Fault::BrokenHtml => {
            first("Body (HTML)").contains("<b>") && !first("Body (HTML)").contains("</b>")
        }
        Fault::InvalidBarcode => variants().any(|row| !barcode_holds(row.get("Variant Barcode"))),
        Fault::MissingImageAlt => !all_empty("Image Src") && all_empty("Image Alt Text"),
        Fault::MissingSeo => all_empty("SEO Title") && all_empty("SEO Description"),
        Fault::DuplicateEmail | Fault::UntidyEmail => {
            let email = first("Email");
            email != email.trim() && email.trim() != email.trim().to_lowercase()
                || email != email.to_lowercase()
        }
        Fault::InvalidEmail => {
            let email = first("Email");
            !email.is_empty() && (email.matches('@').count() != 1 || email.contains(" @ "))
        }
        Fault::MissingEmail => first("Email").is_empty(),
        Fault::TestAccount => first("Tags") == "test-account",
        Fault::MalformedPhone => first("Phone").contains("call me"),
        Fault::UnknownCountry => either("Default Address Country Code", "Country Code") == "ZZ",
        Fault::MojibakeName => first("Last Name").contains('Ã'),
        Fault::MissingName => first("First Name").is_empty() && first("Last Name").is_empty(),
        Fault::OverlongCompany => {
            either("Default Address Company", "Company").chars().count() == 300
        }
        Fault::WithoutLines => all_empty("Lineitem name"),
        Fault::InvalidCurrency => first("Currency") == "EURO",
        Fault::DuplicateNumber => false, // counted over all orders
        Fault::MalformedDate => first("Created at").contains("-13-45"),
        Fault::MalformedQuantity => first("Lineitem quantity") == "two",
        Fault::TotalMismatch => {
            let off =
                decimal(first("Total")) - decimal(first("Subtotal")) - decimal(first("Shipping"));
            off != Decimal::ZERO && off != decimal(first("Taxes"))
        }
        Fault::FutureDate => first("Created at") > "2030",
        Fault::UnknownProduct => rows.iter().any(|row| row.get("Lineitem sku").starts_with("OLD-")),
    }
}

fn barcode_holds(code: &str) -> bool {
    let sum: u32 = code
        .chars()
        .enumerate()
        .map(|(place, digit)| digit.to_digit(10).unwrap() * if place % 2 == 0 { 1 } else { 3 })
        .sum();
    code.is_empty() || sum.is_multiple_of(10)
}

#[test]
fn every_planted_fault_is_in_the_files_and_no_other() {
    planted_faults_show(Layout::Current);
}

#[test]
fn every_planted_fault_is_in_files_of_the_older_layout_too() {
    planted_faults_show(Layout::Older);
}

/// What the manifest calls the record of these rows.
fn id_of(kind: Kind, layout: Layout, place: usize, rows: &[&Row]) -> String {
    match (kind, layout) {
        (Kind::Order, _) => rows[0].get("Name").to_owned(),
        (Kind::Customer, Layout::Current) => {
            rows[0].get("Customer ID").trim_start_matches('\'').to_owned()
        }
        (Kind::Customer, Layout::Older) => match rows[0].get("Email") {
            "" => format!("row:{}", place + 1),
            email => email.to_owned(),
        },
        _ => rows[0].get("Handle").to_owned(),
    }
}

fn planted_faults_show(layout: Layout) {
    let (_place, folder, manifest) = made(&small(layout));
    let product_rows = products(&folder, &manifest);
    let customer_rows = read(&folder.join("customers_export.csv"));
    let order_rows = read(&folder.join("orders_export.csv"));
    let mut sku_uses = HashMap::new();
    for sku in product_rows.iter().map(|row| row.get("Variant SKU")).filter(|sku| !sku.is_empty()) {
        *sku_uses.entry(sku).or_insert(0) += 1;
    }
    assert_eq!(manifest.faults.len(), Fault::ALL.len(), "each is planted in a shop of this size");
    for fault in Fault::ALL.iter().copied() {
        let planted = &manifest.faults[fault.name()];
        assert_eq!(planted.count, planted.source_ids.len());
        let key = "Name";
        let records = match fault.kind() {
            Kind::Product | Kind::Collection => groups(&product_rows, "Handle"),
            Kind::Customer => customer_rows.iter().map(|row| vec![row]).collect(),
            Kind::Order => groups(&order_rows, key),
        };
        let seen: Vec<String> = records
            .iter()
            .enumerate()
            .filter(|(_, rows)| shows(fault, rows, &sku_uses))
            .map(|(place, rows)| id_of(fault.kind(), layout, place, rows))
            .collect();
        match fault {
            Fault::DuplicateNumber => {
                let numbers: BTreeSet<&str> = records.iter().map(|rows| rows[0].get(key)).collect();
                assert_eq!(records.len() - numbers.len(), planted.count);
                assert!(planted.source_ids.iter().all(|id| numbers.contains(id.as_str())));
            }
            Fault::DuplicateSku => assert_eq!(seen.len(), 2 * planted.count, "and its partners"),
            Fault::DuplicateEmail | Fault::UntidyEmail => {
                assert!(planted.source_ids.iter().all(|id| seen.contains(id)));
                let other = manifest.faults["untidy_email"].count;
                assert_eq!(seen.len(), other + manifest.faults["duplicate_customer_email"].count);
            }
            _ => assert_eq!(seen, planted.source_ids, "{}", fault.name()),
        }
    }
    let emails: Vec<String> = customer_rows
        .iter()
        .map(|row| row.get("Email").trim().to_lowercase())
        .filter(|email| !email.is_empty())
        .collect();
    let distinct: BTreeSet<&String> = emails.iter().collect();
    assert_eq!(emails.len() - distinct.len(), manifest.faults["duplicate_customer_email"].count);
}

#[test]
fn few_records_are_lost_and_the_outcomes_add_up() {
    for settings in [Settings::default(), small(Layout::Older)] {
        let (_place, _, manifest) = made(&settings);
        let lost = [Outcome::Quarantined, Outcome::Merged, Outcome::Excluded];
        let lost: usize = lost.into_iter().map(|outcome| manifest.expected(outcome)).sum();
        assert!(lost > 0 && lost * 20 < manifest.total(), "{lost} of {}", manifest.total());
        let planted: usize = manifest
            .faults
            .values()
            .filter(|fault| !fault.expected_outcome.arrives())
            .map(|fault| fault.count)
            .sum();
        assert_eq!(lost, planted, "no record carries two faults");
    }
}

#[test]
fn the_end_to_end_shop_has_everything_but_faults_that_matter() {
    let (_place, _, manifest) = made(&Settings::end_to_end());
    let counts = &manifest.records;
    assert_eq!((counts.products, counts.customers, counts.orders), (300, 300, 500));
    assert!(
        counts.guest_orders > 30 && counts.refunded_orders > 20 && counts.discounted_orders > 50
    );
    assert_eq!(manifest.expected(Outcome::Migrated), manifest.total());
    assert!(manifest.faults.values().all(|fault| fault.expected_outcome == Outcome::Migrated));
    assert_eq!(manifest.money.keys().collect::<Vec<_>>(), ["EUR", "GBP", "JPY", "USD"]);
    assert!(manifest.money_held_back.is_empty());
    assert_eq!(Currency::Jpy.scale(), 0);
}

#[test]
fn all_columns_that_a_shop_of_this_sort_fills_are_filled() {
    let (_place, folder, manifest) = made(&small(Layout::Current));
    let empty = |rows: &[Row]| -> Vec<String> {
        let names = rows[0].names();
        names
            .filter(|name| rows.iter().all(|row| row.get(name).is_empty()))
            .map(str::to_owned)
            .collect()
    };
    let allowed = [
        "Linked To",
        "Unit Price",
        "Custom Label",
        "Price /",
        "Tax Code",
        "Tax 3",
        "Tax 4",
        "Tax 5",
        "Employee",
        "Location",
        "Device ID",
        "Receipt Number",
        "Duties",
        "Terms",
        "Due At",
    ];
    let customers = read(&folder.join("customers_export.csv"));
    let orders = read(&folder.join("orders_export.csv"));
    for rows in [products(&folder, &manifest), customers, orders] {
        let unexpected: Vec<String> = empty(&rows)
            .into_iter()
            .filter(|name| !allowed.iter().any(|part| name.contains(part)))
            .collect();
        assert_eq!(unexpected, Vec::<String>::new());
    }
}

/// A CSV reader of a few lines: quotes, doubled quotes, newlines inside quotes, nothing else.
mod reader {
    use std::collections::HashMap;
    use std::path::Path;
    use std::rc::Rc;

    /// A row by column names.
    pub(super) struct Row {
        places: Rc<HashMap<String, usize>>,
        cells: Vec<String>,
    }

    impl Row {
        pub(super) fn get(&self, column: &str) -> &str {
            self.places.get(column).map_or("", |place| self.cells[*place].as_str())
        }

        pub(super) fn names(&self) -> impl Iterator<Item = &str> {
            self.places.keys().map(String::as_str)
        }
    }

    pub(super) fn read(path: &Path) -> Vec<Row> {
        let text = std::fs::read_to_string(path).unwrap();
        let mut rows = split(&text).into_iter();
        let heading = rows.next().unwrap();
        let places: HashMap<String, usize> =
            heading.into_iter().enumerate().map(|(place, name)| (name, place)).collect();
        let places = Rc::new(places);
        rows.map(|cells| {
            assert_eq!(cells.len(), places.len());
            Row { places: Rc::clone(&places), cells }
        })
        .collect()
    }

    /// Rows that stand together and share a key are one record.
    pub(super) fn groups<'a>(rows: &'a [Row], key: &str) -> Vec<Vec<&'a Row>> {
        let mut groups: Vec<Vec<&Row>> = Vec::new();
        for row in rows {
            match groups.last_mut() {
                Some(group) if group[0].get(key) == row.get(key) => group.push(row),
                _ => groups.push(vec![row]),
            }
        }
        groups
    }

    fn split(text: &str) -> Vec<Vec<String>> {
        let (mut rows, mut row, mut cell, mut quoted) =
            (Vec::new(), Vec::new(), String::new(), false);
        let mut signs = text.chars().peekable();
        while let Some(sign) = signs.next() {
            match sign {
                '"' if quoted && signs.peek() == Some(&'"') => cell.extend(signs.next()),
                '"' => quoted = !quoted,
                ',' if !quoted => row.push(std::mem::take(&mut cell)),
                '\n' if !quoted => {
                    row.push(std::mem::take(&mut cell));
                    rows.push(std::mem::take(&mut row));
                }
                other => cell.push(other),
            }
        }
        rows
    }
}
