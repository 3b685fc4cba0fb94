//! What was under way when the file was last written goes on.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::oneshot;

use super::super::progress::question;
use crate::engine::Engine;
use crate::engine::admit::{Registration, Work};
use crate::engine::confirmation::Question;
use crate::engine::delivery::{self, Message, Parcel, Pending, Ticket};
use crate::engine::state::{Resuming, State};

/// The work of one payment that is taken up again.
enum Task {
    /// The first step after the registration: of the payment itself if the position is `None`,
    /// otherwise of the refund, capture or release at this position in the payment's list.
    Process(Option<usize>),
    /// The first step of a payout that a fault slows down, after this duration.
    Later(Duration),
    /// The merchant's answer to a clarification (a question for data that a sale lacks), which was
    /// received but not yet processed.
    Clarify(Value),
    /// The confirmation request that asks the merchant to accept an amount. It is sent once more,
    /// because the file does not say whether the merchant has answered.
    Ask(Question),
}

/// Takes up deliveries, time limits and steps of payments.
pub(super) fn resume(engine: &Engine) {
    let mut tasks: Vec<(u64, Task)> = Vec::new();
    {
        let mut state = engine.changing();
        let numbers: Vec<u64> = state.entries.keys().copied().collect();
        let mut parcels = parcels(engine, &state);
        for &number in &numbers {
            resume_entry(engine, &mut state, &mut parcels, number);
            tasks_of(engine, &state, number, &mut tasks);
        }
        let mut parcels: Vec<Parcel> = parcels.into_values().collect();
        let place = |id| state.pendings.open.get(&id).map(|pending| pending.place);
        parcels.sort_unstable_by_key(|parcel| (place(parcel.id), parcel.id));
        for parcel in parcels {
            engine.deliver(parcel);
        }
    }
    for (number, task) in tasks {
        match task {
            Task::Process(follow_up) => {
                let work = Some(Work { number, follow_up });
                engine.process(Registration { work, request_id: String::new() });
            }
            Task::Later(by) => engine.process_later(number, by),
            Task::Clarify(data) => engine.clarify_number(number, data),
            Task::Ask(question) => drop(engine.confirm(number, question)),
        }
    }
}

/// Every delivery that has not ended, each behind the one that it waits for.
fn parcels(engine: &Engine, state: &State) -> HashMap<u64, Parcel> {
    let open = &state.pendings.open;
    let mut parcels: HashMap<u64, Parcel> =
        open.iter().map(|(&id, pending)| (id, parcel(engine, id, pending))).collect();
    for (&id, pending) in open {
        let waits = pending.tried == 0 && pending.due.is_none();
        let Some(after) = pending.after.filter(|_| waits) else { continue };
        if open.get(&after).is_none_or(|first| first.tried > 0) {
            continue;
        }
        let (ticket, turn) = delivery::turn(engine.time());
        put(&mut parcels, after, ticket);
        if let Some(parcel) = parcels.get_mut(&id) {
            parcel.previous = Some(turn);
        }
    }
    parcels
}

fn parcel(engine: &Engine, id: u64, pending: &Pending) -> Parcel {
    let place = match pending.message {
        Message::Callback(_) => None,
        Message::Operations(_) => Arc::clone(&engine.0.pages).try_acquire_owned().ok(),
    };
    // What a fault keeps back waits for its time, or for the next callback if there is one.
    let due = pending.due.or(pending.kept_until.filter(|_| pending.tried == 0));
    Parcel {
        id,
        about: pending.about.clone(),
        message: pending.message,
        place,
        url: pending.url.clone(),
        body: pending.body.clone(),
        previous: None,
        next: None,
        delay: pending.delay,
        attempts: pending.tried,
        due,
        lost: pending.lost,
        tried: Vec::new(),
    }
}

/// Puts a ticket on a delivery, which it gives back once it has been tried.
fn put(parcels: &mut HashMap<u64, Parcel>, id: u64, ticket: Ticket) {
    if let Some(parcel) = parcels.get_mut(&id) {
        parcel.tried.push(ticket);
    }
}

/// Gives an entry its place behind the latest callback, and its time limits.
fn resume_entry(
    engine: &Engine,
    state: &mut State,
    parcels: &mut HashMap<u64, Parcel>,
    number: u64,
) {
    let State { entries, pendings, .. } = state;
    let Some(entry) = entries.get_mut(&number) else { return };
    let Some(Resuming { latest, kept_back, cut_off, clarification }) = entry.resuming.take() else {
        return;
    };
    let is_untried = |id: &u64| pendings.open.get(id).is_some_and(|pending| pending.tried == 0);
    if let Some(id) = latest.filter(is_untried) {
        let (ticket, turn) = delivery::turn(engine.time());
        put(parcels, id, ticket);
        entry.latest = Some((id, turn));
    }
    if let Some(id) = kept_back.filter(is_untried)
        && let Some(until) = pendings.open.get(&id).and_then(|pending| pending.kept_until)
        && let Some(parcel) = parcels.get_mut(&id)
    {
        let (next, place) = oneshot::channel();
        entry.kept_back = Some((id, next));
        (parcel.due, parcel.next) = (None, Some((place, engine.time().left_until(until))));
    }
    let left = |until| engine.time().left_until(until);
    if entry.payment.has_cut_off()
        && let Some(until) = cut_off
    {
        entry.cut_off = Some(engine.watch_cut_off_in(number, left(until)));
    }
    if let Some((round, until)) = clarification
        && entry.payment.clarification_round() == Some(round)
    {
        let watch = engine.watch_answer_in(number, round, left(until));
        entry.clarification = Some((round, watch));
    }
}

/// Adds what a payment is to do next.
fn tasks_of(engine: &Engine, state: &State, number: u64, tasks: &mut Vec<(u64, Task)>) {
    let Some(entry) = state.entries.get(&number) else { return };
    let payment = &entry.payment;
    if payment.is_unprocessed() {
        let later = entry.later.map(|moment| Task::Later(engine.time().left_until(moment)));
        tasks.push((number, later.unwrap_or(Task::Process(None))));
    }
    if let Some(data) = &entry.answer {
        tasks.push((number, Task::Clarify(data.clone())));
    }
    if let Some(amount) = payment.asked_amount()
        && let Some(project) = engine.config().projects.get(&payment.order.project)
    {
        tasks.push((number, Task::Ask(question(payment, amount, project))));
    }
    let open = payment.follow_ups().iter().enumerate().filter(|(_, it)| it.is_unprocessed());
    tasks.extend(open.map(|(place, _)| (number, Task::Process(Some(place)))));
}
