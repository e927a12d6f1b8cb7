//! The preflight: every record in scope mapped and fitted, and nothing written.
//!
//! It is computed once per snapshot, mapping revision and scope, and kept in this process.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use cartage_pipeline::mapping::{Failure as MapFailure, KindPreflight, MapOutcome, Preflight};
use chrono::{DateTime, Utc};
use tokio::sync::watch;

use super::{App, connection, mapping, mapping::MappingRevision, migration::Scope, snapshot};
use crate::{
    error::{Failure, Result},
    name::Name,
    worker::records::{Basis, Fate, ScopeMeter, Way},
};

/// How many preflights are kept.
const KEPT_MAX: usize = 64;

/// How far a preflight is.
#[derive(Clone, Debug)]
pub enum State {
    /// Under way.
    Running,
    /// Done.
    Done {
        /// By kind.
        kinds: Vec<KindPreflight>,
        /// When.
        check_time: DateTime<Utc>,
    },
    /// It could not be made.
    Failed(Failure),
}

/// What a preflight is about.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The account.
    pub account: String,
    /// The snapshot.
    pub snapshot: String,
    /// The mapping revision.
    pub mapping_revision: String,
    /// Which records.
    pub scope: Scope,
}

/// The preflights of this process.
#[derive(Debug, Default)]
pub struct Preflights {
    kept: Mutex<HashMap<String, watch::Receiver<State>>>,
}

/// The preflight of a subject, begun where it was not: wait for it to be done.
pub fn of(app: &Arc<App>, subject: Subject) -> Result<watch::Receiver<State>> {
    let scope = serde_json::to_string(&subject.scope)?;
    let key = [&subject.account, &subject.snapshot, &subject.mapping_revision, &scope]
        .map(String::as_str)
        .join("\n");
    let mut kept = app.preflights.kept.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(receiver) = kept.get(&key) {
        let failed = matches!(*receiver.borrow(), State::Failed(_));
        if !failed {
            return Ok(receiver.clone());
        }
    }
    if kept.len() >= KEPT_MAX {
        kept.clear();
    }
    let (sender, receiver) = watch::channel(State::Running);
    kept.insert(key, receiver.clone());
    let app = Arc::clone(app);
    let tasks = app.tasks.clone();
    tasks.spawn(async move {
        let state = match check(&app, &subject).await {
            Ok(kinds) => State::Done { kinds, check_time: Utc::now() },
            Err(error) => State::Failed(error.to_failure()),
        };
        sender.send_replace(state);
    });
    Ok(receiver)
}

async fn check(app: &App, subject: &Subject) -> Result<Vec<KindPreflight>> {
    let mut tx = app.store.begin(&subject.account).await?;
    let revision =
        tx.resource_get::<MappingRevision>(&Name::trusted(&subject.mapping_revision)).await?;
    tx.rollback().await?;
    let snapshot = snapshot::open(app, &subject.account, &Name::trusted(&subject.snapshot)).await?;
    let platform = &revision.body.target_platform;
    let (compiled, _) = mapping::compiled(platform, &revision.body.content).await?;
    let target = connection::target_of_platform(platform)?;
    let scope = subject.scope.clone();
    let basis = Basis::default();
    let way = Way { snapshot, mapping: compiled, target, mask: None, scope, basis };
    let mut preflight = Preflight::default();
    for kind in way.kinds() {
        let mut meter = ScopeMeter::default();
        let mut first = 0;
        loop {
            if app.draining.is_cancelled() {
                return Ok(preflight.finish());
            }
            let (records, next) = way.page(kind, first, &mut meter).await?;
            for stored in &records {
                let outcome = match way.fate(stored) {
                    Fate::Fitted(mapped) => MapOutcome::Mapped(mapped),
                    Fate::Excluded(rule) => MapOutcome::Excluded { rule },
                    Fate::Refused { reason, field, message } => {
                        MapOutcome::Failed(MapFailure { reason, field, message })
                    }
                };
                preflight.add(kind, &stored.source_id, &outcome);
            }
            tokio::task::yield_now().await;
            match next {
                Some(next) => first = next,
                None => break,
            }
        }
    }
    Ok(preflight.finish())
}
