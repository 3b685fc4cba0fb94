//! `ecp completions` and `ecp man`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Write;
use std::process::{Command, Stdio};

use crate::support::{ecp, stderr, stdout};

#[test]
fn every_shell_has_completions_of_every_command() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let output = ecp(folder.path(), &["completions", shell]).output().unwrap();
        assert_eq!((output.status.code(), stderr(&output)), (Some(0), ""), "{shell}");
        for word in ["reconcile", "payouts", "dry-run", "completions"] {
            assert!(stdout(&output).contains(word), "{shell} does not complete {word}");
        }
    }
    let none = ecp(folder.path(), &["completions", "cmd"]).output().unwrap();
    assert_eq!(none.status.code(), Some(2));
    assert!(stderr(&none).starts_with("error: invalid value 'cmd' for '<SHELL>'"));
}

/// What bash offers by its script for the last of these words.
fn completed_by_bash(words: &[&str]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let script = ecp(folder.path(), &["completions", "bash"]).output().unwrap();
    let mut bash = Command::new("bash")
        .args(["--norc", "--noprofile"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = bash.stdin.take().unwrap();
    input.write_all(&script.stdout).unwrap();
    let [.., before, last] = words else { panic!("a command and a word") };
    let asked = format!(
        "\nCOMP_WORDS=({}) COMP_CWORD={}\n_ecp ecp {last} {before}\n\
         printf '%s\\n' \"${{COMPREPLY[@]}}\"\n",
        words.join(" "),
        words.len() - 1
    );
    input.write_all(asked.as_bytes()).unwrap();
    drop(input);
    let output = bash.wait_with_output().unwrap();
    assert_eq!(stderr(&output), "");
    stdout(&output).lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_by_its_script() {
    assert_eq!(completed_by_bash(&["ecp", "payouts", "--dry"]), ["--dry-run"]);
}

#[test]
fn codes_of_methods_are_completed() {
    for command in [&["ecp", "sale"][..], &["ecp", "methods"], &["ecp", "demo", "--method"]] {
        assert_eq!(completed_by_bash(&[command, &["jet"]].concat()), ["jeton"], "{command:?}");
    }
}

#[test]
fn currencies_and_profiles_are_completed() {
    assert_eq!(completed_by_bash(&["ecp", "methods", "--currency", "EU"]), ["EUR"]);
    assert_eq!(completed_by_bash(&["ecp", "status", "--profile", "sa"]), ["sandbox"]);
    let folder = tempfile::tempdir().unwrap();
    let configuration = folder.path().join(".config/ecp");
    std::fs::create_dir_all(&configuration).unwrap();
    let profiles = "[shop]\nproject = 7\nkey_env = \"SHOP_KEY\"\n";
    std::fs::write(configuration.join("profiles.toml"), profiles).unwrap();
    let script = ecp(folder.path(), &["completions", "bash"]).output().unwrap();
    assert!(stdout(&script).contains("\"sandbox shop\""), "{}", stdout(&script));
}

#[test]
fn there_is_a_manual_page_of_every_command() {
    let folder = tempfile::tempdir().unwrap();
    let output = ecp(folder.path(), &["man", "share/man1"]).output().unwrap();
    assert_eq!((output.status.code(), stdout(&output), stderr(&output)), (Some(0), "", ""));
    let help = ecp(folder.path(), &["--help"]).output().unwrap();
    let commands = stdout(&help).split_once("Commands:\n").unwrap().1.split_once("\n\n").unwrap().0;
    let names: Vec<&str> = commands
        .lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .map(|line| line.split_whitespace().next().unwrap())
        .filter(|name| *name != "help")
        .collect();
    assert!(names.contains(&"reconcile") && names.contains(&"payouts"), "{names:?}");
    let page = |name: &str| {
        std::fs::read_to_string(folder.path().join(format!("share/man1/{name}.1"))).unwrap()
    };
    for name in &names {
        let text = page(&format!("ecp-{name}"));
        assert!(text.contains(&format!(".TH ecp-{name} 1")), "{text}");
        assert!(text.contains(".SH SYNOPSIS"), "{text}");
    }
    assert!(page("ecp-inbox-replay").contains("dead"));
    assert!(page("ecp-payouts").contains("Exit codes:"));
    assert!(page("ecp").contains("ecp\\-payouts(1)"));

    let printed = ecp(folder.path(), &["man"]).output().unwrap();
    assert!(stdout(&printed).contains(".TH ecp 1"), "{}", stdout(&printed));
    std::fs::write(folder.path().join("file"), "").unwrap();
    let refused = ecp(folder.path(), &["man", "file/man1"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).starts_with("error: cannot make the folder file/man1: "));
}
