//! `ecp operations` against the sandbox's Data API.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::Command;

use crate::support::data_api::{DataApi, operation};
use crate::support::sandbox::Sandbox;
use crate::support::{ecp, stderr, stdout};
use calamine::{Data, Reader as _};
use serde_json::{Value, json};

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
    assert!(sandbox.logs("POST /v1/operations/get"));
}

#[test]
fn problems_are_reported() {
    let folder = tempfile::tempdir().unwrap();
    let nobody = "http://127.0.0.1:1";
    let table: [(&[&str], i32, &str); 5] = [
        (
            &["--format", "xlsx"],
            2,
            "error: the format xlsx needs the name of a file: add --output PATH\n",
        ),
        (&["--filter", "x=["], 1, "error: the value of `--filter x` is not JSON: "),
        (&["--filter", "x"], 2, "error: invalid value 'x' for '--filter <NAME=JSON>'"),
        (
            &["--output", "no/folder.csv"],
            1,
            "error: cannot write the operations to no/folder.csv: ",
        ),
        (&[], 1, "error: cannot connect to http://127.0.0.1:1: connection refused"),
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
        "error: profile `shop` has no token and key for the Data API: add `data_token_env` and \
         `data_key_env` to the profile\n"
    );
    let early =
        ecp(folder.path(), &["operations", "--from", "2024", "--to", "2025"]).output().unwrap();
    assert_eq!(
        stderr(&early),
        "error: `2024` is neither a time such as 2024-01-31 14:53:55 nor a day such as 2024-01-31\n"
    );
}

/// `ecp operations` of November in some zone from a Data API with these operations.
fn november(
    operations: Vec<Value>,
    arguments: &[&str],
) -> (tempfile::TempDir, std::process::Output) {
    let folder = tempfile::tempdir().unwrap();
    let api = DataApi::start(operations);
    let output = ecp(folder.path(), &["operations", "--from", "2026-11-01", "--to", "2026-11-30"])
        .args(["--gate-url", &api.url])
        .args(arguments)
        .output()
        .unwrap();
    (folder, output)
}

#[test]
fn a_long_value_is_cut_in_a_workbook_and_whole_in_csv() {
    let long = "x".repeat(40_000);
    let operations = || {
        vec![
            operation(1, &json!({"sum_initial": {"amount": -500, "currency": "EUR"}})),
            operation(2, &json!({"operation_message": long})),
            operation(3, &json!({"operation_message": "a\u{0}b\u{b}c\u{fffe}😀"})),
        ]
    };
    let (folder, book) = november(operations(), &["--output", "long.xlsx"]);
    assert_eq!(book.status.code(), Some(0), "{}", stderr(&book));
    assert_eq!(
        stderr(&book),
        "3 operations\n\
         warning: operation 1002, column `operation_message`: 40000 characters are cut to 32767; export to CSV \
         for all of them\n\
         warning: operation 1003, column `operation_message`: holds U+FFFE or U+FFFF, which are U+FFFD in a \
         workbook\n"
    );
    let mut workbook: calamine::Xlsx<_> =
        calamine::open_workbook(folder.path().join("long.xlsx")).unwrap();
    let sheet = workbook.worksheet_range("Operations").unwrap();
    let column = |name: &str| {
        let mut names = sheet.rows().next().unwrap().iter();
        names.position(|cell| *cell == Data::String(name.to_owned())).unwrap()
    };
    let cell = |row: usize, name: &str| sheet.rows().nth(row).unwrap()[column(name)].clone();
    let Data::String(message) = cell(2, "operation_message") else { panic!("it is no text") };
    assert!(message.len() == 32_767 && message.starts_with("xxx"), "{}", message.len());
    assert!(
        message.ends_with("[cut here: a cell of a workbook holds no more; see the export to CSV]")
    );
    // Amounts can be summed up; numbers of operations are text.
    assert_eq!(cell(1, "sum_initial.amount"), Data::Float(-500.0));
    assert_eq!(cell(1, "operation_id"), Data::String("1001".to_owned()));

    let (_, csv) = november(operations(), &[]);
    assert_eq!(csv.status.code(), Some(0), "{}", stderr(&csv));
    assert!(stdout(&csv).contains(&long));
}

#[test]
fn numbers_stay_numbers_and_formulas_become_text() {
    let operations = vec![
        operation(
            1,
            &json!({"operation_type": "chargeback", "sum_initial": {"amount": -500, "currency": "EUR"},
                "fee": "-0.35", "customer_phone": "+60123456789"}),
        ),
        operation(
            2,
            &json!({"customer_name": "=1+1", "note": "a;=1+1", "fee": "-2+3+cmd|' /C calc'!A0"}),
        ),
    ];
    let (_, output) = november(operations, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let lines: Vec<&str> = stdout(&output).lines().collect();
    assert_eq!(
        lines,
        [
            "project_id,payment_id,operation_id,operation_type,operation_status,operation_created_at,\
             sum_initial.amount,sum_initial.currency,fee,customer_phone,customer_name,note",
            "1,M-1,1001,chargeback,success,2026-11-01 00:00:00,-500,EUR,-0.35,+60123456789,,",
            "1,M-2,1002,payout,success,2026-11-01 00:00:00,30000,EUR,'-2+3+cmd|' /C calc'!A0,,'=1+1,\
             a;'=1+1",
        ]
    );
}

#[test]
fn days_are_asked_for_whole_and_a_repeated_hour_in_utc() {
    let api = DataApi::start(Vec::new());
    let asked = |from: &str, to: &str, tz: &str| {
        let folder = tempfile::tempdir().unwrap();
        let command =
            ["operations", "--from", from, "--to", to, "--tz", tz, "--gate-url", &api.url];
        let output = ecp(folder.path(), &command).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let query = api.queries().pop().unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let interval =
            [&query["interval"]["from"], &query["interval"]["to"], &query["tz"]].map(text);
        (interval, stderr(&output).to_owned())
    };
    let words = |from: &str, to: &str, tz: &str| [from, to, tz].map(str::to_owned);
    assert_eq!(
        asked("2026-11-01", "2026-11-30", "Asia/Singapore"),
        (words("2026-11-01 00:00:00", "2026-11-30 23:59:59", "Asia/Singapore"), String::new())
    );
    let (interval, note) = asked("2025-10-30 00:00:00", "2025-10-30 23:59:59", "Africa/Cairo");
    assert_eq!(interval, words("2025-10-29 21:00:00", "2025-10-30 21:59:59", "UTC"));
    assert!(
        note.starts_with(
            "note: the time 2025-10-30 23:59:59 occurs twice in the time zone Africa/Cairo: "
        ),
        "{note}"
    );
}

/// Takes so many posts, answers each 200, and returns their bodies.
fn merchant(posts: usize) -> (String, std::thread::JoinHandle<Vec<Value>>) {
    use std::io::{BufRead as _, BufReader, Read as _, Write as _};

    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/operations/5fe1c9", listener.local_addr().unwrap());
    let take = move || {
        let one = |_| {
            let mut stream = BufReader::new(listener.accept().unwrap().0);
            let mut length = 0;
            loop {
                let mut line = String::new();
                stream.read_line(&mut line).unwrap();
                if let Some(bytes) = line.to_lowercase().strip_prefix("content-length:") {
                    length = bytes.trim().parse().unwrap();
                }
                if line == "\r\n" {
                    break;
                }
            }
            let mut body = vec![0; length];
            stream.read_exact(&mut body).unwrap();
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            stream.get_mut().write_all(answer).unwrap();
            serde_json::from_slice(&body).unwrap()
        };
        (0..posts).map(one).collect()
    };
    (url, std::thread::spawn(take))
}

#[test]
fn operations_are_sent_to_an_address_and_nothing_is_written() {
    let sandbox = Sandbox::start();
    let head = "method,general.payment_id,payment.amount,payment.currency,account.number,\
                customer.ip_address\njeton,P-1,1000,EUR,7,192.0.2.1\n";
    std::fs::write(sandbox.folder().join("payouts.csv"), head).unwrap();
    let run = sandbox.ecp(&["payouts", "payouts.csv", "--yes"]).output().unwrap();
    assert_eq!(run.status.code(), Some(0), "{}", stderr(&run));

    let (url, merchant) = merchant(1);
    let sent = operations(&sandbox, &["--destination", &url]).output().unwrap();
    assert_eq!((sent.status.code(), stdout(&sent)), (Some(0), ""), "{}", stderr(&sent));
    assert_eq!(stderr(&sent), "the platform was asked to send 1 operations; pages: 1\n");
    let page = merchant.join().unwrap().remove(0);
    assert_eq!(page["operations"][0]["payment_id"], "P-1");
    assert!(page["signature"].is_string());
    // The sandbox has another name for the member, so it is a query as any other.
    let arguments = ["--destination", &url, "--destination-name", "url", "--offset", "1"];
    let unnamed = operations(&sandbox, &arguments).output().unwrap();
    assert_eq!(stderr(&unnamed), "the platform was asked to send 0 operations; pages: 1\n");

    for (arguments, words) in [
        (&["--destination", "http://shop.example/x"][..], "plain HTTP"),
        (&["--destination", &url, "--output", "x.csv"], "cannot be used with"),
        (&["--destination-name", "url"], "--destination <URL>"),
    ] {
        let refused = operations(&sandbox, arguments).output().unwrap();
        assert_eq!(refused.status.code(), Some(2), "{}", stderr(&refused));
        assert!(stderr(&refused).contains(words), "{}", stderr(&refused));
    }
}
