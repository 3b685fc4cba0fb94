//! Methods from outside, for what no built-in one declares.

use ecp_core::Currency;
use ecp_methods::request::Field;
use ecp_methods::spec::{Interface, TestRedirect, Testing};
use ecp_methods::{
    Jeton, PaymentMethod, Payout, Refund, Registry, Rule, Sale, Spec, Supports, WalletPartner,
};

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

/// Sales of small amounts alone, with fields that no built-in method demands, and without a name
/// for callbacks.
#[derive(Debug)]
struct Narrow;

impl Supports<Sale> for Narrow {}
impl PaymentMethod for Narrow {
    const SPEC: Spec<Self> = Spec::new("narrow", "Narrow")
        .gate_path("narrow")
        .currencies(&[Currency::EUR])
        .flow::<Sale>(Rule::new().amount("2.00", "50.00").on(&[Interface::Gate]).needs(&[
            Field::CALLBACK_URL,
            Field::CUSTOMER_COUNTRY,
            Field::CUSTOMER_DAY_OF_BIRTH,
            Field::CUSTOMER_ZIP,
            Field::RETURN_NEUTRAL,
        ]));
}

/// Amounts that mean something in tests: among others for sales, and none else for payouts.
#[derive(Debug)]
struct Listed;

impl Supports<Sale> for Listed {}
impl Supports<Payout> for Listed {}
impl PaymentMethod for Listed {
    const SPEC: Spec<Self> = Spec::new("listed", "Listed")
        .gate_path("wallet/listed")
        .callback_names(&["Listed"])
        .currencies(&[Currency::EUR])
        .flow::<Sale>(Rule::new().amount("400.00", "404.00").on(&[Interface::Gate]))
        .flow::<Payout>(Rule::new().amount("400.00", "400.00").on(&[Interface::Gate]))
        .testing(Testing::new().redirect(TestRedirect::PostFields));
}

/// Gives back less than it takes, in a currency of three decimals.
#[derive(Debug)]
struct Uneven;

impl Supports<Sale> for Uneven {}
impl Supports<Refund> for Uneven {}
impl PaymentMethod for Uneven {
    const SPEC: Spec<Self> = Spec::new("uneven", "Uneven")
        .gate_path("wallet/uneven")
        .currencies(&[Currency::KWD, Currency::JPY])
        .flow::<Sale>(Rule::new().amount("60", "100").on(&[Interface::Gate]))
        .flow::<Refund>(
            Rule::new()
                .amount("1", "50")
                .on(&[Interface::Gate])
                .needs(&[Field::MERCHANT_REFUND_ID, Field::CALLBACK_URL]),
        );
}

/// Payouts without limits, and sales in the Dashboard alone.
#[derive(Debug)]
struct Outwards;

impl Supports<Sale> for Outwards {}
impl Supports<Payout> for Outwards {}
impl Supports<Refund> for Outwards {}
impl PaymentMethod for Outwards {
    const SPEC: Spec<Self> = Spec::new("outwards", "Outwards")
        .gate_path("outwards")
        .currencies(&[Currency::JPY])
        .flow::<Sale>(Rule::new().on(&[Interface::Dashboard]))
        .flow::<Payout>(Rule::new().on(&[Interface::Gate]).needs(&[Field::CUSTOMER_CITY]))
        .flow::<Refund>(Rule::new().on(&[Interface::Gate]));
}

/// Not on Gate at all.
#[derive(Debug)]
struct Hosted;

impl Supports<Sale> for Hosted {}
impl PaymentMethod for Hosted {
    const SPEC: Spec<Self> = Spec::new("hosted", "Hosted")
        .page_codes(&["hosted"])
        .currencies(&[Currency::EUR])
        .flow::<Sale>(Rule::new().on(&[Interface::PaymentPage]));
}

pub(crate) const GENEROUS: &str = "/v2/payment/wallet/generous";
pub(crate) const OPEN: &str = "/v2/payment/wallet/open";

pub(crate) async fn world() -> World {
    World::with(|config| config.registry(registry())).await
}

/// Two of these and the built-in ones that the tests name, whatever else is built in.
pub(crate) fn registry() -> Registry {
    let known = Registry::empty().with(Jeton).unwrap().with(WalletPartner).unwrap();
    known.with(Generous).unwrap().with(Open).unwrap()
}

/// All that is built in, and all of these whose names are not taken by it.
pub(crate) fn everything() -> Registry {
    fn add<M: PaymentMethod>(registry: Registry, method: M) -> Registry {
        registry.clone().with(method).unwrap_or(registry)
    }
    let all = add(add(Registry::builtin(), Generous), Open);
    let all = add(add(add(all, Narrow), Listed), Uneven);
    add(add(all, Outwards), Hosted)
}
