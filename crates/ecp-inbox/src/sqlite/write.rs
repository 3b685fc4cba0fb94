//! Statements that run inside a write transaction.

use fastrand::i64 as random;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::error::Error;
use crate::accept::{self, Digest, Record};
use crate::clock::{Look, timestamp};
use crate::entry::{Claimed, Delivery, EntryId, Finish, Lease, NO_RESULT};
use crate::failpoint::failpoint;
use crate::inbox::Accepted;
use crate::state::{Change, PaymentState, StatusUpdate};

pub(super) fn accept(
    connection: &Connection,
    record: &Record,
    now: i64,
) -> Result<(Accepted, Change), Error> {
    let again = connection
        .prepare_cached(
            "UPDATE ecp_inbox_callbacks SET times = times + 1, last_received = ?2
             WHERE content = ?1 RETURNING id",
        )?
        .query_row(params![record.content, now], |row| row.get(0))
        .optional()?;
    if let Some(id) = again {
        return Ok((Accepted::Repeated(EntryId::new(id)), Change::default()));
    }
    failpoint!("accept.before_insert");
    let payment = match &record.payment {
        None => None,
        Some(payment) => Some(payment_number(connection, record.project, payment.as_str(), now)?),
    };
    let first = match &record.meaning {
        None => None,
        Some(meaning) => of_meaning(connection, meaning)?,
    };
    let (state, change) = match (first, record.held, payment) {
        (Some(_), ..) => ("repeated", Change::default()),
        (None, true, _) => ("held", Change::default()),
        (None, false, None) => ("waiting", PaymentState::default().apply(&record.update)),
        (None, false, Some(number)) => ("waiting", apply(connection, number, &record.update, now)?),
    };
    let waits = state == "waiting";
    connection
        .prepare_cached(
            "INSERT INTO ecp_inbox_callbacks (project, payment, content, meaning, first, state,
                 status, received, last_received, due, change, ambiguous, raw)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8, ?9, ?10, ?11, ?12)",
        )?
        .execute(params![
            record.project,
            payment,
            record.content,
            record.meaning.filter(|_| waits),
            first,
            state,
            record.status.as_deref().map(str::as_bytes),
            now,
            waits.then_some(now),
            accept::to_json(&change),
            record.ambiguous,
            record.raw,
        ])?;
    failpoint!("accept.after_insert");
    let id = EntryId::new(connection.last_insert_rowid());
    let accepted = match first {
        Some(first) => Accepted::SameOperation { id, first: EntryId::new(first) },
        None if waits => Accepted::New(id),
        None => Accepted::Held(id),
    };
    Ok((accepted, change))
}

fn payment_number(
    connection: &Connection,
    project: i64,
    payment: &str,
    now: i64,
) -> Result<i64, Error> {
    let known = connection
        .prepare_cached(
            "SELECT number FROM ecp_inbox_payments WHERE project = ?1 AND payment = ?2",
        )?
        .query_row(params![project, payment.as_bytes()], |row| row.get(0))
        .optional()?;
    if let Some(number) = known {
        return Ok(number);
    }
    connection
        .prepare_cached(
            "INSERT INTO ecp_inbox_payments (project, payment, state, updated)
             VALUES (?1, ?2, '{}', ?3)",
        )?
        .execute(params![project, payment.as_bytes(), now])?;
    Ok(connection.last_insert_rowid())
}

pub(super) fn of_meaning(connection: &Connection, meaning: &Digest) -> Result<Option<i64>, Error> {
    let first = connection
        .prepare_cached("SELECT id FROM ecp_inbox_callbacks WHERE meaning = ?1")?
        .query_row([meaning], |row| row.get(0))
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
        connection
            .prepare_cached(
                "UPDATE ecp_inbox_payments SET state = ?2, updated = ?3 WHERE number = ?1",
            )?
            .execute(params![payment, accept::to_json(&state), now])?;
    }
    Ok(change)
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
             WHERE state IN ('waiting', 'held') AND due > ?2 AND (?3 OR attempts = 0
                 OR since > ?2
                 OR (SELECT received FROM ecp_inbox_callbacks ORDER BY id DESC LIMIT 1) > ?2)",
        )?
        .execute(params![now, now.saturating_add(lease), look == Look::AtAll])?;
    Ok(())
}

/// Due callbacks that may be claimed: none of the same payment is older or claimed already.
const CLAIMABLE: &str = "
    SELECT id, project, payment, received, attempts, change, raw FROM ecp_inbox_callbacks AS this
    WHERE state = 'waiting' AND due <= ?1 AND NOT EXISTS (
        SELECT 1 FROM ecp_inbox_callbacks AS other
        WHERE other.payment = this.payment AND other.state = 'waiting' AND other.id <> this.id
            AND (other.id < this.id OR (other.lease IS NOT NULL AND other.due > ?1)))
    ORDER BY due, id LIMIT ?2";

struct Claimable {
    id: i64,
    project: i64,
    payment: Option<i64>,
    received: i64,
    attempts: u32,
    change: String,
    raw: Option<Vec<u8>>,
}

pub(super) fn claim(
    connection: &Connection,
    limit: i64,
    lease: i64,
    attempts: u32,
    now: i64,
) -> Result<Claimed, Error> {
    let mut claimed = Claimed::default();
    let mut statement = connection.prepare_cached(CLAIMABLE)?;
    let rows = statement.query_map([now, limit], |row| {
        Ok(Claimable {
            id: row.get(0)?,
            project: row.get(1)?,
            payment: row.get(2)?,
            received: row.get(3)?,
            attempts: row.get(4)?,
            change: row.get(5)?,
            raw: row.get(6)?,
        })
    })?;
    // All rows are read before the first is changed.
    for row in rows.collect::<Result<Vec<_>, _>>()? {
        let id = EntryId::new(row.id);
        let callback = accept::read(row.raw.as_deref().unwrap_or_default());
        let problem = match &callback {
            _ if row.attempts >= attempts => Some(NO_RESULT),
            Err(_) => Some("its stored body cannot be read"),
            Ok(_) => None,
        };
        let (Ok(callback), None) = (callback, problem) else {
            connection
                .prepare_cached(
                    "UPDATE ecp_inbox_callbacks
                     SET state = 'dead', due = NULL, lease = NULL, error = ?2 WHERE id = ?1",
                )?
                .execute(params![row.id, problem])?;
            claimed.dead.push(id);
            continue;
        };
        let right = Lease(random(1..));
        connection
            .prepare_cached(
                "UPDATE ecp_inbox_callbacks
                 SET attempts = attempts + 1, due = ?2, lease = ?3, since = ?4 WHERE id = ?1",
            )?
            .execute(params![row.id, now.saturating_add(lease), right.0, now])?;
        let payment = row.payment.map(|payment| state_of(connection, payment)).transpose()?;
        claimed.deliveries.push(Delivery {
            id,
            project: accept::project(row.project)?,
            callback,
            change: accept::from_json(&row.change, "reading a callback's change")?,
            payment: payment.and_then(accept::known),
            received: timestamp(row.received),
            attempt: row.attempts + 1,
            lease: right,
        });
    }
    Ok(claimed)
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

pub(super) fn replay(connection: &Connection, id: EntryId, now: i64) -> Result<bool, Error> {
    let changed = connection
        .prepare_cached(
            "UPDATE ecp_inbox_callbacks SET state = 'waiting', attempts = 0, due = ?2
             WHERE id = ?1 AND state IN ('dead', 'done') AND raw IS NOT NULL",
        )?
        .execute([id.get(), now])?;
    Ok(changed == 1)
}

/// Removes a limited number of bodies, so that other writers do not wait long. Returns the number
/// of removed bodies.
pub(super) fn remove_bodies(connection: &Connection, before: i64) -> Result<usize, Error> {
    let removed = connection
        .prepare_cached(
            "UPDATE ecp_inbox_callbacks SET raw = NULL WHERE id IN (
                 SELECT id FROM ecp_inbox_callbacks
                 WHERE state IN ('done', 'repeated') AND received < ?1 AND raw IS NOT NULL
                 LIMIT 500)",
        )?
        .execute([before])?;
    Ok(removed)
}
