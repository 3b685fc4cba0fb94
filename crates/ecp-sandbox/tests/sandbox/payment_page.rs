use ecp_core::Sensitive;
use ecp_sandbox::{Config, EventKind, signature};
use http::{Request, StatusCode, header};
use serde_json::{Map, Value, json};

use crate::support::{Answer, World, form_encoded, unversioned};

const CODE: &str = "jetonWalletV3";

pub(crate) type Parameters = Vec<(&'static str, String)>;

pub(crate) fn parameters(more: &[(&'static str, &str)]) -> Parameters {
    let mut all: Parameters = vec![
        ("project_id", Config::DEMO_PROJECT.to_string()),
        ("payment_id", "P1".to_owned()),
        ("payment_amount", "10000".to_owned()),
        ("payment_currency", "EUR".to_owned()),
        ("customer_id", "c1".to_owned()),
    ];
    for (name, value) in more {
        all.retain(|(given, _)| given != name);
        all.push((name, (*value).to_owned()));
    }
    all
}

/// The query of a signed opening.
pub(crate) fn signed(parameters: &Parameters) -> String {
    let members = parameters.iter().map(|(name, value)| (*name, value.as_str().into()));
    let members: Map<String, Value> =
        members.map(|(name, value): (&str, Value)| (name.to_owned(), value)).collect();
    let key = Sensitive::new(Config::DEMO_KEY.to_owned());
    let signature = signature::sign(&key, &Value::Object(members));
    let mut pairs: Vec<(&str, &str)> =
        parameters.iter().map(|(name, value)| (*name, value.as_str())).collect();
    pairs.push(("signature", &signature));
    form_encoded(&pairs)
}

pub(crate) async fn open(world: &World, more: &[(&'static str, &str)]) -> Answer {
    world.open(&format!("/payment?{}", signed(&parameters(more)))).await
}

/// The session's path, from the form on its page.
pub(crate) fn session(page: &Answer) -> String {
    let (_, rest) = page.text.split_once("action=\"").expect("the page has a form");
    rest.split_once("/pay\"").unwrap().0.to_owned()
}

#[tokio::test]
async fn only_the_problem_is_shown() {
    let world = World::new().await;
    let table: [(&[(&str, &str)], &str); 7] = [
        (&[("project_id", "7")], "no such project"),
        (&[("payment_currency", "")], "payment_currency"),
        (&[("payment_currency", "XXY")], "no such currency"),
        (&[("force_payment_method", "none")], "no method with the code none"),
        (&[("force_payment_method", CODE), ("payment_currency", "MYR")], "does not take"),
        (&[("force_payment_method", CODE), ("payment_amount", "1")], "outside of the method"),
        (&[("payment_currency", "CHF")], "No method takes"),
    ];
    for (more, expected) in table {
        let page = open(&world, more).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST);
        assert!(page.text.contains(expected) && !page.text.contains("<form"), "{}", page.text);
    }
    let unsigned = form_encoded(&[("project_id", "1"), ("payment_id", "P1"), ("signature", "x")]);
    let page = world.open(&format!("/payment?{unsigned}")).await;
    assert!(page.text.contains("<li><code>payment_id:P1</code></li>"), "{}", page.text);
    let opened = world.sandbox.events().into_iter().filter_map(|event| match event.kind {
        EventKind::PageOpened { accepted, .. } => Some(accepted),
        _ => None,
    });
    assert_eq!(opened.collect::<Vec<_>>(), [false; 8]);
}

#[tokio::test]
async fn the_methods_that_fit_are_listed() {
    let world = World::new().await;
    let page = open(&world, &[("payment_description", "Two tickets")]).await;
    assert_eq!(page.status, StatusCode::OK);
    assert_eq!(
        page.header(header::CONTENT_SECURITY_POLICY),
        "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; \
         connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    );
    let text = unversioned(&page.text).replace(&session(&page), "/payment/SESSION");
    insta::assert_snapshot!("payment_page", text);

    let hidden = open(&world, &[("hide", &format!("other, {CODE}"))]).await;
    assert!(!hidden.text.contains("Jeton Wallet"), "{}", hidden.text);
    let russian = open(&world, &[("language_code", "RU")]).await;
    assert!(russian.text.contains("lang=\"ru\"") && russian.text.contains("Сумма"));
}

#[tokio::test]
async fn a_customer_pays_and_is_sent_back() {
    let mut world = World::new().await;
    let more = [
        ("force_payment_method", CODE),
        ("redirect_success_url", "https://shop.test/paid"),
        ("merchant_callback_url", &world.shop.url.clone()),
    ];
    let query = signed(&parameters(&more));
    let page = world.open(&format!("/payment?{query}")).await;
    let session = session(&page);
    let begun = world.submit(&format!("{session}/pay"), "method=jeton").await;
    assert_eq!(begun.header(header::LOCATION), format!("{session}?go=1"));
    let onward = world.open(&format!("{session}?go=1")).await;
    let (_, rest) = onward.text.split_once("href=\"http://sandbox.test/provider/").unwrap();
    let provider = format!("/provider/{}", rest.split_once('"').unwrap().0);

    // Whoever opens the same parameters again, or presses twice, is where the payment is.
    let again = world.open(&format!("/payment?{query}")).await;
    assert_eq!(again.header(header::LOCATION), session);
    let twice = world.submit(&format!("{session}/pay"), "method=jeton").await;
    assert_eq!(twice.header(header::LOCATION), session);
    assert_eq!(world.open(&format!("{session}/state")).await.text, "customer");

    let back = world.press(&provider, "success").await;
    assert_eq!(back.header(header::LOCATION), format!("http://sandbox.test{session}"));
    assert_eq!(world.open(&format!("{session}/state")).await.text, "ended");
    let result = world.open(&session).await.text;
    assert!(result.contains("data-redirect=\"https://shop.test/paid\""), "{result}");
    assert!(result.contains("<noscript><meta http-equiv=\"refresh\""), "{result}");
    let callback = world.shop.next().await.verified();
    assert_eq!(callback["payment"]["status"], "success");
    assert_eq!(callback["payment"]["id"], "P1");

    // Another order with the same id is another payment.
    let other = open(&world, &[("payment_amount", "20000")]).await;
    assert_eq!(other.status, StatusCode::BAD_REQUEST);
    assert!(other.text.contains("A different payment already has this id"), "{}", other.text);
}

#[tokio::test]
async fn a_payment_of_gate_is_not_taken_over_by_the_page() {
    let world = World::new().await;
    let mut sale = world.sale("P1", 10_000, "EUR");
    sale["general"]["merchant_callback_url"] = Value::Null;
    assert_eq!(world.send(crate::support::SALE, sale).await.status, StatusCode::OK);
    let page = open(&world, &[]).await;
    assert!(page.text.contains("A different payment already has this id"), "{}", page.text);
}

#[tokio::test]
async fn a_method_asks_the_customer_for_what_the_merchant_did_not_give() {
    let world = World::new().await;
    let more = [("payment_currency", "INR"), ("customer_first_name", "Mary")];
    let page = open(&world, &more).await;
    let pay = format!("{}/pay", session(&page));
    let asked = world.submit(&pay, "method=wallet-partner").await;
    assert_eq!(asked.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(asked.text.contains("customer_email") && !asked.text.contains("customer_first_name"));
    let wrong = "method=wallet-partner&customer_email=&customer_phone=1&customer_last_name=S";
    let asked = world.submit(&pay, wrong).await;
    assert!(asked.text.contains("aria-invalid"), "{}", asked.text);
    let right =
        "method=wallet-partner&customer_email=a%40b&customer_phone=12345&customer_last_name=S";
    let begun = world.submit(&pay, right).await;
    assert_eq!(begun.status, StatusCode::SEE_OTHER, "{}", begun.text);
    let onward = world.open(&format!("{}?go=1", pay.trim_end_matches("/pay"))).await.text;
    assert!(onward.contains("method=\"post\"") && onward.contains("data-go"), "{onward}");
}

#[tokio::test]
async fn only_frames_that_ask_for_it_may_show_the_page() {
    let world = World::new().await;
    let query = signed(&parameters(&[("force_payment_method", CODE)]));
    let page = world.open(&format!("/payment?{query}&frame_mode=popup")).await;
    assert!(page.header(header::CONTENT_SECURITY_POLICY).ends_with("frame-ancestors http: https:"));
    let session = session(&page);
    world.submit(&format!("{session}/pay"), "method=jeton").await;
    let onward = world.open(&session).await.text;
    let (_, rest) = onward.split_once("href=\"http://sandbox.test/provider/").unwrap();
    let provider = world.open(&format!("/provider/{}", rest.split_once('"').unwrap().0)).await;
    let policy = provider.header(header::CONTENT_SECURITY_POLICY);
    assert!(policy.ends_with("frame-ancestors http: https:"), "{policy}");
}

#[tokio::test]
async fn the_widget_is_served_under_the_platforms_names() {
    let world = World::new().await;
    for (path, media_type) in [
        ("/shared/merchant.js", "text/javascript; charset=utf-8"),
        ("/shared/merchant.css", "text/css; charset=utf-8"),
    ] {
        let asset = world.open(path).await;
        assert_eq!(asset.status, StatusCode::OK);
        assert_eq!(asset.header(header::CONTENT_TYPE), media_type);
    }
    for path in ["/shared/other.js", "/assets/sandbox.css", "/payment/none", "/payment/none/state"]
    {
        assert_eq!(world.open(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    // The widget may send a form instead.
    let form = signed(&parameters(&[]));
    assert_eq!(world.submit("/payment", &form).await.status, StatusCode::OK);
    let json = Request::post("/payment").body(json!({}).to_string().into()).unwrap();
    assert_eq!(world.call(json).await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
}
