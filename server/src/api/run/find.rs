//! Finding what became of a record by what people know of it.

use cartage_model::Kind;
use cartage_proto::v1::{self, find_record_request::Key};

use super::{
    super::{Api, convert, own_name, page::Page},
    encode,
    links::Place,
};
use crate::{
    app::{migration::Migration, record_key::KeyType, run::Run},
    error::{Error, Result},
    name::Name,
    store::{
        Tx,
        record_key::{Found, Wanted},
        record_link::LinkFilter,
    },
    token::Caller,
};

/// The longest value, in bytes.
const VALUE_BYTES_MAX: usize = 1_024;
/// The most records on a page.
const RECORDS_MAX: i64 = 100;
/// The most links of a record.
const LINKS_MAX: i64 = 100;

impl Api {
    pub(super) async fn found_records(
        &self,
        caller: &Caller,
        request: v1::FindRecordRequest,
    ) -> Result<v1::FindRecordResponse> {
        let parent = own_name(caller, &request.parent, "migrations", "parent")?;
        let kind = convert::kind(request.kind, "kind")?.map_or("", Kind::as_str);
        let wanted = self.wanted(caller, request.key)?;
        let arguments = format!("{parent}\n{kind}\n{wanted:?}");
        let page = Page::new(
            &caller.account,
            "FindRecord",
            &arguments,
            request.page_size,
            &request.page_token,
            RECORDS_MAX,
        )?;
        let keys = &self.app.keys;
        let mut tx = self.app.store.begin(&caller.account).await?;
        tx.resource_get::<Migration>(&parent).await?;
        let limit = page.size.saturating_add(1);
        let found = tx.record_find(&parent, &wanted, kind, page.after(keys)?, limit).await?;
        let mut encoded = Vec::with_capacity(found.len());
        for of_run in found.chunk_by(|one, other| one.run == other.run) {
            self.of_run(&mut tx, caller, of_run, &mut encoded).await?;
        }
        tx.rollback().await?;
        let rows = found.iter().map(Found::place).zip(encoded);
        let (found_records, next_page_token) =
            page.fill(keys, rows, |(place, _)| place.clone(), |(_, record)| record)?;
        Ok(v1::FindRecordResponse { found_records, next_page_token })
    }

    /// What is looked for. No error says what it was.
    fn wanted(&self, caller: &Caller, key: Option<Key>) -> Result<Wanted> {
        let (field, value, key_type) = match key {
            Some(Key::OrderNumber(value)) => ("order_number", value, Some(KeyType::OrderNumber)),
            Some(Key::Sku(value)) => ("sku", value, Some(KeyType::Sku)),
            Some(Key::Email(value)) => ("email", value, Some(KeyType::Email)),
            Some(Key::SourceId(value)) => ("source_id", value, None),
            Some(Key::TargetId(value)) => ("target_id", value, None),
            None => {
                let text =
                    "Say an order number, a SKU, an e-mail address, a source id or a target id.";
                return Err(Error::field("key", "REQUIRED", text));
            }
        };
        if value.len() > VALUE_BYTES_MAX {
            return Err(Error::field(field, "TOO_LONG", "The value has at most 1024 bytes."));
        }
        let missing = || Error::field(field, "REQUIRED", "The value says nothing.");
        if let Some(key_type) = key_type {
            let key = key_type.key(&self.app.keys, &caller.account, &value).ok_or_else(missing)?;
            return Ok(Wanted::Key { key_type: key.key_type, digest: key.digest });
        }
        if value.is_empty() {
            return Err(missing());
        }
        Ok(if field == "source_id" { Wanted::SourceId(value) } else { Wanted::TargetId(value) })
    }

    /// Encodes what was found in one run.
    async fn of_run(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        found: &[Found],
        encoded: &mut Vec<v1::FoundRecord>,
    ) -> Result<()> {
        let Some(first) = found.first() else { return Ok(()) };
        let run = tx.resource_get::<Run>(&Name::trusted(&first.run)).await?;
        let at = Place::of_run(tx, caller, &run).await?;
        let kind = encode::kind(run.body.kind);
        let rows = found.iter().map(|it| it.record.clone()).collect();
        let records = self.encode_records(tx, caller, &run, rows).await?;
        for (it, record) in found.iter().zip(records) {
            let filter = LinkFilter {
                kind: it.record.kind.clone(),
                record_source_id: it.record.source_id.clone(),
                ..LinkFilter::default()
            };
            let links = tx.record_link_page(at.space(), &filter, None, LINKS_MAX).await?;
            let own = links.iter().find(|link| link.role == link.kind).cloned();
            let record_links: Vec<_> = links.into_iter().map(|link| at.encode(link)).collect();
            encoded.push(v1::FoundRecord {
                run: run.name.as_str().to_owned(),
                run_kind: kind.into(),
                source_admin_url: at.source_url(&it.record.kind, &it.record.source_id),
                target_admin_url: own.map(|it| at.encode(it).target_admin_url).unwrap_or_default(),
                run_record: Some(record),
                record_links,
            });
        }
        Ok(())
    }
}
