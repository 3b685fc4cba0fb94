//! The tests of every store, over a real Postgres server with a pooler in transaction mode in
//! between, and what such a pooler does to connections.

#![cfg(all(feature = "postgres", unix))]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use async_trait::async_trait;
use ecp_core::Clock;
use ecp_inbox::conformance::{Body, Stage};
use ecp_inbox::postgres::tokio_postgres::types::Type;
use ecp_inbox::postgres::tokio_postgres::{NoTls, Transaction};
use ecp_inbox::postgres::{PostgresHandler, PostgresInbox, PostgresOptions};
use ecp_inbox::{Accepted, Delivery, HandlerError, Hold, Inbox};
use ecp_testkit::postgres::{Pooler, Server};

const LEFT_OUT: &str = "the inbox's tests through a pooler";

/// Fewer connections to the server than clients have, so that each serves several of them.
const CONNECTIONS: u32 = 3;

static SERVER: LazyLock<Option<(Server, Pooler)>> = LazyLock::new(|| {
    let server = Server::start_or_skip(LEFT_OUT)?;
    let pooler = Pooler::start_or_skip(&server, CONNECTIONS, LEFT_OUT)?;
    Some((server, pooler))
});

struct Database {
    direct: String,
    pooled: String,
}

impl Database {
    fn new() -> Option<Self> {
        let (server, pooler) = SERVER.as_ref()?;
        let direct = server.database().unwrap();
        Some(Self { pooled: pooler.before(&direct), direct })
    }

    async fn inbox(&self) -> PostgresInbox {
        PostgresInbox::open(self.pooled.parse().unwrap()).await.unwrap()
    }

    /// Runs a script on the server itself.
    async fn run(&self, sql: &str) {
        let (client, connection) =
            ecp_inbox::postgres::tokio_postgres::connect(&self.direct, NoTls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute(sql).await.unwrap();
    }

    async fn count(&self, sql: &str) -> i64 {
        let (client, connection) =
            ecp_inbox::postgres::tokio_postgres::connect(&self.direct, NoTls).await.unwrap();
        tokio::spawn(connection);
        client.query_one(sql, &[]).await.unwrap().get(0)
    }
}

#[async_trait]
impl Stage for Database {
    async fn open_holding(&self, clock: Arc<dyn Clock>, hold: Hold) -> Arc<dyn Inbox> {
        let options = PostgresOptions::new().connections(4).clock(clock).hold(hold);
        Arc::new(options.open(self.pooled.parse().unwrap()).await.unwrap())
    }
}

ecp_inbox::conformance!(match Database::new() {
    Some(database) => database,
    None => return,
});

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receivers_share_fewer_connections_than_they_have_callbacks() {
    let Some(database) = Database::new() else { return };
    let mut receivers = Vec::new();
    for _ in 0..3 {
        receivers.push(database.inbox().await);
    }
    for round in 0..5 {
        let accepts = (0..48_u64).map(|number| {
            let inbox = receivers[usize::try_from(number % 3).unwrap()].clone();
            let body = Body::new(format!("X{number}"), 1, "success").verified();
            tokio::spawn(async move { inbox.accept(&body).await })
        });
        for accepted in accepts.collect::<Vec<_>>() {
            let accepted = accepted.await.unwrap().unwrap();
            assert_eq!(matches!(accepted, Accepted::New(_)), round == 0, "{accepted:?}");
        }
    }
    assert_eq!(receivers[0].stats().await.unwrap().waiting, 48);
}

/// Writes a line for each callback; the types say that no statement is prepared by name.
pub(crate) struct Ledger;

#[async_trait]
impl PostgresHandler for Ledger {
    async fn handle(
        &self,
        transaction: &Transaction<'_>,
        delivery: &Delivery,
    ) -> Result<(), HandlerError> {
        let write = "INSERT INTO ledger (callback) VALUES ($1)";
        transaction.execute_typed(write, &[(&delivery.id.get(), Type::INT8)]).await?;
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_and_statements_stay_with_their_transaction() {
    let Some(database) = Database::new() else { return };
    // The server answers before a commit is on the disk, and records how each commit was made.
    database
        .run(
            "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off',
                 current_database()); END $$;
             CREATE TABLE ledger (callback bigint);
             CREATE TABLE commits (durable text);
             CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 INSERT INTO commits VALUES (current_setting('synchronous_commit'));
                 RETURN NULL;
             END $$;
             CREATE CONSTRAINT TRIGGER ledger AFTER INSERT ON ledger
                 DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION note();",
        )
        .await;
    let inbox = database.inbox().await;
    database
        .run(
            "CREATE CONSTRAINT TRIGGER callbacks
                 AFTER INSERT OR UPDATE ON ecp_inbox.callbacks
                 DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION note();",
        )
        .await;
    let worker = inbox.worker(Ledger);
    let worker = tokio::spawn(async move { worker.run(std::future::pending()).await });
    for number in 0..20 {
        inbox.accept(&Body::new(format!("X{number}"), 1, "success").verified()).await.unwrap();
    }
    while inbox.stats().await.unwrap().done < 20 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    worker.abort();
    assert_eq!(database.count("SELECT count(*) FROM ledger").await, 20);
    // Accepted, claimed and done, each with the handler's own.
    let commits = "SELECT count(*) FROM commits";
    assert!(database.count(commits).await >= 80);
    let hasty = "SELECT count(*) FROM commits WHERE durable <> 'on'";
    assert_eq!(database.count(hasty).await, 0);

    // Another client of the same pooler finds neither statements nor settings of the inbox.
    let (client, connection) =
        ecp_inbox::postgres::tokio_postgres::connect(&database.pooled, NoTls).await.unwrap();
    tokio::spawn(connection);
    let rows = client.query_typed("SELECT name FROM pg_prepared_statements", &[]).await.unwrap();
    assert_eq!(rows.len(), 0);
    let setting = client.query_typed_one("SHOW synchronous_commit", &[]).await.unwrap();
    assert_eq!(setting.get::<_, &str>(0), "off");
}
