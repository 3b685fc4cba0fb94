//! Bytes in, reply out: what is stored, and what each status means.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::common::{KEY, Moody, genuine, hostile, question, receiver, sign, unsigned, verifier};
use async_trait::async_trait;
use ecp_core::model::Callback;
use ecp_core::signature::{self, Rules};
use ecp_notify::{CallbackStore, Head, Receiver, StoreError, Unreadable, Verified};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

#[tokio::test]
async fn a_genuine_callback_is_stored_as_it_came_and_answered_200() {
    let (receiver, store) = receiver();
    for round in 1..=2 {
        let reply = receiver.receive(&genuine()).await;
        assert_eq!((reply.status, reply.body.len(), reply.headers().len()), (200, 0, 0));
        // A replay is the store's to recognise: only it knows what it has.
        assert_eq!(*store.stored.lock().unwrap(), vec![genuine(); round]);
    }
}

#[tokio::test]
async fn nothing_hostile_is_stored() {
    let (receiver, store) = receiver();
    for (name, body, status) in hostile() {
        let reply = receiver.receive(&body).await;
        assert_eq!((reply.status, reply.body.len()), (status, 0), "{name}");
    }
    assert_eq!(store.count(), 0);
}

#[tokio::test]
async fn a_callback_that_is_cut_off_anywhere_is_refused() {
    let (receiver, store) = receiver();
    let body = genuine();
    for end in 0..body.len() {
        assert_eq!(receiver.receive(&body[..end]).await.status, 400, "{end}");
    }
    assert_eq!(store.count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_does_not_keep_it_is_503() {
    let (receiver, store) = receiver();
    for id in ["fails", "hangs", "panics", "blocks"] {
        let start = Instant::now();
        let reply = receiver.receive(&sign(&unsigned(id))).await;
        assert_eq!(reply.status, 503, "{id}");
        assert_eq!(reply.headers(), [("retry-after", "10")]);
        assert!(start.elapsed() < Duration::from_millis(1500), "{id}: {:?}", start.elapsed());
    }
    assert_eq!(store.count(), 0);
    assert_eq!(receiver.receive(&genuine()).await.status, 200, "and it goes on");
}

#[tokio::test]
async fn the_store_finishes_when_no_caller_waits_any_more() {
    let (receiver, store) = receiver();
    let body = sign(&unsigned("slow"));
    let given_up = tokio::time::timeout(Duration::from_millis(20), receiver.receive(&body)).await;
    assert!(given_up.is_err());
    assert_eq!(store.count(), 0);
    store.until(1).await;
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_is_dropped_at_its_deadline_though_no_caller_waits() {
    struct Hangs(Arc<()>);
    #[async_trait]
    impl CallbackStore for Hangs {
        async fn store(&self, _: Verified<Callback>) -> Result<(), StoreError> {
            let _held = Arc::clone(&self.0);
            std::future::pending().await
        }
    }
    let held = Arc::new(());
    let receiver = Receiver::new(verifier(), Hangs(Arc::clone(&held)));
    let body = genuine();
    let given_up = tokio::time::timeout(Duration::from_secs(1), receiver.receive(&body)).await;
    assert!(given_up.is_err());
    assert_eq!(Arc::strong_count(&held), 3);
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(Arc::strong_count(&held), 2);
}

#[tokio::test]
async fn what_is_genuine_but_cannot_be_read_is_not_lost() {
    struct Keeps(Mutex<Vec<Unreadable>>);
    #[async_trait]
    impl CallbackStore for Keeps {
        async fn store(&self, _: Verified<Callback>) -> Result<(), StoreError> {
            unreachable!("it cannot be read")
        }
        async fn store_unreadable(&self, unreadable: Unreadable) -> Result<(), StoreError> {
            self.0.lock().unwrap().push(unreadable);
            Ok(())
        }
    }
    let body = sign(r#"{"project_id":1236,"payment":{"id":5},"customer":{"id":"sentinel"}}"#);

    let (refuses, store) = receiver();
    assert_eq!(refuses.receive(&body).await.status, 503);
    assert_eq!(store.count(), 0);

    let keeps = Arc::new(Keeps(Mutex::default()));
    // Through both wrappers, which must not fall back on the default.
    let boxed: Box<dyn CallbackStore> = Box::new(Arc::clone(&keeps));
    assert_eq!(Receiver::new(verifier(), boxed).receive(&body).await.status, 200);
    let kept = keeps.0.lock().unwrap();
    assert_eq!(kept[0].raw(), body);
    assert_eq!(kept[0].error().to_string(), "`payment.id`: expected a string, found a number");
    assert!(!format!("{kept:?}", kept = kept[0]).contains("sentinel"));
}

#[tokio::test]
async fn a_deposit_check_is_recognized_by_its_type_and_answered() {
    let (receiver, store) = receiver();
    let table = [
        (question(1000), 200, r#"{"code":0,"payment_id":"X1"}"#),
        (question(1001), 200, r#"{"code":1,"payment_id":"X1"}"#),
        (question(666), 503, ""),
        // An escape is the same text.
        (
            {
                let body = String::from_utf8(question(999)).unwrap();
                body.replace("check_deposit", "check\\u005fdeposit").into_bytes()
            },
            200,
            r#"{"code":0,"payment_id":"X1"}"#,
        ),
    ];
    for (body, status, answer) in table {
        let reply = receiver.receive(&body).await;
        assert_eq!(
            (reply.status, String::from_utf8(reply.body).unwrap().as_str()),
            (status, answer)
        );
    }
    let reply = receiver.receive(&question(1000)).await;
    assert_eq!(reply.headers(), [("content-type", "application/json")]);
    assert_eq!(store.count(), 0);

    // A callback may have a `type` and a text that looks like a question.
    for member in [r#""type":"something else","#, r#""type":5,"#, r#""about":"check_deposit","#] {
        let body = unsigned("X1").replacen('{', &format!("{{{member}"), 1);
        assert_eq!(receiver.receive(&sign(&body)).await.status, 200, "{member}");
    }
    assert_eq!(store.count(), 3);
    // What claims to be both is no question as documented, and no callback.
    let both = unsigned("X1").replacen('{', r#"{"type":"check_deposit","#, 1);
    assert_eq!(receiver.receive(&sign(&both)).await.status, 400);
    assert_eq!(store.count(), 3);

    let deaf = Receiver::new(verifier(), store.clone());
    assert_eq!(deaf.receive(&question(1000)).await.status, 501);
    let forged = String::from_utf8(question(1000)).unwrap().replace("EUR", "JPY");
    assert_eq!(deaf.receive(forged.as_bytes()).await.status, 403);
    assert_eq!(store.count(), 3);
}

#[test]
fn a_head_tells_whether_the_body_is_worth_reading() {
    let (receiver, _) = receiver();
    let head = Head::new("POST");
    let plain: &[&[u8]] = &[b"identity", b" Identity "];
    let table = [
        (head, None),
        (head.content_length(256 * 1024), None),
        (head.content_encoding(plain), None),
        (head.content_length(256 * 1024 + 1), Some(413)),
        (head.content_length(u64::MAX), Some(413)),
        (Head::new("GET"), Some(405)),
        (Head::new("post"), Some(405)),
        (head.content_encoding(&[b"gzip"]), Some(415)),
        (head.content_encoding(&[b"identity, br"]), Some(415)),
        (head.content_encoding(&[b"identity", b"zstd"]), Some(415)),
        (head.content_encoding(&[b"\xff"]), Some(415)),
    ];
    for (head, status) in table {
        let refused = receiver.admit(&head).err().map(|reply| reply.status);
        assert_eq!(refused, status, "{head:?}");
    }
}

#[test]
fn whatever_comes_is_answered_and_only_what_was_signed_is_stored() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let rules = Rules::private().allow_ambiguous();
    let bodies = [genuine(), question(1000), sign(&unsigned("x;payment:y:1"))];
    let signed: Vec<String> =
        bodies.iter().map(|body| signature::canonical_string(body, rules).unwrap()).collect();
    // A genuine body with some places overwritten, cut out or repeated; or anything at all.
    let edits = prop::collection::vec(
        (any::<prop::sample::Index>(), 0_usize..4, prop::collection::vec(any::<u8>(), 0..3)),
        0..3,
    );
    let edited = (0..bodies.len(), edits).prop_map({
        let bodies = bodies.clone();
        move |(which, edits)| {
            let mut body = bodies[which].clone();
            for (at, remove, insert) in edits {
                let at = at.index(body.len() + 1);
                let end = (at + remove).min(body.len());
                body.splice(at..end, insert);
            }
            body
        }
    });
    let any_body = prop_oneof![edited, prop::collection::vec(any::<u8>(), 0..300)];
    let mut runner = TestRunner::new(ProptestConfig::with_cases(2000));
    let stored = std::cell::Cell::new(0);
    runner
        .run(&any_body, |body| {
            let (receiver, store) = receiver();
            let reply = runtime.block_on(receiver.receive(&body));
            prop_assert!([200, 400, 403, 503].contains(&reply.status), "{}", reply.status);
            let is_answer = !reply.body.is_empty();
            prop_assert_eq!(store.count(), usize::from(reply.status == 200 && !is_answer));
            if reply.status == 200 {
                let text = signature::canonical_string(&body, rules).unwrap();
                prop_assert!(signed.contains(&text), "{text} is not signed");
                stored.set(stored.get() + 1);
            }
            Ok(())
        })
        .unwrap();
    assert!(stored.get() > 100, "too few were genuine: {}", stored.get());
}

#[test]
fn a_receiver_prints_no_secret_and_goes_wherever_it_is_needed() {
    fn shared<T: Clone + Send + Sync + 'static>(_: &T) {}
    let (receiver, _) = receiver();
    shared(&receiver);
    assert!(!format!("{receiver:?}").contains(KEY));
    let _: &dyn CallbackStore = &Moody::default();
}
