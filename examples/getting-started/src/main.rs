//! A shop's first payments, and all that comes back: a sale, its callbacks, a question about a
//! voucher's amount, and a payout. The platform is a sandbox in this process.

mod answer;
mod callbacks;
mod payout;
mod sale;

use std::net::TcpListener;
use std::time::Duration;

use ecp_core::model::Step;
use ecp_core::{Money, PaymentId, SecretKey, Sensitive};
use ecp_inbox::sqlite::SqliteInbox;
use ecp_methods::request::{Customer, ReturnUrls, SaleRequest};
use ecp_methods::{EcoVoucher, Jeton, Payout};
use ecp_notify::{Receiver, Verifier};
use ecp_sandbox::{Config, Decision, Project, Sandbox};
use ecp_transport::{Gate, ReqwestTransport, Wait};

type Error = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let state = first_payments().await?;
    println!("order-1 in the shop's table: {state}");
    Ok(())
}

/// Returns what the shop's table says of the sale in the end.
async fn first_payments() -> Result<String, Error> {
    let (project, key) = (Config::DEMO_PROJECT, SecretKey::new(Config::DEMO_KEY)?);
    let folder = tempfile::tempdir()?;
    let inbox = callbacks::open(&folder.path().join("shop.db")).await?;

    // Where callbacks and questions arrive.
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}/callbacks", listener.local_addr()?);
    let verifier = Verifier::new().key(project, &key);
    let receiver = Receiver::new(verifier.clone(), inbox.clone());
    callbacks::start(listener, answer::with_answers(receiver, verifier), &inbox);

    // The platform.
    let shop = Project::new(project, Sensitive::new(Config::DEMO_KEY.to_owned()))
        .callback_url(&url)
        .confirmation_url(&url);
    let sandbox = Sandbox::new(Config::new().project(shop));
    let gate = Gate::new(project, &key, ReqwestTransport::plain_http()?)
        .base_url(&sandbox.listen().await?)?;

    // A sale. The customer pays at the wallet's page.
    let (order, price) = (PaymentId::new("order-1")?, "100.00 EUR".parse::<Money>()?);
    callbacks::order(&inbox, &order, price).await?;
    sale::sell(&gate, &order, price).await;
    sandbox.settled().await;
    if let Step::Redirect(redirect) = next_step(&inbox, &order).await? {
        println!("{order}: send the customer on by {}", redirect.method);
    }
    assert!(sandbox.choose(project, &order, Decision::Success, None));
    sandbox.settled().await;

    // A voucher. The customer chooses its amount, and the platform asks whether that is welcome.
    let voucher = PaymentId::new("voucher-1")?;
    let back = "https://shop.example/back";
    let request = SaleRequest::new(voucher.clone(), "0.00 EUR".parse()?)
        .customer(Customer::new().id("customer-7").ip_address("192.0.2.1"))
        .return_urls(ReturnUrls::new().success(back).decline(back));
    gate.sale(&EcoVoucher, &request).await?;
    sandbox.settled().await;
    assert!(sandbox.choose(project, &voucher, Decision::Success, Some("20.00 EUR".parse()?)));
    sandbox.settled().await;

    // A payout, and its end.
    let id = PaymentId::new("P-17")?;
    payout::pay_out(gate.clone(), &id).await?;
    let wait = Wait::for_flow::<Payout>(&Jeton).first(Duration::ZERO);
    let end = gate.wait_until_final(&id, &wait).await?;
    let status = end.payment_status().map(ToString::to_string);
    println!("{id} has ended: {}", status.unwrap_or_default());

    // What came back is in the inbox, whatever becomes of this process.
    let state = state_of(&inbox, &order).await?;
    // An order in review, or one whose callback is overdue, is settled by Gate's answer. Of this one
    // it says nothing new.
    callbacks::settle(&gate, &inbox, &order).await?;
    Ok(state)
}

/// What the customer has to do, once a callback has said it.
async fn next_step(inbox: &SqliteInbox, order: &PaymentId) -> Result<Step, Error> {
    for _ in 0..100 {
        if let Some(step) = callbacks::step_of(inbox, order).await? {
            return Ok(step);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Err("no callback has said within five seconds where the customer goes".into())
}

/// The state of an order, once its callback has been taken in.
async fn state_of(inbox: &SqliteInbox, order: &PaymentId) -> Result<String, Error> {
    for _ in 0..100 {
        let id = order.as_str().to_owned();
        let state = inbox.transaction(move |db| {
            let state = "SELECT state FROM orders WHERE id = ?1";
            Ok(db.query_row(state, [&id], |row| row.get::<_, String>(0))?)
        });
        let state = state.await?;
        if state != "open" {
            return Ok(state);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Err("no callback has been taken in within five seconds".into())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use ecp_core::signature::{self, Place, Rules, SigningKey};
    use ecp_inbox::Inbox;
    use ecp_transport::TowerTransport;

    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn the_sale_is_paid_in_the_end() -> Result<(), Error> {
        assert_eq!(first_payments().await?, "paid");
        Ok(())
    }

    /// A callback of order-1, genuine: signed with the project's key.
    fn callback(operation: u64, status: &str, minor: i64) -> Result<Vec<u8>, Error> {
        let body = format!(
            r#"{{"project_id":{project},"payment":{{"id":"order-1","type":"purchase",
                "status":"{status}","method":"JetonWallet","sum":{{"amount":{minor},"currency":"EUR"}}}},
                "operation":{{"id":{operation},"type":"sale","status":"{status}"}}}}"#,
            project = Config::DEMO_PROJECT
        );
        let key = SigningKey::new(&SecretKey::new(Config::DEMO_KEY)?);
        Ok(signature::sign_document(&key, body.as_bytes(), Place::Root, Rules::private())?)
    }

    /// A shop with the open order-1 at 100.00 EUR, whose worker runs.
    async fn shop(folder: &Path) -> Result<(SqliteInbox, Receiver), Error> {
        let inbox = callbacks::open(&folder.join("shop.db")).await?;
        let key = SecretKey::new(Config::DEMO_KEY)?;
        let receiver =
            Receiver::new(Verifier::new().key(Config::DEMO_PROJECT, &key), inbox.clone());
        callbacks::order(&inbox, &PaymentId::new("order-1")?, "100.00 EUR".parse()?).await?;
        callbacks::start(TcpListener::bind("127.0.0.1:0")?, receiver.clone(), &inbox);
        Ok((inbox, receiver))
    }

    /// Waits until all callbacks are handled, and returns the state and the note of order-1.
    async fn handled(inbox: &SqliteInbox, done: u64) -> Result<(String, Option<String>), Error> {
        for _ in 0..200 {
            if inbox.stats().await?.done == done {
                let select = "SELECT state, note FROM orders WHERE id = 'order-1'";
                let read = inbox.transaction(move |db| {
                    Ok(db.query_row(select, [], |row| Ok((row.get(0)?, row.get(1)?)))?)
                });
                return read.await;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err(format!("not handled within ten seconds: {:?}", inbox.stats().await?).into())
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_wrong_sum_waits_for_a_person_and_the_right_one_that_follows_pays()
    -> Result<(), Error> {
        let folder = tempfile::tempdir()?;
        let (inbox, receiver) = shop(folder.path()).await?;

        assert_eq!(receiver.receive(&callback(1, "success", 9_000)?).await.status, 200);
        let (state, note) = handled(&inbox, 1).await?;
        assert_eq!(state, "review");
        assert!(note.is_some_and(|note| note.contains("90.00 EUR")));
        // The same operation, which is a success already: this moves no status, and pays all the same.
        assert_eq!(receiver.receive(&callback(1, "success", 10_000)?).await.status, 200);
        assert_eq!(handled(&inbox, 2).await?, ("paid".to_owned(), None));
        // What is paid stays paid, until the money goes back.
        assert_eq!(receiver.receive(&callback(3, "success", 9_000)?).await.status, 200);
        assert_eq!(receiver.receive(&callback(4, "decline", 10_000)?).await.status, 200);
        assert_eq!(handled(&inbox, 4).await?.0, "paid");
        assert_eq!(receiver.receive(&callback(5, "refunded", 0)?).await.status, 200);
        assert_eq!(handled(&inbox, 5).await?.0, "returned");
        Ok(())
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_success_after_a_decline_pays() -> Result<(), Error> {
        let folder = tempfile::tempdir()?;
        let (inbox, receiver) = shop(folder.path()).await?;
        assert_eq!(receiver.receive(&callback(1, "decline", 10_000)?).await.status, 200);
        assert_eq!(handled(&inbox, 1).await?.0, "declined");
        assert_eq!(receiver.receive(&callback(2, "success", 10_000)?).await.status, 200);
        assert_eq!(handled(&inbox, 2).await?.0, "paid");
        Ok(())
    }

    /// The platform has a payment of this price, which no callback tells of.
    async fn settled_by_gate(price: &str, decision: Decision) -> Result<String, Error> {
        let folder = tempfile::tempdir()?;
        let (inbox, receiver) = shop(folder.path()).await?;
        let (project, order) = (Config::DEMO_PROJECT, PaymentId::new("order-1")?);
        let config = Project::new(project, Sensitive::new(Config::DEMO_KEY.to_owned()));
        let sandbox = Sandbox::new(Config::new().project(config));
        let gate = Gate::new(
            project,
            &SecretKey::new(Config::DEMO_KEY)?,
            TowerTransport::new(sandbox.router()),
        )
        .base_url("http://localhost")?;
        sale::sell(&gate, &order, price.parse()?).await;
        sandbox.settled().await;
        assert_eq!(receiver.receive(&callback(1, "success", 9_000)?).await.status, 200);
        assert_eq!(handled(&inbox, 1).await?.0, "review");
        // Gate has not decided, so nothing changes.
        callbacks::settle(&gate, &inbox, &order).await?;
        assert_eq!(handled(&inbox, 1).await?.0, "review");

        assert!(sandbox.choose(project, &order, decision, None));
        sandbox.settled().await;
        callbacks::settle(&gate, &inbox, &order).await?;
        Ok(handled(&inbox, 1).await?.0)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn gates_answer_settles_what_is_in_review_if_it_fits() -> Result<(), Error> {
        assert_eq!(settled_by_gate("100.00 EUR", Decision::Success).await?, "paid");
        assert_eq!(settled_by_gate("100.00 EUR", Decision::Decline).await?, "declined");
        assert_eq!(settled_by_gate("90.00 EUR", Decision::Success).await?, "review");
        Ok(())
    }
}
