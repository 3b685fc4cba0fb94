//! Selection of an inbox.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use ecp_inbox::postgres::{PostgresAddress, PostgresOptions};
use ecp_inbox::sqlite::SqliteOptions;
use ecp_inbox::{Finding, Inbox, InboxError, InboxErrorKind};

use crate::database;
use crate::output::shell_word;

/// Options that select an inbox.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Store {
    /// The file of an inbox in SQLite, which your service writes
    #[arg(long, value_name = "FILE")]
    db: Option<PathBuf>,

    /// The database of a Postgres inbox, as a URL or as `host=.. user=.. dbname=..`, with
    /// `sslmode=verify-full` for TLS that no one can intercept; its password is read from the
    /// environment variable PGPASSWORD, and missing values of `sslmode`, `sslrootcert` and
    /// `channel_binding` from PGSSLMODE, PGSSLROOTCERT and PGCHANNELBINDING
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
}

impl Store {
    /// Returns the option as a flag for a suggested command.
    pub(crate) fn flag(&self) -> String {
        match (&self.db, &self.postgres) {
            (Some(path), _) => format!(" --db {}", shell_word(&path.to_string_lossy())),
            (None, Some(address)) => format!(" --postgres {}", shell_word(address)),
            (None, None) => String::new(),
        }
    }

    /// Opens the selected inbox. Fails if it does not exist.
    pub(crate) async fn open(&self) -> anyhow::Result<Arc<dyn Inbox>> {
        if let Some(path) = &self.db {
            let name = path.display();
            if !path.exists() {
                anyhow::bail!(
                    "there is no file {name}: name the inbox database of your service with --db"
                );
            }
            let inbox = SqliteOptions::new().existing_only().open(path).await;
            return Ok(Arc::new(
                inbox
                    .map_err(advise)
                    .with_context(|| format!("cannot open the inbox in {name}"))?,
            ));
        }
        let inbox = PostgresOptions::new().existing_only().open_at(self.address()?).await;
        Ok(Arc::new(
            inbox.map_err(advise).context("cannot open the inbox in the database of --postgres")?,
        ))
    }

    /// Examines the selected inbox and its database.
    pub(crate) async fn examine(&self) -> anyhow::Result<Vec<Finding>> {
        Ok(match &self.db {
            Some(path) => SqliteOptions::new().examine(path).await,
            None => PostgresOptions::new().examine_at(self.address()?).await,
        })
    }

    /// The address of --postgres, with what the environment adds to it.
    fn address(&self) -> anyhow::Result<PostgresAddress> {
        let text = self.postgres.as_deref().unwrap_or_default();
        database::postgres("--postgres", text)
    }
}

/// Adds advice to an error.
fn advise(error: InboxError) -> anyhow::Error {
    let advice = match error.kind() {
        InboxErrorKind::NoInbox => "name the inbox database of your service",
        InboxErrorKind::Newer => "use an `ecp` of the same version as your service",
        _ => return error.into(),
    };
    anyhow::anyhow!("{error}; {advice}")
}
