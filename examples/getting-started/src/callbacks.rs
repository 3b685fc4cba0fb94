use std::net::TcpListener;
use std::path::Path;

use ecp_core::model::{End, PaymentStatus};
use ecp_core::{Money, PaymentId};
use ecp_inbox::Delivery;
use ecp_inbox::sqlite::SqliteInbox;
use ecp_inbox::sqlite::rusqlite::{Connection, OptionalExtension};
use ecp_notify::{Expected, Receiver, Server};

type Error = Box<dyn std::error::Error + Send + Sync>;

const TABLE: &str = "CREATE TABLE IF NOT EXISTS orders (
    id TEXT PRIMARY KEY, minor INTEGER NOT NULL, currency TEXT NOT NULL, state TEXT NOT NULL)";

pub(crate) async fn open(path: &Path) -> Result<SqliteInbox, Error> {
    let inbox = SqliteInbox::open(path).await?;
    inbox.transaction(|db| Ok(db.execute_batch(TABLE)?)).await?;
    Ok(inbox)
}

/// Writes an order down, before it is sent.
pub(crate) async fn order(inbox: &SqliteInbox, id: &PaymentId, price: Money) -> Result<(), Error> {
    let row = (id.as_str().to_owned(), price.minor(), price.currency().code());
    let insert = "INSERT INTO orders VALUES (?1, ?2, ?3, 'open')";
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

/// Brings an order to where a callback says it is.
fn take_in(db: &Connection, delivery: &Delivery) -> Result<(), Error> {
    // Not what the callback says, but what it changed: one that comes late moves nothing.
    if !delivery.change.moved_to(&PaymentStatus::Success) {
        return Ok(());
    }
    let Some(payment) = delivery.callback.payment_id() else { return Ok(()) };
    let order = db
        .query_row("SELECT minor, currency FROM orders WHERE id = ?1", [payment.as_str()], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
        })
        .optional()?;
    let Some((minor, currency)) = order else { return Ok(()) }; // none of this shop's
    // Genuine is not enough: is it about this order, at this price?
    let expected = Expected::sale(payment, Money::from_minor(minor, currency.parse()?))
        .callback_names(&["JetonWallet"]);
    if delivery.result_for(&expected)? != End::Success {
        return Ok(());
    }
    db.execute("UPDATE orders SET state = 'paid' WHERE id = ?1", [payment.as_str()])?;
    println!("{payment} is paid");
    Ok(())
}
