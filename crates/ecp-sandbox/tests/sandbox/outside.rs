//! Methods from outside, for what no built-in one declares.

use ecp_core::Currency;
use ecp_methods::spec::{Interface, TestRedirect, Testing};
use ecp_methods::{PaymentMethod, Payout, Refund, Registry, Rule, Sale, Spec, Supports};

use crate::support::World;

/// Demands nothing, and gives back parts of a payment between 1.00 and 50.00.
#[derive(Debug)]
struct Generous;

impl Supports<Sale> for Generous {}
impl Supports<Payout> for Generous {}
impl Supports<Refund> for Generous {}
impl PaymentMethod for Generous {
    const SPEC: Spec<Self> = Spec::new("generous", "Generous")
        .gate_path("wallet/generous")
        .currencies(&[Currency::EUR, Currency::USD])
        .flow::<Sale>(Rule::new().on(&[Interface::Gate]))
        .flow::<Payout>(Rule::new().on(&[Interface::Gate]))
        .flow::<Refund>(Rule::new().amount("1.00", "50.00").partial().on(&[Interface::Gate]));
}

/// Lets the customer type the amount and asks nobody, with refunds in the Dashboard alone.
#[derive(Debug)]
struct Open;

impl Supports<Sale> for Open {}
impl Supports<Refund> for Open {}
impl PaymentMethod for Open {
    const SPEC: Spec<Self> = Spec::new("open", "Open")
        .gate_path("wallet/open")
        .currencies(&[Currency::EUR])
        .flow::<Sale>(Rule::new().zero_amount().amount("5.00", "100.00").on(&[Interface::Gate]))
        .flow::<Refund>(Rule::new().on(&[Interface::Dashboard]))
        .testing(Testing::new().declined(&[4_000]).redirect(TestRedirect::PostEmpty));
}

pub(crate) const GENEROUS: &str = "/v2/payment/wallet/generous";
pub(crate) const OPEN: &str = "/v2/payment/wallet/open";

pub(crate) async fn world() -> World {
    World::with(|config| config.registry(registry())).await
}

pub(crate) fn registry() -> Registry {
    Registry::builtin().with(Generous).unwrap().with(Open).unwrap()
}
