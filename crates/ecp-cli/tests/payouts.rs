//! `ecp payouts`, as an operator sees it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::support::sandbox::{Sandbox, until};
use crate::support::{ecp, stderr, stdout};

const HEAD: &str =
    "method,general.payment_id,payment.amount,payment.currency,account.number,customer.ip_address";

fn write_rows(folder: &Path, rows: usize) {
    let row = |row| format!("jeton,P-{row},{},EUR,account-sentinel,192.0.2.1\n", 1000 + row);
    let rows: String = (0..rows).map(row).collect();
    std::fs::write(folder.join("payouts.csv"), format!("{HEAD}\n{rows}")).unwrap();
}

/// How often each payment was begun, by what the sandbox printed.
fn begun(log: &str) -> BTreeMap<&str, usize> {
    let mut begun = BTreeMap::new();
    for line in log.lines().filter(|line| line.ends_with("the payment is `processing`")) {
        let id = line.split(['[', ']']).nth(1).unwrap();
        *begun.entry(id).or_insert(0) += 1;
    }
    begun
}

fn interrupt(child: &Child) {
    let interrupt = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(interrupt.unwrap().success());
}

#[test]
fn a_thousand_rows_are_paid_once_through_two_interruptions_and_a_kill() {
    let sandbox = Sandbox::start();
    write_rows(sandbox.folder(), 1000);
    let command = ["payouts", "payouts.csv", "--yes"];
    let paid = || sandbox.log().matches("the payment is `processing`").count();

    // Ctrl-C.
    let first =
        sandbox.ecp(&command).stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    until("the first run pays", || (paid() > 50).then_some(()));
    interrupt(&first);
    let first = first.wait_with_output().unwrap();
    assert_eq!(first.status.code(), Some(4), "{}", stderr(&first));
    assert!(stderr(&first).contains("stopping: waiting for the requests that were sent"));
    assert!(stderr(&first).contains("not every row has ended: run the same command again"));
    let after_first = paid();
    assert!((51..1000).contains(&after_first), "{after_first}");

    // Ctrl-C, again and again, by somebody without patience.
    let mut second = sandbox.ecp(&command).stderr(Stdio::null()).spawn().unwrap();
    until("the second run pays", || (paid() > after_first + 50).then_some(()));
    let code = until("the second run ends", || {
        interrupt(&second);
        second.try_wait().unwrap()
    });
    assert_eq!(code.code(), Some(4));
    let after_second = paid();
    assert!(after_second < 1000, "{after_second}");

    // kill -9.
    let mut third = sandbox.ecp(&command).stderr(Stdio::null()).spawn().unwrap();
    until("the third run pays", || (paid() > after_second + 50).then_some(()));
    third.kill().unwrap();
    third.wait().unwrap();
    assert!(paid() < 1000, "{}", paid());

    let last = sandbox.ecp(&command).output().unwrap();
    assert_eq!(last.status.code(), Some(0), "{}", stderr(&last));
    assert!(stdout(&last).starts_with("1000 paid, 0 declined, 0 unknown, 0 not sent; "));

    let log = sandbox.log();
    let begun = begun(&log);
    assert_eq!(begun.len(), 1000);
    assert!(begun.values().all(|times| *times == 1), "{begun:?}");
    let results =
        std::fs::read_to_string(sandbox.folder().join("payouts.csv.results.csv")).unwrap();
    let success = results.lines().filter(|line| line.contains(",EUR,success,success,")).count();
    assert_eq!((success, results.lines().count()), (1000, 1001));
    assert!(!results.contains("sentinel"));

    // Another run has nothing to do.
    let another = sandbox.ecp(&command).output().unwrap();
    let all = "1000 paid, 0 declined, 0 unknown, 0 not sent; 1000 of them in an earlier run\n";
    assert_eq!((another.status.code(), stdout(&another)), (Some(0), all));
    assert_eq!(
        sandbox.log().matches("POST /v2/payment/wallet/jeton/payout").count(),
        log.matches("POST /v2/payment/wallet/jeton/payout").count()
    );
}

/// Runs it on a terminal of its own, types, and returns what the terminal showed.
fn on_a_terminal(sandbox: &Sandbox, arguments: &str, typed: &str) -> (Option<i32>, String) {
    let ecp = env!("CARGO_BIN_EXE_ecp");
    let mut child = Command::new("script")
        .args(["--quiet", "--return", "--command"])
        .arg(format!("stty cols 120; exec {ecp} {arguments}"))
        .arg("/dev/null")
        .current_dir(sandbox.folder())
        .env("HOME", sandbox.folder())
        .env("ECP_GATE_URL", &sandbox.url)
        .env("TERM", "xterm")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(typed.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    drop(stdin);
    (output.status.code(), stdout(&output).to_owned())
}

#[test]
fn a_terminal_is_asked_and_shows_a_bar() {
    let sandbox = Sandbox::start();
    write_rows(sandbox.folder(), 60);
    let command = "payouts payouts.csv --rate 100";
    let (code, shown) = on_a_terminal(&sandbox, command, "no\n");
    assert_eq!(code, Some(1), "{shown}");
    assert!(shown.contains("Type `yes` to pay 60 rows: "), "{shown}");
    assert!(shown.contains("nothing was sent"), "{shown}");
    assert!(begun(&sandbox.log()).is_empty());

    let (code, shown) = on_a_terminal(&sandbox, command, "yes\n");
    assert_eq!(code, Some(0), "{shown}");
    // Rows, rate, time left and counts, while it was on its way.
    let bars: Vec<&str> = shown.split('\r').filter(|line| line.contains("/60 rows, ")).collect();
    assert!(bars.iter().any(|bar| bar.contains("/s, ") && bar.contains(" left; ")), "{shown:?}");
    assert!(bars.iter().any(|bar| bar.contains(" paid, 0 declined, 0 unknown, ")), "{shown:?}");
    assert!(shown.contains("60 paid, 0 declined, 0 unknown, 0 not sent; 0 of them in"), "{shown}");

    // The bar of the next run is about what is left.
    write_rows(sandbox.folder(), 80);
    let (code, shown) = on_a_terminal(&sandbox, command, "yes\n");
    assert_eq!(code, Some(0), "{shown}");
    let mut bars = shown.split('\r').filter(|line| line.contains("/20 rows, "));
    assert!(bars.any(|bar| bar.contains("; 60 in an earlier run")), "{shown:?}");
}

#[test]
fn a_log_gets_a_line_now_and_then() {
    let sandbox = Sandbox::start();
    write_rows(sandbox.folder(), 70);
    let output =
        sandbox.ecp(&["payouts", "payouts.csv", "--yes", "--rate", "20"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let line = stderr(&output).lines().find(|line| line.contains("/70 rows: "));
    let line = line.unwrap_or_else(|| panic!("{}", stderr(&output)));
    assert!(line.ends_with(" paid, 0 declined, 0 unknown, 0 not sent"), "{line}");
}

#[test]
fn a_dry_run_shows_the_plan_and_sends_nothing() {
    let sandbox = Sandbox::start();
    write_rows(sandbox.folder(), 3);
    let output = sandbox.ecp(&["payouts", "payouts.csv", "--dry-run", "--json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(
        stderr(&output),
        format!(
            "payouts.csv: 3 payouts for project 1 at {} (profile `sandbox`)\n  \
             jeton                    3                30.03 EUR\n\
             dry run: nothing was sent\n",
            sandbox.url
        )
    );
    let summary: serde_json::Value = serde_json::from_str(stdout(&output)).unwrap();
    assert_eq!(
        summary["totals"][0],
        serde_json::json!({
            "operation": "payout", "method": "jeton", "rows": 3, "amount": 3003, "currency": "EUR"
        })
    );
    assert_eq!((summary["rows"].as_u64(), summary["dry_run"].as_bool()), (Some(3), Some(true)));
    assert!(begun(&sandbox.log()).is_empty());
    assert!(!sandbox.folder().join("payouts.csv.journal").exists());
}

#[test]
fn declined_rows_have_an_exit_code_of_their_own_and_json_counts_them() {
    let sandbox = Sandbox::start();
    let file = "Order;Wallet;payment.currency;payment.amount;customer.ip_address;Comment\n\
                A;7;EUR;400.00;192.0.2.1;declined in a test project\nB;7;EUR;10.00;192.0.2.1;\n";
    std::fs::write(sandbox.folder().join("payouts.csv"), file).unwrap();
    let output = sandbox
        .ecp(&["payouts", "payouts.csv", "--yes", "--json", "--major-units", "--delimiter", ";"])
        .args(["--method", "wallet/jeton", "--column", "Order=general.payment_id"])
        .args(["--column", "Wallet=account.number", "--column", "Comment="])
        .args(["--results", "out.csv", "--journal", "kept"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    let summary: serde_json::Value = serde_json::from_str(stdout(&output)).unwrap();
    assert_eq!((summary["success"].as_u64(), summary["decline"].as_u64()), (Some(1), Some(1)));
    let results = std::fs::read_to_string(sandbox.folder().join("out.csv")).unwrap();
    let declined = results.lines().nth(1).unwrap();
    assert!(declined.starts_with("2,A,jeton,40000,EUR,decline,decline,20000,"), "{declined}");
    assert!(declined.ends_with(",1,a signed status says `decline`: General decline"), "{declined}");
}

#[test]
fn bad_rows_are_reported_and_nothing_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let rows = "jeton,P-1,0,EUR,7,192.0.2.1\njeton,P-2,1000,EUR,,192.0.2.1\n";
    std::fs::write(folder.path().join("payouts.csv"), format!("{HEAD}\n{rows}")).unwrap();
    let output = ecp(folder.path(), &["payouts", "payouts.csv", "--yes"]).output().unwrap();
    assert_eq!(
        (output.status.code(), stdout(&output), stderr(&output)),
        (
            Some(1),
            "",
            "payouts.csv: line 2, `payment.amount`: 0.00 EUR is not positive\n\
             payouts.csv: line 3, `account.number`: is required\n\
             error: nothing was sent: correct the 2 problems named above, and run the command again\n"
        )
    );
}

#[test]
fn a_wrong_command_line_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    write_rows(folder.path(), 1);
    std::fs::write(
        folder.path().join("profiles.toml"),
        "[shop]\nproject = 7\nkey_env = \"SHOP_KEY\"\n[broken]\nproject = 7\n",
    )
    .unwrap();
    let table: [(&[&str], i32, &str); 8] = [
        (&["payouts", "no.csv", "--yes"], 1, "error: cannot read the file of payouts, no.csv: "),
        (&["payouts", "payouts.csv"], 2, "is not a terminal: use --yes to pay, or --dry-run"),
        (
            &["payouts", "payouts.csv", "--delimiter", "ab"],
            2,
            "error: invalid value 'ab' for '--delimiter <CHARACTER>': the delimiter must",
        ),
        (
            &["payouts", "payouts.csv", "--column", "x"],
            2,
            "error: the `=` in --column is missing: write NAME=PATH",
        ),
        (&["payouts", "payouts.csv", "--wait", "soon"], 2, "`soon` is not a duration such as"),
        (
            &["payouts", "payouts.csv", "--profile", "shop"],
            1,
            "error: there is no profile `shop` in ",
        ),
        (
            &["payouts", "payouts.csv", "--profiles", "profiles.toml", "--profile", "shop"],
            1,
            "error: the environment variable SHOP_KEY is missing: set it to the key",
        ),
        (
            &["payouts", "payouts.csv", "--profiles", "profiles.toml", "--profile", "broken"],
            1,
            "error: profile `broken` needs one of `key_env` and `key_file`",
        ),
    ];
    for (arguments, code, message) in table {
        let output = ecp(folder.path(), arguments)
            .env_remove("SHOP_KEY")
            .env("XDG_CONFIG_HOME", folder.path().join("nothing"))
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(message), "{arguments:?}: {}", stderr(&output));
        assert_eq!(stdout(&output), "", "{arguments:?}");
    }
}

#[test]
fn a_platform_that_is_away_leaves_rows_unsent_and_real_money_is_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    write_rows(folder.path(), 2);
    let profile =
        "[shop]\nproject = 7\nkey_file = \"key.txt\"\ngate_url = \"http://127.0.0.1:1\"\n";
    std::fs::write(folder.path().join("profiles.toml"), profile).unwrap();
    std::fs::write(folder.path().join("key.txt"), "key-sentinel\n").unwrap();
    let output = ecp(folder.path(), &["payouts", "payouts.csv", "--yes", "--profile", "shop"])
        .args(["--profiles", "profiles.toml"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(4), "{}", stderr(&output));
    assert!(stderr(&output).contains(
        "WARNING: profile `shop` is not a test project: project 7 at http://127.0.0.1:1 moves real money\n"
    ));
    assert_eq!(
        stdout(&output),
        "0 paid, 0 declined, 0 unknown, 2 not sent; 0 of them in an earlier run\n"
    );
    let results = std::fs::read_to_string(folder.path().join("payouts.csv.results.csv")).unwrap();
    assert!(results.lines().nth(1).unwrap().contains("not sent"), "{results}");
    assert!(!format!("{results}{}", stderr(&output)).contains("sentinel"));
}

#[test]
fn a_file_whose_ids_were_changed_since_it_was_paid_is_not_paid_again() {
    let sandbox = Sandbox::start();
    let run = |ids: [&str; 2], arguments: &[&str]| {
        let row = |id: &str| format!("jeton,{id},1000,EUR,7,192.0.2.1\n");
        let file = format!("{HEAD}\n{}{}", row(ids[0]), row(ids[1]));
        std::fs::write(sandbox.folder().join("payouts.csv"), file).unwrap();
        let output = sandbox.ecp(&["payouts", "payouts.csv"]).args(arguments).output().unwrap();
        (output.status.code(), stderr(&output).to_owned())
    };
    assert_eq!(run(["0001", "0002"], &["--yes"]).0, Some(0));
    for how in ["--yes", "--dry-run"] {
        let (code, printed) = run(["1", "2"], &[how, "--shared-journal"]);
        let begins =
            "payouts.csv: line 2, `general.payment_id`: `1` is new and looks like `0001`, ";
        assert!(printed.lines().any(|line| line.starts_with(begins)), "{printed}");
        assert!(printed.ends_with("error: nothing was sent: correct the 2 problems named above, and run the command again\n"), "{printed}");
        assert_eq!(code, Some(1));

        let (code, printed) = run(["A", "B"], &[how]);
        let begins = "error: nothing was sent: the file has none of the rows that the journal records as sent (count: 2)";
        assert!(printed.lines().any(|line| line.starts_with(begins)), "{printed}");
        assert!(printed.contains("--shared-journal"), "{printed}");
        assert_eq!(code, Some(1));
    }
    assert_eq!(begun(&sandbox.log()).len(), 2);
    assert_eq!(run(["A", "B"], &["--yes", "--shared-journal"]).0, Some(0));
    assert_eq!(begun(&sandbox.log()).len(), 4);
}

#[test]
fn the_template_of_every_method_is_the_platforms_file_and_can_be_paid() {
    let sandbox = Sandbox::start();
    let template = |method: &str| {
        let output = sandbox.ecp(&["payouts", "template", method]).output().unwrap();
        (output.status.code(), stdout(&output).to_owned(), stderr(&output).to_owned())
    };
    let (code, jeton, _) = template("jeton");
    assert_eq!(code, Some(0));
    assert_eq!(
        jeton,
        "operation_type;general.project_id;method;general.payment_id;payment.amount;\
         payment.currency;customer.ip_address;account.number\n\
         payout;1;jeton-wallet;payout-jeton-1;10000;EUR;192.0.2.1;93017949\n"
    );
    for name in ["wallet/jeton", "jeton-wallet"] {
        assert_eq!(template(name).1, jeton, "{name}");
    }
    let (code, printed, error) = template("eco-voucher");
    assert_eq!((code, printed.as_str()), (Some(1), ""));
    assert!(error.starts_with("error: EcoVoucher has neither payouts nor refunds; "), "{error}");

    for method in ["jeton", "touchngo"] {
        std::fs::write(sandbox.folder().join("t.csv"), template(method).1).unwrap();
        let run = ["payouts", "t.csv", "--yes", "--journal", method];
        let output = sandbox.ecp(&run).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{method}: {}", stderr(&output));
    }
    // The payment to refund is an example.
    std::fs::write(sandbox.folder().join("t.csv"), template("wallet-partner").1).unwrap();
    let output = sandbox.ecp(&["payouts", "t.csv", "--yes"]).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    let results = std::fs::read_to_string(sandbox.folder().join("t.csv.results.csv")).unwrap();
    let row = results.lines().nth(1).unwrap();
    assert!(row.starts_with("2,order-wallet-partner-1,wallet-partner,,,decline,,3061,"), "{row}");
    assert!(row.ends_with(",refund,order-wallet-partner-1"), "{row}");
}

#[test]
fn a_mixed_file_shows_what_goes_out_and_what_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let head = "operation_type;method;general.payment_id;payment.amount;payment.currency;\
                payment.description;account.number;customer.ip_address";
    let write = |amount: &str| {
        let rows = format!(
            "payout;jeton-wallet;P-1;{amount};EUR;;7;192.0.2.1\n\
             refund;wallet-partner;order-1;;;returned;;\n\
             refund;wallet-partner;order-2;1500;INR;returned;;\n"
        );
        std::fs::write(folder.path().join("mixed.csv"), format!("{head}\n{rows}")).unwrap();
    };
    let run = || ecp(folder.path(), &["payouts", "mixed.csv", "--dry-run", "--json"]).output();
    write("30000");
    let output = run().unwrap();
    assert_eq!(
        stderr(&output),
        "mixed.csv: 1 payout and 2 refunds for project 1 at http://127.0.0.1:8080 (profile `sandbox`)\n  \
         jeton                           1               300.00 EUR\n  \
         wallet-partner, refunds         1        all that was paid\n  \
         wallet-partner, refunds         1                15.00 INR\n\
         dry run: nothing was sent\n"
    );
    let summary: serde_json::Value = serde_json::from_str(stdout(&output)).unwrap();
    assert_eq!(
        summary["totals"][1],
        serde_json::json!({
            "operation": "refund", "method": "wallet-partner", "rows": 1, "amount": null,
            "currency": null
        })
    );
    // Major units in the platform's columns.
    write("300.00");
    let output = run().unwrap();
    assert_eq!(
        (output.status.code(), stderr(&output)),
        (
            Some(1),
            "mixed.csv: line 2, `payment.amount`: has a decimal point, and amounts are whole minor \
             units: write 30000 for 300.00 EUR\n\
             if the file's amounts are in major units, such as 300.00, add --major-units\n\
             {\"error\":\"nothing was sent: correct the 1 problem named above, and run the command \
             again\",\"exit_code\":1}\n"
        )
    );
}
