//! Reconciliation: reads the sides and compares them payment by payment.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ecp_core::{PaymentId, Timestamp};
use ecp_inbox::{Entry, EntryState, Inbox, Query};
#[cfg(feature = "postgres")]
use ecp_payouts::postgres::PostgresJournalReader;
use ecp_payouts::{Entry as JournalEntry, JournalError, JournalReader, OddEntry, Owner};
use ecp_transport::{DataApi, DataOperation, OperationsQuery, Sender};

use crate::blocking::blocking;
use crate::compare::{compare, needs_gate};
use crate::difference::{Difference, Sum};
use crate::error::ReconcileError;
use crate::interval::{Interval, in_words};
use crate::names::{OperationNames, Unusable};
use crate::odd::{Odd, Oddities};
use crate::sides::{InboxState, Operation, Payout, Sides};
use crate::spool::{Kept, Spool};

/// Builder of a comparison of payments between the platform, an inbox of callbacks (`ecp-inbox`)
/// and journals of payouts (`ecp-payouts`). [`begin`](Self::begin) starts the comparison.
///
/// An inbox and journals are compared with the platform only if they are added: without an inbox,
/// missing callbacks are not found, and without a journal, payouts that no program requested are
/// not found. The example of the [crate](crate) compares all sides.
#[derive(Clone, Debug)]
#[must_use]
pub struct Reconcile {
    pub(crate) owner: Owner,
    interval: Interval,
    inbox: Option<Arc<dyn Inbox>>,
    journals: Vec<PathBuf>,
    #[cfg(feature = "postgres")]
    pub(crate) shared: Vec<PostgresJournalReader>,
    names: OperationNames,
}

/// Comparison of payments between the platform, an inbox of callbacks and journals of payouts.
/// [`next`](Self::next) returns the differences one by one, in the order of the payment ids.
#[derive(Debug)]
pub struct Reconciliation {
    owner: Owner,
    inbox: Option<Arc<dyn Inbox>>,
    has_journals: bool,
    sender: Sender,
    spool: Arc<Mutex<Spool>>,
    /// The last compared payment; `None` before the first.
    last: Option<PaymentId>,
    found: VecDeque<Difference>,
    counts: Counts,
    odd: Oddities,
}

/// Counts of a comparison so far, such as compared payments and found differences.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Number of operations that the Data API listed in the interval.
    pub operations: u64,
    /// Number of payouts in the journals, also of those that were sent outside of the interval.
    pub payouts: u64,
    /// Number of callbacks about a payment that the inbox received in the interval.
    pub callbacks: u64,
    /// Number of payments compared so far.
    pub payments: u64,
    /// Number of status requests sent to Gate.
    pub questions: u64,
    /// Number of payments that have an operation without a final status on the platform, and no
    /// difference. Compare them again later.
    pub pending: u64,
    /// Number of the Data API's operations that have no sum, or an unreadable one. Their sums are
    /// not compared; type and status are.
    pub without_sum: u64,
    /// Number of records (operations, callbacks, entries of journals) that were not compared, or
    /// only in part. The first 100 are [listed](Reconciliation::odd).
    pub odd: u64,
    /// Number of payouts in the Data API's list that were not compared at all, because one of their
    /// members is missing or cannot be used. Money may have left with them: look at them in the
    /// Dashboard. They are [`odd`](Self::odd) records too.
    pub odd_payouts: u64,
    /// Number of differences found so far.
    pub differences: u64,
}

impl Counts {
    /// Whether the comparison has found no difference so far, and no payout that could not be
    /// compared ([`odd_payouts`](Self::odd_payouts)). If `false`, a person must look. The answer is
    /// final once [`Reconciliation::next`] has returned `None`. Other [`odd`](Self::odd) records,
    /// such as a held callback that names no payment, do not count here.
    pub const fn agrees(&self) -> bool {
        self.differences == 0 && self.odd_payouts == 0
    }
}

/// Number of callbacks per page.
const PAGE: usize = 1000;

/// Data read from the sides so far.
pub(crate) struct Read {
    spool: Spool,
    counts: Counts,
    odd: Oddities,
}

impl Reconcile {
    /// Makes the builder of a comparison of a project's operations in an interval. The owner is the
    /// project, with the base address of Gate to which its requests are sent: a journal of another
    /// owner is refused.
    pub fn new(owner: Owner, interval: Interval) -> Self {
        let names = OperationNames::new();
        Self {
            owner,
            interval,
            inbox: None,
            journals: Vec::new(),
            #[cfg(feature = "postgres")]
            shared: Vec::new(),
            names,
        }
    }

    /// Sets the inbox whose callbacks are compared with the operations on the platform; a second
    /// call replaces the first. Without this call, no inbox is compared.
    pub fn inbox(self, inbox: Arc<dyn Inbox>) -> Self {
        Self { inbox: Some(inbox), ..self }
    }

    /// Adds the payouts of the journal at this path; its refunds are not compared. May be called
    /// again for more journals: together they must hold all payouts of the project, because others
    /// may be reported as unrequested. No run of payouts may have the journal open when it is read;
    /// then reading it is an error.
    pub fn journal(mut self, path: impl Into<PathBuf>) -> Self {
        self.journals.push(path.into());
        self
    }

    /// Sets the paths of an operation's members in the Data API's answer, [`OperationNames::new`]
    /// by default.
    pub fn names(self, names: OperationNames) -> Self {
        Self { names, ..self }
    }

    /// Reads the payouts of the journals, the callbacks of the inbox and the operations of the Data
    /// API, and returns the comparison, or the error of the first of them that cannot be read.
    /// `sender` later requests statuses from Gate, payment by payment; neither `sender` nor `data`
    /// sends a payment.
    ///
    /// Call it inside a tokio runtime: files are read and written on the runtime's threads for
    /// blocking work.
    pub async fn begin(
        self,
        data: &DataApi,
        sender: Sender,
    ) -> Result<Reconciliation, ReconcileError> {
        let plan = Arc::new(self);
        // The sides that others may be writing to are read before the platform: anything that
        // happens in between is then at least on the platform.
        let mut read = plan.read_journals().await?;
        #[cfg(feature = "postgres")]
        for (place, reader) in plan.shared.iter().enumerate() {
            read = plan.read_shared(plan.journals.len() + place, reader, read).await?;
        }
        if let Some(inbox) = &plan.inbox {
            read = plan.read_inbox(&**inbox, read).await?;
        }
        let Read { spool, counts, odd } = plan.read_platform(data, read).await?;
        Ok(Reconciliation {
            owner: plan.owner.clone(),
            inbox: plan.inbox.clone(),
            has_journals: plan.has_journals(),
            sender,
            spool: Arc::new(Mutex::new(spool)),
            last: None,
            found: VecDeque::new(),
            counts,
            odd,
        })
    }

    fn has_journals(&self) -> bool {
        #[cfg(feature = "postgres")]
        if !self.shared.is_empty() {
            return true;
        }
        !self.journals.is_empty()
    }

    async fn read_journals(self: &Arc<Self>) -> Result<Read, ReconcileError> {
        let plan = Arc::clone(self);
        let work = move || {
            let (spool, counts) = (Spool::new()?, Counts::default());
            let mut read = Read { spool, counts, odd: Oddities::default() };
            for (place, path) in plan.journals.iter().enumerate() {
                plan.read_journal(place, path, &mut read)?;
            }
            Ok(read)
        };
        blocking(work).await
    }

    async fn read_platform(
        self: &Arc<Self>,
        data: &DataApi,
        mut read: Read,
    ) -> Result<Read, ReconcileError> {
        let (from, to) = (in_words(self.interval.from()), in_words(self.interval.to()));
        let query = OperationsQuery::new([self.owner.project], &from, &to)
            .map_err(ReconcileError::Interval)?;
        let mut pages = data.operations(query);
        let mut last = None;
        while let Some(page) = pages.next_page().await.map_err(ReconcileError::Data)? {
            let plan = Arc::clone(self);
            let work = move || {
                let latest = plan.read_page(page, &mut read)?;
                Ok((read, latest))
            };
            let latest;
            (read, latest) = blocking(work).await?;
            last = latest.or(last);
        }
        read.odd.check(last.as_ref(), &read.counts)?;
        Ok(read)
    }

    /// Reads operations of the Data API. Returns the last one that cannot be used in full.
    fn read_page(
        &self,
        page: Vec<DataOperation>,
        Read { spool, counts, odd }: &mut Read,
    ) -> Result<Option<(DataOperation, Unusable)>, ReconcileError> {
        spool.together(|spool| {
            let mut last = None;
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
            Ok(last)
        })
    }

    /// Newest first, down to the beginning of the interval. Held and dead callbacks count also
    /// after the interval: they may be about an operation in it.
    async fn read_inbox(
        self: &Arc<Self>,
        inbox: &dyn Inbox,
        mut read: Read,
    ) -> Result<Read, ReconcileError> {
        let mut query = Query::default();
        query.project = Some(self.owner.project);
        query.limit = Some(PAGE);
        loop {
            let page = inbox.entries(&query).await.map_err(ReconcileError::Inbox)?;
            let Some(last) = page.last() else { return Ok(read) };
            query.before = Some(last.id);
            // Callbacks that arrive together may have their numbers in another order.
            let is_over = page.iter().all(|entry| entry.received < self.interval.from());
            let plan = Arc::clone(self);
            let work = move || {
                let Read { spool, counts, odd } = &mut read;
                spool.together(|spool| {
                    page.iter().try_for_each(|entry| plan.read_entry(entry, spool, counts, odd))
                })?;
                Ok(read)
            };
            read = blocking(work).await?;
            if is_over {
                return Ok(read);
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
            let problem =
                "its payment id is one that Gate refuses, so it was never requested".to_owned();
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
        read: &mut Read,
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
                Self::odd_entries(reader.odd(), &path.display().to_string(), read);
                return Ok(());
            }
            self.payouts(place, page, read)?;
        }
    }

    pub(crate) fn odd_entries(entries: &[OddEntry], journal: &str, read: &mut Read) {
        for entry in entries {
            let record = format!("{} in {journal}", entry.payment_id.escape_debug());
            read.odd.add(record, entry.problem.to_owned(), &mut read.counts);
        }
    }

    /// Adds payouts of the journal with that index.
    pub(crate) fn payouts(
        &self,
        place: usize,
        page: Vec<(PaymentId, JournalEntry)>,
        Read { spool, counts, .. }: &mut Read,
    ) -> Result<(), ReconcileError> {
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
        })
    }
}

impl Reconciliation {
    /// Returns the next difference, `None` after the last one. After an error of Gate or the inbox,
    /// a further call compares the same payment again.
    pub async fn next(&mut self) -> Result<Option<Difference>, ReconcileError> {
        loop {
            if let Some(difference) = self.found.pop_front() {
                return Ok(Some(difference));
            }
            let Some((payment, kept)) = self.next_payment().await? else { return Ok(None) };
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

    /// The counts of the comparison so far, such as compared payments and found differences.
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// The first 100 records (operations, journal entries and callbacks) that were not compared, or
    /// only in part. [`Counts::odd`] counts all.
    pub fn odd(&self) -> &[Odd] {
        self.odd.named()
    }

    /// The payment after the last one, and what was read of it.
    async fn next_payment(&self) -> Result<Option<(PaymentId, Kept)>, ReconcileError> {
        let (spool, last) = (Arc::clone(&self.spool), self.last.clone());
        let work = move || {
            let spool = spool.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(payment) = spool.after(last.as_ref())? else { return Ok(None) };
            let kept = spool.kept(&payment)?;
            Ok(Some((payment, kept)))
        };
        blocking(work).await
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
