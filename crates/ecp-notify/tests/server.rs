//! The same over sockets, where the other side is slow, lies, or never stops.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::future::Future;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::common::{Moody, genuine, hostile, question, receiver, sign, sign_with, unsigned};
use ecp_notify::Server;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// A server with short deadlines. Dropping `stop` ends it.
struct Running {
    address: SocketAddr,
    store: Moody,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<std::io::Result<()>>,
}

const DEADLINE: Duration = Duration::from_millis(400);

fn quick() -> Server {
    Server::new().head_deadline(DEADLINE).grace(Duration::from_secs(2))
}

fn run(server: Server) -> Running {
    let (receiver, store) = receiver();
    let router = receiver.body_deadline(DEADLINE).into_router("/callbacks");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let shutdown = async move {
        let _ = stopped.await;
    };
    let ended = tokio::spawn(server.serve(listener, router, shutdown));
    Running { address, store, stop, ended }
}

impl Running {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// What comes back for these bytes, whether or not the server takes them all.
    async fn exchange(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect().await;
        let _ = stream.write_all(bytes).await;
        answer(&mut stream).await
    }
}

/// Reads one answer; what came, if the connection ends before.
async fn answer(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    let mut byte = [0];
    while !text.ends_with(b"\r\n\r\n") {
        match within(stream.read(&mut byte)).await {
            Ok(1) => text.push(byte[0]),
            _ => return String::from_utf8(text).unwrap(),
        }
    }
    let head = String::from_utf8_lossy(&text).to_lowercase();
    let length = head
        .split("content-length: ")
        .nth(1)
        .map_or(0, |rest| rest.lines().next().unwrap().trim().parse().unwrap());
    let mut body = vec![0; length];
    within(stream.read_exact(&mut body)).await.unwrap();
    String::from_utf8([text, body].concat()).unwrap()
}

/// Nothing here takes longer, on a slow machine either.
async fn within<F: Future>(future: F) -> F::Output {
    timeout(Duration::from_secs(10), future).await.expect("it takes too long")
}

fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
}

fn head(more: &str) -> Vec<u8> {
    format!("POST /callbacks HTTP/1.1\r\nHost: shop.example\r\n{more}\r\n").into_bytes()
}

fn post(body: &[u8]) -> Vec<u8> {
    [head(&format!("Content-Length: {}\r\n", body.len())), body.to_vec()].concat()
}

/// In chunks of a size.
fn chunked(body: &[u8], size: usize) -> Vec<u8> {
    let mut request = head("Transfer-Encoding: chunked\r\n");
    for chunk in body.chunks(size) {
        request.extend(format!("{:x}\r\n", chunk.len()).bytes());
        request.extend(chunk);
        request.extend(b"\r\n");
    }
    request.extend(b"0\r\n\r\n");
    request
}

#[tokio::test]
async fn bodies_have_the_same_fate_whole_and_in_chunks() {
    let server = run(quick());
    let good = [("genuine", genuine(), 200), ("a question", question(1), 200)];
    for (name, body, expected) in good.into_iter().chain(hostile()) {
        for request in [post(&body), chunked(&body, 1000)] {
            let answer = server.exchange(&request).await;
            assert_eq!(status(&answer), expected, "{name}: {answer}");
        }
    }
    assert_eq!(*server.store.stored.lock().unwrap(), [genuine(), genuine()]);
    assert_eq!(status(&server.exchange(&chunked(&genuine(), 1)).await), 200);
    let answer = server.exchange(&post(&question(1))).await;
    assert!(answer.contains("content-type: application/json\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\n{\"code\":0,\"payment_id\":\"X1\"}"), "{answer}");
}

#[tokio::test]
async fn a_callback_that_is_cut_off_anywhere_is_refused() {
    let server = run(quick());
    let body = genuine();
    let mut stream = server.connect().await;
    for end in 0..body.len() {
        stream.write_all(&post(&body[..end])).await.unwrap();
        assert_eq!(status(&answer(&mut stream).await), 400, "{end}");
    }
    // The same where the sender goes away before the end that it announced.
    for end in (0..post(&body).len()).step_by(7) {
        let mut stream = server.connect().await;
        stream.write_all(&post(&body)[..end]).await.unwrap();
        stream.shutdown().await.unwrap();
        assert_ne!(status(&answer(&mut stream).await), 200, "{end}");
    }
    assert_eq!(server.store.count(), 0);
}

#[tokio::test]
async fn heads_that_are_not_for_us_are_refused_before_the_body() {
    let server = run(quick());
    let get = "GET /callbacks HTTP/1.1\r\nHost: x\r\n\r\n".to_owned();
    let long = format!("X-Long: {}\r\n", "x".repeat(20_000));
    let many = "X-Many: x\r\n".repeat(200);
    let gzip = |name: &str| head(&format!("Content-Encoding: {name}\r\nContent-Length: 100\r\n"));
    let table = [
        ("a GET", get.clone().into_bytes(), 405),
        ("a PUT", get.replace("GET", "PUT").into_bytes(), 405),
        ("a HEAD", get.replace("GET", "HEAD").into_bytes(), 405),
        ("a method of one's own", get.replace("GET", "FROB").into_bytes(), 405),
        ("gzip", gzip("gzip"), 415),
        ("deflate", gzip("deflate"), 415),
        ("identity and br", gzip("identity, br"), 415),
        ("two encodings", gzip("identity\r\nContent-Encoding: gzip"), 415),
        ("a length beyond the limit", head("Content-Length: 262145\r\n"), 413),
        ("a length beyond everything", head("Content-Length: 9223372036854775807\r\n"), 413),
        ("a length below nothing", head("Content-Length: -1\r\n"), 400),
        ("two lengths", head("Content-Length: 1\r\nContent-Length: 2\r\n"), 400),
        ("an unknown transfer", head("Transfer-Encoding: gzip\r\n"), 400),
        ("a long head", head(&long), 431),
        ("a head of many lines", head(&many), 431),
        ("another path", b"POST /else HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(), 404),
        ("no HTTP", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n".to_vec(), 400),
        // Nothing that it would understand.
        ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), 0),
    ];
    for (name, request, expected) in table {
        let mut stream = server.connect().await;
        stream.write_all(&request).await.unwrap();
        let mut first = vec![0; 12];
        let _ = within(stream.read_exact(&mut first)).await;
        assert_eq!(status(&String::from_utf8(first).unwrap()), expected, "{name}");
    }
    let answer = server.exchange(get.as_bytes()).await;
    assert!(answer.contains("allow: POST\r\n"), "{answer}");
    // A client that expects 100-continue gets the refusal before it sends the body.
    let asks = head("Expect: 100-continue\r\nContent-Length: 999999\r\n");
    assert_eq!(status(&server.exchange(&asks).await), 413);
    assert_eq!(server.store.count(), 0);
}

#[tokio::test]
async fn no_length_is_believed() {
    let server = run(quick());
    let body = genuine();
    // Endless, in chunks: the answer comes long before the end.
    let mut stream = server.connect().await;
    let (mut reading, mut writing) = stream.split();
    let endless = async {
        let _ = writing.write_all(&head("Transfer-Encoding: chunked\r\n")).await;
        let chunk = [b"4000\r\n".to_vec(), vec![b' '; 0x4000], b"\r\n".to_vec()].concat();
        let mut sent = 0;
        while writing.write_all(&chunk).await.is_ok() {
            sent += chunk.len();
        }
        sent
    };
    let mut first = vec![0; 12];
    let (sent, read) =
        within(async { tokio::join!(endless, reading.read_exact(&mut first)) }).await;
    assert_eq!(read.unwrap(), 12);
    assert_eq!(first, b"HTTP/1.1 413");
    assert!(sent < 32 << 20, "{sent} bytes were taken");

    // More than there is: waits, then gives up.
    let longer = [head(&format!("Content-Length: {}\r\n", body.len() + 1)), body.clone()].concat();
    let answer = server.exchange(&longer).await;
    assert_eq!(status(&answer), 408, "{answer}");
    assert!(answer.contains("connection: close\r\n"), "{answer}");
    // Less than there is: cut off, and what is left is no request.
    let shorter = [head(&format!("Content-Length: {}\r\n", body.len() - 1)), body].concat();
    assert_eq!(status(&server.exchange(&shorter).await), 400);
    assert_eq!(server.store.count(), 0);
}

/// The time from the first byte until the server hangs up, and what it said.
async fn drip(stream: &mut TcpStream, bytes: &[u8]) -> (Duration, String) {
    let start = Instant::now();
    let (mut reading, mut writing) = stream.split();
    let mut said = Vec::new();
    let dripping = async {
        for byte in bytes {
            if writing.write_all(&[*byte]).await.is_err() {
                break;
            }
            sleep(Duration::from_millis(20)).await;
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = dripping => {}
        _ = within(reading.read_to_end(&mut said)) => {}
    }
    (start.elapsed(), String::from_utf8_lossy(&said).into_owned())
}

#[tokio::test]
async fn who_drips_is_cut_off() {
    let server = run(quick());
    let about_the_deadline = |time: Duration| time >= DEADLINE / 2 && time < DEADLINE * 10;

    let (time, said) = drip(&mut server.connect().await, &post(&genuine())).await;
    assert!(about_the_deadline(time), "the head: {time:?}");
    assert_eq!(status(&said), 0, "{said}");

    let (time, said) = drip(&mut server.connect().await, b"").await;
    assert!(about_the_deadline(time), "nothing: {time:?} {said}");

    let mut stream = server.connect().await;
    stream.write_all(&head("Content-Length: 700\r\n")).await.unwrap();
    let (time, said) = drip(&mut stream, &genuine()).await;
    assert!(about_the_deadline(time), "the body: {time:?}");
    assert_eq!(status(&said), 408, "{said}");

    let mut stream = server.connect().await;
    stream.write_all(&head("Transfer-Encoding: chunked\r\n")).await.unwrap();
    let (time, said) = drip(&mut stream, &b"1\r\n \r\n".repeat(100)).await;
    assert!(about_the_deadline(time), "the chunks: {time:?}");
    assert_eq!(status(&said), 408, "{said}");

    // A connection that is kept alive is let go after the same time.
    let mut stream = server.connect().await;
    stream.write_all(&post(&genuine())).await.unwrap();
    assert_eq!(status(&answer(&mut stream).await), 200);
    let (time, said) = drip(&mut stream, b"").await;
    assert!(about_the_deadline(time), "idle: {time:?} {said}");
    assert_eq!(server.store.count(), 1);
}

#[tokio::test]
async fn a_connection_carries_many_callbacks_one_after_another_and_at_once() {
    let server = run(quick());
    let mut stream = server.connect().await;
    for _ in 0..50 {
        stream.write_all(&post(&genuine())).await.unwrap();
        assert_eq!(status(&answer(&mut stream).await), 200);
    }
    let forged = sign_away();
    let requests = [(genuine(), 200), (forged, 403), (question(1), 200), (Vec::new(), 400)];
    let all: Vec<u8> = requests.iter().flat_map(|(body, _)| post(body)).collect();
    stream.write_all(&all.repeat(10)).await.unwrap();
    for round in 0..10 {
        for (_, expected) in &requests {
            assert_eq!(status(&answer(&mut stream).await), *expected, "{round}");
        }
    }
    assert_eq!(server.store.count(), 60);
}

fn sign_away() -> Vec<u8> {
    sign_with("another key", &unsigned("X1"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_does_not_keep_it_is_503() {
    let server = run(quick());
    for id in ["fails", "hangs", "panics", "blocks"] {
        let answer = server.exchange(&post(&sign(&unsigned(id)))).await;
        assert_eq!(status(&answer), 503, "{id}");
        assert!(answer.contains("retry-after: 10\r\n"), "{answer}");
    }
    assert_eq!(server.store.count(), 0);
}

#[tokio::test]
async fn what_was_sent_is_stored_though_the_sender_hangs_up() {
    let server = run(quick());
    let mut stream = server.connect().await;
    stream.write_all(&post(&sign(&unsigned("slow")))).await.unwrap();
    sleep(Duration::from_millis(60)).await;
    drop(stream);
    server.store.until(1).await;
}

#[tokio::test]
async fn the_receiver_is_a_service_without_a_router_too() {
    let (receiver, store) = receiver();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let ended = tokio::spawn(quick().serve(listener, receiver, std::future::pending()));
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(&post(&genuine())).await.unwrap();
    assert_eq!(status(&answer(&mut stream).await), 200);
    assert_eq!(store.count(), 1);
    ended.abort();
}

#[tokio::test]
async fn no_more_connections_than_allowed_are_open_and_idle_ones_make_room() {
    let server = run(quick().connections(4));
    let start = Instant::now();
    let mut idle = Vec::new();
    for _ in 0..4 {
        idle.push(server.connect().await);
    }
    assert_eq!(status(&server.exchange(&post(&genuine())).await), 200);
    let waited = start.elapsed();
    assert!(waited >= DEADLINE, "there was a fifth connection after {waited:?}");
}

#[tokio::test]
async fn one_host_cannot_hold_every_connection() {
    async fn connect(server: &Running, from: &str) -> TcpStream {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(format!("{from}:0").parse().unwrap()).unwrap();
        within(socket.connect(server.address)).await.unwrap()
    }
    let server =
        run(quick().head_deadline(Duration::from_mins(1)).connections(6).connections_per_peer(3));
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(connect(&server, "127.0.0.1").await);
    }
    // As many as it likes beyond that are closed at once, and none of them takes a place.
    for _ in 0..20 {
        let mut more = connect(&server, "127.0.0.1").await;
        let start = Instant::now();
        assert_eq!(within(more.read(&mut [0])).await.unwrap_or(0), 0);
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    }
    let mut other = connect(&server, "127.0.0.2").await;
    other.write_all(&post(&genuine())).await.unwrap();
    assert_eq!(status(&answer(&mut other).await), 200);
    // Those that were first are served still, and one that ends makes room for another.
    held[0].write_all(&post(&genuine())).await.unwrap();
    assert_eq!(status(&answer(&mut held[0]).await), 200);
    drop(held.pop());
    let room = within(async {
        loop {
            let mut again = connect(&server, "127.0.0.1").await;
            if again.write_all(&post(&genuine())).await.is_ok() {
                let mut first = [0; 12];
                if again.read_exact(&mut first).await.is_ok() {
                    return String::from_utf8(first.to_vec()).unwrap();
                }
            }
            sleep(Duration::from_millis(10)).await;
        }
    });
    assert_eq!(status(&room.await), 200);
    assert_eq!(server.store.count(), 3);
}

#[tokio::test]
async fn who_asks_and_never_reads_is_cut_off() {
    let server = run(quick().lifetime(DEADLINE).grace(DEADLINE));
    let mut stream = server.connect().await;
    let requests = post(b"{}").repeat(1000);
    let start = Instant::now();
    within(async { while stream.write_all(&requests).await.is_ok() {} }).await;
    assert!(start.elapsed() >= DEADLINE, "{:?}", start.elapsed());
}

#[tokio::test]
async fn the_end_waits_for_what_has_begun() {
    let server = run(quick().head_deadline(Duration::from_secs(1)));
    let mut busy = server.connect().await;
    busy.write_all(&post(&sign(&unsigned("slow")))).await.unwrap();
    let mut idle = server.connect().await;
    idle.write_all(&post(&genuine())).await.unwrap();
    assert_eq!(status(&answer(&mut idle).await), 200);
    sleep(Duration::from_millis(30)).await;
    let Running { address, store, stop, ended } = server;
    drop(stop);
    assert_eq!(status(&answer(&mut busy).await), 200);
    within(ended).await.unwrap().unwrap();
    assert_eq!(store.count(), 2);
    assert!(TcpStream::connect(address).await.is_err(), "the server has stopped listening");
}

/// In a process of its own, whose memory it does not share and whose limit of open files is high
/// enough for both ends of every connection.
#[cfg(target_os = "linux")]
#[test]
fn a_thousand_connections_that_lead_nowhere_keep_nothing_from_a_genuine_callback() {
    const INSIDE: &str = "ECP_NOTIFY_TEST_INSIDE";
    if std::env::var_os(INSIDE).is_some() {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        return runtime.block_on(a_thousand_connections());
    }
    let name =
        "server::a_thousand_connections_that_lead_nowhere_keep_nothing_from_a_genuine_callback";
    let output = std::process::Command::new("sh")
        .args(["-c", r#"ulimit -n 4096 && exec "$0" --exact "$1" --nocapture"#])
        .arg(std::env::current_exe().unwrap())
        .arg(name)
        .env(INSIDE, "1")
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success() && out.contains("1 passed"), "{out}{err}");
    println!("{out}");
}

#[cfg(target_os = "linux")]
async fn a_thousand_connections() {
    fn resident() -> usize {
        let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
        let pages: usize = statm.split(' ').nth(1).unwrap().parse().unwrap();
        pages * 4096
    }
    let server = run(Server::new()); // with the deadlines of real life
    assert_eq!(status(&server.exchange(&post(&genuine())).await), 200);
    let before = resident();

    let mut open = Vec::new();
    let start = Instant::now();
    for index in 0..1000 {
        let mut stream = server.connect().await;
        let part: &[u8] = match index % 4 {
            0 => b"",
            1 => b"POST /callb",
            2 => &[head(""), b"X: ".repeat(2000)].concat(),
            _ => &[head("Transfer-Encoding: chunked\r\n"), b"4000\r\n".to_vec(), vec![b' '; 8000]]
                .concat(),
        };
        stream.write_all(part).await.unwrap();
        open.push(stream);
    }
    assert!(start.elapsed() < Duration::from_secs(8), "they must all be open at once");
    let mut slowest = Duration::ZERO;
    for _ in 0..20 {
        let start = Instant::now();
        assert_eq!(status(&server.exchange(&post(&genuine())).await), 200);
        slowest = slowest.max(start.elapsed());
    }
    let grown = (resident().saturating_sub(before)) >> 10;
    println!("1,000 connections: {grown} KiB more, slowest genuine callback {slowest:?}");
    assert!(grown < 64 << 10, "{grown} KiB more");
    assert!(slowest < Duration::from_secs(2), "{slowest:?}");
    drop(open);
}
