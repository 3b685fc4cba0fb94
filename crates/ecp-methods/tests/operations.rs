//! Operations beyond sales, payouts and refunds, as a method from another crate has them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use ecp_core::{Currency, ProjectId};
use ecp_methods::request::{
    CancelRequest, CaptureRequest, Field, Format, ManageRequest, SaleRequest,
};
use ecp_methods::spec::Interface;
use ecp_methods::{
    Auth, Cancel, Capture, DynMethod, Effect, Flow, Operation, PaymentMethod, Payout, Reason,
    Registry, Rule, Sale, Spec, Supports, prepare, prepare_as, prepare_as_dyn,
};

const SERIES: Field = Field::new("recurring.id", Format::Integer, "1015");

enum OneTap {}

impl Flow for OneTap {
    const OPERATION: Operation = Operation::new("1-tap", Effect::MoneyIn);
    type Request = SaleRequest;
}

enum EndOfSeries {}

impl Flow for EndOfSeries {
    const OPERATION: Operation = Operation::new("recurring/cancel", Effect::Manage);
    type Request = ManageRequest;
}

/// A sale by its name, and a payout by its effect.
enum FalseSale {}

impl Flow for FalseSale {
    const OPERATION: Operation = Operation::new("sale", Effect::Out);
    type Request = ecp_methods::request::PayoutRequest;
}

#[derive(Debug)]
struct Acme;

impl Supports<Sale> for Acme {}
impl Supports<Auth> for Acme {}
impl Supports<Capture> for Acme {}
impl Supports<Cancel> for Acme {}
impl Supports<OneTap> for Acme {}
impl Supports<EndOfSeries> for Acme {}

const ON: &[Interface] = &[Interface::Gate];

impl PaymentMethod for Acme {
    const SPEC: Spec<Self> = Spec::new("acme", "Acme Wallet")
        .gate_path("wallet/acme")
        .currencies(&[Currency::EUR])
        .flow::<OneTap>(Rule::new().on(ON).path("acme/1-tap").needs(&[SERIES]))
        .flow::<Auth>(Rule::new().amount("1.00", "50.00").on(ON).needs(&[Field::CUSTOMER_ID]))
        .flow::<Capture>(Rule::new().on(ON).partial())
        .flow::<Cancel>(Rule::new().on(ON))
        .flow::<EndOfSeries>(Rule::new().on(ON).needs(&[SERIES]))
        .flow::<Sale>(Rule::new().on(ON));
}

fn id() -> ecp_core::PaymentId {
    "X-1".parse().unwrap()
}

fn hold(amount: &str) -> SaleRequest {
    SaleRequest::new(id(), amount.parse().unwrap()).field(Field::CUSTOMER_ID, "customer-1")
}

fn json(body: &[u8]) -> &str {
    std::str::from_utf8(body).unwrap()
}

#[test]
fn operations_are_listed_in_the_order_of_the_spec() {
    let names: Vec<&str> = Acme.spec().flows().map(Operation::name).collect();
    assert_eq!(names, ["1-tap", "auth", "capture", "cancel", "recurring/cancel", "sale"]);
    let holds = Acme.spec().first_with(Effect::Hold).map(|(operation, _)| operation);
    assert_eq!(holds, Some(Operation::AUTH));
    assert!(Acme.spec().first_with(Effect::Out).is_none());
}

#[test]
fn each_operation_has_its_path_and_a_path_leads_to_its_operation() {
    let registry = Registry::builtin().with(Acme).unwrap();
    for (operation, path) in [
        (OneTap::OPERATION, "acme/1-tap"),
        (Operation::AUTH, "wallet/acme/auth"),
        (EndOfSeries::OPERATION, "wallet/acme/recurring/cancel"),
        (Operation::SALE, "wallet/acme/sale"),
    ] {
        assert_eq!(Acme.spec().path_of(operation).as_deref(), Some(path));
        let (method, found) = registry.by_operation_path(path).unwrap();
        assert_eq!((method.spec().code(), found), ("acme", operation));
    }
    assert_eq!(Acme.spec().path_of(Operation::PAYOUT), None);
    for path in ["wallet/acme/1-tap", "wallet/acme/payout", "wallet/acme", "wallet/acmesale", ""] {
        assert!(registry.by_operation_path(path).is_none(), "{path}");
    }
}

#[test]
fn a_request_of_each_form_is_checked_by_the_rule_of_its_operation() {
    let project = ProjectId::new(7).unwrap();
    let auth = prepare_as::<Auth>(&Acme, hold("50.00 EUR")).unwrap();
    assert_eq!(auth.endpoint(), "/v2/payment/wallet/acme/auth");
    assert_eq!(
        json(&auth.body(project)),
        r#"{"customer":{"id":"customer-1"},"general":{"payment_id":"X-1","project_id":7},"payment":{"amount":5000,"currency":"EUR"}}"#
    );
    let part = CaptureRequest::partial(id(), "5.00 EUR".parse().unwrap());
    assert_eq!(
        json(&prepare(&Acme, part).unwrap().body(project)),
        r#"{"general":{"payment_id":"X-1","project_id":7},"payment":{"amount":500,"currency":"EUR"}}"#
    );
    let all = prepare(&Acme, CancelRequest::full(id())).unwrap();
    assert_eq!(json(&all.body(project)), r#"{"general":{"payment_id":"X-1","project_id":7}}"#);
    let end = ManageRequest::new(id()).text(Acme.spec(), "recurring.id", "1015");
    let end = prepare_as::<EndOfSeries>(&Acme, end).unwrap();
    assert_eq!(end.endpoint(), "/v2/payment/wallet/acme/recurring/cancel");
    assert_eq!(
        json(&end.body(project)),
        r#"{"general":{"payment_id":"X-1","project_id":7},"recurring":{"id":1015}}"#
    );

    let table = [
        (
            prepare_as::<Auth>(&Acme, hold("50.01 EUR")).unwrap_err(),
            "acme auth: `payment.amount`: 50.01 EUR is above the maximum of 50.00 EUR",
        ),
        (
            prepare_as::<OneTap>(&Acme, hold("60.00 EUR")).unwrap_err(),
            "acme 1-tap: `recurring.id` is required",
        ),
        (
            prepare_as::<EndOfSeries>(&Acme, ManageRequest::new(id())).unwrap_err(),
            "acme recurring/cancel: `recurring.id` is required",
        ),
    ];
    for (rejection, message) in table {
        assert_eq!(rejection.to_string(), message);
    }
    let part = CancelRequest::partial(id(), "5.00 EUR".parse().unwrap());
    let rejection = prepare(&Acme, part).unwrap_err();
    assert_eq!(rejection.reason(), &Reason::PartUnsupported);
    assert_eq!(
        rejection.to_string(),
        "acme cancel: `payment.amount`: this method captures or releases only all money that the \
         payment holds; to take or release all of it, leave the amount out"
    );
}

#[test]
fn an_operation_of_the_same_name_and_another_effect_is_not_the_methods() {
    let request = ecp_methods::request::PayoutRequest::new(id(), "5.00 EUR".parse().unwrap());
    let rejection = prepare_as_dyn::<FalseSale>(&Acme, request.clone()).unwrap_err();
    assert_eq!(rejection.reason(), &Reason::FlowUnsupported);
    let rejection = prepare_as_dyn::<Payout>(&Acme, request).unwrap_err();
    assert_eq!(rejection.reason(), &Reason::FlowUnsupported);
}

#[derive(Debug)]
struct Taker;

impl Supports<OneTap> for Taker {}
impl PaymentMethod for Taker {
    const SPEC: Spec<Self> = Spec::new("taker", "Taker")
        .gate_path("wallet/taker")
        .flow::<OneTap>(Rule::new().on(ON).path("wallet/acme/auth"));
}

#[test]
fn a_path_belongs_to_one_method_and_operation() {
    let registry = Registry::empty().with(Acme).unwrap();
    assert_eq!(
        registry.with(Taker).unwrap_err().to_string(),
        "cannot add payment method `taker`: the Gate path of an operation `wallet/acme/auth` belongs to \
         payment method `acme` already; add only one of the two"
    );
    let registry = Registry::empty().with(Taker).unwrap();
    assert!(registry.with(Acme).is_err());
}

#[test]
fn the_description_names_effects_and_paths_of_operations_that_are_not_usual() {
    let rows: Vec<String> = Acme
        .spec()
        .describe()
        .into_iter()
        .map(|row| format!("{}: {}", row.about, row.text))
        .collect();
    for expected in [
        "1-tap effect on money: money in",
        "1-tap Gate path: acme/1-tap",
        "auth effect on money: hold",
        "capture amounts: limits not stated, a part of the payment is possible",
        "recurring/cancel effect on money: management",
    ] {
        assert!(rows.iter().any(|row| row == expected), "{expected}: {rows:?}");
    }
    assert!(!rows.iter().any(|row| row.starts_with("sale effect")), "{rows:?}");
}

#[test]
fn every_effect_either_begins_a_payment_or_is_about_one() {
    let new: Vec<Effect> =
        Effect::ALL.iter().copied().filter(|effect| effect.is_new_payment()).collect();
    assert_eq!(new, [Effect::MoneyIn, Effect::Hold, Effect::Out, Effect::Register]);
    assert!(Effect::ALL.windows(2).all(|pair| pair[0] < pair[1]), "in order, each once");
}
