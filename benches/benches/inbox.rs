//! Durable accepts beside a bare axum handler that reads the body, and beside the disk.
//!
//! Everything runs in this process, client and server on the same cores, so the ratios say more
//! than the rates. Every callback that is stored is a new one; three make a payment.

#![expect(clippy::unwrap_used, reason = "a measurement that cannot start has failed")]
#![expect(clippy::print_stdout, clippy::cast_precision_loss, reason = "figures for people")]

use std::fs::File;
use std::net::SocketAddr;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::routing::post;
use ecp_core::model::Callback;
use ecp_core::signature::{self, Place, Rules, SigningKey};
use ecp_core::{ProjectId, SecretKey};
use ecp_inbox::Inbox;
use ecp_inbox::postgres::PostgresOptions;
use ecp_inbox::sqlite::SqliteInbox;
use ecp_notify::{CallbackStore, Receiver, Verified, Verifier};
use ecp_testkit::postgres::Server;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const KEY: &str = "bench-key";
const CONCURRENCIES: [usize; 4] = [1, 16, 64, 256];

/// The success callback of Jeton's document, its signature cut off there.
const SAMPLE: &str =
    include_str!("../../crates/ecp-core/tests/samples/callback/jeton-sale-success.json");

/// Sizes of the measurement. Without `--bench`, as under `cargo test`, it only checks that
/// everything runs.
#[derive(Clone, Copy)]
struct Size {
    time: Duration,
    callbacks: usize,
}

fn main() {
    let size = if std::env::args().any(|argument| argument == "--bench") {
        Size { time: Duration::from_secs(3), callbacks: 30_000 }
    } else {
        // The same of the other measurement of inboxes.
        ecp_benches::durable::run(&ecp_benches::durable::Options {
            time: Duration::from_millis(20),
            turns: 1,
            fill: 30,
            ..ecp_benches::durable::Options::default()
        });
        Size { time: Duration::from_millis(20), callbacks: 300 }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(measure(size));
}

async fn measure(size: Size) {
    let folder = tempfile::tempdir().unwrap();
    let synced = syncs_per_second(&folder.path().join("floor"), size.time);
    println!("disk: {synced:.0} writes of 8 KiB a second, each synced with fdatasync");
    let verifier = verifier();

    let mut bare = Vec::new();
    let router = Router::new().route("/", post(async |_: Bytes| StatusCode::OK));
    let address = serve(router).await;
    for concurrency in CONCURRENCIES {
        let bodies = bodies("bare", 1000);
        let run = post_all(address, &bodies, concurrency, size, true).await;
        run.print("bare handler that reads the body", concurrency, None);
        bare.push(run.per_second());
    }

    let sqlite = SqliteInbox::open(folder.path().join("inbox.db")).await.unwrap();
    store("sqlite", &sqlite, &verifier, &bare, size).await;
    if let Some(server) = Server::start_or_skip("the measurements over Postgres") {
        let options = PostgresOptions::new().connections(32);
        for (name, options) in [
            ("postgres", options.clone()),
            ("postgres with named statements", options.named_statements()),
        ] {
            let config = server.database().unwrap().parse().unwrap();
            let postgres = options.open(config).await.unwrap();
            store(name, &postgres, &verifier, &bare, size).await;
        }
    }
}

/// The store by itself, then behind a handler that verifies.
async fn store<I: Inbox + CallbackStore + Clone + 'static>(
    name: &str,
    inbox: &I,
    verifier: &Verifier,
    bare: &[f64],
    size: Size,
) {
    for (concurrency, bare) in CONCURRENCIES.into_iter().zip(bare) {
        let bodies = bodies(&format!("{name}-{concurrency}"), size.callbacks);
        let callbacks = bodies.iter().map(|body| verifier.verify(body).unwrap()).collect();
        let run = accept_all(inbox.clone(), callbacks, concurrency, size).await;
        run.print(&format!("{name}, accept alone"), concurrency, Some(*bare));
    }
    let receiver = Receiver::new(verifier.clone(), inbox.clone());
    let address = serve(receiver.into_router("/")).await;
    for (concurrency, bare) in CONCURRENCIES.into_iter().zip(bare) {
        let bodies = bodies(&format!("{name}-http-{concurrency}"), size.callbacks);
        let run = post_all(address, &bodies, concurrency, size, false).await;
        run.print(&format!("{name}, behind the receiver"), concurrency, Some(*bare));
    }
    let stats = inbox.stats().await.unwrap();
    println!("{name}: {} callbacks of {} payments are there", stats.waiting, stats.payments);
}

struct Run {
    took: Duration,
    latencies: Vec<Duration>,
}

impl Run {
    fn per_second(&self) -> f64 {
        self.latencies.len() as f64 / self.took.as_secs_f64()
    }

    fn print(&self, what: &str, concurrency: usize, bare: Option<f64>) {
        let mut sorted = self.latencies.clone();
        sorted.sort_unstable();
        let at = |part: usize| sorted[(sorted.len() * part / 100).min(sorted.len() - 1)];
        let share = bare.map(|bare| format!(", {:.1} % of bare", 100.0 * self.per_second() / bare));
        println!(
            "{what}, {concurrency} at once: {:.0} a second, p50 {:.2?}, p99 {:.2?}{}",
            self.per_second(),
            at(50),
            at(99),
            share.unwrap_or_default()
        );
    }
}

/// Gives out the numbers below a bound, repeatedly or once, until the time is over.
struct Numbers {
    next: AtomicUsize,
    count: usize,
    again: bool,
    end: Instant,
}

impl Numbers {
    fn new(count: usize, again: bool, size: Size) -> Arc<Self> {
        let end = Instant::now() + size.time;
        Arc::new(Self { next: AtomicUsize::new(0), count, again, end })
    }

    fn take(&self) -> Option<usize> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let there = (self.again || number < self.count) && Instant::now() < self.end;
        there.then_some(number % self.count)
    }
}

/// A concurrent client.
#[async_trait]
trait Client: Send + 'static {
    /// Does one piece of work. Its duration is the latency.
    async fn work(&mut self, number: usize);
}

async fn drive(clients: Vec<impl Client>, numbers: Arc<Numbers>) -> Run {
    let begun = Instant::now();
    let tasks = clients.into_iter().map(|mut client| {
        let numbers = numbers.clone();
        tokio::spawn(async move {
            let mut latencies = Vec::new();
            while let Some(number) = numbers.take() {
                let begun = Instant::now();
                client.work(number).await;
                latencies.push(begun.elapsed());
            }
            latencies
        })
    });
    let mut latencies = Vec::new();
    for task in tasks.collect::<Vec<_>>() {
        latencies.extend(task.await.unwrap());
    }
    Run { took: begun.elapsed(), latencies }
}

/// Passes callbacks to an inbox directly.
struct Direct<I> {
    inbox: I,
    callbacks: Arc<Vec<Verified<Callback>>>,
}

#[async_trait]
impl<I: Inbox + 'static> Client for Direct<I> {
    async fn work(&mut self, number: usize) {
        self.inbox.accept(&self.callbacks[number]).await.unwrap();
    }
}

async fn accept_all(
    inbox: impl Inbox + Clone + 'static,
    callbacks: Vec<Verified<Callback>>,
    concurrency: usize,
    size: Size,
) -> Run {
    let numbers = Numbers::new(callbacks.len(), false, size);
    let callbacks = Arc::new(callbacks);
    let client = |_| Direct { inbox: inbox.clone(), callbacks: callbacks.clone() };
    drive((0..concurrency).map(client).collect(), numbers).await
}

async fn serve(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// Posts bodies on a kept-alive connection.
struct Connection {
    stream: TcpStream,
    requests: Arc<Vec<Vec<u8>>>,
    answer: [u8; 1024],
}

#[async_trait]
impl Client for Connection {
    async fn work(&mut self, number: usize) {
        self.stream.write_all(&self.requests[number]).await.unwrap();
        // The answer has no body and comes in one piece.
        let read = self.stream.read(&mut self.answer).await.unwrap();
        let answer = &self.answer[..read];
        assert!(answer.starts_with(b"HTTP/1.1 200 ") && answer.ends_with(b"\r\n\r\n"));
    }
}

async fn post_all(
    address: SocketAddr,
    bodies: &[Vec<u8>],
    concurrency: usize,
    size: Size,
    again: bool,
) -> Run {
    let request = |body: &Vec<u8>| {
        let head =
            format!("POST / HTTP/1.1\r\nhost: bench\r\ncontent-length: {}\r\n\r\n", body.len());
        [head.as_bytes(), body].concat()
    };
    let requests: Arc<Vec<_>> = Arc::new(bodies.iter().map(request).collect());
    let mut clients = Vec::new();
    for _ in 0..concurrency {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        clients.push(Connection { stream, requests: requests.clone(), answer: [0; 1024] });
    }
    drive(clients, Numbers::new(bodies.len(), again, size)).await
}

fn syncs_per_second(path: &std::path::Path, time: Duration) -> f64 {
    let file = File::create(path).unwrap();
    let page = [7_u8; 8192];
    let begun = Instant::now();
    let mut count = 0_u32;
    while begun.elapsed() < time {
        // The same megabyte over and over, like a reused log.
        file.write_all_at(&page, u64::from(count % 128) * 8192).unwrap();
        file.sync_data().unwrap();
        count += 1;
    }
    f64::from(count) / begun.elapsed().as_secs_f64()
}

fn secret() -> SecretKey {
    SecretKey::new(KEY).unwrap()
}

fn verifier() -> Verifier {
    Verifier::new().key(ProjectId::new(1236).unwrap(), &secret())
}

/// The sample as on the wire: compact, signed, of its own payments.
fn bodies(name: &str, count: usize) -> Vec<Vec<u8>> {
    let key = SigningKey::new(&secret());
    let sample: String = SAMPLE.lines().map(str::trim).collect();
    let cut = sample.rfind(",\"signature\"").unwrap();
    let unsigned = format!("{}}}", &sample[..cut]);
    let body = |number: usize| {
        let status = ["processing", "external processing", "success"][number % 3];
        let json = unsigned
            .replace("ac17805971555", &format!("{name}-{}", number / 3))
            .replace("\"status\": \"success\"", &format!("\"status\": \"{status}\""));
        signature::sign_document(&key, json.as_bytes(), Place::Root, Rules::private()).unwrap()
    };
    (0..count).map(body).collect()
}
