//! Errors of calls to Gate, and what they prove about the request.

use std::fmt;

use ecp_core::model::{About, Code, Errors, ModelError, StatusError};
use ecp_core::signature::{SignError, VerifyError};
use ecp_methods::Rejection;

use crate::http::TransportError;

/// Error of a request to Gate. [`GateError::outcome`] says whether the platform may have registered
/// the request.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GateError {
    /// The request breaks a rule of its payment method, for example a field is missing. Nothing was
    /// sent. Correct the request as the [`Rejection`] says.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The request cannot be signed, for example because the platform's official SDKs would sign
    /// one of its values in another way than this library. Nothing was sent. Change the value that
    /// the error names.
    #[error("the request cannot be signed, and was not sent: {0}")]
    Unsigned(SignError),
    /// Nothing was sent, so the request can be sent again: no connection to Gate could be opened.
    /// For a [`Sender`](crate::Sender) also: the deadline of the call passed while the request
    /// waited for its turn, or the store of [`Intents`](crate::Intents) or
    /// [`SharedLimits`](crate::SharedLimits) failed.
    #[error(transparent)]
    NotSent(TransportError),
    /// The platform refused the request and has registered nothing; the [`Refusal`] has the reason
    /// and the recommended action. If the request was for a status, only that was refused, and
    /// nothing is said about the payment.
    #[error(transparent)]
    Refused(Refusal),
    /// The platform may or may not have registered the request. A request for a status registers
    /// nothing, so it can always be sent again, although the text of this error says otherwise.
    #[error(
        "the outcome of the request is unknown: {0}; request the payment's status, do not send the request again"
    )]
    Unknown(UnknownReason),
}

/// What is known about a failed request to Gate: nothing was registered, the platform refused the
/// request, or the request may be in progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome<'e> {
    /// Nothing was registered, and nothing is known about the payment. Either the request was not
    /// sent, or the platform refused it for a cause that affects other payments too, such as a
    /// wrong key ([`Refusal::about`]). The request can be sent again unchanged, once the cause is
    /// removed. Only one that this library itself refused ([`GateError::Rejected`],
    /// [`GateError::Unsigned`]) must be corrected first.
    NotSent,
    /// The platform answered that it did not register the request. The cause is in the request
    /// itself, or the platform's code does not say where it is. [`Code::info`] of `code` has the
    /// recommended action.
    Refused {
        /// The platform's error code, such as 2004.
        code: &'e Code,
        /// The platform's error message, in its own words.
        message: &'e str,
    },
    /// The request may be in progress, or the payment may exist already. Request the payment's
    /// status; do not send the request again, and do not give the payment another id. The payment's
    /// own status does not show whether a refund arrived: look for it among the operations of the
    /// status or in a callback, and do not give it another `merchant_refund_id`.
    Unknown,
}

impl Outcome<'_> {
    /// The outcome as a word in logs and metrics: `not_sent`, `refused` or `unknown`.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::NotSent => "not_sent",
            Self::Refused { .. } => "refused",
            Self::Unknown => "unknown",
        }
    }
}

impl GateError {
    /// What is known about the failed request: nothing was registered, the platform refused the
    /// request, or the request may be in progress.
    pub fn outcome(&self) -> Outcome<'_> {
        match self {
            Self::Rejected(_) | Self::Unsigned(_) | Self::NotSent(_) => Outcome::NotSent,
            Self::Refused(refusal) if refusal.about().concerns_others() => Outcome::NotSent,
            Self::Refused(refusal) => {
                Outcome::Refused { code: &refusal.code, message: &refusal.message }
            }
            Self::Unknown(_) => Outcome::Unknown,
        }
    }

    /// What the platform's error code is about: the payment, its method or the project. `None` if
    /// the platform's answer has no error code, or there is no answer.
    ///
    /// [`About::Project`] and [`About::Method`] mean that the requests for other payments will fail
    /// in the same way until the cause is removed, so a job over many payments should stop.
    pub fn about(&self) -> Option<About> {
        self.code().map(Code::about)
    }

    /// Whether the requests for other payments will fail in the same way until the cause is
    /// removed, so that a job over many payments should stop. This is so in two cases:
    ///
    /// - The platform's error code is about the project or the method.
    /// - The answer is a redirect or a client error (HTTP status 3xx or 4xx) without a code of the
    ///   platform, for example because the base address is wrong or a firewall answers. The HTTP
    ///   statuses 408, 409, 425 and 429 do not count, because they are temporary.
    ///
    /// ```
    /// use ecp_transport::{GateError, UnknownReason};
    ///
    /// assert!(GateError::Unknown(UnknownReason::HttpStatus(403)).concerns_others());
    /// assert!(!GateError::Unknown(UnknownReason::HttpStatus(502)).concerns_others());
    /// ```
    pub fn concerns_others(&self) -> bool {
        match self {
            Self::Unknown(UnknownReason::HttpStatus(status)) => {
                (300..500).contains(status) && ![408, 409, 425, 429].contains(status)
            }
            _ => self.about().is_some_and(About::concerns_others),
        }
    }

    /// The platform's error code; `None` if the platform's answer has no code, or there is no
    /// answer.
    pub fn code(&self) -> Option<&Code> {
        match self {
            Self::Refused(refusal) => Some(&refusal.code),
            Self::Unknown(
                UnknownReason::AlreadyExists(code) | UnknownReason::Inconclusive(code),
            ) => Some(code),
            _ => None,
        }
    }

    /// The error of a status request, beside an error that says already what to do.
    pub(crate) fn in_short(&self) -> &dyn fmt::Display {
        match self {
            Self::Unknown(reason) => reason,
            other => other,
        }
    }

    /// Label of the error in logs and metrics. The text of an error is for the caller: it may quote
    /// the other side.
    pub(crate) const fn error_type(&self) -> &'static str {
        match self {
            Self::Rejected(_) => "rejected",
            Self::Unsigned(_) => "unsigned",
            Self::NotSent(_) => "connection",
            Self::Refused(_) => "refused",
            Self::Unknown(reason) => match reason {
                UnknownReason::Transport(_) => "transport",
                UnknownReason::HttpStatus(_) => "http_status",
                UnknownReason::Unreadable(_) | UnknownReason::OtherMessage(_) => "unreadable",
                UnknownReason::NotGenuine(_) => "not_genuine",
                UnknownReason::Mismatch(_) => "mismatch",
                UnknownReason::Interrupted => "interrupted",
                UnknownReason::AlreadyExists(_) => "already_exists",
                UnknownReason::Inconclusive(_) => "inconclusive",
            },
        }
    }
}

impl From<SignError> for GateError {
    fn from(error: SignError) -> Self {
        Self::Unsigned(error)
    }
}

impl From<ModelError> for UnknownReason {
    fn from(error: ModelError) -> Self {
        Self::Unreadable(error)
    }
}

impl From<VerifyError> for UnknownReason {
    fn from(error: VerifyError) -> Self {
        Self::NotGenuine(error)
    }
}

impl From<StatusError> for UnknownReason {
    fn from(error: StatusError) -> Self {
        match error {
            StatusError::NotGenuine(error) => Self::NotGenuine(error),
            StatusError::OtherProject => Self::Mismatch("project_id"),
            StatusError::Unreadable(error) => Self::Unreadable(error),
            other => Self::OtherMessage(other),
        }
    }
}

impl From<TransportError> for GateError {
    fn from(error: TransportError) -> Self {
        if error.may_have_arrived() {
            Self::Unknown(UnknownReason::Transport(error))
        } else {
            Self::NotSent(error)
        }
    }
}

/// The platform's answer that it refused a request to Gate and registered nothing.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Refusal {
    /// The error code of the refusal. [`Code::info`] has the recommended action.
    pub code: Code,
    /// The platform's message about the refusal, in its own words.
    pub message: String,
    /// Details of the refusal, with the paths of the wrong fields where the platform names them.
    pub errors: Errors,
    /// The HTTP status of the answer. The documents do not say what it means for an error: decide
    /// by `code`.
    pub http_status: u16,
}

impl Refusal {
    /// What the refusal is about: the payment, its method or the whole project. [`About::Unknown`]
    /// if the code is not in the platform's table of error codes, or the table does not say.
    pub fn about(&self) -> About {
        self.code.about()
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "refused with code {}: {}", self.code, self.message)?;
        for field in self.errors.iter().filter_map(|error| error.field.as_deref()) {
            write!(f, " (`{field}`)")?;
        }
        match (self.about(), self.code.info()) {
            (About::Project, _) => f.write_str(
                "; this is about the project, not the payment: correct its key or settings, then try again",
            ),
            (About::Method, _) => f.write_str(
                "; this is about the method, not the payment: ask the platform to enable it, then try again",
            ),
            (_, Some(info)) => write!(f, "; {}", info.advice),
            (_, None) => Ok(()),
        }
    }
}

impl std::error::Error for Refusal {}

/// Reason why it is unknown whether the platform registered a request to Gate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UnknownReason {
    /// The connection failed after it was open, so the request may have arrived.
    #[error(transparent)]
    Transport(TransportError),
    /// The answer has an HTTP status that leaves the outcome open, such as that of a redirect, a
    /// server error or a proxy.
    #[error("the answer has the unexpected HTTP status {0}")]
    HttpStatus(u16),
    /// The answer is not in the documented format: it is no JSON, or lacks a member such as
    /// `request_id`.
    #[error("the platform's answer cannot be read: {0}")]
    Unreadable(ModelError),
    /// The signature of the answer is wrong, or is missing where the platform always signs, as in a
    /// status. The answer is not believed. Check the project's key.
    #[error("the answer is not genuine: {0}")]
    NotGenuine(VerifyError),
    /// The answer to a status request is signed, but is another kind of message, such as a
    /// callback. It is not believed.
    #[error("the platform answered with another kind of message: {0}")]
    OtherMessage(StatusError),
    /// The answer names another request, payment or project than the request. The value is the path
    /// of the member that differs, such as `payment_id`. From a [`Sender`](crate::Sender),
    /// `payment.type` or `payment.sum` means that the payment under this id is another one than the
    /// request is for.
    #[error("the answer has another `{0}` than the request")]
    Mismatch(&'static str),
    /// An earlier call may have sent the request, its result is not known, and
    /// [`Sender::resume`](crate::Sender::resume) sent nothing now. For a request for a new payment,
    /// call `resume` again later. For a refund, or another request about a payment that exists,
    /// `resume` never sends: look for it in the payment's status or in a callback.
    #[error("an earlier call may have sent the request, and its result was not kept")]
    Interrupted,
    /// A payment or refund with this id exists already (codes 3041 and 3230). If the outcome of an
    /// earlier request was unknown, this is evidence that the earlier request arrived: request the
    /// payment's status. Otherwise another payment or refund has the id: find out which, before you
    /// pay or refund under another id.
    #[error("code {0}: a payment or refund with this id exists already")]
    AlreadyExists(Code),
    /// The platform answered with an error code that does not say whether it registered the
    /// request. Request the payment's status.
    #[error("code {0} does not say whether the platform has the request")]
    Inconclusive(Code),
}
