//! What the handlers of the pages share.

use std::ops::Deref;
use std::path::PathBuf;
use std::sync::Arc;

use ecp_core::{Clock, Timestamp};
use ecp_inbox::{Confirm, Inbox};
#[cfg(feature = "postgres")]
use ecp_payouts::postgres::PostgresJournalReader;

use crate::action::{Action, ActionLog, Event, Operator};
use crate::reconciliation::Comparisons;

/// The settings of a [`Console`](crate::Console), for its handlers.
#[derive(Clone)]
pub(crate) struct Shared(Arc<Parts>);

pub(crate) struct Parts {
    /// Path of the first page, without a slash at its end.
    pub(crate) base: String,
    pub(crate) inbox: Option<Arc<dyn Inbox>>,
    pub(crate) journals: Vec<PathBuf>,
    #[cfg(feature = "postgres")]
    pub(crate) shared: Vec<PostgresJournalReader>,
    pub(crate) reports: Vec<PathBuf>,
    /// `None` if no comparison can be started.
    pub(crate) comparisons: Option<Comparisons>,
    pub(crate) gate: Option<Arc<dyn Confirm>>,
    pub(crate) changes: bool,
    /// Flags that select the inbox in suggested commands, with a space before them.
    pub(crate) flags: String,
    pub(crate) log: Option<ActionLog>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Shared {
    pub(crate) fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }
}

impl Deref for Shared {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl Parts {
    /// Whether there are pages of payout jobs.
    pub(crate) fn has_jobs(&self) -> bool {
        #[cfg(feature = "postgres")]
        if !self.shared.is_empty() {
            return true;
        }
        !self.journals.is_empty()
    }

    /// Whether there are pages of reconciliations.
    pub(crate) fn has_reconciliation(&self) -> bool {
        !self.reports.is_empty() || self.comparisons.is_some()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.timestamp()
    }

    /// Logs what an operator did or asked for, and calls the function of
    /// [`Console::on_event`](crate::Console::on_event).
    pub(crate) fn report(&self, operator: Option<&Operator>, action: Action) {
        let event = Event { at: self.now(), operator: operator.cloned(), action };
        event.trace();
        if let Some(log) = &self.log {
            log(&event);
        }
    }
}
