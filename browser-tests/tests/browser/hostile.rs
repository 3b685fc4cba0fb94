use ecp_browser_tests::{Browser, World};
use ecp_core::Sensitive;
use ecp_methods::{DynMethod, Registry};
use ecp_sandbox::{Config, signature};
use serde_json::Value;

use crate::browser;

/// Breaks out of text, of attributes in either quotes, of scripts and of styles, and says so.
const PAYLOAD: &str = "\"'></title></style></textarea></script><xss-mark></xss-mark>\
    <script>window.xss=1</script><img src=x onerror=window.xss=1 data-xss>\
    <svg onload=window.xss=1></svg>{{7531*9}}${7531*9}\" autofocus onfocus=window.xss=1 data-xss=\"";

/// Nothing of a payload became a part of the page, ran, or was kept from running by the policy
/// alone.
async fn assert_harmless(browser: &Browser, what: &str) {
    let found = browser
        .driver
        .execute(
            "return [document.querySelectorAll('xss-mark, [data-xss], [onfocus], [onerror], \
             [onload]').length, window.xss === undefined, document.body.innerText.includes('67779')];",
            Vec::new(),
        )
        .await
        .unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(found.json().to_string(), "[0,true,false]", "{what}");
    let complaints = browser.complaints().await.unwrap();
    let policy = |text: &&String| text.contains("Content Security Policy");
    assert_eq!(complaints.iter().find(policy), None, "{what}");
}

/// A signed opening with whatever parameters.
fn opening(world: &World, parameters: &[(&str, &str)]) -> String {
    let members = parameters.iter().map(|&(name, value)| (name.to_owned(), Value::from(value)));
    let document = Value::Object(members.collect());
    let key = Sensitive::new(Config::DEMO_KEY.to_owned());
    let signature = signature::sign(&key, &document);
    let mut url = url::Url::parse(&format!("{}/payment", world.url)).unwrap();
    url.query_pairs_mut().extend_pairs(parameters).append_pair("signature", &signature);
    url.into()
}

#[tokio::test]
async fn no_field_of_any_page_runs() {
    let browser = browser!();
    let world = World::open().await.unwrap();
    let registry = Registry::builtin();
    let methods: Vec<&dyn DynMethod> = World::methods(&registry).collect();

    // What nobody signed is named on the page that refuses it.
    let mut unsigned = url::Url::parse(&format!("{}/payment", world.url)).unwrap();
    unsigned.query_pairs_mut().append_pair(PAYLOAD, PAYLOAD).append_pair("project_id", "1");
    unsigned.query_pairs_mut().append_pair("signature", PAYLOAD);
    browser.goto(unsigned.as_str()).await.unwrap();
    assert_harmless(&browser, "the page of a wrong signature").await;
    let address = format!("javascript:window.xss=1//{PAYLOAD}");
    for method in &methods {
        let code = method.spec().page_codes()[0];
        let amount = World::amount(*method);
        let id = format!("{}{PAYLOAD}", method.spec().code());
        let minor = amount.minor().to_string();
        let mut parameters = vec![
            ("project_id", "1"),
            ("payment_id", id.as_str()),
            ("payment_amount", minor.as_str()),
            ("payment_currency", amount.currency().code()),
            ("customer_id", PAYLOAD),
            ("payment_description", &PAYLOAD[..200]),
            ("force_payment_method", code),
            ("language_code", PAYLOAD),
            ("customer_first_name", PAYLOAD),
            ("customer_last_name", PAYLOAD),
        ];
        let mut refused = parameters.clone();
        refused.push(("redirect_success_url", &address));
        browser.goto(&opening(&world, &refused)).await.unwrap();
        browser.find("[data-stage=problem]").await.unwrap();
        assert_harmless(&browser, "the page of a wrong address").await;

        let onward =
            format!("{}/paid?x='%22%3E%3Cxss-mark%3E&y=javascript:1", world.merchant.url());
        parameters.push(("merchant_success_url", &onward));
        browser.goto(&opening(&world, &parameters)).await.unwrap();
        browser.find("[data-stage=choosing]").await.unwrap();
        assert_harmless(&browser, "the Payment Page").await;
        browser.fill_in().await.unwrap();
        browser.click("form button.primary").await.unwrap();
        browser.find("button.success").await.unwrap();
        assert_harmless(&browser, "the provider's page").await;
        browser.click("button.success").await.unwrap();
        browser.find("[data-stage=ended]").await.unwrap();
        assert_harmless(&browser, "the result").await;
    }

    let dashboard = format!("{}/dashboard", world.url);
    for path in ["", "/operations", "/analytics", "/links", "/payouts", "/faults"] {
        let mut url = url::Url::parse(&format!("{dashboard}{path}")).unwrap();
        browser.goto(url.as_str()).await.unwrap();
        assert_harmless(&browser, path).await;
        for name in ["text", "status", "method", "from", "page", "currency", "payment_id", "done"] {
            url.query_pairs_mut().append_pair(name, PAYLOAD);
        }
        browser.goto(url.as_str()).await.unwrap();
        assert_harmless(&browser, path).await;
    }
    browser.goto(&dashboard).await.unwrap();
    browser.click("tbody th a").await.unwrap();
    browser.find(".timeline").await.unwrap();
    browser.driver.execute("for (const part of document.querySelectorAll('details')) part.open = true; return true;", Vec::new()).await.unwrap();
    assert_harmless(&browser, "the timeline").await;
    browser.fill("textarea", PAYLOAD).await.unwrap();
    browser.click("form[action$='/callback'] button").await.unwrap();
    browser.find(".told.no").await.unwrap();
    assert_harmless(&browser, "a callback by hand").await;

    forms(&browser, &world).await;
}

/// The Dashboard's forms, filled with what they show again.
async fn forms(browser: &Browser, world: &World) {
    for path in ["links", "payouts", "faults"] {
        browser.goto(&format!("{}/dashboard/{path}", world.url)).await.unwrap();
        let script = "const form = document.querySelector('main form.stack, main form.grid'); \
            for (const input of form.querySelectorAll('input, select')) { \
            if (input.type === 'radio') { input.checked = true; } else if (input.tagName === 'INPUT') \
            { input.type = 'text'; input.maxLength = 9999; input.value = arguments[0]; } } \
            form.noValidate = true; form.requestSubmit(); return true;";
        browser.driver.execute(script, vec![PAYLOAD.into()]).await.unwrap();
        browser.find(".told.no").await.unwrap();
        assert_harmless(browser, path).await;
    }
    let cell = format!("\"{}\"", PAYLOAD.replace('"', "\"\""));
    let table = format!(
        "method,general.payment_id,payment.amount,payment.currency\n{cell},{cell},{cell},{cell}\n"
    );
    let file = browser.file("a<xss-mark>'b.csv", table.as_bytes()).unwrap();
    browser.goto(&format!("{}/dashboard/payouts", world.url)).await.unwrap();
    let input = browser.find("form[enctype] input[type=file]").await.unwrap();
    input.send_keys(file.display().to_string()).await.unwrap();
    browser.click("form[enctype] button").await.unwrap();
    browser.find(".headline .badge.yes").await.unwrap();
    assert_harmless(browser, "a mass payout").await;
    browser.goto(&format!("{}/dashboard/payouts", world.url)).await.unwrap();
    assert_harmless(browser, "the list of mass payouts").await;
}
