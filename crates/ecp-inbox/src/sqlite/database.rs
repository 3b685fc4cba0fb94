//! The database file and its name. On Unix a file that was removed or replaced can be read and
//! written for as long as it is open, and is lost afterwards.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ecp_core::SystemClock;
use ecp_files::{Found, OpenFiles};
use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::error::Error;
use super::options::SqliteOptions;
use crate::clock;
use crate::error::{InboxError, InboxErrorKind};

/// The writing connection, used while the inbox's name leads to the open file.
pub(super) struct Database {
    options: SqliteOptions,
    path: PathBuf,
    /// The writing connection; `None` after a failure, until the next write opens the file again.
    connection: Option<Connection>,
    current: Arc<Current>,
}

impl Database {
    /// Opens an existing file.
    pub(super) fn open(options: SqliteOptions, path: PathBuf) -> Result<Self, Error> {
        let (connection, files) = connect(&options, &path, InboxErrorKind::Unavailable)?;
        let current = Arc::<Current>::default();
        current.replace(&path, files);
        let options = options.reopening();
        Ok(Self { options, path, connection: Some(connection), current })
    }

    pub(super) fn current(&self) -> Arc<Current> {
        self.current.clone()
    }

    /// The connection to the file at the inbox's name. Another file there is opened if it is an
    /// inbox. Nothing is created.
    pub(super) fn connection(&mut self) -> Result<&Connection, Error> {
        if self.connection.is_none() || self.check().is_err() {
            let reopened = self.reopen();
            self.current.report(&reopened);
            reopened?;
        }
        self.connection.as_ref().ok_or_else(|| removed().into())
    }

    /// Checks that the name leads to the open file. After a commit this shows that it was made in
    /// the inbox's files while they had their names.
    pub(super) fn check(&self) -> Result<(), Error> {
        if self.current.is_current() { Ok(()) } else { Err(removed().into()) }
    }

    /// Marks the connection for reopening: it can no longer be trusted. It stays open until then,
    /// so that its files are known, and no others get their inodes.
    pub(super) fn distrust(&mut self) {
        // A transaction that cannot be rolled back would block other writers.
        self.connection.take_if(|connection| !connection.is_autocommit());
        self.current.distrust();
    }

    fn reopen(&mut self) -> Result<(), Error> {
        match self.current.found() {
            // The file may come back, and this connection may be the last one that has it open.
            Some([Found::Nothing, ..]) => return Err(removed().into()),
            // The companions of the file are its own, and may be newer than the noted ones.
            Some([Found::Same, ..]) if self.connection.is_none() => {}
            // Only the connection failed.
            Some([Found::Same, Found::Same, Found::Same]) => self.connection = None,
            Some(found) => self.close(found)?,
            None => {}
        }
        let opened = connect(&self.options, &self.path, InboxErrorKind::Removed);
        // A connection that fails may have created a log as well.
        let (connection, files) = opened.inspect_err(|_| self.current.note_again(&self.path))?;
        self.connection = Some(connection);
        self.current.replace(&self.path, files);
        Ok(())
    }

    /// Closes the open files, and leaves no companion beside a file that it does not belong to.
    fn close(&mut self, [file, log, index]: [Found; 3]) -> Result<(), Error> {
        // The connections of a process to one file share the index of its log. A new connection
        // must not use it.
        self.current.stop_reading(self.options.busy)?;
        let has_file = self.current.has_file();
        let has_log = has_file && log == Found::Same;
        if let Some(connection) = &self.connection {
            if !has_log {
                let alone = !has_file || log == Found::Nothing || self.current.log_is_empty();
                // A log that is renamed keeps its contents.
                let mode = if has_file { "TRUNCATE" } else { "FULL" };
                save(connection, alone, mode)?;
            }
            keep_log(connection);
        }
        let was_open = self.connection.take().is_some();
        // An old log beside a new file would be taken for the new one's. Other processes that have
        // it open find it without a name, and detect that too.
        let mut renamed = None;
        if log == Found::Same && !has_file {
            renamed = self.current.rename_log()?;
        }
        // Without a connection its inode may be another file's by now.
        let has_index = index == Found::Same && (was_open || log == Found::Same);
        if has_index && !has_log {
            self.current.remove(INDEX)?;
        }
        if file == Found::Same {
            self.current.distrust();
        } else {
            self.current.forget();
            let old_log = renamed.unwrap_or_default().display().to_string();
            tracing::error!(
                old_log,
                "another file is under the inbox's name: callbacks that were accepted since its \
                 copy was made are not in it and must be reconciled with the platform",
            );
        }
        Ok(())
    }
}

/// Checkpoints commits that are only in the log, which has lost its name or is about to. `alone`
/// means that no other process has committed to that file since.
fn save(connection: &Connection, alone: bool, mode: &str) -> Result<(), Error> {
    let checkpoint = |mode: &str| -> Result<(i64, i64, i64), Error> {
        let sql = format!("PRAGMA wal_checkpoint({mode})");
        let row =
            connection.query_row(&sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        Ok(row)
    };
    let (_, written, saved) = checkpoint("NOOP")?;
    if written <= saved {
        return Ok(());
    }
    if !alone {
        // Others have committed to a log of their own. Checkpointing ours would damage theirs.
        return Err(removed().into());
    }
    let (busy, ..) = checkpoint(mode)?;
    if busy == 0 { Ok(()) } else { Err(InboxError::plain(InboxErrorKind::Busy, REOPENING).into()) }
}

/// The open files, shared with the reading connections.
#[derive(Debug, Default)]
pub(super) struct Current {
    open: Mutex<Open>,
    fewer: Condvar,
}

#[derive(Debug, Default)]
struct Open {
    /// The database file and its companions (`-wal`, `-shm`) as they were when they were opened
    /// last. `None` if they were closed because other files have their names.
    files: Option<OpenFiles>,
    /// Whether the files in `files` may be read; `false` after a failure, until they are opened
    /// again.
    is_readable: bool,
    /// The path of the database file, with symbolic links resolved.
    file: PathBuf,
    /// Whether the last attempt to reopen the file failed. The failure is logged when this becomes
    /// true, and the file's return when it becomes false again.
    is_lost: bool,
    /// A number that is incremented whenever the connections to the files are closed: a read that
    /// began before then does not keep its connection for others.
    generation: u64,
    /// Number of reads in progress. Other files are opened only when there is none.
    reading: usize,
    /// Reading connections to the files in `files` that no read uses now.
    readers: Vec<Connection>,
}

/// Indexes in [`OpenFiles`]: the inbox under its given name, then beside its target the log of
/// commits and the index of the log.
const LOG: usize = 1;
const INDEX: usize = 2;

impl Current {
    /// Whether the inbox's name leads to the open file.
    pub(super) fn is_current(&self) -> bool {
        self.lock().is_current()
    }

    /// Begins a read.
    pub(super) fn reading(self: &Arc<Self>) -> Result<Reading, Error> {
        let mut open = self.lock();
        if !open.is_current() {
            return Err(removed().into());
        }
        open.reading += 1;
        let (connection, generation) = (open.readers.pop(), open.generation);
        Ok(Reading { current: self.clone(), generation, connection })
    }

    fn found(&self) -> Option<[Found; 3]> {
        let open = self.lock();
        let mut found = open.files.as_ref()?.found();
        Some([found.next()?, found.next()?, found.next()?])
    }

    /// Whether the open file still has the path that the inbox's name led to. It may have, if the
    /// name was a symbolic link.
    fn has_file(&self) -> bool {
        let open = self.lock();
        let found = open.files.as_ref().map(|files| files.found_under(&open.file));
        found == Some(Found::Same)
    }

    fn name(&self, part: usize) -> Option<PathBuf> {
        self.lock().files.as_ref()?.names().nth(part).map(Path::to_owned)
    }

    fn log_is_empty(&self) -> bool {
        let log = self.name(LOG).and_then(|name| fs::metadata(name).ok());
        log.is_some_and(|log| log.len() == 0)
    }

    /// Renames the log, unless it is empty: its file may no longer have a name. Returns its new
    /// name.
    fn rename_log(&self) -> Result<Option<PathBuf>, Error> {
        if self.log_is_empty() {
            return self.remove(LOG).map(|()| None);
        }
        let Some(name) = self.name(LOG) else { return Ok(None) };
        let now = clock::now(&SystemClock) / 1000;
        let failed = |error| InboxError::new(InboxErrorKind::Removed, REOPENING, error);
        for seconds in now.. {
            let mut renamed = name.clone().into_os_string();
            renamed.push(format!(".of-replaced-{seconds}"));
            let renamed = PathBuf::from(renamed);
            if !renamed.try_exists().map_err(failed)? {
                fs::rename(&name, &renamed).map_err(failed)?;
                return Ok(Some(renamed));
            }
        }
        Err(removed().into())
    }

    fn remove(&self, part: usize) -> Result<(), Error> {
        let Some(name) = self.name(part) else { return Ok(()) };
        match fs::remove_file(name) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(InboxError::new(InboxErrorKind::Removed, REOPENING, error).into())
            }
            _ => Ok(()),
        }
    }

    /// Closes the reading connections, and waits for those in use.
    fn stop_reading(&self, patience: Duration) -> Result<(), Error> {
        let mut open = self.lock();
        open.generation += 1;
        open.readers.clear();
        let waited = self.fewer.wait_timeout_while(open, patience, |open| open.reading > 0);
        let (open, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if open.reading > 0 {
            return Err(InboxError::plain(InboxErrorKind::Busy, REOPENING).into());
        }
        Ok(())
    }

    /// Stops reading. The files stay known: their companions belong to no other file.
    fn distrust(&self) {
        let mut open = self.lock();
        open.is_readable = false;
        open.generation += 1;
        open.readers.clear();
    }

    /// No file is open now. Other files may get the same inodes.
    fn forget(&self) {
        self.distrust();
        self.lock().files = None;
    }

    /// Notes the companions again, if the file is the one that was open last.
    fn note_again(&self, path: &Path) {
        let mut open = self.lock();
        let is_same = |files: &OpenFiles| files.found().next() == Some(Found::Same);
        if open.files.as_ref().is_some_and(is_same)
            && let Ok(files) = note(path)
            && open.files.as_ref().is_some_and(is_same)
        {
            open.files = Some(files);
        }
    }

    fn replace(&self, path: &Path, files: OpenFiles) {
        let mut open = self.lock();
        open.file = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        open.files = Some(files);
        open.is_readable = true;
    }

    /// Logs that the file was lost, and that it is back, each once.
    fn report(&self, reopened: &Result<(), Error>) {
        let was_lost = std::mem::replace(&mut self.lock().is_lost, reopened.is_err());
        match reopened {
            Ok(()) if was_lost => tracing::warn!("the inbox's file is there again"),
            Err(error) if !was_lost => {
                let kind = error.kind().as_str();
                tracing::error!(
                    "error.type" = kind,
                    "the inbox's file cannot be used: calls fail until it can"
                );
            }
            _ => {}
        }
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn is_current(&self) -> bool {
        self.is_readable && self.files.as_ref().is_some_and(OpenFiles::are_same)
    }
}

/// A read in progress. While it exists, no other files are opened.
pub(super) struct Reading {
    current: Arc<Current>,
    generation: u64,
    connection: Option<Connection>,
}

impl Reading {
    /// A connection to the open files, opened if none is idle.
    pub(super) fn connection(
        &mut self,
        connect: impl FnOnce() -> Result<Connection, Error>,
    ) -> Result<&Connection, Error> {
        if self.connection.is_none() {
            let connection = connect()?;
            // The connection may have opened another file.
            let open = self.current.lock();
            if open.generation != self.generation || !open.is_current() {
                keep_log(&connection);
                return Err(removed().into());
            }
            self.connection = Some(connection);
        }
        self.connection.as_ref().ok_or_else(|| removed().into())
    }

    /// Closes the connection after a failure.
    pub(super) fn close(mut self) {
        self.connection = None;
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        let mut open = self.current.lock();
        if let Some(connection) = self.connection.take()
            && open.generation == self.generation
        {
            open.readers.push(connection);
        }
        open.reading -= 1;
        self.current.fewer.notify_all();
    }
}

fn connect(
    options: &SqliteOptions,
    path: &Path,
    missing: InboxErrorKind,
) -> Result<(Connection, OpenFiles), Error> {
    let there = |error| InboxError::new(missing, REOPENING, error);
    let before = OpenFiles::note([path.to_owned()]).map_err(there)?;
    let connection = options.connect(path)?;
    // SQLite creates the log and its index at the first read.
    connection.query_row("SELECT 1 FROM sqlite_schema LIMIT 1", [], |_| Ok(()))?;
    // SQLite syncs the folder too, and takes no notice if that fails. Without its name the log is
    // lost with all commits in it.
    ecp_files::sync_names(path).map_err(|error| {
        InboxError::new(InboxErrorKind::Unavailable, "writing the log's name to disk", error)
    })?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    let files = note(path).map_err(there)?;
    if !before.are_same() {
        keep_log(&connection);
        return Err(removed().into());
    }
    Ok((connection, files))
}

fn note(path: &Path) -> io::Result<OpenFiles> {
    OpenFiles::note_database(path, &["-wal", "-shm"])
}

const REOPENING: &str = "opening the inbox's file";

/// Closing the connection, even the last one to its file, then neither writes to the file nor
/// removes the log: another file may have its name.
fn keep_log(connection: &Connection) {
    // Without this SQLite itself checks whether the file was moved, and then leaves the log.
    let _ = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
}

fn removed() -> InboxError {
    InboxError::plain(InboxErrorKind::Removed, "looking for the inbox's file")
}
