//! A run of a payer over a plan: which row is worked on when.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until, timeout_at};
use tracing::{Instrument, Span};

use crate::journal::{Entry, JournalError, State, Taken};
use crate::payer::Payer;
use crate::plan::Plan;
use crate::progress::{Counts, Progress, Stop};
use crate::row::{Row, RowId};

/// A run in progress.
pub(crate) struct Run<'r> {
    payer: Arc<Payer>,
    plan: &'r Plan,
    stop: &'r Stop,
    progress: &'r dyn Progress,
    span: Span,
    counts: Counts,
    at_work: JoinSet<Ended>,
    /// Rows that another payer works on. They are looked at again until they have ended or are
    /// free.
    busy: Vec<Row>,
}

/// A row and its state, or why it has none.
type Ended = (Row, Result<State, JournalError>);

/// Number of rows that are reserved together.
const TOGETHER: usize = 64;

impl<'r> Run<'r> {
    pub(crate) fn new(
        payer: Payer,
        plan: &'r Plan,
        stop: &'r Stop,
        progress: &'r dyn Progress,
        span: Span,
    ) -> Self {
        let counts = Counts { rows: plan.len() as u64, ..Counts::default() };
        let (payer, at_work, busy) = (Arc::new(payer), JoinSet::new(), Vec::new());
        Self { payer, plan, stop, progress, span, counts, at_work, busy }
    }

    pub(crate) async fn finish(mut self) -> Result<Counts, JournalError> {
        let known = self.payer.journal.entries().await?;
        self.check(&known)?;
        let mut rows = self.plan.rows();
        let mut left = self.rows(&mut rows, &known).await?;
        // Rows of other payers are looked at again until each has ended or is taken over here.
        while !self.stop.is_stopped() && (!self.busy.is_empty() || !self.at_work.is_empty()) {
            self.wait_for_others().await?;
            let mut busy = std::mem::take(&mut self.busy).into_iter();
            let not_begun = self.rows(&mut busy, &known).await?;
            // A stop leaves them to the other payers, which may have sent them.
            self.busy.extend(not_begun);
            self.busy.extend(busy);
        }
        let end = Instant::now() + self.payer.settings.grace;
        while let Ok(Some(ended)) = timeout_at(end, self.at_work.join_next()).await {
            self.note(ended)?;
        }
        // The remaining rows are left as if the process had ended: the journal has their intents.
        self.counts.unknown += (self.at_work.len() + self.busy.len()) as u64;
        self.at_work.shutdown().await;
        left.extend(rows);
        if !left.is_empty() {
            self.count_left(&left).await?;
        }
        Ok(self.counts)
    }

    /// Counts the rows that a stopped run did not begin, by what the journal says of them now: an
    /// earlier run, or another payer, may have sent them.
    async fn count_left(&mut self, left: &[Row]) -> Result<(), JournalError> {
        let known = self.payer.journal.entries().await?;
        for row in left {
            let entry = known.get(&row.request.id());
            let state = entry.map_or(State::NotSent, |entry| entry.state);
            self.counts.add(state);
            self.counts.before += u64::from(state.is_final());
        }
        Ok(())
    }

    /// Compares all rows with the journal before anything is sent.
    fn check(&self, known: &HashMap<RowId, Entry>) -> Result<(), JournalError> {
        for row in self.plan.rows() {
            let id = row.request.id();
            if known.get(&id).is_some_and(|entry| self.differs(&row, entry)) {
                return Err(JournalError::Changed { row: id });
            }
        }
        match self.plan.check_against(known) {
            Err(JournalError::OtherFile { .. }) if self.payer.settings.shared_journal => Ok(()),
            checked => checked,
        }
    }

    /// Whether a row that may have been sent was another one then.
    fn differs(&self, row: &Row, entry: &Entry) -> bool {
        entry.state != State::NotSent && entry.digest != self.payer.digest(&row.request)
    }

    /// Begins rows until the run is stopped, and returns those that it took from the iterator but did
    /// not begin. Those that had ended before the run are counted.
    async fn rows(
        &mut self,
        rows: &mut (impl Iterator<Item = Row> + Send),
        known: &HashMap<RowId, Entry>,
    ) -> Result<Vec<Row>, JournalError> {
        let limit = self.payer.settings.at_work.get();
        let together = limit.min(TOGETHER);
        let mut next = Vec::with_capacity(together);
        for row in rows {
            let id = row.request.id();
            if let Some(before) = known.get(&id).filter(|entry| entry.state.is_final()) {
                self.counts.before += 1;
                self.count(&id, before.state);
                continue;
            }
            next.push(row);
            if next.len() == together {
                self.begin(&mut next, limit).await?;
            }
            if self.stop.is_stopped() {
                break;
            }
        }
        self.begin(&mut next, limit).await?;
        Ok(next)
    }

    /// Reserves rows together and begins those that were free.
    async fn begin(&mut self, next: &mut Vec<Row>, limit: usize) -> Result<(), JournalError> {
        while self.at_work.len() + next.len() > limit && !self.stop.is_stopped() {
            tokio::select! {
                Some(ended) = self.at_work.join_next() => self.note(ended)?,
                () = self.stop.stopped() => {}
            }
        }
        if self.stop.is_stopped() || next.is_empty() {
            return Ok(());
        }
        let ids: Vec<RowId> = next.iter().map(|row| row.request.id()).collect();
        let taken = self.payer.journal.take(&ids).await?;
        let differs = |(row, taken): (&Row, &Taken)| {
            taken.entry().is_some_and(|entry| self.differs(row, entry)).then(|| row.request.id())
        };
        if let Some(row) = next.iter().zip(&taken).find_map(differs) {
            for (id, taken) in ids.iter().zip(&taken) {
                if let Taken::Held(held) = taken {
                    self.payer.journal.release(id, held.token, false);
                }
            }
            return Err(JournalError::Differs { row });
        }
        for (row, taken) in next.drain(..).zip(taken) {
            match taken {
                Taken::Held(held) => {
                    let (payer, stop) = (Arc::clone(&self.payer), self.stop.clone());
                    let work = async move {
                        let unwatched = watch::Sender::new(None);
                        let state = payer.row(&row.request, held, &stop, unwatched).await;
                        (row, state)
                    };
                    self.at_work.spawn(work.instrument(self.span.clone()));
                }
                Taken::Ended(entry) => self.count(&row.request.id(), entry.state),
                Taken::Busy(_) => self.busy.push(row),
            }
        }
        // Rows that have ended meanwhile are reported.
        while let Some(ended) = self.at_work.try_join_next() {
            self.note(ended)?;
        }
        tokio::task::yield_now().await;
        Ok(())
    }

    /// Waits until a row of another payer may be free, or until nothing is left to wait for.
    async fn wait_for_others(&mut self) -> Result<(), JournalError> {
        let look_again = Instant::now() + self.payer.journal.pause();
        while !self.stop.is_stopped() && (!self.at_work.is_empty() || !self.busy.is_empty()) {
            tokio::select! {
                Some(ended) = self.at_work.join_next() => self.note(ended)?,
                () = sleep_until(look_again), if !self.busy.is_empty() => break,
                () = self.stop.stopped() => {}
            }
        }
        Ok(())
    }

    fn note(&mut self, ended: Result<Ended, JoinError>) -> Result<(), JournalError> {
        let (row, state) = ended.map_err(|error| JournalError::Storage(error.into()))?;
        match state {
            Ok(state) => {
                self.count(&row.request.id(), state);
                Ok(())
            }
            // The other payer will end it.
            Err(JournalError::Lost { .. }) => {
                self.busy.push(row);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn count(&mut self, id: &RowId, state: State) {
        self.counts.add(state);
        self.progress.row(id.payment_id(), state, &self.counts);
    }
}
