//! The client: a connection, a token, and one typed client per service.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use cartage_proto::v1;
use tonic::{
    body::Body,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
};
use tower::util::BoxCloneSyncService;

use crate::{Error, builder::ClientBuilder, methods::Unary, retry};

/// What carries requests to the service, whatever it is made of.
pub type Transport = BoxCloneSyncService<http::Request<Body>, http::Response<Body>, TransportError>;

/// Why a transport failed. Its source is the error of the transport itself.
#[derive(Debug, thiserror::Error)]
#[error("the connection failed")]
pub struct TransportError(#[source] pub(crate) Box<dyn std::error::Error + Send + Sync>);

/// A transport that adds the bearer token to every call.
pub type Authorized = InterceptedService<Transport, Bearer>;

/// A client of Cartage. Cheap to clone; clones share the connection.
///
/// [`Client::call`] takes any request of the API and is what most callers want: it sets a deadline and
/// a `request_id`, tries again by the published policy, and returns a typed [`Error`].
///
/// ```no_run
/// use cartage_client::{Client, v1};
///
/// # async fn example() -> Result<(), cartage_client::Error> {
/// let client = Client::connect("http://127.0.0.1:7400", "the token").await?;
/// let name = "accounts/acme/migrations/spring".to_owned();
/// let migration = client.call(v1::GetMigrationRequest { name }).await?;
/// println!("{} is {:?}", migration.name, migration.state());
/// # Ok(())
/// # }
/// ```
///
/// The clients tonic generates are there too, for those who want a call exactly as they wrote it:
/// [`Client::runs`] and its siblings.
#[derive(Clone)]
pub struct Client {
    pub(crate) transport: Transport,
    pub(crate) bearer: Bearer,
    pub(crate) options: Options,
}

/// What a [`ClientBuilder`] decides beside the connection.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) deadline: Duration,
    pub(crate) policy: retry::Policy,
    pub(crate) max_decoding_bytes: usize,
    pub(crate) max_encoding_bytes: usize,
}

/// Adds the token to calls. It can be exchanged while calls and watches go on.
#[derive(Clone)]
pub struct Bearer(Arc<RwLock<Option<MetadataValue<Ascii>>>>);

impl Client {
    /// Connects, and fails when nobody answers at this address.
    ///
    /// # Errors
    /// [`Error::Unreachable`] when nobody answers, [`Error::Configuration`] when the address or the token
    /// cannot be one.
    pub async fn connect(uri: &str, token: &str) -> Result<Self, Error> {
        ClientBuilder::new(uri).token(token).connect().await
    }

    /// A client of the same connection that calls with another token, such as that of the person who
    /// approves a plan.
    ///
    /// # Errors
    /// [`Error::Configuration`] when the text cannot be a token.
    pub fn with_token(&self, token: &str) -> Result<Self, Error> {
        Ok(Self { bearer: Bearer::new(token)?, ..self.clone() })
    }

    /// Exchanges the token of this client and all its clones, such as before it expires.
    ///
    /// # Errors
    /// [`Error::Configuration`] when the text cannot be a token.
    pub fn set_token(&self, token: &str) -> Result<(), Error> {
        let value = header(token)?;
        *self.bearer.0.write().unwrap_or_else(PoisonError::into_inner) = value;
        Ok(())
    }

    /// Makes one call: with the deadline of this client per try, a new `request_id` where the method has
    /// one and it is empty, and further tries by the [`retry::Policy`] of this client. Every method of
    /// the API may be tried again, since those that change something carry a request id (and
    /// `WriteUploadChunk` its offset).
    ///
    /// # Errors
    /// [`Error::Status`] with what the service answered last.
    pub async fn call<R: Unary>(&self, mut request: R) -> Result<R::Response, Error> {
        if let Some(request_id) = request.request_id() {
            retry::ensure_request_id(request_id);
        }
        retry::run(&self.options.policy, || self.attempt(request.clone())).await
    }

    /// Makes one call as it is: with the deadline, but without a request id of its own and without
    /// further tries.
    ///
    /// # Errors
    /// [`Error::Status`] with what the service answered.
    pub async fn call_once<R: Unary>(&self, request: R) -> Result<R::Response, Error> {
        self.attempt(request).await
    }

    async fn attempt<R: Unary>(&self, request: R) -> Result<R::Response, Error> {
        let deadline = self.options.deadline;
        match tokio::time::timeout(deadline, request.send(self)).await {
            Ok(answer) => answer.map_err(Error::from),
            Err(_) => Err(Error::deadline(R::METHOD, deadline)),
        }
    }

    /// A request that tells the service the deadline of this client.
    pub(crate) fn timed<R>(&self, message: R) -> tonic::Request<R> {
        let mut request = tonic::Request::new(message);
        request.set_timeout(self.options.deadline);
        request
    }

    fn authorized(&self) -> Authorized {
        InterceptedService::new(self.transport.clone(), self.bearer.clone())
    }
}

/// One accessor per service.
macro_rules! services {
    ($($(#[$doc:meta])* $accessor:ident: $module:ident::$client:ident;)*) => {
        impl Client {
            $($(#[$doc])*
            #[must_use]
            pub fn $accessor(&self) -> v1::$module::$client<Authorized> {
                v1::$module::$client::new(self.authorized())
                    .max_decoding_message_size(self.options.max_decoding_bytes)
                    .max_encoding_message_size(self.options.max_encoding_bytes)
            })*
        }
    };
}

services! {
    /// The client of `AuditService`.
    audits: audit_service_client::AuditServiceClient;
    /// The client of `ConnectionService`.
    connections: connection_service_client::ConnectionServiceClient;
    /// The client of `EventService`.
    events: event_service_client::EventServiceClient;
    /// The client of `MappingService`.
    mappings: mapping_service_client::MappingServiceClient;
    /// The client of `MigrationService`.
    migrations: migration_service_client::MigrationServiceClient;
    /// The client of `PlanService`.
    plans: plan_service_client::PlanServiceClient;
    /// The client of `PlatformService`.
    platforms: platform_service_client::PlatformServiceClient;
    /// The client of `RunService`.
    runs: run_service_client::RunServiceClient;
    /// The client of `SnapshotService`.
    snapshots: snapshot_service_client::SnapshotServiceClient;
    /// The client of `UploadService`.
    uploads: upload_service_client::UploadServiceClient;
    /// The client of `VerificationService`.
    verifications: verification_service_client::VerificationServiceClient;
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("options", &self.options).finish_non_exhaustive()
    }
}

// === impl Bearer ===

impl Bearer {
    pub(crate) fn new(token: &str) -> Result<Self, Error> {
        Ok(Self(Arc::new(RwLock::new(header(token)?))))
    }
}

impl Interceptor for Bearer {
    fn call(
        &mut self,
        mut request: tonic::Request<()>,
    ) -> Result<tonic::Request<()>, tonic::Status> {
        let value = self.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(value) = value {
            request.metadata_mut().insert("authorization", value);
        }
        Ok(request)
    }
}

/// The value of `authorization`; none for an empty token. It is marked so that logs leave it out.
fn header(token: &str) -> Result<Option<MetadataValue<Ascii>>, Error> {
    let token = token.trim();
    if token.is_empty() {
        return Ok(None);
    }
    let mut value: MetadataValue<Ascii> = format!("Bearer {token}")
        .parse()
        .map_err(|_| Error::Configuration("the token holds characters no token has".to_owned()))?;
    value.set_sensitive(true);
    Ok(Some(value))
}
