//! Who may read what `ecp` writes, under any umask.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::support::sandbox::{Sandbox, until};
use crate::support::{stderr, stdout};

const ROWS: &str = "method,general.payment_id,payment.amount,payment.currency,account.number,\
                    customer.ip_address\njeton,P-1,1000,EUR,7,192.0.2.1\n";

/// `ecp` in a shell that sets the umask first.
fn ecp(umask: &str, sandbox: &Sandbox, arguments: &[&str]) -> Command {
    let ecp = sandbox.ecp(arguments);
    let mut shell = Command::new("sh");
    shell.args(["-c", "umask \"$0\"; exec \"$@\"", umask]).arg(ecp.get_program());
    shell.args(ecp.get_args()).current_dir(sandbox.folder()).stdin(Stdio::null());
    for (name, value) in ecp.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell
}

fn ok(mut command: Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}{}", stdout(&output), stderr(&output));
    output
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Names of all files in a folder that are not for their owner alone.
fn open_to_others(folder: &Path, given: &[&str]) -> Vec<String> {
    let mut open = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        // A command that runs may have removed the file meanwhile.
        let Ok(data) = entry.metadata() else { continue };
        let expected = if data.is_dir() { 0o700 } else { 0o600 };
        let mode = data.permissions().mode() & 0o777;
        if !given.contains(&name.as_str()) && mode != expected {
            open.push(format!("{name} {mode:o}"));
        }
    }
    open
}

#[test]
fn what_is_written_is_for_its_owner_whatever_the_umask() {
    for umask in ["000", "022"] {
        let sandbox = Sandbox::start();
        let folder = sandbox.folder();
        fs::write(folder.join("rows.csv"), ROWS).unwrap();
        let ecp = |arguments: &[&str]| ecp(umask, &sandbox, arguments);

        ok(ecp(&["payouts", "rows.csv", "--yes"]));
        assert!(folder.join("rows.csv.results.csv").exists());
        let range = ["--from", "2020-01-01 00:00:00", "--to", "2099-12-31 23:59:59"];
        for name in ["out.csv", "out.json", "out.xlsx"] {
            ok(ecp(&[&["operations", "--output", name][..], &range].concat()));
        }
        ok(ecp(&["report", "out.csv", "--by", "operation_type", "--output", "page.html"]));
        ok(ecp(&["report", "out.csv", "--by", "operation_type", "--output", "page.html"]));

        // The journal and its log while a run has them are made in the same way; the sandbox's log.
        let mut other = ecp(&["sandbox", "--addr", "127.0.0.1:0", "--log", "events"])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        until("there is a log", || folder.join("events").exists().then_some(()));
        other.kill().unwrap();
        other.wait().unwrap();
        // The test has made these two.
        let open = open_to_others(folder, &["rows.csv", "sandbox.log"]);
        assert_eq!(open, [""; 0], "umask {umask}");
        assert!(sandbox.logs("[P-1]"), "{}", sandbox.log());
    }
}

#[test]
fn a_journal_and_its_log_are_for_their_owner_during_a_run() {
    let sandbox = Sandbox::start();
    let folder = sandbox.folder();
    let head = ROWS.lines().next().unwrap();
    let row = |row| format!("jeton,P-{row},1000,EUR,7,192.0.2.1\n");
    let rows: String = (0..2000).map(row).collect();
    fs::write(folder.join("rows.csv"), format!("{head}\n{rows}")).unwrap();
    let mut run = ecp("000", &sandbox, &["payouts", "rows.csv", "--yes"]);
    let mut run = run.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let log = folder.join("rows.csv.journal-wal");
    until("the run has a log", || log.exists().then_some(()));
    let open = open_to_others(folder, &["rows.csv", "sandbox.log"]);
    run.kill().unwrap();
    run.wait().unwrap();
    assert_eq!(open, [""; 0]);
}

#[test]
fn what_others_can_read_is_tightened_and_links_are_not_followed() {
    let sandbox = Sandbox::start();
    let folder = sandbox.folder();
    fs::write(folder.join("rows.csv"), ROWS).unwrap();
    let ecp = |arguments: &[&str]| ecp("022", &sandbox, arguments);
    ok(ecp(&["payouts", "rows.csv", "--yes"]));
    let (journal, results) = (folder.join("rows.csv.journal"), folder.join("rows.csv.results.csv"));
    for path in [&journal, &results] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
    }
    // Somebody else's file waits under the name that results had before they were whole.
    fs::write(folder.join("victim"), "untouched").unwrap();
    symlink("victim", folder.join("rows.csv.results.csv.unfinished")).unwrap();
    ok(ecp(&["payouts", "rows.csv", "--yes"]));
    assert_eq!((mode(&journal), mode(&results)), (0o640, 0o600));
    assert_eq!(fs::read(folder.join("victim")).unwrap(), b"untouched");
}
