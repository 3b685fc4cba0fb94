//! The Data API.
use axum::Router;

use crate::platform::Sandbox;

pub(crate) fn routes() -> Router<Sandbox> {
    Router::new()
}
