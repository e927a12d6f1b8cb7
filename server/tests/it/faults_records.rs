//! Records that are poison: to the mapping, to the shop, to the size of anything. Each is kept back
//! with its reason, and none takes another one with it. R18.
//!
//! A shop that hangs at a record is not tried here: an answer is waited for 60 s, and for some thirty of
//! them before the record is given up. It is the same to the service as one that hangs up.

use std::collections::BTreeMap;

use cartage_client::{
    road,
    v1::{self, ErrorReason, Outcome, RecordKind, field_rule, run::State},
    wait,
};
use cartage_sandbox::medusa::{Fault, Faults, Rule};

use crate::{
    invariants::{self, Evidence},
    support::{Server, folder, products, soon},
    walk::Walk,
};

/// How many records of each kind are as they should be.
const SOUND: usize = 30;
/// With the one that is poison.
const ALL: usize = SOUND + 1;

/// Products and customers, of each one that is poison.
fn export() -> tempfile::TempDir {
    let rows: String = (0..SOUND).map(|n| format!("p{n},Product {n},,Acme,{n}\n")).collect();
    let mut customers = "Customer ID,First Name,Last Name,Email,Accepts Email Marketing,\
        Default Address Address1,Default Address City,Default Address Country Code,\
        Default Address Zip,Phone,Note,Tags\n"
        .to_owned();
    for n in 0..=SOUND {
        let name = if n == SOUND / 2 { "Poison" } else { "Anna" };
        customers
            .push_str(&format!("'{n},{name},Muster,c{n}@example.com,no,Weg 1,Bern,CH,3000,,,\n"));
    }
    folder(&[
        ("products_export.csv", &products(&format!("{rows}poison,Poison,,Acme,1\n"))),
        ("customers_export.csv", customers.as_bytes()),
    ])
}

async fn assert_poison_is_kept_back(fault: Fault) {
    let server = Server::start().await;
    let files = export();
    let walk = Walk::begin(&server, files.path()).await;
    let (plan, before) = walk.ready().await;
    let rule = Rule { fault, body: Some("Poison".to_owned()), ..Rule::default() };
    walk.shop.set_faults(Faults { rules: vec![rule], ..Faults::default() });
    let run = walk.live(&plan, &before).await;
    assert!(
        matches!(run.state(), State::Succeeded | State::AwaitingAcceptance),
        "{fault:?}: {run:?}"
    );
    let accounting = run.accounting.as_ref().unwrap();
    assert_eq!(accounting.unaccounted, 0, "{fault:?}: {run:?}");
    for (kind, name, poison) in
        [(RecordKind::Product, "PRODUCT", "poison"), (RecordKind::Customer, "CUSTOMER", "15")]
    {
        let records = walk.records(&run.name, &format!("kind = {name}")).await;
        assert_eq!(records.len(), SOUND + 1, "{fault:?}");
        for record in records {
            let arrived = matches!(record.outcome(), Outcome::Migrated | Outcome::Changed);
            assert_eq!(arrived, record.source_id != poison, "{fault:?}, {kind:?}: {record:?}");
            if !arrived {
                let kept = matches!(record.outcome(), Outcome::Quarantined | Outcome::Unknown);
                assert!(kept && record.failure.is_some(), "{fault:?}: {record:?}");
            }
        }
    }
    let evidence = || Evidence {
        shop: Some(walk.shop.state("cartage_key")),
        lease: Some(std::time::Duration::from_secs(6)),
        ..Evidence::default()
    };
    invariants::hold(&server.database.url, &evidence()).await;

    // The shop can bear it now: what was kept back arrives, and nothing comes twice.
    walk.shop.set_faults(Faults::default());
    let again = if run.state() == State::Succeeded {
        walk.live(&plan, &before).await
    } else {
        let retry = v1::RetryRunRequest { name: run.name, ..Default::default() };
        let run = walk.client.call(retry).await.unwrap().name;
        soon(wait::run(&walk.client, &run, |_| {})).await.unwrap()
    };
    assert_eq!(again.state(), State::Succeeded, "{fault:?}: {again:?}");
    let counts = walk.shop.state("cartage_key")["counts"].clone();
    assert_eq!((&counts["products"], &counts["customers"]), (&ALL.into(), &ALL.into()));
    let report = soon(road::verify_run(&walk.client, &again.name, |_| {})).await.unwrap();
    assert!(report.passed, "{report:?}");
    invariants::hold(&server.database.url, &evidence()).await;
}

/// R18: the shop fails at one record, always, before it does anything.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_at_which_the_shop_always_fails_takes_no_other_with_it() {
    assert_poison_is_kept_back(Fault::FailBefore).await;
}

/// R18: the shop breaks the connection at one record, always.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_at_which_the_shop_always_hangs_up_takes_no_other_with_it() {
    assert_poison_is_kept_back(Fault::CutBefore).await;
}

/// R18: records that a mapping fails at, that are larger than anything may be, and that the shop
/// refuses, in one run.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_is_huge_or_that_a_mapping_fails_at_takes_no_other_with_it() {
    let server = Server::start().await;
    let sound: String = (0..SOUND).map(|n| format!("p{n},Product {n},,Acme,{n}\n")).collect();
    let mut rows = products(&sound);
    rows.extend_from_slice(b"trips,Trips,,Acme,1\nhuge,Huge,\"");
    rows.resize(rows.len() + 50_000_000, b'x');
    rows.extend_from_slice(b"\",Acme,3\nrefused,Refuse me,,Acme,4\nlast,Last,,Acme,5\n");
    let files = folder(&[("products_export.csv", &rows)]);
    drop(rows);
    let mut walk = Walk::begin(&server, files.path()).await;
    let name = walk.revision.rsplit_once("/revisions/").unwrap().0.to_owned();
    let mapping = walk.client.call(v1::GetMappingRequest { name }).await.unwrap();
    let mut content = mapping.content.unwrap();
    let trips =
        r#"if .title.value == "Trips" { to_string(to_int!(.title.value)) } else { "fine" }"#;
    content
        .rules
        .retain(|rule| rule.kind() != RecordKind::Product || rule.target_field != "subtitle");
    content.rules.push(v1::FieldRule {
        kind: RecordKind::Product.into(),
        target_field: "subtitle".to_owned(),
        value: Some(field_rule::Value::Expression(trips.to_owned())),
        ..Default::default()
    });
    let revision = road::publish_mapping(&walk.client, &walk.migration, Some(content)).await;
    walk.revision = revision.unwrap().name;
    let (plan, before) = walk.ready().await;
    walk.shop.set_faults(Faults { markers: vec!["Refuse me".to_owned()], ..Faults::default() });
    let run = walk.live(&plan, &before).await;
    assert_eq!(run.state(), State::Succeeded, "{run:?}");
    assert_eq!(run.accounting.as_ref().unwrap().unaccounted, 0, "{run:?}");
    let records = walk.records(&run.name, "kind = PRODUCT").await;
    let kept: BTreeMap<&str, ErrorReason> = records
        .iter()
        .filter(|record| record.outcome() == Outcome::Quarantined)
        .map(|it| (it.source_id.as_str(), it.failure.as_ref().unwrap().reason()))
        .collect();
    let expected = [
        ("huge", ErrorReason::CellTooLarge),
        ("refused", ErrorReason::TargetRefusedRecord),
        ("trips", ErrorReason::MappingExpressionFailed),
    ];
    assert_eq!(kept, BTreeMap::from(expected));
    assert_eq!(records.len(), SOUND + 4);
    let state = walk.shop.state("cartage_key");
    assert_eq!(state["counts"]["products"], SOUND + 1, "the last one has arrived as well");
    let report = soon(road::verify_run(&walk.client, &run.name, |_| {})).await.unwrap();
    assert!(report.passed, "{report:?}");
    let evidence = Evidence { shop: Some(state), ..Evidence::default() };
    invariants::hold(&server.database.url, &evidence).await;
}
