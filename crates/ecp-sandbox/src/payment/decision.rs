//! Decisions of customers.

use std::fmt;

/// The customer's decision whether to pay, made with a button on the page of the payment method's
/// provider. A [`ButtonRule`](crate::ButtonRule) says whether the button or the amount decides if
/// the payment succeeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// The customer presses Decline.
    Decline,
    /// The customer presses Success.
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
