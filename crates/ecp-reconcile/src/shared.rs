//! Journals in Postgres, which payers share.

use std::sync::Arc;

use ecp_payouts::JournalError;
use ecp_payouts::postgres::PostgresJournalReader;

use crate::blocking::blocking;
use crate::error::ReconcileError;
use crate::reconcile::{Read, Reconcile};

impl Reconcile {
    /// Adds the payouts of the project that are in a journal in Postgres (feature `postgres`). May
    /// be called again, and with [`Reconcile::journal`]: together the journals must hold all
    /// payouts of the project. A database without a job (the rows of one file or service) of the
    /// project at its address of Gate is an error of [`begin`](Self::begin).
    pub fn shared_journal(mut self, reader: PostgresJournalReader) -> Self {
        self.shared.push(reader);
        self
    }

    /// Reads all payouts of the owner: one that the platform began in the interval may have been
    /// intended before.
    pub(crate) async fn read_shared(
        self: &Arc<Self>,
        place: usize,
        reader: &PostgresJournalReader,
        mut read: Read,
    ) -> Result<Read, ReconcileError> {
        let failed = ReconcileError::SharedJournal;
        let owner = &self.owner;
        let jobs = reader.jobs().await.map_err(failed)?;
        if !jobs.iter().any(|job| job.owner == *owner) {
            let (project, url) = (owner.project, &owner.gate_url);
            let text = format!(
                "its database has no job of project {project} at {url}: name the database of the \
                 payers"
            );
            return Err(failed(JournalError::Storage(text.into())));
        }
        let mut rows = reader.rows(owner, None).await.map_err(failed)?;
        loop {
            let page = rows.next_page().await.map_err(failed)?;
            if page.is_empty() {
                Self::odd_entries(rows.odd(), "the journal in Postgres", &mut read);
                return Ok(read);
            }
            // Refunds are not compared.
            let payouts = page.into_iter().filter(|(id, _)| id.refund_id().is_none());
            let page = payouts.map(|(id, entry)| (id.payment_id().clone(), entry)).collect();
            let plan = Arc::clone(self);
            let work = move || {
                plan.payouts(place, page, &mut read)?;
                Ok(read)
            };
            read = blocking(work).await?;
        }
    }
}
