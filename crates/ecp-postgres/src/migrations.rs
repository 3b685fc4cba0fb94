//! Migrations of a store's tables, in a schema of their own beside those of the service.

use std::fmt;

use tokio_postgres::Error;

use crate::session::Session;

/// The tables of a store.
#[derive(Clone, Copy, Debug)]
pub struct Migrations {
    /// The schema of the tables: a plain name in lower case.
    pub schema: &'static str,
    /// Key of the advisory lock for processes that start at the same time.
    pub lock: i64,
    /// Migrations from each version to the next. A released one is never changed.
    pub steps: &'static [&'static str],
}

/// Why tables were not migrated.
#[derive(Debug)]
#[non_exhaustive]
pub enum MigrationError {
    /// The server could not do it.
    Postgres(Error),
    /// The tables have this version, which is newer than the last one known.
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
    /// The newest version of the tables.
    pub const fn newest(&self) -> usize {
        self.steps.len()
    }

    /// The version of the tables that are there; `None` if there are none. Changes nothing.
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
