//! `ecp listen` and `ecp trigger`, with each other.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use support::{ecp, stderr, stdout};

/// A listener on a free port, and its address.
fn listen(folder: &std::path::Path, arguments: &[&str]) -> (Child, String) {
    let mut child = ecp(folder, &["listen", "--addr", "127.0.0.1:0"])
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut line).unwrap();
    let url = line.strip_prefix("listening on ").unwrap().split(' ').next().unwrap();
    assert!(line.ends_with(" for callbacks of project 1\n"), "{line}");
    (child, url.to_owned())
}

#[test]
fn a_triggered_callback_is_genuine_and_printed() {
    let folder = tempfile::tempdir().unwrap();
    let (listener, url) = listen(folder.path(), &["--count", "2"]);
    let sent = ecp(folder.path(), &["trigger", "jeton", "success", &url]).output().unwrap();
    assert_eq!(
        (sent.status.code(), stdout(&sent)),
        (Some(0), "answered 200 OK\n"),
        "{}",
        stderr(&sent)
    );
    let refund = ecp(folder.path(), &["trigger", "wallet-partner", "success", &url])
        .args(["--operation", "refund", "--operation-status", "decline", "--code", "3283"])
        .args(["--amount", "5.00 INR", "--payment-id", "S-1", "--print"])
        .output()
        .unwrap();
    assert_eq!(refund.status.code(), Some(0), "{}", stderr(&refund));
    assert!(stdout(&refund).contains(r#""method":"wallet-partner""#), "{}", stdout(&refund));
    let heard = listener.wait_with_output().unwrap();
    assert_eq!(
        (heard.status.code(), stdout(&heard)),
        (
            Some(0),
            "[sample-1] the payment is `success`, 100.00 EUR; sale `success`, code 0: Success\n\
             [S-1] the payment is `success`, 5.00 INR; refund `decline`, code 3283: Refund amount \
             more than init amount\n"
        )
    );
}

#[test]
fn what_is_not_genuine_is_refused_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let profiles = "[other]\nproject = 1\nkey_env = \"OTHER_KEY\"\ntest = true\n";
    std::fs::write(folder.path().join("profiles.toml"), profiles).unwrap();
    let (listener, url) = listen(folder.path(), &["--json", "--count", "1"]);
    let wrong = ecp(folder.path(), &["trigger", "jeton", "success", &url])
        .args(["--profiles", "profiles.toml", "--profile", "other"])
        .env("OTHER_KEY", "another-key")
        .output()
        .unwrap();
    assert_eq!(wrong.status.code(), Some(1));
    assert_eq!(
        stderr(&wrong),
        format!("error: {url} answered 400 Bad Request, and only 200 counts\n")
    );
    let right = ecp(folder.path(), &["trigger", "touchngo", "decline", &url]).output().unwrap();
    assert!(right.status.success(), "{}", stderr(&right));
    let heard = listener.wait_with_output().unwrap();
    let lines: Vec<serde_json::Value> =
        stdout(&heard).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["genuine"], false);
    assert!(lines[0]["error"].as_str().unwrap().starts_with("the signature does not match"));
    assert_eq!((&lines[1]["genuine"], &lines[1]["status"]), (&true.into(), &"decline".into()));
    assert_eq!((&lines[1]["amount"], &lines[1]["code"]), (&10000.into(), &"20000".into()));
}

#[test]
fn a_callback_is_forwarded_and_the_answer_handed_back() {
    let folder = tempfile::tempdir().unwrap();
    let (behind, behind_url) = listen(folder.path(), &["--count", "1"]);
    let (front, url) = listen(folder.path(), &["--count", "2", "--forward", &behind_url]);
    let sent = ecp(folder.path(), &["trigger", "jeton", "processing", &url]).output().unwrap();
    assert!(sent.status.success(), "{}", stderr(&sent));
    assert!(stdout(&behind.wait_with_output().unwrap()).contains("`processing`"));
    // Now nobody is behind.
    let lost = ecp(folder.path(), &["trigger", "jeton", "success", &url]).output().unwrap();
    assert!(stderr(&lost).contains("answered 502 Bad Gateway"), "{}", stderr(&lost));
    let heard = front.wait_with_output().unwrap();
    let answers: Vec<&str> =
        stdout(&heard).lines().map(|line| line.rsplit("; ").next().unwrap()).collect();
    assert_eq!(answers, ["forwarded, answered 200", "forwarded, answered 502"]);
}
