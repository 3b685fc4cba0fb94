use ecp_core::{Money, PaymentId};
use ecp_methods::Jeton;
use ecp_methods::request::{Customer, ReturnUrls, SaleRequest};
use ecp_transport::{Gate, Outcome};

pub(crate) async fn sell(gate: &Gate, order: &PaymentId, price: Money) {
    // The address is the customer's, from the request that placed the order: `ecp_notify::Server`
    // does not hand on the peer's, so it comes in a header of your proxy (docs/operations/proxy.md).
    let sale = SaleRequest::new(order.clone(), price)
        .customer(Customer::new().id("customer-7").ip_address("192.0.2.1"))
        .return_urls(
            ReturnUrls::new()
                .success("https://shop.example/back")
                .decline("https://shop.example/back"),
        );
    match gate.sale(&Jeton, &sale).await {
        // No address to send the customer to yet: it comes by callback.
        Ok(accepted) => println!("{order} is registered as {}", accepted.request_id),
        Err(error) => match error.outcome() {
            // Nothing left this machine. The same id may be sent again.
            Outcome::NotSent => println!("{order} was not sent: {error}"),
            // The platform said no, and why.
            Outcome::Refused { code, .. } => println!("{order} was refused with code {code}"),
            // It may or may not have arrived. Ask for the status; never use another id.
            Outcome::Unknown => println!("{order}: ask later: {error}"),
        },
    }
}
