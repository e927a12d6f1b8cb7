//! Medusa 2 through its admin API: written by journaled calls, read back for verification, and
//! read page by page for its own snapshot.

mod admin;
mod client;
mod find;
mod fit;
mod json;
mod look_up;
mod map;
mod marks;
mod prepare;
mod read;
mod references;
mod remove;
mod set_up;
mod spec;
mod update;
mod work;
mod write;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use cartage_model::{FieldSpec, Kind, Limit, Loss, Mapped, Mapping, RawScope, ReadMap};
use secrecy::SecretString;
use serde_json::Value;

use crate::{
    CallJournal, CallState, Check, CheckItem, Error, JournaledCall, Lease, Link, LookUp, Needs,
    Page, ReadBack, Reference, Refusal, Removal, RemoveItem, Removed, Result, SetUpTakenBack,
    Source, Target, UpdateItem, WriteItem, Written, budget::Budget, http::HttpSettings,
};

pub use admin::admin_url;

/// How a Medusa shop is reached.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The address of its server, such as `https://shop.example.com`.
    pub base_url: String,
    /// A secret API key (`sk_…`).
    pub api_key: SecretString,
    /// Time-outs, limits, and whether private hosts may be called.
    pub http: HttpSettings,
    /// How long the shop may still be working on a request after the client has gone.
    pub settle_time: Duration,
    /// What the shop takes, shared with all who work with it.
    pub budget: Arc<Budget>,
}

impl Settings {
    /// Settings with the usual limits and a budget of their own; private hosts are refused.
    pub fn new(base_url: impl Into<String>, api_key: SecretString) -> Self {
        Self {
            base_url: base_url.into(),
            api_key,
            http: HttpSettings::default(),
            settle_time: Duration::from_secs(5),
            budget: Arc::new(Budget::alone()),
        }
    }
}

/// A Medusa shop.
#[derive(Debug)]
pub struct Medusa {
    client: client::Client,
}

impl Medusa {
    /// A shop by its settings. Nothing is called yet.
    ///
    /// # Errors
    /// [`Error::Settings`] when the address or the key make no sense.
    pub fn connect(settings: Settings) -> Result<Self> {
        Ok(Self { client: client::Client::new(settings)? })
    }

    /// The fields of a kind in Medusa.
    pub const fn fields(kind: Kind) -> &'static [FieldSpec] {
        spec::schema(kind)
    }

    /// Looks whether the credentials are taken, and how the shop is called.
    async fn greet(&self) -> Result<(Option<String>, CheckItem)> {
        let answer = self.client.get("/admin/stores", &[("limit", "1".to_owned())]).await;
        let (shop, passed, message) = match answer {
            Ok(answer) => {
                let store = json::list(&answer, "stores").first().cloned().unwrap_or_default();
                (json::owned(&store, "name"), true, "The shop takes the API key.")
            }
            Err(Error::Unauthorised { .. }) => (None, false, "The shop refuses the API key."),
            Err(error) => return Err(error),
        };
        let item =
            CheckItem { name: "credentials".to_owned(), passed, message: message.to_owned() };
        Ok((shop, item))
    }
}

/// The read map of Medusa, which needs no connection.
pub fn read_map() -> Box<dyn ReadMap> {
    Box::new(map::MedusaMap)
}

#[async_trait]
impl Source for Medusa {
    async fn check(&self) -> Result<Check> {
        let (shop, item) = self.greet().await?;
        Ok(Check { shop, items: vec![item] })
    }

    fn kinds(&self) -> Vec<Kind> {
        spec::KINDS.to_vec()
    }

    async fn count(&self, kind: Kind) -> Result<Option<u64>> {
        read::count(&self.client, kind).await
    }

    async fn scopes(&self) -> Result<Vec<RawScope>> {
        Ok(Vec::new())
    }

    async fn page(&self, kind: Kind, cursor: Option<&str>) -> Result<Page> {
        read::page(&self.client, kind, cursor).await
    }

    fn read_map(&self) -> Box<dyn ReadMap> {
        read_map()
    }
}

#[async_trait]
impl Target for Medusa {
    async fn check(&self) -> Result<Check> {
        let (shop, item) = self.greet().await?;
        let mut items = vec![item];
        if items.iter().all(|item| item.passed) {
            items.extend(look_up::prove(&self.client).await?);
        }
        Ok(Check { shop, items })
    }

    fn kinds(&self) -> Vec<Kind> {
        spec::KINDS.to_vec()
    }

    fn schema(&self, kind: Kind) -> &'static [FieldSpec] {
        spec::schema(kind)
    }

    fn losses(&self) -> &'static [Loss] {
        spec::LOSSES
    }

    fn limits(&self) -> &'static [Limit] {
        spec::LIMITS
    }

    fn look_ups(&self) -> &'static [LookUp] {
        spec::LOOK_UPS
    }

    fn default_mapping(&self) -> Mapping {
        spec::default_mapping()
    }

    fn fit(&self, mapped: Mapped) -> std::result::Result<Mapped, Refusal> {
        fit::fit(mapped)
    }

    fn identity(&self, mapped: &Mapped) -> Option<String> {
        match mapped.kind {
            Kind::Customer => {
                let email = mapped.fields.get("email")?.as_str()?;
                Some(email.trim().to_lowercase()).filter(|email| !email.is_empty())
            }
            _ => None,
        }
    }

    fn references(&self, mapped: &Mapped) -> Vec<Reference> {
        references::of(mapped)
    }

    fn roles(&self, kind: Kind) -> Vec<&'static str> {
        match kind {
            Kind::Product => vec![kind.as_str(), "variant", "sku"],
            Kind::Customer => vec![kind.as_str(), "email"],
            _ => vec![kind.as_str()],
        }
    }

    fn links_of(&self, mapped: &Mapped, target_id: &str) -> Vec<Link> {
        references::links_of(mapped, target_id)
    }

    fn without(&self, mapped: &mut Mapped, missing: &BTreeSet<Reference>) {
        references::without(mapped, missing);
    }

    async fn prepare(&self, migration: &str, needs: &Needs, lease: &dyn Lease) -> Result<Value> {
        let prepared = prepare::prepare(&self.client, lease, migration, needs).await?;
        serde_json::to_value(prepared)
            .map_err(|error| Error::Settings { field: "prepared", problem: error.to_string() })
    }

    async fn take_back_set_up(
        &self,
        migration: &str,
        standing: &[Value],
        lease: &dyn Lease,
    ) -> Result<SetUpTakenBack> {
        set_up::take_back(&self.client, migration, standing, lease).await
    }

    fn batch_size(&self, kind: Kind) -> usize {
        match kind {
            Kind::Order => 32,
            _ => 50,
        }
    }

    fn concurrency(&self, _kind: Kind) -> usize {
        // Records run side by side inside one write; a second batch of products beside the first
        // was slower than one alone.
        1
    }

    fn usual_calls(&self, kind: Kind) -> u32 {
        match kind {
            // A product is a fiftieth of a batch and of the batch of its stock.
            Kind::Product => 4,
            Kind::Customer => 25,
            Kind::Order => 60,
            _ => 10,
        }
    }

    async fn write(
        &self,
        prepared: &Value,
        kind: Kind,
        items: Vec<WriteItem>,
        journal: &dyn CallJournal,
    ) -> Result<Vec<Written>> {
        write::write(&self.client, prepared, kind, items, journal).await
    }

    async fn update(
        &self,
        prepared: &Value,
        kind: Kind,
        items: Vec<UpdateItem>,
        journal: &dyn CallJournal,
    ) -> Result<Vec<Written>> {
        update::update(&self.client, prepared, kind, &items, journal).await
    }

    fn match_fields(&self, kind: Kind) -> &'static [&'static str] {
        find::match_fields(kind)
    }

    async fn find(
        &self,
        kind: Kind,
        field: &str,
        values: &[String],
    ) -> Result<BTreeMap<String, Vec<String>>> {
        find::find(&self.client, kind, field, values).await
    }

    fn object_of(&self, _kind: Kind, calls: &[JournaledCall]) -> Option<String> {
        // The first call of every record makes its object.
        let first = calls.iter().find(|call| call.call.ordinal == 0)?;
        match &first.state {
            CallState::Applied(value) => json::owned(value, "id"),
            CallState::Intended | CallState::Refused(_) => None,
        }
    }

    fn removal(&self, kind: Kind) -> Removal {
        remove::removal(kind)
    }

    async fn remove(
        &self,
        kind: Kind,
        items: &[RemoveItem],
        journal: &dyn CallJournal,
    ) -> Result<Vec<Removed>> {
        remove::remove(&self.client, kind, items, journal).await
    }

    async fn read_back(&self, kind: Kind, target_ids: &[String]) -> Result<Vec<ReadBack>> {
        read::read_back(&self.client, kind, target_ids).await
    }

    async fn keys(&self, migration: &str, kind: Kind) -> Result<Vec<(String, String)>> {
        read::keys(&self.client, migration, kind).await
    }
}
