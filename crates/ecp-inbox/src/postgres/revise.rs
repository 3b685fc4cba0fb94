//! What an operator, Gate's word or retention does to callbacks that are there.

use ecp_core::Timestamp;
use ecp_core::model::StatusResponse;

use super::PostgresInbox;
use super::accept::{LOCK_PAYMENT, move_payment};
use super::session::{Failure, Session, failed, typed};
use crate::accept::{from_json, project, read, to_json};
use crate::entry::{EntryId, EntryState};
use crate::inbox::{InboxError, Release};
use crate::release::agree;
use crate::state::{Change, News, PaymentState};
use crate::told;

const REPLAY: &str = "
    UPDATE ecp_inbox.callbacks
    SET state = 'waiting', due = $2, attempts = 0, error = NULL,
        lease = lease + 1, leased = false
    WHERE id = $1 AND state IN ('done', 'dead') AND raw IS NOT NULL";

/// In portions, so that no transaction is long.
const REMOVE_BODIES: &str = "
    WITH old AS MATERIALIZED (
        SELECT id FROM ecp_inbox.callbacks
        WHERE id > $1 AND received < $2 AND state IN ('done', 'repeated') AND raw IS NOT NULL
        ORDER BY id LIMIT 1000
        FOR UPDATE SKIP LOCKED
    ), removed AS (
        UPDATE ecp_inbox.callbacks c SET raw = NULL FROM old WHERE c.id = old.id
    )
    SELECT count(*), max(id) FROM old";

const HELD: &str = "
    SELECT project, payment_key, meaning, raw FROM ecp_inbox.callbacks
    WHERE id = $1 AND state = 'held' AND raw IS NOT NULL";

const FIRST: &str = "
    SELECT id FROM ecp_inbox.callbacks
    WHERE meaning = $1 AND first_id IS NULL AND state <> 'held'";

const RELEASE: &str = "
    UPDATE ecp_inbox.callbacks SET state = $2, due = $3, change = $4, first_id = $5
    WHERE id = $1 AND state = 'held'";

pub(super) async fn replay(inbox: &PostgresInbox, id: EntryId) -> Result<bool, InboxError> {
    let session = inbox.session().await?;
    let (number, now) = (id.get(), inbox.now());
    let values = [typed(&number), typed(&now)];
    let replayed = session
        .alone(REPLAY, session.execute(REPLAY, &values))
        .await
        .map_err(failed("replaying a callback"))?;
    session.keep();
    told::replayed(id, replayed > 0);
    inbox.news.notify_one();
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
    session.keep();
    told::bodies_removed(removed);
    Ok(removed)
}

pub(super) async fn release(
    inbox: &PostgresInbox,
    id: EntryId,
    answer: &StatusResponse,
) -> Result<Release, InboxError> {
    let session = inbox.session().await?;
    let released = compare_and_move(&session, id.get(), answer, inbox.now()).await;
    let released = released.map_err(failed("releasing a callback"))?;
    session.keep();
    told::released(id, &released);
    inbox.news.notify_one();
    Ok(released)
}

async fn compare_and_move(
    session: &Session,
    id: i64,
    answer: &StatusResponse,
    now: i64,
) -> Result<Release, Failure> {
    // Nothing of a callback that is held changes but its state, so it can be read before the lock.
    let Some(row) = session.query_opt(HELD, &[typed(&id)]).await? else {
        return Ok(Release::NotHeld);
    };
    let (key, meaning): (Option<&[u8]>, Option<&[u8]>) = (row.get(1), row.get(2));
    let callback = read(row.get(3)).map_err(|_| InboxError::damaged("a body"))?;
    if let Err(path) = agree(project(row.get(0))?, &callback, answer) {
        return Ok(Release::Disagrees(path));
    }

    session.begin().await?;
    // First the payment, then its callback, as everywhere.
    let payment = session.query_opt(LOCK_PAYMENT, &[typed(&key)]).await?;
    let mut state = match &payment {
        Some(payment) => from_json(payment.get(0), "the state of a payment")?,
        None => PaymentState::default(),
    };
    let first = session.query_opt(FIRST, &[typed(&meaning)]).await?;
    let (released, entry, change, first) = if let Some(first) = first {
        (Release::Repeated, EntryState::Repeated, Change::default(), Some(first.get::<_, i64>(0)))
    } else {
        let change = state.hear(&News::of(&callback));
        (Release::Released, EntryState::Waiting, change, None)
    };
    let due = (entry == EntryState::Waiting).then_some(now);
    let (word, change) = (entry.as_str(), to_json(&change));
    let values = [typed(&id), typed(&word), typed(&due), typed(&change), typed(&first)];
    let moved = session.execute(RELEASE, &values).await?;
    if moved == 0 {
        session.batch_execute("ROLLBACK").await?;
        return Ok(Release::NotHeld);
    }
    if payment.is_some() {
        move_payment(session, key, &state, now).await?;
    }
    session.commit().await?;
    Ok(released)
}
