//! A payout job: what its journal says.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ecp_core::{Currency, Money, Timestamp};
use ecp_payouts::{Entry, JournalError, JournalReader, Owner, RowId, State};

use crate::files;
use crate::parts::Parts;

/// A payout job, as its journal has it.
pub(crate) struct Job {
    pub(crate) name: String,
    /// Query of the job's page.
    pub(crate) query: String,
    /// What the journal has; otherwise why it cannot be read now.
    pub(crate) content: Result<Content, Unreadable>,
}

/// The contents of a journal in numbers.
pub(crate) struct Content {
    pub(crate) owner: Owner,
    pub(crate) rows: u64,
    counts: BTreeMap<&'static str, u64>,
    sums: BTreeMap<(Currency, Part), i128>,
    /// Entries that this version cannot read in full.
    pub(crate) odd: usize,
    pub(crate) last_sent: Option<Timestamp>,
    /// Payers that work on it now, if payers share it.
    pub(crate) payers: u64,
}

/// Part of a job's money.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Paid,
    Unclear,
    Open,
}

/// Why a journal cannot be read now.
pub(crate) enum Unreadable {
    /// A run of payouts has the journal open; it can be read when the run has ended.
    InUse,
    Other(String),
}

/// A row of a journal.
pub(crate) struct Row {
    pub(crate) id: RowId,
    pub(crate) entry: Entry,
}

/// A page of a job's rows.
#[derive(Default)]
pub(crate) struct Rows {
    pub(crate) rows: Vec<Row>,
    /// Whether there is a page after this one.
    pub(crate) has_more: bool,
}

/// Journals that are read at once: each of them takes a thread, for a second if a run has it open.
const AT_ONCE: usize = 8;

/// Rows on a page.
pub(super) const PAGE: usize = 100;

/// Whether money may have moved, and nothing proves whether it has.
pub(crate) const fn is_unclear(state: State) -> bool {
    matches!(state, State::Intended | State::Unknown | State::Error)
}

/// Returns the journals of a console.
pub(crate) async fn journals(parts: &Parts) -> Vec<PathBuf> {
    files::files(&parts.journals, &["journal"]).await
}

/// Reads all jobs of a console.
pub(crate) async fn jobs(parts: &Parts) -> Vec<Job> {
    let mut jobs = Vec::new();
    for paths in journals(parts).await.chunks(AT_ONCE) {
        let reads: Vec<_> = paths.iter().map(|path| rows(path.clone(), |_| false, 0)).collect();
        for read in reads {
            jobs.push(read.await.0);
        }
    }
    #[cfg(feature = "postgres")]
    super::shared::jobs(parts, &mut jobs).await;
    jobs
}

/// Reads one job and a page of its rows. The call begins it, also if the result is not awaited yet.
pub(crate) fn rows(
    path: PathBuf,
    takes: impl Fn(State) -> bool + Send + 'static,
    page: usize,
) -> impl Future<Output = (Job, Rows)> + Send {
    let name = files::name(&path);
    let query = files::query(&path);
    let read = tokio::task::spawn_blocking(move || read(&path, takes, page));
    async move {
        read.await.unwrap_or_else(|_| {
            let why = "reading it was ended by an error of this program: please report it";
            let content = Err(Unreadable::Other(why.to_owned()));
            (Job { name, query, content }, Rows::default())
        })
    }
}

fn read(path: &Path, takes: impl Fn(State) -> bool, page: usize) -> (Job, Rows) {
    let mut rows = Rows::default();
    let content = read_content(path, takes, page, &mut rows).map_err(|error| match error {
        JournalError::InUse => Unreadable::InUse,
        error => Unreadable::Other(error.to_string()),
    });
    (Job { name: files::name(path), query: files::query(path), content }, rows)
}

fn read_content(
    path: &Path,
    takes: impl Fn(State) -> bool,
    page: usize,
    rows: &mut Rows,
) -> Result<Content, JournalError> {
    let mut reader = JournalReader::open(path)?.tolerant();
    let mut content = Content::new(reader.owner()?);
    let mut before = page.saturating_mul(PAGE);
    let mut take = |id: RowId, entry: Entry| {
        content.add(&entry);
        if takes(entry.state) {
            rows.add(id, entry, &mut before);
        }
    };
    loop {
        let payouts = reader.next_page()?;
        if payouts.is_empty() {
            break;
        }
        for (payment, entry) in payouts {
            take(RowId::payout(payment), entry);
        }
    }
    for (id, entry) in reader.refunds()? {
        take(id, entry);
    }
    content.odd = reader.odd().len();
    Ok(content)
}

impl Rows {
    /// Adds a row that the page shows, after those of the pages before it.
    pub(super) fn add(&mut self, id: RowId, entry: Entry, before: &mut usize) {
        if *before > 0 {
            *before -= 1;
        } else if self.rows.len() < PAGE {
            self.rows.push(Row { id, entry });
        } else {
            self.has_more = true;
        }
    }
}

impl Content {
    pub(super) fn new(owner: Owner) -> Self {
        Self {
            owner,
            rows: 0,
            counts: BTreeMap::new(),
            sums: BTreeMap::new(),
            odd: 0,
            last_sent: None,
            payers: 0,
        }
    }

    pub(super) fn add(&mut self, entry: &Entry) {
        self.rows += 1;
        *self.counts.entry(entry.state.as_str()).or_default() += 1;
        let part = match entry.state {
            State::Success => Some(Part::Paid),
            State::Registered => Some(Part::Open),
            state if is_unclear(state) => Some(Part::Unclear),
            _ => None,
        };
        if let (Some(part), Some(amount)) = (part, entry.amount) {
            *self.sums.entry((amount.currency(), part)).or_default() += i128::from(amount.minor());
        }
        let sent = entry.sent_at.and_then(|at| Timestamp::try_from(at).ok());
        self.last_sent = self.last_sent.max(sent);
    }

    pub(crate) fn count(&self, state: State) -> u64 {
        self.counts.get(state.as_str()).copied().unwrap_or_default()
    }

    /// Number of rows whose money is unclear.
    pub(crate) fn unclear(&self) -> u64 {
        State::ALL.iter().filter(|state| is_unclear(**state)).map(|state| self.count(*state)).sum()
    }

    /// Number of rows with a result that stays.
    pub(crate) fn ended(&self) -> u64 {
        self.count(State::Success) + self.count(State::Decline)
    }

    pub(crate) fn paid(&self) -> String {
        self.sum(Part::Paid)
    }

    pub(crate) fn unclear_sum(&self) -> String {
        self.sum(Part::Unclear)
    }

    pub(crate) fn open_sum(&self) -> String {
        self.sum(Part::Open)
    }

    /// `100.00 EUR, 20.00 USD`; `none` without any sum.
    fn sum(&self, part: Part) -> String {
        let of_part = self.sums.iter().filter(|((_, own), _)| *own == part);
        let texts: Vec<String> = of_part
            .map(|((currency, _), sum)| match i64::try_from(*sum) {
                Ok(minor) => Money::from_minor(minor, *currency).to_string(),
                Err(_) => format!("{sum} minor units of {}", currency.code()),
            })
            .collect();
        if texts.is_empty() { "none".to_owned() } else { texts.join(", ") }
    }
}

impl Row {
    pub(crate) fn sent_at(&self) -> Option<Timestamp> {
        self.entry.sent_at.and_then(|at| Timestamp::try_from(at).ok())
    }
}
