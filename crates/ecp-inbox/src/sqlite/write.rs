//! Statements that run inside a write transaction.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use fastrand::i64 as random;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::error::Error;
use crate::accept::{self, Digest, Record};
use crate::batch::{NewEntry, PaymentFold};
use crate::clock::{Look, timestamp};
use crate::entry::{Claimed, Delivery, EntryId, EntryState, Finish, Lease, NO_RESULT, Version};
use crate::error::InboxError;
use crate::failpoint::failpoint;
use crate::inbox::Accepted;
use crate::state::{Change, PaymentState, StatusUpdate};

/// The result for the caller, and the change of the payment's state.
pub(super) type Written = (Accepted, Change);

/// A payment with callbacks in the batch.
struct Payment<'a> {
    /// The number of the payment's row in the database; `None` if the payment has no row yet.
    number: Option<i64>,
    fold: PaymentFold,
    project: i64,
    id: &'a str,
}

/// The rows to write for a callback.
#[derive(Debug)]
enum Decision {
    /// The same bytes were received before, as the callback with this id, which may be in the same
    /// batch: only its number of receptions is incremented.
    Repeat(EntryId),
    /// The callback is new: this row is written for it.
    Store(NewEntry),
}

/// Stores callbacks with the times of their arrival, in this order. After an error the transaction
/// must be rolled back.
pub(super) fn accept(
    connection: &Connection,
    records: &[(&Record, i64)],
) -> Result<Vec<Written>, Error> {
    let latest: Option<i64> = connection
        .prepare_cached("SELECT max(id) FROM ecp_inbox_callbacks")?
        .query_row([], |row| row.get(0))?;
    let mut payments: Vec<Payment<'_>> = Vec::new();
    let mut places: HashMap<(i64, &str), usize> = HashMap::new();
    let mut alone: HashMap<Digest, EntryId> = HashMap::new();
    let mut decisions = Vec::with_capacity(records.len());
    for ((record, _), id) in records.iter().zip(latest.unwrap_or(0) + 1..) {
        let id = EntryId::new(id);
        let Some(payment) = &record.payment else {
            let known = match alone.get(&record.content) {
                Some(&id) => Some(id),
                None => of_content(connection, None, &record.content)?,
            };
            alone.insert(record.content, known.unwrap_or(id));
            // Each is the first about a payment of its own.
            let store = || PaymentFold::new(PaymentState::default()).store(record, id);
            decisions
                .push((None, known.map_or_else(|| Decision::Store(store()), Decision::Repeat)));
            continue;
        };
        let place = match places.entry((record.project, payment.as_str())) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(new) => {
                payments.push(known_payment(connection, record.project, payment.as_str())?);
                *new.insert(payments.len() - 1)
            }
        };
        let Payment { number, fold, .. } = &mut payments[place];
        if let Some(number) = *number {
            if let Some(known) = of_content(connection, Some(number), &record.content)? {
                fold.has_content(record.content, known);
            } else if let Some(meaning) = &record.meaning
                && let Some(first) = of_meaning(connection, number, meaning)?
            {
                fold.has_meaning(*meaning, EntryId::new(first));
            }
        }
        let known = fold.known(record);
        let store = || Decision::Store(fold.store(record, id));
        decisions.push((Some(place), known.map_or_else(store, Decision::Repeat)));
    }
    let Some((_, now)) = records.last() else { return Ok(Vec::new()) };
    let new = write_payments(connection, &mut payments, *now)?;
    let mut counts = vec![("payments", new)];
    let mut written = Vec::with_capacity(records.len());
    for ((place, decision), (record, now)) in decisions.into_iter().zip(records) {
        let number = place.and_then(|place| payments[place].number);
        match decision {
            Decision::Repeat(id) => {
                connection
                    .prepare_cached(
                        "UPDATE ecp_inbox_callbacks SET times = times + 1, last_received = ?2
                         WHERE id = ?1",
                    )?
                    .execute([id.get(), *now])?;
                written.push((Accepted::Repeated(id), Change::default()));
            }
            Decision::Store(entry) => {
                failpoint!("accept.before_insert");
                insert(connection, &entry, record, number, *now)?;
                failpoint!("accept.after_insert");
                let state = entry.state.as_str();
                match counts.iter_mut().find(|(name, _)| *name == state) {
                    Some((_, count)) => *count += 1,
                    None => counts.push((state, 1)),
                }
                written.push((entry.accepted(), entry.change));
            }
        }
    }
    for (name, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
        connection
            .prepare_cached("UPDATE ecp_inbox_counts SET count = count + ?2 WHERE name = ?1")?
            .execute(params![name, count])?;
    }
    Ok(written)
}

fn known_payment<'a>(
    connection: &Connection,
    project: i64,
    id: &'a str,
) -> Result<Payment<'a>, Error> {
    let known = connection
        .prepare_cached(
            "SELECT number, state FROM ecp_inbox_payments WHERE project = ?1 AND payment = ?2",
        )?
        .query_row(params![project, id.as_bytes()], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
        })
        .optional()?;
    let (number, state) = match known {
        Some((number, json)) => {
            (Some(number), accept::from_json(&json, "reading a payment's state")?)
        }
        None => (None, PaymentState::default()),
    };
    Ok(Payment { number, fold: PaymentFold::new(state), project, id })
}

/// Writes the states of payments, and returns the number of new ones.
fn write_payments(
    connection: &Connection,
    payments: &mut [Payment<'_>],
    now: i64,
) -> Result<i64, Error> {
    let mut new = 0;
    for Payment { number, fold, project, id } in payments {
        match (*number, fold.moved()) {
            (Some(_), None) => {}
            (Some(number), Some(state)) => move_payment(connection, number, state, now)?,
            (None, _) => {
                connection
                    .prepare_cached(
                        "INSERT INTO ecp_inbox_payments (project, payment, state, updated)
                         VALUES (?1, ?2, ?3, ?4)",
                    )?
                    .execute(params![
                        *project,
                        id.as_bytes(),
                        accept::to_json(fold.moved().unwrap_or(&PaymentState::default())),
                        now
                    ])?;
                *number = Some(connection.last_insert_rowid());
                new += 1;
            }
        }
    }
    Ok(new)
}

fn insert(
    connection: &Connection,
    entry: &NewEntry,
    record: &Record,
    payment: Option<i64>,
    now: i64,
) -> Result<(), Error> {
    let waits = entry.state == EntryState::Waiting;
    connection
        .prepare_cached(
            "INSERT INTO ecp_inbox_callbacks (id, project, payment, content, meaning, first, state,
                 status, received, last_received, due, change, ambiguous, raw)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9, ?10, ?11, ?12, ?13)",
        )?
        .execute(params![
            entry.id.get(),
            record.project,
            payment,
            record.content,
            record.meaning.filter(|_| waits),
            entry.first.map(EntryId::get),
            entry.state.as_str(),
            record.status.as_deref().map(str::as_bytes),
            now,
            waits.then_some(now),
            accept::to_json(&entry.change),
            record.ambiguous,
            record.raw,
        ])?;
    Ok(())
}

fn of_content(
    connection: &Connection,
    payment: Option<i64>,
    content: &Digest,
) -> Result<Option<EntryId>, Error> {
    // Each condition has an index of its own.
    let found = match payment {
        Some(payment) => connection
            .prepare_cached(
                "SELECT id FROM ecp_inbox_callbacks WHERE payment = ?1 AND content = ?2",
            )?
            .query_row(params![payment, content], |row| row.get(0)),
        None => connection
            .prepare_cached(
                "SELECT id FROM ecp_inbox_callbacks WHERE payment IS NULL AND content = ?1",
            )?
            .query_row([content], |row| row.get(0)),
    };
    Ok(found.optional()?.map(EntryId::new))
}

pub(super) fn of_meaning(
    connection: &Connection,
    payment: i64,
    meaning: &Digest,
) -> Result<Option<i64>, Error> {
    let first = connection
        .prepare_cached("SELECT id FROM ecp_inbox_callbacks WHERE payment = ?1 AND meaning = ?2")?
        .query_row(params![payment, meaning], |row| row.get(0))
        .optional()?;
    Ok(first)
}

fn state_of(connection: &Connection, payment: i64) -> Result<PaymentState, Error> {
    let json: String = connection
        .prepare_cached("SELECT state FROM ecp_inbox_payments WHERE number = ?1")?
        .query_row([payment], |row| row.get(0))?;
    Ok(accept::from_json(&json, "reading a payment's state")?)
}

pub(super) fn apply(
    connection: &Connection,
    payment: i64,
    update: &StatusUpdate,
    now: i64,
) -> Result<Change, Error> {
    let before = state_of(connection, payment)?;
    let mut state = before.clone();
    let change = state.apply(update);
    if state != before {
        move_payment(connection, payment, &state, now)?;
    }
    Ok(change)
}

fn move_payment(
    connection: &Connection,
    payment: i64,
    state: &PaymentState,
    now: i64,
) -> Result<(), Error> {
    connection
        .prepare_cached("UPDATE ecp_inbox_payments SET state = ?2, updated = ?3 WHERE number = ?1")?
        .execute(params![payment, accept::to_json(state), now])?;
    Ok(())
}

/// Repairs times that are in the future because the clock was set back. Callbacks that were never
/// tried become due; all others become due within one lease, and so does the rest of a current
/// lease.
pub(super) fn bring_back(
    connection: &Connection,
    look: Look,
    lease: i64,
    now: i64,
) -> Result<(), Error> {
    connection
        .prepare_cached(
            "UPDATE ecp_inbox_callbacks
             SET due = CASE WHEN attempts = 0 THEN ?1 ELSE ?2 END, since = ?1
             WHERE state IN ('waiting', 'held') AND state <> 'done' AND due > ?2 AND (?3 OR attempts = 0
                 OR since > ?2
                 OR (SELECT received FROM ecp_inbox_callbacks ORDER BY id DESC LIMIT 1) > ?2)",
        )?
        .execute(params![now, now.saturating_add(lease), look == Look::AtAll])?;
    Ok(())
}

/// Claims due callbacks that may be claimed: none of the same payment is older or claimed already.
const CLAIM: &str = "
    UPDATE ecp_inbox_callbacks SET attempts = attempts + 1, due = ?3, lease = ?4, since = ?1
    WHERE id IN (
        SELECT id FROM ecp_inbox_callbacks AS this
        WHERE state = 'waiting' AND due <= ?1 AND NOT EXISTS (
            SELECT 1 FROM ecp_inbox_callbacks AS other
            WHERE other.payment = this.payment AND other.state = 'waiting' AND other.id <> this.id
                AND (other.id < this.id OR (other.lease IS NOT NULL AND other.due > ?1)))
        ORDER BY due, id LIMIT ?2)
    RETURNING id, project, received, attempts, change, raw,
        (SELECT payments.state FROM ecp_inbox_payments AS payments
         WHERE payments.number = ecp_inbox_callbacks.payment)";

pub(super) fn claim(
    connection: &Connection,
    limit: i64,
    lease: i64,
    attempts: u32,
    now: i64,
) -> Result<Claimed, Error> {
    // One right for all: they are different callbacks.
    let right = Lease(random(1..));
    let mut claimed = Claimed::default();
    let mut useless = Vec::new();
    let mut statement = connection.prepare_cached(CLAIM)?;
    let mut rows = statement.query([now, limit, now.saturating_add(lease), right.0])?;
    while let Some(row) = rows.next()? {
        let (id, attempt): (i64, u32) = (row.get(0)?, row.get(3)?);
        if attempt > attempts {
            useless.push((id, NO_RESULT.to_owned()));
            continue;
        }
        // What one damaged row says must not keep the others from being claimed.
        match delivery(row, right) {
            Ok(delivery) => claimed.deliveries.push(delivery),
            Err(error) => useless.push((id, error.doing("reading a callback").to_string())),
        }
    }
    claimed.deliveries.sort_by_key(|delivery| delivery.id);
    useless.sort_unstable();
    for (id, problem) in useless {
        connection
            .prepare_cached(
                "UPDATE ecp_inbox_callbacks SET state = 'dead', attempts = attempts - 1,
                     due = NULL, lease = NULL, error = ?2
                 WHERE id = ?1",
            )?
            .execute(params![id, problem])?;
        claimed.dead.push(EntryId::new(id));
    }
    Ok(claimed)
}

fn delivery(row: &rusqlite::Row<'_>, lease: Lease) -> Result<Delivery, Error> {
    let raw: Option<Vec<u8>> = row.get(5)?;
    let callback = accept::read(raw.as_deref().unwrap_or_default())
        .map_err(|_| InboxError::damaged("reading the body of a callback"))?;
    let state: Option<String> = row.get(6)?;
    let state =
        state.map(|json| accept::from_json(&json, "reading a payment's state")).transpose()?;
    Ok(Delivery {
        id: EntryId::new(row.get(0)?),
        project: accept::project(row.get(1)?)?,
        callback,
        change: accept::from_json(&row.get::<_, String>(4)?, "reading a callback's change")?,
        payment: state.and_then(accept::known),
        received: timestamp(row.get(2)?),
        attempt: row.get(3)?,
        lease,
    })
}

/// Whether the lease of the delivery is still valid.
pub(super) fn holds(connection: &Connection, delivery: &Delivery) -> Result<bool, Error> {
    let held = connection
        .prepare_cached("SELECT 1 FROM ecp_inbox_callbacks WHERE id = ?1 AND lease = ?2")?
        .exists([delivery.id.get(), delivery.lease.0])?;
    Ok(held)
}

pub(super) fn finish(
    connection: &Connection,
    delivery: &Delivery,
    finish: &Finish,
    now: i64,
) -> Result<bool, Error> {
    let (state, due, error) = match finish {
        Finish::Done => ("done", None, None),
        Finish::Retry { after, error } => {
            ("waiting", Some(now.saturating_add(crate::clock::milliseconds(*after))), Some(error))
        }
        Finish::Dead { error } => ("dead", None, Some(error)),
    };
    let error = error.map(|error| accept::error_text(error));
    let changed = connection
        .prepare_cached(
            "UPDATE ecp_inbox_callbacks
             SET state = ?3, due = ?4, lease = NULL, error = coalesce(?5, error), since = ?6
             WHERE id = ?1 AND lease = ?2",
        )?
        .execute(params![delivery.id.get(), delivery.lease.0, state, due, error, now])?;
    Ok(changed == 1)
}

/// An attempt that runs now has a lease, and its callback is left alone.
pub(super) fn replay(
    connection: &Connection,
    id: EntryId,
    version: Option<Version>,
    now: i64,
) -> Result<bool, Error> {
    let (state, attempts, since) = match version {
        None => (None, 0, 0),
        Some(Version { state, attempts, since }) => (Some(state.as_str()), attempts, since),
    };
    let changed = connection
        .prepare_cached(
            "UPDATE ecp_inbox_callbacks SET state = 'waiting', due = ?2,
                 attempts = CASE WHEN state = 'waiting' THEN attempts ELSE 0 END
             WHERE id = ?1 AND raw IS NOT NULL
                 AND (state IN ('dead', 'done')
                     OR state = 'waiting' AND lease IS NULL AND due > ?2)
                 AND (?3 IS NULL
                     OR state = ?3 AND attempts = ?4 AND coalesce(since, 0) = ?5)",
        )?
        .execute(params![id.get(), now, state, attempts, since])?;
    Ok(changed == 1)
}

/// Removes a limited number of bodies after an id, so that other writers do not wait long. Returns
/// their number and the greatest id, if there were any.
pub(super) fn remove_bodies(
    connection: &Connection,
    before: i64,
    after: i64,
) -> Result<Option<(u64, i64)>, Error> {
    let mut statement = connection.prepare_cached(
        "UPDATE ecp_inbox_callbacks SET raw = NULL WHERE id IN (
             SELECT id FROM ecp_inbox_callbacks
             WHERE id > ?2 AND state IN ('done', 'repeated') AND received < ?1 AND raw IS NOT NULL
                 AND id NOT IN (SELECT callback FROM ecp_inbox_outbox)
             ORDER BY id LIMIT 500)
         RETURNING id",
    )?;
    let mut rows = statement.query([before, after])?;
    let mut removed = None;
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        let (count, last) = removed.unwrap_or((0, id));
        removed = Some((count + 1, last.max(id)));
    }
    Ok(removed)
}
