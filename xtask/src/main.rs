//! Project automation. `cargo xtask ci` runs every check in order and says what each is for.

use std::path::Path;
use std::process::{Command, ExitCode};

const USAGE: &str = "\
Usage: cargo xtask <COMMAND>

Commands:
  ci [--without-tests]     every check, in order; --without-tests leaves out `cargo test`
  fuzz TARGET [SECONDS]    fuzz a target (60 seconds by default); needs cargo-fuzz and nightly
";

struct Check {
    purpose: &'static str,
    program: &'static str,
    arguments: &'static [&'static str],
    environment: &'static [(&'static str, &'static str)],
}

const fn cargo(purpose: &'static str, arguments: &'static [&'static str]) -> Check {
    Check { purpose, program: "cargo", arguments, environment: &[] }
}

const TESTS: Check =
    cargo("tests: behaviour, snapshots, properties, layers, corpora", &["test", "--workspace"]);

const CHECKS: &[Check] = &[
    cargo("format: one style, whoever wrote it", &["fmt", "--all", "--check"]),
    Check {
        purpose: "format: the method files, which a macro hides from `cargo fmt`",
        program: "sh",
        arguments: &["-c", "rustfmt --edition 2024 --check crates/ecp-methods/src/methods/*.rs"],
        environment: &[],
    },
    cargo(
        "lint: clippy without warnings, every feature and target",
        &["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"],
    ),
    cargo(
        "features: the transport stands without an HTTP client",
        &["check", "--package", "ecp-transport", "--no-default-features"],
    ),
    cargo(
        "features: the transport passes its tests with every adapter",
        &["test", "--package", "ecp-transport", "--all-features"],
    ),
    cargo(
        "alone: each crate builds without what others switch on",
        &["check", "--package", "ecp-core"],
    ),
    cargo("alone: ecp-methods", &["check", "--package", "ecp-methods"]),
    cargo("alone: ecp-notify", &["check", "--package", "ecp-notify"]),
    cargo("alone: ecp-sandbox", &["check", "--package", "ecp-sandbox"]),
    cargo(
        "benches: each measurement still runs",
        &["test", "--package", "ecp-benches", "--benches"],
    ),
    Check {
        purpose: "docs: rustdoc without warnings",
        program: "cargo",
        arguments: &["doc", "--workspace", "--no-deps", "--all-features"],
        environment: &[("RUSTDOCFLAGS", "-D warnings")],
    },
    cargo(
        "demo: README's first command takes a payment to its end",
        &["run", "--release", "--package", "ecp-cli", "--", "demo"],
    ),
    cargo(
        "demo: and the other ending",
        &["run", "--release", "--package", "ecp-cli", "--", "demo", "--decline"],
    ),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["ci"] => ci(true),
        ["ci", "--without-tests"] => ci(false),
        ["fuzz", target] => fuzz(target, "60"),
        ["fuzz", target, seconds] => fuzz(target, seconds),
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    if done { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn ci(tests: bool) -> bool {
    let checks = tests.then_some(&TESTS).into_iter().chain(CHECKS);
    for check in checks {
        println!("\n== {}\n   {} {}", check.purpose, check.program, check.arguments.join(" "));
        if !run(check.program, check.arguments, check.environment) {
            eprintln!("\nfailed: {}", check.purpose);
            return false;
        }
    }
    println!("\nall checks passed");
    true
}

fn fuzz(target: &str, seconds: &str) -> bool {
    let most = format!("-max_total_time={seconds}");
    let arguments = ["+nightly", "fuzz", "run", "--features", "libfuzzer", target, "--", &most];
    run("cargo", &arguments, &[])
}

fn run(program: &str, arguments: &[&str], environment: &[(&str, &str)]) -> bool {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut command = Command::new(program);
    command.args(arguments).envs(environment.iter().copied()).current_dir(root);
    // Cargo set these for xtask itself.
    command.env_remove("CARGO").env_remove("CARGO_MANIFEST_DIR");
    match command.status() {
        Ok(status) => status.success(),
        Err(error) => {
            eprintln!("cannot run {program}: {error}");
            false
        }
    }
}
