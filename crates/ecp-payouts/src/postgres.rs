//! The journal that several payers share, in Postgres (feature `postgres`).

mod journal;
mod limits;
mod reader;
mod rows;
mod schema;
mod session;
#[cfg(test)]
mod tests;
mod writer;

use std::time::Duration;

use ecp_postgres::PoolOptions;
#[cfg(feature = "postgres-tls")]
pub use ecp_postgres::{AddressError, PostgresAddress};
pub use tokio_postgres;
use tokio_postgres::Config;

pub use self::journal::PostgresJournal;
pub use self::reader::{PayersAtWork, PostgresJob, PostgresJournalReader, PostgresRows};
use self::session::Pool;
use crate::journal::{JournalError, Owner};

/// Options for opening a [`PostgresJournal`], a journal of payouts that several payers share: its
/// lease, its patience with the server, and TLS.
#[derive(Clone, Debug)]
#[must_use]
pub struct PostgresJournalOptions {
    lease: Duration,
    patience: Duration,
    #[cfg(feature = "postgres-tls")]
    tls: Option<rustls::ClientConfig>,
}

impl PostgresJournalOptions {
    /// Returns the default options: the rows of a payer that died are free after 30 seconds, an
    /// operation is tried again for a minute while the server is away, and there is no TLS.
    pub fn new() -> Self {
        Self {
            lease: Duration::from_secs(30),
            patience: Duration::from_mins(1),
            #[cfg(feature = "postgres-tls")]
            tls: None,
        }
    }

    /// Sets how long the rows of a payer that died stay its own, so that no other payer works on
    /// them; 30 seconds by default, and 1 second at least. A payer that lives renews its lease
    /// three times in this time. One that cannot reach the server for so long sends nothing more
    /// until it can.
    pub fn lease(self, lease: Duration) -> Self {
        Self { lease: lease.max(Duration::from_secs(1)), ..self }
    }

    /// Sets how long an operation is tried again while the server is away, such as during a
    /// failover; a minute by default. After that, the run ends with an error, and the next run goes
    /// on from the journal.
    pub fn patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Encrypts connections with these settings, if `sslmode` in the [`Config`] asks for TLS. Set
    /// `sslmode` to `require`: with `prefer`, the default, a connection to a server without TLS is
    /// not encrypted.
    #[cfg(feature = "postgres-tls")]
    pub fn tls(self, tls: rustls::ClientConfig) -> Self {
        Self { tls: Some(tls), ..self }
    }

    /// Opens a job of an owner in the database at an address, or creates it, like
    /// [`PostgresJournalOptions::open`]. The address says whether TLS is used, and
    /// [`PostgresJournalOptions::tls`] has no effect.
    #[cfg(feature = "postgres-tls")]
    pub async fn open_at(
        mut self,
        address: PostgresAddress,
        owner: &Owner,
        job: &str,
    ) -> Result<PostgresJournal, JournalError> {
        let config = self.secured(address)?;
        self.open(config, owner, job).await
    }

    /// Returns a reader of all journals in a database, for reports. It connects when it is first
    /// used.
    pub fn reader(self, config: Config) -> Result<PostgresJournalReader, JournalError> {
        Ok(PostgresJournalReader::new(self.pool(config)?))
    }

    /// Returns a reader of all journals in the database at an address, like
    /// [`PostgresJournalOptions::reader`]. The address says whether TLS is used.
    #[cfg(feature = "postgres-tls")]
    pub fn reader_at(
        mut self,
        address: PostgresAddress,
    ) -> Result<PostgresJournalReader, JournalError> {
        let config = self.secured(address)?;
        self.reader(config)
    }

    /// Takes TLS from an address. Returns the rest of it.
    #[cfg(feature = "postgres-tls")]
    fn secured(&mut self, address: PostgresAddress) -> Result<Config, JournalError> {
        let parts = address.into_parts();
        let (config, tls) = parts
            .map_err(|error| JournalError::Storage(format!("TLS to its server: {error}").into()))?;
        self.tls = tls;
        Ok(config)
    }

    /// Connects to the database and opens a job of an owner, or creates it. A job is a name for the
    /// rows of one file or one service, such as `salaries of November`; payers that share the work
    /// open the same job. Missing tables are created, and tables of an older version are migrated.
    /// Call it inside a tokio runtime.
    pub async fn open(
        self,
        config: Config,
        owner: &Owner,
        job: &str,
    ) -> Result<PostgresJournal, JournalError> {
        let lease = self.lease;
        PostgresJournal::join(self.pool(config)?, lease, owner, job).await
    }

    fn pool(self, config: Config) -> Result<Pool, JournalError> {
        /// For the writer, the lease, two takes and limits.
        const CONNECTIONS: usize = 5;
        const PATIENCE: Duration = Duration::from_secs(5);
        let pool = PoolOptions::new(config, CONNECTIONS, PATIENCE);
        #[cfg(feature = "postgres-tls")]
        let pool = pool.tls(self.tls);
        let connections = pool.build().map_err(|error| JournalError::Storage(error.into()))?;
        Ok(Pool { connections, patience: self.patience })
    }
}

impl Default for PostgresJournalOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl PostgresJournal {
    /// Opens a job of an owner in a Postgres database, or creates it, with the default
    /// [`PostgresJournalOptions`]. A job is a name for the rows of one file or one service; payers
    /// that share the work open the same job. Call it inside a tokio runtime.
    ///
    /// ```no_run
    /// # async fn open() -> Result<(), Box<dyn std::error::Error>> {
    /// use ecp_core::ProjectId;
    /// use ecp_payouts::Owner;
    /// use ecp_payouts::postgres::PostgresJournal;
    /// use ecp_transport::GATE_URL;
    ///
    /// let config = "host=db.internal user=shop dbname=shop".parse()?;
    /// let owner = Owner::new(ProjectId::new(1236)?, GATE_URL);
    /// let journal = PostgresJournal::open(config, &owner, "salaries of November").await?;
    /// # Ok(()) }
    /// ```
    pub async fn open(config: Config, owner: &Owner, job: &str) -> Result<Self, JournalError> {
        PostgresJournalOptions::new().open(config, owner, job).await
    }
}
