//! `ecp payouts --postgres`, `ecp reconcile` and `ecp console` over a journal that payers share.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

use ecp_testkit::postgres::Server;
use serde_json::Value;

use crate::console::Console;
use crate::support::sandbox::{Sandbox, until};
use crate::support::{stderr, stdout};

const HEAD: &str =
    "method,general.payment_id,payment.amount,payment.currency,account.number,customer.ip_address";

static SERVER: LazyLock<Option<Server>> =
    LazyLock::new(|| Server::start_or_skip("`ecp payouts` by several payers"));

fn write_rows(sandbox: &Sandbox, file: &str, rows: std::ops::Range<usize>) {
    let row = |row| format!("jeton,P-{row},{},EUR,account-sentinel,192.0.2.1\n", 1000 + row);
    let rows: String = rows.map(row).collect();
    std::fs::write(sandbox.folder().join(file), format!("{HEAD}\n{rows}")).unwrap();
}

fn payouts(sandbox: &Sandbox, database: &str, arguments: &[&str]) -> Command {
    let mut command = sandbox.ecp(&["payouts", "--postgres", database]);
    for name in ["PGPASSWORD", "PGSSLMODE", "PGSSLROOTCERT", "PGCHANNELBINDING"] {
        command.env_remove(name);
    }
    command.args(arguments);
    command
}

fn run(sandbox: &Sandbox, database: &str, arguments: &[&str]) -> Output {
    payouts(sandbox, database, arguments).output().unwrap()
}

#[test]
fn payers_on_several_machines_carry_out_one_file_and_each_has_all_results() {
    let Some(server) = &*SERVER else { return };
    let database = server.database().unwrap();
    let sandbox = Sandbox::start();
    write_rows(&sandbox, "payouts.csv", 0..600);
    let paid = || sandbox.log().matches("the payment is `processing`").count();

    // Looking makes no tables, which the database's next user could not tell from a job.
    for _ in 0..2 {
        let dry = run(&sandbox, &database, &["payouts.csv", "--dry-run"]);
        assert_eq!(dry.status.code(), Some(0), "{}", stderr(&dry));
        assert!(stderr(&dry).contains("job `payouts.csv`: no payer works on it now\n"));
        assert!(!stderr(&dry).contains("earlier run"), "{}", stderr(&dry));
    }
    let status = run(&sandbox, &database, &["payouts.csv", "--status"]);
    assert_eq!(status.status.code(), Some(4), "{}", stderr(&status));
    assert_eq!(stdout(&status), "0 paid, 0 declined, 0 unknown, 600 not sent\n");
    assert!(stderr(&status).contains("run the command without --status\n"), "{}", stderr(&status));

    let start = |results: &str| {
        payouts(&sandbox, &database, &["payouts.csv", "--yes", "--results", results])
            .stderr(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let (first, second) = (start("first.csv"), start("second.csv"));
    until("both pay", || (paid() > 100).then_some(()));
    let status = run(&sandbox, &database, &["payouts.csv", "--status", "--json"]);
    let summary: Value = serde_json::from_str(stdout(&status)).unwrap();
    assert_eq!(summary["job"], "payouts.csv");
    assert_eq!((&summary["rows"], &summary["journal"]), (&Value::from(600), &Value::Null));
    assert!(summary["payers"].as_u64().is_some_and(|payers| payers <= 2), "{summary}");

    // Ctrl-C leaves the rows to the other one.
    let interrupted = Command::new("kill").args(["-INT", &first.id().to_string()]).status();
    assert!(interrupted.unwrap().success());
    let first = first.wait_with_output().unwrap();
    let second = second.wait_with_output().unwrap();
    assert_eq!(first.status.code(), Some(4), "{}", stderr(&first));
    assert!(stderr(&first).contains("leave the rows to other payers of the job"));
    assert_eq!(second.status.code(), Some(0), "{}", stderr(&second));
    assert!(stdout(&second).starts_with("600 paid, 0 declined, 0 unknown, 0 not sent; "));
    let log = sandbox.log();
    for row in 0..600 {
        let begun = format!("[P-{row}] the payment is `processing`");
        assert_eq!(log.matches(&begun).count(), 1, "P-{row}");
    }
    let results = std::fs::read_to_string(sandbox.folder().join("second.csv")).unwrap();
    assert_eq!(results.matches(",EUR,success,success,").count(), 600);
    assert!(!results.contains("sentinel"));
    let files = std::fs::read_dir(sandbox.folder()).unwrap();
    let journals = files
        .filter(|file| file.as_ref().unwrap().file_name().to_string_lossy().contains("journal"));
    assert_eq!(journals.count(), 0);

    let status = run(&sandbox, &database, &["payouts.csv", "--status"]);
    assert_eq!(status.status.code(), Some(0), "{}", stderr(&status));
    assert_eq!(stdout(&status), "600 paid, 0 declined, 0 unknown, 0 not sent\n");
    assert!(stderr(&status).contains("job `payouts.csv`: no payer works on it now\n"));
    let dry = run(&sandbox, &database, &["payouts.csv", "--dry-run"]);
    assert!(stderr(&dry).contains("600 rows ended in an earlier run\n"), "{}", stderr(&dry));

    // A row that was changed after it was paid is no row of the journal, under any name of the job.
    let file = sandbox.folder().join("payouts.csv");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("jeton,P-7,1007,EUR", "jeton,P-7,9900,EUR")).unwrap();
    let named = "payouts.csv: line 9: the row (payout P-7) differs from its request in the journal, which \
                 may have been sent (it was 10.07 EUR and is 99.00 EUR): ";
    let table: [&[&str]; 3] = [&["--status"], &["--dry-run"], &["--status", "--job", "again"]];
    for arguments in table {
        let changed = run(&sandbox, &database, &[&["payouts.csv"], arguments].concat());
        assert_eq!(changed.status.code(), Some(1), "{arguments:?}: {}", stderr(&changed));
        assert_eq!(stdout(&changed), "", "{arguments:?}");
        assert!(stderr(&changed).contains(named), "{arguments:?}: {}", stderr(&changed));
    }
    std::fs::write(&file, text).unwrap();

    // Under another name of a job they are paid already, and another file is no file of this job.
    let again = run(&sandbox, &database, &["payouts.csv", "--yes", "--job", "again"]);
    assert_eq!(again.status.code(), Some(0), "{}", stderr(&again));
    assert_eq!(sandbox.log().matches("the payment is `processing`").count(), 600);
    write_rows(&sandbox, "payouts.csv", 1000..1003);
    for flag in ["--yes", "--dry-run"] {
        let other = run(&sandbox, &database, &["payouts.csv", flag]);
        assert_eq!(other.status.code(), Some(1), "{}", stderr(&other));
        assert!(stderr(&other).contains("(--job NAME names another job; "), "{}", stderr(&other));
    }
    let other = run(&sandbox, &database, &["payouts.csv", "--yes", "--job", "december"]);
    assert_eq!(other.status.code(), Some(0), "{}", stderr(&other));
}

#[test]
fn a_wrong_address_or_name_is_told_before_anything_is_sent() {
    let sandbox = Sandbox::start();
    write_rows(&sandbox, "payouts.csv", 0..1);
    let address = "host=127.0.0.1 port=1 user=shop";
    let with_password = "host=127.0.0.1 port=1 user=shop password=sentinel";
    let table: [(&str, &[&str], i32, &str); 8] = [
        (address, &["--yes"], 1, "server: error connecting to server: Connection refused"),
        (address, &["--dry-run"], 1, "cannot read the journal of job `payouts.csv`"),
        (address, &["--status"], 1, "cannot read the journal of job `payouts.csv`"),
        (with_password, &["--yes"], 2, "--postgres has a password, which others can read"),
        ("host=db sslcert=sentinel", &["--yes"], 2, "`sslcert` is known to libpq"),
        (address, &["--yes", "--job", " "], 2, "--job must be a name"),
        (address, &["--yes", "--journal", "j"], 2, "cannot be used with"),
        (address, &["--status", "--dry-run"], 2, "cannot be used with"),
    ];
    for (address, arguments, code, message) in table {
        let begun = std::time::Instant::now();
        let output = run(&sandbox, address, &[&["payouts.csv"], arguments].concat());
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(message), "{arguments:?}: {}", stderr(&output));
        assert!(!stderr(&output).contains("sentinel"), "{}", stderr(&output));
        assert!(begun.elapsed().as_secs() < 30, "{arguments:?}: {:?}", begun.elapsed());
    }
    for arguments in [["--status", "--yes"], ["--job", "x"]] {
        let output = sandbox.ecp(&["payouts", "payouts.csv"]).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    }
    assert_eq!(sandbox.log().matches("POST /v2/payment").count(), 0);
}

#[test]
fn the_jobs_of_a_database_are_compared_with_the_platform_and_shown() {
    let Some(server) = &*SERVER else { return };
    let database = server.database().unwrap();
    let sandbox = Sandbox::start();
    let range = ["--from", "2020-01-01 00:00:00", "--to", "2099-12-31 23:59:59"];
    let reconcile = |arguments: &[&str]| {
        let mut command = sandbox.ecp(&["reconcile"]);
        command.args(range).args(["--postgres-journal", &database]).args(arguments);
        command.output().unwrap()
    };
    let none = reconcile(&[]);
    assert_eq!(none.status.code(), Some(1), "{}", stderr(&none));
    assert!(stderr(&none).contains("cannot read the journal in Postgres: "), "{}", stderr(&none));
    assert!(stderr(&none).contains("its database has no job of project 1 at http://127.0.0.1:"));

    let console = Console::start(&sandbox, &["--postgres-journal", &database]);
    assert!(console.page("/payouts").contains("There are no journals here yet."));
    for (file, rows) in [("november.csv", 0..3), ("december.csv", 3..5)] {
        write_rows(&sandbox, file, rows);
        let mut command = payouts(&sandbox, &database, &[file, "--yes"]);
        let paid = command.env_remove("ECP_QUIET").output().unwrap();
        assert_eq!(paid.status.code(), Some(0), "{}", stderr(&paid));
        assert!(
            stderr(&paid).contains("next: ecp reconcile --postgres-journal 'host="),
            "{}",
            stderr(&paid)
        );
    }
    let agrees = reconcile(&[]);
    assert_eq!(agrees.status.code(), Some(0), "{}{}", stdout(&agrees), stderr(&agrees));
    assert!(stdout(&agrees).contains("5 operations, 5 payouts in journals, 0 callbacks"));

    let list = console.page("/payouts");
    assert!(list.contains("2 of 2 rows of the journal have a result"), "{list}");
    let link = list.split('"').find(|link| link.contains("november")).unwrap();
    let job = console.page(&format!("{}&show=all", link.replace("&#38;", "&")));
    assert_eq!(job.matches("data-label=\"Payment\"").count(), 3, "{job}");
    assert!(job.contains("P-2") && job.contains("30.03 EUR"), "{job}");
    let unclear = console.page(&link.replace("&#38;", "&"));
    assert!(unclear.contains("Of no row it is unclear whether money has moved."), "{unclear}");

    // One that the journal does not know as paid.
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        use ecp_payouts::postgres::tokio_postgres::{NoTls, connect};
        let (client, connection) = connect(&database, NoTls).await.unwrap();
        tokio::spawn(connection);
        let unknown = "UPDATE ecp_payouts.rows SET state = 'unknown' WHERE payment_id = 'P-2'";
        client.batch_execute(unknown).await.unwrap();
    });
    let differs = reconcile(&[]);
    assert_eq!(differs.status.code(), Some(5), "{}", stderr(&differs));
    assert!(stdout(&differs).starts_with("unknown_but_paid P-2: "), "{}", stdout(&differs));
    let first = console.page("/");
    assert!(first.contains("november.csv: 1 row is unclear"), "{first}");
    let other = "/payouts/job?database=0&project=1&gate=x&job=november.csv";
    assert!(console.answer(other).starts_with("HTTP/1.1 404 "));
}
