//! Watching an audit at work. Sequences of findings never change, so a token is good for ever.

use async_trait::async_trait;
use cartage_proto::v1;
use uuid::Uuid;
use v1::end_of_stream::Reason as Why;

use super::encode;
use crate::{
    api::{
        Api, own_name,
        run::encode::progress,
        watch::{self, Feed, Item, Opening, Stream},
    },
    app::{
        audit::{Audit, AuditState},
        lookout::Subject,
    },
    error::Result,
    name::Name,
    store::{
        Store, Tx,
        event::{Bounds, Limits, News, Place},
        finding::{Finding, FindingFilter},
        resource::State,
    },
    token::Caller,
};

/// The most a finding takes: its texts are cut when it is made.
const FINDING_BYTES_MAX: i64 = 2_048;

/// What is sent of an audit.
enum Body {
    Audit(Box<v1::Audit>),
    Finding(Box<Finding>),
}

struct AuditFeed {
    store: Store,
    account: String,
    name: Name,
    /// The state in which the audit was sent last.
    sent: Option<AuditState>,
}

impl Api {
    /// Opens the stream of an audit.
    pub(super) async fn watch_one_audit(
        &self,
        caller: &Caller,
        request: v1::WatchAuditRequest,
    ) -> Result<Stream<v1::WatchAuditResponse>> {
        let name = own_name(caller, &request.name, "audits", "name")?;
        let feed = AuditFeed {
            store: self.app.store.clone(),
            account: caller.account.clone(),
            name,
            sent: None,
        };
        let opening = Opening {
            resume_token: request.resume_token,
            // A watch that is opened late begins with the first finding.
            after_sequence: Some(0),
            heartbeat: request.heartbeat_interval,
            min_progress: request.min_progress_interval,
        };
        watch::open(&self.app, caller, feed, opening).await
    }
}

impl AuditFeed {
    /// Findings stay as long as their audit.
    async fn kept(&self, tx: &mut Tx) -> Result<Bounds> {
        let sequence = tx.finding_head(&self.name).await?;
        Ok(Bounds { oldest: 1, head: Place { sequence, uid: None } })
    }
}

#[async_trait]
impl Feed for AuditFeed {
    type Body = Body;
    type Message = v1::WatchAuditResponse;

    fn subject(&self) -> Subject {
        let (account, resource) = (self.account.clone(), self.name.clone());
        Subject { account, resource, stream: self.name.stream() }
    }

    fn binding(&self) -> String {
        format!("audit\n{}", self.name)
    }

    async fn bounds(&mut self) -> Result<Bounds> {
        let mut tx = self.store.begin(&self.account).await?;
        // Also finds out whether there is such an audit.
        tx.resource_get::<Audit>(&self.name).await?;
        let bounds = self.kept(&mut tx).await?;
        tx.rollback().await?;
        Ok(bounds)
    }

    async fn uid(&mut self, sequence: i64) -> Result<Option<Uuid>> {
        let mut tx = self.store.begin(&self.account).await?;
        let filter = FindingFilter::default();
        let found = tx.finding_page(&self.name, &filter, sequence.saturating_sub(1), 1).await?;
        tx.rollback().await?;
        Ok(found.first().filter(|it| it.sequence == sequence).map(|it| it.uid))
    }

    async fn page(&mut self, after: i64, limits: Limits) -> Result<News<Body>> {
        let mut tx = self.store.begin(&self.account).await?;
        let rows = limits.rows.min(limits.bytes / FINDING_BYTES_MAX);
        let found = tx.finding_page(&self.name, &FindingFilter::default(), after, rows).await?;
        let bounds = self.kept(&mut tx).await?;
        tx.rollback().await?;
        let place = |it: &Finding| Place { sequence: it.sequence, uid: Some(it.uid) };
        let reached = found.last().map_or(Place { sequence: after, uid: None }, place);
        let items = found.into_iter().map(|it| (place(&it), Body::Finding(Box::new(it)))).collect();
        Ok(News { items, reached, bounds })
    }

    async fn resource(&mut self) -> Result<(Option<Body>, Option<Why>)> {
        let mut tx = self.store.begin(&self.account).await?;
        let audit = tx.resource_get::<Audit>(&self.name).await?;
        let ended = audit.state.is_terminal().then_some(Why::ResourceTerminal);
        if self.sent.replace(audit.state) == Some(audit.state) {
            tx.rollback().await?;
            return Ok((None, ended));
        }
        let encoded = encode::current(&mut tx, &audit).await?;
        tx.rollback().await?;
        Ok((Some(Body::Audit(Box::new(encoded))), ended))
    }

    async fn progress(&mut self) -> Result<Option<v1::Progress>> {
        let mut tx = self.store.begin(&self.account).await?;
        let newest = tx.progress_get(&self.name).await?;
        tx.rollback().await?;
        let state = self.sent.map_or("", State::as_str);
        Ok(newest.map(|newest| progress(self.name.as_str(), state, &newest)))
    }

    fn message(&self, position: v1::StreamPosition, item: Item<Body>) -> Self::Message {
        use v1::watch_audit_response::Message;
        let message = match item {
            Item::Body(Body::Audit(audit)) => Message::Audit(*audit),
            Item::Body(Body::Finding(it)) => Message::Finding(encode::finding(&self.name, &it)),
            Item::Progress(progress) => Message::Progress(progress),
            Item::Heartbeat(heartbeat) => Message::Heartbeat(heartbeat),
            Item::Synced(synced) => Message::Synced(synced),
            Item::End(end) => Message::EndOfStream(end),
        };
        v1::WatchAuditResponse { position: Some(position), message: Some(message) }
    }
}
