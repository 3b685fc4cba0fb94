//! What a page of another site can make a browser send here, and a callback that comes back.

use std::time::Duration;

use axum::body::Body;
use ecp_sandbox::{CallbackRefusal, Config, EventKind, Filter, Paging};
use http::{Method, Request, StatusCode, header};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};

use crate::delivery::demo_project;
use crate::payment_page::{self, open, parameters, session};
use crate::safety::routes;
use crate::support::{PAYOUT, SALE, World, form_encoded, signed, wait_for};

const HERE: (&str, &str) = ("host", "127.0.0.1:8080");

/// What browsers say with a request of another site's page.
const OTHER_SITES: [&[(&str, &str)]; 7] = [
    // A form, `fetch` without CORS, a beacon, an image or a frame of a page of today.
    &[HERE, ("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")],
    // The same from a sandboxed frame, a `data:` page, a file, or after a redirect.
    &[HERE, ("origin", "null"), ("sec-fetch-site", "cross-site")],
    // A browser without `Sec-Fetch-Site`.
    &[HERE, ("origin", "https://evil.example")],
    &[HERE, ("origin", "null")],
    // An image, a script or a link has no origin.
    &[HERE, ("sec-fetch-site", "cross-site")],
    // Another service of this machine, and its other spelling.
    &[HERE, ("origin", "http://127.0.0.1:3000"), ("sec-fetch-site", "same-site")],
    &[HERE, ("origin", "http://localhost:8080"), ("sec-fetch-site", "cross-site")],
];

/// The same with a name of theirs that was made to lead here: to the browser it is one origin.
const REBOUND: [&[(&str, &str)]; 3] = [
    &[("host", "evil.example:8080"), ("origin", "http://evil.example:8080")],
    &[("host", "evil.example:8080"), ("sec-fetch-site", "same-origin")],
    &[("host", "evil.example:8080")],
];

/// The types that a form, a beacon or `fetch` can send without asking, one that it cannot, and none.
const MEDIA_TYPES: [Option<&str>; 5] = [
    Some("application/x-www-form-urlencoded"),
    Some("multipart/form-data; boundary=x"),
    Some("text/plain;charset=UTF-8"),
    Some("application/json"),
    None,
];

/// Routes that merchants' pages lead customers to.
const OPEN_POSTS: [&str; 2] = ["/payment", "/provider/{token}"];

fn request(
    method: &Method,
    path: &str,
    media_type: Option<&str>,
    headers: &[(&'static str, &str)],
    body: &str,
) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if let Some(media_type) = media_type {
        request = request.header(header::CONTENT_TYPE, media_type);
    }
    request.body(body.to_owned().into()).unwrap()
}

/// Everything that a request could have changed.
fn state(world: &World) -> String {
    let payments = world.sandbox.payments(&Filter::default(), Paging::default());
    let events = world.sandbox.events().into_iter().filter(|event| {
        // Somebody came to look.
        !matches!(event.kind, EventKind::PageOpened { .. } | EventKind::CustomerArrived)
    });
    format!("{payments:?} {:?} {}", world.sandbox.faults(), events.count())
}

#[tokio::test]
async fn no_page_of_another_site_changes_anything_by_any_route() {
    let mut world = World::new().await;
    let page = world.sale_up_to_redirect(world.sale("X1", 10_000, "EUR")).await;
    let token = page.rsplit('/').next().unwrap().to_owned();
    let session = session(&open(&world, &[("force_payment_method", "jetonWalletV3")]).await);
    let session = session.rsplit('/').next().unwrap().to_owned();
    let sale = signed(world.sale("X2", 10_000, "EUR")).to_string();
    world.sandbox.settled().await;
    let before = state(&world);
    let all = [Method::GET, Method::POST, Method::DELETE, Method::PUT, Method::OPTIONS];
    for route in routes() {
        let path = route
            .replace("{*path}", "wallet/jeton/sale")
            .replace("{name}", "merchant.js")
            .replace("{file}", "payments.csv")
            .replace("{token}", &token)
            .replace("{session}", &session)
            .replace("{id}", "X1");
        let path = ["{project}", "{number}", "{rule}", "{callback}"]
            .into_iter()
            .fold(path, |path, name| path.replace(name, "1"));
        assert!(!path.contains('{'), "{path}: say what stands there");
        let is_interface = ["/v1/", "/v2/", "/sandbox/", "/dashboard/events"]
            .iter()
            .any(|prefix| path.starts_with(prefix));
        for method in &all {
            let is_open = match *method {
                Method::GET => !is_interface,
                Method::POST => OPEN_POSTS.contains(&route.as_str()),
                _ => false,
            };
            let types = if *method == Method::POST { &MEDIA_TYPES[..] } else { &[None] };
            for &media_type in types {
                for headers in OTHER_SITES {
                    let request = request(method, &path, media_type, headers, &sale);
                    let answer = world.call(request).await;
                    let is_refused = answer.status == StatusCode::FORBIDDEN;
                    assert_eq!(is_refused, !is_open, "{method} {path} {headers:?}: {answer:?}");
                    for allowed in ["access-control-allow-origin", "access-control-allow-methods"] {
                        assert!(!answer.headers.contains_key(allowed), "{method} {path}");
                    }
                }
                for headers in REBOUND {
                    let request = request(method, &path, media_type, headers, &sale);
                    let answer = world.call(request).await;
                    assert_eq!(answer.status, StatusCode::FORBIDDEN, "{method} {path} {headers:?}");
                }
            }
        }
    }
    world.sandbox.settled().await;
    assert_eq!(state(&world), before);
    assert_eq!(world.shop.others(), []);
}

#[tokio::test]
async fn what_changes_something_without_a_browser_does_not_with_another_sites_page() {
    let form = Some("application/x-www-form-urlencoded");
    let json = Some("application/json");
    // As the same requests of a form, whatever they say that they are.
    let text = Some("text/plain");
    for (name, path, media_type) in [
        ("a sale", SALE, text),
        ("a payout", PAYOUT, form),
        ("a fault", "/sandbox/faults", json),
        ("a decision", "/sandbox/payments/1/X1/decision", json),
        ("a fault of the Dashboard", "/dashboard/faults", form),
        ("a decision of the Dashboard", "/dashboard/payment/decide", form),
        ("the customer's decision", "/provider/{token}/decision", form),
        ("the customer's choice", "/payment/{session}/pay", form),
    ] {
        let mut world = World::new().await;
        let page = world.sale_up_to_redirect(world.sale("X1", 10_000, "EUR")).await;
        let token = page.rsplit('/').next().unwrap().to_owned();
        let opened = session(&open(&world, &[("payment_id", "X9")]).await);
        let session = opened.rsplit('/').next().unwrap().to_owned();
        let body = match name {
            "a sale" => signed(world.sale("X2", 10_000, "EUR")).to_string(),
            "a payout" => signed(world.payout("X2", 10_000)).to_string(),
            "a fault" => json!({"fault": "lose_callback"}).to_string(),
            "a decision" => json!({"decision": "success"}).to_string(),
            "a fault of the Dashboard" => "fault=lose_callback".to_owned(),
            "a decision of the Dashboard" => {
                form_encoded(&[("project", "1"), ("id", "X1"), ("decision", "success")])
            }
            "the customer's decision" => "decision=success".to_owned(),
            _ => form_encoded(&[("method", "jeton"), ("customer_id", "7")]),
        };
        let path = path.replace("{token}", &token).replace("{session}", &session);
        world.sandbox.settled().await;
        let before = state(&world);
        for headers in OTHER_SITES.iter().chain(&REBOUND) {
            let answer =
                world.call(request(&Method::POST, &path, media_type, headers, &body)).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{name} {headers:?}");
            world.sandbox.settled().await;
            assert_eq!(state(&world), before, "{name} {headers:?}");
        }
        // The same from a client that is no browser, and from a page of the sandbox.
        let own = [HERE, ("origin", "http://127.0.0.1:8080"), ("sec-fetch-site", "same-origin")];
        let headers = if name.contains('\'') { &own[..] } else { &own[..1] };
        let answer = world.call(request(&Method::POST, &path, media_type, headers, &body)).await;
        assert!(answer.status.is_success() || answer.status.is_redirection(), "{name}: {answer:?}");
        world.sandbox.settled().await;
        assert_ne!(state(&world), before, "{name} does something");
    }
}

#[tokio::test]
async fn another_site_does_not_choose_where_callbacks_go() {
    let configured = |config: Config| {
        let project = demo_project()
            .callback_url("http://127.0.0.1:3000/callback")
            .confirmation_url("http://localhost:4000/confirmation");
        config.project(project).allow_callback_host("shop.test")
    };
    let world = World::with(configured).await;
    let cross = [HERE, ("sec-fetch-site", "cross-site"), ("sec-fetch-dest", "iframe")];
    let (ok, refused) = (StatusCode::OK, StatusCode::BAD_REQUEST);
    for (number, (address, headers, expected)) in [
        (Some("http://127.0.0.1:6379/"), &cross[..], refused),
        (Some("http://localhost:3000/callback"), &cross, refused),
        (Some("http://127.0.0.1/callback"), &cross, refused),
        // One opening after the other, and a word of tomorrow's browsers.
        (Some("http://127.0.0.1:6379/"), &[HERE, ("sec-fetch-site", "elsewhere")], refused),
        (Some("http://127.0.0.1:3000/other"), &cross, ok),
        (Some("http://LOCALHOST:4000/"), &cross, ok),
        (Some("http://shop.test/callback"), &cross, ok),
        (None, &cross, ok),
        (Some("http://127.0.0.1:6379/"), &[HERE, ("sec-fetch-site", "same-site")], ok),
        (Some("http://127.0.0.1:6379/"), &[HERE, ("sec-fetch-site", "same-origin")], ok),
        (Some("http://127.0.0.1:6379/"), &[HERE, ("sec-fetch-site", "none")], ok),
        (Some("http://127.0.0.1:6379/"), &[HERE], ok),
    ]
    .into_iter()
    .enumerate()
    {
        let id = format!("P{number}");
        let mut more = vec![("payment_id", id.as_str())];
        more.extend(address.map(|address| ("merchant_callback_url", address)));
        let query = payment_page::signed(&parameters(&more));
        for (method, path, body) in [
            (Method::GET, format!("/payment?{query}"), ""),
            (Method::POST, "/payment".to_owned(), query.as_str()),
        ] {
            let form = Some("application/x-www-form-urlencoded");
            let answer = world.call(request(&method, &path, form, headers, body)).await;
            assert_eq!(answer.status, expected, "{address:?} {headers:?}: {}", answer.text);
            let is_named = answer.text.contains("merchant_callback_url");
            assert_eq!(is_named, expected == refused, "{}", answer.text);
            assert_eq!(answer.text.contains("/payment/"), expected == ok, "no session");
        }
    }
}

#[tokio::test]
async fn clients_reach_the_sandbox_by_names_that_it_knows() {
    let world = World::with(|config| config.host_name("Sandbox")).await;
    for (host, status) in [
        ("sandbox:8080", StatusCode::OK),
        ("SANDBOX", StatusCode::OK),
        ("sandbox.test", StatusCode::OK),
        ("192.0.2.7:8080", StatusCode::OK),
        ("other:8080", StatusCode::FORBIDDEN),
        ("sandbox.evil.example", StatusCode::FORBIDDEN),
    ] {
        let body = signed(json!({"general": {"project_id": 1, "payment_id": "X1"}})).to_string();
        let headers = [("host", host)];
        let answer =
            world.call(request(&Method::POST, "/v2/payment/status", None, &headers, &body)).await;
        assert_eq!(answer.status, status, "{host}: {}", answer.text);
        if status == StatusCode::FORBIDDEN {
            assert!(answer.text.contains("host_names"), "{}", answer.text);
        }
    }
}

#[tokio::test]
async fn customers_pay_behind_a_proxy_that_writes_the_host_anew() {
    let world = World::with(|config| config.public_url("http://dev.lan/")).await;
    let path = format!("{}/pay", session(&open(&world, &[]).await));
    let form = Some("application/x-www-form-urlencoded");
    for (origin, expected) in
        [("http://evil.example", StatusCode::FORBIDDEN), ("http://dev.lan", StatusCode::SEE_OTHER)]
    {
        let headers = [HERE, ("origin", origin)];
        let body = "method=jeton&customer_id=7";
        let answer = world.call(request(&Method::POST, &path, form, &headers, body)).await;
        assert_eq!(answer.status, expected, "{origin}: {}", answer.text);
    }
}

#[tokio::test]
async fn a_callback_does_not_come_back_to_the_sandbox() {
    let world = World::with(|config| config.payment_history(10)).await;
    let url = world.sandbox.listen().await.unwrap();
    let port = url.rsplit(':').next().unwrap().to_owned();
    // Somebody in between, by whom the sandbox cannot know that it is its own address.
    let relay = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let relay_url = format!("http://{}", relay.local_addr().unwrap());
    let target = format!("127.0.0.1:{port}");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = relay.accept().await {
            let mut onward = TcpStream::connect(&target).await.unwrap();
            tokio::spawn(async move {
                let _ = tokio::io::copy_bidirectional(&mut stream, &mut onward).await;
            });
        }
    });
    // Where a callback would send the same callback again, and so on.
    let again = "/sandbox/payments/1/X1/callbacks/1/resend";
    for (id, base, expected) in [
        ("X0", url.as_str(), Err(CallbackRefusal::OwnAddress)),
        ("X1", &relay_url, Ok(508)),
        ("X2", &format!("http://localhost:{port}"), Err(CallbackRefusal::OwnAddress)),
    ] {
        let mut events = world.sandbox.subscribe();
        let mut payout = world.payout(id, 10_000);
        payout["general"]["merchant_callback_url"] = format!("{base}{again}").into();
        world.send(PAYOUT, payout).await;
        let event = wait_for(&mut events, |event| {
            matches!(
                event.kind,
                EventKind::CallbackAttempted { .. } | EventKind::CallbackRefused { .. }
            )
        })
        .await;
        match (event.kind, expected) {
            (EventKind::CallbackRefused { reason, .. }, Err(expected)) => {
                assert_eq!(reason, expected, "{id}");
            }
            (EventKind::CallbackAttempted { answer, retry_in, .. }, Ok(status)) => {
                assert_eq!((answer, retry_in), (Ok(status), None), "{id}");
            }
            (other, _) => panic!("{id}: {other:?}"),
        }
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    let callbacks = world.sandbox.payments(&Filter::default(), Paging::default()).items;
    assert!(callbacks.iter().all(|payment| payment.callbacks == 1), "{callbacks:?}");
    assert_eq!(world.sandbox.projects(), [Config::DEMO_PROJECT]);
}

#[tokio::test]
async fn a_redirect_of_a_callback_address_is_not_followed() {
    let world = World::new().await;
    let target = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let location = format!("http://{}/", target.local_addr().unwrap());
    let shop = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let shop_url = format!("http://{}/", shop.local_addr().unwrap());
    let router = axum::Router::new().fallback(move || {
        let location = location.clone();
        async move { (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, location)]) }
    });
    tokio::spawn(async move { axum::serve(shop, router).await });
    let mut events = world.sandbox.subscribe();
    let mut payout = world.payout("X1", 10_000);
    payout["general"]["merchant_callback_url"] = shop_url.into();
    world.send(PAYOUT, payout).await;
    wait_for(&mut events, |event| {
        matches!(event.kind, EventKind::CallbackAttempted { answer: Ok(307), attempt: 2, .. })
    })
    .await;
    let nobody = tokio::time::timeout(Duration::from_millis(50), target.accept()).await;
    assert!(nobody.is_err(), "the redirect was followed");
}
