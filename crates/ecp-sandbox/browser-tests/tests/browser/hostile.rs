use ecp_browser_tests::{Browser, World};
use ecp_core::{PaymentId, Sensitive};
use ecp_methods::spec::{Capability, Interface};
use ecp_methods::{DynMethod, Operation, Registry};
use ecp_sandbox::{Config, Decision, Fault, FaultRule, Filter, Paging, signature};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::browser;
use crate::dashboard::{paying_out, upload};

/// Breaks out of text, of attributes in either quotes, of scripts and of styles, and leaves a mark.
const PAYLOAD: &str = "\"'></title></style></textarea></script><xss-mark></xss-mark>\
    <script>window.xss=1</script><img src=x onerror=window.xss=1 data-xss>\
    <svg onload=window.xss=1></svg>{{7531*9}}${7531*9}\" autofocus onfocus=window.xss=1 data-xss=\"";

/// Nothing of a payload became a part of the page, ran, or was kept from running by the policy
/// alone.
async fn assert_harmless(browser: &Browser, what: &str) {
    assert_eq!(harm(browser).await, "[0,true,false]", "{what}");
    let complaints = browser.complaints().await.unwrap();
    let policy = |text: &&String| text.contains("Content Security Policy");
    assert_eq!(complaints.iter().find(policy), None, "{what}");
}

/// Number of elements made by payloads, whether none ran, and whether a template computed.
async fn harm(browser: &Browser) -> String {
    let script = "return [document.querySelectorAll('xss-mark, [data-xss], [onfocus], [onerror], \
        [onload]').length, window.xss === undefined, document.body.innerText.includes('67779')];";
    browser.driver.execute(script, Vec::new()).await.unwrap().json().to_string()
}

#[tokio::test]
async fn a_page_that_does_not_escape_would_be_caught() {
    let browser = browser!();
    let world = World::open().await.unwrap();
    for html in [
        PAYLOAD.to_owned(),
        format!("<title>{PAYLOAD}</title>"),
        format!("<textarea>{PAYLOAD}</textarea>"),
        format!("<input value=\"{PAYLOAD}\">"),
        format!("<input value='{PAYLOAD}'>"),
        format!("<script>const text = \"{PAYLOAD}\";</script>"),
        format!("<style>{PAYLOAD}</style>"),
    ] {
        let page = world.merchant.publish("naive", format!("<!DOCTYPE html>{html}"));
        browser.goto(&page).await.unwrap();
        browser.wait_for("window.xss === 1").await.unwrap();
        let found = harm(&browser).await;
        assert!(!found.starts_with("[0,") && found.contains(",false,"), "{html}: {found}");
    }
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

    // Unsigned members are named on the page that refuses them.
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
        browser.decide(true).await.unwrap();
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
    browser.fill("textarea", PAYLOAD).await.unwrap();
    browser.click("form[action$='/callback'] button").await.unwrap();
    browser.find(".notice.no").await.unwrap();
    assert_harmless(&browser, "a callback by hand").await;

    refused_forms(&browser, &world).await;
}

#[tokio::test]
async fn nothing_that_was_registered_runs_in_the_dashboard() {
    let browser = browser!();
    let world = World::open().await.unwrap();
    world.merchant.say(PAYLOAD);
    requests(&world).await;
    confirmation(&world).await;
    taken_forms(&browser, &world).await;
    mass_payout(&browser, &world).await;
    for fault in [Fault::LoseCallback, Fault::WrongSignature] {
        world.sandbox.add_fault(FaultRule::new(fault).payment_id(PAYLOAD).times(1));
    }

    for path in ["", "/operations", "/analytics", "/links", "/payouts", "/faults"] {
        browser.goto(&format!("{}/dashboard{path}", world.url)).await.unwrap();
        let shown = browser.text().await.unwrap().contains("xss-mark");
        assert!(shown || path == "/analytics", "the payload is to be seen on {path}");
        assert_harmless(&browser, path).await;
    }
    let payments = world.sandbox.payments(&Filter::new(), Paging::ALL).items;
    assert!(payments.len() >= 6, "{payments:?}");
    for payment in payments {
        let id = payment.payment_id.as_str();
        // By hand, with everything that a callback may say.
        let body = json!({"payment": {"id": PAYLOAD}, PAYLOAD: PAYLOAD}).to_string();
        world.sandbox.send_callback(payment.project_id, &payment.payment_id, body, true).unwrap();
        world.sandbox.settled().await;
        let mut page = url::Url::parse(&format!("{}/dashboard/payment", world.url)).unwrap();
        page.query_pairs_mut().append_pair("project", "1").append_pair("id", id);
        browser.goto(page.as_str()).await.unwrap();
        browser.find(".timeline").await.unwrap();
        let open = "document.querySelectorAll('details').forEach(part => part.open = true) ?? true";
        browser.wait_for(open).await.unwrap();
        let text = browser.text().await.unwrap();
        assert!(text.contains("The merchant’s answer") && text.contains("xss-mark"), "{text}");
        assert_harmless(&browser, id).await;
    }
}

/// A sale, a payout and a refund on Gate, with payloads in every text.
async fn requests(world: &World) {
    let registry = Registry::builtin();
    for flow in [Operation::SALE, Operation::PAYOUT, Operation::REFUND] {
        let on_gate = |method: &&dyn DynMethod| {
            let rule = method.spec().rule(flow);
            rule.is_some_and(|rule| rule.interfaces().contains(&Interface::Gate))
        };
        let spec = registry.iter().find(on_gate).unwrap().spec();
        let kind = if flow == Operation::PAYOUT { flow } else { Operation::SALE };
        let amount = spec.rule(kind).unwrap().example_amount(spec.currencies()[0]);
        let id = format!("{flow}{PAYLOAD}");
        let back = format!("{}/paid?x='%22%3E%3Cxss-mark%3E{{{{7531*9}}}}", world.merchant.url());
        let mut person = json!({"ip_address": "192.0.2.1"});
        for name in ["id", "first_name", "last_name", "email", "phone", "country", "city"] {
            person[name] = PAYLOAD.into();
        }
        let order = json!({
            "general": {"payment_id": id, "merchant_callback_url": format!("{}/callback?x='%22%3E", world.merchant.url())},
            "customer": person,
            "account": {"number": PAYLOAD},
            "payment": {"amount": amount.minor(), "currency": amount.currency().code(), "description": PAYLOAD},
            "return_url": {"success": back, "decline": back},
            "unknown": {PAYLOAD: PAYLOAD},
        });
        let path = spec.gate_path().unwrap();
        ask(world, &format!("/v2/payment/{path}/{kind}?'%3E%3Cxss-mark%3E"), order).await;
        let payment_id = PaymentId::new(id.as_str()).unwrap();
        let _ = world.sandbox.choose(Config::DEMO_PROJECT, &payment_id, Decision::Success, None);
        world.sandbox.settled().await;
        if flow == Operation::REFUND {
            let refund = json!({
                "general": {"payment_id": id},
                "payment": {"description": PAYLOAD, "merchant_refund_id": PAYLOAD},
            });
            ask(world, "/v2/payment/refund", refund).await;
            world.sandbox.settled().await;
        }
    }
}

/// Signs and posts a request, which is taken.
pub(crate) async fn ask(world: &World, path: &str, mut document: Value) {
    document["general"]["project_id"] = Config::DEMO_PROJECT.get().into();
    let key = Sensitive::new(Config::DEMO_KEY.to_owned());
    document["general"]["signature"] = signature::sign(&key, &document).into();
    let body = document.to_string();
    let address = world.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{path}: {answer}");
}

/// A question whose answer is a payload.
async fn confirmation(world: &World) {
    let registry = Registry::builtin();
    let asks =
        |method: &&dyn DynMethod| method.spec().capabilities().has(Capability::AmountConfirmation);
    let method = World::methods(&registry).find(asks).unwrap();
    let (spec, amount) = (method.spec(), World::amount(method));
    let back = format!("{}/paid", world.merchant.url());
    let order = json!({
        "general": {"payment_id": format!("asked{PAYLOAD}")},
        "customer": {"id": PAYLOAD, "ip_address": "192.0.2.1"},
        "payment": {"amount": amount.minor(), "currency": amount.currency().code()},
        "return_url": {"success": back, "decline": back},
    });
    ask(world, &format!("/v2/payment/{}/sale", spec.gate_path().unwrap()), order).await;
    let id = PaymentId::new(format!("asked{PAYLOAD}")).unwrap();
    world.sandbox.settled().await;
    assert!(world.sandbox.choose(Config::DEMO_PROJECT, &id, Decision::Success, None));
    world.sandbox.settled().await;
}

/// The Dashboard's forms, filled so that they are taken.
async fn taken_forms(browser: &Browser, world: &World) {
    browser.goto(&format!("{}/dashboard/links", world.url)).await.unwrap();
    for name in ["payment_id", "customer_id", "description"] {
        let text = format!("link{}", &PAYLOAD[..200]);
        browser.fill(&format!("input[name={name}]"), &text).await.unwrap();
    }
    browser.fill("input[name=amount]", "50").await.unwrap();
    browser.click("form .primary").await.unwrap();
    let link = browser.find("input.address").await.unwrap().value().await.unwrap().unwrap();
    assert_harmless(browser, "the list of links").await;
    browser.goto(&link).await.unwrap();
    browser.fill_in().await.unwrap();
    assert_harmless(browser, "a link's Payment Page").await;
    browser.click("form button.primary").await.unwrap();
    browser.decide(true).await.unwrap();
    browser.find("[data-stage=ended]").await.unwrap();

    browser.goto(&format!("{}/dashboard/payouts", world.url)).await.unwrap();
    for name in ["general.payment_id", "account.number", "customer.id", "payment.description"] {
        let text = format!("hand{}", &PAYLOAD[..200]);
        browser.fill(&format!("input[name='{name}']"), &text).await.unwrap();
    }
    browser.fill("input[name=amount]", "50").await.unwrap();
    browser.click("form[action='/dashboard/payouts'] .primary").await.unwrap();
    browser.find(".notice.yes").await.unwrap();
    assert_harmless(browser, "a payout by hand").await;

    browser.goto(&format!("{}/dashboard/faults", world.url)).await.unwrap();
    browser.click("input[value=delay_answer]").await.unwrap();
    browser.fill("input[name=millis]", "1").await.unwrap();
    for name in ["payment_id", "path"] {
        browser.fill(&format!("input[name={name}]"), &PAYLOAD[..200]).await.unwrap();
    }
    browser.click("form .primary").await.unwrap();
    browser.find(".rules li").await.unwrap();
    assert_harmless(browser, "a rule").await;
}

/// A file whose rows are taken, with payloads in its cells, in a column's name and in its own.
async fn mass_payout(browser: &Browser, world: &World) {
    let registry = Registry::builtin();
    let spec = paying_out(&registry).spec();
    let currency = spec.currencies()[0];
    let amount = spec.rule(Operation::PAYOUT).unwrap().example_amount(currency).minor();
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let cell = quoted(&format!("mass{PAYLOAD}"));
    let name = quoted(&format!("customer.{PAYLOAD}"));
    let method = spec.gate_path().unwrap();
    let table = format!(
        "method,payment.amount,payment.currency,customer.ip_address,general.payment_id,\
         account.number,customer.id,payment.description,{name}\n\
         {method},{amount},{currency},192.0.2.1,{cell},{cell},{cell},{cell},{cell}\n"
    );
    upload(browser, world, "<xss-mark>'&.csv", &table).await;
    browser.find(".headline .badge.yes").await.unwrap();
    let text = browser.text().await.unwrap();
    assert!(text.contains("success") && text.contains("mass"), "{text}");
    assert_harmless(browser, "a mass payout that was paid").await;
}

/// The Dashboard's forms, filled with values that they refuse and show again.
async fn refused_forms(browser: &Browser, world: &World) {
    for path in ["links", "payouts", "faults"] {
        browser.goto(&format!("{}/dashboard/{path}", world.url)).await.unwrap();
        let script = "const form = document.querySelector('main form.stack, main form.grid'); \
            for (const input of form.querySelectorAll('input, select')) { \
            if (input.type === 'radio') { input.checked = true; } else if (input.tagName === 'INPUT') \
            { input.type = 'text'; input.maxLength = 9999; input.value = arguments[0]; } } \
            form.noValidate = true; form.requestSubmit(); return true;";
        browser.driver.execute(script, vec![PAYLOAD.into()]).await.unwrap();
        browser.find(".notice.no").await.unwrap();
        assert_harmless(browser, path).await;
    }
    let cell = format!("\"{}\"", PAYLOAD.replace('"', "\"\""));
    let table = format!(
        "method,general.payment_id,payment.amount,payment.currency\n{cell},{cell},{cell},{cell}\n"
    );
    upload(browser, world, "a<xss-mark>'b.csv", &table).await;
    browser.find(".notice.no").await.unwrap();
    assert_harmless(browser, "a mass payout that is refused").await;
    browser.goto(&format!("{}/dashboard/payouts", world.url)).await.unwrap();
    assert_harmless(browser, "the list of mass payouts").await;
}
