//! The connections of a store.

use std::time::Duration;

use deadpool_postgres::{
    BuildError, Manager, ManagerConfig, PoolError, RecyclingMethod, Runtime, Status, Timeouts,
};
use tokio_postgres::{Config, NoTls};

use crate::connect::{Connector, Unreplicated, notice_lost_machines};
use crate::session::Session;

/// Options for the connections of a store, such as an inbox or a journal of payouts, to its
/// Postgres server.
#[derive(Clone, Debug)]
#[must_use]
pub struct PoolOptions {
    config: Config,
    connections: usize,
    patience: Duration,
    #[cfg(feature = "tls")]
    tls: Option<rustls::ClientConfig>,
}

impl PoolOptions {
    /// Returns options for the server of `config`, without TLS: at most `connections` connections
    /// at a time. `patience` is how long a caller waits for a free connection, and how long opening
    /// a new one may take; after that, [`Pool::session`] fails.
    pub fn new(config: Config, connections: usize, patience: Duration) -> Self {
        Self {
            config,
            connections,
            patience,
            #[cfg(feature = "tls")]
            tls: None,
        }
    }

    /// Encrypts connections with these settings, if `sslmode` in the [`Config`] asks for TLS.
    /// `None`, the default, encrypts nothing. With `sslmode=prefer`, the driver's default, a
    /// connection to a server without TLS is not encrypted: set `require`.
    #[cfg(feature = "tls")]
    pub fn tls(self, tls: Option<rustls::ClientConfig>) -> Self {
        Self { tls, ..self }
    }

    /// Makes the pool. It opens no connection yet: [`Pool::session`] does when it needs one.
    ///
    /// Connections to a machine that is gone fail within some ten seconds, where the [`Config`] does
    /// not say otherwise.
    pub fn build(mut self) -> Result<Pool, BuildError> {
        let manager_config = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        notice_lost_machines(&mut self.config);
        let unreplicated = Unreplicated::default();
        #[cfg(feature = "tls")]
        let manager = match self.tls {
            Some(tls) => {
                let tls = tokio_postgres_rustls::MakeRustlsConnect::new(tls);
                let connector = Connector { tls, unreplicated: unreplicated.clone() };
                Manager::from_connect(self.config, connector, manager_config)
            }
            None => plain(self.config, &unreplicated, manager_config),
        };
        #[cfg(not(feature = "tls"))]
        let manager = plain(self.config, &unreplicated, manager_config);
        let patience = Some(self.patience);
        let connections = deadpool_postgres::Pool::builder(manager)
            .max_size(self.connections)
            .runtime(Runtime::Tokio1)
            .timeouts(Timeouts { wait: patience, create: patience, recycle: patience })
            .build()?;
        Ok(Pool { connections, unreplicated })
    }
}

fn plain(config: Config, unreplicated: &Unreplicated, manager_config: ManagerConfig) -> Manager {
    let connector = Connector { tls: NoTls, unreplicated: unreplicated.clone() };
    Manager::from_connect(config, connector, manager_config)
}

/// The connections of a store, such as an inbox or a journal of payouts, to its Postgres server.
/// Clones share them.
#[derive(Clone, Debug)]
pub struct Pool {
    connections: deadpool_postgres::Pool,
    unreplicated: Unreplicated,
}

impl Pool {
    /// Takes a free connection, or opens one; fails if neither succeeds in the time of
    /// [`PoolOptions::new`]. The connection may have been lost since its last use: then its first
    /// statement fails, and the work can be tried with another session.
    pub async fn session(&self) -> Result<Session, PoolError> {
        let object = self.connections.get().await?;
        Ok(Session::new(object, self.unreplicated.clone()))
    }

    /// How many connections are open, how many of them are free, and how many callers wait for one.
    pub fn status(&self) -> Status {
        self.connections.status()
    }
}
