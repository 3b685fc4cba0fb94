//! `ecp sandbox` with its settings, as a shell sees it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

/// A sandbox on a free port, ended with the value.
struct Running {
    child: Child,
    address: String,
    introduction: Vec<String>,
}

impl Running {
    fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_ecp"))
            .args(["sandbox", "--addr", "127.0.0.1:0"])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut introduction: Vec<String> = Vec::new();
        // The key comes last but for the clock and the faults, which the caller counts.
        let more = arguments.iter().filter(|argument| argument.starts_with("--fault")).count()
            + usize::from(arguments.contains(&"virtual"));
        for _ in 0..6 + more {
            introduction.push(lines.next().unwrap().unwrap());
        }
        let address = introduction[0].split("http://").nth(1).unwrap();
        let address = address.split('/').next().unwrap().to_owned();
        // Whatever else it prints must find a reader.
        std::thread::spawn(move || lines.count());
        Self { child, address, introduction }
    }

    fn send(&self, method: &str, path: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let request = format!(
            "{method} {path} HTTP/1.0\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn says(&self, words: &str) -> bool {
        self.introduction.iter().any(|line| line.contains(words))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

#[test]
fn a_file_and_flags_together_configure_the_sandbox() {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("sandbox.toml");
    let log = directory.path().join("events.jsonl");
    let text = "seed = 7\nstart = \"2030-01-01T00:00:00+0000\"\n[[projects]]\nid = 1236\n\
                [[projects]]\nid = 7\nbalances = { EUR = 5 }\n";
    std::fs::write(&config, text).unwrap();
    let sandbox = Running::start(&[
        "--config",
        config.to_str().unwrap(),
        "--clock",
        "virtual",
        "--fault",
        "wrong_amount",
        "--error-status",
        "422",
        "--log",
        log.to_str().unwrap(),
    ]);
    assert!(sandbox.says("project:   7, 1236"), "{:?}", sandbox.introduction);
    assert!(sandbox.says("2030-01-01T00:00:00+0000"), "{:?}", sandbox.introduction);
    assert!(sandbox.says(r#"{"fault":"wrong_amount"}"#), "{:?}", sandbox.introduction);
    let moved = sandbox.send("POST", "/sandbox/clock", r#"{"advance_seconds":86400}"#);
    assert!(moved.contains("2030-01-02T00:00:00+0000"), "{moved}");
    let faults = sandbox.send("GET", "/sandbox/faults", "");
    assert!(faults.contains(r#""fault":"wrong_amount""#), "{faults}");
    let refused = sandbox.send("POST", "/v2/payment/status", "{}");
    assert!(refused.lines().next().unwrap().contains(" 422 "), "{refused}");
    // The answer is an event before it is sent, and the file is written soon after.
    let written = (0..500).find_map(|_| {
        std::thread::sleep(std::time::Duration::from_millis(10));
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        (text.lines().count() == 2).then_some(text)
    });
    let written = written.unwrap();
    assert!(written.contains(r#""event":"request_received""#), "{written}");
    assert!(written.contains(r#""event":"response_sent""#), "{written}");
}

#[test]
fn urls_of_flags_change_the_projects_of_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("sandbox.toml");
    std::fs::write(&config, "[[projects]]\nid = 1236\n[[projects]]\nid = 7\n").unwrap();
    // An address beyond this machine is refused at the start, by the project that has it.
    for (flags, words) in [
        (
            &["--callback-url", "http://shop.test/a"][..],
            "cannot send anything to http://shop.test/a, an address of project 7: ",
        ),
        (
            &["--confirmation-url", "http://shop.test/b"],
            "cannot send anything to http://shop.test/b, an address of project 7: ",
        ),
        (
            &["--project", "1236", "--callback-url", "http://shop.test/c"],
            "cannot send anything to http://shop.test/c, an address of project 1236: ",
        ),
        (
            &["--project", "8", "--callback-url", "http://shop.test/d"],
            "cannot send anything to http://shop.test/d, an address of project 8: ",
        ),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_ecp"))
            .args(["sandbox", "--addr", "127.0.0.1:0", "--config", config.to_str().unwrap()])
            .args(flags)
            .output()
            .unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && error.contains(words), "{flags:?}: {error}");
    }
    let flags = ["--config", config.to_str().unwrap(), "--callback-url", "http://127.0.0.1:9/"];
    let sandbox = Running::start(&flags);
    assert!(sandbox.says("project:   7, 1236"), "{:?}", sandbox.introduction);
}

#[test]
fn an_open_address_is_warned_of_and_mistakes_are_reported() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_ecp"))
        .args(["sandbox", "--addr", "0.0.0.0:0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut warning = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut warning).unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(warning.starts_with("WARNING: 0.0.0.0:0 is open to your network"), "{warning}");
    assert!(first.contains("http://127.0.0.1:"), "{first}");

    let directory = tempfile::tempdir().unwrap();
    let settings = directory.path().join("sandbox.toml");
    std::fs::write(&settings, "error_status = 99\n").unwrap();
    let settings = settings.to_str().unwrap();
    let named = format!("cannot use the settings file {settings}: `error_status` must be");
    for (arguments, words) in [
        (["--config", settings], named.as_str()),
        (["--fault", "thunder"], "there is no fault `thunder`"),
        (["--fault", r#"{"fault":"wrong_amount","millis":1}"#], "has no `millis`"),
        (
            ["--config", "/nowhere/sandbox.toml"],
            "cannot read the settings file /nowhere/sandbox.toml",
        ),
        (
            ["--key-env", "ECP_TEST_NO_SUCH_KEY"],
            "ECP_TEST_NO_SUCH_KEY is missing: set it to the key",
        ),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_ecp"))
            .arg("sandbox")
            .args(arguments)
            .output()
            .unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && error.contains(words), "{arguments:?}: {error}");
    }
}
