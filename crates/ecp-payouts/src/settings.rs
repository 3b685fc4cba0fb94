//! How a plan is sent.

use std::num::NonZeroUsize;
use std::time::{Duration, SystemTime};

use ecp_transport::SendPolicy;

/// How a plan is sent.
#[derive(Clone, Debug)]
pub struct Settings {
    pub(crate) policy: SendPolicy,
    pub(crate) not_found_after: Duration,
    pub(crate) at_work: NonZeroUsize,
    pub(crate) first_question: Option<Duration>,
    pub(crate) patience: Option<Duration>,
    pub(crate) grace: Duration,
    pub(crate) clock: fn() -> SystemTime,
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
            clock: SystemTime::now,
            shared_journal: false,
        }
    }

    /// How requests are sent, and at what pace. Its deadline and what it says of evidence count
    /// for nothing here: a row has the time that its evidence takes.
    pub fn policy(self, policy: SendPolicy) -> Self {
        Self { policy, ..self }
    }

    /// How long after a send that may have arrived the platform's signed answer that it does not
    /// know the payment proves that it did not. 5 minutes by default.
    pub fn not_found_after(self, time: Duration) -> Self {
        Self { not_found_after: time, ..self }
    }

    /// How many rows are at work at once, those that wait for their end included. 1000 by default.
    pub fn at_work(self, rows: NonZeroUsize) -> Self {
        Self { at_work: rows, ..self }
    }

    /// How long after its registration a payout is asked about first; each next pause is longer by
    /// half, up to five minutes. By default the average time of its method, or 30 seconds.
    pub fn first_question(self, time: Duration) -> Self {
        Self { first_question: Some(time), ..self }
    }

    /// How long to wait for the end of a payout that is registered. By default the longest time of
    /// its method, or 30 minutes. One that takes longer is unknown until the next run asks again.
    pub fn patience(self, time: Duration) -> Self {
        Self { patience: Some(time), ..self }
    }

    /// How long rows at work may take after a stop. 10 seconds by default.
    pub fn grace(self, time: Duration) -> Self {
        Self { grace: time, ..self }
    }

    /// Whether the journal has payouts of other files too. By default a run is refused where none of
    /// what the journal has sent is in the file ([`JournalError::OtherFile`](crate::JournalError)):
    /// its ids may have been changed.
    pub fn shared_journal(self, is_shared: bool) -> Self {
        Self { shared_journal: is_shared, ..self }
    }

    /// Where times come from, instead of the machine's clock.
    pub fn clock(self, clock: fn() -> SystemTime) -> Self {
        Self { clock, ..self }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self::new()
    }
}

const AT_WORK: NonZeroUsize = NonZeroUsize::new(1000).expect("1000 is not zero");
