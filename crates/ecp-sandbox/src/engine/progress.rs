//! Steps of a payment, and their effects.

use std::sync::Arc;
use std::time::Duration;

use ecp_core::{Clock as _, Money, PaymentId, ProjectId, Timestamp};
use ecp_methods::Effect;
use serde_json::Value;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::Engine;
use super::state::{Entry, State, Watch};
use crate::config::Project;
use crate::engine::admit::Registration;
use crate::engine::callbacks::CallbackState;
use crate::engine::confirmation::{self, Question};
use crate::engine::delivery::{self, KEPT_BACK, Message, Parcel, Pendings};
use crate::engine::events::{EventKind, RawBody};
use crate::engine::faults::{Fault, Point};
use crate::payment::{Decision, FollowUp, Order, Outcome, Payment, Step};
use crate::wire::refusal::Refusal;
use crate::wire::{callback, tamper};

/// A merchant's accepted answer to a clarification, for the payment with this number.
pub(crate) struct Clarification {
    number: u64,
    pub(crate) request_id: String,
}

impl Engine {
    /// Starts the next step of a registered operation in a task of its own, because the
    /// platform does it after its answer.
    pub(crate) fn process(&self, registration: Registration) {
        let engine = self.clone();
        let busy = self.time().begin();
        tokio::spawn(async move {
            engine.process_now(&registration);
            drop(busy);
        });
    }

    /// Returns the request id for the merchant's answer to a clarification, or a refusal if the
    /// payment does not wait for an answer.
    pub(crate) fn admit_clarification(
        &self,
        project: ProjectId,
        payment_id: &PaymentId,
    ) -> Result<Clarification, Refusal> {
        let number = self.number_of(project, payment_id).ok_or_else(Refusal::unknown_payment)?;
        let mut state = self.changing();
        let entry = state.entries.get(&number).ok_or_else(Refusal::unknown_payment)?;
        if !entry.payment.awaits_clarification() {
            return Err(Refusal::wrong_status());
        }
        let request_id = state.count_request(self.0.ids, Some(number));
        Ok(Clarification { number, request_id })
    }

    /// Applies the merchant's answer to a clarification in a task of its own, because the platform
    /// does it after its answer to the request.
    pub(crate) fn clarify(&self, clarification: &Clarification, data: Value) {
        self.clarify_number(clarification.number, data);
    }

    /// Applies an answer to the clarification of the payment with this number.
    pub(super) fn clarify_number(&self, number: u64, data: Value) {
        {
            let mut state = self.changing();
            if let Some(entry) = state.entries.get_mut(&number) {
                entry.answer = Some(data.clone());
                state.touch(number);
            }
        }
        let engine = self.clone();
        let busy = self.time().begin();
        tokio::spawn(async move {
            let now = engine.now();
            engine.change(number, |payment, _| payment.clarify(&data, now));
            drop(busy);
        });
    }

    pub(super) fn process_now(&self, registration: &Registration) {
        let Some(work) = &registration.work else { return };
        let (now, code) = (self.now(), self.config().refund_code);
        self.change(work.number, |payment, funds| match work.follow_up {
            None => payment.process(funds, now),
            Some(place) => payment.process_follow_up(place, code, now),
        });
    }

    /// Applies the customer's decision. A payment that does not wait for its customer is unchanged.
    /// If the merchant confirms amounts, the returned task ends when the merchant has answered.
    pub(super) fn decide_now(
        &self,
        number: u64,
        decision: Decision,
        chosen: Option<Money>,
    ) -> Option<JoinHandle<()>> {
        let rule = self.config().button_rule;
        let question = self.change(number, |payment, _| {
            if payment.awaits_customer() {
                self.record(payment.about(), EventKind::CustomerDecided(decision));
            }
            payment.decide(decision, chosen, rule, self.now())
        });
        question.map(|question| self.confirm(number, question))
    }

    /// Lets a payment continue that a fault keeps from ending. Returns `false` if no fault does.
    pub(super) fn release_number(&self, number: u64) -> bool {
        let rule = self.config().button_rule;
        let mut released = false;
        let question = self.change(number, |payment, funds| {
            released = payment.is_held();
            if released {
                self.record(payment.about(), EventKind::PaymentReleased);
            }
            payment.release(funds, rule, self.now())
        });
        if let Some(question) = question {
            self.confirm(number, question);
        }
        released
    }

    /// Sends the confirmation request and applies the answer, in a task of its own: the payment
    /// continues even if the customer's browser does not.
    pub(super) fn confirm(&self, number: u64, question: Question) -> JoinHandle<()> {
        let engine = self.clone();
        let mut busy = self.time().begin();
        let mut delay = Duration::ZERO;
        for fault in self.strike(&question.about, Point::Confirmation) {
            if let Fault::SlowConfirmation(by) = fault {
                delay += by;
            }
        }
        tokio::spawn(async move {
            if !delay.is_zero() {
                busy = tokio::select! {
                    () = engine.stopped() => return,
                    busy = engine.time().pause(delay, busy) => busy,
                };
            }
            if let Some(answer) = confirmation::ask(&engine, question).await {
                let now = engine.now();
                engine.change(number, |payment, _| payment.conclude(answer.verdict(), now));
            }
            drop(busy);
        })
    }

    /// Changes a payment, given what its project has in its currency, and does what that leads
    /// to: a callback on its way, or a question that is to be asked.
    fn change(
        &self,
        number: u64,
        step: impl FnOnce(&mut Payment, i64) -> Step,
    ) -> Option<Question> {
        let mut state = self.changing();
        let order = &state.entries.get(&number)?.payment.order;
        let project = self.config().projects.get(&order.project)?;
        let currency = order.amount.currency();
        let funds = *state.funds(project, currency);
        state.touch(number);
        let State { entries, ended, endings, pendings, .. } = &mut *state;
        let entry = entries.get_mut(&number)?;
        // It is applied now, or comes too late.
        entry.answer = None;
        let before = (entry.payment.status(), entry.payment.outcome());
        let step = step(&mut entry.payment, funds);
        let payment = &entry.payment;
        let mut moved = 0;
        if before.1.is_none() && payment.outcome().is_some() {
            ended.push_back(number);
            *endings += 1;
            entry.ending = Some(*endings);
            moved = moved_by(payment);
        }
        if payment.has_cut_off() {
            if entry.cut_off.is_none() {
                entry.cut_off = Some(self.watch_cut_off(number, &payment.order));
            }
        } else {
            entry.cut_off = None;
        }
        let round = payment.clarification_round();
        if round != entry.clarification.as_ref().map(|(round, _)| *round) {
            entry.clarification = round.map(|round| (round, self.watch_answer(number, round)));
        }
        if let Step::TellOf(place) = step {
            self.record_follow_up(payment, place);
            moved = payment.follow_ups().get(place).map_or(0, FollowUp::moved);
        }
        if payment.status() != before.0 {
            self.record_status(payment);
        }
        let follow_up = match step {
            Step::Stay | Step::Note => None,
            Step::Ask(amount) => return Some(question(payment, amount, project)),
            Step::Later(by) => {
                entry.later = Some(self.time().moment_in(by));
                self.process_later(number, by);
                None
            }
            Step::Tell => Some(None),
            Step::TellOf(place) => Some(payment.follow_ups().get(place)),
        };
        if let Some(follow_up) = follow_up
            && !payment.order.callbacks.disabled
        {
            let page = payment.awaits_customer().then(|| self.page_url(&payment.ids.token));
            let url = callback_url(payment, follow_up, project);
            let body = callback::callback(payment, follow_up, page, &project.key);
            self.send(entry, pendings, project, url.as_deref(), body);
        }
        let funds = state.funds(project, currency);
        *funds = funds.saturating_add(moved);
        None
    }

    /// Starts the delivery of a callback, with the faults that apply to it.
    pub(super) fn send(
        &self,
        entry: &mut Entry,
        pendings: &mut Pendings,
        project: &Project,
        url: Option<&str>,
        mut body: String,
    ) {
        entry.callbacks += 1;
        let callback = entry.callbacks;
        entry.callback_states.set(callback, CallbackState::Waiting { callback });
        let payment = &entry.payment;
        let about = payment.about();
        let is_final = payment.outcome().is_some();
        let mut delay = if is_final { payment.order.callbacks.delay } else { Duration::ZERO };
        let (mut copies, mut lost, mut kept_back) = (0, false, false);
        for fault in self.strike(&about, Point::Callback(callback)) {
            match fault {
                Fault::DelayCallback(by) => delay += by,
                Fault::DuplicateCallback { copies: more } => copies += more,
                Fault::LoseCallback => lost = true,
                Fault::ReorderCallback => kept_back = true,
                other => {
                    if let Some(tampering) = other.tampering() {
                        body = tamper::tampered(body, tampering, &project.key);
                    }
                }
            }
        }
        let body = RawBody::new(body);
        let (tried, latest) = delivery::turn(self.time());
        let parcel = |id, tried| Parcel {
            id,
            about: about.clone(),
            message: Message::Callback(callback),
            place: None,
            url: url.map(str::to_owned),
            body: body.clone(),
            previous: None,
            next: None,
            delay,
            attempts: 0,
            due: None,
            lost,
            tried,
        };
        let id = pendings.next();
        let mut first = parcel(id, vec![tried]);
        // Whatever waits long does not hold up the next one.
        let holds_up = delay.is_zero() && !kept_back;
        let previous = entry.latest.take();
        if let Some((kept_back, earlier)) = entry.kept_back.take() {
            let (tried, turn) = delivery::turn(self.time());
            first.tried.push(tried);
            pendings.change(kept_back, |pending| {
                (pending.after, pending.kept_until) = (Some(id), None);
            });
            // It may have gone meanwhile.
            let _ = earlier.send((turn, self.time().begin()));
        }
        if kept_back {
            let (next, place) = oneshot::channel();
            entry.kept_back = Some((id, next));
            first.next = Some((place, KEPT_BACK));
        }
        let mut after = None;
        if holds_up {
            after = previous.as_ref().map(|(id, _)| *id);
            first.previous = previous.map(|(_, turn)| turn);
            entry.latest = Some((id, latest));
        } else {
            entry.latest = previous;
        }
        let mut turns = Vec::new();
        for _ in 0..copies {
            let (tried, turn) = delivery::turn(self.time());
            first.tried.push(tried);
            turns.push(turn);
        }
        let kept_until = kept_back.then(|| self.time().moment_in(KEPT_BACK));
        pendings.begin(id, first.pending(after, kept_until));
        self.deliver(first);
        for turn in turns {
            let copy = parcel(pendings.next(), vec![]);
            let copy = Parcel { previous: Some(turn), delay: Duration::ZERO, ..copy };
            pendings.begin(copy.id, copy.pending(Some(id), None));
            self.deliver(copy);
        }
    }

    pub(super) fn deliver(&self, parcel: Parcel) {
        tokio::spawn(delivery::deliver(self.clone(), parcel, self.time().begin()));
    }

    /// Takes the first step of a payout again after a while.
    pub(super) fn process_later(&self, number: u64, by: Duration) {
        let (time, busy) = (self.time().clone(), self.time().begin());
        let mut stop = self.0.stop.subscribe();
        // It does not keep the sandbox alive.
        let core = Arc::downgrade(&self.0);
        tokio::spawn(async move {
            let busy = tokio::select! {
                biased;
                _ = stop.wait_for(|&stop| stop) => return,
                busy = time.pause(by, busy) => busy,
            };
            if let Some(core) = core.upgrade() {
                let now = time.timestamp();
                Self(core).change(number, |payment, funds| payment.process(funds, now));
            }
            drop(busy);
        });
    }

    /// Declines a payment that has not ended in time, unless what this returns is dropped before.
    fn watch_cut_off(&self, number: u64, order: &Order) -> Watch {
        let cut_off = self.config().cut_off;
        let rule = order.spec.rule(order.operation);
        let longest = rule.and_then(ecp_methods::Rule::longest_time).unwrap_or(cut_off);
        self.watch_cut_off_in(number, longest)
    }

    /// Declines a payment that has not ended after this time, unless what this returns is dropped
    /// before.
    pub(super) fn watch_cut_off_in(&self, number: u64, longest: Duration) -> Watch {
        let code = self.config().cut_off_code;
        self.watch(number, longest, move |payment, now| payment.cut_off(code, now))
    }

    /// Declines a payment whose merchant does not answer a clarification in time, unless what this
    /// returns is dropped before.
    fn watch_answer(&self, number: u64, round: u32) -> Watch {
        self.watch_answer_in(number, round, self.config().clarification_window)
    }

    /// Declines a payment whose clarification is not answered after this time, unless what this
    /// returns is dropped before.
    pub(super) fn watch_answer_in(&self, number: u64, round: u32, longest: Duration) -> Watch {
        let code = self.config().cut_off_code;
        self.watch(number, longest, move |payment, now| {
            payment.clarification_missed(round, code, now)
        })
    }

    /// Takes a step after a while, unless what this returns is dropped before.
    fn watch(
        &self,
        number: u64,
        longest: Duration,
        then: impl FnOnce(&mut Payment, Timestamp) -> Step + Send + 'static,
    ) -> Watch {
        let (needed, not_needed) = oneshot::channel();
        let (time, busy) = (self.time().clone(), self.time().begin());
        let mut stop = self.0.stop.subscribe();
        // It does not keep the sandbox alive.
        let core = Arc::downgrade(&self.0);
        tokio::spawn(async move {
            let busy = tokio::select! {
                biased;
                _ = stop.wait_for(|&stop| stop) => return,
                _ = not_needed => return,
                busy = time.pause(longest, busy) => busy,
            };
            if let Some(core) = core.upgrade() {
                let now = time.timestamp();
                Self(core).change(number, |payment, _| then(payment, now));
            }
            drop(busy);
        });
        Watch { until: self.time().moment_in(longest), _needed: needed }
    }

    /// Returns the URL of the provider's page with this token.
    pub(crate) fn page_url(&self, token: &str) -> String {
        format!("{}/provider/{token}", self.public_url())
    }
}

/// Effect of a payment's end on its project's balance.
fn moved_by(payment: &Payment) -> i64 {
    let sum = payment.sum().minor();
    match (payment.outcome(), payment.order.operation.effect()) {
        (Some(Outcome::Success), Effect::MoneyIn) => sum,
        (Some(Outcome::Success), Effect::Out) => -sum,
        _ => 0,
    }
}

/// Returns the URL for callbacks: from the follow-up's request, otherwise from the payment's
/// request, otherwise from the project. `None` if none of them has one.
pub(super) fn callback_url(
    payment: &Payment,
    follow_up: Option<&FollowUp>,
    project: &Project,
) -> Option<String> {
    let own = follow_up.and_then(|follow_up| follow_up.order.callback_url.as_ref());
    own.or(payment.order.callback_url.as_ref()).or(project.callback_url.as_ref()).cloned()
}

pub(super) fn question(payment: &Payment, amount: Money, project: &Project) -> Question {
    let url = project.confirmation_url.clone().or_else(|| callback_url(payment, None, project));
    Question {
        about: payment.about(),
        payment_id: payment.order.payment_id.clone(),
        url,
        body: RawBody::new(callback::check_deposit(payment, amount, &project.key)),
    }
}
