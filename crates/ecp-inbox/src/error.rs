//! Errors of an inbox.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// Error of an operation on an inbox, such as storing a callback. The operation took effect
/// completely or not at all, and the error does not say which; if the kind is
/// [`NotReplicated`](InboxErrorKind::NotReplicated), it took effect on one server only. Every
/// operation may be repeated: nothing is stored twice.
///
/// The text of this error is safe to log. The text of its source comes from the database, and may
/// be unsafe to log.
#[derive(Clone, Debug)]
pub struct InboxError {
    doing: &'static str,
    kind: InboxErrorKind,
    /// The error of the database, `None` if there was none. Shared (`Arc`), because the failure of
    /// one commit is reported to every call whose write was in it.
    source: Option<Arc<dyn Error + Send + Sync>>,
}

impl fmt::Display for InboxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} failed: {}", self.doing, self.kind)
    }
}

impl Error for InboxError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}

/// Cause of an [`InboxError`]: why an operation on an inbox failed, for example because the disk is
/// full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum InboxErrorKind {
    /// Another connection or process has locked the database. Temporary: try again.
    #[error("another process has locked the database; try again")]
    Busy,
    /// The inbox was closed: its process or its runtime is ending, or a task of the inbox panicked.
    /// If the process goes on, restart it.
    #[error(
        "the inbox is closed: its process is ending, or a task of the inbox panicked; if the process goes on, restart it"
    )]
    Closed,
    /// The contents of the database cannot have been written by this crate: the database is
    /// damaged, or another program has changed it. Restore a backup, and compare it with the
    /// platform (`ecp reconcile`).
    #[error(
        "the database is damaged, or another program has changed it: restore a backup, then compare it with the platform (`ecp reconcile`)"
    )]
    Damaged,
    /// The disk is full, or the database has reached its configured maximum size. Writing works
    /// again once space is freed.
    #[error(
        "no space left for the database: its disk is full, or the file has reached `SqliteOptions::largest`; free space or raise the limit"
    )]
    Full,
    /// The database exists but is not an inbox: check its path or address.
    #[error("the database is not an inbox of ecp-inbox: check its path or address")]
    NoInbox,
    /// The Postgres server committed the operation, but its wait for the synchronous standby (the
    /// server that has a copy) was cancelled or ended otherwise. The operation took effect, and is
    /// lost if the standby takes over without it. Try again: this is safe, because nothing is
    /// stored twice. A repeated `finish`, `postpone` or `replay` then returns `false`, as the first
    /// one took effect.
    #[error(
        "the database committed the change without waiting for its synchronous standby, so a failover may lose it: check the standby (`ecp inbox doctor`), and try again, which stores nothing twice"
    )]
    NotReplicated,
    /// The operating system refused to start the thread that writes to the database. Raise its
    /// limit of threads or free memory, and open the inbox again.
    #[error(
        "the operating system refused to start a thread: raise its limit of threads or free memory"
    )]
    NoThread,
    /// A newer version of this crate has changed the tables. Use that version or a later one.
    #[error(
        "a newer version of ecp-inbox has changed the tables of the database: run that version or a later one"
    )]
    Newer,
    /// An older version of this crate made the tables, and the options (`existing_only`) do not
    /// allow changing them. Let a service of this version open the inbox first.
    #[error(
        "the database was made by an older version of ecp-inbox and needs a migration: let a service of this version open it first"
    )]
    Older,
    /// The database file was removed, moved or replaced while it was open. Put it back under its
    /// name, with its `-wal`: operations then work again without a restart.
    #[error(
        "the database file was removed or replaced: leave the service running, and put the file back under its name, with its `-wal`; if it was deleted, see the section on a file that is gone in docs/callbacks.md"
    )]
    Removed,
    /// The database cannot be reached, opened, read or written now. `ecp inbox doctor` shows why; a
    /// later attempt may succeed.
    #[error(
        "the database cannot be reached, opened, read or written: `ecp inbox doctor` shows its own message; check its address or path, the user's password and rights, its connections, its server and its disk"
    )]
    Unavailable,
}

impl InboxErrorKind {
    /// The name of the error's cause in logs and metrics, such as `busy`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::Closed => "closed",
            Self::Damaged => "damaged",
            Self::Full => "full",
            Self::NoInbox => "no_inbox",
            Self::NoThread => "no_thread",
            Self::NotReplicated => "not_replicated",
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
        Self { doing, kind, source: Some(Arc::from(source.into())) }
    }

    pub(crate) const fn plain(kind: InboxErrorKind, doing: &'static str) -> Self {
        Self { doing, kind, source: None }
    }

    /// Error for stored data that cannot be decoded; `doing` is such as "reading the body of a
    /// callback".
    pub(crate) const fn damaged(doing: &'static str) -> Self {
        Self::plain(InboxErrorKind::Damaged, doing)
    }

    /// The cause of the error, such as [`InboxErrorKind::Busy`].
    pub const fn kind(&self) -> InboxErrorKind {
        self.kind
    }
}
