//! State of the Dashboard.

use std::sync::Arc;

use axum::extract::FromRef;

use super::batch::Batches;
use super::link::Links;
use super::reports::Reports;
use crate::engine::Engine;

/// State of the Dashboard: the engine, and the objects made on its pages.
#[derive(Clone)]
pub(crate) struct Dashboard {
    pub(crate) engine: Engine,
    pub(crate) batches: Arc<Batches>,
    pub(crate) links: Arc<Links>,
    pub(crate) reports: Arc<Reports>,
}

impl Dashboard {
    pub(crate) fn new(engine: Engine) -> Self {
        Self { engine, batches: Arc::default(), links: Arc::default(), reports: Arc::default() }
    }
}

impl FromRef<Dashboard> for Engine {
    fn from_ref(dashboard: &Dashboard) -> Self {
        dashboard.engine.clone()
    }
}
