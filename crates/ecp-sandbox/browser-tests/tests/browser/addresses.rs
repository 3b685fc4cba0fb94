//! Addresses of the Payment Page as SDKs and shop plug-ins write them, opened by a customer.

use std::fmt::Write;

use ecp_browser_tests::{Browser, World};
use ecp_core::Sensitive;
use ecp_methods::{DynMethod, Registry};
use ecp_sandbox::{Config, signature};
use serde_json::{Map, Value};
use url::form_urlencoded::Serializer;

use crate::browser;
use crate::checkout::{assert_ended, pay};

/// A parameter: its name, what is signed of it, and what the address has.
type Parameter = (&'static str, Value, &'static str);

fn signed(name: &'static str, text: &'static str) -> Parameter {
    (name, text.into(), text)
}

fn unsigned(name: &'static str, text: &'static str) -> Parameter {
    (name, Value::Null, text)
}

/// Each with what it is an example of.
fn forms() -> Vec<(&'static str, Vec<Parameter>)> {
    let nested = serde_json::json!({"a": "1", "b": "x y"});
    vec![
        (
            "php",
            vec![
                ("redirect_success_enabled", "0".into(), "0"),
                ("close_on_missclick", true.into(), "1"),
                signed("interface_type", "{\"id\":23}"),
                signed("best_before", "2090-01-01T00:00:00+00:00"),
            ],
        ),
        (
            "python",
            vec![
                ("redirect", true.into(), "True"),
                ("recurring_register", false.into(), "False"),
                signed("best_before", "2090-01-01T00:00:00.123456"),
            ],
        ),
        (
            "javascript",
            vec![
                ("redirect", true.into(), "true"),
                ("redirect_on_mobile", false.into(), "false"),
                signed("best_before", "2090-01-01T00:00:00.123Z"),
            ],
        ),
        (
            "plug-in-signed",
            vec![signed("_plugin_version", "1.2.3"), signed("baseUrl", "https://page.example")],
        ),
        (
            "plug-in-unsigned",
            vec![unsigned("_plugin_version", "1.2.3"), unsigned("baseUrl", "https://page.example")],
        ),
        ("nested", vec![("extra", nested, "")]),
        (
            "returns",
            vec![
                signed("redirect_success_url", "shop://paid?id=1"),
                signed("merchant_fail_url", "https://магазин.рф/нет?причина=да"),
            ],
        ),
    ]
}

/// The pairs of an address, signed.
fn pairs(id: &str, method: &dyn DynMethod, parameters: &[Parameter]) -> Vec<(String, String)> {
    let amount = World::amount(method);
    let mut base = vec![
        ("project_id".to_owned(), Config::DEMO_PROJECT.to_string()),
        ("payment_id".to_owned(), id.to_owned()),
        ("payment_amount".to_owned(), amount.minor().to_string()),
        ("payment_currency".to_owned(), amount.currency().code().to_owned()),
        ("customer_id".to_owned(), "7".to_owned()),
        ("force_payment_method".to_owned(), method.spec().page_codes()[0].to_owned()),
    ];
    let mut document: Map<String, Value> =
        base.iter().map(|(name, text)| (name.clone(), text.as_str().into())).collect();
    for (name, value, text) in parameters {
        match value {
            Value::Null => {}
            value => drop(document.insert((*name).to_owned(), value.clone())),
        }
        match value {
            Value::Object(members) => base.extend(members.iter().map(|(member, value)| {
                (format!("{name}[{member}]"), value.as_str().unwrap_or_default().to_owned())
            })),
            _ => base.push(((*name).to_owned(), (*text).to_owned())),
        }
    }
    let key = Sensitive::new(Config::DEMO_KEY.to_owned());
    base.push(("signature".to_owned(), signature::sign(&key, &document.into())));
    base
}

/// Opens an address as a link is opened, or as a form is sent.
async fn open(browser: &Browser, world: &World, pairs: &[(String, String)], as_form: bool) {
    if as_form {
        let escaped =
            |text: &str| text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;");
        let mut inputs = String::new();
        for (name, text) in pairs {
            let (name, text) = (escaped(name), escaped(text));
            let _ = write!(inputs, "<input name=\"{name}\" value=\"{text}\">");
        }
        let html = format!(
            "<!DOCTYPE html><meta charset=\"utf-8\"><title>shop</title><link rel=\"icon\" href=\"data:,\">\
             <form method=\"post\" action=\"{}/payment\">{inputs}<button id=\"pay\">pay</button></form>",
            world.url
        );
        browser.goto(&world.merchant.publish("form", html)).await.unwrap();
        browser.click("#pay").await.unwrap();
    } else {
        let query = Serializer::new(String::new()).extend_pairs(pairs).finish();
        browser.goto(&format!("{}/payment?{query}", world.url)).await.unwrap();
    }
}

#[tokio::test]
async fn addresses_as_sdks_and_plug_ins_write_them_are_paid_without_a_complaint() {
    let browser = browser!();
    let world = World::open().await.unwrap();
    let registry = Registry::builtin();
    let method = World::methods(&registry).find(|method| !method.spec().page_codes().is_empty());
    let method = method.unwrap();
    // By turns as a link and as a form: without a browser, `sandbox::sdks` opens each both ways.
    for (place, (name, parameters)) in forms().into_iter().enumerate() {
        let pairs = pairs(name, method, &parameters);
        open(&browser, &world, &pairs, place % 2 == 1).await;
        pay(&browser, true).await;
        assert_ended(&world, name, true).await;
    }
    assert_eq!(browser.complaints().await.unwrap(), [""; 0]);
    // One letter less, and it does not open.
    for (name, parameters) in forms() {
        let mut pairs = pairs(&format!("{name}-changed"), method, &parameters);
        pairs[1].1.pop();
        open(&browser, &world, &pairs, false).await;
        browser.find("[data-stage=problem]").await.unwrap();
    }
}
