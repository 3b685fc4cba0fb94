//! How the callbacks of a payment fare.

use std::collections::BTreeMap;

use crate::engine::events::CallbackRefusal;

/// Delivery state of a payment's callbacks: the state of the callback that is worst off, and of
/// several equally bad ones the latest. From good to bad the states are `None`, `Delivered`,
/// `Waiting`, `Retrying`, `Failed` and `Refused`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallbackState {
    /// The payment has no callback so far.
    #[default]
    None,
    /// All callbacks were delivered: the merchant answered each with HTTP status 200.
    Delivered,
    /// A callback has not been delivered yet, and no attempt to send it has failed so far.
    Waiting {
        /// Number of the callback, counted from 1 for each payment.
        callback: u32,
    },
    /// An attempt to send a callback has failed, and the sandbox will try again.
    Retrying {
        /// Number of the callback, counted from 1 for each payment.
        callback: u32,
        /// Number of the latest attempt to send this callback, counted from 1.
        attempt: u32,
        /// Why the attempt failed, such as `HTTP 500`.
        problem: String,
    },
    /// All attempts to send a callback have failed, and the sandbox sends it no more;
    /// [`Sandbox::resend_callback`](crate::Sandbox::resend_callback) sends it again.
    Failed {
        /// Number of the callback, counted from 1 for each payment.
        callback: u32,
        /// Number of the last attempt to send this callback, counted from 1.
        attempt: u32,
        /// Why the attempt failed, such as `HTTP 500`.
        problem: String,
    },
    /// The sandbox refused to send a callback and does not try again; `reason` says why.
    Refused {
        /// Number of the callback, counted from 1 for each payment.
        callback: u32,
        /// Reason why the callback is not sent, such as a host that is not allowed.
        reason: CallbackRefusal,
    },
}

impl CallbackState {
    /// Whether a callback has not arrived: an attempt has failed, or the callback is not sent at
    /// all. `false` while callbacks wait for their first attempt.
    pub const fn is_failing(&self) -> bool {
        match self {
            Self::None | Self::Delivered | Self::Waiting { .. } => false,
            Self::Retrying { .. } | Self::Failed { .. } | Self::Refused { .. } => true,
        }
    }

    /// The worse a state is, the greater.
    const fn weight(&self) -> u8 {
        match self {
            Self::None => 0,
            Self::Delivered => 1,
            Self::Waiting { .. } => 2,
            Self::Retrying { .. } => 3,
            Self::Failed { .. } => 4,
            Self::Refused { .. } => 5,
        }
    }
}

/// The states of a payment's callbacks, by their numbers.
#[derive(Debug, Default)]
pub(super) struct CallbackStates(BTreeMap<u32, CallbackState>);

impl CallbackStates {
    /// Sets the state of the callback with this number.
    pub(super) fn set(&mut self, callback: u32, state: CallbackState) {
        self.0.insert(callback, state);
    }

    /// Returns the states by the numbers of their callbacks.
    #[cfg(feature = "state")]
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &CallbackState)> {
        self.0.iter().map(|(&number, state)| (number, state))
    }

    /// Returns the worst state; of several equally bad ones the latest.
    pub(super) fn worst(&self) -> CallbackState {
        self.0.values().max_by_key(|state| state.weight()).cloned().unwrap_or_default()
    }

    /// Whether a callback did not arrive.
    pub(super) fn is_failing(&self) -> bool {
        self.0.values().any(CallbackState::is_failing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_state_counts_and_of_several_the_latest() {
        let mut states = CallbackStates::default();
        assert_eq!((states.worst(), states.is_failing()), (CallbackState::None, false));
        let retrying = |callback| CallbackState::Retrying {
            callback,
            attempt: 1,
            problem: "HTTP 500".to_owned(),
        };
        states.set(1, retrying(1));
        states.set(2, retrying(2));
        states.set(3, CallbackState::Delivered);
        assert_eq!((states.worst(), states.is_failing()), (retrying(2), true));
        states.set(2, CallbackState::Delivered);
        assert_eq!(states.worst(), retrying(1));
        states.set(1, CallbackState::Delivered);
        assert_eq!((states.worst(), states.is_failing()), (CallbackState::Delivered, false));
        states.set(1, CallbackState::Waiting { callback: 1 });
        assert_eq!(states.worst(), CallbackState::Waiting { callback: 1 });
    }
}
