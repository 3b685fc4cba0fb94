//! What a process with an inbox has stored and done, held against the histories.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use ecp_inbox::PaymentState;

use crate::history::{Effect, Histories};
use crate::process::Process;

/// Time without progress after which a run is stuck. All waits are due within a second.
pub(crate) const STUCK: Duration = Duration::from_mins(1);

/// Asks a process about the payments of some histories.
pub(crate) struct Judge<'a> {
    child: &'a mut Process,
    histories: &'a Histories,
}

impl<'a> Judge<'a> {
    pub(crate) fn new(child: &'a mut Process, histories: &'a Histories) -> Self {
        Self { child, histories }
    }

    /// Waits until everything is handled, then compares with the expected results. `is_ordered` says
    /// whether the callbacks of a payment must have been handled in the order of their numbers.
    pub(crate) fn all(&mut self, round: &str, is_ordered: bool) -> Result<(), String> {
        self.wait_until_handled()?;
        if let Some(number) = self.missing()?.first() {
            return Err(format!("lost: {}", self.histories.sent[*number]));
        }
        self.states()?;
        self.effects(round, is_ordered)?;
        self.credits(round)
    }

    fn wait_until_handled(&mut self) -> Result<(), String> {
        let patience = Instant::now() + STUCK;
        loop {
            let stats = self.child.ask("waiting")?;
            match stats.first().map(String::as_str) {
                Some("0 0 0") => return Ok(()),
                _ if Instant::now() < patience => std::thread::sleep(Duration::from_millis(20)),
                stats => return Err(format!("stuck: {stats:?} wait, are held and dead")),
            }
        }
    }

    /// The callbacks that are not stored.
    pub(crate) fn missing(&mut self) -> Result<BTreeSet<usize>, String> {
        let there = self.child.ask(&format!("bodies {}", self.payments()))?;
        Ok(self.histories.missing(&there.into_iter().collect()))
    }

    fn states(&mut self) -> Result<(), String> {
        for line in self.child.ask(&format!("states {}", self.payments()))? {
            let (payment, state) = line.split_once(' ').ok_or("a line without a state")?;
            let state: Option<PaymentState> =
                serde_json::from_str(state).map_err(|error| error.to_string())?;
            if state.as_ref() != self.histories.states.get(payment) {
                return Err(format!("{payment} has another state: {state:?}"));
            }
        }
        Ok(())
    }

    fn effects(&mut self, round: &str, is_ordered: bool) -> Result<(), String> {
        let mut effects: BTreeSet<Effect> = BTreeSet::new();
        let mut latest: BTreeMap<String, i64> = BTreeMap::new();
        for line in self.child.ask(&format!("effects {round}"))? {
            let fields: Vec<&str> = line.splitn(4, ' ').collect();
            let [payment, operation, callback, status] = *fields else {
                return Err(format!("no effect: {line}"));
            };
            let operation = operation.parse().map_err(|_| "no operation")?;
            let callback: i64 = callback.parse().map_err(|_| "no callback")?;
            if !effects.insert((payment.to_owned(), operation, status.to_owned())) {
                return Err(format!("done twice: {line}"));
            }
            let before = latest.insert(payment.to_owned(), callback);
            if is_ordered && before.is_some_and(|before| before >= callback) {
                return Err(format!("out of order: {line}"));
            }
        }
        let missing = self.histories.effects.difference(&effects).next();
        missing.map_or(Ok(()), |effect| Err(format!("never done: {effect:?}")))
    }

    fn credits(&mut self, round: &str) -> Result<(), String> {
        let credits = self.child.ask(&format!("credits {round}"))?;
        let credits: BTreeSet<String> = credits.into_iter().collect();
        let must = self.histories.credits.iter();
        let must =
            must.map(|((payment, operation), amount)| format!("{payment} {operation} {amount}"));
        let must: BTreeSet<String> = must.collect();
        if credits != must {
            let odd: Vec<&String> = credits.symmetric_difference(&must).collect();
            return Err(format!("credits differ: {odd:?}"));
        }
        Ok(())
    }

    fn payments(&self) -> String {
        let payments: Vec<&str> = self.histories.states.keys().map(String::as_str).collect();
        payments.join(" ")
    }
}
