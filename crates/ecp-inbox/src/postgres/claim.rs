//! Claiming callbacks for handling, and storing the results.

use std::collections::BTreeSet;

use tokio_postgres::Row;

use super::queue::{Call, Item, Queue};
use super::session::{Failure, column, failed, typed};
use super::store::PostgresInbox;
use crate::accept::{error_text, from_json, known, project, read};
use crate::clock::{Look, milliseconds, timestamp};
use crate::entry::{Claim, Claimed, Delivery, EntryId, Finish, Lease, NO_RESULT};
use crate::error::InboxError;
use crate::failpoint::failpoint;

/// A callback blocks the later ones of its payment until it is done or dead, and a postponed one
/// waits for a later one that is claimed. Replicas skip each other's rows; a row that changed
/// meanwhile is checked again once it is locked.
const CLAIM: &str = "
    WITH next AS MATERIALIZED (
        SELECT c.id, c.payment_number, c.attempts FROM ecp_inbox.callbacks c
        WHERE c.state = 'waiting' AND c.due <= $1 AND NOT EXISTS (
            SELECT FROM ecp_inbox.callbacks other
            WHERE other.payment_number = c.payment_number AND other.state = 'waiting'
                AND (other.id < c.id OR other.id > c.id AND other.leased AND other.due > $1)
        )
        ORDER BY c.due, c.id LIMIT $2
        FOR UPDATE OF c SKIP LOCKED
    )
    UPDATE ecp_inbox.callbacks c SET lease = lease + 1, leased = true, due = $3, since = $1,
        attempts = least(c.attempts + 1, $4)
    FROM next LEFT JOIN ecp_inbox.payments p ON p.number = next.payment_number
    WHERE c.id = next.id
    RETURNING c.id, c.project, c.raw, c.change, c.received, c.attempts, c.lease,
        next.attempts >= $4 AS used_up, p.state AS payment_state";

/// Repairs times that are in the future because the clock was set back. Callbacks that were never
/// tried become due; all others become due within one lease, and so does the rest of a current
/// lease.
const BRING_BACK: &str = "
    WITH late AS MATERIALIZED (
        SELECT id FROM ecp_inbox.callbacks
        WHERE state IN ('waiting', 'held') AND due > $2 AND ($3 = 1::bigint OR attempts = 0 OR since > $2
            OR (SELECT received FROM ecp_inbox.callbacks ORDER BY id DESC LIMIT 1) > $2)
        ORDER BY id
        FOR UPDATE SKIP LOCKED
    )
    UPDATE ecp_inbox.callbacks c SET due = CASE WHEN attempts = 0 THEN $1 ELSE $2 END, since = $1
    FROM late WHERE c.id = late.id";

/// Checks stored times if that is due.
pub(super) async fn bring_back(inbox: &PostgresInbox, lease: i64) -> Result<(), InboxError> {
    let now = inbox.now();
    let Some(look) = inbox.set_back.look(&*inbox.clock, now, lease) else { return Ok(()) };
    let session = inbox.session().await?;
    let (latest, all) = (now.saturating_add(lease), i64::from(look == Look::AtAll));
    let values = [typed(&now), typed(&latest), typed(&all)];
    let brought_back = session.alone(BRING_BACK, session.execute(BRING_BACK, &values)).await;
    brought_back.map_err(failed("checking the times of stored callbacks"))?;
    session.end().map_err(failed("checking the times of stored callbacks"))?;
    inbox.set_back.looked(&*inbox.clock);
    Ok(())
}

/// `$3` is the new state; each update is fenced by the lease and ends it.
pub(super) const END: &str = "
    UPDATE ecp_inbox.callbacks
    SET state = $3, due = $4, error = $5, lease = lease + 1, leased = false, since = $6
    WHERE id = $1 AND lease = $2 AND state = 'waiting'";

pub(super) async fn claim(inbox: &PostgresInbox, claim: &Claim) -> Result<Claimed, InboxError> {
    bring_back(inbox, milliseconds(claim.lease)).await?;
    let session = inbox.session().await?;
    let rows = async {
        let now = inbox.now();
        let limit = i64::try_from(claim.limit).unwrap_or(i64::MAX);
        let attempts = i32::try_from(claim.attempts).unwrap_or(i32::MAX);
        let until = now + milliseconds(claim.lease);
        let values = [typed(&now), typed(&limit), typed(&until), typed(&attempts)];
        failpoint!("claim.before_commit");
        session.alone(CLAIM, session.query(CLAIM, &values)).await
    };
    let mut rows = rows.await.map_err(failed("claiming callbacks"))?;
    session.end().map_err(failed("claiming callbacks"))?;
    failpoint!("claim.after_commit");
    rows.sort_by_key(|row| row.get::<_, i64>("id"));
    let mut claimed = Claimed::default();
    for row in rows {
        let error = if row.get("used_up") {
            // The process that claimed it before ended without storing a result.
            NO_RESULT.to_owned()
        } else {
            match delivery(&row) {
                Ok(delivery) => {
                    claimed.deliveries.push(delivery);
                    continue;
                }
                Err(error) => error.to_string(),
            }
        };
        let (id, lease) = (EntryId::new(row.get("id")), Lease(row.get("lease")));
        if finish(inbox, id, lease, &Finish::Dead { error }).await? {
            claimed.dead.push(id);
        }
    }
    Ok(claimed)
}

fn attempts(row: &Row) -> u32 {
    u32::try_from(row.get::<_, i32>("attempts")).unwrap_or_default()
}

fn delivery(row: &Row) -> Result<Delivery, InboxError> {
    let raw: Option<&[u8]> = row.get("raw");
    let raw = raw.ok_or_else(|| InboxError::damaged("reading the body of a callback"))?;
    let state = row.get::<_, Option<&str>>("payment_state");
    let state =
        state.map(|state| from_json(state, "reading the state of a payment")).transpose()?;
    Ok(Delivery {
        id: EntryId::new(row.get("id")),
        project: project(row.get("project"))?,
        callback: read(raw).map_err(|_| InboxError::damaged("reading the body of a callback"))?,
        change: from_json(row.get("change"), "reading a callback's change")?,
        payment: state.and_then(known),
        received: timestamp(row.get("received")),
        attempt: attempts(row),
        lease: Lease(row.get("lease")),
    })
}

/// The queue of attempts whose results are to be stored.
pub(super) type Finishes = Queue<End, bool>;

/// The result of an attempt, as it is stored.
pub(super) struct End {
    id: i64,
    lease: i64,
    state: &'static str,
    due: Option<i64>,
    error: Option<String>,
}

impl Item for End {
    fn bytes(&self) -> usize {
        self.error.as_ref().map_or(0, String::len)
    }

    fn row(&self) -> u64 {
        self.id.unsigned_abs()
    }
}

const FINISHING: &str = "storing the end of an attempt";

/// Stores the results of several attempts, each for a different callback.
const END_ALL: &str = "
    WITH locked AS MATERIALIZED (
        SELECT id FROM ecp_inbox.callbacks WHERE id = ANY($1::bigint[]) ORDER BY id FOR UPDATE
    )
    UPDATE ecp_inbox.callbacks AS callback
    SET state = given.state, due = given.due, error = given.error, lease = callback.lease + 1,
        leased = false, since = $6::bigint
    FROM locked JOIN unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[], $5::text[])
        AS given (id, lease, state, due, error) USING (id)
    WHERE callback.id = locked.id AND callback.lease = given.lease AND callback.state = 'waiting'
    RETURNING callback.id";

pub(super) async fn finish(
    inbox: &PostgresInbox,
    id: EntryId,
    lease: Lease,
    finish: &Finish,
) -> Result<bool, InboxError> {
    let now = inbox.now();
    let (state, due, error) = match finish {
        Finish::Done => ("done", None, None),
        Finish::Retry { after, error } => {
            ("waiting", Some(now.saturating_add(milliseconds(*after))), Some(error_text(error)))
        }
        Finish::Dead { error } => ("dead", None, Some(error_text(error))),
    };
    let end = End { id: id.get(), lease: lease.0, state, due, error };
    let writer = inbox.clone();
    inbox.finishes.call(end, FINISHING, move |calls| finish_calls(writer.clone(), calls)).await
}

/// Stores results in one transaction. If that fails for one of them, each is stored alone.
async fn finish_calls(inbox: PostgresInbox, calls: Vec<Call<End, bool>>) {
    let mut ids = BTreeSet::new();
    // Of two results of one callback, at most one holds the lease.
    let (mut together, mut alone): (Vec<_>, Vec<_>) =
        calls.into_iter().partition(|call| ids.insert(call.item.id));
    if together.len() == 1 {
        alone.splice(..0, together.drain(..));
    }
    if !together.is_empty() {
        let ends: Vec<&End> = together.iter().map(|call| &call.item).collect();
        match finish_together(&inbox, &ends).await {
            Ok(ended) => {
                for call in together {
                    let has_ended = ended.contains(&call.item.id);
                    answer(&inbox, call, Ok(has_ended));
                }
            }
            Err(failure) if failure.may_be_of_one_row() => {
                inbox.finishes.redo(together.len(), &failure);
                alone.splice(..0, together);
            }
            Err(failure) => {
                let error = failed(FINISHING)(failure);
                for call in together {
                    call.answer(Err(error.clone()));
                }
            }
        }
    }
    for call in alone {
        let ended = finish_alone(&inbox, &call.item).await;
        answer(&inbox, call, ended);
    }
}

fn answer(inbox: &PostgresInbox, call: Call<End, bool>, ended: Result<bool, InboxError>) {
    let is_stored = ended.is_ok();
    call.answer(ended);
    if is_stored {
        // The next callback of the payment can be claimed.
        inbox.wakeup.notify_one();
    }
}

async fn finish_alone(inbox: &PostgresInbox, end: &End) -> Result<bool, InboxError> {
    let session = inbox.session().await?;
    let now = inbox.now();
    let End { id, lease, state, due, error } = end;
    let values = [typed(id), typed(lease), typed(state), typed(due), typed(error), typed(&now)];
    failpoint!("finish.before_commit");
    let ended = session.alone(END, session.execute(END, &values)).await;
    let ended = ended.map_err(failed(FINISHING))?;
    session.end().map_err(failed(FINISHING))?;
    failpoint!("finish.after_commit");
    Ok(ended > 0)
}

/// Returns the ids of the callbacks whose leases were still valid.
async fn finish_together(inbox: &PostgresInbox, ends: &[&End]) -> Result<BTreeSet<i64>, Failure> {
    let session = inbox.session().await?;
    let now = inbox.now();
    let ids: Vec<i64> = ends.iter().map(|end| end.id).collect();
    let leases: Vec<i64> = ends.iter().map(|end| end.lease).collect();
    let states: Vec<&str> = ends.iter().map(|end| end.state).collect();
    let dues: Vec<Option<i64>> = ends.iter().map(|end| end.due).collect();
    let errors: Vec<Option<&str>> = ends.iter().map(|end| end.error.as_deref()).collect();
    let values = [
        column(&ids),
        column(&leases),
        column(&states),
        column(&dues),
        column(&errors),
        typed(&now),
    ];
    failpoint!("finish.before_commit");
    session.ready(&[END_ALL]).await?;
    let ((), ended, ()) = tokio::try_join!(
        session.begin_batch(),
        session.query(END_ALL, &values),
        session.commit(),
    )?;
    session.end()?;
    failpoint!("finish.after_commit");
    Ok(ended.iter().map(|row| row.get(0)).collect())
}
