//! The parts of the road that decide what will be written: mapping and plan.

use std::collections::BTreeSet;

use cartage_proto::v1;

use super::Options;
use crate::{Client, Error};

/// Which of the things a person should know of are accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acknowledge {
    /// All there are.
    All,
    /// These, by id.
    Only(Vec<String>),
}

impl Acknowledge {
    fn choose(&self, all: impl Iterator<Item = String>) -> Vec<String> {
        match self {
            Self::All => all.collect::<BTreeSet<_>>().into_iter().collect(),
            Self::Only(ids) => ids.clone(),
        }
    }
}

/// Creates a mapping, the default one of the pair of platforms when none is given, and publishes it.
///
/// # Errors
/// [`Error::Status`], with `MAPPING_INVALID` when it does not validate.
pub async fn publish_mapping(
    client: &Client,
    migration: &str,
    content: Option<v1::MappingContent>,
) -> Result<v1::MappingRevision, Error> {
    let request = v1::CreateMappingRequest {
        parent: migration.to_owned(),
        mapping: Some(v1::Mapping { content, ..Default::default() }),
        ..Default::default()
    };
    let mapping = client.call(request).await?;
    let request =
        v1::PublishMappingRequest { name: mapping.name, etag: mapping.etag, ..Default::default() };
    client.call(request).await
}

/// Creates a plan for the scope of the migration.
///
/// # Errors
/// [`Error::Status`].
pub async fn create_plan(
    client: &Client,
    migration: &str,
    snapshot: &str,
    revision: &str,
) -> Result<v1::Plan, Error> {
    let plan = v1::Plan {
        snapshot: snapshot.to_owned(),
        mapping_revision: revision.to_owned(),
        ..Default::default()
    };
    let request = v1::CreatePlanRequest {
        parent: migration.to_owned(),
        plan: Some(plan),
        ..Default::default()
    };
    client.call(request).await
}

/// Submits a plan with what the options accept of its losses, and of the side effects of the target.
///
/// # Errors
/// [`Error::Status`], with `PRECONDITIONS_UNMET` when something is missing or not accepted.
pub async fn submit_plan(
    client: &Client,
    plan: v1::Plan,
    target: &str,
    options: &Options,
) -> Result<v1::Plan, Error> {
    let target = client.call(v1::GetConnectionRequest { name: target.to_owned() }).await?;
    let effects = target.verification.unwrap_or_default().side_effects;
    let effects = effects.into_iter().filter(|effect| effect.enabled).map(|effect| effect.id);
    let losses = plan.losses.into_iter().filter_map(|loss| loss.loss).map(|loss| loss.id);
    let request = v1::SubmitPlanRequest {
        name: plan.name,
        etag: plan.etag,
        acknowledged_loss_ids: options.losses.choose(losses),
        acknowledged_side_effect_ids: options.side_effects.choose(effects),
        ..Default::default()
    };
    client.call(request).await
}

/// Approves a plan as the person the client's token is of. Where a deployment asks for a second person,
/// that must not be who submitted it.
///
/// # Errors
/// [`Error::Status`], with `SELF_APPROVAL_FORBIDDEN` among others.
pub async fn approve_plan(client: &Client, plan: &str, comment: &str) -> Result<v1::Plan, Error> {
    let plan = client.call(v1::GetPlanRequest { name: plan.to_owned() }).await?;
    let request = v1::ApprovePlanRequest {
        name: plan.name,
        etag: plan.etag,
        comment: comment.to_owned(),
        ..Default::default()
    };
    client.call(request).await
}
