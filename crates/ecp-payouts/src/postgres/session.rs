//! Connections from the pool, and what is tried again after they fail.
//!
//! Statements are sent unnamed, with the types of their parameters, and settings last for one
//! transaction. So a pooler in transaction mode may be in between.

use std::time::Duration;

use deadpool_postgres::{Object, PoolError};
use tokio::time::Instant;
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

use super::connect::Unreplicated;
use crate::journal::JournalError;

/// A server may be configured to answer before a commit is on the disk.
const BEGIN: &str = "
    BEGIN ISOLATION LEVEL READ COMMITTED;
    SELECT set_config('synchronous_commit', 'on', true)
    WHERE current_setting('synchronous_commit') = 'off'";

/// A value and the type that it is sent as.
pub(super) type Parameter<'a> = (&'a (dyn ToSql + Sync), Type);

/// The connections of a journal.
#[derive(Clone)]
pub(super) struct Pool {
    pub(super) connections: deadpool_postgres::Pool,
    pub(super) unreplicated: Unreplicated,
    /// The longest time in which work is tried again.
    pub(super) patience: Duration,
}

/// A connection from the pool. It returns to the pool when [`Session::end`] is called. Otherwise,
/// after a failed statement or a dropped future, it is closed and the server rolls back.
pub(super) struct Session {
    object: Option<Object>,
    unreplicated: Unreplicated,
    /// The number of commits without replication when this session began.
    before: u64,
}

/// Why work on a session failed.
pub(super) enum Failure {
    Postgres(tokio_postgres::Error),
    Pool(String),
    /// The transaction was committed, and the wait for the synchronous standby was cancelled.
    NotReplicated,
    Other(String),
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Postgres(error)
    }
}

impl Failure {
    /// Whether the same work may succeed later: the server is away, is no longer the primary, was
    /// busy, or ended a deadlock.
    fn is_passing(&self) -> bool {
        match self {
            Self::Pool(_) | Self::NotReplicated => true,
            Self::Other(_) => false,
            Self::Postgres(error) => error.code().is_none_or(|code| {
                let classes = ["08", "40", "53", "55", "57", "58"];
                // A standby is read-only.
                code.code() == "25006" || classes.iter().any(|it| code.code().starts_with(it))
            }),
        }
    }
}

impl From<Failure> for JournalError {
    fn from(failure: Failure) -> Self {
        let text = match failure {
            Failure::Pool(text) => format!("no connection to its Postgres server: {text}"),
            Failure::Other(text) => text,
            Failure::NotReplicated => "a commit did not wait for the synchronous standby, because \
                                       that wait was cancelled; look after the standby"
                .to_owned(),
            Failure::Postgres(error) => match error.as_db_error() {
                None => format!("the connection to its Postgres server: {error}"),
                Some(said) => {
                    let code = said.code().code();
                    // Messages about data may quote it.
                    let quotes = ["22", "23", "P0"].iter().any(|class| code.starts_with(class));
                    let message = if quotes {
                        "it refuses a value, which is not shown because it may be personal data"
                    } else {
                        said.message()
                    };
                    format!("its Postgres server reports: {message} (SQLSTATE {code})")
                }
            },
        };
        Self::Storage(text.into())
    }
}

impl Pool {
    pub(super) async fn session(&self) -> Result<Session, Failure> {
        let before = self.unreplicated.count();
        match self.connections.get().await {
            Ok(object) => {
                let unreplicated = self.unreplicated.clone();
                Ok(Session { object: Some(object), unreplicated, before })
            }
            Err(PoolError::Backend(error)) => Err(Failure::Postgres(error)),
            Err(error) => Err(Failure::Pool(error.to_string())),
        }
    }

    /// Tries of work that is done again while the server is away.
    pub(super) fn tries(&self) -> Tries {
        Tries { end: Instant::now() + self.patience, pause: Duration::from_millis(20) }
    }
}

/// Tries of one piece of work.
pub(super) struct Tries {
    end: Instant,
    pause: Duration,
}

impl Tries {
    /// Waits before the next try and returns `None` if there is one: the work failed for a reason
    /// that passes, and patience is left. Otherwise returns the result.
    pub(super) async fn judge<T>(
        &mut self,
        done: Result<T, Failure>,
    ) -> Option<Result<T, Failure>> {
        const LONGEST: Duration = Duration::from_secs(1);
        let failure = match done {
            Err(failure) if failure.is_passing() && Instant::now() + self.pause < self.end => {
                failure
            }
            result => return Some(result),
        };
        let code = match &failure {
            Failure::Postgres(error) => error.code().map(|code| code.code().to_owned()),
            _ => None,
        };
        tracing::warn!(
            "db.response.status_code" = code,
            "the journal's Postgres server failed: trying again"
        );
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(LONGEST);
        None
    }
}

/// Does work on a session until it succeeds, fails for a reason that stays, or the patience ends. The
/// work must have the same effect if it is done twice: a commit whose answer was lost may have
/// happened. (A function that takes an async closure has no future that is known to be `Send`.)
macro_rules! again {
    ($pool:expr, |$session:ident| $work:expr) => {{
        let mut tries = $pool.tries();
        loop {
            let done = async {
                let session = $pool.session().await?;
                let $session = &session;
                let done = $work;
                session.end()?;
                Ok::<_, $crate::postgres::session::Failure>(done)
            };
            if let Some(result) = tries.judge(done.await).await {
                break result;
            }
        }
    }};
}
pub(super) use again;

impl Session {
    /// Begins a transaction whose commit is on the disk when it returns.
    pub(super) async fn begin(&self) -> Result<(), tokio_postgres::Error> {
        self.batch_execute(BEGIN).await
    }

    pub(super) async fn commit(&self) -> Result<(), tokio_postgres::Error> {
        self.batch_execute("COMMIT").await
    }

    /// Runs one statement in a transaction of its own, in one round trip to the server.
    pub(super) async fn alone(
        &self,
        sql: &str,
        values: &[Parameter<'_>],
    ) -> Result<Vec<Row>, Failure> {
        let ((), rows, ()) =
            tokio::try_join!(self.begin(), self.query(sql, values), self.commit())?;
        Ok(rows)
    }

    /// Returns the connection to the pool after its transactions were committed. Fails if one of
    /// them may not be on the synchronous standby.
    pub(super) fn end(mut self) -> Result<(), Failure> {
        self.object.take();
        if self.unreplicated.count() == self.before { Ok(()) } else { Err(Failure::NotReplicated) }
    }

    pub(super) async fn batch_execute(&self, sql: &str) -> Result<(), tokio_postgres::Error> {
        self.client().batch_execute(sql).await
    }

    pub(super) async fn query(
        &self,
        sql: &str,
        values: &[Parameter<'_>],
    ) -> Result<Vec<Row>, tokio_postgres::Error> {
        self.client().query_typed(sql, values).await
    }

    /// The driver's client, whose other methods prepare named statements.
    fn client(&self) -> &tokio_postgres::Client {
        self.object.as_ref().expect("a session has its connection until it ends")
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(object) = self.object.take() {
            drop(Object::take(object));
        }
    }
}
