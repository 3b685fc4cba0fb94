//! Addresses on the web.

use http::Uri;

/// Schemes of browsers that lead to no shop and no application.
const NO_PLACES: [&str; 11] = [
    "about",
    "blob",
    "data",
    "file",
    "filesystem",
    "ftp",
    "javascript",
    "vbscript",
    "view-source",
    "ws",
    "wss",
];

/// Whether a customer can be sent back to this address: a web address, also with letters beyond
/// ASCII in its host, or an address of an application with its own scheme, such as `shop://paid`.
pub(crate) fn is_return_address(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    let begins = scheme.starts_with(|c: char| c.is_ascii_alphabetic());
    let is_scheme = scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    let scheme = scheme.to_ascii_lowercase();
    if !begins || !is_scheme || rest.is_empty() {
        return false;
    }
    let is_unclean = |c: char| c.is_control() || c.is_whitespace() || "\"<>".contains(c);
    match scheme.as_str() {
        // A letter replaces each other character, and the rest keeps its form.
        "http" | "https" => is_web_address(&text.replace(|c: char| !c.is_ascii(), "x")),
        other => !NO_PLACES.contains(&other) && !rest.contains(is_unclean),
    }
}

/// Whether this is a web address, to which callbacks can be sent.
pub(crate) fn is_web_address(text: &str) -> bool {
    let uri: Result<Uri, _> = text.parse();
    matches!(
        uri.as_ref().map(|uri| (uri.scheme_str(), uri.host())),
        Ok((Some("http" | "https"), Some(host))) if !host.is_empty()
    )
}

/// Returns the scheme, host and port, which are equal for two addresses of the same origin.
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
    fn customers_return_to_shops_and_applications() {
        for (text, expected) in [
            ("https://shop.example/ok?x=1#y", true),
            ("https://магазин.рф/спасибо?x=1", true),
            ("https://xn--80aairftm.xn--p1ai/", true),
            ("shop://paid", true),
            ("com.example.shop+pay://order/1?x=2", true),
            ("intent://paid#Intent;scheme=shop;end", true),
            ("HTTPS://SHOP.EXAMPLE", true),
            ("https://shop.example/ok?x='{{1}}|^", true),
            ("shop://paid?x={1}", true),
            ("javascript:alert(1)", false),
            ("javascript://%0aalert(1)", false),
            ("JavaScript://x/%0aalert(1)", false),
            ("java\tscript://x", false),
            (" javascript://x", false),
            ("data:text/html,x", false),
            ("data://text/html,x", false),
            ("file:///etc/passwd", false),
            ("view-source://x", false),
            ("mailto:a@b", false),
            ("1shop://paid", false),
            ("shop://", false),
            ("https:///ok", false),
            ("https://a b", false),
            ("shop://a\"b", false),
            ("//shop.example", false),
            ("", false),
        ] {
            assert_eq!(is_return_address(text), expected, "{text}");
        }
    }

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
