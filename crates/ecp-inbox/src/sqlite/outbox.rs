//! The outbox: callbacks to be published.

use rusqlite::{Connection, params};

use super::error::Error;
use crate::accept;
use crate::clock::{milliseconds, timestamp};
use crate::entry::{EntryId, Raw};
use crate::outbox::{self, LEASE, Publication, PublisherId};

/// A trigger sees each callback in the transaction in which the payment's state takes it in.
const KEEP: &str = "
    CREATE TRIGGER IF NOT EXISTS ecp_inbox_outbox_new AFTER INSERT ON ecp_inbox_callbacks
    WHEN new.state = 'waiting' BEGIN
        INSERT INTO ecp_inbox_outbox (callback) VALUES (new.id);
    END;
    CREATE TRIGGER IF NOT EXISTS ecp_inbox_outbox_released AFTER UPDATE OF state ON ecp_inbox_callbacks
    WHEN old.state = 'held' AND new.state = 'waiting' BEGIN
        INSERT INTO ecp_inbox_outbox (callback) VALUES (new.id);
    END;";

const DROP: &str = "
    DROP TRIGGER IF EXISTS ecp_inbox_outbox_new;
    DROP TRIGGER IF EXISTS ecp_inbox_outbox_released;
    DELETE FROM ecp_inbox_outbox;";

pub(super) fn keep(connection: &Connection, keep: bool) -> Result<(), Error> {
    Ok(connection.execute_batch(if keep { KEEP } else { DROP })?)
}

/// Whether the outbox is empty, and until when the publisher has it to itself, `None` if it does not
/// have it.
pub(super) fn look(
    connection: &Connection,
    publisher: PublisherId,
) -> Result<(bool, Option<i64>), Error> {
    let filled = connection.prepare_cached("SELECT 1 FROM ecp_inbox_outbox LIMIT 1")?.exists([])?;
    let (holder, until): (i64, i64) = connection
        .prepare_cached("SELECT holder, until FROM ecp_inbox_publisher")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok((!filled, (holder == publisher.0).then_some(until)))
}

/// Gives the publisher the outbox, unless another one has it. A time beyond two leases shows that the
/// clock was set back.
pub(super) fn lease(
    connection: &Connection,
    publisher: PublisherId,
    now: i64,
) -> Result<bool, Error> {
    let lease = milliseconds(LEASE);
    let leased = connection
        .prepare_cached(
            "UPDATE ecp_inbox_publisher SET holder = ?1, until = ?2
             WHERE holder = ?1 OR until <= ?3 OR until > ?4",
        )?
        .execute([publisher.0, now.saturating_add(lease), now, now.saturating_add(2 * lease)])?;
    Ok(leased == 1)
}

pub(super) fn read(connection: &Connection, limit: i64) -> Result<Vec<Publication>, Error> {
    let mut statement = connection.prepare_cached(
        "SELECT place, id, callbacks.project, payments.payment, change, received, raw, content
         FROM ecp_inbox_outbox AS outbox
         CROSS JOIN ecp_inbox_callbacks AS callbacks ON callbacks.id = outbox.callback
         LEFT JOIN ecp_inbox_payments AS payments ON callbacks.payment = payments.number
         WHERE raw IS NOT NULL ORDER BY place LIMIT ?1",
    )?;
    let rows = statement.query_and_then([limit], |row| {
        let payment: Option<Vec<u8>> = row.get(3)?;
        let change: String = row.get(4)?;
        Ok(Publication {
            place: row.get(0)?,
            id: EntryId::new(row.get(1)?),
            project: accept::project(row.get(2)?)?,
            payment: payment.as_deref().map(accept::payment_id).transpose()?,
            change: accept::from_json(&change, "reading a callback's change")?,
            received: timestamp(row.get(5)?),
            raw: Raw::from(row.get::<_, Vec<u8>>(6)?),
            message_id: outbox::of_content(&row.get(7)?),
        })
    })?;
    rows.collect()
}

/// Removes callbacks by their places and numbers: a place may have been given again since.
pub(super) fn remove(connection: &Connection, published: &[(i64, i64)]) -> Result<(), Error> {
    let mut statement = connection
        .prepare_cached("DELETE FROM ecp_inbox_outbox WHERE place = ?1 AND callback = ?2")?;
    for (place, callback) in published {
        statement.execute(params![place, callback])?;
    }
    Ok(())
}
