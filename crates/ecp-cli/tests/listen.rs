//! `ecp listen` and `ecp trigger`, with each other.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Stdio};

use crate::support::{ecp, stderr, stdout};
use ecp_core::SecretKey;
use ecp_core::signature::{self, Place, Rules, SigningKey};

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
    let shown = listener.wait_with_output().unwrap();
    assert_eq!(
        (shown.status.code(), stdout(&shown)),
        (
            Some(0),
            "[sample-1] the payment is `success`, 204.00 EUR; sale `success`, code 0: Success; reading \
             unique\n\
             [S-1] the payment is `success`, 5.00 INR; refund `decline`, code 3283: Refund amount \
             more than init amount; reading unique\n"
        )
    );
}

#[test]
fn a_callback_that_is_not_genuine_is_refused_and_reported() {
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
        format!(
            "error: {url} answered with HTTP status 400 Bad Request; a receiver must answer with 200\n"
        )
    );
    let right = ecp(folder.path(), &["trigger", "touchngo", "decline", &url]).output().unwrap();
    assert!(right.status.success(), "{}", stderr(&right));
    let shown = listener.wait_with_output().unwrap();
    let lines: Vec<serde_json::Value> =
        stdout(&shown).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["genuine"], false);
    assert!(lines[0]["error"].as_str().unwrap().starts_with("the signature does not match"));
    assert_eq!((&lines[1]["genuine"], &lines[1]["status"]), (&true.into(), &"decline".into()));
    assert_eq!(
        (&lines[1]["reading"], &lines[1]["ambiguous"]),
        (&"unique".into(), &serde_json::json!([]))
    );
    assert_eq!((&lines[1]["amount"], &lines[1]["code"]), (&10000.into(), &"20000".into()));
}

#[test]
fn a_callback_is_forwarded_and_the_answer_handed_back() {
    let folder = tempfile::tempdir().unwrap();
    let behind = TcpListener::bind("127.0.0.1:0").unwrap();
    let behind_url = format!("http://{}/cb", behind.local_addr().unwrap());
    let behind = std::thread::spawn(move || {
        let (mut stream, _) = behind.accept().unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"}") {
            let mut part = [0; 8192];
            let length = stream.read(&mut part).unwrap();
            request.extend_from_slice(&part[..length]);
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
        String::from_utf8(request).unwrap().to_lowercase()
    });
    let (front, url) = listen(folder.path(), &["--count", "2", "--forward", &behind_url]);
    let sent = ecp(folder.path(), &["trigger", "jeton", "processing", &url]).output().unwrap();
    assert!(sent.status.success(), "{}", stderr(&sent));
    let request = behind.join().unwrap();
    assert!(request.contains(r#""status":"processing""#), "{request}");
    assert!(request.contains("\r\nuser-agent: ecp-listen/"), "{request}");
    // Now nobody is behind.
    let lost = ecp(folder.path(), &["trigger", "jeton", "success", &url]).output().unwrap();
    assert!(
        stderr(&lost).contains("answered with HTTP status 502 Bad Gateway"),
        "{}",
        stderr(&lost)
    );
    let shown = front.wait_with_output().unwrap();
    let answers: Vec<&str> =
        stdout(&shown).lines().map(|line| line.rsplit("; ").next().unwrap()).collect();
    assert_eq!(answers, ["forwarded, answered 200", "forwarded, no answer: connection refused"]);
}

#[test]
fn an_own_address_is_refused_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    for (here, host) in [
        ("127.0.0.1", "127.0.0.1"),
        ("127.0.0.1", "localhost"),
        ("127.0.0.1", "0.0.0.0"),
        ("127.0.0.1", "[::ffff:127.0.0.1]"),
        ("0.0.0.0", "127.0.0.2"),
        ("0.0.0.0", "localhost"),
    ] {
        let address = format!("{here}:{port}");
        let forward = format!("http://{host}:{port}/cb");
        let mut child = ecp(folder.path(), &["listen", "--addr", &address, "--forward", &forward])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stderr.take().unwrap()).read_line(&mut line).unwrap();
        let _ = child.kill();
        child.wait().unwrap();
        let words = format!("error: --forward: {forward} is the address that this command listens");
        assert!(line.starts_with(&words), "{here}: {line}");
    }
    // The same port of another address is another receiver's.
    let other = format!("http://127.0.0.2:{port}/cb");
    let (mut listener, _) = listen(folder.path(), &["--forward", &other]);
    listener.kill().unwrap();
    listener.wait().unwrap();
}

#[test]
fn listeners_that_forward_to_each_other_do_not_go_in_circles() {
    let folder = tempfile::tempdir().unwrap();
    // An address where no other test listens, so that the port stays free.
    let free = TcpListener::bind("127.0.0.3:0").unwrap();
    let first = free.local_addr().unwrap().to_string();
    drop(free);
    let (mut second, second_url) =
        listen(folder.path(), &["--forward", &format!("http://{first}/")]);
    let arguments = ["--addr", &first, "--forward", &second_url, "--count", "1"];
    let mut front = ecp(folder.path(), &["listen"])
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(front.stderr.take().unwrap()).read_line(&mut line).unwrap();
    let status = post(&format!("http://{first}"), &callback("/payment/id", "C-1".into()));
    // One that goes on would not end by itself.
    let _ = front.kill();
    second.kill().unwrap();
    assert_eq!(status, 508);
    let front = front.wait_with_output().unwrap();
    assert!(stdout(&front).ends_with("; forwarded, answered 508\n"), "{}", stdout(&front));
    let second = second.wait_with_output().unwrap();
    let words = "not genuine: another `ecp listen` forwarded this request; it is refused, so that \
         callbacks do not go in circles\n";
    assert_eq!(stdout(&second), words);
}

/// Posts a body as the platform does; the status of the answer.
fn post(url: &str, body: &str) -> u16 {
    let address = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "POST / HTTP/1.0\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

fn signed(body: &serde_json::Value) -> String {
    let key = SigningKey::new(&SecretKey::new("sandbox-key-not-a-secret").unwrap());
    let body = body.to_string();
    let signed = signature::sign_document(
        &key,
        body.as_bytes(),
        Place::Root,
        Rules::private().allow_ambiguous(),
    );
    String::from_utf8(signed.unwrap()).unwrap()
}

/// A callback with one member changed, by its JSON pointer.
fn callback(pointer: &str, value: serde_json::Value) -> String {
    let sum = serde_json::json!({"amount": 10000, "currency": "EUR"});
    let mut body = serde_json::json!({
        "project_id": 1,
        "payment": {"id": "C-1", "type": "purchase", "status": "success",
            "date": "2026-01-01T10:00:00+0000", "method": "JetonWallet", "sum": sum},
        "operation": {"id": 12_345_678, "type": "sale", "status": "success",
            "date": "2026-01-01T10:00:00+0000", "created_date": "2026-01-01T09:59:00+0000",
            "request_id": "abc-1", "sum_initial": sum, "sum_converted": sum,
            "code": "0", "message": "Success"},
    });
    *body.pointer_mut(pointer).unwrap() = value;
    signed(&body)
}

#[test]
fn what_is_genuine_and_cannot_be_read_is_genuine_with_an_error_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let table = [
        ("/payment/id", serde_json::json!(3936), "payment.id"),
        ("/operation/id", serde_json::json!("12345678"), "operation.id"),
        ("/payment/sum/amount", serde_json::json!("10000"), "payment.sum.amount"),
        ("/payment/sum/amount", serde_json::json!(10000.5), "payment.sum.amount"),
        ("/payment/sum/amount", serde_json::json!(null), "payment.sum.amount"),
    ];
    let count = (table.len() + 1).to_string();
    for format in ["--json", "--profile=sandbox"] {
        let (listener, url) = listen(folder.path(), &[format, "--count", &count]);
        for (pointer, value, _) in &table {
            assert_eq!(post(&url, &callback(pointer, value.clone())), 500, "{pointer}");
        }
        let forged = callback("/payment/id", "C-1".into()).replace("C-1", "C-2");
        assert_eq!(post(&url, &forged), 400);
        assert_eq!(post(&url, &callback("/payment/id", "C-1".into())), 200);
        let shown = listener.wait_with_output().unwrap();
        let lines: Vec<&str> = stdout(&shown).lines().collect();
        assert_eq!(lines.len(), table.len() + 2, "{lines:?}");
        for ((_, value, path), line) in table.iter().zip(&lines) {
            if format == "--json" {
                let line: serde_json::Value = serde_json::from_str(line).unwrap();
                assert_eq!(line["genuine"], true, "{path} {value}");
                let error = line["error"].as_str().unwrap();
                assert!(error.starts_with(&format!("not as documented: `{path}`: ")), "{error}");
            } else {
                assert!(
                    line.starts_with(&format!(
                        "the signature is valid, but the message is not as documented: `{path}`: "
                    )),
                    "{line}"
                );
                assert!(!line.contains("not genuine"), "{line}");
            }
        }
        let [forged, good] = lines[table.len()..] else { panic!("{lines:?}") };
        if format == "--json" {
            let line = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
            assert_eq!(line(forged)["genuine"], false);
            assert_eq!((&line(good)["genuine"], &line(good)["error"]), (&true.into(), &().into()));
        } else {
            assert!(forged.starts_with("not genuine: the signature does not match"), "{forged}");
            assert!(good.starts_with("[C-1] the payment is `success`"), "{good}");
        }
    }
}

#[test]
fn what_a_page_in_a_browser_sends_is_refused_though_it_is_signed() {
    let folder = tempfile::tempdir().unwrap();
    let behind = TcpListener::bind("127.0.0.1:0").unwrap();
    let forward = format!("http://{}/", behind.local_addr().unwrap());
    behind.set_nonblocking(true).unwrap();
    let (mut listener, url) = listen(folder.path(), &["--forward", &forward]);
    let body = callback("/payment/id", "C-1".into());
    for header in ["origin: https://evil.example", "origin: null", "sec-fetch-site: cross-site"] {
        let mut stream = TcpStream::connect(url.strip_prefix("http://").unwrap()).unwrap();
        let head = format!("POST / HTTP/1.0\r\n{header}\r\ncontent-type: text/plain\r\n");
        write!(stream, "{head}content-length: {}\r\n\r\n{body}", body.len()).unwrap();
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        assert!(answer.contains(" 403 "), "{header}: {answer}");
    }
    assert!(behind.accept().is_err(), "it was forwarded");
    listener.kill().unwrap();
    let shown = listener.wait_with_output().unwrap();
    let line = "not genuine: a page in a browser sent this request, not the platform\n";
    assert_eq!(stdout(&shown), line.repeat(3));
}

#[test]
fn no_answer_is_said_as_none_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let closed_url = format!("http://{}/ok", closed.local_addr().unwrap());
    drop(closed);
    // One that takes the request and hangs up.
    let rude = TcpListener::bind("127.0.0.1:0").unwrap();
    let rude_url = format!("http://{}/ok", rude.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in rude.incoming() {
            let _ = stream.unwrap().read(&mut [0; 8192]);
        }
    });
    let good = callback("/payment/id", "C-1".into());
    let unreadable = callback("/payment/id", 3936.into());
    for (forward, reasons) in [
        (closed_url.as_str(), &["connection refused"][..]),
        (rude_url.as_str(), &["connection closed", "connection reset"]),
        ("http://no-such-host.invalid/", &["failed to lookup", "dns error", "no record"]),
    ] {
        let (listener, url) = listen(folder.path(), &["--count", "2", "--forward", forward]);
        assert_eq!((post(&url, &good), post(&url, &unreadable)), (502, 502), "{forward}");
        let shown = listener.wait_with_output().unwrap();
        for line in stdout(&shown).lines() {
            let reason = line.split_once("; forwarded, no answer: ").unwrap().1;
            assert!(reasons.iter().any(|known| reason.contains(known)), "{reason}");
            assert!(!line.contains("answered 5"), "{line}");
        }
        let (listener, url) =
            listen(folder.path(), &["--json", "--count", "1", "--forward", forward]);
        assert_eq!(post(&url, &good), 502, "{forward}");
        let shown = listener.wait_with_output().unwrap();
        let line: serde_json::Value = serde_json::from_str(stdout(&shown).trim()).unwrap();
        assert_eq!((&line["genuine"], &line["forwarded"]), (&true.into(), &().into()));
        let reason = line["forward_error"].as_str().unwrap();
        assert!(reasons.iter().any(|known| reason.contains(known)), "{reason}");
        let sent = ecp(folder.path(), &["trigger", "jeton", "success", forward]).output().unwrap();
        assert_eq!(sent.status.code(), Some(1));
        let words = format!("error: no answer from {forward}: ");
        assert!(stderr(&sent).starts_with(&words), "{}", stderr(&sent));
    }
}

#[test]
fn addresses_that_cannot_be_posted_to_are_refused_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let no_scheme = "`localhost:8000/cb` has no scheme; write http://localhost:8000/cb\n";
    std::fs::write(
        folder.path().join("profiles.toml"),
        "[bad]\nproject = 1\nkey_env = \"K\"\npage_url = \"localhost:8000\"\n",
    )
    .unwrap();
    let field = "general.merchant_callback_url=localhost:8000/cb";
    let table: &[(&[&str], i32, &str)] = &[
        (&["listen", "--forward", "localhost:8000/cb"], 2, no_scheme),
        (&["listen", "--forward", "127.0.0.1:8000"], 2, "write http://127.0.0.1:8000\n"),
        (&["listen", "--forward", "ftp://x/"], 2, "`ftp://x/` has the scheme `ftp`"),
        (&["listen", "--forward", "http://"], 2, "`http://` has no host"),
        (&["listen", "--forward", ":8000"], 2, "has no scheme and no host"),
        (&["trigger", "jeton", "success", "localhost:8000/cb"], 2, no_scheme),
        (&["sandbox", "--callback-url", "localhost:8000/cb"], 2, no_scheme),
        (&["sandbox", "--allow-host", "http://x"], 2, "is more than a host; write x,"),
        (&["status", "X", "--gate-url", "localhost:8000/cb"], 2, no_scheme),
        (&["sale", "jeton", "X", "1.00 EUR", "--field", field], 2, no_scheme),
        (
            &["status", "X", "--profiles", "profiles.toml", "--profile", "bad"],
            1,
            "`page_url` of profile `bad`: `localhost:8000` has no scheme",
        ),
        (
            &["sandbox", "--addr", "127.0.0.1:0", "--callback-url", "https://127.0.0.1/"],
            1,
            "cannot send anything to https://127.0.0.1/, an address of project 1: the address must begin with http://",
        ),
        (
            &["sandbox", "--addr", "127.0.0.1:0", "--callback-url", "http://shop.test/"],
            1,
            "cannot send anything to http://shop.test/, an address of project 1: the host is not this machine",
        ),
    ];
    for (arguments, code, words) in table {
        let output = ecp(folder.path(), arguments).env("K", "x").output().unwrap();
        assert_eq!(output.status.code(), Some(*code), "{arguments:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(words), "{arguments:?}: {}", stderr(&output));
        assert_eq!(stdout(&output), "", "{arguments:?}");
    }
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let own = free.local_addr().unwrap();
    drop(free);
    let url = format!("http://localhost:{}/cb", own.port());
    let arguments = ["sandbox", "--addr", &own.to_string(), "--callback-url", &url];
    let output = ecp(folder.path(), &arguments).output().unwrap();
    let words = format!(
        "cannot send anything to {url}, an address of project 1: the address leads to the sandbox itself"
    );
    assert!(stderr(&output).contains(&words), "{}", stderr(&output));

    let secret = ["listen", "--forward", "http://user:hunter2@127.0.0.1/"];
    let output = ecp(folder.path(), &secret).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(!stderr(&output).contains("hunter2"), "{}", stderr(&output));
    let output = ecp(folder.path(), &["status", "X"]).env("ECP_GATE_URL", "localhost").output();
    assert!(stderr(&output.unwrap()).contains("`localhost` has no scheme"));
}
