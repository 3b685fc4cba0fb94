//! Decisions of customers.

use std::fmt;

/// A button on the provider's page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// Do not pay.
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
