//! Why a document is not the expected message.

use std::fmt;

use crate::json::{JsonError, Value};

/// Error of reading a message: the document is not JSON, or a member is missing, is wrong or
/// contradicts another one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The document cannot be read as JSON: it is malformed, too large or nested too deep, or an
    /// object in it has a member twice.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// A member has another JSON type than documented.
    #[error("{member}: expected {expected}, found {found}", member = place(path))]
    Type {
        /// Dotted path of the member, empty for the message itself.
        path: String,
        /// The documented type, such as `a string`.
        expected: &'static str,
        /// The type that was found, such as `a number`.
        found: &'static str,
    },
    /// A member has the documented type, but its value is not allowed.
    #[error("{member}: {problem}", member = place(path))]
    Value {
        /// Dotted path of the member, such as `payment.id`; empty for the message itself.
        path: String,
        /// What is wrong with the value, such as `must not be empty`.
        problem: String,
    },
    /// Two members state the same fact differently, so the message is refused. It is also refused
    /// if its list `operations` does not have its `operation`.
    #[error("`{path}` and `{other}` contradict each other")]
    Contradiction {
        /// Dotted path of the first member.
        path: String,
        /// Dotted path of the second member.
        other: String,
    },
    /// A required member is absent.
    #[error("`{path}` is missing")]
    Missing {
        /// Dotted path of the absent member.
        path: String,
    },
}

impl ModelError {
    /// Dotted path of the member that is wrong or missing; empty for the message itself, `None` if
    /// the document cannot be read as JSON.
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::Json(_) => None,
            Self::Type { path, .. }
            | Self::Value { path, .. }
            | Self::Contradiction { path, .. }
            | Self::Missing { path } => Some(path),
        }
    }

    pub(super) fn expected(expected: &'static str, value: Value<'_>) -> Self {
        Self::Type { path: value.path(), expected, found: value.kind().name() }
    }

    pub(super) fn value(value: Value<'_>, problem: impl fmt::Display) -> Self {
        Self::Value { path: value.path(), problem: problem.to_string() }
    }

    pub(super) fn contradiction(path: impl Into<String>, other: impl Into<String>) -> Self {
        Self::Contradiction { path: path.into(), other: other.into() }
    }

    pub(super) fn missing(parent: Value<'_>, name: &str) -> Self {
        let mut path = parent.path();
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(name);
        Self::Missing { path }
    }
}

fn place(path: &str) -> String {
    if path.is_empty() { "the message".to_owned() } else { format!("`{path}`") }
}
