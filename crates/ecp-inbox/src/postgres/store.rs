//! An inbox in Postgres, and its sessions.

use std::fmt;
use std::sync::Arc;

use ecp_core::Clock;
use tokio::sync::Notify;

use super::accept::Accepts;
use super::claim::Finishes;
use super::session::{Pool, Session};
use crate::clock::{self, SetBack};
use crate::error::InboxError;
use crate::hold::Hold;

/// An inbox in Postgres 12 or newer, in the schema `ecp_inbox` of a database. It is opened by
/// [`PostgresInbox::open`], or with options, among them TLS, by
/// [`PostgresOptions::open`](super::PostgresOptions::open). Clones share the open inbox.
///
/// Any number of processes may share the inbox. The clocks of the processes may differ only by a
/// small part of a lease, the time for which a worker reserves a callback.
///
/// If the server has a synchronous standby, operations return when that has them too, unless
/// `synchronous_commit` is `local` for the role: then a failover may lose callbacks that were
/// answered with 200. A commit whose wait for the standby was cancelled fails with
/// [`NotReplicated`](crate::InboxErrorKind::NotReplicated), though the server answers it as a
/// success.
#[derive(Clone)]
pub struct PostgresInbox {
    pub(super) pool: Pool,
    pub(super) named_statements: bool,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) set_back: Arc<SetBack>,
    pub(super) wakeup: Arc<Notify>,
    pub(super) hold: Hold,
    pub(super) accepts: Arc<Accepts>,
    pub(super) finishes: Arc<Finishes>,
}

impl PostgresInbox {
    pub(super) async fn session(&self) -> Result<Session, InboxError> {
        Session::open(&self.pool, self.named_statements).await
    }

    pub(super) fn now(&self) -> i64 {
        clock::now(&*self.clock)
    }
}

impl fmt::Debug for PostgresInbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresInbox")
            .field("pool", &self.pool.status())
            .field("accepts", &self.accepts)
            .field("finishes", &self.finishes)
            .finish_non_exhaustive()
    }
}
