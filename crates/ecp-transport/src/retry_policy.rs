//! How often and how long a request is repeated, whatever it asks for.

use std::time::Duration;

use crate::send::RetryBudget;
use crate::wait::random_part;

/// How often and how long a request is retried: attempts, pauses, a deadline and a budget.
///
/// A [`DataApi`](crate::DataApi) takes this policy alone, because its queries can always be
/// repeated. For a [`Sender`](crate::Sender) it is a part of the [`SendPolicy`](crate::SendPolicy),
/// which also says when a retry is safe.
#[derive(Clone, Debug)]
pub struct RetryPolicy {
    pub(crate) deadline: Duration,
    pub(crate) attempts: u32,
    first_pause: Duration,
    longest_pause: Duration,
    pub(crate) budget: RetryBudget,
}

impl RetryPolicy {
    /// Makes a policy with the default values: a request is sent up to 4 times within 1 minute,
    /// with random pauses of up to 20 seconds, and 10 calls pay for one retry, with 10 retries in
    /// reserve. Each setter changes one of these.
    pub fn new() -> Self {
        Self {
            deadline: Duration::from_mins(1),
            attempts: 4,
            first_pause: Duration::from_millis(500),
            longest_pause: Duration::from_secs(20),
            budget: RetryBudget::default(),
        }
    }

    /// Sets the maximum duration of a call, a year at most; 1 minute by default. It includes
    /// retries, pauses and status requests, and the time that they wait because of
    /// [`SendPolicy::concurrency`](crate::SendPolicy::concurrency) and
    /// [`SendPolicy::rate`](crate::SendPolicy::rate). A request without an answer at that time is
    /// given up; the outcome of a payment request is then unknown.
    pub fn deadline(self, deadline: Duration) -> Self {
        Self { deadline: deadline.min(A_YEAR), ..self }
    }

    /// Sets how often a call may send its request, the first time included: at least 1, and 4 by
    /// default. After each send that may have arrived, the call makes at most as many status
    /// requests.
    pub fn attempts(self, attempts: u32) -> Self {
        Self { attempts: attempts.max(1), ..self }
    }

    /// Sets the maximum length of the first pause before a retry, 500 ms by default, and of any
    /// pause, 20 s by default. The maximum length doubles from pause to pause. The length of a
    /// pause is a random part of its maximum (full jitter), so that many clients do not retry at
    /// the same time; the platform's `Retry-After` can make it longer.
    pub fn pauses(self, first: Duration, longest: Duration) -> Self {
        Self { first_pause: first.min(A_YEAR), longest_pause: longest.min(A_YEAR), ..self }
    }

    /// Sets the budget that limits the retries and status requests of many calls together. By
    /// default, each call adds a tenth of a request to the budget, and 10 requests are in it from
    /// the beginning. To share the budget with other clients, give them a clone.
    pub fn budget(self, budget: RetryBudget) -> Self {
        Self { budget, ..self }
    }

    /// The pause after a number of attempts.
    pub(crate) fn pause(&self, attempt: u32) -> Duration {
        let doubled = self.first_pause.saturating_mul(1_u32 << attempt.saturating_sub(1).min(30));
        random_part(doubled.min(self.longest_pause))
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self::new()
    }
}

/// Times up to this can be added without overflow.
pub(crate) const A_YEAR: Duration = Duration::from_hours(24 * 366);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_take_a_random_part_of_a_bound_that_doubles() {
        let policy = RetryPolicy::new().pauses(Duration::from_secs(1), Duration::from_secs(5));
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
