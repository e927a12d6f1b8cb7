//! What holds for every method of the contract, asked of every method: the requests are made from the
//! descriptor set, so that a new method is asked too.

use std::collections::BTreeSet;

use bytes::{Buf, BufMut};
use cartage_client::{v1, v1::ErrorReason};
use cartage_server::api::scope::{self, Access};
use prost::Message;
use prost_types::{DescriptorProto, FileDescriptorSet, MethodDescriptorProto};
use tonic::{
    Code, Request, Status,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    metadata::{Ascii, MetadataValue},
    transport::Channel,
};
use tonic_types::StatusExt;

use crate::support::{Server, connect, paper_migration, refused_with, sandbox, soon};

/// Methods that belong to no account.
const GLOBAL: [&str; 4] = ["GetPlatform", "ListPlatforms", "ListPlatformFields", "ListAuditRules"];

/// Names of every collection; `{}` is where a resource is or is not.
const NAMES: [&str; 22] = [
    "connections/{}",
    "connections/{}/snapshots/s",
    "connections/upper/snapshots/{}",
    "connections/{}/snapshots/s/restoreTests/t",
    "uploads/{}",
    "migrations/{}",
    "migrations/{}/mappings/m",
    "migrations/upper/mappings/{}",
    "migrations/upper/mappings/{}/revisions/r1",
    "migrations/{}/plans/p",
    "migrations/upper/plans/{}",
    "migrations/{}/audits/a",
    "migrations/upper/audits/{}",
    "migrations/upper/audits/{}/findings/f1",
    "migrations/{}/runs/r",
    "migrations/upper/runs/{}",
    "migrations/upper/runs/{}/records/product.MQ",
    "migrations/upper/runs/{}/verificationReports/v",
    "migrations/upper/runs/r/verificationReports/{}",
    "migrations/{}/events/e1",
    "migrations/upper/{}/x",
    "{}/x",
];

/// Messages as they are on the wire.
#[derive(Clone, Copy, Default)]
struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = ();
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = ();
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<()>, Status> {
        buffer.advance(buffer.remaining());
        Ok(Some(()))
    }
}

struct Contract {
    set: FileDescriptorSet,
}

impl Contract {
    fn read() -> Self {
        Self { set: FileDescriptorSet::decode(cartage_proto::FILE_DESCRIPTOR_SET).unwrap() }
    }

    /// Every method with its path.
    fn methods(&self) -> Vec<(String, &MethodDescriptorProto)> {
        let mut all = Vec::new();
        for file in &self.set.file {
            for service in &file.service {
                for method in &service.method {
                    let path = format!("/{}.{}/{}", file.package(), service.name(), method.name());
                    all.push((path, method));
                }
            }
        }
        assert!(all.len() > 60, "{} methods", all.len());
        all
    }

    fn message(&self, name: &str) -> &DescriptorProto {
        let messages = self.set.file.iter().flat_map(|file| {
            file.message_type
                .iter()
                .map(move |it| (format!(".{}.{}", file.package(), it.name()), it))
        });
        messages.into_iter().find(|(full, _)| full == name).unwrap().1
    }

    /// A request of a method that says no more than which resource it is about: in its `name` or
    /// `parent`, or in the `name` of the resource that it brings along.
    fn about(&self, method: &MethodDescriptorProto, name: &str) -> Option<Vec<u8>> {
        let request = self.message(method.input_type());
        let number = |message: &DescriptorProto, name: &str| {
            message.field.iter().find(|field| field.name() == name).map(|field| field.number())
        };
        if let Some(number) = number(request, "name").or_else(|| number(request, "parent")) {
            return Some(text(number, name.as_bytes()));
        }
        let noun = method.name().strip_prefix("Update")?.to_lowercase();
        let brought = request.field.iter().find(|field| field.name().replace('_', "") == noun)?;
        let number = number(self.message(brought.type_name()), "name")?;
        Some(text(brought.number(), &text(number, name.as_bytes())))
    }
}

/// A field of text, bytes or a message.
fn text(number: i32, content: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    prost::encoding::encode_varint(u64::try_from(number << 3 | 2).unwrap(), &mut bytes);
    prost::encoding::encode_varint(content.len().try_into().unwrap(), &mut bytes);
    bytes.extend_from_slice(content);
    bytes
}

/// Calls a method; of a stream only the beginning is waited for.
async fn call(channel: &Channel, token: &str, path: &str, body: Vec<u8>) -> Result<(), Status> {
    let mut client = tonic::client::Grpc::new(channel.clone());
    client.ready().await.unwrap();
    let mut request = Request::new(body);
    if !token.is_empty() {
        let token: MetadataValue<Ascii> = format!("Bearer {token}").parse().unwrap();
        request.metadata_mut().insert("authorization", token);
    }
    let path = path.parse().unwrap();
    soon(client.server_streaming(request, path, Raw)).await?;
    Ok(())
}

fn reason(result: &Result<(), Status>) -> String {
    match result {
        Ok(()) => "OK".to_owned(),
        Err(status) => status.get_details_error_info().map_or_else(String::new, |info| info.reason),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_method_asks_for_a_token_and_for_its_scope() {
    let server = Server::start().await;
    let channel = server.channel().await;
    let scopes = scope::scopes();
    for (path, _) in Contract::read().methods() {
        let missing = call(&channel, "", &path, Vec::new()).await;
        assert_eq!(reason(&missing), "TOKEN_MISSING", "{path}");
        let Some(Access::Scope(needed)) = scope::access(&path) else { panic!("{path}") };
        let others: Vec<&str> = scopes.iter().copied().filter(|it| *it != needed).collect();
        let token = server.token("acme", &others.join(" "));
        let refused = call(&channel, &token, &path, Vec::new()).await;
        assert_eq!(reason(&refused), "SCOPE_MISSING", "{path}");
        let status = refused.unwrap_err();
        assert_eq!(status.code(), Code::PermissionDenied);
        assert_eq!(status.get_details_error_info().unwrap().metadata["requiredScope"], needed);
        let token = server.token("acme", needed);
        let let_in = call(&channel, &token, &path, Vec::new()).await;
        assert!(!reason(&let_in).contains("SCOPE"), "{path}: {let_in:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_method_tells_a_stranger_what_is_there() {
    let server = Server::start().await;
    let own = server.client("acme").await;
    paper_migration(&own, "acme", "there").await;
    let migration = paper_migration(&own, "acme", "upper").await.name;
    let mapping_id = "there".to_owned();
    own.call(v1::CreateMappingRequest { parent: migration, mapping_id, ..Default::default() })
        .await
        .unwrap();
    connect(&own, "acme", "there", sandbox()).await;
    let before = server.database.query("select count(*), sum(revision) from resource").await;

    let contract = Contract::read();
    let channel = server.channel().await;
    let token = server.token("other", "*");
    let mut asked = BTreeSet::new();
    for (path, method) in contract.methods() {
        if GLOBAL.contains(&method.name()) {
            continue;
        }
        let mut refusals = BTreeSet::new();
        for pattern in NAMES {
            let mut told = Vec::new();
            for id in ["there", "other"] {
                let name = format!("accounts/acme/{}", pattern.replace("{}", id));
                let body = contract.about(method, &name);
                let body = body.unwrap_or_else(|| panic!("{path} names no resource"));
                let status = call(&channel, &token, &path, body).await.unwrap_err();
                refusals.insert(reason(&Err(status.clone())));
                // Both ids have as many bytes, so that no length differs.
                told.push(format!(
                    "{:?} {} {}",
                    status.code(),
                    status.message().replace(id, "ID"),
                    status.details().escape_ascii().to_string().replace(id, "ID")
                ));
            }
            assert_eq!(told[0], told[1], "{path} {pattern}");
        }
        // A name that none of the method's resources can have may be called so.
        refusals.remove("INVALID_FIELDS");
        assert_eq!(refusals, BTreeSet::from(["ACCESS_DENIED".to_owned()]), "{path}");
        asked.insert(path);
    }
    assert!(asked.len() > 60, "{} methods", asked.len());
    let after = server.database.query("select count(*), sum(revision) from resource").await;
    assert_eq!(after.unwrap(), before.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_read_below_something_that_is_not_there_is_not_found() {
    let server = Server::start().await;
    let contract = Contract::read();
    let channel = server.channel().await;
    let token = server.token("acme", "*");
    // The caller's account is there in any case, and what stands directly below it can be listed.
    let below_accounts = ["ListConnections", "ListUploads", "ListMigrations"];
    // The kind of record is required, or what to find it by, and the request is judged before the
    // parent is looked for.
    let incomplete = ["ListSnapshotRecords", "FindRecord"];
    let snapshot = "accounts/acme/connections/none/snapshots/none".to_owned();
    let complete = v1::ListSnapshotRecordsRequest {
        parent: snapshot,
        kind: v1::RecordKind::Product.into(),
        ..Default::default()
    };
    refused_with(&server.client("acme").await, complete, ErrorReason::ResourceNotFound).await;
    let complete = v1::FindRecordRequest {
        parent: "accounts/acme/migrations/none".to_owned(),
        key: Some(v1::find_record_request::Key::Sku("x".to_owned())),
        ..Default::default()
    };
    refused_with(&server.client("acme").await, complete, ErrorReason::ResourceNotFound).await;
    for (path, method) in contract.methods() {
        let reads = ["Get", "List", "Find", "Watch", "Export"];
        let reads = reads.iter().any(|verb| method.name().starts_with(verb));
        let name = method.name();
        if !reads || GLOBAL.contains(&name) || incomplete.contains(&name) {
            continue;
        }
        let mut refusals = BTreeSet::new();
        for pattern in NAMES {
            let name = format!("accounts/acme/{}", pattern.replace("{}", "none"));
            let body = contract.about(method, &name).unwrap();
            refusals.insert(reason(&call(&channel, &token, &path, body).await));
        }
        assert!(!refusals.contains("OK"), "{path}: {refusals:?}");
        let not_found = ErrorReason::ResourceNotFound.as_reason();
        assert_eq!(
            refusals.contains(not_found),
            !below_accounts.contains(&method.name()),
            "{path}: {refusals:?}"
        );
    }
}

/// What a list can be filtered by stands in its comment, and nowhere else may it say something else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_are_filtered_by_the_fields_that_their_comments_name() {
    let server = Server::start().await;
    let channel = server.channel().await;
    let token = server.token("acme", "*");
    let contract = Contract::read();
    let mut seen = 0;
    for (path, method) in contract.methods() {
        let request = contract.message(method.input_type());
        let Some(place) = request.field.iter().position(|it| it.name() == "filter") else {
            continue;
        };
        let promised = promised_fields(&contract, request, place);
        let mut body = text(request.field[place].number(), b"nothing = 1");
        if path.ends_with("/ListSnapshotRecords") {
            // The kind is part of what is asked for.
            let kind = request.field.iter().find(|it| it.name() == "kind").unwrap();
            prost::encoding::int32::encode(
                u32::try_from(kind.number()).unwrap(),
                &i32::from(v1::RecordKind::Product),
                &mut body,
            );
        }
        let parents = NAMES.iter().map(|name| format!("accounts/acme/{}", name.replace("{}", "x")));
        let mut refused = None;
        for parent in parents.chain(["accounts/acme".to_owned()]) {
            let about = contract.about(method, &parent).unwrap_or_default();
            let answer = call(&channel, &token, &path, [about, body.clone()].concat()).await;
            if reason(&answer) == "FILTER_INVALID" {
                refused = answer.err();
                break;
            }
        }
        let message = refused.unwrap_or_else(|| panic!("{path}")).message().to_owned();
        let (_, known) = message.split_once("those are ").unwrap_or_else(|| panic!("{message}"));
        let known: BTreeSet<&str> = known.trim_end_matches('.').split(", ").collect();
        assert_eq!(promised.iter().map(String::as_str).collect::<BTreeSet<_>>(), known, "{path}");
        seen += 1;
    }
    assert!(seen > 10, "{seen} lists");
}

/// The fields that the comment of a filter names, up to its first full stop.
fn promised_fields(contract: &Contract, request: &DescriptorProto, place: usize) -> Vec<String> {
    for file in &contract.set.file {
        let Some(number) = file.message_type.iter().position(|it| it == request) else { continue };
        let path = [4, number, 2, place].map(|it| i32::try_from(it).unwrap());
        let all = file.source_code_info.iter().flat_map(|info| &info.location);
        let comment = all.filter(|it| it.path == path).map(|it| it.leading_comments()).next();
        let (_, fields) = comment.unwrap().split_once("Fields: ").unwrap();
        let fields = fields.split(". ").next().unwrap();
        return fields.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    }
    panic!("{}", request.name())
}
