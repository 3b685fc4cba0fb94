//! What the file has of an engine, and what has changed of it.

use std::time::Duration;

use ecp_core::{Currency, ProjectId, Timestamp};
use serde::Serialize;

use super::data::{Changes, Kept, Whole};
use super::file::Problem;
use super::rows::{KeptDelivery, KeptEntry, read};
use crate::engine::Core;
use crate::engine::events::EventLog;
use crate::engine::faults::{Book, FaultRule};
use crate::engine::time::Time;

impl Core {
    /// Begins to record what changes, with everything that there is.
    pub(super) fn keep_all(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
        (state.touched.is_kept, state.pendings.is_kept) = (true, true);
        state.forget_beyond(self.config.payment_history);
        self.faults.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner).keep();
    }

    /// Returns what has changed since the last call. `latest` is the latest event in the file.
    pub(super) fn changes(&self, latest: u64) -> Changes {
        // Whatever changes a payment holds this lock until all of it is done, its events included.
        let mut state = self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let book = self.faults.lock().unwrap_or_else(std::sync::PoisonError::into_inner).changes();
        let payments = std::mem::take(&mut state.touched.payments);
        let payments = payments.into_iter().map(|number| {
            let entry = state.entries.get(&number);
            (number, entry.map(|entry| json(&KeptEntry::of(entry))))
        });
        let payments = payments.collect();
        let deliveries = std::mem::take(&mut state.pendings.touched);
        let deliveries = deliveries.into_iter().map(|id| {
            let pending = state.pendings.open.get(&id);
            (id, pending.map(|pending| (json(&KeptDelivery::of(pending)), pending.body.clone())))
        });
        let deliveries = deliveries.collect();
        let taken = std::mem::take(&mut state.touched.taken);
        let events = self.log.after(latest);
        let money = |(&(project, currency), &minor): (&(ProjectId, Currency), &i64)| {
            (project.get(), currency.code().to_owned(), minor)
        };
        let whole = Whole {
            requests: state.requests,
            registered: state.registered,
            follow_ups: state.follow_ups,
            pages: state.deliveries,
            deliveries: state.pendings.count,
            endings: state.endings,
            faults: book.added,
            events: events.last().map_or(latest, |event| event.sequence),
            funds: state.funds.iter().map(money).collect(),
            configured: self.config.faults.iter().map(FaultRule::to_json).collect(),
            virtual_time: self.time.virtual_time().map(|(start, elapsed)| {
                let elapsed = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
                (start.unix_seconds(), elapsed)
            }),
        };
        let oldest_event = self.log.oldest();
        Changes { whole: json(&whole), payments, deliveries, taken, book, events, oldest_event }
    }
}

impl Kept {
    /// Fills a new engine with what the file has.
    pub(super) fn fill(self, core: &mut Core) -> Result<(), Problem> {
        let Self { whole, payments, deliveries, taken, rules, draws, events } = self;
        core.time = time(&whole, &core.time)?;
        let configured: Vec<String> = core.config.faults.iter().map(FaultRule::to_json).collect();
        let was_configured = configured == whole.configured;
        let book = Book::resumed(&core.config.faults, was_configured, whole.faults, rules, draws)?;
        *core.faults.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner) = book;
        let (most, most_bytes) = (core.config.event_history, core.config.event_bytes);
        core.log = EventLog::resumed(most, most_bytes, whole.events, events);
        let state = core.state.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
        state.requests = whole.requests;
        state.registered = whole.registered;
        state.follow_ups = whole.follow_ups;
        state.deliveries = whole.pages;
        state.endings = whole.endings;
        state.pendings.count = whole.deliveries;
        for (project, code, minor) in whole.funds {
            let project = ProjectId::new(project).map_err(|error| error.to_string())?;
            let currency = code.parse().map_err(|_| {
                format!("the balance of project {project}: the currency `{code}` is not known")
            })?;
            state.funds.insert((project, currency), minor);
        }
        for hash in taken {
            state.taken.add_hash(hash);
        }
        let mut ended: Vec<(u64, u64)> = Vec::new();
        for (number, text) in payments {
            let kept = read::<KeptEntry>(&text);
            let entry = kept.and_then(|kept| kept.entry(&core.config.registry));
            let entry = entry.map_err(|problem| format!("payment {number}: {problem}"))?;
            ended.extend(entry.ending.map(|place| (place, number)));
            state.insert(number, entry);
        }
        ended.sort_unstable();
        state.ended = ended.into_iter().map(|(_, number)| number).collect();
        for (id, text, body) in deliveries {
            let pending = read::<KeptDelivery>(&text).and_then(|kept| kept.pending(body));
            let pending = pending.map_err(|problem| format!("delivery {id}: {problem}"))?;
            state.pendings.waits = state.pendings.waits.max(pending.place);
            state.pendings.open.insert(id, pending);
        }
        Ok(())
    }
}

/// The time that goes on where the file's ended.
fn time(whole: &Whole, configured: &Time) -> Result<Time, Problem> {
    match whole.virtual_time {
        None if configured.is_virtual() => Err(Problem::Text(
            "its time is the machine's, and the sandbox has virtual time: leave out --clock virtual, \
             or use another file"
                .to_owned(),
        )),
        Some(_) if !configured.is_virtual() => Err(Problem::Text(
            "its time is virtual, and the sandbox has the machine's: use --clock virtual, or another \
             file"
                .to_owned(),
        )),
        None => Ok(configured.clone()),
        Some((start, elapsed)) => {
            let start = Timestamp::from_unix_seconds(start).map_err(|error| error.to_string())?;
            Ok(Time::resumed(start, Duration::from_millis(elapsed)))
        }
    }
}

fn json(value: &impl Serialize) -> String {
    let Ok(text) = serde_json::to_string(value) else {
        unreachable!("maps with text keys always serialise")
    };
    text
}
