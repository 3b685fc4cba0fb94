//! The `ecp` command that knows Acme Wallet too.

use std::process::ExitCode;

use ecp_cli::Cli;
use ecp_example_acme_wallet::AcmeWallet;
use ecp_methods::Registry;

fn main() -> ExitCode {
    let registry = Registry::builtin().with(AcmeWallet).expect("no other method has its names");
    Cli::new(registry).main()
}
