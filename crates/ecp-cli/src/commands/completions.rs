//! `ecp completions`

use std::process::ExitCode;

use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{Arg, Args, Command};
use clap_complete::Shell;
use ecp_methods::{DynMethod, Registry};

/// Print the completions of a shell for this command
///
/// They complete the codes of payment methods too.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  ecp completions bash > ~/.local/share/bash-completion/completions/ecp\n  ecp completions zsh > ~/.zfunc/_ecp\n  ecp completions fish > ~/.config/fish/completions/ecp.fish"
)]
pub(crate) struct Completions {
    /// The shell that the completions are for
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(&self, registry: &Registry, ecp: Command) -> anyhow::Result<ExitCode> {
        let name = ecp.get_bin_name().unwrap_or("ecp").to_owned();
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut with_codes(ecp, registry), name, &mut script);
        std::io::Write::write_all(&mut crate::output::stdout(), &script)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// The command with the methods' codes as what its arguments for a method take. It is for scripts alone:
/// the arguments take other names of a method too.
fn with_codes(command: Command, registry: &Registry) -> Command {
    let codes = |argument: Arg| {
        if argument.get_id() != "method" {
            return argument;
        }
        let specs = registry.iter().map(DynMethod::spec);
        let values = specs.map(|spec| PossibleValue::new(spec.code()).help(spec.title()));
        argument.value_parser(PossibleValuesParser::new(values.collect::<Vec<_>>()))
    };
    command.mut_args(codes).mut_subcommands(|below| with_codes(below, registry))
}
