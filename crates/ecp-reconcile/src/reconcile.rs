//! Reconciliation: reads the sides and compares them payment by payment.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ecp_core::{PaymentId, Timestamp};
use ecp_inbox::{Entry, EntryState, Inbox, Query};
use ecp_payouts::{JournalError, JournalReader, Owner};
use ecp_transport::{DataApi, OperationsQuery, Sender};

use crate::compare::{compare, needs_gate};
use crate::difference::{Difference, Sum};
use crate::error::ReconcileError;
use crate::interval::{Interval, in_words};
use crate::names::OperationNames;
use crate::odd::{Odd, Oddities};
use crate::sides::{InboxState, Operation, Payout, Sides};
use crate::spool::{Kept, Spool};

/// Builder of a comparison.
///
/// Only the given sides are compared: without an inbox no callback is missing, without a journal an
/// unrequested payout cannot be detected. The example of the [crate](crate) has all of them.
#[derive(Clone, Debug)]
#[must_use]
pub struct Reconcile {
    owner: Owner,
    interval: Interval,
    inbox: Option<Arc<dyn Inbox>>,
    journals: Vec<PathBuf>,
    names: OperationNames,
}

/// Differences, payment by payment in the order of their ids.
#[derive(Debug)]
pub struct Reconciliation {
    owner: Owner,
    inbox: Option<Arc<dyn Inbox>>,
    has_journals: bool,
    sender: Sender,
    spool: Spool,
    /// The last compared payment.
    last: Option<PaymentId>,
    found: VecDeque<Difference>,
    counts: Counts,
    odd: Oddities,
}

/// Counts of a comparison so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Operations that the Data API listed.
    pub operations: u64,
    /// Payouts in the journals, whenever they were sent.
    pub payouts: u64,
    /// Callbacks that the inbox received in the interval.
    pub callbacks: u64,
    /// Compared payments.
    pub payments: u64,
    /// Status requests to Gate.
    pub questions: u64,
    /// Payments that have not ended on any side.
    pub pending: u64,
    /// Operations without a sum, compared only by their ends.
    pub without_sum: u64,
    /// Records that were not compared, or only in part. The first 100 are
    /// [listed](Reconciliation::odd).
    pub odd: u64,
    /// Payouts among them that were not compared at all: money may have left, and they cannot be
    /// assigned to a payment.
    pub odd_payouts: u64,
    /// Differences.
    pub differences: u64,
}

/// Number of callbacks per page.
const PAGE: usize = 1000;

impl Reconcile {
    /// Compares the operations of a project in an interval. The owner's address is the base address
    /// of its requests: a journal for another one is refused.
    pub fn new(owner: Owner, interval: Interval) -> Self {
        let names = OperationNames::new();
        Self { owner, interval, inbox: None, journals: Vec::new(), names }
    }

    /// Adds the callbacks of an inbox.
    pub fn inbox(self, inbox: Arc<dyn Inbox>) -> Self {
        Self { inbox: Some(inbox), ..self }
    }

    /// Adds the intended payouts of the journal at this path. May be called again for more
    /// journals: together they must hold all payouts of the project.
    pub fn journal(mut self, path: impl Into<PathBuf>) -> Self {
        self.journals.push(path.into());
        self
    }

    /// Sets the paths of an operation's members in the Data API's answer.
    pub fn names(self, names: OperationNames) -> Self {
        Self { names, ..self }
    }

    /// Reads the interval from all sides. Gate is queried later, payment by payment.
    pub async fn begin(
        self,
        data: &DataApi,
        sender: Sender,
    ) -> Result<Reconciliation, ReconcileError> {
        let (mut spool, mut counts) = (Spool::new()?, Counts::default());
        let mut odd = Oddities::default();
        // The sides that others may be writing to are read before the platform: anything that
        // happens in between is then at least on the platform.
        for (place, path) in self.journals.iter().enumerate() {
            self.read_journal(place, path, &mut spool, &mut counts, &mut odd)?;
        }
        if let Some(inbox) = &self.inbox {
            self.read_inbox(&**inbox, &mut spool, &mut counts, &mut odd).await?;
        }
        self.read_platform(data, &mut spool, &mut counts, &mut odd).await?;
        Ok(Reconciliation {
            owner: self.owner,
            inbox: self.inbox,
            has_journals: !self.journals.is_empty(),
            sender,
            spool,
            last: None,
            found: VecDeque::new(),
            counts,
            odd,
        })
    }

    async fn read_platform(
        &self,
        data: &DataApi,
        spool: &mut Spool,
        counts: &mut Counts,
        odd: &mut Oddities,
    ) -> Result<(), ReconcileError> {
        let (from, to) = (in_words(self.interval.from()), in_words(self.interval.to()));
        let query = OperationsQuery::new([self.owner.project], &from, &to)
            .map_err(ReconcileError::Interval)?;
        let mut pages = data.operations(query);
        let mut last = None;
        while let Some(page) = pages.next_page().await.map_err(ReconcileError::Data)? {
            spool.together(|spool| {
                for listed in page {
                    counts.operations += 1;
                    let record = self.names.number(&listed, counts.operations);
                    let unusable = match self.names.read(&listed) {
                        Ok(read) => {
                            spool.operation(&read.payment, &read.operation)?;
                            counts.without_sum += u64::from(read.operation.sum.is_none());
                            read.odd_sum
                        }
                        Err(unusable) => {
                            counts.odd_payouts += u64::from(unusable.is_payout);
                            Some(unusable)
                        }
                    };
                    if let Some(unusable) = unusable {
                        odd.operation(record, &unusable, counts);
                        last = Some((listed, unusable));
                    }
                }
                Ok(())
            })?;
        }
        odd.check(last.as_ref(), counts)
    }

    /// Newest first, down to the beginning of the interval. Held and dead callbacks count also
    /// after the interval: they may be about an operation in it.
    async fn read_inbox(
        &self,
        inbox: &dyn Inbox,
        spool: &mut Spool,
        counts: &mut Counts,
        odd: &mut Oddities,
    ) -> Result<(), ReconcileError> {
        let mut query = Query::default();
        query.project = Some(self.owner.project);
        query.limit = Some(PAGE);
        loop {
            let page = inbox.entries(&query).await.map_err(ReconcileError::Inbox)?;
            let Some(last) = page.last() else { return Ok(()) };
            query.before = Some(last.id);
            // Callbacks that arrive together may have their numbers in another order.
            let is_over = page.iter().all(|entry| entry.received < self.interval.from());
            spool.together(|spool| {
                page.iter().try_for_each(|entry| self.read_entry(entry, spool, counts, odd))
            })?;
            if is_over {
                return Ok(());
            }
        }
    }

    fn read_entry(
        &self,
        entry: &Entry,
        spool: &Spool,
        counts: &mut Counts,
        odd: &mut Oddities,
    ) -> Result<(), ReconcileError> {
        if entry.received < self.interval.from() {
            return Ok(());
        }
        let is_unsettled = matches!(entry.state, EntryState::Held | EntryState::Dead);
        let Some(id) = &entry.payment else {
            if is_unsettled || self.interval.contains(entry.received) {
                odd.add(format!("callback {}", entry.id), "names no payment".to_owned(), counts);
            }
            return Ok(());
        };
        // An id that Gate would refuse cannot have been requested.
        let Ok(payment) = PaymentId::new(id.as_str()) else {
            let problem = "its payment id is none that was asked for".to_owned();
            odd.add(format!("callback {}", entry.id), problem, counts);
            return Ok(());
        };
        if is_unsettled {
            spool.stuck(&payment, entry.id, entry.state)?;
        }
        if self.interval.contains(entry.received) {
            counts.callbacks += 1;
            spool.payment(&payment)?;
        }
        Ok(())
    }

    /// Reads the whole journal: a payout that the platform began in the interval may have been
    /// intended before.
    fn read_journal(
        &self,
        place: usize,
        path: &Path,
        spool: &mut Spool,
        counts: &mut Counts,
        odd: &mut Oddities,
    ) -> Result<(), ReconcileError> {
        let failed = |error| ReconcileError::Journal { path: path.to_owned(), error };
        let mut reader = JournalReader::open(path).map_err(failed)?.tolerant();
        let owner = reader.owner().map_err(failed)?;
        if owner != self.owner {
            return Err(failed(JournalError::OtherOwner(owner)));
        }
        loop {
            let page = reader.next_page().map_err(failed)?;
            if page.is_empty() {
                for entry in reader.odd() {
                    let record =
                        format!("{} in {}", entry.payment_id.escape_debug(), path.display());
                    odd.add(record, entry.problem.to_owned(), counts);
                }
                return Ok(());
            }
            counts.payouts += page.len() as u64;
            spool.together(|spool| {
                for (payment, entry) in page {
                    let sent_at = entry.sent_at.and_then(|time| Timestamp::try_from(time).ok());
                    let payout = Payout {
                        state: entry.state,
                        status: entry.status,
                        request_id: entry.request_id,
                        sum: entry.amount.map(Sum::from),
                    };
                    spool.payout(place, &payment, &payout)?;
                    if payout.was_sent() && sent_at.is_some_and(|at| self.interval.contains(at)) {
                        spool.payment(&payment)?;
                    }
                }
                Ok(())
            })?;
        }
    }
}

impl Reconciliation {
    /// The next difference, `None` after the last.
    ///
    /// After an error of Gate or the inbox, the next call compares the same payment again.
    pub async fn next(&mut self) -> Result<Option<Difference>, ReconcileError> {
        loop {
            if let Some(difference) = self.found.pop_front() {
                return Ok(Some(difference));
            }
            let Some(payment) = self.spool.after(self.last.as_ref())? else { return Ok(None) };
            let kept = self.spool.kept(&payment)?;
            let sides = self.sides(&payment, kept).await?;
            let compared = compare(&payment, &sides);
            self.counts.payments += 1;
            self.counts.pending +=
                u64::from(compared.is_pending && compared.differences.is_empty());
            self.counts.differences += compared.differences.len() as u64;
            self.found = compared.differences.into();
            self.last = Some(payment);
        }
    }

    /// Counts of a comparison so far.
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// The first 100 records that were not compared, or only in part. [`Counts::odd`] counts all.
    pub fn odd(&self) -> &[Odd] {
        self.odd.named()
    }

    async fn sides(&mut self, payment: &PaymentId, kept: Kept) -> Result<Sides, ReconcileError> {
        let inbox = match &self.inbox {
            None => None,
            Some(inbox) => {
                let state = inbox.payment(self.owner.project, payment).await;
                let state = state.map_err(ReconcileError::Inbox)?;
                Some(InboxState { state, stuck: kept.stuck })
            }
        };
        let journals = self.has_journals.then_some(kept.payouts);
        let Kept { operations: platform, contradictions, .. } = kept;
        let mut sides = Sides { platform, contradictions, journals, inbox };
        if needs_gate(&sides) {
            self.counts.questions += 1;
            let answer = self
                .sender
                .status(payment)
                .await
                .map_err(|error| ReconcileError::Gate { payment: payment.clone(), error })?;
            // Operations of the Data API's list are kept; Gate adds those outside of the interval.
            for operation in Operation::of_status(&answer) {
                let is_listed = |listed: &Operation| match operation.id {
                    Some(id) => listed.id == Some(id),
                    None => listed.kind == operation.kind,
                };
                if !sides.platform.iter().any(is_listed) {
                    sides.platform.push(operation);
                }
            }
            sides.platform.sort_by_key(|operation| operation.id);
        }
        Ok(sides)
    }
}
