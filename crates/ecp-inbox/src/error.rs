//! Errors of an inbox.

use std::error::Error;

/// Error of an inbox operation. The operation had no partial effect.
///
/// Its text is safe to log; that of its source, which comes from the database, may not be.
#[derive(Debug, thiserror::Error)]
#[error("{doing}: {kind}")]
pub struct InboxError {
    doing: &'static str,
    kind: InboxErrorKind,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// Cause of an inbox error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum InboxErrorKind {
    /// Another process has the database locked. Temporary.
    #[error("another process has the database locked; try again")]
    Busy,
    /// The inbox was closed: its process is ending.
    #[error("the inbox is closed: its process is ending")]
    Closed,
    /// The contents of the database cannot have been written by this crate.
    #[error(
        "the database is damaged, or another program has changed it: restore a copy and reconcile with the platform"
    )]
    Damaged,
    /// The disk or the configured size is full. It works again once space is freed.
    #[error(
        "no space left for the database: its disk is full, or `SqliteOptions::largest` is reached"
    )]
    Full,
    /// The database exists but is not an inbox.
    #[error("the database is not an inbox of ecp-inbox: check its path or address")]
    NoInbox,
    /// The operating system started no thread for writing.
    #[error("the operating system started no thread: raise its limit of threads or free memory")]
    NoThread,
    /// A newer version of this crate has changed the tables. Use that version.
    #[error("the database was made by a newer version of ecp-inbox: use that version")]
    Newer,
    /// An older version of this crate made the tables, and changing them is not allowed.
    #[error(
        "the database was made by an older version of ecp-inbox and needs a migration: let a service of this version open it first"
    )]
    Older,
    /// The file was removed, moved, or replaced by another file while it was open. The error ends
    /// when an inbox has the file's name again.
    #[error("the database's file was removed or replaced: put it back under its name")]
    Removed,
    /// The database cannot be reached, opened, read or written now.
    #[error("the database cannot be reached, opened, read or written")]
    Unavailable,
}

impl InboxErrorKind {
    /// The name in logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::Closed => "closed",
            Self::Damaged => "damaged",
            Self::Full => "full",
            Self::NoInbox => "no_inbox",
            Self::NoThread => "no_thread",
            Self::Newer => "newer",
            Self::Older => "older",
            Self::Removed => "removed",
            Self::Unavailable => "unavailable",
        }
    }
}

impl InboxError {
    pub(crate) fn new(
        kind: InboxErrorKind,
        doing: &'static str,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self { doing, kind, source: Some(source.into()) }
    }

    pub(crate) const fn plain(kind: InboxErrorKind, doing: &'static str) -> Self {
        Self { doing, kind, source: None }
    }

    /// Error for stored data that cannot be decoded; `doing` is such as "reading a body".
    pub(crate) const fn damaged(doing: &'static str) -> Self {
        Self::plain(InboxErrorKind::Damaged, doing)
    }

    /// The cause of the error.
    pub const fn kind(&self) -> InboxErrorKind {
        self.kind
    }
}
