//! What `ecp trigger` sends, compared with the samples that the documents print.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};

use crate::support::{ecp, stderr, stdout};
use ecp_core::SecretKey;
use ecp_core::signature::{self, SigningKey};
use ecp_testkit::differences;
use serde_json::Value;

/// Differences that stay, each with its reason.
const KEPT: &[(&str, &str, &str)] = &[(
    "wallet-partner-sale-success",
    "`customer.id` is not in the sample",
    "the page demands it of requests, and its three other samples have it",
)];

/// An address that answers 200, and the bodies that arrive there.
fn merchant() -> (String, Receiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/callbacks", listener.local_addr().unwrap());
    let (sender, bodies) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut length = 0;
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                match line.trim_end().to_lowercase().split_once(": ") {
                    Some(("content-length", value)) => length = value.parse().unwrap(),
                    None if line.trim_end().is_empty() => break,
                    _ => {}
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
            if sender.send(body).is_err() {
                return;
            }
        }
    });
    (url, bodies)
}

/// Runs `ecp trigger`, and returns what arrived.
fn triggered(url: &str, bodies: &Receiver<Vec<u8>>, arguments: &[&str]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let [method, event, options @ ..] = arguments else { panic!("a method and an event") };
    let sent = ecp(folder.path(), &["trigger", method, event, url]).args(options).output().unwrap();
    assert_eq!(sent.status.code(), Some(0), "{arguments:?}: {}", stderr(&sent));
    let body = bodies.recv().unwrap();
    let key = SigningKey::new(&SecretKey::new("sandbox-key-not-a-secret").unwrap());
    signature::verify(&[key], &body).unwrap();
    body
}

#[test]
fn every_printed_sample_is_sent_without_options() {
    let (url, bodies) = merchant();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ecp-core/tests/samples/callback");
    let mut kept = 0;
    let mut tried = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let sample = std::fs::read(&path).unwrap();
        let event = name.trim_end_matches("-gate").trim_end_matches("-page");
        let (rest, end) = event.rsplit_once('-').unwrap();
        let (method, flow) = rest.rsplit_once('-').unwrap();
        let body = triggered(&url, &bodies, &[method, &format!("{flow}-{end}")]);
        for difference in differences(&sample, &body).unwrap() {
            let is_kept = |(sample, text, _): &&(&str, &str, &str)| {
                *sample == name && *text == difference.to_string()
            };
            assert!(KEPT.iter().any(|row| is_kept(&row)), "{name}: {difference}");
            kept += 1;
        }
        let (printed, sent): (Value, Value) =
            (serde_json::from_slice(&sample).unwrap(), serde_json::from_slice(&body).unwrap());
        for member in [
            "/payment/method",
            "/payment/type",
            "/payment/status",
            "/errors",
            "/operation/type",
            "/operation/status",
            "/operation/code",
            "/operation/message",
            "/operation/provider/id",
        ] {
            assert_eq!(sent.pointer(member), printed.pointer(member), "{name} {member}");
        }
        // Nothing was paid of nothing, and nothing is left of a refund of all.
        let nothing = |message: &Value| message["payment"]["sum"]["amount"] == 0;
        assert_eq!(nothing(&sent), nothing(&printed), "{name}");
        tried += 1;
    }
    assert_eq!((tried, kept), (16, KEPT.len()));
}

#[test]
fn a_redirect_is_sent_as_printed() {
    let (url, bodies) = merchant();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ecp-core/tests/samples/redirect");
    for method in ["eco-voucher", "jeton", "touchngo", "wallet-partner"] {
        let body = triggered(&url, &bodies, &[method, "redirect"]);
        let sent: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(sent["payment"]["status"], "awaiting redirect result");
        let fragment = serde_json::json!({"redirect_data": sent["redirect_data"]}).to_string();
        let sample = std::fs::read(folder.join(format!("{method}-sale.json"))).unwrap();
        assert_eq!(differences(&sample, fragment.as_bytes()).unwrap(), [], "{method}");
    }
}

#[test]
fn options_replace_what_the_sample_has() {
    let (url, bodies) = merchant();
    let answer = |arguments: &[&str]| -> Value {
        serde_json::from_slice(&triggered(&url, &bodies, arguments)).unwrap()
    };
    let sent = answer(&["jeton", "payout-decline", "--amount", "7.00 USD", "--payment-id", "P-7"]);
    assert_eq!(sent["payment"]["id"], "P-7");
    let sum = serde_json::json!({"amount": 700, "currency": "USD"});
    assert_eq!((&sent["payment"]["sum"], &sent["operation"]["sum_initial"]), (&sum, &sum));
    assert_eq!(answer(&["jeton", "success", "--payment", "P-8"])["payment"]["id"], "P-8");
    let sent = answer(&["eco-voucher", "sale-decline", "--amount", "20.00 EUR", "--code", "20602"]);
    assert_eq!(sent["payment"]["sum"]["amount"], 2000);
    let operation = &sent["operation"];
    assert_eq!((&operation["code"], &operation["message"]), (&"20602".into(), &"Time-out".into()));
    let sent = answer(&["jeton", "external processing"]);
    assert_eq!(sent["payment"]["status"], "external processing");
    assert_eq!(sent["operation"]["status"], "external processing");
    assert_eq!(sent["operation"]["code"], "9999");
    let sent = answer(&["jeton", "decline", "--operation", "payout", "--code", "20104"]);
    assert_eq!(
        (&sent["payment"]["type"], &sent["errors"][0]["code"]),
        (&"payout".into(), &"20104".into())
    );
    for (event, status, code) in [
        ("sale-success", "decline", "20106"),
        ("sale-success", "processing", "9999"),
        ("sale-success", "success", "0"),
        ("payout-decline", "success", "0"),
    ] {
        let sent = answer(&["jeton", event, "--operation-status", status]);
        let operation = &sent["operation"];
        assert_eq!(
            (&operation["status"], &operation["code"]),
            (&status.into(), &code.into()),
            "{event} {status}"
        );
    }
    let sent = answer(&["touchngo", "success", "--operation", "account verification"]);
    assert_eq!(sent["operation"]["type"], "account verification");
}

#[test]
fn an_event_that_the_method_does_not_have_is_said() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, expected) in [
        (
            &["jeton", "refund-success"][..],
            "error: Jeton Wallet has no flow refund; its flows are sale and payout\n",
        ),
        (
            &["jeton", "sale-success", "--operation", "payout"][..],
            "error: the event `sale-success` already has an operation type: leave out --operation\n",
        ),
    ] {
        let [method, event, options @ ..] = arguments else { panic!("a method and an event") };
        let sent = ecp(folder.path(), &["trigger", method, event, "http://127.0.0.1:9/"])
            .args(options)
            .output()
            .unwrap();
        assert_eq!((sent.status.code(), stdout(&sent), stderr(&sent)), (Some(1), "", expected));
    }
}
