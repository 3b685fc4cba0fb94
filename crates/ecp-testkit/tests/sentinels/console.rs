//! The pages for operators: a callback whose body is hidden, then shown, replayed and asked about.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use ecp_console::{Console, Operator};
use ecp_core::model::VerifiedStatus;
use ecp_core::{PaymentId, ProjectId};
use ecp_inbox::sqlite::SqliteOptions;
use ecp_inbox::{HandlerError, Hold, Inbox};
use ecp_testkit::sentinels::Capture;
use http::Request;
use tower::ServiceExt;

use crate::callbacks::verifier;
use crate::marks::{callback, sign};

pub(crate) async fn pages(capture: &Capture) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("inbox.sqlite");
    let inbox = SqliteOptions::new().hold(Hold::Finals).open(&path).await.unwrap();
    let body = sign(&callback("C1", "success", 1));
    inbox.accept(&verifier().verify(&body).unwrap()).await.unwrap();
    let of_event = capture.clone();
    let console = Console::new()
        .inbox(Arc::new(inbox))
        .gate(|_: ProjectId, _: PaymentId| async {
            Err::<VerifiedStatus, HandlerError>("no Gate".into())
        })
        .journals(folder.path())
        .allow_changes()
        .on_event(move |event| of_event.note("an event", event.to_string()));
    capture.debug("a console", &console);
    let router = console.into_router("").layer(axum::Extension(Operator::new("anna")));
    for (method, path, shows_a_body) in [
        ("GET", "/", false),
        ("GET", "/callbacks", false),
        ("GET", "/callbacks/1", false),
        ("POST", "/callbacks/1/release", false),
        ("POST", "/callbacks/replay", false),
        ("POST", "/callbacks/1/body", true),
    ] {
        let request = Request::builder().method(method).uri(path);
        let request = request.header("sec-fetch-site", "same-origin");
        let answer = router.clone().oneshot(request.body(Body::from("id=1")).unwrap());
        let page = to_bytes(answer.await.unwrap().into_body(), 1 << 20).await.unwrap();
        let page = String::from_utf8(page.to_vec()).unwrap();
        assert_eq!(page.contains("mark-of-the-customers-id"), shows_a_body, "{path}: {page}");
        if !shows_a_body {
            capture.note("a page", page);
        }
    }
}
