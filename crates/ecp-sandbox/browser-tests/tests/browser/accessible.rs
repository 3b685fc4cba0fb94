//! Every page by the rules of WCAG 2.2 AA, in both themes, and laid out for a desk and for a phone.

use std::path::Path;

use ecp_browser_tests::{Browser, World};
use ecp_core::PaymentId;
use ecp_methods::Registry;
use ecp_methods::page::PageOptions;
use ecp_sandbox::{Config, Decision, Fault, FaultRule};
use serde_json::{Value, json};

use crate::browser;
use crate::dashboard::{upload, waiting_sale};

/// Where `cargo xtask sdks` puts the rules.
const AXE: &str = "../../../target/sdks/axe/node_modules/axe-core/axe.min.js";

/// Runs the rules on the open page, and returns what breaks them. The colours of the other theme
/// are looked at too.
const RULES: &str = "const [rules, done] = arguments; \
    const only = rules ? {type: 'rule', values: rules} : {type: 'tag', values: \
        ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']}; \
    axe.run(document, {runOnly: only, resultTypes: ['violations']}).then((found) => \
        done(found.violations.flatMap(({id, help, nodes}) => nodes.map(({html, failureSummary}) => \
            `${id}: ${help}: ${html.slice(0, 200)} ${failureSummary}`))), \
        (error) => done([String(error)]));";

/// Words of a usual length that are broken into two lines in a table.
const BROKEN: &str = "const broken = []; \
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT); \
    while (walker.nextNode()) { \
        const node = walker.currentNode; \
        if (!node.parentElement.closest('td, tbody th, thead th')) { continue; } \
        for (const {0: word, index} of node.data.matchAll(/[^ \\s]+/g)) { \
            const range = document.createRange(); \
            range.setStart(node, index); \
            range.setEnd(node, index + word.length); \
            const lines = new Set([...range.getClientRects()].map((line) => Math.round(line.top))); \
            if (word.length <= 16 && lines.size > 1) { broken.push(word); } \
        } \
    } \
    return broken;";

async fn violations(browser: &Browser, rules: Value) -> Vec<Value> {
    let found = browser.driver.execute_async(RULES, vec![rules]).await.unwrap();
    found.json().as_array().cloned().unwrap_or_default()
}

/// Checks the open page, and adds what breaks the rules.
async fn check(browser: &Browser, axe: &str, what: &str, wrong: &mut Vec<String>) {
    browser.driver.execute(axe, Vec::new()).await.unwrap();
    let all = violations(browser, Value::Null).await;
    browser.dark(true).await.unwrap();
    let dark = violations(browser, json!(["color-contrast"])).await;
    browser.dark(false).await.unwrap();
    wrong.extend(all.iter().map(|found| format!("{what}: {found}")));
    wrong.extend(dark.iter().map(|found| format!("{what}, dark: {found}")));
}

async fn number(browser: &Browser, script: &str) -> i64 {
    let script = format!("return Math.round({script});");
    browser.driver.execute(&script, Vec::new()).await.unwrap().json().as_i64().unwrap()
}

/// Checks how the open page is laid out on a desk and on a phone, and adds what is wrong.
async fn check_layout(browser: &Browser, what: &str, wrong: &mut Vec<String>) {
    let navigation = number(browser, "document.querySelector('nav').offsetHeight").await;
    if navigation >= 48 {
        wrong.push(format!("{what}: the navigation takes {navigation} pixels"));
    }
    for (width, height) in [(360, 740), (1280, 800)] {
        browser.size(width, height).await.unwrap();
        let page = number(browser, "document.documentElement.scrollWidth").await;
        if page > i64::from(width) {
            wrong.push(format!("{what}: {page} pixels wide, on a screen of {width}"));
        }
        let broken = browser.driver.execute(BROKEN, Vec::new()).await.unwrap();
        if broken.json() != &json!([]) {
            wrong.push(format!("{what}, {width} pixels, broken words: {}", broken.json()));
        }
        let beyond = "[...document.querySelectorAll('td')].filter((cell) => \
            cell.getBoundingClientRect().right > window.innerWidth).length";
        if width < 600 && number(browser, beyond).await > 0 {
            wrong.push(format!("{what}: cells beyond the screen of a phone"));
        }
    }
}

/// A world in which every page has something to show.
async fn fill(browser: &Browser, world: &World) {
    for id in ["accessible-1", "accessible-2", "accessible-3"] {
        waiting_sale(world, id).await;
    }
    for (id, decision) in [("accessible-1", Decision::Success), ("accessible-2", Decision::Decline)]
    {
        let id = PaymentId::new(id).unwrap();
        assert!(world.sandbox.choose(Config::DEMO_PROJECT, &id, decision, None));
    }
    let lost = FaultRule::new(Fault::LoseCallback).payment_id("accessible-4").path("/sale");
    world.sandbox.add_fault(FaultRule::new(Fault::LoseCallback).payment_id("accessible-5"));
    world.sandbox.add_fault(lost);
    waiting_sale(world, "accessible-5").await;
    world.sandbox.settled().await;
    browser.goto(&format!("{}/dashboard/links", world.url)).await.unwrap();
    for (name, text) in [("payment_id", "by-link"), ("customer_id", "customer-1"), ("amount", "50")]
    {
        browser.fill(&format!("input[name={name}]"), text).await.unwrap();
    }
    browser.click("form .primary").await.unwrap();
    browser.find("input.address").await.unwrap();
    browser.goto(&format!("{}/dashboard/reports", world.url)).await.unwrap();
    browser.fill("input[name=name]", "Everything").await.unwrap();
    browser.click("form .primary").await.unwrap();
    browser.find("table.reports").await.unwrap();
    upload(
        browser,
        world,
        "november.csv",
        "method,general.payment_id,payment.amount,payment.currency,account.number,customer.id,\
         customer.ip_address\nwallet/jeton,mass-1,10000,EUR,93017949,customer-1,192.0.2.1\n",
    )
    .await;
    browser.find(".headline .badge.yes").await.unwrap();
}

#[tokio::test]
async fn every_page_keeps_the_rules_of_accessibility_and_fits_a_phone() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(AXE);
    let Ok(axe) = std::fs::read_to_string(&file) else {
        let is_ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
        assert!(!is_ci, "{} is missing: run cargo xtask sdks", file.display());
        return;
    };
    let browser = browser!();
    let world = World::open().await.unwrap();
    let mut wrong = Vec::new();
    browser.size(1280, 800).await.unwrap();
    for path in ["", "/operations", "/analytics", "/payouts", "/links", "/reports"] {
        browser.goto(&format!("{}/dashboard{path}", world.url)).await.unwrap();
        check(&browser, &axe, &format!("{path}, empty"), &mut wrong).await;
    }
    fill(&browser, &world).await;
    for path in [
        "",
        "?status=decline&text=nothing",
        "/operations",
        "/analytics",
        "/reports",
        "/payouts",
        "/payouts/batches/1",
        "/links",
        "/methods",
        "/faults",
        "/payment?project=1&id=accessible-1",
        "/payment?project=1&id=accessible-3",
        "/payment?project=1&id=accessible-5",
    ] {
        browser.goto(&format!("{}/dashboard{path}", world.url)).await.unwrap();
        browser
            .wait_for(
                "document.querySelectorAll('details').forEach((it) => it.open = true) ?? true",
            )
            .await
            .unwrap();
        check(&browser, &axe, path, &mut wrong).await;
        check_layout(&browser, path, &mut wrong).await;
    }

    // What the customer sees.
    let registry = Registry::builtin();
    let method = World::methods(&registry).next().unwrap();
    let options = || PageOptions::new().let_customer_choose();
    let page = world.page(method, "seen", World::amount(method), options()).unwrap();
    browser.goto(&page.url().replace("payment_id=seen", "payment_id=other")).await.unwrap();
    browser.find("[data-stage=problem]").await.unwrap();
    check(&browser, &axe, "a refused Payment Page", &mut wrong).await;
    browser.goto(&page.url()).await.unwrap();
    browser.find("[data-stage=choosing]").await.unwrap();
    check(&browser, &axe, "the Payment Page", &mut wrong).await;
    let page = world.page(method, "seen-2", World::amount(method), PageOptions::new()).unwrap();
    browser.goto(&page.url()).await.unwrap();
    browser.click("form button.primary").await.unwrap();
    browser.find("form button.success").await.unwrap();
    check(&browser, &axe, "the provider's page", &mut wrong).await;
    browser.decide(true).await.unwrap();
    browser.find("[data-stage=ended]").await.unwrap();
    check(&browser, &axe, "the result", &mut wrong).await;
    browser.goto(&format!("{}/dashboard/payment?project=1&id=none", world.url)).await.unwrap();
    check(&browser, &axe, "no page", &mut wrong).await;
    assert!(wrong.is_empty(), "{wrong:#?}");
}
