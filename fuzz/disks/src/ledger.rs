//! What an inbox has promised, held against what it has stored.

use std::collections::{BTreeMap, BTreeSet};

use ecp_crash::history::{Effect, Histories, verifier};

use crate::child::LEASE;

/// The answers of an inbox.
pub(crate) struct Ledger<'a> {
    histories: &'a Histories,
    /// The payment of each body.
    payments: Vec<String>,
    /// Ids of the bodies that were answered with 200.
    acknowledged: BTreeMap<usize, i64>,
    /// The callbacks to handle, by their ids.
    entries: BTreeMap<i64, Entry>,
    is_retained: bool,
    /// Number of results that were stored by `finish`.
    pub(crate) finished: u64,
}

struct Entry {
    payment: String,
    claimed: Option<Moment>,
    finished: Finished,
    /// What handling it does, once it was claimed.
    effect: Option<Effect>,
}

/// Whether a callback was reported as done to the inbox.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Finished {
    No,
    /// The inbox answered with an error.
    Perhaps,
    Yes,
}

/// Times in milliseconds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Moment {
    /// Time that the clock shows, since 1970.
    pub(crate) now: u64,
    /// Time that has passed.
    pub(crate) elapsed: u64,
    /// Sum of the jumps forward.
    pub(crate) forward: u64,
}

impl<'a> Ledger<'a> {
    pub(crate) fn new(histories: &'a Histories) -> Result<Self, String> {
        let verifier = verifier();
        let payments = histories.sent.iter().map(|body| {
            let callback = verifier.verify(body.as_bytes()).map_err(|error| error.to_string())?;
            Ok(callback.payment_id().map(ToString::to_string).unwrap_or_default())
        });
        Ok(Self {
            histories,
            payments: payments.collect::<Result<_, String>>()?,
            acknowledged: BTreeMap::new(),
            entries: BTreeMap::new(),
            is_retained: true,
            finished: 0,
        })
    }

    /// The bodies without an answer 200.
    pub(crate) fn unanswered(&self) -> Vec<usize> {
        let all = 0..self.histories.sent.len();
        all.filter(|number| !self.acknowledged.contains_key(number)).collect()
    }

    /// Notes an answer to a POST, `NUMBER STATUS RESULT ID`. Returns whether it was 200.
    pub(crate) fn answered(&mut self, line: &str) -> Result<bool, String> {
        let fields: Vec<&str> = line.split(' ').collect();
        let [number, status, result, id] = *fields else { return Err(format!("answer {line:?}")) };
        let (number, id): (usize, i64) = (parse(number)?, parse(id)?);
        match (status, result) {
            ("200", "new") => {
                let payment = self.payments[number].clone();
                let entry = Entry { payment, claimed: None, finished: Finished::No, effect: None };
                // Sent again after an error that was an answer 200 in all but words.
                if self.entries.insert(id, entry).is_some() {
                    return Err(format!("id {id} was given twice"));
                }
                self.acknowledged.insert(number, id);
                Ok(true)
            }
            ("200", "repeated" | "same_operation") => {
                self.acknowledged.insert(number, id);
                Ok(true)
            }
            // Not stored, or it is not known.
            ("503", "-") => Ok(false),
            _ => Err(format!("unexpected answer {line:?}")),
        }
    }

    /// Notes that bodies of handled callbacks may be missing now.
    pub(crate) fn bodies_removed(&mut self) {
        self.is_retained = false;
    }

    /// Judges a delivery, `ID ATTEMPT PAYMENT OPERATION STATUS`. Returns its id, and the ids of
    /// older callbacks of its payment that were not reported as done.
    pub(crate) fn claimed(&mut self, line: &str, at: Moment) -> Result<(i64, Vec<i64>), String> {
        let fields: Vec<&str> = line.splitn(5, ' ').collect();
        let [id, _, payment, operation, status] = *fields else {
            return Err(format!("delivery {line:?}"));
        };
        let id = parse(id)?;
        let entry = self.entries.entry(id).or_insert_with(|| Entry {
            payment: payment.to_owned(),
            claimed: None,
            finished: Finished::No,
            effect: None,
        });
        if entry.finished == Finished::Yes {
            return Err(format!("handled again: {line}"));
        }
        if let Some(before) = entry.claimed
            && at.elapsed - before.elapsed + at.forward - before.forward < milliseconds(LEASE)
        {
            return Err(format!("claimed twice at once: {line}, {before:?} and {at:?}"));
        }
        entry.claimed = Some(at);
        entry.effect = Some((payment.to_owned(), parse(operation)?, status.to_owned()));
        let older = self
            .entries
            .range(..id)
            .filter(|(_, older)| older.payment == payment && older.finished == Finished::No);
        Ok((id, older.map(|(id, _)| *id).collect()))
    }

    /// Notes the result of reporting a callback as done, or as to be tried again.
    pub(crate) fn finished(
        &mut self,
        id: i64,
        is_done: bool,
        answer: &[String],
    ) -> Result<(), String> {
        let Some(entry) = self.entries.get_mut(&id) else { return Err(format!("no entry {id}")) };
        match answer.first().map(String::as_str) {
            Some("true") if is_done => {
                if entry.finished == Finished::Yes {
                    return Err(format!("{id} was finished twice"));
                }
                entry.finished = Finished::Yes;
                self.finished += 1;
            }
            // The lease is over: others may have it.
            Some("true" | "false") => {}
            _ if is_done && entry.finished == Finished::No => entry.finished = Finished::Perhaps,
            _ => {}
        }
        // Whatever was answered, the lease may have ended.
        entry.claimed = None;
        Ok(())
    }

    /// Compares what was promised with the stored callbacks (lines `ID STATE BODY`) and the effects
    /// (lines `ID PAYMENT OPERATION STATUS`).
    pub(crate) fn judge(&self, stored: &[String], effects: &[String]) -> Result<(), String> {
        let mut entries = BTreeMap::new();
        for line in stored {
            let fields: Vec<&str> = line.splitn(3, ' ').collect();
            let [id, state, body] = *fields else { return Err(format!("entry {line:?}")) };
            entries.insert(parse::<i64>(id)?, (state, body));
        }
        for (number, id) in &self.acknowledged {
            let sent = &self.histories.sent[*number];
            let Some((state, body)) = entries.get(id) else {
                return Err(format!("lost: {id}, {sent}"));
            };
            let is_removed = *body == "-" && !self.is_retained && *state != "waiting";
            if body != sent && !is_removed {
                return Err(format!("{id} has another body: {body}, not {sent}"));
            }
        }
        let handled = Self::handled(effects)?;
        for (id, entry) in &self.entries {
            let Some((state, _)) = entries.get(id) else {
                return Err(format!("lost: {id} of {}", entry.payment));
            };
            let has_effect = handled.contains(id);
            match (*state, entry.finished) {
                ("done", Finished::Yes) if has_effect => return Err(format!("done twice: {id}")),
                ("done", Finished::No) if !has_effect => return Err(format!("never done: {id}")),
                ("waiting", _) if has_effect => return Err(format!("to be done again: {id}")),
                ("done", _) | ("waiting", Finished::No | Finished::Perhaps) => {}
                (state, _) => return Err(format!("{id} is {state}")),
            }
        }
        Ok(())
    }

    /// The ids of the callbacks with an effect, each of which must have one, in the order of its
    /// payment.
    pub(crate) fn handled(effects: &[String]) -> Result<BTreeSet<i64>, String> {
        let mut handled = BTreeSet::new();
        let mut latest: BTreeMap<&str, i64> = BTreeMap::new();
        for line in effects {
            let fields: Vec<&str> = line.splitn(3, ' ').collect();
            let [id, payment, _] = *fields else { return Err(format!("effect {line:?}")) };
            let id = parse(id)?;
            if !handled.insert(id) {
                return Err(format!("done twice: {line}"));
            }
            if latest.insert(payment, id).is_some_and(|before| before > id) {
                return Err(format!("out of order: {line}"));
            }
        }
        Ok(handled)
    }

    /// Compares all that was done, here and by the worker, with the histories.
    pub(crate) fn judge_all(&self, effects: &[String]) -> Result<(), String> {
        let handled = Self::handled(effects)?;
        let mut done: BTreeSet<Effect> = BTreeSet::new();
        for line in effects {
            let fields: Vec<&str> = line.splitn(4, ' ').collect();
            let [_, payment, operation, status] = *fields else { return Err(line.clone()) };
            if !done.insert((payment.to_owned(), parse(operation)?, status.to_owned())) {
                return Err(format!("done twice: {line}"));
            }
        }
        for (id, entry) in &self.entries {
            let here = entry.finished != Finished::No && !handled.contains(id);
            if let Some(effect) = entry.effect.clone().filter(|_| here)
                && !done.insert(effect)
            {
                return Err(format!("done twice: {id}"));
            }
        }
        let missing = self.histories.effects.symmetric_difference(&done).next();
        missing.map_or(Ok(()), |effect| Err(format!("not done once: {effect:?}")))
    }
}

fn parse<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("not a number: {text:?}"))
}

fn milliseconds(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
