//! How a client comes to its connection.

use std::{error::Error as StdError, time::Duration};

use tonic::{body::Body, transport::Endpoint};
use tower::{Service, ServiceExt as _, util::BoxCloneSyncService};

use crate::{
    Client, Error,
    client::{Bearer, Options, Transport, TransportError},
    retry,
};

/// Settings of a [`Client`].
///
/// ```no_run
/// use std::time::Duration;
/// use cartage_client::ClientBuilder;
///
/// # async fn example() -> Result<(), cartage_client::Error> {
/// let client = ClientBuilder::new("http://127.0.0.1:7400")
///     .token("the token")
///     .user_agent("agency-tool/2.1")
///     .deadline(Duration::from_secs(10))
///     .connect()
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct ClientBuilder {
    uri: String,
    token: Token,
    user_agent: String,
    options: Options,
}

/// A token that does not print itself.
#[derive(Clone, Default)]
struct Token(String);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_empty() { "none" } else { "set" })
    }
}

impl ClientBuilder {
    /// Settings for the service at this address, such as `http://127.0.0.1:7400`.
    #[must_use]
    pub fn new(uri: &str) -> Self {
        Self {
            uri: uri.to_owned(),
            token: Token::default(),
            user_agent: concat!("cartage-client/", env!("CARGO_PKG_VERSION")).to_owned(),
            options: Options {
                deadline: Duration::from_secs(30),
                policy: retry::Policy::default(),
                max_decoding_bytes: 4 << 20,
                max_encoding_bytes: 2 << 20,
            },
        }
    }

    /// The bearer token. Without one, only health answers.
    #[must_use]
    pub fn token(mut self, token: &str) -> Self {
        self.token = Token(token.to_owned());
        self
    }

    /// What stands in front of tonic's own name in the metadata `user-agent`.
    #[must_use]
    pub fn user_agent(mut self, user_agent: &str) -> Self {
        user_agent.clone_into(&mut self.user_agent);
        self
    }

    /// How long one try of a call may take; 30 s when not said. Watches have no deadline.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.options.deadline = deadline;
        self
    }

    /// When a failed call is tried again; the published policy when not said.
    #[must_use]
    pub fn retry(mut self, policy: retry::Policy) -> Self {
        self.options.policy = policy;
        self
    }

    /// The largest message that is accepted and that is sent, in bytes; 4 MiB and 2 MiB when not said,
    /// which is what the service sends and takes at most.
    #[must_use]
    pub fn max_message_bytes(mut self, decoding: usize, encoding: usize) -> Self {
        self.options.max_decoding_bytes = decoding;
        self.options.max_encoding_bytes = encoding;
        self
    }

    /// Connects, and fails when nobody answers.
    ///
    /// # Errors
    /// [`Error::Unreachable`] or [`Error::Configuration`].
    pub async fn connect(self) -> Result<Client, Error> {
        let connected = self.endpoint()?.connect().await;
        let channel = connected.map_err(|source| Error::Unreachable {
            uri: self.uri.clone(),
            source: source.into(),
        })?;
        self.build(boxed(channel))
    }

    /// Connects at the first call, which then says what went wrong. Needs a tokio runtime.
    ///
    /// # Errors
    /// [`Error::Configuration`].
    pub fn connect_lazy(self) -> Result<Client, Error> {
        let channel = self.endpoint()?.connect_lazy();
        self.build(boxed(channel))
    }

    /// Uses a transport of the caller's own: a tonic channel with TLS, a proxy, or a server in the same
    /// process. The address and the user agent of the builder are not used then.
    ///
    /// # Errors
    /// [`Error::Configuration`] when the token cannot be one.
    pub fn with_transport<S>(self, service: S) -> Result<Client, Error>
    where
        S: Service<http::Request<Body>, Response = http::Response<Body>>,
        S: Clone + Send + Sync + 'static,
        S::Future: Send + 'static,
        S::Error: Into<Box<dyn StdError + Send + Sync>> + 'static,
    {
        self.build(boxed(service))
    }

    fn build(self, transport: Transport) -> Result<Client, Error> {
        Ok(Client { transport, bearer: Bearer::new(&self.token.0)?, options: self.options })
    }

    fn endpoint(&self) -> Result<Endpoint, Error> {
        let bad = |what: &dyn std::fmt::Display| {
            Error::Configuration(format!("`{}` is no address of a server: {what}", self.uri))
        };
        let uri: http::Uri = self.uri.parse().map_err(|error| bad(&error))?;
        match uri.scheme_str() {
            Some("http") => {}
            Some("https") => {
                let hint =
                    "https needs a channel with TLS; give one to ClientBuilder::with_transport";
                return Err(bad(&hint));
            }
            _ => return Err(bad(&"it must begin with http://")),
        }
        let endpoint = Endpoint::from(uri)
            .user_agent(self.user_agent.as_str())
            .map_err(|error| bad(&error))?
            .connect_timeout(Duration::from_secs(10))
            .http2_keep_alive_interval(Duration::from_secs(30))
            .keep_alive_timeout(Duration::from_secs(20));
        Ok(endpoint)
    }
}

fn boxed<S>(service: S) -> Transport
where
    S: Service<http::Request<Body>, Response = http::Response<Body>>,
    S: Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
    S::Error: Into<Box<dyn StdError + Send + Sync>> + 'static,
{
    BoxCloneSyncService::new(service.map_err(|error| TransportError(error.into())))
}
