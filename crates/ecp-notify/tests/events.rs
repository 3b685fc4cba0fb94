//! What the log says of a refusal, and what it never says.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex};

use common::{KEY, genuine, hostile, question, receiver, sign, unsigned};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Writes events down, a line each.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

struct Line<'l>(&'l mut String);

impl Visit for Line<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {field}={value:?}").unwrap();
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("ecp_notify")
    }

    fn event(&self, event: &Event<'_>) {
        let mut log = self.0.lock().unwrap();
        log.push_str(event.metadata().level().as_str());
        event.record(&mut Line(&mut log));
        log.push('\n');
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

impl Log {
    fn take(&self) -> String {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

#[tokio::test]
async fn each_refusal_is_one_line_with_its_reason_and_nothing_of_the_body() {
    let log = Log::default();
    let _guard = tracing::subscriber::set_default(log.clone());
    let (receiver, store) = receiver();

    for (name, body, status) in hostile() {
        assert_eq!(receiver.receive(&body).await.status, status, "{name}");
        let lines = log.take();
        let expected = if status == 503 { 2 } else { 1 };
        assert_eq!(lines.lines().count(), expected, "{name}: {lines}");
        // A genuine body that cannot be used is worse than a forged one.
        let signed = status == 503 || name == "a question without its members";
        for line in lines.lines() {
            assert!(line.starts_with(if signed { "ERROR" } else { "WARN" }), "{line}");
            assert!(line.len() < 500, "{name}: {} bytes", line.len());
        }
        for private in ["sentinel-customer", KEY, "JetonWallet"] {
            assert!(!lines.contains(private), "{name}: {lines}");
        }
    }

    let name = "\\u001b[31m\\n".to_owned() + &"x".repeat(100_000);
    let failed = |id: &str, reason: &str| {
        format!(
            "ERROR message=a callback was not stored; the platform sends it again \
             ecp.project_id=1236 ecp.payment_id=\"{id}\" error.type=\"store\" error.message=\"{reason}"
        )
    };
    let refused = |status: u16, kind: &str, reason: &str| {
        format!(
            "WARN message=a callback was refused http.response.status_code={status} \
             error.type=\"{kind}\" error.message={reason}"
        )
    };
    let table = [
        (
            genuine(),
            "DEBUG message=a callback was stored ecp.project_id=1236 ecp.payment_id=\"X1\"\n"
                .to_owned(),
        ),
        (
            format!("{{\"{name}\":1,\"{name}\":2}}").into_bytes(),
            refused(400, "unreadable", "`\\u{1b}[31m\\nxxx"),
        ),
        (sign(&unsigned("fails")), failed("fails", "the disk is full\u{fffd}xxx")),
        (sign(&unsigned("panics")), failed("panics", "the store panicked\"\n")),
        (
            sign(&unsigned("hangs")),
            failed("hangs", "the store took longer than `store_deadline`\"\n"),
        ),
        (
            genuine().to_ascii_lowercase(),
            refused(403, "not_genuine", "the signature does not match"),
        ),
        (question(666), refused(503, "not_stored", "the handler of confirmations panicked\n")),
    ];
    for (body, expected) in table {
        let is_stored = receiver.receive(&body).await.status == 200;
        assert_eq!(is_stored, expected.starts_with("DEBUG"), "{expected}");
        let lines = log.take();
        assert!(lines.starts_with(&expected), "{lines}\n{expected}");
        assert!(lines.len() < 1000);
    }
    store.until(1).await;
}
