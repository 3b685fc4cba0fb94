use ecp_methods::spec::Interface;
use ecp_methods::{PaymentMethod, Payout, Rule, Sale, Spec, Supports};

#[derive(Debug)]
struct Acme;

impl Supports<Sale> for Acme {}

impl PaymentMethod for Acme {
    const SPEC: Spec<Self> = Spec::new("acme", "Acme Wallet")
        .flow::<Sale>(Rule::new().on(&[Interface::Gate]))
        .flow::<Payout>(Rule::new().on(&[Interface::Gate]));
}

fn main() {}
