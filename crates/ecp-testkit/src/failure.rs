//! Failures of test cases.

use std::fmt;

/// The reason why a test case for a payment method failed. Print it with `Display`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure(String);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failure {}

pub(crate) fn fail(message: impl Into<String>) -> Failure {
    Failure(message.into())
}

/// Converts any error for `?`.
pub(crate) trait OrFail<T> {
    fn or_fail(self) -> Result<T, Failure>;
}

impl<T, E: fmt::Display> OrFail<T> for Result<T, E> {
    fn or_fail(self) -> Result<T, Failure> {
        self.map_err(|error| fail(error.to_string()))
    }
}
