use ecp_core::PaymentId;
use ecp_methods::Jeton;
use ecp_methods::request::{Account, Customer, PayoutRequest};
use ecp_transport::{Gate, Outcome, SendPolicy, Sender};

type Error = Box<dyn std::error::Error + Send + Sync>;

pub(crate) async fn pay_out(gate: Gate, id: &PaymentId) -> Result<(), Error> {
    let sender = Sender::new(gate, SendPolicy::new());
    let payout = PayoutRequest::new(id.clone(), "300.00 EUR".parse()?)
        .customer(Customer::new().ip_address("192.0.2.1"))
        .account(Account::new().number("93017949"));
    match sender.payout(&Jeton, &payout).await {
        Ok(_) => println!("{id}: the platform has the payout"),
        Err(error) if error.outcome() == Outcome::Unknown => println!("{id}: ask later: {error}"),
        Err(error) => println!("{id}: nothing was registered: {error}"),
    }
    Ok(())
}
