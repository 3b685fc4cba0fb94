//! Callbacks that are stored together end as those that are stored one after the other.

#![cfg(any(feature = "sqlite", feature = "postgres"))]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::{Arc, mpsc};
use std::time::Duration;

use ecp_core::PaymentId;
use ecp_core::model::Callback;
use ecp_inbox::conformance::{Body, verified};
use ecp_inbox::{
    Accepted, Change, Claim, EntryId, EntryState, Inbox, InboxErrorKind, PaymentState,
};
use ecp_notify::Verified;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::TestRunner;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

/// A callback out of few, so that many repeat each other.
#[derive(Clone, Copy, Debug)]
struct Short {
    payment: Option<u8>,
    operation: u64,
    status: &'static str,
    /// Of callbacks that report the same; the last one makes the signature ambiguous.
    wording: u8,
}

impl Short {
    /// The callback among those of a side, which has payments of its own.
    fn verified(self, side: &str) -> Verified<Callback> {
        let Self { payment, operation, status, wording } = self;
        let Some(payment) = payment else {
            return verified(&format!(
                r#"{{"project_id":1236,"operation":{{"id":{operation},"type":"sale","status":"{status}",
                "note":"{side} {wording}"}}}}"#
            ));
        };
        let body = Body::new(format!("{side}-{payment}"), operation, status);
        let body = match wording {
            2 => body.doubtful(),
            _ => body.described(format!("wording {wording}")),
        };
        body.verified()
    }
}

fn any_short() -> impl Strategy<Value = Short> {
    let payment = prop_oneof![6 => (0..3_u8).prop_map(Some), 1 => Just(None)];
    let status = select(vec!["processing", "success", "decline", "refunded"]);
    (payment, 1..3_u64, status, 0..3_u8).prop_map(|(payment, operation, status, wording)| Short {
        payment,
        operation,
        status,
        wording,
    })
}

/// What a caller and a later reader see of a callback. Ids are places in the history.
#[derive(Debug, PartialEq)]
struct Seen {
    result: &'static str,
    entry: usize,
    first: Option<usize>,
    state: EntryState,
    times: u32,
    change: Change,
    payment: Option<PaymentState>,
}

async fn seen(inbox: &dyn Inbox, side: &str, history: &[Short], all: &[Accepted]) -> Vec<Seen> {
    let place = |id: EntryId| all.iter().position(|accepted| accepted.id() == id).unwrap();
    let mut seen = Vec::new();
    let mut latest = [None; 3];
    for (short, accepted) in history.iter().zip(all) {
        let entry = inbox.entry(accepted.id()).await.unwrap().unwrap();
        let payment = short.payment.map(|payment| format!("{side}-{payment}"));
        let payment = match payment.map(|payment| payment.parse::<PaymentId>().unwrap()) {
            Some(payment) => inbox.payment(entry.project, &payment).await.unwrap(),
            None => None,
        };
        if let (Some(number), false) = (short.payment, matches!(accepted, Accepted::Repeated(_))) {
            let before = latest[usize::from(number)].replace(entry.id);
            assert!(before.is_none_or(|before| before < entry.id), "ids of a payment grow");
        }
        seen.push(Seen {
            result: accepted.as_str(),
            entry: place(accepted.id()),
            first: match accepted {
                Accepted::SameOperation { first, .. } => Some(place(*first)),
                _ => None,
            },
            state: entry.state,
            times: entry.times,
            change: entry.change,
            payment,
        });
    }
    seen
}

/// Accepts callbacks one after the other.
async fn one_by_one(inbox: &dyn Inbox, callbacks: Callbacks) -> Vec<Accepted> {
    let mut accepted = Vec::new();
    for callback in callbacks {
        accepted.push(inbox.accept(&callback).await.unwrap());
    }
    accepted
}

/// Begins to accept callbacks, in this order, before any is written, on a runtime with one thread.
fn begin_all(inbox: &Arc<dyn Inbox>, callbacks: Callbacks) -> Accepts {
    let mut accepts = JoinSet::new();
    for (place, callback) in callbacks.into_iter().enumerate() {
        let inbox = inbox.clone();
        accepts.spawn(async move { (place, inbox.accept(&callback).await) });
    }
    accepts
}

type Callbacks = Vec<Verified<Callback>>;
type Results = Vec<Result<Accepted, InboxErrorKind>>;
type Accepts = JoinSet<(usize, Result<Accepted, ecp_inbox::InboxError>)>;

async fn end_all(accepts: Accepts) -> Results {
    let mut results = accepts.join_all().await;
    results.sort_by_key(|(place, _)| *place);
    results.into_iter().map(|(_, result)| result.map_err(|error| error.kind())).collect()
}

/// A store whose accepts can be made to wait for each other.
trait Together {
    fn inbox(&self) -> Arc<dyn Inbox>;

    /// Has callbacks written in one transaction.
    async fn accept(&self, callbacks: Callbacks) -> Results;
}

/// Runs histories whose beginning is stored already, each on one side singly and on the other side
/// together.
fn compare(runtime: &Runtime, store: &impl Together, cases: u32) {
    let config = ProptestConfig { cases, failure_persistence: None, ..<_>::default() };
    let numbers = std::cell::Cell::new(0);
    let histories = (prop::collection::vec(any_short(), 2..14), 0..4_usize);
    TestRunner::new(config)
        .run(&histories, |(history, stored)| {
            let number = numbers.get();
            numbers.set(number + 1);
            let (single, together) = (format!("single-{number}"), format!("together-{number}"));
            let side = |side: &str| -> Vec<_> {
                history.iter().map(|short| short.verified(side)).collect()
            };
            let stored = stored.min(history.len());
            runtime.block_on(async {
                let inbox = store.inbox();
                let expected = one_by_one(&*inbox, side(&single)).await;
                let expected = seen(&*inbox, &single, &history, &expected).await;
                let mut callbacks = side(&together);
                let rest = callbacks.split_off(stored);
                let mut accepted = one_by_one(&*inbox, callbacks).await;
                accepted.extend(store.accept(rest).await.into_iter().map(Result::unwrap));
                let seen = seen(&*inbox, &together, &history, &accepted).await;
                prop_assert_eq!(seen, expected);
                Ok(())
            })
        })
        .unwrap();
}

/// Callbacks about new payments, before and behind one whose stored state is damaged. There are so
/// many that some are written with it, also where batches of different payments are.
async fn a_damaged_payment_fails_alone(store: &impl Together, damage: impl AsyncFnOnce()) {
    let callback = |payment: &str, status| Body::new(payment, 1, status).verified();
    store.inbox().accept(&callback("damaged", "processing")).await.unwrap();
    damage().await;
    let payments = ["a", "b", "c", "d", "damaged", "e", "f", "g", "h"];
    let callbacks = payments.iter().map(|payment| callback(payment, "success")).collect();
    for (payment, result) in payments.iter().zip(store.accept(callbacks).await) {
        match *payment {
            "damaged" => assert_eq!(result, Err(InboxErrorKind::Damaged)),
            _ => assert!(matches!(result, Ok(Accepted::New(_))), "{payment}: {result:?}"),
        }
    }
    let stats = store.inbox().stats().await.unwrap();
    assert_eq!((stats.waiting, stats.payments), (9, 9));
    // It does not keep the others from being handled either.
    let claimed = store.inbox().claim(&Claim::new(100, Duration::from_secs(30))).await.unwrap();
    assert_eq!((claimed.deliveries.len(), claimed.dead.len()), (8, 1));
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[cfg(feature = "sqlite")]
mod sqlite {
    use ecp_inbox::sqlite::SqliteInbox;

    use super::*;

    struct Sqlite(SqliteInbox);

    impl Together for Sqlite {
        fn inbox(&self) -> Arc<dyn Inbox> {
            Arc::new(self.0.clone())
        }

        async fn accept(&self, callbacks: Callbacks) -> Results {
            let (go, wait) = self.hold_up().await;
            let accepts = begin_all(&self.inbox(), callbacks);
            tokio::task::yield_now().await;
            go.send(()).unwrap();
            wait.await.unwrap();
            end_all(accepts).await
        }
    }

    impl Sqlite {
        async fn open(folder: &tempfile::TempDir) -> Self {
            Self(SqliteInbox::open(folder.path().join("inbox.db")).await.unwrap())
        }

        /// Keeps the thread that writes busy until something is sent.
        async fn hold_up(&self) -> (mpsc::Sender<()>, tokio::task::JoinHandle<()>) {
            let (go, wait) = mpsc::channel::<()>();
            let (begun, has_begun) = tokio::sync::oneshot::channel();
            let (wait, mut begun) = (std::sync::Mutex::new(wait), Some(begun));
            let inbox = self.0.clone();
            let held_up = tokio::spawn(async move {
                let work = move |_: &_| {
                    if let Some(begun) = begun.take() {
                        begun.send(()).unwrap();
                        wait.lock().unwrap().recv().unwrap();
                    }
                    Ok(())
                };
                inbox.transaction(work).await.unwrap();
            });
            has_begun.await.unwrap();
            (go, held_up)
        }
    }

    #[test]
    fn callbacks_stored_together_end_as_those_stored_singly() {
        let (runtime, folder) = (runtime(), tempfile::tempdir().unwrap());
        let store = runtime.block_on(Sqlite::open(&folder));
        compare(&runtime, &store, 24);
    }

    #[tokio::test]
    async fn a_damaged_payment_costs_its_own_callback_alone() {
        let folder = tempfile::tempdir().unwrap();
        let store = Sqlite::open(&folder).await;
        let damage = async || {
            let damage = "UPDATE ecp_inbox_payments SET state = '?'";
            store.0.transaction(|db| Ok(db.execute_batch(damage)?)).await.unwrap();
        };
        a_damaged_payment_fails_alone(&store, damage).await;
    }

    #[tokio::test]
    async fn a_caller_that_has_gone_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let store = Sqlite::open(&folder).await;
        let (go, held_up) = store.hold_up().await;
        let mut accepts =
            begin_all(&store.inbox(), vec![Body::new("gone", 1, "success").verified()]);
        tokio::task::yield_now().await;
        accepts.shutdown().await;
        go.send(()).unwrap();
        held_up.await.unwrap();
        store.0.accept(&Body::new("here", 1, "success").verified()).await.unwrap();
        assert_eq!(store.0.stats().await.unwrap().payments, 1);
    }

    #[tokio::test]
    async fn counts_follow_what_is_changed_by_hand() {
        let folder = tempfile::tempdir().unwrap();
        let store = Sqlite::open(&folder).await;
        for payment in ["a", "b", "c"] {
            store.0.accept(&Body::new(payment, 1, "success").verified()).await.unwrap();
        }
        let by_hand = "UPDATE ecp_inbox_callbacks SET state = 'dead' WHERE id = 1;
            DELETE FROM ecp_inbox_callbacks WHERE id = 2;";
        store.0.transaction(|db| Ok(db.execute_batch(by_hand)?)).await.unwrap();
        let stats = store.0.stats().await.unwrap();
        assert_eq!((stats.waiting, stats.dead, stats.payments), (1, 1, 3));
    }
}

#[cfg(all(feature = "postgres", unix))]
mod postgres {
    use ecp_inbox::postgres::tokio_postgres::{Client, Config, NoTls};
    use ecp_inbox::postgres::{PostgresInbox, PostgresOptions};
    use ecp_testkit::postgres::Server;

    use super::*;

    struct Postgres(PostgresInbox);

    impl Together for Postgres {
        fn inbox(&self) -> Arc<dyn Inbox> {
            Arc::new(self.0.clone())
        }

        /// The task that writes is begun when all callbacks wait: there is one thread.
        async fn accept(&self, callbacks: Callbacks) -> Results {
            end_all(begin_all(&self.inbox(), callbacks)).await
        }
    }

    async fn open(config: &Config) -> Postgres {
        Postgres(PostgresOptions::new().connections(4).open(config.clone()).await.unwrap())
    }

    async fn client(config: &Config) -> Client {
        let (client, connection) = config.connect(NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }

    #[test]
    fn callbacks_stored_together_end_as_those_stored_singly() {
        let Some(server) = Server::start_or_skip("batches over Postgres") else { return };
        let runtime = runtime();
        let config: Config = server.database().unwrap().parse().unwrap();
        let store = runtime.block_on(open(&config));
        compare(&runtime, &store, 12);
        assert_eq!(redone(&store.0), 0, "a batch failed, and its callbacks were stored singly");

        // What was counted by triggers is what is there.
        runtime.block_on(async {
            let stats = store.0.stats().await.unwrap();
            let client = client(&config).await;
            let count = "SELECT count(*) FILTER (WHERE state = 'waiting'),
                    count(*) FILTER (WHERE state = 'held'),
                    count(*) FILTER (WHERE state = 'repeated'),
                    (SELECT count(*) FROM ecp_inbox.payments)
                FROM ecp_inbox.callbacks";
            let row = client.query_one(count, &[]).await.unwrap();
            let counted = [stats.waiting, stats.held, stats.repeated, stats.payments];
            for (place, counted) in counted.into_iter().enumerate() {
                assert_eq!(row.get::<_, i64>(place).unsigned_abs(), counted);
            }
        });

        let config: Config = server.database().unwrap().parse().unwrap();
        runtime.block_on(async {
            let store = open(&config).await;
            let damage = async || {
                let damage = "UPDATE ecp_inbox.payments SET state = '?'";
                client(&config).await.batch_execute(damage).await.unwrap();
            };
            a_damaged_payment_fails_alone(&store, damage).await;
            assert_eq!(redone(&store.0), 1);
        });

        let config: Config = server.database().unwrap().parse().unwrap();
        runtime.block_on(a_caller_that_has_gone_is_not_written(&config));
        let config: Config = server.database().unwrap().parse().unwrap();
        runtime.block_on(two_receivers_make_the_same_payments(&config));
        let config: Config = server.database().unwrap().parse().unwrap();
        runtime.block_on(a_batch_is_on_the_disk_where_the_server_is_set_not_to_wait(&config));
    }

    /// Two receivers find that a payment is not there, and both write it.
    async fn two_receivers_make_the_same_payments(config: &Config) {
        let receivers = [open(config).await, open(config).await];
        let mut client = client(config).await;
        let lock = client.transaction().await.unwrap();
        // Payments can be locked, and none can be made.
        lock.batch_execute("LOCK TABLE ecp_inbox.payments IN SHARE MODE").await.unwrap();
        let payments = ["a", "b", "c", "d", "e", "f"];
        let callbacks = |operation| -> Callbacks {
            let callback = |payment: &&str| Body::new(*payment, operation, "success").verified();
            payments.iter().map(callback).chain([callback(&"a")]).collect()
        };
        let accepts = [0, 1].map(|n: u8| {
            begin_all(&receivers[usize::from(n)].inbox(), callbacks(1 + u64::from(n)))
        });
        // Both lanes of both receivers.
        settle(&lock, 4).await;
        lock.commit().await.unwrap();
        for accepts in accepts {
            let results = end_all(accepts).await;
            let new = results.iter().filter(|result| matches!(result, Ok(Accepted::New(_))));
            assert_eq!(new.count(), payments.len(), "{results:?}");
            assert!(matches!(results.last(), Some(Ok(Accepted::Repeated(_)))), "{results:?}");
        }
        assert_eq!(receivers.each_ref().map(|receiver| redone(&receiver.0)), [0, 0]);
        let inbox = &receivers[0].0;
        let stats = inbox.stats().await.unwrap();
        assert_eq!((stats.waiting, stats.payments), (12, 6));
        // The state of each payment has both operations.
        for payment in payments {
            let body = Body::new(payment, 1, "success").verified();
            let stored = inbox.payment(body.project(), body.payment_id().unwrap()).await.unwrap();
            assert_eq!(stored.unwrap().operations().len(), 2, "{payment}");
        }
    }

    async fn a_batch_is_on_the_disk_where_the_server_is_set_not_to_wait(config: &Config) {
        let client = client(config).await;
        let name = config.get_dbname().unwrap();
        let hasty = format!("ALTER DATABASE {name} SET synchronous_commit = off");
        client.batch_execute(&hasty).await.unwrap();
        let store = open(config).await;
        // A deferred trigger runs as part of the commit.
        let noted = "CREATE TABLE commits (durable text);
            CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                INSERT INTO commits VALUES (current_setting('synchronous_commit'));
                RETURN NULL;
            END $$;
            CREATE CONSTRAINT TRIGGER noted AFTER INSERT OR UPDATE ON ecp_inbox.callbacks
                DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION note()";
        client.batch_execute(noted).await.unwrap();
        let callback = |number| Body::new(format!("X{number}"), 1, "success").verified();
        let results = store.accept((0..8).map(callback).collect()).await;
        assert!(results.iter().all(Result::is_ok), "{results:?}");
        let commits = "SELECT count(*) FILTER (WHERE durable = 'on'), count(*) FROM commits";
        let row = client.query_one(commits, &[]).await.unwrap();
        assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (8, 8));
    }

    /// Number of batches that failed and were written again singly.
    fn redone(inbox: &PostgresInbox) -> u64 {
        let shown = format!("{inbox:?}");
        let (_, count) = shown.split_once("redone: ").unwrap();
        count.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap()
    }

    async fn a_caller_that_has_gone_is_not_written(config: &Config) {
        let store = open(config).await;
        store.0.accept(&Body::new("busy", 1, "processing").verified()).await.unwrap();
        let mut client = client(config).await;
        let lock = client.transaction().await.unwrap();
        lock.execute("SELECT FROM ecp_inbox.payments FOR UPDATE", &[]).await.unwrap();
        // What writes about the payment waits for the lock.
        let busy = |operation| Body::new("busy", operation, "success").verified();
        let writing = begin_all(&store.inbox(), vec![busy(2)]);
        settle(&lock, 1).await;
        let mut gone = begin_all(&store.inbox(), vec![busy(3)]);
        tokio::task::yield_now().await;
        gone.shutdown().await;
        lock.commit().await.unwrap();
        assert!(end_all(writing).await.iter().all(Result::is_ok));
        store.0.accept(&busy(4)).await.unwrap();
        assert_eq!(store.0.stats().await.unwrap().waiting, 3);
    }

    /// Waits until so many sessions wait for a lock.
    async fn settle(lock: &ecp_inbox::postgres::tokio_postgres::Transaction<'_>, sessions: i64) {
        let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted";
        while lock.query_one(waiting, &[]).await.unwrap().get::<_, i64>(0) < sessions {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }
}
