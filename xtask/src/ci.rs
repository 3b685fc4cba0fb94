//! Every check that must pass, in order.

use std::cmp::Reverse;
use std::time::{Duration, Instant};

use crate::{run, test_times};

struct Check {
    purpose: &'static str,
    /// As in a shell.
    command: &'static str,
}

const fn check(purpose: &'static str, command: &'static str) -> Check {
    Check { purpose, command }
}

const TESTS: Check =
    check("tests: behaviour, snapshots, properties, layers, corpora", "cargo test --workspace");

const CHECKS: &[Check] = &[
    // First, while the build of the tests is still there.
    check(
        "copies: with a new method every test passes, and getting-started is a project of its own",
        "cargo test --workspace --test xtask-tests -- --ignored",
    ),
    check("format: one style for all code", "cargo fmt --all --check"),
    check(
        "format: the method files, which a macro hides from `cargo fmt`",
        "rustfmt --edition 2024 --check crates/ecp-methods/src/methods/*.rs crates/ecp-catalogue/src/*/*.rs",
    ),
    check(
        "docs: what is generated from the specs and the crates is up to date",
        "cargo run --quiet --package xtask -- docs --check",
    ),
    check(
        "dependencies: free licences, one version each, from crates.io",
        "cargo run --quiet --package xtask -- deny",
    ),
    check(
        "lint: clippy without warnings, every feature and target",
        "cargo clippy --workspace --all-targets --all-features -- -D warnings",
    ),
    check(
        "features: the transport builds without an HTTP client",
        "cargo clippy --package ecp-transport --no-default-features -- -D warnings",
    ),
    // Their tests have run with every feature: xtask's tests hold that the workspace asks for all.
    check(
        "features: the transport with its own client",
        "cargo clippy --package ecp-transport -- -D warnings",
    ),
    check(
        "features: the inbox builds without the embedded store",
        "cargo clippy --package ecp-inbox --no-default-features --features postgres -- -D warnings",
    ),
    check(
        "alone: each crate builds without what others switch on",
        "cargo clippy --package ecp-core -- -D warnings",
    ),
    check("alone: ecp-methods", "cargo clippy --package ecp-methods -- -D warnings"),
    // With all families together every test runs; a family can miss what only another one has.
    check(
        "alone: a family of the catalogue without its fellows",
        "cargo clippy --package ecp-catalogue --no-default-features --features worldwide -- -D warnings",
    ),
    check(
        "alone: another family of the catalogue",
        "cargo clippy --package ecp-catalogue --no-default-features --features latin-america -- -D warnings",
    ),
    check("alone: ecp-notify, which verifies", "cargo clippy --package ecp-notify -- -D warnings"),
    check(
        "features: ecp-notify with its receiver alone",
        "cargo clippy --package ecp-notify --features receiver -- -D warnings",
    ),
    check(
        "features: ecp-notify as a tower service alone",
        "cargo clippy --package ecp-notify --features tower -- -D warnings",
    ),
    check(
        "features: ecp-notify as an axum router alone",
        "cargo clippy --package ecp-notify --features axum -- -D warnings",
    ),
    check(
        "features: ecp-notify with its server alone",
        "cargo clippy --package ecp-notify --features server -- -D warnings",
    ),
    // With pages it is built alone for the command.
    check(
        "features: the sandbox builds without pages",
        "cargo clippy --package ecp-sandbox --no-default-features -- -D warnings",
    ),
    // Its tests have taken payments to both ends with the features of the whole workspace.
    check(
        "alone: the command, which README's first line runs",
        "cargo clippy --package ecp-cli -- -D warnings",
    ),
    check("features: reports without e-mail say so", "cargo test --package ecp-reports --lib"),
    // Of the whole workspace, so that it is the program that was built for the tests.
    check(
        "payouts: none of 2000, and none of 300 by four payers, is paid twice or lost, through failures and kills",
        "cargo test --workspace --test simulation -- --ignored --nocapture",
    ),
    check(
        "fuzz: no oracle breaks, each target for half a minute",
        "cargo run --quiet --package xtask -- fuzz",
    ),
    check(
        "benches: the measurements still run",
        "cargo test --workspace --bench gate --bench inbox --bench receiver --bench requests --bench sandbox --bench signature",
    ),
    check(
        "instructions: no core path takes 3 % more of them than it did",
        "cargo run --quiet --package xtask -- bench-gate",
    ),
    check(
        "docs: rustdoc without warnings",
        "RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --all-features",
    ),
    check(
        "api: nothing of a library's public API has changed unseen",
        "cargo run --quiet --package xtask -- api --check",
    ),
    check(
        "package: every crate that is published has what its users need",
        "cargo run --quiet --package xtask -- package --no-verify",
    ),
];

/// Runs every check, and stops at the first that fails.
///
/// Each reports its duration; with `timings` a table at the end lists the slowest checks and test
/// binaries.
pub(crate) fn ci(tests: bool, timings: bool) -> bool {
    let checks = tests.then_some(&TESTS).into_iter().chain(CHECKS);
    let (mut times, begun) = (Vec::new(), Instant::now());
    for check in checks {
        println!("\n== {}\n   {}", check.purpose, check.command);
        let (begun, mut tests) = (Instant::now(), Vec::new());
        let passed = if timings && check.command.starts_with("cargo test") {
            test_times::run(check.command, &mut tests)
        } else {
            run("sh", &["-c", check.command], &[])
        };
        if !passed {
            eprintln!("\nfailed: {}", check.purpose);
            return false;
        }
        println!("   {} s", begun.elapsed().as_secs());
        times.push((begun.elapsed(), check.command.to_owned()));
        times.append(&mut tests);
    }
    if timings {
        print_slowest(times);
    }
    println!("\nnot checked here, for it needs the network: `cargo xtask advisories`");
    println!("all checks passed in {} s", begun.elapsed().as_secs());
    true
}

/// Prints everything that takes a second or more.
fn print_slowest(mut times: Vec<(Duration, String)>) {
    times.sort_by_key(|(time, _)| Reverse(*time));
    println!("\nseconds  slowest first: checks, and test binaries as `  name`");
    for (time, name) in times.iter().filter(|(time, _)| *time >= Duration::from_secs(1)) {
        println!("{:7.1}  {name}", time.as_secs_f64());
    }
}
