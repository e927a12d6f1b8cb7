//! Finding records by what people know of them, and links on their way out and in.

use std::collections::BTreeSet;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use cartage_client::{
    Client,
    links::{self, Exported},
    paginate, road,
    v1::{
        self, ErrorReason, Outcome, RecordKind, export_record_links_request::Format,
        find_record_request::Key, run::State,
    },
};
use cartage_sandbox::medusa::Faults;
use futures::TryStreamExt;
use serde_json::Value;
use sqlx::{Executor, Row, postgres::PgPool};

use crate::{
    support::{Server, folder, refused_with, soon, uuid4, violation},
    walk::{Walk, live},
};

const PRODUCTS: &str = "Handle,Title,Vendor,Variant SKU,Variant Price\n\
    hat,Hat,Acme,HAT-1,10.00\n\
    coat,Refuse me,Acme,COAT-1,20.00\n\
    sock,Sock,Hidden,SOCK-1,5.00\n";
const CUSTOMERS: &str = "Customer ID,First Name,Last Name,Email,Accepts Email Marketing,\
    Default Address Address1,Default Address City,Default Address Country Code,\
    Default Address Zip,Phone,Note,Tags\n\
    '1,Anna,Muster,anna@example.com,no,Weg 1,Bern,CH,3000,,,\n\
    '2,Anna,Muster,Anna@example.com,no,Weg 1,Bern,CH,3000,,,\n\
    '3,Berta,Muster,berta@example.com,no,Weg 2,Bern,CH,3000,,,\n";
/// Two stores count alike: their orders have the same number.
const ORDERS: &str = "Name,Email,Currency,Subtotal,Shipping,Taxes,Total,Discount Amount,Created at,\
    Lineitem quantity,Lineitem name,Lineitem price,Lineitem discount,Lineitem sku,Financial Status,\
    Outstanding Balance,Id\n\
    #1001,anna@example.com,EUR,10.00,0,0,10.00,0,2024-05-01 10:00:00 +0200,1,Hat,10.00,0,HAT-1,paid,0,501\n\
    #1001,berta@example.com,EUR,10.00,0,0,10.00,0,2024-05-02 10:00:00 +0200,1,Hat,10.00,0,HAT-1,paid,0,502\n\
    #1002,anna@example.com,EUR,20.00,0,0,20.00,0,2024-05-03 10:00:00 +0200,2,Hat,10.00,0,HAT-1,paid,0,503\n";

fn shop(products: &str) -> tempfile::TempDir {
    folder(&[
        ("products_export.csv", products.as_bytes()),
        ("customers_export.csv", CUSTOMERS.as_bytes()),
        ("orders_export.csv", ORDERS.as_bytes()),
    ])
}

/// The same shop without what is refused or left out.
fn tidy_shop() -> tempfile::TempDir {
    let rows: Vec<&str> = PRODUCTS.split_inclusive('\n').take(2).collect();
    shop(&rows.concat())
}

/// Leaves out the products of one vendor.
async fn exclude_hidden(walk: &mut Walk) {
    let client = walk.client.clone();
    let name = walk.revision.rsplit_once("/revisions/").unwrap().0.to_owned();
    let mut mapping = client.call(v1::GetMappingRequest { name }).await.unwrap();
    mapping.content.as_mut().unwrap().exclusions.push(v1::RecordFilter {
        kind: RecordKind::Product.into(),
        name: "hidden".to_owned(),
        predicate: ".vendor == \"Hidden\"".to_owned(),
    });
    let update = v1::UpdateMappingRequest { mapping: Some(mapping), ..Default::default() };
    let mapping = client.call(update).await.unwrap();
    let publish =
        v1::PublishMappingRequest { name: mapping.name, etag: mapping.etag, ..Default::default() };
    walk.revision = client.call(publish).await.unwrap().name;
}

/// Another migration between the same shops, with the same snapshot.
async fn begin_again(walk: &mut Walk) {
    let options = road::Options::new("accounts/acme", &walk.source, &walk.target);
    walk.migration = road::create_migration(&walk.client, &options).await.unwrap().name;
    let revision = road::publish_mapping(&walk.client, &walk.migration, None).await.unwrap();
    walk.revision = revision.name;
}

fn find(walk: &Walk, key: Key) -> v1::FindRecordRequest {
    v1::FindRecordRequest { parent: walk.migration.clone(), key: Some(key), ..Default::default() }
}

async fn found(walk: &Walk, key: Key) -> Vec<v1::FoundRecord> {
    let request = v1::FindRecordRequest { page_size: 2, ..find(walk, key) };
    paginate(&walk.client, request).try_collect().await.unwrap()
}

/// Kind, source id and outcome of what was found.
fn told(found: &[v1::FoundRecord]) -> Vec<(RecordKind, &str, Outcome)> {
    let records = found.iter().map(|it| it.run_record.as_ref().unwrap());
    records.map(|it| (it.kind(), it.source_id.as_str(), it.outcome())).collect()
}

fn text(value: &str) -> String {
    value.to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_is_found_by_what_people_know_of_it_whatever_became_of_it() {
    let server = Server::start().await;
    let files = shop(PRODUCTS);
    let mut walk = Walk::begin(&server, files.path()).await;
    exclude_hidden(&mut walk).await;
    let (plan, before) = walk.ready().await;
    walk.shop.set_faults(Faults { markers: vec!["Refuse me".to_owned()], ..Faults::default() });
    let run = walk.live(&plan, &before).await;
    assert_eq!(run.state(), State::Succeeded, "{run:?}");

    use Outcome::{Excluded, Merged, Quarantined};
    use RecordKind::{Customer, Order, Product};
    for (sku, outcome, id) in [("coat-1", Quarantined, "coat"), (" SOCK-1", Excluded, "sock")] {
        assert_eq!(told(&found(&walk, Key::Sku(text(sku))).await), [(Product, id, outcome)]);
    }
    let hats = found(&walk, Key::Sku(text("HAT-1"))).await;
    let [hat] = hats.as_slice() else { panic!("{hats:?}") };
    let record = hat.run_record.as_ref().unwrap();
    assert_eq!((record.source_id.as_str(), record.effect()), ("hat", v1::Effect::Created));
    assert_eq!((&hat.run, hat.run_kind()), (&run.name, v1::RunKind::Live));
    let own = hat.record_links.iter().find(|link| link.role == "product").unwrap();
    let url = format!("{}/app/products/{}", walk.shop.url(), own.target_id);
    assert_eq!((&hat.target_admin_url, &own.target_admin_url), (&url, &url));
    assert_eq!(hat.source_admin_url, "", "an export does not say whose it is");
    let roles: BTreeSet<&str> = hat.record_links.iter().map(|it| it.role.as_str()).collect();
    assert_eq!(roles, BTreeSet::from(["product", "sku", "variant"]));

    let anna = found(&walk, Key::Email(text(" ANNA@example.com"))).await;
    let kinds: Vec<_> = told(&anna).iter().map(|(kind, id, _)| (*kind, text(id))).collect();
    let expected = [(Customer, "1"), (Customer, "2"), (Order, "501"), (Order, "503")];
    assert_eq!(kinds, expected.map(|(kind, id)| (kind, text(id))));
    assert_eq!(told(&anna)[1].2, Merged);
    let page = |it: &v1::FoundRecord| it.target_admin_url.clone();
    assert_eq!(page(&anna[0]), page(&anna[1]), "merged into the same object");
    assert!(page(&anna[2]).contains("/app/orders/order_"), "{anna:?}");

    for number in ["#1001", "1001"] {
        let orders = found(&walk, Key::OrderNumber(text(number))).await;
        let ids: Vec<_> = told(&orders).iter().map(|(_, id, _)| text(id)).collect();
        assert_eq!(ids, ["501", "502"], "both stores' {number}");
    }
    assert!(found(&walk, Key::OrderNumber(text("100"))).await.is_empty());
    assert_eq!(told(&found(&walk, Key::SourceId(text("coat"))).await)[0].2, Quarantined);
    let customer = anna[0].record_links[0].target_id.clone();
    let by_target = found(&walk, Key::TargetId(customer)).await;
    assert_eq!(told(&by_target).iter().map(|it| it.1).collect::<Vec<_>>(), ["1", "2"]);
    let sku = hat.record_links.iter().find(|link| link.role == "sku").unwrap();
    let by_part = found(&walk, Key::TargetId(sku.target_id.clone())).await;
    assert_eq!(told(&by_part)[0].1, "hat");

    // A later run of the same records stands before the earlier one.
    walk.shop.set_faults(Faults::default());
    let again = walk.live(&plan, &before).await;
    let coats = found(&walk, Key::Sku(text("COAT-1"))).await;
    let runs: Vec<_> = coats.iter().map(|it| it.run.as_str()).collect();
    assert_eq!(runs, [again.name.as_str(), run.name.as_str()]);
    assert_ne!(told(&coats)[0].2, Quarantined);
    let only = v1::FindRecordRequest {
        kind: Order.into(),
        ..find(&walk, Key::Email(text("berta@example.com")))
    };
    let only = walk.client.call(only).await.unwrap().found_records;
    assert_eq!(told(&only).iter().map(|it| it.1).collect::<Vec<_>>(), ["502", "502"]);

    strangers_find_nothing(&server, &walk).await;
}

/// Neither the code nor the database shows another account anything, and nothing says the value.
async fn strangers_find_nothing(server: &Server, walk: &Walk) {
    let stranger = server.client("other").await;
    let asked = find(walk, Key::Email(text("anna@example.com")));
    refused_with(&stranger, asked.clone(), ErrorReason::AccessDenied).await;
    // A migration of the same name in the other account.
    crate::support::paper_migration(&stranger, "other", "m").await;
    let theirs = v1::FindRecordRequest { parent: text("accounts/other/migrations/m"), ..asked };
    assert!(stranger.call(theirs).await.unwrap().found_records.is_empty());

    let pool = PgPool::connect(&server.database.url).await.unwrap();
    let seen = async |account: &str| {
        let mut tx = pool.begin().await.unwrap();
        tx.execute("set local role cartage_application").await.unwrap();
        let set = sqlx::query("select set_config('cartage.account', $1, true)").bind(account);
        set.execute(&mut *tx).await.unwrap();
        let count = sqlx::query("select count(*) from record_key").fetch_one(&mut *tx).await;
        count.unwrap().get::<i64, _>(0)
    };
    assert_eq!(seen("other").await, 0);
    assert!(seen("acme").await > 10);
    let plain = server.database.query("select * from record_key").await.unwrap();
    assert!(!plain.contains("example.com") && !plain.contains("HAT-1"), "only hashes are kept");

    let secret = text(&"anna@example.com".repeat(100));
    let status =
        refused_with(&walk.client, find(walk, Key::Email(secret)), ErrorReason::InvalidFields)
            .await;
    assert_eq!(violation(&status), ("email", "TOO_LONG"));
    assert!(!format!("{status:?}").contains("example.com"));
    let missing = v1::FindRecordRequest { parent: walk.migration.clone(), ..Default::default() };
    let status = refused_with(&walk.client, missing, ErrorReason::InvalidFields).await;
    assert_eq!(violation(&status), ("key", "REQUIRED"));
    let blank = find(walk, Key::OrderNumber(text("#")));
    let status = refused_with(&walk.client, blank, ErrorReason::InvalidFields).await;
    assert_eq!(violation(&status), ("order_number", "REQUIRED"));
}

async fn export(walk: &Walk, parent: &str, format: Format) -> (String, Exported) {
    let request = v1::ExportRecordLinksRequest {
        parent: parent.to_owned(),
        format: format.into(),
        ..Default::default()
    };
    let mut file = Vec::new();
    let exported = links::export(&walk.client, request, &mut file, |_| {}).await.unwrap();
    (String::from_utf8(file).unwrap(), exported)
}

/// The links of a file, to be imported.
fn read(file: &str) -> Vec<v1::ImportedRecordLink> {
    let link = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        let text = |field: &str| line[field].as_str().unwrap_or_default().to_owned();
        let kind = RecordKind::from_str_name(&format!("RECORD_KIND_{}", text("kind"))).unwrap();
        v1::ImportedRecordLink {
            kind: kind.into(),
            source_id: text("sourceId"),
            role: text("role"),
            target_id: text("targetId"),
            parent_source_id: text("parentSourceId"),
        }
    };
    file.lines().map(link).collect()
}

/// A migration whose live run has written everything.
async fn written(server: &Server) -> (Walk, tempfile::TempDir, v1::Run, String) {
    let files = tidy_shop();
    let walk = Walk::begin(server, files.path()).await;
    let (plan, before) = walk.ready().await;
    let run = walk.live(&plan, &before).await;
    assert_eq!(run.state(), State::Succeeded, "{run:?}");
    (walk, files, run, before)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_holds_what_the_list_holds() {
    let server = Server::start().await;
    let (walk, _files, run, _) = written(&server).await;
    for parent in [&walk.migration, &run.name] {
        let list = v1::ListRecordLinksRequest {
            parent: parent.clone(),
            page_size: 2,
            ..Default::default()
        };
        let listed: Vec<v1::RecordLink> = paginate(&walk.client, list).try_collect().await.unwrap();
        let rows = |link: &v1::RecordLink| {
            let kind = link.kind().as_str_name().trim_start_matches("RECORD_KIND_");
            [
                kind,
                &link.source_id,
                &link.parent_source_id,
                &link.role,
                &link.target_id,
                &link.create_run,
                &link.source_admin_url,
                &link.target_admin_url,
            ]
            .join(",")
        };
        let (csv, exported) = export(&walk, parent, Format::Csv).await;
        let mut lines = csv.split("\r\n");
        let titles = lines.next().unwrap();
        assert!(titles.starts_with("kind,source_id,parent_source_id,role,target_id,run,"));
        let expected: Vec<String> = listed.iter().map(rows).chain([String::new()]).collect();
        assert_eq!(lines.collect::<Vec<_>>(), expected);
        assert_eq!(exported.links, u64::try_from(listed.len()).unwrap());
        assert!(csv.contains("/app/orders/order_"), "{csv}");

        let (json, _) = export(&walk, parent, Format::JsonLines).await;
        let ids: Vec<_> = read(&json).into_iter().map(|it| (it.source_id, it.target_id)).collect();
        let expected: Vec<_> =
            listed.iter().map(|it| (it.source_id.clone(), it.target_id.clone())).collect();
        assert_eq!(ids, expected);
    }

    // Some kinds alone; and a transfer that broke goes on behind what came.
    let wanted = v1::ExportRecordLinksRequest {
        parent: walk.migration.clone(),
        format: Format::JsonLines.into(),
        kinds: vec![RecordKind::Order.into()],
        ..Default::default()
    };
    let mut whole = Vec::new();
    links::export(&walk.client, wanted.clone(), &mut whole, |_| {}).await.unwrap();
    let whole = read(&String::from_utf8(whole).unwrap());
    assert!(whole.len() == 3 && whole.iter().all(|it| it.kind() == RecordKind::Order));
    let unsaid = v1::ExportRecordLinksRequest { format: 0, ..wanted.clone() };
    let foreign = v1::ExportRecordLinksRequest { resume_token: text("abc"), ..wanted };
    for (request, reason) in
        [(unsaid, ErrorReason::InvalidFields), (foreign, ErrorReason::PageTokenInvalid)]
    {
        let error = links::export(&walk.client, request, &mut Vec::new(), |_| {}).await;
        assert_eq!(error.unwrap_err().reason(), Some(reason));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_may_not_read_records_sees_no_address_in_links() {
    let server = Server::start().await;
    // Without ids of their own, the addresses are what the customers are known by.
    let customers = CUSTOMERS.replace("'1,", ",").replace("'2,", ",").replace("'3,", ",");
    let files = folder(&[
        ("products_export.csv", PRODUCTS.as_bytes()),
        ("customers_export.csv", customers.as_bytes()),
        ("orders_export.csv", ORDERS.as_bytes()),
    ]);
    let walk = Walk::begin(&server, files.path()).await;
    let (plan, before) = walk.ready().await;
    let run = walk.live(&plan, &before).await;
    assert_eq!(run.state(), State::Succeeded, "{run:?}");
    let client = server.client_with("acme", "migrations.read runs.read").await;
    let addresses = async |client: &Client, parent: &str| {
        let filter = text("role = email");
        let list =
            v1::ListRecordLinksRequest { parent: parent.to_owned(), filter, ..Default::default() };
        let links = client.call(list).await.unwrap().record_links;
        links.into_iter().map(|link| (link.source_id, link.target_id)).collect::<Vec<_>>()
    };
    for parent in [&walk.migration, &run.name] {
        let shown = addresses(&walk.client, parent).await;
        assert_eq!(shown[0].0, "anna@example.com", "{shown:?}");
        let hidden = addresses(&client, parent).await;
        let ids =
            |links: &[(String, String)]| links.iter().map(|it| it.1.clone()).collect::<Vec<_>>();
        assert_eq!(ids(&hidden), ids(&shown));
        for (address, _) in &hidden {
            assert!(address.ends_with("@masked.invalid"), "{address}");
        }
        let request = v1::ExportRecordLinksRequest {
            parent: parent.clone(),
            format: Format::Csv.into(),
            ..Default::default()
        };
        let mut file = Vec::new();
        links::export(&client, request, &mut file, |_| {}).await.unwrap();
        let file = String::from_utf8(file).unwrap();
        assert!(file.contains("@masked.invalid") && !file.contains("example.com"), "{file}");
    }
    let request = find(&walk, Key::Email(text("anna@example.com")));
    let records = client.call(request).await.unwrap().found_records;
    let links: Vec<_> = records.iter().flat_map(|it| &it.record_links).collect();
    assert!(links.iter().any(|link| link.role == "email"), "{links:?}");
    let encoded = URL_SAFE_NO_PAD.encode("anna@example.com");
    for link in links {
        let said = format!("{} {}", link.source_id, link.parent_source_id);
        assert!(!said.contains("example.com") && !link.name.contains(&encoded), "{link:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_export_comes_in_pieces_and_goes_on_behind_any_of_them() {
    let server = Server::start().await;
    let client = server.client("acme").await;
    let migration = crate::support::paper_migration(&client, "acme", "m").await.name;
    let link = |n: usize| v1::ImportedRecordLink {
        kind: RecordKind::Order.into(),
        source_id: format!("{n:05}"),
        target_id: format!("order_{n}"),
        ..Default::default()
    };
    let all: Vec<_> = (0..2_500).map(link).collect();
    let imported = links::import(&client, &migration, &all, false, |_| {}).await.unwrap();
    assert_eq!((imported.created, imported.refused.len()), (2_500, 0));
    let request = v1::ExportRecordLinksRequest {
        parent: migration,
        format: Format::Csv.into(),
        ..Default::default()
    };
    let mut stream = client.runs().export_record_links(request.clone()).await.unwrap().into_inner();
    let mut pieces = Vec::new();
    while let Some(piece) = soon(stream.message()).await.unwrap() {
        pieces.push(piece);
    }
    let counts: Vec<_> = pieces.iter().map(|piece| (piece.link_count, piece.last)).collect();
    assert_eq!(counts, [(1_000, false), (1_000, false), (500, true)]);
    let resume_token = pieces[0].resume_token.clone();
    let rest = v1::ExportRecordLinksRequest { resume_token, ..request };
    let mut file = Vec::new();
    links::export(&client, rest, &mut file, |_| {}).await.unwrap();
    assert_eq!(file, [&*pieces[1].data, &*pieces[2].data].concat(), "no line twice, none missing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_live_run_writes_nothing_of_what_was_imported() {
    let server = Server::start().await;
    let (mut walk, _files, _, before) = written(&server).await;
    let (file, exported) = export(&walk, &walk.migration, Format::JsonLines).await;
    begin_again(&mut walk).await;
    let plan = walk.plan().await.name;
    let client = &walk.client;
    let imported = links::import(client, &walk.migration, &read(&file), false, |_| {}).await;
    let imported = imported.unwrap();
    assert_eq!((imported.created, imported.refused.len()), (exported.links, 0), "{imported:?}");
    let again = links::import(client, &walk.migration, &read(&file), false, |_| {}).await.unwrap();
    assert_eq!((again.created, again.unchanged), (0, exported.links));

    let state = walk.shop.state("cartage_key");
    let run = walk.live(&plan, &before).await;
    assert_eq!(run.state(), State::Succeeded, "{run:?}");
    let after = walk.shop.state("cartage_key");
    assert_eq!(after["writes"], state["writes"], "nothing was written to the shop");
    assert_eq!((&after["counts"], run.write_call_count), (&state["counts"], 0));
    let accounting = run.accounting.unwrap();
    let (outcomes, effects) = (accounting.outcomes.unwrap(), accounting.effects.unwrap());
    assert_eq!((effects.created, outcomes.merged, outcomes.quarantined), (0, 1, 0));
    for record in walk.records(&run.name, "outcome = MIGRATED").await {
        assert!(record.adopted && record.effect() == v1::Effect::Unchanged, "{record:?}");
        assert!(record.reason.contains("imported link"), "{record:?}");
    }
    let report = soon(road::verify_run(client, &run.name, |_| {})).await.unwrap();
    assert!(report.passed, "{report:?}");
    let hat = found(&walk, Key::Sku(text("HAT-1"))).await;
    assert!(hat[0].run_record.as_ref().unwrap().adopted, "{hat:?}");
    assert!(hat[0].record_links.iter().all(|link| link.create_run.is_empty()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_refer_to_customers_that_were_imported() {
    let server = Server::start().await;
    let (mut walk, _files, _, before) = written(&server).await;
    let (file, _) = export(&walk, &walk.migration, Format::JsonLines).await;
    begin_again(&mut walk).await;
    let plan = walk.plan().await.name;
    // The customer alone, as somebody writes it by hand; the last of two with the address.
    let berta = read(&file).into_iter().find(|it| it.role == "customer" && it.source_id == "3");
    let mut berta = berta.unwrap();
    berta.role.clear();
    let by_hand = v1::ImportedRecordLink { source_id: text("2"), ..berta.clone() };
    let anna = read(&file).into_iter().find(|it| it.role == "customer" && it.source_id == "1");
    let by_hand = v1::ImportedRecordLink { target_id: anna.unwrap().target_id, ..by_hand };
    let all = [berta.clone(), by_hand.clone()];
    links::import(&walk.client, &walk.migration, &all, false, |_| {}).await.unwrap();
    let customers = walk.shop.state("cartage_key")["counts"]["customers"].clone();
    let scope = v1::Scope {
        kinds: vec![RecordKind::Customer.into(), RecordKind::Order.into()],
        ..Default::default()
    };
    let run = walk.live_part(&plan, &before, scope).await;
    assert_eq!(run.state(), State::Succeeded, "{run:?}");
    let of_kind = walk.records(&run.name, "kind = CUSTOMER").await;
    let became: Vec<_> =
        of_kind.iter().map(|it| (it.source_id.as_str(), it.outcome(), it.adopted)).collect();
    // The first with the address comes before the imported one, and is the same all the same.
    let expected = [
        ("1", Outcome::Merged, false),
        ("2", Outcome::Migrated, true),
        ("3", Outcome::Migrated, true),
    ];
    assert_eq!(became, expected);
    assert_eq!(walk.shop.state("cartage_key")["counts"]["customers"], customers);
    let orders = walk.records(&run.name, "kind = ORDER").await;
    assert_eq!(orders.len(), 3);
    for order in orders {
        assert_eq!(order.effect(), v1::Effect::Created, "{order:?}");
        let customer = if order.source_id == "502" { &berta } else { &by_hand };
        let id = &order.target_objects[0].target_id;
        let request = reqwest::Client::new()
            .get(format!("{}/admin/orders/{id}?fields=id,customer_id", walk.shop.url()))
            .basic_auth(walk.shop.api_key(), Some(""));
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        assert_eq!(answer["order"]["customer_id"], customer.target_id.as_str(), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_that_contradicts_is_refused_link_by_link() {
    let server = Server::start().await;
    let (walk, _files, _, before) = written(&server).await;
    let client = &walk.client;
    let (file, _) = export(&walk, &walk.migration, Format::JsonLines).await;
    let mut own = read(&file).into_iter().find(|it| it.role == "product").unwrap();
    let same = own.clone();
    own.target_id = text("prod_other");
    let new = |kind: RecordKind, source_id: &str, target_id: &str| v1::ImportedRecordLink {
        kind: kind.into(),
        source_id: source_id.to_owned(),
        target_id: target_id.to_owned(),
        ..Default::default()
    };
    let good = new(RecordKind::Customer, "9", "cus_9");
    let request = v1::ImportRecordLinksRequest {
        parent: walk.migration.clone(),
        record_links: vec![
            own,
            same,
            good.clone(),
            v1::ImportedRecordLink { target_id: text("cus_8"), ..good.clone() },
            good.clone(),
            new(RecordKind::Review, "r", "x"),
            new(RecordKind::Unspecified, "r", "x"),
            v1::ImportedRecordLink { role: text("partial"), ..good.clone() },
            new(RecordKind::Customer, "", "cus"),
            new(RecordKind::Customer, "10", &"x".repeat(2_000)),
            v1::ImportedRecordLink { parent_source_id: text("1"), ..good.clone() },
        ],
        request_id: uuid4(),
        validate_only: false,
    };
    let rehearsal = v1::ImportRecordLinksRequest { validate_only: true, ..request.clone() };
    let shown = client.call_once(rehearsal).await.unwrap();
    let answer = client.call_once(request.clone()).await.unwrap();
    assert_eq!(shown, answer);
    assert_eq!((answer.created_count, answer.unchanged_count), (1, 2), "{answer:?}");
    let refused: Vec<_> = answer
        .refused_record_links
        .iter()
        .map(|it| {
            let failure = it.failure.as_ref().unwrap();
            (it.index, failure.reason(), failure.metadata["field"].as_str())
        })
        .collect();
    let (conflict, invalid) = (ErrorReason::TargetConflict, ErrorReason::InvalidFields);
    let expected = [
        (0, conflict, "target_id"),
        (3, conflict, "target_id"),
        (5, invalid, "kind"),
        (6, invalid, "kind"),
        (7, invalid, "role"),
        (8, invalid, "source_id"),
        (9, invalid, "target_id"),
        (10, invalid, "parent_source_id"),
    ];
    assert_eq!(refused, expected);
    assert_eq!(client.call_once(request.clone()).await.unwrap(), answer, "the same request id");
    let (after, _) = export(&walk, &walk.migration, Format::JsonLines).await;
    assert_eq!(after.lines().count(), file.lines().count() + 1, "the good one is there, once");

    let empty = v1::ImportRecordLinksRequest {
        record_links: Vec::new(),
        request_id: uuid4(),
        ..request.clone()
    };
    let status = refused_with(client, empty, ErrorReason::InvalidFields).await;
    assert_eq!(violation(&status), ("record_links", "REQUIRED"));
    let many = v1::ImportRecordLinksRequest {
        record_links: vec![good.clone(); 1_001],
        request_id: uuid4(),
        ..request.clone()
    };
    let status = refused_with(client, many, ErrorReason::InvalidFields).await;
    assert_eq!(violation(&status), ("record_links", "TOO_MANY"));
    // A run that goes has looked at some links already.
    let plan = walk.plan().await.name;
    let paused = walk.draft(live(&plan, &before)).await;
    let sql = format!("update resource set state = 'PAUSED' where name = '{}'", paused.name);
    server.database.query(&sql).await.unwrap();
    let late = v1::ImportRecordLinksRequest { request_id: uuid4(), ..request };
    refused_with(client, late, ErrorReason::LiveRunActive).await;
}
