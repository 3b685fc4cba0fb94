//! Errors of the command line.

use std::fmt;

/// An error in the command line that the argument parser does not detect. Exit code 2.
#[derive(Debug)]
pub(crate) struct Usage(pub(crate) &'static str);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Usage {}

/// The same as [`Usage`], with a text that is made at run time.
#[derive(Debug)]
pub(crate) struct UsageText(pub(crate) String);

impl fmt::Display for UsageText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UsageText {}
