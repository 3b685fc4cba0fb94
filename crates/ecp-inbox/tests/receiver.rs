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
