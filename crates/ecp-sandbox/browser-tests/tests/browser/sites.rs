//! Requests that a page of another site can make a real browser send to the sandbox.

use ecp_browser_tests::World;
use ecp_core::Sensitive;
use ecp_sandbox::{Config, EventKind, Filter, Paging, signature};
use serde_json::json;

use crate::browser;

/// Every way to send without asking first: `fetch` without CORS in each type, a beacon, forms of
/// each type in frames, and an image. The last one is allowed and shows that all were sent: a form
/// that opens the Payment Page.
const PAGE: &str = r#"<!DOCTYPE html><title>another site</title><body><script>
const base = BASE, sale = SALE, allowed = ALLOWED;
const paths = ["/v2/payment/wallet/jeton/payout", "/v1/balance/get", "/sandbox/faults",
    "/dashboard/faults", "/dashboard/faults/clear"];
const types = ["text/plain", "application/x-www-form-urlencoded", "application/json"];
function form(path, enctype, name, value) {
    const frame = document.body.appendChild(document.createElement("iframe"));
    frame.name = "f" + Math.random();
    const form = document.body.appendChild(document.createElement("form"));
    Object.assign(form, {method: "POST", action: base + path, enctype, target: frame.name});
    const input = form.appendChild(document.createElement("input"));
    Object.assign(input, {name, value});
    form.submit();
    // Some answers are not shown in a frame, and then not all browsers say that it has loaded.
    return new Promise(done => { frame.onload = done; setTimeout(done, 1000); });
}
async function all() {
    await Promise.all(paths.map(async path => {
        for (const type of types) {
            const request = {method: "POST", mode: "no-cors", body: sale, headers: {"content-type": type}};
            await fetch(base + path, request).catch(() => {});
            await fetch(base + path, {...request, mode: "cors"}).catch(() => {});
            try { navigator.sendBeacon(base + path, new Blob([sale], {type})); } catch {}
        }
        await fetch(base + path, {method: "DELETE"}).catch(() => {});
        // A form of plain text is a name, `=` and a value: together they are JSON.
        const cut = sale.lastIndexOf('"description":"') + 15;
        await form(path, "text/plain", sale.slice(0, cut), sale.slice(cut));
        await form(path, "application/x-www-form-urlencoded", "fault", "lose_callback");
        await form(path, "multipart/form-data", "fault", "lose_callback");
        new Image().src = base + path;
    }));
    await form("/payment", "application/x-www-form-urlencoded", allowed, "");
}
all().then(() => window.ended = "done", error => window.ended = String(error));
</script>"#;

#[tokio::test]
async fn a_page_of_another_site_changes_nothing_in_a_real_browser() {
    let browser = browser!();
    let world = World::open().await.unwrap();
    let mut payout = json!({
        "general": {
            "project_id": 1,
            "payment_id": "STOLEN",
            "merchant_callback_url": format!("{}/callback", world.merchant.url()),
        },
        "customer": {"id": "1", "ip_address": "192.0.2.1"},
        "account": {"number": "93017949"},
        "payment": {"amount": 10000, "currency": "EUR", "description": "=x"},
    });
    let key = Sensitive::new(Config::DEMO_KEY.to_owned());
    payout["general"]["signature"] = signature::sign(&key, &payout).into();
    let text = |value: &str| serde_json::to_string(value).unwrap().replace("</", "<\\/");
    // Another port is another origin on the same site, another name of this machine another site.
    for (number, from) in ["127.0.0.1", "localhost"].into_iter().enumerate() {
        let html = PAGE
            .replace("BASE", &text(&world.url))
            .replace("SALE", &text(&payout.to_string()))
            .replace("ALLOWED", &text(&format!("opening-{number}")));
        let page = world.merchant.publish(&format!("site{number}"), html);
        browser.goto(&page.replace("127.0.0.1", from)).await.unwrap();
        assert_eq!(browser.wait_for("window.ended").await.unwrap(), "done");
    }
    world.sandbox.settled().await;
    let payments = world.sandbox.payments(&Filter::new(), Paging::default());
    assert_eq!(payments.total, 0, "{payments:?}");
    assert!(world.sandbox.faults().is_empty());
    let events = world.sandbox.events();
    let opened = |event: &&ecp_sandbox::Event| matches!(event.kind, EventKind::PageOpened { .. });
    assert_eq!(events.iter().filter(opened).count(), 2, "the pages have sent all: {events:?}");
    assert_eq!(events.len(), 2, "{events:?}");
}
