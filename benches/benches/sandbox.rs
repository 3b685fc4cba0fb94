//! Number of payments per second that the sandbox processes through Gate, the provider's page and
//! two callbacks, and its memory on the way to 100,000.
//!
//! There are two runs, without sockets and over sockets, each in a process of its own, so that
//! memory is that of one sandbox. The process is the merchant, the customer and the platform, on two
//! threads. A payment counts when its final callback has been delivered. Requests are signed before
//! the clock starts: that is the merchant's work. After the first step the histories are full, so
//! memory must stay where it is from there; a run in which it does not fails. `cargo bench -p
//! ecp-benches --bench sandbox`; a number sets how many payments there are.

use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::routing::post;
use bytes::Bytes;
use ecp_core::Sensitive;
use ecp_sandbox::{Config, Project, Sandbox, signature};
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tower::ServiceExt;

const SALE: &str = "/v2/payment/wallet/jeton/sale";

/// Payments between two lines of the report.
const STEP: usize = 20_000;

/// Payments under way at once.
const AT_ONCE: usize = 64;

/// More than the allocator's variation, and much less than the growth by 80,000 payments.
const MOST_GROWTH: f64 = 1.2;

const WITHOUT_SOCKETS: &str = "without-sockets";
const OVER_SOCKETS: &str = "over-sockets";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some(total) = ecp_benches::payments(&arguments) else { return ExitCode::SUCCESS };
    let is_given = |word: &str| arguments.iter().any(|argument| argument == word);
    let Some(run) = [WITHOUT_SOCKETS, OVER_SOCKETS].into_iter().find(|run| is_given(run)) else {
        return apart(total);
    };
    let mut threads = tokio::runtime::Builder::new_multi_thread();
    let runtime = threads.worker_threads(2).enable_all().build().expect("a runtime");
    println!(
        "{run}, {total} payments, {AT_ONCE} at once on two threads, resident at the start {} MiB",
        rss()
    );
    let growth = runtime.block_on(async {
        if run == WITHOUT_SOCKETS { in_process(total).await } else { over_sockets(total).await }
    });
    if growth > MOST_GROWTH {
        eprintln!("memory grew by the factor {growth:.2} since the histories are full");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Each run in a process of its own.
fn apart(total: usize) -> ExitCode {
    for run in [WITHOUT_SOCKETS, OVER_SOCKETS] {
        let program = std::env::current_exe().expect("a program");
        let status = Command::new(program).args([run, &total.to_string()]).status();
        if !status.expect("a process").success() {
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// The merchant, and the customer in its shop.
struct Shop {
    way: OnceLock<Way>,
    free: Semaphore,
    ended: AtomicUsize,
}

/// The customer's and the merchant's way to the sandbox.
enum Way {
    Service(Router),
    Socket(Client<HttpConnector, Full<Bytes>>, String),
}

impl Shop {
    fn new() -> Arc<Self> {
        let free = Semaphore::new(AT_ONCE);
        Arc::new(Self { way: OnceLock::new(), free, ended: AtomicUsize::new(0) })
    }

    async fn send(&self, path: &str, media_type: &str, body: Bytes) -> StatusCode {
        let request = Request::post(path).header(header::CONTENT_TYPE, media_type);
        match self.way.get() {
            Some(Way::Service(router)) => {
                let request = request.body(Body::from(body)).expect("a request");
                let response = match router.clone().oneshot(request).await {
                    Ok(response) => response,
                    Err(never) => match never {},
                };
                let status = response.status();
                response.into_body().collect().await.expect("a body");
                status
            }
            Some(Way::Socket(client, url)) => {
                let request = request.uri(format!("{url}{path}")).body(Full::new(body));
                let response =
                    client.request(request.expect("a request")).await.expect("an answer");
                let status = response.status();
                response.into_body().collect().await.expect("a body");
                status
            }
            None => panic!("the way is set before the first callback"),
        }
    }

    /// A callback came: the first brings the customer to the provider's page, the second ends the
    /// payment.
    fn receive(self: &Arc<Self>, body: &[u8]) {
        let callback: Value = serde_json::from_slice(body).expect("JSON");
        let Some(url) = callback["redirect_data"]["url"].as_str() else {
            assert_eq!(callback["payment"]["status"], "success");
            self.ended.fetch_add(1, Ordering::Relaxed);
            self.free.add_permits(1);
            return;
        };
        let path = url.split_once("/provider/").map(|(_, token)| token.to_owned());
        let path = format!("/provider/{}/decision", path.expect("a page"));
        let shop = Arc::clone(self);
        tokio::spawn(async move {
            let form = Bytes::from_static(b"decision=success");
            let status = shop.send(&path, "application/x-www-form-urlencoded", form).await;
            assert_eq!(status, StatusCode::SEE_OTHER);
        });
    }

    /// Returns the factor by which memory grew since the first step.
    async fn run(self: &Arc<Self>, total: usize) -> f64 {
        let key = Sensitive::new(Config::DEMO_KEY.to_owned());
        let mut begun = 0;
        let mut spent = Duration::ZERO;
        let mut resident = Vec::new();
        while begun < total {
            let step = STEP.min(total - begun);
            let requests: Vec<Bytes> = (begun..begun + step).map(|n| sale(n, &key)).collect();
            begun += step;
            let start = Instant::now();
            for request in requests {
                self.free.acquire().await.expect("it is never closed").forget();
                let shop = Arc::clone(self);
                tokio::spawn(async move {
                    let status = shop.send(SALE, "application/json", request).await;
                    assert_eq!(status, StatusCode::OK);
                });
            }
            while self.ended.load(Ordering::Relaxed) < begun {
                tokio::time::sleep(Duration::from_micros(200)).await;
            }
            let took = start.elapsed();
            spent += took;
            resident.push(rss());
            println!("  {begun:>7} payments: {:>6.0}/s, resident {} MiB", rate(step, took), rss());
        }
        let growth = match resident.as_slice() {
            [first, .., last] => ratio(*last, *first),
            _ => 1.0,
        };
        println!("  in all {:.0} payments/s, memory x {growth:.2}", rate(total, spent));
        growth
    }
}

async fn in_process(total: usize) -> f64 {
    let shop = Shop::new();
    // The shop holds the sandbox.
    let merchant = Arc::downgrade(&shop);
    let config = Config::demo().project(project("http://shop.test/callback"));
    let sandbox = Sandbox::new(config.merchant(move |callback: Request<Bytes>| {
        if let Some(merchant) = merchant.upgrade() {
            merchant.receive(callback.body());
        }
        async { Response::new(Bytes::new()) }
    }));
    assert!(shop.way.set(Way::Service(sandbox.router())).is_ok());
    let growth = shop.run(total).await;
    sandbox.shutdown();
    growth
}

async fn over_sockets(total: usize) -> f64 {
    let shop = Shop::new();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let callbacks = format!("http://{}/callback", listener.local_addr().expect("an address"));
    let receive = async |State(shop): State<Arc<Shop>>, body: Bytes| shop.receive(&body);
    let router = Router::new().route("/callback", post(receive)).with_state(Arc::clone(&shop));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let sandbox = Sandbox::new(Config::demo().project(project(&callbacks)));
    let url = sandbox.listen().await.expect("a port");
    let client = Client::builder(TokioExecutor::new()).build_http();
    assert!(shop.way.set(Way::Socket(client, url)).is_ok());
    let growth = shop.run(total).await;
    sandbox.shutdown();
    growth
}

fn project(callbacks: &str) -> Project {
    let key = Sensitive::new(Config::DEMO_KEY.to_owned());
    Project::new(Config::DEMO_PROJECT, key).callback_url(callbacks)
}

fn sale(number: usize, key: &Sensitive<String>) -> Bytes {
    let mut sale = json!({
        "general": {"project_id": Config::DEMO_PROJECT, "payment_id": format!("order-{number}")},
        "customer": {"id": format!("customer-{number}"), "ip_address": "192.0.2.1"},
        "payment": {"amount": 10_000, "currency": "EUR", "description": "an order of a shop"},
        "return_url": {"success": "http://shop.test/ok", "decline": "http://shop.test/no"},
    });
    sale["general"]["signature"] = signature::sign(key, &sale).into();
    sale.to_string().into()
}

fn rate(payments: usize, took: Duration) -> f64 {
    ratio(payments, 1) / took.as_secs_f64()
}

#[expect(clippy::cast_precision_loss, reason = "a few digits are enough for people")]
fn ratio(part: usize, whole: usize) -> f64 {
    part as f64 / whole.max(1) as f64
}

/// Resident memory in MiB; 0 if the system does not report it.
fn rss() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok());
    kib.unwrap_or_default() / 1024
}
