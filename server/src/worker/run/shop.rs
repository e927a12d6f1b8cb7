//! Opens what a run works with: the snapshot, the mapping, and the shop it writes to.

use cartage_connectors::Target;
use cartage_pipeline::mapping::Mask;

use super::super::{
    Work,
    records::{Basis, Way},
};
use crate::{
    app::{
        App, connection,
        connection::{Connection, ConnectionConfig},
        mapping,
        mapping::MappingRevision,
        run::{Run, RunKind},
        snapshot,
    },
    error::Result,
    name::Name,
    reason::Reason,
    store::{record_link::LinkSpace, resource::Resource},
};

/// The way of a run's records, with its shop open, and the run as it is then: a TEST run whose
/// isolated shop is gone forgets what it did there.
pub(super) async fn way(
    work: &Work,
    run: Resource<Run>,
    space: &LinkSpace,
) -> Result<(Way, Resource<Run>)> {
    let instance = run.body.sandbox_instance.as_deref();
    work.app.sandboxes.keep_only(&run.name, instance).await;
    let (way, instance) = open(&work.app, &work.claim.account, &run).await?;
    if instance != run.body.sandbox_instance {
        let mut tx = work.begin().await?;
        tx.run_reset(space, &run.name).await?;
        let mut held = tx.resource_lock::<Run>(&run.name).await?;
        held.body.prepared = None;
        held.body.totals = None;
        held.body.sandbox_holder = instance.as_ref().map(|_| work.app.worker.clone());
        held.body.sandbox_instance = instance;
        if let Some(holder) = &held.body.sandbox_holder {
            tx.job_keep_for(&work.claim, holder).await?;
        }
        tx.resource_update(&mut held).await?;
        work.commit(tx).await?;
        return Ok((way, held));
    }
    Ok((way, run))
}

/// The way of a run's records, and which isolated shop of this server it leads to, if to one.
pub(crate) async fn open(
    app: &App,
    account: &str,
    run: &Resource<Run>,
) -> Result<(Way, Option<String>)> {
    let mut tx = app.store.begin(account).await?;
    let revision =
        tx.resource_get::<MappingRevision>(&Name::trusted(&run.body.mapping_revision)).await?;
    let name = Name::trusted(&run.body.target_connection);
    let config = tx.resource_get::<Connection>(&name).await?.body.config;
    tx.rollback().await?;
    let snapshot = snapshot::open(app, account, &Name::trusted(&run.body.snapshot)).await?;
    let (target, instance) = target(app, account, run, &name, &config).await?;
    let (compiled, _) =
        mapping::compiled(&revision.body.target_platform, &revision.body.content).await?;
    // The mask is the run's own: two rehearsals give different made-up people.
    let mask = run.body.masked.then(|| Mask::new(run.uid.as_bytes()));
    let scope = run.body.scope.clone();
    let basis = Basis::of(&[
        &revision.body.target_platform,
        &serde_json::to_string(&revision.body.content)?,
        &serde_json::to_string(&config)?,
    ])
    .await?;
    Ok((Way { snapshot, mapping: compiled, target, mask, scope, basis }, instance))
}

async fn target(
    app: &App,
    account: &str,
    run: &Resource<Run>,
    name: &Name,
    config: &ConnectionConfig,
) -> Result<(Box<dyn Target>, Option<String>)> {
    if run.body.kind == RunKind::Test
        && let ConnectionConfig::Sandbox { platform, base_url } = config
        && base_url.is_empty()
    {
        let sandbox = app.sandboxes.of_run(&run.name, platform).await?;
        let target = connection::sandbox_target(&sandbox.shop.url(), sandbox.shop.api_key())?;
        return Ok((target, Some(sandbox.instance)));
    }
    let target = connection::open_target(app, account, name).await.map_err(|mut error| {
        // The connection was verified before: what cannot be reached now may be reached later.
        if error.reason == Reason::UpstreamIncompatible {
            error.retry_after = Some(std::time::Duration::from_secs(5));
        }
        error
    })?;
    Ok((target, None))
}
