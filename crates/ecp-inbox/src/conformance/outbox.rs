//! The outbox: one function for each promise.

#![expect(missing_docs, reason = "a test's name says what it is about")]

use ecp_core::Timestamp;
use ecp_core::model::PaymentStatus;
use tokio::task::JoinSet;

use super::suite::{accept_new, claim};
use super::{Body, Stage, clock};
use crate::entry::{EntryId, Finish};
use crate::inbox::{Accepted, Inbox, Release};
use crate::outbox::{LEASE, Publication, PublisherId, message_id};

async fn waiting(inbox: &dyn Inbox, publisher: PublisherId) -> Vec<Publication> {
    inbox.publications(publisher, 1000).await.unwrap()
}

fn ids(publications: &[Publication]) -> Vec<EntryId> {
    publications.iter().map(|publication| publication.id).collect()
}

pub async fn what_is_taken_in_is_published_once_and_in_order(stage: &dyn Stage) {
    let inbox = stage.open(clock()).await;
    let publisher = PublisherId::random();
    accept_new(&*inbox, &Body::new("before", 1, "success")).await;
    inbox.keep_outbox(true).await.unwrap();
    assert_eq!(ids(&waiting(&*inbox, publisher).await), []);
    assert_eq!(inbox.stats().await.unwrap().oldest_unpublished, None);

    let pending = accept_new(&*inbox, &Body::new("X1", 1, "processing")).await;
    let body = Body::new("X1", 1, "success");
    let paid = accept_new(&*inbox, &body).await;
    // Repetitions are not published, neither of bytes nor of a meaning.
    inbox.accept(&body.verified()).await.unwrap();
    inbox.accept(&body.clone().described("in other words").verified()).await.unwrap();
    let nameless =
        super::verified(r#"{"project_id":1236,"operation":{"id":9,"status":"success"}}"#);
    let Accepted::New(nameless) = inbox.accept(&nameless).await.unwrap() else { panic!() };

    let found = waiting(&*inbox, publisher).await;
    assert_eq!(ids(&found), [pending, paid, nameless]);
    let second = &found[1];
    assert_eq!(
        (second.project, second.payment.as_ref()),
        (body.project_id(), Some(&body.payment_id()))
    );
    assert_eq!(second.raw.expose(), body.verified().raw());
    assert_eq!(second.message_id, message_id(&body.verified()));
    assert_eq!(second.message_id.len(), 64);
    assert!(second.change.moved_to(&PaymentStatus::Success));
    assert_eq!(second.received.unix_seconds(), 1_700_000_000);
    assert_eq!(found[2].payment, None);
    let stats = inbox.stats().await.unwrap();
    assert_eq!(stats.oldest_unpublished.map(Timestamp::unix_seconds), Some(1_700_000_000));

    // What was not called published is there again, also after a restart.
    inbox.published(&found[..1]).await.unwrap();
    drop(inbox);
    let inbox = stage.open(clock()).await;
    assert_eq!(ids(&waiting(&*inbox, publisher).await), [paid, nameless]);
    assert_eq!(ids(&inbox.publications(publisher, 1).await.unwrap()), [paid]);
    inbox.published(&found).await.unwrap();
    assert_eq!(ids(&waiting(&*inbox, publisher).await), []);
    // Handling and replaying publish nothing.
    let delivery = claim(&*inbox, 10).await.pop().unwrap();
    assert!(inbox.finish(&delivery, Finish::Done).await.unwrap());
    assert!(inbox.replay(delivery.id).await.unwrap());
    assert_eq!(ids(&waiting(&*inbox, publisher).await), []);
    // A repeated call must not remove what came since.
    let later = accept_new(&*inbox, &Body::new("X1", 2, "refunded")).await;
    inbox.published(&found).await.unwrap();
    assert_eq!(ids(&waiting(&*inbox, publisher).await), [later]);
}

pub async fn a_batch_is_published_in_the_order_of_each_payment(stage: &dyn Stage) {
    let inbox = stage.open(clock()).await;
    inbox.keep_outbox(true).await.unwrap();
    let mut accepts = JoinSet::new();
    for number in 0..200 {
        let inbox = inbox.clone();
        let body = Body::new(format!("X{}", number % 7), number, "processing");
        accepts.spawn(async move { accept_new(&*inbox, &body).await });
    }
    accepts.join_all().await;
    let found = waiting(&*inbox, PublisherId::random()).await;
    assert_eq!(found.len(), 200);
    for payment in 0..7 {
        let payment = format!("X{payment}");
        let of_payment = found
            .iter()
            .filter(|one| one.payment.as_ref().is_some_and(|id| id.as_str() == payment));
        let ids: Vec<EntryId> = of_payment.map(|one| one.id).collect();
        assert!(ids.is_sorted() && ids.len() > 20, "{payment}: {ids:?}");
    }
}

pub async fn a_held_callback_is_published_when_it_is_released(stage: &dyn Stage) {
    let inbox = stage.open(clock()).await;
    inbox.keep_outbox(true).await.unwrap();
    let publisher = PublisherId::random();
    let doubtful = Body::new("X1", 1, "success").doubtful();
    let Accepted::Held(held) = inbox.accept(&doubtful.verified()).await.unwrap() else { panic!() };
    let Accepted::Held(other) =
        inbox.accept(&Body::new("X1", 2, "refunded").doubtful().verified()).await.unwrap()
    else {
        panic!()
    };
    let pending = accept_new(&*inbox, &Body::new("X1", 2, "processing")).await;
    assert_eq!(ids(&waiting(&*inbox, publisher).await), [pending]);
    assert_eq!(inbox.release(held, &doubtful.answer()).await.unwrap(), Release::Released);
    // The state took it in after the other one.
    let found = waiting(&*inbox, publisher).await;
    assert_eq!(ids(&found), [pending, held]);
    assert!(found[1].change.moved_to(&PaymentStatus::Success));
    assert!(inbox.release(other, &doubtful.answer()).await.is_ok());
    assert_eq!(waiting(&*inbox, publisher).await.len(), 2);
}

pub async fn one_publisher_has_the_outbox_at_a_time(stage: &dyn Stage) {
    let clock = clock();
    let (inbox, replica) = (stage.open(clock.clone()).await, stage.open(clock.clone()).await);
    inbox.keep_outbox(true).await.unwrap();
    let (one, two) = (PublisherId::random(), PublisherId::random());
    let id = accept_new(&*inbox, &Body::new("X1", 1, "success")).await;
    assert_eq!(ids(&waiting(&*inbox, one).await), [id]);
    assert_eq!(ids(&waiting(&*replica, two).await), []);
    clock.advance(LEASE / 3 * 2);
    // It is renewed by reading.
    assert_eq!(ids(&waiting(&*inbox, one).await), [id]);
    clock.advance(LEASE / 3 * 2);
    assert_eq!(ids(&waiting(&*replica, two).await), []);
    clock.advance(LEASE);
    assert_eq!(ids(&waiting(&*replica, two).await), [id]);
    assert_eq!(ids(&waiting(&*inbox, one).await), []);
    // The first one did publish it.
    let publication = waiting(&*replica, two).await;
    inbox.published(&publication).await.unwrap();
    assert_eq!(ids(&waiting(&*replica, two).await), []);
}

pub async fn a_body_is_kept_until_it_is_published(stage: &dyn Stage) {
    let clock = clock();
    let inbox = stage.open(clock.clone()).await;
    inbox.keep_outbox(true).await.unwrap();
    let publisher = PublisherId::random();
    accept_new(&*inbox, &Body::new("X1", 1, "success")).await;
    let delivery = claim(&*inbox, 10).await.pop().unwrap();
    assert!(inbox.finish(&delivery, Finish::Done).await.unwrap());
    let later = Timestamp::from_unix_seconds(1_800_000_000).unwrap();
    assert_eq!(inbox.remove_bodies(later).await.unwrap(), 0);
    let found = waiting(&*inbox, publisher).await;
    assert_eq!(ids(&found), [delivery.id]);
    inbox.published(&found).await.unwrap();
    assert_eq!(inbox.remove_bodies(later).await.unwrap(), 1);
}

pub async fn an_outbox_is_kept_for_all_who_share_the_inbox(stage: &dyn Stage) {
    let (inbox, replica) = (stage.open(clock()).await, stage.open(clock()).await);
    let publisher = PublisherId::random();
    accept_new(&*replica, &Body::new("X1", 1, "success")).await;
    for _ in 0..2 {
        inbox.keep_outbox(true).await.unwrap();
    }
    let id = accept_new(&*replica, &Body::new("X2", 1, "success")).await;
    assert_eq!(ids(&waiting(&*inbox, publisher).await), [id]);
    for _ in 0..2 {
        inbox.keep_outbox(false).await.unwrap();
    }
    accept_new(&*replica, &Body::new("X3", 1, "success")).await;
    assert_eq!(ids(&waiting(&*inbox, publisher).await), []);
}
