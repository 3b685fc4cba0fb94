//! The command `ecp`: payments through ecommpay's wallets and vouchers from the shell.
//!
//! ```sh
//! cargo install --path crates/ecp-cli       # in a checkout of the repository
//! ecp demo                                  # one payment from request to callback, explained
//! ecp sandbox                               # the platform on this machine, until Ctrl-C
//! ecp sale jeton --sample                   # a payment by example values, to the sandbox
//! ecp payout jeton P-17 300.00 EUR --wait \
//!     --field customer.ip_address=192.0.2.1 --field account.number=93017949
//! ecp payouts payouts.csv --dry-run         # a file of payouts: checked, and then each paid once
//! ```
//!
//! | command | for |
//! |---|---|
//! | `ecp demo`, `ecp methods` | looking around |
//! | `ecp sandbox`, `ecp listen`, `ecp trigger` | developing: the platform, a receiver, a signed sample callback |
//! | `ecp sandbox decide`, `fault`, `clock`, `resend`, `release`, `tail` | what people do to a sandbox that runs |
//! | `ecp sale`, `ecp payout`, `ecp refund`, `ecp status`, `ecp clarify`, `ecp page-url` | single payments |
//! | `ecp payouts` | payouts by the thousand |
//! | `ecp operations`, `ecp report` | what happened, exported and drawn |
//! | `ecp reports` | the same on schedule, kept and sent by e-mail |
//! | `ecp reconcile` | inbox, journals and platform held against each other |
//! | `ecp inbox` | the callbacks of a service: what waits, what failed, handling it again |
//! | `ecp console` | pages for the person on call: stuck callbacks, unclear payouts, differences, and what to do |
//! | `ecp sign`, `ecp verify`, `ecp explain` | signatures by hand |
//! | `ecp man`, `ecp completions` | manual pages, and completions for your shell |
//!
//! The `--help` of each command has examples and exit codes. After a command, lines on standard
//! error that begin with `next:` suggest further commands (not with `--json` or `--quiet`). Without
//! a profile, requests go to the sandbox. Keys come from environment variables and files, never
//! from arguments.
//!
//! `--json` makes results JSON, and of an error one object on the last line of standard error:
//! `{"error": "..", "exit_code": 1}`. Exit codes stay the same. Two commands have no JSON: `ecp man` and
//! `ecp completions`. On a terminal, `error`, `warning` and `next` are coloured, unless `NO_COLOR` is set or
//! `TERM` is `dumb`.
//!
//! It compiles SQLite, so it needs a C compiler.
//!
//! It is a library too: [`Cli`] takes a registry, so that three lines make an `ecp` with methods of your own.
//!
//! # With methods of your own
//!
//! The command is a function of its methods. This is the whole program of an `ecp` that knows one more in
//! every command: its payments, its pages in the sandbox, its mass files.
//!
//! ```no_run
//! use std::process::ExitCode;
//!
//! use ecp_cli::Cli;
//! use ecp_methods::Registry;
//! # use ecp_core::Currency;
//! # use ecp_methods::spec::Interface;
//! # use ecp_methods::{PaymentMethod, Rule, Sale, Spec, Supports};
//! #
//! # #[derive(Debug)]
//! # struct AcmeWallet;
//! #
//! # impl Supports<Sale> for AcmeWallet {}
//! # impl PaymentMethod for AcmeWallet {
//! #     const SPEC: Spec<Self> = Spec::new("acme-wallet", "Acme Wallet")
//! #         .gate_path("wallet/acme")
//! #         .callback_names(&["Acme Wallet"])
//! #         .currencies(&[Currency::EUR])
//! #         .flow::<Sale>(Rule::new().on(&[Interface::Gate]));
//! # }
//!
//! fn main() -> ExitCode {
//!     let registry = Registry::builtin().with(AcmeWallet).expect("no other method has its names");
//!     Cli::new(registry).main()
//! }
//! ```
//!
//! # Features
//!
//! - `console` (default): the command `ecp console`.
//! - `mail`: sending reports by e-mail. Without it, commands that would send e-mail fail.

// `output` has replacements of these macros, which would panic when the output is closed.
#![warn(clippy::print_stdout, clippy::print_stderr)]

#[macro_use]
mod output;

mod address;
mod amount;
mod commands;
mod connection;
mod database;
mod delimiter;
mod documents;
mod duration;
mod fields;
mod interval;
mod key;
mod mail;
mod nearest;
mod next;
mod operation_names;
mod outcome;
mod profile;
mod rows;
mod runtime;
mod settings;
mod signals;
mod step;
mod store;
mod usage;
mod waiting;

use std::path::Path;
use std::process::ExitCode;

use clap::builder::FalseyValueParser;
use clap::{ArgAction, CommandFactory, FromArgMatches, Parser, Subcommand};
use ecp_inbox::postgres::AddressError;
use ecp_methods::Registry;

use self::usage::{Usage, UsageText};

/// The command-line program `ecp`: payments, payouts and a sandbox from the shell, for the payment
/// methods of a [`Registry`].
#[derive(Clone, Debug)]
pub struct Cli {
    registry: Registry,
}

impl Cli {
    /// Creates the command-line program `ecp` for the payment methods in this registry and no
    /// others.
    pub const fn new(registry: Registry) -> Self {
        Self { registry }
    }

    /// Runs the command that this process's arguments name, and returns the exit code for `main` to
    /// return; `ecp --help` lists the codes. Ends the process itself if the arguments are wrong
    /// (exit code 2) or ask for help (0).
    ///
    /// Profiles (projects with their addresses) and keys are read from environment variables and
    /// files. Help, completions and manual pages use the file name of the executable; examples and
    /// messages say `ecp`.
    pub fn main(self) -> ExitCode {
        let command = command(&program());
        let words = nearest::joined(std::env::args_os());
        if is_json(&words) {
            output::be_json();
        }
        let matches = command.clone().try_get_matches_from(words);
        let arguments = match matches.and_then(|matches| Arguments::from_arg_matches(&matches)) {
            Ok(arguments) => arguments,
            Err(error) => return wrong_line(&error),
        };
        if arguments.quiet {
            next::be_quiet();
        }
        if arguments.json {
            output::be_json();
        }
        arguments.command.run(&self.registry, command).unwrap_or_else(|error| {
            let is_usage =
                error.is::<Usage>() || error.is::<UsageText>() || error.is::<AddressError>();
            let code = if is_usage { WRONG_LINE } else { 1 };
            output::write_error(&format!("{error:#}"), code);
            ExitCode::from(code)
        })
    }
}

/// Exit code of a command line that was wrong.
const WRONG_LINE: u8 = 2;

/// Whether the words ask for JSON. A command line that is wrong in another place does, too.
fn is_json(words: &[std::ffi::OsString]) -> bool {
    words.iter().take_while(|word| *word != "--").any(|word| word == "--json")
}

/// Prints why the command line cannot be used, or the help that it asks for.
fn wrong_line(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() || !output::is_json() {
        error.exit();
    }
    let text = error.to_string();
    let text = text.trim().trim_start_matches("error: ");
    // Then come the usage and where the help is.
    let ends = ["\n\nUsage:", "\n\nFor more information"];
    let problem = ends.iter().fold(text, |text, end| text.split(end).next().unwrap_or(text));
    output::write_error(problem, WRONG_LINE);
    ExitCode::from(WRONG_LINE)
}

/// Payments through ecommpay's wallets and vouchers: single requests, mass payouts, a sandbox, and
/// signatures.
#[derive(Parser)]
#[command(
    name = "ecp",
    version,
    after_help = "Exit codes:\n  0  done\n  1  the job failed: a document was refused, a signature did not match,\n     a payment did not end as expected, a callback was not replayed or released\n  2  the command line was wrong\n  3  a payment has ended, and not in a success\n  4  the outcome is unknown: ask again, or run the same command again\n  5  the sides of a reconciliation differ\n  6  a payment has ended in an error, and nothing says whether money has moved:\n     ask technical support before it is repeated under another id"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,

    /// Print no `next:` lines, which suggest further commands on standard error
    #[arg(long, global = true, env = "ECP_QUIET", hide_env_values = true, value_parser = FalseyValueParser::new(), action = ArgAction::SetTrue)]
    quiet: bool,

    /// Print the result as JSON where a command has one, and an error as JSON on standard error
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Command {
    Clarify(commands::clarify::Clarify),
    Completions(commands::completions::Completions),
    #[cfg(feature = "console")]
    Console(commands::console::Console),
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
    Sandbox(Box<commands::sandbox::SandboxCommand>),
    Sign(commands::sign::Sign),
    Status(commands::status::Status),
    Trigger(commands::trigger::Trigger),
    Verify(commands::verify::Verify),
}

impl Command {
    fn run(self, registry: &Registry, ecp: clap::Command) -> anyhow::Result<ExitCode> {
        match self {
            Self::Clarify(command) => command.run(),
            Self::Completions(command) => command.run(registry, ecp),
            #[cfg(feature = "console")]
            Self::Console(command) => command.run(),
            Self::Demo(command) => command.run(registry),
            Self::Explain(command) => command.run(),
            Self::Inbox(command) => command.run(registry),
            Self::Listen(command) => command.run(registry),
            Self::Man(command) => command.run(ecp),
            Self::Methods(command) => command.run(registry),
            Self::Operations(command) => command.run(),
            Self::PageUrl(command) => command.run(registry),
            Self::Payout(command) => command.run(registry),
            Self::Payouts(command) => command.run(registry),
            Self::Reconcile(command) => command.run(),
            Self::Refund(command) => command.run(registry),
            Self::Report(command) => command.run(),
            Self::Reports(command) => command.run(),
            Self::Sale(command) => command.run(registry),
            Self::Sandbox(command) => command.run(registry),
            Self::Sign(command) => command.run(),
            Self::Status(command) => command.run(registry),
            Self::Trigger(command) => command.run(registry),
            Self::Verify(command) => command.run(),
        }
    }
}

/// The command line, under the program's name.
fn command(program: &str) -> clap::Command {
    Arguments::command().bin_name(program).display_name(program)
}

/// The name that the program was started by, without its folder and ending.
fn program() -> String {
    let path = std::env::args_os().next();
    let name = path.as_deref().and_then(|path| Path::new(path).file_stem()?.to_str());
    name.unwrap_or("ecp").to_owned()
}
