//! The HTTP response that redirects a customer.

use std::fmt::Write;

use ecp_core::model::{RedirectData, RedirectMethod};
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY,
};
use http::{HeaderValue, Response, StatusCode, Uri};

use crate::address::is_plain;

/// The reason why [`redirect_response`] cannot send a customer to the address that the platform
/// gave. The error's text does not show that address, which may hold a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RedirectError {
    /// The address of the redirect is not an absolute `http` or `https` URL of ASCII characters, or
    /// its host or port is invalid. The customer is not redirected: ask the platform's support.
    #[error(
        "`redirect_data.url` is not an absolute http or https address, or has a character outside ASCII or an invalid host or port: the customer is not redirected; ask the platform's support"
    )]
    Address,
    /// The address of the redirect holds a user name or a password. The customer is not redirected:
    /// ask the platform's support.
    #[error(
        "`redirect_data.url` holds a user name or password: the customer is not redirected; ask the platform's support"
    )]
    Credentials,
    /// The HTTP method of the redirect is neither GET nor POST. The customer is not redirected: ask
    /// the platform's support.
    #[error(
        "`redirect_data.method` is neither GET nor POST: the customer is not redirected; ask the platform's support"
    )]
    Method,
    /// The body of the redirect is not a set of form fields: it holds other values than text and
    /// numbers, or a NUL character. The customer is not redirected: ask the platform's support.
    #[error(
        "`redirect_data.body` holds other values than text and numbers, or a NUL character: the customer is not redirected; ask the platform's support"
    )]
    Body,
}

/// Makes the response with which your web service sends the customer's browser to the address that
/// the platform gave:
///
/// - for a GET redirect, HTTP status 303;
/// - for a POST redirect, a page with a form. A script submits the form at once; browsers without
///   scripts show a button.
///
/// The page's content security policy allows no other script. It allows the form to go to any HTTPS
/// address or, if the redirect's address is plain HTTP, only to that host. It allows any HTTPS
/// address because browsers apply the policy to a form's later redirects as well, and payment
/// providers do redirect the customer further.
///
/// The documents do not say whether a GET redirect has fields. If there are any, they are added to
/// the query of the address.
///
/// ```
/// use ecp_core::model::{FromJson, RedirectData};
/// use ecp_transport::redirect_response;
///
/// let json = br#"{"method":"GET","url":"https://pay.example/?token=x","body":[]}"#;
/// let response = redirect_response(&RedirectData::from_slice(json)?)?;
/// assert_eq!(response.status(), 303);
/// assert_eq!(response.headers()["location"], "https://pay.example/?token=x");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn redirect_response(redirect: &RedirectData) -> Result<Response<String>, RedirectError> {
    let url = redirect.url.expose();
    let origin = origin(url)?;
    let fields = redirect.body.fields().ok_or(RedirectError::Body)?;
    // A browser would replace the character.
    if fields.iter().any(|(name, value)| name.contains('\0') || value.expose().contains('\0')) {
        return Err(RedirectError::Body);
    }
    let mut response = match redirect.method {
        RedirectMethod::Get => {
            let target = with_query(url, fields.iter().map(|(name, value)| (name, value.expose())));
            let location = HeaderValue::from_str(&target).map_err(|_| RedirectError::Address)?;
            let mut response = Response::new(String::new());
            *response.status_mut() = StatusCode::SEE_OTHER;
            response.headers_mut().insert(LOCATION, location);
            response
        }
        RedirectMethod::Post => {
            let page = form(url, fields.iter().map(|(name, value)| (name, value.expose())));
            let target = if origin.starts_with("https://") { "https:" } else { &origin };
            let policy = format!(
                "default-src 'none'; script-src {SUBMIT_HASH}; form-action {target}; \
                 base-uri 'none'; frame-ancestors 'none'"
            );
            let policy = HeaderValue::from_str(&policy).map_err(|_| RedirectError::Address)?;
            let mut response = Response::new(page);
            let headers = response.headers_mut();
            headers.insert(CONTENT_SECURITY_POLICY, policy);
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
            response
        }
        _ => return Err(RedirectError::Method),
    };
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    Ok(response)
}

/// The one script of the page, and its hash for the policy. A test holds the two together. The
/// method is taken from its prototype, because a field called `submit` would hide the form's own.
const SUBMIT: &str = "HTMLFormElement.prototype.submit.call(document.forms[0])";
const SUBMIT_HASH: &str = "'sha512-UOOIX2Y4uo7ozlI5DabuV4btQMljv3BiXvHwWMwMSrm9+8UHQPqoMjqkOWj+jvFzjg2+d1AoYzs3AjaOzCk87w=='";

/// Scheme and host, as a content security policy names them.
fn origin(url: &str) -> Result<String, RedirectError> {
    let uri: Uri = url.parse().map_err(|_| RedirectError::Address)?;
    let (Some(scheme @ ("http" | "https")), Some(authority)) = (uri.scheme_str(), uri.authority())
    else {
        return Err(RedirectError::Address);
    };
    match authority.as_str() {
        name if name.contains('@') => Err(RedirectError::Credentials),
        name if is_plain(authority) && url.bytes().all(|byte| byte.is_ascii_graphic()) => {
            Ok(format!("{scheme}://{name}"))
        }
        _ => Err(RedirectError::Address),
    }
}

fn with_query<'f>(url: &str, fields: impl Iterator<Item = (&'f String, &'f String)>) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    if query.is_empty() {
        return url.to_owned();
    }
    let (url, fragment) = url.split_once('#').map_or((url, None), |(url, f)| (url, Some(f)));
    let separator = if url.contains('?') { '&' } else { '?' };
    match fragment {
        None => format!("{url}{separator}{query}"),
        Some(fragment) => format!("{url}{separator}{query}#{fragment}"),
    }
}

fn form<'f>(url: &str, fields: impl Iterator<Item = (&'f String, &'f String)>) -> String {
    let mut page = String::from("<!doctype html>\n<html><head><meta charset=\"utf-8\">");
    page.push_str("<title>Redirecting</title></head>\n<body><form method=\"post\" action=\"");
    escape(&mut page, url);
    page.push_str("\">\n");
    for (name, value) in fields {
        page.push_str("<input type=\"hidden\" name=\"");
        escape(&mut page, name);
        page.push_str("\" value=\"");
        escape(&mut page, value);
        page.push_str("\">\n");
    }
    page.push_str("<noscript><button>Continue</button></noscript>\n</form>\n<script>");
    page.push_str(SUBMIT);
    page.push_str("</script></body></html>\n");
    page
}

/// Text inside a quoted attribute. Line breaks are written as references, because a browser
/// changes bare ones.
fn escape(page: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '&' | '<' | '>' | '"' | '\'' | '\r' | '\n' => {
                // Writing to a String cannot fail.
                let _ = write!(page, "&#{};", u32::from(character));
            }
            other => page.push(other),
        }
    }
}
