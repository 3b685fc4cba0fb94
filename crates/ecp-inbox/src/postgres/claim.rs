//! Handing callbacks out, and taking back how it went.

use std::time::Duration;

use tokio_postgres::Row;

use super::PostgresInbox;
use super::session::{Failure, Session, failed};
use crate::accept::{error_text, from_json, known, project, read};
use crate::clock::{milliseconds, timestamp};
use crate::entry::{Delivery, EntryId, Finish, Lease};
use crate::failpoint::failpoint;
use crate::inbox::InboxError;

/// The callback of a payment blocks the later ones until it is done or dead. Replicas pass over
/// each other's rows; a row that changed since is looked at again when its lock is there.
const CLAIM: &str = "
    WITH next AS MATERIALIZED (
        SELECT id, payment_key FROM ecp_inbox.callbacks c
        WHERE state = 'waiting' AND due <= $1 AND NOT EXISTS (
            SELECT FROM ecp_inbox.callbacks older
            WHERE older.payment_key = c.payment_key AND older.id < c.id
                AND older.state = 'waiting'
        )
        ORDER BY due, id LIMIT $2
        FOR UPDATE OF c SKIP LOCKED
    )
    UPDATE ecp_inbox.callbacks c SET attempts = attempts + 1, lease = lease + 1, due = $3
    FROM next LEFT JOIN ecp_inbox.payments p ON p.key = next.payment_key
    WHERE c.id = next.id
    RETURNING c.id, c.project, c.raw, c.change, c.received, c.attempts, c.lease,
        p.state AS payment_state";

/// `$3` is the new state; each is fenced by the lease and ends it.
pub(super) const END: &str = "
    UPDATE ecp_inbox.callbacks SET state = $3, due = $4, error = $5, lease = lease + 1
    WHERE id = $1 AND lease = $2 AND state = 'waiting'";

pub(super) async fn claim(
    inbox: &PostgresInbox,
    limit: usize,
    lease: Duration,
) -> Result<Vec<Delivery>, InboxError> {
    let session = Session::open(&inbox.pool).await?;
    let claimed = async {
        let now = inbox.now();
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let claim = session.prepare(CLAIM).await?;
        session.query(&claim, &[&now, &limit, &(now + milliseconds(lease))]).await
    };
    let mut rows = claimed.await.map_err(failed("no callbacks were claimed"))?;
    session.keep();
    failpoint!("claim.after_commit");
    rows.sort_by_key(|row| row.get::<_, i64>("id"));
    let mut deliveries = Vec::with_capacity(rows.len());
    for row in rows {
        let (id, lease) = (EntryId::new(row.get("id")), Lease(row.get("lease")));
        let attempts = attempts(&row);
        let problem = if attempts > inbox.max_attempts {
            // Whoever had it before did not live to say so.
            Some("every attempt ended without a word, or past its deadline".to_owned())
        } else {
            match delivery(&row) {
                Ok(delivery) => {
                    deliveries.push(delivery);
                    None
                }
                Err(error) => Some(error.to_string()),
            }
        };
        if let Some(error) = problem {
            end(inbox, id, lease, &Finish::Dead { error }).await?;
        }
    }
    Ok(deliveries)
}

fn attempts(row: &Row) -> u32 {
    u32::try_from(row.get::<_, i32>("attempts")).unwrap_or_default()
}

fn delivery(row: &Row) -> Result<Delivery, InboxError> {
    let raw: Option<&[u8]> = row.get("raw");
    let raw = raw.ok_or_else(|| InboxError::damaged("a body"))?;
    let state = row.get::<_, Option<&str>>("payment_state");
    let state = state.map(|state| from_json(state, "the state of a payment")).transpose()?;
    Ok(Delivery {
        id: EntryId::new(row.get("id")),
        project: project(row.get("project"))?,
        callback: read(raw).map_err(|_| InboxError::damaged("a body"))?,
        change: from_json(row.get("change"), "a change")?,
        payment: state.and_then(known),
        received: timestamp(row.get("received")),
        attempt: attempts(row),
        lease: Lease(row.get("lease")),
    })
}

pub(super) async fn end(
    inbox: &PostgresInbox,
    id: EntryId,
    lease: Lease,
    finish: &Finish,
) -> Result<bool, InboxError> {
    let session = Session::open(&inbox.pool).await?;
    let (state, due, error) = match finish {
        Finish::Done => ("done", None, None),
        Finish::Retry { at, error } => {
            ("waiting", Some(at.unix_seconds() * 1000), Some(error_text(error)))
        }
        Finish::Dead { error } => ("dead", None, Some(error_text(error))),
    };
    failpoint!("finish.before_commit");
    let ended = async {
        let end = session.prepare(END).await?;
        let rows = session.execute(&end, &[&id.get(), &lease.0, &state, &due, &error]).await?;
        Ok::<_, Failure>(rows)
    };
    let ended = ended.await.map_err(failed("the end of an attempt was not stored"))?;
    session.keep();
    failpoint!("finish.after_commit");
    // The next callback of the payment may go.
    inbox.news.notify_one();
    Ok(ended > 0)
}
