use ecp_core::Money;
use ecp_core::model::{FromJson, RedirectData};
use ecp_methods::spec::{RedirectField, TestRedirect, TestStep};
use ecp_methods::{MethodSpec, Operation};
use ecp_sandbox::EventKind;
use http::{StatusCode, header};
use serde_json::{Value, json};

use crate::declared::{self, on_gate, path, plain_amount, request};
use crate::support::{World, form_encoded};

/// The redirect of a sale.
struct Redirect {
    world: World,
    form: TestRedirect,
    fields: &'static [RedirectField],
    amount: Money,
    data: Value,
}

/// The redirect of a sale of every method whose customers are redirected.
async fn redirects() -> Vec<Redirect> {
    let mut found = Vec::new();
    let is_redirected = |spec: &&MethodSpec| spec.testing().sale_step() == TestStep::Redirect;
    for spec in on_gate(Operation::SALE).into_iter().filter(is_redirected) {
        let currency = spec.currencies()[0];
        let Some(amount) = plain_amount(spec, &[Operation::SALE], currency) else { continue };
        let mut world = declared::world().await;
        let sale = request(&world, spec, Operation::SALE, Some(amount));
        assert_eq!(world.send(&path(spec, Operation::SALE), sale).await.status, StatusCode::OK);
        let data = world.shop.next().await.verified()["redirect_data"].clone();
        let testing = spec.testing();
        let (form, fields) = (testing.redirect_form(), testing.redirect_form_fields());
        found.push(Redirect { world, form, fields, amount, data });
    }
    found
}

#[tokio::test]
async fn customers_are_sent_on_in_the_form_that_the_spec_names() {
    let mut forms = Vec::new();
    for Redirect { form, fields, amount, data, .. } in redirects().await {
        let (method, body) = (&data["method"], &data["body"]);
        match form {
            TestRedirect::Get => assert_eq!((method, body), (&json!("GET"), &json!([]))),
            TestRedirect::PostEmpty => assert_eq!((method, body), (&json!("POST"), &json!({}))),
            TestRedirect::PostFields => {
                assert_eq!(method, "POST");
                assert_eq!(body["Currency"], amount.currency().code());
                if fields.is_empty() {
                    assert!(body["TransactionId"].is_u64(), "{body}");
                    assert_eq!(body["Amount"], amount.decimal());
                } else {
                    let names: Vec<&String> = body.as_object().unwrap().keys().collect();
                    assert_eq!(names, fields.iter().map(RedirectField::name).collect::<Vec<_>>());
                }
            }
            other => panic!("{other:?}"),
        }
        forms.push(form);
    }
    for form in [TestRedirect::Get, TestRedirect::PostEmpty, TestRedirect::PostFields] {
        assert!(forms.contains(&form), "no method has {form:?}");
    }
}

#[tokio::test]
async fn customers_arrive_by_get_and_by_the_form_they_were_given() {
    for Redirect { world, form, data, .. } in redirects().await {
        let redirect = RedirectData::from_slice(data.to_string().as_bytes()).unwrap();
        let url = redirect.url.expose();
        let fields = redirect.body.fields().unwrap();
        let fields: Vec<(&str, &str)> =
            fields.iter().map(|(name, value)| (name.as_ref(), value.expose().as_ref())).collect();
        let shown = world.submit(url, &form_encoded(&fields)).await;
        assert_eq!(shown.status, StatusCode::OK, "{form:?}");
        assert!(shown.text.contains("value=\"success\""), "{}", shown.text);
        assert_eq!(shown.text, world.open(url).await.text, "{form:?}");
        let arrivals = world.sandbox.events().into_iter();
        let arrivals = arrivals.filter(|event| matches!(event.kind, EventKind::CustomerArrived));
        assert_eq!(arrivals.count(), 2);
    }
}

#[tokio::test]
async fn fields_that_get_lost_on_the_way_are_named_on_the_page() {
    for Redirect { world, form, data, .. } in redirects().await {
        let url = data["url"].as_str().unwrap();
        let given: Vec<&String> =
            data["body"].as_object().map(|body| body.keys().collect()).unwrap_or_default();
        let lost = given.iter().copied().filter(|name| *name != "Currency");
        let lost = lost.map(String::as_str).collect::<Vec<_>>().join(", ");
        let lost = format!("The merchant’s form did not send on as they were given: {lost}.");
        let currency = data["body"]["Currency"].as_str().unwrap_or_default();
        let changed: Vec<String> = given.iter().map(|name| format!("{name}=-1")).collect();
        let changed = changed.join("&").replace("Currency=-1", &format!("Currency={currency}"));
        for fields in [changed, format!("Currency={currency}")] {
            let shown = world.submit(url, &fields).await;
            assert_eq!(shown.status, StatusCode::OK);
            assert_eq!(shown.text.contains(&lost), form == TestRedirect::PostFields, "{form:?}");
        }
    }
}

#[tokio::test]
async fn a_form_from_the_merchant_decides_nothing() {
    for Redirect { mut world, data, .. } in redirects().await {
        let url = data["url"].as_str().unwrap();
        let shown = world.submit(url, "decision=success").await;
        assert_eq!(shown.status, StatusCode::OK);
        let status = world.status("X1").await.verified();
        assert_eq!(status["payment"]["status"], "awaiting redirect result");
        assert_eq!(world.shop.others(), []);
    }
    let world = World::new().await;
    for path in ["/provider/none", "/provider/none/decision"] {
        assert_eq!(world.submit(path, "decision=success").await.status, StatusCode::NOT_FOUND);
        assert_eq!(world.open(path).await.status, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn customers_come_back_to_applications_and_to_hosts_in_any_letters() {
    for (given, location, origin) in [
        ("shop://paid?order=1", "shop://paid?order=1", "shop:"),
        (
            "https://магазин.рф/спасибо",
            "https://xn--80aairftm.xn--p1ai/%D1%81%D0%BF%D0%B0%D1%81%D0%B8%D0%B1%D0%BE",
            "https://xn--80aairftm.xn--p1ai",
        ),
    ] {
        let mut world = World::new().await;
        let mut sale = world.sale("X1", 10_000, "EUR");
        sale["return_url"]["success"] = given.into();
        let page = world.sale_up_to_redirect(sale).await;
        let policy = world.open(&page).await;
        let policy = policy.header(header::CONTENT_SECURITY_POLICY);
        assert!(
            policy.contains(&format!(" {origin};")) || policy.contains(&format!(" {origin} ")),
            "{policy}"
        );
        let returned = world.press(&page, "success").await;
        assert_eq!(returned.header(header::LOCATION), location);
    }
}
