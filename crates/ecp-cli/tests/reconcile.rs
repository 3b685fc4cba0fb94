//! `ecp reconcile`, as an operator sees it: payouts through `ecp payouts`, callbacks into an
//! SQLite inbox, and the sandbox for a platform.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::{Command, Output};

use crate::support::data_api::{DataApi, operation};
use crate::support::sandbox::Sandbox;
use crate::support::{ecp, stderr, stdout};
use ecp_core::SecretKey;
use ecp_core::model::Callback;
use ecp_core::signature::{self, Place, Rules, SigningKey};
use ecp_inbox::Inbox;
use ecp_inbox::postgres::PostgresInbox;
use ecp_inbox::sqlite::SqliteInbox;
use ecp_notify::{Verified, Verifier};
use ecp_sandbox::Config;
use serde_json::{Value, json};

const RANGE: [&str; 4] = ["--from", "2020-01-01 00:00:00", "--to", "2099-12-31 23:59:59"];
const NOTE: &str = "note: the interval has not ended: operations in progress show as differences\n";

/// Two payouts in a journal, one of them declined, and one that nobody asked for.
fn paid() -> Sandbox {
    let sandbox = Sandbox::start();
    let file = "method,general.payment_id,payment.amount,payment.currency,account.number,\
                customer.ip_address\njeton,P-1,1000,EUR,sentinel,192.0.2.1\n\
                jeton,P-2,40000,EUR,sentinel,192.0.2.1\n";
    std::fs::write(sandbox.folder().join("payouts.csv"), file).unwrap();
    let run = sandbox.ecp(&["payouts", "payouts.csv", "--yes"]).output().unwrap();
    assert_eq!(run.status.code(), Some(3), "{}", stderr(&run));
    sandbox
}

/// The callback of a payout of 10.00 EUR that succeeded.
fn heard(id: &str) -> Verified<Callback> {
    let body = format!(
        r#"{{"project_id":1,"payment":{{"id":"{id}","type":"payout","status":"success",
        "sum":{{"amount":1000,"currency":"EUR"}}}},"operation":{{"id":4294967295,
        "type":"payout","status":"success","sum_initial":{{"amount":1000,"currency":"EUR"}}}}}}"#
    );
    let secret = SecretKey::new(Config::DEMO_KEY).unwrap();
    let key = SigningKey::new(&secret);
    let signed = signature::sign_document(&key, body.as_bytes(), Place::Root, Rules::private());
    Verifier::new().key(Config::DEMO_PROJECT, &secret).verify(&signed.unwrap()).unwrap()
}

fn pay_by_hand(sandbox: &Sandbox, id: &str) {
    let payout = sandbox
        .ecp(&["payout", "jeton", id, "20.00 EUR", "--wait"])
        .args(["--field", "customer.ip_address=192.0.2.1", "--field", "account.number=sentinel"])
        .output()
        .unwrap();
    assert_eq!(payout.status.code(), Some(0), "{}", stderr(&payout));
}

fn reconcile(sandbox: &Sandbox, arguments: &[&str]) -> Output {
    sandbox.ecp(&["reconcile"]).args(RANGE).args(arguments).output().unwrap()
}

#[test]
fn sides_that_agree_exit_with_code_0() {
    let sandbox = paid();
    let output = reconcile(&sandbox, &["--journal", "payouts.csv.journal"]);
    assert_eq!(
        (output.status.code(), stdout(&output), stderr(&output)),
        (
            Some(0),
            "2 payments compared: 0 differences, 0 pending\n\
             2 operations, 2 payouts in journals, 0 callbacks; Gate was asked about 0 payments\n",
            NOTE
        )
    );
    let output = reconcile(&sandbox, &["--journal", "payouts.csv.journal", "--json"]);
    let summary: Value = serde_json::from_str(stdout(&output)).unwrap();
    let expected = json!({"summary": {"agrees": true, "differences": 0, "payments": 2,
        "pending": 0, "operations": 2, "without_sum": 0, "payouts": 2, "callbacks": 0,
        "questions": 0, "odd": 0, "odd_payouts": 0, "odd_records": []}});
    assert_eq!((output.status.code(), summary), (Some(0), expected));
}

#[test]
fn differences_are_reported_with_an_action_and_their_own_exit_code() {
    let sandbox = paid();
    pay_by_hand(&sandbox, "X-1");
    let payouts = || sandbox.log().matches("POST /v2/payment/wallet/jeton/payout").count();
    let before = payouts();
    let output = reconcile(&sandbox, &["--journal", "payouts.csv.journal"]);
    assert_eq!(output.status.code(), Some(5), "{}", stderr(&output));
    let lines: Vec<&str> = stdout(&output).lines().collect();
    assert_eq!(lines[0], "nobody_asked X-1: a payout that neither a journal nor the inbox has");
    assert!(lines[1].starts_with("  platform  payout "), "{lines:?}");
    assert!(lines[1].ends_with(" `success`, 20.00 EUR"), "{lines:?}");
    assert!(lines[2].starts_with("  to do     find out who has the project's key; "), "{lines:?}");
    assert_eq!(lines[3], "3 payments compared: 1 differences, 0 pending");
    assert!(!stdout(&output).contains("sentinel"));
    assert_eq!((before, payouts()), (3, 3), "a comparison changes nothing");
}

#[test]
fn an_inbox_is_compared_by_lines_of_json() {
    let sandbox = paid();
    let db = sandbox.folder().join("inbox.sqlite");
    // The callbacks of these payouts went nowhere, and the platform does not know the one that was
    // heard of.
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let inbox = SqliteInbox::open(&db).await.unwrap();
        inbox.accept(&heard("Z-1")).await.unwrap();
    });
    let arguments = ["--db", "inbox.sqlite", "--journal", "payouts.csv.journal", "--json"];
    let output = reconcile(&sandbox, &arguments);
    assert_eq!(output.status.code(), Some(5), "{}", stderr(&output));
    let lines: Vec<Value> =
        stdout(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<(&str, &str)> = lines[..3]
        .iter()
        .map(|line| (line["payment"].as_str().unwrap(), line["difference"].as_str().unwrap()))
        .collect();
    assert_eq!(
        told,
        [("P-1", "callback_missing"), ("P-2", "callback_missing"), ("Z-1", "not_there")]
    );
    let success = |amount| json!({"status": "success", "amount": amount, "currency": "EUR"});
    assert_eq!((&lines[0]["platform"], &lines[0]["inbox"]), (&success(1000), &Value::Null));
    assert_eq!((&lines[2]["platform"], &lines[2]["inbox"]), (&Value::Null, &success(1000)));
    assert_eq!(lines[0]["operation_type"], "payout");
    assert!(lines[2]["action"].as_str().unwrap().starts_with("do not pay or deliver again; "));
    assert_eq!(lines[3]["summary"]["questions"], 1);
    assert_eq!((lines.len(), &lines[3]["summary"]["agrees"]), (4, &Value::Bool(false)));
}

#[test]
fn an_inbox_in_postgres_is_compared() {
    let Some(server) =
        ecp_testkit::postgres::Server::start_or_skip("`ecp reconcile` over Postgres")
    else {
        return;
    };
    let database = server.database().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let inbox = PostgresInbox::open(database.parse().unwrap()).await.unwrap();
        inbox.accept(&heard("Z-1")).await.unwrap();
    });
    let sandbox = Sandbox::start();
    let output = reconcile(&sandbox, &["--postgres", &database]);
    assert_eq!(output.status.code(), Some(5), "{}", stderr(&output));
    assert!(stdout(&output).starts_with("not_there Z-1: "), "{}", stdout(&output));
    assert!(stdout(&output).contains("  inbox     `success`, 10.00 EUR\n"), "{}", stdout(&output));
}

#[test]
fn a_range_is_meant_in_its_zone() {
    let sandbox = paid();
    let at = |from: &str, to: &str, zone: &str| {
        let arguments = ["--from", from, "--to", to, "--tz", zone, "--json"];
        let output = sandbox
            .ecp(&["reconcile", "--journal", "payouts.csv.journal"])
            .args(arguments)
            .output()
            .unwrap();
        let summary: Value = serde_json::from_str(stdout(&output)).unwrap();
        (summary["summary"]["operations"].as_u64().unwrap(), stderr(&output).to_owned())
    };
    let now = jiff::Timestamp::now();
    let [before, after] =
        [-3600, 3600].map(|seconds| now + jiff::SignedDuration::from_secs(seconds));
    let in_zone = |moment: jiff::Timestamp, zone: &str| {
        moment.in_tz(zone).unwrap().strftime("%Y-%m-%d %H:%M:%S").to_string()
    };
    let zone = "Pacific/Kiritimati";
    let (from, to) = (in_zone(before, zone), in_zone(after, zone));
    assert_eq!(at(&from, &to, zone), (2, NOTE.to_owned()));
    // Fourteen hours later.
    assert_eq!(at(&from, &to, "UTC").0, 0);
    assert_eq!(at("2020-01-01 00:00:00", "2020-01-02 00:00:00", "UTC"), (0, String::new()));
}

#[test]
fn the_documents_explain_every_word() {
    let documents = std::fs::read_to_string("../../docs/reconcile.md").unwrap();
    let rows: Vec<&str> = documents.lines().filter(|line| line.starts_with("| `")).collect();
    assert_eq!(rows.len(), ecp_reconcile::Kind::ALL.len());
    for (row, kind) in rows.iter().zip(ecp_reconcile::Kind::ALL) {
        let begins = format!("| `{kind}` | {} | ", kind.meaning());
        assert!(row.starts_with(&begins), "{row}");
    }
}

#[test]
fn records_that_cannot_be_compared_are_reported() {
    let sandbox = paid();
    let away = "--gate-url=http://127.0.0.1:1";
    let table: [(&[&str], i32, &str); 8] = [
        (
            &[],
            2,
            "error: nothing to compare with the platform is given: add an inbox with --db or \
             --postgres, or a journal with --journal or --postgres-journal\n",
        ),
        (&["--db", "a", "--postgres", "b"], 2, "error: the argument '--db <FILE>' cannot be used"),
        (
            &["--journal", "payouts.csv.journal", "--name", "state=x"],
            2,
            "error: --name takes MEMBER=PATH, where MEMBER is payment_id, operation_id, type, status, amount or currency",
        ),
        (
            &["--journal", "x", "--tz", "Nowhere"],
            1,
            "error: --tz Nowhere is not a known time zone: use an IANA name such as Europe/Berlin: ",
        ),
        (&["--db", "missing.sqlite"], 1, "error: there is no file missing.sqlite: "),
        (
            &["--journal", "x"],
            1,
            "error: the platform's records cannot be compared with yours: cannot read the journal x: ",
        ),
        (
            &["--journal", "payouts.csv.journal", away],
            1,
            "error: the platform's records cannot be compared with yours: cannot read the journal payouts.csv.journal: the journal \
             belongs to project 1 at ",
        ),
        (
            &["--journal", "payouts.csv.journal", "--name", "status=state"],
            1,
            "error: the platform's records cannot be compared with yours: cannot read the Data API's operations: `state` is not a member of an operation; their members are: \
             project_id, payment_id, ",
        ),
    ];
    for (arguments, code, message) in table {
        let output = reconcile(&sandbox, arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", stderr(&output));
        let told = stderr(&output).strip_prefix(NOTE).unwrap_or(stderr(&output));
        assert!(told.starts_with(message), "{arguments:?}: {told}");
        assert_eq!(stdout(&output), "", "{arguments:?}");
    }
    let early = Command::new(env!("CARGO_BIN_EXE_ecp"))
        .args(["reconcile", "--journal", "x", "--from", "2024", "--to", "2025"])
        .output()
        .unwrap();
    assert_eq!(early.status.code(), Some(1));
    assert_eq!(
        stderr(&early),
        "error: `2024` is neither a time such as 2024-01-31 14:53:55 nor a day such as 2024-01-31\n"
    );

    let folder = tempfile::tempdir().unwrap();
    let profile = "[shop]\nproject = 7\nkey_env = \"SHOP_KEY\"\n";
    std::fs::write(folder.path().join("profiles.toml"), profile).unwrap();
    let none = ecp(folder.path(), &["reconcile", "--profiles", "profiles.toml"])
        .args(["--profile", "shop", "--journal", "x"])
        .args(RANGE)
        .env("SHOP_KEY", "k")
        .output()
        .unwrap();
    assert_eq!(none.status.code(), Some(1));
    assert!(stderr(&none).ends_with(
        "error: profile `shop` has no token and key for the Data API: add `data_token_env` and \
         `data_key_env` to the profile\n"
    ));
}

/// `ecp reconcile` with the sandbox for Gate and another Data API.
fn by(sandbox: &Sandbox, api: &DataApi) -> Command {
    let profile = format!(
        "[shop]\nproject = 1\nkey_env = \"SHOP_KEY\"\ngate_url = \"{}\"\ntest = true\n\
         data_token_env = \"TOKEN\"\ndata_key_env = \"DATA_KEY\"\ndata_url = \"{}\"\n",
        sandbox.url, api.url
    );
    std::fs::write(sandbox.folder().join("profiles.toml"), profile).unwrap();
    let mut command = sandbox.ecp(&["reconcile", "--profiles", "profiles.toml"]);
    command
        .args(["--profile", "shop", "--journal", "payouts.csv.journal"])
        .env("SHOP_KEY", Config::DEMO_KEY)
        .env("TOKEN", "sandbox-token-not-a-secret")
        .env("DATA_KEY", "sandbox-token-key-not-a-secret");
    command
}

fn against(sandbox: &Sandbox, operations: Vec<Value>, arguments: &[&str]) -> Output {
    let mut command = by(sandbox, &DataApi::start(operations));
    command.args(["--from", "2020-01-01", "--to", "2020-12-31"]).args(arguments).output().unwrap()
}

#[test]
fn days_that_meet_on_the_clock_meet_in_time() {
    let sandbox = paid();
    let api = DataApi::start(Vec::new());
    let days = [
        ("Africa/Cairo", "2025-10-30", "2025-10-29 21:00:00", "2025-10-30 21:59:59"),
        ("Africa/Cairo", "2025-10-31", "2025-10-30 22:00:00", "2025-10-31 21:59:59"),
        ("America/Santiago", "2026-04-04", "2026-04-04 03:00:00", "2026-04-05 03:59:59"),
        ("America/Santiago", "2026-04-05", "2026-04-05 04:00:00", "2026-04-06 03:59:59"),
    ];
    for (zone, day, from, to) in days {
        let [start, end] = ["00:00:00", "23:59:59"].map(|time| format!("{day} {time}"));
        for [first, last] in [[&*start, &*end], [day, day]] {
            let output =
                by(&sandbox, &api).args(["--from", first, "--to", last, "--tz", zone]).output();
            assert_eq!(output.unwrap().status.code(), Some(0), "{zone} {day}");
            let query = api.queries().pop().unwrap();
            assert_eq!(query["interval"], json!({"from": from, "to": to}), "{zone} {day}");
            assert_eq!(query["tz"], "UTC");
        }
    }
}

#[test]
fn one_odd_operation_is_named_and_the_others_are_compared() {
    let sandbox = paid();
    let sum = |amount: &str| json!({"amount": amount, "currency": "EUR"});
    let fee = |more: Value| {
        let mut members = json!({"operation_type": "fee"});
        members.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        members
    };
    let right = operation(
        1,
        &json!({"payment_id": "P-1", "operation_id": "63400000000001",
        "sum_initial": sum("1000")}),
    );
    let table = [
        (
            fee(json!({"payment_id": null, "operation_id": 5})),
            "operation 5: `payment_id` is not a member of an operation",
        ),
        (
            fee(json!({"payment_id": "", "operation_id": 5})),
            "operation 5: `payment_id` is not a payment id",
        ),
        (
            fee(json!({"payment_id": " x ", "operation_id": 5})),
            "operation 5: `payment_id` is not a payment id",
        ),
        (
            fee(json!({"operation_id": null})),
            "the operation at place 2: `operation_id` is not a member of an operation",
        ),
        (fee(json!({"operation_id": "5/1"})), "operation 5/1: `operation_id` is not a number"),
        (
            fee(json!({"operation_status": null})),
            "operation 1002: `operation_status` is not a member of an operation",
        ),
    ];
    for (members, expected) in table {
        let output = against(&sandbox, vec![right.clone(), operation(2, &members)], &[]);
        let message = format!(
            "unusual record: {expected}\nnote: 1 unusual records are not compared, or compared \
             without their sum\n"
        );
        assert_eq!((output.status.code(), stderr(&output)), (Some(0), &*message), "{members}");
        assert!(stdout(&output).starts_with("1 payments compared: 0 differences"), "{members}");
        assert!(stdout(&output).contains("2 operations, 2 payouts in journals"));
    }
    // An amount that cannot be read leaves the end, which is compared.
    for amount in ["300,00", "300.000"] {
        let odd = operation(2, &json!({"payment_id": "P-2", "sum_initial": sum(amount)}));
        let output = against(&sandbox, vec![right.clone(), odd], &["--json"]);
        let lines: Vec<Value> =
            stdout(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!((output.status.code(), lines.len()), (Some(5), 2), "{}", stderr(&output));
        assert_eq!(lines[0]["difference"], "decline_not_confirmed");
        let summary = &lines[1]["summary"];
        assert_eq!([&summary["odd"], &summary["odd_payouts"], &summary["without_sum"]], [1, 0, 1]);
        let expected = json!([{"record": "operation 1002",
            "problem": "`sum_initial.amount` is not an amount in the configured unit"}]);
        assert_eq!(summary["odd_records"], expected);
    }
    // A payout that names no payment is money that may have left.
    let lost = operation(2, &json!({"payment_id": null}));
    let output = against(&sandbox, vec![right.clone(), lost], &[]);
    assert_eq!(output.status.code(), Some(5), "{}", stderr(&output));
    assert!(
        stderr(&output)
            .contains("note: 1 of these records are payouts, whose money may have left: "),
        "{}",
        stderr(&output)
    );
    // Nearly all without a member: then its name is wrong.
    let nameless = |number| operation(number, &json!({"payment_id": null}));
    let all = (1..=19).map(nameless).chain([right]).collect();
    let output = against(&sandbox, all, &[]);
    assert_eq!(output.status.code(), Some(1));
    let message = "error: the platform's records cannot be compared with yours: cannot read the Data API's operations: `payment_id` is not a member of an operation; their members are: ";
    assert!(stderr(&output).starts_with(message), "{}", stderr(&output));
}

/// The kinds and payments of the differences, and the exit code.
fn differences(sandbox: &Sandbox, operations: Vec<Value>) -> (Vec<(String, String)>, Option<i32>) {
    let output = against(sandbox, operations, &["--json"]);
    let lines = stdout(&output).lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let told = lines
        .filter(|line| line.get("difference").is_some())
        .map(|line| (text(&line["difference"]), text(&line["payment"])))
        .collect();
    (told, output.status.code())
}

fn told(kind: &str, payment: &str) -> (String, String) {
    (kind.to_owned(), payment.to_owned())
}

#[test]
fn one_operation_that_the_list_tells_in_two_ways_is_a_difference_in_either_order() {
    let sandbox = paid();
    let row = |more: Value| {
        let mut members = json!({"payment_id": "P-1", "operation_id": 7,
            "sum_initial": {"amount": 1000, "currency": "EUR"}});
        members.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        operation(1, &members)
    };
    let status = |status: &str| row(json!({"operation_status": status}));
    let sum = |amount: u32, currency: &str| {
        row(json!({"sum_initial": {"amount": amount, "currency": currency}}))
    };
    let contradicts = told("platform_contradicts", "P-1");
    // What went on between two pages, and what was told twice.
    for rows in [
        [status("processing"), status("success")],
        [status("success"), status("processing")],
        [status("success"), status("success")],
        [row(json!({"sum_initial": null})), status("success")],
    ] {
        assert_eq!(differences(&sandbox, rows.to_vec()), (vec![], Some(0)), "{rows:?}");
    }
    for [one, other] in [
        [status("decline"), status("success")],
        [status("success"), status("internal error")],
        [status("success"), status("paid at last")],
        [sum(1000, "EUR"), sum(2000, "EUR")],
        [sum(1000, "EUR"), sum(1000, "USD")],
        [status("success"), row(json!({"operation_type": "refund"}))],
    ] {
        for rows in [[one.clone(), other.clone()], [other, one]] {
            let (told, code) = differences(&sandbox, rows.to_vec());
            assert_eq!(code, Some(5), "{rows:?}");
            let count = told.iter().filter(|told| **told == contradicts).count();
            assert_eq!(count, 2, "one for each reading: {told:?} {rows:?}");
        }
    }
    let (told, _) = differences(&sandbox, vec![status("decline"), status("success")]);
    assert_eq!(told, [contradicts.clone(), contradicts], "the success is compared");
}

#[test]
fn types_that_are_not_known_and_payouts_in_an_error_are_differences() {
    let sandbox = paid();
    let payout = |number: u64, id: &str, more: Value| {
        let mut members =
            json!({"payment_id": id, "sum_initial": {"amount": 1000, "currency": "EUR"}});
        members.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        operation(number, &members)
    };
    let right = payout(1, "P-1", json!({}));
    let other = json!({"operation_type": "Payout"});
    let with = |more: Vec<Value>| {
        differences(&sandbox, std::iter::once(right.clone()).chain(more).collect())
    };
    let unknown = |id: &str| (vec![told("unknown_type", id)], Some(5));
    assert_eq!(with(vec![payout(2, "P-1", other.clone())]), unknown("P-1"));
    assert_eq!(with(vec![payout(2, "X-1", other.clone())]), unknown("X-1"));
    assert_eq!(differences(&sandbox, vec![payout(2, "P-1", other.clone())]), unknown("P-1"));
    // One that names no payment may be money that has left.
    let lost =
        with(vec![payout(2, "P-1", json!({"operation_type": "Payout", "payment_id": null}))]);
    assert_eq!(lost, (vec![], Some(5)));

    let error = json!({"operation_status": "internal error"});
    let in_error = (vec![told("ended_in_error", "P-1")], Some(5));
    assert_eq!(with(vec![payout(2, "P-1", error.clone())]), in_error);
    assert_eq!(with(vec![payout(0, "P-1", error.clone())]), in_error);
    let declined = payout(
        3,
        "P-2",
        json!({"operation_status": "decline",
        "sum_initial": {"amount": 40000, "currency": "EUR"}}),
    );
    assert_eq!(
        with(vec![payout(2, "P-2", error), declined]),
        (vec![told("ended_in_error", "P-2")], Some(5))
    );
}
