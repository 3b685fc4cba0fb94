//! Changes to existing callbacks by an operator or by retention.

use ecp_core::Timestamp;

use super::session::{Failure, failed, typed};
use super::store::PostgresInbox;
use crate::entry::{EntryId, Version};
use crate::error::InboxError;
use crate::telemetry;

/// A callback that waits keeps its attempts and its error; one that is being handled is left alone.
const REPLAY: &str = "
    UPDATE ecp_inbox.callbacks
    SET state = 'waiting', due = $2, lease = lease + 1, leased = false,
        attempts = CASE WHEN state = 'waiting' THEN attempts ELSE 0 END,
        error = CASE WHEN state = 'waiting' THEN error END
    WHERE id = $1 AND raw IS NOT NULL
        AND (state IN ('done', 'dead') OR state = 'waiting' AND NOT leased AND due > $2)
        AND ($3::text IS NULL OR state = $3::text AND attempts = $4::integer
            AND coalesce(since, 0) = $5::bigint)";

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

pub(super) async fn replay(
    inbox: &PostgresInbox,
    id: EntryId,
    version: Option<Version>,
) -> Result<bool, InboxError> {
    let session = inbox.session().await?;
    let (number, now) = (id.get(), inbox.now());
    let state = version.map(|version| version.state.as_str());
    let attempts = version.map(|version| i32::try_from(version.attempts).unwrap_or(i32::MAX));
    let attempts = attempts.unwrap_or_default();
    let since = version.map_or(0, |version| version.since);
    let values = [typed(&number), typed(&now), typed(&state), typed(&attempts), typed(&since)];
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
