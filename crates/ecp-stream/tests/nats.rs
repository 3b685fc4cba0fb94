//! Streams on three real NATS servers, of which one is killed.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use ecp_core::model::Callback;
use ecp_core::signature::{self, Place, Rules, SigningKey};
use ecp_core::{ProjectId, SecretKey};
use ecp_inbox::sqlite::SqliteInbox;
use ecp_inbox::{Accepted, Delivery, Handler, HandlerError, Inbox, Worker};
use ecp_notify::{Receiver, Verified, Verifier};
use ecp_stream::Outbox;
use ecp_stream::nats::{NatsError, NatsPublisher, NatsPump, NatsStore, StreamSettings, async_nats};
use ecp_testkit::nats::NatsCluster;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::metrics::Seen;

const WINDOW: Duration = Duration::from_millis(100);
const PAYMENTS: u64 = 30;
const CALLBACKS: u64 = 6;

fn secret() -> SecretKey {
    SecretKey::new("secret").unwrap()
}

fn body(payment: u64, number: u64) -> Vec<u8> {
    let json = format!(
        r#"{{"project_id":1236,"payment":{{"id":"X{payment}","status":"processing"}},
        "operation":{{"id":{number},"type":"sale","status":"processing"}}}}"#
    );
    let key = SigningKey::new(&secret());
    signature::sign_document(&key, json.as_bytes(), Place::Root, Rules::private()).unwrap()
}

fn verifier() -> Verifier {
    Verifier::new().key(ProjectId::new(1236).unwrap(), &secret())
}

fn verified(payment: u64, number: u64) -> Verified<Callback> {
    verifier().verify(&body(payment, number)).unwrap()
}

/// What a callback is about: its payment and its operation.
type Name = (String, u64);

fn name(callback: &Callback) -> Name {
    let operation = callback.operation.as_ref().unwrap().id.unwrap();
    (callback.payment_id().unwrap().to_string(), operation.get())
}

async fn client(cluster: &NatsCluster) -> async_nats::Client {
    let addresses: Vec<String> = cluster.addresses().split(',').map(str::to_owned).collect();
    async_nats::connect(addresses).await.unwrap()
}

fn incoming() -> StreamSettings {
    let settings = StreamSettings::new("CALLBACKS", "callbacks").duplicate_window(WINDOW);
    settings.patience(Duration::from_secs(1))
}

async fn stream(client: &async_nats::Client, name: &str) -> async_nats::jetstream::stream::Stream {
    let context = async_nats::jetstream::new(client.clone());
    let began = Instant::now();
    loop {
        match context.get_stream(name).await {
            Ok(stream) => return stream,
            Err(error) => assert!(began.elapsed() < Duration::from_secs(30), "{error}"),
        }
        sleep(Duration::from_millis(50)).await;
    }
}

/// The stream of a receiver, as soon as the servers can make it.
async fn open(client: &async_nats::Client, settings: StreamSettings) -> NatsStore {
    let began = Instant::now();
    loop {
        match NatsStore::open(client.clone(), settings.clone()).await {
            Ok(store) => return store,
            Err(error) => assert!(began.elapsed() < Duration::from_secs(30), "{error:?}"),
        }
        sleep(Duration::from_millis(50)).await;
    }
}

async fn leader(client: &async_nats::Client, name: &str) -> usize {
    let info = stream(client, name).await.cached_info().clone();
    info.cluster.unwrap().leader.unwrap().trim_start_matches('n').parse().unwrap()
}

/// Notes what it handles.
#[derive(Clone, Default)]
struct Handled(Arc<Mutex<Vec<Name>>>);

#[async_trait]
impl Handler for Handled {
    async fn handle(&self, delivery: &Delivery) -> Result<(), HandlerError> {
        self.0.lock().unwrap().push(name(&delivery.callback));
        Ok(())
    }
}

/// Sends callbacks to a receiver until each is answered with 200, as the platform does.
async fn send(receiver: Receiver, payment: u64, numbers: std::ops::Range<u64>) {
    for number in numbers {
        let body = body(payment, number);
        while receiver.receive(&body).await.status != 200 {
            sleep(Duration::from_millis(50)).await;
        }
        // Some come twice, within the window of the stream or beyond it.
        if number.is_multiple_of(3) {
            sleep(WINDOW * u32::from(payment.is_multiple_of(2))).await;
            let _ = receiver.receive(&body).await;
        }
    }
}

async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let waited = async {
        while !is_so().await {
            sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(timeout(Duration::from_mins(1), waited).await.is_ok(), "{what}");
}

/// The whole way: receivers, a stream, the inbox, its outbox, another stream.
async fn nothing_is_lost_and_nothing_is_handled_twice(program: PathBuf) {
    let mut cluster = NatsCluster::start(&program, 3, "").unwrap();
    let client = client(&cluster).await;
    let store = open(&client, incoming()).await;
    let receiver = Receiver::new(verifier(), store);

    // The inbox is away, as its database would be.
    let folder = tempfile::tempdir().unwrap();
    let (path, away) = (folder.path().join("inbox.sqlite"), folder.path().join("away"));
    let inbox = SqliteInbox::open(&path).await.unwrap();
    inbox.keep_outbox(true).await.unwrap();
    fs::rename(&path, &away).unwrap();

    let mut parts = JoinSet::new();
    let pump = NatsPump::new(client.clone(), incoming(), inbox.clone(), verifier());
    let seen = Seen::default();
    let pump = pump.redelivery(Duration::from_secs(2)).observer(seen.clone());
    parts.spawn(async move { pump.run(std::future::pending()).await });
    let handled = Handled::default();
    let worker = Worker::new(inbox.clone(), handled.clone()).poll(Duration::from_millis(50));
    parts.spawn(async move { worker.run(std::future::pending()).await });
    let outgoing = StreamSettings::new("EVENTS", "events").patience(Duration::from_secs(1));
    let publisher = NatsPublisher::open(client.clone(), outgoing).await.unwrap();
    let outbox = Outbox::new(inbox.clone(), publisher);
    parts.spawn(async move { outbox.run(std::future::pending()).await });

    let mut senders = JoinSet::new();
    for payment in 0..PAYMENTS {
        senders.spawn(send(receiver.clone(), payment, 0..CALLBACKS / 2));
    }
    while senders.join_next().await.is_some() {}
    // All were answered with 200, and none is in the inbox yet.
    fs::rename(&away, &path).unwrap();
    until("the pump moves callbacks", async || inbox.stats().await.is_ok_and(|s| s.payments > 3))
        .await;

    // The server that leads is killed while the rest comes.
    let killed = leader(&client, "CALLBACKS").await;
    for payment in 0..PAYMENTS {
        senders.spawn(send(receiver.clone(), payment, CALLBACKS / 2..CALLBACKS));
    }
    sleep(Duration::from_millis(20)).await;
    cluster.kill(killed).unwrap();
    while senders.join_next().await.is_some() {}
    let wanted: BTreeSet<Name> = (0..PAYMENTS)
        .flat_map(|payment| (0..CALLBACKS).map(move |number| (format!("X{payment}"), number)))
        .collect();
    until("all is handled", async || handled.0.lock().unwrap().len() >= wanted.len()).await;
    until("all is published", async || inbox.stats().await.unwrap().oldest_unpublished.is_none())
        .await;

    // A repeat beyond the window is a second message, and no second entry.
    let before = stream(&client, "CALLBACKS").await.cached_info().state.messages;
    sleep(WINDOW).await;
    assert_eq!(receiver.receive(&body(1, 1)).await.status, 200);
    assert_eq!(stream(&client, "CALLBACKS").await.cached_info().state.messages, before + 1);
    let stored = verified(1, 1);
    until("the repeat is moved", async || {
        let Accepted::Repeated(id) = inbox.accept(&stored).await.unwrap() else { panic!() };
        inbox.entry(id).await.unwrap().unwrap().times > 2
    })
    .await;
    parts.abort_all();
    while parts.join_next().await.is_some() {}
    let outcomes = seen.outcomes("ecp.stream.move.duration");
    assert!(outcomes.contains("new") && outcomes.contains("repeated"), "{outcomes:?}");

    let handled = handled.0.lock().unwrap().clone();
    assert_eq!(handled.len(), wanted.len());
    assert_eq!(handled.into_iter().collect::<BTreeSet<_>>(), wanted);
    let mut by_payment: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    let mut names = BTreeSet::new();
    for (entry, callback) in events(&client).await {
        let name = name(&callback);
        by_payment.entry(name.0.clone()).or_default().push(entry);
        assert!(names.insert(name.clone()), "{name:?} was published twice within the window");
    }
    assert_eq!(names, wanted);
    for (payment, entries) in by_payment {
        assert!(entries.is_sorted(), "{payment}: {entries:?}");
    }
}

/// What was published: the entry's number and the callback.
async fn events(client: &async_nats::Client) -> Vec<(i64, Verified<Callback>)> {
    let stream = stream(client, "EVENTS").await;
    let mut found = Vec::new();
    for sequence in 1..=stream.cached_info().state.last_sequence {
        let message = stream.get_raw_message(sequence).await.unwrap();
        let entry = message.headers.get("Ecp-Entry").unwrap().as_str().parse().unwrap();
        assert!(message.headers.get("Ecp-Change").unwrap().as_str().starts_with('{'));
        let callback = verifier().verify(&message.payload).unwrap();
        let id = message.headers.get("Nats-Msg-Id").unwrap().as_str();
        assert_eq!(id, ecp_inbox::message_id(&callback));
        found.push((entry, callback));
    }
    found
}

/// A callback on one server of three gets no 200, and neither does its repetition.
async fn a_minority_acknowledges_nothing(program: PathBuf) {
    let cluster = NatsCluster::start(&program, 3, "").unwrap();
    let client = client(&cluster).await;
    let settings = incoming().duplicate_window(Duration::from_mins(2));
    let settings = settings.patience(Duration::from_millis(500));
    let store = open(&client, settings).await;
    let receiver = Receiver::new(verifier(), store);
    assert_eq!(receiver.receive(&body(1, 1)).await.status, 200);
    let leader = leader(&client, "CALLBACKS").await;
    let others: Vec<usize> = cluster.nodes().filter(|node| *node != leader).collect();
    for node in &others {
        cluster.pause(*node).unwrap();
    }
    for attempt in 0..3 {
        let status = receiver.receive(&body(1, 2)).await.status;
        assert_eq!(status, 503, "attempt {attempt}, on server {leader} alone");
    }
    for node in &others {
        cluster.resume(*node).unwrap();
    }
    until("the others are back", async || receiver.receive(&body(1, 2)).await.status == 200).await;
    assert_eq!(stream(&client, "CALLBACKS").await.cached_info().state.messages, 2);
}

/// A stream that could lose what it acknowledges is refused.
async fn a_stream_that_promises_less_is_refused(program: PathBuf) {
    use async_nats::jetstream::stream::{Config, DiscardPolicy, StorageType};

    let cluster = NatsCluster::start(&program, 1, "").unwrap();
    let client = client(&cluster).await;
    let context = async_nats::jetstream::new(client.clone());
    let safe = Config { subjects: vec!["s.>".into()], ..Config::default() };
    let cases = [
        (1, safe.clone(), None),
        (3, safe.clone(), Some("is on 1 servers, not 3")),
        (1, Config { storage: StorageType::Memory, ..safe.clone() }, Some("is in memory")),
        (1, Config { max_messages: 9, ..safe.clone() }, Some("drops old messages")),
        (
            1,
            Config { max_messages_per_subject: 9, discard: DiscardPolicy::New, ..safe.clone() },
            Some("drops old messages of a subject"),
        ),
        (
            1,
            Config { max_age: Duration::from_mins(1), ..safe.clone() },
            Some("keeps messages for 60s"),
        ),
        (1, Config { no_ack: true, ..safe.clone() }, Some("acknowledges messages before")),
        (1, Config { subjects: vec!["t.>".into()], ..safe.clone() }, Some("does not take")),
    ];
    for (number, (replicas, config, problem)) in cases.into_iter().enumerate() {
        let name = format!("S{number}");
        context.create_stream(Config { name: name.clone(), ..config }).await.unwrap();
        let settings = StreamSettings::new(name.clone(), "s").replicas(replicas);
        let opened = NatsStore::open(client.clone(), settings).await;
        match (opened, problem) {
            (Ok(_), None) => {}
            (Err(NatsError::Unsafe { problem: found, .. }), Some(problem)) => {
                assert!(found.contains(problem), "{found}");
            }
            (opened, problem) => panic!("{problem:?}: {opened:?}"),
        }
        context.delete_stream(name).await.unwrap();
    }
    // What is not genuine stays in the stream, and does not hold up the rest.
    let settings = StreamSettings::new("S", "s").replicas(1);
    let store = NatsStore::open(client.clone(), settings.clone()).await.unwrap();
    let forged = String::from_utf8(body(7, 1)).unwrap().replace("X7", "X8");
    context.publish("s.1236.00", forged.into()).await.unwrap().await.unwrap();
    let receiver = Receiver::new(verifier(), store);
    assert_eq!(receiver.receive(&body(7, 2)).await.status, 200);
    let folder = tempfile::tempdir().unwrap();
    let inbox = SqliteInbox::open(folder.path().join("inbox.sqlite")).await.unwrap();
    let seen = Seen::default();
    let pump = NatsPump::new(client.clone(), settings, inbox.clone(), verifier());
    let pump = pump.observer(seen.clone());
    let moved =
        until("the genuine one is moved", async || inbox.stats().await.unwrap().waiting == 1);
    timeout(Duration::from_mins(1), pump.run(moved)).await.unwrap();
    assert_eq!(inbox.stats().await.unwrap().payments, 1);
    let outcomes = || seen.outcomes("ecp.stream.move.duration");
    assert_eq!(outcomes(), ["new", "not_genuine"].map(str::to_owned).into());
    assert_eq!(stream(&client, "S").await.cached_info().state.messages, 2);
    // Nor does the inbox take any while its file is away.
    let (path, away) = (folder.path().join("inbox.sqlite"), folder.path().join("away"));
    fs::rename(&path, &away).unwrap();
    assert_eq!(receiver.receive(&body(7, 3)).await.status, 200);
    let failed = until("it has failed", async || outcomes().contains("failed"));
    timeout(Duration::from_mins(1), pump.run(failed)).await.unwrap();
    fs::rename(&away, &path).unwrap();
    let moved = until("it is moved", async || inbox.stats().await.is_ok_and(|s| s.waiting == 2));
    timeout(Duration::from_mins(1), pump.run(moved)).await.unwrap();
}

/// Runs a test with each of the servers that are installed, all at the same time.
fn with_each(left_out: &str, test: impl AsyncFn(PathBuf) + Sync) {
    std::thread::scope(|scope| {
        for program in NatsCluster::programs_or_skip(left_out) {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
                runtime.unwrap().block_on(test(program));
            });
        }
    });
}

#[test]
fn a_killed_server_loses_nothing_and_repeats_nothing() {
    let left_out = "callbacks through NATS, a server of which is killed";
    with_each(left_out, nothing_is_lost_and_nothing_is_handled_twice);
}

#[test]
fn a_callback_that_most_servers_do_not_have_is_answered_503() {
    with_each("NATS servers without a majority", a_minority_acknowledges_nothing);
}

#[test]
fn an_unsafe_stream_is_refused_and_a_forged_message_stays_in_it() {
    with_each("checks of NATS streams", a_stream_that_promises_less_is_refused);
}
