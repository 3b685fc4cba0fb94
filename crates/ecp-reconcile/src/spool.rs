//! Temporary file for the sides' data, until their payments are compared.

use std::sync::Arc;

use ecp_core::model::{OperationStatus, OperationType};
use ecp_core::{OperationId, PaymentId};
use ecp_inbox::{EntryId, EntryState};
use ecp_payouts::State;
use rusqlite::types::Type;
use rusqlite::{CachedStatement, Connection, OptionalExtension as _, Row, params};

use crate::difference::Sum;
use crate::error::ReconcileError;
use crate::sides::{Operation, Payout};

/// A private SQLite file that is removed with its connection. Only data beyond a few megabytes
/// reach the disk.
#[derive(Debug)]
pub(crate) struct Spool(Connection);

/// Data of one payment.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    pub(crate) operations: Vec<Operation>,
    /// Contradicting rows about these operations.
    pub(crate) contradictions: Vec<Operation>,
    pub(crate) payouts: Vec<Payout>,
    pub(crate) stuck: Vec<(EntryId, EntryState)>,
}

/// `payments` has the payments to compare. The other tables may hold more.
const TABLES: &str = "
    PRAGMA journal_mode = OFF;
    PRAGMA synchronous = OFF;
    PRAGMA temp_store = FILE;
    PRAGMA cache_size = -8000;
    CREATE TABLE payments (payment TEXT PRIMARY KEY) WITHOUT ROWID;
    CREATE TABLE operations (
        payment TEXT, id INTEGER, kind TEXT, status TEXT, amount INTEGER, currency TEXT,
        PRIMARY KEY (payment, id)
    ) WITHOUT ROWID;
    CREATE TABLE contradictions (
        payment TEXT, id INTEGER, kind TEXT, status TEXT, amount INTEGER, currency TEXT
    );
    CREATE INDEX contradicted ON contradictions (payment);
    CREATE TABLE payouts (
        payment TEXT, journal INTEGER, state TEXT, status TEXT, request_id TEXT,
        amount INTEGER, currency TEXT,
        PRIMARY KEY (payment, journal)
    ) WITHOUT ROWID;
    CREATE TABLE stuck (
        payment TEXT, id INTEGER, state TEXT, PRIMARY KEY (payment, id)
    ) WITHOUT ROWID;";

/// Error of the temporary file.
pub(crate) struct SpoolError(rusqlite::Error);

impl From<rusqlite::Error> for SpoolError {
    fn from(error: rusqlite::Error) -> Self {
        Self(error)
    }
}

impl From<SpoolError> for ReconcileError {
    fn from(SpoolError(error): SpoolError) -> Self {
        Self::Storage(error.into())
    }
}

impl Spool {
    pub(crate) fn new() -> Result<Self, SpoolError> {
        let connection = Connection::open("")?;
        connection.execute_batch(TABLES)?;
        Ok(Self(connection))
    }

    /// Writes many rows in one transaction, much faster than one by one.
    pub(crate) fn together<T>(
        &mut self,
        job: impl FnOnce(&Self) -> Result<T, ReconcileError>,
    ) -> Result<T, ReconcileError> {
        self.0.execute_batch("BEGIN").map_err(SpoolError)?;
        let done = job(self);
        self.0.execute_batch("COMMIT").map_err(SpoolError)?;
        done
    }

    /// Adds a payment to compare.
    pub(crate) fn payment(&self, payment: &PaymentId) -> Result<(), SpoolError> {
        self.0
            .prepare_cached("INSERT OR IGNORE INTO payments VALUES (?1)")?
            .execute([payment.as_str()])?;
        Ok(())
    }

    /// Adds an operation of the Data API. A page that moved repeats some of them, and one that was
    /// open may have ended meanwhile; any other difference between two rows of one operation is a
    /// contradiction.
    pub(crate) fn operation(
        &self,
        payment: &PaymentId,
        listed: &Operation,
    ) -> Result<(), SpoolError> {
        let id = listed.id.map(|id| id.get().cast_signed());
        let before = self
            .0
            .prepare_cached(
                "SELECT id, kind, status, amount, currency FROM operations
                 WHERE payment = ?1 AND id = ?2",
            )?
            .query_row(params![payment.as_str(), id], operation)
            .optional()?;
        let (kept, other) = match before {
            None => (listed.clone(), None),
            Some(before) => before.together(listed),
        };
        self.insert(
            "INSERT OR REPLACE INTO operations VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            payment,
            &kept,
        )?;
        if let Some(other) = other {
            self.insert(
                "INSERT INTO contradictions VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                payment,
                &other,
            )?;
        }
        self.payment(payment)
    }

    fn insert(
        &self,
        sql: &str,
        payment: &PaymentId,
        operation: &Operation,
    ) -> Result<(), SpoolError> {
        let Operation { id, kind, status, sum } = operation;
        self.0.prepare_cached(sql)?.execute(params![
            payment.as_str(),
            id.map(|id| id.get().cast_signed()),
            kind.as_str(),
            status.as_str(),
            sum.as_ref().map(|sum| sum.amount),
            sum.as_ref().map(|sum| &sum.currency),
        ])?;
        Ok(())
    }

    /// Adds a payout of the journal with that index.
    pub(crate) fn payout(
        &self,
        journal: usize,
        payment: &PaymentId,
        payout: &Payout,
    ) -> Result<(), SpoolError> {
        let Payout { state, status, request_id, sum } = payout;
        self.0.prepare_cached("INSERT INTO payouts VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?.execute(
            params![
                payment.as_str(),
                i64::try_from(journal).unwrap_or(i64::MAX),
                state.as_str(),
                status,
                request_id,
                sum.as_ref().map(|sum| sum.amount),
                sum.as_ref().map(|sum| &sum.currency),
            ],
        )?;
        Ok(())
    }

    /// Adds a held or dead callback.
    pub(crate) fn stuck(
        &self,
        payment: &PaymentId,
        id: EntryId,
        state: EntryState,
    ) -> Result<(), SpoolError> {
        self.0
            .prepare_cached("INSERT OR REPLACE INTO stuck VALUES (?1, ?2, ?3)")?
            .execute(params![payment.as_str(), id.get(), state.as_str()])?;
        Ok(())
    }

    /// The next payment after this one.
    pub(crate) fn after(
        &self,
        payment: Option<&PaymentId>,
    ) -> Result<Option<PaymentId>, ReconcileError> {
        let before = payment.map_or("", PaymentId::as_str);
        let sql = "SELECT payment FROM payments WHERE payment > ?1 ORDER BY payment LIMIT 1";
        let read = |mut statement: CachedStatement<'_>| {
            statement.query_row([before], |row| row.get(0)).optional()
        };
        let next: Option<String> = self.0.prepare_cached(sql).and_then(read).map_err(SpoolError)?;
        next.map(PaymentId::new).transpose().map_err(|error| ReconcileError::Storage(error.into()))
    }

    /// All data of a payment.
    pub(crate) fn kept(&self, payment: &PaymentId) -> Result<Kept, SpoolError> {
        Ok(Kept {
            operations: self.of(
                payment,
                "SELECT id, kind, status, amount, currency FROM operations
                 WHERE payment = ?1 ORDER BY id",
                operation,
            )?,
            contradictions: self.of(
                payment,
                "SELECT DISTINCT id, kind, status, amount, currency FROM contradictions
                 WHERE payment = ?1 ORDER BY id, kind, status, amount, currency",
                operation,
            )?,
            payouts: self.of(
                payment,
                "SELECT state, status, request_id, amount, currency FROM payouts
                 WHERE payment = ?1 ORDER BY journal",
                payout,
            )?,
            stuck: self.of(
                payment,
                "SELECT id, state FROM stuck WHERE payment = ?1 ORDER BY id",
                |row| {
                    let state = word(row, 1, EntryState::ALL, |state| state.as_str())?;
                    Ok((EntryId::new(row.get(0)?), state))
                },
            )?,
        })
    }

    /// Queries the rows of a payment.
    fn of<T>(
        &self,
        payment: &PaymentId,
        sql: &str,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, SpoolError> {
        let mut statement = self.0.prepare_cached(sql)?;
        let rows = statement.query_map([payment.as_str()], read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

fn operation(row: &Row<'_>) -> rusqlite::Result<Operation> {
    let text = |place: usize| row.get::<_, Arc<str>>(place);
    Ok(Operation {
        id: row.get::<_, Option<i64>>(0)?.map(|id| OperationId::new(id.cast_unsigned())),
        kind: OperationType::from(&*text(1)?),
        status: OperationStatus::from(&*text(2)?),
        sum: sum(row, 3)?,
    })
}

fn payout(row: &Row<'_>) -> rusqlite::Result<Payout> {
    Ok(Payout {
        state: word(row, 0, State::ALL, |state| state.as_str())?,
        status: row.get(1)?,
        request_id: row.get(2)?,
        sum: sum(row, 3)?,
    })
}

fn sum(row: &Row<'_>, place: usize) -> rusqlite::Result<Option<Sum>> {
    let (amount, currency): (Option<i64>, Option<String>) = (row.get(place)?, row.get(place + 1)?);
    Ok(amount.zip(currency).map(|(amount, currency)| Sum { amount, currency }))
}

/// Parses a stored word.
fn word<T: Copy>(
    row: &Row<'_>,
    place: usize,
    all: &[T],
    word: impl Fn(&T) -> &str,
) -> rusqlite::Result<T> {
    let text: String = row.get(place)?;
    let found = all.iter().find(|known| word(known) == text).copied();
    found.ok_or(rusqlite::Error::InvalidColumnType(place, text, Type::Text))
}
