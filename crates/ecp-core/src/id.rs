//! Identifiers, checked when they are constructed.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// Error for a value that is not a valid project id, payment id or request id. The error's text
/// says which of these ids it is and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{id_name} {problem}")]
pub struct InvalidId {
    id_name: &'static str,
    problem: &'static str,
}

/// Id of a merchant's project on the platform: a positive number such as 1236, which requests and
/// callbacks name (sources: request fields).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct ProjectId(u64);

impl ProjectId {
    const INVALID: InvalidId = InvalidId {
        id_name: "the project id",
        problem: "must be a number from 1 to 9007199254740992",
    };

    /// Makes a project id; an error unless the number is positive and small enough for every JSON
    /// reader (at most 2^53).
    pub const fn new(id: u64) -> Result<Self, InvalidId> {
        match id {
            1..=0x20_0000_0000_0000 => Ok(Self(id)),
            _ => Err(Self::INVALID),
        }
    }

    /// The project id as a number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for ProjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for ProjectId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        Self::new(text.parse().map_err(|_| Self::INVALID)?)
    }
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident / $borrowed:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(Box<str>);

        impl $name {
            /// Makes an id from a text of 1 to 255 characters (sources: request fields), without
            /// control characters and without white space at either end; any other text is an
            /// error. An id that was read from a message of the platform need not obey these rules,
            /// but is never empty.
            pub fn new(text: impl Into<String>) -> Result<Self, InvalidId> {
                let text = text.into();
                match text_problem(&text) {
                    None => Ok(Self(text.into())),
                    Some(problem) => Err(InvalidId { id_name: $what, problem }),
                }
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::new(text)
            }
        }

        impl TryFrom<&str> for $name {
            type Error = InvalidId;

            fn try_from(text: &str) -> Result<Self, InvalidId> {
                Self::new(text)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                $borrowed(&self.0).fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        #[doc = concat!(
            "[`", stringify!($name), "`], with its text borrowed from a message. The text is as the \
             platform sent it, and need not be one that [`", stringify!($name), "::new`] accepts."
        )]
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $borrowed<'d>(&'d str);

        impl<'d> $borrowed<'d> {
            /// The platform's text, unchanged.
            pub(crate) const fn received(text: &'d str) -> Self {
                Self(text)
            }

            /// The id as text, as the platform sent it.
            pub const fn as_str(self) -> &'d str {
                self.0
            }

            /// Copies the id's text, so that the result no longer borrows from the message.
            pub fn into_owned(self) -> $name {
                $name(self.0.into())
            }
        }

        impl PartialEq<$name> for $borrowed<'_> {
            fn eq(&self, other: &$name) -> bool {
                *self.0 == *other.0
            }
        }

        impl fmt::Display for $borrowed<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                // A received id may hold any character; a control character must not break a log
                // line.
                if self.0.contains(char::is_control) {
                    f.pad(&self.0.escape_debug().to_string())
                } else {
                    f.pad(self.0)
                }
            }
        }

        impl fmt::Debug for $borrowed<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    };
}

text_id! {
    /// The merchant's id of a payment, unique in its project for ever. The platform refuses a
    /// second sale or payout with the same id, so that it is not paid twice. Choose the id before
    /// sending and keep it: if the answer to a request is lost, request the payment's status by it.
    ///
    /// ```
    /// use ecp_core::PaymentId;
    ///
    /// assert_eq!(PaymentId::new("X03936")?.as_str(), "X03936");
    /// assert_eq!(PaymentId::new("").unwrap_err().to_string(), "the payment id is empty");
    /// # Ok::<(), ecp_core::InvalidId>(())
    /// ```
    PaymentId / PaymentIdRef, "the payment id"
}

text_id! {
    /// The platform's id of a request that it has registered, from the platform's answer to the
    /// request. It shows which messages belong to the same request; it does not prevent sending a
    /// request twice.
    RequestId / RequestIdRef, "the request id"
}

fn text_problem(text: &str) -> Option<&'static str> {
    if text.is_empty() {
        Some("is empty")
    } else if text.chars().count() > 255 {
        Some("is longer than 255 characters")
    } else if text.contains(char::is_control) {
        Some("holds a control character")
    } else if text.trim() != text {
        Some("begins or ends with white space")
    } else {
        None
    }
}

/// The platform's number of an operation, which is one step of a payment, such as a sale or a
/// refund. Numbers of up to 16 digits have been seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct OperationId(u64);

impl OperationId {
    /// Makes an operation id from any number, because the platform chooses the number.
    pub const fn new(id: u64) -> Self {
        Self(id)
    }

    /// The operation id as a number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for OperationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_which_identifier_and_why() {
        let long = "x".repeat(256);
        let table = [
            ("", "the payment id is empty"),
            (long.as_str(), "the payment id is longer than 255 characters"),
            ("a\nb", "the payment id holds a control character"),
            (" a", "the payment id begins or ends with white space"),
        ];
        for (text, message) in table {
            assert_eq!(PaymentId::new(text).unwrap_err().to_string(), message);
        }
        let project = "the project id must be a number from 1 to 9007199254740992";
        assert_eq!(ProjectId::new(0).unwrap_err().to_string(), project);
        assert_eq!(ProjectId::new((1 << 53) + 1).unwrap_err().to_string(), project);
        assert_eq!("12a".parse::<ProjectId>().unwrap_err().to_string(), project);
        assert!(PaymentId::new("ж".repeat(255)).is_ok());
    }
}
