//! What the suite says of methods from outside: correct specs pass, whatever their limits, and
//! faults are told.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use ecp_core::Currency;
use ecp_core::model::PaymentStatus;
use ecp_methods::request::{Draft, Field, Format};
use ecp_methods::spec::{
    Condition, Interface, Need, RedirectValue, TestItem, TestQuestion, TestStep, Testing,
};
use ecp_methods::{
    Operation, PaymentMethod, Payout, Reason, Refund, Registry, Rule, Sale, Spec, Supports,
};
use ecp_testkit::{Conformance, Sample, assert_conforms, conformance};

const GATE: &[Interface] = &[Interface::Gate];
const PAGE: &[Interface] = &[Interface::PaymentPage, Interface::Gate];

/// Declares a method with sales, and other flows if they are named.
macro_rules! method {
    ($name:ident: $spec:expr $(, $flow:ident)*) => {
        #[derive(Clone, Copy, Debug)]
        struct $name;

        impl Supports<Sale> for $name {}
        $(impl Supports<$flow> for $name {})*
        impl PaymentMethod for $name {
            const SPEC: Spec<Self> = $spec;
        }
    };
}

const fn outside<M>(code: &'static str, callback_names: &'static [&'static str]) -> Spec<M> {
    Spec::new(code, "From outside").gate_path(code).callback_names(callback_names)
}

fn names<M: PaymentMethod>(method: M) -> Vec<String> {
    let registry = Registry::builtin().with(method).unwrap();
    let method = registry.iter().last().unwrap();
    conformance(method, &registry).iter().map(|case| case.name().to_owned()).collect()
}

/// What failed, as in `case: failure`.
async fn failures(registry: &Registry, code: &str) -> Vec<String> {
    let mut failed = Vec::new();
    for case in conformance(registry.get(code).unwrap(), registry) {
        if let Err(failure) = case.run().await {
            failed.push(format!("{}: {failure}", case.name()));
        }
    }
    failed
}

method! { ZeroBelowTheLeast:
    outside("zero-below", &["Zero Below"])
        .currencies(&[Currency::EUR, Currency::JPY])
        .page_codes(&["zero-below"])
        .confirms_amount()
        .flow::<Sale>(Rule::new().zero_amount().amount("0.01", "5.00").on(PAGE))
}

#[test]
fn zero_is_allowed_beside_limits() {
    assert_conforms(ZeroBelowTheLeast);
    let names = names(ZeroBelowTheLeast);
    for expected in [
        "zero-below sale: 0.00 EUR is allowed",
        "zero-below sale: 0.01 EUR is allowed",
        "zero-below sale: 0 JPY is allowed",
        "zero-below page sale: 0.00 EUR is allowed",
        "zero-below page sale: 5.01 EUR is refused",
        "zero-below sale: is declined if the merchant refuses",
    ] {
        assert!(names.iter().any(|name| name == expected), "no case: {expected}");
    }
}

method! { ZeroFarBelow:
    outside("zero-far", &["Zero Far"])
        .currencies(&[Currency::EUR])
        .flow::<Sale>(Rule::new().zero_amount().amount("2.00", "50.00").on(GATE))
}

#[test]
fn zero_is_tried_wherever_it_is_allowed() {
    assert_conforms(ZeroFarBelow);
    let names = names(ZeroFarBelow);
    for expected in ["zero-far sale: 0.00 EUR is allowed", "zero-far sale: 1.99 EUR is refused"] {
        assert!(names.iter().any(|name| name == expected), "no case: {expected}");
    }
}

method! { SmallPayouts:
    outside("small-payouts", &["Small Payouts"])
        .currencies(&[Currency::EUR])
        .flow::<Sale>(Rule::new().on(GATE))
        .flow::<Payout>(Rule::new().amount("1.00", "20.00").on(GATE).needs(&[Field::ACCOUNT_NUMBER])),
    Payout
}

#[test]
fn payouts_that_no_test_amount_declines_are_not_declined() {
    assert_conforms(SmallPayouts);
    let decline = "small-payouts payout: goes end to end to a decline";
    assert!(!names(SmallPayouts).iter().any(|name| name == decline));
}

method! { LimitedRefunds:
    outside("limited-refunds", &["Limited Refunds"])
        .currencies(&[Currency::EUR])
        .flow::<Sale>(Rule::new().amount("1.00", "500.00").on(GATE))
        .flow::<Refund>(Rule::new().partial().amount("5.00", "20.00").on(GATE)),
    Refund
}

method! { RefundsOfMuch:
    outside("refunds-of-much", &["Refunds Of Much"])
        .currencies(&[Currency::EUR])
        .flow::<Sale>(Rule::new().amount("1.00", "500.00").on(GATE))
        .flow::<Refund>(Rule::new().amount("300.00", "900.00").on(GATE)),
    Refund
}

method! { RefundsOfOneAmount:
    outside("refunds-of-one", &["Refunds Of One"])
        .currencies(&[Currency::EUR])
        .flow::<Sale>(Rule::new().amount("7.00", "9.00").on(GATE))
        .flow::<Refund>(Rule::new().amount("7.00", "7.00").on(GATE)),
    Refund
}

#[test]
fn what_is_refunded_is_within_both_limits() {
    assert_conforms(LimitedRefunds);
    assert_conforms(RefundsOfMuch);
    assert_conforms(RefundsOfOneAmount);
    let names = names(LimitedRefunds);
    for expected in [
        "limited-refunds refund: 4.99 EUR is refused",
        "limited-refunds refund: 20.00 EUR is allowed",
        "limited-refunds refund: a part is allowed",
        "limited-refunds refund: goes end to end to a success",
        "limited-refunds refund: goes end to end to a decline",
    ] {
        assert!(names.iter().any(|name| name == expected), "no case: {expected}");
    }
}

method! { ListedAmounts:
    outside("listed", &["Listed"])
        .currencies(&[Currency::EUR])
        .flow::<Sale>(Rule::new().amount("100.00", "100.02").on(GATE))
        .flow::<Payout>(Rule::new().amount("100.00", "100.01").on(GATE))
        .testing(Testing::new().declined(&[10_000]).account_shown(&[10_001])),
    Payout
}

#[test]
fn amounts_of_tests_are_distinguished_from_others() {
    assert_conforms(ListedAmounts);
}

const BANK: Field = Field::new("account.bank_id", Format::Digits, "116");
const BRANCH: Field = Field::new("account.branch", Format::Digits, "7");

method! { Conditional:
    outside("conditional", &["Conditional"])
        .currencies(&[Currency::EUR, Currency::KES])
        .flow::<Sale>(Rule::new().on(GATE))
        .flow::<Payout>(Rule::new().on(GATE).needs(&[Field::ACCOUNT_NUMBER]).needs_when(&[
            Need::new(Condition::Currency(&[Currency::KES]), &[BANK]),
            Need::new(Condition::Given(BANK), &[BRANCH]),
        ])),
    Payout
}

#[test]
fn requests_have_what_their_currency_and_their_fields_demand() {
    assert_conforms(Conditional);
}

/// Takes no number that does not begin with `AC`, as the example of the field.
#[derive(Clone, Copy, Debug)]
struct Particular;

impl Supports<Payout> for Particular {}
impl PaymentMethod for Particular {
    const SPEC: Spec<Self> = outside("particular", &["Particular"])
        .currencies(&[Currency::EUR])
        .flow::<Payout>(Rule::new().on(GATE).needs(&[Field::ACCOUNT_NUMBER]));

    fn check(&self, request: &Draft<'_>) -> Result<(), Reason> {
        match request.get(Field::ACCOUNT_NUMBER) {
            Some(number) if !number.starts_with("AC") => Err(Reason::Invalid {
                path: Field::ACCOUNT_NUMBER.path().to_owned(),
                problem: "does not begin with AC".to_owned(),
            }),
            _ => Ok(()),
        }
    }
}

async fn failures_of(suite: &Conformance) -> Vec<String> {
    let mut failed = Vec::new();
    for case in suite.cases() {
        if let Err(failure) = case.run().await {
            failed.push(format!("{}: {failure}", case.name()));
        }
    }
    failed
}

#[tokio::test]
async fn a_method_is_tested_with_its_own_examples() {
    let bare = Conformance::of(Particular);
    let failed = failures_of(&bare).await;
    assert!(failed.iter().any(|text| text.contains("does not begin with AC")), "{failed:?}");
    let suite = bare.example(Field::ACCOUNT_NUMBER, "AC-7001").refuses(
        Operation::PAYOUT,
        Field::ACCOUNT_NUMBER,
        "93017949",
    );
    let names: Vec<String> = suite.cases().iter().map(|case| case.name().to_owned()).collect();
    let refused = "particular payout: account.number \"93017949\" is refused";
    assert!(names.iter().any(|name| name == refused), "{names:?}");
    assert_eq!(failures_of(&suite).await, [""; 0]);
}

#[tokio::test]
async fn a_value_that_is_taken_and_a_sample_of_another_meaning_fail() {
    let printed = r#"{"project_id": 1, "payment": {"id": "1", "type": "payout",
        "status": "success", "method": "Particular", "sum": {"amount": 1000, "currency": "EUR"}},
        "operation": {"id": 1, "type": "payout", "status": "success"}, "signature": "yTXw...=="}"#;
    let sample =
        |status| Sample::new(printed, Operation::PAYOUT, status, "10.00 EUR".parse().unwrap());
    let suite = Conformance::of(Particular)
        .example(Field::ACCOUNT_NUMBER, "AC-7001")
        .refuses(Operation::PAYOUT, Field::ACCOUNT_NUMBER, "AC-1")
        .sample("a success", sample(PaymentStatus::Success))
        .sample("a decline", sample(PaymentStatus::Decline));
    assert_eq!(
        failures_of(&suite).await,
        [
            "particular payout: account.number \"AC-1\" is refused: expected a refusal because of \
             `account.number`, found none",
            "particular sample: a decline: `payment.status` is success, expected decline",
        ]
    );
}

method! { PageWithoutCode:
    outside("no-code", &["No Code"])
        .currencies(&[Currency::EUR])
        .flow::<Sale>(Rule::new().on(PAGE))
}

#[tokio::test]
async fn a_flow_on_the_page_needs_a_code_of_the_page() {
    let registry = Registry::empty().with(PageWithoutCode).unwrap();
    assert_eq!(
        failures(&registry, "no-code").await,
        [
            "no-code Payment Page codes are there and belong to it alone: sale is on the Payment \
             Page, but there is no code to open the page with: add `page_codes` to the spec",
            "no-code page sale: opens with its first code: force_payment_method is None, the codes \
             are []",
        ]
    );
}

method! { CodeTwice:
    outside("code-twice", &["Code Twice"])
        .page_codes(&["twice", "twice"])
        .currencies(&[Currency::EUR])
        .flow::<Sale>(Rule::new().on(&[Interface::PaymentPage]))
}

#[tokio::test]
async fn a_code_of_the_page_is_given_once() {
    let registry = Registry::empty().with(CodeTwice).unwrap();
    assert_eq!(
        failures(&registry, "code-twice").await,
        ["code-twice Payment Page codes are there and belong to it alone: the Payment Page code \
          twice is given twice"]
    );
}

#[test]
#[should_panic(expected = "the code `jeton` belongs to a built-in method with another spec")]
fn a_method_with_the_code_of_another_is_not_tested_in_its_place() {
    method! { Usurper:
        outside("jeton", &["Usurper"])
            .currencies(&[Currency::EUR])
            .flow::<Sale>(Rule::new().on(GATE))
    }
    assert_conforms(Usurper);
}

#[test]
fn a_built_in_method_can_be_tested_by_itself() {
    assert_conforms(ecp_methods::WalletPartner);
}

method! { CountedInMajorUnits:
    outside("major-units", &["Major Units"])
        .currencies(&[Currency::EUR, Currency::HUF])
        .major_units(&[Currency::HUF])
        .page_codes(&["major-units"])
        .flow::<Sale>(Rule::new().currencies(&[Currency::HUF]).amount("1.50", "90.00").on(PAGE))
        .flow::<Payout>(Rule::new().on(GATE))
        .flow::<Refund>(Rule::new().partial().on(GATE)),
    Payout, Refund
}

#[test]
fn amounts_that_cannot_be_sent_are_refused_and_others_go_end_to_end() {
    assert_conforms(CountedInMajorUnits);
    let names = names(CountedInMajorUnits);
    for expected in [
        "major-units sale: 2.00 HUF is allowed",
        "major-units sale: 2.01 HUF is refused",
        "major-units payout: 0.01 EUR is allowed",
        "major-units page sale: 90.00 HUF is allowed",
        "major-units refund: goes end to end to a success",
    ] {
        assert!(names.iter().any(|name| name == expected), "no case: {expected}");
    }
    assert!(!names.iter().any(|name| name.starts_with("major-units sale: 0.01 EUR")));
}

method! { Scanned:
    outside("scanned", &["Scanned"])
        .currencies(&[Currency::EUR])
        .flow::<Sale>(Rule::new().on(GATE))
        .testing(
            Testing::new()
                .step(TestStep::Display(&[
                    TestItem::new("add_info", "receiver", RedirectValue::Text("1122334455")),
                    TestItem::new("qr_data", "QR code", RedirectValue::Page),
                ]))
                .questions(&[
                    TestQuestion::text("customer", "phone"),
                    TestQuestion::flag("customer", "psu_consent"),
                ]),
        )
}

method! { ShownAnAccount:
    outside("shown-account", &["Shown Account"])
        .currencies(&[Currency::EUR])
        .flow::<Sale>(Rule::new().on(GATE).needs(&[Field::CUSTOMER_PHONE]))
        .testing(
            Testing::new()
                .step(TestStep::Display(&[TestItem::new(
                    "add_info",
                    "receiver",
                    RedirectValue::Text("1122334455"),
                )]))
                .questions(&[TestQuestion::text("customer", "phone")]),
        )
}

method! { Pushed:
    outside("pushed", &["Pushed"])
        .currencies(&[Currency::EUR])
        .flow::<Sale>(Rule::new().on(GATE))
        .testing(Testing::new().step(TestStep::Push))
}

#[test]
fn each_step_of_a_customer_goes_end_to_end() {
    assert_conforms(Scanned);
    // The request answers the question, so that it is not asked.
    assert_conforms(ShownAnAccount);
    assert_conforms(Pushed);
}
