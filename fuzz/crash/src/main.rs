//! `ecp-crash rounds ..` and `ecp-crash failover ..` for people, `ecp-crash child ..` for itself.

use std::process::ExitCode;

use ecp_crash::{Plan, Store, child, failover, run};

const USAGE: &str = "\
Usage: ecp-crash rounds [--rounds N] [--store sqlite|postgres] [--seed N]
       ecp-crash failover [--rounds N] [--seed N] [--commit on|local] [--histories FOLDER]

rounds: without --store, the rounds are played on each; each time once more with all ends held.
failover: kills primaries of Postgres. With `--commit local` commits do not wait for the standby, and
what is lost is counted. Needs Postgres, pgbouncer and haproxy.
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["child", store, place, fault @ ..] => child::run(store, place, fault),
        ["rounds", options @ ..] => rounds(options),
        ["failover", options @ ..] => fail_over(options),
        _ => usage(),
    }
}

fn rounds(options: &[&str]) -> ExitCode {
    let (mut rounds, mut seed, mut stores) =
        (50, fastrand::u64(..), vec![Store::Sqlite, Store::Postgres]);
    for option in options.chunks(2) {
        match *option {
            ["--rounds", number] if number.parse::<u32>().is_ok() => {
                rounds = number.parse().unwrap_or(rounds);
            }
            ["--seed", number] if number.parse::<u64>().is_ok() => {
                seed = number.parse().unwrap_or(seed);
            }
            ["--store", "sqlite"] => stores = vec![Store::Sqlite],
            ["--store", "postgres"] => stores = vec![Store::Postgres],
            _ => return usage(),
        }
    }
    let program = match std::env::current_exe() {
        Ok(program) => program,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    };
    for store in stores {
        for hold in [false, true] {
            match run(&Plan { program: program.clone(), store, rounds, seed, hold, fault: None }) {
                Ok(summary) => println!("{summary}"),
                Err(error) => {
                    eprintln!("error: {store}, seed {seed}, ends held: {hold}: {error}");
                    return ExitCode::FAILURE;
                }
            }
        }
    }
    ExitCode::SUCCESS
}

fn fail_over(options: &[&str]) -> ExitCode {
    let program = match std::env::current_exe() {
        Ok(program) => program,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    };
    let seed = fastrand::u64(..);
    let mut plan = failover::Plan { program, rounds: 10, seed, synchronous: true, histories: None };
    for option in options.chunks(2) {
        match *option {
            ["--rounds", number] if number.parse::<u32>().is_ok() => {
                plan.rounds = number.parse().unwrap_or(plan.rounds);
            }
            ["--seed", number] if number.parse::<u64>().is_ok() => {
                plan.seed = number.parse().unwrap_or(plan.seed);
            }
            ["--commit", "on"] => plan.synchronous = true,
            ["--commit", "local"] => plan.synchronous = false,
            ["--histories", folder] => plan.histories = Some(folder.into()),
            _ => return usage(),
        }
    }
    match failover::run(&plan) {
        Ok(summary) => {
            println!("{summary}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: seed {}: {error}", plan.seed);
            ExitCode::FAILURE
        }
    }
}

fn usage() -> ExitCode {
    eprint!("{USAGE}");
    ExitCode::from(2)
}
