//! Project automation. `cargo xtask ci` runs every check in order and says what each is for.

mod bench_gate;
mod ci;
mod crash;
mod docs;
mod fuzz;
mod new_method;
mod screenshots;

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
  crash [--rounds N] [--store sqlite|postgres] [--seed N]
                           kill processes that have an inbox, and look whether anything was lost
                           or done twice; 50 rounds on each store by default
  fuzz [TARGET [SECONDS]]  fuzz a target, or each, for 60 seconds by default
  simulate [ROWS] [SEED]   pay a file through failures and kills, and prove that each row is paid once
  screenshots              take pictures of the sandbox's pages for docs/screenshots; needs
                           Debian's chromium and chromium-driver
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
        ["crash", options @ ..] => crash::crash(options),
        ["fuzz"] => fuzz::fuzz(None, "60"),
        ["fuzz", target] => fuzz::fuzz(Some(target), "60"),
        ["fuzz", target, seconds] => fuzz::fuzz(Some(target), seconds),
        ["simulate", rest @ ..] => {
            let run_it = ["run", "--release", "--package", "ecp-simulations", "--"];
            run("cargo", &[&run_it, rest].concat(), &[])
        }
        ["screenshots"] => told(&screenshots::screenshots(&root())),
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    if done { ExitCode::SUCCESS } else { ExitCode::FAILURE }
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
