//! The one door to the wire: decodes, calls a use-case, encodes. One file per service.

pub mod audit;
mod browser;
pub mod change;
pub mod connection;
pub mod convert;
pub mod event;
pub mod filter;
pub mod guard;
pub mod listing;
pub mod mapping;
pub mod migration;
pub mod page;
pub mod plan;
pub mod platform;
pub mod run;
pub mod scope;
pub mod snapshot;
mod status;
pub mod upload;
pub mod verification;
pub mod watch;

use std::{sync::Arc, time::Duration};

use cartage_proto::FILE_DESCRIPTOR_SET;
use tokio::net::TcpListener;
use tonic::{
    Request,
    transport::{Server, server::TcpIncoming},
};
use tonic_web::GrpcWebLayer;
use tower::layer::util::{Identity, Stack};
use tower_http::cors::CorsLayer;

use crate::{
    app::App,
    error::{Error, Result},
    name::Name,
    reason::Reason,
    token::Caller,
};

/// The largest request.
pub const REQUEST_BYTES_MAX: usize = 1024 * 1024;
/// The largest request with a piece of an upload, which is 1 MiB; the rest is for its envelope.
pub const UPLOAD_BYTES_MAX: usize = 2 * 1024 * 1024;
/// The largest answer. What can be long is cut sooner: pages at [`page::BYTES_MAX`], other fields
/// where they are written.
pub const RESPONSE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// The most calls and streams of one connection at once; more wait in the caller's library.
const CONNECTION_STREAMS_MAX: u32 = 64;

/// The largest request of a method.
fn request_bytes_max(path: &str) -> usize {
    let upload = path.starts_with("/cartage.v1.UploadService/");
    if upload { UPLOAD_BYTES_MAX } else { REQUEST_BYTES_MAX }
}

/// What every service has.
#[derive(Clone, Debug)]
pub struct Api {
    /// The use-cases.
    pub app: Arc<App>,
}

impl Api {
    /// The caller of a request, and the request.
    ///
    /// # Errors
    /// `TOKEN_MISSING` when the guard let nobody in, which its table excludes.
    pub fn enter<T>(&self, request: Request<T>) -> Result<(Caller, T)> {
        let (_, extensions, message) = request.into_parts();
        let caller = extensions
            .get::<Caller>()
            .cloned()
            .ok_or_else(|| Error::new(Reason::TokenMissing, "This call needs a token."))?;
        Ok((caller, message))
    }
}

/// Parses a name and checks that it is of the caller's account.
///
/// # Errors
/// `ACCESS_DENIED` for another account, whether the resource exists or not; `INVALID_FIELDS`.
pub fn own_name(caller: &Caller, text: &str, collection: &str, field: &str) -> Result<Name> {
    let account = text.strip_prefix("accounts/").and_then(|rest| rest.split('/').next());
    if account.is_some_and(|account| account != caller.account && crate::name::is_id(account)) {
        return Err(Error::denied("access", text));
    }
    Name::parse(text, collection, field)
}

/// Serves until the application drains, then lets calls end within the drain time.
pub async fn serve(app: Arc<App>, listener: TcpListener) -> Result<()> {
    let (health, health_service) = tonic_health::server::health_reporter();
    health.set_service_status("", tonic_health::ServingStatus::Serving).await;
    let serves = app.config.role.serves();
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
            // What the details of a status are, for clients that know us by reflection alone.
            .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let reflection_v1 = reflection().build_v1().map_err(Error::internal)?;
    let reflection_v1alpha = reflection().build_v1alpha().map_err(Error::internal)?;
    let api = Api { app: Arc::clone(&app) };
    let draining = app.draining.clone();
    let drained = app.draining.clone();
    let drain = app.config.drain;
    let pages = browser::pages(&app.config.allowed_origins)?;
    let router = Server::builder()
        // For gRPC-Web; anything else that comes by HTTP/1.1 is refused.
        .accept_http1(true)
        .http2_keepalive_interval(Some(Duration::from_secs(60)))
        .http2_keepalive_timeout(Some(Duration::from_secs(20)))
        .max_concurrent_streams(CONNECTION_STREAMS_MAX)
        // So that callers spread anew over servers that came later. No grace: with one, tonic 0.14
        // cuts the connection off at its end without having asked the caller to leave it. Streams and
        // calls end by themselves: each has an age of its own.
        .max_connection_age(app.config.connection_age_max)
        .layer(pages)
        .layer(GrpcWebLayer::new())
        .layer(guard::GuardLayer::new(app))
        .add_service(health_service);
    let router = if serves {
        services(router.add_service(reflection_v1).add_service(reflection_v1alpha), &api)
    } else {
        router
    };
    // The server's own setting is for listeners that it opens itself; without it each small answer
    // waits for the caller's delayed acknowledgement, 40 ms on Linux.
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let serving = router.serve_with_incoming_shutdown(incoming, async move {
        draining.cancelled().await;
        health.set_service_status("", tonic_health::ServingStatus::NotServing).await;
    });
    // An endless stream would keep the server for ever; after the drain time it is cut.
    let cut = async move {
        drained.cancelled().await;
        tokio::time::sleep(drain).await;
    };
    tokio::select! {
        result = serving => result.map_err(Error::internal),
        () = cut => {
            tracing::warn!("Calls were still open at the end of the drain time.");
            Ok(())
        }
    }
}

/// The first layer is the outermost.
type Router = tonic::transport::server::Router<
    Stack<guard::GuardLayer, Stack<GrpcWebLayer, Stack<CorsLayer, Identity>>>,
>;

/// Adds every service of the contract.
fn services(router: Router, api: &Api) -> Router {
    use cartage_proto::v1;
    /// A service with the limits of this server.
    macro_rules! service {
        ($server:path) => {
            service!($server, REQUEST_BYTES_MAX)
        };
        ($server:path, $request_bytes_max:expr) => {{
            use $server as Server;
            Server::new(api.clone())
                .max_decoding_message_size($request_bytes_max)
                .max_encoding_message_size(RESPONSE_BYTES_MAX)
        }};
    }
    router
        .add_service(service!(v1::connection_service_server::ConnectionServiceServer))
        .add_service(service!(v1::upload_service_server::UploadServiceServer, UPLOAD_BYTES_MAX))
        .add_service(service!(v1::platform_service_server::PlatformServiceServer))
        .add_service(service!(v1::migration_service_server::MigrationServiceServer))
        .add_service(service!(v1::snapshot_service_server::SnapshotServiceServer))
        .add_service(service!(v1::audit_service_server::AuditServiceServer))
        .add_service(service!(v1::mapping_service_server::MappingServiceServer))
        .add_service(service!(v1::plan_service_server::PlanServiceServer))
        .add_service(service!(v1::event_service_server::EventServiceServer))
        .add_service(service!(v1::verification_service_server::VerificationServiceServer))
        .add_service(service!(v1::run_service_server::RunServiceServer))
}
