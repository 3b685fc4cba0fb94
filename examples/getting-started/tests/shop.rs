//! A payment from its request to the inbox, through a lost answer and repeated callbacks.

use bytes::Bytes;
use ecp_core::model::PaymentStatus;
use ecp_core::{PaymentId, SecretKey, Sensitive};
use ecp_inbox::Inbox;
use ecp_inbox::sqlite::SqliteInbox;
use ecp_methods::Jeton;
use ecp_methods::request::{Customer, ReturnUrls, SaleRequest};
use ecp_notify::{Receiver, Verifier};
use ecp_sandbox::{Config, Decision, Fault, FaultRule, Project, Sandbox};
use ecp_transport::{Gate, Outcome, TowerTransport};
use http::{Request, Response};

#[tokio::test]
async fn an_order_is_paid_though_the_answer_is_lost_and_callbacks_come_twice()
-> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let (project, key) = (Config::DEMO_PROJECT, SecretKey::new(Config::DEMO_KEY)?);

    // The shop's end.
    let folder = tempfile::tempdir()?;
    let inbox = SqliteInbox::open(folder.path().join("shop.db")).await?;
    let receiver = Receiver::new(Verifier::new().key(project, &key), inbox.clone());

    // The platform's end, which posts to the receiver, and sends each callback twice.
    let merchant = move |post: Request<Bytes>| {
        let receiver = receiver.clone();
        async move {
            let reply = receiver.receive(post.body()).await;
            let mut response = Response::new(Bytes::from(reply.body));
            *response.status_mut() = reply.status.try_into().expect("a status");
            response
        }
    };
    let shop = Project::new(project, Sensitive::new(Config::DEMO_KEY.to_owned()))
        .callback_url("http://shop.test/callbacks");
    let sandbox = Sandbox::new(
        Config::new()
            .project(shop)
            .virtual_time("2026-01-01T00:00:00+0000".parse()?)
            .merchant(merchant)
            .fault(FaultRule::new(Fault::DuplicateCallback { copies: 1 })),
    );
    let gate = Gate::new(project, &key, TowerTransport::new(sandbox.router()))
        .base_url("http://localhost")?;

    // The answer to the sale is lost after the platform has registered it.
    sandbox.add_fault(FaultRule::new(Fault::DropAnswer { registered: true }).times(1));
    let order = PaymentId::new("order-1")?;
    let sale = SaleRequest::new(order.clone(), "100.00 EUR".parse()?)
        .customer(Customer::new().id("customer-7").ip_address("192.0.2.1"))
        .return_urls(ReturnUrls::new().success("https://a.test/").decline("https://a.test/"));
    let error = gate.sale(&Jeton, &sale).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Unknown);

    // The customer is sent on, and pays.
    sandbox.settled().await;
    assert!(sandbox.choose(project, &order, Decision::Success, None));
    sandbox.settled().await;

    let state = inbox.payment(project, &order).await?.expect("a callback of it is stored");
    assert_eq!(state.status(), Some(&PaymentStatus::Success));
    Ok(())
}
