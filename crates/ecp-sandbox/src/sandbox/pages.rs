//! The surfaces with pages: checkout, provider and Dashboard.

use std::sync::Arc;

use axum::Router;

use crate::engine::Engine;
use crate::surface::checkout::{Checkout, Sessions};
use crate::surface::dashboard::Dashboard;
use crate::surface::provider::Provider;
use crate::surface::visit::Visits;
use crate::surface::{checkout, dashboard, page, provider};

/// The pages of one sandbox, with their stored state.
#[derive(Clone)]
pub(super) struct Pages {
    engine: Engine,
    sessions: Arc<Sessions>,
    dashboard: Dashboard,
}

impl Pages {
    pub(super) fn new(engine: &Engine) -> Self {
        Self {
            engine: engine.clone(),
            sessions: Arc::new(Sessions::new(engine.config().payment_history)),
            dashboard: Dashboard::new(engine.clone()),
        }
    }

    /// Returns the routes of all pages and of the files that pages load.
    pub(super) fn routes(&self) -> Router {
        let engine = || self.engine.clone();
        let visits: Arc<dyn Visits> = self.sessions.clone();
        let checkout = Checkout { engine: engine(), sessions: Arc::clone(&self.sessions) };
        dashboard::routes()
            .with_state(self.dashboard.clone())
            .merge(checkout::routes().with_state(checkout))
            .merge(provider::routes().with_state(Provider { engine: engine(), visits }))
            .merge(page::routes())
    }
}
