//! A method's own check is enforced on every interface, as its spec is.

use ecp_core::{Currency, Money};
use ecp_methods::request::{Draft, Field};
use ecp_methods::spec::{Interface, Limit};
use ecp_methods::{PaymentMethod, Payout, Reason, Refund, Registry, Rule, Sale, Spec, Supports};
use ecp_sandbox::{Filter, Paging};
use http::{StatusCode, header};
use serde_json::{Value, json};

use crate::local::Local;
use crate::payment_page::{parameters, session, signed};
use crate::support::{Answer, World, form_encoded};

/// Refuses what its customers and the descriptions of payments ask it to.
#[derive(Debug)]
struct Picky;

const EVERYWHERE: &[Interface] = &[Interface::Gate, Interface::PaymentPage, Interface::Dashboard];

impl Supports<Sale> for Picky {}
impl Supports<Payout> for Picky {}
impl Supports<Refund> for Picky {}
impl PaymentMethod for Picky {
    const SPEC: Spec<Self> = Spec::new("picky", "Picky")
        .gate_path("wallet/picky")
        .page_codes(&["picky"])
        .callback_names(&["Picky"])
        .currencies(&[Currency::EUR])
        .flow::<Sale>(
            Rule::new().amount("1.00", "500.00").on(EVERYWHERE).needs(&[Field::CUSTOMER_PHONE]),
        )
        .flow::<Payout>(
            Rule::new()
                .limited(&[Limit::in_country("NG", Currency::EUR).to("50.00")])
                .on(EVERYWHERE)
                .needs(&[Field::ACCOUNT_NUMBER]),
        )
        .flow::<Refund>(Rule::new().partial().on(&[Interface::Gate]));

    fn check(&self, request: &Draft<'_>) -> Result<(), Reason> {
        let amount = || Money::from_minor(1000, Currency::EUR);
        let invalid = |field: Field, problem: &str| {
            Err(Reason::Invalid { path: field.path().to_owned(), problem: problem.to_owned() })
        };
        if request.get(Field::ACCOUNT_NUMBER).is_some_and(|number| number.len() < 6) {
            return invalid(Field::ACCOUNT_NUMBER, "is shorter than Picky's numbers");
        }
        if request.get(Field::CUSTOMER_PHONE).is_some_and(|phone| !phone.starts_with("371")) {
            return invalid(Field::CUSTOMER_PHONE, "is not in Latvia");
        }
        // Nothing that a spec knows.
        if request.value("loyalty.card").is_some_and(|card| card != "17") {
            let (path, problem) = ("loyalty.card".to_owned(), "is not Picky's".to_owned());
            return Err(Reason::Invalid { path, problem });
        }
        if request.is_partial() {
            return Err(Reason::PartialRefundUnsupported);
        }
        match request.get(Field::DESCRIPTION) {
            Some("interface") => Err(Reason::InterfaceUnsupported(request.interface())),
            Some("missing") => Err(Reason::Missing(vec![Field::CUSTOMER_CITY])),
            Some("currency") => Err(Reason::CurrencyUnsupported(Currency::EUR, &[])),
            Some("below") => Err(Reason::AmountBelow { amount: amount(), least: amount() }),
            _ => Ok(()),
        }
    }
}

fn registry() -> Registry {
    Registry::empty().with(Picky).unwrap()
}

fn local() -> Local {
    Local::with(|config| config.registry(registry()))
}

async fn world() -> World {
    World::with(|config| config.registry(registry())).await
}

const SALE: &str = "/v2/payment/wallet/picky/sale";
const PAYOUT: &str = "/v2/payment/wallet/picky/payout";

fn sale(id: &str, description: &str) -> Value {
    let mut sale = Local::document(id, 10_000);
    sale["customer"]["phone"] = "37120000000".into();
    sale["payment"]["description"] = description.into();
    sale
}

#[tokio::test]
async fn a_limit_of_a_country_is_for_its_customers() {
    let local = local();
    let table = [
        ("P1", Some("NG"), 5_001),
        ("P2", Some("LV"), 5_001),
        ("P3", None, 5_001),
        ("P4", Some("NG"), 5_000),
    ];
    for (id, country, minor) in table {
        let mut payout = Local::document(id, minor);
        payout["account"]["number"] = "123456".into();
        payout["customer"]["country"] = country.into();
        assert_eq!(local.send(PAYOUT, payout).await.0, StatusCode::OK);
    }
    assert_eq!(local.statuses(), ["decline", "success", "success", "success"]);
}

#[tokio::test]
async fn what_it_refuses_is_a_validation_error_with_the_field_and_the_problem() {
    let local = local();
    let mut payout = Local::document("P1", 10_000);
    payout["account"]["number"] = "12345".into();
    let (status, answer) = local.send(PAYOUT, payout.clone()).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!((&answer["status"], &answer["code"]), (&json!("error"), &json!("702")));
    assert_eq!(
        answer["errors"],
        json!([{
            "code": "702",
            "message": "Malformed request",
            "description": "is shorter than Picky's numbers",
            "field": "account.number",
        }])
    );
    assert!(local.statuses().is_empty());
    assert_eq!(local.sandbox.payments(&Filter::default(), Paging::ALL).items.len(), 0);

    // The id is free, because nothing was registered.
    payout["account"]["number"] = "123456".into();
    assert_eq!(local.send(PAYOUT, payout).await.0, StatusCode::OK);
    assert_eq!(local.statuses(), ["success"]);
}

#[tokio::test]
async fn each_reason_has_the_code_and_the_field_of_the_specs_refusals() {
    let table = [
        ("missing", "2004", Some("customer.city"), "`customer.city` is required"),
        ("currency", "3023", Some("payment.currency"), "`payment.currency`: EUR is not supported"),
        (
            "below",
            "702",
            Some("payment.amount"),
            "`payment.amount`: 10.00 EUR is below the minimum of 10.00 EUR",
        ),
        ("interface", "2541", None, "the method does not have this operation on Gate"),
    ];
    let local = local();
    for (description, code, field, problem) in table {
        let (status, answer) = local.send(SALE, sale("S1", description)).await;
        assert_eq!((status, &answer["code"]), (StatusCode::BAD_REQUEST, &json!(code)));
        let error = &answer["errors"][0];
        assert_eq!(error["field"].as_str(), field, "{description}");
        assert_eq!(error["description"], problem);
    }
    assert_eq!(local.send(SALE, sale("S1", "welcome")).await.0, StatusCode::OK);
}

#[tokio::test]
async fn it_sees_all_that_is_sent() {
    let local = local();
    let with_card = |card: Value| {
        let mut sale = sale("S1", "order");
        sale["loyalty"] = json!({"card": card, "since": null, "cards": []});
        sale
    };
    let (_, answer) = local.send(SALE, with_card(json!(18))).await;
    assert_eq!(answer["errors"][0]["field"], "loyalty.card", "{answer}");
    assert_eq!(answer["errors"][0]["description"], "is not Picky's");
    assert_eq!(local.send(SALE, with_card(json!(17))).await.0, StatusCode::OK);
}

/// What does not satisfy the spec is answered by the spec: with a decline where that is documented.
#[tokio::test]
async fn it_is_not_asked_about_what_does_not_satisfy_the_spec() {
    let local = local();
    let mut beyond = sale("S1", "below");
    beyond["payment"]["amount"] = 50_001.into();
    assert_eq!(local.send(SALE, beyond).await.0, StatusCode::OK);
    assert_eq!(local.statuses(), ["decline"]);
}

#[tokio::test]
async fn it_knows_a_refund_of_a_part_from_one_of_all() {
    let local = local();
    local.send(SALE, sale("S1", "order")).await;
    assert!(local.choose("S1", ecp_sandbox::Decision::Success));
    local.sandbox.settled().await;
    let refund = |amount: Option<i64>| {
        let mut refund = json!({
            "general": {"project_id": 1, "payment_id": "S1"},
            "payment": {"description": "returned", "merchant_refund_id": "R1"},
        });
        if let Some(amount) = amount {
            refund["payment"]["amount"] = amount.into();
            refund["payment"]["currency"] = "EUR".into();
        }
        refund
    };
    for path in ["/v2/payment/wallet/picky/refund", "/v2/payment/refund"] {
        let (_, answer) = local.send(path, refund(Some(9_999))).await;
        assert_eq!(answer["errors"][0]["field"], "payment.amount", "{path}");
    }
    assert_eq!(local.send("/v2/payment/refund", refund(Some(10_000))).await.0, StatusCode::OK);
    assert_eq!(local.status("S1"), "refunded");
}

/// Opens the Payment Page, and chooses the method there.
async fn chosen(world: &World, more: &[(&'static str, &str)], form: &str) -> Answer {
    let page = world.open(&format!("/payment?{}", signed(&parameters(more)))).await;
    world.submit(&format!("{}/pay", session(&page)), form).await
}

#[tokio::test]
async fn the_payment_page_shows_what_it_says_at_the_field() {
    let world = world().await;
    let refused = chosen(&world, &[], "method=picky&customer_phone=44120000").await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let problem = "702 Malformed request (customer.phone): is not in Latvia";
    assert!(refused.text.contains(problem), "{}", refused.text);
    assert!(refused.text.contains("aria-invalid=\"true\""), "{}", refused.text);
    let taken = chosen(&world, &[], "method=picky&customer_phone=37120000").await;
    assert_eq!(taken.status, StatusCode::SEE_OTHER, "{}", taken.text);

    let asked = [("payment_id", "P2"), ("payment_description", "interface")];
    let refused = chosen(&world, &asked, "method=picky&customer_phone=37120000").await;
    let problem = "this operation on Payment Page";
    assert!(refused.text.contains(problem), "{}", refused.text);
}

#[tokio::test]
async fn the_dashboard_says_what_it_says() {
    let world = world().await;
    let pay = |id: &str, number: &str| {
        let pairs = [
            ("project", "1"),
            ("method", "picky"),
            ("general.payment_id", id),
            ("amount", "10.00"),
            ("payment.currency", "EUR"),
            ("account.number", number),
        ];
        form_encoded(&pairs)
    };
    let refused = world.submit("/dashboard/payouts", &pay("P1", "12345")).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let problem = "702 Malformed request (account.number): is shorter than Picky";
    assert!(refused.text.contains(problem), "{}", refused.text);
    let paid = world.submit("/dashboard/payouts", &pay("P1", "123456")).await;
    assert!(paid.header(header::LOCATION).contains("done=payout"), "{}", paid.text);
}
