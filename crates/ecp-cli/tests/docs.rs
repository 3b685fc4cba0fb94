//! Every `ecp` command that the documents show is one that the program knows.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::support::{ecp, stderr, stdout};

/// What `--help` says of a command: whether it takes arguments, the commands below it, and its options.
struct Known {
    /// Whether a word below it may be an argument rather than a command.
    has_arguments: bool,
    commands: BTreeSet<String>,
    options: BTreeSet<String>,
}

fn known(command: &[&str]) -> Known {
    let output = ecp(Path::new("."), &[command, &["--help"]].concat()).output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", stderr(&output));
    let help = stdout(&output);
    let commands = help.split("\nCommands:\n").nth(1).unwrap_or_default();
    let commands = commands.lines().take_while(|line| !line.is_empty());
    let commands = commands.filter_map(|line| line.split_whitespace().next());
    // Wherever an option stands in its own help, it is one.
    let options = help.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    let options = options.filter(|word| word.starts_with("--"));
    Known {
        has_arguments: help.contains("\nArguments:\n"),
        commands: commands.map(str::to_owned).collect(),
        options: options.map(str::to_owned).collect(),
    }
}

/// Every call of `ecp` in the page's code, in blocks and in lines, as its words.
fn calls(page: &str) -> Vec<Vec<&str>> {
    let mut calls = Vec::new();
    let mut fence = None;
    for line in page.lines() {
        if let Some(language) = line.strip_prefix("```") {
            fence = if fence.is_some() { None } else { Some(language) };
        } else if matches!(fence, Some("sh" | "console")) {
            calls.extend(calls_in(line));
        } else if fence.is_none() {
            calls.extend(line.split('`').skip(1).step_by(2).flat_map(calls_in));
        }
    }
    calls
}

/// `ecp` begins a call, or `cargo run .. ecp-cli .. --`. What is quoted or commented is passed by.
fn calls_in(code: &str) -> Vec<Vec<&str>> {
    let code = code.split(" #").next().unwrap();
    let mut calls = Vec::new();
    for part in code.split(['|', ';', '&']) {
        let words: Vec<&str> = part.split_whitespace().filter(|word| *word != "$").collect();
        let begin = match words.as_slice() {
            ["ecp", ..] => Some(1),
            ["cargo", "run", options @ ..] if options.contains(&"ecp-cli") => {
                words.iter().position(|word| *word == "--").map(|place| place + 1)
            }
            _ => None,
        };
        calls.extend(begin.map(|begin| words[begin..].to_vec()).filter(|call| !call.is_empty()));
    }
    calls
}

/// What is wrong with a call.
fn wrong(call: &[&str], help: &mut BTreeMap<Vec<String>, Known>) -> Option<String> {
    let mut command: Vec<&str> = Vec::new();
    let mut is_value = false;
    for word in call {
        let name: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
        let known = help.entry(name).or_insert_with(|| known(&command));
        let option = word.split('=').next().unwrap();
        if option.starts_with("--") && option.len() > 2 {
            if !known.options.contains(option) {
                return Some(format!("ecp {} has no {option}", command.join(" ")));
            }
            is_value = !word.contains('=');
            continue;
        }
        // What follows an option may be its value.
        if !std::mem::take(&mut is_value) && !known.commands.is_empty() {
            if !known.commands.contains(*word) {
                if known.has_arguments {
                    continue;
                }
                return Some(format!("ecp {} has no command `{word}`", command.join(" ")));
            }
            command.push(word);
        }
    }
    None
}

#[test]
fn every_command_in_the_documents_exists() {
    let mut help = BTreeMap::new();
    let mut checked = 0;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let docs = root.join("docs");
    for folder in [docs.join("operations"), docs, root.join("crates/ecp-cli"), root] {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "md") {
                continue;
            }
            let page = fs::read_to_string(&path).unwrap().replace("\\\n", " ");
            for call in calls(&page) {
                let wrong = wrong(&call, &mut help);
                assert_eq!(wrong, None, "{}: ecp {}", path.display(), call.join(" "));
                checked += 1;
            }
        }
    }
    assert!(checked > 20, "only {checked} calls were found");
}

#[test]
fn a_command_that_does_not_exist_is_found() {
    let mut help = BTreeMap::new();
    let page = "`ecp nothing` and `ecp inbox stats --db x`\n```sh\n$ ecp inbox lose 7\n\
                A=b; ecp status P-1 --wait=5m --nothing | jq .   # ecp gone\n\
                cargo run -p ecp-cli -- demo --later\n```\n```text\necp not read\n```\n`ecp`";
    let wrong: Vec<_> = calls(page).iter().filter_map(|call| wrong(call, &mut help)).collect();
    assert_eq!(
        wrong,
        [
            "ecp  has no command `nothing`",
            "ecp inbox has no command `lose`",
            "ecp status has no --nothing",
            "ecp demo has no --later",
        ]
    );
}
