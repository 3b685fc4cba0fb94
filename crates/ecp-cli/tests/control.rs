//! `ecp sandbox decide`, `fault`, `clock`, `resend`, `release` and `tail`, against a sandbox that
//! runs.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs::File;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::support::sandbox::{Sandbox, until};
use crate::support::{ecp, stderr, stdout};

fn run(sandbox: &Sandbox, arguments: &[&str]) -> Output {
    sandbox.ecp(arguments).env_remove("ECP_QUIET").output().unwrap()
}

/// The output of a command that succeeds.
fn done(sandbox: &Sandbox, arguments: &[&str]) -> Output {
    let output = run(sandbox, arguments);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", stderr(&output));
    output
}

/// The JSON of a command that succeeds and says nothing else.
fn json_of(sandbox: &Sandbox, arguments: &[&str]) -> Value {
    let output = done(sandbox, &[arguments, &["--json"]].concat());
    assert_eq!(stderr(&output), "", "{arguments:?}");
    serde_json::from_str(stdout(&output)).unwrap()
}

/// The error of a command that fails with exit code 1.
fn error(sandbox: &Sandbox, arguments: &[&str]) -> String {
    let output = run(sandbox, arguments);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {}", stderr(&output));
    assert_eq!(stdout(&output), "", "{arguments:?}");
    stderr(&output).strip_prefix("error: ").unwrap().trim_end().to_owned()
}

/// Sends a sale, and waits until it waits for its customer.
fn sell(sandbox: &Sandbox, id: &str) {
    done(sandbox, &["sale", "jeton", id, "--sample", "--quiet"]);
    assert!(sandbox.logs(&format!("[{id}] the payment is `awaiting redirect result`")));
}

#[test]
fn a_payment_is_decided_in_place_of_its_customer() {
    let sandbox = Sandbox::start();
    let url = &sandbox.url;
    for id in ["order-1", "order-2"] {
        sell(&sandbox, id);
    }
    let decided = done(&sandbox, &["sandbox", "decide", "order-1"]);
    assert_eq!(stdout(&decided), "order-1: status `success`, 100.00 EUR\n");
    assert_eq!(
        stderr(&decided),
        format!("next: open {url}/dashboard/payment?project=1&id=order-1\n")
    );
    let declined = json_of(&sandbox, &["sandbox", "decide", "order-2", "decline"]);
    assert_eq!(
        (&declined["payment_id"], &declined["status"], &declined["amount"]),
        (&json!("order-2"), &json!("decline"), &json!(10_000))
    );

    assert_eq!(
        error(&sandbox, &["sandbox", "decide", "order-1"]),
        format!(
            "{url}: the payment does not wait for the customer's decision: its status is `success`"
        )
    );
    assert_eq!(
        error(&sandbox, &["sandbox", "decide", "oder-1"]),
        format!("{url}: project 1 has no payment `oder-1`; did you mean `order-1`?")
    );
    assert_eq!(
        error(&sandbox, &["sandbox", "decide", "order-1", "success", "1.00", "USD"]),
        "the payment is in EUR, and the amount in USD: give an amount in EUR"
    );
    let wrong = run(&sandbox, &["sandbox", "decide", "order-1", "sucess", "--json"]);
    assert_eq!(wrong.status.code(), Some(2));
    let wrong: Value = serde_json::from_str(stderr(&wrong)).unwrap();
    assert_eq!(wrong["exit_code"], 2);
    let text = wrong["error"].as_str().unwrap();
    assert!(text.starts_with("invalid value 'sucess'"), "{text}");
    assert!(text.ends_with("a similar value exists: 'success'"), "{text}");
}

#[test]
fn the_amount_of_a_voucher_is_chosen() {
    let sandbox = Sandbox::start();
    let voucher = ["sale", "eco-voucher", "voucher-1", "0.00", "EUR", "--sample", "--quiet"];
    done(&sandbox, &voucher);
    assert!(sandbox.logs("[voucher-1] the payment is `awaiting redirect result`"));
    let decided = json_of(&sandbox, &["sandbox", "decide", "voucher-1", "success", "20.00", "EUR"]);
    // Without an address that confirms the amount, the platform declines it.
    assert_eq!(
        (&decided["status"], &decided["currency"]),
        (&json!("decline"), &json!("EUR")),
        "{decided}"
    );
    assert!(sandbox.logs("[voucher-1] the customer pressed success"));
}

#[test]
fn faults_are_injected_listed_and_ended() {
    let sandbox = Sandbox::start();
    assert_eq!(stdout(&done(&sandbox, &["sandbox", "fault"])), "no faults\n");
    let added = done(
        &sandbox,
        &["sandbox", "fault", "stale_payment", "--payment-id", "order-1", "--times", "1"],
    );
    let rule = r#"{"fault":"stale_payment","payment_id":"order-1","times":1}"#;
    assert_eq!(stdout(&added), format!("fault 1: {rule}\n"));
    assert_eq!(stderr(&added), "next: ecp sandbox fault --end 1\n");
    let printed = stdout(&done(&sandbox, &["sandbox", "fault", "--help"])).to_owned();
    assert!(
        printed.contains("strike before the request takes effect: a sale is\nnot registered."),
        "{printed}"
    );
    let more = r#"{"fault": "wrong_amount", "percent": 10}"#;
    assert_eq!(json_of(&sandbox, &["sandbox", "fault", more]), json!({"rule": 2}));
    let listed = json_of(&sandbox, &["sandbox", "fault"]);
    assert_eq!(listed["faults"].as_array().unwrap().len(), 2);
    let left = done(&sandbox, &["sandbox", "fault", "--end", "2"]);
    assert_eq!(stdout(&left), format!("fault 1: {rule}\n"));
    let none = error(&sandbox, &["sandbox", "fault", "--end", "2"]);
    assert!(none.starts_with(&format!("{}: no fault rule has this number", sandbox.url)), "{none}");

    // The payment is kept from ending, and released.
    sell(&sandbox, "order-1");
    let held = done(&sandbox, &["sandbox", "decide", "order-1"]);
    assert!(stdout(&held).starts_with("order-1: status `"), "{}", stdout(&held));
    assert!(!stdout(&held).contains("success"), "{}", stdout(&held));
    let release = stderr(&held).lines().next().unwrap();
    assert_eq!(release, "next: ecp sandbox release order-1");
    let released = json_of(&sandbox, &["sandbox", "release", "order-1"]);
    assert_eq!((&released["status"], &released["held"]), (&json!("success"), &json!(false)));
    let again = error(&sandbox, &["sandbox", "release", "order-1"]);
    assert!(again.ends_with("no `stale_payment` fault keeps the payment from ending"), "{again}");

    assert_eq!(json_of(&sandbox, &["sandbox", "fault", "--end-all"]), json!({"faults": []}));
    for (arguments, words) in [
        (&["lose_calback"][..], "did you mean `lose_callback`?"),
        (&[r#"{"fault":"wrong_amount","times":"1"}"#], "`times` must be a whole number"),
        (&["--times", "1"], "<FAULT>"),
    ] {
        let wrong = run(&sandbox, &[&["sandbox", "fault"], arguments].concat());
        assert_eq!(wrong.status.code(), Some(2));
        assert!(stderr(&wrong).contains(words), "{}", stderr(&wrong));
    }
}

#[test]
fn virtual_time_moves_and_the_machines_does_not() {
    let sandbox = Sandbox::start_with(&["--clock", "virtual"]);
    let shown = done(&sandbox, &["sandbox", "clock"]);
    assert!(stdout(&shown).ends_with(", virtual time\n"), "{}", stdout(&shown));
    assert_eq!(stderr(&shown), "next: ecp sandbox clock 1h\n");
    let before = json_of(&sandbox, &["sandbox", "clock"])["now"].as_str().unwrap().to_owned();
    let after = json_of(&sandbox, &["sandbox", "clock", "24h"])["now"].as_str().unwrap().to_owned();
    assert_ne!(before[..10], after[..10]);
    assert_eq!(before[10..], after[10..]);
    assert_eq!(
        error(&sandbox, &["sandbox", "clock", "1500ms"]),
        "virtual time moves by whole seconds: write a TIME such as 90s"
    );
    let machine = Sandbox::start();
    let refused = error(&machine, &["sandbox", "clock", "1h"]);
    assert!(refused.ends_with("start it with --clock virtual"), "{refused}");
    let shown = done(&machine, &["sandbox", "clock"]);
    assert!(stdout(&shown).ends_with(", the machine's clock\n"), "{}", stdout(&shown));
}

#[test]
fn a_callback_is_sent_again() {
    let sandbox = Sandbox::start();
    sell(&sandbox, "order-1");
    let words = "[order-1] callback 1 to nowhere is not sent";
    assert!(sandbox.logs(words));
    let again = done(&sandbox, &["sandbox", "resend", "order-1"]);
    assert_eq!(stdout(&again), "callback 1 of order-1 is sent again\n");
    until("it is sent", || (sandbox.log().matches(words).count() == 2).then_some(()));
    let missing = error(&sandbox, &["sandbox", "resend", "order-1", "9"]);
    assert!(missing.contains("no callback of the payment with this number"), "{missing}");
    assert_eq!(
        json_of(&sandbox, &["sandbox", "resend", "order-1", "1"]),
        json!({"payment_id": "order-1", "callback": 1})
    );
}

#[test]
fn events_are_printed_as_they_happen_until_a_signal() {
    let sandbox = Sandbox::start();
    sell(&sandbox, "order-1");
    let tail = |name: &str, arguments: &[&str]| {
        let path = sandbox.folder().join(name);
        let mut command = sandbox.ecp(&[&["sandbox", "tail"], arguments].concat());
        let output = File::create(&path).unwrap();
        let child = command.stdout(output).stderr(Stdio::piped()).spawn().unwrap();
        (path, child)
    };
    let (text, mut of_all) = tail("text", &["--lines", "1"]);
    let (lines, mut of_one) = tail("lines", &["--json", "--payment", "order-2"]);
    let read = |path| std::fs::read_to_string(path).unwrap();
    until("the last event is printed", || (read(&text).lines().count() == 1).then_some(()));
    sell(&sandbox, "order-2");
    let opened = "[order-2] the payment is `awaiting redirect result`";
    until("an event is printed", || read(&text).contains(opened).then_some(()));
    until("it is JSON", || {
        read(&lines).contains(r#""event":"payment_changed","status":"awaiting"#).then_some(())
    });
    // The sandbox prints the same lines, each a moment later or earlier.
    let shown = read(&text);
    until("the lines are the sandbox's", || {
        let log = sandbox.log();
        shown.lines().all(|line| log.lines().any(|known| known == line)).then_some(())
    });
    for line in read(&lines).lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        assert_eq!(event["payment_id"], "order-2");
    }
    for (child, signal) in [(&mut of_all, "-TERM"), (&mut of_one, "-INT")] {
        let id = child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
        assert_eq!(child.wait().unwrap().code(), Some(0), "{signal}");
    }
}

#[test]
fn a_sandbox_that_is_missing_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for command in [
        &["decide", "P"][..],
        &["fault"],
        &["clock"],
        &["resend", "P"],
        &["release", "P"],
        &["tail"],
    ] {
        let mut failed = ecp(folder.path(), &["sandbox"]);
        let failed = failed.args(command).args(["--gate-url", "http://127.0.0.1:1"]);
        let output = failed.output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{command:?}");
        assert_eq!(
            stderr(&output),
            "error: cannot connect to http://127.0.0.1:1: connection refused. If a sandbox should \
             answer there, start one by: ecp sandbox --addr 127.0.0.1:1\n",
            "{command:?}"
        );
    }
    let mut real = ecp(folder.path(), &["sandbox", "decide", "P", "--json"]);
    let output = real.args(["--gate-url", "https://api.ecommpay.com"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let error: Value = serde_json::from_str(stderr(&output)).unwrap();
    let text = error["error"].as_str().unwrap();
    assert!(text.contains("which is the platform: this command is only for a"), "{text}");
}
