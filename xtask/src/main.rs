//! Project automation. `cargo xtask ci` runs every check in order and says what each is for.

mod bench_gate;
mod ci;
mod docs;
mod new_method;

use std::path::PathBuf;
use std::process::{Command, ExitCode};

const USAGE: &str = "\
Usage: cargo xtask <COMMAND>

Commands:
  bench-gate [--write]     count the instructions of the core paths and fail where one grew by more
                           than 3 % over benches/instructions.txt, or write that file
  ci [--without-tests]     every check, in order; --without-tests leaves out `cargo test`
  docs [--check]           write what is generated from the specs: docs/METHODS.md and the tables
                           in the method files; --check only says whether they are up to date
  new-method NAME          begin a payment method: its file, and its line in the list
  fuzz TARGET [SECONDS]    fuzz a target (60 seconds by default); needs cargo-fuzz and nightly
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["bench-gate"] => told(&bench_gate::bench_gate(&root(), false)),
        ["bench-gate", "--write"] => told(&bench_gate::bench_gate(&root(), true)),
        ["ci"] => ci::ci(true),
        ["ci", "--without-tests"] => ci::ci(false),
        ["docs"] => told(&docs::docs(&root(), false)),
        ["docs", "--check"] => told(&docs::docs(&root(), true)),
        ["new-method", name] => told(&new_method::new_method(&root(), name)),
        ["fuzz", target] => fuzz(target, "60"),
        ["fuzz", target, seconds] => fuzz(target, seconds),
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    if done { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn fuzz(target: &str, seconds: &str) -> bool {
    let most = format!("-max_total_time={seconds}");
    let arguments = ["+nightly", "fuzz", "run", "--features", "libfuzzer", target, "--", &most];
    run("cargo", &arguments, &[])
}

fn told(result: &Result<(), String>) -> bool {
    if let Err(error) = result {
        eprintln!("error: {error}");
    }
    result.is_ok()
}

/// The top of the tree that xtask is called in.
fn root() -> PathBuf {
    let here = std::env::current_dir().unwrap_or_default();
    let top = here.ancestors().find(|folder| folder.join("xtask/Cargo.toml").is_file());
    top.unwrap_or(&here).to_owned()
}

fn run(program: &str, arguments: &[&str], environment: &[(&str, &str)]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).envs(environment.iter().copied()).current_dir(root());
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
