//! The receiver as a part of an axum application.

use axum::Router;

use crate::receiver::Receiver;

impl Receiver {
    /// A router with the receiver at a path, for you to merge with your own or to serve as it is.
    ///
    /// `check_deposit` is answered there too, if [confirmations](Receiver::confirmations) are
    /// set. Where the platform asks at an address of its own, merge two routers:
    ///
    /// ```
    /// # fn routes(receiver: ecp_notify::Receiver) -> axum::Router {
    /// receiver.clone().into_router("/callbacks").merge(receiver.into_router("/confirmations"))
    /// # }
    /// ```
    ///
    /// `axum::serve` waits for a request's head as long as it takes; see
    #[cfg_attr(feature = "server", doc = "[`Server`](crate::Server)")]
    #[cfg_attr(not(feature = "server"), doc = "the feature `server`")]
    /// for an endpoint without a proxy in front.
    ///
    /// # Panics
    ///
    /// As `axum::Router::route_service`, if the path does not begin with a slash.
    pub fn into_router(self, path: &str) -> Router {
        Router::new().route_service(path, self)
    }
}
