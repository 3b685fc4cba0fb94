//! Migrations of a store's tables, in a schema of their own beside those of the service.

use std::fmt;

use tokio_postgres::Error;

use crate::session::Session;

/// The SQL that makes the tables of a store, such as an inbox or a journal of payouts, and brings
/// tables of an older version up to date.
#[derive(Clone, Copy, Debug)]
pub struct Migrations {
    /// The Postgres schema that the tables are in: a plain name in lower case, such as
    /// `ecp_payouts`.
    pub schema: &'static str,
    /// Key of the Postgres advisory lock that a process takes while it migrates, so that others
    /// wait. Each schema has its own.
    pub lock: i64,
    /// The SQL of each migration: the first one makes version 1 of the tables, and each further one
    /// changes them to the next version. Add new ones at the end; a released one is never changed.
    pub steps: &'static [&'static str],
}

/// Error of [`Migrations::migrate`]. It is safe to call that again with another session: each
/// migration is made once.
#[derive(Debug)]
#[non_exhaustive]
pub enum MigrationError {
    /// The server refused or did not answer a statement of the migration, with this error of the
    /// driver.
    Postgres(Error),
    /// The tables have this version, and this program knows only older ones: a newer program has
    /// migrated them. Update this program.
    Newer(usize),
}

impl From<Error> for MigrationError {
    fn from(error: Error) -> Self {
        Self::Postgres(error)
    }
}

impl fmt::Display for MigrationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Postgres(error) => write!(f, "the tables cannot be migrated: {error}"),
            Self::Newer(version) => write!(f, "the tables have version {version}, which is newer"),
        }
    }
}

impl std::error::Error for MigrationError {}

impl Migrations {
    /// The newest version of the tables that this program knows: the number of
    /// [`steps`](Self::steps).
    pub const fn newest(&self) -> usize {
        self.steps.len()
    }

    /// The version of the tables that are in the database; `None` if no process has made them yet.
    /// Changes nothing.
    pub async fn version(&self, session: &Session) -> Result<Option<usize>, Error> {
        let sql = format!("SELECT to_regclass('{}.migrations') IS NOT NULL", self.schema);
        let exists = session.client().query_typed_one(&sql, &[]).await?;
        if exists.try_get(0)? { Ok(Some(self.recorded(session).await?)) } else { Ok(None) }
    }

    /// Migrates the tables to the newest version, and makes those that are missing. Several processes
    /// may do so at the same time.
    pub async fn migrate(&self, session: &Session) -> Result<(), MigrationError> {
        let Self { schema, lock, steps } = self;
        session
            .batch_execute(&format!(
                "BEGIN;
                 SELECT pg_advisory_xact_lock({lock});
                 CREATE SCHEMA IF NOT EXISTS {schema};
                 CREATE TABLE IF NOT EXISTS {schema}.migrations (
                     version integer PRIMARY KEY,
                     applied timestamptz NOT NULL DEFAULT now()
                 );"
            ))
            .await?;
        let version = self.recorded(session).await?;
        let Some(missing) = steps.get(version..) else {
            return Err(MigrationError::Newer(version));
        };
        for (number, migration) in (version + 1..).zip(missing) {
            session
                .batch_execute(&format!(
                    "{migration}; INSERT INTO {schema}.migrations (version) VALUES ({number});"
                ))
                .await?;
        }
        Ok(session.commit().await?)
    }

    async fn recorded(&self, session: &Session) -> Result<usize, Error> {
        let sql = format!("SELECT coalesce(max(version), 0) FROM {}.migrations", self.schema);
        let row = session.client().query_typed_one(&sql, &[]).await?;
        Ok(usize::try_from(row.try_get::<_, i32>(0)?).unwrap_or_default())
    }
}
