//! What the file has of an engine, as the engine and the file exchange it.

use std::collections::HashMap;

use ecp_core::{PaymentId, ProjectId};
use serde::{Deserialize, Serialize};

use crate::engine::events::{Event, RawBody};
use crate::engine::faults::{BookChanges, KeptRule};
use crate::payment::ids::About;

/// What has changed at one moment since the file was written.
pub(super) struct Changes {
    pub(super) whole: String,
    /// Payments as JSON by their numbers; `None` for those that the history has dropped.
    pub(super) payments: Vec<(u64, Option<String>)>,
    /// Deliveries as JSON with their bodies; `None` for those that have ended.
    pub(super) deliveries: Vec<(u64, Option<(String, RawBody)>)>,
    /// Hashes of removed ids.
    pub(super) taken: Vec<u128>,
    pub(super) book: BookChanges,
    pub(super) events: Vec<Event>,
    /// Number of the oldest event in the history; those before it go.
    pub(super) oldest_event: u64,
}

/// What is one of a kind: counters, balances, the clock.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Whole {
    pub(super) requests: u64,
    pub(super) registered: u64,
    pub(super) follow_ups: u64,
    pub(super) pages: u64,
    pub(super) deliveries: u64,
    pub(super) endings: u64,
    pub(super) faults: u64,
    pub(super) events: u64,
    /// Projects, currencies and balances in minor units.
    pub(super) funds: Vec<(u64, String, i64)>,
    /// The fault rules of the configuration, as JSON.
    pub(super) configured: Vec<String>,
    /// Start of virtual time in seconds since 1970, and what has passed since in milliseconds; `None`
    /// if time is the machine's.
    pub(super) virtual_time: Option<(i64, u64)>,
}

/// Everything in a file.
pub(super) struct Kept {
    pub(super) whole: Whole,
    pub(super) payments: Vec<(u64, String)>,
    pub(super) deliveries: Vec<(u64, String, RawBody)>,
    pub(super) taken: Vec<u128>,
    pub(super) rules: Vec<KeptRule>,
    pub(super) draws: HashMap<(u64, About), u64>,
    pub(super) events: Vec<Event>,
}

/// The project and the payment of a row.
pub(super) fn about(project: Option<u64>, payment: Option<String>) -> Result<About, String> {
    let project = project.map(ProjectId::new).transpose().map_err(|error| error.to_string())?;
    let payment = payment.map(PaymentId::new).transpose().map_err(|error| error.to_string())?;
    Ok((project, payment))
}
