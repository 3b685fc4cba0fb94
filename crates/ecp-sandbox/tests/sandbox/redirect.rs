use ecp_core::model::{FromJson, RedirectData};
use ecp_methods::spec::TestRedirect;
use ecp_methods::{FlowKind, Registry};
use ecp_sandbox::EventKind;
use http::StatusCode;
use serde_json::{Value, json};

use crate::declared::{path, request};
use crate::support::World;

/// The redirect of a sale of 5.00 of every built-in method.
async fn redirects() -> Vec<(World, TestRedirect, Value)> {
    let mut found = Vec::new();
    for method in Registry::builtin().iter() {
        let spec = method.spec();
        let mut world = World::new().await;
        let sum = Some((500, spec.currencies()[0].code()));
        let sale = request(&world, spec, FlowKind::Sale, sum);
        assert_eq!(world.send(&path(spec, FlowKind::Sale), sale).await.status, StatusCode::OK);
        let callback = world.shop.next().await.verified();
        found.push((world, spec.testing().redirect_form(), callback["redirect_data"].clone()));
    }
    found
}

#[tokio::test]
async fn customers_are_sent_on_in_the_form_that_the_spec_names() {
    let mut forms = Vec::new();
    for (_, form, redirect) in redirects().await {
        let (method, body) = (&redirect["method"], &redirect["body"]);
        match form {
            TestRedirect::Get => assert_eq!((method, body), (&json!("GET"), &json!([]))),
            TestRedirect::PostEmpty => assert_eq!((method, body), (&json!("POST"), &json!({}))),
            TestRedirect::PostFields => {
                assert_eq!(method, "POST");
                assert!(body["TransactionId"].is_u64() && body["Currency"].is_string(), "{body}");
                assert_eq!(body["Amount"], "5.00");
            }
            other => panic!("{other:?}"),
        }
        forms.push(form);
    }
    for form in [TestRedirect::Get, TestRedirect::PostEmpty, TestRedirect::PostFields] {
        assert!(forms.contains(&form), "no built-in method has {form:?}");
    }
}

#[tokio::test]
async fn customers_arrive_by_get_and_by_the_form_they_were_given() {
    for (world, form, redirect) in redirects().await {
        let redirect = RedirectData::from_slice(redirect.to_string().as_bytes()).unwrap();
        let url = redirect.url.expose();
        let fields = redirect.body.fields().unwrap();
        let fields: Vec<String> =
            fields.iter().map(|(name, value)| format!("{name}={}", value.expose())).collect();
        let shown = world.submit(url, &fields.join("&")).await;
        assert_eq!(shown.status, StatusCode::OK, "{form:?}");
        assert!(shown.text.contains("value=\"success\""), "{}", shown.text);
        assert_eq!(shown.text, world.open(url).await.text, "{form:?}");
        let arrivals = world.sandbox.events().into_iter();
        let arrivals = arrivals.filter(|event| matches!(event.kind, EventKind::CustomerArrived));
        assert_eq!(arrivals.count(), 2);
    }
}

#[tokio::test]
async fn fields_that_get_lost_on_the_way_are_told_on_the_page() {
    for (world, form, redirect) in redirects().await {
        let url = redirect["url"].as_str().unwrap();
        let lost = "The merchant’s form did not send on as they were given: TransactionId, Amount.";
        let currency = redirect["body"]["Currency"].as_str().unwrap_or_default();
        let fields = format!("TransactionId=1&Amount=5&Currency={currency}");
        for fields in [fields, format!("Currency={currency}")] {
            let shown = world.submit(url, &fields).await;
            assert_eq!(shown.status, StatusCode::OK);
            assert_eq!(shown.text.contains(lost), form == TestRedirect::PostFields, "{form:?}");
        }
    }
}

#[tokio::test]
async fn a_form_from_the_merchant_decides_nothing() {
    for (mut world, _, redirect) in redirects().await {
        let url = redirect["url"].as_str().unwrap();
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
