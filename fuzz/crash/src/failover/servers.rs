//! A primary, its standby, and the pooler that leads to the primary.

use std::io;
use std::thread;
use std::time::Duration;

use ecp_testkit::postgres::{Pooler, Server};

/// Connections of the pooler to the primary.
const CONNECTIONS: u32 = 20;

pub(super) struct Servers {
    pooler: Pooler,
    primary: Server,
    standby: Option<Server>,
    /// The dead. The first of them has the pooler in its folder.
    dead: Vec<Server>,
    database: String,
    pooled: String,
    is_synchronous: bool,
}

impl Servers {
    pub(super) fn start(is_synchronous: bool) -> io::Result<Self> {
        let primary = Server::start()?;
        let database = primary.database()?;
        let pooler = Pooler::start(&primary, CONNECTIONS)?;
        let through_pooler = pooler.before(&database);
        let mut servers = Self {
            pooler,
            primary,
            standby: None,
            dead: Vec::new(),
            database,
            pooled: through_pooler,
            is_synchronous,
        };
        servers.add_standby()?;
        Ok(servers)
    }

    /// The address of the database through the pooler.
    pub(super) fn pooled(&self) -> &str {
        &self.pooled
    }

    /// Starts a standby of the primary, and waits until it receives what is committed.
    pub(super) fn add_standby(&mut self) -> io::Result<()> {
        self.standby = Some(self.primary.standby()?);
        if self.is_synchronous {
            return self.primary.wait_for_standbys();
        }
        let connected = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'";
        while self.primary.run(&[connected])? == "0" {
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    pub(super) fn hold_replication(&self) -> io::Result<()> {
        self.primary.hold_replication(true)
    }

    pub(super) fn kill_primary(&mut self) -> io::Result<()> {
        self.primary.crash()
    }

    /// Makes the standby the primary. The pooler does not know it yet.
    pub(super) fn promote(&mut self) -> io::Result<()> {
        let standby = self.standby.take().ok_or_else(|| io::Error::other("no standby is left"))?;
        standby.promote()?;
        let dead = std::mem::replace(&mut self.primary, standby);
        self.dead.push(dead);
        self.dead.truncate(1);
        Ok(())
    }

    pub(super) fn lead_to_primary(&self) -> io::Result<()> {
        self.pooler.lead_to(&self.primary)
    }

    /// Asks the primary itself.
    pub(super) fn query(&self, sql: &str) -> io::Result<String> {
        self.primary.run_in(&self.database, &[sql])
    }
}
