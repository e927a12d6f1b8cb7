//! Links: listed, exported as a file, imported.

use cartage_connectors::EMAIL;
use cartage_model::Kind;
use cartage_pipeline::mapping::Mask;
use cartage_proto::v1;
use futures::{StreamExt, stream::BoxStream};
use serde_json::{Map, Value};
use tonic::Status;

use super::{
    super::{
        Api,
        convert::{self, record_kind_of, timestamp},
        filter, own_name,
        page::Page,
    },
    ledger::record_id,
};
use crate::{
    api::change::{Begun, Change},
    app::{
        connection::{Connection, ConnectionConfig},
        migration::Migration,
        record_link::{self, Imported, NewLink},
        run::{self, Run},
    },
    error::{Error, Result},
    name::Name,
    store::{
        Tx,
        record_link::{LinkFilter, LinkSpace, RecordLink},
        resource::Resource,
    },
    token::Caller,
};

/// The most links that are imported at once.
const IMPORT_MAX: usize = 1_000;
/// How many links a piece of a file has.
const PIECE_LINKS: i32 = 1_000;
/// How large a piece grows before its last line.
const PIECE_BYTES: usize = 1024 * 1024;
/// The columns of a file, and the fields of a line.
const COLUMNS: [(&str, &str); 8] = [
    ("kind", "kind"),
    ("source_id", "sourceId"),
    ("parent_source_id", "parentSourceId"),
    ("role", "role"),
    ("target_id", "targetId"),
    ("run", "run"),
    ("source_admin_url", "sourceAdminUrl"),
    ("target_admin_url", "targetAdminUrl"),
];

/// Where links are: their space, both shops for the pages of their admins, and what is hidden from the
/// caller.
#[derive(Debug)]
pub(super) struct Place {
    space: LinkSpace,
    source: Option<ConnectionConfig>,
    target: Option<ConnectionConfig>,
    /// Some parts are known by a person's address.
    mask: Option<Mask>,
}

impl Place {
    /// The place of the links of a migration into its target.
    async fn of_migration(tx: &mut Tx, caller: &Caller, name: &Name) -> Result<Self> {
        let migration = tx.resource_get::<Migration>(name).await?;
        let target = migration.body.target_connection.clone();
        let space = LinkSpace { migration: name.clone(), target };
        Self::of_space(tx, caller, &migration, space).await
    }

    /// The place of the links of a run.
    pub(super) async fn of_run(tx: &mut Tx, caller: &Caller, run: &Resource<Run>) -> Result<Self> {
        let space = run::link_space(run);
        let migration = tx.resource_get::<Migration>(&space.migration).await?;
        let target = config(tx, &run.body.target_connection).await?;
        Ok(Self { target, ..Self::of_space(tx, caller, &migration, space).await? })
    }

    async fn of_space(
        tx: &mut Tx,
        caller: &Caller,
        migration: &Resource<Migration>,
        space: LinkSpace,
    ) -> Result<Self> {
        let source = config(tx, &migration.body.source_connection).await?;
        let target = config(tx, &migration.body.target_connection).await?;
        let mask = (!caller.has("records.read")).then(|| Mask::new(migration.uid.as_bytes()));
        Ok(Self { space, source, target, mask })
    }

    async fn of_parent(tx: &mut Tx, caller: &Caller, parent: &Name, of_run: bool) -> Result<Self> {
        if !of_run {
            return Self::of_migration(tx, caller, parent).await;
        }
        let run = tx.resource_get::<Run>(parent).await?;
        Self::of_run(tx, caller, &run).await
    }

    /// Where the links are kept.
    pub(super) fn space(&self) -> &LinkSpace {
        &self.space
    }

    /// The page of a record in the source's admin.
    pub(super) fn source_url(&self, kind: &str, source_id: &str) -> String {
        url(self.source.as_ref(), kind, source_id)
    }

    /// A link on the wire.
    pub(super) fn encode(&self, mut link: RecordLink) -> v1::RecordLink {
        let is_part = link.record_source_id != link.source_id;
        if let Some(mask) = &self.mask {
            link.source_id = match link.role == EMAIL {
                true => mask.email(&link.source_id),
                // Where a source gives a person no id, the address is it.
                false => mask.in_text(link.source_id),
            };
            link.record_source_id = mask.in_text(link.record_source_id);
        }
        let id = format!("{}.{}", record_id(&link.kind, &link.source_id), link.role);
        let live = self.space.target.contains("/connections/");
        // The admins have pages for records, not for their parts.
        let is_own = link.role == link.kind;
        let own = |url: String| if is_own { url } else { String::new() };
        v1::RecordLink {
            name: format!("{}/recordLinks/{id}", self.space.migration),
            kind: record_kind_of(&link.kind),
            source_admin_url: own(self.source_url(&link.kind, &link.source_id)),
            target_admin_url: own(url(self.target.as_ref(), &link.kind, &link.target_id)),
            parent_source_id: if is_part { link.record_source_id } else { String::new() },
            source_id: link.source_id,
            role: link.role,
            target_connection: if live { self.space.target.clone() } else { String::new() },
            target_id: link.target_id,
            create_run: link.create_run.clone(),
            update_run: link.create_run,
            create_time: Some(timestamp(link.create_time)),
            update_time: Some(timestamp(link.update_time)),
        }
    }
}

/// How a shop is reached; none for one that is gone.
async fn config(tx: &mut Tx, name: &str) -> Result<Option<ConnectionConfig>> {
    match tx.resource_get::<Connection>(&Name::trusted(name)).await {
        Ok(connection) => Ok(Some(connection.body.config)),
        Err(error) if error.reason == crate::reason::Reason::ResourceNotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn url(shop: Option<&ConnectionConfig>, kind: &str, id: &str) -> String {
    let kind = kind.parse::<Kind>().ok();
    shop.zip(kind).and_then(|(shop, kind)| shop.admin_url(kind, id)).unwrap_or_default()
}

fn place(link: &RecordLink) -> (String, String, String) {
    (link.kind.clone(), link.source_id.clone(), link.role.clone())
}

impl Api {
    pub(super) async fn record_links(
        &self,
        caller: &Caller,
        request: v1::ListRecordLinksRequest,
    ) -> Result<v1::ListRecordLinksResponse> {
        let (parent, of_run) = parent(caller, &request.parent)?;
        let allowed = ["kind", "source_id", "parent_source_id", "role", "target_id"];
        let fields = filter::parse(&request.filter, &allowed)?;
        let arguments = format!("{parent}\n{}", request.filter);
        let page = Page::new(
            &caller.account,
            "ListRecordLinks",
            &arguments,
            request.page_size,
            &request.page_token,
            1_000,
        )?;
        let keys = &self.app.keys;
        let mut tx = self.app.store.begin(&caller.account).await?;
        let at = Place::of_parent(&mut tx, caller, &parent, of_run).await?;
        let wanted = LinkFilter {
            kind: filter::word(&fields, "kind").replace("url_redirect", "url"),
            source_id: filter::text(&fields, "source_id"),
            role: filter::text(&fields, "role"),
            target_id: filter::text(&fields, "target_id"),
            parent_source_id: filter::text(&fields, "parent_source_id"),
            run: if of_run { parent.to_string() } else { String::new() },
            ..LinkFilter::default()
        };
        let links = tx
            .record_link_page(&at.space, &wanted, page.after(keys)?, page.size.saturating_add(1))
            .await?;
        tx.rollback().await?;
        let (record_links, next_page_token) =
            page.fill(keys, links, place, |link| at.encode(link))?;
        Ok(v1::ListRecordLinksResponse { record_links, next_page_token })
    }

    pub(super) async fn export_links(
        &self,
        caller: &Caller,
        request: v1::ExportRecordLinksRequest,
    ) -> Result<BoxStream<'static, Result<v1::ExportRecordLinksResponse, Status>>> {
        let (parent, of_run) = parent(caller, &request.parent)?;
        let kinds = convert::kinds(&request.kinds, "kinds")?;
        let kinds: Vec<String> = kinds.iter().map(|kind| kind.as_str().to_owned()).collect();
        let mut tx = self.app.store.begin(&caller.account).await?;
        let at = Place::of_parent(&mut tx, caller, &parent, of_run).await?;
        tx.rollback().await?;
        let form = match request.format() {
            v1::export_record_links_request::Format::Csv => Form::Csv,
            v1::export_record_links_request::Format::JsonLines => Form::JsonLines,
            v1::export_record_links_request::Format::Unspecified => {
                return Err(Error::field("format", "REQUIRED", "Say CSV or JSON_LINES."));
            }
        };
        let arguments = format!("{parent}\n{form:?}\n{}", kinds.join(","));
        let token = &request.resume_token;
        let page = Page::new(
            &caller.account,
            "ExportRecordLinks",
            &arguments,
            PIECE_LINKS,
            token,
            PIECE_LINKS.into(),
        )?;
        let after = page.after(&self.app.keys).map_err(|mut error| {
            error.violations.iter_mut().for_each(|it| "resume_token".clone_into(&mut it.field));
            error
        })?;
        let run = if of_run { parent.to_string() } else { String::new() };
        let export = Export {
            api: self.clone(),
            account: caller.account.clone(),
            at,
            wanted: LinkFilter { kinds, run, ..LinkFilter::default() },
            form,
            has_titles: token.is_empty() && form == Form::Csv,
            page,
            after,
        };
        // Each piece is read when the one before was taken: whoever reads slowly holds nothing here.
        let pieces = futures::stream::try_unfold(Some(export), |export| async move {
            let Some(export) = export else { return Ok(None) };
            export.piece().await.map(Some).map_err(Status::from)
        });
        Ok(pieces.boxed())
    }

    pub(super) async fn import_links(
        &self,
        caller: &Caller,
        request: v1::ImportRecordLinksRequest,
    ) -> Result<v1::ImportRecordLinksResponse> {
        let parent = own_name(caller, &request.parent, "migrations", "parent")?;
        let mut change = match Change::begin(self, caller, "ImportRecordLinks", &request).await? {
            Begun::Replay(response) => return Ok(response),
            Begun::Fresh(change) => change,
        };
        match request.record_links.len() {
            0 => return Err(Error::field("record_links", "REQUIRED", "There is no link.")),
            1..=IMPORT_MAX => {}
            _ => {
                let text = "At most 1000 links are imported at once.";
                return Err(Error::field("record_links", "TOO_MANY", text));
            }
        }
        let links = request.record_links.into_iter().map(|link| NewLink {
            // A number that is no kind is refused like a kind that is missing: with its link alone.
            kind: convert::kind(link.kind, "kind").unwrap_or_default(),
            source_id: link.source_id,
            role: link.role,
            target_id: link.target_id,
            parent_source_id: link.parent_source_id,
        });
        let imported = record_link::import(&mut change.tx, &parent, links.collect()).await?;
        if imported.created > 0 {
            change.event(parent.stream(), record_link::event(&parent, &imported));
        }
        let response = encode_imported(&imported);
        change.finish(self, &response).await?;
        Ok(response)
    }
}

/// A migration or a run, and which of both.
fn parent(caller: &Caller, text: &str) -> Result<(Name, bool)> {
    let of_run = text.contains("/runs/");
    let collection = if of_run { "runs" } else { "migrations" };
    Ok((own_name(caller, text, collection, "parent")?, of_run))
}

fn encode_imported(imported: &Imported) -> v1::ImportRecordLinksResponse {
    let count = |count: u64| i32::try_from(count).unwrap_or(i32::MAX);
    let refused = imported.refused.iter().map(|(index, failure)| v1::RefusedRecordLink {
        index: i32::try_from(*index).unwrap_or(i32::MAX),
        failure: Some(convert::failure(failure)),
    });
    v1::ImportRecordLinksResponse {
        created_count: count(imported.created),
        unchanged_count: count(imported.unchanged),
        refused_record_links: refused.collect(),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Csv,
    JsonLines,
}

/// A file on its way.
struct Export {
    api: Api,
    account: String,
    at: Place,
    wanted: LinkFilter,
    form: Form,
    has_titles: bool,
    page: Page,
    after: Option<(String, String, String)>,
}

impl Export {
    /// The next piece, and what comes after it; nothing after the last.
    async fn piece(mut self) -> Result<(v1::ExportRecordLinksResponse, Option<Self>)> {
        let limit = self.page.size.saturating_add(1);
        let mut tx = self.api.app.store.begin(&self.account).await?;
        let after = self.after.clone();
        let links = tx.record_link_page(&self.at.space, &self.wanted, after, limit).await?;
        tx.rollback().await?;
        let read = links.len();
        let mut data = Vec::new();
        if std::mem::take(&mut self.has_titles) {
            csv_line(&mut data, COLUMNS.iter().map(|(title, _)| *title));
        }
        let (mut count, mut held) = (0, 0_usize);
        for link in links {
            if count == PIECE_LINKS || data.len() >= PIECE_BYTES {
                break;
            }
            self.after = Some(place(&link));
            write_line(&mut data, self.form, &self.at.encode(link))?;
            count += 1;
            held += 1;
        }
        let last = held == read;
        let resume_token = match last {
            true => String::new(),
            false => self.page.token_behind(&self.api.app.keys, self.after.clone())?,
        };
        let content_type = match self.form {
            Form::Csv => "text/csv; charset=utf-8",
            Form::JsonLines => "application/jsonl; charset=utf-8",
        };
        let piece = v1::ExportRecordLinksResponse {
            data: data.into(),
            link_count: count,
            content_type: content_type.to_owned(),
            resume_token,
            last,
        };
        Ok((piece, (!last).then_some(self)))
    }
}

/// Adds the line of a link.
fn write_line(data: &mut Vec<u8>, form: Form, link: &v1::RecordLink) -> Result<()> {
    let kind = link.kind().as_str_name();
    let values = [
        kind.strip_prefix("RECORD_KIND_").unwrap_or(kind),
        &link.source_id,
        &link.parent_source_id,
        &link.role,
        &link.target_id,
        &link.create_run,
        &link.source_admin_url,
        &link.target_admin_url,
    ];
    match form {
        Form::Csv => csv_line(data, values.into_iter()),
        Form::JsonLines => {
            let said = COLUMNS.iter().zip(values).filter(|(_, value)| !value.is_empty());
            let line: Map<String, Value> =
                said.map(|((_, field), value)| ((*field).to_owned(), value.into())).collect();
            serde_json::to_writer(&mut *data, &line)?;
            data.push(b'\n');
        }
    }
    Ok(())
}

/// A line of RFC 4180.
fn csv_line<'a>(data: &mut Vec<u8>, values: impl Iterator<Item = &'a str>) {
    for (place, value) in values.enumerate() {
        if place > 0 {
            data.push(b',');
        }
        if value.contains([',', '"', '\r', '\n']) {
            data.extend_from_slice(format!("\"{}\"", value.replace('"', "\"\"")).as_bytes());
        } else {
            data.extend_from_slice(value.as_bytes());
        }
    }
    data.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_the_same_in_both_forms() {
        let link = v1::RecordLink {
            kind: v1::RecordKind::Product.into(),
            source_id: "=1+1, \"x\"".to_owned(),
            role: "product".to_owned(),
            target_id: "prod_1".to_owned(),
            ..v1::RecordLink::default()
        };
        let written = |form| {
            let mut data = Vec::new();
            write_line(&mut data, form, &link).unwrap();
            String::from_utf8(data).unwrap()
        };
        assert_eq!(written(Form::Csv), "PRODUCT,\"=1+1, \"\"x\"\"\",,product,prod_1,,,\r\n");
        let line: Value = serde_json::from_str(&written(Form::JsonLines)).unwrap();
        let expected = serde_json::json!({
            "kind": "PRODUCT", "sourceId": "=1+1, \"x\"", "role": "product", "targetId": "prod_1",
        });
        assert_eq!(line, expected);
    }
}
