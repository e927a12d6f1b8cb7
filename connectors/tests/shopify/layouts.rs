//! The older, today's and the newest columns of the same shop give equal canonical records.

use cartage_connectors::Source;
use cartage_model::{Customer, Kind, Record, Scope, ScopedValue};

use crate::support::{fixture, folder, open, open_file, read};

fn records(file: &str, kind: Kind) -> Vec<Record> {
    read(&open_file(fixture(file)), kind).into_iter().map(Result::unwrap).collect()
}

#[test]
fn products_are_equal_in_all_three_layouts() {
    let older = records("products_older.csv", Kind::Product);
    assert_eq!(older.len(), 3);
    assert_eq!(older, records("products_current.csv", Kind::Product));
    assert_eq!(older, records("products_newest.csv", Kind::Product));
}

#[test]
fn orders_are_equal_in_both_layouts() {
    let older = records("orders_older.csv", Kind::Order);
    assert_eq!(older.len(), 2);
    assert_eq!(older, records("orders_current.csv", Kind::Order));
}

/// Without what only some layouts say: the id, and the long names beside the codes.
fn common(records: Vec<Record>) -> Vec<Customer> {
    let common = |record| {
        let Record::Customer(mut customer) = record else { panic!("{record:?}") };
        customer.source_id.clear();
        customer.consents.truncate(1);
        for address in &mut customer.addresses {
            (address.country, address.province) = (None, None);
        }
        customer
    };
    records.into_iter().map(common).collect()
}

#[test]
fn customers_are_equal_in_all_layouts_but_for_what_only_some_say() {
    let current = records("customers_current.csv", Kind::Customer);
    assert_eq!(current[0].source_id(), "7210448301122");
    let older = records("customers_older.csv", Kind::Customer);
    assert_eq!(older[0].source_id(), "anne@example.com");
    let current = common(current);
    assert_eq!(common(older), current);
    assert_eq!(common(records("customers_middle.csv", Kind::Customer)), current);

    let anne = &current[0];
    assert_eq!(anne.email.as_deref(), Some(" Anne@Example.com"));
    assert_eq!(anne.note.as_deref(), Some("Rings twice,\nleave with neighbour"));
    assert_eq!((anne.tax_exempt, anne.orders_count), (Some(false), Some(3)));
    assert_eq!(anne.groups, ["vip", "wholesale"]);
    let address = &anne.addresses[0];
    assert_eq!(address.postal_code.as_deref(), Some("10115"));
    assert_eq!(address.country_code.as_deref(), Some("DE"));
    assert!(address.default_billing && address.default_shipping);
    assert!(anne.unknown.is_empty());
    assert!(current[1].addresses.is_empty());
}

#[tokio::test]
async fn the_markets_of_the_product_columns_are_parts_of_the_shop() {
    let products =
        b"Handle,Title,Vendor,Status,Variant Price,Included / EU,Price / EU,Price / US\n\
        mug,Mug,Acme,active,9.90,true,10.90,12.00\n";
    let folder = folder(&[("products.csv", products)]);
    let source = open(folder.path()).unwrap();
    let said = source.scopes().await.unwrap();
    assert_eq!(said.len(), 1);
    assert_eq!(said[0].body["header"][6], "Price / EU");
    let tree = source.read_map().scopes(&said).unwrap();
    let scopes: Vec<&Scope> = tree.nodes().iter().map(|node| &node.scope).collect();
    let market = |name: &str| Scope::Website(name.to_owned());
    assert_eq!(scopes, [&Scope::Shop, &market("EU"), &market("US")]);
    assert_eq!(tree.shop().unwrap().currency.as_ref().unwrap().as_str(), "EUR");
}

#[test]
fn in_which_markets_a_product_is_is_read() {
    let products =
        b"Handle,Title,Vendor,Status,Variant Price,Variant SKU,Included / EU,Included / US,Included / UK\n\
        mug,Mug,Acme,active,9.90,a,false,TRUE,perhaps\n\
        mug,,,,9.90,b,false,,\n";
    let folder = folder(&[("products.csv", products)]);
    let source = open(folder.path()).unwrap();
    let found = read(&source, Kind::Product).remove(0).unwrap();
    let Record::Product(product) = found else { panic!("{found:?}") };
    let said =
        |market: &str, value| ScopedValue { scope: Scope::Website(market.to_owned()), value };
    assert_eq!(product.assigned.value, None);
    assert_eq!(product.assigned.scoped, [said("EU", false), said("US", true)]);
    let unknown: Vec<_> = product.unknown.0.keys().map(String::as_str).collect();
    assert_eq!(unknown, ["Included / UK"]);
}
