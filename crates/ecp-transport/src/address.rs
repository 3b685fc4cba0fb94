//! Where the platform is.

use http::Uri;
use http::uri::{Authority, Scheme};

/// Scheme and host of one of the platform's services.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    scheme: Scheme,
    authority: Authority,
}

/// An address that no service of the platform can have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{url}` is no address of the platform: {problem}")]
pub struct InvalidBaseUrl {
    url: String,
    problem: &'static str,
}

impl Address {
    pub(crate) fn platform(host: &'static str) -> Self {
        Self { scheme: Scheme::HTTPS, authority: Authority::from_static(host) }
    }

    /// Plain HTTP is refused beyond this machine, because messages hold personal data.
    pub(crate) fn parse(url: &str) -> Result<Self, InvalidBaseUrl> {
        // A password does not belong into an error text.
        let shown = if url.contains('@') { "[hidden]" } else { url };
        let invalid = |problem| InvalidBaseUrl { url: shown.to_owned(), problem };
        let parts = url.parse::<Uri>().map_err(|_| invalid("it is no URL"))?.into_parts();
        let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
            return Err(invalid("it has no scheme or no host"));
        };
        if authority.as_str().contains('@') {
            return Err(invalid("a user name does not belong to it"));
        }
        if !is_plain(&authority) {
            return Err(invalid("its host or port is none"));
        }
        if parts.path_and_query.is_some_and(|path| path != "/") || url.contains('#') {
            return Err(invalid("a path does not belong to it"));
        }
        if scheme == Scheme::HTTP {
            if !is_loopback(&authority) {
                return Err(invalid("plain HTTP is for this machine only"));
            }
        } else if scheme != Scheme::HTTPS {
            return Err(invalid("the scheme must be https"));
        }
        Ok(Self { scheme, authority })
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.authority)
    }
}

/// Whether host and port are what they should be, with nothing in them that could end a directive
/// of a policy and begin another.
pub(crate) fn is_plain(authority: &Authority) -> bool {
    let host = authority.host();
    let port = authority.as_str().strip_prefix(host).unwrap_or_default();
    let valid_port = port.is_empty() || authority.port_u16().is_some();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-:[]".contains(&byte);
    !host.is_empty() && valid_port && host.bytes().all(plain)
}

fn is_loopback(authority: &Authority) -> bool {
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
