//! `MappingService`: versioned rules from canonical fields to the fields of a target.

pub mod content;
mod preview;

use cartage_pipeline::mapping::Issue;
use cartage_proto::v1::{self, mapping_service_server::MappingService};
use chrono::{DateTime, Utc};
use prost::Message;
use tonic::{Request, Response, Status};

use super::{Api, convert, own_name, page::Page};
use crate::{
    app::mapping::{self, Content, Mapping, MappingRevision, MappingState, place, revision_name},
    begin,
    error::{Error, Result},
    name::{Name, chosen_id},
    store::{
        Tx,
        event::NewEvent,
        resource::{Cut, Resource, State},
    },
    token::Caller,
};

/// The most mappings of a page with what they say: each can be as large as a request.
const FULL_MAX: i64 = 20;
/// The most issues of one page, and as many as come where no number is asked for.
const ISSUES_MAX: i32 = 200;
/// The most names that are offered for one that is not known.
const SUGGESTIONS_MAX: usize = 5;

#[tonic::async_trait]
impl MappingService for Api {
    async fn create_mapping(
        &self,
        request: Request<v1::CreateMappingRequest>,
    ) -> Result<Response<v1::Mapping>, Status> {
        let (caller, request) = self.enter(request)?;
        let parent = own_name(&caller, &request.parent, "migrations", "parent")?;
        let mut change = begin!(self, &caller, "CreateMapping", &request);
        let id = chosen_id(&request.mapping_id, "mapping_id", "m")?;
        let asked = request.mapping.unwrap_or_default();
        let content = content::decode(&asked.content.unwrap_or_default(), "mapping.content")?;
        let mapping =
            mapping::create(&mut change.tx, &parent, &id, &asked.display_name, content).await?;
        change.event(parent.stream(), changed(&mapping, "mapping.created", None));
        let response = encode(&mapping, true);
        change.finish(self, &response).await?;
        Ok(Response::new(response))
    }

    async fn get_mapping(
        &self,
        request: Request<v1::GetMappingRequest>,
    ) -> Result<Response<v1::Mapping>, Status> {
        let (caller, request) = self.enter(request)?;
        let name = own_name(&caller, &request.name, "mappings", "name")?;
        let mut tx = self.app.store.begin(&caller.account).await?;
        Ok(Response::new(encode(&tx.resource_get::<Mapping>(&name).await?, true)))
    }

    async fn list_mappings(
        &self,
        request: Request<v1::ListMappingsRequest>,
    ) -> Result<Response<v1::ListMappingsResponse>, Status> {
        let (caller, request) = self.enter(request)?;
        let parent = own_name(&caller, &request.parent, "migrations", "parent")?;
        let view = convert::enum_value::<v1::ResourceView>(request.view, "view")?;
        let full = view == v1::ResourceView::Full;
        let arguments = format!("{parent}\n{full}");
        let (size, token) = (request.page_size, request.page_token.as_str());
        let most = if full { FULL_MAX } else { 1_000 };
        let page = Page::new(&caller.account, "ListMappings", &arguments, size, token, most)?;
        let encode = |row: &Resource<Mapping>| encode(row, full);
        let (mappings, next_page_token) = self.page_of(&caller, &parent, &page, encode).await?;
        Ok(Response::new(v1::ListMappingsResponse { mappings, next_page_token }))
    }

    async fn update_mapping(
        &self,
        request: Request<v1::UpdateMappingRequest>,
    ) -> Result<Response<v1::Mapping>, Status> {
        let (caller, request) = self.enter(request)?;
        let asked = request.mapping.clone().unwrap_or_default();
        let name = own_name(&caller, &asked.name, "mappings", "mapping.name")?;
        let mut change = begin!(self, &caller, "UpdateMapping", &request);
        let paths = request.update_mask.map(|mask| mask.paths).unwrap_or_default();
        let edit = content::edit(&asked, &paths)?;
        let (mapping, before) = mapping::update(&mut change.tx, &name, &asked.etag, edit).await?;
        if before != mapping.state {
            let event = changed(&mapping, "mapping.state_changed", Some(before));
            change.event(name.stream(), event);
        }
        let response = encode(&mapping, true);
        change.finish(self, &response).await?;
        Ok(Response::new(response))
    }

    async fn delete_mapping(
        &self,
        request: Request<v1::DeleteMappingRequest>,
    ) -> Result<Response<()>, Status> {
        let (caller, request) = self.enter(request)?;
        let name = own_name(&caller, &request.name, "mappings", "name")?;
        let mut change = begin!(self, &caller, "DeleteMapping", &request);
        mapping::delete(&mut change.tx, &name, &request.etag).await?;
        let event = NewEvent {
            event_type: "mapping.deleted".to_owned(),
            resource: name.to_string(),
            ..NewEvent::default()
        };
        change.event(name.stream(), event);
        change.finish(self, &()).await?;
        Ok(Response::new(()))
    }

    async fn list_mapping_revisions(
        &self,
        request: Request<v1::ListMappingRevisionsRequest>,
    ) -> Result<Response<v1::ListMappingRevisionsResponse>, Status> {
        let (caller, request) = self.enter(request)?;
        let parent = own_name(&caller, &request.parent, "mappings", "parent")?;
        let view = convert::enum_value::<v1::ResourceView>(request.view, "view")?;
        let full = view == v1::ResourceView::Full;
        let arguments = format!("{parent}\n{full}");
        let (size, token) = (request.page_size, request.page_token.as_str());
        let method = "ListMappingRevisions";
        let most = if full { FULL_MAX } else { 1_000 };
        let page = Page::new(&caller.account, method, &arguments, size, token, most)?;
        let encode = |row: &Resource<MappingRevision>| encode_revision(row, full);
        let (mapping_revisions, next_page_token) =
            self.page_of(&caller, &parent, &page, encode).await?;
        let response = v1::ListMappingRevisionsResponse { mapping_revisions, next_page_token };
        Ok(Response::new(response))
    }

    async fn get_mapping_revision(
        &self,
        request: Request<v1::GetMappingRevisionRequest>,
    ) -> Result<Response<v1::MappingRevision>, Status> {
        let (caller, request) = self.enter(request)?;
        let name = own_name(&caller, &request.name, "revisions", "name")?;
        let mut tx = self.app.store.begin(&caller.account).await?;
        let revision = tx.resource_get::<MappingRevision>(&name).await?;
        Ok(Response::new(encode_revision(&revision, true)))
    }

    async fn validate_mapping(
        &self,
        request: Request<v1::ValidateMappingRequest>,
    ) -> Result<Response<v1::ValidateMappingResponse>, Status> {
        let (caller, mut request) = self.enter(request)?;
        let parent = own_name(&caller, &request.parent, "migrations", "parent")?;
        let token = std::mem::take(&mut request.page_token);
        let size = match std::mem::take(&mut request.page_size) {
            0 => ISSUES_MAX,
            size => size,
        };
        let arguments = blake3::hash(&request.encode_to_vec()).to_hex();
        let method = "ValidateMapping";
        let page = Page::new(&caller.account, method, &arguments, size, &token, ISSUES_MAX.into())?;
        let subject = match request.subject {
            Some(v1::validate_mapping_request::Subject::Mapping(name)) => Subject::Stored(name),
            Some(v1::validate_mapping_request::Subject::Content(it)) => Subject::Given(it),
            None => return Err(no_subject().into()),
        };
        let mut tx = self.app.store.begin(&caller.account).await?;
        let content = subject.content(&caller, &mut tx, &parent).await?;
        let (_, platform) = mapping::pair(&mut tx, &parent).await?;
        tx.rollback().await?;
        let issues = mapping::issues(&platform, &content.mapping).await?;
        Ok(Response::new(self.report(&page, &issues, &content)?))
    }

    async fn preview_mapping(
        &self,
        request: Request<v1::PreviewMappingRequest>,
    ) -> Result<Response<v1::PreviewMappingResponse>, Status> {
        let (caller, request) = self.enter(request)?;
        Ok(Response::new(self.preview(&caller, request).await?))
    }

    async fn publish_mapping(
        &self,
        request: Request<v1::PublishMappingRequest>,
    ) -> Result<Response<v1::MappingRevision>, Status> {
        let (caller, request) = self.enter(request)?;
        let name = own_name(&caller, &request.name, "mappings", "name")?;
        let mut change = begin!(self, &caller, "PublishMapping", &request);
        let tx = &mut change.tx;
        let published = mapping::publish(tx, &name, &request.etag, &caller.subject).await?;
        if published.fresh {
            let mut event = NewEvent {
                event_type: "mapping.published".to_owned(),
                resource: name.to_string(),
                previous_state: Some(published.before.as_str().to_owned()),
                state: Some(MappingState::Published.as_str().to_owned()),
                ..NewEvent::default()
            };
            let revision = published.revision.name.to_string();
            event.attributes.insert("revision".to_owned(), revision);
            change.event(name.stream(), event);
        }
        let response = encode_revision(&published.revision, true);
        change.finish(self, &response).await?;
        Ok(Response::new(response))
    }
}

/// A mapping as a request names it.
pub(super) enum Subject {
    /// A stored mapping or revision.
    Stored(String),
    /// Rules that are not stored.
    Given(v1::MappingContent),
}

impl Subject {
    /// What it says.
    ///
    /// # Errors
    /// `INVALID_FIELDS`, `RESOURCE_NOT_FOUND`.
    pub(super) async fn content(
        &self,
        caller: &Caller,
        tx: &mut Tx,
        migration: &Name,
    ) -> Result<Content> {
        match self {
            Self::Given(content) => content::decode(content, "content"),
            Self::Stored(text) => {
                let collection =
                    if text.contains("/revisions/") { "revisions" } else { "mappings" };
                let name = own_name(caller, text, collection, "mapping")?;
                if name.stream() != migration.as_str() {
                    let message = "The mapping belongs to another migration.";
                    return Err(Error::field("mapping", "REFERENCE_INVALID", message));
                }
                mapping::content_of(tx, &name).await
            }
        }
    }
}

/// Neither a mapping nor rules were given.
pub(super) fn no_subject() -> Error {
    Error::field("subject", "REQUIRED", "Give a mapping by name, or its content.")
}

impl Api {
    /// A page of resources below a parent, newest first.
    async fn page_of<B: crate::store::resource::Body, M: Message>(
        &self,
        caller: &Caller,
        parent: &Name,
        page: &Page,
        encode: impl Fn(&Resource<B>) -> M,
    ) -> Result<(Vec<M>, String)> {
        let after: Option<(DateTime<Utc>, String)> = page.after(&self.app.keys)?;
        let cut = Cut { limit: page.size + 1, after, ..Cut::default() };
        let mut tx = self.app.store.begin(&caller.account).await?;
        tx.resource_exists(parent).await?;
        let rows = tx.resource_list::<B>(parent, &cut).await?;
        page.fill(&self.app.keys, rows, Resource::place, |row| encode(&row))
    }

    fn report(
        &self,
        page: &Page,
        issues: &[Issue],
        content: &Content,
    ) -> Result<v1::ValidateMappingResponse> {
        let after: usize = page.after(&self.app.keys)?.unwrap_or_default();
        let rows = (1_usize..).zip(issues).skip(after);
        let encode = |(_, issue): (usize, &Issue)| encode_issue(issue, content);
        let (shown, next_page_token) =
            page.fill(&self.app.keys, rows, |(place, _)| *place, encode)?;
        Ok(v1::ValidateMappingResponse {
            valid: issues.is_empty(),
            error_count: i32::try_from(issues.len()).unwrap_or(i32::MAX),
            warning_count: 0,
            issues: shown,
            next_page_token,
        })
    }
}

fn changed(mapping: &Resource<Mapping>, event: &str, before: Option<MappingState>) -> NewEvent {
    NewEvent {
        event_type: event.to_owned(),
        resource: mapping.name.to_string(),
        previous_state: before.map(|state| state.as_str().to_owned()),
        state: Some(mapping.state.as_str().to_owned()),
        ..NewEvent::default()
    }
}

fn encode(mapping: &Resource<Mapping>, full: bool) -> v1::Mapping {
    let state = match mapping.state {
        MappingState::Draft => v1::mapping::State::Draft,
        MappingState::Invalid => v1::mapping::State::Invalid,
        MappingState::Published => v1::mapping::State::Published,
    };
    let body = &mapping.body;
    let latest = (body.latest_number > 0)
        .then(|| revision_name(&mapping.name, body.latest_number).to_string());
    v1::Mapping {
        name: mapping.name.to_string(),
        uid: mapping.uid.to_string(),
        display_name: body.display_name.clone(),
        source_platform: format!("platforms/{}", body.source_platform),
        target_platform: format!("platforms/{}", body.target_platform),
        content: full.then(|| content::encode(&body.content)),
        state: state.into(),
        content_hash: body.content_hash.clone(),
        latest_revision: latest.unwrap_or_default(),
        etag: mapping.etag(),
        create_time: Some(convert::timestamp(mapping.create_time)),
        update_time: Some(convert::timestamp(mapping.update_time)),
    }
}

fn encode_revision(revision: &Resource<MappingRevision>, full: bool) -> v1::MappingRevision {
    let body = &revision.body;
    let content = || Content { mapping: body.content.clone(), notes: body.notes.clone() };
    v1::MappingRevision {
        name: revision.name.to_string(),
        uid: revision.uid.to_string(),
        revision_number: body.number,
        content: full.then(|| content::encode(&content())),
        content_hash: body.content_hash.clone(),
        source_platform: format!("platforms/{}", body.source_platform),
        target_platform: format!("platforms/{}", body.target_platform),
        author: body.author.clone(),
        create_time: Some(convert::timestamp(revision.create_time)),
    }
}

fn encode_issue(issue: &Issue, content: &Content) -> v1::MappingIssue {
    let (line, column) = issue.position.unwrap_or_default();
    let number = |value: u32| i32::try_from(value).unwrap_or(i32::MAX);
    // The finer reasons of the pipeline are told by the message; a contract's list only grows.
    let reason =
        v1::ErrorReason::from_reason(issue.reason).unwrap_or(v1::ErrorReason::MappingInvalid);
    v1::MappingIssue {
        severity: v1::Severity::Error.into(),
        reason: reason.into(),
        kind: issue.kind.map_or(0, |kind| convert::record_kind(kind).into()),
        field: place(issue, &content.mapping),
        message: issue.message.clone(),
        line: number(line),
        column: number(column),
        suggestions: issue.suggestion.iter().take(SUGGESTIONS_MAX).cloned().collect(),
    }
}
