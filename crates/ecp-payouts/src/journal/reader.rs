//! Read access to a journal.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use ecp_core::model::{About, Code};
use ecp_core::{Money, PaymentId, ProjectId};
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Row, params};

use super::{Entry, Failure, JournalError, Owner, State, copy_at_end, store_log};
use crate::row::RowId;

/// Reads a journal for reports or comparisons, whichever project and address of Gate it belongs to:
/// its payouts page by page in the order of the payment ids, and its refunds at once. No run may
/// have the journal open at the same time: then opening it fails after a second. Every call blocks
/// its thread.
///
/// ```no_run
/// use std::path::Path;
/// use ecp_payouts::JournalReader;
///
/// let mut reader = JournalReader::open(Path::new("payouts.csv.journal"))?;
/// loop {
///     let page = reader.next_page()?;
///     if page.is_empty() {
///         break;
///     }
///     for (payment, entry) in page {
///         println!("{payment}: {}", entry.state);
///     }
/// }
/// # Ok::<(), ecp_payouts::JournalError>(())
/// ```
pub struct JournalReader {
    connection: Connection,
    last: Option<String>,
    has_sums: bool,
    /// Entries that could not be read in full; `None` if such an entry is an error, because the
    /// reader is not tolerant.
    odd: Option<Vec<OddEntry>>,
}

/// A journal's record of a payout or refund that could not be read in full, for example because a
/// newer version wrote it and this one does not know its state.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OddEntry {
    /// The payment id as the journal has it, which may not be a valid one.
    pub payment_id: String,
    /// Description of what could not be read, such as `its state is not known to this version`.
    pub problem: &'static str,
}

/// Number of entries per page.
const PAGE: usize = 1000;

impl JournalReader {
    /// Opens an existing journal for reading. It is an error if the file is missing or not a
    /// journal, or if a run has it open ([`JournalError::InUse`], after a second).
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        Ok(Self::open_file(path)?)
    }

    fn open_file(path: &Path) -> Result<Self, Failure> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
        let connection = Connection::open_with_flags(path, flags)?;
        // A run has it locked to its end, another reader for a moment.
        connection.busy_timeout(Duration::from_secs(1))?;
        copy_at_end(&connection, false)?;
        check_tables(&connection)?;
        store_log(&connection, path)?;
        copy_at_end(&connection, ecp_files::sync_names(path).is_ok())?;
        Self::of(connection)
    }

    pub(super) fn of(connection: Connection) -> Result<Self, Failure> {
        let has_sums = has_sums(&connection)?;
        Ok(Self { connection, last: None, has_sums, odd: None })
    }

    /// Makes the reader tolerate entries that this version cannot read in full: an entry in an
    /// unknown state counts as [`State::Unknown`], an entry with an unknown currency has no sum,
    /// and an entry with an unusable payment id is left out. Each such entry is listed in
    /// [`JournalReader::odd`]. Never use a tolerant reader for a run that pays.
    pub fn tolerant(self) -> Self {
        Self { odd: Some(Vec::new()), ..self }
    }

    /// The entries that could not be read in full so far, if the reader is
    /// [`tolerant`](Self::tolerant). Otherwise empty: such an entry is then an error.
    pub fn odd(&self) -> &[OddEntry] {
        self.odd.as_deref().unwrap_or_default()
    }

    pub(super) fn into_connection(self) -> Connection {
        self.connection
    }

    /// The journal's owner: the project that pays, and the base address of Gate to which its
    /// requests are sent.
    pub fn owner(&self) -> Result<Owner, JournalError> {
        let found = owner_of(&self.connection)?;
        found.ok_or_else(|| damaged("its table `owner` is empty"))
    }

    /// Reads the next page of payouts, at most 1000. After the last payout, the page is empty.
    pub fn next_page(&mut self) -> Result<Vec<(PaymentId, Entry)>, JournalError> {
        Ok(self.page()?)
    }

    /// Reads all refunds. A journal of an older version has none, and the list is empty.
    pub fn refunds(&mut self) -> Result<Vec<(RowId, Entry)>, JournalError> {
        Ok(self.all_refunds()?)
    }

    fn all_refunds(&mut self) -> Result<Vec<(RowId, Entry)>, Failure> {
        let tables = "SELECT count(*) FROM sqlite_master WHERE name = 'refunds'";
        if self.connection.query_row(tables, [], |row| row.get::<_, i64>(0))? == 0 {
            return Ok(Vec::new());
        }
        let mut statement = self.connection.prepare(
            "SELECT payment_id, state, digest, sends, sent_at_ms, request_id, status, code,
                 evidence, amount, currency, refund_id
             FROM refunds",
        )?;
        let mut rows = statement.query([])?;
        let mut refunds = Vec::new();
        while let Some(row) = rows.next()? {
            let refund_id: String = row.get(11)?;
            let found = entry(row, self.odd.as_mut())?;
            refunds.extend(found.map(|(id, entry)| (RowId::refund(id, refund_id), entry)));
        }
        Ok(refunds)
    }

    fn page(&mut self) -> Result<Vec<(PaymentId, Entry)>, Failure> {
        let sums = if self.has_sums { "amount, currency" } else { "NULL, NULL" };
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT payment_id, state, digest, sends, sent_at_ms, request_id, status, code,
                 evidence, {sums}
             FROM payouts WHERE payment_id > ?1 ORDER BY payment_id LIMIT ?2"
        ))?;
        let before = self.last.as_deref().unwrap_or_default();
        let mut rows = statement.query(params![before, i64::try_from(PAGE).unwrap_or(i64::MAX)])?;
        let (mut page, mut last) = (Vec::new(), None);
        while let Some(row) = rows.next()? {
            last = Some(row.get::<_, String>(0)?);
            page.extend(entry(row, self.odd.as_mut())?);
        }
        drop(rows);
        drop(statement);
        match last {
            None => Ok(page),
            // A page of only odd entries is not the end.
            Some(last) if page.is_empty() => {
                self.last = Some(last);
                self.page()
            }
            Some(last) => {
                self.last = Some(last);
                Ok(page)
            }
        }
    }
}

impl fmt::Debug for JournalReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JournalReader").field("last", &self.last).finish_non_exhaustive()
    }
}

/// All entries.
pub(super) fn entries(reader: &mut JournalReader) -> Result<HashMap<RowId, Entry>, Failure> {
    let mut entries: HashMap<RowId, Entry> = reader.all_refunds()?.into_iter().collect();
    loop {
        let page = reader.page()?;
        if page.is_empty() {
            return Ok(entries);
        }
        entries.extend(page.into_iter().map(|(id, entry)| (RowId::payout(id), entry)));
    }
}

/// The entry of one row, of a journal with the present tables; `None` if there is none.
pub(super) fn find(connection: &Connection, id: &RowId) -> Result<Option<Entry>, Failure> {
    let columns =
        "payment_id, state, digest, sends, sent_at_ms, request_id, status, code, evidence,
         amount, currency";
    let read = |sql: &str, keys: &[&str]| -> Result<Option<Entry>, Failure> {
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query(rusqlite::params_from_iter(keys))?;
        let Some(row) = rows.next()? else { return Ok(None) };
        Ok(entry(row, None)?.map(|(_, entry)| entry))
    };
    let payment_id = id.payment_id().as_str();
    match id.refund_id() {
        None => {
            read(&format!("SELECT {columns} FROM payouts WHERE payment_id = ?1"), &[payment_id])
        }
        Some(refund_id) => {
            let sql =
                format!("SELECT {columns} FROM refunds WHERE payment_id = ?1 AND refund_id = ?2");
            read(&sql, &[payment_id, refund_id])
        }
    }
}

/// Fails if there are other tables than those of a journal. An empty database is accepted.
pub(super) fn check_tables(connection: &Connection) -> Result<(), Failure> {
    let mut statement =
        connection.prepare("SELECT name FROM sqlite_master WHERE type <> 'index'")?;
    let names = statement.query_map([], |row| row.get::<_, String>(0))?;
    let mut names: Vec<String> = names.collect::<Result<_, _>>()?;
    names.sort();
    let columns = |table: &str| -> rusqlite::Result<Vec<String>> {
        let mut statement = connection.prepare("SELECT name FROM pragma_table_info(?1)")?;
        statement.query_map([table], |row| row.get(0))?.collect()
    };
    let has = |table: &str, needed: &[&str]| -> rusqlite::Result<bool> {
        let there = columns(table)?;
        Ok(needed.iter().all(|name| there.iter().any(|column| column == name)))
    };
    let is_journal = names.is_empty()
        || (names == ["owner", "payouts"] || names == ["owner", "payouts", "refunds"])
            && has("owner", &["project", "gate_url"])?
            && has("payouts", &["payment_id", "state", "digest", "sends", "evidence"])?;
    if is_journal { Ok(()) } else { Err(JournalError::NotAJournal.into()) }
}

/// Whether the journal keeps sums. Older versions did not.
pub(super) fn has_sums(connection: &Connection) -> Result<bool, Failure> {
    let sql = "SELECT count(*) FROM pragma_table_info('payouts') WHERE name = 'amount'";
    Ok(connection.query_row(sql, [], |row| row.get::<_, i64>(0))? > 0)
}

pub(super) fn owner_of(connection: &Connection) -> Result<Option<Owner>, Failure> {
    let read = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?));
    let found = connection.query_row("SELECT project, gate_url FROM owner", [], read).optional()?;
    let Some((project, gate_url)) = found else { return Ok(None) };
    let project = u64::try_from(project).ok().and_then(|id| ProjectId::new(id).ok());
    let broken = || damaged("the project id in its table `owner` is not valid");
    Ok(Some(Owner { project: project.ok_or_else(broken)?, gate_url }))
}

/// The error of a journal that no run has left like this.
fn damaged(problem: &str) -> JournalError {
    let advice =
        "restore a backup, and compare it with the platform (`ecp reconcile`) before the next run";
    JournalError::Storage(format!("{problem}; {advice}").into())
}

/// An entry; `None` for an odd one without a usable id.
fn entry(
    row: &Row<'_>,
    odd: Option<&mut Vec<OddEntry>>,
) -> Result<Option<(PaymentId, Entry)>, Failure> {
    let id: String = row.get(0)?;
    let is_strict = odd.is_none();
    let mut problem = None;
    let payment_id = PaymentId::new(id.clone()).ok();
    if payment_id.is_none() {
        problem = Some("its payment id is not valid");
    }
    let state: String = row.get(1)?;
    let state = State::ALL.iter().find(|known| known.as_str() == state).copied();
    if state.is_none() {
        problem = Some("its state is not known to this version");
    }
    let (status, code): (Option<String>, Option<String>) = (row.get(6)?, row.get(7)?);
    let state = state.map(|state| as_read_today(state, status.as_deref(), code.as_deref()));
    let since = |ms: i64| {
        let ms = u64::try_from(ms).unwrap_or_default();
        SystemTime::UNIX_EPOCH + Duration::from_millis(ms)
    };
    let amount: Option<i64> = row.get(9)?;
    let currency = row.get::<_, Option<String>>(10)?.map(|code| code.parse());
    let currency = currency.transpose().unwrap_or_else(|_| {
        problem = Some("its currency is not a known code");
        None
    });
    if let Some(problem) = problem {
        if is_strict {
            let problem = format!("the entry of {id:?}: {problem}; use the version that wrote it");
            return Err(JournalError::Storage(problem.into()).into());
        }
        if let Some(odd) = odd {
            odd.push(OddEntry { payment_id: id.clone(), problem });
        }
    }
    let Some(payment_id) = payment_id else { return Ok(None) };
    let entry = Entry {
        state: state.unwrap_or(State::Unknown),
        digest: row.get(2)?,
        amount: amount.zip(currency).map(|(minor, currency)| Money::from_minor(minor, currency)),
        sends: row.get(3)?,
        sent_at: row.get::<_, Option<i64>>(4)?.map(since),
        request_id: row.get(5)?,
        status,
        code,
        evidence: row.get(8)?,
    };
    Ok(Some((payment_id, entry)))
}

/// Older versions ended a row by any refusal, also by one of a wrong key or an unknown project,
/// which says nothing about the row: such a row counts as not sent.
fn as_read_today(state: State, status: Option<&str>, code: Option<&str>) -> State {
    let number = code.and_then(|code| code.parse::<u32>().ok());
    let is_of_the_row = number.is_none_or(|number| Code::from(number).about() == About::Payment);
    match state {
        State::Decline if status.is_none() && !is_of_the_row => State::NotSent,
        state => state,
    }
}
