//! One look for all who watch the same thing: they rest until it has seen that something changed.
//!
//! Ten thousand watchers of one migration would otherwise ask the database, or each other, twice a
//! second each whether there is anything new, and hold up those to whom there is something to say.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use tokio::sync::watch::{Receiver, Sender};

use super::App;
use crate::{error::Result, name::Name, store::stamp::Stamp};

/// How often it is looked when nothing wakes the process: other processes write, too.
const POLL: Duration = Duration::from_millis(500);
/// How long a lookout rests between two looks, however often it is woken: a run under way commits
/// hundreds of times a second, and nobody reads that fast.
const REST: Duration = Duration::from_millis(150);

/// What is watched.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Subject {
    /// The account.
    pub account: String,
    /// The resource, with its findings and its progress; the account itself has none of it.
    pub resource: Name,
    /// The stream of the events that tell of it.
    pub stream: String,
}

/// The lookouts of this process, one for each subject that is watched.
#[derive(Debug, Default)]
pub struct Lookouts {
    open: Mutex<HashMap<Subject, Weak<Sender<()>>>>,
}

impl Lookouts {
    /// Joins those who watch a subject. The receiver sees a change after each commit that changes what
    /// there is to show, and now and then without one; what was committed before this call it may not
    /// be told of. Closed, it tells that the lookout broke down: join again.
    pub fn join(&self, app: &Arc<App>, subject: Subject) -> Receiver<()> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = open.get(&subject).and_then(Weak::upgrade) {
            return sender.subscribe();
        }
        let (sender, receiver) = tokio::sync::watch::channel(());
        let sender = Arc::new(sender);
        open.insert(subject.clone(), Arc::downgrade(&sender));
        app.tasks.spawn(look_out(Arc::clone(app), subject, sender));
        receiver
    }

    /// Closes a lookout that nobody listens to any more; says whether it did.
    fn close(&self, subject: &Subject, sender: &Sender<()>) -> bool {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        // Under the lock: whoever joins either came before, and is counted, or finds none.
        let is_over = sender.receiver_count() == 0;
        if is_over {
            open.remove(subject);
        }
        is_over
    }
}

/// Looks at a subject as long as anybody watches it.
async fn look_out(app: Arc<App>, subject: Subject, sender: Arc<Sender<()>>) {
    let mut last = None;
    while !app.lookouts.close(&subject, &sender) {
        // Before the look: a commit while that goes on is not overheard.
        let woken = app.wake.notified();
        match stamp(&app, &subject).await {
            Ok(found) if last.as_ref() == Some(&found) => {}
            // The first look tells everybody: between their own reading and it there may be news. What
            // hinders a look they are to learn from their own.
            found => {
                last = found.ok();
                sender.send_replace(());
            }
        }
        tokio::select! {
            () = tokio::time::sleep(REST) => {}
            () = sender.closed() => continue,
        }
        tokio::select! {
            () = woken => {}
            () = tokio::time::sleep(POLL) => {}
            () = sender.closed() => {}
        }
    }
}

async fn stamp(app: &App, subject: &Subject) -> Result<Stamp> {
    let mut tx = app.store.begin(&subject.account).await?;
    let stamp = tx.stamp(&subject.resource, &subject.stream).await?;
    tx.rollback().await?;
    Ok(stamp)
}
