//! Comparisons that operators start on the page. The comparison with a real platform is tested with `ecp
//! console`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use ecp_console::{Action, Console, Operator};
use ecp_core::ProjectId;
use ecp_inbox::HandlerError;
use ecp_inbox::sqlite::SqliteInbox;
use ecp_payouts::Owner;
use ecp_reconcile::{Reconcile, Reconciliation};
use http::{StatusCode, header};
use tokio::sync::Semaphore;

use crate::browser::{Browser, seen};

const COMPARE: &str = "/console/reconciliation/compare";

fn owner() -> Owner {
    Owner::new(ProjectId::new(1236).unwrap(), "https://gate.example")
}

/// A console whose comparisons fail, each when the semaphore has a permit for it.
async fn console(folder: &tempfile::TempDir, permits: &Arc<Semaphore>) -> Console {
    let inbox = SqliteInbox::open(folder.path().join("inbox")).await.unwrap();
    let permits = Arc::clone(permits);
    Console::new().inbox(Arc::new(inbox)).comparisons(owner(), move |_sides: Reconcile| {
        let permits = Arc::clone(&permits);
        async move {
            permits.acquire().await?.forget();
            Err::<Reconciliation, _>(HandlerError::from("the Data API is <away>"))
        }
    })
}

fn form(first: &str, last: &str) -> String {
    format!("from={first}&to={last}")
}

/// Looks at a comparison until it has ended.
async fn ended(browser: &Browser, link: &str) -> String {
    for _ in 0..500 {
        let page = browser.page(link).await;
        if !page.contains("The comparison is running") {
            return page;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it is still running");
}

#[tokio::test]
async fn one_comparison_runs_at_a_time_and_says_why_it_failed() {
    let folder = tempfile::tempdir().unwrap();
    let permits = Arc::new(Semaphore::new(0));
    let events = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&events);
    // Not a word of `allow_changes`: it reads only.
    let router = console(&folder, &permits)
        .await
        .on_event(move |event| log.lock().unwrap().push(event.clone()))
        .into_router("/console");
    let browser = Browser(router.layer(axum::Extension(Operator::new("anna"))));

    let list = browser.page("/console/reconciliation").await;
    assert!(seen(&list).contains(
        "Compares the operations of project 1236 at https://gate.example with the inbox. It reads"
    ));
    let november = form("2026-11-01", "2026-11-28");
    let started = browser.post(COMPARE, &november).await;
    assert_eq!(started.status, StatusCode::SEE_OTHER, "{}", started.text);
    let link = started.headers[header::LOCATION].to_str().unwrap().to_owned();
    assert_eq!(link, "/console/reconciliation/report?comparison=1");
    assert!(browser.page(&link).await.contains("The comparison is running"));
    let list = seen(&browser.page("/console/reconciliation").await);
    assert!(list.contains("2026-11-01 to 2026-11-28, compared here running"), "{list}");
    // What is running says nothing yet.
    assert!(browser.page("/console").await.contains("Nothing needs a person now."));

    // A second press leads to the same one, other days have to wait.
    let again = browser.post(COMPARE, &november).await;
    assert_eq!(again.headers[header::LOCATION], link);
    let other = browser.post(COMPARE, &form("2026-10-01", "2026-10-31")).await;
    assert_eq!(other.status, StatusCode::CONFLICT);
    let words = "A comparison of 2026-11-01 to 2026-11-28 is running";
    assert!(other.text.contains(words) && other.text.contains("value=\"2026-10-31\""));

    permits.add_permits(1);
    let page = ended(&browser, &link).await;
    assert!(page.contains("did not come to its end: the Data API is &#60;away&#62;<"), "{page}");
    assert!(!page.contains("nothing is to do"), "{page}");
    let first = seen(&browser.page("/console").await);
    assert!(first.contains("compared here: the comparison did not come to its end"), "{first}");
    let [event] = &events.lock().unwrap()[..] else { panic!("one was started") };
    assert!(matches!(event.action, Action::ComparisonStarted { .. }));
    let text = event.to_string();
    let words = "anna started a comparison of project 1236, 2026-11-01T00:00:00+0000 to \
                 2026-11-28T23:59:59+0000";
    assert!(text.ends_with(words), "{text}");
}

#[tokio::test]
async fn the_last_ten_comparisons_are_kept_and_wrong_days_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let permits = Arc::new(Semaphore::new(100));
    let browser = Browser(console(&folder, &permits).await.into_router("/console"));
    for day in 1..=12 {
        let day = format!("2026-11-{day:02}");
        let started = browser.post(COMPARE, &form(&day, &day)).await;
        let link = started.headers[header::LOCATION].to_str().unwrap();
        ended(&browser, link).await;
    }
    let list = seen(&browser.page("/console/reconciliation").await);
    assert_eq!(list.matches("compared here not finished").count(), 10, "{list}");
    for (number, status) in
        [("1", 404), ("2", 404), ("3", 200), ("12", 200), ("13", 404), ("x", 404)]
    {
        let path = format!("/console/reconciliation/report?comparison={number}");
        assert_eq!(browser.get(&path).await.status, status, "{number}");
    }
    for (form, words) in [
        (form("2026-11-28", "2026-11-01"), "The last day is before the first"),
        (form("2026-02-30", "2026-11-01"), "Give the first and the last day"),
        (String::new(), "Give the first and the last day"),
    ] {
        let refused = browser.post(COMPARE, &form).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{form}");
        assert!(refused.text.contains(words), "{}", refused.text);
    }
    let foreign = axum::http::Request::post(COMPARE).header("sec-fetch-site", "cross-site");
    let foreign = foreign.body(form("2026-11-28", "2026-11-28").into()).unwrap();
    assert_eq!(browser.send(foreign).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_console_without_sides_offers_no_comparison() {
    let report = tempfile::NamedTempFile::new().unwrap();
    let begin = |_sides: Reconcile| async {
        Err::<Reconciliation, _>(HandlerError::from("it is not called"))
    };
    let console = Console::new().reports(report.path()).comparisons(owner(), begin);
    let browser = Browser(console.into_router("/console"));
    assert!(!browser.page("/console/reconciliation").await.contains("Compare now"));
    let refused = browser.post(COMPARE, &form("2026-11-28", "2026-11-28")).await;
    assert_eq!(refused.status, StatusCode::NOT_FOUND);
    assert!(refused.text.contains("This console starts no comparisons"), "{}", refused.text);
}
