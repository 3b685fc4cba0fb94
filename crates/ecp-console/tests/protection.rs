//! What protects the operator's browser.

use axum::body::Body;
use ecp_console::Console;
use http::{Request, StatusCode};

use crate::browser::Browser;
use crate::callbacks::{as_shown, sqlite};

#[tokio::test]
async fn forms_of_other_sites_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let inbox = sqlite(folder.path()).await;
    let console = Console::new().inbox(inbox.clone()).allow_changes();
    let browser = Browser(console.into_router(""));
    let before = inbox.stats().await.unwrap();
    let form = as_shown(&browser.page("/callbacks/3").await);
    let foreign: [&[(&str, &str)]; 5] = [
        &[("sec-fetch-site", "cross-site"), ("origin", "http://localhost:8090")],
        &[("sec-fetch-site", "same-site")],
        &[("origin", "https://evil.example"), ("host", "localhost:8090")],
        &[("origin", "null"), ("host", "localhost:8090")],
        &[("host", "localhost:8090")],
    ];
    for headers in foreign {
        for path in ["/callbacks/replay", "/callbacks/1/body", "/callbacks/4/release"] {
            let mut request = Request::post(path);
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let refused = browser.send(request.body(Body::from(form.clone())).unwrap()).await;
            assert_eq!(refused.status, StatusCode::FORBIDDEN, "{headers:?} {path}");
            assert!(refused.text.starts_with("refused: "), "{}", refused.text);
        }
    }
    assert_eq!(inbox.stats().await.unwrap(), before);
    let own = Request::post("/callbacks/replay")
        .header("origin", "http://localhost:8090")
        .header("host", "localhost:8090");
    let done = browser.send(own.body(Body::from(form)).unwrap()).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER);
    assert_eq!(inbox.stats().await.unwrap().dead, 0);
}

#[tokio::test]
async fn pages_run_no_script_and_fit_in_no_frame() {
    let folder = tempfile::tempdir().unwrap();
    let inbox = sqlite(folder.path()).await;
    let journals = folder.path();
    let console = Console::new().inbox(inbox).journals(journals).reports(journals).allow_changes();
    let browser = Browser(console.into_router("/console"));
    let mut assets = Vec::new();
    for path in ["", "/callbacks", "/callbacks/3", "/payouts", "/reconciliation", "/callbacks/77"] {
        let answer = browser.get(&format!("/console{path}")).await;
        let policy = answer.headers["content-security-policy"].to_str().unwrap();
        assert_eq!(
            policy,
            "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; \
             base-uri 'none'; frame-ancestors 'none'"
        );
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("cache-control", "no-store"),
            ("referrer-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(answer.headers[name], value, "{path}");
        }
        for forbidden in ["<script", "style=\"", " onclick", "http://", "https://"] {
            assert!(!answer.text.contains(forbidden), "{path} has {forbidden}: {}", answer.text);
        }
        let links =
            answer.text.split(['"', ' ']).filter(|word| word.starts_with("/console/assets/"));
        assets.extend(links.map(str::to_owned));
        // No link leaves the console's path.
        for link in answer.text.split(" href=\"").skip(1) {
            assert!(link.starts_with("/console") || link.starts_with("#main"), "{link}");
        }
    }
    assets.sort();
    assets.dedup();
    assert_eq!(assets.len(), 2, "{assets:?}");
    for asset in assets {
        let answer = browser.get(&asset).await;
        assert_eq!(answer.status, StatusCode::OK, "{asset}");
        assert!(!answer.text.contains("url("), "{asset}");
    }
    assert_eq!(browser.get("/console/assets/console.css").await.status, StatusCode::NOT_FOUND);
    // A form that is too large is not read.
    let large = format!("seen={}", "9".repeat(70_000));
    let refused = browser.post("/console/callbacks/replay", &large).await;
    assert_eq!(refused.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn a_console_without_anything_says_what_to_add() {
    let browser = Browser(Console::new().into_router("/console"));
    assert!(browser.page("/console").await.contains("Nothing needs a person now."));
    for (path, what) in [
        ("/callbacks", "Console::inbox"),
        ("/callbacks/1", "Console::inbox"),
        ("/payouts", "Console::journals"),
        ("/reconciliation", "Console::reports"),
    ] {
        let missing = browser.get(&format!("/console{path}")).await;
        assert_eq!(missing.status, StatusCode::NOT_FOUND);
        assert!(missing.text.contains(what), "{}", missing.text);
    }
}
