//! A report: the lines that `ecp reconcile --json` prints.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use ecp_core::{Currency, Money, Timestamp};
use serde::Deserialize;

use crate::files;
use crate::parts::Parts;

/// Endings of the names of reports.
const ENDINGS: &[&str] = &["json", "jsonl"];

/// Largest report that is read.
const LARGEST: u64 = 64 << 20;

pub(crate) struct Report {
    pub(crate) name: String,
    /// Query of the report's page.
    pub(crate) query: String,
    /// Time when the file was last written.
    pub(crate) written: Option<Timestamp>,
    /// The report; otherwise why it cannot be read.
    pub(crate) content: Result<Content, String>,
}

pub(crate) struct Content {
    pub(crate) differences: Vec<Difference>,
    /// `None` if the comparison did not come to its end.
    pub(crate) summary: Option<Summary>,
}

/// A line with a difference.
#[derive(Deserialize)]
pub(crate) struct Difference {
    #[serde(rename = "difference")]
    pub(crate) kind: String,
    pub(crate) payment: String,
    pub(crate) operation: Option<u64>,
    pub(crate) operation_type: Option<String>,
    pub(crate) platform: Option<Side>,
    pub(crate) journal: Option<Side>,
    pub(crate) inbox: Option<Side>,
    pub(crate) request_id: Option<String>,
    #[serde(default)]
    pub(crate) callbacks: Vec<i64>,
    #[serde(default)]
    pub(crate) members: Vec<String>,
    pub(crate) meaning: String,
    pub(crate) action: String,
}

/// State on one side, its amount in minor units.
#[derive(Deserialize)]
pub(crate) struct Side {
    pub(crate) status: String,
    amount: Option<i64>,
    currency: Option<String>,
}

/// The numbers of the last line.
#[derive(Deserialize)]
pub(crate) struct Summary {
    pub(crate) agrees: bool,
    pub(crate) differences: u64,
    pub(crate) payments: u64,
    pub(crate) pending: u64,
    pub(crate) operations: u64,
    pub(crate) payouts: u64,
    pub(crate) callbacks: u64,
    #[serde(default)]
    pub(crate) odd: u64,
    #[serde(default)]
    pub(crate) odd_payouts: u64,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Difference(Box<Difference>),
    Summary { summary: Summary },
}

impl Content {
    /// Whether the comparison came to its end and found nothing to do.
    pub(crate) fn agrees(&self) -> bool {
        self.summary.as_ref().is_some_and(|summary| summary.agrees)
    }
}

impl Summary {
    /// The number of differences in words; `None` if payouts that could not be compared are all
    /// that keeps the sides from agreeing.
    pub(crate) fn differing(&self) -> Option<String> {
        match self.differences {
            0 if self.odd_payouts > 0 => None,
            1 => Some("1 difference".to_owned()),
            count => Some(format!("{count} differences")),
        }
    }

    /// The number of payouts that could not be compared in words; `None` without any.
    pub(crate) fn not_compared(&self) -> Option<String> {
        match self.odd_payouts {
            0 => None,
            1 => Some("1 payout not compared".to_owned()),
            count => Some(format!("{count} payouts not compared")),
        }
    }
}

impl Side {
    /// The sum as people read it; empty without one.
    pub(crate) fn sum(&self) -> String {
        let (Some(amount), Some(code)) = (self.amount, &self.currency) else {
            return String::new();
        };
        match code.parse::<Currency>() {
            Ok(currency) => Money::from_minor(amount, currency).to_string(),
            Err(_) => format!("{amount} minor units of {code}"),
        }
    }
}

/// Returns the reports of a console.
pub(crate) async fn report_files(parts: &Parts) -> Vec<PathBuf> {
    files::files(&parts.reports, ENDINGS).await
}

/// Reads all reports of a console, the newest first.
pub(crate) async fn reports(parts: &Parts) -> Vec<Report> {
    let mut reports = Vec::new();
    for path in report_files(parts).await {
        reports.push(report(path).await);
    }
    reports.sort_by_key(|report| std::cmp::Reverse(report.written));
    reports
}

/// Reads the newest report; `None` if the console has no report.
pub(crate) async fn newest(parts: &Parts) -> Option<Report> {
    let path = files::newest(&parts.reports, ENDINGS).await?;
    Some(report(path).await)
}

/// Reads one report.
pub(crate) async fn report(path: PathBuf) -> Report {
    let (name, query) = (files::name(&path), files::query(&path));
    let read = tokio::task::spawn_blocking(move || read(&path)).await;
    read.unwrap_or_else(|_| {
        let why = "reading it was ended by an error of this program: please report it";
        Report { name, query, written: None, content: Err(why.to_owned()) }
    })
}

fn read(path: &Path) -> Report {
    let modified = std::fs::metadata(path).and_then(|metadata| metadata.modified());
    Report {
        name: files::name(path),
        query: files::query(path),
        written: modified.ok().and_then(|time| Timestamp::try_from(time).ok()),
        content: read_content(path),
    }
}

fn read_content(path: &Path) -> Result<Content, String> {
    let cannot = |error: std::io::Error| format!("the file cannot be read: {error}");
    let file = std::fs::File::open(path).map_err(cannot)?;
    let mut text = String::new();
    file.take(LARGEST + 1).read_to_string(&mut text).map_err(cannot)?;
    if text.len() as u64 > LARGEST {
        let why = "the file is larger than 64 MiB, which these pages do not read: read it by other \
                   means, or compare a shorter interval";
        return Err(why.to_owned());
    }
    let mut content = Content { differences: Vec::new(), summary: None };
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        match serde_json::from_str(line) {
            Ok(Line::Difference(difference)) => content.differences.push(*difference),
            Ok(Line::Summary { summary }) => content.summary = Some(summary),
            // The error's own text could quote the file.
            Err(_) => {
                return Err(format!(
                    "line {} is not one that `ecp reconcile --json` prints: the file is cut off, or no \
                     report; run the comparison again, which changes nothing",
                    number + 1
                ));
            }
        }
    }
    Ok(content)
}
