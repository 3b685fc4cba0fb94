//! Addresses on the web.

use http::Uri;

/// Customers and callbacks are sent nowhere but to web addresses.
pub(crate) fn is_web_address(text: &str) -> bool {
    let uri: Result<Uri, _> = text.parse();
    matches!(
        uri.as_ref().map(|uri| (uri.scheme_str(), uri.host())),
        Ok((Some("http" | "https"), Some(host))) if !host.is_empty()
    )
}

/// What makes two addresses be of one origin.
pub(crate) fn origin(uri: &Uri) -> (Option<&str>, Option<String>, Option<u16>) {
    let default = match uri.scheme_str() {
        Some("http") => Some(80),
        Some("https") => Some(443),
        _ => None,
    };
    let host = uri.host().map(str::to_ascii_lowercase);
    (uri.scheme_str(), host, uri.port_u16().or(default))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_web_addresses_are_web_addresses() {
        for (text, expected) in [
            ("https://shop.example/ok?x=1", true),
            ("http://127.0.0.1:3000", true),
            ("javascript:alert(1)", false),
            ("data:text/html,x", false),
            ("//shop.example", false),
            ("/ok", false),
            ("https://a b", false),
            ("", false),
        ] {
            assert_eq!(is_web_address(text), expected, "{text}");
        }
    }
}
