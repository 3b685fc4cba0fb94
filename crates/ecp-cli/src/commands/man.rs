//! `ecp man`

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Command};
use clap_mangen::Man;

/// Write the manual pages of this command
///
/// There is one for `ecp` and one for each of its commands, such as ecp-payouts.1. Without a folder
/// the page of `ecp` is printed.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  ecp man | man -l -\n  ecp man ~/.local/share/man/man1 && man ecp-payouts"
)]
pub(crate) struct ManPages {
    /// The folder for the manual pages; created if it is missing
    #[arg(value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

impl ManPages {
    pub(crate) fn run(&self, ecp: Command) -> anyhow::Result<ExitCode> {
        let name = ecp.get_bin_name().unwrap_or("ecp").to_owned();
        let Some(folder) = &self.folder else {
            crate::output::stdout().write_all(&page(ecp, &name)?)?;
            return Ok(ExitCode::SUCCESS);
        };
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
        let mut ecp = ecp.disable_help_subcommand(true);
        ecp.build();
        write(&ecp, &name, folder)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// The page of a command, and those of the commands below it.
fn write(command: &Command, name: &str, folder: &Path) -> anyhow::Result<()> {
    let path = folder.join(format!("{name}.1"));
    std::fs::write(&path, page(command.clone(), name)?)
        .with_context(|| format!("cannot write the manual page {}", path.display()))?;
    for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
        write(below, &format!("{name}-{}", below.get_name()), folder)?;
    }
    Ok(())
}

fn page(command: Command, name: &str) -> std::io::Result<Vec<u8>> {
    let mut page = Vec::new();
    Man::new(command).title(name).render(&mut page)?;
    Ok(page)
}
