//! The key to the console's pages.
//!
//! Everybody on this machine can connect to its loopback addresses, and pages of other sites can
//! send requests there. So the address with a random key, which is printed once, gives a browser a
//! cookie, and without it nothing is served.

use std::fmt::Write as _;
use std::sync::Arc;

use anyhow::anyhow;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};

/// A random key, for the life of this process.
#[derive(Clone)]
pub(super) struct Login(Arc<str>);

const COOKIE: &str = "ecp_console";

const CLOSED: &str = "open the address that `ecp console` has printed: it holds the key to these \
                      pages. After a restart, the key is another one";

impl Login {
    pub(super) fn new() -> anyhow::Result<Self> {
        let mut bytes = [0_u8; 24];
        getrandom::fill(&mut bytes)
            .map_err(|error| anyhow!(
                "cannot make the key to the pages, because the system gives no random numbers: {error}; \
                 run the command again"
            ))?;
        let mut key = String::new();
        for byte in bytes {
            // Writing to text does not fail.
            let _ = write!(key, "{byte:02x}");
        }
        Ok(Self(key.into()))
    }

    pub(super) fn key(&self) -> &str {
        &self.0
    }

    /// Serves the router's pages only to browsers that have opened the address with the key.
    pub(super) fn guard(self, router: Router) -> Router {
        router.layer(middleware::from_fn_with_state(self, check))
    }

    fn is_key(&self, given: &str) -> bool {
        // The time that it takes says nothing about the key.
        let differing = given.bytes().zip(self.0.bytes()).fold(0, |sum, (a, b)| sum | (a ^ b));
        given.len() == self.0.len() && differing == 0
    }

    fn is_in_cookie(&self, headers: &HeaderMap) -> bool {
        let cookies =
            headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let pairs = cookies.flat_map(|cookies| cookies.split(';'));
        let name = cookie_name(headers);
        let keys = pairs.filter_map(|pair| pair.trim().strip_prefix(&*name)?.strip_prefix('='));
        keys.into_iter().any(|key| self.is_key(key))
    }
}

/// The cookie's name, with the port that the browser uses: browsers send the cookies of a host to
/// each of its ports, and a second console would replace the cookie of the first.
fn cookie_name(headers: &HeaderMap) -> String {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let port = host.and_then(|host| host.parse::<Authority>().ok()?.port_u16());
    port.map_or_else(|| COOKIE.to_owned(), |port| format!("{COOKIE}_{port}"))
}

async fn check(State(login): State<Login>, request: Request, next: Next) -> Response {
    let uri = request.uri();
    let query = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    let key = query.into_iter().find(|(name, _)| name == "key").map(|(_, key)| key);
    if key.is_some_and(|key| login.is_key(&key)) {
        // The key leaves the address bar, also of a browser with the cookie, and no other site can
        // use the cookie.
        let name = cookie_name(request.headers());
        let cookie = format!("{name}={}; Path=/; HttpOnly; SameSite=Strict", login.key());
        let rest = query.into_iter().filter(|(name, _)| name != "key");
        let rest = form_urlencoded::Serializer::new(String::new()).extend_pairs(rest).finish();
        let mark = if rest.is_empty() { "" } else { "?" };
        let headers = [
            (header::LOCATION, format!("{}{mark}{rest}", uri.path())),
            (header::SET_COOKIE, cookie),
            (header::CACHE_CONTROL, "no-store".to_owned()),
            (header::REFERRER_POLICY, "no-referrer".to_owned()),
        ];
        return (StatusCode::SEE_OTHER, headers).into_response();
    }
    if login.is_in_cookie(request.headers()) {
        return next.run(request).await;
    }
    let headers =
        [(header::CACHE_CONTROL, "no-store"), (header::X_CONTENT_TYPE_OPTIONS, "nosniff")];
    (StatusCode::UNAUTHORIZED, headers, CLOSED).into_response()
}
