//! `AuditService`: rules run over a snapshot, and what they found.

mod encode;
mod findings;
mod watch;

use cartage_proto::v1::{self, audit_service_server::AuditService};
use tonic::{Request, Response, Status};

use super::{
    Api, filter, listing::rows_where, own_name, page::Page, snapshot::filter_value, watch::Stream,
};
use crate::{
    app::{
        audit::{self, Audit, AuditState},
        migration::Migration,
    },
    begin,
    error::Result,
    name::chosen_id,
    store::{
        event::NewEvent,
        resource::{Resource, State},
    },
};

#[tonic::async_trait]
impl AuditService for Api {
    type WatchAuditStream = Stream<v1::WatchAuditResponse>;

    async fn create_audit(
        &self,
        request: Request<v1::CreateAuditRequest>,
    ) -> Result<Response<v1::Audit>, Status> {
        let (caller, request) = self.enter(request)?;
        let parent = own_name(&caller, &request.parent, "migrations", "parent")?;
        let asked = request.audit.clone().unwrap_or_default();
        let snapshot = own_name(&caller, &asked.snapshot, "snapshots", "audit.snapshot")?;
        let mut change = begin!(self, &caller, "CreateAudit", &request);
        let id = chosen_id(&request.audit_id, "audit_id", "a")?;
        let tx = &mut change.tx;
        let audit = audit::create(tx, &parent, &id, &snapshot, &asked.rules).await?;
        change.event(parent.stream(), NewEvent::about(&audit, "created", None));
        let response = encode::audit(&audit, &[], None);
        change.finish(self, &response).await?;
        Ok(Response::new(response))
    }

    async fn get_audit(
        &self,
        request: Request<v1::GetAuditRequest>,
    ) -> Result<Response<v1::Audit>, Status> {
        let (caller, request) = self.enter(request)?;
        let name = own_name(&caller, &request.name, "audits", "name")?;
        let mut tx = self.app.store.begin(&caller.account).await?;
        let audit = tx.resource_get::<Audit>(&name).await?;
        Ok(Response::new(encode::current(&mut tx, &audit).await?))
    }

    async fn list_audits(
        &self,
        request: Request<v1::ListAuditsRequest>,
    ) -> Result<Response<v1::ListAuditsResponse>, Status> {
        let (caller, request) = self.enter(request)?;
        let parent = own_name(&caller, &request.parent, "migrations", "parent")?;
        let fields = filter::parse(&request.filter, &["state", "snapshot"])?;
        if let Some(word) = fields.get("state").filter(|word| AuditState::parse(word).is_none()) {
            return Err(filter_value("state", word).into());
        }
        let arguments = format!("{parent}\n{}", request.filter);
        let (size, token) = (request.page_size, request.page_token.as_str());
        let page = Page::new(&caller.account, "ListAudits", &arguments, size, token, 1_000)?;
        let fits = |audit: &Resource<Audit>| {
            [("state", audit.state.as_str()), ("snapshot", &audit.body.snapshot)]
                .into_iter()
                .all(|(field, value)| fields.get(field).is_none_or(|text| text == value))
        };
        let keys = &self.app.keys;
        let mut tx = self.app.store.begin(&caller.account).await?;
        tx.resource_get::<Migration>(&parent).await?;
        let rows = rows_where::<Audit>(&mut tx, &parent, (&page, keys), false, fits).await?;
        let mut found = Vec::with_capacity(rows.len());
        for row in &rows {
            found.push((row.place(), encode::current(&mut tx, row).await?));
        }
        let (audits, next_page_token) =
            page.fill(&self.app.keys, found, |(place, _)| place.clone(), |(_, audit)| audit)?;
        Ok(Response::new(v1::ListAuditsResponse { audits, next_page_token }))
    }

    async fn cancel_audit(
        &self,
        request: Request<v1::CancelAuditRequest>,
    ) -> Result<Response<v1::Audit>, Status> {
        let (caller, request) = self.enter(request)?;
        let name = own_name(&caller, &request.name, "audits", "name")?;
        let mut change = begin!(self, &caller, "CancelAudit", &request);
        let (audit, before) = audit::cancel(&mut change.tx, &name, &request.etag).await?;
        if before != audit.state {
            let event = NewEvent::about(&audit, "state_changed", Some(before));
            change.event(name.stream(), event);
        }
        let response = encode::current(&mut change.tx, &audit).await?;
        change.finish(self, &response).await?;
        Ok(Response::new(response))
    }

    async fn delete_audit(
        &self,
        request: Request<v1::DeleteAuditRequest>,
    ) -> Result<Response<()>, Status> {
        let (caller, request) = self.enter(request)?;
        let name = own_name(&caller, &request.name, "audits", "name")?;
        let mut change = begin!(self, &caller, "DeleteAudit", &request);
        let deleted = audit::delete(&mut change.tx, &name, &request.etag).await?;
        let event = NewEvent { state: None, ..NewEvent::about(&deleted, "deleted", None) };
        change.event(name.stream(), event);
        change.finish(self, &()).await?;
        Ok(Response::new(()))
    }

    async fn list_findings(
        &self,
        request: Request<v1::ListFindingsRequest>,
    ) -> Result<Response<v1::ListFindingsResponse>, Status> {
        let (caller, request) = self.enter(request)?;
        Ok(Response::new(self.findings(&caller, request).await?))
    }

    async fn get_finding(
        &self,
        request: Request<v1::GetFindingRequest>,
    ) -> Result<Response<v1::Finding>, Status> {
        let (caller, request) = self.enter(request)?;
        Ok(Response::new(self.finding(&caller, &request.name).await?))
    }

    async fn list_audit_rules(
        &self,
        request: Request<v1::ListAuditRulesRequest>,
    ) -> Result<Response<v1::ListAuditRulesResponse>, Status> {
        let (caller, request) = self.enter(request)?;
        let (size, token) = (request.page_size, request.page_token.as_str());
        let page = Page::new(&caller.account, "ListAuditRules", "", size, token, 1_000)?;
        let after: String = page.after(&self.app.keys)?.unwrap_or_default();
        let mut rows: Vec<_> =
            audit::rules().iter().filter(|rule| rule.id.as_str() > after.as_str()).collect();
        rows.sort_by(|left, right| left.id.cmp(&right.id));
        let (audit_rules, next_page_token) =
            page.fill(&self.app.keys, rows, |rule| rule.id.clone(), encode::rule)?;
        Ok(Response::new(v1::ListAuditRulesResponse { audit_rules, next_page_token }))
    }

    async fn watch_audit(
        &self,
        request: Request<v1::WatchAuditRequest>,
    ) -> Result<Response<Self::WatchAuditStream>, Status> {
        let (caller, request) = self.enter(request)?;
        Ok(Response::new(self.watch_one_audit(&caller, request).await?))
    }
}
