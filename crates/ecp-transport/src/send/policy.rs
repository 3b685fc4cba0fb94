//! Settings of a sender: limits and evidence. The decisions are in `retry`.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::retry_policy::{A_YEAR, RetryPolicy};

/// Policy of a [`Sender`](super::Sender): what counts as evidence, how many requests it makes,
/// and how often and how long it tries.
///
/// The platform documents neither limits nor a schedule (sources: sending), so all of it is a
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
    /// The defaults; each setter documents its own.
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

    /// How often and how long a call tries, and the budget for it.
    pub fn retry(self, retry: RetryPolicy) -> Self {
        Self { retry, ..self }
    }

    /// Sets the [deadline](RetryPolicy::deadline) of [`retry`](Self::retry) alone.
    pub fn deadline(self, deadline: Duration) -> Self {
        Self { retry: self.retry.deadline(deadline), ..self }
    }

    /// Time after the end of an ambiguous send from which on the platform's signed answer that it
    /// does not know the payment proves that the request did not arrive; a year at most. Before
    /// that, the request may still be on its way. 5 minutes by default, which is longer than most
    /// calls: a call then ends with an unknown outcome and is resumed later.
    pub fn not_found_after(self, time: Duration) -> Self {
        Self { not_found_after: time.min(A_YEAR), ..self }
    }

    /// HTTP statuses that prove that nothing was registered, such as 429 and 503 where a proxy is
    /// known to answer so before it passes a request on. The platform documents none, so the
    /// default is empty, and after each of them the payment's status is requested.
    pub fn retryable_statuses(self, statuses: impl IntoIterator<Item = u16>) -> Self {
        Self { retryable_statuses: statuses.into_iter().collect(), ..self }
    }

    /// Lets a call whose send may have arrived wait for the budget, up to its deadline, rather than
    /// end with an unknown outcome. Answers to other calls refill the budget. For background jobs;
    /// off by default.
    pub fn wait_for_budget(self, wait: bool) -> Self {
        Self { waits_for_budget: wait, ..self }
    }

    /// Lets [`Sender::clarify`](super::Sender::clarify) send an answer again that may have arrived.
    /// The documents allow several answers while the platform asks, and do not say what becomes of
    /// one that comes when it no longer does (sources: clarification); off by default.
    pub fn repeat_clarifications(self, repeat: bool) -> Self {
        Self { repeats_clarifications: repeat, ..self }
    }

    /// Maximum number of requests at once, status requests included. 16 by default.
    pub fn concurrency(self, requests: NonZeroU32) -> Self {
        Self { concurrency: requests, ..self }
    }

    /// Maximum number of requests per second, status requests included, `None` for no limit. 50 by
    /// default.
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
