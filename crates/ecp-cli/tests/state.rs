//! `ecp sandbox --state`: a sandbox whose process ends, at any moment.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ecp_core::Sensitive;
use ecp_sandbox::{Config, signature};
use serde_json::{Value, json};

use crate::support::sandbox::until;
use crate::support::{ecp, stderr};

/// The address that the sandbox prints to this file when it has read its state.
fn address(log: &Path) -> String {
    until("the sandbox prints its address", || {
        let text = std::fs::read_to_string(log).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("Gate:"))?;
        let line = line.trim().strip_prefix("http://")?.strip_suffix("/v2/payment/..")?;
        text.contains("state:").then(|| line.to_owned())
    })
}

/// A sandbox with a state file. It is killed when this is dropped, as by `kill -9`.
struct Running {
    child: Child,
    address: String,
}

impl Running {
    fn start(folder: &Path, callbacks: &str) -> Self {
        let log = folder.join("sandbox.log");
        let child = Command::new(env!("CARGO_BIN_EXE_ecp"))
            .args(["sandbox", "--addr", "127.0.0.1:0", "--callback-url", callbacks, "--state"])
            .arg(folder.join("sandbox.db"))
            .stdout(File::create(&log).unwrap())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { child, address: address(&log) }
    }

    /// The JSON of an answer; `None` if the sandbox was killed before it was complete.
    fn ask(&self, method: &str, path: &str, body: &str) -> Option<Value> {
        let mut stream = TcpStream::connect(&self.address).ok()?;
        let request = format!(
            "{method} {path} HTTP/1.0\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (_, body) = answer.split_once("\r\n\r\n")?;
        serde_json::from_str(body).ok()
    }

    fn payout(&self, payment_id: &str) -> Option<Value> {
        let mut payout = json!({
            "general": {"project_id": Config::DEMO_PROJECT, "payment_id": payment_id},
            "customer": {"id": "543085", "ip_address": "192.0.2.1"},
            "account": {"number": "93017949"},
            "payment": {"amount": 10_000, "currency": "EUR", "description": "withdrawal"},
        });
        let key = Sensitive::new(Config::DEMO_KEY.to_owned());
        payout["general"]["signature"] = signature::sign(&key, &payout).into();
        self.ask("POST", "/v2/payment/wallet/jeton/payout", &payout.to_string())
    }

    /// The status of a payment.
    fn status(&self, payment_id: &str) -> Option<String> {
        let payment = self.ask("GET", &format!("/sandbox/payments/1/{payment_id}"), "")?;
        payment["status"].as_str().map(str::to_owned)
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The bodies of a merchant's callbacks by their payments, in the order in which they came.
type Callbacks = Arc<Mutex<BTreeMap<String, Vec<String>>>>;

/// A merchant that takes every callback.
fn merchant() -> (String, Callbacks) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/callbacks", listener.local_addr().unwrap());
    let received = Callbacks::default();
    let to = Arc::clone(&received);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, to) = (stream.unwrap(), Arc::clone(&to));
            std::thread::spawn(move || while take(&stream, &to).is_some() {});
        }
    });
    (url, received)
}

/// Takes one callback of a connection.
fn take(mut stream: &TcpStream, to: &Callbacks) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let body = String::from_utf8(body).unwrap();
    let document: Value = serde_json::from_str(&body).unwrap();
    let id = document["payment"]["id"].as_str().unwrap().to_owned();
    to.lock().unwrap().entry(id).or_default().push(body);
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").ok()
}

#[test]
fn a_sandbox_that_is_killed_at_any_moment_takes_nothing_back() {
    let folder = tempfile::tempdir().unwrap();
    let (url, callbacks) = merchant();
    let mut answered: BTreeMap<String, String> = BTreeMap::new();
    let mut requests: BTreeSet<String> = BTreeSet::new();
    // After so many answers, and then so many microseconds, which fall into all that a payout is.
    let moments =
        [(0, 900), (3, 0), (7, 2_000), (1, 300), (12, 5_000), (5, 1_200), (9, 20_000), (4, 600)];
    for (round, (answers, micros)) in moments.into_iter().enumerate() {
        let sandbox = Running::start(folder.path(), &url);
        let id = sandbox.child.id().to_string();
        let (enough, killing) = std::sync::mpsc::channel::<()>();
        let killer = std::thread::spawn(move || {
            // The other end is sent to or dropped.
            let _ = killing.recv();
            std::thread::sleep(Duration::from_micros(micros));
            let killed = Command::new("kill").args(["-9", &id]).status();
            assert!(killed.unwrap().success());
        });
        // The request that is under way has no answer, or has one in time.
        for number in 0.. {
            if number == answers {
                enough.send(()).unwrap();
            }
            let payment_id = format!("P{round}-{number}");
            let Some(answer) = sandbox.payout(&payment_id) else { break };
            let request_id = answer["request_id"].as_str().unwrap().to_owned();
            assert!(requests.insert(request_id.clone()), "{request_id} came twice");
            answered.insert(payment_id, request_id);
        }
        killer.join().unwrap();
        let known: Vec<String> = callbacks.lock().unwrap().keys().cloned().collect();
        sandbox.kill();

        let sandbox = Running::start(folder.path(), &url);
        for payment_id in answered.keys() {
            assert!(sandbox.status(payment_id).is_some(), "{payment_id} was answered");
        }
        for payment_id in known {
            let status = sandbox.status(&payment_id);
            assert_eq!(status.as_deref(), Some("success"), "{payment_id} was told");
        }
        // And all that was under way goes on.
        until("every payout ends and is told", || {
            let told = callbacks.lock().unwrap();
            let is_over = |id: &String| {
                told.contains_key(id) && sandbox.status(id).as_deref() == Some("success")
            };
            answered.keys().all(is_over).then_some(())
        });
        sandbox.kill();
    }
    assert!(answered.len() >= 41, "only {} payouts were answered", answered.len());
    let operations: BTreeSet<String> = callbacks
        .lock()
        .unwrap()
        .iter()
        .map(|(payment_id, bodies)| {
            assert!(bodies.iter().all(|body| *body == bodies[0]), "{payment_id}: {bodies:?}");
            let body: Value = serde_json::from_str(&bodies[0]).unwrap();
            body["operation"]["id"].to_string()
        })
        .collect();
    assert_eq!(operations.len(), callbacks.lock().unwrap().len(), "ids of operations came twice");
}

#[test]
fn a_state_file_that_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("notes.txt"),
        "no database, but longer than nothing\n".repeat(9),
    )
    .unwrap();
    let refused = sandbox_with(folder.path(), "notes.txt");
    assert_eq!(
        (refused.status.code(), stderr(&refused)),
        (
            Some(1),
            "error: cannot use the state file notes.txt: it is no state file of a sandbox: use \
             another path\n"
        )
    );
    let running = Running::start(folder.path(), "http://127.0.0.1:9/");
    let refused = sandbox_with(folder.path(), "sandbox.db");
    assert!(
        stderr(&refused).starts_with(
            "error: cannot use the state file sandbox.db: another process uses it, such as a \
             sandbox that runs"
        ),
        "{}",
        stderr(&refused)
    );
    drop(running);
}

fn sandbox_with(folder: &Path, state: &str) -> Output {
    ecp(folder, &["sandbox", "--addr", "127.0.0.1:0", "--state", state]).output().unwrap()
}

/// The limit on the size of files stands for a full disk.
#[cfg(unix)]
#[test]
fn a_sandbox_that_cannot_write_its_state_file_stops_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("sandbox.log");
    let errors = folder.path().join("errors.log");
    let mut child = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 400; exec \"$0\" \"$@\""])
        .arg(env!("CARGO_BIN_EXE_ecp"))
        .args(["sandbox", "--addr", "127.0.0.1:0", "--state", "sandbox.db"])
        .current_dir(folder.path())
        .stdout(File::create(&log).unwrap())
        .stderr(File::create(&errors).unwrap())
        .spawn()
        .unwrap();
    let address = address(&log);
    let id = child.id();
    let sandbox = Running { child: Command::new("true").spawn().unwrap(), address };
    let mut answered = 0;
    while sandbox
        .payout(&format!("P{answered}"))
        .is_some_and(|answer| answer["request_id"].is_string())
    {
        answered += 1;
        assert!(answered < 10_000, "process {id} has no limit");
    }
    let status = child.wait().unwrap();
    assert_eq!((status.code(), answered > 0), (Some(1), true));
    let errors = std::fs::read_to_string(errors).unwrap();
    assert!(errors.contains("error: cannot use the state file sandbox.db: "), "{errors}");
}
