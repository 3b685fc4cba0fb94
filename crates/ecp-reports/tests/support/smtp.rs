//! A real SMTP server for tests: aiosmtpd, which `cargo xtask sdks` installs from PyPI.

use std::io::{BufRead as _, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use base64::Engine as _;
use serde_json::Value;

/// A server on this machine. It ends when it is dropped.
pub(crate) struct SmtpServer {
    pub(crate) port: u16,
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

/// The folder of the repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

impl SmtpServer {
    /// Starts a server that does what a JSON object says (`smtp.py` lists its members). `None`, with
    /// a message, if aiosmtpd is not installed; a panic instead where `CI` is `true`.
    pub(crate) fn start(wanted: &Value) -> Option<Self> {
        let packages = root().join("target/sdks/smtp");
        if !packages.is_dir() {
            let text = "left out: reports by e-mail, to a server that `cargo xtask sdks` installs";
            assert!(std::env::var("CI").as_deref() != Ok("true"), "{text}");
            eprintln!("{text}");
            return None;
        }
        let mut child = Command::new("python3")
            // Its warnings are about what a test wants of it.
            .args(["-W", "ignore"])
            .arg(root().join("crates/ecp-reports/tests/support/smtp.py"))
            .arg(wanted.to_string())
            .env("PYTHONPATH", packages)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("python3 runs");
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let port = lines.next().expect("the server prints its port").expect("text");
        let port = port.parse().expect("the server listens");
        Some(Self { port, child, lines })
    }

    /// Ends the server, and returns the mails that have arrived and were not read.
    pub(crate) fn received(mut self) -> Vec<Value> {
        drop(self.child.stdin.take());
        std::iter::from_fn(|| self.read()).collect()
    }

    /// The next mail, waited for.
    pub(crate) fn next(&mut self) -> Value {
        self.read().expect("the server runs")
    }

    fn read(&mut self) -> Option<Value> {
        let line = self.lines.next()?.expect("text");
        Some(serde_json::from_str(&line).expect("JSON"))
    }
}

/// The contents of a file in a mail.
pub(crate) fn bytes_of(file: &Value) -> Vec<u8> {
    let text = file["bytes"].as_str().expect("the bytes of a file");
    base64::engine::general_purpose::STANDARD.decode(text).expect("base64")
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
