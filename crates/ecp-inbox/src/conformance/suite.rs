//! One function for each promise.

#![expect(missing_docs, reason = "a test's name says what it is about")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use ecp_core::model::PaymentStatus;
use ecp_core::{SystemClock, Timestamp};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::{Body, Stage, clock, model, verified};
use crate::entry::{Claim, Claimed, Delivery, EntryId, EntryState, Finish, Query, Version};
use crate::inbox::{Accepted, Inbox, Release};
use crate::worker::{Handler, HandlerError, Worker};

const LEASE: Duration = Duration::from_secs(30);

pub(super) async fn claim(inbox: &dyn Inbox, limit: usize) -> Vec<Delivery> {
    let claim = Claim::new(limit, LEASE).attempts(20);
    let Claimed { deliveries, dead } = inbox.claim(&claim).await.unwrap();
    assert_eq!(dead, []);
    deliveries
}

pub(super) async fn accept_new(inbox: &dyn Inbox, body: &Body) -> EntryId {
    match inbox.accept(&body.verified()).await.unwrap() {
        Accepted::New(id) => id,
        other => panic!("{other:?}"),
    }
}

pub(super) async fn state(inbox: &dyn Inbox, id: EntryId) -> EntryState {
    inbox.entry(id).await.unwrap().unwrap().state
}

pub(super) fn ids(deliveries: &[Delivery]) -> Vec<EntryId> {
    deliveries.iter().map(|delivery| delivery.id).collect()
}

fn retry(after: Duration) -> Finish {
    Finish::Retry { after, error: "not now".to_owned() }
}

pub async fn what_was_accepted_is_there_after_a_restart(stage: &dyn Stage) {
    let clock = clock();
    let first = stage.open(clock.clone()).await;
    let body = Body::new("X1", 1, "success");
    let callback = body.verified();
    let id = accept_new(&*first, &body).await;
    drop(first);

    let inbox = stage.open(clock.clone()).await;
    let entry = inbox.entry(id).await.unwrap().unwrap();
    assert_eq!(entry.raw.as_ref().unwrap().expose(), callback.raw());
    assert_eq!((entry.id, entry.state), (id, EntryState::Waiting));
    assert_eq!((entry.project, entry.payment), (body.project_id(), Some(body.payment_id())));
    assert_eq!(entry.status.as_deref(), Some("success"));
    assert_eq!(entry.received.unix_seconds(), 1_700_000_000);
    assert_eq!((entry.times, entry.attempts, entry.error), (1, 0, None));
    assert!(entry.change.moved_to(&PaymentStatus::Success));
    assert!(entry.ambiguous.is_empty());
    let payment = inbox.payment(body.project_id(), &body.payment_id()).await.unwrap().unwrap();
    assert_eq!(payment.status(), Some(&PaymentStatus::Success));
    assert_eq!(payment.paid().unwrap().amount, 10_000);

    let delivery = claim(&*inbox, 10).await.pop().unwrap();
    assert_eq!(delivery.callback.payment_id(), Some(&body.payment_id()));
    assert_eq!((delivery.id, delivery.attempt), (id, 1));
    assert_eq!(delivery.change, entry.change);
    assert_eq!(delivery.payment, Some(payment));
    assert!(inbox.finish(&delivery, Finish::Done).await.unwrap());
    assert_eq!(state(&*inbox, id).await, EntryState::Done);
    assert_eq!(claim(&*inbox, 10).await.len(), 0);
    assert!(inbox.entry(EntryId::new(id.get() + 1)).await.unwrap().is_none());
}

pub async fn the_same_bytes_are_kept_once(stage: &dyn Stage) {
    let inbox = stage.open(clock()).await;
    let body = Body::new("X1", 1, "processing");
    let id = accept_new(&*inbox, &body).await;
    for times in 2..5 {
        assert_eq!(inbox.accept(&body.verified()).await.unwrap(), Accepted::Repeated(id));
        assert_eq!(inbox.entry(id).await.unwrap().unwrap().times, times);
    }
    let delivery = claim(&*inbox, 10).await.pop().unwrap();
    inbox.finish(&delivery, Finish::Done).await.unwrap();
    assert_eq!(inbox.accept(&body.verified()).await.unwrap(), Accepted::Repeated(id));
    assert_eq!(claim(&*inbox, 10).await.len(), 0);
}

pub async fn the_same_of_the_same_operation_is_kept_and_not_handled(stage: &dyn Stage) {
    let inbox = stage.open(clock()).await;
    let body = Body::new("X1", 1, "success");
    let first = accept_new(&*inbox, &body).await;
    let again = body.clone().described("in other words").verified();
    let Accepted::SameOperation { id, first: named } = inbox.accept(&again).await.unwrap() else {
        panic!("not seen");
    };
    assert_eq!(named, first);
    assert_eq!(state(&*inbox, id).await, EntryState::Repeated);
    assert_eq!(inbox.accept(&again).await.unwrap(), Accepted::Repeated(id));
    // The same for an ambiguous callback, which must not be relied on.
    let doubtful = body.clone().doubtful().verified();
    let accepted = inbox.accept(&doubtful).await.unwrap();
    assert!(matches!(accepted, Accepted::SameOperation { first: named, .. } if named == first));
    assert_eq!(ids(&claim(&*inbox, 10).await), [first]);
    // A difference in any value that a handler may act on counts.
    for other in [
        Body { operation: 2, ..body.clone() },
        Body { amount: 9_999, ..body.clone() },
        Body { kind: "payout", ..body.clone() },
        Body { operation_status: "decline", ..body.clone() },
        Body { status: "partially refunded", ..body.clone() },
        Body { payment: "X2".to_owned(), ..body.clone() },
        Body { project: 1, ..body.clone() },
    ] {
        accept_new(&*inbox, &other).await;
    }
}

pub async fn whatever_names_its_payment_is_told_apart(stage: &dyn Stage) {
    let inbox = stage.open(clock()).await;
    let long = "x".repeat(100_000);
    let odd = [r"a\u0000b", r"a\u0000", "a", "A", " a ", r"\ud83d\ude00", "\u{301}", long.as_str()];
    let mut accepted = BTreeMap::new();
    for payment in odd {
        for project in [1, 1236] {
            let body = Body { project, ..Body::new(payment, 1, "success") };
            let id = accept_new(&*inbox, &body).await;
            let of_payment = Query {
                project: Some(body.project_id()),
                payment: Some(body.payment_id()),
                ..Query::default()
            };
            let entries = inbox.entries(&of_payment).await.unwrap();
            assert_eq!(entries.iter().map(|entry| entry.id).collect::<Vec<_>>(), [id]);
            assert_eq!(entries[0].payment, Some(body.payment_id()));
            assert!(inbox.payment(body.project_id(), &body.payment_id()).await.unwrap().is_some());
            accepted.insert(id, body.payment_id());
        }
    }
    let deliveries = claim(&*inbox, 100).await;
    assert_eq!(deliveries.len(), 16);
    for delivery in deliveries {
        assert_eq!(delivery.callback.payment_id(), accepted.get(&delivery.id));
    }
    // A status may hold any character as well.
    let body = Body { status: r"no\u0000word", ..Body::new("S", 1, "success") };
    let id = accept_new(&*inbox, &body).await;
    let entry = inbox.entry(id).await.unwrap().unwrap();
    assert_eq!(entry.status.as_deref(), Some("no\0word"));
    assert_eq!(entry.change.reports().len(), 1);
}

pub async fn a_callback_without_a_payment_waits_for_nobody(stage: &dyn Stage) {
    let inbox = stage.open(clock()).await;
    let mut all = BTreeSet::new();
    for number in 0..3 {
        let json = format!(r#"{{"project_id":1236,"token":"t{number}","token_status":"active"}}"#);
        match inbox.accept(&verified(&json)).await.unwrap() {
            Accepted::New(id) => all.insert(id),
            other => panic!("{other:?}"),
        };
    }
    let deliveries = claim(&*inbox, 10).await;
    assert_eq!(ids(&deliveries).into_iter().collect::<BTreeSet<_>>(), all);
    assert!(deliveries.iter().all(|delivery| delivery.payment.is_none()));
}

pub async fn callbacks_of_a_payment_are_handled_one_after_the_other(stage: &dyn Stage) {
    let inbox = stage.open(clock()).await;
    let mut of_one = Vec::new();
    for operation in 1..4 {
        of_one.push(accept_new(&*inbox, &Body::new("X1", operation, "processing")).await);
    }
    let other = accept_new(&*inbox, &Body::new("X2", 9, "processing")).await;
    assert!(of_one.is_sorted());

    let first = claim(&*inbox, 1).await;
    assert_eq!(ids(&first), [of_one[0]]);
    let side_by_side = claim(&*inbox, 10).await;
    assert_eq!(ids(&side_by_side), [other]);
    assert_eq!(claim(&*inbox, 10).await.len(), 0);
    inbox.finish(&first[0], Finish::Done).await.unwrap();
    let second = claim(&*inbox, 10).await;
    assert_eq!(ids(&second), [of_one[1]]);
    inbox.finish(&second[0], Finish::Done).await.unwrap();
    assert_eq!(ids(&claim(&*inbox, 10).await), [of_one[2]]);
}

pub async fn a_failure_holds_up_its_payment_until_it_is_dead(stage: &dyn Stage) {
    let clock = clock();
    let inbox = stage.open(clock.clone()).await;
    let first = accept_new(&*inbox, &Body::new("X1", 1, "processing")).await;
    let second = accept_new(&*inbox, &Body::new("X1", 2, "success")).await;
    let delivery = claim(&*inbox, 10).await.pop().unwrap();
    assert!(inbox.finish(&delivery, retry(Duration::from_millis(1500))).await.unwrap());
    // A finished attempt has no lease any more.
    assert!(!inbox.finish(&delivery, Finish::Done).await.unwrap());
    let entry = inbox.entry(first).await.unwrap().unwrap();
    assert_eq!((entry.attempts, entry.error.as_deref()), (1, Some("not now")));

    clock.advance(Duration::from_millis(1499));
    assert_eq!(claim(&*inbox, 10).await.len(), 0);
    clock.advance(Duration::from_millis(1));
    let delivery = claim(&*inbox, 10).await.pop().unwrap();
    assert_eq!((delivery.id, delivery.attempt), (first, 2));
    let error = "never\0\nagain".to_owned();
    assert!(inbox.finish(&delivery, Finish::Dead { error }).await.unwrap());
    let entry = inbox.entry(first).await.unwrap().unwrap();
    assert_eq!((entry.state, entry.error.as_deref()), (EntryState::Dead, Some("never  again")));
    assert_eq!(entry.due, None);
    assert_eq!(ids(&claim(&*inbox, 10).await), [second]);
}

pub async fn a_lease_ends_and_then_the_old_one_counts_no_more(stage: &dyn Stage) {
    let clock = clock();
    let inbox = stage.open(clock.clone()).await;
    let other_replica = stage.open(clock.clone()).await;
    let id = accept_new(&*inbox, &Body::new("X1", 1, "success")).await;
    let lost = claim(&*inbox, 10).await.pop().unwrap();
    clock.advance(Duration::from_millis(29_999));
    assert_eq!(claim(&*other_replica, 10).await.len(), 0);
    clock.advance(Duration::from_millis(1));
    let held = claim(&*other_replica, 10).await.pop().unwrap();
    assert_eq!((held.id, held.attempt), (id, 2));
    for finish in [Finish::Done, retry(Duration::ZERO), Finish::Dead { error: String::new() }] {
        assert!(!inbox.finish(&lost, finish).await.unwrap());
    }
    assert_eq!(state(&*inbox, id).await, EntryState::Waiting);
    assert!(inbox.finish(&held, Finish::Done).await.unwrap());
    assert_eq!(state(&*inbox, id).await, EntryState::Done);
}

pub async fn attempts_that_never_end_are_bounded(stage: &dyn Stage) {
    let clock = clock();
    let inbox = stage.open(clock.clone()).await;
    let id = accept_new(&*inbox, &Body::new("X1", 1, "success")).await;
    let next = accept_new(&*inbox, &Body::new("X1", 2, "refunded")).await;
    let claim = Claim::new(10, LEASE).attempts(3);
    for attempt in 1..=3 {
        let claimed = inbox.claim(&claim).await.unwrap();
        assert_eq!(ids(&claimed.deliveries), [id]);
        assert_eq!(claimed.deliveries[0].attempt, attempt);
        clock.advance(LEASE);
    }
    let claimed = inbox.claim(&claim).await.unwrap();
    assert_eq!(claimed.dead, [id]);
    let entry = inbox.entry(id).await.unwrap().unwrap();
    assert_eq!((entry.state, entry.attempts), (EntryState::Dead, 3));
    assert!(entry.error.is_some());
    let mut deliveries = claimed.deliveries;
    deliveries.extend(inbox.claim(&claim).await.unwrap().deliveries);
    assert_eq!(ids(&deliveries), [next]);
}

pub async fn what_is_done_or_dead_can_be_replayed(stage: &dyn Stage) {
    let inbox = stage.open(clock()).await;
    let done = accept_new(&*inbox, &Body::new("X1", 1, "success")).await;
    let dead = accept_new(&*inbox, &Body::new("X2", 1, "success")).await;
    let Accepted::Held(held) =
        inbox.accept(&Body::new("X3", 1, "success").doubtful().verified()).await.unwrap()
    else {
        panic!("not held")
    };
    assert!(!inbox.replay(done).await.unwrap(), "it waits already");
    for delivery in claim(&*inbox, 10).await {
        let error = "no".to_owned();
        let finish = if delivery.id == done { Finish::Done } else { Finish::Dead { error } };
        inbox.finish(&delivery, finish).await.unwrap();
    }
    assert!(!inbox.replay(held).await.unwrap());
    assert!(!inbox.replay(EntryId::new(999_999)).await.unwrap());
    for id in [done, dead] {
        assert!(inbox.replay(id).await.unwrap());
        let entry = inbox.entry(id).await.unwrap().unwrap();
        assert_eq!((entry.state, entry.attempts), (EntryState::Waiting, 0));
    }
    let deliveries = claim(&*inbox, 10).await;
    assert_eq!(ids(&deliveries).into_iter().collect::<BTreeSet<_>>(), [done, dead].into());
    assert!(deliveries.iter().all(|delivery| delivery.attempt == 1));
    // A replay has the change that the callback caused on arrival.
    assert!(deliveries.iter().all(|d| d.change.moved_to(&PaymentStatus::Success)));
}

pub async fn a_callback_that_waits_for_its_next_attempt_is_hurried(stage: &dyn Stage) {
    let clock = clock();
    let inbox = stage.open(clock.clone()).await;
    let first = accept_new(&*inbox, &Body::new("X1", 1, "processing")).await;
    let second = accept_new(&*inbox, &Body::new("X1", 2, "success")).await;
    let running = claim(&*inbox, 1).await.pop().unwrap();
    assert!(!inbox.replay(first).await.unwrap(), "it is being handled");
    let error = "not now".to_owned();
    let after = Duration::from_hours(1);
    assert!(inbox.finish(&running, Finish::Retry { after, error }).await.unwrap());
    assert!(claim(&*inbox, 1).await.is_empty());
    assert!(inbox.replay(first).await.unwrap());
    assert!(!inbox.replay(first).await.unwrap(), "it is due");
    assert!(!inbox.replay(second).await.unwrap(), "it waits for the first alone");
    let entry = inbox.entry(first).await.unwrap().unwrap();
    let known = (entry.state, entry.attempts, entry.error.as_deref());
    assert_eq!(
        known,
        (EntryState::Waiting, 1, Some("not now")),
        "it has the attempts that are left"
    );
    let [delivery] = &claim(&*inbox, 10).await[..] else { panic!("the first, and not the second") };
    assert_eq!((delivery.id, delivery.attempt), (first, 2));

    // Its lease has ended, so the callback is due.
    clock.advance(LEASE);
    assert!(!inbox.replay(first).await.unwrap());
    assert_eq!(ids(&claim(&*inbox, 10).await), [first]);
}

pub async fn a_callback_is_replayed_once_for_what_was_seen(stage: &dyn Stage) {
    let clock = clock();
    let inbox = stage.open(clock.clone()).await;
    let id = accept_new(&*inbox, &Body::new("X1", 1, "success")).await;
    let version = async || inbox.entry(id).await.unwrap().unwrap().version();
    let handle = async || {
        clock.advance(Duration::from_millis(20));
        let delivery = claim(&*inbox, 1).await.pop().unwrap();
        assert!(inbox.finish(&delivery, Finish::Done).await.unwrap());
    };
    let waiting = version().await;
    handle().await;
    assert!(!inbox.replay_version(id, waiting).await.unwrap());
    let seen = version().await;
    assert_eq!(seen.to_string().parse(), Ok(seen));
    assert!(inbox.replay_version(id, seen).await.unwrap());
    assert!(!inbox.replay_version(id, seen).await.unwrap(), "it waits");
    // It is done as before, after as many attempts, and not the same any more.
    handle().await;
    let entry = inbox.entry(id).await.unwrap().unwrap();
    assert_eq!((entry.state, entry.attempts), (EntryState::Done, 1));
    assert!(!inbox.replay_version(id, seen).await.unwrap(), "it was handled again");
    assert_eq!(inbox.entry(id).await.unwrap().unwrap().state, EntryState::Done);
    assert!(inbox.replay_version(id, version().await).await.unwrap());
    assert!(!inbox.replay_version(EntryId::new(999_999), seen).await.unwrap());
    assert!("dead-3".parse::<Version>().is_err() && "lost-3-0".parse::<Version>().is_err());
}

pub async fn a_replayed_callback_waits_for_the_one_that_is_handled(stage: &dyn Stage) {
    let inbox = stage.open(clock()).await;
    let first = accept_new(&*inbox, &Body::new("X1", 1, "processing")).await;
    let second = accept_new(&*inbox, &Body::new("X1", 2, "success")).await;
    let delivery = claim(&*inbox, 1).await.pop().unwrap();
    inbox.finish(&delivery, Finish::Done).await.unwrap();
    let running = claim(&*inbox, 1).await.pop().unwrap();
    assert_eq!(running.id, second);
    assert!(inbox.replay(first).await.unwrap());
    assert_eq!(claim(&*inbox, 10).await.len(), 0, "one of its payment is being handled");
    inbox.finish(&running, Finish::Done).await.unwrap();
    assert_eq!(ids(&claim(&*inbox, 10).await), [first]);
}

pub async fn a_doubtful_end_is_held_until_gate_agrees(stage: &dyn Stage) {
    let inbox = stage.open(clock()).await;
    // This status is not final, so a forged reading would gain nothing.
    accept_new(&*inbox, &Body::new("X0", 1, "processing").doubtful()).await;

    let body = Body::new("X1", 1, "success").doubtful();
    let Accepted::Held(id) = inbox.accept(&body.verified()).await.unwrap() else {
        panic!("not held")
    };
    assert_eq!(inbox.accept(&body.verified()).await.unwrap(), Accepted::Repeated(id));
    let entry = inbox.entry(id).await.unwrap().unwrap();
    assert_eq!(entry.state, EntryState::Held);
    assert_eq!(entry.ambiguous, ["payment.description"]);
    assert!(entry.change.is_nothing());
    assert_eq!(inbox.payment(body.project_id(), &body.payment_id()).await.unwrap(), None);
    assert!(!ids(&claim(&*inbox, 10).await).contains(&id));

    assert_eq!(inbox.release(id, &body.answer()).await.unwrap(), Release::Released);
    let payment = inbox.payment(body.project_id(), &body.payment_id()).await.unwrap().unwrap();
    assert_eq!(payment.status(), Some(&PaymentStatus::Success));
    let delivery = claim(&*inbox, 10).await.pop().unwrap();
    assert_eq!(delivery.id, id);
    assert!(delivery.change.moved_to(&PaymentStatus::Success));
    assert_eq!(inbox.release(id, &body.answer()).await.unwrap(), Release::NotHeld);
    // From here on the callback is known.
    let again = inbox.accept(&body.clone().described("plain").verified()).await.unwrap();
    assert!(matches!(again, Accepted::SameOperation { first, .. } if first == id));
}

pub async fn what_gate_does_not_confirm_stays_held(stage: &dyn Stage) {
    let inbox = stage.open(clock()).await;
    let body = Body::new("X1", 1, "success").doubtful();
    let Accepted::Held(id) = inbox.accept(&body.verified()).await.unwrap() else {
        panic!("not held")
    };
    let table = [
        (Body { project: 1, ..body.clone() }, "project_id"),
        (Body { payment: "X2".to_owned(), ..body.clone() }, "payment.id"),
        (Body { status: "decline", ..body.clone() }, "payment.status"),
        (Body { amount: 1, ..body.clone() }, "payment.sum"),
        (Body { kind: "payout", ..body.clone() }, "operation.type"),
        (Body { operation_status: "decline", ..body.clone() }, "operation.status"),
        (Body { status: "refunded", amount: 1, ..body.clone() }, "operation.sum_initial"),
    ];
    for (other, path) in table {
        let release = inbox.release(id, &other.answer()).await.unwrap();
        assert_eq!(release, Release::Disagrees(path));
        assert_eq!(state(&*inbox, id).await, EntryState::Held);
    }
    // Gate's status is older than the callback's, or Gate does not know the payment: no
    // contradiction yet.
    let table = [
        (Body { status: "processing", ..body.clone() }, "payment.status"),
        (Body { status: "gone fishing", ..body.clone() }, "payment.status"),
        (Body { operation_status: "processing", ..body.clone() }, "operation.status"),
        (Body { operation_status: "gone fishing", ..body.clone() }, "operation.status"),
        (Body { operation: 2, ..body.clone() }, "operation.id"),
        (Body { operation: 2, ..Body::new("X1", 1, "decline") }, "operation.id"),
    ];
    for (other, path) in table {
        let release = inbox.release(id, &other.answer()).await.unwrap();
        assert_eq!(release, Release::Undecided(path), "{other:?}");
        assert_eq!(state(&*inbox, id).await, EntryState::Held);
    }
    assert_eq!(inbox.payment(body.project_id(), &body.payment_id()).await.unwrap(), None);
    assert_eq!(
        inbox.release(EntryId::new(999_999), &body.answer()).await.unwrap(),
        Release::NotHeld
    );
    // Refunded since: the operation of the callback decides alone.
    let since = Body { status: "refunded", ..body.clone() };
    assert_eq!(inbox.release(id, &since.answer()).await.unwrap(), Release::Released);
}

pub async fn a_held_callback_whose_meaning_came_otherwise_is_not_handled(stage: &dyn Stage) {
    let inbox = stage.open(clock()).await;
    let body = Body::new("X1", 1, "success");
    let Accepted::Held(held) = inbox.accept(&body.clone().doubtful().verified()).await.unwrap()
    else {
        panic!("not held")
    };
    let plain = accept_new(&*inbox, &body).await;
    assert_eq!(inbox.release(held, &body.answer()).await.unwrap(), Release::Repeated);
    assert_eq!(state(&*inbox, held).await, EntryState::Repeated);
    assert_eq!(ids(&claim(&*inbox, 10).await), [plain]);
}

pub async fn bodies_are_removed_and_what_is_left_still_tells(stage: &dyn Stage) {
    let clock = clock();
    let inbox = stage.open(clock.clone()).await;
    let body = Body::new("X1", 1, "success");
    let done = accept_new(&*inbox, &body).await;
    let again = body.clone().described("in other words");
    let Accepted::SameOperation { id: repeated, .. } =
        inbox.accept(&again.verified()).await.unwrap()
    else {
        panic!("not repeated")
    };
    let delivery = claim(&*inbox, 10).await.pop().unwrap();
    inbox.finish(&delivery, Finish::Done).await.unwrap();
    let waiting = accept_new(&*inbox, &Body::new("X2", 1, "success")).await;
    clock.advance(Duration::from_secs(100));
    let late = accept_new(&*inbox, &Body::new("X3", 1, "success")).await;
    for delivery in claim(&*inbox, 10).await {
        if delivery.id == late {
            inbox.finish(&delivery, Finish::Done).await.unwrap();
        }
    }
    let before = Timestamp::from_unix_seconds(1_700_000_050).unwrap();
    assert_eq!(inbox.remove_bodies(before).await.unwrap(), 2);
    assert_eq!(inbox.remove_bodies(before).await.unwrap(), 0);
    for (id, kept) in [(done, false), (repeated, false), (waiting, true), (late, true)] {
        assert_eq!(inbox.entry(id).await.unwrap().unwrap().raw.is_some(), kept, "{id}");
    }
    assert!(!inbox.replay(done).await.unwrap());
    assert_eq!(inbox.accept(&body.verified()).await.unwrap(), Accepted::Repeated(done));
    assert_eq!(inbox.accept(&again.verified()).await.unwrap(), Accepted::Repeated(repeated));
}

pub async fn entries_are_listed_by_what_they_are(stage: &dyn Stage) {
    let inbox = stage.open(clock()).await;
    let mut all = Vec::new();
    for operation in 0..5 {
        let project = if operation % 2 == 0 { 1 } else { 1236 };
        let body = Body { project, ..Body::new("X1", operation, "processing") };
        all.push(accept_new(&*inbox, &body).await);
    }
    let first = claim(&*inbox, 1).await.pop().unwrap();
    inbox.finish(&first, Finish::Done).await.unwrap();
    let body = Body::new("X1", 0, "processing");
    let list = async |query: Query| {
        let entries = inbox.entries(&query).await.unwrap();
        assert!(entries.iter().all(|entry| entry.raw.is_none()));
        entries.iter().map(|entry| entry.id).collect::<Vec<_>>()
    };
    all.reverse();
    assert_eq!(list(Query::default()).await, all);
    let page = Query { before: Some(all[1]), limit: Some(2), ..Query::default() };
    assert_eq!(list(page).await, all[2..4]);
    let done = Query { state: Some(EntryState::Done), ..Query::default() };
    assert_eq!(list(done).await, [first.id]);
    let of_project = Query { project: Some(body.project_id()), ..Query::default() };
    assert_eq!(list(of_project.clone()).await, [all[1], all[3]]);
    // The same id in two projects is two payments.
    let of_id = Query { payment: Some(body.payment_id()), ..Query::default() };
    assert_eq!(list(of_id.clone()).await, all);
    let of_payment = Query { payment: of_id.payment, ..of_project };
    assert_eq!(list(of_payment).await, [all[1], all[3]]);
    let other_payment = Query { payment: Some("X9".parse().unwrap()), ..Query::default() };
    assert_eq!(list(other_payment).await, []);
    assert_eq!(list(Query { limit: Some(0), ..Query::default() }).await, []);
}

pub async fn stats_count_what_is_there(stage: &dyn Stage) {
    let clock = clock();
    let inbox = stage.open(clock.clone()).await;
    let stats = inbox.stats().await.unwrap();
    assert_eq!(stats, crate::Stats::default());
    for number in 1..=4 {
        accept_new(&*inbox, &Body::new(format!("X{number}"), 1, "success")).await;
        clock.advance(Duration::from_secs(1));
    }
    let doubtful = Body::new("X9", 1, "success").doubtful();
    inbox.accept(&doubtful.verified()).await.unwrap();
    inbox.accept(&Body::new("X1", 1, "success").described("again").verified()).await.unwrap();
    let deliveries = claim(&*inbox, 2).await;
    inbox.finish(&deliveries[0], Finish::Done).await.unwrap();
    inbox.finish(&deliveries[1], Finish::Dead { error: "no".to_owned() }).await.unwrap();
    let stats = inbox.stats().await.unwrap();
    assert_eq!((stats.waiting, stats.done, stats.dead), (2, 1, 1));
    assert_eq!((stats.held, stats.repeated, stats.payments), (1, 1, 5));
    assert_eq!(stats.oldest_waiting.unwrap().unix_seconds(), 1_700_000_002);
}

pub async fn many_who_accept_the_same_make_one(stage: &dyn Stage) {
    let replicas =
        [stage.open(Arc::new(SystemClock)).await, stage.open(Arc::new(SystemClock)).await];
    let mut tasks = JoinSet::new();
    for number in 0..64 {
        let inbox = replicas[number % 2].clone();
        // Eight contents, each in two wordings.
        let body = Body::new(format!("X{}", number % 2), (number / 2 % 4) as u64, "success")
            .described(format!("wording {}", number / 8 % 2));
        tasks.spawn(async move { inbox.accept(&body.verified()).await.unwrap() });
    }
    let accepted = tasks.join_all().await;
    let count = |wanted: fn(&Accepted) -> bool| accepted.iter().filter(|a| wanted(a)).count();
    assert_eq!(count(|accepted| matches!(accepted, Accepted::New(_))), 8);
    assert_eq!(count(|accepted| matches!(accepted, Accepted::SameOperation { .. })), 8);
    assert_eq!(count(|accepted| matches!(accepted, Accepted::Repeated(_))), 48);
    let stats = replicas[0].stats().await.unwrap();
    assert_eq!((stats.waiting, stats.repeated, stats.payments), (8, 8, 2));
}

pub async fn many_who_claim_never_share(stage: &dyn Stage) {
    let replicas =
        [stage.open(Arc::new(SystemClock)).await, stage.open(Arc::new(SystemClock)).await];
    for number in 0..60 {
        let body = Body::new(format!("X{}", number % 20), number, "processing");
        accept_new(&*replicas[0], &body).await;
    }
    let taken = Arc::new(Mutex::new(Vec::new()));
    let running = Arc::new(Mutex::new(BTreeSet::new()));
    let mut tasks = JoinSet::new();
    for number in 0..6 {
        let (inbox, taken, running) =
            (replicas[number % 2].clone(), taken.clone(), running.clone());
        tasks.spawn(async move {
            while taken.lock().unwrap().len() < 60 {
                for delivery in claim(&*inbox, 3).await {
                    let payment = delivery.callback.payment_id().unwrap().clone();
                    assert!(running.lock().unwrap().insert(payment.clone()), "two of one payment");
                    tokio::task::yield_now().await;
                    running.lock().unwrap().remove(&payment);
                    assert!(inbox.finish(&delivery, Finish::Done).await.unwrap());
                    taken.lock().unwrap().push((payment, delivery.id));
                }
            }
        });
    }
    timeout(Duration::from_mins(1), tasks.join_all()).await.unwrap();
    let taken = taken.lock().unwrap();
    assert_eq!(taken.iter().map(|(_, id)| id).collect::<BTreeSet<_>>().len(), 60);
    for number in 0..20 {
        let payment = format!("X{number}").parse().unwrap();
        let of_one = taken.iter().filter(|(other, _)| *other == payment).map(|(_, id)| id);
        assert!(of_one.is_sorted(), "out of order");
    }
}

pub async fn a_dropped_accept_happened_whole_or_not_at_all(stage: &dyn Stage) {
    let inbox = stage.open(Arc::new(SystemClock)).await;
    for number in 0..100 {
        let callback = Body::new(format!("X{number}"), 1, "success").verified();
        let patience = Duration::from_micros(number * 20);
        let _ = timeout(patience, inbox.accept(&callback)).await;
    }
    // Later callbacks are unaffected, and each accepted one is complete.
    let last = accept_new(&*inbox, &Body::new("last", 1, "success")).await;
    let all = Query { limit: Some(1000), ..Query::default() };
    let entries = inbox.entries(&all).await.unwrap();
    // One that was dropped may be written after it, with a greater number.
    assert!(entries.iter().any(|entry| entry.id == last));
    for entry in entries {
        let payment = entry.payment.unwrap();
        assert!(inbox.payment(entry.project, &payment).await.unwrap().is_some());
        assert!(inbox.entry(entry.id).await.unwrap().unwrap().raw.is_some());
    }
    let mut handled = 0;
    loop {
        let deliveries = claim(&*inbox, 7).await;
        if deliveries.is_empty() {
            break;
        }
        for delivery in deliveries {
            assert!(inbox.finish(&delivery, Finish::Done).await.unwrap());
            handled += 1;
        }
    }
    assert_eq!(inbox.stats().await.unwrap().done, handled);
}

/// Records its deliveries, and fails as often as configured.
#[derive(Default)]
struct Scribe {
    handled: Mutex<Vec<(String, EntryId, u32)>>,
    fails: AtomicU32,
}

#[async_trait]
impl Handler for Scribe {
    async fn handle(&self, delivery: &Delivery) -> Result<(), HandlerError> {
        let payment = delivery.callback.payment_id().unwrap().to_string();
        self.handled.lock().unwrap().push((payment, delivery.id, delivery.attempt));
        let fails = self.fails.load(Ordering::SeqCst);
        if delivery.attempt <= fails { Err("configured to fail".into()) } else { Ok(()) }
    }
}

pub(super) async fn until(inbox: &dyn Inbox, done: impl Fn(&crate::Stats) -> bool) {
    let waited = async {
        while !done(&inbox.stats().await.unwrap()) {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(30), waited).await.unwrap();
}

pub async fn a_worker_handles_everything_in_order(stage: &dyn Stage) {
    let inbox = stage.open(Arc::new(SystemClock)).await;
    let scribe = Arc::new(Scribe::default());
    let worker = Worker::new(inbox.clone(), scribe.clone()).concurrency(4);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(async move { worker.run(async { drop(stopped.await) }).await });
    for number in 0..100 {
        accept_new(&*inbox, &Body::new(format!("X{}", number % 9), number, "processing")).await;
    }
    until(&*inbox, |stats| stats.done == 100).await;
    stop.send(()).unwrap();
    running.await.unwrap();
    let handled = scribe.handled.lock().unwrap();
    assert_eq!(handled.len(), 100);
    for number in 0..9 {
        let of_one = handled.iter().filter(|(payment, ..)| *payment == format!("X{number}"));
        assert!(of_one.map(|(_, id, _)| id).is_sorted());
    }
}

pub async fn a_worker_retries_and_gives_up(stage: &dyn Stage) {
    let inbox = stage.open(Arc::new(SystemClock)).await;
    let scribe = Arc::new(Scribe::default());
    scribe.fails.store(2, Ordering::SeqCst);
    let pause = Duration::from_millis(10);
    let run = async |attempts| {
        let worker = Worker::new(inbox.clone(), scribe.clone())
            .attempts(attempts)
            .pauses(pause, pause)
            .poll(pause);
        worker.run(until(&*inbox, |stats| stats.waiting == 0)).await;
    };
    let good = accept_new(&*inbox, &Body::new("X1", 1, "success")).await;
    run(3).await;
    assert_eq!(state(&*inbox, good).await, EntryState::Done);
    let bad = accept_new(&*inbox, &Body::new("X2", 1, "success")).await;
    run(2).await;
    let entry = inbox.entry(bad).await.unwrap().unwrap();
    assert_eq!((entry.state, entry.attempts), (EntryState::Dead, 2));
    assert_eq!(entry.error.as_deref(), Some("configured to fail"));
    let attempts: Vec<u32> = scribe.handled.lock().unwrap().iter().map(|(.., a)| *a).collect();
    assert_eq!(attempts, [1, 2, 3, 1, 2]);
}

pub async fn a_handler_that_panics_or_hangs_has_failed(stage: &dyn Stage) {
    struct Bad;

    #[async_trait]
    impl Handler for Bad {
        async fn handle(&self, delivery: &Delivery) -> Result<(), HandlerError> {
            assert!(delivery.callback.payment_id().unwrap().as_str() != "panics", "sentinel");
            std::future::pending().await
        }
    }

    let inbox = stage.open(Arc::new(SystemClock)).await;
    let panics = accept_new(&*inbox, &Body::new("panics", 1, "success")).await;
    let hangs = accept_new(&*inbox, &Body::new("hangs", 1, "success")).await;
    let worker = Worker::new(inbox.clone(), Bad).attempts(1).lease(Duration::from_secs(3));
    worker.run(until(&*inbox, |stats| stats.dead == 2)).await;
    for (id, error) in [
        (panics, "the handler panicked"),
        (hangs, "the handler took longer than 2.7s, nine tenths of `Worker::lease`"),
    ] {
        assert_eq!(inbox.entry(id).await.unwrap().unwrap().error.as_deref(), Some(error));
    }
}

pub async fn a_worker_that_stops_lets_handlers_end(stage: &dyn Stage) {
    struct Slow(tokio::sync::Semaphore);

    #[async_trait]
    impl Handler for Slow {
        async fn handle(&self, _: &Delivery) -> Result<(), HandlerError> {
            self.0.add_permits(1);
            sleep(Duration::from_millis(200)).await;
            Ok(())
        }
    }

    let inbox = stage.open(Arc::new(SystemClock)).await;
    let slow = Arc::new(Slow(tokio::sync::Semaphore::new(0)));
    let id = accept_new(&*inbox, &Body::new("X1", 1, "success")).await;
    let later = accept_new(&*inbox, &Body::new("X1", 2, "refunded")).await;
    let worker = Worker::new(inbox.clone(), slow.clone());
    worker.run(async { drop(slow.0.acquire().await) }).await;
    assert_eq!(state(&*inbox, id).await, EntryState::Done);
    assert_eq!(state(&*inbox, later).await, EntryState::Waiting);
}

pub async fn random_histories_end_as_in_the_model(stage: &dyn Stage) {
    model::compare(stage, fastrand::u64(..), 1500).await;
}
