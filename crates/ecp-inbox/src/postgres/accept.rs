//! Storing one callback, or a batch of callbacks that wait together, in two round trips to the
//! server.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use ecp_core::PaymentId;

use super::queue::{Call, Item, Queue};
use super::session::{Failure, Parameter, Session, column, failed, typed};
use super::store::PostgresInbox;
use crate::accept::{Digest, Record, from_json, payment_key, to_json};
use crate::batch::{Decision, PaymentFold};
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

/// The queue of callbacks to be stored.
pub(super) type Accepts = Queue<Record, Written>;

/// The result for the caller, and the change of the payment's state.
type Written = (Accepted, Change);

const STORING: &str = "storing a callback";

impl Item for Record {
    fn bytes(&self) -> usize {
        self.raw.len()
    }

    fn row(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.project, self.payment.as_ref().map(PaymentId::as_str)).hash(&mut hasher);
        hasher.finish()
    }
}

pub(super) async fn accept(inbox: &PostgresInbox, record: Record) -> Result<Accepted, InboxError> {
    let (project, payment) = (record.project, record.payment.clone());
    let is_ambiguous = record.is_ambiguous;
    let writer = inbox.clone();
    let written =
        inbox.accepts.call(record, STORING, move |calls| write_calls(writer.clone(), calls));
    telemetry::accept(project, payment.as_ref(), is_ambiguous, written).await
}

/// Writes callbacks in one transaction. If that fails for one of them, each is written in a
/// transaction of its own.
async fn write_calls(inbox: PostgresInbox, calls: Vec<Call<Record, Written>>) {
    // A callback without a payment has no lock that others wait for.
    let (mut together, mut alone): (Vec<_>, Vec<_>) =
        calls.into_iter().partition(|call| call.item.payment.is_some());
    if together.len() == 1 {
        alone.append(&mut together);
    }
    if !together.is_empty() {
        let records: Vec<&Record> = together.iter().map(|call| &call.item).collect();
        match write_together(&inbox, &records).await {
            Ok(written) => {
                for (call, written) in together.into_iter().zip(written) {
                    answer(&inbox, call, Ok(written));
                }
            }
            Err(failure) if failure.may_be_of_one_row() => {
                inbox.accepts.redo(together.len(), &failure);
                alone.append(&mut together);
            }
            Err(failure) => {
                let error = failed(STORING)(failure);
                for call in together {
                    call.answer(Err(error.clone()));
                }
            }
        }
    }
    for call in alone {
        let written = write_alone(&inbox, &call.item).await;
        answer(&inbox, call, written);
    }
}

fn answer(
    inbox: &PostgresInbox,
    call: Call<Record, Written>,
    written: Result<Written, InboxError>,
) {
    let is_new = matches!(&written, Ok((Accepted::New(_), _)));
    call.answer(written);
    if is_new {
        inbox.wakeup.notify_one();
    }
}

async fn write_alone(inbox: &PostgresInbox, record: &Record) -> Result<Written, InboxError> {
    let session = inbox.session().await?;
    let written = write(&session, record, inbox.now()).await.map_err(failed(STORING))?;
    session.end().map_err(failed(STORING))?;
    failpoint!("accept.after_commit");
    Ok(written)
}

async fn write_together(
    inbox: &PostgresInbox,
    records: &[&Record],
) -> Result<Vec<Written>, Failure> {
    let session = inbox.session().await?;
    let written = write_all(&session, records, inbox.now()).await?;
    session.end()?;
    failpoint!("accept.after_commit");
    Ok(written)
}

async fn write(session: &Session, record: &Record, now: i64) -> Result<Written, Failure> {
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

/// Makes the rows in the order of their keys. All locks are taken in this order, so that no two
/// batches wait for each other.
const MAKE_PAYMENTS: &str = "
    INSERT INTO ecp_inbox.payments (key, project, payment, state, updated)
    SELECT key, project, payment, '{}', $4::bigint
    FROM unnest($1::bytea[], $2::bigint[], $3::bytea[]) AS given (key, project, payment)
    ORDER BY key
    ON CONFLICT (key) DO NOTHING";

const LOCK_PAYMENTS: &str = "
    SELECT key, state FROM ecp_inbox.payments WHERE key = ANY($1::bytea[]) ORDER BY key FOR UPDATE";

const ALL_KNOWN: &str = "
    SELECT id, content AS digest, true AS same FROM ecp_inbox.callbacks WHERE content = ANY($1::bytea[])
    UNION ALL
    SELECT id, meaning, false FROM ecp_inbox.callbacks
    WHERE meaning = ANY($2::bytea[]) AND first_id IS NULL AND state <> 'held'";

/// Runs after the locks are taken, so that ids of a payment's callbacks grow with time.
const TAKE_IDS: &str = "
    SELECT nextval('ecp_inbox.callbacks_id_seq') FROM generate_series(1, $1::integer)";

const WRITE_ALL: &str = "
    INSERT INTO ecp_inbox.callbacks (id, project, payment_key, payment, content, meaning, first_id,
        state, status, received, last_received, due, change, ambiguous, raw)
    OVERRIDING SYSTEM VALUE
    SELECT id, project, payment_key, payment, content, meaning, first_id, state, status, $13::bigint, $13::bigint,
        CASE WHEN state = 'waiting' THEN $13::bigint END, change, ambiguous, raw
    FROM unnest($1::bigint[], $2::bigint[], $3::bytea[], $4::bytea[], $5::bytea[], $6::bytea[],
        $7::bigint[], $8::text[], $9::bytea[], $10::text[], $11::text[], $12::bytea[])
        AS given (id, project, payment_key, payment, content, meaning, first_id, state, status,
            change, ambiguous, raw)";

const MOVE_PAYMENTS: &str = "
    UPDATE ecp_inbox.payments AS payment
    SET state = given.state, status = given.status, updated = $4::bigint
    FROM unnest($1::bytea[], $2::text[], $3::text[]) AS given (key, state, status)
    WHERE payment.key = given.key";

/// Counts one more reception of stored callbacks. Locks them in the order of their ids, as
/// `END_ALL` does.
const REPEAT_ALL: &str = "
    WITH repeated AS MATERIALIZED (
        SELECT id FROM ecp_inbox.callbacks WHERE id = ANY($1::bigint[]) ORDER BY id FOR UPDATE
    )
    UPDATE ecp_inbox.callbacks AS callback
    SET times = times + given.more, last_received = greatest(last_received, $3::bigint)
    FROM repeated JOIN unnest($1::bigint[], $2::integer[]) AS given (id, more) USING (id)
    WHERE callback.id = repeated.id";

/// Writes callbacks that name payments, in the order of their arrival.
async fn write_all(
    session: &Session,
    records: &[&Record],
    now: i64,
) -> Result<Vec<Written>, Failure> {
    let statements = [MAKE_PAYMENTS, LOCK_PAYMENTS, ALL_KNOWN, TAKE_IDS];
    session.ready(&statements).await?;
    session.ready(&[WRITE_ALL, MOVE_PAYMENTS, REPEAT_ALL]).await?;

    // First round trip: the locks, then what is stored already.
    let payments: Vec<Option<(Digest, &[u8])>> = records.iter().map(|record| key(record)).collect();
    let distinct: BTreeMap<Digest, (i64, &[u8])> = payments
        .iter()
        .zip(records)
        .filter_map(|(payment, record)| payment.map(|(key, id)| (key, (record.project, id))))
        .collect();
    let keys: Vec<&[u8]> = distinct.keys().map(Digest::as_slice).collect();
    let (projects, ids): (Vec<i64>, Vec<&[u8]>) = distinct.values().copied().unzip();
    let contents: Vec<&[u8]> = records.iter().map(|record| record.content.as_slice()).collect();
    let meanings: Vec<&[u8]> =
        records.iter().filter_map(|record| record.meaning.as_ref()).map(Digest::as_slice).collect();
    let count = i32::try_from(records.len()).unwrap_or(i32::MAX);
    let made = [column(&keys), column(&projects), column(&ids), typed(&now)];
    let (locked, seen) = ([column(&keys)], [column(&contents), column(&meanings)]);
    let taken = [typed(&count)];
    let ((), _, states, known, taken) = tokio::try_join!(
        session.begin_batch(),
        session.execute(MAKE_PAYMENTS, &made),
        session.query(LOCK_PAYMENTS, &locked),
        session.query(ALL_KNOWN, &seen),
        session.query(TAKE_IDS, &taken),
    )?;

    let mut folds = BTreeMap::new();
    for row in &states {
        let state = from_json(row.get(1), "reading the state of a payment")?;
        folds.insert(digest(row.get(0), "reading the key of a payment")?, PaymentFold::new(state));
    }
    let mut same = BTreeMap::new();
    let mut like = BTreeMap::new();
    for row in &known {
        let digest = digest(row.get("digest"), "reading the digest of a callback")?;
        let found = if row.get("same") { &mut same } else { &mut like };
        found.insert(digest, EntryId::new(row.get("id")));
    }

    // What each callback comes to, in the order of arrival.
    let mut rows = Rows::default();
    let mut repeats: BTreeMap<i64, i32> = BTreeMap::new();
    let mut written = Vec::with_capacity(records.len());
    for ((record, payment), id) in records.iter().zip(&payments).zip(&taken) {
        let missing = || InboxError::damaged("locking a payment");
        let (key, payment) = payment.as_ref().ok_or_else(missing)?;
        let fold = folds.get_mut(key).ok_or_else(missing)?;
        if let Some(&id) = same.get(&record.content) {
            fold.has_content(record.content, id);
        }
        if let Some((meaning, &id)) = record.meaning.and_then(|m| Some((m, like.get(&m)?))) {
            fold.has_meaning(meaning, id);
        }
        match fold.take(record, EntryId::new(id.get(0))) {
            Decision::Repeat(id) => {
                *repeats.entry(id.get()).or_default() += 1;
                written.push((Accepted::Repeated(id), Change::default()));
            }
            Decision::Store(entry) => {
                let accepted = entry.accepted();
                rows.ids.push(entry.id.get());
                rows.projects.push(record.project);
                rows.keys.push(key.as_slice());
                rows.payments.push(payment);
                rows.contents.push(record.content.as_slice());
                rows.meanings.push(record.meaning.as_ref().map(Digest::as_slice));
                rows.firsts.push(entry.first.map(EntryId::get));
                rows.states.push(entry.state.as_str());
                rows.statuses.push(record.status.as_deref().map(str::as_bytes));
                rows.changes.push(to_json(&entry.change));
                rows.ambiguous.push(&record.ambiguous);
                rows.bodies.push(&record.raw);
                written.push((accepted, entry.change));
            }
        }
    }
    let moved = folds.iter().filter_map(|(key, fold)| Some((key.as_slice(), fold.moved()?)));
    let (moved, states): (Vec<&[u8]>, Vec<&PaymentState>) = moved.unzip();
    let statuses: Vec<Option<String>> =
        states.iter().map(|state| state.status().map(ToString::to_string)).collect();
    let states: Vec<String> = states.into_iter().map(to_json).collect();
    let (repeated, more): (Vec<i64>, Vec<i32>) = repeats.into_iter().unzip();
    failpoint!("accept.before_insert");

    // Second round trip: the rows and the commit.
    let rows = rows.columns(&now);
    let changed = [column(&moved), column(&states), column(&statuses), typed(&now)];
    let repeats = [column(&repeated), column(&more), typed(&now)];
    tokio::try_join!(
        session.execute(WRITE_ALL, &rows),
        session.execute(MOVE_PAYMENTS, &changed),
        async {
            if !repeated.is_empty() {
                session.execute(REPEAT_ALL, &repeats).await?;
            }
            Ok(())
        },
        async {
            failpoint!("accept.before_commit");
            session.commit().await
        },
    )?;
    Ok(written)
}

/// Returns the key and the id of the callback's payment, `None` if the callback names no payment.
fn key(record: &Record) -> Option<(Digest, &[u8])> {
    let payment = record.payment.as_ref()?;
    Some((payment_key(record.project, payment), payment.as_str().as_bytes()))
}

pub(super) fn digest(bytes: &[u8], doing: &'static str) -> Result<Digest, InboxError> {
    bytes.try_into().map_err(|_| InboxError::damaged(doing))
}

/// The new entries as columns: one list of values for each column of the table.
#[derive(Default)]
struct Rows<'a> {
    ids: Vec<i64>,
    projects: Vec<i64>,
    keys: Vec<&'a [u8]>,
    payments: Vec<&'a [u8]>,
    contents: Vec<&'a [u8]>,
    meanings: Vec<Option<&'a [u8]>>,
    firsts: Vec<Option<i64>>,
    states: Vec<&'static str>,
    statuses: Vec<Option<&'a [u8]>>,
    changes: Vec<String>,
    ambiguous: Vec<&'a str>,
    bodies: Vec<&'a [u8]>,
}

impl Rows<'_> {
    fn columns<'a>(&'a self, now: &'a i64) -> [Parameter<'a>; 13] {
        [
            column(&self.ids),
            column(&self.projects),
            column(&self.keys),
            column(&self.payments),
            column(&self.contents),
            column(&self.meanings),
            column(&self.firsts),
            column(&self.states),
            column(&self.statuses),
            column(&self.changes),
            column(&self.ambiguous),
            column(&self.bodies),
            typed(now),
        ]
    }
}
