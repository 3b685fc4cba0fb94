//! haproxy in front of the receivers.

use std::fmt::Write;
use std::fs;
use std::io::{self, ErrorKind};
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Stops haproxy when its input ends, which happens when the owner's process ends.
const CARETAKER: &str = r#"
PATH="$PATH:/usr/sbin" haproxy -db -q -f "$1" >/dev/null 2>&1 &
pid=$!
cat >/dev/null
kill -KILL "$pid" 2>/dev/null
wait "$pid"
"#;

/// The settings of `docs/operations/haproxy.cfg` that concern failures, with quick checks.
const SETTINGS: &str = "
global
    maxconn 2000
defaults
    mode http
    timeout http-request 10s
    timeout client 15s
    timeout connect 3s
    timeout server 20s
    timeout http-keep-alive 10s
    timeout queue 5s
backend shop
    balance roundrobin
    retry-on conn-failure
    option redispatch 1
    option tcp-check
";

pub(super) struct Balancer {
    caretaker: Child,
}

impl Balancer {
    /// Listens on a port, and passes requests on to others.
    pub(super) fn start(folder: &Path, port: u16, receivers: &[u16]) -> io::Result<Self> {
        let mut settings = SETTINGS.to_owned();
        for (number, receiver) in receivers.iter().enumerate() {
            let check = "check inter 200ms fall 1 rise 1";
            let _ = writeln!(settings, "    server shop{number} 127.0.0.1:{receiver} {check}");
        }
        let _ = writeln!(settings, "frontend callbacks\n    bind 127.0.0.1:{port}");
        let _ = writeln!(settings, "    default_backend shop");
        let path = folder.join("haproxy.cfg");
        fs::write(&path, settings)?;
        let caretaker = Command::new("sh")
            .args(["-c", CARETAKER, "caretaker"])
            .arg(&path)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        let balancer = Self { caretaker };
        let patience = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if Instant::now() > patience {
                return Err(io::Error::new(ErrorKind::TimedOut, "haproxy does not start"));
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(balancer)
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        drop(self.caretaker.stdin.take());
        let _ = self.caretaker.wait();
    }
}
