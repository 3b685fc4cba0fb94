//! Base addresses of the platform.

use http::Uri;
use http::uri::{Authority, Scheme};

/// Scheme and host of one of the platform's services.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    scheme: Scheme,
    authority: Authority,
}

/// Error for an address that cannot be the base address of one of the platform's services, for
/// example because it has a path, or is plain HTTP to another machine. Write the scheme and the
/// host only, such as `https://api.ecommpay.com`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{url}` is not a base address of the platform: {problem}")]
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
        // An error text must not hold a password.
        let shown = if url.contains('@') { "[hidden]" } else { url };
        let invalid = |problem| InvalidBaseUrl { url: shown.to_owned(), problem };
        let parts = url
            .parse::<Uri>()
            .map_err(|_| invalid("it is not a URL such as https://api.ecommpay.com"))?
            .into_parts();
        let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
            return Err(invalid("it must begin with https:// and a host"));
        };
        if authority.as_str().contains('@') {
            return Err(invalid("remove the user name"));
        }
        if !is_plain(&authority) {
            return Err(invalid("its host or port is invalid"));
        }
        if parts.path_and_query.is_some_and(|path| path != "/") || url.contains('#') {
            return Err(invalid("remove the path or query"));
        }
        if scheme == Scheme::HTTP {
            if !is_loopback(&authority) {
                return Err(invalid("plain HTTP is allowed only to this machine; use https"));
            }
        } else if scheme != Scheme::HTTPS {
            return Err(invalid("its scheme must be https"));
        }
        let authority = normal(&scheme, &authority);
        Ok(Self {
            authority: authority.ok_or_else(|| invalid("its host or port is invalid"))?,
            scheme,
        })
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.authority)
    }
}

/// Returns the base address of a service in normal form: scheme and host in lower case, no default
/// port, no trailing slash. Addresses with the same normal form lead to the same server, so compare
/// and store the normal form. An address with a user name, a path or a query is an error, and so is
/// plain HTTP to another machine.
///
/// ```
/// use ecp_transport::normal_base_url;
///
/// assert_eq!(normal_base_url("HTTPS://API.ecommpay.com:443/")?, "https://api.ecommpay.com");
/// assert_eq!(normal_base_url("http://127.0.0.1:8080/")?, "http://127.0.0.1:8080");
/// # Ok::<(), ecp_transport::InvalidBaseUrl>(())
/// ```
pub fn normal_base_url(url: &str) -> Result<String, InvalidBaseUrl> {
    Ok(Address::parse(url)?.url(""))
}

fn normal(scheme: &Scheme, authority: &Authority) -> Option<Authority> {
    let host = authority.host().to_ascii_lowercase();
    let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let host = match inner.map(str::parse::<std::net::Ipv6Addr>) {
        Some(Ok(address)) => format!("[{address}]"),
        _ => host,
    };
    let implied = if *scheme == Scheme::HTTP { 80 } else { 443 };
    let port = authority.port_u16().filter(|port| *port != implied);
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    format!("{host}{port}").parse().ok()
}

/// Whether host and port hold only expected characters, and none that could end a directive of a
/// policy and begin another.
pub(crate) fn is_plain(authority: &Authority) -> bool {
    let host = authority.host();
    let port = authority.as_str().strip_prefix(host).unwrap_or_default();
    let valid_port = port.is_empty() || authority.port_u16().is_some();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-:[]".contains(&byte);
    !host.is_empty() && valid_port && host.bytes().all(plain)
}

pub(crate) fn is_loopback(authority: &Authority) -> bool {
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_an_address_has_one_form() {
        let table = [
            (
                "https://api.ecommpay.com",
                &[
                    "https://api.ecommpay.com/",
                    "HTTPS://API.Ecommpay.COM",
                    "https://api.ecommpay.com:443",
                    "https://api.ecommpay.com:0443/",
                ][..],
            ),
            ("http://127.0.0.1:8080", &["http://127.0.0.1:8080/", "Http://127.0.0.1:08080"]),
            ("http://127.0.0.1", &["http://127.0.0.1:80", "http://127.0.0.1:80/"]),
            ("http://127.0.0.1:443", &["http://127.0.0.1:443/"]),
            ("http://localhost:8080", &["http://LOCALHOST:8080/"]),
            ("http://[::1]:8080", &["http://[0:0:0:0:0:0:0:1]:8080", "http://[::0001]:8080/"]),
        ];
        for (normal, spellings) in table {
            for spelling in [normal].iter().chain(spellings) {
                assert_eq!(normal_base_url(spelling).unwrap(), normal, "{spelling}");
                assert_eq!(Address::parse(spelling).unwrap().url("/v2"), format!("{normal}/v2"));
            }
        }
        for hostless in ["http://:8000", "http:///", "https://:443/", "http://[]:80"] {
            assert!(normal_base_url(hostless).is_err(), "{hostless}");
        }
        // Different addresses stay different.
        let others =
            ["https://api.ecommpay.com:8443", "https://api.ecommpay.com.", "http://localhost"];
        let normal: Vec<_> = others.iter().map(|url| normal_base_url(url).unwrap()).collect();
        assert_eq!(normal, others);
    }
}
