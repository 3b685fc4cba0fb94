//! `ecp reports`

mod file;
mod folder;
mod stop;
mod work;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use clap::{Args, Subcommand};
use ecp_core::ProjectId;

use self::file::File;
use self::stop::Stop;
use self::work::{Asked, Work};
use crate::fields::pair;
use crate::profile::ProfileOptions;

/// Make reports from the Data API, by hand or on schedule, keep them for four days, and send them
/// by e-mail
///
/// Templates are in a file of TOML: each has the columns, the filters, the format and the schedule
/// of a report, and the addresses that it is sent to. docs/reports.md explains the file.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  ecp reports run declines --file reports.toml --profile shop\n  ecp reports schedule --file reports.toml --profile shop\n\nA file of templates:\n  folder = \"reports\"\n\n  [mail]\n  host = \"smtp.shop.example\"\n  user = \"reports\"\n  password_env = \"SMTP_PASSWORD\"\n  from = \"Shop <reports@shop.example>\"\n\n  [reports.declines]\n  schedule = \"daily 07:00\"\n  time_zone = \"Europe/Berlin\"\n  format = \"xlsx\"\n  columns = [\"payment_id\", \"operation_type\", \"sum_initial.amount\"]\n  only = { operation_status = \"decline\" }\n  to = [\"mary@shop.example\"]"
)]
pub(crate) struct Reports {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    Run(Run),
    Schedule(Schedule),
    List(List),
}

/// Make reports now, as by hand or from cron
///
/// The days of a report are the day, week or month before, unless --from and --to name others. If
/// a mail cannot be sent, the report's file is kept all the same, and its name is printed.
#[derive(Args)]
#[command(
    after_help = "Exit codes:\n  0  all reports are made and sent\n  1  a report was not made, or a mail was not sent\n  2  the command line was wrong"
)]
struct Run {
    /// The names of the templates to make reports of
    #[arg(value_name = "NAME", required = true)]
    names: Vec<String>,

    #[command(flatten)]
    common: Common,

    /// The first day or time of the report, as in 2024-01-31, instead of the template's
    #[arg(long, value_name = "TIME", requires = "to")]
    from: Option<String>,

    /// The last day or time of the report, as in 2024-01-31, instead of the template's
    #[arg(long, value_name = "TIME", requires = "from")]
    to: Option<String>,

    /// Only this project, instead of the template's. May be repeated
    #[arg(long, value_name = "ID")]
    project: Vec<ProjectId>,

    /// Only rows with this value in this column, besides the template's filters. May be repeated
    #[arg(long, value_name = "COLUMN=VALUE", value_parser = pair)]
    only: Vec<(String, String)>,

    /// Send no e-mails; the reports are made and kept
    #[arg(long)]
    no_mail: bool,
}

/// Make reports on schedule until Ctrl-C
///
/// After a time in which this command did not run, each report that was missed is made once, for
/// the latest time of its schedule. A record of the finished work is in the folder of the reports,
/// so the command can be ended at any time. Two such commands that share a folder make no report
/// twice.
#[derive(Args)]
#[command(
    after_help = "Exit codes:\n  0  it was ended by Ctrl-C or SIGTERM\n  1  it cannot work\n  2  the command line was wrong"
)]
struct Schedule {
    #[command(flatten)]
    common: Common,
}

/// Show the templates, the kept reports, and whether their mails were sent
#[derive(Args)]
struct List {
    /// The TOML file with the templates
    #[arg(long, value_name = "FILE", default_value = "reports.toml")]
    file: PathBuf,
}

#[derive(Args)]
struct Common {
    /// The TOML file with the templates
    #[arg(long, value_name = "FILE", default_value = "reports.toml")]
    file: PathBuf,

    #[command(flatten)]
    profile: ProfileOptions,
}

impl Reports {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        match &self.action {
            Action::Run(command) => command.run(),
            Action::Schedule(command) => command.run(),
            Action::List(command) => command.run(),
        }
    }
}

impl Run {
    fn run(&self) -> anyhow::Result<ExitCode> {
        let mut file = File::read(&self.common.file)?;
        for name in &self.names {
            file.template(name)?;
        }
        if self.no_mail {
            file.send_nothing();
        }
        let dates = self.from.as_deref().zip(self.to.as_deref());
        let asked = Asked {
            dates: dates.map(|(from, to)| (from.to_owned(), to.to_owned())),
            projects: self.project.clone(),
            only: self.only.clone(),
        };
        let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
        let (runtime, work) = self.common.start(&file, &names)?;
        runtime.block_on(async { work.run(&names, &asked, &Stop::on_signal()?).await })
    }
}

impl Schedule {
    fn run(&self) -> anyhow::Result<ExitCode> {
        let file = File::read(&self.common.file)?;
        let names: Vec<&str> = file.scheduled().map(|(name, _)| name).collect();
        if names.is_empty() {
            bail!(
                "no template in {} has a `schedule`: add one, such as \"daily 07:00\"",
                self.common.file.display()
            );
        }
        let (runtime, work) = self.common.start(&file, &names)?;
        runtime.block_on(async { work.schedule(&Stop::on_signal()?).await })
    }
}

impl Common {
    fn start<'f>(
        &self,
        file: &'f File,
        names: &[&str],
    ) -> anyhow::Result<(tokio::runtime::Runtime, Work<'f>)> {
        let profile = self.profile.load()?;
        let runtime = crate::runtime::start()?;
        Ok((runtime, Work::new(file, names, profile)?))
    }
}

impl List {
    fn run(&self) -> anyhow::Result<ExitCode> {
        work::list(&File::read(&self.file)?)?;
        Ok(ExitCode::SUCCESS)
    }
}
