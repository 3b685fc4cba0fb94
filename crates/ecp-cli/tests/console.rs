//! `ecp console`, as a browser and a shell see it: over a real inbox, the journal of a real run and the
//! report of a real comparison, through a socket.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Stdio};

use crate::support::sandbox::{Sandbox, until};
use crate::support::{ecp, stderr, stdout};
use ecp_inbox::Inbox;
use ecp_inbox::conformance::Body;
use ecp_inbox::sqlite::SqliteInbox;
use ecp_sandbox::Config;

pub(crate) struct Console {
    process: Child,
    output: BufReader<ChildStdout>,
    address: String,
    /// The header that a browser sends after it has opened the printed address.
    cookie: String,
}

impl Console {
    /// A console on a free port, which a browser has opened.
    pub(crate) fn start(sandbox: &Sandbox, arguments: &[&str]) -> Self {
        let mut process = sandbox
            .ecp(&["console", "--addr", "127.0.0.1:0", "--operator", "anna"])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        let mut console = Self { process, output, address: String::new(), cookie: String::new() };
        let line = console.line();
        let url = line.strip_prefix("Console:   http://").unwrap();
        let (address, key) = url.split_once('/').unwrap();
        address.clone_into(&mut console.address);
        let opened = console.request("GET", &format!("/{key}"), "");
        assert!(opened.starts_with("HTTP/1.1 303 "), "{opened}");
        let header = opened.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
        assert!(header.ends_with("; Path=/; HttpOnly; SameSite=Strict"), "{header}");
        let port = console.address.rsplit(':').next().unwrap();
        assert!(header.starts_with(&format!("ecp_console_{port}=")), "{header}");
        console.cookie = format!("cookie: a=b; {}\r\n", header.split(';').next().unwrap());
        let again = console.request("GET", &format!("/{key}"), "");
        assert!(again.starts_with("HTTP/1.1 303 ") && again.contains("location: /\r\n"), "{again}");
        let rest = console.request("GET", &format!("/callbacks{key}&state=dead&payment=a%26b"), "");
        assert!(rest.contains("location: /callbacks?state=dead&payment=a%26b\r\n"), "{rest}");
        console
    }

    /// The next line that it prints.
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    fn request(&self, method: &str, path: &str, form: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let Self { address, cookie, .. } = self;
        let length = form.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: {address}\r\norigin: http://{address}\r\n{cookie}\
             content-length: {length}\r\nconnection: close\r\n\r\n{form}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    pub(crate) fn answer(&self, path: &str) -> String {
        self.request("GET", path, "")
    }

    pub(crate) fn page(&self, path: &str) -> String {
        let answer = self.request("GET", path, "");
        assert!(answer.starts_with("HTTP/1.1 200 "), "{path}: {answer}");
        answer
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A sandbox with a run of payouts, a report of a comparison, and an inbox with a held callback about
/// a payment that it does not know.
fn place() -> Sandbox {
    let sandbox = Sandbox::start();
    let file = "method,general.payment_id,payment.amount,payment.currency,account.number,\
                customer.ip_address\njeton,P-1,1000,EUR,sentinel,192.0.2.1\n";
    std::fs::write(sandbox.folder().join("payouts.csv"), file).unwrap();
    let run = sandbox.ecp(&["payouts", "payouts.csv", "--yes"]).output().unwrap();
    assert_eq!(run.status.code(), Some(0), "{}", stderr(&run));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let inbox = SqliteInbox::open(&sandbox.folder().join("inbox.sqlite")).await.unwrap();
        let project = Config::DEMO_PROJECT.get();
        let body = Body { project, ..Body::new("Z-1", 1, "success") }.doubtful();
        inbox.accept(&body.verified()).await.unwrap();
    });
    let range = ["--from", "2020-01-01 00:00:00", "--to", "2099-12-31 23:59:59"];
    let report = sandbox
        .ecp(&["reconcile", "--journal", "payouts.csv.journal", "--db", "inbox.sqlite", "--json"])
        .args(range)
        .output()
        .unwrap();
    assert_eq!(report.status.code(), Some(5), "{}", stderr(&report));
    std::fs::write(sandbox.folder().join("report.json"), stdout(&report)).unwrap();
    sandbox
}

#[test]
fn an_operator_sees_what_a_real_run_left_and_asks_gate() {
    let sandbox = place();
    let arguments =
        ["--db", "inbox.sqlite", "--journal", ".", "--report", "report.json", "--allow-changes"];
    let mut console = Console::start(&sandbox, &arguments);
    let first = console.page("/");
    assert!(first.contains("report.json: 2 differences from the platform"), "{first}");
    let jobs = console.page("/payouts");
    assert!(jobs.contains("1 of 1 rows of the journal have a result"), "{jobs}");
    assert!(jobs.contains("10.00 EUR"), "{jobs}");
    let report = console.page("/reconciliation/report?file=report.json");
    for words in
        ["callback_missing", "callback_held", "callbacks?payment=Z-1", "ask `ecp status P-1`"]
    {
        assert!(report.contains(words), "{words}: {report}");
    }
    for page in [&first, &jobs, &report] {
        assert!(!page.contains("sentinel"), "{page}");
    }

    let asked = console.request("POST", "/callbacks/1/release", "");
    assert!(asked.contains("location: /callbacks/1?release=undecided"), "{asked}");
    let event = console.line();
    let words = "anna had Gate asked about callback 1 (project 1, payment Z-1): undecided";
    assert!(event.ends_with(words), "{event}");
    assert!(console.request("POST", "/callbacks/1/body", "").contains("x;payment:extra:1"));
    let event = console.line();
    assert!(event.ends_with("anna was shown the body of callback 1 (project 1, payment Z-1)"));
}

/// Starts a comparison of many days on the page, and returns the page of its result.
fn compared(console: &Console) -> String {
    let form = "from=2020-01-01&to=2099-12-31";
    let started = console.request("POST", "/reconciliation/compare", form);
    let link = started.lines().find_map(|line| line.strip_prefix("location: ")).unwrap();
    until("the comparison has ended", || {
        let page = console.page(link);
        (!page.contains("The comparison is running")).then_some(page)
    })
}

#[test]
fn an_operator_compares_without_changes_being_allowed() {
    let sandbox = place();
    let mut console =
        Console::start(&sandbox, &["--db", "inbox.sqlite", "--journal", ".", "--journal", "."]);
    assert!(console.line().starts_with("read only: "));
    let list = console.page("/reconciliation");
    let words =
        format!("operations of project 1 at {} with the inbox and the journals", sandbox.url);
    assert!(list.contains(&words), "{list}");
    // It finds what `ecp reconcile` finds.
    let page = compared(&console);
    for words in [
        "callback_missing",
        "callback_held",
        "callbacks?payment=Z-1",
        "ask `ecp status P-1`",
        "<dt>Differences</dt><dd>2</dd>",
        "<dt>Operations on the platform</dt><dd>1</dd>",
        "<dt>Payouts in journals</dt><dd>1</dd>",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    let event = console.line();
    let words = "anna started a comparison of project 1, 2020-01-01T00:00:00+0000 to \
                 2099-12-31T23:59:59+0000";
    assert!(event.ends_with(words), "{event}");
    let first = console.page("/");
    assert!(first.contains("compared here: 2 differences from the platform"), "{first}");

    // A platform that does not answer is named, and a profile that cannot be read costs no page.
    let away = ["--db", "inbox.sqlite", "--gate-url", "http://127.0.0.1:1"];
    let page = compared(&Console::start(&sandbox, &away));
    let words = "cannot connect to http://127.0.0.1:1: connection refused";
    assert!(page.contains("did not come to its end") && page.contains(words), "{page}");
    let console = Console::start(&sandbox, &["--db", "inbox.sqlite", "--profile", "missing"]);
    assert!(!console.page("/").contains("/reconciliation"));
}

#[test]
fn only_a_browser_with_the_key_is_served_and_nothing_is_changed_unless_allowed() {
    let sandbox = place();
    let mut console = Console::start(&sandbox, &["--db", "inbox.sqlite"]);
    assert_eq!(console.line(), "read only: --allow-changes lets it replay and release callbacks");
    assert!(console.page("/callbacks").contains("Z-1"));
    assert!(console.request("POST", "/callbacks/1/release", "").contains("Read only"));
    let cookie = std::mem::take(&mut console.cookie);
    for wrong in [String::new(), cookie.replace('=', "=0"), cookie.to_uppercase()] {
        console.cookie = wrong;
        for path in ["/", "/callbacks/1", "/?key=", "/?key=00", "/assets/x"] {
            let refused = console.request("GET", path, "");
            assert!(refused.starts_with("HTTP/1.1 401 "), "{refused}");
            assert!(!refused.contains("Z-1") && !refused.contains("set-cookie"), "{refused}");
        }
        assert!(console.request("POST", "/callbacks/1/body", "").starts_with("HTTP/1.1 401 "));
    }
}

#[test]
fn a_console_of_nothing_or_of_a_missing_inbox_says_what_to_give() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, code, message) in [
        (
            &[][..],
            2,
            "error: nothing to show is given: add an inbox with --db or --postgres, journals with \
             --journal or --postgres-journal, or reports with --report\n",
        ),
        (&["--db", "x", "--postgres", "y"], 2, "error: the argument '--db <FILE>' cannot be used"),
        (&["--db", "x"], 1, "error: there is no file x: name the inbox database of your service"),
        (
            &["--report", "x", "--addr", "192.0.2.1:1"],
            1,
            "error: cannot listen on 192.0.2.1:1; is it in use?",
        ),
    ] {
        let output = ecp(folder.path(), &[&["console"], arguments].concat()).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{}", stderr(&output));
        assert!(stderr(&output).starts_with(message), "{}", stderr(&output));
    }
}
