use ecp_methods::request::SaleRequest;
use ecp_methods::spec::Interface;
use ecp_methods::{Effect, Flow, Operation, PaymentMethod, Rule, Spec, Supports};

enum TopUp {}

impl Flow for TopUp {
    const OPERATION: Operation = Operation::new("top-up", Effect::Out);
    type Request = SaleRequest;
}

#[derive(Debug)]
struct Acme;

impl Supports<TopUp> for Acme {}

impl PaymentMethod for Acme {
    const SPEC: Spec<Self> =
        Spec::new("acme", "Acme Wallet").flow::<TopUp>(Rule::new().on(&[Interface::Gate]));
}

const _: () = {
    let _ = Acme::SPEC;
};

fn main() {}
