//! Connections to the server, which record commits that were not replicated.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use deadpool_postgres::Connect;
use tokio::task::JoinHandle;
use tokio_postgres::error::DbError;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{AsyncMessage, Client, Config, Connection, Error, Socket};

/// Number of commits on the connections of an inbox whose wait for the synchronous standby was
/// cancelled.
///
/// Postgres answers such a commit as a success with a warning, and sends the warning first. So a
/// number that is the same before a transaction and after the answer to its commit shows that the
/// commit was replicated. A number that has grown may be due to another connection: then a
/// transaction that was replicated is taken for one that was not.
#[derive(Clone, Debug, Default)]
pub(super) struct Unreplicated(Arc<AtomicU64>);

impl Unreplicated {
    pub(super) fn count(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }

    fn take(&self, notice: &DbError) {
        let code = notice.code().code();
        if is_cancelled_wait(notice) {
            self.0.fetch_add(1, Ordering::Release);
            tracing::error!(
                "db.response.status_code" = code,
                "a commit was not replicated: its wait for the synchronous standby was cancelled"
            );
        } else {
            // Its text may quote stored data.
            tracing::debug!("db.response.status_code" = code, "the Postgres server sent a notice");
        }
    }
}

/// The routine of the server is the same in every language of its messages, and the SQLSTATE is that
/// of any warning.
fn is_cancelled_wait(notice: &DbError) -> bool {
    notice.routine() == Some("SyncRepWaitForLSN")
        || notice.message().starts_with("canceling wait for synchronous replication")
        || notice.message().starts_with("canceling the wait for synchronous replication")
}

/// Makes connections, each with a task that receives the messages of the server.
pub(super) struct Connector<T> {
    pub(super) tls: T,
    pub(super) unreplicated: Unreplicated,
}

type Connected<'a> =
    Pin<Box<dyn Future<Output = Result<(Client, JoinHandle<()>), Error>> + Send + 'a>>;

impl<T> Connect for Connector<T>
where
    T: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
    T::Stream: Send + Sync,
    T::TlsConnect: Send + Sync,
    <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
{
    fn connect(&self, config: &Config) -> Connected<'_> {
        let config = config.clone();
        Box::pin(async move {
            let (client, connection) = config.connect(self.tls.clone()).await?;
            let received = receive::<T>(connection, self.unreplicated.clone());
            Ok((client, tokio::spawn(received)))
        })
    }
}

/// Receives messages until the connection ends. What waits for an answer then fails by itself.
async fn receive<T: MakeTlsConnect<Socket>>(
    mut connection: Connection<Socket, T::Stream>,
    unreplicated: Unreplicated,
) {
    while let Some(message) = poll_fn(|context| connection.poll_message(context)).await {
        match message {
            Ok(AsyncMessage::Notice(notice)) => unreplicated.take(&notice),
            Ok(_) => {}
            Err(error) => {
                let code = error.code().map(tokio_postgres::error::SqlState::code);
                tracing::warn!(
                    "db.response.status_code" = code,
                    "a connection to the Postgres server ended"
                );
                return;
            }
        }
    }
}
