//! Refunds of a file: what is read, and that each is sent once, whatever becomes of its answer.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ecp_core::model::OperationType;
use ecp_core::{PaymentId, ProjectId, SecretKey};
use ecp_methods::mass_file::{self, RowKind};
use ecp_methods::request::{Customer, RefundRequest, ReturnUrls, SaleRequest};
use ecp_methods::spec::Interface;
use ecp_methods::{PaymentMethod, Refund, Registry, Rule, Sale, Spec, Supports, WalletPartner};
use ecp_payouts::{
    Counts, Journal, JournalError, Layout, Owner, Payer, Plan, RowId, Settings, State, Stop, Total,
    write_results, write_template,
};
use ecp_sandbox::{Config, Decision, Sandbox};
use ecp_testkit::{Fault, FaultTransport};
use ecp_transport::{Gate, RetryBudget, RetryPolicy, SendPolicy, TowerTransport};
use serde_json::{Value, json};

use crate::ends::platform::{Platform, Run};

const HEAD: &str = "operation_type;general.project_id;method;general.payment_id;\
                    general.operation_id;payment.amount;payment.currency;payment.description;\
                    account.number;token;customer.id;customer.ip_address";

/// A method with partial refunds.
#[derive(Debug)]
struct Parts;

impl Supports<Sale> for Parts {}
impl Supports<Refund> for Parts {}
impl PaymentMethod for Parts {
    const SPEC: Spec<Self> = Spec::new("parts", "Parts")
        .gate_path("parts")
        .currencies(&[ecp_core::Currency::EUR])
        .flow::<Sale>(Rule::new().on(&[Interface::Gate]))
        .flow::<Refund>(Rule::new().partial().on(&[Interface::Gate]));
}

fn registry() -> Registry {
    Registry::builtin().with(Parts).unwrap()
}

fn read(file: &str) -> Result<Plan, String> {
    let plan = Plan::read(file.into(), &Layout::new(), &registry(), ProjectId::new(1).unwrap());
    plan.map_err(|problems| problems.to_string())
}

fn rows(rows: &str) -> Result<Plan, String> {
    read(&format!("{HEAD}\n{rows}\n"))
}

fn endpoints(plan: &Plan) -> Vec<String> {
    plan.rows().map(|row| row.request.endpoint()).collect()
}

#[test]
fn a_file_of_the_platform_may_mix_payouts_and_refunds() {
    let plan = rows(
        "payout;1;jeton-wallet;P-1;;30000;EUR;;93017949;;;192.0.2.1\n\
         refund;1;wallet-partner;order-1;;;;returned;;;;\n\
         payout;1;wallet/touchngo;P-2;;500;MYR;;93017949;;7;192.0.2.1\n\
         refund;;wallet-partner;order-2;;1500;INR;returned;;;;",
    )
    .unwrap();
    assert_eq!(
        endpoints(&plan),
        [
            "/v2/payment/wallet/jeton/payout",
            "/v2/payment/wallet-partner/refund",
            "/v2/payment/wallet/touchngo/payout",
            "/v2/payment/wallet-partner/refund",
        ]
    );
    let bodies: Vec<Value> = plan
        .rows()
        .map(|row| serde_json::from_slice(&row.request.body(plan.project())).unwrap())
        .collect();
    assert_eq!(
        bodies[1],
        json!({"general": {"payment_id": "order-1", "project_id": 1},
            "payment": {"description": "returned", "merchant_refund_id": "order-1"}})
    );
    assert_eq!(bodies[3]["payment"]["amount"], 1500);
    let totals = |total: &Total| {
        let sum = total.sum.map(|sum| sum.to_string());
        (total.flow, total.method, total.rows, sum)
    };
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(
        plan.totals().iter().map(totals).collect::<Vec<_>>(),
        [
            (RowKind::Payout, "jeton", 1, text("300.00 EUR")),
            (RowKind::Payout, "touchngo", 1, text("5.00 MYR")),
            (RowKind::Refund, "wallet-partner", 1, None),
            (RowKind::Refund, "wallet-partner", 1, text("15.00 INR")),
        ]
    );
}

#[test]
fn every_template_is_read_back_and_has_the_form_of_the_platform() {
    for (code, flows) in [
        ("jeton", vec![RowKind::Payout]),
        ("touchngo", vec![RowKind::Payout]),
        ("wallet-partner", vec![RowKind::Refund]),
        ("eco-voucher", vec![]),
    ] {
        let registry = Registry::builtin();
        let mut file = Vec::new();
        let written =
            write_template(registry.get(code).unwrap(), ProjectId::new(1).unwrap(), &mut file);
        assert_eq!(written.unwrap(), flows.len(), "{code}");
        let file = String::from_utf8(file).unwrap();
        assert!(file.starts_with("operation_type;general.project_id;method;"), "{file}");
        for name in file.lines().next().unwrap().split(';') {
            assert!(mass_file::COLUMNS.contains(&name), "{code}: {name}");
        }
        // Cells that are empty keep their delimiters.
        let cells = |line: &str| line.matches(';').count();
        assert!(file.lines().all(|line| cells(line) == cells(file.lines().next().unwrap())));
        if flows.is_empty() {
            continue;
        }
        let plan = read(&file).unwrap();
        assert_eq!(plan.rows().map(|row| row.request.flow()).collect::<Vec<_>>(), flows, "{code}");
        assert!(plan.rows().all(|row| row.request.spec().code() == code));
        assert_eq!(plan.warnings(), []);
    }
}

#[test]
fn every_bad_row_of_a_mixed_file_is_named_by_line_and_column() {
    let table = [
        (
            "payout;1;jeton-wallet;P-1;;300.00;EUR;;93017949;;;192.0.2.1",
            "line 2, `payment.amount`: has a decimal point, and amounts are whole minor units: \
             write 30000 for 300.00 EUR",
        ),
        (
            "payout;1;jeton-wallet;P-1;;1905.00;JPY;;93017949;;;192.0.2.1",
            "line 2, `payment.amount`: has a decimal point, and amounts are whole minor units: \
             1905 for 19.05 EUR, 1905 for 1905 JPY",
        ),
        (
            "refund;1;wallet-partner;order-1;;10.5;INR;returned;;;;",
            "line 2, `payment.amount`: has a decimal point, and amounts are whole minor units: \
             write 1050 for 10.50 INR",
        ),
        (
            "payout;1;jeton-wallet;P-1;;10000000000001;EUR;;93017949;;;192.0.2.1",
            "line 2, `payment.amount`: is above 10000000000000, the greatest amount of the \
             platform's files",
        ),
        (
            ";1;jeton-wallet;P-1;;30000;EUR;;93017949;;;192.0.2.1",
            "line 2, `operation_type`: is required",
        ),
        (
            "PAYOUT;1;jeton-wallet;P-1;;30000;EUR;;93017949;;;192.0.2.1",
            "line 2, `operation_type`: must be `payout` or `refund`",
        ),
        (
            "capture;1;jeton-wallet;P-1;;30000;EUR;;;;;",
            "line 2, `operation_type`: is `capture`, which only cards have; use `payout` or \
             `refund`",
        ),
        (
            "payout;2;jeton-wallet;P-1;;30000;EUR;;93017949;;;192.0.2.1",
            "line 2, `general.project_id`: must be 1, the project of this run",
        ),
        (
            "payout;1;JetonWallet;P-1;;30000;EUR;;93017949;;;192.0.2.1",
            &format!("line 2, `method`: {}", registry().get("JetonWallet").unwrap_err()),
        ),
        (
            "refund;1;wallet-partner;;5048926;;;returned;;;;",
            "line 2, `general.operation_id`: names an operation, and Gate takes only the payment: \
             write its id in `general.payment_id`, and leave this empty\n\
             line 2, `general.payment_id`: is required",
        ),
        ("refund;1;wallet-partner;order-1;;;;;;;;", "line 2, `payment.description`: is required"),
        ("refund;1;parts;order-1;;;;;;;;", "line 2, `payment.description`: is required"),
        (
            "refund;1;wallet-partner;order-1;;100;;returned;;;;",
            "line 2, `payment.currency`: is required",
        ),
        (
            "refund;1;jeton-wallet;order-1;;;;returned;;;;",
            "line 2: the method does not have this operation",
        ),
        (
            "payout;1;wallet-partner;P-1;;30000;INR;;93017949;;;192.0.2.1",
            "line 2: the method does not have this operation",
        ),
        (
            "refund;1;wallet-partner;order-1;;;;returned;;;;\n\
             refund;1;wallet-partner;order-1;;;;again;;;;",
            "line 3, `general.payment_id`: is in line 2 already; give each row an id of its own",
        ),
        (
            "refund;1;wallet-partner;order-1;;;;returned;;;;\n\
             refund;1;wallet-partner;order–1;;;;returned;;;;",
            "line 3, `general.payment_id`: looks like the id in line 2 and differs from it: write both alike if they are one payout, otherwise choose an id that looks different",
        ),
        (
            "refund;1;wallet-partner;X;;;;returned;;;;\n\
             payout;1;jeton-wallet;X;;30000;EUR;;93017949;;;192.0.2.1",
            "line 3, `general.payment_id`: is the payment that line 2 refunds; give the payout an id \
             of its own",
        ),
        (
            "payout;1;jeton-wallet;X;;30000;EUR;;93017949;;;192.0.2.1\n\
             refund;1;wallet-partner;X;;;;returned;;;;",
            "line 3, `general.payment_id`: is the id of the payout in line 2; a refund needs the id of a sale",
        ),
    ];
    for (text, expected) in table {
        assert_eq!(rows(text).unwrap_err(), expected, "{text}");
    }
    let missing = read("operation_type;method\nrefund;wallet-partner\n").unwrap_err();
    assert_eq!(
        missing,
        "line 1, `general.payment_id`: no column has this name, and none is mapped to it \
         (`Layout::column`, `--column NAME=PATH`)"
    );
}

#[test]
fn a_payment_may_be_refunded_in_parts_and_all_of_it_once() {
    let head = "operation_type;method;general.payment_id;payment.merchant_refund_id;payment.amount;\
                payment.currency;payment.description";
    let read = |rows: &str| read(&format!("{head}\n{rows}"));
    let parts = read("refund;parts;order-1;r1;100;EUR;x\nrefund;parts;order-1;r2;200;EUR;x\n");
    let ids: Vec<RowId> = parts.unwrap().rows().map(|row| row.request.id()).collect();
    let order = || PaymentId::new("order-1").unwrap();
    assert_eq!(ids, [RowId::refund(order(), "r1"), RowId::refund(order(), "r2")]);
    for (rows, expected) in [
        (
            "refund;parts;order-1;r1;100;EUR;x\nrefund;parts;order-1;r1;200;EUR;x\n",
            "line 3, `payment.merchant_refund_id`: is in line 2 already; give each row an id of its own",
        ),
        (
            "refund;parts;order-1;r1;;;x\nrefund;parts;order-1;r2;200;EUR;x\n",
            "line 3, `general.payment_id`: is refunded in full by line 2 already; leave one of them out",
        ),
        (
            "refund;parts;order-1;r1;100;EUR;x\nrefund;parts;order-1;r2;;;x\n",
            "line 3, `general.payment_id`: is refunded in part by line 2, and in full here; leave one of them out",
        ),
        (
            "refund;wallet-partner;order-1;r1;100;INR;x\n\
             refund;wallet-partner;order-1;r2;100;INR;x\n",
            "line 3, `general.payment_id`: is refunded in full by line 2 already; leave one of them out",
        ),
    ] {
        assert_eq!(read(rows).unwrap_err(), expected, "{rows}");
    }
}

/// The form of the file may be another than the platform's, as its line of names says.
#[test]
fn the_platforms_columns_are_read_in_every_form_of_a_file() {
    let platform = format!(
        "{HEAD}\npayout;1;jeton-wallet;P-1;;30000;EUR;;93017949;;;192.0.2.1\n\
         refund;1;wallet-partner;order-1;;;;returned;;;;\n"
    );
    let expected = endpoints(&read(&platform).unwrap());
    let bom = format!("\u{feff}{platform}");
    let commas = platform.replace(';', ",");
    let quoted = platform.replace("returned", "\"returned; \"\"twice\"\"\"");
    let sorted = {
        let reversed = |line: &str| line.split(';').rev().collect::<Vec<_>>().join(";") + "\n";
        platform.lines().map(reversed).collect::<String>()
    };
    let forms = [bom, commas, platform.replace('\n', "\r\n"), quoted, sorted];
    for form in forms {
        assert_eq!(endpoints(&read(&form).unwrap()), expected, "{form}");
    }
    let utf16: Vec<u8> =
        std::iter::once(0xfeff).chain(platform.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let plan = Plan::read(utf16, &Layout::new(), &Registry::builtin(), ProjectId::new(1).unwrap());
    assert_eq!(endpoints(&plan.unwrap()), expected);
}

// What is sent.

type Faults = FaultTransport<TowerTransport<axum::Router>>;

/// The sandbox with a paid order, and failures before it.
async fn world(
    plan: impl Fn(usize, &str) -> Fault + Send + Sync + 'static,
) -> (Sandbox, Arc<Faults>) {
    let sandbox = Sandbox::new(Config::demo().event_history(100_000));
    let gate = gate(TowerTransport::new(sandbox.router()));
    let sale = SaleRequest::new(PaymentId::new("order-1").unwrap(), "15.00 INR".parse().unwrap())
        .customer(
            Customer::new()
                .id("7")
                .ip_address("192.0.2.1")
                .first_name("Mary")
                .last_name("Smithson")
                .phone("76575657657676")
                .email("mary@example.com"),
        )
        .return_urls(ReturnUrls::new().success("https://shop.example/"));
    gate.sale(&WalletPartner, &sale).await.unwrap();
    sandbox.settled().await;
    let order = PaymentId::new("order-1").unwrap();
    assert!(sandbox.choose(Config::DEMO_PROJECT, &order, Decision::Success, None));
    sandbox.settled().await;
    let faults = FaultTransport::new(TowerTransport::new(sandbox.router()), plan);
    (sandbox, Arc::new(faults))
}

fn gate(transport: impl ecp_transport::HttpTransport + 'static) -> Gate {
    let key = SecretKey::new(Config::DEMO_KEY).unwrap();
    Gate::new(Config::DEMO_PROJECT, &key, transport)
}

fn settings() -> Settings {
    let retry = RetryPolicy::new()
        .budget(RetryBudget::new(100, 10_000))
        .pauses(Duration::from_millis(1), Duration::from_millis(10));
    let policy = SendPolicy::new().retry(retry).rate(None);
    Settings::new()
        .policy(policy)
        .not_found_after(Duration::from_millis(50))
        .first_question(Duration::from_millis(1))
        .patience(Duration::from_secs(20))
        .grace(Duration::from_secs(2))
}

async fn payer(faults: &Arc<Faults>, journal: &Path) -> Payer {
    let owner = Owner::new(Config::DEMO_PROJECT, "http://localhost");
    let journal = loop {
        match Journal::open(journal, &owner) {
            // The run before lets go of it when its last task is gone.
            Err(JournalError::InUse) => tokio::time::sleep(Duration::from_millis(5)).await,
            journal => break journal.unwrap(),
        }
    };
    Payer::new(gate(faults.clone()), journal, settings())
}

async fn run(faults: &Arc<Faults>, journal: &Path, plan: &Plan) -> Counts {
    payer(faults, journal).await.run(plan, &Stop::new(), &()).await.unwrap()
}

/// How many refunds were asked for.
fn asked(faults: &Faults) -> usize {
    faults.exchanges().iter().filter(|exchange| exchange.path.ends_with("/refund")).count()
}

/// How many refunds of the order the platform has begun.
async fn begun(sandbox: &Sandbox) -> usize {
    let order = PaymentId::new("order-1").unwrap();
    let status = gate(TowerTransport::new(sandbox.router())).status(&order).await.unwrap();
    let is_refund =
        |kind: &OperationType| matches!(kind, OperationType::Refund | OperationType::Reversal);
    let kinds = status.operations.iter().filter_map(|operation| operation.kind.as_ref());
    kinds.filter(|kind| is_refund(kind)).count()
}

fn order() -> RowId {
    RowId::refund(PaymentId::new("order-1").unwrap(), "order-1")
}

fn mixed() -> Plan {
    rows(
        "payout;1;jeton-wallet;P-1;;30000;EUR;;93017949;;;192.0.2.1\n\
         refund;1;wallet-partner;order-1;;;;returned;;;;",
    )
    .unwrap()
}

#[tokio::test]
async fn payouts_and_refunds_end_and_a_second_run_does_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let (sandbox, faults) = world(|_, _| Fault::None).await;
    let counts = run(&faults, &journal, &mixed()).await;
    assert_eq!((counts.success, counts.is_complete()), (2, true), "{counts:?}");
    assert_eq!((asked(&faults), begun(&sandbox).await), (1, 1));
    let entries = Journal::read(&journal).unwrap();
    let refund = &entries[&order()];
    assert_eq!(refund.state, State::Success);
    assert_eq!(refund.evidence, "a signed status says `success` of its operation");
    let again = run(&faults, &journal, &mixed()).await;
    assert_eq!((again.before, asked(&faults)), (2, 1));

    let mut results = Vec::new();
    write_results(&mixed(), &entries, &mut results).unwrap();
    let results = String::from_utf8(results).unwrap();
    let lines: Vec<&str> = results.lines().collect();
    assert!(lines[0].ends_with(",evidence,operation_type,payment.merchant_refund_id"));
    assert!(lines[1].starts_with("2,P-1,jeton,30000,EUR,success,success,"), "{results}");
    assert!(lines[1].ends_with(",payout,"), "{results}");
    assert!(lines[2].starts_with("3,order-1,wallet-partner,,,success,success,0,"), "{results}");
    assert!(lines[2].ends_with(",refund,order-1"), "{results}");
}

/// What becomes of a refund whose answer never came: whether it arrived, what the journal says, and
/// that no run sends it again.
#[tokio::test]
async fn a_refund_whose_answer_was_lost_is_never_sent_again() {
    let table = [
        (Fault::ResetAfter, 1, State::Success, "a signed status says `refunded` of the payment"),
        (Fault::StatusAfter(500), 1, State::Success, "no answer says whether this row's request"),
        (Fault::ResetBefore, 0, State::Unknown, "which does not prove that none will come"),
        (Fault::StatusInstead(503, None), 0, State::Unknown, "it is not sent again"),
    ];
    for (fault, arrived, state, evidence) in table {
        let folder = tempfile::tempdir().unwrap();
        let journal = folder.path().join("journal");
        let name = format!("{fault:?}");
        let (sandbox, faults) =
            world(
                move |_, path| {
                    if path.ends_with("/refund") { fault.clone() } else { Fault::None }
                },
            )
            .await;
        for _ in 0..3 {
            run(&faults, &journal, &mixed()).await;
            assert_eq!((asked(&faults), begun(&sandbox).await), (1, arrived), "{name}");
            let entry = &Journal::read(&journal).unwrap()[&order()];
            assert_eq!((entry.state, entry.sends), (state, 1), "{name}: {}", entry.evidence);
            assert!(entry.evidence.contains(evidence), "{name}: {}", entry.evidence);
        }
    }
}

#[tokio::test]
async fn a_single_refund_is_sent_once_under_its_id_whatever_becomes_of_its_answer() {
    for (fault, arrived) in [(Fault::ResetAfter, 1), (Fault::ResetBefore, 0)] {
        let folder = tempfile::tempdir().unwrap();
        let (sandbox, faults) =
            world(
                move |_, path| {
                    if path.ends_with("/refund") { fault.clone() } else { Fault::None }
                },
            )
            .await;
        let payer = payer(&faults, &folder.path().join("journal")).await;
        for _ in 0..2 {
            // Each request has a new id of its own, which is not used.
            let request =
                RefundRequest::full(PaymentId::new("order-1").unwrap()).description("returned");
            let refund = payer.refund(&WalletPartner, &request, "refund-1").await.unwrap();
            assert_eq!(refund.id().refund_id(), Some("refund-1"));
            let end = refund.end().await.unwrap();
            let expected = if arrived == 1 { State::Success } else { State::Unknown };
            assert_eq!((end.state, end.sends), (expected, 1), "{end:?}");
            assert_eq!((asked(&faults), begun(&sandbox).await), (1, arrived));
        }
    }
}

#[tokio::test]
async fn a_refund_that_never_left_goes_with_the_next_run() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let (sandbox, faults) =
        world(
            |number, path| {
                if path.ends_with("/refund") && number < 4 { Fault::Refused } else { Fault::None }
            },
        )
        .await;
    let plan = rows("refund;1;wallet-partner;order-1;;;;returned;;;;").unwrap();
    let counts = run(&faults, &journal, &plan).await;
    assert_eq!((counts.not_sent, begun(&sandbox).await), (1, 0), "{counts:?}");
    let counts = run(&faults, &journal, &plan).await;
    assert_eq!((counts.success, begun(&sandbox).await), (1, 1), "{counts:?}");
}

#[tokio::test]
async fn a_process_that_ends_in_a_refund_has_written_its_intent_and_does_not_repeat_it() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let (sandbox, faults) = world(|_, path| {
        let is_refund = path.ends_with("/refund");
        if is_refund { Fault::Slow(Duration::from_mins(1)) } else { Fault::None }
    })
    .await;
    let plan = rows("refund;1;wallet-partner;order-1;;;;returned;;;;").unwrap();
    let payer_that_ends = payer(&faults, &journal).await;
    let stop = Stop::new();
    let run_that_ends = payer_that_ends.run(&plan, &stop, &());
    assert!(tokio::time::timeout(Duration::from_millis(200), run_that_ends).await.is_err());
    for _ in 0..2 {
        let counts = run(&faults, &journal, &plan).await;
        assert_eq!((counts.unknown, asked(&faults), begun(&sandbox).await), (1, 1, 0));
    }
    assert_eq!(Journal::read(&journal).unwrap()[&order()].state, State::Unknown);
}

/// A status answer of a purchase of 15.00 INR with these refunds: type, status, sum, request id.
fn purchase(word: &str, refunds: &[(&str, &str, i64, &str)]) -> Value {
    let operations = refunds.iter().map(|(kind, status, amount, request)| {
        json!({"id": 8, "type": kind, "status": status, "request_id": request, "code": "0",
            "sum_initial": {"amount": amount, "currency": "INR"}, "message": "as the test says"})
    });
    let sale = json!({"id": 7, "type": "sale", "status": "success", "request_id": "s"});
    json!({
        "payment": {"type": "purchase", "status": word, "sum": {"amount": 0, "currency": "INR"}},
        "operations": std::iter::once(sale).chain(operations).collect::<Vec<_>>(),
    })
}

fn one_refund(amount: &str) -> Plan {
    rows(&format!("refund;1;wallet-partner;order-1;;{amount};returned;;;;")).unwrap()
}

#[tokio::test]
async fn a_registered_refund_ends_as_its_operation_does() {
    let table = [
        ("success", vec![("refund", "processing", 1500, "r")], State::Registered, "not ended"),
        ("success", vec![], State::Registered, "does not have its operation"),
        // Another request's refund is no evidence.
        ("refunded", vec![("refund", "success", 1500, "x")], State::Registered, "not ended"),
        ("success", vec![("sale", "success", 1500, "r")], State::Registered, "does not have"),
        ("refunded", vec![("refund", "success", 1500, "r")], State::Success, "says `success`"),
        ("reversed", vec![("reversal", "success", 1500, "r")], State::Success, "says `success`"),
        ("success", vec![("refund", "decline", 1500, "r")], State::Decline, "as the test says"),
        ("success", vec![("refund", "internal error", 1500, "r")], State::Error, "ask technical"),
        ("success", vec![("refund", "who knows", 1500, "r")], State::Registered, "not ended"),
        (
            "refunded",
            vec![("refund", "success", 99, "r")],
            State::Error,
            "another sum than the row",
        ),
        (
            "refunded",
            vec![("refund", "success", 1500, "r"), ("refund", "success", 1500, "r")],
            State::Error,
            "2 refunds of one request",
        ),
        (
            "refunded",
            vec![("reversal", "decline", 1500, "r"), ("refund", "success", 1500, "r")],
            State::Success,
            "says `success`",
        ),
    ];
    for (word, refunds, state, evidence) in table {
        let answer = purchase(word, &refunds);
        let platform = Platform::new(move |_, _| answer.clone());
        let run = Run::new(&platform);
        let plan = one_refund("1500;INR");
        for _ in 0..2 {
            run.pay_until(&plan, &Stop::new()).await;
            let entry = run.entry_of(&order());
            assert_eq!(entry.state, state, "{word} {refunds:?}: {}", entry.evidence);
            assert!(entry.evidence.contains(evidence), "{refunds:?}: {}", entry.evidence);
            assert_eq!(platform.payouts(), 1, "{refunds:?}");
        }
    }
}

#[tokio::test]
async fn without_an_answer_only_the_rows_own_id_or_a_full_return_prove_a_refund() {
    let named = |id: &str, refunds: &[(&str, &str, i64, &str)]| {
        let mut answer = purchase("success", refunds);
        answer["payment"]["merchant_refund_id"] = json!(id);
        answer
    };
    let done = ("refund", "success", 1500, "x");
    let declined = ("refund", "decline", 1500, "x");
    let table = [
        // A refund of the same sum may be anybody's.
        (purchase("partially refunded", &[done]), State::Unknown, "nothing ascribes to this row"),
        (purchase("success", &[declined]), State::Unknown, "nothing ascribes to this row"),
        (purchase("success", &[]), State::Unknown, "does not prove that none will come"),
        (purchase("refunded", &[("refund", "success", 99, "x")]), State::Unknown, "no such refund"),
        (
            purchase("refunded", &[done, ("refund", "processing", 1500, "y")]),
            State::Unknown,
            "nothing ascribes",
        ),
        (purchase("refunded", &[done]), State::Success, "`refunded` of the payment"),
        (named("R-7", &[done]), State::Success, "`success` of a refund under its id"),
        (named("R-7", &[declined]), State::Decline, "`decline` of a refund under its id"),
        (named("R-7", &[done, done]), State::Unknown, "nothing ascribes to this row"),
        (named("R-8", &[done]), State::Unknown, "nothing ascribes to this row"),
    ];
    let head = "operation_type;method;general.payment_id;payment.merchant_refund_id;payment.amount;\
                payment.currency;payment.description";
    let plan = read(&format!("{head}\nrefund;wallet-partner;order-1;R-7;1500;INR;x\n")).unwrap();
    let id = RowId::refund(PaymentId::new("order-1").unwrap(), "R-7");
    for (answer, state, evidence) in table {
        let shown = answer.to_string();
        let platform = Platform::new(move |_, _| answer.clone());
        platform.lose(true);
        let run = Run::new(&platform);
        run.pay_until(&plan, &Stop::new()).await;
        let entry = run.entry_of(&id);
        assert_eq!(entry.state, state, "{shown}: {}", entry.evidence);
        assert!(entry.evidence.contains(evidence), "{shown}: {}", entry.evidence);
        assert_eq!(platform.payouts(), 1, "{shown}");
    }
    // The samples of the platform have the payment's id as that of a refund without one.
    let answer = {
        let mut answer = purchase("success", &[done]);
        answer["payment"]["merchant_refund_id"] = json!("order-1");
        answer
    };
    let platform = Platform::new(move |_, _| answer.clone());
    platform.lose(true);
    let run = Run::new(&platform);
    run.pay_until(&one_refund("1500;INR"), &Stop::new()).await;
    assert_eq!(run.entry_of(&order()).state, State::Unknown);
}

#[tokio::test]
async fn a_refund_that_may_be_the_rows_is_waited_for_until_it_ends() {
    let seen = Arc::new(AtomicUsize::new(0));
    let platform = Platform::new({
        let seen = seen.clone();
        move |_, _| match seen.load(Ordering::Relaxed) {
            0 => purchase("success", &[]),
            // Long after such evidence could still come.
            number => {
                seen.fetch_add(1, Ordering::Relaxed);
                match number {
                    1..4 => purchase("success", &[("refund", "processing", 1500, "x")]),
                    _ => purchase("refunded", &[("refund", "success", 1500, "x")]),
                }
            }
        }
    });
    platform.lose(true);
    let run = Run::new(&platform);
    let plan = one_refund("1500;INR");
    run.pay_until(&plan, &Stop::new()).await;
    assert_eq!(run.entry_of(&order()).state, State::Unknown);
    seen.store(1, Ordering::Relaxed);
    run.pay_for(&plan, &Stop::new(), Duration::from_secs(20)).await;
    assert_eq!(run.entry_of(&order()).state, State::Success);
    assert_eq!(platform.payouts(), 1);
}

#[tokio::test]
async fn a_refused_refund_is_declined_unless_another_request_may_have_returned_the_money() {
    let unknown = json!({"payment": {"status": "error"},
        "errors": [{"code": "3061", "message": "none"}]});
    let table = [
        (unknown, State::Decline, "refused with code 3283"),
        (purchase("success", &[]), State::Decline, "refused with code 3283"),
        (purchase("success", &[("refund", "decline", 1500, "x")]), State::Decline, "3283"),
        (purchase("refunded", &[("refund", "success", 1500, "x")]), State::Success, "`refunded`"),
        (
            purchase("success", &[("refund", "processing", 1500, "x")]),
            State::Error,
            "by another request",
        ),
    ];
    for (answer, state, evidence) in table {
        let shown = answer.to_string();
        let platform = Platform::new(move |_, _| answer.clone());
        platform.refuse(Some(3283));
        let run = Run::new(&platform);
        run.pay_until(&one_refund("1500;INR"), &Stop::new()).await;
        let entry = run.entry_of(&order());
        assert_eq!(entry.state, state, "{shown}: {}", entry.evidence);
        assert!(entry.evidence.contains(evidence), "{shown}: {}", entry.evidence);
    }
}

#[tokio::test]
async fn a_refund_that_has_not_ended_cannot_be_asked_for_again_under_another_id() {
    let platform = Platform::new(|_, _| purchase("success", &[]));
    platform.lose(true);
    let run = Run::new(&platform);
    let head = "operation_type;method;general.payment_id;payment.merchant_refund_id;\
                payment.description";
    let plan = |rows: &str| read(&format!("{head}\n{rows}")).unwrap();
    let other = "refund;wallet-partner;order-2;;x\n";
    run.pay_until(&plan(&format!("refund;wallet-partner;order-1;;x\n{other}")), &Stop::new()).await;
    let entries = Journal::read(&run.journal()).unwrap();
    for (row, expected) in [
        (
            "refund;wallet-partner;order-1;R-2;x\n",
            "line 2, `general.payment_id`: `order-1` may have been refunded before, as `order-1`, \
             which has not ended and is not in the file any more: put that row back",
        ),
        (
            "refund;wallet-partner;Order-1;;x\n",
            "line 2, `general.payment_id`: `Order-1` is new and looks like `order-1`, which may \
             have been sent before and is not in the file any more: write it as it was; a new row \
             needs an id that looks different",
        ),
    ] {
        let error = plan(&format!("{row}{other}")).check_against(&entries).unwrap_err();
        let JournalError::Respelled(problems) = error else { panic!("{error}") };
        assert_eq!(problems.to_string(), expected);
    }
    // A changed row stops the run before anything is sent.
    let changed = plan(&format!("refund;wallet-partner;order-1;;y\n{other}"));
    let owner = Owner::new(Config::DEMO_PROJECT, "http://localhost");
    let journal = Journal::open(&run.journal(), &owner).unwrap();
    let error = Payer::new(gate(platform.clone()), journal, settings())
        .run(&changed, &Stop::new(), &())
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "nothing was sent: the row (refund of order-1) differs from its request in the journal, which may have been sent before; restore the row, or give the new row an id of its own"
    );
    assert_eq!(platform.payouts(), 2);
}
