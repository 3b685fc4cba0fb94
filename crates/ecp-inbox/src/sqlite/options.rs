//! Options for opening an inbox, and its connections.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ecp_core::{Clock, SystemClock};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, MAIN_DB, OpenFlags};

use super::error::Error;
use super::schema::{self, Change};
use crate::error::{InboxError, InboxErrorKind};
use crate::hold::Hold;

/// Options for opening a [`SqliteInbox`](crate::sqlite::SqliteInbox), such as the maximum size of
/// its file. Begin with [`new`](Self::new), and end with [`open`](Self::open).
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

    /// Sets which callbacks are held: not handled until Gate (the platform's API) confirms them. By
    /// default [`Hold::Ambiguous`]: those with a final status whose signature also fits another
    /// callback.
    pub fn hold(self, hold: Hold) -> Self {
        Self { hold, ..self }
    }

    /// Makes opening fail if there is no inbox, or if its tables are of another version. By
    /// default, what is missing is created, and tables of an older version are migrated. Set it in
    /// tools that only inspect the inbox of a service.
    pub fn existing_only(self) -> Self {
        Self { change: Change::Refused, ..self }
    }

    /// Sets the maximum size of the file, in bytes, not counting the log (`-wal`) beside it: a
    /// write that does not fit fails with [`InboxErrorKind::Full`]. By default, only the disk
    /// limits the size.
    pub fn largest(self, bytes: u64) -> Self {
        Self { largest: Some(bytes), ..self }
    }

    /// Opens the file at the name again, which may be another one: a file that is not an inbox is
    /// not made one.
    pub(super) fn reopening(self) -> Self {
        let change = if self.change == Change::Allowed { Change::Upgrade } else { self.change };
        Self { change, ..self }
    }

    /// A writing connection. It creates no file: a removed one must be noticed. Closing it does not
    /// copy the log to the file: the log's name may not be on disk.
    pub(super) fn connect(&self, path: &Path) -> Result<Connection, Error> {
        let mut connection = open(path, self.busy)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        store_log(&connection, path)?;
        // Removed bodies are overwritten, those of a table that a migration makes anew too.
        connection.pragma_update(None, "secure_delete", true)?;
        schema::prepare(&mut connection, self.change)?;
        let mode = enter_wal(&connection)?;
        if mode != "wal" {
            let cause = format!(
                "SQLite stays in the journal mode `{mode}`: put the file on a local disk of this machine"
            );
            return Err(
                InboxError::new(InboxErrorKind::Unavailable, "entering WAL mode", cause).into()
            );
        }
        ecp_files::refuse_rollback(path).map_err(|error| {
            InboxError::new(InboxErrorKind::Unavailable, "entering WAL mode", error)
        })?;
        connection.pragma_update(None, "synchronous", "full")?;
        if let Some(bytes) = self.largest {
            let page: u32 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
            let pages = i64::try_from(bytes / u64::from(page.max(1))).unwrap_or(i64::MAX);
            connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?;
        }
        Ok(connection)
    }
}

/// Returns the mode in which SQLite is then.
fn enter_wal(connection: &Connection) -> Result<String, Error> {
    let mut statement = connection.prepare("PRAGMA journal_mode = wal")?;
    let mut rows = statement.query([])?;
    let mut mode = String::new();
    // To the end: the change is committed after the row, and can fail.
    while let Some(row) = rows.next()? {
        mode = row.get(0)?;
    }
    Ok(mode)
}

/// Puts on disk what can be read from the log. The log may hold a commit whose sync failed: it was
/// answered with an error, it is not on disk, and the system counts it as written. SQLite reads it
/// as a commit after its process has ended, and continues behind it; a loss of power would then end
/// the log there, and take later commits with it.
fn store_log(connection: &Connection, path: &Path) -> Result<(), Error> {
    // Who may only read the file commits nothing.
    if connection.is_readonly(MAIN_DB)? {
        return Ok(());
    }
    let failed = |error| {
        InboxError::new(InboxErrorKind::Unavailable, "writing the log to disk once more", error)
    };
    let file = fs::canonicalize(path).map_err(failed)?;
    let mut log = file.into_os_string();
    log.push("-wal");
    match fs::metadata(&log) {
        Ok(there) if there.len() > 0 => {}
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(error).into()),
        _ => return Ok(()),
    }
    // Others must not write to the log meanwhile.
    connection.execute_batch("BEGIN IMMEDIATE")?;
    match ecp_files::rewrite(Path::new(&log)) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(error).into()),
        _ => {}
    }
    connection.execute_batch("ROLLBACK")?;
    Ok(())
}

/// Opens an existing file.
pub(super) fn open(path: &Path, busy: Duration) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(busy)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}
