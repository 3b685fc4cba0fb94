//! Clocks that are set back: one function for each promise.

#![expect(missing_docs, reason = "a test's name says what it is about")]

use std::time::Duration;

use ecp_core::SteppedClock;

use super::suite::{accept_new, claim, ids};
use super::{Body, Stage, clock};
use crate::entry::{Claim, EntryId, Finish};
use crate::inbox::{Accepted, Inbox};

const LEASE: Duration = Duration::from_secs(30);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// One waiting callback of each kind.
struct Waiting {
    fresh: EntryId,
    replayed: EntryId,
    failed: EntryId,
    leased: EntryId,
    held: EntryId,
}

async fn fill(inbox: &dyn Inbox, round: u64) -> Waiting {
    let body = |payment: &str| Body::new(payment, round, "success");
    let failed = accept_new(inbox, &body("failed")).await;
    let delivery = claim(inbox, 10).await.pop().unwrap();
    let retry = Finish::Retry { after: HOUR, error: "no".to_owned() };
    assert!(inbox.finish(&delivery, retry).await.unwrap());
    let replayed = accept_new(inbox, &body("replayed")).await;
    let delivery = claim(inbox, 10).await.pop().unwrap();
    assert!(inbox.finish(&delivery, Finish::Done).await.unwrap());
    let leased = accept_new(inbox, &body("leased")).await;
    assert_eq!(ids(&claim(inbox, 10).await), [leased]);
    let Accepted::Held(held) = inbox.accept(&body("held").doubtful().verified()).await.unwrap()
    else {
        panic!("not held")
    };
    let question = questions(inbox).await.pop().unwrap();
    assert!(inbox.postpone(&question.1, Some(HOUR), "no").await.unwrap());
    let fresh = accept_new(inbox, &body("fresh")).await;
    assert!(inbox.replay(replayed).await.unwrap());
    Waiting { fresh, replayed, failed, leased, held }
}

async fn questions(inbox: &dyn Inbox) -> Vec<(EntryId, crate::Question)> {
    let claim = Claim::new(10, LEASE).attempts(20);
    let claimed = inbox.claim_held(&claim).await.unwrap();
    claimed.questions.into_iter().map(|question| (question.id, question)).collect()
}

async fn claimed(inbox: &dyn Inbox) -> Vec<EntryId> {
    let mut claimed = ids(&claim(inbox, 10).await);
    claimed.sort();
    claimed
}

/// Everything is due within a lease, and callbacks being handled keep their lease.
async fn is_delayed_by_a_lease(inbox: &dyn Inbox, clock: &SteppedClock, waiting: &Waiting) {
    let mut at_once = [waiting.fresh, waiting.replayed];
    at_once.sort();
    assert_eq!(claimed(inbox).await, at_once);
    assert_eq!(questions(inbox).await.len(), 0);
    clock.advance(Duration::from_millis(29_999));
    assert_eq!(claimed(inbox).await, []);
    clock.advance(Duration::from_millis(1));
    let found = claimed(inbox).await;
    for id in [waiting.failed, waiting.leased] {
        assert!(found.contains(&id), "{id} still waits");
    }
    let asked: Vec<EntryId> = questions(inbox).await.into_iter().map(|(id, _)| id).collect();
    assert_eq!(asked, [waiting.held]);
}

pub async fn a_clock_that_is_set_back_delays_by_a_lease_at_most(stage: &dyn Stage) {
    let clock = clock();
    let inbox = stage.open(clock.clone()).await;
    for (round, back) in [(1, HOUR / 2), (2, DAY)] {
        let waiting = fill(&*inbox, round).await;
        clock.set_back(back);
        is_delayed_by_a_lease(&*inbox, &clock, &waiting).await;
        empty(&*inbox, &clock).await;
    }
}

pub async fn a_clock_that_is_set_back_between_two_starts_delays_by_a_lease_at_most(
    stage: &dyn Stage,
) {
    let clock = clock();
    let before = stage.open(clock.clone()).await;
    let waiting = fill(&*before, 1).await;
    drop(before);
    clock.set_back(DAY);
    let inbox = stage.open(clock.clone()).await;
    is_delayed_by_a_lease(&*inbox, &clock, &waiting).await;
}

pub async fn a_pause_is_kept_while_nobody_sets_the_clock_back(stage: &dyn Stage) {
    let clock = clock();
    let inbox = stage.open(clock.clone()).await;
    let waiting = fill(&*inbox, 1).await;
    assert_eq!(claimed(&*inbox).await.len(), 2);
    let at = |id| {
        let inbox = inbox.clone();
        async move { inbox.entry(id).await.unwrap().unwrap().due.unwrap().unix_seconds() }
    };
    for _ in 0..10 {
        // Set back by less than a lease, the allowed difference between clocks.
        clock.set_back(Duration::from_secs(1));
        clock.advance(LEASE);
        let restarted = stage.open(clock.clone()).await;
        claimed(&*restarted).await;
        claimed(&*inbox).await;
        assert_eq!(questions(&*restarted).await.len(), 0);
        assert_eq!(at(waiting.failed).await, 1_700_003_600);
        assert_eq!(at(waiting.held).await, 1_700_003_600);
    }
    clock.advance(HOUR);
    assert!(claimed(&*inbox).await.contains(&waiting.failed));
}

/// Finishes the remaining callbacks, so that the next round has an empty store.
async fn empty(inbox: &dyn Inbox, clock: &SteppedClock) {
    clock.advance(DAY * 2);
    for delivery in claim(inbox, 100).await {
        assert!(inbox.finish(&delivery, Finish::Done).await.unwrap());
    }
    for (_, question) in questions(inbox).await {
        assert!(inbox.postpone(&question, None, "enough").await.unwrap());
    }
}
