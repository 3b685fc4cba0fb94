//! Making reports from the Data API, and sending them.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use ecp_core::{Clock as _, ProjectId, SystemClock, Timestamp};
use ecp_reports::{
    Attachment, Delivery, DeliveryState, Letter, MailError, Retries, SendMail, Smtp, Template,
};
use ecp_transport::{DataApi, DataError, DataOperation, OperationsQuery};
use serde_json::json;

use super::file::{File, ReportTemplate};
use super::folder::{Folder, Kept, Record};
use super::stop::Stop;
use crate::interval::{self, IntervalOptions};
use crate::mail::MailSection;
use crate::output::is_json;
use crate::profile::Profile;
use crate::rows;

/// Pause before a report that could not be made is tried again.
const AGAIN: Duration = Duration::from_mins(10);

/// Longest sleep: the machine's clock may be set, and stops while the machine rests.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

/// Maximum number of warnings shown for a report.
const WARNINGS: usize = 5;

/// The settings and connections with which reports are made and sent.
pub(super) struct Work<'f> {
    file: &'f File,
    folder: Folder,
    profile: Profile,
    api: DataApi,
    /// The mail server; `None` if no report has recipients.
    smtp: Option<Smtp>,
    retries: Retries,
}

/// Options of the command line that change a report besides its template.
#[derive(Default)]
pub(super) struct Asked {
    /// The first and the last day or time of the report. `None` for the days of the template.
    pub(super) dates: Option<(String, String)>,
    /// The projects of the report. If empty, the template's projects.
    pub(super) projects: Vec<ProjectId>,
    /// Further filters: the name of a column and the value that a row must have in it.
    pub(super) only: Vec<(String, String)>,
}

impl<'f> Work<'f> {
    /// Prepares the work for the named templates. Checks the settings of the mail server first.
    pub(super) fn new(file: &'f File, names: &[&str], profile: Profile) -> anyhow::Result<Self> {
        let mut has_mail = false;
        for name in names {
            has_mail |= !file.template(name)?.to.is_empty();
        }
        let section = file.mail.as_ref().filter(|_| has_mail);
        Ok(Self {
            file,
            folder: Folder::new(&file.folder),
            api: profile.data_api()?,
            profile,
            smtp: section.map(|mail| mail.smtp("the file of templates")).transpose()?,
            retries: section.map(MailSection::retries).unwrap_or_default(),
        })
    }

    /// Makes reports now, and sends them.
    pub(super) async fn run(
        &self,
        names: &[&str],
        asked: &Asked,
        stop: &Stop,
    ) -> anyhow::Result<ExitCode> {
        let Some(_lock) = self.folder.lock(stop).await? else { return Ok(ExitCode::FAILURE) };
        let mut record = self.folder.load()?;
        self.folder.drop_old(&mut record, SystemClock.timestamp())?;
        let (mut all_well, mut made) = (true, Vec::new());
        for name in names {
            match stop.or(self.make(&mut record, name, asked, None)).await {
                Some(Ok(file)) => made.push(file),
                Some(Err(error)) => {
                    note!("error: report {name}: {error:#}");
                    all_well = false;
                }
                None => return Ok(ExitCode::FAILURE),
            }
        }
        self.deliver(&mut record, stop).await?;
        let of_run = record.reports.iter().filter(|kept| made.contains(&kept.file));
        let mut deliveries = of_run.flat_map(|kept| &kept.deliveries);
        all_well &= deliveries.all(|delivery| *delivery.state() == DeliveryState::Sent);
        Ok(if all_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    /// Makes reports on schedule until it is stopped.
    pub(super) async fn schedule(&self, stop: &Stop) -> anyhow::Result<ExitCode> {
        for (name, schedule) in self.file.scheduled() {
            let zone = &self.file.template(name)?.zone;
            let next = schedule.after(SystemClock.timestamp(), zone);
            note!("{name}: {schedule} {}, next {next}", zone.name());
        }
        let mut failed: BTreeMap<&str, Instant> = BTreeMap::new();
        while !stop.is_set() {
            let Some(lock) = self.folder.lock(stop).await? else { break };
            let mut record = self.folder.load()?;
            let before = record.clone();
            self.folder.drop_old(&mut record, SystemClock.timestamp())?;
            for (name, moment) in self.due(&mut record)? {
                if failed.get(name).is_some_and(|at| at.elapsed() < AGAIN) {
                    continue;
                }
                match stop.or(self.make(&mut record, name, &Asked::default(), Some(moment))).await {
                    None => break,
                    Some(Ok(_)) => {
                        failed.remove(name);
                    }
                    Some(Err(error)) => {
                        note!(
                            "error: report {name}: {error:#}; the report is tried again in 10 minutes"
                        );
                        record.problems.insert(name.to_owned(), format!("{error:#}"));
                        failed.insert(name, Instant::now());
                    }
                }
            }
            if record != before {
                self.folder.save(&record)?;
            }
            self.deliver(&mut record, stop).await?;
            drop(lock);
            if stop.or(tokio::time::sleep(self.sleep()?)).await.is_none() {
                break;
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    /// The templates whose latest moment is not done yet. A template that was never seen before
    /// begins with its next moment.
    fn due(&self, record: &mut Record) -> anyhow::Result<Vec<(&'f str, Timestamp)>> {
        let now = SystemClock.timestamp();
        let mut due = Vec::new();
        for (name, schedule) in self.file.scheduled() {
            let latest = schedule.up_to(now, &self.file.template(name)?.zone);
            let done = record.done.get(name).and_then(|done| done.parse::<Timestamp>().ok());
            match done {
                Some(done) if done < latest => due.push((name, latest)),
                Some(_) => {}
                None => {
                    record.done.insert(name.to_owned(), latest.to_string());
                }
            }
        }
        Ok(due)
    }

    /// Time until the next moment of any schedule, at most [`LONGEST_SLEEP`].
    fn sleep(&self) -> anyhow::Result<Duration> {
        let now = SystemClock.timestamp();
        let mut sleep = LONGEST_SLEEP;
        for (name, schedule) in self.file.scheduled() {
            sleep = sleep.min(schedule.wait(now, &self.file.template(name)?.zone));
        }
        Ok(sleep)
    }

    /// Makes a report, keeps its file and records it, and returns the file's name. `moment` is the
    /// scheduled one.
    async fn make(
        &self,
        record: &mut Record,
        name: &str,
        asked: &Asked,
        moment: Option<Timestamp>,
    ) -> anyhow::Result<String> {
        let template = self.file.template(name)?;
        let now = SystemClock.timestamp();
        let (from, to) = asked.dates.clone().unwrap_or_else(|| {
            let days = template.period.days(moment.unwrap_or(now), &template.zone);
            (days.first(), days.last())
        });
        let operations = self.operations(template, asked, &from, &to).await?;
        let only = asked.only.iter();
        let selecting = only
            .fold(template.template.clone(), |template: Template, (column, value)| {
                template.only(column, value)
            });
        let table = rows::table(&operations);
        let found = selecting.apply(&table);
        if !operations.is_empty() && !found.missing.is_empty() {
            note!(
                "warning: report {name}: no operation has the columns {}; the columns are: {}",
                found.missing.join(", "),
                table.columns().join(", ")
            );
        }
        let written = found.table.write(template.format)?;
        for warning in written.warnings.iter().take(WARNINGS) {
            note!("warning: report {name}: {}", rows::describe(warning, &found.table));
        }
        let days = if from == to { from.clone() } else { format!("{from} to {to}") };
        let file = file_name(name, &days, template);
        self.folder.write(&file, &written.bytes)?;
        let rows = found.table.rows().len();
        let kept = Kept {
            template: name.to_owned(),
            file: file.clone(),
            days,
            rows,
            made: now.to_string(),
            by_link: template.by_link,
            deliveries: template.to.iter().cloned().map(Delivery::new).collect(),
        };
        // A report of the same days takes the place of the one before.
        record.reports.retain(|other| other.file != file);
        let until = kept.expires().map(|end| end.to_string()).unwrap_or_default();
        record.reports.push(kept);
        record.problems.remove(name);
        if let Some(moment) = moment {
            record.done.insert(name.to_owned(), moment.to_string());
        }
        self.folder.save(record)?;
        let path = self.folder.path(&file);
        if is_json() {
            print_line!("{}", json!({"file": path, "rows": rows, "kept_until": until}));
        } else {
            print_line!("{}", path.display());
        }
        note!("{name}: {rows} rows, kept until {until}");
        Ok(file)
    }

    /// The operations of a template's projects between two times.
    async fn operations(
        &self,
        template: &ReportTemplate,
        asked: &Asked,
        from: &str,
        to: &str,
    ) -> anyhow::Result<Vec<DataOperation>> {
        let tz = template.zone.name().to_owned();
        let interval = IntervalOptions { from: from.to_owned(), to: to.to_owned(), tz };
        let interval::Asked { from, to, tz, note } = interval.asked()?;
        if let Some(note) = note {
            note!("note: {note}");
        }
        let projects = match (&asked.projects, &template.projects) {
            (asked, _) if !asked.is_empty() => asked.clone(),
            (_, named) if !named.is_empty() => named.clone(),
            _ => vec![self.profile.project],
        };
        let mut query = OperationsQuery::new(projects, &from, &to)?.time_zone(tz);
        for (name, value) in &template.query {
            query = query.filter(name, value);
        }
        let (mut pages, mut all) = (self.api.operations(query), Vec::new());
        let address = |error: DataError| self.profile.with_address(error.into());
        while let Some(page) = pages.next_page().await.map_err(address)? {
            all.extend(page);
        }
        Ok(all)
    }

    /// Sends all mails that wait, and tries again those that may succeed. Each attempt is recorded.
    async fn deliver(&self, record: &mut Record, stop: &Stop) -> anyhow::Result<()> {
        let Some(smtp) = &self.smtp else { return Ok(()) };
        loop {
            let mut pause: Option<Duration> = None;
            for place in 0..record.reports.len() {
                let attachment = self.attachment(&record.reports[place]);
                for recipient in 0..record.reports[place].deliveries.len() {
                    let kept = &record.reports[place];
                    if stop.is_set() || !kept.deliveries[recipient].is_waiting() {
                        continue;
                    }
                    let sent = match &attachment {
                        Ok(file) => self.attempt(smtp, kept, recipient, file.as_ref()).await?,
                        Err(error) => Err(MailError::permanent(format!("{error:#}"))),
                    };
                    let name = kept.template.clone();
                    let shown = format!("recipient {} of {}", recipient + 1, kept.deliveries.len());
                    let again = once_more(kept);
                    let problem = sent.as_ref().err().map(ToString::to_string);
                    let delivery = &mut record.reports[place].deliveries[recipient];
                    pause = pause.max(delivery.record(sent, self.retries));
                    let next = match (&attachment, delivery.is_waiting()) {
                        (Err(_), _) => format!("the mail is given up: {again}"),
                        (Ok(_), true) => {
                            "the report is kept, and the mail is tried again".to_owned()
                        }
                        (Ok(_), false) => {
                            format!("the report is kept, and the mail is given up: {again}")
                        }
                    };
                    match problem {
                        None => note!("{name}: sent to {shown}"),
                        Some(problem) => {
                            note!("error: report {name}: not sent to {shown}: {problem}; {next}");
                        }
                    }
                    self.folder.save(record)?;
                }
            }
            let Some(pause) = pause.filter(|_| !stop.is_set()) else { return Ok(()) };
            note!("trying to send the mails again in {} s", pause.as_secs());
            if stop.or(tokio::time::sleep(pause)).await.is_none() {
                return Ok(());
            }
        }
    }

    /// Sends a mail once. It is not interrupted by the end of the process.
    async fn attempt(
        &self,
        smtp: &Smtp,
        kept: &Kept,
        recipient: usize,
        file: Option<&Attachment>,
    ) -> anyhow::Result<Result<(), MailError>> {
        let letter = self.letter(kept, &kept.deliveries[recipient], file);
        let smtp = smtp.clone();
        let sending = tokio::task::spawn_blocking(move || smtp.send(&letter));
        sending.await.context(
            "sending the e-mail was interrupted, and the e-mail may have arrived; the report is \
             kept, and the next run sends the e-mail again",
        )
    }

    /// The file of a report for its mails; `None` where they have a link.
    fn attachment(&self, kept: &Kept) -> anyhow::Result<Option<Attachment>> {
        if kept.by_link || !kept.deliveries.iter().any(Delivery::is_waiting) {
            return Ok(None);
        }
        let path = self.folder.path(&kept.file);
        let bytes = std::fs::read(&path)
            .with_context(|| format!("cannot read the report {}", path.display()))?;
        let format = ecp_reports::Format::of_name(&kept.file)?;
        Ok(Some(Attachment::new(kept.file.as_str(), format, bytes)))
    }

    fn letter(&self, kept: &Kept, delivery: &Delivery, attachment: Option<&Attachment>) -> Letter {
        let subject = format!("Report {}, {}", kept.template, kept.days);
        let rows = if kept.rows == 1 { "1 row".to_owned() } else { format!("{} rows", kept.rows) };
        let link = match &self.file.link_url {
            Some(url) if kept.by_link => {
                let until = kept.expires().map(|end| end.to_string()).unwrap_or_default();
                format!("\n{url}/{}\nThe file is there until {until}.\n", kept.file)
            }
            _ => String::new(),
        };
        let text = format!("{subject}: {rows}.\n{link}");
        Letter::new(delivery, subject, text).attachment(attachment.cloned())
    }
}

/// How to make and send a report again whose mail was given up.
fn once_more(kept: &Kept) -> String {
    let days = kept.days.as_str();
    let (from, to) = days.split_once(" to ").unwrap_or((days, days));
    format!(
        "`ecp reports run {} --from '{from}' --to '{to}'`, with the other options of that run, \
         makes the report again and sends it to all recipients",
        kept.template
    )
}

/// `declines-2026-11-27.csv`
fn file_name(name: &str, days: &str, template: &ReportTemplate) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let days: String = days.chars().map(plain).collect();
    format!("{name}-{days}.{}", template.format)
}

/// Prints the templates, the kept reports and the state of their mails.
pub(super) fn list(file: &File) -> anyhow::Result<()> {
    let now = SystemClock.timestamp();
    let folder = Folder::new(&file.folder);
    let record = folder.load()?;
    let (mut templates, mut reports) = (Vec::new(), Vec::new());
    for (name, template) in file.templates() {
        let schedule = template.schedule.map(|schedule| {
            (schedule.to_string(), schedule.after(now, &template.zone).to_string())
        });
        let problem = record.problems.get(name);
        if is_json() {
            templates.push(json!({
                "name": name,
                "schedule": schedule.as_ref().map(|(schedule, _)| schedule),
                "zone": template.zone.name(),
                "next": schedule.as_ref().map(|(_, next)| next),
                "problem": problem.map(ToString::to_string),
            }));
            continue;
        }
        match schedule {
            Some((schedule, next)) => {
                print_line!("{name}: {schedule} {}, next {next}", template.zone.name());
            }
            None => print_line!("{name}: by hand, {}", template.period),
        }
        if let Some(problem) = problem {
            print_line!("  not made: {problem}");
        }
    }
    let kept = record.reports.iter().filter_map(|kept| Some((kept, kept.expires()?)));
    for (kept, end) in kept.filter(|(_, end)| now < *end) {
        let path = folder.path(&kept.file);
        let state = |delivery: &Delivery| match delivery.state() {
            DeliveryState::Sent => "sent",
            DeliveryState::Waiting { .. } => "waiting",
            DeliveryState::Failed { .. } => "failed",
        };
        if is_json() {
            let deliveries = kept.deliveries.iter();
            let deliveries = deliveries.map(|delivery| {
                let problem = delivery.problem().map(ToString::to_string);
                json!({"state": state(delivery), "problem": problem})
            });
            reports.push(json!({
                "file": path,
                "rows": kept.rows,
                "kept_until": end.to_string(),
                "recipients": deliveries.collect::<Vec<_>>(),
            }));
            continue;
        }
        print_line!("{}: {} rows, kept until {end}", path.display(), kept.rows);
        for (place, delivery) in kept.deliveries.iter().enumerate() {
            let state = state(delivery);
            let problem = delivery.problem().map(|problem| format!(": {problem}"));
            print_line!("  recipient {}: {state}{}", place + 1, problem.unwrap_or_default());
        }
    }
    if is_json() {
        print_line!("{:#}", json!({"templates": templates, "reports": reports}));
    }
    Ok(())
}
