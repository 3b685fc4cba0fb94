//! The writer thread. Queued writes share one commit.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::database::Database;
use super::error::Error;
use crate::error::{InboxError, InboxErrorKind};
use crate::failpoint::failpoint;

/// Maximum number of queued jobs, and of jobs in one commit.
const QUEUE: usize = 1024;
const BATCH: usize = 256;

/// Sends jobs to the thread. When the last one is dropped, the thread finishes the queued jobs and
/// ends.
#[derive(Clone, Debug)]
pub(super) struct Writer(mpsc::Sender<Box<dyn Job>>);

/// A write. It can run again after a rollback.
trait Job: Send {
    /// Runs inside a savepoint; returns whether to keep the changes.
    fn run(&mut self, connection: &Connection) -> bool;
    /// Whether its caller still waits for the result. A job whose caller has gone is not run.
    fn is_wanted(&self) -> bool;
    /// Sends the result to the caller: that of its last run, or an error of the whole transaction.
    fn end(self: Box<Self>, error: Option<Error>);
    #[cfg_attr(not(feature = "failpoints"), expect(dead_code, reason = "for names of failpoints"))]
    fn name(&self) -> &'static str;
}

struct Task<T, W> {
    name: &'static str,
    work: W,
    /// Result of the last run.
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

    /// Runs `work` in a transaction and returns when it is on disk. It may run twice, after the
    /// first run was rolled back.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        name: &'static str,
        work: impl FnMut(&Connection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let closed = || Error::from(InboxError::plain(InboxErrorKind::Closed, name));
        let (reply, ended) = oneshot::channel();
        let task = Task { name, work, outcome: None, reply };
        self.0.send(Box::new(task)).await.map_err(|_| closed())?;
        ended.await.map_err(|_| closed())?
    }
}

impl<T: Send, W: FnMut(&Connection) -> Result<T, Error> + Send> Job for Task<T, W> {
    fn run(&mut self, connection: &Connection) -> bool {
        let outcome = catch_unwind(AssertUnwindSafe(|| (self.work)(connection)));
        let outcome =
            outcome.unwrap_or_else(|_| Err(Error::Handler("the write panicked".to_owned())));
        let keep = outcome.is_ok();
        self.outcome = Some(outcome);
        keep
    }

    fn is_wanted(&self) -> bool {
        !self.reply.is_closed()
    }

    fn end(self: Box<Self>, error: Option<Error>) {
        let result = match (self.outcome, error) {
            (Some(Err(error)), _) | (_, Some(error)) => Err(error),
            (Some(outcome), None) => outcome,
            (None, None) => return,
        };
        // The caller may have gone meanwhile; the write is committed anyway.
        drop(self.reply.send(result));
    }

    fn name(&self) -> &'static str {
        self.name
    }
}

fn run(mut database: Database, mut jobs: mpsc::Receiver<Box<dyn Job>>) {
    let mut batch = Vec::with_capacity(BATCH);
    while jobs.blocking_recv_many(&mut batch, BATCH) > 0 {
        batch.retain(|job| job.is_wanted());
        write(&mut database, &mut batch);
    }
}

/// Writes jobs in one transaction, or, if that fails, each in one of its own.
fn write(database: &mut Database, batch: &mut Vec<Box<dyn Job>>) {
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
            database.distrust();
            fail(batch, error.kind(), "writing to disk");
        }
    }
}

fn fail(batch: &mut Vec<Box<dyn Job>>, kind: InboxErrorKind, doing: &'static str) {
    for job in batch.drain(..) {
        job.end(Some(InboxError::plain(kind, doing).into()));
    }
}

fn begin(connection: &Connection) -> Result<(), Error> {
    execute(connection, "BEGIN IMMEDIATE")
}

/// Rolls back the whole transaction after an error.
fn commit(connection: &Connection, batch: &mut [Box<dyn Job>]) -> Result<(), Error> {
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

fn run_each(connection: &Connection, batch: &mut [Box<dyn Job>]) -> Result<(), Error> {
    for job in batch {
        execute(connection, "SAVEPOINT ecp_inbox_job")?;
        let keep = job.run(connection);
        // A full disk, among others, ends the whole transaction. So does a handler that commits.
        if connection.is_autocommit() {
            let cause = "the transaction ended before its commit";
            return Err(InboxError::new(InboxErrorKind::Unavailable, "writing", cause).into());
        }
        if !keep {
            execute(connection, "ROLLBACK TO ecp_inbox_job")?;
        }
        execute(connection, "RELEASE ecp_inbox_job")?;
    }
    Ok(())
}

fn execute(connection: &Connection, sql: &str) -> Result<(), Error> {
    connection.prepare_cached(sql)?.execute([])?;
    Ok(())
}
