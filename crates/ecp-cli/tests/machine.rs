//! What programs read: results and errors as JSON. And what only terminals show: colours.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::sandbox::Sandbox;
use crate::support::{ecp, stderr, stdout};

/// Every command, with arguments that it refuses, and the exit code of that.
const REFUSED: [(&[&str], i32); 26] = [
    (&["clarify", "P", "--gate-url", "http://127.0.0.1:1"], 1),
    (&["completions", "basch"], 2),
    (&["console", "--db", "missing.sqlite"], 1),
    (&["demo", "--method", "jetton"], 1),
    (&["explain", "--key-env", "ECP_TEST_MISSING"], 1),
    (&["inbox", "stats", "--db", "missing.sqlite"], 1),
    (&["listen", "--addr", "here"], 2),
    (&["man", "/dev/null/x"], 1),
    (&["methods", "jetton"], 1),
    (&["operations", "--from", "yesterday-ish"], 2),
    (&["page-url", "jetton", "P", "1.00 EUR"], 1),
    (&["payout", "jeton", "P", "1.00 EUR"], 1),
    (&["payouts", "missing.csv"], 1),
    (&["reconcile", "--from", "x"], 2),
    (&["refund", "jetton", "P"], 1),
    (&["report", "missing.csv"], 2),
    (&["reports", "list", "--file", "missing.toml"], 1),
    (&["sale", "jeton", "P", "1.00 EUR", "--field", "x"], 2),
    (&["sandbox", "--config", "missing.toml"], 1),
    (&["sandbox", "decide", "P", "--gate-url", "http://127.0.0.1:1"], 1),
    (&["sandbox", "tail", "--gate-url", "http://127.0.0.1:1"], 1),
    (&["sign", "--key-env", "ECP_TEST_MISSING"], 1),
    (&["status", "P", "--gate-url", "http://127.0.0.1:1"], 1),
    (&["trigger", "jeton", "success", "http://127.0.0.1:1/"], 1),
    (&["verify", "--key-env", "ECP_TEST_MISSING"], 1),
    (&["unheard-of"], 2),
];

#[test]
fn every_error_is_an_object_with_the_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, code) in REFUSED {
        let text = ecp(folder.path(), arguments).output().unwrap();
        assert_eq!(text.status.code(), Some(code), "{arguments:?}: {}", stderr(&text));
        let with_json = ecp(folder.path(), arguments).arg("--json").output().unwrap();
        assert_eq!(with_json.status.code(), Some(code), "{arguments:?}: {}", stderr(&with_json));
        // A demonstration's JSON is its steps, of which a failure is the last.
        if arguments[0] != "demo" {
            assert_eq!(stdout(&with_json), "", "{arguments:?}");
        }
        let error: Value = serde_json::from_str(stderr(&with_json).lines().last().unwrap())
            .unwrap_or_else(|_| panic!("{arguments:?}: {}", stderr(&with_json)));
        assert_eq!(error["exit_code"], code, "{arguments:?}");
        let words = error["error"].as_str().unwrap();
        assert!(stderr(&text).contains(&format!("error: {words}")), "{arguments:?}: {words}");
        assert_eq!(error.as_object().unwrap().len(), 2, "{arguments:?}");
    }
}

#[test]
fn every_command_is_among_them() {
    let help = ecp(Path::new("."), &["--help"]).output().unwrap();
    let commands = stdout(&help).split("\nCommands:\n").nth(1).unwrap();
    let commands = commands.lines().take_while(|line| !line.is_empty());
    let names = commands.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let commands = names.filter(|name| !name.is_empty());
    for command in commands.filter(|command| *command != "help") {
        assert!(REFUSED.iter().any(|(arguments, _)| arguments[0] == command), "{command}");
    }
}

#[test]
fn results_are_json() {
    let sandbox = Sandbox::start();
    let signed = json_of(&sandbox, &["sign", "--string"], "{\"a\":1}");
    assert_eq!(signed, json!({"canonical_string": "a:1"}));
    let day = ["--from", "2026-01-01", "--to", "2026-01-02"];
    let operations = sandbox.ecp(&["operations", "--json"]).args(day).output().unwrap();
    assert_eq!((operations.status.code(), stdout(&operations)), (Some(0), ""));
}

fn json_of(sandbox: &Sandbox, arguments: &[&str], input: &str) -> Value {
    let path = sandbox.folder().join("input");
    std::fs::write(&path, input).unwrap();
    let mut command = sandbox.ecp(arguments);
    let output = command.arg("--json").stdin(std::fs::File::open(path).unwrap()).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    serde_json::from_str(stdout(&output)).unwrap()
}

#[test]
fn only_a_terminal_shows_colours_and_only_if_it_may() {
    let folder = tempfile::tempdir().unwrap();
    let shown = |variables: &[(&str, &str)]| {
        let call = format!("{} methods jetton", env!("CARGO_BIN_EXE_ecp"));
        let mut command = Command::new("script");
        command.args(["--quiet", "--return", "--command", &call, "/dev/null"]);
        command.current_dir(folder.path()).env("HOME", folder.path()).stdin(Stdio::null());
        command.env_remove("NO_COLOR").env("TERM", "xterm");
        let output = command.envs(variables.iter().copied()).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
        stdout(&output).to_owned()
    };
    assert!(shown(&[]).starts_with("\u{1b}[1;31merror:\u{1b}[0m "), "{}", shown(&[]));
    for off in [("NO_COLOR", "1"), ("TERM", "dumb"), ("TERM", "")] {
        assert!(shown(&[off]).starts_with("error: "), "{off:?}: {}", shown(&[off]));
    }
    assert!(shown(&[("NO_COLOR", "")]).starts_with('\u{1b}'));
    let piped = ecp(folder.path(), &["methods", "jetton"]).env("TERM", "xterm").output().unwrap();
    assert!(stderr(&piped).starts_with("error: "), "{}", stderr(&piped));
}
