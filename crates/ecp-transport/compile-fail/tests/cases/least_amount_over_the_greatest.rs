use ecp_methods::spec::Interface;
use ecp_methods::{PaymentMethod, Rule, Sale, Spec, Supports};

#[derive(Debug)]
struct Acme;

impl Supports<Sale> for Acme {}

impl PaymentMethod for Acme {
    const SPEC: Spec<Self> = Spec::new("acme", "Acme Wallet")
        .flow::<Sale>(Rule::new().amount("100.01", "100.00").on(&[Interface::Gate]));
}

const _: () = {
    let _ = Acme::SPEC;
};

fn main() {}
