//! Reading connections and queries.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ecp_core::{PaymentId, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use tokio::sync::Semaphore;

use super::database::Current;
use super::error::Error;
use super::options::open;
use crate::accept;
use crate::clock::timestamp;
use crate::entry::{Entry, EntryId, EntryState, Query, Raw, Stats};
use crate::error::{InboxError, InboxErrorKind};
use crate::state::PaymentState;

/// Maximum number of reads at once.
const MOST: usize = 4;

/// Reading connections, kept open and opened on demand.
#[derive(Debug)]
pub(super) struct Readers {
    path: PathBuf,
    busy: Duration,
    current: Arc<Current>,
    permits: Semaphore,
}

impl Readers {
    pub(super) fn new(path: PathBuf, busy: Duration, current: Arc<Current>) -> Self {
        Self { path, busy, current, permits: Semaphore::new(MOST) }
    }

    /// Whether the inbox's name leads to the open file.
    pub(super) fn is_current(&self) -> bool {
        self.current.is_current()
    }

    /// Reads a snapshot of the database.
    pub(super) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        doing: &'static str,
        work: impl FnOnce(&Connection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, InboxError> {
        let in_transaction = |connection: &Connection| {
            let transaction = connection.unchecked_transaction()?;
            let result = work(&transaction)?;
            transaction.finish()?;
            Ok(result)
        };
        self.with_connection(doing, in_transaction).await
    }

    /// Checkpoints and empties the log, unless a reader uses an older snapshot for longer than the
    /// connection waits.
    pub(super) async fn empty_log(self: &Arc<Self>, doing: &'static str) -> Result<(), InboxError> {
        let work = |connection: &Connection| {
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
            Ok(())
        };
        self.with_connection(doing, work).await
    }

    async fn with_connection<T: Send + 'static>(
        self: &Arc<Self>,
        doing: &'static str,
        work: impl FnOnce(&Connection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, InboxError> {
        let closed = || InboxError::plain(InboxErrorKind::Closed, doing);
        let _permit = self.permits.acquire().await.map_err(|_| closed())?;
        let readers = self.clone();
        let read = tokio::task::spawn_blocking(move || readers.read_now(work));
        read.await.map_err(|_| closed())?.map_err(|error| error.doing(doing))
    }

    fn connect(&self) -> Result<Connection, Error> {
        let connection = open(&self.path, self.busy)?;
        connection.pragma_update(None, "query_only", true)?;
        Ok(connection)
    }

    fn read_now<T>(&self, work: impl FnOnce(&Connection) -> Result<T, Error>) -> Result<T, Error> {
        let mut reading = self.current.reading()?;
        let read = reading.connection(|| self.connect()).and_then(work);
        if read.is_err() {
            reading.close();
        }
        read
    }
}

pub(super) fn payment(
    connection: &Connection,
    project: i64,
    payment: &PaymentId,
) -> Result<Option<PaymentState>, Error> {
    let json: Option<String> = connection
        .prepare_cached("SELECT state FROM ecp_inbox_payments WHERE project = ?1 AND payment = ?2")?
        .query_row(params![project, payment.as_str().as_bytes()], |row| row.get(0))
        .optional()?;
    let Some(json) = json else { return Ok(None) };
    Ok(accept::known(accept::from_json(&json, "reading a payment's state")?))
}

const ENTRY: &str = "
    SELECT id, callbacks.state, callbacks.project, payments.payment, status, received, times,
        attempts, due, error, change, ambiguous, coalesce(since, 0)
    FROM ecp_inbox_callbacks AS callbacks
    LEFT JOIN ecp_inbox_payments AS payments ON callbacks.payment = payments.number";

pub(super) fn entries(connection: &Connection, query: &Query) -> Result<Vec<Entry>, Error> {
    // Only the requested conditions, so that each uses its index.
    let mut conditions = String::from(" WHERE id < ?1");
    // The index holds what is not done.
    let by_state = match query.state {
        Some(EntryState::Done) => " AND callbacks.state = ?2",
        _ => " AND callbacks.state = ?2 AND callbacks.state <> 'done'",
    };
    let conditional = [
        (query.state.is_some(), by_state),
        (query.project.is_some(), " AND callbacks.project = ?3"),
        (
            query.payment.is_some(),
            " AND callbacks.payment IN (SELECT number FROM ecp_inbox_payments WHERE payment = ?4)",
        ),
    ];
    for (asked, condition) in conditional {
        if asked {
            conditions.push_str(condition);
        }
    }
    let sql = format!("{ENTRY}{conditions} ORDER BY id DESC LIMIT ?5");
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_and_then(
        params![
            query.before.map_or(i64::MAX, EntryId::get),
            query.state.map(EntryState::as_str),
            query.project.map(accept::number),
            query.payment.as_ref().map(|payment| payment.as_str().as_bytes()),
            query.limit(),
        ],
        entry_of,
    )?;
    rows.collect()
}

pub(super) fn entry(connection: &Connection, id: EntryId) -> Result<Option<Entry>, Error> {
    let sql = format!("{ENTRY} WHERE id = ?1");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query_and_then([id.get()], entry_of)?;
    let Some(entry) = rows.next().transpose()? else { return Ok(None) };
    let raw: Option<Vec<u8>> = connection
        .prepare_cached("SELECT raw FROM ecp_inbox_callbacks WHERE id = ?1")?
        .query_row([id.get()], |row| row.get(0))?;
    Ok(Some(Entry { raw: raw.map(Raw::from), ..entry }))
}

fn entry_of(row: &Row<'_>) -> Result<Entry, Error> {
    let state: String = row.get(1)?;
    let payment: Option<Vec<u8>> = row.get(3)?;
    let status: Option<Vec<u8>> = row.get(4)?;
    let change: String = row.get(10)?;
    let ambiguous: String = row.get(11)?;
    Ok(Entry {
        id: EntryId::new(row.get(0)?),
        state: EntryState::parse(&state)?,
        project: accept::project(row.get(2)?)?,
        payment: payment.as_deref().map(accept::payment_id).transpose()?,
        status: status.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
        received: timestamp(row.get(5)?),
        times: row.get(6)?,
        attempts: row.get(7)?,
        due: row.get::<_, Option<i64>>(8)?.map(timestamp),
        error: row.get(9)?,
        change: accept::from_json(&change, "reading a callback's change")?,
        ambiguous: accept::from_json(&ambiguous, "reading a callback's ambiguous members")?,
        raw: None,
        since: row.get(12)?,
    })
}

pub(super) fn stats(connection: &Connection) -> Result<Stats, Error> {
    let mut stats = Stats::default();
    let mut statement = connection.prepare_cached("SELECT name, count FROM ecp_inbox_counts")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (name, count): (String, i64) = (row.get(0)?, row.get(1)?);
        let count = count.unsigned_abs();
        if name == "payments" {
            stats.payments = count;
            continue;
        }
        match EntryState::parse(&name)? {
            EntryState::Waiting => stats.waiting = count,
            EntryState::Held => stats.held = count,
            EntryState::Dead => stats.dead = count,
            EntryState::Done => stats.done = count,
            EntryState::Repeated => stats.repeated = count,
        }
    }
    let unconfirmed = "SELECT count(*) FROM ecp_inbox_callbacks
        WHERE state = 'held' AND state <> 'done' AND due IS NULL AND attempts > 0";
    let count: i64 = connection.prepare_cached(unconfirmed)?.query_row([], |row| row.get(0))?;
    stats.unconfirmed = count.unsigned_abs();
    let oldest = |state| -> Result<Option<Timestamp>, Error> {
        let sql = "SELECT received FROM ecp_inbox_callbacks
            WHERE state = ?1 AND state <> 'done' ORDER BY id LIMIT 1";
        let mut oldest = connection.prepare_cached(sql)?;
        Ok(oldest.query_row([state], |row| row.get(0)).optional()?.map(timestamp))
    };
    stats.oldest_waiting = oldest("waiting")?;
    stats.oldest_held = oldest("held")?;
    let unpublished = "SELECT received FROM ecp_inbox_outbox AS outbox
        CROSS JOIN ecp_inbox_callbacks AS callbacks ON callbacks.id = outbox.callback
        ORDER BY place LIMIT 1";
    let mut unpublished = connection.prepare_cached(unpublished)?;
    let unpublished = unpublished.query_row([], |row| row.get(0)).optional()?;
    stats.oldest_unpublished = unpublished.map(timestamp);
    Ok(stats)
}
