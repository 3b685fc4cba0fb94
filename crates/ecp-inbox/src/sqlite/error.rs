//! Errors of the database and of transactions.

use rusqlite::ErrorCode;

use crate::error::{InboxError, InboxErrorKind};

/// Error inside a transaction.
#[derive(Debug)]
pub(super) enum Error {
    Sqlite(rusqlite::Error),
    Inbox(InboxError),
    /// The merchant's code in the transaction, such as a handler, failed or panicked; the text says
    /// why.
    Handler(String),
}

impl Error {
    pub(super) fn kind(&self) -> InboxErrorKind {
        match self {
            Self::Inbox(error) => error.kind(),
            Self::Handler(_) => InboxErrorKind::Unavailable,
            Self::Sqlite(error) => match error.sqlite_error_code() {
                Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => InboxErrorKind::Busy,
                Some(ErrorCode::DiskFull) => InboxErrorKind::Full,
                Some(ErrorCode::DatabaseCorrupt) => InboxErrorKind::Damaged,
                Some(ErrorCode::NotADatabase) => InboxErrorKind::NoInbox,
                _ => InboxErrorKind::Unavailable,
            },
        }
    }

    pub(super) fn doing(self, doing: &'static str) -> InboxError {
        let kind = self.kind();
        match self {
            Self::Inbox(error) => error,
            Self::Handler(text) => InboxError::new(kind, doing, text),
            Self::Sqlite(error) => InboxError::new(kind, doing, error),
        }
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<InboxError> for Error {
    fn from(error: InboxError) -> Self {
        Self::Inbox(error)
    }
}
