//! The folder of kept reports, with a record of what was made and sent.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use ecp_core::Timestamp;
use ecp_files::Replacement;
use ecp_reports::{Delivery, KEPT_FOR};
use serde::{Deserialize, Serialize};

use super::stop::Stop;

/// The folder in which reports are kept, with the record of what was made and sent.
pub(super) struct Folder(PathBuf);

const RECORD: &str = "state.json";
const LOCK: &str = "state.lock";

/// How often a folder that another process uses is tried again.
const TURN: Duration = Duration::from_millis(100);

/// The record of the reports that were made and sent. Times have the form of [`Timestamp`].
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Record {
    /// For each template, the latest scheduled time for which the report was made.
    #[serde(default)]
    pub(super) done: BTreeMap<String, String>,
    /// For each template whose latest report could not be made, the error.
    #[serde(default)]
    pub(super) problems: BTreeMap<String, String>,
    /// The kept reports, oldest first.
    #[serde(default)]
    pub(super) reports: Vec<Kept>,
}

/// A report whose file is kept.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) template: String,
    pub(super) file: String,
    /// The days of the report, as text for people.
    pub(super) days: String,
    pub(super) rows: usize,
    pub(super) made: String,
    pub(super) by_link: bool,
    pub(super) deliveries: Vec<Delivery>,
}

impl Kept {
    /// Returns the time at which the file is removed; `None` if the record has no valid date.
    pub(super) fn expires(&self) -> Option<Timestamp> {
        let made: Timestamp = self.made.parse().ok()?;
        let kept = i64::try_from(KEPT_FOR.as_secs()).ok()?;
        Timestamp::from_unix_seconds(made.unix_seconds().checked_add(kept)?).ok()
    }
}

impl Folder {
    pub(super) fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// Returns the path of a file in the folder.
    pub(super) fn path(&self, file: &str) -> PathBuf {
        self.0.join(file)
    }

    /// Makes the folder, for its owner only, if there is none.
    fn make(&self) -> anyhow::Result<()> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder
            .create(&self.0)
            .with_context(|| format!("cannot make the folder of the reports, {}", self.0.display()))
    }

    /// Locks the folder, after waiting for other processes that use it. `None` if this process is
    /// stopped before.
    pub(super) async fn lock(&self, stop: &Stop) -> anyhow::Result<Option<Lock>> {
        self.make()?;
        let path = self.path(LOCK);
        let problem = || format!("cannot use the lock file {}", path.display());
        let file = ecp_files::append(&path).with_context(problem)?;
        let mut is_said = false;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Some(Lock { _file: file })),
                Err(fs::TryLockError::WouldBlock) => {}
                Err(fs::TryLockError::Error(error)) => return Err(error).with_context(problem),
            }
            if !is_said {
                note!(
                    "another `ecp reports` uses the folder {}: waiting until it ends",
                    self.0.display()
                );
                is_said = true;
            }
            if stop.or(tokio::time::sleep(TURN)).await.is_none() {
                return Ok(None);
            }
        }
    }

    /// Reads the record; returns an empty one if the folder has none.
    pub(super) fn load(&self) -> anyhow::Result<Record> {
        let path = self.path(RECORD);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Record::default());
            }
            Err(error) => {
                return Err(error).with_context(|| {
                    format!("cannot read the record of the reports, {}", path.display())
                });
            }
        };
        // The error's text names a place and no value.
        serde_json::from_slice(&text).with_context(|| {
            format!(
                "the record of the reports, {}, is damaged: restore it, or move it away; without it, \
                 e-mails that are still waiting are not sent, overdue reports are not made \
                 (`ecp reports run` makes one), and the files of earlier reports are not removed",
                path.display()
            )
        })
    }

    /// Writes the record, whole or not at all.
    pub(super) fn save(&self, record: &Record) -> anyhow::Result<()> {
        self.write(RECORD, &serde_json::to_vec_pretty(record)?)
    }

    /// Writes a file, whole or not at all.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> anyhow::Result<()> {
        let path = self.path(name);
        let write = || -> std::io::Result<()> {
            let mut file = Replacement::create(&path)?;
            file.write_all(bytes)?;
            file.finish()
        };
        write().with_context(|| format!("cannot write the file {}", path.display()))
    }

    /// Removes the expired reports from the record, and their files from the folder.
    pub(super) fn drop_old(&self, record: &mut Record, now: Timestamp) -> anyhow::Result<()> {
        let is_over = |kept: &Kept| kept.expires().is_none_or(|end| end <= now);
        for kept in record.reports.iter().filter(|kept| is_over(kept)) {
            match fs::remove_file(self.path(&kept.file)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    let path = self.path(&kept.file);
                    return Err(error).with_context(|| {
                        format!("cannot remove the expired report {}", path.display())
                    });
                }
                _ => {}
            }
        }
        record.reports.retain(|kept| !is_over(kept));
        Ok(())
    }
}

/// The lock of a folder of reports. It is released when it is dropped or the process ends.
pub(super) struct Lock {
    _file: fs::File,
}
