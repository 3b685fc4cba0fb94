//! The receivers as parts of an axum application.

use axum::Router;

use crate::operations_receiver::OperationsReceiver;
use crate::receiver::Receiver;

impl Receiver {
    /// Makes an axum router that receives callbacks at a path, to merge with your own router or to
    /// serve alone.
    ///
    /// It also answers `check_deposit` requests at this path if
    /// [confirmations](Receiver::confirmations) are set. If the platform sends them to another
    /// path, merge two routers:
    ///
    /// ```
    /// # fn routes(receiver: ecp_notify::Receiver) -> axum::Router {
    /// receiver.clone().into_router("/callbacks").merge(receiver.into_router("/confirmations"))
    /// # }
    /// ```
    ///
    /// `axum::serve` has no deadline for a request's head. For an endpoint without a proxy in
    /// front, use `Server` of the feature `server`.
    ///
    /// # Panics
    ///
    /// Panics if the path does not begin with a slash, as `axum::Router::route_service` does.
    pub fn into_router(self, path: &str) -> Router {
        Router::new().route_service(path, self)
    }
}

impl OperationsReceiver {
    /// Makes an axum router that receives pages of operations at a path, to merge with your own
    /// router or to serve alone.
    ///
    /// # Panics
    ///
    /// Panics if the path does not begin with a slash, as `axum::Router::route_service` does.
    pub fn into_router(self, path: &str) -> Router {
        Router::new().route_service(path, self)
    }
}
