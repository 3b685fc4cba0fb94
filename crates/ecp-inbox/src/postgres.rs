//! The store for several replicas behind a balancer.

mod accept;
mod checkup;
mod claim;
mod handler;
mod held;
mod outbox;
mod queue;
mod read;
mod revise;
mod schema;
mod session;
mod store;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ecp_core::model::{Callback, VerifiedStatus};
use ecp_core::{Clock, PaymentId, ProjectId, SystemClock, Timestamp};
use ecp_notify::Verified;
use ecp_postgres::PoolOptions;
#[cfg(feature = "postgres-tls")]
pub use ecp_postgres::{AddressError, PostgresAddress};
use tokio::sync::Notify;
pub use tokio_postgres;
use tokio_postgres::Config;

pub use self::handler::PostgresHandler;
use self::session::{Pool, Session, failed};
pub use self::store::PostgresInbox;
use crate::accept::Record;
use crate::entry::{
    Claim, Claimed, ClaimedHeld, Delivery, Entry, EntryId, Finish, Query, Question, Stats, Version,
};
use crate::error::{InboxError, InboxErrorKind};
use crate::hold::Hold;
use crate::inbox::{Accepted, Inbox, Release};
use crate::outbox::{Publication, PublisherId};
use crate::state::PaymentState;

/// Options for opening a [`PostgresInbox`], such as the number of connections and TLS. Begin with
/// [`new`](Self::new), and end with [`open`](Self::open) or `open_at`.
#[derive(Clone, Debug)]
#[must_use]
pub struct PostgresOptions {
    connections: usize,
    patience: Duration,
    clock: Arc<dyn Clock>,
    existing_only: bool,
    named_statements: bool,
    hold: Hold,
    #[cfg(feature = "postgres-tls")]
    tls: Option<rustls::ClientConfig>,
}

impl PostgresOptions {
    /// Returns the default options for opening an inbox: at most 16 connections, 5 seconds to wait
    /// for a free connection and as long to open a new one, the machine's clock and no TLS.
    pub fn new() -> Self {
        Self {
            connections: 16,
            patience: Duration::from_secs(5),
            clock: Arc::new(SystemClock),
            existing_only: false,
            named_statements: false,
            hold: Hold::default(),
            #[cfg(feature = "postgres-tls")]
            tls: None,
        }
    }

    /// Sets the maximum number of connections to the database: 16 by default, at least 1. Calls of
    /// the inbox use connections while they run, and each running [`PostgresHandler`] needs one of
    /// its own. A worker of [`PostgresInbox::worker`] takes up to half of them, unless
    /// [`Worker::concurrency`](crate::Worker::concurrency) sets another number. If all are in use,
    /// callbacks that arrive wait, and may be answered with 503.
    pub fn connections(mut self, most: usize) -> Self {
        self.connections = most.max(1);
        self
    }

    /// Sets the longest wait for a free connection to the database, and for opening a new
    /// connection: 5 seconds by default for each. After that the call fails with
    /// [`InboxErrorKind::Unavailable`]; a receiver then answers the callback with 503, and the
    /// platform sends it again.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Sets the clock for the times in the inbox: when a callback was received, when a lease ends
    /// and when a retry is due. The machine's clock by default.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Sets which callbacks are held: not handled until Gate (the platform's API) confirms them. By
    /// default [`Hold::Ambiguous`]: those with a final status whose signature also fits another
    /// callback.
    pub fn hold(mut self, hold: Hold) -> Self {
        self.hold = hold;
        self
    }

    /// Makes opening fail if there is no inbox, or if its tables are of another version. By
    /// default, what is missing is created, and tables of an older version are migrated. Set it in
    /// tools that only inspect the inbox of a service.
    pub fn existing_only(mut self) -> Self {
        self.existing_only = true;
        self
    }

    /// Prepares named statements on each connection; off by default. This saves the server the
    /// planning of each statement. Callbacks that are stored in batches gain less by it: most of
    /// their statements are in functions, whose plans the server keeps anyway.
    ///
    /// Only for a direct connection to the server, a pooler in session mode, or a pooler that
    /// tracks the names of statements (pgbouncer 1.21 or newer with `max_prepared_statements`):
    /// other poolers in transaction mode share names between clients, so that one client would run
    /// the statement of another.
    pub fn named_statements(mut self) -> Self {
        self.named_statements = true;
        self
    }

    /// Encrypts connections with these settings, if `sslmode` in the [`Config`] asks for TLS; by
    /// default nothing is encrypted. Set `sslmode` to `require`: with `prefer`, the default, a
    /// server without TLS is accepted. [`PostgresOptions::open_at`] takes both the settings and
    /// `sslmode` from an address.
    #[cfg(feature = "postgres-tls")]
    pub fn tls(mut self, tls: rustls::ClientConfig) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Connects to the database at an address, and opens the inbox as [`PostgresOptions::open`]
    /// does: missing tables are created, and older ones are migrated. The address also says whether
    /// and how to use TLS, so [`PostgresOptions::tls`] has no effect.
    #[cfg(feature = "postgres-tls")]
    pub async fn open_at(mut self, address: PostgresAddress) -> Result<PostgresInbox, InboxError> {
        let config = self.secured(address)?;
        self.open(config).await
    }

    /// Takes TLS from an address. Returns the rest of it.
    #[cfg(feature = "postgres-tls")]
    fn secured(&mut self, address: PostgresAddress) -> Result<Config, InboxError> {
        let (config, tls) = address.into_parts().map_err(|error| {
            InboxError::new(InboxErrorKind::Unavailable, "preparing TLS to the database", error)
        })?;
        self.tls = tls;
        Ok(config)
    }

    /// Connects to the database and opens the inbox. Missing tables are created and tables of an
    /// older version are migrated, unless [`PostgresOptions::existing_only`] is set. Fails if the
    /// database cannot be reached, if TLS cannot be set up, or if a newer version of this crate has
    /// changed the tables.
    pub async fn open(self, config: Config) -> Result<PostgresInbox, InboxError> {
        let pool = pool(config, &self)?;
        let session = Session::open(&pool, false).await?;
        if self.existing_only {
            schema::check(&session).await?;
        } else {
            schema::migrate(&session).await?;
        }
        session.end().map_err(failed("opening the inbox"))?;
        let wakeup = Arc::new(Notify::new());
        let Self { named_statements, clock, hold, .. } = self;
        let set_back = Arc::default();
        Ok(PostgresInbox {
            pool,
            named_statements,
            clock,
            set_back,
            wakeup,
            hold,
            accepts: Arc::default(),
            finishes: Arc::default(),
        })
    }
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl PostgresInbox {
    /// Opens or creates the inbox in a Postgres database, with the default [`PostgresOptions`], so
    /// without TLS. Tables of an older version are migrated.
    ///
    /// ```no_run
    /// # async fn open() -> Result<(), Box<dyn std::error::Error>> {
    /// use ecp_inbox::postgres::PostgresInbox;
    ///
    /// let inbox = PostgresInbox::open("host=db.internal user=shop dbname=shop".parse()?).await?;
    /// # Ok(()) }
    /// ```
    pub async fn open(config: Config) -> Result<Self, InboxError> {
        PostgresOptions::new().open(config).await
    }
}

impl crate::inbox::sealed::Sealed for PostgresInbox {}

#[async_trait]
impl Inbox for PostgresInbox {
    async fn accept(&self, callback: &Verified<Callback>) -> Result<Accepted, InboxError> {
        accept::accept(self, Record::of(callback, self.hold)).await
    }

    async fn claim(&self, claim: &Claim) -> Result<Claimed, InboxError> {
        claim::claim(self, claim).await
    }

    async fn finish(&self, delivery: &Delivery, finish: Finish) -> Result<bool, InboxError> {
        claim::finish(self, delivery.id, delivery.lease, &finish).await
    }

    async fn wait(&self, at_most: Duration) {
        // Callbacks of other replicas are found at the timeout: notifications through the server
        // would serialize all commits.
        let _ = tokio::time::timeout(at_most, self.wakeup.notified()).await;
    }

    async fn payment(
        &self,
        project: ProjectId,
        payment: &PaymentId,
    ) -> Result<Option<PaymentState>, InboxError> {
        read::payment(self, project, payment).await
    }

    async fn entries(&self, query: &Query) -> Result<Vec<Entry>, InboxError> {
        read::entries(self, query).await
    }

    async fn entry(&self, id: EntryId) -> Result<Option<Entry>, InboxError> {
        read::entry(self, id).await
    }

    async fn replay(&self, id: EntryId) -> Result<bool, InboxError> {
        revise::replay(self, id, None).await
    }

    async fn replay_version(&self, id: EntryId, version: Version) -> Result<bool, InboxError> {
        revise::replay(self, id, Some(version)).await
    }

    async fn release(&self, id: EntryId, answer: &VerifiedStatus) -> Result<Release, InboxError> {
        held::release(self, id, answer).await
    }

    async fn claim_held(&self, claim: &Claim) -> Result<ClaimedHeld, InboxError> {
        held::claim(self, claim).await
    }

    async fn postpone(
        &self,
        question: &Question,
        after: Option<Duration>,
        reason: &str,
    ) -> Result<bool, InboxError> {
        held::postpone(self, question, after, reason).await
    }

    async fn remove_bodies(&self, before: Timestamp) -> Result<u64, InboxError> {
        revise::remove_bodies(self, before).await
    }

    async fn keep_outbox(&self, keep: bool) -> Result<(), InboxError> {
        outbox::keep(self, keep).await
    }

    async fn publications(
        &self,
        publisher: PublisherId,
        limit: usize,
    ) -> Result<Vec<Publication>, InboxError> {
        outbox::read(self, publisher, limit).await
    }

    async fn published(&self, publications: &[Publication]) -> Result<(), InboxError> {
        outbox::remove(self, publications).await
    }

    async fn stats(&self) -> Result<Stats, InboxError> {
        read::stats(self).await
    }
}

fn pool(config: Config, options: &PostgresOptions) -> Result<Pool, InboxError> {
    let pool = PoolOptions::new(config, options.connections, options.patience);
    #[cfg(feature = "postgres-tls")]
    let pool = pool.tls(options.tls.clone());
    pool.build()
        .map_err(|error| InboxError::new(InboxErrorKind::Unavailable, "opening the inbox", error))
}
