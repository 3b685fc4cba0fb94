//! A connection that is only kept while it is in order.

use std::ops::Deref;

use deadpool_postgres::{Object, Pool, PoolError};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Statement, Transaction};

use crate::inbox::{InboxError, InboxErrorKind};

const CONNECTING: &str = "connecting to the inbox's database";

/// A connection from the pool. It goes back when [`Session::keep`] is called. Otherwise, when a
/// statement failed or a future was dropped half way, it is closed and the server undoes what was
/// begun.
pub(super) struct Session {
    object: Option<Object>,
}

impl Session {
    pub(super) async fn open(pool: &Pool) -> Result<Self, InboxError> {
        match pool.get().await {
            Ok(object) => Ok(Self { object: Some(object) }),
            Err(PoolError::Backend(error)) => Err(failed(CONNECTING)(error)),
            Err(error) => Err(InboxError::new(InboxErrorKind::Unavailable, CONNECTING, error)),
        }
    }

    /// The statement, prepared on this connection once.
    pub(super) async fn prepare(&self, sql: &str) -> Result<Statement, tokio_postgres::Error> {
        self.object().prepare_cached(sql).await
    }

    pub(super) async fn transaction(&mut self) -> Result<Transaction<'_>, tokio_postgres::Error> {
        let object = self.object.as_mut().expect("a session has its connection until it ends");
        let client: &mut tokio_postgres::Client = object;
        client.transaction().await
    }

    /// Gives the connection back: nothing is open on it.
    pub(super) fn keep(mut self) {
        self.object.take();
    }

    fn object(&self) -> &Object {
        self.object.as_ref().expect("a session has its connection until it ends")
    }
}

impl Deref for Session {
    type Target = tokio_postgres::Client;

    fn deref(&self) -> &Self::Target {
        self.object()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(object) = self.object.take() {
            drop(Object::take(object));
        }
    }
}

/// Why the work on a session ended early.
pub(super) enum Failure {
    Postgres(tokio_postgres::Error),
    Inbox(InboxError),
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

/// Makes an error of what Postgres said.
pub(super) fn failed<F: Into<Failure>>(doing: &'static str) -> impl Fn(F) -> InboxError {
    move |failure| match failure.into() {
        Failure::Postgres(error) => InboxError::new(kind(&error), doing, Cause::from(error)),
        Failure::Inbox(error) => error,
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

/// What the driver or the server said, without the values that it quotes.
#[derive(Debug, thiserror::Error)]
enum Cause {
    #[error("{message} (SQLSTATE {code})")]
    Server { code: String, message: String },
    #[error(transparent)]
    Driver(tokio_postgres::Error),
}

impl From<tokio_postgres::Error> for Cause {
    fn from(error: tokio_postgres::Error) -> Self {
        let Some(said) = error.as_db_error() else { return Self::Driver(error) };
        let code = said.code().code();
        // Details always, and messages about data, may quote what was stored.
        let quotes = ["22", "23", "P0"].iter().any(|class| code.starts_with(class));
        let message = if quotes { "the server refuses a value" } else { said.message() };
        Self::Server { code: code.to_owned(), message: message.to_owned() }
    }
}
