//! Settings of a run.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use ecp_core::{Clock, SystemClock};
use ecp_transport::SendPolicy;

/// Settings of a run of a [`Payer`](crate::Payer), such as the number of rows at once and the
/// longest wait for a result.
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
    /// Returns the default settings of a run: 1000 rows at once, waits by the times that the
    /// documents give for the payment method, 10 seconds for rows in progress after a stop, and a
    /// journal that no other file uses. Each setter changes one of these.
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

    /// Sets how requests are sent: how many at once and per second, and how often one is tried
    /// again. The default is [`SendPolicy::new`]. The policy's `deadline`, `not_found_after` and
    /// `wait_for_budget` have no effect here: a row takes the time that its status requests need.
    pub fn policy(self, policy: SendPolicy) -> Self {
        Self { policy, ..self }
    }

    /// Sets the time after which a request of unknown outcome counts as not arrived, if the
    /// platform's signed answer says that it does not know the payment. 5 minutes by default:
    /// before that, the request may still be on its way. Only payouts are sent again then. No
    /// answer says that a refund does not exist: for a refund whose answer was lost, this is how
    /// long a run looks for it in the payment's status.
    pub fn not_found_after(self, time: Duration) -> Self {
        Self { not_found_after: time, ..self }
    }

    /// Sets the maximum number of rows in progress at once, including rows that wait for their
    /// final result; 1000 by default. Further rows wait until one of these has ended.
    pub fn at_work(self, rows: NonZeroUsize) -> Self {
        Self { at_work: rows, ..self }
    }

    /// Sets the time from the request of a payout or refund to the first status request about it,
    /// also if the answer to the request was lost. The next run counts this time from the send that
    /// the journal has recorded, and adds up to a minute. Each following pause is half as long
    /// again, up to five minutes.
    ///
    /// The default is the base time of the payment method, before which the platform recommends no
    /// status request (sources: waiting), or 30 seconds if the method has none. A shorter time is
    /// for a sandbox.
    pub fn first_question(self, time: Duration) -> Self {
        Self { first_question: Some(time), ..self }
    }

    /// Sets how long a run waits at most for the final result of a registered payout or refund. It
    /// waits at least until the first status request. The default is the cut-off time of the
    /// payment method, after which the platform declines the payout, or 30 minutes if the method
    /// has none. A payout or refund that takes longer stays [registered](crate::State::Registered)
    /// and counts as unknown ([`Counts::unknown`](crate::Counts::unknown)) until the next run.
    pub fn patience(self, time: Duration) -> Self {
        Self { patience: Some(time), ..self }
    }

    /// Sets the time that rows in progress may still take after the run was stopped
    /// ([`Stop`](crate::Stop)); 10 seconds by default. After that they are left as if the process
    /// had ended, and the next run requests their status.
    pub fn grace(self, time: Duration) -> Self {
        Self { grace: time, ..self }
    }

    /// Sets whether the journal is shared with other files of payouts; `false` by default. With
    /// `false`, a run is refused if the file has none of the rows that the journal records as sent
    /// ([`JournalError::OtherFile`](crate::JournalError)), because the ids in the file may have
    /// been changed. With `true`, such a file is paid.
    pub fn shared_journal(self, is_shared: bool) -> Self {
        Self { shared_journal: is_shared, ..self }
    }

    /// Sets the clock for the send times in the journal and their age, for tests:
    /// [`SystemClock`](ecp_core::SystemClock) by default. Pauses and deadlines always use the
    /// machine's clock.
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
