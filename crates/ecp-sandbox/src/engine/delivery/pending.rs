//! Deliveries that have not ended, as the state file keeps them.

use std::collections::{BTreeMap, BTreeSet};

use super::message::Message;
use crate::engine::events::RawBody;
use crate::payment::ids::About;

/// The deliveries that have not ended. Without a state file they are only counted.
#[derive(Default)]
pub(crate) struct Pendings {
    pub(crate) is_kept: bool,
    /// Number of deliveries so far.
    pub(crate) count: u64,
    pub(crate) open: BTreeMap<u64, Pending>,
    /// Number of waits so far.
    pub(crate) waits: u64,
    /// The deliveries that have changed since the state file was written.
    pub(crate) touched: BTreeSet<u64>,
}

/// The rest of a delivery.
#[cfg_attr(not(feature = "state"), expect(dead_code, reason = "the state file has it"))]
pub(crate) struct Pending {
    pub(crate) about: About,
    pub(crate) message: Message,
    pub(crate) url: Option<String>,
    pub(crate) body: RawBody,
    pub(crate) lost: bool,
    pub(crate) delay: std::time::Duration,
    /// Number of attempts so far.
    pub(crate) tried: u32,
    /// The delivery whose first attempt comes before that of this one.
    pub(crate) after: Option<u64>,
    /// Until when a fault keeps it back at most, in milliseconds since 1970.
    pub(crate) kept_until: Option<i64>,
    /// The moment of the next attempt, in milliseconds since 1970; `None` if it waits for another
    /// delivery, or is under way.
    pub(crate) due: Option<i64>,
    /// Its place among the deliveries that wait, in the order in which they began to.
    pub(crate) place: u64,
}

impl Pendings {
    /// Returns the number of the next delivery.
    pub(crate) const fn next(&mut self) -> u64 {
        self.count += 1;
        self.count
    }

    /// Records a delivery that begins.
    pub(crate) fn begin(&mut self, id: u64, pending: Pending) {
        if self.is_kept {
            self.open.insert(id, Pending { place: self.waits, ..pending });
            self.touched.insert(id);
        }
    }

    /// Changes a delivery that has not ended.
    pub(crate) fn change(&mut self, id: u64, change: impl FnOnce(&mut Pending)) {
        if let Some(pending) = self.open.get_mut(&id) {
            change(pending);
            self.touched.insert(id);
        }
    }

    /// Records that the next attempt of a delivery is due at this moment.
    pub(crate) fn wait(&mut self, id: u64, due: i64) {
        self.waits += 1;
        let place = self.waits;
        self.change(id, |pending| (pending.due, pending.place) = (Some(due), place));
    }

    /// Records that a delivery has ended.
    pub(crate) fn end(&mut self, id: u64) {
        if self.open.remove(&id).is_some() {
            self.touched.insert(id);
        }
    }
}
