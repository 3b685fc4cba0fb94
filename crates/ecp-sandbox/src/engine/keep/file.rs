//! The file itself: an SQLite database of one process at a time.
//!
//! Its log is written ahead, and what is committed survives the process. SQLite waits for the disk
//! at its checkpoints only, so a machine that loses power may lose the latest commits, but never a
//! part of one.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ecp_core::PaymentId;
use rusqlite::{Connection, ErrorCode, OptionalExtension, Transaction, params};

use super::data::{Changes, Kept, Whole, about};
use super::error::StateError;
use super::rows::{EventRow, KeptEvent, read};
use crate::engine::events::{Event, RawBody};
use crate::engine::faults::{BookChanges, KeptRule};
use crate::payment::ids::About;

/// `ecpS`, in SQLite's field for the program that a database belongs to.
const APPLICATION: i64 = 0x6563_7053;

/// Version of the file's form. Any change of a table or of a row's JSON is another one.
const VERSION: i64 = 1;

/// How long another process may need to let go of the file, such as one that is just being killed.
const PATIENCE: Duration = Duration::from_secs(2);

const SCHEMA: &str = "
    CREATE TABLE whole (id INTEGER PRIMARY KEY CHECK (id = 1), data TEXT NOT NULL) STRICT;
    CREATE TABLE payments (number INTEGER PRIMARY KEY, data TEXT NOT NULL) STRICT;
    CREATE TABLE deliveries (id INTEGER PRIMARY KEY, data TEXT NOT NULL, body BLOB NOT NULL) STRICT;
    CREATE TABLE events (
        sequence INTEGER PRIMARY KEY,
        at INTEGER NOT NULL,
        millis INTEGER NOT NULL,
        project INTEGER,
        payment TEXT,
        data TEXT NOT NULL,
        body BLOB,
        reply BLOB
    ) STRICT;
    CREATE TABLE taken (hash BLOB PRIMARY KEY) STRICT, WITHOUT ROWID;
    CREATE TABLE faults (
        id INTEGER PRIMARY KEY,
        rule TEXT NOT NULL,
        struck INTEGER NOT NULL,
        configured INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE draws (
        rule INTEGER NOT NULL,
        project INTEGER NOT NULL,
        payment TEXT NOT NULL,
        times INTEGER NOT NULL,
        PRIMARY KEY (rule, project, payment)
    ) STRICT, WITHOUT ROWID;
";

/// An open state file.
pub(super) struct File {
    path: PathBuf,
    connection: Connection,
    latest_event: u64,
}

/// Why a file cannot be read or written.
pub(super) enum Problem {
    Sqlite(rusqlite::Error),
    /// A row has content that this release cannot read, such as an unknown currency; the text says
    /// what.
    Content(String),
    Text(String),
}

impl From<rusqlite::Error> for Problem {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<String> for Problem {
    fn from(text: String) -> Self {
        Self::Content(text)
    }
}

impl Problem {
    pub(super) fn of(self, path: &Path) -> StateError {
        let words = match self {
            Self::Content(text) => return StateError::content(path, text),
            Self::Text(text) => text,
            Self::Sqlite(error) => match error.sqlite_error_code() {
                Some(ErrorCode::NotADatabase) => {
                    "it is no state file of a sandbox: use another path".to_owned()
                }
                Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                    "another process uses it, such as a sandbox that runs: stop that one, or use \
                     another file"
                        .to_owned()
                }
                Some(ErrorCode::DatabaseCorrupt) => {
                    format!("it is damaged ({error}): use another file")
                }
                _ => error.to_string(),
            },
        };
        StateError::unusable(path, words)
    }
}

impl File {
    /// Opens a state file of this version, or creates one that only its owner may read.
    pub(super) fn open(path: &Path) -> Result<Self, StateError> {
        let unusable = |error: std::io::Error| StateError::unusable(path, error.to_string());
        if let Some(open) = ecp_files::prepare_database(path).map_err(unusable)? {
            tracing::warn!(
                path = %open.display(),
                "others may read the state file, which holds customers' data"
            );
        }
        let opened = connect(path).map_err(|problem| problem.of(path))?;
        Ok(Self { path: path.to_owned(), connection: opened, latest_event: 0 })
    }

    /// Returns the number of the latest event in the file.
    pub(super) const fn latest_event(&self) -> u64 {
        self.latest_event
    }

    /// Reads everything; `None` if nothing was ever written.
    pub(super) fn read(&mut self) -> Result<Option<Kept>, StateError> {
        let kept = read_all(&self.connection).map_err(|problem| problem.of(&self.path))?;
        self.latest_event = kept.as_ref().map_or(0, |kept| kept.whole.events);
        Ok(kept)
    }

    /// Writes what has changed, in one transaction.
    pub(super) fn write(&mut self, changes: Changes) -> Result<(), StateError> {
        let latest = changes.events.last().map(|event| event.sequence);
        let written = self.connection.transaction().map_err(Problem::from).and_then(|to| {
            write_all(&to, changes)?;
            Ok(to.commit()?)
        });
        written.map_err(|problem| problem.of(&self.path))?;
        self.latest_event = latest.unwrap_or(self.latest_event);
        Ok(())
    }
}

fn connect(path: &Path) -> Result<Connection, Problem> {
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(PATIENCE)?;
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    // From the first statement on no other process can open it.
    let transaction =
        connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let number = |name: &str| -> rusqlite::Result<i64> {
        transaction.pragma_query_value(None, name, |row| row.get(0))
    };
    let (application, version) = (number("application_id")?, number("user_version")?);
    let tables: i64 =
        transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if application == APPLICATION && version != VERSION {
        return Err(Problem::Text(format!(
            "it has version {version} of the form of state files, and this ecp-sandbox {} reads \
             version {VERSION}: use it with the release that wrote it, or use another file",
            env!("CARGO_PKG_VERSION")
        )));
    }
    if application != APPLICATION && (application != 0 || version != 0 || tables > 0) {
        let words = "it is the database of another program and no state file: use another path";
        return Err(Problem::Text(words.to_owned()));
    }
    if application != APPLICATION {
        transaction.execute_batch(SCHEMA)?;
        transaction.pragma_update(None, "application_id", APPLICATION)?;
        transaction.pragma_update(None, "user_version", VERSION)?;
    }
    transaction.commit()?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    // Bodies of removed events are personal data.
    connection.pragma_update(None, "secure_delete", "ON")?;
    Ok(connection)
}

fn write_all(to: &Transaction<'_>, changes: Changes) -> Result<(), Problem> {
    let Changes { whole, payments, deliveries, taken, book, events, oldest_event } = changes;
    to.prepare_cached("INSERT OR REPLACE INTO whole VALUES (1, ?1)")?.execute([whole])?;
    for (payment, data) in payments {
        match data {
            Some(data) => to
                .prepare_cached("INSERT OR REPLACE INTO payments VALUES (?1, ?2)")?
                .execute(params![int(payment), data])?,
            None => to
                .prepare_cached("DELETE FROM payments WHERE number = ?1")?
                .execute([int(payment)])?,
        };
    }
    for (id, kept) in deliveries {
        match kept {
            Some((data, body)) => to
                .prepare_cached("INSERT OR REPLACE INTO deliveries VALUES (?1, ?2, ?3)")?
                .execute(params![int(id), data, body.bytes().as_ref()])?,
            None => {
                to.prepare_cached("DELETE FROM deliveries WHERE id = ?1")?.execute([int(id)])?
            }
        };
    }
    for hash in taken {
        to.prepare_cached("INSERT OR IGNORE INTO taken VALUES (?1)")?
            .execute([hash.to_be_bytes()])?;
    }
    write_book(to, book)?;
    for event in events {
        write_event(to, &event)?;
    }
    to.prepare_cached("DELETE FROM events WHERE sequence < ?1")?.execute([int(oldest_event)])?;
    Ok(())
}

fn write_book(to: &Transaction<'_>, changes: BookChanges) -> Result<(), Problem> {
    let BookChanges { added: _, rules, no_draws, draws } = changes;
    if let Some(rules) = rules {
        to.prepare_cached("DELETE FROM faults")?.execute([])?;
        for KeptRule { id, rule, struck, configured } in rules {
            to.prepare_cached("INSERT INTO faults VALUES (?1, ?2, ?3, ?4)")?.execute(params![
                int(id),
                rule,
                struck,
                configured
            ])?;
        }
    }
    if no_draws {
        to.prepare_cached("DELETE FROM draws")?.execute([])?;
    }
    for ((rule, (project, payment)), times) in draws {
        let project = project.map_or(0, |project| int(project.get()));
        let payment = payment.as_ref().map_or("", |payment| payment.as_str());
        to.prepare_cached("INSERT OR REPLACE INTO draws VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![int(rule), project, payment, int(times)])?;
    }
    Ok(())
}

fn write_event(to: &Transaction<'_>, event: &Event) -> Result<(), Problem> {
    let (kept, body, reply) = KeptEvent::of(&event.kind);
    let data = serde_json::to_string(&kept).map_err(|error| error.to_string())?;
    to.prepare_cached("INSERT INTO events VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?.execute(
        params![
            int(event.sequence),
            event.at.unix_seconds(),
            event.millis,
            event.project_id.map(|project| int(project.get())),
            event.payment_id.as_ref().map(PaymentId::as_str),
            data,
            body.map(bytes),
            reply.map(bytes),
        ],
    )?;
    Ok(())
}

fn bytes(body: &RawBody) -> &[u8] {
    body.bytes()
}

fn read_all(from: &Connection) -> Result<Option<Kept>, Problem> {
    let whole: Option<String> =
        from.query_row("SELECT data FROM whole", [], |row| row.get(0)).optional()?;
    let Some(whole) = whole else { return Ok(None) };
    let whole: Whole = read(&whole)?;
    let payments = rows(from, "SELECT number, data FROM payments ORDER BY number", |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
    })?;
    let deliveries = rows(from, "SELECT id, data, body FROM deliveries ORDER BY id", |row| {
        let body = RawBody::new(row.get::<_, Vec<u8>>(2)?);
        Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, body))
    })?;
    let taken = rows(from, "SELECT hash FROM taken", |row| row.get::<_, [u8; 16]>(0))?;
    let rules = rows(from, "SELECT id, rule, struck, configured FROM faults ORDER BY id", |row| {
        Ok(KeptRule {
            id: row.get::<_, i64>(0)?.cast_unsigned(),
            rule: row.get(1)?,
            struck: row.get(2)?,
            configured: row.get(3)?,
        })
    })?;
    let events = rows(from, "SELECT * FROM events ORDER BY sequence", |row| {
        Ok(EventRow {
            sequence: row.get::<_, i64>(0)?.cast_unsigned(),
            at: row.get(1)?,
            millis: row.get(2)?,
            project: row.get::<_, Option<i64>>(3)?.map(i64::cast_unsigned),
            payment: row.get(4)?,
            data: row.get(5)?,
            body: row.get(6)?,
            reply: row.get(7)?,
        })
    })?;
    let events = events.into_iter().map(|row| {
        let sequence = row.sequence;
        row.event().map_err(|problem| format!("event {sequence}: {problem}"))
    });
    let events: Vec<Event> = events.collect::<Result<_, String>>()?;
    // The history finds an event by its distance from the first.
    let latest = events.last().map_or(whole.events, |event| event.sequence);
    let first = events.first().map_or(latest + 1, |event| event.sequence);
    if latest != whole.events || latest + 1 - first != events.len() as u64 {
        return Err(Problem::Text(
            "it is damaged: events are missing. Use another file".to_owned(),
        ));
    }
    Ok(Some(Kept {
        whole,
        payments: payments
            .into_iter()
            .map(|(number, data)| (number.cast_unsigned(), data))
            .collect(),
        deliveries: deliveries
            .into_iter()
            .map(|(id, data, body)| (id.cast_unsigned(), data, body))
            .collect(),
        taken: taken.into_iter().map(u128::from_be_bytes).collect(),
        rules,
        draws: read_draws(from)?,
        events,
    }))
}

fn read_draws(from: &Connection) -> Result<HashMap<(u64, About), u64>, Problem> {
    let draws = rows(from, "SELECT rule, project, payment, times FROM draws", |row| {
        let (rule, project): (i64, i64) = (row.get(0)?, row.get(1)?);
        Ok((rule, project, row.get::<_, String>(2)?, row.get::<_, i64>(3)?))
    })?;
    let mut read = HashMap::new();
    for (rule, project, payment, times) in draws {
        let project = (project != 0).then_some(project.cast_unsigned());
        let about = about(project, Some(payment).filter(|payment| !payment.is_empty()))?;
        read.insert((rule.cast_unsigned(), about), times.cast_unsigned());
    }
    Ok(read)
}

fn rows<T>(
    from: &Connection,
    sql: &str,
    row: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, Problem> {
    let mut statement = from.prepare(sql)?;
    let rows = statement.query_map([], row)?.collect::<rusqlite::Result<Vec<T>>>()?;
    Ok(rows)
}

/// SQLite's numbers have a sign; ours are never as large as to need it, and keep their bits.
const fn int(number: u64) -> i64 {
    number.cast_signed()
}
