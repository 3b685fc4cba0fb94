//! Held callbacks, and the worker that confirms them by Gate: one function for each promise.

#![expect(missing_docs, reason = "a test's name says what it is about")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use ecp_core::model::{PaymentStatus, VerifiedStatus};
use ecp_core::{PaymentId, ProjectId, SystemClock};

use super::suite::{accept_new, claim, ids, state, until};
use super::{Body, Stage, clock};
use crate::entry::{Claim, ClaimedHeld, Delivery, EntryId, EntryState, Finish};
use crate::hold::Hold;
use crate::inbox::{Accepted, Inbox, Release};
use crate::questions::{Confirm, Questions};
use crate::worker::{Handler, HandlerError, Worker};

const LEASE: Duration = Duration::from_secs(30);
const LATER: Duration = Duration::from_secs(100);

async fn accept_held(inbox: &dyn Inbox, body: &Body) -> EntryId {
    match inbox.accept(&body.verified()).await.unwrap() {
        Accepted::Held(id) => id,
        other => panic!("{other:?}"),
    }
}

async fn questions(inbox: &dyn Inbox, limit: usize) -> ClaimedHeld {
    let claim = Claim::new(limit, LEASE).attempts(20);
    inbox.claim_held(&claim).await.unwrap()
}

fn asked(claimed: &ClaimedHeld) -> Vec<EntryId> {
    assert_eq!(claimed.given_up, []);
    claimed.questions.iter().map(|question| question.id).collect()
}

pub async fn every_final_is_held_where_that_is_the_policy(stage: &dyn Stage) {
    let inbox = stage.open_holding(clock(), Hold::Finals).await;
    for status in ["processing", "awaiting redirect result", "gone fishing"] {
        accept_new(&*inbox, &Body::new("open", 1, status)).await;
    }
    for status in ["success", "decline", "refunded", "error", "canceled"] {
        accept_held(&*inbox, &Body::new("ended", 1, status)).await;
    }
    // An operation that ended, whatever the payment's status: a declined refund, a first success.
    for (payment, operation) in [("success", "decline"), ("processing", "success")] {
        let body = Body { operation_status: operation, ..Body::new("parts", 1, payment) };
        accept_held(&*inbox, &body).await;
    }
    let numberless = r#"{"project_id":1236,"payment":{"id":"numberless","status":"processing"},
        "operation":{"type":"sale","status":"success"}}"#;
    let accepted = inbox.accept(&super::verified(numberless)).await.unwrap();
    assert!(matches!(accepted, Accepted::Held(_)), "{accepted:?}");

    // A callback that was known before the policy changed repeats as before.
    let other = stage.open(clock()).await;
    let plain = accept_new(&*other, &Body::new("plain", 1, "success")).await;
    let again = Body::new("plain", 1, "success").described("again").verified();
    let accepted = inbox.accept(&again).await.unwrap();
    assert!(matches!(accepted, Accepted::SameOperation { first, .. } if first == plain));
}

pub async fn one_question_of_a_payment_is_out_at_a_time(stage: &dyn Stage) {
    let clock = clock();
    let inbox = stage.open_holding(clock.clone(), Hold::Finals).await;
    let other_replica = stage.open(clock.clone()).await;
    let first = accept_held(&*inbox, &Body::new("X1", 1, "success")).await;
    let second = accept_held(&*inbox, &Body::new("X1", 2, "refunded")).await;
    let third = accept_held(&*inbox, &Body::new("X2", 3, "success")).await;
    assert_eq!(asked(&questions(&*inbox, 1).await), [first]);
    let claimed = questions(&*other_replica, 10).await;
    assert_eq!(asked(&claimed), [third]);
    let question = &claimed.questions[0];
    assert_eq!((question.attempt, question.payment.as_str()), (1, "X2"));
    assert_eq!(asked(&questions(&*inbox, 10).await), []);
    // Meanwhile it is not handled and moves no state.
    assert_eq!(claim(&*inbox, 10).await.len(), 0);
    let body = Body::new("X1", 1, "success");
    assert_eq!(inbox.payment(body.project_id(), &body.payment_id()).await.unwrap(), None);

    assert_eq!(inbox.release(first, &body.answer()).await.unwrap(), Release::Released);
    let entry = inbox.entry(first).await.unwrap().unwrap();
    assert_eq!((entry.state, entry.attempts, entry.error), (EntryState::Waiting, 0, None));
    let claimed = questions(&*inbox, 10).await;
    assert_eq!(asked(&claimed), [second]);
    assert_eq!(ids(&claim(&*inbox, 10).await), [first]);

    // The claiming process is gone: others claim when the lease is over, also after a restart.
    clock.advance(LEASE);
    let restarted = stage.open(clock.clone()).await;
    let again = questions(&*restarted, 10).await;
    assert_eq!(asked(&again), [second, third]);
    assert_eq!(again.questions[0].attempt, 2);
    let lost = &claimed.questions[0];
    assert!(!inbox.postpone(lost, Some(LATER), "too late").await.unwrap());
    assert_eq!(inbox.entry(second).await.unwrap().unwrap().error, None);
}

pub async fn a_question_that_decides_nothing_is_asked_again(stage: &dyn Stage) {
    let clock = clock();
    let inbox = stage.open(clock.clone()).await;
    let body = Body::new("X1", 1, "success").doubtful();
    let id = accept_held(&*inbox, &body).await;
    let question = questions(&*inbox, 10).await.questions.pop().unwrap();
    let lagging = Body { operation_status: "processing", status: "processing", ..body.clone() };
    let undecided = Release::Undecided("payment.status");
    assert_eq!(inbox.release(id, &lagging.answer()).await.unwrap(), undecided);
    assert!(inbox.postpone(&question, Some(LATER), "not\0yet").await.unwrap());
    assert!(!inbox.postpone(&question, Some(LATER), "again").await.unwrap());
    let entry = inbox.entry(id).await.unwrap().unwrap();
    assert_eq!((entry.state, entry.attempts), (EntryState::Held, 1));
    assert_eq!(entry.error.as_deref(), Some("not yet"));
    assert_eq!(entry.due.unwrap().unix_seconds(), 1_700_000_100);
    assert_eq!(inbox.stats().await.unwrap().unconfirmed, 0);

    clock.advance(Duration::from_millis(99_999));
    assert_eq!(asked(&questions(&*inbox, 10).await), []);
    clock.advance(Duration::from_millis(1));
    let question = questions(&*inbox, 10).await.questions.pop().unwrap();
    assert_eq!((question.id, question.attempt), (id, 2));
    assert!(inbox.postpone(&question, None, "never").await.unwrap());
    clock.advance(LATER * 1000);
    assert_eq!(asked(&questions(&*inbox, 10).await), []);
    let stats = inbox.stats().await.unwrap();
    assert_eq!((stats.held, stats.unconfirmed), (1, 1));
    assert_eq!(stats.oldest_held.unwrap().unix_seconds(), 1_700_000_000);
    // A person can still release it.
    assert_eq!(inbox.release(id, &body.answer()).await.unwrap(), Release::Released);
    let entry = inbox.entry(id).await.unwrap().unwrap();
    assert_eq!((entry.state, entry.attempts, entry.error), (EntryState::Waiting, 0, None));
}

pub async fn a_contradiction_ends_the_questions(stage: &dyn Stage) {
    let clock = clock();
    let inbox = stage.open_holding(clock.clone(), Hold::Finals).await;
    let forged = Body::new("X1", 1, "success");
    let id = accept_held(&*inbox, &forged).await;
    let genuine = Body::new("X1", 1, "decline");
    let question = questions(&*inbox, 10).await.questions.pop().unwrap();
    let disagrees = Release::Disagrees("payment.status");
    assert_eq!(inbox.release(id, &genuine.answer()).await.unwrap(), disagrees);
    assert!(!inbox.postpone(&question, Some(LATER), "no").await.unwrap());
    let entry = inbox.entry(id).await.unwrap().unwrap();
    assert_eq!((entry.state, entry.due), (EntryState::Held, None));
    assert_eq!(
        entry.error.as_deref(),
        Some("Gate contradicts the callback: `payment.status` differs")
    );
    let stats = inbox.stats().await.unwrap();
    assert_eq!((stats.held, stats.unconfirmed), (1, 1));
    // It does not block other callbacks of its payment.
    let other = accept_held(&*inbox, &genuine).await;
    assert_eq!(asked(&questions(&*inbox, 10).await), [other]);
    assert_eq!(inbox.release(other, &genuine.answer()).await.unwrap(), Release::Released);
    let payment = inbox.payment(forged.project_id(), &forged.payment_id()).await.unwrap();
    assert_eq!(payment.unwrap().status(), Some(&PaymentStatus::Decline));
    // A held callback that was contradicted before any status request is not claimed either.
    let early = accept_held(&*inbox, &Body::new("X3", 1, "success")).await;
    let contrary = Body::new("X3", 1, "decline").answer();
    assert_eq!(inbox.release(early, &contrary).await.unwrap(), disagrees);
    assert_eq!(asked(&questions(&*inbox, 10).await), []);
}

pub async fn questions_that_never_end_are_bounded(stage: &dyn Stage) {
    let clock = clock();
    let inbox = stage.open(clock.clone()).await;
    let id = accept_held(&*inbox, &Body::new("X1", 1, "success").doubtful()).await;
    let claim = Claim::new(10, LEASE).attempts(2);
    for _ in 0..2 {
        assert_eq!(asked(&inbox.claim_held(&claim).await.unwrap()), [id]);
        clock.advance(LEASE);
    }
    let claimed = inbox.claim_held(&claim).await.unwrap();
    assert_eq!((claimed.questions.len(), claimed.given_up), (0, vec![id]));
    let entry = inbox.entry(id).await.unwrap().unwrap();
    assert_eq!((entry.state, entry.attempts, entry.due), (EntryState::Held, 2, None));
    assert!(entry.error.is_some());
    clock.advance(LEASE);
    let claimed = inbox.claim_held(&claim).await.unwrap();
    assert_eq!((claimed.questions.len(), claimed.given_up.len()), (0, 0));
}

/// A payment's statuses at Gate, one for each request; the last one stays.
#[derive(Default)]
struct Answers {
    of: BTreeMap<&'static str, Vec<Result<Body, &'static str>>>,
    asked: Mutex<Vec<String>>,
}

#[async_trait]
impl Confirm for Arc<Answers> {
    async fn status(
        &self,
        _: ProjectId,
        payment: &PaymentId,
    ) -> Result<VerifiedStatus, HandlerError> {
        let before = {
            let mut asked = self.asked.lock().unwrap();
            let before = asked.iter().filter(|other| *other == payment.as_str()).count();
            asked.push(payment.to_string());
            before
        };
        // Long enough for another worker to send a request as well, if it could.
        tokio::time::sleep(Duration::from_millis(20)).await;
        let answers = &self.of[payment.as_str()];
        let answer = answers.get(before).or_else(|| answers.last()).unwrap();
        assert!(!matches!(answer, Err("panic")), "sentinel");
        Ok(answer.clone()?.answer())
    }
}

/// Records the handled callbacks.
#[derive(Default)]
struct Handled(Mutex<Vec<EntryId>>);

#[async_trait]
impl Handler for Handled {
    async fn handle(&self, delivery: &Delivery) -> Result<(), HandlerError> {
        self.0.lock().unwrap().push(delivery.id);
        Ok(())
    }
}

pub async fn workers_ask_gate_and_handle_what_it_confirms(stage: &dyn Stage) {
    let replica = async || stage.open_holding(Arc::new(SystemClock), Hold::Finals).await;
    let (inbox, other) = (replica().await, replica().await);
    let sold = |payment: &'static str| Body::new(payment, 1, "success");
    let lagging =
        |body: Body| Body { status: "processing", operation_status: "processing", ..body };
    let declined = Body::new("forged", 1, "decline");
    let of = [
        ("plain", vec![Ok(sold("plain"))]),
        (
            "lags",
            vec![
                Ok(lagging(sold("lags"))),
                Ok(Body { operation: 9, ..sold("lags") }),
                Ok(sold("lags")),
            ],
        ),
        ("away", vec![Err("the cable is out"), Err("panic"), Ok(sold("away"))]),
        ("forged", vec![Ok(declined)]),
        ("never", vec![Ok(lagging(sold("never")))]),
    ];
    let answers = Arc::new(Answers { of: of.into(), ..Answers::default() });
    let mut held = BTreeMap::new();
    for payment in answers.of.keys() {
        held.insert(*payment, accept_held(&*inbox, &sold(payment)).await);
    }
    let handled = Arc::new(Handled::default());
    let pause = Duration::from_millis(10);
    let worker = |inbox: Arc<dyn Inbox>| {
        let questions = Questions::new(answers.clone()).attempts(5).pauses(pause, pause);
        Worker::new(inbox, handled.clone()).poll(pause).questions(questions)
    };
    let (one, two) = (worker(inbox.clone()), worker(other));
    let ended = || until(&*inbox, |stats| stats.done == 3 && stats.unconfirmed == 2);
    tokio::join!(one.run(ended()), two.run(ended()));

    let mut done = handled.0.lock().unwrap().clone();
    done.sort();
    let mut confirmed = ["plain", "lags", "away"].map(|payment| held[payment]);
    confirmed.sort();
    assert_eq!(done, confirmed);
    let times = |payment: &str| {
        answers.asked.lock().unwrap().iter().filter(|other| *other == payment).count()
    };
    let table = [("plain", 1), ("lags", 3), ("away", 3), ("forged", 1), ("never", 5)];
    for (payment, expected) in table {
        assert_eq!(times(payment), expected, "{payment}");
    }
    for (payment, reason) in [
        ("forged", "Gate contradicts the callback: `payment.status` differs"),
        ("never", "Gate has not decided `payment.status` yet"),
    ] {
        let entry = inbox.entry(held[payment]).await.unwrap().unwrap();
        assert_eq!((entry.state, entry.error.as_deref()), (EntryState::Held, Some(reason)));
        let payment = inbox.payment(entry.project, &entry.payment.unwrap()).await.unwrap();
        assert_eq!(payment, None);
    }
    assert_eq!(state(&*inbox, held["plain"]).await, EntryState::Done);
}

pub async fn a_released_callback_keeps_its_place(stage: &dyn Stage) {
    let clock = clock();
    let inbox = stage.open(clock.clone()).await;
    let body = Body::new("X1", 1, "success").doubtful();
    let held = accept_held(&*inbox, &body).await;
    let later = accept_new(&*inbox, &Body::new("X1", 2, "refunded")).await;
    // It does not block the others, and once released it comes before waiting ones.
    let delivery = claim(&*inbox, 1).await.pop().unwrap();
    assert_eq!(delivery.id, later);
    let failed = Finish::Retry { after: Duration::ZERO, error: "no".to_owned() };
    assert!(inbox.finish(&delivery, failed).await.unwrap());
    let since = Body { status: "refunded", ..body.clone() };
    assert_eq!(inbox.release(held, &since.answer()).await.unwrap(), Release::Released);
    let delivery = claim(&*inbox, 10).await.pop().unwrap();
    assert_eq!(delivery.id, held);
    // It does not move a state that is past it.
    assert_eq!(delivery.payment.unwrap().status(), Some(&PaymentStatus::Refunded));
    assert!(!delivery.change.moved_to(&PaymentStatus::Success));
}
