//! Decisions of customers.

use std::fmt;

/// The customer's decision whether to pay, made with a button on the page of the payment method's
/// provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// The customer does not pay.
    Decline,
    /// The customer pays.
    Success,
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Decline => "decline",
            Self::Success => "success",
        })
    }
}
