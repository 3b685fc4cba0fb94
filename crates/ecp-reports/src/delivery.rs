//! State of letters on their way.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::mail::{MailAddress, MailError};

/// How often sending a letter (an e-mail) is attempted, and the pauses between the attempts: by
/// default 4 attempts, with pauses of 30 seconds, a minute and two minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retries {
    attempts: u32,
    pause: Duration,
}

impl Default for Retries {
    fn default() -> Self {
        Self { attempts: 4, pause: Duration::from_secs(30) }
    }
}

impl Retries {
    /// Sets the maximum number of attempts to send a letter (an e-mail): 4 by default; 0 counts as
    /// 1.
    pub fn attempts(self, attempts: u32) -> Self {
        Self { attempts: attempts.max(1), ..self }
    }

    /// Sets the pause after the first failed attempt to send a letter (an e-mail), 30 seconds by
    /// default. Each following pause is twice as long.
    pub const fn pause(self, pause: Duration) -> Self {
        Self { pause, ..self }
    }
}

/// State of sending a letter, which is an e-mail with a report, to one recipient. Tell it the
/// result of each attempt with [`record`](Self::record), which says when to try again. Store it
/// with the report (it can be written as JSON), so that a restarted program goes on.
///
/// ```
/// use ecp_reports::{Delivery, DeliveryState, MailError, Retries};
///
/// let mut delivery = Delivery::new("mary@shop.example".parse()?);
/// let failed = Err(MailError::temporary("the connection was closed"));
/// let pause = delivery.record(failed, Retries::default()).expect("it is tried again");
/// assert_eq!((pause.as_secs(), delivery.is_waiting()), (30, true));
/// assert_eq!(delivery.record(Ok(()), Retries::default()), None);
/// assert_eq!(*delivery.state(), DeliveryState::Sent);
/// # Ok::<(), ecp_reports::InvalidAddress>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    to: MailAddress,
    id: String,
    attempts: u32,
    state: DeliveryState,
}

/// State of a letter (an e-mail with a report): waiting, sent or given up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// The letter is to be sent, for the first time or again.
    Waiting {
        /// Why the last attempt failed; `None` before the first attempt.
        problem: Option<String>,
    },
    /// The mail server has accepted the letter.
    Sent,
    /// Sending the letter was given up, and it is not tried again: the error was permanent, the
    /// attempts were used up ([`Retries`]), or [`Delivery::give_up`] was called. The report is not
    /// removed by this; how long it is kept is up to the caller.
    Failed {
        /// Why the last attempt failed, or the reason that [`Delivery::give_up`] was given.
        problem: String,
    },
}

impl Delivery {
    /// Makes the delivery of a letter (an e-mail) that is still to be sent to this recipient.
    pub fn new(to: MailAddress) -> Self {
        let state = RandomState::new();
        let id = format!("{:016x}{:016x}", state.hash_one(1), state.hash_one(2));
        Self { to, id, attempts: 0, state: DeliveryState::Waiting { problem: None } }
    }

    /// The recipient of the letter (an e-mail).
    pub const fn to(&self) -> &MailAddress {
        &self.to
    }

    /// The random id of the letter (an e-mail), the same in every attempt to send it, so that mail
    /// programs can recognize a second copy.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The number of attempts to send the letter (an e-mail) so far.
    pub const fn attempts(&self) -> u32 {
        self.attempts
    }

    /// The state of the letter (an e-mail): waiting, sent or given up.
    pub const fn state(&self) -> &DeliveryState {
        &self.state
    }

    /// Whether the letter (an e-mail) is still to be sent, for the first time or again.
    pub const fn is_waiting(&self) -> bool {
        matches!(self.state, DeliveryState::Waiting { .. })
    }

    /// Why the last attempt to send the letter (an e-mail) failed, or why sending was given up;
    /// `None` if it did not fail.
    pub fn problem(&self) -> Option<&str> {
        match &self.state {
            DeliveryState::Waiting { problem } => problem.as_deref(),
            DeliveryState::Sent => None,
            DeliveryState::Failed { problem } => Some(problem),
        }
    }

    /// Records the result of an attempt to send the letter (an e-mail). Returns the pause before
    /// the next attempt; `None` if the letter was sent or is given up.
    pub fn record(&mut self, result: Result<(), MailError>, retries: Retries) -> Option<Duration> {
        self.attempts += 1;
        let error = match result {
            Ok(()) => {
                self.state = DeliveryState::Sent;
                return None;
            }
            Err(error) => error,
        };
        let problem = error.to_string();
        if error.is_permanent() || self.attempts >= retries.attempts {
            self.state = DeliveryState::Failed { problem };
            return None;
        }
        self.state = DeliveryState::Waiting { problem: Some(problem) };
        let doubled = 2_u32.saturating_pow(self.attempts - 1);
        Some(retries.pause.saturating_mul(doubled))
    }

    /// Gives up sending the letter (an e-mail). `problem` says why: for example, its report is no
    /// longer kept.
    pub fn give_up(&mut self, problem: impl Into<String>) {
        self.state = DeliveryState::Failed { problem: problem.into() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_that_may_pass_is_tried_again_up_to_the_limit() {
        let mut delivery = Delivery::new("a@b.example".parse().unwrap());
        let failed = || Err(MailError::temporary("it rains"));
        let pauses: Vec<_> =
            (0..4).map(|_| delivery.record(failed(), Retries::default())).collect();
        let seconds = |pause: &Option<Duration>| pause.map(|pause| pause.as_secs());
        let pauses: Vec<_> = pauses.iter().map(seconds).collect();
        assert_eq!(pauses, [Some(30), Some(60), Some(120), None]);
        assert_eq!((delivery.attempts(), delivery.problem()), (4, Some("it rains")));
        assert!(!delivery.is_waiting());
    }

    #[test]
    fn a_failure_that_stays_is_not_tried_again() {
        let mut delivery = Delivery::new("a@b.example".parse().unwrap());
        let refused = Err(MailError::permanent("no such user"));
        assert_eq!(delivery.record(refused, Retries::default()), None);
        assert_eq!((delivery.attempts(), delivery.problem()), (1, Some("no such user")));
    }

    #[test]
    fn a_delivery_is_read_as_it_was_written_and_its_id_is_its_own() {
        let mut delivery = Delivery::new("a@b.example".parse().unwrap());
        assert_ne!(delivery.id(), Delivery::new("a@b.example".parse().unwrap()).id());
        delivery.give_up("late");
        let json = serde_json::to_string(&delivery).unwrap();
        assert_eq!(serde_json::from_str::<Delivery>(&json).unwrap(), delivery);
        let wrong = json.replace("a@b.example", "nobody");
        let error = serde_json::from_str::<Delivery>(&wrong).unwrap_err().to_string();
        assert!(!error.contains("nobody"), "{error}");
    }
}
