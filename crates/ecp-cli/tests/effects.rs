//! What has happened is not reported as a failure before it, whatever becomes of the report; and a
//! cause that is not the row's ends no row.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Output, Stdio};

use crate::support::sandbox::Sandbox;
use crate::support::{stderr, stdout};

const HEAD: &str =
    "method,general.payment_id,payment.amount,payment.currency,account.number,customer.ip_address";
const PAYOUT: [&str; 6] = [
    "jeton",
    "P-17",
    "300.00 EUR",
    "--field=customer.ip_address=192.0.2.1",
    "--field=account.number=93017949",
    "--json",
];

/// A file of a paid row and, if wanted, of a declined one.
fn write_rows(sandbox: &Sandbox, with_decline: bool) -> String {
    let declined = if with_decline { "jeton,P-2,40000,EUR,7,192.0.2.1\n" } else { "" };
    let file = format!("{HEAD}\njeton,P-1,1000,EUR,7,192.0.2.1\n{declined}");
    std::fs::write(sandbox.folder().join("payouts.csv"), &file).unwrap();
    file
}

/// Runs it with a standard output that is full.
fn into_a_full_device(mut command: Command) -> Output {
    let full = File::options().write(true).open("/dev/full").unwrap();
    command.stdout(full).stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap()
}

/// Runs it with a standard output that has no reader any more.
fn into_a_closed_pipe(mut command: Command) -> Output {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    command.stdout(writer).stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap()
}

#[test]
fn results_and_a_journal_that_cannot_be_written_are_found_before_anything_is_sent() {
    let sandbox = Sandbox::start();
    let file = write_rows(&sandbox, false);
    std::fs::create_dir(sandbox.folder().join("folder")).unwrap();
    let table: [(&[&str], &str); 11] = [
        (&["--results", "nowhere/dir/x.csv"], "cannot write the results to nowhere/dir/x.csv: "),
        (&["--results", "payouts.csv/x.csv"], "cannot write the results to payouts.csv/x.csv: "),
        (&["--results", "folder"], "cannot write the results to folder: "),
        (&["--results", "payouts.csv"], "the results would overwrite it"),
        (&["--results", "./folder/../payouts.csv"], "the results would overwrite it"),
        (&["--results", "payouts.csv.journal"], "the results would overwrite the journal"),
        (&["--results", "./payouts.csv.journal-wal"], "the results would overwrite the journal"),
        (
            &["--results", "x", "--journal", "folder/../x"],
            "the results would overwrite the journal",
        ),
        (&["--journal", "payouts.csv"], "is the file to pay, and cannot be its journal"),
        (&["--journal", "folder"], "folder: the journal cannot be read or written"),
        (
            &["--journal", "nowhere/journal"],
            "nowhere/journal: the journal cannot be read or written",
        ),
    ];
    for (arguments, words) in table {
        let output = sandbox.ecp(&["payouts", "payouts.csv", "--yes"]).args(arguments).output();
        let output = output.unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(words), "{arguments:?}: {}", stderr(&output));
        let now = std::fs::read_to_string(sandbox.folder().join("payouts.csv")).unwrap();
        assert_eq!((sandbox.payments(), now.as_str()), (0, file.as_str()), "{arguments:?}");
    }
    // What is wrong with the paths is found without paying, too.
    let dry = sandbox.ecp(&["payouts", "payouts.csv", "--dry-run", "--results", "payouts.csv"]);
    assert_eq!({ dry }.output().unwrap().status.code(), Some(1));
}

#[test]
fn a_full_or_closed_standard_output_leaves_the_exit_code_to_the_rows() {
    for (with_decline, code) in [(false, 0), (true, 3)] {
        for more in [&[][..], &["--json"]] {
            let sandbox = Sandbox::start();
            write_rows(&sandbox, with_decline);
            let rows = 1 + u64::from(with_decline);
            let command = |name: &str| {
                let journal = format!("{name}.journal");
                let mut command = sandbox.ecp(&["payouts", "payouts.csv", "--yes", "--journal"]);
                command.arg(journal).args(more);
                command
            };
            let full = into_a_full_device(command("one"));
            assert_eq!(full.status.code(), Some(code), "{more:?}: {}", stderr(&full));
            let words = "error: the result cannot be printed on standard output (No space left";
            assert!(stderr(&full).contains(words), "{}", stderr(&full));
            let result = if more.is_empty() { "1 paid, " } else { "\"success\": 1" };
            assert!(stderr(&full).contains(result), "{}", stderr(&full));
            assert_eq!(sandbox.payments(), rows);

            let closed = into_a_closed_pipe(command("one"));
            assert_eq!(closed.status.code(), Some(code), "{}", stderr(&closed));
            assert!(!stderr(&closed).contains("error"), "{}", stderr(&closed));
            assert_eq!(sandbox.payments(), rows);

            // A standard error that is full does not matter either.
            let mut quiet = command("one");
            let full = || File::options().write(true).open("/dev/full").unwrap();
            quiet.stdout(full()).stderr(full());
            assert_eq!(quiet.status().unwrap().code(), Some(code));
            assert_eq!(sandbox.payments(), rows);
        }
    }
}

#[test]
fn results_that_fail_at_the_end_are_had_from_the_journal() {
    let sandbox = Sandbox::start();
    write_rows(&sandbox, false);
    let command = ["payouts", "payouts.csv", "--yes", "--results"];
    let full = sandbox.ecp(&command).arg("/dev/full").output().unwrap();
    assert_eq!(full.status.code(), Some(0), "{}", stderr(&full));
    assert!(
        stderr(&full).contains("error: cannot write the results to /dev/full (No space left"),
        "{}",
        stderr(&full)
    );
    assert!(stdout(&full).starts_with("1 paid, "), "{}", stdout(&full));
    let again = sandbox.ecp(&command).arg("out.csv").output().unwrap();
    assert_eq!((again.status.code(), sandbox.payments()), (Some(0), 1), "{}", stderr(&again));
    let results = std::fs::read_to_string(sandbox.folder().join("out.csv")).unwrap();
    assert!(results.contains("2,P-1,jeton,1000,EUR,success,"), "{results}");

    // What is no file is written to, and stays what it is.
    let null = sandbox.ecp(&command).arg("/dev/null").output().unwrap();
    assert_eq!(null.status.code(), Some(0), "{}", stderr(&null));
    assert!(!std::fs::metadata("/dev/null").unwrap().is_file());
    let (out, link) = (sandbox.folder().join("out.csv"), sandbox.folder().join("link.csv"));
    std::fs::write(&out, "old").unwrap();
    std::os::unix::fs::symlink(&out, &link).unwrap();
    let linked = sandbox.ecp(&command).arg("link.csv").output().unwrap();
    assert_eq!(linked.status.code(), Some(0), "{}", stderr(&linked));
    assert!(link.symlink_metadata().unwrap().is_symlink());
    assert_eq!(std::fs::read_to_string(&out).unwrap(), results);
    let left = std::fs::read_dir(sandbox.folder()).unwrap();
    let mut left = left.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(left.all(|name| !name.ends_with(".unfinished")));
}

#[test]
fn the_result_of_a_sent_payment_is_printed_even_if_standard_output_is_closed() {
    let sandbox = Sandbox::start();
    let payout = |id: &str| {
        let mut command = sandbox.ecp(&["payout"]);
        command.args(PAYOUT.map(|argument| if argument == "P-17" { id } else { argument }));
        command
    };
    let full = into_a_full_device(payout("P-1"));
    assert_eq!(full.status.code(), Some(0), "{}", stderr(&full));
    assert!(stderr(&full).contains("\"outcome\": \"registered\""), "{}", stderr(&full));
    let closed = into_a_closed_pipe(payout("P-2"));
    assert_eq!((closed.status.code(), stderr(&closed)), (Some(0), ""));
    assert_eq!(sandbox.payments(), 2);
    // A question that cannot be answered is a failure: nothing has happened.
    let status = into_a_full_device(sandbox.ecp(&["status", "P-1"]));
    assert_eq!(status.status.code(), Some(1), "{}", stderr(&status));
}

#[test]
fn a_reader_that_has_gone_is_no_error_of_any_command() {
    let sandbox = Sandbox::start();
    let table: [&[&str]; 6] = [
        &["methods"],
        &["methods", "--json"],
        &["methods", "jeton"],
        &["completions", "bash"],
        &["man"],
        &["status", "P-1"],
    ];
    let paid = sandbox.ecp(&["payout"]).args(PAYOUT).output().unwrap();
    assert_eq!(paid.status.code(), Some(0), "{}", stderr(&paid));
    for arguments in table {
        let output = into_a_closed_pipe(sandbox.ecp(arguments));
        let code = if arguments[0] == "status" { Some(1) } else { Some(0) };
        assert_eq!((output.status.code(), stderr(&output)), (code, ""), "{arguments:?}");
    }
    let full = into_a_full_device(sandbox.ecp(&["methods"]));
    assert_eq!(full.status.code(), Some(1), "{}", stderr(&full));
    assert!(stderr(&full).contains("No space left"), "{}", stderr(&full));
}

/// A profile of the sandbox's project with another key.
fn with_a_wrong_key(sandbox: &Sandbox, arguments: &[&str]) -> Output {
    let profile = "[wrong]\nproject = 1\nkey_file = \"key.txt\"\ntest = true\n";
    std::fs::write(sandbox.folder().join("profiles.toml"), profile).unwrap();
    std::fs::write(sandbox.folder().join("key.txt"), "another key\n").unwrap();
    let profile = ["--profile", "wrong", "--profiles", "profiles.toml"];
    sandbox.ecp(arguments).args(profile).output().unwrap()
}

#[test]
fn a_wrong_key_stops_a_run_ends_no_row_and_is_mended() {
    let sandbox = Sandbox::start();
    write_rows(&sandbox, true);
    let pay = ["payouts", "payouts.csv", "--yes"];
    let wrong = with_a_wrong_key(&sandbox, &pay);
    assert_eq!(wrong.status.code(), Some(4), "{}", stderr(&wrong));
    assert!(stderr(&wrong).contains("stopped at payout P-"), "{}", stderr(&wrong));
    assert!(stderr(&wrong).contains("mend the cause, then run the same command again"));
    assert!(stderr(&wrong).contains(
        "Invalid signature (`general.signature`); this is about the project, not the payment: correct its key or settings, then try again"
    ), "{}", stderr(&wrong));
    assert!(stdout(&wrong).starts_with("0 paid, 0 declined, 0 unknown, 2 not sent;"));
    let results = || std::fs::read_to_string(sandbox.folder().join("payouts.csv.results.csv"));
    assert_eq!(results().unwrap().matches(",not sent,").count(), 2, "{}", results().unwrap());

    let mended = sandbox.ecp(&pay).output().unwrap();
    assert_eq!((mended.status.code(), sandbox.payments()), (Some(3), 2), "{}", stderr(&mended));
    assert!(stdout(&mended).starts_with("1 paid, 1 declined, "), "{}", stdout(&mended));

    // The journal is lost, and the key is wrong again: what was paid is not declined.
    std::fs::remove_file(sandbox.folder().join("payouts.csv.journal")).unwrap();
    let lost = with_a_wrong_key(&sandbox, &["payouts", "payouts.csv", "--yes", "--json"]);
    assert_eq!(lost.status.code(), Some(4), "{}", stderr(&lost));
    let summary: serde_json::Value = serde_json::from_str(stdout(&lost)).unwrap();
    assert_eq!((summary["decline"].as_u64(), summary["not_sent"].as_u64()), (Some(0), Some(2)));
    assert!(summary["stopped"].as_str().unwrap().contains("3261"), "{summary}");
    // With the right one, what is there is found: the same ends as before, and nothing is paid twice.
    sandbox.ecp(&pay).output().unwrap();
    let again = sandbox.ecp(&pay).output().unwrap();
    assert_eq!((again.status.code(), sandbox.payments()), (Some(3), 2), "{}", stderr(&again));
}

#[test]
fn a_single_payout_with_a_wrong_key_was_not_sent_and_says_what_to_mend() {
    let sandbox = Sandbox::start();
    let arguments: Vec<&str> = ["payout"].into_iter().chain(PAYOUT).collect();
    let wrong = with_a_wrong_key(&sandbox, &arguments);
    assert_eq!(wrong.status.code(), Some(1), "{}", stderr(&wrong));
    let printed: serde_json::Value = serde_json::from_str(stdout(&wrong)).unwrap();
    assert_eq!((&printed["outcome"], &printed["code"]), (&"not sent".into(), &"3261".into()));
    assert!(printed["message"].as_str().unwrap().contains("correct its key"), "{printed}");
    let status = with_a_wrong_key(&sandbox, &["status", "P-17", "--wait=1s"]);
    assert_eq!(status.status.code(), Some(1), "{}", stdout(&status));
    assert!(stderr(&status).contains("correct its key"), "{}", stderr(&status));
    let right = sandbox.ecp(&arguments).output().unwrap();
    assert_eq!((right.status.code(), sandbox.payments()), (Some(0), 1), "{}", stderr(&right));
}

/// Adds a fault to a sandbox that runs.
fn add_fault(sandbox: &Sandbox, rule: &str) {
    let host = sandbox.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    let request = format!(
        "POST /sandbox/faults HTTP/1.0\r\nhost: {host}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{rule}",
        rule.len()
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.lines().next().unwrap().contains(" 20"), "{answer}");
}

#[test]
fn an_end_in_an_error_has_its_word_and_its_exit_code() {
    let sandbox = Sandbox::start();
    add_fault(&sandbox, r#"{"fault":"end_in_error","payment_id":"P-2"}"#);
    add_fault(&sandbox, r#"{"fault":"end_in_error","payment_id":"P-17"}"#);
    // One row is paid, the other would have been declined.
    write_rows(&sandbox, true);
    let pay = ["payouts", "payouts.csv", "--yes", "--json"];
    let output = sandbox.ecp(&pay).output().unwrap();
    assert_eq!(output.status.code(), Some(6), "{}", stderr(&output));
    assert!(
        stderr(&output).contains(
            "1 row ended in an error: it is unknown whether money has moved: ask technical support"
        ),
        "{}",
        stderr(&output)
    );
    let summary: serde_json::Value = serde_json::from_str(stdout(&output)).unwrap();
    let counts = ["success", "decline", "error", "unknown"].map(|name| summary[name].as_u64());
    assert_eq!(counts, [Some(1), Some(0), Some(1), Some(0)]);
    let results = std::fs::read_to_string(sandbox.folder().join("payouts.csv.results.csv"));
    assert!(results.unwrap().contains("3,P-2,jeton,40000,EUR,error,internal error,501,"));
    // It is asked about again, and not sent again.
    let again = sandbox.ecp(&["payouts", "payouts.csv", "--yes"]).output().unwrap();
    assert_eq!((again.status.code(), sandbox.payments()), (Some(6), 2), "{}", stderr(&again));
    assert!(stdout(&again).starts_with("1 paid, 0 declined, 1 in error, 0 unknown, 0 not sent; "));

    let single = sandbox.ecp(&["payout"]).args(PAYOUT).arg("--wait").output().unwrap();
    assert_eq!(single.status.code(), Some(6), "{}", stderr(&single));
    let printed: serde_json::Value = serde_json::from_str(stdout(&single)).unwrap();
    assert_eq!((&printed["end"], &printed["is_final"]), (&"error".into(), &true.into()));
    let status = sandbox.ecp(&["status", "P-17", "--wait"]).output().unwrap();
    assert_eq!(status.status.code(), Some(6), "{}", stderr(&status));
    assert!(stdout(&status).contains("ask technical support before"), "{}", stdout(&status));
}

#[test]
fn one_address_in_two_spellings_has_one_journal() {
    let sandbox = Sandbox::start();
    write_rows(&sandbox, false);
    let pay = ["payouts", "payouts.csv", "--yes", "--gate-url"];
    let port = sandbox.url.rsplit(':').next().unwrap();
    let spellings = [
        sandbox.url.clone(),
        format!("{}/", sandbox.url),
        format!("HTTP://127.0.0.1:{port}"),
        format!("http://127.0.0.1:0{port}/"),
    ];
    for url in &spellings {
        let output = sandbox.ecp(&pay).arg(url).output().unwrap();
        assert_eq!((output.status.code(), sandbox.payments()), (Some(0), 1), "{}", stderr(&output));
    }
    // Another address is another one.
    let other = sandbox.ecp(&pay).arg("http://127.0.0.1:1").output().unwrap();
    assert_eq!(other.status.code(), Some(1), "{}", stderr(&other));
    assert!(stderr(&other).contains("the journal belongs to project 1 at "), "{}", stderr(&other));

    // Under another name of the file, the journal is the same.
    for (link, to) in [("link.csv", "payouts.csv"), ("./again.csv", "link.csv")] {
        std::os::unix::fs::symlink(to, sandbox.folder().join(link)).unwrap();
        let output = sandbox.ecp(&["payouts", link, "--yes"]).output().unwrap();
        assert_eq!((output.status.code(), sandbox.payments()), (Some(0), 1), "{}", stderr(&output));
        assert!(stdout(&output).contains("1 of them in an earlier run"), "{}", stdout(&output));
    }
}
