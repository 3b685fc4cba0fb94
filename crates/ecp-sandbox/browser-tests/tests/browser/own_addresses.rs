//! What pages load, by the requests that the browser really made: nothing comes from an address other
//! than a page's own.

use std::sync::Arc;

use ecp_browser_tests::{Browser, World};
use ecp_console::Console;
use ecp_inbox::Inbox;
use ecp_inbox::conformance::Body;
use ecp_inbox::sqlite::SqliteInbox;
use ecp_methods::Registry;
use ecp_methods::page::PageOptions;

use crate::dashboard::waiting_sale;

/// Opens a browser that records requests, or ends the test where there is none and none is needed.
macro_rules! recording {
    () => {
        match Browser::recording().await.unwrap() {
            Some(browser) => browser,
            None => return,
        }
    };
}

/// Returns what was loaded from elsewhere since the last call, and asserts that there was a page.
async fn foreign(browser: &Browser, own: &str) -> Vec<(String, String)> {
    let requests = browser.requests().await.unwrap();
    let is_document = |(url, kind): &(String, String)| kind == "Document" && url.starts_with(own);
    assert!(requests.iter().any(is_document), "no page of {own} in {requests:?}");
    let is_own = |url: &str| url.strip_prefix(own).is_some_and(|rest| rest.starts_with('/'));
    // A new window is `data:,`; an inline image needs no address.
    let is_inline = |url: &str| url.starts_with("data:") || url.starts_with("about:");
    requests.into_iter().filter(|(url, _)| !is_own(url) && !is_inline(url)).collect()
}

async fn assert_own(browser: &Browser, own: &str, paths: &[&str]) {
    for path in paths {
        browser.goto(&format!("{own}{path}")).await.unwrap();
        browser.find("main").await.unwrap();
        let sheets = "document.styleSheets.length > 0 && [...document.images].every((it) => \
                      it.complete && it.naturalWidth > 0)";
        browser.wait_for(sheets).await.unwrap();
        assert_eq!(foreign(browser, own).await, [], "{path}");
    }
}

#[tokio::test]
async fn the_sandboxs_pages_load_nothing_from_elsewhere() {
    let browser = recording!();
    let world = World::open().await.unwrap();
    waiting_sale(&world, "own-1").await;
    let pages = [
        "/dashboard",
        "/dashboard/operations",
        "/dashboard/analytics",
        "/dashboard/reports",
        "/dashboard/payouts",
        "/dashboard/links",
        "/dashboard/methods",
        "/dashboard/faults",
        "/dashboard/payment?project=1&id=own-1",
        "/dashboard/payment?project=1&id=none",
    ];
    assert_own(&browser, &world.url, &pages).await;

    // What the customer sees: a choice, the provider's page, the result, and a refusal.
    let registry = Registry::builtin();
    let method = World::methods(&registry).next().unwrap();
    let page = |id: &str, options| world.page(method, id, World::amount(method), options).unwrap();
    let choice = page("own-2", PageOptions::new().let_customer_choose());
    browser.goto(&choice.url()).await.unwrap();
    browser.find("[data-stage=choosing]").await.unwrap();
    assert_eq!(foreign(&browser, &world.url).await, []);
    browser.goto(&choice.url().replace("payment_id=own-2", "payment_id=own-3")).await.unwrap();
    browser.find("[data-stage=problem]").await.unwrap();
    assert_eq!(foreign(&browser, &world.url).await, []);
    browser.goto(&page("own-4", PageOptions::new()).url()).await.unwrap();
    browser.fill_in().await.unwrap();
    browser.click("form button.primary").await.unwrap();
    browser.decide(true).await.unwrap();
    browser.find("[data-stage=ended]").await.unwrap();
    assert_eq!(foreign(&browser, &world.url).await, []);

    // This test can fail: another page loads pictures, styles, scripts and fonts from elsewhere.
    let icon = "/nowhere.png";
    let html = format!(
        "<!DOCTYPE html><title>x</title><main>x</main><link rel=stylesheet href='{url}/a.css'>\
         <img src='{url}{icon}'><script src='{url}/a.js'></script><style>@font-face \
         {{ font-family: far; src: url('{url}/a.woff2') }} main {{ font-family: far }}</style>",
        url = world.url
    );
    browser.goto(&world.merchant.publish("foreign", html)).await.unwrap();
    browser.wait_for("document.fonts.status === 'loaded'").await.unwrap();
    let found = foreign(&browser, world.merchant.url()).await;
    let mut kinds: Vec<&str> = found.iter().map(|(_, kind)| kind.as_str()).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["Font", "Image", "Script", "Stylesheet"], "{found:?}");
}

#[tokio::test]
async fn the_consoles_pages_load_nothing_from_elsewhere() {
    let browser = recording!();
    let folder = tempfile::tempdir().unwrap();
    let inbox = Arc::new(SqliteInbox::open(folder.path().join("inbox.sqlite")).await.unwrap());
    inbox.accept(&Body::new("own-1", 1, "success").verified()).await.unwrap();
    let report = folder.path().join("november.json");
    let summary = r#"{"summary": {"agrees": true, "differences": 0, "payments": 1, "pending": 0,
                      "operations": 1, "payouts": 0, "callbacks": 1}}"#;
    std::fs::write(&report, summary.replace('\n', "")).unwrap();
    let router = Console::new()
        .inbox(inbox)
        .journals(folder.path())
        .reports(&report)
        .allow_changes()
        .into_router("/console");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let own = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("file", &report.to_string_lossy())
        .finish();
    let report = format!("/console/reconciliation/report?{query}");
    let pages = [
        "/console",
        "/console/callbacks",
        "/console/callbacks/1",
        "/console/callbacks/9",
        "/console/payouts",
        "/console/reconciliation",
        &report,
    ];
    assert_own(&browser, &own, &pages).await;
}
