//! Reports in files.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ecp_core::Timestamp;

use super::content::{Content, Report};
use crate::files;
use crate::parts::Parts;

/// Endings of the names of reports.
const ENDINGS: &[&str] = &["json", "jsonl"];

/// Largest report that is read.
const LARGEST: u64 = 64 << 20;

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
        Report {
            name,
            query,
            written: None,
            is_running: false,
            problem: None,
            content: Err(why.to_owned()),
        }
    })
}

fn read(path: &Path) -> Report {
    let modified = std::fs::metadata(path).and_then(|metadata| metadata.modified());
    Report {
        name: files::name(path),
        query: files::query(path),
        written: modified.ok().and_then(|time| Timestamp::try_from(time).ok()),
        is_running: false,
        problem: None,
        content: read_content(path).map(Arc::new),
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
    let mut content = Content::default();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        content.read_line(line, usize::MAX).map_err(|()| {
            format!(
                "line {} is not one that `ecp reconcile --json` prints: the file is cut off, or no \
                 report; run the comparison again, which changes nothing",
                number + 1
            )
        })?;
    }
    Ok(content)
}
