//! Read access to the journals of a database.

use std::collections::HashMap;
use std::fmt;

use ecp_core::ProjectId;
use ecp_transport::normal_base_url;
use tokio_postgres::types::Type;

use super::rows::{COLUMNS, Key, Keys, Stored, key, read, read_tolerantly};
use super::schema;
use super::session::{Failure, Pool, again};
use crate::journal::{Entry, JournalError, OddEntry, Owner};
use crate::plan::Plan;
use crate::row::RowId;

/// Reads the journals of a Postgres database, for reports, also while payers work with them. It
/// changes nothing, so the right to read the schema `ecp_payouts` is enough, and it can read from a
/// standby.
///
/// Where no payer has made the tables yet, there are no jobs. Clones share the connections.
///
/// ```no_run
/// # async fn read() -> Result<(), Box<dyn std::error::Error>> {
/// use ecp_payouts::postgres::PostgresJournalOptions;
///
/// let reader = PostgresJournalOptions::new().reader("host=db.internal dbname=shop".parse()?)?;
/// for job in reader.jobs().await? {
///     let mut rows = reader.rows(&job.owner, Some(&job.name)).await?;
///     println!("{}: {} rows on its first page", job.name, rows.next_page().await?.len());
/// }
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct PostgresJournalReader {
    pool: Pool,
}

/// A job in a Postgres database: a name under which payers record the rows of one file, or of one
/// service.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PostgresJob {
    /// The project that pays, and the base address of Gate to which its requests go.
    pub owner: Owner,
    /// The name of the job, such as `salaries of November`. No other job of this owner has it.
    pub name: String,
}

/// How many payers work on the rows of a job now, and on how many rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PayersAtWork {
    /// Number of payers that have rows of the job and have renewed their lease in time, so that
    /// they count as alive.
    pub payers: u64,
    /// Number of the job's rows that these payers work on.
    pub rows: u64,
}

/// Rows of an owner or of one of its jobs, page by page, in the order of the payment ids: call
/// [`PostgresRows::next_page`] until a page is empty.
#[derive(Debug)]
pub struct PostgresRows {
    reader: PostgresJournalReader,
    /// The numbers of the owner and of the job in the database; the job's is `None` for the rows of
    /// all jobs. `None` if the database does not have the owner or the job, so that there are no
    /// rows.
    of: Option<(i64, Option<i64>)>,
    /// The key of the last row of the pages so far.
    last: Key,
    odd: Vec<OddEntry>,
}

/// Number of rows on a page.
const PAGE: i64 = 1000;

impl PostgresJournalReader {
    pub(super) const fn new(pool: Pool) -> Self {
        Self { pool }
    }

    /// Connects to the server, to find out early whether that works; the other calls connect by
    /// themselves. It is an error if the server cannot be reached, or refuses the user.
    pub async fn connect(&self) -> Result<(), JournalError> {
        Ok(again!(self.pool, |session| session.batch_execute("").await?)?)
    }

    /// Whether this database has the tables of journals, which the first payer makes. It is an
    /// error if a payer of another version of this crate has made them: read with that version.
    pub async fn has_journals(&self) -> Result<bool, JournalError> {
        Ok(again!(self.pool, |session| schema::exists(session).await?)?)
    }

    /// The jobs of all owners, in the order of their projects, addresses of Gate and names; none if
    /// no payer has used this database.
    pub async fn jobs(&self) -> Result<Vec<PostgresJob>, JournalError> {
        if !self.has_journals().await? {
            return Ok(Vec::new());
        }
        let sql = "SELECT project, gate_url, name
             FROM ecp_payouts.jobs JOIN ecp_payouts.owners ON owners.id = jobs.owner
             ORDER BY project, gate_url, name";
        let found = again!(self.pool, |session| {
            let rows = session.alone(sql, &[]).await?;
            let jobs = rows.iter().map(|row| {
                let project = u64::try_from(row.try_get::<_, i64>(0)?).ok();
                let project = project.and_then(|id| ProjectId::new(id).ok());
                let damaged = || Failure::Other("its table `owners` has an odd project".to_owned());
                let owner = Owner::new(project.ok_or_else(damaged)?, row.try_get::<_, String>(1)?);
                Ok(PostgresJob { owner, name: row.try_get(2)? })
            });
            jobs.collect::<Result<Vec<_>, Failure>>()?
        });
        Ok(found?)
    }

    /// The rows of an owner: of the job with this name, or of all its jobs if `job` is `None`.
    /// There are none if the database has no such job.
    pub async fn rows(
        &self,
        owner: &Owner,
        job: Option<&str>,
    ) -> Result<PostgresRows, JournalError> {
        let owner = self.owner(owner).await?;
        let of = match (owner, job) {
            (Some(owner), Some(name)) => self.job(owner, name).await?.map(|job| (owner, Some(job))),
            (Some(owner), None) => Some((owner, None)),
            (None, _) => None,
        };
        Ok(PostgresRows { reader: self.clone(), of, last: Key::default(), odd: Vec::new() })
    }

    /// Reads the records of all rows of a job, by the ids of the rows; none if the database has no
    /// such job.
    pub async fn entries(
        &self,
        owner: &Owner,
        job: &str,
    ) -> Result<HashMap<RowId, Entry>, JournalError> {
        let mut rows = self.rows(owner, Some(job)).await?;
        let mut entries = HashMap::new();
        loop {
            let page = rows.next_page().await?;
            if page.is_empty() {
                return Ok(entries);
            }
            entries.extend(page);
        }
    }

    /// Reads the present records of a plan's rows, whichever job and payer stored them. A row
    /// without a record was not sent by a payer of this owner with this database.
    pub async fn plan(
        &self,
        owner: &Owner,
        plan: &Plan,
    ) -> Result<HashMap<RowId, Entry>, JournalError> {
        let Some(owner) = self.owner(owner).await? else { return Ok(HashMap::new()) };
        plan_entries(&self.pool, owner, plan).await
    }

    /// Counts the payers that have rows of a job now, and these rows. A payer that waits for rows
    /// of others has none, and is not counted.
    pub async fn at_work(&self, owner: &Owner, job: &str) -> Result<PayersAtWork, JournalError> {
        let job = match self.owner(owner).await? {
            Some(owner) => self.job(owner, job).await?,
            None => None,
        };
        let Some(job) = job else { return Ok(PayersAtWork::default()) };
        let sql = "SELECT count(DISTINCT p.id), count(*)
             FROM ecp_payouts.rows AS r JOIN ecp_payouts.payers AS p ON p.id = r.payer
             WHERE r.job = $1 AND p.lease_until > clock_timestamp()
                 AND r.state NOT IN ('success', 'decline')";
        let rows = again!(self.pool, |session| session.alone(sql, &[(&job, Type::INT8)]).await?)?;
        let number = |place| -> Result<u64, Failure> {
            let number = rows.first().map_or(Ok(0), |row| row.try_get::<_, i64>(place))?;
            Ok(u64::try_from(number).unwrap_or_default())
        };
        Ok(PayersAtWork { payers: number(0)?, rows: number(1)? })
    }

    /// The number of an owner; `None` if it has no job here.
    async fn owner(&self, owner: &Owner) -> Result<Option<i64>, JournalError> {
        if !self.has_journals().await? {
            return Ok(None);
        }
        let (project, gate_url) = names(owner);
        let sql = "SELECT id FROM ecp_payouts.owners WHERE project = $1 AND gate_url = $2";
        let values = [(&project as _, Type::INT8), (&gate_url as _, Type::TEXT)];
        let rows = again!(self.pool, |session| session.alone(sql, &values).await?)?;
        Ok(rows.first().map(|row| row.try_get(0)).transpose().map_err(Failure::from)?)
    }

    async fn job(&self, owner: i64, name: &str) -> Result<Option<i64>, JournalError> {
        let sql = "SELECT id FROM ecp_payouts.jobs WHERE owner = $1 AND name = $2";
        let values = [(&owner as _, Type::INT8), (&name as _, Type::TEXT)];
        let rows = again!(self.pool, |session| session.alone(sql, &values).await?)?;
        Ok(rows.first().map(|row| row.try_get(0)).transpose().map_err(Failure::from)?)
    }
}

impl PostgresRows {
    /// Reads the next page of rows, at most 1000. After the last row, the page is empty. Rows that
    /// a payer has reserved and never tried to send are left out.
    ///
    /// An entry in a state that this version does not know counts as
    /// [`State::Unknown`](crate::State::Unknown), and one that cannot be read in full is in
    /// [`PostgresRows::odd`].
    pub async fn next_page(&mut self) -> Result<Vec<(RowId, Entry)>, JournalError> {
        let Some((owner, job)) = self.of else { return Ok(Vec::new()) };
        // By the primary key, which does not have the job: a job is read once, and not by its pages.
        let sql = format!(
            "SELECT {COLUMNS} FROM ecp_payouts.rows AS r
             WHERE r.owner = $1 AND ($2::bigint IS NULL OR r.job = $2) AND r.digest IS NOT NULL
                 AND (r.payment_id, r.is_refund, r.refund_id) > ($3, $4, $5)
             ORDER BY r.payment_id, r.is_refund, r.refund_id LIMIT {PAGE}"
        );
        loop {
            let (payment_id, is_refund, refund_id) = &self.last;
            let values = [
                (&owner as _, Type::INT8),
                (&job as _, Type::INT8),
                (payment_id as _, Type::TEXT),
                (is_refund as _, Type::BOOL),
                (refund_id as _, Type::TEXT),
            ];
            let rows = again!(self.reader.pool, |session| session.alone(&sql, &values).await?)?;
            if let Some(row) = rows.last() {
                self.last = key(row)?;
            }
            let mut page = Vec::with_capacity(rows.len());
            for row in &rows {
                if let Some(Stored { id, entry: Some(entry), .. }) =
                    read_tolerantly(row, &mut self.odd)?
                {
                    page.push((id, entry));
                }
            }
            // A page of only odd entries is not the end.
            if !page.is_empty() || rows.is_empty() {
                return Ok(page);
            }
        }
    }

    /// The records on the pages so far that this version could not read in full, for example
    /// because a newer version wrote them. Use that version for these.
    pub fn odd(&self) -> &[OddEntry] {
        &self.odd
    }
}

impl fmt::Debug for PostgresJournalReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresJournalReader").finish_non_exhaustive()
    }
}

/// The project and the address of an owner, as they are stored.
pub(super) fn names(owner: &Owner) -> (i64, String) {
    let gate_url = normal_base_url(&owner.gate_url).unwrap_or_else(|_| owner.gate_url.clone());
    (i64::try_from(owner.project.get()).unwrap_or(i64::MAX), gate_url)
}

/// The stored rows of an owner under these ids.
pub(super) const FIND: &str = "
    SELECT COLUMNS FROM ecp_payouts.rows AS r
    JOIN unnest($2, $3, $4) AS wanted (payment_id, is_refund, refund_id)
        USING (payment_id, is_refund, refund_id)
    WHERE r.owner = $1";

pub(super) async fn plan_entries(
    pool: &Pool,
    owner: i64,
    plan: &Plan,
) -> Result<HashMap<RowId, Entry>, JournalError> {
    /// Number of rows that are read at a time.
    const TOGETHER: usize = 5000;
    let ids: Vec<RowId> = plan.rows().map(|row| row.request.id()).collect();
    let sql = FIND.replace("COLUMNS", COLUMNS);
    let mut entries = HashMap::new();
    for ids in ids.chunks(TOGETHER) {
        let keys = Keys::of(ids);
        let mut values = vec![(&owner as _, Type::INT8)];
        values.extend(keys.parameters());
        let rows = again!(pool, |session| session.alone(&sql, &values).await?)?;
        for row in &rows {
            let Stored { id, entry, .. } = read(row)?;
            entries.extend(entry.map(|entry| (id, entry)));
        }
    }
    Ok(entries)
}
