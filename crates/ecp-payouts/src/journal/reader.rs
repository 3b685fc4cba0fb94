//! What a journal says, for whoever does not write it.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use ecp_core::{Money, PaymentId, ProjectId};
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Row, params};

use super::{Entry, JournalError, Owner, State};

/// Reads a journal page by page, in the order of the payment ids, without becoming its owner. No
/// run may have it open.
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
    last: Option<PaymentId>,
    has_sums: bool,
}

/// How many entries are read at once.
const PAGE: usize = 1000;

impl JournalReader {
    /// Opens a journal that is there.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
        Self::of(Connection::open_with_flags(path, flags)?)
    }

    pub(super) fn of(connection: Connection) -> Result<Self, JournalError> {
        let has_sums = has_sums(&connection)?;
        Ok(Self { connection, last: None, has_sums })
    }

    pub(super) fn into_connection(self) -> Connection {
        self.connection
    }

    /// To whom it belongs.
    pub fn owner(&self) -> Result<Owner, JournalError> {
        let found = owner_of(&self.connection)?;
        found.ok_or_else(|| JournalError::Storage("it belongs to nobody".into()))
    }

    /// The next entries, up to 1000; none after the last.
    pub fn next_page(&mut self) -> Result<Vec<(PaymentId, Entry)>, JournalError> {
        let sums = if self.has_sums { "amount, currency" } else { "NULL, NULL" };
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT payment_id, state, digest, sends, sent_at_ms, request_id, status, code,
                 evidence, {sums}
             FROM payouts WHERE payment_id > ?1 ORDER BY payment_id LIMIT ?2"
        ))?;
        let before = self.last.as_ref().map_or("", PaymentId::as_str);
        let mut rows = statement.query(params![before, i64::try_from(PAGE).unwrap_or(i64::MAX)])?;
        let mut page = Vec::new();
        while let Some(row) = rows.next()? {
            page.push(entry(row)?);
        }
        if let Some((last, _)) = page.last() {
            self.last = Some(last.clone());
        }
        Ok(page)
    }
}

impl fmt::Debug for JournalReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JournalReader").field("last", &self.last).finish_non_exhaustive()
    }
}

/// All of them.
pub(super) fn entries(
    reader: &mut JournalReader,
) -> Result<HashMap<PaymentId, Entry>, JournalError> {
    let mut entries = HashMap::new();
    loop {
        let page = reader.next_page()?;
        if page.is_empty() {
            return Ok(entries);
        }
        entries.extend(page);
    }
}

/// Whether the journal keeps sums. Older versions did not.
pub(super) fn has_sums(connection: &Connection) -> Result<bool, JournalError> {
    let sql = "SELECT count(*) FROM pragma_table_info('payouts') WHERE name = 'amount'";
    Ok(connection.query_row(sql, [], |row| row.get::<_, i64>(0))? > 0)
}

pub(super) fn owner_of(connection: &Connection) -> Result<Option<Owner>, JournalError> {
    let read = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?));
    let found = connection.query_row("SELECT project, gate_url FROM owner", [], read).optional()?;
    let Some((project, gate_url)) = found else { return Ok(None) };
    let project = u64::try_from(project).ok().and_then(|id| ProjectId::new(id).ok());
    let broken = || JournalError::Storage("its project is no project".into());
    Ok(Some(Owner { project: project.ok_or_else(broken)?, gate_url }))
}

fn entry(row: &Row<'_>) -> Result<(PaymentId, Entry), JournalError> {
    let id: String = row.get(0)?;
    let broken = || JournalError::Storage(format!("the entry of {id:?} is broken").into());
    let payment_id = PaymentId::new(id.clone()).map_err(|_| broken())?;
    let state: String = row.get(1)?;
    let state = State::ALL.iter().find(|known| known.as_str() == state).copied();
    let since = |ms: i64| {
        let ms = u64::try_from(ms).unwrap_or_default();
        SystemTime::UNIX_EPOCH + Duration::from_millis(ms)
    };
    let amount: Option<i64> = row.get(9)?;
    let currency = row.get::<_, Option<String>>(10)?.map(|code| code.parse());
    let currency = currency.transpose().map_err(|_| broken())?;
    let entry = Entry {
        state: state.ok_or_else(broken)?,
        digest: row.get(2)?,
        amount: amount.zip(currency).map(|(minor, currency)| Money::from_minor(minor, currency)),
        sends: row.get(3)?,
        sent_at: row.get::<_, Option<i64>>(4)?.map(since),
        request_id: row.get(5)?,
        status: row.get(6)?,
        code: row.get(7)?,
        evidence: row.get(8)?,
    };
    Ok((payment_id, entry))
}
