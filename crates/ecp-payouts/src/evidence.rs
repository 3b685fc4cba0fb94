//! The evidence about a row in progress: the platform's answers as states of its journal entry.

use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use ecp_core::model::{
    About, End, Operation, OperationStatus, OperationType, PaymentStatus, PaymentType,
    StatusResponse, Sum,
};
use ecp_core::{Clock, PaymentId};
use ecp_methods::mass_file::RowKind;
use ecp_methods::{Payout, Prepared};
use ecp_transport::{GateError, Intents, Outcome, SendError, Sent, UnknownReason};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::journal::{Entry, Held, JournalError, State, Store};
use crate::progress::Stop;
use crate::row::{RowId, RowRequest};

/// The entry of a row in progress, and its reservation, which ends when the value is dropped.
pub(crate) struct RowInProgress {
    id: RowId,
    journal: Arc<dyn Store>,
    token: i64,
    clock: Arc<dyn Clock>,
    stop: Stop,
    now: Mutex<Now>,
    /// How often the request had been sent when the row was reserved, the time since the last of
    /// these sends by the store's clock, and when that was read; `None` for a new row, or if the
    /// store has no clock.
    before: Option<(u32, Duration, Instant)>,
    stored: watch::Sender<Option<State>>,
}

struct Now {
    entry: Entry,
    /// Whether the entry that was last written to the journal is a success or a decline.
    has_ended: bool,
}

impl RowInProgress {
    /// The journal's entry of a row, or a first entry for a new one. Each state that is stored is
    /// sent to `stored`.
    pub(crate) fn new(
        journal: Arc<dyn Store>,
        held: Held,
        clock: Arc<dyn Clock>,
        stop: Stop,
        request: &RowRequest,
        digest: [u8; 32],
        stored: watch::Sender<Option<State>>,
    ) -> Self {
        let (id, amount) = (request.id(), request.amount());
        let Held { token, entry: before, age } = held;
        let age = before.as_ref().zip(age).map(|(entry, age)| (entry.sends, age, Instant::now()));
        // A row that was not sent may have been corrected since.
        let before = before.map(|before| match before.state {
            State::NotSent => Entry { digest, amount, ..before },
            _ => before,
        });
        let entry = before.unwrap_or_else(|| Entry::first(digest, amount));
        let now = Mutex::new(Now { entry, has_ended: false });
        Self { id, journal, token, clock, stop, now, before: age, stored }
    }

    pub(crate) const fn id(&self) -> &RowId {
        &self.id
    }

    pub(crate) const fn stop(&self) -> &Stop {
        &self.stop
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn entry(&self) -> Entry {
        self.now().entry.clone()
    }

    /// Time since the request was last about to be sent, `None` if it never was.
    pub(crate) fn age(&self) -> Option<Duration> {
        let (sends, sent_at) = {
            let now = self.now();
            (now.entry.sends, now.entry.sent_at)
        };
        match self.before {
            Some((then, age, since)) if then == sends => Some(age + since.elapsed()),
            _ => Some(self.clock.now().duration_since(sent_at?).unwrap_or_default()),
        }
    }

    /// Changes the entry, and writes it to the journal.
    pub(crate) async fn keep(
        &self,
        change: impl FnOnce(&mut Entry),
    ) -> Result<State, JournalError> {
        let entry = {
            let mut now = self.now();
            change(&mut now.entry);
            now.entry.clone()
        };
        self.journal.keep(&self.id, self.token, &entry).await?;
        self.now().has_ended = entry.state.is_final();
        self.stored.send_replace(Some(entry.state));
        Ok(entry.state)
    }
}

impl Drop for RowInProgress {
    fn drop(&mut self) {
        let has_ended = self.now().has_ended;
        self.journal.release(&self.id, self.token, has_ended);
    }
}

impl fmt::Debug for RowInProgress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RowInProgress")
    }
}

#[async_trait]
impl Intents for RowInProgress {
    async fn about_to_send(&self, _: &PaymentId) -> Result<(), Box<dyn Error + Send + Sync>> {
        if self.stop.is_stopped() {
            return Err("the run was stopped before this request".into());
        }
        let now = self.clock.now();
        self.keep(|entry| {
            entry.state = State::Intended;
            entry.sends += 1;
            entry.sent_at = Some(now);
            note(entry, "it may have been sent: no answer is recorded yet".to_owned());
        })
        .await?;
        Ok(())
    }
}

pub(crate) fn registered(entry: &mut Entry, sent: &Sent) {
    entry.state = State::Registered;
    let evidence = sent.evidence().to_owned();
    match sent {
        // This row's own request created the payment.
        Sent::Registered(accepted) => {
            entry.request_id = Some(accepted.request_id.as_str().to_owned());
            entry.evidence = evidence;
        }
        Sent::Found(status) => {
            entry.status = status.payment_status().map(ToString::to_string);
            note(entry, evidence);
        }
        _ => note(entry, evidence),
    }
}

/// Evidence for a payment that was created by a request which is not in this journal.
const EARLIER: &str =
    "; an earlier request made the payment: its account was not compared with this row's";

/// Replaces the evidence, but keeps that an earlier request created the payment: no answer shows
/// that request except for the sum.
pub(crate) fn note(entry: &mut Entry, evidence: String) {
    let is_of_another = entry.evidence.ends_with(EARLIER);
    entry.evidence = evidence;
    if is_of_another {
        entry.evidence.push_str(EARLIER);
    }
}

/// Records that there is no evidence that the platform has the request. A refusal does not end a
/// row by itself: the row ends when the platform does not know the payment either ([`refused`]).
pub(crate) fn failed(entry: &mut Entry, error: &SendError, flow: RowKind) {
    entry.code = error.error().code().map(ToString::to_string);
    note(entry, error.to_string());
    // None of this row's own requests may have arrived before.
    let is_of_another =
        matches!(error.error(), GateError::Unknown(UnknownReason::AlreadyExists(_)));
    if is_of_another && flow == RowKind::Payout && !entry.evidence.ends_with(EARLIER) {
        entry.evidence.push_str(EARLIER);
    }
    entry.state = match (error.outcome(), error.error()) {
        (Outcome::Refused { .. } | Outcome::NotSent, _) => State::NotSent,
        // A payment with this id exists, with another sum or type.
        (Outcome::Unknown, GateError::Unknown(UnknownReason::Mismatch(path)))
            if path.starts_with("payment.") =>
        {
            entry.evidence = format!("contradiction: {}: ask technical support", entry.evidence);
            State::Error
        }
        (Outcome::Unknown, _) => State::Unknown,
    };
}

/// Whether a send was refused for a cause in the payment itself, so that sending it again is of no
/// use.
pub(crate) fn is_refused(error: &SendError) -> bool {
    matches!(error.outcome(), Outcome::Refused { code, .. } if code.about() == About::Payment)
}

/// Records the platform's status of a payment whose request it refused. An earlier run, whose
/// journal is lost, may have paid it.
pub(crate) fn refused(entry: &mut Entry, answer: &Result<StatusResponse, GateError>) {
    match answer {
        Ok(status) if status.is_unknown_payment() => entry.state = State::Decline,
        Ok(status) => {
            entry.state = State::Registered;
            entry.status = status.payment_status().map(ToString::to_string);
            entry.evidence.push_str(EARLIER);
        }
        Err(error) => {
            entry.evidence.push_str("; the status request failed: ");
            entry.evidence.push_str(&cause(error));
        }
    }
}

/// Why a status request failed. The next run repeats it, so the general advice is left out.
fn cause(error: &GateError) -> String {
    match error {
        GateError::Unknown(reason) => reason.to_string(),
        other => other.to_string(),
    }
}

pub(crate) fn has_ended(status: &StatusResponse) -> bool {
    let ended = status.payment_status().is_some_and(PaymentStatus::is_final);
    ended && !status.is_unknown_payment()
}

pub(crate) fn ended(
    entry: &mut Entry,
    prepared: &Prepared<Payout>,
    answer: &Result<StatusResponse, GateError>,
) {
    let status = match answer {
        Ok(status) if !status.is_unknown_payment() => status,
        // An earlier answer was more specific than this one.
        _ if entry.state == State::Error => return,
        // It stays registered, so that the next run requests its status and sends nothing.
        Ok(_) => {
            "the platform registered it, and now does not know it: do not pay it under another id, \
             and ask technical support"
                .clone_into(&mut entry.evidence);
            return;
        }
        Err(error) => {
            entry.evidence = format!("registered; its status is not known: {}", cause(error));
            return;
        }
    };
    let last = status.operations.last();
    entry.status = status.payment_status().map(ToString::to_string);
    entry.code = last.and_then(|operation| operation.code.as_ref()).map(ToString::to_string);
    if entry.request_id.is_none() {
        let request_id = last.and_then(|operation| operation.request_id.as_ref());
        entry.request_id = request_id.map(|id| id.as_str().to_owned());
    }
    let message = last.and_then(|operation| operation.message.as_deref()).unwrap_or_default();
    let word = entry.status.as_deref().unwrap_or("none");
    let end = status.payment_status().map_or(End::Unknown, PaymentStatus::end);
    if let Some(contradiction) = contradiction(end, status, prepared) {
        entry.evidence = format!(
            "contradiction: a signed status says `{word}`, {contradiction}: ask technical support"
        );
        entry.state = State::Error;
        return;
    }
    let (state, evidence) = match end {
        End::Success | End::Decline if let Some(missing) = missing(end, status) => {
            let evidence = format!("registered; a signed status says `{word}`, and {missing}");
            (State::Registered, evidence)
        }
        End::Success => (State::Success, "a signed status says `success`".to_owned()),
        End::Decline => (State::Decline, format!("a signed status says `{word}`: {message}")),
        // Final for the platform, and nothing says that no money has moved, or that it stayed.
        End::Error | End::Returned => {
            (State::Error, format!("a signed status says `{word}`: ask technical support"))
        }
        End::Open | End::Unknown => {
            let evidence = format!("registered; not ended when last asked, at `{word}`");
            (State::Registered, evidence)
        }
    };
    entry.state = state;
    note(entry, evidence);
}

/// Members of a payout's end that differ from the row, or from the answer itself elsewhere.
fn contradiction(end: End, status: &StatusResponse, prepared: &Prepared<Payout>) -> Option<String> {
    let payment = status.payment.as_ref();
    let kind = payment.and_then(|payment| payment.kind.as_ref());
    if let Some(kind) = kind.filter(|kind| **kind != PaymentType::Payout && end.is_final()) {
        return Some(format!("of a payment of type `{kind}`"));
    }
    if !matches!(end, End::Success | End::Decline) {
        return None;
    }
    let payouts = || status.operations.iter().filter(|operation| may_be_payout(operation));
    // A decline pays no sum, so some samples have 0 there.
    let sum = payment.and_then(|payment| payment.sum.as_ref());
    let sum = sum.filter(|sum| end == End::Success || sum.amount != 0);
    let paid = payouts().filter(|payout| end_of(payout) == End::Success);
    let sums = paid.clone().filter_map(|payout| payout.sum_initial.as_ref()).chain(sum);
    let asked = prepared.amount()?;
    let number = prepared.spec().sent_amount(asked)?;
    let other = |sum: &&Sum| sum.amount != number || sum.currency != asked.currency().code();
    if let Some(Sum { amount, currency, .. }) = sums.into_iter().find(other) {
        let (asks, of) = (number, asked.currency().code());
        let unit = match prepared.spec().major_units() {
            units if units.contains(&asked.currency()) => "major",
            _ => "minor",
        };
        return Some(format!(
            "of {amount} {unit} units of {currency}, while the row asks for {asks} of {of}"
        ));
    }
    let in_error = status.operations.iter().find(|operation| end_of(operation) == End::Error);
    if let Some(word) = in_error.and_then(|operation| operation.status.as_ref()) {
        return Some(format!("and one of its operations says `{word}`"));
    }
    let is_of_others = !status.operations.is_empty() && payouts().next().is_none();
    if kind.is_none() && is_of_others {
        return Some("and none of its operations is a payout".to_owned());
    }
    match (end, paid.count()) {
        (End::Success, 0) if payouts().next().is_some() && !payouts().any(is_open) => {
            Some("and none of its payouts says so".to_owned())
        }
        (End::Success, many) if many > 1 => Some(format!("and {many} of its payouts say so")),
        (End::Decline, some) if some > 0 => {
            Some("and one of its payouts says `success`".to_owned())
        }
        (End::Decline, _) if status.operations.iter().any(|one| end_of(one) == End::Success) => {
            Some("and one of its operations says `success`".to_owned())
        }
        _ => None,
    }
}

/// Missing or contradicting members of a success or a decline.
fn missing(end: End, status: &StatusResponse) -> Option<String> {
    let payment = status.payment.as_ref();
    if let Some(open) = status.operations.iter().find(|operation| is_open(operation)) {
        let word = open.status.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string);
        return Some(format!("one of its operations says `{word}`"));
    }
    if end == End::Decline {
        return None;
    }
    let is_payout = |operation: &Operation| operation.kind == Some(OperationType::Payout);
    let names_its_type = payment.is_some_and(|payment| payment.kind.is_some())
        || status.operations.iter().any(is_payout);
    let names_its_sum = payment.is_some_and(|payment| payment.sum.is_some());
    match (names_its_sum, names_its_type) {
        (false, _) => Some("names no sum".to_owned()),
        (_, false) => Some("names no type".to_owned()),
        _ => None,
    }
}

/// Whether the operation is a payout or has no type.
fn may_be_payout(operation: &Operation) -> bool {
    operation
        .kind
        .as_ref()
        .is_none_or(|kind| kind.as_str().eq_ignore_ascii_case(OperationType::Payout.as_str()))
}

fn is_open(operation: &Operation) -> bool {
    matches!(end_of(operation), End::Open | End::Unknown)
}

fn end_of(operation: &Operation) -> End {
    operation.status.as_ref().map_or(End::Unknown, OperationStatus::end)
}
