//! What only Postgres can do to an inbox: end, come back, be shared, and refuse what is not text.

#![cfg(all(feature = "postgres", unix))]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;

use async_trait::async_trait;
use ecp_inbox::conformance::{Body, verified};
use ecp_inbox::postgres::tokio_postgres::{Client, Config, NoTls, Transaction};
use ecp_inbox::postgres::{PostgresHandler, PostgresInbox, PostgresOptions};
use ecp_inbox::{
    Accepted, Claim, Delivery, EntryState, HandlerError, Inbox, InboxErrorKind, Query,
};
use ecp_testkit::postgres::Server;
use tokio::time::sleep;

static SERVER: LazyLock<Option<Server>> =
    LazyLock::new(|| Server::start_or_skip("an inbox's failures over Postgres"));

fn database() -> Option<Config> {
    SERVER.as_ref().map(|server| server.database().unwrap().parse().unwrap())
}

async fn client(config: &Config) -> Client {
    let (client, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

fn claim() -> Claim {
    Claim::new(100, Duration::from_secs(30)).attempts(20)
}

async fn eventually<T>(mut look: impl AsyncFnMut() -> Option<T>) -> T {
    for _ in 0..600 {
        if let Some(seen) = look().await {
            return seen;
        }
        sleep(Duration::from_millis(50)).await;
    }
    panic!("it does not come to pass")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_costs_errors_and_nothing_else() {
    let Some(mut server) = Server::start_or_skip("a killed Postgres server") else { return };
    let config: Config = server.database().unwrap().parse().unwrap();
    let inbox = PostgresInbox::open(config).await.unwrap();
    let first = Body::new("before", 1, "success").verified();
    inbox.accept(&first).await.unwrap();
    let claimed = inbox.claim(&claim()).await.unwrap().deliveries;
    server.kill().unwrap();
    // Its processes end when they notice, and serve until then.
    eventually(async || inbox.stats().await.err()).await;

    let second = Body::new("after", 2, "success").verified();
    let error = inbox.accept(&second).await.unwrap_err();
    assert_eq!(error.kind(), InboxErrorKind::Unavailable);
    assert_eq!(inbox.claim(&claim()).await.unwrap_err().kind(), InboxErrorKind::Unavailable);
    assert!(inbox.finish(&claimed[0], ecp_inbox::Finish::Done).await.is_err());

    server.restart().unwrap();
    assert!(matches!(inbox.accept(&second).await.unwrap(), Accepted::New(_)));
    assert!(matches!(inbox.accept(&first).await.unwrap(), Accepted::Repeated(_)));
    assert!(inbox.finish(&claimed[0], ecp_inbox::Finish::Done).await.unwrap());
    assert_eq!(inbox.claim(&claim()).await.unwrap().deliveries.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_text_in_postgres_is_an_id_like_any_other() {
    let Some(config) = database() else { return };
    let inbox = PostgresInbox::open(config).await.unwrap();
    let long = "x".repeat(200_000);
    for payment in [r"a\u0000b", "a", r"a\u0000", " ", &long, "é\u{10ffff}"] {
        let body = Body::new(payment, 1, r"no\u0000such").verified();
        let Accepted::New(id) = inbox.accept(&body).await.unwrap() else { panic!("it is new") };
        let entry = inbox.entry(id).await.unwrap().unwrap();
        assert_eq!(entry.payment.as_ref(), body.payment_id());
        assert_eq!(entry.status.as_deref(), Some("no\0such"));
        let mut query = Query::default();
        query.payment = body.payment_id().cloned();
        assert_eq!(inbox.entries(&query).await.unwrap().len(), 1);
        let state = inbox.payment(body.project(), body.payment_id().unwrap()).await.unwrap();
        assert_eq!(state.unwrap().unknown().collect::<Vec<_>>(), ["no\0such"]);
    }
    assert_eq!(inbox.claim(&claim()).await.unwrap().deliveries.len(), 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_may_start_at_the_same_time() {
    let Some(config) = database() else { return };
    let opened = (0..8).map(|_| tokio::spawn(PostgresInbox::open(config.clone())));
    for opened in opened.collect::<Vec<_>>() {
        opened.await.unwrap().unwrap();
    }
    let inbox = PostgresInbox::open(config).await.unwrap();
    inbox.accept(&Body::new("X1", 1, "success").verified()).await.unwrap();
}

#[tokio::test]
async fn tables_of_a_newer_version_are_left_alone() {
    let Some(config) = database() else { return };
    drop(PostgresInbox::open(config.clone()).await.unwrap());
    let newer = "INSERT INTO ecp_inbox.migrations (version) VALUES (1000)";
    client(&config).await.batch_execute(newer).await.unwrap();
    let error = PostgresInbox::open(config).await.unwrap_err();
    assert_eq!(error.kind(), InboxErrorKind::Newer);
}

#[tokio::test]
async fn tables_of_version_1_are_brought_to_this_one() {
    let Some(config) = database() else { return };
    let inbox = PostgresInbox::open(config.clone()).await.unwrap();
    inbox.accept(&Body::new("X1", 1, "success").verified()).await.unwrap();
    inbox.accept(&Body::new("X2", 1, "success").doubtful().verified()).await.unwrap();
    // The row of this one's payment is lost below.
    inbox.accept(&Body::new("X3", 1, "success").verified()).await.unwrap();
    drop(inbox);
    let older = "ALTER TABLE ecp_inbox.callbacks DROP COLUMN since, ADD COLUMN payment_key bytea;
        UPDATE ecp_inbox.callbacks SET payment_key = key
            FROM ecp_inbox.payments WHERE number = payment_number;
        DROP FUNCTION ecp_inbox.keep_payment CASCADE;
        DELETE FROM ecp_inbox.payments WHERE payment = 'X3';
        DROP INDEX ecp_inbox.callbacks_content_without_payment;
        ALTER TABLE ecp_inbox.callbacks DROP COLUMN payment_number;
        ALTER TABLE ecp_inbox.payments DROP COLUMN number;
        CREATE UNIQUE INDEX callbacks_content ON ecp_inbox.callbacks (content);
        CREATE UNIQUE INDEX callbacks_meaning ON ecp_inbox.callbacks (meaning)
            WHERE first_id IS NULL AND state <> 'held';
        CREATE INDEX callbacks_payment ON ecp_inbox.callbacks (payment_key, id);
        DROP FUNCTION ecp_inbox.count_inserted, ecp_inbox.count_updated, ecp_inbox.count_deleted,
            ecp_inbox.count_payments, ecp_inbox.add_up_counts CASCADE;
        DROP TABLE ecp_inbox.counts, ecp_inbox.outbox, ecp_inbox.publisher;
        DROP FUNCTION ecp_inbox.outbox_new, ecp_inbox.outbox_released, ecp_inbox.begin_batch,
            ecp_inbox.end_batch;
        DELETE FROM ecp_inbox.migrations WHERE version >= 2";
    client(&config).await.batch_execute(older).await.unwrap();
    let error = PostgresOptions::new().existing_only().open(config.clone()).await.unwrap_err();
    assert_eq!(error.kind(), InboxErrorKind::Older);
    let inbox = PostgresInbox::open(config).await.unwrap();
    let stats = inbox.stats().await.unwrap();
    assert_eq!((stats.waiting, stats.held, stats.payments), (2, 1, 3));
    // What is repeated is known by its bytes and by its meaning, and the next callback waits.
    for (body, is_repeated) in [
        (Body::new("X1", 1, "success"), true),
        (Body::new("X2", 1, "success").doubtful(), true),
        (Body::new("X3", 1, "success"), true),
        (Body::new("X1", 2, "success"), false),
    ] {
        let accepted = inbox.accept(&body.verified()).await.unwrap();
        assert_eq!(matches!(accepted, Accepted::Repeated(_)), is_repeated, "{accepted:?}");
    }
    assert_eq!(inbox.claim(&claim()).await.unwrap().deliveries.len(), 2);
    assert_eq!(inbox.claim_held(&claim()).await.unwrap().questions.len(), 1);
}

/// Statements of a batch find rows by their keys, even if their plans were made for one row.
#[tokio::test]
async fn a_batch_reads_its_own_rows_only() {
    let Some(config) = database() else { return };
    let inbox = PostgresInbox::open(config.clone()).await.unwrap();
    inbox.accept(&Body::new("X1", 1, "processing").verified()).await.unwrap();
    let client = client(&config).await;
    client.batch_execute("ANALYZE").await.unwrap();
    let known = "SELECT key, number, content, callbacks.id
        FROM ecp_inbox.payments JOIN ecp_inbox.callbacks ON payment_number = number";
    let batch = format!(
        "SELECT ecp_inbox.begin_batch(ARRAY[key], ARRAY[key], ARRAY[content], ARRAY[NULL::bytea]),
            ecp_inbox.end_batch('{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', ARRAY[number],
                ARRAY['{{}}'], ARRAY['success'], '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}',
                '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', ARRAY[number], ARRAY[id], ARRAY[1], 1)
        FROM ({known} ORDER BY number LIMIT 1) AS known"
    );
    client.batch_execute(&batch).await.unwrap();
    let more = "
        INSERT INTO ecp_inbox.payments (number, key, project, payment, state, updated)
            SELECT 100 + i, sha256(i::text::bytea), 1, i::text::bytea, '{}', 0
            FROM generate_series(1, 3000) AS i;
        INSERT INTO ecp_inbox.callbacks (project, payment_number, payment, content, state, received,
                last_received, change, ambiguous)
            SELECT 1, 100 + i, i::text::bytea, sha256(i::text::bytea), 'done', 0, 0, '{}', '[]'
            FROM generate_series(1, 3000) AS i";
    client.batch_execute(more).await.unwrap();
    // One row of each table is the subquery's.
    let read = "SELECT sum(idx_tup_fetch + seq_tup_read)::bigint FROM pg_stat_xact_user_tables
        WHERE relname IN ('payments', 'callbacks')";
    client.batch_execute("BEGIN; SET LOCAL enable_seqscan = off").await.unwrap();
    client.batch_execute(&batch).await.unwrap();
    let read: i64 = client.query_one(read, &[]).await.unwrap().get(0);
    assert!((1..50).contains(&read), "{read} rows");
    let times = "SELECT times FROM ecp_inbox.callbacks WHERE payment = 'X1'";
    assert_eq!(client.query_one(times, &[]).await.unwrap().get::<_, i32>(0), 3);
}

#[tokio::test]
async fn a_payment_with_callbacks_cannot_be_deleted() {
    let Some(config) = database() else { return };
    let inbox = PostgresInbox::open(config.clone()).await.unwrap();
    inbox.accept(&Body::new("X1", 1, "success").verified()).await.unwrap();
    let client = client(&config).await;
    let error = client.batch_execute("DELETE FROM ecp_inbox.payments").await.unwrap_err();
    let message = error.as_db_error().unwrap().message();
    assert_eq!(message, "the payment has callbacks: delete those first");
    let both = "DELETE FROM ecp_inbox.callbacks; DELETE FROM ecp_inbox.payments";
    client.batch_execute(both).await.unwrap();
    assert_eq!(inbox.stats().await.unwrap().payments, 0);
}

/// Writes what it is given.
struct Ledger {
    fails: bool,
}

const LEDGER: &str = "CREATE TABLE ledger (
    number bigserial, payment text, callback bigint, attempt integer
)";

#[async_trait]
impl PostgresHandler for Ledger {
    async fn handle(
        &self,
        transaction: &Transaction<'_>,
        delivery: &Delivery,
    ) -> Result<(), HandlerError> {
        let payment = delivery.callback.payment_id().ok_or("no payment")?.to_string();
        let (callback, attempt) = (delivery.id.get(), i32::try_from(delivery.attempt)?);
        let write = "INSERT INTO ledger (payment, callback, attempt) VALUES ($1, $2, $3)";
        transaction.execute(write, &[&payment, &callback, &attempt]).await?;
        if self.fails && delivery.attempt == 1 {
            return Err("not at the first attempt".into());
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_replicas_handle_each_callback_once_and_in_order() {
    let Some(config) = database() else { return };
    let client = client(&config).await;
    client.batch_execute(LEDGER).await.unwrap();
    let mut workers = Vec::new();
    let mut replicas = Vec::new();
    for _ in 0..3 {
        let replica = PostgresInbox::open(config.clone()).await.unwrap();
        let worker = replica
            .worker(Ledger { fails: true })
            .pauses(Duration::from_millis(5), Duration::from_millis(5))
            .poll(Duration::from_millis(20));
        workers.push(tokio::spawn(async move { worker.run(std::future::pending()).await }));
        replicas.push(replica);
    }
    let statuses = ["processing", "external processing", "success"];
    for (number, status) in (0_usize..).zip(statuses.repeat(20)) {
        let payment = format!("X{}", number / 3);
        let body = Body::new(payment, number as u64, status).verified();
        replicas[number % 3].accept(&body).await.unwrap();
    }
    eventually(async || (replicas[0].stats().await.unwrap().done == 60).then_some(())).await;
    let rows = client.query("SELECT payment, callback, attempt FROM ledger ORDER BY number", &[]);
    let rows = rows.await.unwrap();
    assert_eq!(rows.len(), 60);
    let mut latest = BTreeMap::new();
    for row in rows {
        let (payment, callback): (String, i64) = (row.get(0), row.get(1));
        assert!(latest.insert(payment, callback).is_none_or(|before| before < callback));
        assert!(row.get::<_, i32>(2) > 1, "the first attempt has left something");
    }
    workers.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_loses_its_connection_and_its_effect_is_there_once() {
    struct Unlucky;

    #[async_trait]
    impl PostgresHandler for Unlucky {
        async fn handle(
            &self,
            transaction: &Transaction<'_>,
            delivery: &Delivery,
        ) -> Result<(), HandlerError> {
            Ledger { fails: false }.handle(transaction, delivery).await?;
            if delivery.attempt == 1 {
                let me = "SELECT pg_terminate_backend(pg_backend_pid())";
                transaction.execute(me, &[]).await?;
            }
            Ok(())
        }
    }

    let Some(config) = database() else { return };
    let client = client(&config).await;
    client.batch_execute(LEDGER).await.unwrap();
    let inbox = PostgresInbox::open(config).await.unwrap();
    let worker = inbox.worker(Unlucky).pauses(Duration::from_millis(5), Duration::from_millis(5));
    let worker = tokio::spawn(async move { worker.run(std::future::pending()).await });
    inbox.accept(&Body::new("X1", 1, "success").verified()).await.unwrap();
    eventually(async || (inbox.stats().await.unwrap().done == 1).then_some(())).await;
    let rows = client.query("SELECT attempt FROM ledger", &[]).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.get(0)).collect::<Vec<i32>>(), [2]);
    worker.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_is_on_the_disk_even_where_the_server_is_set_not_to_wait() {
    let Some(config) = database() else { return };
    let client = client(&config).await;
    let name = config.get_dbname().unwrap();
    // A deferred trigger runs as part of the commit.
    let hasty = format!(
        "ALTER DATABASE {name} SET synchronous_commit = off; {LEDGER};
         CREATE TABLE commits (durable text);
         CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             INSERT INTO commits VALUES (current_setting('synchronous_commit'));
             RETURN NULL;
         END $$;"
    );
    client.batch_execute(&hasty).await.unwrap();
    let inbox = PostgresInbox::open(config.clone()).await.unwrap();
    for table in ["ledger", "ecp_inbox.callbacks"] {
        let noted = format!(
            "CREATE CONSTRAINT TRIGGER noted AFTER INSERT OR UPDATE ON {table}
                 DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION note()"
        );
        client.batch_execute(&noted).await.unwrap();
    }
    let worker = inbox.worker(Ledger { fails: false });
    let worker = tokio::spawn(async move { worker.run(std::future::pending()).await });
    inbox
        .accept(&verified(r#"{"project_id":1236,"payment":{"id":"X1","status":"processing"}}"#))
        .await
        .unwrap();
    eventually(async || (inbox.stats().await.unwrap().done == 1).then_some(())).await;
    let rows = client.query("SELECT durable FROM commits", &[]).await.unwrap();
    // Accepted, claimed, handled and done.
    assert_eq!(rows.iter().map(|row| row.get(0)).collect::<Vec<&str>>(), ["on"; 4]);
    worker.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_connection_while_accepting_leaves_all_or_nothing() {
    let Some(mut server) = Server::start_or_skip("killed Postgres processes") else { return };
    let config: Config = server.database().unwrap().parse().unwrap();
    let inbox = PostgresInbox::open(config).await.unwrap();
    let accepting = inbox.clone();
    let accepted = tokio::spawn(async move {
        let mut accepted = Vec::new();
        for number in 0..400 {
            let body = Body::new(format!("X{number}"), number, "success").verified();
            if let Ok(Accepted::New(id)) = accepting.accept(&body).await {
                accepted.push(id);
            }
            sleep(Duration::from_millis(2)).await;
        }
        accepted
    });
    sleep(Duration::from_millis(100)).await;
    server.kill_backend().unwrap();
    sleep(Duration::from_millis(300)).await;
    server.kill().unwrap();
    server.restart().unwrap();
    let accepted = accepted.await.unwrap();
    assert!(!accepted.is_empty());
    for id in accepted {
        let entry = eventually(async || inbox.entry(id).await.ok()).await.unwrap();
        assert_eq!(entry.state, EntryState::Waiting);
        let state = inbox.payment(entry.project, &entry.payment.unwrap()).await.unwrap();
        assert!(state.unwrap().status().unwrap().is_success());
    }
    let stats = inbox.stats().await.unwrap();
    assert_eq!(stats.waiting, stats.payments, "a payment without its callback is half an accept");
}
