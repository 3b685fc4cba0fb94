//! One row on its way, and what the journal is told of it.

use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use ecp_core::PaymentId;
use ecp_core::model::{End, PaymentStatus, StatusResponse};
use ecp_methods::{Payout, Prepared};
use ecp_transport::{GateError, Intents, Outcome, SendError, Sent};

use crate::journal::{Entry, JournalError, State};
use crate::payer::Payer;
use crate::progress::Stop;

/// A row's entry while the row is at work.
pub(crate) struct Line {
    payer: Arc<Payer>,
    stop: Stop,
    entry: Mutex<Entry>,
}

impl Line {
    /// What the journal knows of a payout, or what there is to know of a new one.
    pub(crate) fn new(payer: Arc<Payer>, stop: Stop, prepared: &Prepared<Payout>) -> Self {
        let before = payer.journal.before(prepared.payment_id()).cloned();
        let entry = before.unwrap_or_else(|| Entry {
            state: State::NotSent,
            digest: payer.digest(prepared),
            amount: prepared.amount(),
            sends: 0,
            sent_at: None,
            request_id: None,
            status: None,
            code: None,
            evidence: String::new(),
        });
        Self { payer, stop, entry: Mutex::new(entry) }
    }

    pub(crate) const fn stop(&self) -> &Stop {
        &self.stop
    }

    pub(crate) fn entry(&self) -> Entry {
        self.entry.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes the entry, and writes it down.
    pub(crate) async fn keep(
        &self,
        payment_id: &PaymentId,
        change: impl FnOnce(&mut Entry),
    ) -> Result<State, JournalError> {
        let entry = {
            let mut entry = self.entry.lock().unwrap_or_else(PoisonError::into_inner);
            change(&mut entry);
            entry.clone()
        };
        let state = entry.state;
        self.payer.journal.keep(payment_id, entry).await?;
        Ok(state)
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Line")
    }
}

#[async_trait]
impl Intents for Line {
    async fn about_to_send(
        &self,
        payment_id: &PaymentId,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        if self.stop.is_stopped() {
            return Err("the run was stopped".into());
        }
        let now = (self.payer.settings.clock)();
        self.keep(payment_id, |entry| {
            entry.state = State::Intended;
            entry.sends += 1;
            entry.sent_at = Some(now);
            "it may have been sent; the run ended before it was known"
                .clone_into(&mut entry.evidence);
        })
        .await?;
        Ok(())
    }
}

pub(crate) fn registered(entry: &mut Entry, sent: &Sent) {
    entry.state = State::Registered;
    entry.evidence = match sent {
        Sent::Registered(accepted) => {
            entry.request_id = Some(accepted.request_id.as_str().to_owned());
            "the platform registered it".to_owned()
        }
        Sent::Found(status) => {
            entry.status = status.payment_status().map(ToString::to_string);
            "no answer to the request, but the platform knows the payment".to_owned()
        }
        _ => "no answer to the request, but a second one was refused as a duplicate".to_owned(),
    };
}

pub(crate) fn failed(entry: &mut Entry, error: &SendError) {
    entry.code = error.error().code().map(ToString::to_string);
    entry.evidence = error.to_string();
    entry.state = match error.outcome() {
        Outcome::Refused { .. } => State::Decline,
        Outcome::NotSent => State::NotSent,
        Outcome::Unknown => State::Unknown,
    };
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
        // An earlier answer said more than this one.
        _ if entry.state == State::Error => return,
        // It stays registered, so that the next run asks and sends nothing.
        Ok(_) => {
            "the platform registered it, and now does not know it".clone_into(&mut entry.evidence);
            return;
        }
        Err(error) => {
            entry.evidence = format!("registered; its status is not known: {error}");
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
    let sum = status.payment.as_ref().and_then(|payment| payment.sum.as_ref()?.money().ok());
    let message = last.and_then(|operation| operation.message.as_deref()).unwrap_or_default();
    let word = entry.status.as_deref().unwrap_or("none");
    match status.payment_status().map_or(End::Unknown, PaymentStatus::end) {
        End::Success if sum.is_some() && sum != prepared.amount() => {
            entry.evidence = format!("a signed status says `{word}`, of another sum");
            entry.state = State::Unknown;
        }
        End::Success => {
            "a signed status says `success`".clone_into(&mut entry.evidence);
            entry.state = State::Success;
        }
        End::Decline => {
            entry.evidence = format!("a signed status says `{word}`: {message}");
            entry.state = State::Decline;
        }
        // Final for the platform, and nothing says that no money has moved, or that it stayed.
        End::Error | End::Returned => {
            entry.evidence = format!("a signed status says `{word}`: ask technical support");
            entry.state = State::Error;
        }
        _ => {
            entry.evidence = format!("registered; not ended when last asked, at `{word}`");
            entry.state = State::Registered;
        }
    }
}
