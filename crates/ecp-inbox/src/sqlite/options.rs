//! Options for opening an inbox, and its connections.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ecp_core::{Clock, SystemClock};
use rusqlite::{Connection, OpenFlags};

use super::error::Error;
use super::schema::{self, Change};
use crate::error::{InboxError, InboxErrorKind};
use crate::hold::Hold;

/// Options for opening a [`SqliteInbox`](crate::sqlite::SqliteInbox).
#[derive(Clone, Debug)]
pub struct SqliteOptions {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) busy: Duration,
    pub(super) change: Change,
    pub(super) largest: Option<u64>,
    pub(super) hold: Hold,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            busy: Duration::from_secs(2),
            change: Change::Allowed,
            largest: None,
            hold: Hold::default(),
        }
    }
}

impl SqliteOptions {
    /// Returns the default options for opening an inbox; each setter documents its default.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the clock for the times in the inbox: when a callback was received, when a lease ends
    /// and when a retry is due. The machine's clock by default.
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Sets how long a call waits at most while another connection, of this or another process,
    /// writes to the file: 2 seconds by default. After that the call fails with
    /// [`InboxErrorKind::Busy`], and may be repeated.
    pub fn busy_timeout(self, busy: Duration) -> Self {
        Self { busy, ..self }
    }

    /// Sets which callbacks are held until Gate confirms them. By default [`Hold::Ambiguous`]:
    /// those with a final status whose signature also fits another callback.
    pub fn hold(self, hold: Hold) -> Self {
        Self { hold, ..self }
    }

    /// Makes opening fail if there is no inbox, or if its tables are of another version. By
    /// default, what is missing is created, and tables of an older version are migrated. For tools
    /// that inspect the inbox of a service.
    pub fn existing_only(self) -> Self {
        Self { change: Change::Refused, ..self }
    }

    /// Sets the maximum size of the file, in bytes: a write that does not fit fails with
    /// [`InboxErrorKind::Full`]. By default, the disk is the limit.
    pub fn largest(self, bytes: u64) -> Self {
        Self { largest: Some(bytes), ..self }
    }

    /// Opens the file at the name again, which may be another one: a file that is not an inbox is
    /// not made one.
    pub(super) fn reopening(self) -> Self {
        let change = if self.change == Change::Allowed { Change::Upgrade } else { self.change };
        Self { change, ..self }
    }

    /// A writing connection. It creates no file: a removed one must be noticed.
    pub(super) fn connect(&self, path: &Path) -> Result<Connection, Error> {
        let mut connection = open(path, self.busy)?;
        // Removed bodies are overwritten, those of a table that a migration makes anew too.
        connection.pragma_update(None, "secure_delete", true)?;
        schema::prepare(&mut connection, self.change)?;
        let mode: String =
            connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
        if mode != "wal" {
            let cause = format!(
                "SQLite stays in the journal mode `{mode}`: put the file on a local disk of this machine"
            );
            return Err(
                InboxError::new(InboxErrorKind::Unavailable, "entering WAL mode", cause).into()
            );
        }
        connection.pragma_update(None, "synchronous", "full")?;
        if let Some(bytes) = self.largest {
            let page: u32 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
            let pages = i64::try_from(bytes / u64::from(page.max(1))).unwrap_or(i64::MAX);
            connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?;
        }
        Ok(connection)
    }
}

/// Opens an existing file.
pub(super) fn open(path: &Path, busy: Duration) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(busy)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}
