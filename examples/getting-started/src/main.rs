//! A shop's first payments, and all that comes back: a sale, its callbacks, a question about a
//! voucher's amount, and a payout. The platform is a sandbox in this process.

mod answer;
mod callbacks;
mod payout;
mod sale;

use std::net::TcpListener;
use std::time::Duration;

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
    let inbox = callbacks::open(&folder.path().join("shop.sqlite")).await?;

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
    state_of(&inbox, &order).await
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
    #[tokio::test(flavor = "multi_thread")]
    async fn the_sale_is_paid_in_the_end() -> Result<(), super::Error> {
        assert_eq!(super::first_payments().await?, "paid");
        Ok(())
    }
}
