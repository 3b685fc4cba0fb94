//! A customer is redirected to the message's address, with its fields, and nowhere else.

use ecp_core::model::{FromJson, RedirectData, RedirectMethod};
use ecp_transport::redirect_response;

/// The answer is read as a browser reads it: the address and the fields come out as they went in,
/// and no value breaks out of its place in the page.
pub fn redirect(json: &[u8]) {
    let Ok(redirect) = RedirectData::from_slice(json) else { return };
    let url = redirect.url.expose();
    if url.len() >= 12 && !is_named(&redirect, url) {
        assert!(!format!("{redirect:?}").contains(url.as_str()));
    }
    let Ok(response) = redirect_response(&redirect) else { return };
    let fields = redirect.body.fields().unwrap_or_else(|| unreachable!("it was sent on"));
    let scheme = url.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    assert!(matches!(scheme.as_deref(), Some("http" | "https")));
    assert!(url.bytes().all(|byte| byte.is_ascii_graphic()));
    if redirect.method == RedirectMethod::Get {
        assert_eq!(response.status(), 303);
        let location = response.headers()["location"].to_str().unwrap_or_default();
        assert!(location.starts_with(url.split('#').next().unwrap_or_default()));
        assert!(!fields.is_empty() || location == url);
        return;
    }
    assert_eq!(response.status(), 200);
    let page = response.body();
    assert_eq!(page.matches('<').count(), TAGS + fields.len());
    assert_eq!(attributes(page, "action"), [url.as_str()]);
    let names: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
    let values: Vec<&str> = fields.iter().map(|(_, value)| value.expose().as_str()).collect();
    assert_eq!(attributes(page, "name"), names);
    assert_eq!(attributes(page, "value"), values);
}

/// Whether a text occurs in the names of members, or in the method, which are printed.
fn is_named(redirect: &RedirectData, text: &str) -> bool {
    let fields = redirect.body.fields().into_iter().flatten();
    let extra = redirect.extra.iter().map(|(name, _)| name);
    let mut names = fields.map(|(name, _)| name.as_str()).chain(extra);
    redirect.method.as_str().contains(text) || names.any(|name| name.contains(text))
}

/// Number of tags of the page besides its fields.
const TAGS: usize = 18;

/// The values of an attribute, as a browser reads them: every quote of the page opens or closes
/// one, so that a value with a quote of its own would shift all that follow.
fn attributes(page: &str, name: &str) -> Vec<String> {
    let opening = format!(" {name}=");
    let parts: Vec<&str> = page.split('"').collect();
    let attributes = parts.chunks_exact(2).filter(|part| part[0].ends_with(&opening));
    attributes.map(|part| unescape(part[1])).collect()
}

/// Undoes numeric character references, the only ones that the page has.
fn unescape(text: &str) -> String {
    let mut parts = text.split("&#");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (number, rest) = part.split_once(';').unwrap_or_default();
        plain.extend(number.parse().ok().and_then(char::from_u32));
        plain.push_str(rest);
    }
    plain
}
