//! The task that writes: entries that wait together share a commit.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout};
use tokio_postgres::types::Type;

use super::journal::Inner;
use super::rows::{Keys, Values};
use super::session::{Failure, again};
use crate::journal::{Entry, JournalError, State};
use crate::row::RowId;

pub(super) enum Job {
    Write(Write),
    /// Gives a row back, with the token of its reservation; `None` if the server's answer with the
    /// token was lost.
    Release(RowId, Option<i64>),
}

pub(super) struct Write {
    pub(super) id: RowId,
    pub(super) token: i64,
    pub(super) entry: Entry,
    pub(super) done: oneshot::Sender<Result<(), JournalError>>,
}

/// Number of entries in a transaction.
const TOGETHER: usize = 256;

/// Writes until the journal is dropped, and then ends the payer's lease.
pub(super) async fn write(inner: Arc<Inner>, mut queue: mpsc::UnboundedReceiver<Job>) {
    const PAUSE: Duration = Duration::from_millis(500);
    let mut releases: Vec<(RowId, Option<i64>)> = Vec::new();
    // Read from the queue, and not yet done.
    let mut next = None;
    loop {
        let first = if let Some(write) = next.take() {
            Some(Job::Write(write))
        } else if releases.is_empty() {
            queue.recv().await
        } else if let Ok(first) = timeout(PAUSE, queue.recv()).await {
            first
        } else {
            // Rows that could not be given back are tried again soon.
            release(&inner, &mut releases).await;
            continue;
        };
        let Some(first) = first else { break };
        let (mut batch, mut rows) = (Vec::new(), HashSet::new());
        let mut job = Some(first);
        while let Some(current) = job.take() {
            match current {
                Job::Release(id, token) => releases.push((id, token)),
                // A row twice in one statement would be written once.
                Job::Write(write) if !rows.insert(write.id.clone()) => {
                    next = Some(write);
                    break;
                }
                Job::Write(write) => batch.push(write),
            }
            if batch.len() < TOGETHER && releases.len() < TOGETHER {
                job = queue.try_recv().ok();
            }
        }
        if !batch.is_empty() {
            store(&inner, batch).await;
        }
        if !releases.is_empty() && next.is_none() {
            release(&inner, &mut releases).await;
        }
    }
    inner.leave().await;
}

async fn store(inner: &Inner, batch: Vec<Write>) {
    /// The longest time in which an intent is stored. Later, its request would be much younger than
    /// the intent says, and the next payer might take the platform's answer for evidence too early.
    const LONGEST: Duration = Duration::from_secs(3);
    let result = update(inner, &batch).await;
    // The lease may have ended while the server was away, or while a standby was waited for.
    let holds_lease = inner.lease_until() > Instant::now();
    let (is_young, stored) = match result {
        Ok((begun, stored)) => (begun.elapsed() < LONGEST, stored),
        Err(failure) => {
            let text = failure.into_text();
            for write in batch {
                let _ = write.done.send(Err(JournalError::Storage(text.clone().into())));
            }
            return;
        }
    };
    for (number, write) in (0..).zip(batch) {
        let is_intent = write.entry.state == State::Intended;
        let result = if !stored.contains(&number) || is_intent && !holds_lease {
            Err(JournalError::Lost { row: write.id })
        } else if is_intent && !is_young {
            let text = "the intent took longer than 3 seconds to store, so that its request was not \
                        sent; look after the server and its standby";
            Err(JournalError::Storage(text.into()))
        } else {
            Ok(())
        };
        // A caller that no longer waits needs no result.
        let _ = write.done.send(result);
    }
}

/// Returns the numbers of the entries that were stored: those whose rows this payer still has; and when
/// the try that stored them began.
async fn update(inner: &Inner, batch: &[Write]) -> Result<(Instant, HashSet<i32>), Failure> {
    let keys = Keys::of(batch.iter().map(|write| &write.id));
    let values = Values::of(batch.iter().map(|write| &write.entry));
    let tokens: Vec<i64> = batch.iter().map(|write| write.token).collect();
    let numbers: Vec<i32> = (0..).take(batch.len()).collect();
    let mut parameters = vec![(&inner.owner as _, Type::INT8), (&inner.payer as _, Type::INT8)];
    parameters.extend(keys.parameters());
    parameters.push((&tokens, Type::INT8_ARRAY));
    parameters.push((&numbers, Type::INT4_ARRAY));
    parameters.extend(values.parameters());
    let (begun, stored) = again!(inner.pool, |session| {
        let begun = Instant::now();
        (begun, session.alone(UPDATE, &parameters).await?)
    })?;
    let numbers: Result<_, Failure> = stored.iter().map(|row| Ok(row.try_get(0)?)).collect();
    Ok((begun, numbers?))
}

const UPDATE: &str = "
    UPDATE ecp_payouts.rows AS r
    SET state = new.state, digest = new.digest, amount = new.amount, currency = new.currency,
        sends = new.sends, request_id = new.request_id, status = new.status, code = new.code,
        evidence = new.evidence,
        sent_at = CASE WHEN new.state = 'intended' THEN clock_timestamp() ELSE r.sent_at END
    FROM unnest($3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
        AS new (payment_id, is_refund, refund_id, token, number, state, digest, amount, currency,
                sends, request_id, status, code, evidence)
    WHERE r.owner = $1 AND r.payment_id = new.payment_id AND r.is_refund = new.is_refund
        AND r.refund_id = new.refund_id AND r.payer = $2 AND r.token = new.token
    RETURNING new.number";

/// Gives rows back. Those that could not be given back stay in the list.
async fn release(inner: &Inner, releases: &mut Vec<(RowId, Option<i64>)>) {
    // A row that was reserved once more since is in use.
    releases.retain(|(id, token)| token.is_some() || !inner.holds(id));
    let result = {
        let keys = Keys::of(releases.iter().map(|(id, _)| id));
        let tokens: Vec<Option<i64>> = releases.iter().map(|(_, token)| *token).collect();
        let mut parameters = vec![(&inner.owner as _, Type::INT8), (&inner.payer as _, Type::INT8)];
        parameters.extend(keys.parameters());
        parameters.push((&tokens, Type::INT8_ARRAY));
        again!(inner.pool, |session| session.alone(RELEASE, &parameters).await?)
    };
    match result {
        Ok(_) => releases.clear(),
        Err(failure) => {
            let error = JournalError::from(failure);
            let rows = releases.len();
            tracing::warn!(rows, "rows cannot be given back, which is tried again: {error}");
        }
    }
}

const RELEASE: &str = "
    UPDATE ecp_payouts.rows AS r SET payer = NULL
    FROM unnest($3, $4, $5, $6) AS old (payment_id, is_refund, refund_id, token)
    WHERE r.owner = $1 AND r.payment_id = old.payment_id AND r.is_refund = old.is_refund
        AND r.refund_id = old.refund_id AND r.payer = $2
        AND r.token = coalesce(old.token, r.token)";
