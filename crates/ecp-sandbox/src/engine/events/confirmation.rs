//! Results of confirmations.

use std::fmt;

/// Result of a confirmation request (`check_deposit`), which asks the merchant to accept the amount
/// of a sale.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Confirmation {
    /// The merchant accepted the amount.
    Accepted,
    /// The merchant refused the amount. The payment is declined with code 30301.
    Refused {
        /// The `code` in the merchant's answer; `None` if the HTTP status (4xx or 5xx) was the
        /// refusal.
        code: Option<i64>,
    },
    /// The merchant gave no usable answer. The payment is declined with code 30302.
    Unusable {
        /// Description of what is wrong with the answer, or why there is none, such as `the
        /// merchant's answer is not JSON`.
        reason: String,
    },
}

impl fmt::Display for Confirmation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accepted => f.write_str("the merchant accepted the amount"),
            Self::Refused { code: Some(code) } => {
                write!(f, "the merchant refused the amount with code {code}")
            }
            Self::Refused { code: None } => {
                f.write_str("the merchant refused the amount with an HTTP error status")
            }
            Self::Unusable { reason } => {
                write!(f, "no usable answer to the confirmation request: {reason}")
            }
        }
    }
}

impl Confirmation {
    /// Returns `Ok` if the merchant accepted the amount, otherwise the code with which the payment
    /// is declined.
    pub(crate) const fn verdict(&self) -> Result<(), u32> {
        match self {
            Self::Accepted => Ok(()),
            Self::Refused { .. } => Err(30_301),
            Self::Unusable { .. } => Err(30_302),
        }
    }

    pub(crate) fn unusable(reason: impl Into<String>) -> Self {
        Self::Unusable { reason: reason.into() }
    }
}
