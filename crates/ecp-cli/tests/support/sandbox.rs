//! A sandbox of its own for a test.

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::ecp;

/// `ecp sandbox` on a free port. It ends with the test.
pub(crate) struct Sandbox {
    process: Child,
    log: PathBuf,
    pub(crate) url: String,
    folder: tempfile::TempDir,
}

impl Sandbox {
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same with more arguments.
    pub(crate) fn start_with(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("sandbox.log");
        let process = Command::new(env!("CARGO_BIN_EXE_ecp"))
            .args(["sandbox", "--addr", "127.0.0.1:0"])
            .args(arguments)
            .stdout(File::create(&log).unwrap())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let url = until("the sandbox tells its address", || {
            let text = std::fs::read_to_string(&log).unwrap();
            let line = text.lines().find_map(|line| line.strip_prefix("Gate:"))?;
            text.contains("key:")
                .then(|| line.trim().strip_suffix("/v2/payment/..").unwrap().to_owned())
        });
        Self { process, log, url, folder }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What it has printed.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Whether it prints this text, soon: its log is written beside its answers.
    pub(crate) fn logs(&self, text: &str) -> bool {
        let end = Instant::now() + Duration::from_secs(10);
        while Instant::now() < end {
            if self.log().contains(text) {
                return true;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }

    /// The number of payments that the sandbox has.
    pub(crate) fn payments(&self) -> u64 {
        let host = self.url.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(host).unwrap();
        stream.write_all(b"GET /sandbox/payments HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let listed: serde_json::Value = serde_json::from_str(body).unwrap();
        listed["total"].as_u64().unwrap()
    }

    /// `ecp` with the sandbox as its platform, in a folder of its own.
    pub(crate) fn ecp(&self, arguments: &[&str]) -> Command {
        let mut command = ecp(self.folder(), arguments);
        command.env("ECP_GATE_URL", &self.url);
        command
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Looks again and again, for two minutes at most.
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < Duration::from_mins(2), "{what}: not within two minutes");
        std::thread::sleep(Duration::from_millis(5));
    }
}
