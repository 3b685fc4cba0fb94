//! Time that the Dashboard takes for a list and a search of 100,000 payments, and until a browser
//! paints a page of them.
//!
//! Payments are made through Gate, without sockets: every third is a payout, and of the sales every
//! second is decided. Then each address is asked for many times, as a browser asks, up to the last byte of
//! the page. The report has the median, the least and the greatest of each; a list or search
//! whose median is over the goal of 100 ms makes the run fail. In the end Chromium opens some pages, where it is
//! installed, with nothing cached. `cargo bench -p ecp-benches --bench dashboard`; a
//! number sets how many payments there are.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use ecp_browser_tests::Browser;
use ecp_core::{PaymentId, Sensitive};
use ecp_sandbox::{Config, Decision, Sandbox, signature};
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use serde_json::json;
use tokio::net::TcpListener;
use tower::ServiceExt;

const GOAL: Duration = Duration::from_millis(100);

/// How often each address is asked for.
const TIMES: usize = 40;

/// Addresses below `/dashboard`, with what they show.
const PAGES: [(&str, &str); 11] = [
    ("newest payments", ""),
    ("oldest payments", "?page=1999"),
    ("search for one id", "?text=order-77"),
    ("search for a customer and a status", "?text=customer-5+EUR&status=success"),
    ("search for an amount", "?text=100.77"),
    ("search without a result", "?text=nothing+like+it"),
    ("payments with this status", "?status=decline"),
    ("failing callbacks", "?callbacks=failing"),
    ("newest operations", "/operations"),
    ("search of operations for one id", "/operations?text=order-77"),
    ("payouts among operations", "/operations?kind=payout"),
];

/// How often the browser opens each page.
const PAINTS: usize = 15;

/// Pages that the browser opens, below `/dashboard`.
const PAINTED: [(&str, &str); 4] = [
    ("first paint of the payments", ""),
    ("first paint of a payment", "/payment?project=1&id=order-77"),
    ("first paint of the analytics", "/analytics"),
    ("first paint of the reports", "/reports"),
];

/// A page that is neither list nor search, for which there is no goal.
const ANALYTICS: (&str, &str) = ("analytics", "/analytics");

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some(total) = ecp_benches::payments(&arguments) else { return ExitCode::SUCCESS };
    let mut threads = tokio::runtime::Builder::new_multi_thread();
    let runtime = threads.worker_threads(2).enable_all().build().expect("a runtime");
    runtime.block_on(run(total))
}

async fn run(total: usize) -> ExitCode {
    let config =
        Config::demo().payment_history(total).merchant(|_| async { Response::new(Bytes::new()) });
    let sandbox = Sandbox::new(config);
    let router = sandbox.router();
    let begun = Instant::now();
    for number in 0..total {
        pay(&sandbox, &router, number).await;
    }
    sandbox.settled().await;
    println!("{total} payments, made in {:.1?}; {TIMES} times each:", begun.elapsed());
    let mut is_slow = false;
    for (name, query) in PAGES.into_iter().chain([ANALYTICS]) {
        let path = format!("/dashboard{query}");
        let mut times = Vec::new();
        for _ in 0..TIMES {
            let begun = Instant::now();
            let length = open(&router, &path).await;
            times.push(begun.elapsed());
            assert!(length > 1_000, "{path} is a page");
        }
        times.sort_unstable();
        let median = times[TIMES / 2];
        let is_over = median > GOAL && name != ANALYTICS.0;
        let over = if is_over { ", over the goal" } else { "" };
        println!("{name:<36} {median:>8.1?} ({:.1?} to {:.1?}){over}", times[0], times[TIMES - 1]);
        is_slow |= is_over;
    }
    paint(router).await;
    sandbox.shutdown();
    if is_slow { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Opens pages in a browser, over a socket of this machine.
async fn paint(router: Router) {
    let Some(browser) = Browser::open().await.expect("a browser") else { return };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let server = tokio::spawn(async move { axum::serve(listener, router).await });
    for (name, path) in PAINTED {
        let url = format!("http://{address}/dashboard{path}");
        let mut times = Vec::new();
        for _ in 0..PAINTS {
            times.push(browser.first_paint(&url).await.expect("a painted page"));
        }
        times.sort_unstable_by(f64::total_cmp);
        let (least, median, most) = (times[0], times[PAINTS / 2], times[PAINTS - 1]);
        assert!(least > 0.0, "{times:?}");
        println!("{name:<36} {median:>6.0}ms ({least:.0}ms to {most:.0}ms)");
    }
    server.abort();
}

async fn pay(sandbox: &Sandbox, router: &Router, number: usize) {
    let payment_id = format!("order-{number}");
    let operation = if number.is_multiple_of(3) { "payout" } else { "sale" };
    let mut request = json!({
        "general": {
            "project_id": Config::DEMO_PROJECT,
            "payment_id": payment_id,
            "merchant_callback_url": "http://shop.test/callbacks",
        },
        "customer": {"id": format!("customer-{}", number % 1_000), "ip_address": "192.0.2.1"},
        "account": {"number": "93017949"},
        "payment": {"amount": 10_000 + number % 100, "currency": "EUR", "description": "order"},
        "return_url": {"success": "http://shop.test/ok", "decline": "http://shop.test/no"},
    });
    let key = Sensitive::new(Config::DEMO_KEY.to_owned());
    request["general"]["signature"] = signature::sign(&key, &request).into();
    let path = format!("/v2/payment/wallet/jeton/{operation}");
    let request = Request::post(path).body(Body::from(request.to_string())).expect("a request");
    let Ok(answer) = router.clone().oneshot(request).await;
    assert_eq!(answer.status(), StatusCode::OK);
    sandbox.settled().await;
    if operation == "sale" && number.is_multiple_of(2) {
        let id = PaymentId::new(payment_id).expect("an id");
        let decision = if number.is_multiple_of(4) { Decision::Decline } else { Decision::Success };
        assert!(sandbox.choose(Config::DEMO_PROJECT, &id, decision, None), "it waits");
    }
}

/// Reads a page to its end, and returns its length.
async fn open(router: &Router, path: &str) -> usize {
    let request = Request::get(path).body(Body::empty()).expect("a request");
    let Ok(answer) = router.clone().oneshot(request).await;
    assert_eq!(answer.status(), StatusCode::OK, "{path}");
    answer.into_body().collect().await.expect("a body").to_bytes().len()
}
