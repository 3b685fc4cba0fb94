//! `ecp listen --confirm`: answers to the question whether an amount is accepted.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};

use ecp_core::SecretKey;
use ecp_core::signature::{self, Place, Rules, SigningKey};
use serde_json::{Value, json};

use crate::support::sandbox::{Sandbox, until};
use crate::support::{ecp, stderr, stdout};

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
    (child, url.to_owned())
}

/// A listener on a terminal of its own.
struct OnTerminal {
    child: Child,
    typed: ChildStdin,
    shown: Arc<Mutex<String>>,
}

impl OnTerminal {
    fn start(folder: &std::path::Path, arguments: &str) -> (Self, String) {
        let ecp = env!("CARGO_BIN_EXE_ecp");
        let mut child = Command::new("script")
            .args(["--quiet", "--return", "--command"])
            .arg(format!("exec {ecp} listen --addr 127.0.0.1:0 {arguments}"))
            .arg("/dev/null")
            .current_dir(folder)
            .env("HOME", folder)
            .env_remove("ECP_PROFILE")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let shown = Arc::new(Mutex::new(String::new()));
        let mut output = child.stdout.take().unwrap();
        let copy = Arc::clone(&shown);
        std::thread::spawn(move || {
            let mut part = [0; 1024];
            while let Ok(length @ 1..) = output.read(&mut part) {
                copy.lock().unwrap().push_str(&String::from_utf8_lossy(&part[..length]));
            }
        });
        let typed = child.stdin.take().unwrap();
        let terminal = Self { child, typed, shown };
        let url = until("the listener tells its address", || {
            // With all that it says at its start, or the echo of what is typed next falls into it.
            let text = terminal.shown();
            let (line, next) = text.strip_prefix("listening on ")?.split_once("\r\n")?;
            let is_whole = next.contains("ecp sandbox --callback-url") && next.ends_with("\r\n");
            is_whole.then(|| line.split(' ').next().unwrap().to_owned())
        });
        (terminal, url)
    }

    fn shown(&self) -> String {
        self.shown.lock().unwrap().clone()
    }

    fn until_shown(&self, text: &str) {
        until(text, || self.shown().contains(text).then_some(()));
    }

    fn type_line(&mut self, text: &str) {
        writeln!(self.typed, "{text}").unwrap();
    }
}

impl Drop for OnTerminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn question(id: &str, amount: i64) -> Value {
    json!({
        "type": "check_deposit", "project_id": 1, "payment_id": id, "customer_id": "7",
        "amount": amount, "currency": "EUR", "payment_method": "eco-voucher",
    })
}

fn signed(body: &Value) -> String {
    let key = SigningKey::new(&SecretKey::new("sandbox-key-not-a-secret").unwrap());
    let body = body.to_string();
    let signed =
        signature::sign_document(&key, body.as_bytes(), Place::Root, Rules::private()).unwrap();
    String::from_utf8(signed).unwrap()
}

/// Posts a body as the platform does: the status of the answer, and its body.
fn post(url: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(url.strip_prefix("http://").unwrap()).unwrap();
    write!(stream, "POST / HTTP/1.0\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

/// Presses the customer's button at the voucher's own page.
fn choose_voucher(sandbox: &Sandbox, id: &str, amount: i64) {
    let body = format!("{{\"decision\":\"success\",\"amount\":{amount}}}");
    let mut stream = TcpStream::connect(sandbox.url.strip_prefix("http://").unwrap()).unwrap();
    write!(
        stream,
        "POST /sandbox/payments/1/{id}/decision HTTP/1.0\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.lines().next().unwrap().contains(" 200 "), "{answer}");
}

#[test]
fn an_amount_is_accepted_or_refused_as_the_command_line_says() {
    let folder = tempfile::tempdir().unwrap();
    let hint = "; --confirm accept takes it, --confirm ask lets you decide";
    for (arguments, code, printed) in [
        (&["--confirm", "accept"][..], 0, "accepted, code 0".to_owned()),
        (&["--confirm", "refuse"], 1, "refused, code 1".to_owned()),
        // The default takes no money.
        (&[], 1, format!("refused, code 1{hint}")),
    ] {
        let (mut listener, url) = listen(folder.path(), arguments);
        let answer = post(&url, &signed(&question("V-1", 2500)));
        assert_eq!(answer, (200, format!(r#"{{"code":{code},"payment_id":"V-1"}}"#)));
        // A question that is not genuine, or not as documented, gets no answer that counts.
        assert_eq!(post(&url, &question("V-2", 2500).to_string()).0, 400);
        let mut odd = question("V-3", 2500);
        odd["amount"] = json!("2500");
        assert_eq!(post(&url, &signed(&odd)).0, 400);
        listener.kill().unwrap();
        let shown = listener.wait_with_output().unwrap();
        let lines: Vec<&str> = stdout(&shown).lines().collect();
        assert_eq!(lines[0], format!("[V-1] is 25.00 EUR by eco-voucher accepted?: {printed}"));
        assert!(lines[1].starts_with("not genuine: "), "{lines:?}");
        let odd = "the signature is valid, but the message is not as documented: `amount`: ";
        assert!(lines[2].starts_with(odd), "{lines:?}");
    }
    let (mut listener, url) = listen(folder.path(), &["--confirm", "refuse", "--json"]);
    post(&url, &signed(&question("V-1", 2500)));
    listener.kill().unwrap();
    let shown = listener.wait_with_output().unwrap();
    let line: Value = serde_json::from_str(stdout(&shown).lines().next().unwrap()).unwrap();
    assert_eq!(
        line,
        json!({"genuine": true, "check_deposit": true, "payment_id": "V-1", "amount": 2500,
            "currency": "EUR", "payment_method": "eco-voucher", "accepted": false, "code": 1})
    );
}

#[test]
fn ask_needs_a_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let output = ecp(folder.path(), &["listen", "--addr", "127.0.0.1:0", "--confirm", "ask"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(
        (output.status.code(), stderr(&output)),
        (
            Some(2),
            "error: --confirm ask needs a terminal: use --confirm accept or --confirm refuse\n"
        )
    );
}

#[test]
fn a_terminal_is_asked_and_what_is_not_answered_in_time_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let asked = |url: &str, id: &'static str| {
        let url = url.to_owned();
        std::thread::spawn(move || post(&url, &signed(&question(id, 2500))).1)
    };
    // Longer than a busy machine needs to show the question and to read the line.
    let (mut terminal, url) =
        OnTerminal::start(folder.path(), "--confirm ask --confirm-within 60s");
    // What was typed before the question is no answer to it.
    terminal.type_line("y");
    terminal.until_shown("\ny\r\n");
    let answer = asked(&url, "V-1");
    terminal.until_shown("[V-1] is 25.00 EUR by eco-voucher accepted? y or n, within ");
    terminal.type_line("perhaps");
    terminal.type_line("y");
    assert_eq!(answer.join().unwrap(), r#"{"code":0,"payment_id":"V-1"}"#);
    let answer = asked(&url, "V-2");
    terminal.until_shown("[V-2] is 25.00 EUR");
    terminal.type_line("n");
    assert_eq!(answer.join().unwrap(), r#"{"code":1,"payment_id":"V-2"}"#);
    // A repeated question has the same answer, and is not asked again.
    assert_eq!(asked(&url, "V-1").join().unwrap(), r#"{"code":0,"payment_id":"V-1"}"#);

    let (terminal, url) = OnTerminal::start(folder.path(), "--confirm ask --confirm-within 1s");
    assert_eq!(asked(&url, "V-3").join().unwrap(), r#"{"code":1,"payment_id":"V-3"}"#);
    terminal.until_shown("[V-3] refused: no answer within 1s, and the customer waits");
}

#[test]
fn a_question_is_forwarded_with_the_answer_of_the_receiver_behind() {
    let folder = tempfile::tempdir().unwrap();
    let (mut behind, behind_url) = listen(folder.path(), &["--confirm", "accept"]);
    // One that forwards says so in its user agent, which another listener refuses.
    let behind_it = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/", behind_it.local_addr().unwrap());
    let relay = std::thread::spawn(move || {
        let (mut stream, _) = behind_it.accept().unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"}") {
            let mut part = [0; 8192];
            let length = stream.read(&mut part).unwrap();
            request.extend_from_slice(&part[..length]);
        }
        let request = String::from_utf8(request).unwrap();
        let (_, body) = request.split_once("\r\n\r\n").unwrap();
        let (status, answer) = post(&behind_url, body);
        assert_eq!(status, 200);
        let length = answer.len();
        let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {length}");
        write!(stream, "{head}\r\n\r\n{answer}").unwrap();
    });
    let (mut front, url) = listen(folder.path(), &["--forward", &address]);
    let answer = post(&url, &signed(&question("V-1", 2500)));
    assert_eq!(answer, (200, r#"{"code":0,"payment_id":"V-1"}"#.to_owned()));
    relay.join().unwrap();
    // Nothing listens behind it any more: an error declines.
    assert_eq!(post(&url, &signed(&question("V-2", 2500))).0, 502);
    for child in [&mut front, &mut behind] {
        child.kill().unwrap();
    }
    let shown = front.wait_with_output().unwrap();
    let lines: Vec<&str> = stdout(&shown).lines().collect();
    assert_eq!(lines[0], "[V-1] is 25.00 EUR by eco-voucher accepted?: accepted, code 0");
    // Refused, or reset if another program was given the port meanwhile.
    assert!(lines[1].starts_with("[V-2] not forwarded: connection re"), "{lines:?}");
    behind.wait().unwrap();
}

/// The loop of docs/getting-started.md.
#[test]
fn a_voucher_is_sold_asked_about_and_paid() {
    let folder = tempfile::tempdir().unwrap();
    for (confirm, ends) in [
        ("accept", "status `success`, 25.00 EUR"),
        ("refuse", "status `decline`, 0.00 EUR; code 30301: Merchant did not confirm"),
    ] {
        let (mut listener, url) = listen(folder.path(), &["--confirm", confirm]);
        let sandbox = Sandbox::start_with(&["--callback-url", &url]);
        let sale = sandbox
            .ecp(&["sale", "eco-voucher", "voucher-1", "0.00 EUR"])
            .args(["--field", "customer.id=7", "--field", "customer.ip_address=192.0.2.1"])
            .args(["--field", "return_url.success=https://shop.example/paid"])
            .args(["--field", "return_url.decline=https://shop.example/declined"])
            .output()
            .unwrap();
        assert_eq!(sale.status.code(), Some(0), "{}", stderr(&sale));
        until("the customer is awaited", || {
            let status = sandbox.ecp(&["status", "voucher-1"]).output().unwrap();
            stdout(&status).contains("`awaiting redirect result`").then_some(())
        });
        choose_voucher(&sandbox, "voucher-1", 2500);
        let ended = sandbox.ecp(&["status", "voucher-1", "--wait"]).output().unwrap();
        assert!(stdout(&ended).contains(ends), "{ended:?}");
        assert!(sandbox.logs("the question about the amount was answered"));
        listener.kill().unwrap();
        let shown = listener.wait_with_output().unwrap();
        let asked = "[voucher-1] is 25.00 EUR by eco-voucher accepted?: ";
        assert!(stdout(&shown).contains(asked), "{}", stdout(&shown));
    }
}
