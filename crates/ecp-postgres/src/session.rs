//! Pooled connections, which are reused only after a regular end.

use std::fmt;

use deadpool_postgres::Object;
use tokio_postgres::error::DbError;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row};

use crate::connect::Unreplicated;

/// SQL to be run inside a transaction, which makes its commit wait until it is on the disk. Without
/// it, a server with `synchronous_commit = off` answers before that. Stricter settings are left as
/// they are.
pub const DURABLE: &str = "
    SELECT set_config('synchronous_commit', 'on', true)
    WHERE current_setting('synchronous_commit') = 'off'";

/// The value of a parameter of a statement, and the Postgres type that it is sent as.
pub type Parameter<'a> = (&'a (dyn ToSql + Sync), Type);

/// A connection from the [`Pool`](crate::Pool). It returns to the pool when [`Session::end`] or
/// [`Session::keep`] is called. Otherwise, after a failed statement or a dropped future, it is
/// closed and the server rolls back.
pub struct Session {
    object: Option<Object>,
    unreplicated: Unreplicated,
    /// How many commits on the connections of the pool had not been replicated when this session
    /// began.
    before: u64,
}

impl Session {
    pub(crate) fn new(object: Object, unreplicated: Unreplicated) -> Self {
        let before = unreplicated.count();
        Self { object: Some(object), unreplicated, before }
    }

    /// Begins a transaction. When its [`commit`](Self::commit) returns, the changes are on the
    /// disk.
    pub async fn begin(&self) -> Result<(), tokio_postgres::Error> {
        self.batch_execute(&format!("BEGIN ISOLATION LEVEL READ COMMITTED; {DURABLE}")).await
    }

    /// Commits the transaction that [`begin`](Self::begin) has begun.
    pub async fn commit(&self) -> Result<(), tokio_postgres::Error> {
        self.batch_execute("COMMIT").await
    }

    /// Runs one or more statements without parameters, with `;` between them, and returns no rows.
    pub async fn batch_execute(&self, sql: &str) -> Result<(), tokio_postgres::Error> {
        self.object().batch_execute(sql).await
    }

    /// Runs a statement and returns its rows. It is not prepared under a name, but sent with the
    /// types of its parameters, so it also works through a pooler in transaction mode, such as
    /// pgbouncer.
    pub async fn query(
        &self,
        sql: &str,
        values: &[Parameter<'_>],
    ) -> Result<Vec<Row>, tokio_postgres::Error> {
        self.client().query_typed(sql, values).await
    }

    /// Runs one statement in a transaction of its own, in one round trip, and returns its rows; the
    /// commit is on the disk when this returns. After [`query`](Self::query) alone, the server's
    /// settings decide that. Not for use inside an open transaction.
    pub async fn alone(
        &self,
        sql: &str,
        values: &[Parameter<'_>],
    ) -> Result<Vec<Row>, tokio_postgres::Error> {
        let ((), rows, ()) =
            tokio::try_join!(self.begin(), self.query(sql, values), self.commit())?;
        Ok(rows)
    }

    /// Returns the connection to the pool after its transactions were committed. The result says
    /// whether each of them is on the synchronous standby, if the server has one. With `false`, one
    /// of them may not be there, because the wait for the standby was cancelled, on this connection
    /// or another one of the pool: do not report the work as stored.
    ///
    /// Where `synchronous_commit` is `local`, commits do not wait for the standby, and this is
    /// `true`.
    #[must_use = "a promise of durability must not be given for a transaction that was not replicated"]
    pub fn end(self) -> bool {
        let is_replicated = self.unreplicated.count() == self.before;
        self.keep();
        is_replicated
    }

    /// Returns the connection to the pool after it was only read from. No transaction may be open
    /// on it.
    pub fn keep(mut self) {
        self.object.take();
    }

    /// The driver's client. Of its methods, use those that are called `typed`, such as
    /// `query_typed`: the others prepare named statements, which a pooler in transaction mode may
    /// not take.
    pub fn client(&self) -> &Client {
        self.object()
    }

    /// The driver's client, for a transaction of the driver (`Client::transaction`).
    #[expect(clippy::missing_panics_doc, reason = "it does not panic")]
    pub fn client_mut(&mut self) -> &mut Client {
        self.object.as_mut().expect("a session has its connection until it ends")
    }

    /// The pool's client, which caches named statements (`prepare_cached`). A pooler in transaction
    /// mode may not take those.
    #[expect(clippy::missing_panics_doc, reason = "it does not panic")]
    pub fn object(&self) -> &Object {
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

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("before", &self.before).finish_non_exhaustive()
    }
}

/// The message of a server's error if it is safe to log. `None` for errors about data (SQLSTATE
/// classes 22 and 23) and errors that a function raised (P0), whose messages may quote stored data.
/// The details of any error may quote stored data: never log them.
pub fn shown_message(said: &DbError) -> Option<&str> {
    let code = said.code().code();
    let quotes = ["22", "23", "P0"].iter().any(|class| code.starts_with(class));
    (!quotes).then(|| said.message())
}
