//! Where a payment stands, whatever came first.
//!
//! Callbacks come in any order and more than once (sources: callback delivery). So the state is
//! not the last word heard but the greatest: every status has a rank, and the state keeps the
//! highest. The greatest of a set depends neither on order nor on repetition.

use std::collections::BTreeSet;
use std::fmt::Display;

use ecp_core::model::{
    Callback, Operation, OperationStatus, OperationType, Payment, PaymentStatus, StatusResponse,
    Sum,
};
use ecp_core::{OperationId, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Where a payment stands after everything that was heard of it.
///
/// ```
/// use ecp_core::model::{Callback, FromJson, PaymentStatus};
/// use ecp_inbox::{News, PaymentState};
///
/// let mut state = PaymentState::default();
/// for status in ["processing", "success", "decline", "awaiting redirect result"] {
///     let json = format!(r#"{{"payment":{{"id":"X1","status":"{status}"}}}}"#);
///     state.hear(&News::of(&Callback::from_slice(json.as_bytes())?));
/// }
/// assert_eq!(state.status(), Some(&PaymentStatus::Success));
/// # Ok::<(), ecp_core::model::ModelError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PaymentState {
    status: Option<Heard<PaymentStatus>>,
    paid: Option<Amount>,
    left: Option<Amount>,
    operations: Vec<OperationState>,
    unknown: BTreeSet<String>,
}

/// Where one operation of a payment stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperationState {
    id: u64,
    #[serde(with = "optional_word")]
    kind: Option<OperationType>,
    status: Option<Heard<OperationStatus>>,
    sum: Option<Amount>,
    /// A success and a failure of one operation were both heard.
    contradicted: bool,
}

/// A sum in minor units, with the currency's code as it was sent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Amount {
    /// Minor units.
    pub amount: i64,
    /// The three-letter code.
    pub currency: String,
}

/// What a message says of its payment, without what only describes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct News {
    status: Option<PaymentStatus>,
    date: Option<Timestamp>,
    sum: Option<Amount>,
    operations: Vec<OperationNews>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct OperationNews {
    id: OperationId,
    kind: Option<OperationType>,
    status: Option<OperationStatus>,
    date: Option<Timestamp>,
    sum: Option<Amount>,
}

/// What a message changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Change {
    #[serde(with = "optional_word")]
    from: Option<PaymentStatus>,
    #[serde(with = "optional_word")]
    to: Option<PaymentStatus>,
    operations: Vec<u64>,
    reports: Vec<Report>,
}

/// What a person should know of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Report {
    /// A payment status that is not in the tables. The payment keeps the one it had.
    UnknownPaymentStatus(String),
    /// An operation status that is not in the tables. The operation keeps the one it had.
    UnknownOperationStatus(String),
    /// One operation was called both a success and a failure. The state says success: ask Gate
    /// for the status before anything is delivered or repeated.
    Contradiction(u64),
    /// A refund was taken back. That lowers what the state can only raise: ask Gate for the
    /// status.
    RefundReversed(u64),
}

/// A status with what decides between two of the same rank.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(serialize = "S: Display", deserialize = "S: for<'t> From<&'t str>"))]
struct Heard<S> {
    #[serde(with = "word")]
    status: S,
    /// Seconds since 1970, of a status that is not final.
    at: Option<i64>,
}

/// How much a status says, and whether it is one that this crate knows.
trait Ranked: PartialEq + Clone {
    /// The greatest rank wins; `None` for a word that is not in the tables.
    fn rank(&self) -> Option<u8>;
    fn word(&self) -> &str;
}

/// Nothing is decided yet. The rank is the only one at which dates decide.
const WAITING: u8 = 0;
const SUCCESS: u8 = 10;

impl Ranked for PaymentStatus {
    /// A decline says least of all endings: another attempt on the same payment may succeed
    /// (sources: statuses), and each other ending says more about why.
    fn rank(&self) -> Option<u8> {
        Some(match self {
            Self::Other(_) => return None,
            Self::Decline => 1,
            Self::Error => 2,
            Self::ExternalError => 3,
            Self::InternalError => 4,
            Self::Expired => 5,
            Self::InvoiceCancelled => 6,
            Self::Canceled => 7,
            Self::Success => SUCCESS,
            Self::PartiallyRefunded => 11,
            Self::PartiallyReversed => 12,
            Self::Refunded => 13,
            Self::Reversed => 14,
            _ => WAITING,
        })
    }

    fn word(&self) -> &str {
        self.as_str()
    }
}

impl Ranked for OperationStatus {
    fn rank(&self) -> Option<u8> {
        Some(match self {
            Self::Other(_) => return None,
            Self::Decline => 1,
            Self::Error => 2,
            Self::ExternalError => 3,
            Self::InternalError => 4,
            Self::Expired => 5,
            Self::InvoiceCancelled => 6,
            Self::Success => SUCCESS,
            _ => WAITING,
        })
    }

    fn word(&self) -> &str {
        self.as_str()
    }
}

impl PaymentState {
    /// Where the payment stands; `None` until a known status was heard.
    pub fn status(&self) -> Option<&PaymentStatus> {
        self.status.as_ref().map(|heard| &heard.status)
    }

    /// The sum of the payment, once it is a success.
    pub const fn paid(&self) -> Option<&Amount> {
        self.paid.as_ref()
    }

    /// What is left of it after refunds: the smallest sum that a refund's callback told.
    pub const fn left(&self) -> Option<&Amount> {
        self.left.as_ref()
    }

    /// The operations, by their ids.
    pub fn operations(&self) -> &[OperationState] {
        &self.operations
    }

    /// Words for statuses that are not in the tables, the first 16 in alphabetical order.
    pub fn unknown(&self) -> impl Iterator<Item = &str> {
        self.unknown.iter().map(String::as_str)
    }

    /// Takes in what a message says, and tells what it changed.
    pub fn hear(&mut self, news: &News) -> Change {
        let mut change = Change { from: self.status().cloned(), ..Change::default() };
        match &news.status {
            Some(status) if status.rank().is_none() => {
                remember_unknown(&mut self.unknown, status.word());
                change.reports.push(Report::UnknownPaymentStatus(status.to_string()));
            }
            Some(status) => {
                raise(&mut self.status, status, news.date);
                let rank = status.rank().unwrap_or_default();
                if rank == SUCCESS {
                    keep(&mut self.paid, news.sum.as_ref(), Amount::gt);
                } else if rank > SUCCESS {
                    keep(&mut self.left, news.sum.as_ref(), Amount::lt);
                }
            }
            None => {}
        }
        for operation in &news.operations {
            self.hear_operation(operation, &mut change);
        }
        change.to = self.status().cloned();
        change
    }

    fn hear_operation(&mut self, news: &OperationNews, change: &mut Change) {
        let id = news.id.get();
        let place = self.operations.binary_search_by_key(&id, |operation| operation.id);
        let place = place.unwrap_or_else(|place| {
            self.operations.insert(place, OperationState::new(id));
            place
        });
        let known = &mut self.operations[place];
        // An operation has one type. Should two be told, the choice must not depend on order.
        let word = |kind: &Option<OperationType>| kind.as_ref().map(OperationType::to_string);
        if word(&news.kind) > word(&known.kind) {
            known.kind.clone_from(&news.kind);
        }
        keep(&mut known.sum, news.sum.as_ref(), Amount::gt);
        let Some(status) = &news.status else { return };
        let Some(rank) = status.rank() else {
            remember_unknown(&mut self.unknown, status.word());
            change.reports.push(Report::UnknownOperationStatus(status.to_string()));
            return;
        };
        let before = known.status.clone();
        let was = before.as_ref().and_then(|heard| heard.status.rank()).unwrap_or(WAITING);
        let ended = rank != WAITING && was != WAITING;
        if ended && (rank == SUCCESS) != (was == SUCCESS) && !known.contradicted {
            known.contradicted = true;
            change.reports.push(Report::Contradiction(id));
        }
        raise(&mut known.status, status, news.date);
        if known.status != before {
            change.operations.push(id);
            if rank == SUCCESS && known.kind == Some(OperationType::RefundReverse) {
                change.reports.push(Report::RefundReversed(id));
            }
        }
    }
}

impl OperationState {
    const fn new(id: u64) -> Self {
        Self { id, kind: None, status: None, sum: None, contradicted: false }
    }

    /// The platform's number of the operation.
    pub const fn id(&self) -> OperationId {
        OperationId::new(self.id)
    }

    /// What it does, if that was told.
    pub const fn kind(&self) -> Option<&OperationType> {
        self.kind.as_ref()
    }

    /// Where it stands; `None` until a known status was heard.
    pub fn status(&self) -> Option<&OperationStatus> {
        self.status.as_ref().map(|heard| &heard.status)
    }

    /// Its sum as asked for.
    pub const fn sum(&self) -> Option<&Amount> {
        self.sum.as_ref()
    }

    /// Whether a success and a failure were both heard of it.
    pub const fn is_contradicted(&self) -> bool {
        self.contradicted
    }
}

impl Change {
    /// Where the payment went, if it moved: from which status, if it had one, to which.
    ///
    /// Each move of a payment is told once, by the first callback that brings it. A payment whose
    /// refund is heard of before its success goes to `refunded` at once.
    pub fn moved(&self) -> Option<(Option<&PaymentStatus>, &PaymentStatus)> {
        let to = self.to.as_ref()?;
        (self.from.as_ref() != Some(to)).then_some((self.from.as_ref(), to))
    }

    /// Whether the payment has moved to this status now.
    pub fn moved_to(&self, status: &PaymentStatus) -> bool {
        self.moved().is_some_and(|(_, to)| to == status)
    }

    /// The operations that moved, such as a refund that was declined while its payment stays a
    /// success.
    pub fn operations(&self) -> impl Iterator<Item = OperationId> {
        self.operations.iter().copied().map(OperationId::new)
    }

    /// What a person should know of.
    pub fn reports(&self) -> &[Report] {
        &self.reports
    }

    /// Whether neither the payment nor an operation moved.
    pub fn is_nothing(&self) -> bool {
        self.moved().is_none() && self.operations.is_empty()
    }
}

impl News {
    /// What a callback says.
    pub fn of(callback: &Callback) -> Self {
        Self::new(callback.payment.as_ref(), callback.operation.iter().chain(&callback.operations))
    }

    /// What Gate's answer to a status request says.
    pub fn of_status(answer: &StatusResponse) -> Self {
        Self::new(answer.payment.as_ref(), &answer.operations)
    }

    fn new<'o>(
        payment: Option<&Payment>,
        operations: impl IntoIterator<Item = &'o Operation>,
    ) -> Self {
        Self {
            status: payment.and_then(|payment| payment.status.clone()),
            date: payment.and_then(|payment| payment.date),
            sum: payment.and_then(|payment| payment.sum.as_ref()).map(Amount::from),
            operations: operations.into_iter().filter_map(OperationNews::of).collect(),
        }
    }

    /// Whether somebody may act on it as an end: a final status of the payment or an operation.
    pub fn is_final(&self) -> bool {
        self.status.as_ref().is_some_and(PaymentStatus::is_final)
            || self
                .operations
                .iter()
                .any(|operation| operation.status.as_ref().is_some_and(OperationStatus::is_final))
    }
}

impl OperationNews {
    fn of(operation: &Operation) -> Option<Self> {
        Some(Self {
            id: operation.id?,
            kind: operation.kind.clone(),
            status: operation.status.clone(),
            date: operation.date,
            sum: operation.sum_initial.as_ref().map(Amount::from),
        })
    }
}

impl From<&Sum> for Amount {
    fn from(sum: &Sum) -> Self {
        Self { amount: sum.amount, currency: sum.currency.clone() }
    }
}

/// Keeps the greater of two statuses: by rank, then, while nothing is decided, by date, then by
/// word so that there is no third case.
fn raise<S: Ranked>(known: &mut Option<Heard<S>>, status: &S, date: Option<Timestamp>) {
    let undecided = status.rank() == Some(WAITING);
    let at = date.filter(|_| undecided).map(Timestamp::unix_seconds);
    let greater = known.as_ref().is_none_or(|known| {
        (status.rank(), at, status.word()) > (known.status.rank(), known.at, known.status.word())
    });
    if greater {
        *known = Some(Heard { status: status.clone(), at });
    }
}

fn keep(
    known: &mut Option<Amount>,
    heard: Option<&Amount>,
    better: impl Fn(&Amount, &Amount) -> bool,
) {
    if let Some(heard) = heard
        && known.as_ref().is_none_or(|known| better(heard, known))
    {
        *known = Some(heard.clone());
    }
}

/// Keeps the words that come first, so that a flood of new ones takes no room.
fn remember_unknown(unknown: &mut BTreeSet<String>, word: &str) {
    unknown.insert(word.chars().take(64).collect());
    if unknown.len() > 16 {
        unknown.pop_last();
    }
}

/// A status as its word.
mod word {
    use super::{Deserialize, Deserializer, Display, Serializer};

    pub(super) fn serialize<T: Display, S: Serializer>(
        word: &T,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(word)
    }

    pub(super) fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
    where
        T: for<'t> From<&'t str>,
        D: Deserializer<'de>,
    {
        String::deserialize(deserializer).map(|text| T::from(&text))
    }
}

/// A status as its word, or null.
mod optional_word {
    use super::{Deserialize, Deserializer, Display, Serialize, Serializer};

    #[expect(clippy::ref_option, reason = "serde hands over a reference to the field")]
    pub(super) fn serialize<T: Display, S: Serializer>(
        word: &Option<T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        word.as_ref().map(ToString::to_string).serialize(serializer)
    }

    pub(super) fn deserialize<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
    where
        T: for<'t> From<&'t str>,
        D: Deserializer<'de>,
    {
        Ok(Option::<String>::deserialize(deserializer)?.map(|text| T::from(&text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_final_outranks_what_waits_and_nothing_else_does() {
        for status in PaymentStatus::KNOWN {
            let outranks = status.rank().is_some_and(|rank| rank > WAITING);
            assert_eq!(outranks, status.is_final(), "{status}");
        }
        for status in OperationStatus::KNOWN {
            let outranks = status.rank().is_some_and(|rank| rank > WAITING);
            assert_eq!(outranks, status.is_final(), "{status}");
        }
    }
}
