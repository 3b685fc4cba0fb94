//! Parts that all pages share: their responses, their permissions in browsers, and the files that
//! they load.
//!
//! Pages hold no script and no style of their own. Both come from this server, under addresses
//! that change with their content, and the content security policy allows nothing else.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::LazyLock;

use askama::Template;
use axum::Router;
use axum::extract::Path;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use http::{HeaderName, HeaderValue, StatusCode, header};
use url::Url;

pub(crate) fn routes() -> Router {
    Router::new()
        .route("/assets/{name}", get(asset))
        .route("/shared/{name}", get(shared))
        .route("/favicon.ico", get(favicon))
}

/// A static file that pages load, such as a style sheet or a script.
pub(crate) struct Asset {
    name: &'static str,
    media_type: &'static str,
    content: &'static str,
}

macro_rules! asset {
    ($file:literal, $media_type:literal) => {
        Asset {
            name: $file,
            media_type: $media_type,
            content: include_str!(concat!("assets/", $file)),
        }
    };
}

const STYLE: Asset = asset!("sandbox.css", "text/css; charset=utf-8");
const DASHBOARD_STYLE: Asset = asset!("dashboard.css", "text/css; charset=utf-8");
const PAGE_SCRIPT: Asset = asset!("page.js", "text/javascript; charset=utf-8");
const DASHBOARD_SCRIPT: Asset = asset!("dashboard.js", "text/javascript; charset=utf-8");
const ICON: Asset = asset!("icon.svg", "image/svg+xml");

/// Files that merchants' pages load, under the platform's own names.
const SHARED: [Asset; 2] = [
    asset!("merchant.js", "text/javascript; charset=utf-8"),
    asset!("merchant.css", "text/css; charset=utf-8"),
];

/// The assets with the hashes of their content, by which their addresses change.
static ASSETS: LazyLock<Vec<(String, Asset)>> = LazyLock::new(|| {
    let assets = [STYLE, DASHBOARD_STYLE, PAGE_SCRIPT, DASHBOARD_SCRIPT, ICON];
    assets.map(|asset| (asset.versioned_name(), asset)).into()
});

impl Asset {
    /// `sandbox-1f2e3d4c.css`
    fn versioned_name(&self) -> String {
        let mut hasher = DefaultHasher::new();
        self.content.hash(&mut hasher);
        let (stem, ending) = self.name.split_once('.').unwrap_or((self.name, ""));
        format!("{stem}-{:08x}.{ending}", hasher.finish() >> 32)
    }

    fn response(&self, cache: &'static str) -> Response {
        let headers = [
            (header::CONTENT_TYPE, self.media_type),
            (header::CACHE_CONTROL, cache),
            (HeaderName::from_static("cross-origin-resource-policy"), "cross-origin"),
        ];
        (headers, self.content).into_response()
    }
}

/// Returns the URL path of a static file, for templates.
pub(crate) fn asset_url(name: &str) -> String {
    let found = ASSETS.iter().find(|(_, asset)| asset.name == name);
    found.map(|(versioned, _)| format!("/assets/{versioned}")).unwrap_or_default()
}

async fn asset(Path(name): Path<String>) -> Response {
    match ASSETS.iter().find(|(versioned, _)| *versioned == name) {
        Some((_, asset)) => asset.response("public, max-age=31536000, immutable"),
        None => missing(),
    }
}

async fn shared(Path(name): Path<String>) -> Response {
    match SHARED.iter().find(|asset| asset.name == name) {
        Some(asset) => asset.response("no-cache"),
        None => missing(),
    }
}

async fn favicon() -> Response {
    ICON.response("public, max-age=3600")
}

/// Permissions of a page in a browser. By default a page may load only this server's style sheets
/// and images.
#[derive(Clone, Debug, Default)]
pub(crate) struct Policy {
    script: bool,
    framed: bool,
    actions: BTreeSet<String>,
}

impl Policy {
    /// Allows this server's scripts to run, and to load data from this server.
    pub(crate) fn script(self) -> Self {
        Self { script: true, ..self }
    }

    /// Sets whether merchants' pages may show the page in a frame.
    pub(crate) fn framed(self, framed: bool) -> Self {
        Self { framed, ..self }
    }

    /// Allows the page's forms to lead to these URLs too. Browsers apply this limit also to
    /// redirects after a form.
    pub(crate) fn leads_to<'u>(mut self, urls: impl IntoIterator<Item = &'u str>) -> Self {
        self.actions.extend(urls.into_iter().filter_map(origin));
        self
    }

    fn text(&self) -> String {
        let script = if self.script { "script-src 'self'; connect-src 'self'; " } else { "" };
        let mut actions = "'self'".to_owned();
        for action in &self.actions {
            actions.push(' ');
            actions.push_str(action);
        }
        let ancestors = if self.framed { "http: https:" } else { "'none'" };
        format!(
            "default-src 'none'; style-src 'self'; img-src 'self'; {script}form-action {actions}; \
             base-uri 'none'; frame-ancestors {ancestors}"
        )
    }
}

/// `https://shop.example:8443`, or `shop:` for an application; nothing that could end a directive of
/// the policy.
fn origin(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_[]:".contains(&byte);
    let scheme = url.scheme();
    if !matches!(scheme, "http" | "https") {
        return Some(format!("{scheme}:"));
    }
    let host = url.host_str().filter(|host| host.bytes().all(plain))?;
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    Some(format!("{scheme}://{host}{port}"))
}

/// Returns an answer with this page as HTML.
pub(crate) fn html(status: StatusCode, page: &impl Template, policy: &Policy) -> Response {
    let Ok(text) = page.render() else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    let Ok(policy) = HeaderValue::try_from(policy.text()) else { return missing() };
    let headers: [(HeaderName, HeaderValue); 3] = [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        // Not `no-referrer`, under which browsers do not say where a form comes from.
        (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    ];
    (status, headers, Html(text)).into_response()
}

/// Returns an answer that redirects the browser to this URL with `GET` (HTTP status 303).
pub(crate) fn see_other(target: &str) -> Response {
    // A header takes no letters beyond ASCII: hosts have another form of them, paths are encoded.
    let location = match Url::parse(target) {
        Ok(url) if !target.is_ascii() => HeaderValue::try_from(url.as_str()),
        _ => HeaderValue::try_from(target),
    };
    match location {
        Ok(location) => (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response(),
        Err(_) => missing(),
    }
}

#[derive(Template)]
#[template(path = "missing.html")]
struct Missing;

pub(crate) fn missing() -> Response {
    html(StatusCode::NOT_FOUND, &Missing, &Policy::default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_lets_the_customer_return_and_nothing_else() {
        let urls = ["https://shop.example:8443/ok?x=1", "http://[::1]/", "https://a;b.example/"];
        assert_eq!(
            Policy::default().leads_to(urls).text(),
            "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self' \
             http://[::1] https://shop.example:8443; base-uri 'none'; frame-ancestors 'none'"
        );
        let framed = Policy::default().script().framed(true).text();
        assert!(framed.contains("script-src 'self'; connect-src 'self';"), "{framed}");
        assert!(framed.ends_with("frame-ancestors http: https:"), "{framed}");
        assert!(!framed.contains("unsafe"), "{framed}");
    }

    #[test]
    fn an_asset_has_the_address_of_its_content() {
        for (versioned, asset) in ASSETS.iter() {
            assert_eq!(asset_url(asset.name), format!("/assets/{versioned}"));
            assert_ne!(*versioned, asset.name);
        }
    }
}
