//! Fields that were changed in the source and in the target: listed, and decided.

use std::collections::BTreeMap;

use cartage_model::Kind;
use cartage_proto::v1;
use serde_json::Value;

use super::{
    super::{
        Api,
        change::{Begun, Change},
        convert::{self, record_kind_of, timestamp},
        filter, own_name,
        page::Page,
        snapshot::filter_value,
    },
    change::winner_of,
};
use crate::{
    app::run::{
        Run,
        change::{Whose, conflict_bound},
    },
    error::{Error, Result},
    store::{
        event::NewEvent,
        record_conflict::{ConflictFilter, RecordConflict},
    },
    token::Caller,
};

impl Api {
    pub(super) async fn record_conflicts(
        &self,
        caller: &Caller,
        request: v1::ListRecordConflictsRequest,
    ) -> Result<v1::ListRecordConflictsResponse> {
        let run = own_name(caller, &request.parent, "runs", "parent")?;
        let fields = filter::parse(&request.filter, &["kind", "source_id", "field", "winner"])?;
        if let Some(winner) = fields.get("winner").filter(|winner| *winner != "ASK") {
            return Err(filter_value("winner", winner));
        }
        let arguments = format!("{run}\n{}", request.filter);
        let page = Page::new(
            &caller.account,
            "ListRecordConflicts",
            &arguments,
            request.page_size,
            &request.page_token,
            1_000,
        )?;
        let wanted = ConflictFilter {
            kind: filter::word(&fields, "kind").replace("url_redirect", "url"),
            source_id: filter::text(&fields, "source_id"),
            field: fields.get("field").cloned(),
            open: fields.contains_key("winner"),
        };
        let keys = &self.app.keys;
        let mut tx = self.app.store.begin(&caller.account).await?;
        tx.resource_get::<Run>(&run).await?;
        let after: Option<(String, String, String)> = page.after(keys)?;
        let limit = page.size.saturating_add(1);
        let rows = tx.record_conflict_page(&run, &wanted, after, limit).await?;
        tx.rollback().await?;
        let mut found = Vec::with_capacity(rows.len());
        for row in rows {
            let place = (row.kind.clone(), row.source_id.clone(), row.field.clone());
            found.push((place, self.encode_conflict(caller, row)?));
        }
        let (record_conflicts, next_page_token) =
            page.fill(keys, found, |(place, _)| place.clone(), |(_, conflict)| conflict)?;
        Ok(v1::ListRecordConflictsResponse { record_conflicts, next_page_token })
    }

    fn encode_conflict(&self, caller: &Caller, row: RecordConflict) -> Result<v1::RecordConflict> {
        let mut values = [String::new(), String::new()];
        if caller.has("records.read")
            && let Ok(kind) = row.kind.parse::<Kind>()
        {
            let bound_to = conflict_bound(&caller.account, kind, &row.source_id);
            let opened = self.app.keys.open_sealed(&row.field_values, &bound_to);
            let opened = opened
                .ok_or_else(|| Error::internal("the values of a conflict cannot be opened"))?;
            let read: Value = serde_json::from_slice(&opened)?;
            values = ["source", "target"]
                .map(|side| read.get(side).filter(|it| !it.is_null()).map(Value::to_string))
                .map(Option::unwrap_or_default);
        }
        let [source_value, target_value] = values;
        Ok(v1::RecordConflict {
            kind: record_kind_of(&row.kind),
            source_id: row.source_id,
            field: row.field,
            source_value,
            target_value,
            winner: winner_of(Whose::parse(&row.resolution)).into(),
            resolver: row.resolver,
            resolve_time: row.resolve_time.map(timestamp),
            create_time: Some(timestamp(row.create_time)),
        })
    }

    pub(super) async fn resolve_conflicts(
        &self,
        caller: &Caller,
        request: v1::ResolveRecordConflictsRequest,
    ) -> Result<v1::ResolveRecordConflictsResponse> {
        use v1::conflict_policy::Winner;
        let run = own_name(caller, &request.name, "runs", "name")?;
        let begun = Change::begin(self, caller, "ResolveRecordConflicts", &request).await?;
        let mut change = match begun {
            Begun::Replay(response) => return Ok(response),
            Begun::Fresh(change) => change,
        };
        let whose = match convert::enum_value(request.winner, "winner")? {
            Winner::Source => Whose::Source,
            Winner::Target => Whose::Target,
            Winner::Unspecified | Winner::Ask => {
                return Err(Error::field("winner", "REQUIRED", "Say SOURCE or TARGET."));
            }
        };
        let kind = convert::kind(request.kind, "kind")?;
        if kind.is_none() && !request.source_id.is_empty() {
            let message = "An id is that of a record of some kind; say which.";
            return Err(Error::field("kind", "REQUIRED", message));
        }
        let wanted = ConflictFilter {
            kind: kind.map_or_else(String::new, |kind| kind.as_str().to_owned()),
            source_id: request.source_id.clone(),
            field: (!request.field.is_empty()).then(|| request.field.clone()),
            open: false,
        };
        let tx = &mut change.tx;
        tx.resource_get::<Run>(&run).await?;
        let resolver = &caller.subject;
        let resolved = tx.record_conflict_resolve(&run, &wanted, whose.as_str(), resolver).await?;
        let open_count = tx.record_conflict_open(&run).await?;
        if resolved > 0 {
            // The field and the id can say who a record is about; the numbers do not.
            let attributes = BTreeMap::from([
                ("winner".to_owned(), whose.as_str().to_uppercase()),
                ("count".to_owned(), resolved.to_string()),
                ("openCount".to_owned(), open_count.to_string()),
            ]);
            let event = NewEvent {
                event_type: "run.conflicts_resolved".to_owned(),
                resource: run.as_str().to_owned(),
                attributes,
                ..NewEvent::default()
            };
            change.event(run.stream(), event);
        }
        let resolved_count = i64::try_from(resolved).unwrap_or(i64::MAX);
        let response = v1::ResolveRecordConflictsResponse { resolved_count, open_count };
        change.finish(self, &response).await?;
        Ok(response)
    }
}
