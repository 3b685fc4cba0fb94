//! `ecp payouts`

mod paths;
mod place;
mod progress;
mod template;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{IsTerminal, Write};
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use anyhow::{Context, anyhow, bail};
use clap::{Args, Subcommand};
use ecp_core::{Money, Timestamp};
use ecp_methods::Registry;
use ecp_methods::mass_file::RowKind;
use ecp_payouts::{
    AmountUnit, Counts, Entry, JournalError, Layout, Owner, Payer, Plan, RowId, Settings, State,
    Stop, Total,
};
use ecp_transport::{RetryPolicy, SendPolicy};
use serde::Serialize;

use self::paths::{Results, beside, distinct, distinct_results, journal_of};
use self::place::{Place, Seen};
use self::progress::{Shown, words};
use self::template::Template;
use crate::delimiter::delimiter;
use crate::duration::duration;
use crate::next::{is_wanted, next, this_command_without};
use crate::outcome::{ASK_SUPPORT, DECLINED, ENDED_IN_ERROR, UNKNOWN};
use crate::output::{is_dash, is_stdout, print_result};
use crate::profile::{Profile, ProfileOptions};
use crate::signals::Signals;
use crate::usage::Usage;

/// Carry out every row of a CSV file of payouts and refunds, each of them once
///
/// The file is the platform's mass file, as `ecp payouts template METHOD` writes it. The first line
/// names the columns: operation_type (payout or refund; without this column all rows are payouts),
/// method, and paths of the Gate request such as general.payment_id, payment.amount (in minor
/// units), payment.currency and account.number. The delimiter is found from that line. All rows are
/// checked before anything is sent. Every send is recorded in a journal next to the file, so a run
/// may be interrupted at any point and started again: it continues where it was.
///
/// A refund without `payment.merchant_refund_id` has the id of its payment. A refund that got no
/// answer is never sent again, because no answer of the platform says that a refund does not exist:
/// its result is read from the payment's status, which each run requests.
///
/// With --postgres the journal is in a database, and any number of machines may run the same command
/// with the same file at the same time: each row is carried out by one of them. The rows of one that
/// died go to the others after 30 seconds.
#[derive(Args)]
#[command(
    subcommand_negates_reqs = true,
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  ecp payouts template touchngo > payouts.csv\n  ecp payouts payouts.csv --dry-run\n  ecp payouts payouts.csv --yes\n  ecp payouts payouts.csv --yes --postgres 'host=db user=shop' --job 'salaries of November'\n  ecp payouts bank.csv --profile shop --delimiter ';' --method wallet/jeton --column 'Wallet=account.number' --column 'Comment=' --major-units\n\nExit codes:\n  0  every row is paid or refunded\n  1  the file has bad rows, or the job could not begin\n  2  the command line was wrong\n  3  every row has ended, and some were declined\n  4  some rows were not sent or are unknown: run the same command again\n  6  every row has ended, and some in an error, so that nothing says whether money has\n     moved: ask technical support before they are repeated under another id"
)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(crate) struct Payouts {
    #[command(subcommand)]
    other: Option<Other>,

    /// The CSV file, in UTF-8 or UTF-16 with a byte order mark, the names of the columns in its first line
    #[arg(value_name = "FILE", required = true)]
    file: Option<PathBuf>,

    #[command(flatten)]
    profile: ProfileOptions,

    /// Check the file, show the totals, and send nothing
    #[arg(long)]
    dry_run: bool,

    /// Do not ask before paying
    #[arg(long)]
    yes: bool,

    /// The delimiter of the file; by default found from the line of column names
    #[arg(long, value_name = "CHARACTER", value_parser = delimiter)]
    delimiter: Option<u8>,

    /// The column NAME holds the field at PATH, as in Wallet=account.number; without a PATH, as in
    /// Comment=, the column is ignored. May be repeated
    #[arg(long, value_name = "NAME=PATH")]
    column: Vec<String>,

    /// The payment method of rows that name none, by its code or Gate path; `ecp methods` lists the
    /// codes
    #[arg(long, value_name = "METHOD")]
    method: Option<String>,

    /// Amounts are in major units: 300.00 rather than 30000
    #[arg(long)]
    major_units: bool,

    /// The journal, a file that records what was sent, instead of FILE.journal
    #[arg(long, value_name = "PATH")]
    journal: Option<PathBuf>,

    /// The database of a journal that payers on several machines share, as a URL or as `host=..
    /// user=.. dbname=..`, with `sslmode=verify-full` for TLS that no one can intercept; its password
    /// is read from the environment variable PGPASSWORD, and missing values of `sslmode`,
    /// `sslrootcert` and `channel_binding` from PGSSLMODE, PGSSLROOTCERT and PGCHANNELBINDING
    #[arg(long, value_name = "URL", conflicts_with = "journal")]
    postgres: Option<String>,

    /// The name of the job, under which the database has the rows of the file: all payers of the
    /// file must give the same name; by default the name of the file
    #[arg(long = "job", value_name = "NAME", requires = "postgres")]
    job_name: Option<String>,

    /// Show the state of the file's rows in the database, and how many payers (processes that pay)
    /// work on them, and send nothing
    #[arg(long, requires = "postgres", conflicts_with = "dry_run")]
    status: bool,

    /// The journal has payouts of other files too: continue although none of its sent payouts is in
    /// this file
    #[arg(long)]
    shared_journal: bool,

    /// The file for the result of each row, instead of FILE.results.csv; `-` is standard output,
    /// and the summary is then printed to standard error
    #[arg(long, value_name = "PATH")]
    results: Option<PathBuf>,

    /// Maximum number of requests at once
    #[arg(long, value_name = "NUMBER", default_value = "16")]
    concurrency: NonZeroU32,

    /// Maximum number of requests a second; 50 unless the profile says otherwise, no limit for the
    /// sandbox
    #[arg(long, value_name = "NUMBER")]
    rate: Option<NonZeroU32>,

    /// Maximum number of rows in progress, including those that were sent and have not ended
    #[arg(long, value_name = "NUMBER", default_value = "1000")]
    at_work: NonZeroUsize,

    /// Time to wait for the end of a payout before the row is left for the next run; by default the
    /// longest time of its method, or 30 minutes if that is not known
    #[arg(long, value_name = "TIME", value_parser = duration)]
    wait: Option<Duration>,

    /// Print the summary as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Subcommand)]
enum Other {
    Template(Template),
}

/// Summary of a run, for scripts.
#[derive(Serialize)]
struct Summary<'s> {
    project: u64,
    gate_url: &'s str,
    dry_run: bool,
    totals: Vec<Sum>,
    rows: u64,
    success: u64,
    decline: u64,
    error: u64,
    unknown: u64,
    not_sent: u64,
    ended_before: u64,
    /// Why the run stopped by itself before it had worked on every row: remove the cause before the
    /// next run. `null` if it did not, also if Ctrl-C or SIGTERM stopped it.
    stopped: Option<&'s str>,
    /// Path of the journal's file; `null` if the journal is in a database.
    journal: Option<&'s Path>,
    /// The name of the job in the journal's database; left out if the journal is a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    job: Option<&'s str>,
    /// Number of payers (processes that pay) that work on rows now; left out without `--status`.
    #[serde(skip_serializing_if = "Option::is_none")]
    payers: Option<u64>,
    results: Option<&'s Path>,
}

/// A checked file, and where it is carried out and recorded.
struct Job<'j> {
    plan: &'j Plan,
    profile: &'j Profile,
    place: &'j Place,
}

/// Path of the written results, and whether that is standard output.
struct Written<'p> {
    path: Option<&'p Path>,
    on_stdout: bool,
    /// The journal's entries, at least those of the file's rows, after the run or with `--status`:
    /// the state of each payout and refund.
    entries: HashMap<RowId, Entry>,
    /// Number of payers (processes that pay) that work on rows now; `None` if it was not asked for,
    /// as without `--status`.
    at_work: Option<u64>,
}

impl Written<'_> {
    fn nothing() -> Self {
        Self { path: None, on_stdout: false, entries: HashMap::new(), at_work: None }
    }
}

/// Total of the rows with one operation, method and currency, in minor units.
#[derive(Serialize)]
struct Sum {
    operation: &'static str,
    method: &'static str,
    rows: u64,
    /// The total in minor units; `null` for refunds of all that was paid, whose sums the file does
    /// not name.
    amount: Option<i64>,
    currency: Option<&'static str>,
}

impl Payouts {
    pub(crate) fn run(&self, registry: &Registry) -> anyhow::Result<ExitCode> {
        if let Some(Other::Template(template)) = &self.other {
            return template.run(registry);
        }
        let profile = self.profile.load()?;
        let layout = self.layout()?;
        let file = std::fs::read(self.file()).with_context(|| {
            format!("cannot read the file of payouts, {}", self.file().display())
        })?;
        let plan = match Plan::read(file, &layout, registry, profile.project) {
            Ok(plan) => plan,
            Err(problems) => {
                for problem in problems.iter() {
                    note!("{}: {problem}", self.file().display());
                }
                if problems.iter().any(|problem| problem.text.contains("has a decimal point")) {
                    note!(
                        "if the file's amounts are in major units, such as 300.00, add --major-units"
                    );
                }
                bail!(
                    "nothing was sent: correct the {} named above, and run the command again",
                    counted(problems.iter().len(), "problem")
                );
            }
        };
        let (place, results_path) = self.places()?;
        self.show(&plan, &profile);
        let owner = Owner::new(profile.project, &profile.gate_url);
        let runtime = crate::runtime::start()?;
        if self.dry_run || self.status {
            let seen = runtime.block_on(place.look(&owner, &plan))?;
            self.check_unchanged(&plan, &seen.of_plan)?;
            self.check_against(&plan, &seen.of_job)?;
            let job = Job { plan: &plan, profile: &profile, place: &place };
            return if self.status { self.status(&job, seen) } else { self.dry_run(&job, &seen) };
        }
        profile.warn();
        self.confirm(&plan)?;

        let signals = runtime.block_on(async { Signals::listen() })?;
        let settings = self.settings(&profile);
        let (payer, shared) = runtime.block_on(place.payer(&owner, profile.gate()?, settings))?;
        // If the results cannot be written, nothing is sent.
        let results = Results::begin(&results_path).with_context(|| {
            format!("nothing was sent: cannot write the results to {}", results_path.display())
        })?;
        // If the results replace standard output's file, it keeps the old one.
        let on_stdout = is_stdout(&results_path);
        let stop = Stop::new();
        let counts = runtime.block_on(pay(payer, &plan, &stop, signals));
        let shared = shared.map(|journal| runtime.block_on(place::end(journal, &plan)));
        // The payer's journal is closed when its last task has ended.
        drop(runtime);
        let entries = || shared.unwrap_or_else(|| place.read_file());
        match counts {
            // The only failures before anything is sent.
            Err(error @ JournalError::Changed { .. }) => Err(error.into()),
            Err(error @ (JournalError::Respelled(_) | JournalError::OtherFile { .. })) => {
                Err(self.not_in_journal(error))
            }
            Ok(counts) => {
                let (done, entries) = results.write(&plan, entries());
                let path = written(done, &results_path);
                let written = Written { path, on_stdout, entries, at_work: None };
                let cause = stop.cause();
                let job = Job { plan: &plan, profile: &profile, place: &place };
                self.finish(&job, Some(counts), cause.as_deref(), &written)
            }
            Err(error) => {
                // The file with the journal's name may be another one now.
                if !matches!(error, JournalError::Removed) {
                    written(results.write(&plan, entries()).0, &results_path);
                }
                note!("error: journal {place}: {error}");
                match error {
                    JournalError::Differs { .. } => note!(
                        "other rows may have been sent: correct that one, and run the command again"
                    ),
                    JournalError::Removed => note!(
                        "some rows may have been sent: run the same command again when the journal is back"
                    ),
                    _ => note!("some rows may have been sent: run the same command again"),
                }
                Ok(ExitCode::from(UNKNOWN))
            }
        }
    }

    /// Shows what a run would do.
    fn dry_run(&self, job: &Job<'_>, seen: &Seen) -> anyhow::Result<ExitCode> {
        let ended = seen.of_plan.values().filter(|entry| entry.state.is_final()).count();
        if ended > 0 {
            note!("{} ended in an earlier run", counted(ended, "row"));
        }
        say_who_works(job.place, seen);
        note!("dry run: nothing was sent");
        let code = self.finish(job, None, None, &Written::nothing())?;
        if is_wanted(self.json) {
            next(format_args!("{}", this_command_without("--dry-run")));
        }
        Ok(code)
    }

    /// Shows the state of a job that payers share.
    fn status(&self, job: &Job<'_>, seen: Seen) -> anyhow::Result<ExitCode> {
        say_who_works(job.place, &seen);
        let mut counts = Counts::default();
        counts.rows = job.plan.len() as u64;
        for row in job.plan.rows() {
            let entry = seen.of_plan.get(&row.request.id());
            match entry.map_or(State::NotSent, |entry| entry.state) {
                State::Success => counts.success += 1,
                State::Decline => counts.decline += 1,
                State::Error => counts.error += 1,
                State::NotSent => counts.not_sent += 1,
                _ => counts.unknown += 1,
            }
        }
        counts.before = counts.success + counts.decline;
        let at_work = Some(seen.at_work.payers);
        let written = Written { entries: seen.of_plan, at_work, ..Written::nothing() };
        self.finish(job, Some(counts), None, &written)
    }

    /// Names the rows that were changed after they were sent: their states in the journal are those of
    /// other requests.
    fn check_unchanged(&self, plan: &Plan, entries: &HashMap<RowId, Entry>) -> anyhow::Result<()> {
        let changed = plan.changed(entries);
        for problem in &changed {
            note!("{}: {problem}", self.file().display());
        }
        if changed.is_empty() {
            return Ok(());
        }
        bail!(
            "the file differs from the journal in the {} named above, so its state is not shown: give \
             the file as it was when they were sent",
            counted(changed.len(), "row")
        );
    }

    /// Warns in a dry run about a file that does not fit its journal.
    fn check_against(&self, plan: &Plan, entries: &HashMap<RowId, Entry>) -> anyhow::Result<()> {
        match plan.check_against(entries) {
            Err(JournalError::OtherFile { .. }) if self.shared_journal => Ok(()),
            checked => checked.map_err(|error| self.not_in_journal(error)),
        }
    }

    fn file(&self) -> &Path {
        // Without a file, the command line has a subcommand, which needs none.
        self.file.as_deref().unwrap_or(Path::new(""))
    }

    /// Names the rows that look like sent ones, or the flags for another file.
    fn not_in_journal(&self, error: JournalError) -> anyhow::Error {
        match error {
            JournalError::Respelled(problems) => {
                for problem in problems.iter() {
                    note!("{}: {problem}", self.file().display());
                }
                let problems = counted(problems.iter().len(), "problem");
                anyhow!(
                    "nothing was sent: correct the {problems} named above, and run the command again"
                )
            }
            JournalError::OtherFile { .. } if self.postgres.is_some() => anyhow!(
                "{error} (--job NAME names another job; --shared-journal says that this one has \
                 payouts of other files too)"
            ),
            JournalError::OtherFile { .. } => anyhow!(
                "{error} (--journal PATH names another journal; --shared-journal says that this one \
                 has payouts of other files too)"
            ),
            error => error.into(),
        }
    }

    fn layout(&self) -> anyhow::Result<Layout> {
        let units = if self.major_units { AmountUnit::Major } else { AmountUnit::Minor };
        let mut layout = Layout::new().amounts(units);
        if let Some(delimiter) = self.delimiter {
            layout = layout.delimiter(delimiter);
        }
        for column in &self.column {
            layout = match column.rsplit_once('=') {
                Some((name, "")) => layout.ignore(name),
                Some((name, path)) => layout.column(name, path),
                None => return Err(Usage(
                    "the `=` in --column is missing: write NAME=PATH, or NAME= to ignore a column",
                )
                .into()),
            };
        }
        Ok(match &self.method {
            Some(method) => layout.method(method),
            None => layout,
        })
    }

    fn settings(&self, profile: &Profile) -> Settings {
        let policy: SendPolicy = profile
            .policy()
            .concurrency(self.concurrency)
            .rate(self.rate.or(profile.rate))
            .retry(RetryPolicy::new());
        let mut settings = Settings::new()
            .policy(policy)
            .not_found_after(profile.not_found_after)
            .at_work(self.at_work)
            .shared_journal(self.shared_journal);
        if let Some(first) = profile.first_question {
            settings = settings.first_question(first);
        }
        match self.wait {
            Some(patience) => settings.patience(patience),
            None => settings,
        }
    }

    /// The place of the journal, and the path of the results.
    fn places(&self) -> anyhow::Result<(Place, PathBuf)> {
        let results = self.results.clone().unwrap_or_else(|| beside(self.file(), "results.csv"));
        if let Some(address) = &self.postgres {
            distinct_results(self.file(), &results)?;
            return Ok((Place::database(address, self.job_name.as_deref(), self.file())?, results));
        }
        let journal = match &self.journal {
            Some(path) if is_dash(path) => {
                return Err(Usage("--journal cannot be `-`: the journal must be a file").into());
            }
            Some(path) => path.clone(),
            None => journal_of(self.file())?,
        };
        distinct(self.file(), &journal, &results)?;
        Ok((Place::File(journal), results))
    }

    /// Prints the plan for people.
    fn show(&self, plan: &Plan, profile: &Profile) {
        note!(
            "{}: {} for project {} at {} (profile `{}`)",
            self.file().display(),
            operations(plan),
            profile.project,
            profile.gate_url,
            profile.name
        );
        let name = |total: &Total| match total.flow {
            RowKind::Refund => format!("{}, refunds", total.method),
            RowKind::Payout => total.method.to_owned(),
        };
        let width = plan.totals().iter().map(|total| name(total).len()).max().unwrap_or(0).max(16);
        for total in plan.totals() {
            let of_all = || "all that was paid".to_owned();
            let sum = total.sum.map_or_else(of_all, |sum| sum.to_string());
            note!("  {:<width$} {:>9} {sum:>24}", name(total), total.rows);
        }
        for warning in plan.warnings() {
            note!("warning: {warning}");
        }
    }

    fn confirm(&self, plan: &Plan) -> anyhow::Result<()> {
        if self.yes {
            return Ok(());
        }
        if !std::io::stdin().is_terminal() {
            let why = "the payouts cannot be confirmed, as standard input is not a terminal: use \
                       --yes to pay, or --dry-run";
            return Err(Usage(why).into());
        }
        write!(std::io::stderr(), "Type `yes` to pay {}: ", counted(plan.len(), "row"))?;
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer).context(
            "nothing was sent: the answer cannot be read from standard input; without a terminal \
                 give --yes",
        )?;
        if answer.trim() == "yes" {
            Ok(())
        } else {
            Err(anyhow!("nothing was sent: the answer was not `yes`"))
        }
    }

    fn finish(
        &self,
        job: &Job<'_>,
        counts: Option<Counts>,
        stopped: Option<&str>,
        written: &Written<'_>,
    ) -> anyhow::Result<ExitCode> {
        let Job { plan, profile, place } = *job;
        let results = written.path;
        let sum = |total: &Total| Sum {
            operation: total.flow.name(),
            method: total.method,
            rows: total.rows,
            amount: total.sum.map(Money::minor),
            currency: total.sum.map(|sum| sum.currency().code()),
        };
        let rows = counts.unwrap_or_default();
        // Standard output may hold only the results.
        let print = |text: &str| {
            if written.on_stdout {
                note!("{}", text.trim_end());
            } else {
                print_result(text);
            }
        };
        if self.json {
            let summary = Summary {
                project: profile.project.get(),
                gate_url: &profile.gate_url,
                dry_run: self.dry_run,
                totals: plan.totals().iter().map(sum).collect(),
                rows: plan.len() as u64,
                success: rows.success,
                decline: rows.decline,
                error: rows.error,
                unknown: rows.unknown,
                not_sent: rows.not_sent,
                ended_before: rows.before,
                stopped,
                journal: place.file(),
                job: place.job(),
                payers: written.at_work,
                results,
            };
            print(&(serde_json::to_string_pretty(&summary)? + "\n"));
        }
        let Some(counts) = counts else { return Ok(ExitCode::SUCCESS) };
        let Counts { decline, error, before, not_sent, .. } = counts;
        let line = match written.at_work {
            Some(_) => words(&counts),
            None => format!("{}; {before} of them in an earlier run", words(&counts)),
        };
        if self.json {
            note!("{line}");
        } else {
            print(&format!("{line}\n"));
        }
        if let Some(cause) = stopped {
            note!("the run stopped at {cause}");
        }
        if let Some(results) = results {
            if is_dash(results) {
                note!("results: on standard output");
            } else {
                note!("results: {}", results.display());
            }
        }
        if error > 0 {
            let rows = counted(usize::try_from(error).unwrap_or(usize::MAX), "row");
            note!("{rows} ended in an error: {ASK_SUPPORT}");
        }
        if not_sent > 0 {
            say_why_not_sent(profile, plan, &written.entries);
        }
        if !counts.is_complete() {
            let first = if stopped.is_some() { "mend the cause, then " } else { "" };
            match (written.at_work, place.job()) {
                (Some(1..), _) => note!("not every row has ended: look again later"),
                (Some(0), _) => note!("not every row has ended: run the command without --status"),
                (None, Some(_)) => note!(
                    "not every row has ended: {first}run the same command again, or leave the rows to \
                     other payers of the job (--status shows them)"
                ),
                (None, None) => {
                    note!("not every row has ended: {first}run the same command again");
                }
            }
            if is_wanted(self.json) && written.at_work.is_none_or(|payers| payers == 0) {
                next(format_args!("{}", this_command_without("--status")));
            }
            return Ok(ExitCode::from(UNKNOWN));
        }
        if is_wanted(self.json) && profile.has_data_api() {
            let now = SystemTime::now();
            let sent = written.entries.values().filter_map(|entry| entry.sent_at);
            next(format_args!(
                "ecp reconcile{}{} --from {} --to {}",
                self.profile.flags(),
                place.flag(),
                day(sent.min().unwrap_or(now)),
                day(now)
            ));
        }
        Ok(match (error, decline) {
            (0, 0) => ExitCode::SUCCESS,
            (0, _) => ExitCode::from(DECLINED),
            _ => ExitCode::from(ENDED_IN_ERROR),
        })
    }
}

/// The day of a time in UTC, such as `2026-01-31`.
fn day(time: SystemTime) -> String {
    let text = Timestamp::try_from(time).map(|time| time.to_string());
    text.ok().and_then(|text| text.get(..10).map(str::to_owned)).unwrap_or_else(|| "DAY".to_owned())
}

/// Prints the address and the reason of the first row of the file that was not sent.
fn say_why_not_sent(profile: &Profile, plan: &Plan, entries: &HashMap<RowId, Entry>) {
    let mut of_rows = plan.rows().filter_map(|row| entries.get(&row.request.id()));
    let Some(entry) = of_rows.find(|entry| entry.state == State::NotSent) else { return };
    let url = &profile.gate_url;
    // What was refused has a code, and an address that answers.
    let hint = if entry.code.is_none() { profile.sandbox_hint(url) } else { String::new() };
    note!("not sent to {url}: {}{hint}", entry.evidence);
}

/// Says which payers have rows of a job now.
fn say_who_works(place: &Place, seen: &Seen) {
    let Some(job) = place.job() else { return };
    let (payers, rows) = (seen.at_work.payers, seen.at_work.rows);
    let number = |number: u64, what| counted(usize::try_from(number).unwrap_or(usize::MAX), what);
    match payers {
        0 => note!("job `{job}`: no payer works on it now"),
        1 => note!("job `{job}`: 1 payer has {} of it now", number(rows, "row")),
        _ => note!("job `{job}`: {payers} payers have {} of it now", number(rows, "row")),
    }
}

/// Pays until the end, or until a signal. A second one ends the process immediately, which is safe too.
async fn pay(
    payer: Payer,
    plan: &Plan,
    stop: &Stop,
    mut signals: Signals,
) -> Result<Counts, JournalError> {
    let shown = Shown::new(plan.len() as u64);
    let stopper = tokio::spawn({
        let (stop, shown) = (stop.clone(), shown.clone());
        async move {
            signals.next().await;
            stop.stop();
            shown.say(
                "stopping: waiting for the requests that were sent; Ctrl-C again ends at once",
            );
            signals.next().await;
            std::process::exit(4);
        }
    });
    let counts = payer.run(plan, stop, &shown).await;
    stopper.abort();
    shown.finish();
    counts
}

/// The path of the results, if they were written.
fn written(result: anyhow::Result<()>, path: &Path) -> Option<&Path> {
    match result {
        Ok(()) => Some(path),
        Err(error) => {
            note!(
                "error: cannot write the results to {} ({error:#}); the journal has the results: run the same command again to write them; rows that have ended are not sent again",
                path.display()
            );
            None
        }
    }
}

/// The number of payouts and of refunds, such as `2 payouts and 1 refund`.
fn operations(plan: &Plan) -> String {
    let rows = |flow: RowKind| -> usize {
        let of_flow = plan.totals().iter().filter(|total| total.flow == flow);
        usize::try_from(of_flow.map(|total| total.rows).sum::<u64>()).unwrap_or(usize::MAX)
    };
    let (payouts, refunds) = (rows(RowKind::Payout), rows(RowKind::Refund));
    let mut text = String::new();
    if payouts > 0 || refunds == 0 {
        text.push_str(&counted(payouts, "payout"));
    }
    if refunds > 0 {
        let and = if payouts > 0 { " and " } else { "" };
        // Writing to text does not fail.
        let _ = write!(text, "{and}{}", counted(refunds, "refund"));
    }
    text
}

fn counted(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}
