//! Comparison of a store with a model of it, through a random history.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ecp_core::model::VerifiedStatus;
use ecp_core::{Clock, SteppedClock};
use fastrand::Rng;

use super::{Body, Stage, clock};
use crate::clock::now;
use crate::entry::{Claim, Delivery, EntryId, EntryState, Finish, Query, Version};
use crate::inbox::{Accepted, Inbox, Release};
use crate::state::{PaymentState, StatusUpdate};

const LEASE: Duration = Duration::from_secs(10);

/// The simplest possible inbox.
#[derive(Default)]
struct Model {
    entries: BTreeMap<EntryId, Known>,
    meanings: BTreeMap<(String, u64, &'static str), EntryId>,
    payments: BTreeMap<String, PaymentState>,
    claims: u64,
}

struct Known {
    body: Body,
    state: EntryState,
    times: u32,
    attempts: u32,
    due: i64,
    /// The number of the last claim that reserved the callback for a worker; `None` if no claim
    /// did, or if its result is stored.
    lease: Option<u64>,
    has_raw: bool,
}

impl Model {
    fn meaning(body: &Body) -> (String, u64, &'static str) {
        (body.payment.clone(), body.operation, body.status)
    }

    fn apply(&mut self, body: &Body) {
        let update = StatusUpdate::of(&body.verified());
        self.payments.entry(body.payment.clone()).or_default().apply(&update);
    }

    fn accept(&mut self, body: &Body, accepted: Accepted, now: i64) {
        let same = |known: &Known| {
            known.body.payment == body.payment
                && known.body.operation == body.operation
                && known.body.status == body.status
                && known.body.description == body.description
        };
        if let Some((&id, known)) = self.entries.iter_mut().find(|(_, known)| same(known)) {
            assert_eq!(accepted, Accepted::Repeated(id));
            known.times += 1;
            return;
        }
        let doubtful = body.description.contains(';') && body.status != "processing";
        let meaning = Self::meaning(body);
        let (id, state) = match (self.meanings.get(&meaning), accepted) {
            (Some(&known), Accepted::SameOperation { id, first }) => {
                assert_eq!(known, first);
                (id, EntryState::Repeated)
            }
            (None, Accepted::Held(id)) if doubtful => (id, EntryState::Held),
            (None, Accepted::New(id)) if !doubtful => {
                self.meanings.insert(meaning, id);
                self.apply(body);
                (id, EntryState::Waiting)
            }
            other => panic!("{other:?} for {body:?}"),
        };
        assert!(self.entries.keys().all(|&before| before < id), "ids grow");
        let body = body.clone();
        let known =
            Known { body, state, times: 1, attempts: 0, due: now, lease: None, has_raw: true };
        self.entries.insert(id, known);
    }

    /// Callbacks that may be claimed: at most one of each payment.
    fn claimable(&self, now: i64) -> BTreeSet<EntryId> {
        let waiting = |payment: &str| {
            let payment = payment.to_owned();
            self.entries.iter().filter(move |(_, known)| {
                known.state == EntryState::Waiting && known.body.payment == payment
            })
        };
        let claimable = self.payments.keys().filter_map(|payment| {
            let busy = waiting(payment).any(|(_, known)| known.lease.is_some() && known.due > now);
            let (&id, oldest) = waiting(payment).next()?;
            (!busy && oldest.due <= now).then_some(id)
        });
        claimable.collect()
    }

    fn of(&mut self, id: EntryId) -> &mut Known {
        self.entries.get_mut(&id).unwrap()
    }
}

/// Applies the same random operations to a store and to the model.
pub(super) async fn compare(stage: &dyn Stage, seed: u64, steps: usize) {
    println!("seed {seed}");
    let mut random = Rng::with_seed(seed);
    let clock = clock();
    let mut inbox = stage.open(clock.clone()).await;
    let mut model = Model::default();
    let mut taken: Vec<(Delivery, u64)> = Vec::new();
    for _ in 0..steps {
        match random.u32(..100) {
            0..40 => {
                let body = random_body(&mut random);
                let accepted = inbox.accept(&body.verified()).await.unwrap();
                model.accept(&body, accepted, now(&*clock));
            }
            40..60 => {
                taken.extend(claim(&*inbox, &mut model, random.usize(1..5), &clock).await);
            }
            60..80 if !taken.is_empty() => {
                let delivery = taken.swap_remove(random.usize(..taken.len()));
                finish(&*inbox, &mut model, &delivery, &mut random, &clock).await;
            }
            80..88 => clock.advance(Duration::from_millis(random.u64(..12_000))),
            88..92 => replay(&*inbox, &mut model, &mut random, &*clock).await,
            92..97 => release(&*inbox, &mut model, &mut random, &*clock).await,
            97 => inbox = stage.open(clock.clone()).await,
            98 => remove_bodies(&*inbox, &mut model, &*clock).await,
            _ => {}
        }
    }
    check(&*inbox, &model).await;
}

fn random_body(random: &mut Rng) -> Body {
    let statuses = ["processing", "success", "decline", "refunded"];
    let status = statuses[random.usize(..statuses.len())];
    let body = Body::new(format!("X{}", random.u32(..8)), random.u64(..4), status);
    match random.u32(..4) {
        0 => body.doubtful(),
        wording => body.described(format!("wording {}", wording % 2)),
    }
}

async fn claim(
    inbox: &dyn Inbox,
    model: &mut Model,
    limit: usize,
    clock: &SteppedClock,
) -> Vec<(Delivery, u64)> {
    let now = now(clock);
    let claimable = model.claimable(now);
    let claim = Claim::new(limit, LEASE);
    let claimed = inbox.claim(&claim).await.unwrap();
    assert_eq!(claimed.dead, []);
    assert_eq!(claimed.deliveries.len(), limit.min(claimable.len()));
    let mut taken = Vec::new();
    for delivery in &claimed.deliveries {
        assert!(claimable.contains(&delivery.id), "{} is not to be claimed", delivery.id);
        let payment = delivery.callback.payment_id().unwrap().as_str();
        assert_eq!(delivery.payment.as_ref(), model.payments.get(payment));
        model.claims += 1;
        let lease = model.claims;
        let known = model.of(delivery.id);
        assert!(known.due <= now);
        known.attempts += 1;
        known.due = now + 10_000;
        known.lease = Some(lease);
        taken.push((delivery.clone(), lease));
        assert_eq!(delivery.attempt, known.attempts);
    }
    taken
}

async fn finish(
    inbox: &dyn Inbox,
    model: &mut Model,
    (delivery, lease): &(Delivery, u64),
    random: &mut Rng,
    clock: &SteppedClock,
) {
    let error = "no".to_owned();
    let (finish, state, after) = match random.u32(..4) {
        0 => (Finish::Dead { error }, EntryState::Dead, 0),
        1 => {
            let after = random.u32(..20_000);
            let finish = Finish::Retry { after: Duration::from_millis(after.into()), error };
            (finish, EntryState::Waiting, after)
        }
        _ => (Finish::Done, EntryState::Done, 0),
    };
    let known = model.of(delivery.id);
    // The lease is lost when another was given; an expired one still counts.
    let holds = known.lease == Some(*lease);
    assert_eq!(inbox.finish(delivery, finish).await.unwrap(), holds);
    if holds {
        known.state = state;
        known.lease = None;
        known.due = now(clock) + i64::from(after);
    }
}

async fn replay(inbox: &dyn Inbox, model: &mut Model, random: &mut Rng, clock: &dyn Clock) {
    let Some(id) = random_id(model, random, |_| true) else { return };
    let known = model.of(id);
    let ended = matches!(known.state, EntryState::Done | EntryState::Dead) && known.has_raw;
    let waits = known.state == EntryState::Waiting && known.lease.is_none();
    let can = ended || waits && known.due > now(clock);
    let version = inbox.entry(id).await.unwrap().unwrap().version();
    if random.bool() {
        let other = Version { attempts: version.attempts + 1, ..version };
        assert!(!inbox.replay_version(id, other).await.unwrap());
        assert_eq!(inbox.replay_version(id, version).await.unwrap(), can);
    } else {
        assert_eq!(inbox.replay(id).await.unwrap(), can);
    }
    if can {
        known.due = now(clock);
    }
    if ended {
        (known.state, known.attempts) = (EntryState::Waiting, 0);
    }
}

async fn release(inbox: &dyn Inbox, model: &mut Model, random: &mut Rng, clock: &dyn Clock) {
    let held = |known: &Known| known.state == EntryState::Held;
    let Some(id) = random_id(model, random, held) else { return };
    let body = model.of(id).body.clone();
    let denied = Body { amount: 1, ..body.clone() };
    assert_eq!(inbox.release(id, &denied.answer()).await.unwrap(), DENIED);
    let answer: VerifiedStatus = body.answer();
    let expected = if model.meanings.contains_key(&Model::meaning(&body)) {
        (Release::Repeated, EntryState::Repeated)
    } else {
        (Release::Released, EntryState::Waiting)
    };
    assert_eq!(inbox.release(id, &answer).await.unwrap(), expected.0);
    if expected.0 == Release::Released {
        model.meanings.insert(Model::meaning(&body), id);
        model.apply(&body);
    }
    let known = model.of(id);
    (known.state, known.due) = (expected.1, now(clock));
}

const DENIED: Release = Release::Disagrees("payment.sum");

async fn remove_bodies(inbox: &dyn Inbox, model: &mut Model, clock: &dyn Clock) {
    let after_all = ecp_core::Timestamp::from_unix_seconds(now(clock) / 1000 + 1).unwrap();
    let gone = |known: &&mut Known| {
        known.has_raw && matches!(known.state, EntryState::Done | EntryState::Repeated)
    };
    let mut removed = 0;
    for known in model.entries.values_mut().filter(gone) {
        known.has_raw = false;
        removed += 1;
    }
    assert_eq!(inbox.remove_bodies(after_all).await.unwrap(), removed);
}

async fn check(inbox: &dyn Inbox, model: &Model) {
    let all = Query { limit: Some(usize::MAX), ..Query::default() };
    let entries = inbox.entries(&all).await.unwrap();
    assert!(entries.iter().rev().map(|entry| entry.id).eq(model.entries.keys().copied()));
    for entry in entries {
        let known = &model.entries[&entry.id];
        assert_eq!(entry.state, known.state, "{}", entry.id);
        assert_eq!((entry.times, entry.attempts), (known.times, known.attempts), "{}", entry.id);
        let raw = inbox.entry(entry.id).await.unwrap().unwrap().raw;
        assert_eq!(raw.is_some(), known.has_raw);
    }
    for (payment, state) in &model.payments {
        let project = Body::new("X", 1, "success").project_id();
        let payment = payment.parse().unwrap();
        let stored = inbox.payment(project, &payment).await.unwrap();
        assert_eq!(stored.as_ref(), Some(state));
    }
}

fn random_id(model: &Model, random: &mut Rng, wanted: fn(&Known) -> bool) -> Option<EntryId> {
    let ids: Vec<EntryId> =
        model.entries.iter().filter(|(_, known)| wanted(known)).map(|(&id, _)| id).collect();
    (!ids.is_empty()).then(|| ids[random.usize(..ids.len())])
}
