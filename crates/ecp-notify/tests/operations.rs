//! Pages of operations: what is genuine, what is stored, and how much is in memory.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use ecp_core::SecretKey;
use ecp_notify::{
    Head, OperationsReceiver, OperationsStore, OperationsVerifier, Reading, StoreError,
    VerifiedOperations,
};
use tokio::sync::Semaphore;

use crate::common::{KEY, genuine, question, sign, sign_with};

fn verifier() -> OperationsVerifier {
    OperationsVerifier::new().key(&SecretKey::new(KEY).unwrap())
}

/// A page of so many operations.
fn page(operations: usize) -> Vec<u8> {
    let one = |number| {
        format!(
            r#"{{"operation_id":{number},"payment_id":"X{number}","sum":{{"amount":100,"currency":"EUR"}},"ip":null}}"#
        )
    };
    let list: Vec<String> = (0..operations).map(one).collect();
    sign(&format!(r#"{{"operations":[{}]}}"#, list.join(",")))
}

#[test]
fn operations_are_read_one_by_one_after_the_signature() {
    let verified = verifier().verify(&page(3)).unwrap();
    assert_eq!((verified.len(), verified.is_empty(), verified.key()), (3, false, 0));
    assert_eq!((verified.raw(), verified.reading()), (&*page(3), Reading::Unique));
    let read: Vec<Vec<(String, String)>> = verified
        .operations()
        .map(|one| one.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
        .collect();
    let second = [
        ("operation_id", "1"),
        ("payment_id", "X1"),
        ("sum.amount", "100"),
        ("sum.currency", "EUR"),
    ];
    let second: Vec<_> =
        second.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    assert_eq!((read.len(), &read[1]), (3, &second));
    let printed = format!("{verified:?} {:?}", verified.operations().next());
    assert!(!printed.contains("EUR") && !printed.contains("X0"), "{printed}");
    assert!(verifier().verify(&page(0)).unwrap().is_empty());

    // A second key, another name, and a text that may hold more than one item.
    let second = OperationsVerifier::new().key(&SecretKey::new("other").unwrap());
    let second = second.key(&SecretKey::new(KEY).unwrap()).list_name("rows");
    let rows = sign(r#"{"rows":[{"description":"x;rows:0:status:success"}],"more":[]}"#);
    let verified = second.verify(&rows).unwrap();
    assert_eq!((verified.len(), verified.key()), (1, 1));
    assert!(matches!(verified.reading(), Reading::Ambiguous(_)));
}

#[test]
fn nothing_but_a_page_is_genuine() {
    let changed = String::from_utf8(page(1)).unwrap().replace("\"amount\":100", "\"amount\":101");
    let unlisted = sign(r#"{"operations":{"0":{"operation_id":1}}}"#);
    let uncovered =
        r#"{"frame_mode":"popup","#.to_owned() + &String::from_utf8(page(1)).unwrap()[1..];
    let table: [(&str, Vec<u8>, &str); 11] = [
        ("changed", changed.into_bytes(), "does not match"),
        ("another key's", sign_with("other", r#"{"operations":[]}"#), "does not match"),
        ("unsigned", br#"{"operations":[]}"#.to_vec(), "no signature"),
        ("a callback", genuine(), "another kind of message"),
        ("a question", question(100), "another kind of message"),
        (
            "a subscription's callback",
            sign(r#"{"project_id":1,"recurring":{"id":1},"operations":[{"id":1}]}"#),
            "another kind of message",
        ),
        (
            "a status answer",
            sign(r#"{"project_id":1,"payment":{"id":"X1"},"operations":[{"id":1}]}"#),
            "another kind of message",
        ),
        (
            "a query",
            sign(r#"{"token":"t","interval":{"from":"a","to":"b"},"operations":[]}"#),
            "another kind of message",
        ),
        ("no list", unlisted, "`operations` is missing"),
        ("twice", sign(r#"{"operations":[]}"#).repeat(2), "line 1"),
        ("uncovered", uncovered.into_bytes(), "`frame_mode` is not covered"),
    ];
    for (name, body, words) in table {
        let error = verifier().verify(&body).unwrap_err().to_string();
        assert!(error.contains(words), "{name}: {error}");
    }
    let none = OperationsVerifier::new().verify(&page(1)).unwrap_err();
    assert!(none.to_string().contains("does not match"), "{none}");
}

/// Counts pages and operations, and fails, waits or panics as its test asks.
#[derive(Clone, Default)]
struct Ledger {
    pages: Arc<Mutex<Vec<usize>>>,
    failures: Arc<AtomicUsize>,
    /// How many pages came.
    begun: Arc<AtomicUsize>,
    /// A page waits for a permit of it, if there is one.
    gate: Option<Arc<Semaphore>>,
}

#[async_trait]
impl OperationsStore for Ledger {
    async fn store(&self, page: VerifiedOperations) -> Result<(), StoreError> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        if let Some(gate) = &self.gate {
            gate.acquire().await?.forget();
        }
        let fail = |left: usize| left.checked_sub(1);
        if self.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fail).is_ok() {
            return Err("the ledger is closed".into());
        }
        assert_ne!(page.len(), 13, "this ledger fears 13");
        self.pages.lock().unwrap().push(page.operations().count());
        Ok(())
    }
}

impl Ledger {
    async fn has_begun(&self, pages: usize) {
        while self.begun.load(Ordering::SeqCst) < pages {
            tokio::task::yield_now().await;
        }
    }
}

async fn post(receiver: &OperationsReceiver, body: &[u8]) -> u16 {
    match receiver.admit(&Head::new("POST")) {
        Ok(admitted) => receiver.receive(admitted, body.to_vec()).await.status,
        Err(reply) => reply.status,
    }
}

#[tokio::test]
async fn a_page_is_stored_once_and_every_repetition_answered_200() {
    let ledger = Ledger::default();
    let receiver = OperationsReceiver::new(verifier(), ledger.clone());
    ledger.failures.store(2, Ordering::SeqCst);
    // What was not stored may come again.
    assert_eq!([post(&receiver, &page(2)).await, post(&receiver, &page(2)).await], [503, 503]);
    for _ in 0..3 {
        assert_eq!(post(&receiver, &page(2)).await, 200);
    }
    assert_eq!(post(&receiver, &page(5)).await, 200);
    assert_eq!(*ledger.pages.lock().unwrap(), [2, 5]);
    // The same signature over another order of members is another body, and stored.
    let turned = r#"{"operations":[{"payment_id":"X0","operation_id":0,"sum":{"currency":"EUR","amount":100},"ip":null},{"operation_id":1,"payment_id":"X1","sum":{"amount":100,"currency":"EUR"},"ip":null}]}"#;
    assert_eq!(post(&receiver, &sign(turned)).await, 200);
    assert_eq!(*ledger.pages.lock().unwrap(), [2, 5, 2]);
}

#[tokio::test]
async fn each_status_says_what_is_wrong() {
    let ledger = Ledger::default();
    let receiver = OperationsReceiver::new(verifier(), ledger.clone()).body_limit(4096);
    let forged = String::from_utf8(page(1)).unwrap().replace("X0", "X9").into_bytes();
    let table: [(&str, Vec<u8>, u16); 8] = [
        ("a forged page", forged, 403),
        ("a callback", genuine(), 403),
        ("a question", question(100), 403),
        ("no JSON", b"<html>".to_vec(), 400),
        ("cut off", page(1)[..50].to_vec(), 400),
        ("too large", page(100), 413),
        ("of another form", sign(r#"{"rows":[]}"#), 503),
        ("one that the store panics on", page(13), 503),
    ];
    for (name, body, status) in table {
        assert_eq!(post(&receiver, &body).await, status, "{name}");
    }
    assert!(ledger.pages.lock().unwrap().is_empty());
    let refused = |head: Head<'_>| receiver.admit(&head).unwrap_err().status;
    assert_eq!(refused(Head::new("GET")), 405);
    assert_eq!(refused(Head::new("POST").content_encoding(&[b"gzip"])), 415);
    assert_eq!(refused(Head::new("POST").content_length(4097)), 413);

    // More values than any page has are refused before they are read.
    let commas = format!(r#"{{"operations":[{}0]}}"#, "0,".repeat(1 << 20)).into_bytes();
    let receiver = OperationsReceiver::new(verifier(), ledger);
    assert_eq!(post(&receiver, &commas).await, 413);
}

#[tokio::test]
async fn so_many_bodies_are_in_memory_at_once_and_no_more() {
    let gate = Arc::new(Semaphore::new(0));
    let ledger = Ledger { gate: Some(Arc::clone(&gate)), ..Ledger::default() };
    let two = NonZeroUsize::new(2).unwrap();
    let receiver = OperationsReceiver::new(verifier(), ledger.clone()).at_once(two);
    // One whose body is still to come, and one that is being stored.
    let place = receiver.admit(&Head::new("POST")).unwrap();
    let storing = tokio::spawn({
        let receiver = receiver.clone();
        async move { post(&receiver, &page(1)).await }
    });
    ledger.has_begun(1).await;
    assert_eq!(post(&receiver, &page(2)).await, 503);
    drop(place);
    // The same page while it is being stored: the platform shall come again.
    assert_eq!(post(&receiver, &page(1)).await, 503);
    gate.add_permits(1);
    assert_eq!(storing.await.unwrap(), 200);
    assert_eq!(post(&receiver, &page(1)).await, 200, "now it is known to be stored");
    gate.add_permits(1);
    assert_eq!(post(&receiver, &page(2)).await, 200);
    assert_eq!(*ledger.pages.lock().unwrap(), [1, 2]);
}

#[tokio::test]
async fn a_page_is_stored_also_when_its_connection_has_broken() {
    let gate = Arc::new(Semaphore::new(0));
    let ledger = Ledger { gate: Some(Arc::clone(&gate)), ..Ledger::default() };
    let one = NonZeroUsize::MIN;
    let receiver = OperationsReceiver::new(verifier(), ledger.clone()).at_once(one);
    let first = page(1);
    tokio::select! {
        status = post(&receiver, &first) => panic!("{status}"),
        () = ledger.has_begun(1) => {}
    }
    assert_eq!(post(&receiver, &page(2)).await, 503, "its page is still in memory");
    gate.add_permits(2);
    while post(&receiver, &page(1)).await != 200 {
        tokio::task::yield_now().await;
    }
    assert_eq!(*ledger.pages.lock().unwrap(), [1]);
}
