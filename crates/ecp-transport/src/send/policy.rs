//! Settings of a sender: limits and evidence. The decisions are in `retry`.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::retry_policy::{A_YEAR, RetryPolicy};

/// Policy of a [`Sender`](super::Sender): which answers count as evidence, how many requests are
/// made, and how often and how long a request is tried.
///
/// The platform documents neither limits nor a schedule (sources: sending), so each of them is a
/// setting with a careful default.
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
    /// Makes a policy with the default values, which each setter documents.
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

    /// Sets how often and how long a call retries its request, and the budget for retries.
    pub fn retry(self, retry: RetryPolicy) -> Self {
        Self { retry, ..self }
    }

    /// Sets only the [deadline](RetryPolicy::deadline) of the [`RetryPolicy`].
    pub fn deadline(self, deadline: Duration) -> Self {
        Self { retry: self.retry.deadline(deadline), ..self }
    }

    /// Sets how long after a send of unknown outcome the platform's signed answer "payment not
    /// known" proves that the request did not arrive; a year at most. Before that time, the request
    /// may still be on its way. 5 minutes by default, which is longer than most calls: a call then
    /// ends with an unknown outcome and is resumed later.
    pub fn not_found_after(self, time: Duration) -> Self {
        Self { not_found_after: time.min(A_YEAR), ..self }
    }

    /// Sets the HTTP statuses that prove that nothing was registered, such as 429 and 503 if a
    /// proxy is known to answer with them before it passes a request on. The platform documents
    /// none, so the default is empty, and after each such status the payment's status is requested.
    pub fn retryable_statuses(self, statuses: impl IntoIterator<Item = u16>) -> Self {
        Self { retryable_statuses: statuses.into_iter().collect(), ..self }
    }

    /// Sets whether a call with a send that may have arrived waits for the budget, up to its
    /// deadline, rather than end with an unknown outcome. Answers to other calls refill the budget.
    /// This is for background jobs; off by default.
    pub fn wait_for_budget(self, wait: bool) -> Self {
        Self { waits_for_budget: wait, ..self }
    }

    /// Sets whether [`Sender::clarify`](super::Sender::clarify) repeats a request that may have
    /// arrived. The documents allow several answers while the platform asks, and do not say what
    /// happens to an answer that comes later (sources: clarification). Off by default.
    pub fn repeat_clarifications(self, repeat: bool) -> Self {
        Self { repeats_clarifications: repeat, ..self }
    }

    /// Sets the maximum number of requests at once, status requests included. 16 by default.
    pub fn concurrency(self, requests: NonZeroU32) -> Self {
        Self { concurrency: requests, ..self }
    }

    /// Sets the maximum number of requests per second, status requests included; `None` for no
    /// limit. 50 by default.
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
