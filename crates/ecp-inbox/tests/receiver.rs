//! From the bytes of a POST to the disk.

#![cfg(feature = "sqlite")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use ecp_core::observe::Observation;
use ecp_core::signature::{self, Place, Rules, SigningKey};
use ecp_core::{ProjectId, SecretKey};
use ecp_inbox::sqlite::{SqliteInbox, SqliteOptions};
use ecp_inbox::{Inbox, Observed};
use ecp_notify::{Receiver, Verifier};

fn body(payment: &str, key: &str) -> Vec<u8> {
    let json = format!(
        r#"{{"project_id":1236,"payment":{{"id":"{payment}","status":"success"}},
        "operation":{{"id":1,"type":"sale","status":"success"}},"filler":"{}"}}"#,
        "x".repeat(3000)
    );
    let key = SigningKey::new(&SecretKey::new(key).unwrap());
    signature::sign_document(&key, json.as_bytes(), Place::Root, Rules::private()).unwrap()
}

fn verifier() -> Verifier {
    Verifier::new().key(ProjectId::new(1236).unwrap(), &SecretKey::new("secret").unwrap())
}

#[tokio::test]
async fn only_what_is_on_disk_is_answered_with_200() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("inbox.sqlite");
    let small = SqliteOptions::new().largest(120 * 1024).open(&path).await.unwrap();
    let receiver = Receiver::new(verifier(), small);
    let mut stored = 0;
    let refused = loop {
        let reply = receiver.receive(&body(&format!("X{stored}"), "secret")).await;
        if reply.status != 200 {
            break reply.status;
        }
        stored += 1;
        assert!(stored < 100);
    };
    assert_eq!(refused, 503);
    assert!(stored > 3);
    assert_eq!(receiver.receive(&body("X0", "forged")).await.status, 403);
    let inbox = SqliteInbox::open(&path).await.unwrap();
    let stats = inbox.stats().await.unwrap();
    assert_eq!((stats.waiting, stats.payments), (stored, stored));
}

#[tokio::test]
async fn any_inbox_is_a_store() {
    let folder = tempfile::tempdir().unwrap();
    let inbox = SqliteInbox::open(folder.path().join("inbox.sqlite")).await.unwrap();
    let shared: Arc<dyn Inbox> = Arc::new(inbox.clone());
    let observed = Observed::new(inbox.clone(), |_: &Observation<'_>| {});
    let receivers = [
        Receiver::new(verifier(), inbox.clone()),
        Receiver::new(verifier(), shared),
        Receiver::new(verifier(), observed),
    ];
    for receiver in receivers {
        assert_eq!(receiver.receive(&body("X1", "secret")).await.status, 200);
    }
    let stats = inbox.stats().await.unwrap();
    assert_eq!((stats.waiting, stats.repeated), (1, 0));
}

/// Posts over a connection of its own. Returns the status of the answer.
#[cfg(unix)]
fn post(address: std::net::SocketAddr, body: &[u8]) -> u16 {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    let head = format!(
        "POST / HTTP/1.1\r\nhost: shop\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(&[head.as_bytes(), body].concat()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_whose_file_is_gone_answers_503_until_it_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let (path, away) = (folder.path().join("inbox.sqlite"), folder.path().join("away"));
    let inbox = SqliteInbox::open(&path).await.unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let receiver = Receiver::new(verifier(), inbox.clone());
    let server = ecp_notify::Server::new().serve(listener, receiver, std::future::pending::<()>());
    let server = tokio::spawn(server);
    let post = |payment: &str| {
        let body = body(payment, "secret");
        async move { tokio::task::spawn_blocking(move || post(address, &body)).await.unwrap() }
    };
    assert_eq!(post("X1").await, 200);
    std::fs::rename(&path, &away).unwrap();
    assert_eq!((post("X2").await, post("X3").await), (503, 503));
    std::fs::rename(&away, &path).unwrap();
    assert_eq!((post("X1").await, post("X2").await), (200, 200));
    // Removed for good, and replaced by a file that an open would make an inbox of.
    std::fs::remove_file(&path).unwrap();
    assert_eq!(post("X4").await, 503);
    std::fs::write(&path, "").unwrap();
    assert_eq!(post("X4").await, 503);
    assert_eq!(std::fs::metadata(&path).unwrap().len(), 0);
    server.abort();
}
