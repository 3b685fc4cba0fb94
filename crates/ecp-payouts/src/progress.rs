//! Progress of a run, and its early end.

use std::sync::Arc;

use ecp_core::PaymentId;
use tokio::sync::watch;

use crate::journal::State;

/// Handle that ends a run of a [`Payer`](crate::Payer) early: no further row begins, and rows in
/// progress have some time to finish ([`Settings::grace`](crate::Settings::grace)). Clones stop the
/// same run, and no run of another payer. A stopped handle stays stopped: make a new one for the
/// next run.
///
/// A run also stops by itself, for a cause that other rows share ([`Stop::cause`]):
///
/// - A request, also one for a status, is answered by an error code about the project, its key or
///   the payment method, or by a redirect or a client error (HTTP 4xx, except 408, 409, 425 and
///   429) without a code, as by a wrong base address or a firewall.
/// - A row is declined because of the project, for example its balance. The id of that row is used
///   up; other rows that were sent before may be declined too.
#[derive(Clone, Debug)]
pub struct Stop(watch::Sender<Stopped>);

#[derive(Clone, Debug)]
enum Stopped {
    No,
    ByCaller,
    Because(Arc<str>),
}

impl Stop {
    /// Returns a handle for one run, which is not stopped yet.
    pub fn new() -> Self {
        Self(watch::Sender::new(Stopped::No))
    }

    /// Stops the run of this handle and its clones: no further row begins, and rows in progress
    /// have some time to finish ([`Settings::grace`](crate::Settings::grace)).
    pub fn stop(&self) {
        self.stop_as(Stopped::ByCaller);
    }

    /// Stops the run for a cause that must be fixed before the next run.
    pub(crate) fn stop_because(&self, cause: &str) {
        self.stop_as(Stopped::Because(cause.into()));
    }

    /// The first stop counts.
    fn stop_as(&self, stopped: Stopped) {
        self.0.send_if_modified(|now| {
            let is_first = matches!(now, Stopped::No);
            if is_first {
                *now = stopped;
            }
            is_first
        });
    }

    /// Why the run stopped by itself: the row, the platform's answer and what to fix. `None` if the
    /// run did not stop by itself, or was stopped by [`Stop::stop`] before.
    pub fn cause(&self) -> Option<Arc<str>> {
        match &*self.0.borrow() {
            Stopped::Because(cause) => Some(Arc::clone(cause)),
            Stopped::No | Stopped::ByCaller => None,
        }
    }

    /// Whether the run was stopped, by [`Stop::stop`] or by itself ([`Stop::cause`]).
    pub fn is_stopped(&self) -> bool {
        !matches!(*self.0.borrow(), Stopped::No)
    }

    pub(crate) async fn stopped(&self) {
        // An error means that no handle is left that could stop the run.
        if self.0.subscribe().wait_for(|stopped| !matches!(stopped, Stopped::No)).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Default for Stop {
    fn default() -> Self {
        Self::new()
    }
}

/// Numbers of a run's rows so far by result, such as success or decline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Number of all rows of the file.
    pub rows: u64,
    /// Rows that succeeded: the payout is paid, or the money is refunded.
    pub success: u64,
    /// Rows that were declined: no money has moved, and none will under their ids.
    pub decline: u64,
    /// Rows that ended in an error: nothing says whether money has moved. Ask technical support.
    pub error: u64,
    /// Rows whose outcome is unknown, or whose payout or refund has no final result yet. Run again:
    /// the next run requests their status.
    pub unknown: u64,
    /// Rows that were not sent, or were refused for a cause outside of the row, such as a wrong
    /// key. The next run sends them.
    pub not_sent: u64,
    /// Rows that had succeeded or were declined before this run; the other numbers include them.
    pub before: u64,
}

impl Counts {
    pub(crate) fn add(&mut self, state: State) {
        match state {
            State::Success => self.success += 1,
            State::Decline => self.decline += 1,
            State::Error => self.error += 1,
            State::NotSent => self.not_sent += 1,
            State::Intended | State::Registered | State::Unknown => self.unknown += 1,
        }
    }

    /// Number of rows with any result, of this run or an earlier one. Rows that were not sent and
    /// rows whose outcome is unknown are included.
    pub const fn done(&self) -> u64 {
        self.success + self.decline + self.error + self.unknown + self.not_sent
    }

    /// Whether every row has a final result: a success, a decline or an error. An error counts here
    /// although [`State::is_final`] excludes it: the next run requests its status once more.
    pub const fn is_complete(&self) -> bool {
        self.success + self.decline + self.error == self.rows
    }
}

/// Receiver of a run's progress. It is called after each row, and the run waits for it, so it
/// should be quick.
pub trait Progress: Send + Sync {
    /// Called when the run has finished a row, also one that had ended before the run, with the
    /// row's payment and state and the numbers of all rows. It is not called for rows that a
    /// stopped run did not begin or did not finish: the [`Counts`] of the run's result include
    /// them.
    fn row(&self, payment_id: &PaymentId, state: State, counts: &Counts);
}

impl Progress for () {
    fn row(&self, _: &PaymentId, _: State, _: &Counts) {}
}
