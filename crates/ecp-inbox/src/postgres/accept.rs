//! Storing a callback, in two round trips to the server.

use super::session::{Failure, Session, failed, typed};
use super::store::PostgresInbox;
use crate::accept::{Record, from_json, payment_key, to_json};
use crate::entry::{EntryId, EntryState};
use crate::error::InboxError;
use crate::failpoint::failpoint;
use crate::inbox::Accepted;
use crate::state::{Change, PaymentState};
use crate::telemetry;

const MAKE_PAYMENT: &str = "
    INSERT INTO ecp_inbox.payments (key, project, payment, state, updated)
    VALUES ($1, $2, $3, '{}', $4) ON CONFLICT (key) DO NOTHING";

/// The row lock serializes updates of one payment, so that ids of its callbacks grow with time.
pub(super) const LOCK_PAYMENT: &str =
    "SELECT state FROM ecp_inbox.payments WHERE key = $1 FOR UPDATE";

const KNOWN: &str = "
    SELECT id, true AS same FROM ecp_inbox.callbacks WHERE content = $1
    UNION ALL
    SELECT id, false FROM ecp_inbox.callbacks
    WHERE meaning = $2 AND first_id IS NULL AND state <> 'held'
    ORDER BY same DESC LIMIT 1";

/// Callbacks without a payment need no lock. If the same bytes arrive twice at once, the second
/// repeats the first here.
const WRITE: &str = "
    INSERT INTO ecp_inbox.callbacks (project, payment_key, payment, content, meaning, first_id,
        state, status, received, last_received, due, change, ambiguous, raw)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $10, $11, $12, $13)
    ON CONFLICT (content) DO UPDATE
        SET times = callbacks.times + 1, last_received = excluded.last_received
    RETURNING id, times";

const REPEAT: &str = "
    UPDATE ecp_inbox.callbacks SET times = times + 1, last_received = greatest(last_received, $2)
    WHERE id = $1";

const MOVE_PAYMENT: &str = "
    UPDATE ecp_inbox.payments SET state = $2, status = $3, updated = $4 WHERE key = $1";

pub(super) async fn accept(inbox: &PostgresInbox, record: &Record) -> Result<Accepted, InboxError> {
    let written = async {
        let session = inbox.session().await?;
        let written = write(&session, record, inbox.now()).await;
        let written = written.map_err(failed("storing a callback"))?;
        session.keep();
        failpoint!("accept.after_commit");
        Ok(written)
    };
    let accepted =
        telemetry::accept(record.project, record.payment.as_ref(), record.is_ambiguous, written)
            .await?;
    if matches!(accepted, Accepted::New(_)) {
        inbox.wakeup.notify_one();
    }
    Ok(accepted)
}

async fn write(
    session: &Session,
    record: &Record,
    now: i64,
) -> Result<(Accepted, Change), Failure> {
    session.ready(&[MAKE_PAYMENT, LOCK_PAYMENT, KNOWN, REPEAT, WRITE, MOVE_PAYMENT]).await?;
    let Record { project, content, meaning, status, ambiguous, raw, .. } = record;
    let content = content.as_slice();
    let meaning = meaning.as_ref().map(<[u8; 32]>::as_slice);
    let key = record.payment.as_ref().map(|payment| payment_key(*project, payment));
    let payment = record.payment.as_ref().map(|payment| payment.as_str().as_bytes());
    let key = key.as_ref().map(<[u8; 32]>::as_slice);
    let seen = [typed(&content), typed(&meaning)];
    // Statements that are sent together take one round trip; the server runs them in order.
    let (before, known) = if key.is_some() {
        let payment = [typed(&key), typed(project), typed(&payment), typed(&now)];
        let ((), _, state, known) = tokio::try_join!(
            session.begin(),
            session.execute(MAKE_PAYMENT, &payment),
            session.query_one(LOCK_PAYMENT, &payment[..1]),
            session.query_opt(KNOWN, &seen),
        )?;
        (from_json(state.get(0), "reading the state of a payment")?, known)
    } else {
        let ((), known) = tokio::try_join!(session.begin(), session.query_opt(KNOWN, &seen),)?;
        (PaymentState::default(), known)
    };
    let same = known.as_ref().is_some_and(|row| row.get("same"));
    let first: Option<i64> = known.map(|row| row.get("id"));
    if let Some(id) = first.filter(|_| same) {
        let repeat = [typed(&id), typed(&now)];
        tokio::try_join!(session.execute(REPEAT, &repeat), session.commit())?;
        return Ok((Accepted::Repeated(EntryId::new(id)), Change::default()));
    }

    let entry = match first {
        Some(_) => EntryState::Repeated,
        None if record.held => EntryState::Held,
        None => EntryState::Waiting,
    };
    let waits = entry == EntryState::Waiting;
    let mut state = before.clone();
    let change = if waits { state.apply(&record.update) } else { Change::default() };
    failpoint!("accept.before_insert");
    let status = status.as_deref().map(str::as_bytes);
    let (word, due, written) = (entry.as_str(), waits.then_some(now), to_json(&change));
    let body = raw.as_slice();
    let values = [
        typed(project),
        typed(&key),
        typed(&payment),
        typed(&content),
        typed(&meaning),
        typed(&first),
        typed(&word),
        typed(&status),
        typed(&now),
        typed(&due),
        typed(&written),
        typed(ambiguous),
        typed(&body),
    ];
    let (row, (), ()) = tokio::try_join!(
        session.query_one(WRITE, &values),
        async {
            if key.is_some() && state != before {
                move_payment(session, key, &state, now).await?;
            }
            Ok(())
        },
        async {
            failpoint!("accept.before_commit");
            session.commit().await
        },
    )?;
    let id = EntryId::new(row.get("id"));
    let accepted = match (entry, first) {
        _ if row.get::<_, i32>("times") > 1 => Accepted::Repeated(id),
        (_, Some(first)) => Accepted::SameOperation { id, first: EntryId::new(first) },
        (EntryState::Held, None) => Accepted::Held(id),
        (_, None) => Accepted::New(id),
    };
    Ok((accepted, change))
}

/// Stores a payment's new state.
pub(super) async fn move_payment(
    session: &Session,
    key: Option<&[u8]>,
    state: &PaymentState,
    now: i64,
) -> Result<(), tokio_postgres::Error> {
    let status = state.status().map(ToString::to_string);
    let state = to_json(state);
    let values = [typed(&key), typed(&state), typed(&status), typed(&now)];
    session.execute(MOVE_PAYMENT, &values).await.map(drop)
}
