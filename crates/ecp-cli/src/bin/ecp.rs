//! The `ecp` command with the built-in methods.

use std::process::ExitCode;

use ecp_cli::Cli;
use ecp_methods::Registry;

fn main() -> ExitCode {
    Cli::new(Registry::builtin()).main()
}
