//! `ecp completions`

use std::process::ExitCode;

use clap::{Args, Command};
use clap_complete::Shell;

/// Print the completions of a shell for this command
#[derive(Args)]
#[command(
    after_help = "Examples:\n  ecp completions bash > ~/.local/share/bash-completion/completions/ecp\n  ecp completions zsh > ~/.zfunc/_ecp\n  ecp completions fish > ~/.config/fish/completions/ecp.fish"
)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(&self, mut ecp: Command) -> anyhow::Result<ExitCode> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut ecp, "ecp", &mut script);
        std::io::Write::write_all(&mut crate::output::stdout(), &script)?;
        Ok(ExitCode::SUCCESS)
    }
}
