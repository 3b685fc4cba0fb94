//! Every operation of a method from outside, sent by the client and played by the sandbox by its
//! effect.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use ecp_core::model::{Code, OperationStatus, PaymentStatus};
use ecp_core::{Currency, Money, PaymentId, SecretKey, Sensitive};
use ecp_methods::request::{
    CancelRequest, CaptureRequest, Field, Format, ManageRequest, PayoutRequest, RefundRequest,
    SaleRequest,
};
use ecp_methods::spec::Interface;
use ecp_methods::{
    AccountVerification, Auth, Cancel, Capture, Effect, Flow, Operation, PaymentMethod, Payout,
    Recurring, Refund, Registry, Rule, Sale, Spec, Supports,
};
use ecp_sandbox::{Config, Decision, EventKind, Fault, FaultRule, Filter, Paging, PaymentView};
use ecp_sandbox::{Project, Sandbox};
use ecp_testkit::{assert_conforms, conformance};
use ecp_transport::{Gate, GateError, TowerTransport};

const GATE: &[Interface] = &[Interface::Gate];
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

/// A method with every effect, and paths of its own.
#[derive(Clone, Copy, Debug)]
struct Everything;

impl Supports<Sale> for Everything {}
impl Supports<OneTap> for Everything {}
impl Supports<Recurring> for Everything {}
impl Supports<Auth> for Everything {}
impl Supports<Capture> for Everything {}
impl Supports<Cancel> for Everything {}
impl Supports<Payout> for Everything {}
impl Supports<Refund> for Everything {}
impl Supports<AccountVerification> for Everything {}
impl Supports<EndOfSeries> for Everything {}

impl PaymentMethod for Everything {
    const SPEC: Spec<Self> = Spec::new("everything", "Everything")
        .gate_path("wallet/everything")
        .callback_names(&["everything"])
        .currencies(&[Currency::EUR])
        .flow::<EndOfSeries>(Rule::new().on(GATE).path("all/recurring/cancel").needs(&[SERIES]))
        .flow::<OneTap>(Rule::new().on(GATE).path("all/1-tap").needs(&[Field::CUSTOMER_ID]))
        .flow::<Recurring>(Rule::new().on(GATE).needs(&[SERIES]))
        .flow::<Auth>(Rule::new().amount("1.00", "50.00").on(GATE).path("all/hold"))
        .flow::<Capture>(Rule::new().on(GATE).partial().path("all/take"))
        .flow::<Cancel>(Rule::new().on(GATE).partial())
        .flow::<AccountVerification>(Rule::new().on(GATE).zero_amount())
        .flow::<Sale>(Rule::new().on(GATE))
        .flow::<Payout>(Rule::new().on(GATE).needs(&[Field::ACCOUNT_NUMBER]))
        .flow::<Refund>(Rule::new().on(GATE).partial());
}

/// The same without parts.
#[derive(Clone, Copy, Debug)]
struct Whole;

impl Supports<Auth> for Whole {}
impl Supports<Capture> for Whole {}
impl Supports<Cancel> for Whole {}

impl PaymentMethod for Whole {
    const SPEC: Spec<Self> = Spec::new("whole", "Whole")
        .gate_path("wallet/whole")
        .callback_names(&["whole"])
        .currencies(&[Currency::EUR])
        .flow::<Auth>(Rule::new().on(GATE))
        .flow::<Capture>(Rule::new().on(GATE))
        .flow::<Cancel>(Rule::new().on(GATE));
}

struct World {
    sandbox: Sandbox,
    gate: Gate,
}

impl World {
    fn new() -> Self {
        let registry = Registry::empty().with(Everything).unwrap().with(Whole).unwrap();
        let key = SecretKey::new(Config::DEMO_KEY).unwrap();
        let project =
            Project::new(Config::DEMO_PROJECT, Sensitive::new(Config::DEMO_KEY.to_owned()));
        let sandbox = Sandbox::new(
            Config::new().registry(registry).project(project.balance(money("100.00 EUR"))),
        );
        let gate = Gate::new(Config::DEMO_PROJECT, &key, TowerTransport::new(sandbox.router()));
        Self { sandbox, gate }
    }

    async fn payment(&self, payment_id: &str) -> PaymentView {
        self.sandbox.settled().await;
        self.sandbox.payment(Config::DEMO_PROJECT, &id(payment_id)).unwrap()
    }

    /// Status of a payment, and what is left of it, by the sandbox and by a status request.
    async fn state(&self, payment_id: &str) -> (String, String) {
        let view = self.payment(payment_id).await;
        let status = self.gate.status(&id(payment_id)).await.unwrap();
        assert_eq!(status.payment_status(), Some(&view.status));
        (view.status.as_str().to_owned(), view.left.to_string())
    }

    /// Holds 40.00 EUR.
    async fn hold(&self, payment_id: &str) {
        let hold = SaleRequest::new(id(payment_id), money("40.00 EUR"));
        self.gate.request::<Auth>(&Everything, &hold).await.unwrap();
        self.decide(payment_id).await;
        assert_eq!(self.state(payment_id).await, held("40.00 EUR"));
    }

    async fn decide(&self, payment_id: &str) {
        self.sandbox.settled().await;
        let (id, yes) = (id(payment_id), Decision::Success);
        assert!(self.sandbox.choose(Config::DEMO_PROJECT, &id, yes, None));
        self.sandbox.settled().await;
    }

    async fn capture(&self, request: CaptureRequest) -> Result<(), GateError> {
        self.gate.request::<Capture>(&Everything, &request).await.map(drop)
    }

    async fn release(&self, request: CancelRequest) -> Result<(), GateError> {
        self.gate.request::<Cancel>(&Everything, &request).await.map(drop)
    }

    fn balance(&self) -> String {
        self.sandbox.balances(Config::DEMO_PROJECT)[0].to_string()
    }

    /// What the callbacks say: type and status of the payment and of the operation. They have no
    /// address.
    fn callbacks(&self) -> Vec<String> {
        let texts = self.sandbox.events().into_iter().filter_map(|event| match event.kind {
            EventKind::CallbackRefused { body, .. } => Some(body.text()),
            _ => None,
        });
        let words = |text: String| {
            let callback: serde_json::Value = serde_json::from_str(&text).unwrap();
            let paths =
                ["/payment/type", "/payment/status", "/operation/type", "/operation/status"];
            paths
                .map(|path| callback.pointer(path).unwrap().as_str().unwrap().to_owned())
                .join(", ")
        };
        texts.map(words).collect()
    }

    /// Type, status and code of the last operation.
    async fn last(&self, payment_id: &str) -> (&'static str, String, String) {
        let operation = self.payment(payment_id).await.operations.pop().unwrap();
        (operation.kind, operation.status, operation.code.as_str().to_owned())
    }
}

fn id(text: &str) -> PaymentId {
    text.parse().unwrap()
}

fn money(text: &str) -> Money {
    text.parse().unwrap()
}

fn held(amount: &str) -> (String, String) {
    state("awaiting capture", amount)
}

fn state(status: &str, amount: &str) -> (String, String) {
    (status.to_owned(), amount.to_owned())
}

fn refused(code: u32, result: Result<(), GateError>) {
    match result {
        Err(GateError::Refused(refusal)) => assert_eq!(refusal.code, Code::from(code)),
        other => panic!("expected a refusal, found {other:?}"),
    }
}

#[test]
fn a_method_with_every_effect_conforms() {
    assert_conforms(Everything);
    assert_conforms(Whole);
    let registry = Registry::builtin().with(Everything).unwrap();
    let cases = conformance(registry.get("everything").unwrap(), &registry);
    for operation in
        ["sale", "1-tap", "recurring", "auth", "capture", "cancel", "account_verification"]
    {
        let name = format!("everything {operation}: goes end to end to a success");
        assert!(cases.iter().any(|case| case.name() == name), "no case: {name}");
    }
    for operation in ["capture", "cancel"] {
        let name = format!("everything {operation}: goes end to end to a decline");
        assert!(cases.iter().any(|case| case.name() == name), "no case: {name}");
    }
    let name = "everything recurring/cancel: is answered with success";
    assert!(cases.iter().any(|case| case.name() == name), "no case: {name}");
}

#[tokio::test]
async fn a_hold_moves_no_money_until_it_is_captured() {
    let world = World::new();
    world.hold("H1").await;
    assert_eq!(world.balance(), "100.00 EUR");
    world.capture(CaptureRequest::full(id("H1"))).await.unwrap();
    assert_eq!(world.state("H1").await, state("success", "40.00 EUR"));
    assert_eq!(world.balance(), "140.00 EUR");
    let kinds: Vec<_> = world.payment("H1").await.operations.iter().map(|it| it.kind).collect();
    assert_eq!(kinds, ["auth", "capture"]);
    let status = world.gate.status(&id("H1")).await.unwrap();
    let statuses: Vec<_> = status.operations.iter().map(|it| it.status.clone()).collect();
    assert_eq!(statuses, [Some(OperationStatus::Success), Some(OperationStatus::Success)]);

    refused(3060, world.capture(CaptureRequest::full(id("H1"))).await);
    refused(3060, world.release(CancelRequest::full(id("H1"))).await);
    assert_eq!(world.balance(), "140.00 EUR");
    assert_eq!(
        world.callbacks(),
        [
            "purchase, awaiting redirect result, auth, awaiting redirect result",
            "purchase, awaiting capture, auth, success",
            "purchase, success, capture, success",
        ]
    );
}

#[tokio::test]
async fn a_capture_of_a_part_ends_the_hold_and_can_be_refunded() {
    let world = World::new();
    world.hold("H1").await;
    let refund = |amount: Option<&str>| match amount {
        None => RefundRequest::full(id("H1")),
        Some(amount) => RefundRequest::partial(id("H1"), money(amount)),
    };
    let early = world.gate.request::<Refund>(&Everything, &refund(None)).await.map(drop);
    refused(3060, early);

    world.capture(CaptureRequest::partial(id("H1"), money("15.00 EUR"))).await.unwrap();
    assert_eq!(world.state("H1").await, state("success", "15.00 EUR"));
    assert_eq!(world.balance(), "115.00 EUR");
    refused(3060, world.capture(CaptureRequest::partial(id("H1"), money("1.00 EUR"))).await);

    world.gate.request::<Refund>(&Everything, &refund(Some("15.01 EUR"))).await.unwrap();
    assert_eq!(world.last("H1").await, ("refund", "decline".into(), "3283".into()));
    world.gate.request::<Refund>(&Everything, &refund(Some("5.00 EUR"))).await.unwrap();
    assert_eq!(world.state("H1").await, state("partially refunded", "10.00 EUR"));
    world.gate.request::<Refund>(&Everything, &refund(None)).await.unwrap();
    assert_eq!(world.state("H1").await, state("refunded", "0.00 EUR"));
    assert_eq!(world.balance(), "100.00 EUR");
}

#[tokio::test]
async fn a_release_makes_the_hold_smaller_or_ends_it() {
    let world = World::new();
    world.hold("H1").await;
    world.release(CancelRequest::partial(id("H1"), money("10.00 EUR"))).await.unwrap();
    assert_eq!(world.state("H1").await, held("30.00 EUR"));

    for more in ["30.01 EUR", "40.00 EUR"] {
        world.capture(CaptureRequest::partial(id("H1"), money(more))).await.unwrap();
        assert_eq!(world.last("H1").await, ("capture", "decline".into(), "3060".into()));
        world.release(CancelRequest::partial(id("H1"), money(more))).await.unwrap();
        assert_eq!(world.last("H1").await, ("cancel", "decline".into(), "3060".into()));
    }
    assert_eq!(world.state("H1").await, held("30.00 EUR"));

    world.release(CancelRequest::full(id("H1"))).await.unwrap();
    assert_eq!(world.state("H1").await, state("canceled", "0.00 EUR"));
    refused(3060, world.release(CancelRequest::full(id("H1"))).await);
    refused(3060, world.capture(CaptureRequest::full(id("H1"))).await);
    let refund = RefundRequest::full(id("H1"));
    refused(3060, world.gate.request::<Refund>(&Everything, &refund).await.map(drop));
    assert_eq!(world.balance(), "100.00 EUR");
}

#[tokio::test]
async fn a_part_is_declined_where_only_the_whole_can_be_captured_or_released() {
    let world = World::new();
    let hold = SaleRequest::new(id("W1"), money("40.00 EUR"));
    world.gate.request::<Auth>(&Whole, &hold).await.unwrap();
    world.decide("W1").await;
    // The client takes it for the whole.
    let less = CaptureRequest::full_of(id("W1"), money("39.99 EUR"));
    world.gate.request::<Capture>(&Whole, &less).await.unwrap();
    assert_eq!(world.last("W1").await, ("capture", "decline".into(), "3060".into()));
    let less = CancelRequest::full_of(id("W1"), money("39.99 EUR"));
    world.gate.request::<Cancel>(&Whole, &less).await.unwrap();
    assert_eq!(world.last("W1").await, ("cancel", "decline".into(), "3060".into()));
    let all = CaptureRequest::full_of(id("W1"), money("40.00 EUR"));
    world.gate.request::<Capture>(&Whole, &all).await.unwrap();
    assert_eq!(world.state("W1").await, state("success", "40.00 EUR"));
}

#[tokio::test]
async fn only_a_hold_is_captured_or_released_and_only_by_its_method() {
    let world = World::new();
    let sale = SaleRequest::new(id("S1"), money("40.00 EUR"));
    world.gate.request::<Sale>(&Everything, &sale).await.unwrap();
    world.decide("S1").await;
    refused(3060, world.capture(CaptureRequest::full(id("S1"))).await);
    refused(3060, world.release(CancelRequest::full(id("S1"))).await);
    refused(3061, world.capture(CaptureRequest::full(id("none"))).await);
    world.hold("H1").await;
    let other = world.gate.request::<Capture>(&Whole, &CaptureRequest::full(id("H1"))).await;
    refused(3061, other.map(drop));
    // A hold that the customer has not confirmed yet.
    let hold = SaleRequest::new(id("H2"), money("40.00 EUR"));
    world.gate.request::<Auth>(&Everything, &hold).await.unwrap();
    world.sandbox.settled().await;
    refused(3060, world.capture(CaptureRequest::full(id("H2"))).await);
}

#[tokio::test]
async fn payments_of_other_names_go_by_their_effect() {
    let world = World::new();
    let tap = SaleRequest::new(id("T1"), money("5.00 EUR")).field(Field::CUSTOMER_ID, "c-1");
    world.gate.request::<OneTap>(&Everything, &tap).await.unwrap();
    world.decide("T1").await;
    assert_eq!(world.state("T1").await, state("success", "5.00 EUR"));
    assert_eq!(world.last("T1").await.0, "1-tap");
    let debit = SaleRequest::new(id("R1"), money("6.00 EUR")).field(SERIES, "7");
    world.gate.request::<Recurring>(&Everything, &debit).await.unwrap();
    world.decide("R1").await;
    assert_eq!(world.balance(), "111.00 EUR");

    for (payment, amount) in [("V1", "0.00 EUR"), ("V2", "1.00 EUR")] {
        let verification = SaleRequest::new(id(payment), money(amount));
        world.gate.request::<AccountVerification>(&Everything, &verification).await.unwrap();
        world.decide(payment).await;
        let view = world.payment(payment).await;
        assert_eq!((view.status, view.amount), (PaymentStatus::Success, money(amount)));
        assert_eq!(world.last(payment).await.0, "account verification");
        let refund = RefundRequest::full(id(payment));
        refused(3610, world.gate.request::<Refund>(&Everything, &refund).await.map(drop));
    }
    let payout =
        PayoutRequest::new(id("P1"), money("11.00 EUR")).field(Field::ACCOUNT_NUMBER, "93017949");
    world.gate.request::<Payout>(&Everything, &payout).await.unwrap();
    assert_eq!(world.state("P1").await.0, "success");
    assert_eq!(world.balance(), "100.00 EUR");

    let filter = Filter::new().kind(OneTap::OPERATION);
    let found = world.sandbox.operations(&filter, Paging::ALL).items;
    let found: Vec<_> = found.iter().map(|it| (it.payment_id.as_str(), it.kind)).collect();
    assert_eq!(found, [("T1", "1-tap")]);
    assert_eq!(world.sandbox.payments(&filter, Paging::ALL).total, 1);
}

#[tokio::test]
async fn a_change_of_data_is_answered_and_nothing_follows() {
    let world = World::new();
    world.hold("H1").await;
    for payment in ["H1", "M1"] {
        let change = ManageRequest::new(id(payment)).field(SERIES, "7");
        world.gate.request::<EndOfSeries>(&Everything, &change).await.unwrap();
    }
    assert_eq!(world.state("H1").await, held("40.00 EUR"));
    assert!(world.sandbox.payment(Config::DEMO_PROJECT, &id("M1")).is_none());
    assert_eq!(world.payment("H1").await.operations.len(), 1);
}

#[tokio::test]
async fn a_capture_that_ends_in_an_error_keeps_the_money_from_being_taken_twice() {
    let world = World::new();
    world.hold("H1").await;
    world.sandbox.add_fault(FaultRule::new(Fault::EndInError));
    world.capture(CaptureRequest::full(id("H1"))).await.unwrap();
    assert_eq!(world.last("H1").await, ("capture", "internal error".into(), "501".into()));
    assert_eq!(world.state("H1").await, held("40.00 EUR"));
    refused(3060, world.release(CancelRequest::full(id("H1"))).await);
    assert_eq!(world.balance(), "100.00 EUR");
    let changes = world.sandbox.events().into_iter().filter_map(|event| match event.kind {
        EventKind::OperationChanged { kind, status, .. } => Some(format!("{kind} {status}")),
        _ => None,
    });
    let changes: Vec<_> = changes.collect();
    assert_eq!(changes, ["capture processing", "capture internal error"]);
}

#[tokio::test]
async fn a_hold_is_declined_like_a_sale() {
    let world = World::new();
    let hold = SaleRequest::new(id("H1"), money("40.00 EUR"));
    world.gate.request::<Auth>(&Everything, &hold).await.unwrap();
    world.sandbox.settled().await;
    assert!(world.sandbox.choose(Config::DEMO_PROJECT, &id("H1"), Decision::Decline, None));
    world.sandbox.settled().await;
    let status = world.gate.status(&id("H1")).await.unwrap();
    assert_eq!(status.payment_status(), Some(&PaymentStatus::Decline));
}
