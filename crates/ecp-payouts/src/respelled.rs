//! Comparison of a file with a journal: a spreadsheet may have changed ids between two runs.

use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher;

use ecp_core::PaymentId;

use crate::alike;
use crate::columns::PAYMENT_ID;
use crate::journal::{Entry, JournalError, State};
use crate::plan::{Plan, Row};
use crate::problem::{Problem, Problems};

impl Plan {
    /// Checks that no row would be paid again under another spelling of its id, by the entries of a
    /// journal ([`Journal::read`](crate::Journal::read)). A [`Payer`](crate::Payer) does this
    /// before it sends anything.
    ///
    /// [`JournalError::Respelled`] lists every row that is not in the journal and looks like a
    /// payout that may have been sent and is not in the file. [`JournalError::OtherFile`] means
    /// that no sent payout is in the file, which has new rows.
    pub fn check_against<S: BuildHasher>(
        &self,
        entries: &HashMap<PaymentId, Entry, S>,
    ) -> Result<(), JournalError> {
        let was_sent = |entry: &Entry| entry.state != State::NotSent;
        let sent = entries.values().filter(|entry| was_sent(entry)).count();
        if sent == 0 {
            return Ok(());
        }
        let known = |row: &Row| {
            let known = entries.get_key_value(row.prepared.payment_id());
            known.filter(|(_, entry)| was_sent(entry)).map(|(id, _)| id)
        };
        let here: HashSet<&PaymentId> = self.rows().filter_map(|row| known(&row)).collect();
        if here.len() == self.len() || here.len() == sent {
            return Ok(());
        }
        let mut missing = HashMap::<String, &PaymentId>::new();
        for (id, entry) in entries {
            if was_sent(entry) && !here.contains(id) {
                let first = missing.entry(alike::key(id.as_str())).or_insert(id);
                *first = id.min(first);
            }
        }
        let problem = |row: Row| {
            let new = row.prepared.payment_id();
            let old = missing.get(&alike::key(new.as_str()))?;
            let text = format!(
                "`{new}` is new and looks like `{old}`, which may have been sent before and is not in \
                 the file any more: write it as it was; a new payout needs an id that looks different"
            );
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
