//! Results of confirmations.

use std::fmt;

/// Result of a confirmation request to a merchant.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Confirmation {
    /// The amount is welcome.
    Accepted,
    /// The merchant refused: the payment is declined with code 30301.
    Refused {
        /// The merchant's own code; `None` if the HTTP status (4xx or 5xx) refused.
        code: Option<i64>,
    },
    /// Nothing came that could be understood as an answer: the payment is declined with code
    /// 30302.
    Unusable {
        /// Description of the answer or failure.
        reason: String,
    },
}

impl fmt::Display for Confirmation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accepted => f.write_str("the amount is accepted"),
            Self::Refused { code: Some(code) } => {
                write!(f, "the amount is refused with the merchant's code {code}")
            }
            Self::Refused { code: None } => f.write_str("the amount is refused"),
            Self::Unusable { reason } => write!(f, "no usable answer: {reason}"),
        }
    }
}

impl Confirmation {
    /// The code of the decline, `Ok` if there is none.
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
