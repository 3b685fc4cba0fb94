//! The writer thread. Queued writes share one commit.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::database::Database;
use super::error::Error;
use super::write::{self, Written};
use crate::accept::Record;
use crate::error::{InboxError, InboxErrorKind};
use crate::failpoint::failpoint;

/// Maximum number of queued jobs, and of jobs in one commit.
const QUEUE: usize = 1024;
const BATCH: usize = 256;

/// Sends jobs to the thread. When the last one is dropped, the thread finishes the queued jobs and
/// ends.
#[derive(Clone, Debug)]
pub(super) struct Writer(mpsc::Sender<Queued>);

enum Queued {
    Accept(Box<Accept>),
    Job(Box<dyn Job>),
}

/// A callback to store. All callbacks of one commit are stored together.
struct Accept {
    record: Record,
    now: i64,
    /// Result of the last time that the callback was stored in a transaction; `None` before the
    /// first time. It is stored again, alone, if the transaction that it shared with other writes
    /// failed.
    outcome: Option<Result<Written, Error>>,
    reply: oneshot::Sender<Result<Written, Error>>,
}

/// A write. It can run again after a rollback.
trait Job: Send {
    /// Runs in the transaction; returns whether to keep the changes.
    fn run(&mut self, connection: &Connection) -> bool;
    /// Whether its changes can be rolled back alone, at the cost of a savepoint. Otherwise its
    /// failure rolls back the whole transaction.
    fn has_savepoint(&self) -> bool;
    /// Whether its caller still waits for the result. A job whose caller has gone is not run.
    fn is_wanted(&self) -> bool;
    /// Sends the result to the caller: that of its last run, or an error of the whole transaction.
    fn end(self: Box<Self>, error: Option<Error>);
    #[cfg_attr(not(feature = "failpoints"), expect(dead_code, reason = "for names of failpoints"))]
    fn name(&self) -> &'static str;
}

struct Task<T, W> {
    name: &'static str,
    has_savepoint: bool,
    work: W,
    /// Result of the last run of `work`; `None` before the first run. `work` runs again, alone, if
    /// the transaction that it shared with other writes failed.
    outcome: Option<Result<T, Error>>,
    reply: oneshot::Sender<Result<T, Error>>,
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(database: Database) -> Result<Self, Error> {
        let (sender, jobs) = mpsc::channel(QUEUE);
        thread::Builder::new()
            .name("ecp-inbox".to_owned())
            .spawn(move || run(database, jobs))
            .map_err(|error| {
                InboxError::new(
                    InboxErrorKind::NoThread,
                    "starting the inbox's writer thread",
                    error,
                )
            })?;
        Ok(Self(sender))
    }

    /// Stores a callback and returns when it is on disk.
    pub(super) async fn accept(&self, record: Record, now: i64) -> Result<Written, Error> {
        let accept = |reply| Queued::Accept(Box::new(Accept { record, now, outcome: None, reply }));
        self.queue(accept).await
    }

    /// Runs `work` in a transaction and returns when it is on disk. It may run twice, after the
    /// first run was rolled back.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        name: &'static str,
        work: impl FnMut(&Connection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.queue(|reply| task(name, true, work, reply)).await
    }

    /// Like [`Writer::write`], for work that fails only if the database cannot be written at all.
    /// It needs no savepoint: its failure rolls back the whole transaction.
    pub(super) async fn write_whole<T: Send + 'static>(
        &self,
        name: &'static str,
        work: impl FnMut(&Connection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.queue(|reply| task(name, false, work, reply)).await
    }

    async fn queue<T>(
        &self,
        job: impl FnOnce(oneshot::Sender<Result<T, Error>>) -> Queued,
    ) -> Result<T, Error> {
        let closed = || Error::from(InboxError::plain(InboxErrorKind::Closed, "using the inbox"));
        let (reply, ended) = oneshot::channel();
        self.0.send(job(reply)).await.map_err(|_| closed())?;
        ended.await.map_err(|_| closed())?
    }
}

fn task<T: Send + 'static>(
    name: &'static str,
    has_savepoint: bool,
    work: impl FnMut(&Connection) -> Result<T, Error> + Send + 'static,
    reply: oneshot::Sender<Result<T, Error>>,
) -> Queued {
    Queued::Job(Box::new(Task { name, has_savepoint, work, outcome: None, reply }))
}

impl<T: Send, W: FnMut(&Connection) -> Result<T, Error> + Send> Job for Task<T, W> {
    fn run(&mut self, connection: &Connection) -> bool {
        let outcome = guarded(|| (self.work)(connection));
        let keep = outcome.is_ok();
        self.outcome = Some(outcome);
        keep
    }

    fn has_savepoint(&self) -> bool {
        self.has_savepoint
    }

    fn is_wanted(&self) -> bool {
        !self.reply.is_closed()
    }

    fn end(self: Box<Self>, error: Option<Error>) {
        end(self.outcome, error, self.reply);
    }

    fn name(&self) -> &'static str {
        self.name
    }
}

impl Queued {
    fn is_wanted(&self) -> bool {
        match self {
            Self::Accept(accept) => !accept.reply.is_closed(),
            Self::Job(job) => job.is_wanted(),
        }
    }

    fn end(self, error: Option<Error>) {
        match self {
            Self::Accept(accept) => end(accept.outcome, error, accept.reply),
            Self::Job(job) => job.end(error),
        }
    }

    #[cfg(feature = "failpoints")]
    fn name(&self) -> &'static str {
        match self {
            Self::Accept(_) => "accept",
            Self::Job(job) => job.name(),
        }
    }
}

fn end<T>(
    outcome: Option<Result<T, Error>>,
    error: Option<Error>,
    reply: oneshot::Sender<Result<T, Error>>,
) {
    let result = match (outcome, error) {
        (Some(Err(error)), _) | (_, Some(error)) => Err(error),
        (Some(outcome), None) => outcome,
        (None, None) => return,
    };
    // The caller may have gone meanwhile; the write is committed anyway.
    drop(reply.send(result));
}

fn guarded<T>(work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(Error::Handler("the write panicked".to_owned())))
}

fn run(mut database: Database, mut jobs: mpsc::Receiver<Queued>) {
    let mut batch = Vec::with_capacity(BATCH);
    while jobs.blocking_recv_many(&mut batch, BATCH) > 0 {
        batch.retain(Queued::is_wanted);
        write(&mut database, &mut batch);
    }
}

/// Writes jobs in one transaction or, if that fails, each job in a transaction of its own.
fn write(database: &mut Database, batch: &mut Vec<Queued>) {
    let begun = match database.connection() {
        Err(error) => return fail(batch, error.kind(), "opening the database again"),
        Ok(connection) => begin(connection).map(|()| connection),
    };
    let committed = match begun {
        Err(error) => {
            let kind = error.kind();
            if kind != InboxErrorKind::Busy {
                database.distrust();
            }
            return fail(batch, kind, "beginning to write");
        }
        Ok(connection) => commit(connection, batch),
    };
    match committed {
        // A write to a file that was removed or replaced must not be reported as stored.
        Ok(()) => match database.check() {
            Ok(()) => {
                for job in batch.drain(..) {
                    failpoint!(&format!("{}.after_commit", job.name()));
                    job.end(None);
                }
            }
            Err(error) => fail(batch, error.kind(), "writing to disk"),
        },
        Err(_) if batch.len() > 1 => {
            for job in batch.drain(..) {
                write(database, &mut vec![job]);
            }
        }
        Err(error) => {
            // What is damaged is one row, not the connection.
            if !matches!(&error, Error::Inbox(error) if error.kind() == InboxErrorKind::Damaged) {
                database.distrust();
            }
            fail(batch, error.kind(), "writing to disk");
        }
    }
}

fn fail(batch: &mut Vec<Queued>, kind: InboxErrorKind, doing: &'static str) {
    for job in batch.drain(..) {
        job.end(Some(InboxError::plain(kind, doing).into()));
    }
}

fn begin(connection: &Connection) -> Result<(), Error> {
    execute(connection, "BEGIN IMMEDIATE")
}

/// Rolls back the whole transaction after an error.
fn commit(connection: &Connection, batch: &mut [Queued]) -> Result<(), Error> {
    let done = run_each(connection, batch).and_then(|()| {
        #[cfg(feature = "failpoints")]
        for job in &*batch {
            failpoint!(&format!("{}.before_commit", job.name()));
        }
        execute(connection, "COMMIT")
    });
    if done.is_err() && !connection.is_autocommit() {
        // If this fails too, the connection is closed, and the transaction with it.
        drop(execute(connection, "ROLLBACK"));
    }
    done
}

/// Runs the jobs of a batch. Callbacks are stored first, because they arrived while the other jobs
/// waited.
fn run_each(connection: &Connection, batch: &mut [Queued]) -> Result<(), Error> {
    accept(connection, batch)?;
    for queued in batch {
        let Queued::Job(job) = queued else { continue };
        if job.has_savepoint() {
            execute(connection, "SAVEPOINT ecp_inbox_job")?;
        }
        let keep = job.run(connection);
        in_transaction(connection)?;
        if job.has_savepoint() {
            if !keep {
                execute(connection, "ROLLBACK TO ecp_inbox_job")?;
            }
            execute(connection, "RELEASE ecp_inbox_job")?;
        } else if !keep {
            // Its caller gets its own error, if it fails alone too.
            let kind = InboxErrorKind::Unavailable;
            return Err(InboxError::plain(kind, "writing").into());
        }
    }
    Ok(())
}

fn accept(connection: &Connection, batch: &mut [Queued]) -> Result<(), Error> {
    let mut accepts: Vec<&mut Accept> = batch
        .iter_mut()
        .filter_map(|queued| match queued {
            Queued::Accept(accept) => Some(&mut **accept),
            Queued::Job(_) => None,
        })
        .collect();
    if accepts.is_empty() {
        return Ok(());
    }
    let records: Vec<(&Record, i64)> =
        accepts.iter().map(|accept| (&accept.record, accept.now)).collect();
    let written = match guarded(|| write::accept(connection, &records)) {
        Ok(written) => written,
        // With others, it runs again alone.
        Err(error) if accepts.len() == 1 => {
            let kind = error.kind();
            accepts[0].outcome = Some(Err(error));
            return Err(InboxError::plain(kind, "storing a callback").into());
        }
        Err(error) => return Err(error),
    };
    for (accept, written) in accepts.into_iter().zip(written) {
        accept.outcome = Some(Ok(written));
    }
    in_transaction(connection)
}

/// Fails if the transaction has ended: SQLite ends it at errors such as a full disk, and a handler
/// can commit it.
fn in_transaction(connection: &Connection) -> Result<(), Error> {
    if connection.is_autocommit() {
        let cause = "the transaction ended before its commit";
        return Err(InboxError::new(InboxErrorKind::Unavailable, "writing", cause).into());
    }
    Ok(())
}

fn execute(connection: &Connection, sql: &str) -> Result<(), Error> {
    connection.prepare_cached(sql)?.execute([])?;
    Ok(())
}
