//! The ledger and the losses of runs.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use cartage_model::{Kind, Loss, Mapped};
use cartage_pipeline::mapping::Mask;
use cartage_proto::v1;
use prost::Message;
use serde_json::Value;

use super::super::{
    Api,
    convert::{self, record_kind_of, timestamp},
    filter, own_name,
    page::{self, Page},
};
use crate::{
    app::{
        connection,
        plan::{kept_in, loss_id},
        run::{self, Run},
        snapshot::Snapshot,
    },
    error::{Error, Failure, Result},
    name::Name,
    store::{
        Tx,
        record_link::LinkFilter,
        resource::Resource,
        run_record::{RecordFilter, RunRecord},
    },
    token::Caller,
};

/// How many rows of the ledger are read at once.
const ROWS_AT_ONCE: i64 = 50;

/// The id of a record of the ledger in its name: kind and source id, which can be any text.
pub(super) fn record_id(kind: &str, source_id: &str) -> String {
    format!("{kind}.{}", URL_SAFE_NO_PAD.encode(source_id))
}

fn parse_record_id(id: &str) -> Option<(String, String)> {
    let (kind, encoded) = id.split_once('.')?;
    let source_id = String::from_utf8(URL_SAFE_NO_PAD.decode(encoded).ok()?).ok()?;
    Some((kind.to_owned(), source_id))
}

/// The run, the kind and the source id in the name of a record of the ledger.
pub(super) fn parse_record_name(caller: &Caller, name: &str) -> Result<(Name, (String, String))> {
    let (run, id) = name.rsplit_once("/records/").unwrap_or((name, ""));
    let run = own_name(caller, run, "runs", "name")?;
    let record = parse_record_id(id).ok_or_else(|| {
        Error::field("name", "FORMAT_INVALID", "A name looks like …/runs/{run}/records/{record}.")
    })?;
    Ok((run, record))
}

impl Api {
    pub(super) async fn run_records(
        &self,
        caller: &Caller,
        request: v1::ListRunRecordsRequest,
    ) -> Result<v1::ListRunRecordsResponse> {
        let run = own_name(caller, &request.parent, "runs", "parent")?;
        let allowed = ["kind", "outcome", "effect", "source_id", "failure.reason"];
        let fields = filter::parse(&request.filter, &allowed)?;
        if !matches!(request.order_by.trim(), "" | "kind, source_id" | "kind,source_id") {
            let text = "The ledger is ordered by kind, source_id.";
            return Err(Error::field("order_by", "UNKNOWN_FIELD", text));
        }
        let arguments = format!("{run}\n{}", request.filter);
        let page = Page::new(
            &caller.account,
            "ListRunRecords",
            &arguments,
            request.page_size,
            &request.page_token,
            1_000,
        )?;
        let wanted = RecordFilter {
            kind: filter::word(&fields, "kind").replace("url_redirect", "url"),
            outcome: filter::word(&fields, "outcome"),
            effect: filter::word(&fields, "effect"),
            reason: filter::text(&fields, "failure.reason"),
            source_id: filter::text(&fields, "source_id"),
        };
        let keys = &self.app.keys;
        let mut tx = self.app.store.begin(&caller.account).await?;
        let held = tx.resource_get::<Run>(&run).await?;
        let mut after: Option<(String, String)> = page.after(keys)?;
        let mut left = page.size.saturating_add(1);
        let (mut found, mut bytes) = (Vec::new(), 0);
        // A row holds every value that was changed: what does not fit into the page is not read.
        while left > 0 && bytes <= page::BYTES_MAX {
            let limit = left.min(ROWS_AT_ONCE);
            let rows = tx.run_record_page(&run, &wanted, after.clone(), limit).await?;
            let read = i64::try_from(rows.len()).unwrap_or(limit);
            let places: Vec<_> =
                rows.iter().map(|row| (row.kind.clone(), row.source_id.clone())).collect();
            after = places.last().cloned().or(after);
            let records = self.encode_records(&mut tx, caller, &held, rows).await?;
            bytes += records.iter().map(Message::encoded_len).sum::<usize>();
            found.extend(places.into_iter().zip(records));
            left = if read < limit { 0 } else { left.saturating_sub(read) };
        }
        tx.rollback().await?;
        let (run_records, next_page_token) =
            page.fill(keys, found, |(place, _)| place.clone(), |(_, record)| record)?;
        Ok(v1::ListRunRecordsResponse { run_records, next_page_token })
    }

    pub(super) async fn run_record(&self, caller: &Caller, name: &str) -> Result<v1::RunRecord> {
        let (run, (kind, source_id)) = parse_record_name(caller, name)?;
        let wanted = RecordFilter { kind, source_id, ..RecordFilter::default() };
        let mut tx = self.app.store.begin(&caller.account).await?;
        let held = tx.resource_get::<Run>(&run).await?;
        let found = self.encoded_record(&mut tx, caller, &held, &wanted).await?;
        tx.rollback().await?;
        found.ok_or_else(|| Error::not_found(name))
    }

    /// The first line of the ledger that is wanted.
    pub(super) async fn encoded_record(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        run: &Resource<Run>,
        wanted: &RecordFilter,
    ) -> Result<Option<v1::RunRecord>> {
        let rows = tx.run_record_page(&run.name, wanted, None, 1).await?;
        Ok(self.encode_records(tx, caller, run, rows).await?.pop())
    }

    /// Lines of the ledger of a run on the wire.
    pub(super) async fn encode_records(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        run: &Resource<Run>,
        rows: Vec<RunRecord>,
    ) -> Result<Vec<v1::RunRecord>> {
        let space = run::link_space(run);
        let platform = target_platform(tx, run).await?;
        let target = connection::target_of_platform(&platform)?;
        let mask = (!caller.has("records.read")).then(|| Mask::new(run.uid.as_bytes()));
        let mut encoded = Vec::with_capacity(rows.len());
        for row in rows {
            let filter = LinkFilter {
                kind: row.kind.clone(),
                source_id: row.source_id.clone(),
                ..LinkFilter::default()
            };
            let links = tx.record_link_page(&space, &filter, None, 16).await?;
            let stands = matches!(row.outcome.as_str(), "migrated" | "changed");
            let losses = target.losses().iter().filter(|loss| loss.kind.as_str() == row.kind);
            let mut changes = changes(&row.detail);
            if let (Some(mask), Ok(kind)) = (&mask, row.kind.parse::<Kind>()) {
                let mut mapped = Mapped {
                    kind,
                    source_id: String::new(),
                    fields: serde_json::Map::new(),
                    changes,
                };
                mask.mask(target.schema(kind), &mut mapped);
                changes = mapped.changes;
            }
            encoded.push(v1::RunRecord {
                name: format!("{}/records/{}", run.name, record_id(&row.kind, &row.source_id)),
                kind: record_kind_of(&row.kind),
                source_id: row.source_id.clone(),
                outcome: outcome(&row.outcome).into(),
                effect: effect(&row.effect).into(),
                reason: reason(&row),
                excluded_by: excluded_by(&row),
                merged_into: text(&row.detail, "merged_into"),
                changes: convert::fitting(changes.iter().map(encode_change)),
                loss_ids: losses.filter(|_| stands).map(loss_id).collect(),
                failure: failure(&row).as_ref().map(convert::failure),
                target_objects: links
                    .into_iter()
                    .map(|link| v1::TargetObject { role: link.role, target_id: link.target_id })
                    .collect(),
                attempt_count: row.attempt_count,
                finish_time: Some(timestamp(row.finish_time)),
                adopted: adopted(&row),
            });
        }
        Ok(encoded)
    }

    pub(super) async fn run_losses(
        &self,
        caller: &Caller,
        request: v1::ListRunLossesRequest,
    ) -> Result<v1::ListRunLossesResponse> {
        let name = own_name(caller, &request.parent, "runs", "parent")?;
        let page = Page::new(
            &caller.account,
            "ListRunLosses",
            name.as_str(),
            request.page_size,
            &request.page_token,
            1_000,
        )?;
        let keys = &self.app.keys;
        let mut tx = self.app.store.begin(&caller.account).await?;
        let run = tx.resource_get::<Run>(&name).await?;
        let counts = tx.run_record_counts(&name).await?;
        let platform = target_platform(&mut tx, &run).await?;
        let snapshot = tx.resource_get::<Snapshot>(&Name::trusted(&run.body.snapshot)).await?;
        tx.rollback().await?;
        let stands = |kind: Kind| -> i64 {
            let of_kind = counts.iter().filter(|count| count.kind == kind.as_str());
            of_kind
                .filter(|count| matches!(count.outcome.as_str(), "migrated" | "changed"))
                .map(|count| count.count)
                .sum()
        };
        let target = connection::target_of_platform(&platform)?;
        let losses = target.losses().iter().filter_map(|loss| {
            let record_count = snapshot.body.records_with(loss, stands(loss.kind));
            (record_count > 0).then(|| v1::LossCount {
                loss: Some(encode_loss(loss)),
                record_count,
                sample_source_ids: Vec::new(),
            })
        });
        let first: usize = page.after(keys)?.unwrap_or_default();
        let rows = (1_usize..).zip(losses).skip(first);
        let (losses, next_page_token) =
            page.fill(keys, rows, |(place, _)| *place, |(_, loss)| loss)?;
        Ok(v1::ListRunLossesResponse { losses, next_page_token })
    }
}

/// The platform a run writes to.
async fn target_platform(tx: &mut Tx, run: &Resource<Run>) -> Result<String> {
    let name = Name::trusted(&run.body.mapping_revision);
    let revision = tx.resource_get::<crate::app::mapping::MappingRevision>(&name).await?;
    Ok(revision.body.target_platform)
}

/// A loss on the wire.
pub(in crate::api) fn encode_loss(loss: &Loss) -> v1::Loss {
    v1::Loss {
        id: loss_id(loss),
        kind: convert::record_kind(loss.kind).into(),
        field: loss.field.to_owned(),
        description: loss.about.to_owned(),
        kept_in: kept_in(loss).to_owned(),
    }
}

fn changes(detail: &Value) -> Vec<cartage_model::Change> {
    detail
        .get("changes")
        .and_then(|changes| serde_json::from_value(changes.clone()).ok())
        .unwrap_or_default()
}

/// A change on the wire.
pub(in crate::api) fn encode_change(change: &cartage_model::Change) -> v1::FieldChange {
    v1::FieldChange {
        field: change.field.clone(),
        before: plain(&change.before),
        after: plain(&change.after),
        reason: change.why.clone(),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn text(detail: &Value, field: &str) -> String {
    detail.get(field).map(plain).unwrap_or_default()
}

fn reason(row: &RunRecord) -> String {
    match row.outcome.as_str() {
        "migrated" if adopted(row) => {
            "It was in the target before, as an imported link says, and was not written.".to_owned()
        }
        "migrated" => String::new(),
        "changed" => "Values had to change.".to_owned(),
        "merged" => "It is the same record in the target.".to_owned(),
        "excluded" => "A rule leaves it out.".to_owned(),
        _ => text(&row.detail, "message"),
    }
}

fn adopted(row: &RunRecord) -> bool {
    row.outcome == "migrated" && row.reason.as_deref() == Some("adopted")
}

fn excluded_by(row: &RunRecord) -> String {
    if row.outcome == "excluded" { row.reason.clone().unwrap_or_default() } else { String::new() }
}

fn failure(row: &RunRecord) -> Option<Failure> {
    if !matches!(row.outcome.as_str(), "quarantined" | "unknown") {
        return None;
    }
    let field = text(&row.detail, "field");
    let mut metadata = std::collections::BTreeMap::new();
    if !field.is_empty() {
        metadata.insert("field".to_owned(), field);
    }
    let reason = row.reason.clone().unwrap_or_default();
    // The causes of sources and targets are finer than the contract's list; what it does not name
    // is a wrong value, and the finer word stands in the metadata.
    let known = crate::reason::Reason::parse(&reason).is_some();
    metadata.insert("cause".to_owned(), reason.clone());
    Some(Failure {
        reason: if known { reason } else { "VALUE_INVALID".to_owned() },
        message: text(&row.detail, "message"),
        metadata,
        retryable: false,
    })
}

fn outcome(text: &str) -> v1::Outcome {
    let name = format!("OUTCOME_{}", text.to_ascii_uppercase());
    v1::Outcome::from_str_name(&name).unwrap_or_default()
}

fn effect(text: &str) -> v1::Effect {
    v1::Effect::from_str_name(&format!("EFFECT_{}", text.to_ascii_uppercase())).unwrap_or_default()
}
