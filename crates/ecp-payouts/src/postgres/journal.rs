//! A journal in Postgres.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Place;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use ecp_transport::SharedLimits;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::Instant;
use tokio_postgres::types::Type;

use super::limits::Limits;
use super::reader::{FIND, names, plan_entries};
use super::rows::{COLUMNS, Keys, Stored, read};
use super::schema;
use super::session::{Failure, Parameter, Pool, Session, again};
use super::writer::{Job, Write, write};
use crate::journal::{Entry, Held, JournalError, JournalStore, Owner, Store, Taken};
use crate::plan::Plan;
use crate::row::RowId;

/// A journal of payouts in Postgres 12 or newer, in the schema `ecp_payouts` of a database. Any
/// number of payers, on any machines, can have it open at the same time, and share the rows of a
/// job.
///
/// - **A payout is made once under each id of an [`Owner`]**, and a refund once under each id of a
///   refund, whichever job it is in. A job is a name for the rows of one file, or of one service.
/// - **A row is worked on by one payer at a time.** A payer has its rows until its lease ends, which
///   it renews while it lives ([`PostgresJournalOptions::lease`](super::PostgresJournalOptions::lease)).
///   The rows of a payer that died go to the others then; those of a payer that ended go to them at
///   once.
/// - **An intent that another payer stored counts as sent.** An intent is the record that a request
///   is about to be sent. The new payer requests the status first, and sends nothing until the
///   platform's answer proves that the first request did not arrive. The old payer, should it live,
///   can store no further intent for the row, so it sends nothing.
/// - **All payers of an owner share the requests per second and the retry budget** of their
///   [`SendPolicy`](ecp_transport::SendPolicy), which should be the same for all. The limit on
///   requests at once is each payer's own.
/// - Leases and the ages of requests are measured by the clock of the server, so clocks of payers do
///   not matter. Those of a primary and its standbys must agree to much less than
///   [`Settings::not_found_after`](crate::Settings::not_found_after): a promoted standby compares its
///   clock with times of the old primary.
///
/// Operations are tried again while the server is away, for some time
/// ([`PostgresJournalOptions::patience`](super::PostgresJournalOptions::patience)). If it has a
/// synchronous standby, an intent is on that too before its request leaves.
///
/// It holds ids, sums, times and results, and of the rest of a request only a digest. Clones share
/// the lease, which ends when the last of them is dropped.
///
/// It is opened by [`PostgresJournal::open`], or with other settings or TLS by
/// [`PostgresJournalOptions`](super::PostgresJournalOptions).
#[derive(Clone)]
pub struct PostgresJournal(Arc<Handle>);

/// Ends the writing when it is dropped.
struct Handle {
    jobs: mpsc::UnboundedSender<Job>,
    inner: Arc<Inner>,
    heartbeat: AbortHandle,
    /// The task that writes to the database; `None` once [`PostgresJournal::close`] waits for it.
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.heartbeat.abort();
    }
}

/// What the tasks of a journal share.
pub(super) struct Inner {
    pub(super) pool: Pool,
    pub(super) owner: i64,
    job: i64,
    pub(super) payer: i64,
    lease: Duration,
    lease_seconds: f64,
    /// The earliest time at which the lease of this payer may end. Until then its rows are its own.
    lease_until: Mutex<Instant>,
    /// The rows that tasks of this process have reserved, with the token of each reservation, or
    /// [`NOT_YET`] if the server has not answered yet.
    held: Mutex<HashMap<RowId, i64>>,
}

/// The lease of a payer. One whose row is gone gets it back: what others took over since has other
/// tokens.
const RENEW: &str = "
    INSERT INTO ecp_payouts.payers (id, lease_until)
    VALUES ($1, clock_timestamp() + make_interval(secs => $2))
    ON CONFLICT (id) DO UPDATE SET lease_until = excluded.lease_until";

impl Inner {
    pub(super) fn lease_until(&self) -> Instant {
        *self.lease_until.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_lease_until(&self, until: Instant) {
        let mut now = self.lease_until.lock().unwrap_or_else(PoisonError::into_inner);
        *now = until.max(*now);
    }

    fn held(&self) -> MutexGuard<'_, HashMap<RowId, i64>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a task of this process has a row, or is about to get it.
    pub(super) fn holds(&self, id: &RowId) -> bool {
        self.held().contains_key(id)
    }

    fn renewal(&self) -> [Parameter<'_>; 2] {
        [(&self.payer, Type::INT8), (&self.lease_seconds, Type::FLOAT8)]
    }

    /// Renews the lease now and then, until the task is aborted.
    async fn renew(self: Arc<Self>) {
        loop {
            tokio::time::sleep(self.lease / 3).await;
            let renewed = again!(self.pool, |session| {
                let begun = Instant::now();
                session.alone(RENEW, &self.renewal()).await?;
                begun
            });
            match renewed {
                Ok(begun) => self.set_lease_until(begun + self.lease),
                Err(failure) => {
                    let error = JournalError::from(failure);
                    tracing::warn!("the lease of a payer cannot be renewed: {error}");
                }
            }
        }
    }

    /// Ends the lease, so that the rows go to other payers at once.
    pub(super) async fn leave(&self) {
        let sql = "DELETE FROM ecp_payouts.payers WHERE id = $1";
        let left =
            again!(self.pool, |session| session.alone(sql, &[(&self.payer, Type::INT8)]).await?);
        if let Err(failure) = left {
            let error = JournalError::from(failure);
            tracing::warn!("the lease of a payer cannot be ended, and runs out: {error}");
        }
    }

    /// Renews the lease and takes what is free of the rows, which are in the order of their keys, so
    /// that two payers with the same new rows do not wait for each other in a circle. Returns the rows
    /// that were taken, and the others.
    async fn take(&self, session: &Session, ids: &[&RowId]) -> Result<Rows, Failure> {
        let keys = Keys::of(ids.iter().copied());
        let renewal = self.renewal();
        let insert = INSERT.replace("COLUMNS", COLUMNS);
        let mut parameters = vec![
            (&self.owner as _, Type::INT8),
            (&self.payer as _, Type::INT8),
            (&self.job as _, Type::INT8),
        ];
        parameters.extend(keys.parameters());
        let ((), _, new) = tokio::try_join!(
            session.begin(),
            session.query(RENEW, &renewal),
            session.query(&insert, &parameters)
        )?;
        let mut rows = Rows::default();
        for row in &new {
            let stored = read(row)?;
            rows.taken.insert(stored.id.clone(), stored);
        }
        let known = |rows: &Rows| -> Vec<&RowId> {
            ids.iter().copied().filter(|id| !rows.taken.contains_key(*id)).collect()
        };
        let known_before = known(&rows);
        if !known_before.is_empty() {
            let keys = Keys::of(known_before);
            let mut parameters =
                vec![(&self.owner as _, Type::INT8), (&self.payer as _, Type::INT8)];
            parameters.extend(keys.parameters());
            for row in &session.query(&HOLD.replace("COLUMNS", COLUMNS), &parameters).await? {
                let stored = read(row)?;
                rows.taken.insert(stored.id.clone(), stored);
            }
        }
        let others = known(&rows);
        if !others.is_empty() {
            rows.others = self.read(session, &others).await?;
        }
        session.commit().await?;
        Ok(rows)
    }

    async fn read(
        &self,
        session: &Session,
        ids: &[&RowId],
    ) -> Result<HashMap<RowId, Stored>, Failure> {
        let keys = Keys::of(ids.iter().copied());
        let mut parameters = vec![(&self.owner as _, Type::INT8)];
        parameters.extend(keys.parameters());
        let rows = session.query(&FIND.replace("COLUMNS", COLUMNS), &parameters).await?;
        rows.iter().map(|row| read(row).map(|stored| (stored.id.clone(), stored))).collect()
    }
}

/// Result of a [`Inner::take`].
#[derive(Default)]
struct Rows {
    taken: HashMap<RowId, Stored>,
    others: HashMap<RowId, Stored>,
}

/// New rows, which the payer has.
const INSERT: &str = "
    INSERT INTO ecp_payouts.rows AS r (owner, payment_id, is_refund, refund_id, job, payer)
    SELECT $1, payment_id, is_refund, refund_id, $3, $2
    FROM unnest($4, $5, $6) AS new (payment_id, is_refund, refund_id)
    ON CONFLICT DO NOTHING
    RETURNING COLUMNS";

/// Known rows that are free. A row is free if it has no payer, if its payer's lease has ended, or if an
/// earlier call of this payer reserved it and its answer was lost.
const HOLD: &str = "
    WITH free AS (
        SELECT r.payment_id, r.is_refund, r.refund_id
        FROM ecp_payouts.rows AS r
        JOIN unnest($3, $4, $5) AS wanted (payment_id, is_refund, refund_id)
            USING (payment_id, is_refund, refund_id)
        WHERE r.owner = $1 AND r.state NOT IN ('success', 'decline')
            AND (r.payer IS NULL OR r.payer = $2 OR NOT EXISTS (
                SELECT FROM ecp_payouts.payers AS p
                WHERE p.id = r.payer AND p.lease_until > clock_timestamp()))
        FOR UPDATE OF r SKIP LOCKED
    )
    UPDATE ecp_payouts.rows AS r SET payer = $2, token = r.token + 1
    FROM free
    WHERE r.owner = $1 AND r.payment_id = free.payment_id AND r.is_refund = free.is_refund
        AND r.refund_id = free.refund_id
    RETURNING COLUMNS";

impl PostgresJournal {
    pub(super) async fn join(
        pool: Pool,
        lease: Duration,
        owner: &Owner,
        job: &str,
    ) -> Result<Self, JournalError> {
        let (project, gate_url) = names(owner);
        let lease_seconds = lease.as_secs_f64();
        let opened = again!(pool, |session| {
            schema::migrate(session).await?;
            let begun = Instant::now();
            let parameters = [
                (&project as _, Type::INT8),
                (&gate_url as _, Type::TEXT),
                (&job as _, Type::TEXT),
                (&lease_seconds as _, Type::FLOAT8),
            ];
            session.alone(OWNER, &parameters[..2]).await?;
            session.alone(JOB, &parameters[..3]).await?;
            session.alone(LIMITS, &parameters[..2]).await?;
            let rows = session.alone(PAYER, &parameters).await?;
            let row = rows.first().ok_or_else(|| Failure::Other("it has no owner".to_owned()))?;
            (begun, row.try_get(0)?, row.try_get(1)?, row.try_get(2)?)
        });
        let (begun, owner, job, payer) = opened?;
        let inner = Arc::new(Inner {
            pool,
            owner,
            job,
            payer,
            lease,
            lease_seconds,
            lease_until: Mutex::new(begun + lease),
            held: Mutex::default(),
        });
        let (jobs, queue) = mpsc::unbounded_channel();
        let writer = tokio::spawn(write(Arc::clone(&inner), queue));
        let writer = Mutex::new(Some(writer));
        let heartbeat = tokio::spawn(Arc::clone(&inner).renew()).abort_handle();
        Ok(Self(Arc::new(Handle { jobs, inner, heartbeat, writer })))
    }

    /// Lets the lease run out, as if the process had ended or could not reach the server.
    #[cfg(test)]
    pub(super) fn stop_renewing(&self) {
        self.0.heartbeat.abort();
    }

    /// Reads the present records of a plan's rows, whichever job and payer stored them. Pass them
    /// to [`write_results`](crate::write_results) to make a file of the results.
    pub async fn read_plan(&self, plan: &Plan) -> Result<HashMap<RowId, Entry>, JournalError> {
        let inner = &self.0.inner;
        plan_entries(&inner.pool, inner.owner, plan).await
    }

    /// Waits until the last writes are done and the lease has ended, so that other payers can take
    /// the rows at once. Drop the payers of this journal and its other clones before: this waits
    /// for them for up to 5 seconds. Without this call, a program that ends at once keeps its rows
    /// from other payers until the lease is over.
    pub async fn close(self) {
        const PATIENCE: Duration = Duration::from_secs(5);
        let writer = self.0.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(self);
        if let Some(writer) = writer {
            // A lease that did not end runs out.
            let _ = tokio::time::timeout(PATIENCE, writer).await;
        }
    }

    /// Reads the present records of the job's rows, whichever payer stored them. A row belongs to
    /// the job that reserved it first, even if another job has sent it:
    /// [`PostgresJournal::read_plan`] finds those too.
    pub async fn read(&self) -> Result<HashMap<RowId, Entry>, JournalError> {
        let Inner { pool, job, .. } = &*self.0.inner;
        let entries = again!(pool, |session| {
            let mut entries = HashMap::new();
            session.begin().await?;
            let declare = format!(
                "DECLARE entries NO SCROLL CURSOR FOR
                 SELECT {COLUMNS} FROM ecp_payouts.rows AS r
                 WHERE r.job = $1 AND r.digest IS NOT NULL"
            );
            session.query(&declare, &[(job, Type::INT8)]).await?;
            loop {
                let page = session.query(&format!("FETCH {PAGE} FROM entries"), &[]).await?;
                if page.is_empty() {
                    break;
                }
                for row in &page {
                    let Stored { id, entry, .. } = read(row)?;
                    entries.extend(entry.map(|entry| (id, entry)));
                }
            }
            session.commit().await?;
            entries
        });
        Ok(entries?)
    }

    /// The rows of the job that have not ended and that no living payer works on: those that a
    /// payer left when it died, those that wait for another try, and those that ended in an error,
    /// whose status can be requested again. A row belongs to the job that reserved it first.
    /// [`Payer::begin`](crate::Payer::begin) with the same request goes on with one of them.
    pub async fn abandoned(&self) -> Result<Vec<RowId>, JournalError> {
        let Inner { pool, job, .. } = &*self.0.inner;
        let sql = format!(
            "SELECT {COLUMNS} FROM ecp_payouts.rows AS r
             WHERE r.job = $1 AND r.state NOT IN ('success', 'decline') AND r.digest IS NOT NULL
                 AND NOT EXISTS (
                     SELECT FROM ecp_payouts.payers AS p
                     WHERE p.id = r.payer AND p.lease_until > clock_timestamp())
             ORDER BY r.payment_id, r.is_refund, r.refund_id"
        );
        let rows = again!(pool, |session| session.alone(&sql, &[(job, Type::INT8)]).await?)?;
        Ok(rows.iter().map(|row| read(row).map(|it| it.id)).collect::<Result<_, _>>()?)
    }
}

const OWNER: &str = "
    INSERT INTO ecp_payouts.owners (project, gate_url) VALUES ($1, $2) ON CONFLICT DO NOTHING";

const JOB: &str = "
    INSERT INTO ecp_payouts.jobs (owner, name)
    SELECT id, $3 FROM ecp_payouts.owners WHERE project = $1 AND gate_url = $2
    ON CONFLICT DO NOTHING";

const LIMITS: &str = "
    INSERT INTO ecp_payouts.limits (owner)
    SELECT id FROM ecp_payouts.owners WHERE project = $1 AND gate_url = $2
    ON CONFLICT DO NOTHING";

/// Number of rows that are read at a time.
const PAGE: usize = 5000;

/// Payers that died a day ago are forgotten.
const PAYER: &str = "
    WITH forgotten AS (
        DELETE FROM ecp_payouts.payers WHERE lease_until < clock_timestamp() - interval '1 day'
    ), payer AS (
        INSERT INTO ecp_payouts.payers (lease_until)
        VALUES (clock_timestamp() + make_interval(secs => $4)) RETURNING id
    )
    SELECT owners.id, jobs.id, payer.id
    FROM ecp_payouts.owners JOIN ecp_payouts.jobs ON jobs.owner = owners.id, payer
    WHERE project = $1 AND gate_url = $2 AND name = $3";

/// Stands for the token of a row that a task is about to get.
const NOT_YET: i64 = 0;

/// Rows that a task is about to get. Those that it did not get are free again when this is dropped.
struct Reserved<'h> {
    handle: &'h Handle,
    ids: Vec<&'h RowId>,
    /// Whether the server has answered which of the rows this payer has got. If not, the rows are
    /// given back when this is dropped.
    is_answered: bool,
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        let mut held = self.handle.inner.held();
        for id in &self.ids {
            held.remove(*id);
        }
        drop(held);
        if !self.is_answered {
            // The server may have reserved them for this payer, which lives on.
            for id in &self.ids {
                let _ = self.handle.jobs.send(Job::Release((*id).clone(), None));
            }
        }
    }
}

impl JournalStore for PostgresJournal {}

#[async_trait]
impl Store for PostgresJournal {
    async fn entries(&self) -> Result<Arc<HashMap<RowId, Entry>>, JournalError> {
        Ok(Arc::new(self.read().await?))
    }

    async fn entry(&self, id: &RowId) -> Result<Option<Entry>, JournalError> {
        let inner = &self.0.inner;
        let found = again!(inner.pool, |session| {
            session.begin().await?;
            let found = inner.read(session, &[id]).await?;
            session.commit().await?;
            found
        });
        Ok(found?.into_values().next().and_then(|stored| stored.entry))
    }

    async fn take(&self, ids: &[RowId]) -> Result<Vec<Taken>, JournalError> {
        let inner = &*self.0.inner;
        let mut reserved = Reserved { handle: &self.0, ids: Vec::new(), is_answered: false };
        let mut own = Vec::new();
        {
            let mut held = inner.held();
            for id in ids {
                match held.entry(id.clone()) {
                    Place::Vacant(place) => {
                        place.insert(NOT_YET);
                        reserved.ids.push(id);
                    }
                    Place::Occupied(_) => own.push(id),
                }
            }
        }
        reserved.ids.sort_unstable();
        let wanted = &reserved.ids;
        let took = again!(inner.pool, |session| {
            let begun = Instant::now();
            let mut rows = inner.take(session, wanted).await?;
            if !own.is_empty() {
                session.begin().await?;
                rows.others.extend(inner.read(session, &own).await?);
                session.commit().await?;
            }
            (begun, rows)
        });
        let (begun, mut rows) = took?;
        reserved.is_answered = true;
        inner.set_lease_until(begun + inner.lease);
        {
            let mut held = inner.held();
            held.extend(rows.taken.iter().map(|(id, stored)| (id.clone(), stored.token)));
        }
        reserved.ids.retain(|id| !rows.taken.contains_key(*id));
        let result = |id: &RowId| match rows.taken.remove(id) {
            Some(Stored { entry, age, token, .. }) => Taken::Held(Held { token, entry, age }),
            None => match rows.others.remove(id).and_then(|stored| stored.entry) {
                Some(entry) if entry.state.is_final() => Taken::Ended(Box::new(entry)),
                entry => Taken::Busy(entry.map(Box::new)),
            },
        };
        Ok(ids.iter().map(result).collect())
    }

    async fn keep(&self, id: &RowId, token: i64, entry: &Entry) -> Result<(), JournalError> {
        let ended = || {
            let text = "the task that writes it has ended; open the journal again";
            JournalError::Storage(text.into())
        };
        let (done, kept) = oneshot::channel();
        let job = Job::Write(Write { id: id.clone(), token, entry: entry.clone(), done });
        self.0.jobs.send(job).map_err(|_| ended())?;
        kept.await.map_err(|_| ended())?
    }

    fn release(&self, id: &RowId, token: i64, has_ended: bool) {
        if let Place::Occupied(held) = self.0.inner.held().entry(id.clone())
            && *held.get() == token
        {
            held.remove();
        }
        if !has_ended {
            // Without the task that writes, the lease ends soon.
            let _ = self.0.jobs.send(Job::Release(id.clone(), Some(token)));
        }
    }

    fn limits(&self) -> Option<Arc<dyn SharedLimits>> {
        Some(Arc::new(Limits::new(Arc::clone(&self.0.inner))))
    }

    fn pause(&self) -> Duration {
        self.0.inner.lease / 3
    }
}

impl fmt::Debug for PostgresJournal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { job, payer, .. } = &*self.0.inner;
        f.debug_struct("PostgresJournal")
            .field("job", job)
            .field("payer", payer)
            .finish_non_exhaustive()
    }
}
