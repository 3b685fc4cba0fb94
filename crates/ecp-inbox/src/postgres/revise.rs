//! Changes to existing callbacks by an operator or by retention.

use ecp_core::Timestamp;

use super::session::{Failure, failed, typed};
use super::store::PostgresInbox;
use crate::entry::EntryId;
use crate::error::InboxError;
use crate::telemetry;

const REPLAY: &str = "
    UPDATE ecp_inbox.callbacks
    SET state = 'waiting', due = $2, attempts = 0, error = NULL,
        lease = lease + 1, leased = false
    WHERE id = $1 AND state IN ('done', 'dead') AND raw IS NOT NULL";

/// In batches, so that no transaction is long.
const REMOVE_BODIES: &str = "
    WITH old AS MATERIALIZED (
        SELECT id FROM ecp_inbox.callbacks
        WHERE id > $1 AND received < $2 AND state IN ('done', 'repeated') AND raw IS NOT NULL
            AND id NOT IN (SELECT callback FROM ecp_inbox.outbox)
        ORDER BY id LIMIT 1000
        FOR UPDATE SKIP LOCKED
    ), removed AS (
        UPDATE ecp_inbox.callbacks c SET raw = NULL FROM old WHERE c.id = old.id
    )
    SELECT count(*), max(id) FROM old";

pub(super) async fn replay(inbox: &PostgresInbox, id: EntryId) -> Result<bool, InboxError> {
    let session = inbox.session().await?;
    let (number, now) = (id.get(), inbox.now());
    let values = [typed(&number), typed(&now)];
    let replayed = session
        .alone(REPLAY, session.execute(REPLAY, &values))
        .await
        .map_err(failed("replaying a callback"))?;
    session.end().map_err(failed("replaying a callback"))?;
    telemetry::replayed(id, replayed > 0);
    inbox.wakeup.notify_one();
    Ok(replayed > 0)
}

pub(super) async fn remove_bodies(
    inbox: &PostgresInbox,
    before: Timestamp,
) -> Result<u64, InboxError> {
    let session = inbox.session().await?;
    let before = before.unix_seconds() * 1000;
    let removed = async {
        let (mut removed, mut last) = (0, 0_i64);
        loop {
            let old = [typed(&last), typed(&before)];
            let row = session.alone(REMOVE_BODIES, session.query_one(REMOVE_BODIES, &old)).await?;
            let (count, max): (i64, Option<i64>) = (row.get(0), row.get(1));
            let Some(max) = max else { return Ok::<_, Failure>(removed) };
            removed += count.unsigned_abs();
            last = max;
        }
    };
    let removed = removed.await.map_err(failed("removing bodies"))?;
    session.end().map_err(failed("removing bodies"))?;
    telemetry::bodies_removed(removed);
    Ok(removed)
}
