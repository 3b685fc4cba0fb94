//! The file under its name. On Unix a file that was removed, or that another one has replaced, can
//! be read and written for as long as it is open, and nothing of it is left afterwards.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ecp_files::{Found, OpenFiles};
use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::error::Error;
use super::options::SqliteOptions;
use crate::clock::{self, SystemClock};
use crate::error::{InboxError, InboxErrorKind};

/// The connection that writes, while the inbox's name leads to what it has open.
pub(super) struct Database {
    options: SqliteOptions,
    path: PathBuf,
    /// `None` after a failure, until it is opened again.
    connection: Option<Connection>,
    current: Arc<Current>,
}

impl Database {
    /// Opens a file that is there.
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

    /// The connection to what the name leads to now. If that is another file, it is opened if it
    /// is an inbox. Nothing is made.
    pub(super) fn connection(&mut self) -> Result<&Connection, Error> {
        if self.connection.is_none() || self.check().is_err() {
            let reopened = self.reopen();
            self.current.report(&reopened);
            reopened?;
        }
        self.connection.as_ref().ok_or_else(|| removed().into())
    }

    /// Whether the name leads to what is open. After a commit this says that it was made in the
    /// inbox's files while they had their names.
    pub(super) fn check(&self) -> Result<(), Error> {
        if self.current.is_current() { Ok(()) } else { Err(removed().into()) }
    }

    /// Has the connection opened again: it cannot be trusted any more. Until then it stays, so that
    /// its files are known, and no others get their inodes.
    pub(super) fn distrust(&mut self) {
        // What cannot be rolled back would keep others from writing.
        self.connection.take_if(|connection| !connection.is_autocommit());
        self.current.distrust();
    }

    fn reopen(&mut self) -> Result<(), Error> {
        match self.current.found() {
            // It may come back, and this connection may be the last that has it.
            Some([Found::Nothing, ..]) => return Err(removed().into()),
            // What lies beside the file is its own, and may be newer than what was noted.
            Some([Found::Same, ..]) if self.connection.is_none() => {}
            // Only the connection failed.
            Some([Found::Same, Found::Same, Found::Same]) => self.connection = None,
            Some(found) => self.close(found)?,
            None => {}
        }
        let opened = connect(&self.options, &self.path, InboxErrorKind::Removed);
        // Also a connection that fails may have made a log.
        let (connection, files) = opened.inspect_err(|_| self.current.note_again(&self.path))?;
        self.connection = Some(connection);
        self.current.replace(&self.path, files);
        Ok(())
    }

    /// Closes what is open, and leaves nothing beside a file's name that does not belong to it.
    fn close(&mut self, [file, log, index]: [Found; 3]) -> Result<(), Error> {
        // The connections of a process to one file share the index of its log. A new one must not
        // meet it.
        self.current.stop_reading(self.options.busy)?;
        let has_file = self.current.has_file();
        let has_log = has_file && log == Found::Same;
        if let Some(connection) = &self.connection {
            if !has_log {
                let alone = !has_file || log == Found::Nothing || self.current.log_is_empty();
                // A log that is renamed keeps what it has.
                let mode = if has_file { "TRUNCATE" } else { "FULL" };
                save(connection, alone, mode)?;
            }
            keep_log(connection);
        }
        let was_open = self.connection.take().is_some();
        // An old log beside a new file would be taken for the new one's. What other processes have
        // open of these has no name any more then, and they find that too.
        let mut renamed = None;
        if log == Found::Same && !has_file {
            renamed = self.current.rename_log()?;
        }
        // Without a connection its inode may be another's by now.
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

/// Brings to the file what is committed and only in its log, which has no name any more or is
/// about to lose it. Alone means that no others have committed to that file since.
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
        // Others have committed to a log of their own. To bring in ours would damage theirs.
        return Err(removed().into());
    }
    let (busy, ..) = checkpoint(mode)?;
    if busy == 0 { Ok(()) } else { Err(InboxError::plain(InboxErrorKind::Busy, REOPENING).into()) }
}

/// What is open, as the connections that only read share it.
#[derive(Debug, Default)]
pub(super) struct Current {
    open: Mutex<Open>,
    fewer: Condvar,
}

#[derive(Debug, Default)]
struct Open {
    /// What is open or was open last. `None` if that was closed in favour of others.
    files: Option<OpenFiles>,
    /// Whether they can be read.
    is_readable: bool,
    /// Where the inbox's name led to.
    file: PathBuf,
    /// Whether it was logged that nothing can be opened.
    is_lost: bool,
    /// Grows whenever other files are opened.
    generation: u64,
    /// How many read now.
    reading: usize,
    /// Connections to these files that only read and are free.
    readers: Vec<Connection>,
}

/// The places in [`OpenFiles`]: the inbox under the name that it was given, and beside the file
/// that this leads to the log of what is committed and the index of the log.
const LOG: usize = 1;
const INDEX: usize = 2;

impl Current {
    /// Whether the inbox's name leads to what is open.
    pub(super) fn is_current(&self) -> bool {
        self.lock().is_current()
    }

    /// Begins to read.
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

    /// Whether what is open still has the name that the inbox's name led to. It may have, where
    /// that was a symbolic link.
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

    /// Renames the log, if there is anything in it: the file that it belongs to may have no name any
    /// more. Returns its new name.
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

    /// Closes the connections that read, and waits for those that are in use.
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

    /// Nothing is read any more. The files are known still: what lies beside them is no other's.
    fn distrust(&self) {
        let mut open = self.lock();
        open.is_readable = false;
        open.generation += 1;
        open.readers.clear();
    }

    /// Nothing is open now. Other files may get the same inodes.
    fn forget(&self) {
        self.distrust();
        self.lock().files = None;
    }

    /// Notes what lies beside the file, if that is the one that was open last.
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

    /// Logs that the file is lost, and that it is there again, each once.
    fn report(&self, reopened: &Result<(), Error>) {
        let was_lost = std::mem::replace(&mut self.lock().is_lost, reopened.is_err());
        match reopened {
            Ok(()) if was_lost => tracing::warn!("the inbox's file is there again"),
            Err(error) if !was_lost => {
                let kind = error.kind().as_str();
                tracing::error!("error.type" = kind, "the inbox's file cannot be used");
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

/// One who reads. As long as this is there, no other files are opened.
pub(super) struct Reading {
    current: Arc<Current>,
    generation: u64,
    connection: Option<Connection>,
}

impl Reading {
    /// The connection to the files that are open, made if none was free.
    pub(super) fn connection(
        &mut self,
        connect: impl FnOnce() -> Result<Connection, Error>,
    ) -> Result<&Connection, Error> {
        if self.connection.is_none() {
            let connection = connect()?;
            // It may have come to another file.
            let open = self.current.lock();
            if open.generation != self.generation || !open.is_current() {
                keep_log(&connection);
                return Err(removed().into());
            }
            self.connection = Some(connection);
        }
        self.connection.as_ref().ok_or_else(|| removed().into())
    }

    /// Closes the connection, as it failed.
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
    // The log and its index are made when something is read.
    connection.query_row("SELECT 1 FROM sqlite_schema LIMIT 1", [], |_| Ok(()))?;
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

/// Closing a connection, be it the last one to its file, then neither writes to the file nor
/// removes the log: another file may be under its name.
fn keep_log(connection: &Connection) {
    // Without this SQLite itself looks whether the file was moved, and leaves the log then.
    let _ = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
}

fn removed() -> InboxError {
    InboxError::plain(InboxErrorKind::Removed, "looking for the inbox's file")
}
