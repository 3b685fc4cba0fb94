//! Pooled connections, which are reused only after a regular end.
//!
//! Unless options say otherwise, statements are sent unnamed, with the types of their parameters.
//! Settings last for one transaction. So a transaction may run on any connection of the server, and
//! a pooler in transaction mode may be in between.

use std::error::Error;
use std::fmt;

use bytes::BytesMut;
use ecp_postgres::deadpool_postgres::PoolError;
use ecp_postgres::shown_message;
pub(super) use ecp_postgres::{DURABLE, Parameter, Pool};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{IsNull, ToSql, Type};
use tokio_postgres::{Row, Statement, Transaction};

use crate::error::{InboxError, InboxErrorKind};

const CONNECTING: &str = "connecting to the inbox's database";

/// A Rust type that is sent as a certain Postgres type.
pub(super) trait Typed: ToSql + Sync {
    const TYPE: Type;
    /// The Postgres type of an array of such values.
    const ARRAY: Type;
}

impl Typed for i32 {
    const TYPE: Type = Type::INT4;
    const ARRAY: Type = Type::INT4_ARRAY;
}

impl Typed for i64 {
    const TYPE: Type = Type::INT8;
    const ARRAY: Type = Type::INT8_ARRAY;
}

impl Typed for &str {
    const TYPE: Type = Type::TEXT;
    const ARRAY: Type = Type::TEXT_ARRAY;
}

impl Typed for String {
    const TYPE: Type = Type::TEXT;
    const ARRAY: Type = Type::TEXT_ARRAY;
}

impl Typed for &[u8] {
    const TYPE: Type = Type::BYTEA;
    const ARRAY: Type = Type::BYTEA_ARRAY;
}

impl<T: Typed> Typed for Option<T> {
    const TYPE: Type = T::TYPE;
    const ARRAY: Type = T::ARRAY;
}

/// Returns the parameter for the values of one column in several rows, sent as an array.
pub(super) fn column<T: Typed>(values: &Vec<T>) -> Parameter<'_> {
    (values, T::ARRAY)
}

pub(super) fn typed<T: Typed>(value: &T) -> Parameter<'_> {
    (value, T::TYPE)
}

/// A connection from the pool, which may use named statements.
pub(super) struct Session {
    session: ecp_postgres::Session,
    has_names: bool,
}

impl Session {
    pub(super) async fn open(pool: &Pool, has_names: bool) -> Result<Self, InboxError> {
        match pool.session().await {
            Ok(session) => Ok(Self { session, has_names }),
            Err(PoolError::Backend(error)) => Err(failed(CONNECTING)(error)),
            Err(error) => Err(InboxError::new(InboxErrorKind::Unavailable, CONNECTING, error)),
        }
    }

    /// The session without named statements.
    pub(super) fn unnamed(&self) -> &ecp_postgres::Session {
        &self.session
    }

    /// Begins a transaction whose commit is on the disk when it returns.
    pub(super) async fn begin(&self) -> Result<(), tokio_postgres::Error> {
        self.session.begin().await
    }

    /// Begins a transaction in which functions are called that make their settings themselves.
    pub(super) async fn begin_function(&self) -> Result<(), tokio_postgres::Error> {
        self.batch_execute("BEGIN ISOLATION LEVEL READ COMMITTED").await
    }

    /// Begins a transaction that writes several rows at once. Its statements find rows by indexes
    /// even if they are planned while the tables are empty, as named statements may be. JIT
    /// compilation is off, because the server would compile plans that read a whole table: with
    /// `enable_seqscan` off, their estimated cost is very high.
    pub(super) async fn begin_batch(&self) -> Result<(), tokio_postgres::Error> {
        self.batch_execute(&format!(
            "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL enable_seqscan = off; SET LOCAL jit = off;
             {DURABLE}"
        ))
        .await
    }

    pub(super) async fn commit(&self) -> Result<(), tokio_postgres::Error> {
        self.session.commit().await
    }

    /// Prepares statements before they are sent together: preparing one among them would send it
    /// after the others.
    pub(super) async fn ready(&self, statements: &[&str]) -> Result<(), tokio_postgres::Error> {
        for sql in statements {
            self.named(sql).await?;
        }
        Ok(())
    }

    /// Runs one statement in a transaction of its own, in one round trip to the server.
    pub(super) async fn alone<T>(
        &self,
        sql: &str,
        statement: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, tokio_postgres::Error> {
        self.ready(&[sql]).await?;
        let ((), result, ()) = tokio::try_join!(self.begin(), statement, self.commit())?;
        Ok(result)
    }

    pub(super) async fn transaction(&mut self) -> Result<Transaction<'_>, tokio_postgres::Error> {
        self.session.client_mut().transaction().await
    }

    /// Returns the connection to the pool after its transactions were committed. Fails if one of
    /// them may not be on the synchronous standby: then a promise of durability must not be given.
    pub(super) fn end(self) -> Result<(), Failure> {
        if self.session.end() { Ok(()) } else { Err(Failure::NotReplicated) }
    }

    /// Returns the connection to the pool after it was only read from: no transaction is open on it.
    pub(super) fn keep(self) {
        self.session.keep();
    }

    pub(super) async fn batch_execute(&self, sql: &str) -> Result<(), tokio_postgres::Error> {
        self.session.batch_execute(sql).await
    }

    pub(super) async fn execute(
        &self,
        sql: &str,
        values: &[Parameter<'_>],
    ) -> Result<u64, tokio_postgres::Error> {
        match self.named(sql).await? {
            Some(named) => self.client().execute(&named, &refs(&quiet(values))).await,
            None => self.client().execute_typed(sql, values).await,
        }
    }

    pub(super) async fn query(
        &self,
        sql: &str,
        values: &[Parameter<'_>],
    ) -> Result<Vec<Row>, tokio_postgres::Error> {
        match self.named(sql).await? {
            Some(named) => self.client().query(&named, &refs(&quiet(values))).await,
            None => self.client().query_typed(sql, values).await,
        }
    }

    pub(super) async fn query_one(
        &self,
        sql: &str,
        values: &[Parameter<'_>],
    ) -> Result<Row, tokio_postgres::Error> {
        match self.named(sql).await? {
            Some(named) => self.client().query_one(&named, &refs(&quiet(values))).await,
            None => self.client().query_typed_one(sql, values).await,
        }
    }

    pub(super) async fn query_opt(
        &self,
        sql: &str,
        values: &[Parameter<'_>],
    ) -> Result<Option<Row>, tokio_postgres::Error> {
        match self.named(sql).await? {
            Some(named) => self.client().query_opt(&named, &refs(&quiet(values))).await,
            None => self.client().query_typed_opt(sql, values).await,
        }
    }

    /// The statement, prepared once on this connection, if names are used.
    async fn named(&self, sql: &str) -> Result<Option<Statement>, tokio_postgres::Error> {
        if !self.has_names {
            return Ok(None);
        }
        self.session.object().prepare_cached(sql).await.map(Some)
    }

    /// The driver's client, whose other methods prepare named statements.
    fn client(&self) -> &tokio_postgres::Client {
        self.session.client()
    }
}

/// A parameter of a named statement. The driver logs these at `debug` by their `Debug`, which
/// prints no value here.
struct Quiet<'a>(&'a (dyn ToSql + Sync));

fn quiet<'a>(values: &[Parameter<'a>]) -> Vec<Quiet<'a>> {
    values.iter().map(|(value, _)| Quiet(*value)).collect()
}

fn refs<'a>(values: &'a [Quiet<'a>]) -> Vec<&'a (dyn ToSql + Sync)> {
    values.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
}

impl fmt::Debug for Quiet<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("_")
    }
}

impl ToSql for Quiet<'_> {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        self.0.to_sql_checked(kind, out)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn to_sql_checked(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        self.0.to_sql_checked(kind, out)
    }
}

/// The reason why the work on a session ended early.
pub(super) enum Failure {
    Postgres(tokio_postgres::Error),
    Inbox(InboxError),
    /// The server committed the transaction, but its wait for the synchronous standby was
    /// cancelled: a failover may lose the transaction, so it must not be reported as stored.
    NotReplicated,
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Postgres(error)
    }
}

impl From<InboxError> for Failure {
    fn from(error: InboxError) -> Self {
        Self::Inbox(error)
    }
}

impl Failure {
    /// The SQLSTATE of the server's error, `None` if the error is not from the server.
    pub(super) fn code(&self) -> Option<&str> {
        match self {
            Self::Postgres(error) => error.code().map(SqlState::code),
            Self::Inbox(_) | Self::NotReplicated => None,
        }
    }

    /// Whether a payment that was to be made is there since another transaction was committed.
    pub(super) fn is_of_a_made_payment(&self) -> bool {
        let Self::Postgres(error) = self else { return false };
        error.as_db_error().is_some_and(|error| {
            *error.code() == SqlState::UNIQUE_VIOLATION
                && error.schema() == Some("ecp_inbox")
                && error.constraint() == Some("payments_pkey")
        })
    }

    /// Whether one row of a batch may be the cause of the failure, so that writing the rows one by
    /// one may succeed for the others. If not, each row would fail for the same cause.
    pub(super) fn may_be_of_one_row(&self) -> bool {
        let error = match self {
            Self::Postgres(error) => error,
            Self::Inbox(error) => return error.kind() == InboxErrorKind::Damaged,
            Self::NotReplicated => return false,
        };
        // Refused values and constraints, rollbacks, limits of a row, and a lock that was not given
        // in time.
        let classes = ["21", "22", "23", "40", "54", "55"];
        error.code().is_some_and(|code| classes.iter().any(|class| code.code().starts_with(class)))
    }
}

/// Makes an error from Postgres's error.
pub(super) fn failed<F: Into<Failure>>(doing: &'static str) -> impl Fn(F) -> InboxError {
    move |failure| match failure.into() {
        Failure::Postgres(error) => InboxError::new(kind(&error), doing, Cause::from(error)),
        Failure::Inbox(error) => error,
        Failure::NotReplicated => InboxError::plain(InboxErrorKind::NotReplicated, doing),
    }
}

fn kind(error: &tokio_postgres::Error) -> InboxErrorKind {
    match error.code() {
        Some(code) if *code == SqlState::DISK_FULL => InboxErrorKind::Full,
        Some(code) if *code == SqlState::DATA_CORRUPTED => InboxErrorKind::Damaged,
        Some(code) if *code == SqlState::INDEX_CORRUPTED => InboxErrorKind::Damaged,
        Some(code) if *code == SqlState::LOCK_NOT_AVAILABLE => InboxErrorKind::Busy,
        _ => InboxErrorKind::Unavailable,
    }
}

/// The error of the driver or the server, without the values that it quotes.
#[derive(Debug, thiserror::Error)]
enum Cause {
    #[error("the Postgres server reports: {message} (SQLSTATE {code})")]
    Server { code: String, message: String },
    #[error(transparent)]
    Driver(tokio_postgres::Error),
}

impl From<tokio_postgres::Error> for Cause {
    fn from(error: tokio_postgres::Error) -> Self {
        let Some(said) = error.as_db_error() else { return Self::Driver(error) };
        let hidden = "a value is refused, and not shown because it may be personal data";
        let message = shown_message(said).unwrap_or(hidden);
        Self::Server { code: said.code().code().to_owned(), message: message.to_owned() }
    }
}
