//! Decisions about several callbacks that are stored together. The results are the same as if the
//! callbacks were stored one after the other.

use std::collections::HashMap;

use crate::accept::{Digest, Record};
use crate::entry::{EntryId, EntryState};
use crate::inbox::Accepted;
use crate::state::{Change, PaymentState};

/// The state of a payment while a batch of callbacks about it is stored: the stored state, changed
/// by the callbacks of the batch that were decided so far.
///
/// Callbacks of different payments never count as repeated: the digests of their contents and
/// meanings include the payment.
#[derive(Debug)]
pub(crate) struct PaymentFold {
    state: PaymentState,
    is_moved: bool,
    /// Ids of callbacks that are stored already, or that come earlier in the batch, by the digest
    /// of their project and received bytes. A callback of the batch with the same digest repeats
    /// one of them byte for byte.
    contents: HashMap<Digest, EntryId>,
    /// Ids of callbacks that are stored already, or that come earlier in the batch, by the digest
    /// of their operation and its reported values. A callback of the batch with the same digest
    /// reports the same in other bytes. Callbacks that are held (Gate has not confirmed them) or
    /// that repeat another one are left out.
    meanings: HashMap<Digest, EntryId>,
}

/// An entry to be written.
#[derive(Debug)]
pub(crate) struct NewEntry {
    pub(crate) id: EntryId,
    pub(crate) state: EntryState,
    /// The id of the earlier callback that reported the same, if this one is a repetition.
    pub(crate) first: Option<EntryId>,
    pub(crate) change: Change,
}

impl PaymentFold {
    /// Starts with the stored state of the payment, or with the default state if the payment has no
    /// stored callback.
    pub(crate) fn new(state: PaymentState) -> Self {
        Self { state, is_moved: false, contents: HashMap::new(), meanings: HashMap::new() }
    }

    /// Notes the id of a stored callback that has the same content as one in the batch.
    pub(crate) fn has_content(&mut self, content: Digest, id: EntryId) {
        self.contents.insert(content, id);
    }

    /// Notes the id of a stored callback that has the same meaning as one in the batch, and that is
    /// neither held nor repeated.
    pub(crate) fn has_meaning(&mut self, meaning: Digest, id: EntryId) {
        self.meanings.insert(meaning, id);
    }

    /// The id of the entry that has the same content, stored or in the batch.
    pub(crate) fn known(&self, record: &Record) -> Option<EntryId> {
        self.contents.get(&record.content).copied()
    }

    /// Makes an entry with this id of the next callback of the batch, whose content is not known,
    /// and changes the state accordingly.
    pub(crate) fn store(&mut self, record: &Record, id: EntryId) -> NewEntry {
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
        NewEntry { id, state, first, change }
    }

    /// The state of the payment after the batch, `None` if the batch did not change it.
    pub(crate) fn moved(&self) -> Option<&PaymentState> {
        self.is_moved.then_some(&self.state)
    }
}

impl NewEntry {
    /// The result for the caller that stored the callback.
    pub(crate) const fn accepted(&self) -> Accepted {
        match (self.state, self.first) {
            (_, Some(first)) => Accepted::SameOperation { id: self.id, first },
            (EntryState::Held, None) => Accepted::Held(self.id),
            (_, None) => Accepted::New(self.id),
        }
    }
}
