//! A sale through the client, compared with the bare calls that it cannot avoid.

#![expect(clippy::unwrap_used, reason = "a measurement that cannot start has failed")]

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use ecp_benches::beside;
use ecp_core::signature::{self, Place, Rules, SigningKey};
use ecp_core::{PaymentId, SecretKey};
use ecp_methods::request::{Customer, ReturnUrls, SaleRequest};
use ecp_methods::{Jeton, prepare};
use ecp_sandbox::{Config, Sandbox};
use ecp_transport::{Gate, ReqwestTransport, TowerTransport};
use http::{Request, header};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tower::ServiceExt;

/// A sale that was not sent before.
fn sale() -> SaleRequest {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let id = PaymentId::new(format!("bench-{}", NEXT.fetch_add(1, Ordering::Relaxed))).unwrap();
    SaleRequest::new(id, "100.00 EUR".parse().unwrap())
        .customer(Customer::new().id("customer1").ip_address("192.0.2.1"))
        .return_urls(
            ReturnUrls::new()
                .success("https://shop.example/success")
                .decline("https://shop.example/decline"),
        )
}

/// The client's request.
fn request(base: &str, key: &SigningKey) -> Request<Full<Bytes>> {
    let prepared = prepare(&Jeton, sale()).unwrap();
    let body = prepared.body(Config::DEMO_PROJECT);
    let body = signature::sign_document(key, &body, Place::General, Rules::private()).unwrap();
    Request::post(format!("{base}{}", prepared.endpoint()))
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(body.into()))
        .unwrap()
}

fn gate_sale(c: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let secret = SecretKey::new(Config::DEMO_KEY).unwrap();
    let key = SigningKey::new(&secret);

    let router = Sandbox::new(Config::demo()).router();
    let gate = Gate::new(Config::DEMO_PROJECT, &secret, TowerTransport::new(router.clone()));
    let bare = || {
        let request = request("", &key);
        runtime.block_on(async {
            let response = router.clone().oneshot(request).await.unwrap();
            response.into_body().collect().await.unwrap().to_bytes()
        })
    };
    let client = || runtime.block_on(gate.sale(&Jeton, &sale())).unwrap();
    let mut group = c.benchmark_group("Gate::sale in process");
    group.bench_function("floor: a signed request into the sandbox", |b| b.iter(bare));
    group.bench_function("sale", |b| b.iter(client));
    group.finish();
    beside("Gate::sale in process", bare, client);

    // On a thread of its own, as the platform is another machine.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(listener, Sandbox::new(Config::demo()).router()).await.unwrap();
        });
    });
    let hyper = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let transport = ReqwestTransport::plain_http().unwrap();
    let gate = Gate::new(Config::DEMO_PROJECT, &secret, transport).base_url(&address).unwrap();
    let bare = || {
        let request = request(&address, &key);
        runtime.block_on(async {
            let response = hyper.request(request).await.unwrap();
            response.into_body().collect().await.unwrap().to_bytes()
        })
    };
    let client = || runtime.block_on(gate.sale(&Jeton, &sale())).unwrap();
    let mut group = c.benchmark_group("Gate::sale over loopback");
    group.bench_function("floor: a signed request with bare hyper", |b| b.iter(bare));
    group.bench_function("sale", |b| b.iter(client));
    group.finish();
    beside("Gate::sale over loopback", bare, client);
}

criterion_group!(benches, gate_sale);
criterion_main!(benches);
