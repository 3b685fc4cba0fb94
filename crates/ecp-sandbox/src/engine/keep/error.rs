//! Why a state file cannot be used.

use std::fmt;
use std::path::{Path, PathBuf};

/// Error of [`Sandbox::open`](crate::Sandbox::open) and [`Sandbox::close`](crate::Sandbox::close):
/// the state file cannot be opened, read or written. The text names the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateError {
    path: PathBuf,
    problem: String,
}

impl StateError {
    pub(super) fn unusable(path: &Path, problem: impl Into<String>) -> Self {
        Self { path: path.to_owned(), problem: problem.into() }
    }

    /// The file is one, but a part of it cannot be taken up.
    pub(super) fn content(path: &Path, problem: impl fmt::Display) -> Self {
        let next = "start the sandbox that wrote the file, with the same release and methods, or use \
                    another file";
        Self::unusable(path, format!("{problem}; {next}"))
    }

    /// Returns the path of the state file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot use the state file {}: {}", self.path.display(), self.problem)
    }
}

impl std::error::Error for StateError {}
