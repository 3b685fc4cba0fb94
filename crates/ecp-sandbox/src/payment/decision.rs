//! Decisions of customers.

use std::fmt;

/// The customer's decision on the provider's page, made by pressing one of its buttons.
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
