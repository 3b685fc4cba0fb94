//! The place of a run's journal: a file beside the payouts, or a database that payers share.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use ecp_payouts::postgres::{
    PayersAtWork, PostgresAddress, PostgresJournal, PostgresJournalOptions, PostgresJournalReader,
};
use ecp_payouts::{Entry, Journal, JournalError, Owner, Payer, Plan, RowId, Settings};
use ecp_transport::Gate;

use crate::database;
use crate::output::shell_word;
use crate::usage::Usage;

/// The place of a journal.
pub(super) enum Place {
    File(PathBuf),
    Database { text: String, address: Box<PostgresAddress>, job: String },
}

/// What a journal has before a run.
#[derive(Default)]
pub(super) struct Seen {
    /// All entries of the journal or the job.
    pub(super) of_job: HashMap<RowId, Entry>,
    /// The entries of the file's rows, whichever job has them.
    pub(super) of_plan: HashMap<RowId, Entry>,
    pub(super) at_work: PayersAtWork,
}

impl Place {
    /// A database, with the name of the job; by default that of the file.
    pub(super) fn database(text: &str, job: Option<&str>, file: &Path) -> anyhow::Result<Self> {
        let of_file = || file.file_name().map(|name| name.to_string_lossy().into_owned());
        let job = job.map(str::to_owned).or_else(of_file).unwrap_or_default();
        if job.trim().is_empty() || job.contains(char::is_control) {
            let why =
                "--job must be a name, without line breaks: all payers of the file give the same";
            return Err(Usage(why).into());
        }
        let address = Box::new(database::postgres("--postgres", text)?);
        Ok(Self::Database { text: text.to_owned(), address, job })
    }

    pub(super) fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Database { .. } => None,
        }
    }

    pub(super) fn job(&self) -> Option<&str> {
        match self {
            Self::File(_) => None,
            Self::Database { job, .. } => Some(job),
        }
    }

    /// The flag with which other commands read the journal.
    pub(super) fn flag(&self) -> String {
        match self {
            Self::File(path) => format!(" --journal {}", shell_word(&path.to_string_lossy())),
            Self::Database { text, .. } => format!(" --postgres-journal {}", shell_word(text)),
        }
    }

    /// Reads what the journal has, and changes nothing.
    pub(super) async fn look(&self, owner: &Owner, plan: &Plan) -> anyhow::Result<Seen> {
        let read = async || -> Result<Seen, JournalError> {
            let Self::Database { address, job, .. } = self else {
                let of_job = self.read_file()?;
                let of_plan = of_job.clone();
                return Ok(Seen { of_job, of_plan, at_work: PayersAtWork::default() });
            };
            let reader = reader(address)?;
            Ok(Seen {
                of_job: reader.entries(owner, job).await?,
                of_plan: reader.plan(owner, plan).await?,
                at_work: reader.at_work(owner, job).await?,
            })
        };
        if self.file().is_some_and(|path| !path.exists()) {
            return Ok(Seen::default());
        }
        read().await.with_context(|| format!("cannot read the journal {self}"))
    }

    /// Opens the journal for a run. Returns the payer, and the journal if payers share it.
    pub(super) async fn payer(
        &self,
        owner: &Owner,
        gate: Gate,
        settings: Settings,
    ) -> anyhow::Result<(Payer, Option<PostgresJournal>)> {
        let cannot = || format!("this run sent nothing: cannot open the journal {self}");
        match self {
            Self::File(path) => {
                let journal = Journal::open(path, owner).with_context(cannot)?;
                Ok((Payer::new(gate, journal, settings), None))
            }
            Self::Database { address, job, .. } => {
                // A run waits for a server that is away, but a wrong address is an error at once.
                let reader = reader(address).with_context(cannot)?;
                reader.connect().await.with_context(cannot)?;
                let opened =
                    PostgresJournalOptions::new().open_at((**address).clone(), owner, job).await;
                let journal = opened.with_context(cannot)?;
                Ok((Payer::new(gate, journal.clone(), settings), Some(journal)))
            }
        }
    }

    /// Reads the journal if it is a file. No run may have it open.
    pub(super) fn read_file(&self) -> Result<HashMap<RowId, Entry>, JournalError> {
        self.file().map_or_else(|| Ok(HashMap::new()), Journal::read)
    }
}

/// A reader that does not wait for a server that is away.
fn reader(address: &PostgresAddress) -> Result<PostgresJournalReader, JournalError> {
    PostgresJournalOptions::new().patience(Duration::ZERO).reader_at(address.clone())
}

/// The name of the journal, for people.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Database { job, .. } => write!(f, "of job `{job}` in the database of --postgres"),
        }
    }
}

/// Reads the rows of a file from a journal that payers share, and ends this payer's lease.
pub(super) async fn end(
    journal: PostgresJournal,
    plan: &Plan,
) -> Result<HashMap<RowId, Entry>, JournalError> {
    let entries = journal.read_plan(plan).await;
    journal.close().await;
    entries
}
