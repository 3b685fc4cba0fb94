//! The `ecp` command.

mod commands;
mod documents;
mod duration;
mod key;
mod profile;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Payments through ecommpay's wallets and vouchers: a sandbox, and signatures by hand.
#[derive(Parser)]
#[command(
    name = "ecp",
    version,
    after_help = "Exit codes:\n  0  done\n  1  the job failed: a document was refused, a signature did not match,\n     a payment did not end as expected, a callback was not replayed or released\n  2  the command line was wrong"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Demo(commands::demo::Demo),
    Inbox(commands::inbox::InboxCommand),
    Methods(commands::methods::Methods),
    Payouts(commands::payouts::Payouts),
    Sandbox(commands::sandbox::SandboxCommand),
    Sign(commands::sign::Sign),
    Verify(commands::verify::Verify),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Demo(command) => command.run(),
        Command::Inbox(command) => command.run(),
        Command::Methods(command) => command.run(),
        Command::Payouts(command) => command.run(),
        Command::Sandbox(command) => command.run(),
        Command::Sign(command) => command.run(),
        Command::Verify(command) => command.run(),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(if error.is::<Usage>() { 2 } else { 1 })
        }
    }
}

/// The command line was wrong in a way that its parser cannot tell.
#[derive(Debug)]
struct Usage(&'static str);

impl std::fmt::Display for Usage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Usage {}
