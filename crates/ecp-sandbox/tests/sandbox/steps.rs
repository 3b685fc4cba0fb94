//! Steps of the customer that are no redirect, and what the platform asks for before them.

use std::time::Duration;

use ecp_core::Currency;
use ecp_methods::spec::{
    Interface, RedirectValue, TestItem, TestQuestion, TestRedirect, TestStep, Testing,
};
use ecp_methods::{PaymentMethod, Registry, Rule, Sale, Spec, Supports};
use ecp_sandbox::{Config, Decision};
use http::StatusCode;
use serde_json::{Value, json};

use crate::support::{Answer, World, set};

/// Paid by a QR code.
#[derive(Debug)]
struct Scanned;

impl Supports<Sale> for Scanned {}
impl PaymentMethod for Scanned {
    const SPEC: Spec<Self> = Spec::new("scanned", "Scanned")
        .gate_path("qr/scanned")
        .currencies(&[Currency::EUR])
        .flow::<Sale>(Rule::new().on(&[Interface::Gate]))
        .testing(Testing::new().step(TestStep::Display(&[
            TestItem::new("qr_data", "QR code", RedirectValue::Page),
            TestItem::new("add_info", "amount", RedirectValue::Amount),
            TestItem::new("add_info", "receiver_account", RedirectValue::Text("11<22>&33")),
            TestItem::new("add_info", "reference", RedirectValue::Operation),
        ])));
}

/// Confirmed on the phone, whose number is asked for.
#[derive(Debug)]
struct Phoned;

impl Supports<Sale> for Phoned {}
impl PaymentMethod for Phoned {
    const SPEC: Spec<Self> = Spec::new("phoned", "Phoned")
        .gate_path("wallet/phoned")
        .currencies(&[Currency::EUR])
        .flow::<Sale>(Rule::new().on(&[Interface::Gate]).cut_off_time(Duration::from_hours(1)))
        .testing(
            Testing::new()
                .step(TestStep::Push)
                .questions(&[TestQuestion::text("account", "number")]),
        );
}

/// Asks for a consent before it redirects.
#[derive(Debug)]
struct Consented;

const CONSENT: &str = "I allow the bank to be asked.";

impl Supports<Sale> for Consented {}
impl PaymentMethod for Consented {
    const SPEC: Spec<Self> = Spec::new("consented", "Consented")
        .gate_path("banks/consented")
        .currencies(&[Currency::EUR])
        .flow::<Sale>(Rule::new().on(&[Interface::Gate]))
        .testing(Testing::new().redirect(TestRedirect::PostFields).questions(&[
            TestQuestion::text("customer", "psu_consent_text").default(CONSENT),
            TestQuestion::flag("customer", "psu_consent"),
            TestQuestion::text("customer", "first_name"),
        ]));
}

const SCANNED: &str = "/v2/payment/qr/scanned/sale";
const PHONED: &str = "/v2/payment/wallet/phoned/sale";
const CONSENTED: &str = "/v2/payment/banks/consented/sale";

async fn world() -> World {
    world_with(|config| config).await
}

async fn world_with(adjust: impl FnOnce(Config) -> Config) -> World {
    let registry = Registry::empty().with(Scanned).unwrap();
    let registry = registry.with(Phoned).unwrap().with(Consented).unwrap();
    World::with(|config| adjust(config.registry(registry))).await
}

async fn clarify(world: &World, payment_id: &str, data: Value) -> Answer {
    let general = json!({"project_id": Config::DEMO_PROJECT, "payment_id": payment_id});
    let request = json!({"general": general, "additional_data": data});
    world.send("/v2/payment/clarification", request).await
}

/// The text of the QR code in a page: its picture is drawn on a grid, and read by a reader that
/// knows nothing of the writer.
fn scan(page: &str) -> String {
    let svg = &page[page.find("<svg").unwrap()..page.find("</svg>").unwrap()];
    let size: usize = attribute(svg, "width=\"").parse().unwrap();
    // Rectangles in the writer's only path: `M8 8h56V16H8V8`.
    let path = svg.split("d=\"").nth(1).unwrap().split('"').next().unwrap();
    let mut grid = vec![255_u8; size * size];
    for part in path.split('M').filter(|part| !part.is_empty()) {
        let numbers: Vec<usize> = part
            .split(|c: char| !c.is_ascii_digit())
            .filter(|number| !number.is_empty())
            .map(|number| number.parse().unwrap())
            .collect();
        let [x, y, width, bottom, ..] = numbers[..] else { panic!("{part}") };
        let height = if part.contains('v') { bottom } else { bottom - y };
        for row in y..y + height {
            grid[row * size + x..row * size + x + width].fill(0);
        }
    }
    let mut image =
        rqrr::PreparedImage::prepare_from_greyscale(size, size, |x, y| grid[y * size + x]);
    let codes = image.detect_grids();
    assert_eq!(codes.len(), 1);
    codes[0].decode().unwrap().1
}

fn attribute<'t>(text: &'t str, name: &str) -> &'t str {
    text.split(name).nth(1).unwrap().split('"').next().unwrap()
}

#[tokio::test]
async fn a_qr_code_is_displayed_and_leads_a_phone_to_the_page() {
    let mut world = world().await;
    let answer = world.send(SCANNED, world.sale("X1", 10_000, "EUR")).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let callback = world.shop.next().await.verified();
    assert_eq!(callback["payment"]["status"], "awaiting customer");
    assert_eq!(callback["operation"]["status"], "awaiting customer");
    assert_eq!(callback.get("redirect_data"), None);
    let page = callback["display_data"][0]["data"].as_str().unwrap();
    assert!(page.starts_with("http://sandbox.test/provider/"), "{page}");
    let reference = callback["operation"]["id"].to_string();
    let shown = json!([
        {"type": "qr_data", "title": "QR code", "data": page},
        {"type": "add_info", "title": "amount", "data": "100.00"},
        {"type": "add_info", "title": "receiver_account", "data": "11<22>&33"},
        {"type": "add_info", "title": "reference", "data": reference},
    ]);
    assert_eq!(callback["display_data"], shown);
    assert_eq!(world.status("X1").await.verified()["display_data"], shown);

    let opened = world.open(page).await.text;
    assert_eq!(scan(&opened), page);
    assert!(opened.contains("<dd>11&#60;22&#62;&#38;33</dd>"), "{opened}");
    world.press(page, "success").await;
    let last = world.shop.next().await.verified();
    assert_eq!(last["payment"]["status"], "success");
    assert_eq!(last.get("display_data"), None);
    assert_eq!(world.status("X1").await.verified().get("display_data"), None);
    assert!(!world.open(page).await.text.contains("<svg"));
}

#[tokio::test]
async fn a_push_to_a_phone_has_nothing_to_show_and_its_number_can_be_given_at_once() {
    let mut world = world().await;
    let mut sale = world.sale("X1", 10_000, "EUR");
    set(&mut sale, "account.number", "371200000".into());
    world.send(PHONED, sale).await;
    let callback = world.shop.next().await.verified();
    assert_eq!(callback["payment"]["status"], "awaiting customer");
    for member in ["redirect_data", "display_data", "clarification_fields"] {
        assert_eq!(callback.get(member), None, "{member}");
    }
    let payment = world.sandbox.payments(&ecp_sandbox::Filter::default(), ecp_sandbox::Paging::ALL);
    let page = payment.items[0].page_url.clone().unwrap();
    assert!(world.open(&page).await.text.contains("sent to your phone"));
    world.press(&page, "decline").await;
    assert_eq!(world.shop.next().await.verified()["payment"]["status"], "decline");
}

#[tokio::test]
async fn a_clarification_is_asked_for_until_it_is_complete_and_then_the_customer_is_redirected() {
    let mut world = world().await;
    let registered = world.send(CONSENTED, world.sale("X1", 10_000, "EUR")).await;
    let asked = world.shop.next().await.verified();
    assert_eq!(asked["payment"]["status"], "awaiting clarification");
    assert_eq!(asked["operation"]["status"], "awaiting clarification");
    let fields = json!({"customer": {
        "type": "object",
        "properties": {
            "psu_consent_text": {"type": "string", "default": CONSENT},
            "psu_consent": {"type": "boolean"},
            "first_name": {"type": "string"},
        },
        "required": ["psu_consent_text", "psu_consent", "first_name"],
    }});
    assert_eq!(asked["clarification_fields"], fields);
    assert_eq!(world.status("X1").await.verified()["clarification_fields"], fields);

    // A part, one of it of another type.
    let part = json!({"customer": {"psu_consent_text": CONSENT, "psu_consent": "yes"}});
    let answer = clarify(&world, "X1", part).await;
    assert_eq!((answer.status, &answer.json()["status"]), (StatusCode::OK, &json!("success")));
    assert_ne!(answer.json()["request_id"], registered.json()["request_id"]);
    let again = world.shop.next().await.verified();
    assert_eq!(again["payment"]["status"], "awaiting clarification");
    let customer = &again["clarification_fields"]["customer"];
    assert_eq!(customer["required"], json!(["psu_consent", "first_name"]));
    let error = json!([{
        "property": "psu_consent", "message": "boolean value is required", "constraint": "type",
    }]);
    assert_eq!(customer["errors"], error);

    // Nothing at all, as PHP writes it: asked again, and nothing is wrong with what is not there.
    assert_eq!(clarify(&world, "X1", json!([])).await.status, StatusCode::OK);
    let again = world.shop.next().await.verified();
    assert_eq!(again["clarification_fields"]["customer"].get("errors"), None);

    let rest = json!({"customer": {"psu_consent": true, "first_name": "Anna"}});
    clarify(&world, "X1", rest).await;
    let callback = world.shop.next().await.verified();
    assert_eq!(callback["payment"]["status"], "awaiting redirect result");
    assert_eq!(callback.get("clarification_fields"), None);
    assert_eq!(callback["redirect_data"]["method"], "POST");
    let page = callback["redirect_data"]["url"].as_str().unwrap();
    world.press(page, "success").await;
    assert_eq!(world.shop.next().await.verified()["payment"]["status"], "success");
}

#[tokio::test]
async fn an_answer_that_nobody_asked_for_is_refused() {
    let mut world = world().await;
    let phone = || json!({"account": {"number": "371200000"}});
    world.send(SCANNED, world.sale("X1", 10_000, "EUR")).await;
    world.shop.next().await;
    world.send(PHONED, world.sale("X2", 10_000, "EUR")).await;
    world.shop.next().await;
    for (id, data, code, field) in [
        ("X1", phone(), "3060", "general.payment_id"),
        ("X3", phone(), "3061", "general.payment_id"),
        ("X2", Value::Null, "2004", "additional_data"),
        ("X2", json!("x"), "702", "additional_data"),
        ("X2", json!([1]), "702", "additional_data"),
    ] {
        let refused = clarify(&world, id, data).await;
        let refused = refused.json();
        assert_eq!((&refused["status"], &refused["code"]), (&json!("error"), &json!(code)), "{id}");
        assert_eq!(refused["errors"][0]["field"], field);
    }
    let taken = clarify(&world, "X2", phone()).await.json();
    assert_eq!(world.shop.next().await.verified()["payment"]["status"], "awaiting customer");
    assert_eq!(clarify(&world, "X2", phone()).await.json()["code"], "3060");

    let request = json!({"project_id": Config::DEMO_PROJECT, "request_id": taken["request_id"]});
    let status = world.send("/v2/payment/status/request", request).await.json();
    assert_eq!(status["payment_id"], "X2");
}

#[tokio::test]
async fn each_answer_begins_its_half_hour_anew_and_the_cut_off_goes_on() {
    let minutes = Duration::from_mins;
    let world = world_with(|config| {
        let config = config.virtual_time("2019-04-15T16:31:13+0000".parse().unwrap());
        config.merchant(|_| async { http::Response::new(bytes::Bytes::new()) })
    })
    .await;
    let status = async |id: &str| {
        world.sandbox.settled().await;
        let status = world.status(id).await.verified();
        status["payment"]["status"].as_str().unwrap().to_owned()
    };
    for id in ["never", "late", "held-off", "answered"] {
        world.send(PHONED, world.sale(id, 10_000, "EUR")).await;
    }
    assert_eq!(status("never").await, "awaiting clarification");
    assert!(world.sandbox.advance(minutes(29)).await);
    for id in ["late", "held-off"] {
        clarify(&world, id, json!({})).await;
    }
    clarify(&world, "answered", json!({"account": {"number": "371200000"}})).await;
    world.sandbox.settled().await;
    assert!(world.sandbox.advance(minutes(2)).await);
    assert_eq!(status("never").await, "decline");
    assert_eq!(status("late").await, "awaiting clarification");
    assert_eq!(status("answered").await, "awaiting customer");
    // 58 minutes after the sale, 29 after the last answer.
    assert!(world.sandbox.advance(minutes(27)).await);
    clarify(&world, "held-off", json!({})).await;
    assert!(world.sandbox.advance(minutes(1) + Duration::from_secs(30)).await);
    assert_eq!(status("late").await, "decline");
    assert_eq!(status("held-off").await, "awaiting clarification");
    // The hour of the cut-off.
    assert!(world.sandbox.advance(minutes(1)).await);
    for id in ["held-off", "answered"] {
        assert_eq!(status(id).await, "decline", "{id}");
    }
}

#[tokio::test]
async fn the_page_of_a_sale_that_waits_for_its_merchant_has_no_buttons() {
    let mut world = world().await;
    world.send(CONSENTED, world.sale("X1", 10_000, "EUR")).await;
    world.shop.next().await;
    let (project, id) = (Config::DEMO_PROJECT, "X1".parse().unwrap());
    assert!(!world.sandbox.choose(project, &id, Decision::Success, None));
    let payment = world.sandbox.payment(project, &id).unwrap();
    assert_eq!((payment.awaits_customer, payment.page_url), (false, None));
}
