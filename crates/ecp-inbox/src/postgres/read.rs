//! Queries that read the inbox.

use ecp_core::{PaymentId, ProjectId};
use tokio_postgres::Row;

use super::session::{Parameter, failed, typed};
use super::store::PostgresInbox;
use crate::accept::{from_json, known, number, payment_id, payment_key, project};
use crate::clock::timestamp;
use crate::entry::{Entry, EntryId, EntryState, Query, Raw, Stats};
use crate::error::InboxError;
use crate::state::PaymentState;

const COLUMNS: &str = "id, state, project, payment, status, received, times, attempts, due, error, \
                       change, ambiguous, coalesce(since, 0) AS since";

pub(super) async fn payment(
    inbox: &PostgresInbox,
    project: ProjectId,
    payment: &PaymentId,
) -> Result<Option<PaymentState>, InboxError> {
    let key = payment_key(number(project), payment);
    let sql = "SELECT state FROM ecp_inbox.payments WHERE key = $1";
    let row = rows(inbox, sql, &[typed(&key.as_slice())]).await?.pop();
    let state =
        row.map(|row| from_json(row.get(0), "reading the state of a payment")).transpose()?;
    Ok(state.and_then(known))
}

pub(super) async fn entries(
    inbox: &PostgresInbox,
    query: &Query,
) -> Result<Vec<Entry>, InboxError> {
    // Without a payment, a project's entries are found by scanning all of them.
    let project = query.project.map(number);
    let key = project.zip(query.payment.as_ref());
    let key = key.map(|(project, payment)| payment_key(project, payment));
    let key = key.as_ref().map(<[u8; 32]>::as_slice);
    let payment = query.payment.as_ref().map(|payment| payment.as_str().as_bytes());
    let before = query.before.map(EntryId::get);
    let limit = query.limit();
    let mut conditions = vec!["true".to_owned()];
    let mut values = Vec::new();
    if let Some(state) = query.state {
        // A literal, because two indexes hold only rows of certain states.
        conditions.push(format!("state = '{}'", state.as_str()));
    }
    let mut only = |condition: &str, value| {
        values.push(value);
        conditions.push(condition.replace('?', &format!("${}", values.len())));
    };
    if key.is_some() {
        let of_payment = "payment_number = (SELECT number FROM ecp_inbox.payments WHERE key = ?)";
        only(of_payment, typed(&key));
    } else {
        if project.is_some() {
            only("project = ?", typed(&project));
        }
        if payment.is_some() {
            only("payment = ?", typed(&payment));
        }
    }
    if before.is_some() {
        only("id < ?", typed(&before));
    }
    values.push(typed(&limit));
    let sql = format!(
        "SELECT {COLUMNS} FROM ecp_inbox.callbacks WHERE {} ORDER BY id DESC LIMIT ${}",
        conditions.join(" AND "),
        values.len()
    );
    rows(inbox, &sql, &values).await?.iter().map(entry_of).collect()
}

pub(super) async fn entry(inbox: &PostgresInbox, id: EntryId) -> Result<Option<Entry>, InboxError> {
    let sql = format!("SELECT {COLUMNS}, raw FROM ecp_inbox.callbacks WHERE id = $1");
    let Some(row) = rows(inbox, &sql, &[typed(&id.get())]).await?.pop() else { return Ok(None) };
    let raw = row.get::<_, Option<Vec<u8>>>("raw").map(Raw::from);
    Ok(Some(Entry { raw, ..entry_of(&row)? }))
}

fn entry_of(row: &Row) -> Result<Entry, InboxError> {
    let status: Option<&[u8]> = row.get("status");
    let count = |name| u32::try_from(row.get::<_, i32>(name)).unwrap_or_default();
    Ok(Entry {
        id: EntryId::new(row.get("id")),
        state: EntryState::parse(row.get("state"))?,
        project: project(row.get("project"))?,
        payment: row.get::<_, Option<&[u8]>>("payment").map(payment_id).transpose()?,
        status: status.map(|status| String::from_utf8_lossy(status).into_owned()),
        received: timestamp(row.get("received")),
        times: count("times"),
        attempts: count("attempts"),
        due: row.get::<_, Option<i64>>("due").map(timestamp),
        error: row.get("error"),
        change: from_json(row.get("change"), "reading a callback's change")?,
        ambiguous: from_json(row.get("ambiguous"), "reading a callback's ambiguous members")?,
        raw: None,
        since: row.get("since"),
    })
}

pub(super) async fn stats(inbox: &PostgresInbox) -> Result<Stats, InboxError> {
    let sql = "
        WITH counts AS (
            SELECT name, sum(change)::bigint AS count FROM ecp_inbox.counts GROUP BY name
        )
        SELECT coalesce(array_agg(name), '{}') AS names, coalesce(array_agg(count), '{}') AS counts,
            (SELECT count(*) FROM ecp_inbox.callbacks
             WHERE state = 'held' AND due IS NULL AND attempts > 0) AS unconfirmed,
            (SELECT received FROM ecp_inbox.callbacks
             WHERE state = 'waiting' ORDER BY id LIMIT 1) AS oldest_waiting,
            (SELECT received FROM ecp_inbox.callbacks
             WHERE state = 'held' ORDER BY id LIMIT 1) AS oldest_held,
            (SELECT received FROM ecp_inbox.outbox
             JOIN ecp_inbox.callbacks ON callbacks.id = outbox.callback
             ORDER BY place LIMIT 1) AS oldest_unpublished
        FROM counts";
    let rows = rows(inbox, sql, &[]).await?;
    let Some(row) = rows.first() else { return Ok(Stats::default()) };
    let (names, counts): (Vec<&str>, Vec<i64>) = (row.get("names"), row.get("counts"));
    let count = |name| {
        let place = names.iter().position(|known| *known == name);
        place.map_or(0, |place| u64::try_from(counts[place]).unwrap_or_default())
    };
    Ok(Stats {
        waiting: count("waiting"),
        held: count("held"),
        unconfirmed: u64::try_from(row.get::<_, i64>("unconfirmed")).unwrap_or_default(),
        dead: count("dead"),
        done: count("done"),
        repeated: count("repeated"),
        payments: count("payments"),
        oldest_waiting: row.get::<_, Option<i64>>("oldest_waiting").map(timestamp),
        oldest_held: row.get::<_, Option<i64>>("oldest_held").map(timestamp),
        oldest_unpublished: row.get::<_, Option<i64>>("oldest_unpublished").map(timestamp),
    })
}

async fn rows(
    inbox: &PostgresInbox,
    sql: &str,
    values: &[Parameter<'_>],
) -> Result<Vec<Row>, InboxError> {
    let session = inbox.session().await?;
    let rows = session.query(sql, values).await.map_err(failed("reading the inbox"))?;
    session.keep();
    Ok(rows)
}
