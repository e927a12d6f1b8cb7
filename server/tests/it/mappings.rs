//! Mappings: the default one, what is wrong with one's own, previews, masking.

use cartage_client::v1::{self, ErrorReason, RecordKind, field_rule};
use tonic::Code;

use crate::{
    support::{Server, folder, refused_with},
    walk::Walk,
};

const CUSTOMERS: &str = "Customer ID,First Name,Last Name,Email,Accepts Email Marketing,\
    Default Address Address1,Default Address City,Default Address Country Code,Default Address Zip,\
    Phone,Note,Tags\n\
    '1001,Anna,Muster,anna.muster@example.com,yes,Weg 1,Bern,CH,3000,+41310000000,,vip\n\
    '1002,Bert,Beispiel,bert@example.com,no,Weg 2,Bern,CH,3000,,,\n";

fn rule(kind: RecordKind, field: &str, value: field_rule::Value) -> v1::FieldRule {
    v1::FieldRule {
        kind: kind.into(),
        target_field: field.to_owned(),
        value: Some(value),
        ..Default::default()
    }
}

fn text(fields: &prost_types::Struct, name: &str) -> String {
    match fields.fields.get(name).and_then(|value| value.kind.as_ref()) {
        Some(prost_types::value::Kind::StringValue(text)) => text.clone(),
        other => panic!("{name} is {other:?}"),
    }
}

async fn walk(server: &Server) -> (Walk, tempfile::TempDir) {
    let rows = crate::support::products("shirt,Shirt,<p>Nice</p>,Acme,10.00\nhat,Hat,,Acme,5\n");
    let files = folder(&[
        ("products_export.csv", rows.as_slice()),
        ("customers_export.csv", CUSTOMERS.as_bytes()),
    ]);
    (Walk::begin(server, files.path()).await, files)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_default_mapping_is_published_once_per_content() {
    let server = Server::start().await;
    let (walk, _files) = walk(&server).await;
    let client = &walk.client;
    let name = walk.revision.rsplit_once("/revisions/").unwrap().0.to_owned();
    let mapping = client.call(v1::GetMappingRequest { name: name.clone() }).await.unwrap();
    assert_eq!(mapping.state(), v1::mapping::State::Published);
    assert_eq!(mapping.latest_revision, walk.revision);
    assert!(mapping.content.as_ref().unwrap().rules.len() > 20);
    let publish = |mapping: &v1::Mapping| v1::PublishMappingRequest {
        name: mapping.name.clone(),
        etag: mapping.etag.clone(),
        ..Default::default()
    };
    let again = client.call(publish(&mapping)).await.unwrap();
    assert_eq!(again.name, walk.revision, "nothing changed, so there is nothing to publish");
    let mut content = mapping.content.clone().unwrap();
    content.exclusions.push(v1::RecordFilter {
        kind: RecordKind::Customer.into(),
        name: "vip".to_owned(),
        predicate: "includes(array!(.tags), \"vip\")".to_owned(),
    });
    let update = v1::UpdateMappingRequest {
        mapping: Some(v1::Mapping { content: Some(content), ..mapping }),
        ..Default::default()
    };
    let changed = client.call(update).await.unwrap();
    assert_eq!(changed.state(), v1::mapping::State::Draft);
    let second = client.call(publish(&changed)).await.unwrap();
    assert_eq!((second.revision_number, second.author.as_str()), (2, "tester"));
    let list = v1::ListMappingRevisionsRequest { parent: name, ..Default::default() };
    let revisions = client.call(list).await.unwrap().mapping_revisions;
    let numbers: Vec<i32> = revisions.iter().map(|it| it.revision_number).collect();
    assert_eq!(numbers, [2, 1]);
    let first = v1::GetMappingRevisionRequest { name: walk.revision.clone() };
    let first = client.call(first).await.unwrap();
    assert_eq!(first.content_hash, again.content_hash, "a revision never changes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_a_mapping_is_said_with_its_place() {
    let server = Server::start().await;
    let (walk, _files) = walk(&server).await;
    let name = walk.revision.rsplit_once("/revisions/").unwrap().0.to_owned();
    let mapping = walk.client.call(v1::GetMappingRequest { name }).await.unwrap();
    let mut content = mapping.content.unwrap();
    let count = content.rules.len();
    let path = |text: &str| field_rule::Value::SourcePath(text.to_owned());
    let expression = |text: &str| field_rule::Value::Expression(text.to_owned());
    content.rules.extend([
        rule(RecordKind::Product, "titel", path("title.value")),
        rule(RecordKind::Product, "metadata.a", path("titel.value")),
        rule(RecordKind::Product, "metadata.b", expression("upcase(.vendor\n  ?? ???")),
        rule(RecordKind::Customer, "metadata.a", expression("get_env_var!(\"HOME\")")),
    ]);
    let request = v1::ValidateMappingRequest {
        parent: walk.migration.clone(),
        subject: Some(v1::validate_mapping_request::Subject::Content(content.clone())),
        ..Default::default()
    };
    let report = walk.client.call(request).await.unwrap();
    assert!(!report.valid);
    assert_eq!(report.error_count, 4, "{report:#?}");
    for (index, part, reason, position) in [
        (0, "target_field", ErrorReason::MappingFieldUnknown, false),
        (1, "source_path", ErrorReason::MappingFieldUnknown, false),
        (2, "expression", ErrorReason::MappingExpressionInvalid, true),
        (3, "expression", ErrorReason::MappingExpressionInvalid, true),
    ] {
        let field = format!("rules[{}].{part}", count + index);
        let issue = report.issues.iter().find(|it| it.field == field);
        let issue = issue.unwrap_or_else(|| panic!("nothing about {field}: {report:#?}"));
        assert_eq!(issue.reason(), reason, "{issue:?}");
        assert_eq!(issue.line > 0 && issue.column > 0, position, "{issue:?}");
    }
    let hint = report.issues.iter().find(|it| it.field == format!("rules[{count}].target_field"));
    assert_eq!(hint.unwrap().suggestions, ["title"]);

    let create = v1::CreateMappingRequest {
        parent: walk.migration.clone(),
        mapping: Some(v1::Mapping { content: Some(content), ..Default::default() }),
        ..Default::default()
    };
    let kept = walk.client.call(create).await.unwrap();
    assert_eq!(kept.state(), v1::mapping::State::Invalid);
    let publish =
        v1::PublishMappingRequest { name: kept.name, etag: kept.etag, ..Default::default() };
    let status = refused_with(&walk.client, publish, ErrorReason::MappingInvalid).await;
    assert_eq!(status.code, Code::InvalidArgument);
    assert_eq!(status.metadata["issueCount"], "4");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_preview_shows_persons_only_to_those_who_may_see_them() {
    let server = Server::start().await;
    let (walk, _files) = walk(&server).await;
    let mapping = walk.revision.rsplit_once("/revisions/").unwrap().0.to_owned();
    let request = v1::PreviewMappingRequest {
        parent: walk.migration.clone(),
        subject: Some(v1::preview_mapping_request::Subject::Mapping(mapping)),
        snapshot: walk.snapshot.name.clone(),
        kind: RecordKind::Customer.into(),
        ..Default::default()
    };
    let clear = walk.client.call(request.clone()).await.unwrap();
    assert_eq!(clear.rows.len(), 2);
    let row = &clear.rows[0];
    assert!(!row.masked);
    assert_eq!(text(row.target.as_ref().unwrap(), "email"), "anna.muster@example.com");

    let blind = server.client_with("acme", "mappings.read").await;
    let masked = blind.call(request.clone()).await.unwrap();
    assert_eq!(masked.rows.len(), 2);
    let shown = format!("{masked:?}");
    for word in ["anna.muster", "Muster", "Beispiel", "+4131"] {
        assert!(!shown.contains(word), "{word} is shown: {shown}");
    }
    assert!(masked.rows.iter().all(|row| row.masked));
    assert!(text(masked.rows[0].target.as_ref().unwrap(), "email").contains('@'));
    assert_eq!(masked.rows[0].source_id, row.source_id);

    let records = v1::ListSnapshotRecordsRequest {
        parent: walk.snapshot.name.clone(),
        kind: RecordKind::Customer.into(),
        view: v1::ResourceView::Full.into(),
        ..Default::default()
    };
    let blind = server.client_with("acme", "snapshots.read").await;
    let shown = format!("{:?}", blind.call(records).await.unwrap());
    assert!(!shown.contains("anna.muster") && !shown.contains("Muster"), "{shown}");

    let one = v1::PreviewMappingRequest { source_ids: vec![row.source_id.clone()], ..request };
    assert_eq!(walk.client.call(one).await.unwrap().rows, clear.rows[..1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_sort_of_rule_can_be_tried_before_it_is_kept() {
    use field_rule::Value;
    let server = Server::start().await;
    let (walk, _files) = walk(&server).await;
    let constant = prost_types::Value {
        kind: Some(prost_types::value::Kind::StringValue("cotton".to_owned())),
    };
    let map = v1::ValueMap {
        source_path: "slug.value".to_owned(),
        entries: [("shirt".to_owned(), "one".to_owned())].into(),
        default_value: Some("two".to_owned()),
    };
    let name = walk.revision.rsplit_once("/revisions/").unwrap().0.to_owned();
    let mapping = walk.client.call(v1::GetMappingRequest { name }).await.unwrap();
    let mut content = mapping.content.unwrap();
    let own = [
        rule(RecordKind::Product, "title", Value::Template("{{ title.value }}!".to_owned())),
        rule(RecordKind::Product, "type", Value::Constant(constant)),
        rule(RecordKind::Product, "handle", Value::ValueMap(map)),
        rule(
            RecordKind::Product,
            "subtitle",
            Value::Expression("upcase(string!(.title.value))".to_owned()),
        ),
    ];
    let is_own = |it: &v1::FieldRule| {
        own.iter().any(|own| own.kind == it.kind && own.target_field == it.target_field)
    };
    content.rules.retain(|it| !is_own(it));
    content.rules.extend(own.clone());
    let request = v1::PreviewMappingRequest {
        parent: walk.migration.clone(),
        subject: Some(v1::preview_mapping_request::Subject::Content(content)),
        snapshot: walk.snapshot.name.clone(),
        kind: RecordKind::Product.into(),
        ..Default::default()
    };
    let rows = walk.client.call(request).await.unwrap().rows;
    let fields = rows[0].target.as_ref().unwrap();
    for (field, value) in
        [("title", "Shirt!"), ("type", "cotton"), ("handle", "one"), ("subtitle", "SHIRT")]
    {
        assert_eq!(text(fields, field), value);
    }
    assert_eq!(text(rows[1].target.as_ref().unwrap(), "handle"), "two");
}
