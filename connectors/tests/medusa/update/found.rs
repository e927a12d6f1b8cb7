//! Objects are found by each field that tells them apart.

use cartage_connectors::{Error, Target};
use cartage_model::Kind;
use serde_json::json;

use super::{
    super::support::{set_fault, shops, simulated, simulation},
    post, usual,
};

#[tokio::test(flavor = "multi_thread")]
async fn objects_are_found_by_each_field() {
    for shop in shops().await {
        let (_, cases, _) = usual(&shop).await;
        let run = &shop.run;
        for (kind, field, value, id) in [
            (Kind::Product, "handle", format!("p1-{run}"), "p1"),
            (Kind::Product, "sku", format!("A-M-{run}"), "p1"),
            (Kind::Category, "handle", format!("clothes-{run}"), "c1"),
            (Kind::Collection, "handle", format!("summer-{run}"), "k1"),
            (Kind::CustomerGroup, "name", format!("Retail {run}"), "g1"),
            (Kind::Customer, "email", format!("jane.{run}@example.com"), "u1"),
        ] {
            assert!(shop.medusa.match_fields(kind).contains(&field));
            let values = [value.clone(), "cartage:nobody".to_owned(), String::new()];
            let found = shop.medusa.find(kind, field, &values).await.unwrap();
            assert_eq!(found[&value], [cases[id].target_id.clone()], "{kind} {field}");
            assert!(found["cartage:nobody"].is_empty() && found[""].is_empty(), "{kind} {field}");
        }
        assert!(shop.medusa.match_fields(Kind::Order).is_empty());
        let error = shop.medusa.find(Kind::Order, "number", &["#1".to_owned()]).await.unwrap_err();
        assert!(matches!(error, Error::Settings { .. }), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_values_and_many_hits_are_all_given() {
    let shop = simulated().await;
    let faults = cartage_sandbox::medusa::Faults {
        duplicates_accepted: true,
        ..cartage_sandbox::medusa::Faults::default()
    };
    simulation(&shop).set_faults(faults);
    for number in 0..55 {
        for _ in 0..5 {
            let body = json!({ "email": format!("many{number}@example.com") });
            post(&shop, "/admin/customers", &body).await;
        }
    }
    let values: Vec<String> = (0..56).map(|number| format!("many{number}@example.com")).collect();
    let found = shop.medusa.find(Kind::Customer, "email", &values).await.unwrap();
    assert_eq!(found.len(), 56);
    assert_eq!(found.values().map(Vec::len).sum::<usize>(), 275);
    assert_eq!(found["many7@example.com"].len(), 5);
    assert!(found["many55@example.com"].is_empty());
    set_fault(
        &shop,
        cartage_sandbox::medusa::Rule {
            fault: cartage_sandbox::medusa::Fault::Refuse { status: 401 },
            reads: true,
            ..cartage_sandbox::medusa::Rule::default()
        },
    );
    let error = shop.medusa.find(Kind::Customer, "email", &values).await.unwrap_err();
    assert!(matches!(error, Error::Unauthorised { .. }), "{error}");
}
