//! Previews: what a mapping makes of records of a snapshot, without a target.

use cartage_connectors::Target;
use cartage_model::{Kind, Loss, Mapped};
use cartage_pipeline::{
    mapping::{Failure as MapFailure, Mask, PreviewOutcome, PreviewRow, preview},
    snapshot::Snapshot as Stored,
};
use cartage_proto::v1;
use prost::Message;
use serde_json::Value;

use super::{Subject, content::text, no_subject};
use crate::{
    api::{
        Api, convert, own_name,
        page::{BYTES_MAX, Page},
    },
    app::{mapping, plan::loss_id, snapshot},
    error::{Error, Result},
    name::Name,
    reason::Reason,
    token::Caller,
};

/// The most rows of one page, and the most records that can be asked for by id.
const ROWS_MAX: i32 = 100;
/// How many rows come where no number is asked for.
const ROWS_DEFAULT: i32 = 10;

/// The records of a page, with the place behind the last one.
struct Records {
    documents: Vec<(String, Value)>,
    places: Vec<u64>,
}

impl Api {
    /// Tries a mapping.
    pub(super) async fn preview(
        &self,
        caller: &Caller,
        mut request: v1::PreviewMappingRequest,
    ) -> Result<v1::PreviewMappingResponse> {
        let parent = own_name(caller, &request.parent, "migrations", "parent")?;
        let snapshot = own_name(caller, &request.snapshot, "snapshots", "snapshot")?;
        let kind = convert::kind(request.kind, "kind")?
            .ok_or_else(|| Error::field("kind", "REQUIRED", "The kind of record is not said."))?;
        let wanted = request.source_ids.clone();
        if wanted.len() > usize::try_from(ROWS_MAX).unwrap_or_default() {
            let text = format!("At most {ROWS_MAX} records can be asked for at once.");
            return Err(Error::field("source_ids", "TOO_MANY", text));
        }
        let page = preview_page(caller, &mut request)?;
        let subject = match request.subject {
            Some(v1::preview_mapping_request::Subject::Mapping(name)) => Subject::Stored(name),
            Some(v1::preview_mapping_request::Subject::Content(it)) => Subject::Given(it),
            None => return Err(no_subject()),
        };
        let mut tx = self.app.store.begin(&caller.account).await?;
        let content = subject.content(caller, &mut tx, &parent).await?;
        let platform = self.target_platform(&mut tx, &parent, &snapshot).await?;
        tx.rollback().await?;
        let stored = snapshot::open(&self.app, &caller.account, &snapshot).await?;
        let (compiled, target) = mapping::compiled(&platform, &content.mapping).await?;
        let first: u64 = page.after(&self.app.keys)?.unwrap_or_default();
        let records = read(&stored, kind, &wanted, first, page.size).await?;
        let mask = (!caller.has("records.read"))
            .then(|| Mask::new(stored.manifest().snapshot_id.as_bytes()));
        let masked = mask.is_some();
        let places = records.places;
        let rows = tokio::task::spawn_blocking(move || {
            let losses = losses(target.as_ref(), kind, &records.documents);
            let count = records.documents.len();
            let mask = mask.as_ref().map(|mask| (mask, target.schema(kind)));
            let fit = |mapped| fit(target.as_ref(), mapped);
            let rows = preview(&compiled, kind, records.documents, fit, mask, count);
            rows.into_iter().zip(losses).map(|(row, ids)| encode(row, ids, masked)).collect()
        });
        let rows: Vec<v1::PreviewRow> = rows.await.map_err(Error::internal)?;
        let rows = places.into_iter().zip(rows);
        let (rows, next_page_token) =
            page.fill(&self.app.keys, rows, |(place, _)| *place, |(_, row)| fitting(row))?;
        Ok(v1::PreviewMappingResponse { rows, next_page_token })
    }

    /// The platform a migration goes to, for a snapshot of one of its shops.
    async fn target_platform(
        &self,
        tx: &mut crate::store::Tx,
        migration: &Name,
        snapshot: &Name,
    ) -> Result<String> {
        let (_, platform) = mapping::pair(tx, migration).await?;
        snapshot::succeeded(tx, snapshot).await?;
        Ok(platform)
    }
}

/// The page a request asks for; page fields are taken out of it, so that the rest names the list.
fn preview_page(caller: &Caller, request: &mut v1::PreviewMappingRequest) -> Result<Page> {
    let token = std::mem::take(&mut request.page_token);
    let size = match std::mem::take(&mut request.page_size) {
        0 => ROWS_DEFAULT,
        size => size,
    };
    let arguments = blake3::hash(&request.encode_to_vec()).to_hex();
    Page::new(&caller.account, "PreviewMapping", &arguments, size, &token, ROWS_MAX.into())
}

/// One record more than a page has, from a place on. Places are ordinals of the snapshot, or
/// indices of the ids that were asked for.
async fn read(
    stored: &Stored,
    kind: Kind,
    wanted: &[String],
    first: u64,
    size: i64,
) -> Result<Records> {
    let most = u64::try_from(size).unwrap_or_default().saturating_add(1);
    let mut records = Records { documents: Vec::new(), places: Vec::new() };
    if wanted.is_empty() {
        for record in stored.records(kind, first, most).await? {
            records.places.push(record.ordinal + 1);
            records.documents.push((record.source_id, record.json));
        }
        return Ok(records);
    }
    for (place, source_id) in (1_u64..).zip(wanted) {
        if place <= first || records.documents.len() as u64 >= most {
            continue;
        }
        if let Some(record) = stored.find(kind, source_id).await? {
            records.places.push(place);
            records.documents.push((record.source_id, record.json));
        }
    }
    Ok(records)
}

fn fit(target: &dyn Target, mapped: Mapped) -> std::result::Result<Mapped, MapFailure> {
    target.fit(mapped).map_err(|refusal| MapFailure {
        reason: refusal.reason,
        field: refusal.field,
        message: refusal.message,
    })
}

/// The losses that meet each record: those whose values it has.
fn losses(target: &dyn Target, kind: Kind, documents: &[(String, Value)]) -> Vec<Vec<String>> {
    let all: Vec<&Loss> = target.losses().iter().filter(|loss| loss.kind == kind).collect();
    let of = |document: &Value| {
        all.iter().filter(|loss| loss.meets(document)).map(|loss| loss_id(loss)).collect()
    };
    documents.iter().map(|(_, document)| of(document)).collect()
}

fn encode(row: PreviewRow, loss_ids: Vec<String>, masked: bool) -> v1::PreviewRow {
    let mut encoded = v1::PreviewRow {
        source_id: row.source_id,
        source: Some(convert::to_struct(&row.document)),
        masked,
        ..v1::PreviewRow::default()
    };
    match row.outcome {
        PreviewOutcome::Mapped(mapped) => {
            let outcome = if mapped.changes.is_empty() {
                v1::Outcome::Migrated
            } else {
                v1::Outcome::Changed
            };
            encoded.outcome = outcome.into();
            encoded.changes =
                convert::fitting(mapped.changes.iter().map(|change| v1::FieldChange {
                    field: change.field.clone(),
                    before: text(&change.before),
                    after: text(&change.after),
                    reason: change.why.clone(),
                }));
            encoded.target = Some(convert::to_struct(&Value::Object(mapped.fields)));
            encoded.loss_ids = loss_ids;
        }
        PreviewOutcome::Excluded(rule) => {
            encoded.outcome = v1::Outcome::Excluded.into();
            encoded.excluded_by = rule;
        }
        PreviewOutcome::Failed(failure) => {
            encoded.outcome = v1::Outcome::Quarantined.into();
            encoded.failure = Some(encode_failure(failure, Reason::MappingExpressionFailed));
        }
        PreviewOutcome::Refused(failure) => {
            encoded.outcome = v1::Outcome::Quarantined.into();
            encoded.failure = Some(encode_failure(failure, Reason::TargetRefusedRecord));
        }
    }
    encoded
}

/// The row without what no answer could hold.
fn fitting(mut row: v1::PreviewRow) -> v1::PreviewRow {
    if row.encoded_len() > BYTES_MAX {
        row.source = None;
    }
    if row.encoded_len() > BYTES_MAX {
        row.target = None;
    }
    row
}

/// A failure in the words of the contract; `usual` stands for finer reasons it has no word for.
fn encode_failure(failure: MapFailure, usual: Reason) -> v1::Failure {
    let reason = Reason::parse(&failure.reason).unwrap_or(usual);
    let mut kept = Error::new(reason, failure.message).to_failure();
    if let Some(field) = failure.field {
        kept.metadata.insert("field".to_owned(), field);
    }
    convert::failure(&kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_no_answer_could_hold_loses_its_documents() {
        let document = |bytes: usize| {
            Some(convert::to_struct(&serde_json::json!({ "text": "x".repeat(bytes) })))
        };
        let row = |source: usize, target: usize| {
            let row = v1::PreviewRow {
                source: document(source),
                target: document(target),
                ..Default::default()
            };
            let row = fitting(row);
            (row.source.is_some(), row.target.is_some())
        };
        assert_eq!(row(9, 9), (true, true));
        assert_eq!(row(BYTES_MAX / 2, BYTES_MAX / 2), (false, true));
        assert_eq!(row(9, BYTES_MAX), (false, false));
    }

    #[test]
    fn reasons_without_a_word_of_their_own_get_the_usual_one() {
        let failure = |reason: &str| MapFailure::new(reason, "no").of_field("title");
        let told =
            |reason: &str| encode_failure(failure(reason), Reason::MappingExpressionFailed).reason;
        assert_eq!(told("SOMETHING_NEW"), i32::from(v1::ErrorReason::MappingExpressionFailed));
        assert_eq!(told("TARGET_LIMIT_EXCEEDED"), i32::from(v1::ErrorReason::TargetLimitExceeded));
    }
}
