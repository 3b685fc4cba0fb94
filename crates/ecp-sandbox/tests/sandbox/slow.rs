//! Clients that take their time, on a socket.

use std::time::{Duration, Instant};

use ecp_sandbox::{Config, EventKind, Sandbox};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const DEADLINE: Duration = Duration::from_millis(300);

/// A byte every 20 ms until the other side hangs up; how long that took, and what it said.
async fn drip(url: &str, begun: &str, slowly: &str) -> (Duration, String) {
    let mut stream = TcpStream::connect(url.strip_prefix("http://").unwrap()).await.unwrap();
    stream.write_all(begun.as_bytes()).await.unwrap();
    let start = Instant::now();
    let (mut reading, mut writing) = stream.split();
    let mut said = Vec::new();
    let dripping = async {
        for byte in slowly.bytes().cycle() {
            if writing.write_all(&[byte]).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = dripping => {}
        _ = reading.read_to_end(&mut said) => {}
        () = tokio::time::sleep(Duration::from_secs(20)) => panic!("it waits for ever"),
    }
    (start.elapsed(), String::from_utf8_lossy(&said).into_owned())
}

#[tokio::test]
async fn a_client_that_drips_is_cut_off_wherever_it_does() {
    let config = Config::demo().head_deadline(DEADLINE).body_deadline(DEADLINE);
    let sandbox = Sandbox::new(config);
    let url = sandbox.listen().await.unwrap();
    let head = |path: &str, media: &str, more: &str| {
        format!("POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: {media}\r\n{more}\r\n")
    };
    let json = "application/json";
    let form = "application/x-www-form-urlencoded";
    let length = "content-length: 9999\r\n";
    let table = [
        ("the head", "POST /v2/payment/status HTTP/1.1\r\n".to_owned(), "x", 0),
        ("nothing", String::new(), "", 0),
        ("a length", head("/v2/payment/status", json, length), " ", 408),
        ("Data API", head("/v1/balance/get", json, length), " ", 408),
        (
            "chunks",
            head("/v2/payment/status", json, "transfer-encoding: chunked\r\n"),
            "1\r\n \r\n",
            408,
        ),
        ("no route", head("/nowhere", json, length), " ", 408),
        ("the own API", head("/sandbox/faults", json, length), " ", 408),
        ("the Dashboard", head("/dashboard/faults", form, length), "a", 408),
        ("the Payment Page", head("/payment", form, length), "a", 408),
        (
            "an upload",
            head("/dashboard/payouts/batches", "multipart/form-data; boundary=x", length),
            "a",
            408,
        ),
    ];
    for (name, begun, slowly, status) in table {
        let (took, said) = drip(&url, &begun, slowly).await;
        let answered = said.split(' ').nth(1).map_or(0, |status| status.parse().unwrap());
        assert_eq!(answered, status, "{name}: {said}");
        assert!(took >= DEADLINE / 2 && took < DEADLINE * 20, "{name}: {took:?}");
    }
    let late = sandbox
        .events()
        .into_iter()
        .filter(|event| matches!(&event.kind, EventKind::ResponseSent { status: 408, .. }));
    assert_eq!(late.count(), 4, "what is recorded is what was sent");
}
