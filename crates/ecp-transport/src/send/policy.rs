//! Settings of a sender: limits, pauses and evidence. The decisions are in `retry`.

use std::num::NonZeroU32;
use std::time::Duration;

use super::budget::RetryBudget;
use crate::wait::random_part;

/// Policy of a [`Sender`](super::Sender): what counts as evidence, how often and how long it tries,
/// and how many requests it makes.
///
/// The platform documents neither limits nor a schedule (sources: sending), so all of it is a
/// setting with a careful default.
#[derive(Clone, Debug)]
pub struct SendPolicy {
    pub(crate) deadline: Duration,
    pub(crate) attempts: u32,
    first_pause: Duration,
    longest_pause: Duration,
    pub(super) not_found_after: Duration,
    pub(super) retryable_statuses: Vec<u16>,
    pub(crate) budget: RetryBudget,
    pub(super) waits_for_budget: bool,
    pub(super) concurrency: NonZeroU32,
    pub(super) rate: Option<NonZeroU32>,
}

impl SendPolicy {
    /// The defaults; each setter documents its own.
    pub fn new() -> Self {
        Self {
            deadline: Duration::from_mins(1),
            attempts: 4,
            first_pause: Duration::from_millis(500),
            longest_pause: Duration::from_secs(20),
            not_found_after: Duration::from_mins(5),
            retryable_statuses: Vec::new(),
            budget: RetryBudget::default(),
            waits_for_budget: false,
            concurrency: AT_ONCE,
            rate: Some(A_SECOND),
        }
    }

    /// Maximum duration of a call, with its turns, pauses and status requests; a year at most. 1
    /// minute by default.
    pub fn deadline(self, deadline: Duration) -> Self {
        Self { deadline: deadline.min(A_YEAR), ..self }
    }

    /// Maximum number of sends per call, and of status requests after each send; at least 1. 4 by
    /// default.
    pub fn attempts(self, attempts: u32) -> Self {
        Self { attempts: attempts.max(1), ..self }
    }

    /// The bounds of the first pause and of every pause. The bound doubles from pause to pause. A
    /// pause is a random part of its bound (full jitter), so that many clients do not return at
    /// once; `Retry-After` makes it longer. 500 ms and 20 s by default.
    pub fn pauses(self, first: Duration, longest: Duration) -> Self {
        Self { first_pause: first.min(A_YEAR), longest_pause: longest.min(A_YEAR), ..self }
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

    /// The budget for further requests. A clone shares it with other senders.
    pub fn budget(self, budget: RetryBudget) -> Self {
        Self { budget, ..self }
    }

    /// Lets a call whose send may have arrived wait for the budget, up to its deadline, rather than
    /// end with an unknown outcome. Answers to other calls refill the budget. For background jobs;
    /// off by default.
    pub fn wait_for_budget(self, wait: bool) -> Self {
        Self { waits_for_budget: wait, ..self }
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

    /// The pause after a number of attempts.
    pub(crate) fn pause(&self, attempt: u32) -> Duration {
        let doubled = self.first_pause.saturating_mul(1_u32 << attempt.saturating_sub(1).min(30));
        random_part(doubled.min(self.longest_pause))
    }
}

impl Default for SendPolicy {
    fn default() -> Self {
        Self::new()
    }
}

const AT_ONCE: NonZeroU32 = NonZeroU32::new(16).expect("16 is not zero");
const A_SECOND: NonZeroU32 = NonZeroU32::new(50).expect("50 is not zero");
/// Times up to this can be added without overflow.
pub(super) const A_YEAR: Duration = Duration::from_hours(24 * 366);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_take_a_random_part_of_a_bound_that_doubles() {
        let policy = SendPolicy::new().pauses(Duration::from_secs(1), Duration::from_secs(5));
        for (attempt, bound) in [(1, 1), (2, 2), (3, 4), (4, 5), (99, 5)] {
            let bound = Duration::from_secs(bound);
            let pauses: Vec<_> = (0..500).map(|_| policy.pause(attempt)).collect();
            assert!(pauses.iter().all(|pause| *pause <= bound), "{attempt}");
            // The pauses are spread over the whole range.
            assert!(pauses.iter().any(|pause| *pause < bound / 10), "{attempt}");
            assert!(pauses.iter().any(|pause| *pause > bound * 9 / 10), "{attempt}");
        }
    }
}
