//! Connections to the server, which record commits that were not replicated.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use deadpool_postgres::Connect;
use tokio::task::JoinHandle;
use tokio_postgres::error::DbError;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{AsyncMessage, Client, Config, Connection, Error, Socket};

/// Number of commits on the connections of a store whose wait for the synchronous standby was
/// cancelled.
///
/// Postgres answers such a commit with success, after a warning. So if this number is the same
/// before a transaction and after the answer to its commit, the commit was replicated. If the
/// number has grown, another connection may be the cause: a replicated transaction can be reported
/// as not replicated.
#[derive(Clone, Debug, Default)]
pub(crate) struct Unreplicated(Arc<AtomicU64>);

impl Unreplicated {
    pub(crate) fn count(&self) -> u64 {
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

/// Whether a notice says that a commit did not wait for the standby. The SQLSTATE cannot be used,
/// because every warning has the same one; the server's routine has the same name in all languages
/// of the messages.
fn is_cancelled_wait(notice: &DbError) -> bool {
    notice.routine() == Some("SyncRepWaitForLSN")
        || notice.message().starts_with("canceling wait for synchronous replication")
        || notice.message().starts_with("canceling the wait for synchronous replication")
}

/// Makes connections to a machine that is gone fail within some ten seconds, where the configuration
/// does not say otherwise. Such a machine does not end its connections, and without this a call would
/// wait for a quarter of an hour, or two hours if the server had its request: a store
/// cannot be used meanwhile, also when a standby has taken over the address.
pub(crate) fn notice_lost_machines(config: &mut Config) {
    if config.get_keepalives_idle() == DRIVERS_IDLE {
        config.keepalives_idle(IDLE);
    }
    if config.get_keepalives_interval().is_none() {
        config.keepalives_interval(INTERVAL);
    }
    if config.get_keepalives_retries().is_none() {
        config.keepalives_retries(RETRIES);
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(UNANSWERED);
    }
}

/// The driver's default for `keepalives_idle`.
const DRIVERS_IDLE: Duration = Duration::from_hours(2);
/// Silence on a connection before the other machine is asked whether it is there.
const IDLE: Duration = Duration::from_secs(5);
const INTERVAL: Duration = Duration::from_secs(2);
const RETRIES: u32 = 3;
/// The longest time without an acknowledgement by the other machine's network stack.
const UNANSWERED: Duration = Duration::from_secs(10);

/// Makes connections, each with a task that receives the messages of the server.
pub(crate) struct Connector<T> {
    pub(crate) tls: T,
    pub(crate) unreplicated: Unreplicated,
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

/// Receives messages until the connection ends. Calls that wait for an answer then fail.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_machine_is_noticed_soon_unless_the_address_says_otherwise() {
        let mut config = Config::new();
        notice_lost_machines(&mut config);
        assert_eq!(config.get_keepalives_idle(), IDLE);
        assert_eq!(config.get_tcp_user_timeout(), Some(&UNANSWERED));
        let words = "host=db keepalives_idle=60 keepalives_retries=9 tcp_user_timeout=90";
        let mut config: Config = words.parse().expect("the words are the driver's");
        notice_lost_machines(&mut config);
        assert_eq!(config.get_keepalives_idle(), Duration::from_mins(1));
        assert_eq!(config.get_keepalives_retries(), Some(9));
        assert_eq!(config.get_tcp_user_timeout(), Some(&Duration::from_secs(90)));
    }
}
