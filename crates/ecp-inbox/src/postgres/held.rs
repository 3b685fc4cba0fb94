//! Held callbacks, and their release by Gate's answers.

use std::time::Duration;

use ecp_core::model::VerifiedStatus;
use tokio_postgres::Row;

use super::accept::move_payment;
use super::claim::bring_back;
use super::session::{Failure, Session, failed, typed};
use super::store::PostgresInbox;
use crate::accept::{error_text, from_json, payment_id, project, read, to_json};
use crate::agreement::{Doubt, compare, disagreement};
use crate::clock::{milliseconds, timestamp};
use crate::entry::{Claim, ClaimedHeld, EntryId, EntryState, Lease, Question};
use crate::error::InboxError;
use crate::failpoint::failpoint;
use crate::inbox::Release;
use crate::state::{Change, PaymentState, StatusUpdate};
use crate::telemetry::{self, Decided};

/// Due callbacks: without a status request yet, or due for another one. No other callback of the
/// payment is being confirmed, and no due one is older. `$4` is the maximum number of requests: a
/// callback that has used them up is not leased.
const CLAIM: &str = "
    WITH next AS MATERIALIZED (
        SELECT c.id FROM ecp_inbox.callbacks c
        WHERE c.state = 'held' AND c.payment_number IS NOT NULL
            AND (c.due <= $1 OR c.due IS NULL AND c.attempts = 0)
            AND NOT EXISTS (
                SELECT FROM ecp_inbox.callbacks other
                WHERE other.payment_number = c.payment_number AND other.state = 'held'
                    AND other.id <> c.id
                    AND (other.leased AND other.due > $1 OR other.id < c.id
                        AND (other.due <= $1 OR other.due IS NULL AND other.attempts = 0))
            )
        ORDER BY c.due NULLS FIRST, c.id LIMIT $2
        FOR UPDATE OF c SKIP LOCKED
    )
    UPDATE ecp_inbox.callbacks c SET lease = lease + 1, leased = attempts < $4,
        due = CASE WHEN attempts < $4 THEN $3::bigint END, since = $1, attempts = least(attempts + 1, $4),
        error = CASE WHEN attempts < $4 THEN error
            ELSE coalesce(error, 'no status request to Gate stored a result: each time its process ended, or it took longer than its lease') END
    FROM next WHERE c.id = next.id
    RETURNING c.id, c.project, c.payment, c.received, c.attempts, c.lease, c.leased";

const POSTPONE: &str = "
    UPDATE ecp_inbox.callbacks SET due = $3, error = $4, lease = lease + 1, leased = false,
        since = $5
    WHERE id = $1 AND lease = $2 AND state = 'held'";

const HELD: &str = "
    SELECT project, payment_number, meaning, raw FROM ecp_inbox.callbacks
    WHERE id = $1 AND state = 'held' AND raw IS NOT NULL";

const FIRST: &str = "
    SELECT id FROM ecp_inbox.callbacks
    WHERE payment_number = $1 AND meaning = $2 AND first_id IS NULL AND state <> 'held'";

/// The row lock that `accept` takes too.
const LOCK_PAYMENT: &str = "SELECT state FROM ecp_inbox.payments WHERE number = $1 FOR UPDATE";

const CONTRADICT: &str = "
    UPDATE ecp_inbox.callbacks SET due = NULL, attempts = greatest(attempts, 1), error = $2,
        lease = lease + 1, leased = false
    WHERE id = $1 AND state = 'held'";

const RELEASE: &str = "
    UPDATE ecp_inbox.callbacks SET state = $2, due = $3, change = $4, first_id = $5, attempts = 0,
        error = NULL, lease = lease + 1, leased = false
    WHERE id = $1 AND state = 'held'";

pub(super) async fn claim(inbox: &PostgresInbox, claim: &Claim) -> Result<ClaimedHeld, InboxError> {
    bring_back(inbox, milliseconds(claim.lease)).await?;
    let session = inbox.session().await?;
    let rows = async {
        let now = inbox.now();
        let limit = i64::try_from(claim.limit).unwrap_or(i64::MAX);
        let attempts = i32::try_from(claim.attempts).unwrap_or(i32::MAX);
        let until = now.saturating_add(milliseconds(claim.lease));
        let values = [typed(&now), typed(&limit), typed(&until), typed(&attempts)];
        session.alone(CLAIM, session.query(CLAIM, &values)).await
    };
    let mut rows = rows.await.map_err(failed("claiming callbacks that are held"))?;
    session.end().map_err(failed("claiming callbacks that are held"))?;
    rows.sort_by_key(|row| row.get::<_, i64>("id"));
    let mut claimed = ClaimedHeld::default();
    for row in rows {
        if row.get("leased") {
            claimed.questions.push(question(&row)?);
        } else {
            claimed.given_up.push(EntryId::new(row.get("id")));
        }
    }
    Ok(claimed)
}

fn question(row: &Row) -> Result<Question, InboxError> {
    Ok(Question {
        id: EntryId::new(row.get("id")),
        project: project(row.get("project"))?,
        payment: payment_id(row.get("payment"))?,
        received: timestamp(row.get("received")),
        attempt: u32::try_from(row.get::<_, i32>("attempts")).unwrap_or_default(),
        lease: Lease(row.get("lease")),
    })
}

pub(super) async fn postpone(
    inbox: &PostgresInbox,
    question: &Question,
    after: Option<Duration>,
    reason: &str,
) -> Result<bool, InboxError> {
    let session = inbox.session().await?;
    let now = inbox.now();
    let due = after.map(|after| now.saturating_add(milliseconds(after)));
    let (id, lease, reason) = (question.id.get(), question.lease.0, error_text(reason));
    let values = [typed(&id), typed(&lease), typed(&due), typed(&reason), typed(&now)];
    let postponed = session.alone(POSTPONE, session.execute(POSTPONE, &values)).await;
    let postponed = postponed.map_err(failed("storing why a callback stays held"))?;
    session.end().map_err(failed("storing why a callback stays held"))?;
    Ok(postponed > 0)
}

pub(super) async fn release(
    inbox: &PostgresInbox,
    id: EntryId,
    answer: &VerifiedStatus,
) -> Result<Release, InboxError> {
    let session = inbox.session().await?;
    let released = compare_and_move(&session, id.get(), answer, inbox.now()).await;
    let released = released.map_err(failed("releasing a callback"))?;
    session.end().map_err(failed("releasing a callback"))?;
    failpoint!("release.after_commit");
    telemetry::released(id, &released);
    inbox.wakeup.notify_one();
    Ok(released.release)
}

async fn compare_and_move(
    session: &Session,
    id: i64,
    answer: &VerifiedStatus,
    now: i64,
) -> Result<Decided, Failure> {
    // The columns read here do not change while the callback is held, so they can be read before
    // the lock.
    let Some(row) = session.query_opt(HELD, &[typed(&id)]).await? else {
        return Ok(Release::NotHeld.into());
    };
    let (number, meaning): (Option<i64>, Option<&[u8]>) = (row.get(1), row.get(2));
    let callback =
        read(row.get(3)).map_err(|_| InboxError::damaged("reading the body of a held callback"))?;
    let project = project(row.get(0))?;
    match compare(project, &callback, answer) {
        Ok(()) => {}
        Err(Doubt::Undecided(path)) => return Ok(Release::Undecided(path).into()),
        Err(Doubt::Contradicted(path)) => {
            let reason = disagreement(path);
            let values = [typed(&id), typed(&reason)];
            let marked = session.alone(CONTRADICT, session.execute(CONTRADICT, &values)).await?;
            let release = if marked > 0 { Release::Disagrees(path) } else { Release::NotHeld };
            return Ok(release.into());
        }
    }

    session.begin().await?;
    // First the payment, then its callback: the lock order everywhere.
    let payment = session.query_opt(LOCK_PAYMENT, &[typed(&number)]).await?;
    let mut state = match &payment {
        Some(payment) => from_json(payment.get(0), "reading the state of a payment")?,
        None => PaymentState::default(),
    };
    let first = session.query_opt(FIRST, &[typed(&number), typed(&meaning)]).await?;
    let (released, entry, change, first) = if let Some(first) = first {
        (Release::Repeated, EntryState::Repeated, Change::default(), Some(first.get::<_, i64>(0)))
    } else {
        let change = state.apply(&StatusUpdate::of(&callback));
        (Release::Released, EntryState::Waiting, change, None)
    };
    let due = (entry == EntryState::Waiting).then_some(now);
    let (word, stored) = (entry.as_str(), to_json(&change));
    let values = [typed(&id), typed(&word), typed(&due), typed(&stored), typed(&first)];
    let moved = session.execute(RELEASE, &values).await?;
    if moved == 0 {
        session.batch_execute("ROLLBACK").await?;
        return Ok(Release::NotHeld.into());
    }
    if let Some(number) = number.filter(|_| payment.is_some()) {
        move_payment(session, number, &state, now).await?;
    }
    failpoint!("release.before_commit");
    session.commit().await?;
    let payment = callback.payment_id().cloned();
    Ok(Decided { release: released, change: Some((row.get(0), payment, change)) })
}
