//! The `ecp` command.

// `output` has replacements of these macros, which would panic when the output is closed.
#![warn(clippy::print_stdout, clippy::print_stderr)]

#[macro_use]
mod output;

mod address;
mod commands;
mod connection;
mod delimiter;
mod documents;
mod duration;
mod fields;
mod interval;
mod key;
mod mail;
mod outcome;
mod profile;
mod rows;
mod store;
mod usage;
mod waiting;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use ecp_inbox::postgres::AddressError;

use self::usage::Usage;

/// Payments through ecommpay's wallets and vouchers: single requests, mass payouts, a sandbox, and
/// signatures.
#[derive(Parser)]
#[command(
    name = "ecp",
    version,
    after_help = "Exit codes:\n  0  done\n  1  the job failed: a document was refused, a signature did not match,\n     a payment did not end as expected, a callback was not replayed or released\n  2  the command line was wrong\n  3  a payment has ended, and not in a success\n  4  the outcome is unknown: ask again, or run the same command again\n  5  the sides of a reconciliation differ\n  6  a payment has ended in an error, and nothing says whether money has moved:\n     ask technical support before it is repeated under another id"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Completions(commands::completions::Completions),
    Demo(commands::demo::Demo),
    Explain(commands::explain::Explain),
    Inbox(commands::inbox::InboxCommand),
    Listen(commands::listen::Listen),
    Man(commands::man::ManPages),
    Methods(commands::methods::Methods),
    Operations(commands::operations::Operations),
    PageUrl(commands::page_url::PageUrl),
    Payout(commands::send::PayoutCommand),
    Payouts(commands::payouts::Payouts),
    Reconcile(commands::reconcile::Reconcile),
    Refund(commands::send::RefundCommand),
    Report(commands::report::Report),
    Reports(commands::reports::Reports),
    Sale(commands::send::SaleCommand),
    Sandbox(commands::sandbox::SandboxCommand),
    Sign(commands::sign::Sign),
    Status(commands::status::Status),
    Trigger(commands::trigger::Trigger),
    Verify(commands::verify::Verify),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Completions(command) => command.run(Cli::command()),
        Command::Demo(command) => command.run(),
        Command::Explain(command) => command.run(),
        Command::Inbox(command) => command.run(),
        Command::Listen(command) => command.run(),
        Command::Man(command) => command.run(Cli::command()),
        Command::Methods(command) => command.run(),
        Command::Operations(command) => command.run(),
        Command::PageUrl(command) => command.run(),
        Command::Payout(command) => command.run(),
        Command::Payouts(command) => command.run(),
        Command::Reconcile(command) => command.run(),
        Command::Refund(command) => command.run(),
        Command::Report(command) => command.run(),
        Command::Reports(command) => command.run(),
        Command::Sale(command) => command.run(),
        Command::Sandbox(command) => command.run(),
        Command::Sign(command) => command.run(),
        Command::Status(command) => command.run(),
        Command::Trigger(command) => command.run(),
        Command::Verify(command) => command.run(),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            note!("error: {error:#}");
            ExitCode::from(if error.is::<Usage>() || error.is::<AddressError>() { 2 } else { 1 })
        }
    }
}
