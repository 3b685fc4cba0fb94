//! Inboxes of both kinds: callbacks that are kept, held, released, handled, given up and removed.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ecp_core::json::{Document, Limits};
use ecp_core::model::VerifiedStatus;
use ecp_core::signature::SigningKey;
use ecp_core::{PaymentId, ProjectId, SecretKey, Timestamp};
use ecp_inbox::postgres::{PostgresInbox, PostgresOptions};
use ecp_inbox::sqlite::{SqliteInbox, SqliteOptions};
use ecp_inbox::{
    Accepted, Delivery, Handler, HandlerError, Inbox, Observed, Query, Questions, Stats, Worker,
};
use ecp_methods::request::Field;
use ecp_testkit::postgres::Server;
use ecp_testkit::sentinels::Capture;

use crate::callbacks::verifier;
use crate::marks::{KEY, callback, id, project, sign, value};

/// Fails, panics or takes too long, as the payment's id says, and logs within its span.
struct Moody(Capture);

#[async_trait]
impl Handler for Moody {
    async fn handle(&self, delivery: &Delivery) -> Result<(), HandlerError> {
        self.0.debug("a delivery", delivery);
        match delivery.callback.payment_id().map_or("", |id| id.as_str()) {
            "fails" => Err("no such order".into()),
            "panics" => panic!("the handler has a bug"),
            "hangs" => std::future::pending().await,
            _ => Ok(()),
        }
    }
}

pub(crate) async fn embedded(capture: &Capture) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("inbox.sqlite");
    let inbox = SqliteInbox::open(&path).await.unwrap();
    capture.debug("an inbox", &inbox);
    all(capture, Arc::new(inbox.clone())).await;

    // With a handler that writes in the inbox's own transaction.
    let of_handler = capture.clone();
    fill(capture, &inbox, "again").await;
    let worker = inbox.worker(move |_, delivery| {
        of_handler.debug("a delivery", delivery);
        Err("no such order".into())
    });
    run(capture, worker, &inbox).await;

    // What does not fit, and what is no inbox.
    let small = folder.path().join("small.sqlite");
    let full = SqliteOptions::new().largest(100 * 1024).open(&small).await.unwrap();
    let full = Observed::new(full, capture.clone());
    for operation in 0..60 {
        let body = sign(&callback(&format!("X{operation}"), "success", operation));
        capture.result("kept", &full.accept(&verifier().verify(&body).unwrap()).await);
    }
    let other = folder.path().join("other.sqlite");
    std::fs::write(&other, callback("X1", "success", 7)).unwrap();
    capture.result("no inbox", &SqliteInbox::open(&other).await);
}

pub(crate) async fn postgres(capture: &Capture) {
    let Some(server) = Server::start_or_skip("marks in an inbox in Postgres") else { return };
    let database = server.database().unwrap();
    let options = PostgresOptions::new().connections(4);
    let inbox = options.open(database.parse().unwrap()).await.unwrap();
    capture.debug("an inbox", &inbox);
    all(capture, Arc::new(inbox.clone())).await;
    let password = format!("{database} password={}", crate::marks::KEY);
    let wrong = password.replace("dbname=", "dbname=no_");
    capture.result("no inbox", &PostgresInbox::open(wrong.parse().unwrap()).await);
}

/// Everything that an inbox does.
async fn all(capture: &Capture, inbox: Arc<dyn Inbox>) {
    let inbox: Arc<dyn Inbox> = Arc::new(Observed::new(inbox, capture.clone()));
    capture.debug("an inbox", &inbox);
    fill(capture, &*inbox, "first").await;

    // Held for a text with another reading, and compared with what Gate says.
    let doubtful =
        callback("doubtful", "success", 5).replace("mark of a description", "x;payment:extra:1");
    let held = inbox.accept(&verifier().verify(&sign(&doubtful)).unwrap()).await;
    capture.result("held", &held);
    let Ok(Accepted::Held(held)) = held else { panic!("{held:?}") };
    let disagrees = answer(10_001, 5);
    capture.debug("a status", &disagrees);
    for answer in [disagrees, answer(10_000, 5), answer(10_000, 5)] {
        capture.result("released", &inbox.release(held, &answer).await);
    }

    // Two that a worker asks about: Gate says otherwise of one, and cannot be asked about the other.
    for (payment, operation) in [("doubtful", 6), ("unreachable", 7)] {
        let doubtful = callback(payment, "success", operation)
            .replace("mark of a description", "x;payment:extra:1");
        let held = inbox.accept(&verifier().verify(&sign(&doubtful)).unwrap()).await;
        capture.result("held", &held);
    }
    work(capture, inbox.clone()).await;

    for entry in inbox.entries(&Query::default()).await.unwrap() {
        capture.debug("an entry", &inbox.entry(entry.id).await.unwrap());
        capture.result("replayed", &inbox.replay(entry.id).await);
    }
    capture.result("a payment", &inbox.payment(project(), &id("fails")).await);
    capture.result("statistics", &inbox.stats().await);
    work(capture, inbox.clone()).await;
    let later = Timestamp::from_unix_seconds(9_000_000_000).unwrap();
    capture.result("removed", &inbox.remove_bodies(later).await);
    capture.debug("what is left", &inbox.entries(&Query::default()).await.unwrap());
}

/// What Gate says of the payment whose callback is held.
fn answer(amount: i64, operation: u64) -> VerifiedStatus {
    let (customer, account) = (value(Field::CUSTOMER_ID), value(Field::ACCOUNT_NUMBER));
    let json = format!(
        r#"{{"project_id":1236,"customer":{{"id":"{customer}"}},"account":{{"number":"{account}"}},
            "payment":{{"id":"doubtful","type":"purchase","status":"success","method":"A Wallet",
                "sum":{{"amount":{amount},"currency":"EUR"}}}},
            "operations":[{{"id":{operation},"type":"sale","status":"success",
                "sum_initial":{{"amount":{amount},"currency":"EUR"}}}}]}}"#
    );
    let signed = sign(&json);
    let document = Document::parse(&signed, Limits::default()).unwrap();
    let key = SigningKey::new(&SecretKey::new(KEY).unwrap());
    VerifiedStatus::verify(project(), [&key], &document).unwrap()
}

/// Callbacks of every kind.
async fn fill(capture: &Capture, inbox: &dyn Inbox, word: &str) {
    let bodies = [
        callback("fails", "success", 1),
        callback("fails", "decline", 1),
        callback("panics", "success", 2),
        callback("hangs", "success", 3),
        callback("plain", "processing", 4),
        callback("plain", "gone fishing", 4),
        callback("plain", "success", 4),
        callback("plain", "refunded", 6),
        callback("plain", "success", 4).replace("Success", word),
    ];
    for body in bodies {
        let callback = verifier().verify(&sign(&body.replace("Success", word))).unwrap();
        capture.result("kept", &inbox.accept(&callback).await);
        capture.result("kept again", &inbox.accept(&callback).await);
    }
}

/// Has all of them handled, until nothing is left to do.
pub(crate) async fn work(capture: &Capture, inbox: Arc<dyn Inbox>) {
    run(capture, Worker::new(inbox.clone(), Moody(capture.clone())), &*inbox).await;
}

async fn run(capture: &Capture, worker: Worker, inbox: &dyn Inbox) {
    let pause = Duration::from_millis(1);
    let worker = worker.attempts(2).pauses(pause, pause).poll(pause).lease(pause * 100);
    let questions = Questions::new(|_: ProjectId, payment: PaymentId| async move {
        match payment.as_str() {
            "doubtful" => Ok(answer(10_001, 6)),
            _ => Err("no Gate".into()),
        }
    });
    let questions = questions.attempts(2).pauses(pause, pause);
    capture.debug("questions", &questions);
    let worker = worker.questions(questions).observer(capture.clone());
    capture.debug("a worker", &worker);
    let done = async {
        let is_done = |stats: Stats| stats.waiting == 0 && stats.held == stats.unconfirmed;
        while !is_done(inbox.stats().await.unwrap()) {
            tokio::time::sleep(pause * 5).await;
        }
    };
    let done = tokio::time::timeout(Duration::from_secs(30), done);
    worker.run(async { assert!(done.await.is_ok(), "callbacks are left") }).await;
}
