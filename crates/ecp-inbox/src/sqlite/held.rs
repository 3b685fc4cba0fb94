//! Statements on held callbacks that run inside a write transaction.

use ecp_core::model::VerifiedStatus;
use fastrand::i64 as random;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::error::Error;
use super::write::{apply, of_meaning};
use crate::accept;
use crate::agreement::{Doubt, compare, disagreement};
use crate::clock::{milliseconds, timestamp};
use crate::entry::{ClaimedHeld, EntryId, Lease, Question};
use crate::error::InboxError;
use crate::inbox::Release;
use crate::state::{PaymentState, StatusUpdate};
use crate::telemetry::Decided;

/// Due callbacks: without a status request yet, or due for another one. No other callback of the
/// payment is being confirmed, and no due one is older.
const DUE: &str = "
    SELECT id, this.project, payments.payment, received, attempts
    FROM ecp_inbox_callbacks AS this
    JOIN ecp_inbox_payments AS payments ON payments.number = this.payment
    WHERE this.state = 'held' AND this.state <> 'done' AND (due <= ?1 OR (due IS NULL AND attempts = 0))
        AND NOT EXISTS (
            SELECT 1 FROM ecp_inbox_callbacks AS other
            WHERE other.payment = this.payment AND other.state = 'held' AND other.id <> this.id
                AND ((other.lease IS NOT NULL AND other.due > ?1)
                    OR (other.id < this.id
                        AND (other.due <= ?1 OR (other.due IS NULL AND other.attempts = 0)))))
    ORDER BY due, id LIMIT ?2";

pub(super) fn claim(
    connection: &Connection,
    limit: i64,
    lease: i64,
    attempts: u32,
    now: i64,
) -> Result<ClaimedHeld, Error> {
    let mut claimed = ClaimedHeld::default();
    let mut statement = connection.prepare_cached(DUE)?;
    let rows = statement.query_map([now, limit], |row| {
        let (id, project): (i64, i64) = (row.get(0)?, row.get(1)?);
        let (payment, received): (Vec<u8>, i64) = (row.get(2)?, row.get(3)?);
        Ok((id, project, payment, received, row.get::<_, u32>(4)?))
    })?;
    // All rows are read before the first is changed.
    for row in rows.collect::<Result<Vec<_>, _>>()? {
        let (number, project, payment, received, before) = row;
        let id = EntryId::new(number);
        if before >= attempts {
            connection
                .prepare_cached(
                    "UPDATE ecp_inbox_callbacks SET due = NULL, lease = NULL,
                         error = coalesce(error, 'no status request to Gate stored a result: each time its process ended, or it took longer than its lease')
                     WHERE id = ?1",
                )?
                .execute([number])?;
            claimed.given_up.push(id);
            continue;
        }
        let right = Lease(random(1..));
        connection
            .prepare_cached(
                "UPDATE ecp_inbox_callbacks
                 SET attempts = attempts + 1, due = ?2, lease = ?3, since = ?4 WHERE id = ?1",
            )?
            .execute(params![number, now.saturating_add(lease), right.0, now])?;
        claimed.questions.push(Question {
            id,
            project: accept::project(project)?,
            payment: accept::payment_id(&payment)?,
            received: timestamp(received),
            attempt: before + 1,
            lease: right,
        });
    }
    Ok(claimed)
}

pub(super) fn postpone(
    connection: &Connection,
    question: &Question,
    after: Option<std::time::Duration>,
    reason: &str,
    now: i64,
) -> Result<bool, Error> {
    let due = after.map(|after| now.saturating_add(milliseconds(after)));
    let changed = connection
        .prepare_cached(
            "UPDATE ecp_inbox_callbacks SET due = ?3, lease = NULL, error = ?4, since = ?5
             WHERE id = ?1 AND lease = ?2 AND state = 'held'",
        )?
        .execute(params![
            question.id.get(),
            question.lease.0,
            due,
            accept::error_text(reason),
            now
        ])?;
    Ok(changed == 1)
}

pub(super) fn release(
    connection: &Connection,
    id: EntryId,
    answer: &VerifiedStatus,
    now: i64,
) -> Result<Decided, Error> {
    let held = connection
        .prepare_cached(
            "SELECT project, payment, raw FROM ecp_inbox_callbacks
             WHERE id = ?1 AND state = 'held' AND raw IS NOT NULL",
        )?
        .query_row([id.get()], |row| {
            Ok((row.get(0)?, row.get::<_, Option<i64>>(1)?, row.get::<_, Vec<u8>>(2)?))
        })
        .optional()?;
    let Some((number, payment, raw)) = held else { return Ok(Release::NotHeld.into()) };
    let project = accept::project(number)?;
    let callback = accept::read(&raw)
        .map_err(|_| InboxError::damaged("reading the body of a held callback"))?;
    match compare(project, &callback, answer) {
        Ok(()) => {}
        Err(Doubt::Undecided(path)) => return Ok(Release::Undecided(path).into()),
        Err(Doubt::Contradicted(path)) => {
            connection
                .prepare_cached(
                    "UPDATE ecp_inbox_callbacks
                     SET due = NULL, lease = NULL, attempts = max(attempts, 1), error = ?2
                     WHERE id = ?1",
                )?
                .execute(params![id.get(), disagreement(path)])?;
            return Ok(Release::Disagrees(path).into());
        }
    }
    let meaning = accept::meaning(project, &callback);
    let first = match payment.zip(meaning.as_ref()) {
        Some((payment, meaning)) => of_meaning(connection, payment, meaning)?,
        None => None,
    };
    if first.is_some() {
        connection
            .prepare_cached(
                "UPDATE ecp_inbox_callbacks
                 SET state = 'repeated', first = ?2, due = NULL, lease = NULL, attempts = 0,
                     error = NULL
                 WHERE id = ?1",
            )?
            .execute(params![id.get(), first])?;
        return Ok(Release::Repeated.into());
    }
    let update = StatusUpdate::of(&callback);
    let change = match payment {
        Some(payment) => apply(connection, payment, &update, now)?,
        None => PaymentState::default().apply(&update),
    };
    connection
        .prepare_cached(
            "UPDATE ecp_inbox_callbacks
             SET state = 'waiting', due = ?2, lease = NULL, attempts = 0, error = NULL,
                 meaning = ?3, change = ?4
             WHERE id = ?1",
        )?
        .execute(params![id.get(), now, meaning, accept::to_json(&change)])?;
    let reported = (number, callback.payment_id().cloned(), change);
    Ok(Decided { release: Release::Released, change: Some(reported) })
}
