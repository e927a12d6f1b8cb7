//! Which addresses a shop may have: the caller must not make the server call into networks that
//! only the server can reach.

use std::{net::IpAddr, time::Duration};

use url::{Host, Url};

use crate::error::{Error, Result};

/// How long a name may take to be resolved before the check goes without: the connector looks
/// again at every connection it makes.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(3);

/// Checks an address by its text and by what its name leads to.
///
/// # Errors
/// `INVALID_FIELDS` with `FORMAT_INVALID` or `URL_FORBIDDEN`; never says what a name resolved to.
pub(super) async fn check(text: &str, field: &str, local_shops: bool) -> Result<()> {
    let url = check_text(text, field, local_shops)?;
    let Some(Host::Domain(name)) = url.host() else { return Ok(()) };
    let port = url.port_or_known_default().unwrap_or(443);
    let found = tokio::time::timeout(RESOLVE_TIMEOUT, tokio::net::lookup_host((name, port))).await;
    // A name that leads nowhere harms nobody; verifying the connection will say so.
    let Ok(Ok(addresses)) = found else { return Ok(()) };
    let mut loopback = true;
    for address in addresses {
        let ip = address.ip().to_canonical();
        loopback &= ip.is_loopback();
        if !is_allowed(ip, local_shops) {
            return Err(forbidden(field));
        }
    }
    if url.scheme() == "http" && !loopback { Err(forbidden(field)) } else { Ok(()) }
}

fn check_text(text: &str, field: &str, local_shops: bool) -> Result<Url> {
    let invalid = |problem: &str| Error::field(field, "FORMAT_INVALID", problem);
    if text.is_empty() {
        return Err(Error::field(field, "REQUIRED", "The address of the shop is missing."));
    }
    let url = Url::parse(text).map_err(|_| invalid("This is no address."))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid("An address must not hold a user or password; use credentials."));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(invalid("An address must end with its path."));
    }
    // The parser reads decimal, octal and hexadecimal forms as the addresses they are.
    let literal = match url.host() {
        Some(Host::Ipv4(ip)) => Some(IpAddr::V4(ip)),
        Some(Host::Ipv6(ip)) => Some(IpAddr::V6(ip).to_canonical()),
        Some(Host::Domain(_)) => None,
        None => return Err(invalid("The address has no host.")),
    };
    let named_local = matches!(url.host(), Some(Host::Domain(name)) if is_local_name(name));
    let allowed = match (url.scheme(), literal) {
        ("https", None) => local_shops || !named_local,
        ("http", None) => local_shops && named_local,
        ("https" | "http", Some(ip)) => local_shops && ip.is_loopback(),
        _ => return Err(invalid("The address must begin with https.")),
    };
    if allowed { Ok(url) } else { Err(forbidden(field)) }
}

fn forbidden(field: &str) -> Error {
    Error::field(
        field,
        "URL_FORBIDDEN",
        "This address may not be called from here: https to a public name is asked for.",
    )
}

fn is_local_name(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

fn is_allowed(ip: IpAddr, local_shops: bool) -> bool {
    if ip.is_loopback() {
        return local_shops;
    }
    !cartage_connectors::http::is_private(ip) && !is_special(ip)
}

/// Ranges that lead to other addresses (6to4, NAT64, Teredo) or to none that a shop has.
fn is_special(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => {
            let octets = v4.octets();
            matches!(
                octets,
                [192, 0, 0 | 2, _]
                    | [192, 88, 99, _]
                    | [198, 18 | 19, ..]
                    | [198, 51, 100, _]
                    | [203, 0, 113, _]
            ) || octets[0] >= 240
        }
        IpAddr::V6(v6) => {
            let segments = v6.segments();
            matches!(segments, [0x2002, ..] | [0x64, 0xff9b, ..] | [0x2001, 0 | 0x0db8, ..])
                || segments[..6] == [0; 6]
                || segments[0] & 0xffc0 == 0xfec0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(text: &str, local_shops: bool) -> Option<&'static str> {
        check_text(text, "connection.medusa.base_url", local_shops)
            .err()
            .map(|error| error.violations[0].reason)
    }

    #[test]
    fn an_address_is_https_to_a_public_name() {
        assert_eq!(reason("https://admin.example.com", false), None);
        assert_eq!(reason("https://admin.example.com:8443/shop", false), None);
        for text in [
            "http://admin.example.com",
            "https://127.0.0.1",
            "https://2130706433",
            "https://0x7f.1",
            "https://017700000001",
            "https://[::1]",
            "https://[::ffff:10.0.0.1]",
            "https://93.184.216.34",
            "https://localhost",
            "https://a.localhost.",
        ] {
            assert_eq!(reason(text, false), Some("URL_FORBIDDEN"), "{text}");
        }
        for text in [
            "ftp://example.com",
            "example.com",
            "https://user@example.com",
            "https://:secret@example.com",
            "https://example.com?key=1",
        ] {
            assert_eq!(reason(text, true), Some("FORMAT_INVALID"), "{text}");
        }
        assert_eq!(reason("", true), Some("REQUIRED"));
    }

    #[test]
    fn a_local_deployment_reaches_loopback_and_nothing_else_inside() {
        for text in ["http://127.0.0.1:9000", "http://localhost:9000", "https://[::1]:9000"] {
            assert_eq!(reason(text, true), None, "{text}");
        }
        for text in ["http://10.0.0.1", "http://169.254.169.254", "http://example.com"] {
            assert_eq!(reason(text, true), Some("URL_FORBIDDEN"), "{text}");
        }
    }

    #[test]
    fn a_name_may_lead_to_public_addresses_only() {
        for text in [
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "192.0.0.1",
            "198.18.0.1",
            "240.0.0.1",
            "::",
            "fe80::1",
            "fd00:ec2::254",
            "ff02::1",
            "2002:7f00:1::",
            "64:ff9b::7f00:1",
            "2001:0:1::1",
            "::7f00:1",
            "fec0::1",
        ] {
            assert!(!is_allowed(text.parse().unwrap(), true), "{text}");
        }
        for text in ["93.184.216.34", "2606:2800:220:1::1"] {
            assert!(is_allowed(text.parse().unwrap(), false), "{text}");
        }
        assert!(!is_allowed("127.0.0.1".parse().unwrap(), false));
    }
}
