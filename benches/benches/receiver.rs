//! The receiver without a store, compared with a bare handler that reads the body.
//!
//! Requests go over the loopback, on kept-alive connections, from a thread of their own to one
//! server thread. The client's thread never sleeps: waking it costs the server some microseconds,
//! and a slower server would have to more often. Contestants take short turns, and are compared
//! within each round, so that a slow spell of the machine affects all of them. The rate depends on
//! both threads; the server's own processor time is the cost of a request.

#![expect(clippy::unwrap_used, reason = "a measurement that cannot start has failed")]
#![expect(clippy::print_stdout, clippy::cast_precision_loss, reason = "figures for people")]

use std::hint::black_box;
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::routing::post;
use ecp_core::model::Callback;
use ecp_core::signature::{self, Place, Rules, SigningKey};
use ecp_core::{ProjectId, SecretKey};
use ecp_notify::{CallbackStore, Receiver, Server, StoreError, Verified, Verifier};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha512;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Builder;

/// The success callback of Jeton's document, its signature cut off there.
const SAMPLE: &[u8] =
    include_bytes!("../../crates/ecp-core/tests/samples/callback/jeton-sale-success.json");
const KEY: &str = "bench-key";
const CONNECTIONS: usize = 16;

fn main() {
    // `cargo test --benches` runs this without the argument, to see that it still works.
    let measuring = std::env::args().any(|argument| argument == "--bench");
    let (rounds, turn) =
        if measuring { (150, Duration::from_millis(50)) } else { (1, Duration::from_millis(20)) };
    core(rounds, turn);
    loopback(rounds, turn);
}

/// Stores nothing, so that everything else is measured.
struct Nowhere;

#[async_trait]
impl CallbackStore for Nowhere {
    async fn store(&self, callback: Verified<Callback>) -> Result<(), StoreError> {
        black_box(callback);
        Ok(())
    }
}

/// The sample as on the wire: compact, and signed with our key.
fn callback() -> Vec<u8> {
    let key = SigningKey::new(&SecretKey::new(KEY).unwrap());
    let value: String = std::str::from_utf8(SAMPLE).unwrap().lines().map(str::trim).collect();
    let cut = value.rfind(",\"signature\"").unwrap();
    let unsigned = format!("{}}}", &value[..cut]);
    signature::sign_document(&key, unsigned.as_bytes(), Place::Root, Rules::private()).unwrap()
}

fn verifier() -> Verifier {
    Verifier::new().key(ProjectId::new(1236).unwrap(), &SecretKey::new(KEY).unwrap())
}

/// Microseconds a call, without any HTTP.
fn core(rounds: usize, turn: Duration) {
    let runtime = Builder::new_current_thread().enable_time().build().unwrap();
    let (body, verifier) = (callback(), verifier());
    let receiver = Receiver::new(verifier.clone(), Nowhere);
    let canonical = signature::canonical_string(&body, Rules::private()).unwrap();
    let keyed = Hmac::<Sha512>::new_from_slice(KEY.as_bytes()).unwrap();
    let mut names =
        ["the bare HMAC", "Verifier::verify", "Receiver::receive"].map(|name| (name, f64::MAX));
    for _ in 0..rounds {
        let floor = time(turn, || {
            black_box(keyed.clone().chain_update(black_box(&canonical)).finalize());
        });
        let verify = time(turn, || drop(black_box(verifier.verify(black_box(&body)).unwrap())));
        let receive = runtime.block_on(async {
            let (start, mut calls) = (Instant::now(), 0);
            while start.elapsed() < turn {
                for _ in 0..100 {
                    assert_eq!(receiver.receive(black_box(&body)).await.status, 200);
                }
                calls += 100;
            }
            micros(start.elapsed(), calls)
        });
        for ((_, best), time) in names.iter_mut().zip([floor, verify, receive]) {
            *best = best.min(time);
        }
    }
    println!("a callback of {} bytes, best of {rounds} turns", body.len());
    let floor = names[0].1;
    for (name, best) in names {
        println!("  {name:24} {best:6.2} µs, {:.2} times the HMAC", best / floor);
    }
}

fn time(turn: Duration, mut work: impl FnMut()) -> f64 {
    let (start, mut calls) = (Instant::now(), 0);
    while start.elapsed() < turn {
        (0..100).for_each(|_| work());
        calls += 100;
    }
    micros(start.elapsed(), calls)
}

fn micros(time: Duration, calls: u64) -> f64 {
    time.as_secs_f64() * 1e6 / calls as f64
}

/// A kind of server, with its thread.
struct Contestant {
    name: &'static str,
    address: SocketAddr,
    /// Path of the kernel's accounting of the server thread.
    thread: String,
    rates: Vec<f64>,
    costs: Vec<f64>,
}

fn loopback(rounds: usize, turn: Duration) {
    let bare = || {
        let handler = |body: Bytes| async move {
            black_box(body);
            StatusCode::OK
        };
        Router::new().route("/callbacks", post(handler))
    };
    let receiver = || Receiver::new(verifier(), Nowhere).into_router("/callbacks");
    let mut contestants = [
        start("axum::serve, bare handler", bare(), false),
        start("axum::serve, receiver", receiver(), false),
        start("Server, bare handler", bare(), true),
        start("Server, receiver", receiver(), true),
    ];
    let client = Builder::new_current_thread().enable_all().build().unwrap();
    for _ in 0..rounds {
        for contestant in &mut contestants {
            let before = processor_time(&contestant.thread);
            let begin = Instant::now();
            let answered = client.block_on(load(contestant.address, turn));
            contestant.rates.push(answered as f64 / begin.elapsed().as_secs_f64());
            let spent = processor_time(&contestant.thread).saturating_sub(before);
            contestant.costs.push(micros(spent, answered));
        }
    }
    println!("over the loopback, {CONNECTIONS} connections, median of {rounds} turns");
    for Contestant { name, rates, costs, .. } in &contestants {
        let (rate, cost) = (median(rates), median(costs));
        println!("  {name:28} {rate:7.0} requests/s, {cost:6.2} µs of the server each");
    }
    for (server, pair) in ["axum::serve", "Server"].iter().zip(contestants.chunks(2)) {
        let [bare, receiver] = pair else { unreachable!("two each") };
        println!(
            "  {server}: the receiver keeps {:.0} % of the bare rate; by processor time {:.0} %",
            100.0 * median_ratio(&receiver.rates, &bare.rates),
            100.0 * median_ratio(&bare.costs, &receiver.costs),
        );
    }
}

fn start(name: &'static str, router: Router, ours: bool) -> Contestant {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, thread) = mpsc::channel();
    std::thread::spawn(move || {
        let thread = std::fs::read_link("/proc/thread-self").unwrap_or_default();
        tell.send(format!("/proc/{}/schedstat", thread.display())).unwrap();
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            if ours {
                Server::new().serve(listener, router, std::future::pending()).await.unwrap();
            } else {
                listener.set_nonblocking(true).unwrap();
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                axum::serve(listener, router).await.unwrap();
            }
        });
    });
    let thread = thread.recv().unwrap();
    Contestant { name, address, thread, rates: Vec::new(), costs: Vec::new() }
}

/// Posts callbacks on every connection, each as soon as the previous one is answered. Returns their
/// number.
async fn load(address: SocketAddr, turn: Duration) -> u64 {
    let body = callback();
    let head =
        format!("POST /callbacks HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", body.len());
    let request: &'static [u8] = Vec::leak([head.into_bytes(), body].concat());
    let end = Instant::now() + turn;
    let awake = tokio::spawn(async {
        loop {
            tokio::task::yield_now().await;
        }
    });
    let connections: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            tokio::spawn(async move {
                let mut stream = TcpStream::connect(address).await.unwrap();
                stream.set_nodelay(true).unwrap();
                let (mut answered, mut answer) = (0, [0; 512]);
                while Instant::now() < end {
                    stream.write_all(request).await.unwrap();
                    // An answer without a body is one small piece.
                    let read = stream.read(&mut answer).await.unwrap();
                    let answer = &answer[..read];
                    assert!(answer.starts_with(b"HTTP/1.1 200 ") && answer.ends_with(b"\r\n\r\n"));
                    answered += 1;
                }
                answered
            })
        })
        .collect();
    let mut answered = 0;
    for connection in connections {
        answered += connection.await.unwrap();
    }
    awake.abort();
    answered
}

/// Processor time of the thread on Linux; elsewhere none.
fn processor_time(thread: &str) -> Duration {
    let stat = std::fs::read_to_string(thread).unwrap_or_default();
    Duration::from_nanos(stat.split(' ').next().and_then(|text| text.parse().ok()).unwrap_or(0))
}

fn median(figures: &[f64]) -> f64 {
    let mut figures = figures.to_vec();
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// Of the ratios within each round.
fn median_ratio(figures: &[f64], floors: &[f64]) -> f64 {
    median(&figures.iter().zip(floors).map(|(figure, floor)| figure / floor).collect::<Vec<_>>())
}
