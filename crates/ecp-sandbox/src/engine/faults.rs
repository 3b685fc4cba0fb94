//! Faults on demand: rare failures that a merchant's code must handle.
//!
//! A [`FaultRule`] says which [`Fault`] strikes what. Rules are given in the configuration, added
//! while the sandbox runs ([`Sandbox::add_fault`](crate::Sandbox::add_fault)), over HTTP or in a
//! file; all are the same data:
//!
//! ```
//! use ecp_sandbox::{Fault, FaultRule};
//!
//! let rule = FaultRule::new(Fault::DropAnswer { registered: true }).payment_id("X1").times(1);
//! let same = FaultRule::from_json(
//!     r#"{"fault": "drop_answer", "registered": true, "payment_id": "X1", "times": 1}"#,
//! )?;
//! assert_eq!(rule, same);
//! # Ok::<(), ecp_sandbox::InvalidFault>(())
//! ```
//!
//! A rule with a probability draws from the sandbox's seed, separately for each payment: the same
//! seed and requests give the same faults, and requests about other payments may come in between.

mod active;
mod rule;

use std::time::Duration;

pub(crate) use self::active::{Book, Point};
#[cfg(feature = "state")]
pub(crate) use self::active::{BookChanges, KeptRule};
pub use self::rule::{FaultRule, InvalidFault};
use crate::wire::tamper::Tampering;

/// A failure of the platform or the network that the sandbox imitates when a [`FaultRule`] asks for
/// it.
///
/// Faults that delay, copy, lose or wrongly sign callbacks apply also to the operations that the
/// Data API sends to the address in a query. A fault that changes a callback changes it in every
/// attempt to deliver it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// The answer to a request is delayed by this duration. What the request does is not delayed.
    DelayAnswer(Duration),
    /// A callback is delayed by this duration. Later callbacks of the payment may overtake it.
    DelayCallback(Duration),
    /// The connection is closed without an answer to the request.
    DropAnswer {
        /// Whether the request takes effect before the connection is closed. If `false`, the
        /// sandbox does not process it.
        registered: bool,
    },
    /// A callback is sent several times more, with the same bytes.
    DuplicateCallback {
        /// Number of additional times that the callback is sent: 1 sends it twice in all.
        copies: u32,
    },
    /// A payment, refund, capture or release ends in the status `internal error`, so that it is
    /// unknown whether money has moved.
    EndInError,
    /// A callback is never sent. An event
    /// [`EventKind::CallbackRefused`](crate::EventKind::CallbackRefused) has its body.
    LoseCallback,
    /// A callback has no signature, so that a receiver must refuse it.
    MissingSignature,
    /// A callback has additional members, below `sandbox_values`: `null`, booleans and floats,
    /// which SDKs read and sign in different ways. The signature is valid: it is made by the rules
    /// of the platform's PHP SDK.
    OddValues,
    /// A callback is sent after the payment's next callback, or after a minute if none follows.
    ReorderCallback,
    /// The connection is reset (TCP RST) without an answer to the request.
    ResetConnection {
        /// Whether the request takes effect before the connection is reset. If `false`, the sandbox
        /// does not process it.
        registered: bool,
    },
    /// The answer has an HTTP status of 500 to 599 and an empty body.
    ServerError {
        /// The HTTP status of the answer.
        status: u16,
        /// Whether the request takes effect before this answer. If `false`, the sandbox does not
        /// process it.
        registered: bool,
    },
    /// The confirmation request (`check_deposit`) to the merchant is delayed by this duration.
    SlowConfirmation(Duration),
    /// A payout takes this long to end, and has the status `processing` meanwhile. If its cut-off
    /// time ([`Config::cut_off`](crate::Config::cut_off)) is shorter, it is declined at that time.
    SlowPayout(Duration),
    /// A payment never ends, until it is released
    /// ([`Sandbox::release`](crate::Sandbox::release)).
    StalePayment,
    /// The connection is closed in the middle of the answer. The request took effect.
    TruncateAnswer,
    /// The statuses in a callback, of the payment and of the operation, are `sandbox unknown`,
    /// which is no status of the platform. The signature of the callback is valid.
    UnknownStatus,
    /// The amounts in a callback, of the payment and of the operation, are one minor unit too high.
    /// The signature of the callback is valid.
    WrongAmount,
    /// The signature of a callback was made for another text, so that a receiver must refuse the
    /// callback.
    WrongSignature,
}

impl Fault {
    /// The names of all faults, as [`FaultRule::from_json`] reads them in the member `fault`.
    pub const NAMES: [&str; 18] = [
        "delay_answer",
        "delay_callback",
        "drop_answer",
        "duplicate_callback",
        "end_in_error",
        "lose_callback",
        "missing_signature",
        "odd_values",
        "reorder_callback",
        "reset_connection",
        "server_error",
        "slow_confirmation",
        "slow_payout",
        "stale_payment",
        "truncate_answer",
        "unknown_status",
        "wrong_amount",
        "wrong_signature",
    ];

    /// Returns the name of the fault in events and in the JSON of rules, such as `delay_answer`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::DelayAnswer(_) => "delay_answer",
            Self::DelayCallback(_) => "delay_callback",
            Self::DropAnswer { .. } => "drop_answer",
            Self::DuplicateCallback { .. } => "duplicate_callback",
            Self::EndInError => "end_in_error",
            Self::LoseCallback => "lose_callback",
            Self::MissingSignature => "missing_signature",
            Self::OddValues => "odd_values",
            Self::ReorderCallback => "reorder_callback",
            Self::ResetConnection { .. } => "reset_connection",
            Self::ServerError { .. } => "server_error",
            Self::SlowConfirmation(_) => "slow_confirmation",
            Self::SlowPayout(_) => "slow_payout",
            Self::StalePayment => "stale_payment",
            Self::TruncateAnswer => "truncate_answer",
            Self::UnknownStatus => "unknown_status",
            Self::WrongAmount => "wrong_amount",
            Self::WrongSignature => "wrong_signature",
        }
    }

    /// Returns the fault's change to the body of a callback; `None` if it changes no body.
    pub(crate) const fn tampering(self) -> Option<Tampering> {
        match self {
            Self::MissingSignature => Some(Tampering::MissingSignature),
            Self::OddValues => Some(Tampering::OddValues),
            Self::UnknownStatus => Some(Tampering::UnknownStatus),
            Self::WrongAmount => Some(Tampering::WrongAmount),
            Self::WrongSignature => Some(Tampering::WrongSignature),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_of_the_way_leave_the_body_alone() {
        assert_eq!(Fault::WrongAmount.tampering(), Some(Tampering::WrongAmount));
        assert_eq!(Fault::LoseCallback.tampering(), None);
        assert_eq!(Fault::DelayCallback(Duration::ZERO).tampering(), None);
    }
}
