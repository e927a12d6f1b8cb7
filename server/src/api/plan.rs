//! `PlanService`: what exactly will be run live, and who agreed.

use cartage_proto::v1::{self, plan_service_server::PlanService};
use tonic::{Request, Response, Status};

use super::{
    Api, convert, filter,
    listing::rows_where,
    migration::{decode_scope, encode_scope},
    own_name,
    page::Page,
    snapshot::filter_value,
};
use crate::{
    app::{
        migration::Migration,
        plan::{self, Approval, Plan, PlanState, PlannedLoss},
    },
    begin,
    name::chosen_id,
    store::{
        event::NewEvent,
        resource::{Resource, State},
    },
};

#[tonic::async_trait]
impl PlanService for Api {
    async fn create_plan(
        &self,
        request: Request<v1::CreatePlanRequest>,
    ) -> Result<Response<v1::Plan>, Status> {
        let (caller, request) = self.enter(request)?;
        let parent = own_name(&caller, &request.parent, "migrations", "parent")?;
        let asked = request.plan.clone().unwrap_or_default();
        let snapshot = own_name(&caller, &asked.snapshot, "snapshots", "plan.snapshot")?;
        let revision =
            own_name(&caller, &asked.mapping_revision, "revisions", "plan.mapping_revision")?;
        let mut change = begin!(self, &caller, "CreatePlan", &request);
        let id = chosen_id(&request.plan_id, "plan_id", "p")?;
        let name = parent.child("plans", &id);
        let scope = asked.scope.as_ref().map(|it| decode_scope(it, "plan.scope")).transpose()?;
        let body = Plan {
            display_name: asked.display_name,
            snapshot: snapshot.to_string(),
            mapping_revision: revision.to_string(),
            acknowledged_loss_ids: asked.acknowledged_loss_ids,
            acknowledged_side_effect_ids: asked.acknowledged_side_effect_ids,
            ..Plan::default()
        };
        let made = plan::create(&self.app, &mut change.tx, &name, body, scope).await?;
        change.event(
            name.stream(),
            NewEvent {
                event_type: "plan.created".to_owned(),
                resource: name.to_string(),
                state: Some(made.state.as_str().to_owned()),
                ..NewEvent::default()
            },
        );
        let response = encode(&made);
        change.finish(self, &response).await?;
        Ok(Response::new(response))
    }

    async fn get_plan(
        &self,
        request: Request<v1::GetPlanRequest>,
    ) -> Result<Response<v1::Plan>, Status> {
        let (caller, request) = self.enter(request)?;
        let name = own_name(&caller, &request.name, "plans", "name")?;
        let mut tx = self.app.store.begin(&caller.account).await?;
        Ok(Response::new(encode(&tx.resource_get::<Plan>(&name).await?)))
    }

    async fn list_plans(
        &self,
        request: Request<v1::ListPlansRequest>,
    ) -> Result<Response<v1::ListPlansResponse>, Status> {
        let (caller, request) = self.enter(request)?;
        let parent = own_name(&caller, &request.parent, "migrations", "parent")?;
        let fields = filter::parse(&request.filter, &["state", "snapshot", "mapping_revision"])?;
        if let Some(state) = fields.get("state")
            && PlanState::parse(state).is_none()
        {
            return Err(filter_value("state", state).into());
        }
        let arguments = format!("{parent}\n{}", request.filter);
        let (size, token) = (request.page_size, request.page_token.as_str());
        let page = Page::new(&caller.account, "ListPlans", &arguments, size, token, 1_000)?;
        let fits = |plan: &Resource<Plan>| {
            [
                ("state", plan.state.as_str()),
                ("snapshot", &plan.body.snapshot),
                ("mapping_revision", &plan.body.mapping_revision),
            ]
            .into_iter()
            .all(|(field, value)| fields.get(field).is_none_or(|text| text == value))
        };
        let keys = &self.app.keys;
        let mut tx = self.app.store.begin(&caller.account).await?;
        tx.resource_get::<Migration>(&parent).await?;
        let plans = rows_where::<Plan>(&mut tx, &parent, (&page, keys), false, fits).await?;
        tx.rollback().await?;
        let (plans, next_page_token) =
            page.fill(keys, plans, Resource::place, |plan| encode(&plan))?;
        Ok(Response::new(v1::ListPlansResponse { plans, next_page_token }))
    }

    async fn submit_plan(
        &self,
        request: Request<v1::SubmitPlanRequest>,
    ) -> Result<Response<v1::Plan>, Status> {
        let (caller, request) = self.enter(request)?;
        let name = own_name(&caller, &request.name, "plans", "name")?;
        let mut change = begin!(self, &caller, "SubmitPlan", &request);
        let acknowledged = (
            request.acknowledged_loss_ids.as_slice(),
            request.acknowledged_side_effect_ids.as_slice(),
        );
        let (etag, subject) = (&request.etag, &caller.subject);
        let (made, events) =
            plan::submit(&self.app, &mut change.tx, &name, etag, subject, acknowledged).await?;
        for event in events {
            change.event(name.stream(), event);
        }
        let response = encode(&made);
        change.finish(self, &response).await?;
        Ok(Response::new(response))
    }

    async fn approve_plan(
        &self,
        request: Request<v1::ApprovePlanRequest>,
    ) -> Result<Response<v1::Plan>, Status> {
        let (caller, request) = self.enter(request)?;
        let name = own_name(&caller, &request.name, "plans", "name")?;
        let mut change = begin!(self, &caller, "ApprovePlan", &request);
        let (etag, subject, comment) = (&request.etag, &caller.subject, &request.comment);
        let (made, events) =
            plan::approve(&self.app, &mut change.tx, &name, etag, subject, comment).await?;
        for event in events {
            change.event(name.stream(), event);
        }
        let response = encode(&made);
        change.finish(self, &response).await?;
        Ok(Response::new(response))
    }
}

fn encode(plan: &Resource<Plan>) -> v1::Plan {
    let body = &plan.body;
    v1::Plan {
        name: plan.name.to_string(),
        uid: plan.uid.to_string(),
        display_name: body.display_name.clone(),
        snapshot: body.snapshot.clone(),
        mapping_revision: body.mapping_revision.clone(),
        scope: Some(encode_scope(&body.scope)),
        losses: body.losses.iter().map(encode_loss).collect(),
        acknowledged_loss_ids: body.acknowledged_loss_ids.clone(),
        acknowledged_side_effect_ids: body.acknowledged_side_effect_ids.clone(),
        content_hash: body.content_hash.clone(),
        state: match plan.state {
            PlanState::Draft => v1::plan::State::Draft,
            PlanState::InReview => v1::plan::State::InReview,
            PlanState::Approved => v1::plan::State::Approved,
            PlanState::Rejected => v1::plan::State::Rejected,
            PlanState::Superseded => v1::plan::State::Superseded,
        }
        .into(),
        submitter: body.submitter.clone(),
        submit_time: body.submit_time.map(convert::timestamp),
        approvals: body.approvals.iter().map(encode_approval).collect(),
        required_approval_count: i32::try_from(body.required_approval_count).unwrap_or(i32::MAX),
        etag: plan.etag(),
        create_time: Some(convert::timestamp(plan.create_time)),
        update_time: Some(convert::timestamp(plan.update_time)),
    }
}

fn encode_loss(loss: &PlannedLoss) -> v1::LossCount {
    v1::LossCount {
        loss: Some(v1::Loss {
            id: loss.id.clone(),
            kind: convert::record_kind(loss.kind).into(),
            field: loss.field.clone(),
            description: loss.about.clone(),
            kept_in: loss.kept_in.clone(),
        }),
        record_count: loss.record_count,
        // Which records are met is known once they are mapped; the run lists them.
        sample_source_ids: Vec::new(),
    }
}

fn encode_approval(approval: &Approval) -> v1::Approval {
    v1::Approval {
        approver: approval.approver.clone(),
        content_hash: approval.content_hash.clone(),
        approve_time: Some(convert::timestamp(approval.approve_time)),
        comment: approval.comment.clone(),
    }
}
