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
use crate::batch::PaymentFold;
use crate::entry::{EntryId, EntryState};
use crate::error::InboxError;
use crate::failpoint::failpoint;
use crate::inbox::Accepted;
use crate::state::{Change, PaymentState};
use crate::telemetry;

/// A callback without a payment needs no lock. If its bytes are stored already, that entry is
/// received once more.
const WRITE_WITHOUT_PAYMENT: &str = "
    INSERT INTO ecp_inbox.callbacks (project, content, state, status, received, last_received, due,
        change, ambiguous, raw)
    VALUES ($1, $2, $3, $4, $5, $5, $6, $7, $8, $9)
    ON CONFLICT (content) WHERE payment_number IS NULL DO UPDATE
        SET times = callbacks.times + 1,
            last_received = greatest(callbacks.last_received, excluded.last_received)
    RETURNING id, times";

const MOVE_PAYMENT: &str = "
    UPDATE ecp_inbox.payments SET state = $2, status = $3, updated = $4 WHERE number = $1";

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

/// Writes the callbacks of payments in one transaction. If that fails for one of them, each is
/// written in a transaction of its own, as is a callback without a payment.
async fn write_calls(inbox: PostgresInbox, calls: Vec<Call<Record, Written>>) {
    let (together, without_payment): (Vec<_>, Vec<_>) =
        calls.into_iter().partition(|call| call.item.payment.is_some());
    write_group(&inbox, together).await;
    for call in without_payment {
        let written = write_without_payment(&inbox, &call.item).await.map_err(failed(STORING));
        answer(&inbox, call, written);
    }
}

async fn write_group(inbox: &PostgresInbox, calls: Vec<Call<Record, Written>>) {
    if calls.is_empty() {
        return;
    }
    let records: Vec<&Record> = calls.iter().map(|call| &call.item).collect();
    match write_together(inbox, &records).await {
        Ok(written) => {
            for (call, written) in calls.into_iter().zip(written) {
                answer(inbox, call, Ok(written));
            }
        }
        Err(failure) if calls.len() > 1 && failure.may_be_of_one_row() => {
            inbox.accepts.redo(calls.len(), &failure);
            for call in calls {
                Box::pin(write_group(inbox, vec![call])).await;
            }
        }
        Err(failure) => {
            let error = failed(STORING)(failure);
            for call in calls {
                call.answer(Err(error.clone()));
            }
        }
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

/// Writes callbacks that name payments in one transaction.
async fn write_together(
    inbox: &PostgresInbox,
    records: &[&Record],
) -> Result<Vec<Written>, Failure> {
    let mut races = 0;
    loop {
        let session = inbox.session().await?;
        match write_all(&session, records, inbox.now()).await {
            Err(failure) if failure.is_of_a_made_payment() && races < RACES => races += 1,
            written => {
                let written = written?;
                session.end()?;
                failpoint!("accept.after_commit");
                return Ok(written);
            }
        }
    }
}

async fn write_without_payment(inbox: &PostgresInbox, record: &Record) -> Result<Written, Failure> {
    let session = inbox.session().await?;
    let state = if record.held { EntryState::Held } else { EntryState::Waiting };
    let waits = state == EntryState::Waiting;
    // There is no payment whose state could be stored: only the change is.
    let change =
        if waits { PaymentState::default().apply(&record.update) } else { Change::default() };
    let (content, status) =
        (record.content.as_slice(), record.status.as_deref().map(str::as_bytes));
    let now = inbox.now();
    let (word, due, written) = (state.as_str(), waits.then_some(now), to_json(&change));
    let body = record.raw.as_slice();
    let values = [
        typed(&record.project),
        typed(&content),
        typed(&word),
        typed(&status),
        typed(&now),
        typed(&due),
        typed(&written),
        typed(&record.ambiguous),
        typed(&body),
    ];
    failpoint!("accept.before_insert");
    let write = session.query_one(WRITE_WITHOUT_PAYMENT, &values);
    let row = session.alone(WRITE_WITHOUT_PAYMENT, write).await?;
    session.end()?;
    failpoint!("accept.after_commit");
    let id = EntryId::new(row.get("id"));
    if row.get::<_, i32>("times") > 1 {
        return Ok((Accepted::Repeated(id), Change::default()));
    }
    Ok((if record.held { Accepted::Held(id) } else { Accepted::New(id) }, change))
}

/// Stores a payment's new state.
pub(super) async fn move_payment(
    session: &Session,
    number: i64,
    state: &PaymentState,
    now: i64,
) -> Result<(), tokio_postgres::Error> {
    let status = state.status().map(ToString::to_string);
    let state = to_json(state);
    let values = [typed(&number), typed(&state), typed(&status), typed(&now)];
    session.execute(MOVE_PAYMENT, &values).await.map(drop)
}

/// The first half of a batch: locks, what is stored already, and ids. Its statements are in
/// `schema.rs`.
const BEGIN_BATCH: &str = "
    SELECT locked, numbers, states, known, digests, same, ids
    FROM ecp_inbox.begin_batch($1::bytea[], $2::bytea[], $3::bytea[], $4::bytea[])";

/// The second half: the rows.
const END_BATCH: &str = "
    SELECT FROM ecp_inbox.end_batch(
        $1::bigint[], $2::bytea[], $3::bigint[], $4::bytea[], $5::text[], $6::text[],
        $7::bigint[], $8::text[], $9::text[],
        $10::bigint[], $11::bigint[], $12::bigint[], $13::bytea[], $14::bytea[], $15::bytea[],
        $16::bigint[], $17::text[], $18::bytea[], $19::text[], $20::text[], $21::bytea[],
        $22::bigint[], $23::bigint[], $24::integer[], $25::bigint)";

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
    for (key, number, state) in seen.locked {
        if let Some(payment) = payments.get_mut(&key) {
            payment.fold = PaymentFold::new(state);
            payment.number = Some(number);
            payment.is_stored = true;
        }
    }

    // What each callback comes to, in the order of arrival.
    let mut rows = Rows::default();
    // Numbers of payments, and of receptions, by the ids of callbacks.
    let mut repeats: BTreeMap<i64, (i64, i32)> = BTreeMap::new();
    let mut written = Vec::with_capacity(records.len());
    let mut ids = seen.ids.into_iter();
    for (record, owner) in records.iter().zip(&owners) {
        let missing = || InboxError::damaged("locking a payment");
        let (key, payment) = owner.as_ref().ok_or_else(missing)?;
        let owner = payments.get_mut(key).ok_or_else(missing)?;
        let fold = &mut owner.fold;
        if let Some(&id) = seen.same.get(&record.content) {
            fold.has_content(record.content, id);
        }
        if let Some((meaning, &id)) = record.meaning.and_then(|m| Some((m, seen.like.get(&m)?))) {
            fold.has_meaning(meaning, id);
        }
        if let Some(id) = fold.known(record) {
            // The entry is stored, or earlier in this batch: so its payment has a number.
            let number = owner.number.ok_or_else(missing)?;
            repeats.entry(id.get()).or_insert((number, 0)).1 += 1;
            written.push((Accepted::Repeated(id), Change::default()));
            continue;
        }
        let entry = fold.store(record, EntryId::new(ids.next().ok_or_else(missing)?));
        // A new payment has the number of its first callback.
        rows.numbers.push(*owner.number.get_or_insert(entry.id.get()));
        rows.ids.push(entry.id.get());
        rows.projects.push(record.project);
        rows.payments.push(payment);
        rows.contents.push(record.content.as_slice());
        rows.meanings.push(record.meaning.as_ref().map(Digest::as_slice));
        rows.firsts.push(entry.first.map(EntryId::get));
        rows.states.push(entry.state.as_str());
        rows.statuses.push(record.status.as_deref().map(str::as_bytes));
        rows.changes.push(to_json(&entry.change));
        rows.ambiguous.push(&record.ambiguous);
        rows.bodies.push(&record.raw);
        written.push((entry.accepted(), entry.change));
    }
    let (new, moved) = changed(&payments);
    let (repeated, more): (Vec<i64>, Vec<(i64, i32)>) = repeats.into_iter().unzip();
    let (repeated_of, more): (Vec<i64>, Vec<i32>) = more.into_iter().unzip();
    failpoint!("accept.before_insert");

    // Second round trip: the rows and the commit.
    let mut values = Vec::with_capacity(25);
    values.extend(new.columns());
    values.extend(moved.columns());
    values.extend(rows.columns());
    values.extend([column(&repeated_of), column(&repeated), column(&more), typed(&now)]);
    tokio::try_join!(session.execute(END_BATCH, &values), async {
        failpoint!("accept.before_commit");
        session.commit().await
    })?;
    Ok(written)
}

/// What the first half of a batch returns.
struct Seen {
    /// The stored payments, which are locked: key, number and state.
    locked: Vec<(Digest, i64, PaymentState)>,
    /// Ids of stored callbacks by their contents.
    same: BTreeMap<Digest, EntryId>,
    /// Ids of stored callbacks by their meanings.
    like: BTreeMap<Digest, EntryId>,
    /// An id for each callback of the batch that is not stored already.
    ids: Vec<i64>,
}

impl Seen {
    /// Columns without a value are NULL.
    fn read(row: &Row) -> Result<Self, InboxError> {
        let (keys, states): (Option<Vec<&[u8]>>, Option<Vec<&str>>) =
            (row.get("locked"), row.get("states"));
        let numbers: Option<Vec<i64>> = row.get("numbers");
        let locked = keys.unwrap_or_default().into_iter().zip(numbers.unwrap_or_default());
        let locked = locked.zip(states.unwrap_or_default()).map(|((key, number), state)| {
            let key = digest(key, "reading the key of a payment")?;
            let state = from_json(state, "reading the state of a payment")?;
            Ok((key, number, state))
        });
        let locked = locked.collect::<Result<_, InboxError>>()?;
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
        Ok(Self { locked, same, like, ids: ids.unwrap_or_default() })
    }
}

/// A payment of a batch.
struct Payment<'a> {
    project: i64,
    id: &'a [u8],
    /// `None` until the first callback of a new payment.
    number: Option<i64>,
    is_stored: bool,
    fold: PaymentFold,
}

impl<'a> Payment<'a> {
    fn new(project: i64, id: &'a [u8]) -> Self {
        let fold = PaymentFold::new(PaymentState::default());
        Self { project, id, number: None, is_stored: false, fold }
    }
}

/// Returns the payments to be made, and the stored ones whose states change.
fn changed<'a>(payments: &'a BTreeMap<Digest, Payment<'a>>) -> (NewPayments<'a>, MovedPayments) {
    let mut new = NewPayments::default();
    let mut moved = MovedPayments::default();
    for (key, payment) in payments {
        let Some(number) = payment.number else { continue };
        let state = payment.fold.moved();
        let status = state.and_then(PaymentState::status).map(ToString::to_string);
        if !payment.is_stored {
            new.numbers.push(number);
            new.keys.push(key);
            new.projects.push(payment.project);
            new.payments.push(payment.id);
            new.states.push(state.map_or_else(|| "{}".to_owned(), to_json));
            new.statuses.push(status);
        } else if let Some(state) = state {
            moved.numbers.push(number);
            moved.states.push(to_json(state));
            moved.statuses.push(status);
        }
    }
    (new, moved)
}

/// The payments to be made, as columns.
#[derive(Default)]
struct NewPayments<'a> {
    numbers: Vec<i64>,
    keys: Vec<&'a [u8]>,
    projects: Vec<i64>,
    payments: Vec<&'a [u8]>,
    states: Vec<String>,
    statuses: Vec<Option<String>>,
}

impl NewPayments<'_> {
    fn columns(&self) -> [Parameter<'_>; 6] {
        [
            column(&self.numbers),
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
struct MovedPayments {
    numbers: Vec<i64>,
    states: Vec<String>,
    statuses: Vec<Option<String>>,
}

impl MovedPayments {
    fn columns(&self) -> [Parameter<'_>; 3] {
        [column(&self.numbers), column(&self.states), column(&self.statuses)]
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
    numbers: Vec<i64>,
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
            column(&self.numbers),
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
