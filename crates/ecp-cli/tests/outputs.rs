//! Where commands write: no file is lost, and `-` is standard output.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs::{self, File};
use std::process::Stdio;

use ecp_inbox::sqlite::SqliteInbox;

use crate::support::sandbox::{Sandbox, until};
use crate::support::{ecp, stderr, stdout};

const ROWS: &str = "method,general.payment_id,payment.amount,payment.currency,account.number,\
                    customer.ip_address\njeton,P-1,1000,EUR,7,192.0.2.1\n\
                    jeton,P-2,1000,EUR,7,192.0.2.1\n";
const SUMMARY: &str = "2 paid, 0 declined, 0 unknown, 0 not sent; ";

fn paid() -> Sandbox {
    let sandbox = Sandbox::start();
    fs::write(sandbox.folder().join("rows.csv"), ROWS).unwrap();
    let run = sandbox.ecp(&["payouts", "rows.csv", "--yes"]).output().unwrap();
    assert_eq!(run.status.code(), Some(0), "{}", stderr(&run));
    sandbox
}

/// Runs it with a file for its standard output, and returns its exit code, that file and its
/// standard error.
fn into_a_file(sandbox: &Sandbox, arguments: &[&str]) -> (Option<i32>, String, String) {
    let path = sandbox.folder().join("out");
    let child = sandbox
        .ecp(arguments)
        .stdout(File::create(&path).unwrap())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let output = child.wait_with_output().unwrap();
    (output.status.code(), fs::read_to_string(path).unwrap(), stderr(&output).to_owned())
}

#[test]
fn results_on_standard_output_are_whole_and_the_summary_is_beside_them() {
    let sandbox = paid();
    let results = fs::read_to_string(sandbox.folder().join("rows.csv.results.csv")).unwrap();
    for path in ["-", "/dev/stdout", "/dev/fd/1", "out"] {
        for json in [&[][..], &["--json"]] {
            let arguments =
                [&["payouts", "rows.csv", "--yes", "--results", path][..], json].concat();
            let (code, written, printed) = into_a_file(&sandbox, &arguments);
            assert_eq!(
                (code, written.as_str()),
                (Some(0), results.as_str()),
                "{path} {json:?}: {printed}"
            );
            assert!(printed.contains(SUMMARY), "{path}: {printed}");
            assert_eq!(printed.contains("\"success\": 2"), !json.is_empty(), "{path}: {printed}");
        }
    }
    // A pipe.
    let arguments = ["payouts", "rows.csv", "--yes", "--results", "-"];
    let piped = sandbox.ecp(&arguments).output().unwrap();
    assert_eq!(stdout(&piped), results);
    assert!(!sandbox.folder().join("-").exists());
}

#[test]
fn a_dash_is_standard_output_for_every_command() {
    let sandbox = paid();
    let range = ["--from", "2020-01-01", "--to", "2099-12-31"];
    let operations = |more: &[&str]| {
        let output = sandbox.ecp(&["operations"]).args(range).args(more).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{more:?}: {}", stderr(&output));
        output.stdout
    };
    assert_eq!(operations(&["--output", "-"]), operations(&[]));
    assert!(operations(&["--output", "-", "--format", "xlsx"]).starts_with(b"PK"));
    let report = ["report", "rows.csv.results.csv", "--by", "result", "--output", "-"];
    let report = sandbox.ecp(&report).output().unwrap();
    assert!(stdout(&report).starts_with("<!DOCTYPE html>"), "{}", stderr(&report));
    let journal =
        sandbox.ecp(&["payouts", "rows.csv", "--yes", "--journal", "-"]).output().unwrap();
    assert_eq!(journal.status.code(), Some(2));
    assert!(stderr(&journal).contains("the journal must be a file"), "{}", stderr(&journal));

    let log = sandbox.folder().join("events");
    let mut other = sandbox
        .ecp(&["sandbox", "--addr", "127.0.0.1:0", "--log", "-"])
        .stdout(File::create(&log).unwrap())
        .stderr(File::create(sandbox.folder().join("words")).unwrap())
        .spawn()
        .unwrap();
    let url = until("the other sandbox listens", || {
        let words = fs::read_to_string(sandbox.folder().join("words")).unwrap();
        let url = words.lines().find_map(|line| line.strip_prefix("Gate:"))?.trim().to_owned();
        words.contains("key:").then(|| url.trim_end_matches("/v2/payment/..").to_owned())
    });
    let run =
        sandbox.ecp(&["payouts", "rows.csv", "--yes", "--journal", "other", "--results", "o"]);
    let run = { run }.args(["--gate-url", &url]).output().unwrap();
    assert_eq!(run.status.code(), Some(0), "{}", stderr(&run));
    let events = fs::read_to_string(log).unwrap();
    other.kill().unwrap();
    other.wait().unwrap();
    assert!(events.lines().count() > 2);
    for event in events.lines() {
        assert!(serde_json::from_str::<serde_json::Value>(event).unwrap().is_object(), "{event}");
    }
    assert!(!sandbox.folder().join("-").exists());
}

#[test]
fn no_output_replaces_a_database() {
    let sandbox = paid();
    let folder = sandbox.folder();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async { SqliteInbox::open(folder.join("inbox.sqlite")).await.unwrap() });
    // What SQLite keeps beside a database.
    fs::write(folder.join("other-wal"), [&b"\x37\x7f\x06\x82"[..], &[0; 28]].concat()).unwrap();
    std::os::unix::fs::symlink("rows.csv.journal", folder.join("link.csv")).unwrap();
    let range = ["--from", "2020-01-01", "--to", "2099-12-31"];
    for name in ["rows.csv.journal", "inbox.sqlite", "other-wal", "link.csv"] {
        let before = fs::read(folder.join(name)).unwrap();
        let [from, first, to, last] = range;
        let commands: [&[&str]; 3] = [
            &["operations", from, first, to, last, "--format", "csv", "--output", name],
            &["report", "rows.csv.results.csv", "--by", "result", "--output", name],
            &["payouts", "rows.csv", "--yes", "--journal", "another", "--results", name],
        ];
        for command in commands {
            let output = sandbox.ecp(command).output().unwrap();
            let printed = stderr(&output);
            assert_eq!(output.status.code(), Some(1), "{command:?}: {printed}");
            assert!(
                printed.contains(name) && printed.contains("an SQLite database"),
                "{command:?}: {printed}"
            );
            assert_eq!(fs::read(folder.join(name)).unwrap(), before, "{command:?}");
        }
    }
    // Nothing was paid under a journal without results.
    assert_eq!(sandbox.log().matches("the payment is `processing`").count(), 2);
}

#[test]
fn a_report_does_not_replace_what_it_is_made_of() {
    let folder = tempfile::tempdir().unwrap();
    let file = "id,status\n1,success\n";
    fs::write(folder.path().join("a.csv"), file).unwrap();
    std::os::unix::fs::symlink("a.csv", folder.path().join("link.csv")).unwrap();
    for [from, to] in
        [["a.csv", "a.csv"], ["a.csv", "./a.csv"], ["a.csv", "link.csv"], ["link.csv", "a.csv"]]
    {
        let arguments = ["report", from, "--by", "status", "--output", to];
        let output = ecp(folder.path(), &arguments).output().unwrap();
        let message = format!(
            "error: the page would replace {from}, the file that it is made from: name another file with --output\n"
        );
        assert_eq!((output.status.code(), stderr(&output)), (Some(1), &*message));
        assert_eq!(fs::read_to_string(folder.path().join("a.csv")).unwrap(), file);
    }
}
