//! The operator's pages of `ecp-console` in a real browser: its forms pass their own guard, those of other
//! pages do not, and nothing that came from outside runs.

use std::sync::Arc;
use std::time::Duration;

use ecp_browser_tests::World;
use ecp_console::Console;
use ecp_inbox::conformance::Body;
use ecp_inbox::sqlite::SqliteInbox;
use ecp_inbox::{Claim, Finish, Inbox};

use crate::browser;

const PAYLOAD: &str = "'></title></style><xss-mark></xss-mark><script>window.xss=1</script>\
                       <img src=x onerror=window.xss=1>";

/// Serves the pages of an inbox whose callback 1 is dead. Returns their address.
async fn open(inbox: Arc<SqliteInbox>) -> String {
    let body = Body::new(PAYLOAD, 1, "success").described(PAYLOAD);
    inbox.accept(&body.verified()).await.unwrap();
    let claim = Claim::new(1, Duration::from_secs(9));
    let delivery = inbox.claim(&claim).await.unwrap().deliveries.pop().unwrap();
    let dead = Finish::Dead { error: PAYLOAD.to_owned() };
    inbox.finish(&delivery, dead).await.unwrap();
    let router = Console::new().inbox(inbox).allow_changes().into_router("/console");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}/console")
}

#[tokio::test]
async fn an_operator_replays_a_callback_and_no_other_page_does() {
    let browser = browser!();
    let world = World::open().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let inbox = Arc::new(SqliteInbox::open(folder.path().join("inbox.sqlite")).await.unwrap());
    let url = open(Arc::clone(&inbox)).await;

    // A page on another port of this machine, which is of the same site.
    for path in ["callbacks/replay", "callbacks/1/body"] {
        let form = format!(
            "<!DOCTYPE html><form method=post action='{url}/{path}'><input name=id value=1>\
             <button>win</button></form>"
        );
        browser.goto(&world.merchant.publish("foreign", form)).await.unwrap();
        browser.click("button").await.unwrap();
        browser.wait_for("document.body.innerText.startsWith('refused: ')").await.unwrap();
    }
    assert_eq!(inbox.stats().await.unwrap().dead, 1);
    browser.complaints().await.unwrap();

    for page in ["", "/callbacks?state=dead", "/callbacks/1"] {
        browser.goto(&format!("{url}{page}")).await.unwrap();
        let script = "return [document.querySelectorAll('xss-mark, [onerror]').length, \
                      window.xss === undefined, document.styleSheets.length];";
        let found = browser.driver.execute(script, Vec::new()).await.unwrap();
        assert_eq!(found.json().to_string(), "[0,true,1]", "{page}");
    }
    browser.click("form[action$='/body'] button").await.unwrap();
    browser
        .wait_for("document.querySelector('pre')?.innerText.includes('xss-mark')")
        .await
        .unwrap();
    browser.click("button.primary").await.unwrap();
    browser
        .wait_for("document.body.innerText.includes('1 callback will be handled again')")
        .await
        .unwrap();
    assert_eq!(inbox.stats().await.unwrap().waiting, 1);
    assert_eq!(browser.complaints().await.unwrap(), [""; 0]);
}
