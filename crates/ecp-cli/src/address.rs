//! Web addresses on the command line, in profiles and in the sandbox's file, checked when they are
//! read. Errors say what to write instead.

use std::ffi::OsStr;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use clap::builder::TypedValueParser;
use clap::error::ErrorKind;
use ecp_transport::{ClientError, ReqwestTransport};
use http::Uri;

/// A checked `http` or `https` address, to which requests can be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target(String);

impl Target {
    /// Checks the text of an address. The error says what is wrong and what to write instead.
    pub(crate) fn new(text: &str) -> Result<Self, String> {
        target(text).map(|()| Self(text.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns an HTTP client for the address ([`transport_to`]).
    pub(crate) fn transport(&self) -> Result<ReqwestTransport, ClientError> {
        transport_to(&self.0)
    }
}

/// Returns an HTTP client for an address. For plain HTTP no trusted certificates are loaded.
pub(crate) fn transport_to(address: &str) -> Result<ReqwestTransport, ClientError> {
    if is_plain_http(address) { ReqwestTransport::plain_http() } else { ReqwestTransport::new() }
}

/// Whether the host of an address is this machine: `localhost` or a loopback IP address.
pub(crate) fn is_loopback(address: &str) -> bool {
    host_and_port(address).is_some_and(|(host, _)| is_here(host))
}

/// The IP address and port of an `http://` address on this machine, such as `127.0.0.1:80`; `None`
/// for any other address.
pub(crate) fn local_address(address: &str) -> Option<String> {
    let (host, port) = host_and_port(address).filter(|(host, _)| is_here(host))?;
    let host = if host.eq_ignore_ascii_case("localhost") { "127.0.0.1" } else { host };
    is_plain_http(address).then(|| format!("{host}:{}", port.unwrap_or("80")))
}

fn host_and_port(address: &str) -> Option<(&str, Option<&str>)> {
    let (_, rest) = address.split_once("://")?;
    split(rest.split(['/', '?', '#']).next().unwrap_or_default())
}

/// Whether a host is this machine: `localhost` or a loopback IP address.
fn is_here(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.eq_ignore_ascii_case("localhost")
        || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

pub(crate) fn is_plain_http(address: &str) -> bool {
    address.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("http:"))
}

/// Parses an address on the command line. Its error does not repeat an address that may hold a
/// password, as clap's own would.
#[derive(Clone)]
pub(crate) struct TargetParser;

impl TypedValueParser for TargetParser {
    type Value = Target;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<Target, clap::Error> {
        let target = value
            .to_str()
            .ok_or_else(|| "the address is not UTF-8; write it in ASCII characters".to_owned());
        target.and_then(Target::new).map_err(|problem| {
            let place = argument.map(|argument| format!("{argument}: ")).unwrap_or_default();
            clap::Error::raw(ErrorKind::ValueValidation, format!("{place}{problem}\n"))
                .with_cmd(command)
        })
    }
}

/// Checks that the text is a host name or an IP address without scheme, port and path, and returns
/// it.
pub(crate) fn host(text: &str) -> Result<String, String> {
    let bare = text.split_once("://").map_or(text, |(_, rest)| rest);
    let bare = bare.split(['/', '?', '#']).next().unwrap_or_default();
    let is_bare_ip = bare.parse::<IpAddr>().is_ok();
    let name = if is_bare_ip { bare } else { split(bare).map_or(bare, |(name, _)| name) };
    let problem = if is_bare_ip { None } else { host_problem(name) };
    match problem {
        Some(problem) => {
            Err(format!("{} is not a host name or an IP address: {problem}", shown(text)))
        }
        None if name != text => Err(format!(
            "{} is more than a host; write {name}, without scheme, port and path",
            shown(text)
        )),
        None => Ok(text.to_owned()),
    }
}

/// Checks an address of requests.
fn target(text: &str) -> Result<(), String> {
    web(text)?;
    if let Some(character) = text.chars().find(|character| !character.is_ascii()) {
        return Err(format!(
            "{} contains `{}`, which is not ASCII; write the host in its xn-- form, and the rest \
             percent-encoded",
            shown(text),
            character.escape_debug()
        ));
    }
    if text.contains('#') {
        return Err(format!("{}: the part from `#` on is never sent; remove it", shown(text)));
    }
    match text.parse::<Uri>() {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("{} is not a web address: {error}", shown(text))),
    }
}

/// Checks an `http` or `https` address for requests or browsers. The error says what is wrong.
pub(crate) fn web(text: &str) -> Result<(), String> {
    let wrong = |problem: &str| Err(format!("{} {problem}", shown(text)));
    if text.is_empty() {
        return Err("the address is empty; write one such as http://127.0.0.1:8000/".to_owned());
    }
    if text.contains(|character: char| character.is_whitespace() || character.is_control()) {
        return wrong("holds a space, a line break or a control character; remove it");
    }
    let is_scheme = |text: &str| {
        text.starts_with(|first: char| first.is_ascii_alphabetic())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    };
    let Some((scheme, rest)) = text.split_once("://").filter(|(scheme, _)| is_scheme(scheme))
    else {
        return wrong(&without_scheme(text));
    };
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return wrong(&format!(
            "has the scheme `{scheme}`; write an address with http:// or https://"
        ));
    }
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    if authority.contains('@') {
        return wrong("holds a user name or a password, which is not sent; remove it");
    }
    let bare_ipv6 = authority.parse::<Ipv6Addr>().is_ok();
    if bare_ipv6 {
        return wrong(&format!(
            "holds an IPv6 address without brackets; write {scheme}://[{authority}]"
        ));
    }
    let Some((host, port)) = split(authority) else {
        return wrong("has a `[` in its host without a `]`");
    };
    if let Some(problem) = host_problem(host) {
        return wrong(&format!("has no host that can be used: {problem}"));
    }
    match port {
        None => Ok(()),
        Some("") => {
            wrong("has a colon after its host and no port; add the port, or remove the colon")
        }
        Some(port) => match port.parse::<u16>() {
            Ok(1..) if port.bytes().all(|byte| byte.is_ascii_digit()) => Ok(()),
            _ => wrong(&format!(
                "has the port `{}`, which is not a number from 1 to 65535",
                port.escape_debug()
            )),
        },
    }
}

/// Splits host and port.
fn split(authority: &str) -> Option<(&str, Option<&str>)> {
    if authority.starts_with('[') {
        let (host, rest) = authority.split_at(authority.find(']')? + 1);
        return Some((host, (!rest.is_empty()).then(|| rest.strip_prefix(':').unwrap_or(rest))));
    }
    Some(match authority.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    })
}

fn host_problem(host: &str) -> Option<String> {
    if host.is_empty() {
        return Some("the host is empty".to_owned());
    }
    if let Some(inner) = host.strip_prefix('[') {
        let valid = inner.strip_suffix(']').is_some_and(|ip| ip.parse::<Ipv6Addr>().is_ok());
        return (!valid).then(|| format!("`{}` is not an IPv6 address", host.escape_debug()));
    }
    let is_part = |c: char| c.is_alphanumeric() || !c.is_ascii() || "-_.".contains(c);
    if let Some(character) = host.chars().find(|&character| !is_part(character)) {
        return Some(format!(
            "`{}` contains `{character}`, which no host has",
            host.escape_debug()
        ));
    }
    let name = host.strip_suffix('.').unwrap_or(host);
    let mut labels = name.rsplit('.');
    let last = labels.next().unwrap_or_default();
    if last.is_empty() || labels.any(str::is_empty) {
        return Some(format!("`{host}` has an empty part between its dots"));
    }
    let is_number = last.bytes().all(|byte| byte.is_ascii_digit())
        || last.strip_prefix("0x").is_some_and(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()));
    let is_ip = name.parse::<Ipv4Addr>().is_ok();
    (is_number && !is_ip).then(|| {
        format!("`{host}` is not an IPv4 address; write its four numbers, as in 127.0.0.1")
    })
}

/// The problem of an address without a scheme, with the address that was probably meant.
fn without_scheme(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let begun = ["https:", "http:", "https/", "http/"]
        .into_iter()
        .find(|scheme| lower.starts_with(scheme))
        .map(|scheme| {
            (&scheme[..scheme.len() - 1], text[scheme.len()..].trim_start_matches(['/', '\\']))
        });
    let (lacks, meant) = if let Some((scheme, rest)) = begun {
        ("has no `://` after its scheme", format!("{scheme}://{rest}"))
    } else if text.bytes().all(|byte| byte.is_ascii_digit()) {
        ("has no scheme and no host", format!("http://127.0.0.1:{text}"))
    } else if text.starts_with(':') || (text.starts_with('/') && !text.starts_with("//")) {
        ("has no scheme and no host", format!("http://127.0.0.1{text}"))
    } else {
        let rest = text.strip_prefix("//").or_else(|| text.strip_prefix("://")).unwrap_or(text);
        let name = rest.split([':', '/', '?', '#']).next().unwrap_or_default();
        let is_here = name.eq_ignore_ascii_case("localhost")
            || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
            || rest.starts_with("[::1]");
        let scheme = if is_here { "http" } else { "https" };
        ("has no scheme", format!("{scheme}://{rest}"))
    };
    match web(&meant) {
        Ok(()) => format!("{lacks}; write {meant}"),
        Err(_) => format!("{lacks}; an address begins with http:// or https://"),
    }
}

/// The address for an error text, without a password.
fn shown(text: &str) -> String {
    if text.contains('@') {
        "the address (not shown, as it may contain a password before its `@`)".to_owned()
    } else {
        format!("`{}`", text.escape_debug())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_can_be_posted_to_pass() {
        for text in [
            "http://127.0.0.1:8000",
            "http://localhost:8000/cb?x=1",
            "https://shop.example/",
            "HTTPS://Shop.Example.:443/cb",
            "http://[::1]:8000/",
            "http://[2001:db8::1]",
            "http://my_host",
            "http://xn--e1afmkfd.example/",
            "http://10.0.0.1",
        ] {
            assert_eq!(Target::new(text).map(|target| target.0).as_deref(), Ok(text));
        }
        assert!(is_plain_http("HTTP://x") && !is_plain_http("https://x") && !is_plain_http(""));
    }

    #[test]
    fn what_is_wrong_with_an_address_is_named_with_the_one_that_was_meant() {
        let table = [
            (
                "localhost:8000/cb",
                "`localhost:8000/cb` has no scheme; write http://localhost:8000/cb",
            ),
            ("127.0.0.1:8000", "`127.0.0.1:8000` has no scheme; write http://127.0.0.1:8000"),
            ("[::1]:8000", "`[::1]:8000` has no scheme; write http://[::1]:8000"),
            ("shop.example/cb", "`shop.example/cb` has no scheme; write https://shop.example/cb"),
            ("//shop.example", "`//shop.example` has no scheme; write https://shop.example"),
            (
                "localhost:8000/?back=http://x",
                "`localhost:8000/?back=http://x` has no scheme; write \
                 http://localhost:8000/?back=http://x",
            ),
            (":8000", "`:8000` has no scheme and no host; write http://127.0.0.1:8000"),
            ("8000", "`8000` has no scheme and no host; write http://127.0.0.1:8000"),
            ("/cb", "`/cb` has no scheme and no host; write http://127.0.0.1/cb"),
            (
                "http:localhost",
                "`http:localhost` has no `://` after its scheme; write http://localhost",
            ),
            ("http:/x/y", "`http:/x/y` has no `://` after its scheme; write http://x/y"),
            (r"https:\\x", r"`https:\\\\x` has no `://` after its scheme; write https://x"),
            ("mailto:x", "`mailto:x` has no scheme; an address begins with http:// or https://"),
            (
                "ftp://x/",
                "`ftp://x/` has the scheme `ftp`; write an address with http:// or https://",
            ),
            (
                "postgres://x",
                "`postgres://x` has the scheme `postgres`; write an address with http:// or https://",
            ),
            ("http://", "`http://` has no host that can be used: the host is empty"),
            ("http:///cb", "`http:///cb` has no host that can be used: the host is empty"),
            ("http://:8000", "`http://:8000` has no host that can be used: the host is empty"),
            (
                "http://a b/",
                "`http://a b/` holds a space, a line break or a control character; remove it",
            ),
            (
                "http://x/\n",
                "`http://x/\\n` holds a space, a line break or a control character; remove it",
            ),
            (
                "http://x:0/",
                "`http://x:0/` has the port `0`, which is not a number from 1 to 65535",
            ),
            (
                "http://x:65536",
                "`http://x:65536` has the port `65536`, which is not a number from 1 to 65535",
            ),
            (
                "http://x:+80",
                "`http://x:+80` has the port `+80`, which is not a number from 1 to 65535",
            ),
            ("http://x:y", "`http://x:y` has the port `y`, which is not a number from 1 to 65535"),
            (
                "http://x:/",
                "`http://x:/` has a colon after its host and no port; add the port, or remove the colon",
            ),
            (
                "http://u:secret@x/",
                "the address (not shown, as it may contain a password before its `@`) holds a user name or a password, which is \
                 not sent; remove it",
            ),
            (
                "http://::1/",
                "`http://::1/` holds an IPv6 address without brackets; write http://[::1]",
            ),
            ("http://[::1", "`http://[::1` has a `[` in its host without a `]`"),
            (
                "http://[::g]/",
                "`http://[::g]/` has no host that can be used: `[::g]` is not an IPv6 address",
            ),
            (
                "http://127.1/",
                "`http://127.1/` has no host that can be used: `127.1` is not an IPv4 address; write its \
                 four numbers, as in 127.0.0.1",
            ),
            (
                "http://a..b/",
                "`http://a..b/` has no host that can be used: `a..b` has an empty part between its dots",
            ),
            (
                "http://a,b/",
                "`http://a,b/` has no host that can be used: `a,b` contains `,`, which no host has",
            ),
            ("http://x/#part", "`http://x/#part`: the part from `#` on is never sent; remove it"),
            (
                "http://магазин.example/",
                "`http://магазин.example/` contains `м`, which is not ASCII; write the host in its xn-- form, and the rest \
                 percent-encoded",
            ),
            ("http://x/<y>", "`http://x/<y>` is not a web address: invalid uri character"),
            ("", "the address is empty; write one such as http://127.0.0.1:8000/"),
        ];
        for (text, problem) in table {
            assert_eq!(Target::new(text).unwrap_err(), problem);
        }
    }

    #[test]
    fn addresses_for_browsers_may_hold_what_is_never_posted() {
        for text in ["https://shop.example/#/paid", "https://магазин.example/готово"] {
            assert_eq!(web(text), Ok(()));
        }
    }

    #[test]
    fn a_host_is_a_name_or_an_ip_address_alone() {
        for text in ["shop.test", "192.0.2.1", "::1", "[::1]", "localhost"] {
            assert_eq!(host(text).as_deref(), Ok(text));
        }
        for (text, problem) in [
            (
                "http://shop.test:8000/cb",
                "`http://shop.test:8000/cb` is more than a host; write shop.test, without scheme, \
                 port and path",
            ),
            (
                "shop.test:8000",
                "`shop.test:8000` is more than a host; write shop.test, without scheme, port and path",
            ),
            ("", "`` is not a host name or an IP address: the host is empty"),
            (
                "*.test",
                "`*.test` is not a host name or an IP address: `*.test` contains `*`, which no host has",
            ),
            (
                "shop test",
                "`shop test` is not a host name or an IP address: `shop test` contains ` `, which no host has",
            ),
        ] {
            assert_eq!(host(text).unwrap_err(), problem);
        }
    }
}
