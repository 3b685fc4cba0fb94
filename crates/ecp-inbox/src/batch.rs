//! What storing several callbacks together comes to: the same as storing them one after the other.

use std::collections::HashMap;

use crate::accept::{Digest, Record};
use crate::entry::{EntryId, EntryState};
use crate::inbox::Accepted;
use crate::state::{Change, PaymentState};

/// A payment while callbacks about it are stored: what the store holds of it, and what the
/// callbacks before this one in the batch add to that.
///
/// Callbacks of different payments have nothing in common: the digests of their contents and
/// meanings include the payment.
#[derive(Debug)]
pub(crate) struct PaymentFold {
    state: PaymentState,
    is_moved: bool,
    /// Stored callbacks with the contents of callbacks in the batch.
    contents: HashMap<Digest, EntryId>,
    /// Stored callbacks, neither held nor repeated, with the meanings of callbacks in the batch.
    meanings: HashMap<Digest, EntryId>,
}

/// What is to be written for a callback.
#[derive(Debug)]
pub(crate) enum Decision {
    /// One more reception of a stored callback, which may be in the same batch.
    Repeat(EntryId),
    /// A new entry.
    Store(NewEntry),
}

/// An entry to be written.
#[derive(Debug)]
pub(crate) struct NewEntry {
    pub(crate) id: EntryId,
    pub(crate) state: EntryState,
    /// The callback that reported the same, if this one is repeated.
    pub(crate) first: Option<EntryId>,
    pub(crate) change: Change,
}

impl PaymentFold {
    /// The payment as it is stored, or, without a callback, its default.
    pub(crate) fn new(state: PaymentState) -> Self {
        Self { state, is_moved: false, contents: HashMap::new(), meanings: HashMap::new() }
    }

    /// Notes the stored callback with the content of one in the batch.
    pub(crate) fn has_content(&mut self, content: Digest, id: EntryId) {
        self.contents.insert(content, id);
    }

    /// Notes the stored callback with the meaning of one in the batch, which is neither held nor
    /// repeated.
    pub(crate) fn has_meaning(&mut self, meaning: Digest, id: EntryId) {
        self.meanings.insert(meaning, id);
    }

    /// Decides about the next callback of the payment, which gets this id if it is new.
    pub(crate) fn take(&mut self, record: &Record, id: EntryId) -> Decision {
        if let Some(&known) = self.contents.get(&record.content) {
            return Decision::Repeat(known);
        }
        self.contents.insert(record.content, id);
        let first = record.meaning.as_ref().and_then(|meaning| self.meanings.get(meaning)).copied();
        let state = match first {
            Some(_) => EntryState::Repeated,
            None if record.held => EntryState::Held,
            None => EntryState::Waiting,
        };
        let mut change = Change::default();
        if state == EntryState::Waiting {
            let before = self.state.clone();
            change = self.state.apply(&record.update);
            self.is_moved |= self.state != before;
            self.meanings.extend(record.meaning.map(|meaning| (meaning, id)));
        }
        Decision::Store(NewEntry { id, state, first, change })
    }

    /// The state after the batch, if the batch changed it.
    pub(crate) fn moved(&self) -> Option<&PaymentState> {
        self.is_moved.then_some(&self.state)
    }

    pub(crate) const fn state(&self) -> &PaymentState {
        &self.state
    }
}

impl NewEntry {
    /// The result for the caller.
    pub(crate) const fn accepted(&self) -> Accepted {
        match (self.state, self.first) {
            (_, Some(first)) => Accepted::SameOperation { id: self.id, first },
            (EntryState::Held, None) => Accepted::Held(self.id),
            (_, None) => Accepted::New(self.id),
        }
    }
}
