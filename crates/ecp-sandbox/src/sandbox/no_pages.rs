//! Answers at the addresses of pages in a build without the feature `pages`.

use axum::Router;
use axum::routing::any;
use http::StatusCode;

use crate::engine::Engine;

/// Substitute for the pages of a sandbox that was built without the feature `pages`.
#[derive(Clone)]
pub(super) struct Pages;

impl Pages {
    pub(super) fn new(_: &Engine) -> Self {
        Self
    }

    /// Routes of the addresses of all pages, which answer that the pages were not built.
    #[expect(clippy::unused_self, reason = "the pages themselves have state")]
    pub(super) fn routes(&self) -> Router {
        let paths = ["/dashboard", "/payment", "/provider"];
        paths.into_iter().fold(Router::new(), |router, path| {
            router.route(path, any(not_built)).route(&format!("{path}/{{*rest}}"), any(not_built))
        })
    }
}

async fn not_built() -> (StatusCode, &'static str) {
    (
        StatusCode::NOT_FOUND,
        "there is no page here: ecp-sandbox was built without the feature `pages`. POST to \
         /sandbox/payments/{project}/{id}/decision decides a payment\n",
    )
}
