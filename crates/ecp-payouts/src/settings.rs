//! Settings of a run.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use ecp_core::{Clock, SystemClock};
use ecp_transport::SendPolicy;

/// Settings of a run.
#[derive(Clone, Debug)]
pub struct Settings {
    pub(crate) policy: SendPolicy,
    pub(crate) not_found_after: Duration,
    pub(crate) at_work: NonZeroUsize,
    pub(crate) first_question: Option<Duration>,
    pub(crate) patience: Option<Duration>,
    pub(crate) grace: Duration,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) shared_journal: bool,
}

impl Settings {
    /// The defaults; each setter documents its own.
    pub fn new() -> Self {
        Self {
            policy: SendPolicy::new(),
            not_found_after: Duration::from_mins(5),
            at_work: AT_WORK,
            first_question: None,
            patience: None,
            grace: Duration::from_secs(10),
            clock: Arc::new(SystemClock),
            shared_journal: false,
        }
    }

    /// Sets the policy for sending, and its pace. Its deadline and its evidence settings have no
    /// effect here: a row has the time that its evidence takes.
    pub fn policy(self, policy: SendPolicy) -> Self {
        Self { policy, ..self }
    }

    /// Sets the time after a send that may have arrived, from which on the platform's signed answer
    /// that it does not know the payment proves that it did not. 5 minutes by default.
    pub fn not_found_after(self, time: Duration) -> Self {
        Self { not_found_after: time, ..self }
    }

    /// Sets the number of rows in progress at once, including those that wait for their end. 1000
    /// by default.
    pub fn at_work(self, rows: NonZeroUsize) -> Self {
        Self { at_work: rows, ..self }
    }

    /// Sets the time from a payout's request to the first status request, also of a next run and
    /// where the answer to the request was lost; each next pause is half as long again, up to five
    /// minutes. By default the base time of its method, before which the platform recommends no
    /// status request (sources: waiting), or 30 seconds. A shorter time is for a sandbox.
    pub fn first_question(self, time: Duration) -> Self {
        Self { first_question: Some(time), ..self }
    }

    /// Sets the time to wait for the end of a registered payout, at least until the first status
    /// request. By default the cut-off time of its method, after which the platform declines it, or
    /// 30 minutes. One that takes longer is unknown until the next run.
    pub fn patience(self, time: Duration) -> Self {
        Self { patience: Some(time), ..self }
    }

    /// Sets the time that rows in progress may take after a stop. 10 seconds by default.
    pub fn grace(self, time: Duration) -> Self {
        Self { grace: time, ..self }
    }

    /// Sets whether the journal has payouts of other files too. By default a run is refused if none
    /// of the sent payouts is in the file ([`JournalError::OtherFile`](crate::JournalError)): its
    /// ids may have been changed.
    pub fn shared_journal(self, is_shared: bool) -> Self {
        Self { shared_journal: is_shared, ..self }
    }

    /// Sets the clock for the send times in the journal and their age, for tests. Pauses and deadlines
    /// keep the machine's clock. [`SystemClock`](ecp_core::SystemClock) by default.
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self::new()
    }
}

const AT_WORK: NonZeroUsize = NonZeroUsize::new(1000).expect("1000 is not zero");
