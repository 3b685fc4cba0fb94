//! Settings of a sender: limits and evidence. The decisions are in `retry`.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::retry_policy::{A_YEAR, RetryPolicy};

/// Policy of a [`Sender`](super::Sender): which answers prove that a request did not arrive, how
/// many requests are made at once and per second, and how often and how long a request is tried.
///
/// The platform documents no limits on requests and no schedule of retries (sources: sending), so
/// each of these is a setting with a careful default.
#[derive(Clone, Debug)]
pub struct SendPolicy {
    pub(super) retry: RetryPolicy,
    pub(super) not_found_after: Duration,
    pub(super) retryable_statuses: Vec<u16>,
    pub(super) waits_for_budget: bool,
    pub(super) repeats_clarifications: bool,
    pub(super) concurrency: NonZeroU32,
    pub(super) rate: Option<NonZeroU32>,
}

impl SendPolicy {
    /// Makes a policy with the default values: retries as in [`RetryPolicy::new`], 16 requests at
    /// once, 50 requests per second, and 5 minutes until the platform's answer that it does not
    /// know a payment proves that its request did not arrive. Each setter changes one of these.
    pub fn new() -> Self {
        Self {
            retry: RetryPolicy::new(),
            not_found_after: Duration::from_mins(5),
            retryable_statuses: Vec::new(),
            waits_for_budget: false,
            repeats_clarifications: false,
            concurrency: AT_ONCE,
            rate: Some(A_SECOND),
        }
    }

    /// Sets how often and how long a call retries its request, and the budget for retries. By
    /// default this is [`RetryPolicy::new`]: up to 4 sends within 1 minute.
    pub fn retry(self, retry: RetryPolicy) -> Self {
        Self { retry, ..self }
    }

    /// Sets the maximum duration of a call, 1 minute by default, as [`RetryPolicy::deadline`] does.
    /// After it, the call ends with an error that says what is known of the request. The rest of
    /// the [`RetryPolicy`] stays as it is.
    pub fn deadline(self, deadline: Duration) -> Self {
        Self { retry: self.retry.deadline(deadline), ..self }
    }

    /// Sets the time that must pass after a send of unknown outcome before the platform's signed
    /// answer that it does not know the payment proves that the request did not arrive; 5 minutes
    /// by default, a year at most. Before that time, the request may still be on its way. The
    /// default is longer than most calls: such a call ends with an unknown outcome, and
    /// [`Sender::resume`](super::Sender::resume) continues it later.
    pub fn not_found_after(self, time: Duration) -> Self {
        Self { not_found_after: time.min(A_YEAR), ..self }
    }

    /// Sets the HTTP statuses of an answer that prove that nothing was registered, so that the
    /// request is sent again, a refund or a capture too. Examples are 429 and 503, if a proxy is
    /// known to answer with them before it passes a request on. The platform documents none, so
    /// there are none by default. After an unexpected HTTP status that is not in this list, the
    /// status of a new payment is requested first; a request about an existing payment, such as a
    /// refund, ends with an unknown outcome.
    ///
    /// If attempts, budget or deadline allow no further send, the call ends with an unknown outcome
    /// here too, and no status is requested. An answer with a status 4xx counts only if it has no
    /// error code of the platform; otherwise the code decides.
    pub fn retryable_statuses(self, statuses: impl IntoIterator<Item = u16>) -> Self {
        Self { retryable_statuses: statuses.into_iter().collect(), ..self }
    }

    /// Sets what a call does when its request for a new payment may have arrived and the retry
    /// budget is empty. With `true`, it waits, up to its deadline, until other calls have refilled
    /// the budget, and then requests the status; use this for background jobs. With `false`, the
    /// default, it ends with an unknown outcome. A request that certainly did not arrive never
    /// waits for the budget.
    pub fn wait_for_budget(self, wait: bool) -> Self {
        Self { waits_for_budget: wait, ..self }
    }

    /// Sets whether [`Sender::clarify`](super::Sender::clarify), which sends the fields that the
    /// platform asked for before a payment goes on, repeats a request that may have arrived. With
    /// `false`, the default, such a call ends with an unknown outcome. The documents allow several
    /// answers while the platform asks, and do not say what happens to one that comes later
    /// (sources: clarification).
    pub fn repeat_clarifications(self, repeat: bool) -> Self {
        Self { repeats_clarifications: repeat, ..self }
    }

    /// Sets the maximum number of requests that a sender and its clones make at once, status
    /// requests included. 16 by default, in each process. Further requests wait for their turn,
    /// until the deadline of their call.
    pub fn concurrency(self, requests: NonZeroU32) -> Self {
        Self { concurrency: requests, ..self }
    }

    /// Sets the maximum number of requests that a sender and its clones make per second, status
    /// requests included; `None` for no limit. 50 by default, in each process. Further requests
    /// wait for their turn, until the deadline of their call.
    /// [`Sender::shared_limits`](super::Sender::shared_limits) makes it one limit for several
    /// processes.
    pub fn rate(self, requests: Option<NonZeroU32>) -> Self {
        Self { rate: requests, ..self }
    }
}

impl Default for SendPolicy {
    fn default() -> Self {
        Self::new()
    }
}

const AT_ONCE: NonZeroU32 = NonZeroU32::new(16).expect("16 is not zero");
const A_SECOND: NonZeroU32 = NonZeroU32::new(50).expect("50 is not zero");
