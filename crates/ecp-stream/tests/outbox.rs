//! The outbox of an inbox, with publishers that fail.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use ecp_inbox::conformance::{self, Body};
use ecp_inbox::sqlite::{SqliteInbox, SqliteOptions};
use ecp_inbox::{Inbox, Publication};
use ecp_stream::{Outbox, PublishError, Publisher};
use tokio::time::{sleep, timeout};

use crate::metrics::Seen;

/// Waits until the outbox is empty.
async fn all_published(inbox: &SqliteInbox) {
    while inbox.stats().await.unwrap().oldest_unpublished.is_some() {
        sleep(Duration::from_millis(10)).await;
    }
}

/// Notes what it is given, and fails every third time, half of these after it has noted it.
#[derive(Clone, Default)]
struct Unreliable(Arc<Mutex<(u32, Vec<Publication>)>>);

#[async_trait]
impl Publisher for Unreliable {
    async fn publish(&self, publication: &Publication) -> Result<(), PublishError> {
        sleep(Duration::from_millis(1)).await;
        let number = self.count();
        assert!(number != 49, "it panics too");
        let mut state = self.0.lock().unwrap();
        if !number.is_multiple_of(3) || number.is_multiple_of(2) {
            state.1.push(publication.clone());
        }
        if number.is_multiple_of(3) { Err("not now".into()) } else { Ok(()) }
    }
}

impl Unreliable {
    fn count(&self) -> u32 {
        let mut state = self.0.lock().unwrap();
        state.0 += 1;
        state.0
    }

    /// Numbers of the callbacks of each payment, without repetitions, in the order of their first
    /// publication.
    fn by_payment(&self) -> BTreeMap<String, Vec<i64>> {
        let mut seen = BTreeSet::new();
        let mut found: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for publication in &self.0.lock().unwrap().1 {
            if seen.insert(publication.message_id.clone()) {
                let payment = publication.payment.as_ref().unwrap().to_string();
                found.entry(payment).or_default().push(publication.id.get());
            }
        }
        found
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_is_published_in_the_order_of_its_payment_whatever_fails() {
    const CALLBACKS: u64 = 120;
    let folder = tempfile::tempdir().unwrap();
    let clock = conformance::clock();
    let options = SqliteOptions::new().clock(clock.clone());
    let inbox = options.open(folder.path().join("inbox.sqlite")).await.unwrap();
    inbox.keep_outbox(true).await.unwrap();
    let (publisher, seen) = (Unreliable::default(), Seen::default());
    // Two over one inbox, of which the first dies on the way.
    let run = || {
        let outbox = Outbox::new(inbox.clone(), publisher.clone()).batch(32);
        let outbox = outbox.poll(Duration::from_millis(5)).observer(seen.clone());
        tokio::spawn(async move { outbox.run(std::future::pending()).await })
    };
    let first = run();
    let accept = async |numbers: Range<u64>| {
        for number in numbers {
            let body = Body::new(format!("X{}", number % 9), number, "processing");
            inbox.accept(&body.verified()).await.unwrap();
        }
    };
    accept(0..CALLBACKS / 2).await;
    let second = run();
    first.abort();
    accept(CALLBACKS / 2..CALLBACKS).await;
    assert!(inbox.stats().await.unwrap().oldest_unpublished.is_some());
    clock.advance(Duration::from_secs(31));
    timeout(Duration::from_mins(1), all_published(&inbox)).await.unwrap();
    second.abort();
    let found = publisher.by_payment();
    assert_eq!(found.len(), 9);
    assert_eq!(found.values().map(Vec::len).sum::<usize>(), usize::try_from(CALLBACKS).unwrap());
    for (payment, numbers) in found {
        assert!(numbers.is_sorted(), "{payment}: {numbers:?}");
    }
    let outcomes = seen.outcomes("ecp.stream.publish.duration");
    assert_eq!(outcomes, BTreeSet::from(["failed".to_owned(), "published".to_owned()]));
    // It did fail, and what was published without saying so came again.
    let state = publisher.0.lock().unwrap();
    assert!(state.1.len() > usize::try_from(CALLBACKS).unwrap(), "{}", state.1.len());
}

/// Clones have one lease, so that both would be given the same callbacks.
#[tokio::test]
async fn clones_do_not_publish_beside_each_other() {
    #[derive(Clone, Default)]
    struct Slow(Arc<Mutex<Vec<i64>>>);

    #[async_trait]
    impl Publisher for Slow {
        async fn publish(&self, publication: &Publication) -> Result<(), PublishError> {
            sleep(Duration::from_millis(20)).await;
            self.0.lock().unwrap().push(publication.id.get());
            Ok(())
        }
    }

    let folder = tempfile::tempdir().unwrap();
    let inbox = SqliteInbox::open(folder.path().join("inbox.sqlite")).await.unwrap();
    inbox.keep_outbox(true).await.unwrap();
    for number in 0..9 {
        inbox.accept(&Body::new("X1", number, "processing").verified()).await.unwrap();
    }
    let publisher = Slow::default();
    let outbox = Outbox::new(inbox.clone(), publisher.clone()).batch(3);
    let first = outbox.clone();
    let first = tokio::spawn(async move { first.run(std::future::pending()).await });
    timeout(Duration::from_mins(1), outbox.run(all_published(&inbox))).await.unwrap();
    first.abort();
    let seen = publisher.0.lock().unwrap().clone();
    assert_eq!(seen.len(), 9, "{seen:?}");
    assert!(seen.is_sorted(), "{seen:?}");
}

#[tokio::test]
async fn it_ends_when_it_is_told_to() {
    let folder = tempfile::tempdir().unwrap();
    let inbox = SqliteInbox::open(folder.path().join("inbox.sqlite")).await.unwrap();
    inbox.keep_outbox(true).await.unwrap();
    inbox.accept(&Body::new("X1", 1, "success").verified()).await.unwrap();
    let publisher = Unreliable::default();
    let outbox = Outbox::new(inbox.clone(), publisher.clone());
    timeout(Duration::from_secs(10), outbox.run(async {})).await.unwrap();
    assert_eq!(publisher.by_payment().len(), 1);
    assert_eq!(inbox.stats().await.unwrap().oldest_unpublished, None);
}
