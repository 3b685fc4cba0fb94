//! Journal of a run: the intent of each send, stored before it, and its result.

mod reader;
mod store;

use std::collections::hash_map::RandomState;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::hash::BuildHasher;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use ecp_core::{Money, ProjectId};
use ecp_files::OpenFiles;
use ecp_transport::{SharedLimits, normal_base_url};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, MAIN_DB, OpenFlags, Statement, ToSql, params};
use tokio::sync::oneshot;

pub use self::reader::{JournalReader, OddEntry};
use self::reader::{check_tables, entries, find, has_sums, owner_of};
pub use self::store::JournalStore;
pub(crate) use self::store::sealed::{Held, Store, Taken};
use crate::problem::Problems;
use crate::row::RowId;

/// A journal of payouts and refunds in a SQLite file: each request is recorded before it is sent,
/// and its result afterwards.
///
/// A write is on the disk when its call returns. Concurrent writes share a commit. A journal
/// belongs to one [`Owner`], and only one process at a time can have it open. It holds ids, sums,
/// times and results, and of the rest of a request only a digest.
pub struct Journal {
    jobs: mpsc::Sender<Job>,
    /// The entries that the journal had when it was opened.
    before: Arc<HashMap<RowId, Entry>>,
    rows: Mutex<Rows>,
}

/// The rows that tasks of this process have, or had.
#[derive(Default)]
struct Rows {
    held: HashMap<RowId, i64>,
    last_token: i64,
    /// Hashes of the ids of the rows that were written since the journal was opened, so that
    /// `before` no longer has their present entries.
    changed: HashSet<u64>,
    hasher: RandomState,
}

impl Rows {
    /// Reserves a row. Returns the token; `None` if another task has the row.
    fn hold(&mut self, id: &RowId) -> Option<i64> {
        if self.held.contains_key(id) {
            return None;
        }
        self.last_token += 1;
        self.held.insert(id.clone(), self.last_token);
        Some(self.last_token)
    }
}

/// Owner of a journal: the project that pays, and the base address of Gate, on the platform or a
/// sandbox, to which the requests are sent. Owners are equal if they have the same project and
/// their addresses differ only in spelling ([`normal_base_url`]).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Owner {
    /// The id of the project that pays.
    pub project: ProjectId,
    /// The base address of Gate to which the requests are sent: the platform's,
    /// `https://api.ecommpay.com`, or a sandbox's.
    pub gate_url: String,
}

impl Owner {
    /// Makes the owner of a journal from a project and the base address of Gate, such as
    /// [`GATE_URL`](ecp_transport::GATE_URL).
    pub fn new(project: ProjectId, gate_url: impl Into<String>) -> Self {
        Self { project, gate_url: gate_url.into() }
    }
}

impl PartialEq for Owner {
    fn eq(&self, other: &Self) -> bool {
        let same_address =
            || match (normal_base_url(&self.gate_url), normal_base_url(&other.gate_url)) {
                (Ok(one), Ok(another)) => one == another,
                _ => self.gate_url == other.gate_url,
            };
        self.project == other.project && same_address()
    }
}

impl Eq for Owner {}

/// A journal's record of one row of a file: a payout or a refund, with its state.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// State of the payout or refund, such as [`State::Success`].
    pub state: State,
    /// SHA-256 of the request's path and body. A row that has the same id and another digest was
    /// changed since its request was recorded.
    pub digest: [u8; 32],
    /// The requested sum; `None` for a refund of all that was paid, and in journals of older versions.
    pub amount: Option<Money>,
    /// Number of times that the request was sent, or was about to be sent.
    pub sends: u32,
    /// Time when the request was last sent, or was about to be sent; `None` before that.
    pub sent_at: Option<SystemTime>,
    /// The platform's id of the request, to look it up or to ask technical support; `None` if the
    /// platform gave none.
    pub request_id: Option<String>,
    /// The status in the platform's last answer to a status request, such as `success`: of the
    /// payment, or for a refund of its operation. `None` before the first answer.
    pub status: Option<String>,
    /// The platform's result or error code, such as `2004`; `None` if the platform gave none.
    pub code: Option<String>,
    /// Text that explains how the state is known, such as `the platform registered it`.
    pub evidence: String,
}

impl Entry {
    /// The entry of a row that was never sent.
    pub(crate) const fn first(digest: [u8; 32], amount: Option<Money>) -> Self {
        Self {
            state: State::NotSent,
            digest,
            amount,
            sends: 0,
            sent_at: None,
            request_id: None,
            status: None,
            code: None,
            evidence: String::new(),
        }
    }
}

/// State of a payout or refund in a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum State {
    /// The request was about to be sent, and nothing was recorded after that: it may have been
    /// sent. The next run requests its status first, as for [`Unknown`](Self::Unknown).
    Intended,
    /// The request was not sent, or the platform refused it for a cause outside of the row, such as
    /// a wrong key, and has registered nothing. The next run sends it.
    NotSent,
    /// The platform has the request, and its final result is not known yet. It is not sent again; the
    /// next run requests its status until the result is final or
    /// [`Settings::patience`](crate::Settings::patience) is over.
    Registered,
    /// The payout is paid, or the money is refunded. Nothing is sent again under this id.
    Success,
    /// The platform declined the payout or refund, or refused its request for a cause in the row:
    /// no money has moved, and none will under this id. To pay after all, use a new id.
    Decline,
    /// The payout or refund ended in an error, and nothing says whether money has moved, or how
    /// much: ask technical support. It is not sent again; each run requests its status once more.
    Error,
    /// The outcome of the request is unknown: it may have arrived at the platform. The next run
    /// requests its status. It sends a payout again only if the platform's signed answer says that
    /// it does not know the payment
    /// ([`Settings::not_found_after`](crate::Settings::not_found_after)), and a refund never.
    Unknown,
}

impl State {
    /// All states that a payout or refund in a journal can have.
    pub const ALL: &'static [Self] = &[
        Self::Intended,
        Self::NotSent,
        Self::Registered,
        Self::Success,
        Self::Decline,
        Self::Error,
        Self::Unknown,
    ];

    /// The state's name, as the journal and files of results spell it, such as `not sent`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Intended => "intended",
            Self::NotSent => "not sent",
            Self::Registered => "registered",
            Self::Success => "success",
            Self::Decline => "decline",
            Self::Error => "error",
            Self::Unknown => "unknown",
        }
    }

    /// The name in logs and metrics.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::NotSent => "not_sent",
            _ => self.as_str(),
        }
    }

    /// Whether the state is a success or a decline, so that a run has nothing left to do for the
    /// row. `false` also for [`State::Error`]: the next run requests the status again, because
    /// technical support may have corrected it.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Success | Self::Decline)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Error of using a journal, the record of which payouts and refunds were sent, in a run of a
/// [`Payer`](crate::Payer) or for reading.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// The file of the journal is open elsewhere: by a run, a reader, or a service that pays
    /// through it and keeps it open for as long as it lives. Wait until that ends.
    #[error("another run, service or reader has the journal open; wait until it ends")]
    InUse,
    /// The journal belongs to this owner, which has another project, or another base address of
    /// Gate, than the run. Run with the owner's project and address. A new journal would not know
    /// what was sent, so use one only if these rows were not paid there.
    #[error(
        "the journal belongs to project {} at {}: to go on with its payouts, use that project and \
         address. Another journal does not know what was sent there: name one only if these rows \
         were not paid there (as after a trial in a sandbox)",
        .0.project, .0.gate_url
    )]
    OtherOwner(Owner),
    /// A row of the file differs from the request that the journal has under the same id and that
    /// may have been sent before. This run sent nothing. Restore the row, or give the new row an id
    /// of its own.
    #[error(
        "nothing was sent: the row ({row}) differs from its request in the journal, which may have been sent before; restore the row, or give the new row an id of its own"
    )]
    Changed {
        /// The id of the changed row.
        row: RowId,
    },
    /// New rows of the file have ids that look like ids in the journal, such as `p-1` and `P-1`.
    /// The rows in the journal may have been sent before, and are no longer in the file. This run
    /// sent nothing. Write the ids as they were, or give new rows ids that look different. Or a new
    /// row refunds a payment of which another refund has not ended, whose row is no longer in the
    /// file: put that row back.
    #[error(
        "nothing was sent: new rows of the file look like rows that may have been sent before; correct the lines below, or give a row that is really new an id that looks different:\n{0}"
    )]
    Respelled(Problems),
    /// The file has new rows, and none of the rows that were sent according to the journal: it is
    /// another file, or its ids were changed. This run sent nothing.
    /// [`Settings::shared_journal`](crate::Settings::shared_journal) is for journals of several
    /// files.
    #[error(
        "nothing was sent: the file has none of the rows that the journal records as sent (count: \
         {sent}): if this is another file, give it a journal of its own; if its ids were changed, \
         write them as they were"
    )]
    OtherFile {
        /// How many payouts and refunds in the journal may have been sent.
        sent: usize,
    },
    /// The journal's file was removed, moved or replaced during a run, and nothing more is sent. It
    /// holds the only record of what that run sent: put it back under its name before the next run.
    #[error(
        "the journal's file or its `-wal` was removed or replaced during this run, and nothing more is sent; put them back under their names before the next run, which would otherwise not know what was sent; if they are gone, check the status of each payout (`ecp status`) before you pay anything"
    )]
    Removed,
    /// The file is not a journal of payouts. It was not changed; name another file.
    #[error("the file is not a journal of payouts; name another file")]
    NotAJournal,
    /// The lease of this payer ended, for example because it could not reach the server: the lease
    /// is the time for which rows belong to one payer. Another payer may have taken this row over;
    /// this one has not sent it since. Run again: nothing is sent twice.
    #[error(
        "the lease of this payer ended, and another one may have the row ({row}); it was not sent here \
         since: run again, which sends nothing twice"
    )]
    Lost {
        /// The id of the row that another payer may have.
        row: RowId,
    },
    /// A row differs from the request that the journal has under the same id and that another payer
    /// or another job may have sent. The row was not sent here. If it is a row of a run, that run
    /// ended, and its other rows may have been sent. Send the row as it was at first, or give
    /// another payout an id of its own.
    #[error(
        "the row ({row}) differs from its request in the journal, which another payer or job may \
         have sent: the row was not sent here; if it is one of a run, that run ended, and its other \
         rows may have been sent; send the row again as it was at first or, if it is another payout \
         or refund, give it an id of its own"
    )]
    Differs {
        /// The id of the row that differs.
        row: RowId,
    },
    /// The store could not read or write the journal. A request that could not be recorded before
    /// its send was not sent. Other rows in progress may have been sent: the next run requests
    /// their status.
    #[error("the journal cannot be read or written: {0}")]
    Storage(Box<dyn std::error::Error + Send + Sync>),
}

/// Internal form of a [`JournalError`]. The conversion from SQLite's errors is not public.
enum Failure {
    Journal(JournalError),
    Sqlite(rusqlite::Error),
}

impl From<JournalError> for Failure {
    fn from(error: JournalError) -> Self {
        Self::Journal(error)
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<Failure> for JournalError {
    fn from(failure: Failure) -> Self {
        let error = match failure {
            Failure::Journal(error) => return error,
            Failure::Sqlite(error) => error,
        };
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked) => {
                Self::InUse
            }
            Some(rusqlite::ErrorCode::NotADatabase) => Self::NotAJournal,
            _ => Self::Storage(error.into()),
        }
    }
}

/// A job of the thread that has the file open.
enum Job {
    Write(Write),
    Find(RowId, oneshot::Sender<Result<Option<Entry>, JournalError>>),
}

struct Write {
    id: RowId,
    entry: Entry,
    done: oneshot::Sender<Result<(), Failed>>,
}

/// Why a batch was not written, for each of its callers.
#[derive(Clone)]
enum Failed {
    Removed,
    Storage(String),
}

impl From<rusqlite::Error> for Failed {
    fn from(error: rusqlite::Error) -> Self {
        Self::Storage(error.to_string())
    }
}

impl Journal {
    /// Opens the journal of an owner, or creates it if the file is missing or empty. It is an error
    /// if another process has the file open ([`JournalError::InUse`], after a second), if the
    /// journal has another owner, or if the file is something else.
    ///
    /// The call blocks its thread until the whole journal is read, so an async service should make
    /// it in `spawn_blocking`. Later writes of a [`Payer`](crate::Payer) block no task.
    pub fn open(path: &Path, owner: &Owner) -> Result<Self, JournalError> {
        Ok(Self::open_file(path, owner)?)
    }

    fn open_file(path: &Path, owner: &Owner) -> Result<Self, Failure> {
        let storage = |error: std::io::Error| JournalError::Storage(error.into());
        let prepare = || -> Result<(), JournalError> {
            if let Some(path) = ecp_files::prepare_database(path).map_err(storage)? {
                let path = path.display().to_string();
                let text =
                    "other users may read this journal, and only the file's owner can change that";
                tracing::warn!(path, "{text}");
            }
            Ok(())
        };
        let is_new = !path.exists();
        if is_new {
            prepare()?;
        }
        let opened = OpenFiles::note([path.to_owned()]).map_err(storage)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        // Another process finds it locked until this one ends, even by a crash.
        connection.busy_timeout(Duration::from_secs(1))?;
        connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        copy_at_end(&connection, false)?;
        if !is_new {
            // Checked before any write: it may be another application's database.
            check_tables(&connection)?;
            prepare()?;
            store_log(&connection, path)?;
        }
        enter_wal(&connection)?;
        ecp_files::refuse_rollback(path).map_err(storage)?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.execute_batch(
            "BEGIN IMMEDIATE;
             CREATE TABLE IF NOT EXISTS owner (project INTEGER NOT NULL, gate_url TEXT NOT NULL);
             CREATE TABLE IF NOT EXISTS payouts (
                 payment_id TEXT PRIMARY KEY,
                 state TEXT NOT NULL,
                 digest BLOB NOT NULL,
                 sends INTEGER NOT NULL,
                 sent_at_ms INTEGER,
                 request_id TEXT,
                 status TEXT,
                 code TEXT,
                 evidence TEXT NOT NULL,
                 amount INTEGER,
                 currency TEXT
             ) WITHOUT ROWID;
             CREATE TABLE IF NOT EXISTS refunds (
                 payment_id TEXT NOT NULL,
                 refund_id TEXT NOT NULL,
                 state TEXT NOT NULL,
                 digest BLOB NOT NULL,
                 sends INTEGER NOT NULL,
                 sent_at_ms INTEGER,
                 request_id TEXT,
                 status TEXT,
                 code TEXT,
                 evidence TEXT NOT NULL,
                 amount INTEGER,
                 currency TEXT,
                 PRIMARY KEY (payment_id, refund_id)
             ) WITHOUT ROWID;
             COMMIT;",
        )?;
        if !has_sums(&connection)? {
            connection.execute_batch(
                "BEGIN IMMEDIATE;
                 ALTER TABLE payouts ADD COLUMN amount INTEGER;
                 ALTER TABLE payouts ADD COLUMN currency TEXT;
                 COMMIT;",
            )?;
        }
        own(&connection, owner)?;
        // SQLite syncs the folder too, and takes no notice if that fails. Without its name the log
        // is lost with all intents in it.
        ecp_files::sync_names(path).map_err(storage)?;
        copy_at_end(&connection, true)?;
        let files = OpenFiles::note_database(path, &["-wal"]).map_err(storage)?;
        if !opened.are_same() {
            return Err(JournalError::Removed.into());
        }
        let mut reader = JournalReader::of(connection)?;
        let before = entries(&mut reader)?;
        let connection = reader.into_connection();
        let (jobs, queue) = mpsc::channel();
        std::thread::Builder::new()
            .name("payout-journal".to_owned())
            .spawn(move || write(&connection, &files, &queue))
            .map_err(|error| JournalError::Storage(error.into()))?;
        Ok(Self { jobs, before: Arc::new(before), rows: Mutex::default() })
    }

    /// Reads all entries of a journal, its records of payouts and refunds, whichever project and
    /// address of Gate the journal belongs to. No run may have the journal open at the same time:
    /// then the call fails after a second ([`JournalError::InUse`]). It blocks its thread until the
    /// whole journal is read.
    pub fn read(path: &Path) -> Result<HashMap<RowId, Entry>, JournalError> {
        Ok(entries(&mut JournalReader::open(path)?)?)
    }

    /// The record of a row that the journal had when it was opened; `None` if it had none. Later
    /// writes do not change it.
    pub fn before(&self, id: &RowId) -> Option<&Entry> {
        self.before.get(id)
    }

    fn rows(&self) -> std::sync::MutexGuard<'_, Rows> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn send(&self, job: Job) -> Result<(), JournalError> {
        self.jobs.send(job).map_err(|_| thread_ended())
    }
}

/// Enters the mode in which a commit is one sync.
fn enter_wal(connection: &Connection) -> Result<(), Failure> {
    let mut statement = connection.prepare("PRAGMA journal_mode = wal")?;
    let mut rows = statement.query([])?;
    let mut mode = String::new();
    // To the end: the change is committed after the row. If that fails, the file stays empty, and
    // SQLite removes the log of an empty file.
    while let Some(row) = rows.next()? {
        mode = row.get(0)?;
    }
    if mode == "wal" {
        return Ok(());
    }
    let text = format!(
        "SQLite stays in the journal mode `{mode}`; put the journal on a local disk of this machine"
    );
    Err(JournalError::Storage(text.into()).into())
}

/// Puts on disk what can be read from the log. The log may hold an entry whose sync failed: its call
/// failed, it is not on disk, and the system counts it as written. SQLite reads it as a commit after
/// its process has ended, and continues behind it; a loss of power would then end the log there, and
/// take later intents with it.
fn store_log(connection: &Connection, path: &Path) -> Result<(), Failure> {
    // Who may only read the file commits nothing.
    if connection.is_readonly(MAIN_DB)? {
        return Ok(());
    }
    let storage = |error: std::io::Error| JournalError::Storage(error.into());
    let mut log = std::fs::canonicalize(path).map_err(storage)?.into_os_string();
    log.push("-wal");
    match std::fs::metadata(&log) {
        Ok(there) if there.len() > 0 => {}
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(storage(error).into()),
        _ => return Ok(()),
    }
    // Others must not write to the log meanwhile.
    connection.execute_batch("BEGIN IMMEDIATE")?;
    ecp_files::rewrite(Path::new(&log)).map_err(storage)?;
    connection.execute_batch("ROLLBACK")?;
    Ok(())
}

/// Whether closing the connection copies the log to the file. It must not while the log or its name
/// may not be on disk: a loss of power meanwhile would leave a part of it in the file.
fn copy_at_end(connection: &Connection, copy: bool) -> Result<(), Failure> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, !copy)?;
    Ok(())
}

fn thread_ended() -> JournalError {
    JournalError::Storage("the thread that writes it has ended; start the run again".into())
}

/// A row that is about to be reserved. It is free again when this is dropped, as by a call whose
/// future is dropped.
struct Reserved<'j> {
    journal: &'j Journal,
    id: &'j RowId,
    token: i64,
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        self.journal.release(self.id, self.token, false);
    }
}

impl JournalStore for Journal {}

#[async_trait]
impl Store for Journal {
    async fn entries(&self) -> Result<Arc<HashMap<RowId, Entry>>, JournalError> {
        Ok(Arc::clone(&self.before))
    }

    async fn entry(&self, id: &RowId) -> Result<Option<Entry>, JournalError> {
        let is_changed = {
            let rows = self.rows();
            rows.changed.contains(&rows.hasher.hash_one(id))
        };
        if !is_changed {
            return Ok(self.before.get(id).cloned());
        }
        let (done, found) = oneshot::channel();
        self.send(Job::Find(id.clone(), done))?;
        found.await.map_err(|_| thread_ended())?
    }

    async fn take(&self, ids: &[RowId]) -> Result<Vec<Taken>, JournalError> {
        let mut results = Vec::with_capacity(ids.len());
        for id in ids {
            let Some(token) = self.rows().hold(id) else {
                results.push(Taken::Busy(self.entry(id).await?.map(Box::new)));
                continue;
            };
            let reserved = Reserved { journal: self, id, token };
            results.push(match self.entry(id).await? {
                Some(entry) if entry.state.is_final() => Taken::Ended(Box::new(entry)),
                entry => {
                    std::mem::forget(reserved);
                    Taken::Held(Held { token, entry, age: None })
                }
            });
        }
        Ok(results)
    }

    async fn keep(&self, id: &RowId, token: i64, entry: &Entry) -> Result<(), JournalError> {
        {
            let mut rows = self.rows();
            if rows.held.get(id) != Some(&token) {
                return Err(JournalError::Lost { row: id.clone() });
            }
            let hash = rows.hasher.hash_one(id);
            rows.changed.insert(hash);
        }
        let (done, kept) = oneshot::channel();
        self.send(Job::Write(Write { id: id.clone(), entry: entry.clone(), done }))?;
        let kept = kept.await.map_err(|_| thread_ended())?;
        kept.map_err(|failed| match failed {
            Failed::Removed => JournalError::Removed,
            Failed::Storage(error) => JournalError::Storage(error.into()),
        })
    }

    fn release(&self, id: &RowId, token: i64, _: bool) {
        let mut rows = self.rows();
        if rows.held.get(id) == Some(&token) {
            rows.held.remove(id);
        }
    }

    fn limits(&self) -> Option<Arc<dyn SharedLimits>> {
        None
    }

    fn pause(&self) -> Duration {
        // Only other tasks of this process can have a row.
        Duration::from_millis(100)
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal").field("before", &self.before.len()).finish_non_exhaustive()
    }
}

fn own(connection: &Connection, owner: &Owner) -> Result<(), Failure> {
    match owner_of(connection)? {
        None => {
            let project = i64::try_from(owner.project.get()).unwrap_or(i64::MAX);
            let sql = "INSERT INTO owner (project, gate_url) VALUES (?1, ?2)";
            connection.execute(sql, params![project, owner.gate_url])?;
            Ok(())
        }
        Some(found) if found == *owner => Ok(()),
        Some(found) => Err(JournalError::OtherOwner(found).into()),
    }
}

/// Works until the last handle of the journal is dropped. Queued writes share one transaction.
fn write(connection: &Connection, files: &OpenFiles, queue: &mpsc::Receiver<Job>) {
    const TOGETHER: usize = 4096;
    while let Ok(first) = queue.recv() {
        let mut finds = Vec::new();
        let mut batch = Vec::new();
        for job in std::iter::once(first).chain(queue.try_iter().take(TOGETHER)) {
            match job {
                Job::Write(write) => batch.push(write),
                Job::Find(id, done) => finds.push((id, done)),
            }
        }
        if !batch.is_empty() {
            let result = commit(connection, files, &batch);
            for write in batch {
                // A caller that no longer waits needs no result.
                let _ = write.done.send(result.clone());
            }
        }
        for (id, done) in finds {
            let _ = done.send(find(connection, &id).map_err(JournalError::from));
        }
    }
}

/// Reports a batch as written only if the journal's name led to the open file meanwhile. On Unix a
/// file that was removed can be written for as long as it is open, and the next run would not find
/// it.
fn commit(connection: &Connection, files: &OpenFiles, batch: &[Write]) -> Result<(), Failed> {
    let check = || if files.are_same() { Ok(()) } else { Err(Failed::Removed) };
    check()?;
    let transaction = connection.unchecked_transaction()?;
    {
        let mut payouts = transaction.prepare_cached(
            "INSERT OR REPLACE INTO payouts
             (payment_id, state, digest, sends, sent_at_ms, request_id, status, code, evidence,
              amount, currency)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?;
        let mut refunds = transaction.prepare_cached(
            "INSERT OR REPLACE INTO refunds
             (payment_id, state, digest, sends, sent_at_ms, request_id, status, code, evidence,
              amount, currency, refund_id)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        )?;
        for write in batch {
            match write.id.refund_id() {
                None => insert(&mut payouts, write, None)?,
                refund_id => insert(&mut refunds, write, refund_id)?,
            }
        }
    }
    transaction.commit()?;
    check()
}

fn insert(
    statement: &mut Statement<'_>,
    write: &Write,
    refund_id: Option<&str>,
) -> rusqlite::Result<()> {
    let Entry { state, digest, amount, sends, sent_at, request_id, status, code, evidence } =
        &write.entry;
    let milliseconds = |time: &SystemTime| {
        let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    };
    let (payment_id, amount) = (write.id.payment_id().as_str(), amount.as_ref());
    let (state, digest) = (state.as_str(), digest.as_slice());
    let sent_at = sent_at.as_ref().map(milliseconds);
    let minor = amount.map(|amount| amount.minor());
    let currency = amount.map(|amount| amount.currency().code());
    let mut values: Vec<&dyn ToSql> = vec![
        &payment_id,
        &state,
        &digest,
        sends,
        &sent_at,
        request_id,
        status,
        code,
        evidence,
        &minor,
        &currency,
    ];
    if refund_id.is_some() {
        values.push(&refund_id);
    }
    statement.execute(values.as_slice())?;
    Ok(())
}
