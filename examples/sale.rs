//! A sale against the sandbox in one process and without a socket between them:
//! `cargo run -p ecp-examples --example sale`.

use ecp_core::{PaymentId, SecretKey};
use ecp_methods::Jeton;
use ecp_methods::request::{Customer, ReturnUrls, SaleRequest};
use ecp_sandbox::{Config, Sandbox};
use ecp_transport::{Gate, Outcome, TowerTransport};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sandbox = Sandbox::new(Config::demo());
    let key = SecretKey::new(Config::DEMO_KEY)?;
    let gate = Gate::new(Config::DEMO_PROJECT, &key, TowerTransport::new(sandbox.router()))
        .base_url("http://localhost")?;

    let id = PaymentId::new("order-3936")?;
    let sale = SaleRequest::new(id.clone(), "100.00 EUR".parse()?)
        .customer(Customer::new().id("customer1").ip_address("192.0.2.1"))
        .return_urls(
            ReturnUrls::new()
                .success("https://shop.example/paid")
                .decline("https://shop.example/declined"),
        );

    let accepted = gate.sale(&Jeton, &sale).await?;
    println!("registered as {}", accepted.request_id);

    // The same id a second time makes no second payment, which protects against paying twice. The
    // answer is evidence that the payment exists, so the next step is to request its status.
    match gate.sale(&Jeton, &sale).await {
        Err(error) if error.outcome() == Outcome::Unknown => println!("{error}"),
        other => return Err(format!("expected no second payment, got {other:?}").into()),
    }

    let status = gate.status(&id).await?;
    println!("the payment is {:?}", status.payment_status());
    Ok(())
}
