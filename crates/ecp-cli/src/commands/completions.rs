//! `ecp completions`

use std::process::ExitCode;

use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{Arg, Args, Command};
use clap_complete::Shell;
use ecp_core::Currency;
use ecp_methods::{DynMethod, Registry};

use crate::profile::profile_names;

/// Print the completions of a shell for this command
///
/// They complete the codes of payment methods and currencies too, and the names of the profiles in the
/// profiles file at this time.
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
        // The script is all that this process makes.
        let profiles: Vec<&'static str> =
            profile_names().into_iter().map(|name| &*name.leak()).collect();
        let (mut ecp, mut script) = (with_codes(ecp, registry, &profiles), Vec::new());
        clap_complete::generate(self.shell, &mut ecp, name, &mut script);
        std::io::Write::write_all(&mut crate::output::stdout(), &script)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// The command with the known values of its arguments: codes of methods and currencies, and names of
/// profiles. It is for scripts alone: a method has other names too, and a file other profiles.
fn with_codes(command: Command, registry: &Registry, profiles: &[&'static str]) -> Command {
    let known = |argument: Arg| {
        let values: Vec<PossibleValue> = match argument.get_id().as_str() {
            "method" => {
                let specs = registry.iter().map(DynMethod::spec);
                specs.map(|spec| PossibleValue::new(spec.code()).help(spec.title())).collect()
            }
            "currency" => {
                let currencies = Currency::all().iter();
                currencies.map(|currency| PossibleValue::new(currency.code())).collect()
            }
            "profile" => profiles.iter().copied().map(PossibleValue::new).collect(),
            _ => return argument,
        };
        argument.value_parser(PossibleValuesParser::new(values))
    };
    command.mut_args(known).mut_subcommands(|below| with_codes(below, registry, profiles))
}
