//! `ecp operations` against the sandbox's Data API.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/sandbox.rs"]
mod sandbox;
mod support;

use std::path::Path;
use std::process::Command;

use sandbox::Sandbox;
use serde_json::Value;
use support::{ecp, stderr, stdout};

const RANGE: [&str; 4] = ["--from", "2020-01-01 00:00:00", "--to", "2099-12-31 23:59:59"];

/// A page of payouts and one more, the first of which has a formula for its id.
fn paid() -> Sandbox {
    let sandbox = Sandbox::start();
    let head = "method,general.payment_id,payment.amount,payment.currency,account.number,\
                customer.ip_address\njeton,=1+1,1000,EUR,7,192.0.2.1\n";
    let row = |row| format!("jeton,P-{row},1000,EUR,7,192.0.2.1\n");
    let file = head.to_owned() + &(1..=1000).map(row).collect::<String>();
    std::fs::write(sandbox.folder().join("payouts.csv"), file).unwrap();
    let run = sandbox.ecp(&["payouts", "payouts.csv", "--yes"]).output().unwrap();
    assert_eq!(run.status.code(), Some(0), "{}", stderr(&run));
    sandbox
}

fn operations(sandbox: &Sandbox, arguments: &[&str]) -> Command {
    let mut command = sandbox.ecp(&["operations"]);
    command.args(RANGE).args(arguments);
    command
}

#[test]
fn all_pages_are_exported_and_no_cell_is_a_formula() {
    let sandbox = paid();
    let csv = operations(&sandbox, &[]).output().unwrap();
    assert_eq!(csv.status.code(), Some(0), "{}", stderr(&csv));
    let lines: Vec<&str> = stdout(&csv).lines().collect();
    assert_eq!(lines.len(), 1002);
    assert!(
        lines[0].starts_with("project_id,payment_id,operation_id,operation_type,"),
        "{}",
        lines[0]
    );
    assert_eq!(lines.iter().filter(|line| line.starts_with("1,'=1+1,")).count(), 1);
    assert_eq!(stderr(&csv), "1000 operations\n1001 operations\n");

    // A member and a type alone, to a file.
    let arguments = ["--output", "out.json", "--filter", "operation_type=[\"payout\"]"];
    let json = operations(&sandbox, &arguments).args(["--field", "payment_id"]).output().unwrap();
    assert_eq!((json.status.code(), stdout(&json)), (Some(0), ""), "{}", stderr(&json));
    let text = std::fs::read_to_string(sandbox.folder().join("out.json")).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 1001);
    assert!(lines.contains(&serde_json::json!({"payment_id": "=1+1"})));
    let none = operations(&sandbox, &["--filter", "operation_type=\"refund\"", "--format", "json"]);
    let none = { none }.output().unwrap();
    assert_eq!((none.status.code(), stdout(&none), stderr(&none)), (Some(0), "", ""));

    let book = operations(&sandbox, &["--output", "out.xlsx"]).output().unwrap();
    assert_eq!(book.status.code(), Some(0), "{}", stderr(&book));
    let bytes = std::fs::read(sandbox.folder().join("out.xlsx")).unwrap();
    assert!(bytes.starts_with(b"PK\x03\x04") && bytes.len() > 5000, "{} bytes", bytes.len());
    let left = std::fs::read_dir(sandbox.folder()).unwrap();
    let names: Vec<_> = left.map(|file| file.unwrap().file_name()).collect();
    assert!(names.iter().all(|name| !name.to_string_lossy().contains("unfinished")), "{names:?}");

    // What was exported is what a report is made of.
    std::fs::write(sandbox.folder().join("out.csv"), &csv.stdout).unwrap();
    let report = sandbox
        .ecp(&["report", "out.csv", "--by", "operation_status", "--output", "out.html"])
        .output()
        .unwrap();
    assert_eq!(report.status.code(), Some(0), "{}", stderr(&report));
    let page = std::fs::read_to_string(sandbox.folder().join("out.html")).unwrap();
    assert!(page.contains("<p>1001 rows</p>") && page.contains(">success</text>"), "{page}");
}

/// The profile `shop`, whose Data API is there.
fn shop(folder: &Path, url: &str, token: &str) -> Command {
    let profile = format!(
        "[shop]\nproject = 1\nkey_env = \"SHOP_KEY\"\ntest = true\ndata_token_env = \"TOKEN\"\n\
         data_key_env = \"DATA_KEY\"\ndata_url = \"{url}\"\n"
    );
    std::fs::write(folder.join("profiles.toml"), profile).unwrap();
    let mut command = ecp(folder, &["operations", "--profiles", "profiles.toml"]);
    command.args(RANGE).env("ECP_PROFILE", "shop");
    command
        .env("SHOP_KEY", "k")
        .env("TOKEN", token)
        .env("DATA_KEY", "sandbox-token-key-not-a-secret");
    command
}

#[test]
fn a_token_and_its_key_come_from_the_profile() {
    let sandbox = Sandbox::start();
    let right =
        shop(sandbox.folder(), &sandbox.url, "sandbox-token-not-a-secret").output().unwrap();
    assert_eq!((right.status.code(), stdout(&right)), (Some(0), ""), "{}", stderr(&right));
    let arguments = ["--output", "out.csv"];
    let wrong = shop(sandbox.folder(), &sandbox.url, "token-sentinel").args(arguments).output();
    let wrong = wrong.unwrap();
    assert_eq!(wrong.status.code(), Some(1));
    assert!(
        stderr(&wrong).starts_with("error: the Data API answered HTTP status 400, code 3261: "),
        "{}",
        stderr(&wrong)
    );
    assert!(!stderr(&wrong).contains("sentinel"));
    // Neither half a file nor an empty one.
    let left = std::fs::read_dir(sandbox.folder()).unwrap();
    let names: Vec<_> = left.map(|file| file.unwrap().file_name()).collect();
    assert!(names.iter().all(|name| !name.to_string_lossy().contains("out.csv")), "{names:?}");
    assert!(sandbox.log().contains("POST /v1/operations/get"));
}

#[test]
fn what_is_wrong_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let nobody = "http://127.0.0.1:1";
    let table: [(&[&str], i32, &str); 5] = [
        (&["--format", "xlsx"], 2, "error: a workbook needs --output PATH\n"),
        (&["--filter", "x=["], 1, "error: the filter `x` is no JSON: "),
        (&["--filter", "x"], 2, "error: invalid value 'x' for '--filter <NAME=JSON>'"),
        (&["--output", "no/folder.csv"], 1, "error: cannot write no/folder.csv: "),
        (&[], 1, "error: no connection: "),
    ];
    for (arguments, code, message) in table {
        let output = shop(folder.path(), nobody, "t").args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", stderr(&output));
        assert!(stderr(&output).starts_with(message), "{arguments:?}: {}", stderr(&output));
    }
    let profile = "[shop]\nproject = 7\nkey_env = \"SHOP_KEY\"\n";
    std::fs::write(folder.path().join("none.toml"), profile).unwrap();
    let none = ecp(folder.path(), &["operations", "--profiles", "none.toml", "--profile", "shop"])
        .args(RANGE)
        .env("SHOP_KEY", "k")
        .output()
        .unwrap();
    assert_eq!(
        stderr(&none),
        "error: profile `shop` has no Data API: add `data_token_env` and `data_key_env` to it\n"
    );
    let early =
        ecp(folder.path(), &["operations", "--from", "2024", "--to", "2025"]).output().unwrap();
    assert_eq!(stderr(&early), "error: `interval.from` must have the form YYYY-MM-DD hh:mm:ss\n");
}
