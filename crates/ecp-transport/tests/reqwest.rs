//! The reqwest transport against servers that misbehave.

#![cfg(feature = "reqwest")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use ecp_transport::{HttpTransport, ReqwestTransport, Timeouts, TransportError};
use http::{Request, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

fn transport() -> ReqwestTransport {
    let short = Duration::from_millis(300);
    ReqwestTransport::with_timeouts(Timeouts::default().read(short).total(short * 4)).unwrap()
}

async fn post(transport: &ReqwestTransport, port: u16) -> Result<Response<Bytes>, TransportError> {
    let request = Request::post(format!("http://127.0.0.1:{port}/secret-path"))
        .body(Bytes::from_static(b"{}"))
        .unwrap();
    transport.send(request).await
}

/// Serves every connection: reads the head and the body, writes `answer`, then closes or hangs.
/// Returns the port and a count of requests.
async fn server(answer: &'static [u8], hang: bool) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let count = Arc::<AtomicUsize>::default();
    let counted = count.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let counted = counted.clone();
            tokio::spawn(async move {
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n{}") {
                    if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
                        return;
                    }
                }
                counted.fetch_add(1, Ordering::SeqCst);
                let _ = stream.write_all(answer).await;
                if hang {
                    std::future::pending::<()>().await;
                }
            });
        }
    });
    (port, count)
}

#[tokio::test]
async fn a_refused_connection_was_not_sent() {
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().port()
    };
    let error = post(&transport(), port).await.unwrap_err();
    assert!(!error.may_have_arrived(), "{error}");
    assert!(error.to_string().starts_with("not sent: "), "{error}");
    assert!(!error.to_string().contains("secret-path"), "{error}");
}

#[tokio::test]
async fn whatever_happens_on_an_open_connection_may_have_arrived_and_is_sent_once() {
    let table: [(&str, &[u8], bool); 5] = [
        ("closed without an answer", b"", false),
        ("no answer in time", b"", true),
        ("cut off in the head", b"HTTP/1.1 200 OK\r\ncontent-le", false),
        ("cut off in the body", b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{", false),
        ("slow in the body", b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{", true),
    ];
    for (what, answer, hang) in table {
        let (port, count) = server(answer, hang).await;
        let error = post(&transport(), port).await.unwrap_err();
        assert!(error.may_have_arrived(), "{what}: {error}");
        assert_eq!(count.load(Ordering::SeqCst), 1, "{what}");
    }
}

#[tokio::test]
async fn a_redirect_is_an_answer_like_any_other() {
    let (port, count) = server(
        b"HTTP/1.1 307 Moved\r\nlocation: http://127.0.0.1:9/\r\ncontent-length: 0\r\n\r\n",
        false,
    )
    .await;
    let response = post(&transport(), port).await.unwrap();
    assert_eq!(response.status(), 307);
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_response_over_the_limit_is_not_read() {
    let (port, _) = server(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfour", false).await;
    let response = post(&transport().response_limit(4), port).await.unwrap();
    assert_eq!(response.body().as_ref(), b"four");
    let error = post(&transport().response_limit(3), port).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "no response: the response is larger than the 3 bytes that `response_limit` allows"
    );
    assert!(error.may_have_arrived());
}
