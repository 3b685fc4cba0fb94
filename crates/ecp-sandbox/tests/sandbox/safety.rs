//! What keeps the sandbox harmless, wherever it is touched.

use std::fs;
use std::path::Path;

use ecp_sandbox::{CallbackRefusal, Config, EventKind, Filter, Paging};
use http::{Method, Request, StatusCode, header};
use serde_json::json;

use crate::payment_page::{open, session};
use crate::support::{Answer, PAYOUT, SALE, World, set};

/// What leads nowhere a customer or a callback should go.
const NO_WEB_ADDRESSES: [&str; 12] = [
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    " javascript:alert(1)",
    "java\nscript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:msgbox(1)",
    "file:///etc/passwd",
    "blob:https://shop.test/1",
    "ftp://shop.test/",
    "//shop.test/ok",
    "/ok",
    "https:///ok",
];

#[tokio::test]
async fn every_route_says_what_browsers_may_do_and_holds_nothing_inline() {
    const SCRIPT: &str = "\"'><script>alert(1)</script>";
    let mut world = World::new().await;
    let mut sale = world.sale(SCRIPT, 10_000, "EUR");
    sale["payment"]["description"] = SCRIPT.into();
    sale["customer"]["id"] = SCRIPT.into();
    let page = world.sale_up_to_redirect(sale).await;
    let token = page.rsplit('/').next().unwrap().to_owned();
    let session = session(&open(&world, &[("force_payment_method", "jetonWalletV3")]).await);
    let session = session.rsplit('/').next().unwrap().to_owned();
    let encoded: String =
        form_urlencoded::byte_serialize(SCRIPT.as_bytes()).collect::<String>().replace('+', "%20");
    let sample = |name: &str| match name {
        "*path" => "wallet/jeton/sale".to_owned(),
        "name" => "merchant.js".to_owned(),
        "file" => "payments.csv".to_owned(),
        "project" | "number" | "rule" | "callback" => "1".to_owned(),
        "id" => encoded.clone(),
        "token" => token.clone(),
        "session" => session.clone(),
        other => panic!("a route has {{{other}}}: say what stands there"),
    };
    let routes = routes();
    assert!(routes.len() > 35, "{routes:?}");
    let mut pages = 0;
    for route in &routes {
        let path: String = route.split('/').skip(1).fold(String::new(), |path, part| {
            let name = part.strip_prefix('{').and_then(|part| part.strip_suffix('}'));
            path + "/" + &name.map_or_else(|| part.to_owned(), sample)
        });
        let url = format!("{path}?project=1&id={encoded}&text={encoded}&done={encoded}");
        for method in [Method::GET, Method::POST, Method::DELETE] {
            // Without a media type, and so without doing anything.
            let request = Request::builder().method(&method).uri(&url);
            let answer = world.call(request.body("<script>".into()).unwrap()).await;
            pages += usize::from(is_fenced(&format!("{method} {url}"), &answer));
        }
    }
    assert!(pages > 12, "{pages} pages");
    for nowhere in ["/nowhere", "/dashboard/", "/payment/none", "/provider/none/decision"] {
        is_fenced(nowhere, &world.open(nowhere).await);
    }
}

/// The routes of the crate, as its sources have them: none can be forgotten here.
pub(crate) fn routes() -> Vec<String> {
    fn read(folder: &Path, routes: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                read(&path, routes);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let source = fs::read_to_string(&path).unwrap();
                let found = source.split(".route(\"").skip(1);
                routes.extend(found.map(|rest| rest.split('"').next().unwrap().to_owned()));
            }
        }
    }

    let mut routes = Vec::new();
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut routes);
    routes
}

/// Whether it is a page; either way nothing of it runs but what this server serves.
fn is_fenced(what: &str, answer: &Answer) -> bool {
    let policy = answer.header(header::CONTENT_SECURITY_POLICY);
    assert!(policy.starts_with("default-src 'none'"), "{what}: {policy}");
    assert!(!policy.contains("unsafe") && policy.contains("base-uri 'none'"), "{what}: {policy}");
    assert_eq!(answer.header(header::X_CONTENT_TYPE_OPTIONS), "nosniff", "{what}");
    let policy = header::HeaderName::from_static("cross-origin-resource-policy");
    let is_asset = what.contains(" /shared/") || what.contains("/favicon.ico");
    let expected =
        if is_asset && answer.status == StatusCode::OK { "cross-origin" } else { "same-origin" };
    assert_eq!(answer.header(policy), expected, "{what}");
    let is_page = answer.header(header::CONTENT_TYPE).starts_with("text/html");
    if is_page {
        let text = &answer.text;
        for inline in ["<script>", "<style", " style=", " onclick=", " onload=", "javascript:"] {
            assert!(!text.contains(inline), "{what} has {inline}: {text}");
        }
    }
    is_page
}

#[tokio::test]
async fn customers_and_callbacks_go_to_web_addresses_only() {
    let world = World::new().await;
    let paths = [
        "return_url.success",
        "return_url.decline",
        "return_url.return",
        "general.merchant_callback_url",
    ];
    for path in paths {
        for address in NO_WEB_ADDRESSES {
            let mut sale = world.sale("X1", 10_000, "EUR");
            set(&mut sale, path, address.into());
            let answer = world.send(SALE, sale).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}: {address}");
            let told = &answer.json()["errors"];
            assert_eq!((&told[0]["code"], &told[0]["field"]), (&json!("702"), &json!(path)));
        }
    }
    let parameters = [
        "redirect_success_url",
        "redirect_fail_url",
        "redirect_return_url",
        "redirect_tokenize_url",
        "merchant_success_url",
        "merchant_fail_url",
        "merchant_return_url",
        "merchant_callback_url",
    ];
    for name in parameters {
        for address in NO_WEB_ADDRESSES {
            let page = open(&world, &[(name, address)]).await;
            assert_eq!(page.status, StatusCode::BAD_REQUEST, "{name}: {address}");
            assert!(
                page.text.contains(name) && !page.text.contains("href=\"java"),
                "{}",
                page.text
            );
        }
    }
    assert_eq!(world.sandbox.payments(&Filter::default(), Paging::default()).total, 0);
}

#[test]
fn a_demo_key_says_of_itself_that_it_is_none() {
    for key in [Config::DEMO_KEY, Config::DEMO_TOKEN_KEY] {
        assert!(key.contains("sandbox") && key.contains("not-a-secret"), "{key}");
    }
}

#[tokio::test]
async fn a_name_that_leads_to_this_machine_is_not_this_machine() {
    // Whatever these may resolve to, nobody has allowed them.
    for host in ["localhost.shop.example", "localtest.me", "127.0.0.1.nip.io", "localhost.", "0"] {
        let world = World::new().await;
        let mut payout = world.payout("X1", 10_000);
        set(&mut payout, "general.merchant_callback_url", format!("http://{host}/").into());
        world.send(PAYOUT, payout).await;
        world.sandbox.settled().await;
        let refused = world.sandbox.events().into_iter().find_map(|event| match event.kind {
            EventKind::CallbackRefused { reason, .. } => Some(reason),
            _ => None,
        });
        assert_eq!(refused, Some(CallbackRefusal::HostNotAllowed), "{host}");
    }
}
