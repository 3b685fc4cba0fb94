//! Every check that must pass, in order.

use std::cmp::Reverse;
use std::time::{Duration, Instant};

use crate::{run, test_times};

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
    // First, while the build of the tests is still there.
    cargo(
        "methods: with a new one, one file and one line, every test passes",
        &["test", "--workspace", "--test", "xtask-tests", "new_method", "--", "--ignored"],
    ),
    cargo("format: one style for all code", &["fmt", "--all", "--check"]),
    Check {
        purpose: "format: the method files, which a macro hides from `cargo fmt`",
        program: "sh",
        arguments: &[
            "-c",
            "rustfmt --edition 2024 --check crates/ecp-methods/src/methods/*.rs crates/ecp-catalogue/src/*/*.rs",
        ],
        environment: &[],
    },
    cargo(
        "docs: what is generated from the specs and the crates is up to date",
        &["run", "--quiet", "--package", "xtask", "--", "docs", "--check"],
    ),
    cargo(
        "dependencies: free licences, one version each, from crates.io",
        &["run", "--quiet", "--package", "xtask", "--", "deny"],
    ),
    cargo(
        "lint: clippy without warnings, every feature and target",
        &["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"],
    ),
    cargo(
        "features: the transport builds without an HTTP client",
        &["check", "--package", "ecp-transport", "--no-default-features"],
    ),
    // Their tests have run with every feature: xtask's tests hold that the workspace asks for all.
    cargo("features: the transport with its own client", &["check", "--package", "ecp-transport"]),
    cargo(
        "features: the inbox builds without the embedded store",
        &["check", "--package", "ecp-inbox", "--no-default-features", "--features", "postgres"],
    ),
    cargo(
        "alone: each crate builds without what others switch on",
        &["check", "--package", "ecp-core"],
    ),
    cargo("alone: ecp-methods", &["check", "--package", "ecp-methods"]),
    // With all families together every test runs; a family can miss what only another one has.
    cargo(
        "alone: a family of the catalogue without its fellows",
        &[
            "check",
            "--package",
            "ecp-catalogue",
            "--no-default-features",
            "--features",
            "worldwide",
        ],
    ),
    cargo(
        "alone: another family of the catalogue",
        &[
            "check",
            "--package",
            "ecp-catalogue",
            "--no-default-features",
            "--features",
            "latin-america",
        ],
    ),
    cargo("alone: ecp-notify, which verifies", &["check", "--package", "ecp-notify"]),
    cargo(
        "features: ecp-notify with its receiver alone",
        &["check", "--package", "ecp-notify", "--features", "receiver"],
    ),
    cargo(
        "features: ecp-notify as a tower service alone",
        &["check", "--package", "ecp-notify", "--features", "tower"],
    ),
    cargo(
        "features: ecp-notify as an axum router alone",
        &["check", "--package", "ecp-notify", "--features", "axum"],
    ),
    cargo(
        "features: ecp-notify with its server alone",
        &["check", "--package", "ecp-notify", "--features", "server"],
    ),
    // With pages it is built alone for the command.
    cargo(
        "features: the sandbox builds without pages",
        &["check", "--package", "ecp-sandbox", "--no-default-features"],
    ),
    // Its tests have taken payments to both ends with the features of the whole workspace.
    cargo("alone: the command, which README's first line runs", &["check", "--package", "ecp-cli"]),
    cargo(
        "features: reports without e-mail say so",
        &["test", "--package", "ecp-reports", "--lib"],
    ),
    // Of the whole workspace, so that it is the program that was built for the tests.
    cargo(
        "payouts: none of 2000 is paid twice or lost, through failures and 25 kills",
        &["test", "--workspace", "--test", "simulation", "--", "--ignored", "--nocapture"],
    ),
    cargo(
        "fuzz: no oracle breaks, each target for half a minute",
        &["run", "--quiet", "--package", "xtask", "--", "fuzz"],
    ),
    cargo(
        "benches: the measurements still run",
        &[
            "test",
            "--workspace",
            "--bench",
            "gate",
            "--bench",
            "inbox",
            "--bench",
            "receiver",
            "--bench",
            "requests",
            "--bench",
            "sandbox",
            "--bench",
            "signature",
        ],
    ),
    cargo(
        "instructions: no core path takes 3 % more of them than it did",
        &["run", "--quiet", "--package", "xtask", "--", "bench-gate"],
    ),
    Check {
        purpose: "docs: rustdoc without warnings",
        program: "cargo",
        arguments: &["doc", "--workspace", "--no-deps", "--all-features"],
        environment: &[("RUSTDOCFLAGS", "-D warnings")],
    },
    cargo(
        "api: nothing of a library's public API has changed unseen",
        &["run", "--quiet", "--package", "xtask", "--", "api", "--check"],
    ),
    cargo(
        "package: every crate that is published has what its users need",
        &["run", "--quiet", "--package", "xtask", "--", "package", "--no-verify"],
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
        let command = format!("{} {}", check.program, check.arguments.join(" "));
        println!("\n== {}\n   {command}", check.purpose);
        let (begun, mut tests) = (Instant::now(), Vec::new());
        let passed = if timings && check.arguments.first() == Some(&"test") {
            test_times::run(check.arguments, &mut tests)
        } else {
            run(check.program, check.arguments, check.environment)
        };
        if !passed {
            eprintln!("\nfailed: {}", check.purpose);
            return false;
        }
        println!("   {} s", begun.elapsed().as_secs());
        times.push((begun.elapsed(), command));
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
