//! Comparison of a file with a journal: a spreadsheet may have changed ids between two runs.

use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher;

use ecp_core::PaymentId;

use crate::alike;
use crate::columns::PAYMENT_ID;
use crate::journal::{Entry, JournalError, State};
use crate::plan::Plan;
use crate::problem::{Problem, Problems};
use crate::row::{Row, RowId};

impl Plan {
    /// The rows of the plan that differ from the request in a journal under the same id, which may
    /// have been sent: each with its line and what to do. `entries` are the records of the journal
    /// ([`Journal::read`](crate::Journal::read)). A [`Payer`](crate::Payer) sends nothing of a file
    /// that has such a row ([`JournalError::Changed`]).
    pub fn changed<S: BuildHasher>(&self, entries: &HashMap<RowId, Entry, S>) -> Vec<Problem> {
        let problem = |row: Row| {
            let id = row.request.id();
            let entry = entries.get(&id).filter(|entry| entry.state != State::NotSent)?;
            if entry.digest == row.request.digest(self.project()) {
                return None;
            }
            let what = match (entry.amount, row.request.amount()) {
                (Some(then), Some(now)) if then != now => {
                    format!("it was {then} and is {now}")
                }
                _ => "a field of the request, such as the account, is another".to_owned(),
            };
            let text = format!(
                "the row ({id}) differs from its request in the journal, which may have been sent \
                 ({what}): restore the row, or give the new row an id of its own"
            );
            Some(Problem { line: row.line, field: None, text })
        };
        self.rows().filter_map(problem).collect()
    }

    /// Checks that no row of the plan repeats an earlier payout or refund under another spelling of
    /// its id, such as `p-1` for `P-1`. `entries` are the records of the journal
    /// ([`Journal::read`](crate::Journal::read)). A [`Payer`](crate::Payer) makes this check before
    /// it sends anything.
    ///
    /// The errors are:
    ///
    /// - [`JournalError::Respelled`]: the id of a new row differs only in its spelling (such as
    ///   case) from the id of a row that may have been sent and is no longer in the file; or the
    ///   new row refunds a payment of which another refund has not ended, and the row of that
    ///   refund is no longer in the file.
    /// - [`JournalError::OtherFile`]: the file has new rows, and none of the rows that may have
    ///   been sent.
    pub fn check_against<S: BuildHasher>(
        &self,
        entries: &HashMap<RowId, Entry, S>,
    ) -> Result<(), JournalError> {
        let was_sent = |entry: &Entry| entry.state != State::NotSent;
        let sent = entries.values().filter(|entry| was_sent(entry)).count();
        if sent == 0 {
            return Ok(());
        }
        let known = |row: &Row| {
            let known = entries.get_key_value(&row.request.id());
            known.filter(|(_, entry)| was_sent(entry)).map(|(id, _)| id)
        };
        let here: HashSet<&RowId> = self.rows().filter_map(|row| known(&row)).collect();
        if here.len() == self.len() || here.len() == sent {
            return Ok(());
        }
        let mut missing = HashMap::<String, &RowId>::new();
        let mut open_refunds = HashMap::<&PaymentId, &RowId>::new();
        for (id, entry) in entries {
            if was_sent(entry) && !here.contains(id) {
                let first = missing.entry(alike::row_key(id)).or_insert(id);
                *first = id.min(first);
                if id.refund_id().is_some() && !entry.state.is_final() {
                    let first = open_refunds.entry(id.payment_id()).or_insert(id);
                    *first = id.min(first);
                }
            }
        }
        let problem = |row: Row| {
            let new = row.request.id();
            let payment = new.payment_id();
            let text = if let Some(old) = missing.get(&alike::row_key(&new)) {
                let [new, old] = [&new, *old].map(name);
                format!(
                    "`{new}` is new and looks like `{old}`, which may have been sent before and is \
                     not in the file any more: write it as it was; a new row needs an id that looks \
                     different"
                )
            } else {
                let old = open_refunds.get(payment).filter(|_| new.refund_id().is_some())?;
                let old = name(old);
                format!(
                    "`{payment}` may have been refunded before, as `{old}`, which has not ended and \
                     is not in the file any more: put that row back"
                )
            };
            Some(Problem { line: row.line, field: Some(PAYMENT_ID.to_owned()), text })
        };
        let new = self.rows().filter(|row| known(row).is_none());
        let problems: Vec<Problem> = new.filter_map(problem).collect();
        match (problems.is_empty(), here.is_empty()) {
            (false, _) => Err(JournalError::Respelled(Problems::all(problems))),
            (true, true) => Err(JournalError::OtherFile { sent }),
            (true, false) => Ok(()),
        }
    }
}

/// The id that tells a row from others.
fn name(id: &RowId) -> &str {
    id.refund_id().unwrap_or(id.payment_id().as_str())
}
