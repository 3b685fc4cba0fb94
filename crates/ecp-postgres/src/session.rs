//! Pooled connections, which are reused only after a regular end.

use std::fmt;

use deadpool_postgres::Object;
use tokio_postgres::error::DbError;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row};

use crate::connect::Unreplicated;

/// Makes the commit of a transaction wait for the disk, as a server may be configured to answer before.
pub const DURABLE: &str = "
    SELECT set_config('synchronous_commit', 'on', true)
    WHERE current_setting('synchronous_commit') = 'off'";

/// A value and the type that it is sent as.
pub type Parameter<'a> = (&'a (dyn ToSql + Sync), Type);

/// A connection from the pool. It returns to the pool when [`Session::end`] or [`Session::keep`] is
/// called. Otherwise, after a failed statement or a dropped future, it is closed and the server rolls
/// back.
pub struct Session {
    object: Option<Object>,
    unreplicated: Unreplicated,
    /// The number of commits without replication when this session began.
    before: u64,
}

impl Session {
    pub(crate) fn new(object: Object, unreplicated: Unreplicated) -> Self {
        let before = unreplicated.count();
        Self { object: Some(object), unreplicated, before }
    }

    /// Begins a transaction whose commit is on the disk when it returns.
    pub async fn begin(&self) -> Result<(), tokio_postgres::Error> {
        self.batch_execute(&format!("BEGIN ISOLATION LEVEL READ COMMITTED; {DURABLE}")).await
    }

    /// Commits the transaction.
    pub async fn commit(&self) -> Result<(), tokio_postgres::Error> {
        self.batch_execute("COMMIT").await
    }

    /// Runs statements without parameters.
    pub async fn batch_execute(&self, sql: &str) -> Result<(), tokio_postgres::Error> {
        self.object().batch_execute(sql).await
    }

    /// Runs a statement that is sent unnamed, with the types of its parameters, so that a pooler in
    /// transaction mode may be in between.
    pub async fn query(
        &self,
        sql: &str,
        values: &[Parameter<'_>],
    ) -> Result<Vec<Row>, tokio_postgres::Error> {
        self.client().query_typed(sql, values).await
    }

    /// Runs one statement between [`begin`](Self::begin) and [`commit`](Self::commit), in one round
    /// trip, so that its commit is on the disk when this returns; after [`query`](Self::query) alone,
    /// the server's settings decide. Not for use inside an open transaction.
    pub async fn alone(
        &self,
        sql: &str,
        values: &[Parameter<'_>],
    ) -> Result<Vec<Row>, tokio_postgres::Error> {
        let ((), rows, ()) =
            tokio::try_join!(self.begin(), self.query(sql, values), self.commit())?;
        Ok(rows)
    }

    /// Returns the connection to the pool after its transactions were committed, and whether each
    /// of them is on the synchronous standby, if the server has one. With `false`, one of them may
    /// not be there: the wait for the standby was cancelled, on this connection or another one of
    /// the pool.
    ///
    /// Where `synchronous_commit` is `local`, commits do not wait for the standby, and this is
    /// `true`.
    #[must_use = "a promise of durability must not be given for a transaction that was not replicated"]
    pub fn end(self) -> bool {
        let is_replicated = self.unreplicated.count() == self.before;
        self.keep();
        is_replicated
    }

    /// Returns the connection to the pool after it was only read from: no transaction is open on it.
    pub fn keep(mut self) {
        self.object.take();
    }

    /// The driver's client. Some of its methods prepare named statements, which a pooler in
    /// transaction mode may not take: those that are called `typed` do not.
    pub fn client(&self) -> &Client {
        self.object()
    }

    /// The driver's client, for a transaction of the driver.
    #[expect(clippy::missing_panics_doc, reason = "it does not panic")]
    pub fn client_mut(&mut self) -> &mut Client {
        self.object.as_mut().expect("a session has its connection until it ends")
    }

    /// The pool's client, which caches named statements.
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

/// The message of a server's error; `None` if it may quote stored data, as messages about data do,
/// and details always.
pub fn shown_message(said: &DbError) -> Option<&str> {
    let code = said.code().code();
    let quotes = ["22", "23", "P0"].iter().any(|class| code.starts_with(class));
    (!quotes).then(|| said.message())
}
