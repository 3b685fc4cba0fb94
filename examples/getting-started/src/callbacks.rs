use std::net::TcpListener;
use std::path::Path;

use ecp_core::model::{Callback, End, FromJson, Step};
use ecp_core::{Money, PaymentId};
use ecp_inbox::sqlite::SqliteInbox;
use ecp_inbox::sqlite::rusqlite::{Connection, OptionalExtension};
use ecp_inbox::{Delivery, EntryId, Inbox};
use ecp_methods::{DynMethod, Jeton};
use ecp_notify::{Expected, Receiver, Server, Unexpected};
use ecp_transport::Gate;

type Error = Box<dyn std::error::Error + Send + Sync>;

const TABLE: &str = "CREATE TABLE IF NOT EXISTS orders (
    id TEXT PRIMARY KEY, -- the payment's id too
    minor INTEGER NOT NULL, currency TEXT NOT NULL,
    state TEXT NOT NULL, -- open, paid, declined, returned or review
    note TEXT,           -- why a person must look into it
    step INTEGER)        -- the callback that says what the customer has to do";

/// The file has the callbacks and the orders.
pub(crate) async fn open(path: &Path) -> Result<SqliteInbox, Error> {
    let inbox = SqliteInbox::open(path).await?;
    inbox.transaction(|db| Ok(db.execute_batch(TABLE)?)).await?;
    Ok(inbox)
}

/// Writes an order down, before it is sent. The work of a transaction may run twice, if its commit
/// fails: so it clones what it uses, and does nothing outside of the database.
pub(crate) async fn order(inbox: &SqliteInbox, id: &PaymentId, price: Money) -> Result<(), Error> {
    let row = (id.as_str().to_owned(), price.minor(), price.currency().code());
    let insert = "INSERT INTO orders (id, minor, currency, state) VALUES (?1, ?2, ?3, 'open')";
    inbox.transaction(move |db| Ok(db.execute(insert, row.clone()).map(drop)?)).await
}

/// Answers the platform at `/callbacks`, and hands on what is in the inbox, until Ctrl-C.
pub(crate) fn start(listener: TcpListener, receiver: Receiver, inbox: &SqliteInbox) {
    let worker = inbox.worker(take_in);
    tokio::spawn(async move { worker.run(stopped()).await });
    let pages = receiver.into_router("/callbacks"); // and your own
    tokio::spawn(Server::new().serve(listener, pages, stopped()));
}

async fn stopped() {
    drop(tokio::signal::ctrl_c().await);
}

/// Brings an order to where a callback says it is. All errors in here are the database's: those
/// deserve another attempt.
fn take_in(db: &Connection, delivery: &Delivery) -> Result<(), Error> {
    for report in delivery.change.reports() {
        eprintln!("callback {}: {report:?}", delivery.id);
    }
    let Some(payment) = delivery.callback.payment_id() else {
        eprintln!("callback {} names no payment", delivery.id);
        return Ok(());
    };
    let Some(price) = price_of(db, payment)? else {
        eprintln!("callback {}: {payment} is no order of this shop", delivery.id);
        return Ok(());
    };
    if !matches!(delivery.callback.next_step(), Step::Done | Step::Wait) {
        let update = "UPDATE orders SET step = ?2 WHERE id = ?1";
        db.execute(update, (payment.as_str(), delivery.id.get()))?;
    }
    // Genuine is not enough: is it about this order, at this price?
    let result = delivery.result_for(&expected(payment, price));
    apply(db, payment, result)
}

fn price_of(db: &Connection, id: &PaymentId) -> Result<Option<Money>, Error> {
    let select = "SELECT minor, currency FROM orders WHERE id = ?1";
    let row = db
        .query_row(select, [id.as_str()], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
        })
        .optional()?;
    let Some((minor, currency)) = row else { return Ok(None) };
    Ok(Some(Money::from_minor(minor, currency.parse()?)))
}

/// What a message must say to be about this order. A shop with several methods stores the method's
/// code with the order, and takes the spec from `Registry::get`.
fn expected(id: &PaymentId, price: Money) -> Expected<'_> {
    let spec = Jeton.spec();
    Expected::sale(id, price).callback_names(spec.callback_names()).major_units(spec.major_units())
}

/// Moves an order to where a callback or Gate's answer says it is. Each call may be repeated, and
/// come in any order: what is paid stays paid, and what was given back stays given back.
fn apply(db: &Connection, id: &PaymentId, result: Result<End, Unexpected>) -> Result<(), Error> {
    let (state, from, note) = match result {
        // After a decline too: the money has moved, so deliver, or give it back by a refund.
        Ok(End::Success) => ("paid", "'open', 'declined', 'review'", None),
        Ok(End::Decline) => ("declined", "'open'", None),
        Ok(End::Returned) => ("returned", "'open', 'declined', 'review', 'paid'", None),
        Ok(End::Error) => {
            ("review", "'open'", Some("it ended in an error: ask support".to_owned()))
        }
        Ok(End::Open | End::Unknown) => return Ok(()),
        // Genuine, and not about this order at this price. No repetition of it can succeed, so
        // this is no error of the handler: it would be tried for hours, and hold up the others.
        Err(unexpected) => {
            eprintln!("{id}: deliver nothing by this, and ask Gate: {unexpected}");
            ("review", "'open', 'declined', 'review'", Some(unexpected.to_string()))
        }
    };
    let update =
        format!("UPDATE orders SET state = ?2, note = ?3 WHERE id = ?1 AND state IN ({from})");
    if db.execute(&update, (id.as_str(), state, note))? > 0 {
        println!("{id} is {state}");
    }
    Ok(())
}

/// Settles an order in `review` by Gate's signed answer, if that is about this order at this price.
/// Otherwise it stays in review: a person gives the money back, or agrees with the customer.
pub(crate) async fn settle(gate: &Gate, inbox: &SqliteInbox, id: &PaymentId) -> Result<(), Error> {
    let (answer, id) = (gate.verified_status(id).await?, id.clone());
    inbox
        .transaction(move |db| {
            let Some(price) = price_of(db, &id)? else { return Err("no such order".into()) };
            let result = expected(&id, price).status_result(&answer);
            if let Ok(End::Decline) = result {
                // A callback cannot do this: a late decline undoes nothing.
                let reopen = "UPDATE orders SET state = 'open' WHERE id = ?1 AND state = 'review'";
                db.execute(reopen, [id.as_str()])?;
            }
            apply(db, &id, result)
        })
        .await
}

/// What the customer has to do next, for the page of an open order. `None` until a callback says
/// it: show "one moment", and load the page again after a second.
pub(crate) async fn step_of(inbox: &SqliteInbox, id: &PaymentId) -> Result<Option<Step>, Error> {
    let id = id.as_str().to_owned();
    let step = inbox.transaction(move |db| {
        let select = "SELECT step FROM orders WHERE id = ?1 AND state = 'open'";
        Ok(db.query_row(select, [&id], |row| row.get::<_, Option<i64>>(0)).optional()?)
    });
    let Some(callback) = step.await?.flatten() else { return Ok(None) };
    let entry = inbox.entry(EntryId::new(callback)).await?;
    let Some(raw) = entry.and_then(|entry| entry.raw) else { return Ok(None) };
    Ok(Some(Callback::from_slice(raw.expose())?.next_step()))
}
