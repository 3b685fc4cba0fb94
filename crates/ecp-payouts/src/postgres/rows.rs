//! Rows of the table as entries, and entries as columns of parameters.

use std::time::Duration;

use ecp_core::{Money, PaymentId};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::session::{Failure, Parameter};
use crate::journal::{Entry, OddEntry, State};
use crate::row::RowId;

/// The columns that [`read`] needs, of a table that is called `r`.
pub(super) const COLUMNS: &str = "r.payment_id, r.is_refund, r.refund_id, r.state, r.digest, \
     r.amount, r.currency, r.sends, r.sent_at, r.request_id, r.status, r.code, r.evidence, \
     (extract(epoch FROM clock_timestamp() - r.sent_at) * 1000)::bigint AS age, r.token";

/// A row as it is stored.
pub(super) struct Stored {
    pub(super) id: RowId,
    /// `None` if the row was only reserved.
    pub(super) entry: Option<Entry>,
    pub(super) age: Option<Duration>,
    pub(super) token: i64,
}

/// The columns of the primary key, as they are stored: payment id, whether it is a refund, refund id.
pub(super) type Key = (String, bool, String);

pub(super) fn key(row: &Row) -> Result<Key, Failure> {
    Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?))
}

pub(super) fn read(row: &Row) -> Result<Stored, Failure> {
    match decode(row)? {
        Decoded::Whole(stored) => Ok(stored),
        Decoded::InPart(_, problem) | Decoded::Unusable(problem) => Err(damaged(problem)),
    }
}

/// Reads a row of which this version may not know all words, for a reader that pays nothing.
pub(super) fn read_tolerantly(
    row: &Row,
    odd: &mut Vec<OddEntry>,
) -> Result<Option<Stored>, Failure> {
    let (stored, problem) = match decode(row)? {
        Decoded::Whole(stored) => return Ok(Some(stored)),
        Decoded::InPart(stored, problem) => (Some(stored), problem),
        Decoded::Unusable(problem) => (None, problem),
    };
    odd.push(OddEntry { payment_id: row.try_get(0)?, problem });
    Ok(stored)
}

fn damaged(problem: &str) -> Failure {
    Failure::Other(format!("the entry of a row: {problem}; use the version that wrote it"))
}

/// A row, as far as this version can read it.
enum Decoded {
    Whole(Stored),
    /// A state that this version does not know counts as unknown, and there is no sum in a currency
    /// that it does not know.
    InPart(Stored, &'static str),
    Unusable(&'static str),
}

fn decode(row: &Row) -> Result<Decoded, Failure> {
    let Ok(payment_id) = PaymentId::new(row.try_get::<_, String>(0)?) else {
        return Ok(Decoded::Unusable("its payment id is not valid"));
    };
    let id = if row.try_get(1)? {
        RowId::refund(payment_id, row.try_get::<_, String>(2)?)
    } else {
        RowId::payout(payment_id)
    };
    let token = row.try_get(14)?;
    let Some(digest) = row.try_get::<_, Option<Vec<u8>>>(4)? else {
        return Ok(Decoded::Whole(Stored { id, entry: None, age: None, token }));
    };
    let Ok(digest) = digest.try_into() else {
        return Ok(Decoded::Unusable("its digest is not 32 bytes long"));
    };
    let state: String = row.try_get(3)?;
    let state = State::ALL.iter().find(|known| known.as_str() == state).copied();
    let currency = row.try_get::<_, Option<String>>(6)?;
    let mut problem = state.is_none().then_some("its state is not known to this version");
    let currency = currency.map(|code| code.parse()).transpose().unwrap_or_else(|_| {
        problem = Some("its currency is not a known code");
        None
    });
    let amount = row.try_get::<_, Option<i64>>(5)?;
    let entry = Entry {
        state: state.unwrap_or(State::Unknown),
        digest,
        amount: amount.zip(currency).map(|(minor, currency)| Money::from_minor(minor, currency)),
        sends: u32::try_from(row.try_get::<_, i32>(7)?).unwrap_or_default(),
        sent_at: row.try_get(8)?,
        request_id: row.try_get(9)?,
        status: row.try_get(10)?,
        code: row.try_get(11)?,
        evidence: row.try_get(12)?,
    };
    let age = row.try_get::<_, Option<i64>>(13)?;
    // A server that took over may have a clock that is behind.
    let age = age.map(|ms| Duration::from_millis(u64::try_from(ms).unwrap_or_default()));
    let stored = Stored { id, entry: Some(entry), age, token };
    Ok(match problem {
        Some(problem) => Decoded::InPart(stored, problem),
        None => Decoded::Whole(stored),
    })
}

/// The keys of rows, as arrays.
#[derive(Default)]
pub(super) struct Keys<'k> {
    payment_ids: Vec<&'k str>,
    are_refunds: Vec<bool>,
    refund_ids: Vec<&'k str>,
}

impl<'k> Keys<'k> {
    pub(super) fn of(ids: impl IntoIterator<Item = &'k RowId>) -> Self {
        let mut keys = Self::default();
        for id in ids {
            keys.payment_ids.push(id.payment_id().as_str());
            keys.are_refunds.push(id.refund_id().is_some());
            keys.refund_ids.push(id.refund_id().unwrap_or_default());
        }
        keys
    }

    pub(super) fn parameters(&self) -> [Parameter<'_>; 3] {
        [
            (&self.payment_ids, Type::TEXT_ARRAY),
            (&self.are_refunds, Type::BOOL_ARRAY),
            (&self.refund_ids, Type::TEXT_ARRAY),
        ]
    }
}

/// The values of entries, as arrays.
#[derive(Default)]
pub(super) struct Values<'e> {
    states: Vec<&'static str>,
    digests: Vec<&'e [u8]>,
    amounts: Vec<Option<i64>>,
    currencies: Vec<Option<&'static str>>,
    sends: Vec<i32>,
    request_ids: Vec<Option<String>>,
    statuses: Vec<Option<String>>,
    codes: Vec<Option<String>>,
    evidence: Vec<String>,
}

impl<'e> Values<'e> {
    pub(super) fn of(entries: impl IntoIterator<Item = &'e Entry>) -> Self {
        let mut values = Self::default();
        for entry in entries {
            let optional = |text: &Option<String>| text.as_deref().map(text_of);
            values.states.push(entry.state.as_str());
            values.digests.push(&entry.digest);
            values.amounts.push(entry.amount.map(Money::minor));
            values.currencies.push(entry.amount.map(|amount| amount.currency().code()));
            values.sends.push(i32::try_from(entry.sends).unwrap_or(i32::MAX));
            values.request_ids.push(optional(&entry.request_id));
            values.statuses.push(optional(&entry.status));
            values.codes.push(optional(&entry.code));
            values.evidence.push(text_of(&entry.evidence));
        }
        values
    }

    pub(super) fn parameters(&self) -> [Parameter<'_>; 9] {
        [
            (&self.states, Type::TEXT_ARRAY),
            (&self.digests, Type::BYTEA_ARRAY),
            (&self.amounts, Type::INT8_ARRAY),
            (&self.currencies, Type::TEXT_ARRAY),
            (&self.sends, Type::INT4_ARRAY),
            (&self.request_ids, Type::TEXT_ARRAY),
            (&self.statuses, Type::TEXT_ARRAY),
            (&self.codes, Type::TEXT_ARRAY),
            (&self.evidence, Type::TEXT_ARRAY),
        ]
    }
}

/// Text of the platform as Postgres takes it: its texts have no zero character.
fn text_of(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}
