//! Storing one callback, or a batch of callbacks that wait together, in two round trips to the
//! server.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use ecp_core::PaymentId;
use tokio_postgres::Row;

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

/// Number of times that a batch is written again because another process made one of its payments
/// meanwhile. The batch then finds that payment.
const RACES: usize = 3;

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
        let mut written = write_together(&inbox, &records).await;
        for _ in 0..RACES {
            if !matches!(&written, Err(failure) if failure.is_of_a_made_payment()) {
                break;
            }
            written = write_together(&inbox, &records).await;
        }
        match written {
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

/// The first half of a batch: locks, what is stored already, and ids. Its statements are in
/// `schema.rs`.
const BEGIN_BATCH: &str = "
    SELECT locked, states, known, digests, same, ids
    FROM ecp_inbox.begin_batch($1::bytea[], $2::bytea[], $3::bytea[], $4::bytea[])";

/// The second half: the rows.
const END_BATCH: &str = "
    SELECT FROM ecp_inbox.end_batch(
        $1::bytea[], $2::bigint[], $3::bytea[], $4::text[], $5::text[],
        $6::bytea[], $7::text[], $8::text[],
        $9::bigint[], $10::bigint[], $11::bytea[], $12::bytea[], $13::bytea[], $14::bytea[],
        $15::bigint[], $16::text[], $17::bytea[], $18::text[], $19::text[], $20::bytea[],
        $21::bigint[], $22::integer[], $23::bigint)";

/// Writes callbacks that name payments, in the order of their arrival.
async fn write_all(
    session: &Session,
    records: &[&Record],
    now: i64,
) -> Result<Vec<Written>, Failure> {
    session.ready(&[BEGIN_BATCH, END_BATCH]).await?;

    // First round trip: the locks, then what is stored already.
    let owners: Vec<Option<(Digest, &[u8])>> = records.iter().map(|record| key(record)).collect();
    let mut payments: BTreeMap<Digest, Payment> = owners
        .iter()
        .zip(records)
        .filter_map(|(owner, record)| {
            owner.map(|(key, id)| (key, Payment::new(record.project, id)))
        })
        .collect();
    let keys: Vec<&[u8]> = payments.keys().map(Digest::as_slice).collect();
    let of_each: Vec<Option<&[u8]>> =
        owners.iter().map(|owner| owner.as_ref().map(|(key, _)| key.as_slice())).collect();
    let contents: Vec<&[u8]> = records.iter().map(|record| record.content.as_slice()).collect();
    let meanings: Vec<Option<&[u8]>> =
        records.iter().map(|record| record.meaning.as_ref().map(Digest::as_slice)).collect();
    let values = [column(&keys), column(&of_each), column(&contents), column(&meanings)];
    let ((), seen) =
        tokio::try_join!(session.begin_function(), session.query_one(BEGIN_BATCH, &values))?;

    let seen = Seen::read(&seen)?;
    for (key, state) in seen.states {
        if let Some(payment) = payments.get_mut(&key) {
            payment.fold = PaymentFold::new(state);
            payment.is_stored = true;
        }
    }

    // What each callback comes to, in the order of arrival.
    let mut rows = Rows::default();
    let mut repeats: BTreeMap<i64, i32> = BTreeMap::new();
    let mut written = Vec::with_capacity(records.len());
    for ((record, owner), id) in records.iter().zip(&owners).zip(seen.ids) {
        let missing = || InboxError::damaged("locking a payment");
        let (key, payment) = owner.as_ref().ok_or_else(missing)?;
        let fold = &mut payments.get_mut(key).ok_or_else(missing)?.fold;
        if let Some(&id) = seen.same.get(&record.content) {
            fold.has_content(record.content, id);
        }
        if let Some((meaning, &id)) = record.meaning.and_then(|m| Some((m, seen.like.get(&m)?))) {
            fold.has_meaning(meaning, id);
        }
        match fold.take(record, EntryId::new(id)) {
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
    let (new, moved) = changed(&payments);
    let (repeated, more): (Vec<i64>, Vec<i32>) = repeats.into_iter().unzip();
    failpoint!("accept.before_insert");

    // Second round trip: the rows and the commit.
    let mut values = Vec::with_capacity(23);
    values.extend(new.columns());
    values.extend(moved.columns());
    values.extend(rows.columns());
    values.extend([column(&repeated), column(&more), typed(&now)]);
    tokio::try_join!(session.execute(END_BATCH, &values), async {
        failpoint!("accept.before_commit");
        session.commit().await
    })?;
    Ok(written)
}

/// What the first half of a batch returns.
struct Seen {
    /// The stored payments, which are locked, with their states.
    states: Vec<(Digest, PaymentState)>,
    /// Ids of stored callbacks by their contents.
    same: BTreeMap<Digest, EntryId>,
    /// Ids of stored callbacks by their meanings.
    like: BTreeMap<Digest, EntryId>,
    /// An id for each callback of the batch.
    ids: Vec<i64>,
}

impl Seen {
    /// Columns without a value are NULL.
    fn read(row: &Row) -> Result<Self, InboxError> {
        let (locked, states): (Option<Vec<&[u8]>>, Option<Vec<&str>>) =
            (row.get("locked"), row.get("states"));
        let states = locked.unwrap_or_default().into_iter().zip(states.unwrap_or_default());
        let states = states.map(|(key, state)| {
            let key = digest(key, "reading the key of a payment")?;
            Ok((key, from_json(state, "reading the state of a payment")?))
        });
        let states = states.collect::<Result<_, InboxError>>()?;
        let (mut same, mut like) = (BTreeMap::new(), BTreeMap::new());
        let (known, digests): (Option<Vec<i64>>, Option<Vec<&[u8]>>) =
            (row.get("known"), row.get("digests"));
        let is_same: Option<Vec<bool>> = row.get("same");
        let known = known.unwrap_or_default().into_iter().zip(digests.unwrap_or_default());
        for ((id, bytes), is_same) in known.zip(is_same.unwrap_or_default()) {
            let found = if is_same { &mut same } else { &mut like };
            found.insert(digest(bytes, "reading the digest of a callback")?, EntryId::new(id));
        }
        let ids: Option<Vec<i64>> = row.get("ids");
        Ok(Self { states, same, like, ids: ids.unwrap_or_default() })
    }
}

/// A payment of a batch.
struct Payment<'a> {
    project: i64,
    id: &'a [u8],
    is_stored: bool,
    fold: PaymentFold,
}

impl<'a> Payment<'a> {
    fn new(project: i64, id: &'a [u8]) -> Self {
        let fold = PaymentFold::new(PaymentState::default());
        Self { project, id, is_stored: false, fold }
    }
}

/// Returns the payments to be made, and the stored ones whose states change.
fn changed<'a>(
    payments: &'a BTreeMap<Digest, Payment<'a>>,
) -> (NewPayments<'a>, MovedPayments<'a>) {
    let mut new = NewPayments::default();
    let mut moved = MovedPayments::default();
    for (key, payment) in payments {
        let state = payment.fold.moved();
        let status = state.and_then(PaymentState::status).map(ToString::to_string);
        if !payment.is_stored {
            new.keys.push(key);
            new.projects.push(payment.project);
            new.payments.push(payment.id);
            new.states.push(state.map_or_else(|| "{}".to_owned(), to_json));
            new.statuses.push(status);
        } else if let Some(state) = state {
            moved.keys.push(key);
            moved.states.push(to_json(state));
            moved.statuses.push(status);
        }
    }
    (new, moved)
}

/// The payments to be made, as columns.
#[derive(Default)]
struct NewPayments<'a> {
    keys: Vec<&'a [u8]>,
    projects: Vec<i64>,
    payments: Vec<&'a [u8]>,
    states: Vec<String>,
    statuses: Vec<Option<String>>,
}

impl NewPayments<'_> {
    fn columns(&self) -> [Parameter<'_>; 5] {
        [
            column(&self.keys),
            column(&self.projects),
            column(&self.payments),
            column(&self.states),
            column(&self.statuses),
        ]
    }
}

/// The stored payments whose states change, as columns.
#[derive(Default)]
struct MovedPayments<'a> {
    keys: Vec<&'a [u8]>,
    states: Vec<String>,
    statuses: Vec<Option<String>>,
}

impl MovedPayments<'_> {
    fn columns(&self) -> [Parameter<'_>; 3] {
        [column(&self.keys), column(&self.states), column(&self.statuses)]
    }
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
    fn columns(&self) -> [Parameter<'_>; 12] {
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
        ]
    }
}
