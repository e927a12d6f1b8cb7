//! HTTP shared by all connectors: timeouts, body limits, guarded names, redaction. Redirects are
//! never followed, so credentials stay with the host they were meant for.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use reqwest::{
    Client, Response, Url,
    dns::{Addrs, Name, Resolve, Resolving},
};

pub use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

/// How long and how much a connector waits and reads.
#[derive(Clone, Debug)]
pub struct HttpSettings {
    /// How long a connection may take to stand.
    pub connect_timeout: Duration,
    /// How long a request may take in all.
    pub request_timeout: Duration,
    /// The largest body that is read, in bytes.
    pub body_size_max: usize,
    /// Whether hosts inside the deployment's own networks may be called.
    pub private_hosts_allowed: bool,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(60),
            body_size_max: 64 * 1024 * 1024,
            private_hosts_allowed: false,
        }
    }
}

/// Why a client could not be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// The address is not an `http` or `https` one with a host.
    #[error("is not an http or https address")]
    Address,
    /// The host lies in a network that must not be called.
    #[error("leads to a private network")]
    Private,
    /// The client could not be set up.
    #[error("no HTTP client could be made: {0}")]
    Client(String),
}

/// Whether an address lies outside the public internet.
pub fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [first, second, ..] = v4.octets();
            v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_unspecified()
                || v4.is_broadcast()
                || v4.is_multicast()
                || first == 0
                || (first == 100 && (64..128).contains(&second))
        }
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => is_private(IpAddr::V4(v4)),
            None => {
                v6.is_loopback()
                    || v6.is_unspecified()
                    || v6.is_multicast()
                    || v6.is_unique_local()
                    || v6.is_unicast_link_local()
            }
        },
    }
}

/// Checks an address and makes a client for it.
///
/// # Errors
/// [`HttpError`] when the address is none, or leads where it must not.
pub fn client(base_url: &str, settings: &HttpSettings) -> Result<(Client, Url), HttpError> {
    let mut url = Url::parse(base_url.trim()).map_err(|_| HttpError::Address)?;
    if !matches!(url.scheme(), "http" | "https") || !url.username().is_empty() {
        return Err(HttpError::Address);
    }
    let host = url.host_str().ok_or(HttpError::Address)?.trim_matches(['[', ']']).to_owned();
    let literal = host.parse::<IpAddr>().ok();
    if !settings.private_hosts_allowed && literal.is_some_and(is_private) {
        return Err(HttpError::Private);
    }
    url.set_query(None);
    url.set_fragment(None);
    let mut builder = Client::builder()
        .connect_timeout(settings.connect_timeout)
        .timeout(settings.request_timeout)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .user_agent("cartage");
    if !settings.private_hosts_allowed {
        builder = builder.dns_resolver(Arc::new(PublicNames));
    }
    let client = builder.build().map_err(|error| HttpError::Client(error.to_string()))?;
    Ok((client, url))
}

/// Resolves names to public addresses only, at the moment of each connection, so that a name that
/// changes its address after the check gains nothing.
#[derive(Debug)]
struct PublicNames;

impl Resolve for PublicNames {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> =
                found.filter(|address| !is_private(address.ip())).collect();
            if public.is_empty() {
                return Err("the name leads to no public address".into());
            }
            let addresses: Addrs = Box::new(public.into_iter());
            Ok(addresses)
        })
    }
}

/// Why a body was not read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyError {
    /// It is longer than allowed.
    TooLong,
    /// The connection broke.
    Broken,
}

/// Reads a body up to a limit.
///
/// # Errors
/// [`BodyError`] when it is longer, or breaks off.
pub async fn body(mut response: Response, size_max: usize) -> Result<Vec<u8>, BodyError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|_| BodyError::Broken)? {
        if bytes.len() + chunk.len() > size_max {
            return Err(BodyError::TooLong);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// A shop's message for our errors: e-mail addresses taken out, cut to 300 characters.
pub fn redact(message: &str) -> String {
    let words: Vec<&str> = message
        .split_whitespace()
        .map(|word| if word.contains('@') { "[e-mail]" } else { word })
        .collect();
    words.join(" ").chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_keeps_its_sense_and_loses_its_addresses() {
        let message = "Customer with email: jane@example.com, has_account: false, already exists.";
        assert_eq!(
            redact(message),
            "Customer with email: [e-mail] has_account: false, already exists."
        );
        assert_eq!(redact(&"ä".repeat(400)).chars().count(), 300);
    }

    #[test]
    fn a_private_host_is_refused_unless_allowed() {
        let closed = HttpSettings::default();
        let open = HttpSettings { private_hosts_allowed: true, ..HttpSettings::default() };
        for url in [
            "http://127.0.0.1:9000",
            "http://10.1.2.3",
            "http://[::1]:9000",
            "http://169.254.169.254",
            "http://[::ffff:10.0.0.1]/",
        ] {
            assert_eq!(client(url, &closed).err(), Some(HttpError::Private), "{url}");
            assert!(client(url, &open).is_ok(), "{url}");
        }
        for url in ["ftp://example.com", "example.com", "http://user:secret@example.com"] {
            assert_eq!(client(url, &open).err(), Some(HttpError::Address), "{url}");
        }
    }
}
