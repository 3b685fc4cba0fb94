//! State of a payment, independent of the order of its callbacks.
//!
//! Callbacks come in any order and more than once (sources: callback delivery). So the state is not
//! the latest status but the greatest: every status has a rank, and the state keeps the highest.
//! The greatest of a set depends neither on order nor on repetition. A member without an order (a
//! type, a method, a currency, the sum of a success) has one value, and a second one is reported.

use std::collections::BTreeSet;
use std::fmt::{self, Display};

use ecp_core::model::{
    Callback, Operation, OperationStatus, OperationType, Payment, PaymentStatus, StatusResponse,
    Sum,
};
use ecp_core::{OperationId, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// State of a payment after all its status updates, the same in whatever order they arrive: it
/// keeps the greatest status that was reported, not the latest one. A success is greater than a
/// decline, and a refund is greater than a success.
///
/// Every end is greater than a status that is not final; of these the one with the latest date is
/// kept. Among ends a decline is the least, then come other failures, the success, and refunds and
/// reversals. So while another attempt on a declined payment is being processed, the state still
/// says `decline`, until a success is reported.
///
/// ```
/// use ecp_core::model::{Callback, FromJson, PaymentStatus};
/// use ecp_inbox::{StatusUpdate, PaymentState};
///
/// let mut state = PaymentState::default();
/// for status in ["processing", "success", "decline", "awaiting redirect result"] {
///     let json = format!(r#"{{"payment":{{"id":"X1","status":"{status}"}}}}"#);
///     state.apply(&StatusUpdate::of(&Callback::from_slice(json.as_bytes())?));
/// }
/// assert_eq!(state.status(), Some(&PaymentStatus::Success));
/// # Ok::<(), ecp_core::model::ModelError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PaymentState {
    status: Option<Recorded<PaymentStatus>>,
    paid: Option<Amount>,
    /// Whether `paid` is from a message about the payment itself. A message about a refund may give
    /// the remaining sum instead, which a later message corrects.
    #[serde(skip_serializing_if = "is_false")]
    paid_is_settled: bool,
    left: Option<Amount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<String>,
    operations: Vec<OperationState>,
    unknown: BTreeSet<String>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    contradicted: BTreeSet<Member>,
}

/// State of one operation of a payment, such as a sale or a refund: its type, status and sum, as
/// far as callbacks reported them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperationState {
    id: u64,
    #[serde(with = "optional_word")]
    kind: Option<OperationType>,
    status: Option<Recorded<OperationStatus>>,
    sum: Option<Amount>,
    /// Whether `sum` was reported with a success of the operation. Then a different sum of a
    /// success is a contradiction.
    #[serde(default, skip_serializing_if = "is_false")]
    sum_is_settled: bool,
    /// Whether both a success and a failure of the operation were reported.
    contradicted: bool,
    /// Members, such as the type, for which two callbacks gave different values; the state keeps
    /// neither value.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    contradictions: BTreeSet<Member>,
}

/// A member of a callback that must have the same value in all callbacks about a payment, such as
/// the currency. If two callbacks disagree, the state keeps neither value and names the member in
/// [`PaymentState::contradictions`], so that the state does not depend on the order of the
/// callbacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Member {
    /// The currency of the payment's sums.
    Currency,
    /// The payment method of a successful payment. Before the success it may change: after a
    /// failure, another method may be tried.
    Method,
    /// The sum of a payment or operation that succeeded. For an operation, the currency of its sum
    /// counts too, in any status.
    Sum,
    /// The type of the payment or operation.
    Type,
}

/// A sum as the platform sent it, in minor units: 1050 and `EUR` are 10.50 EUR. For a few methods
/// the platform counts certain currencies in whole major units instead, which
/// `MethodSpec::major_units` of `ecp-methods` lists.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Amount {
    /// The amount in minor units, such as 1050 for 10.50 EUR. It is in whole major units if the
    /// payment's method lists the currency in `MethodSpec::major_units` of `ecp-methods`.
    pub amount: i64,
    /// The currency's three-letter code, as the platform sent it, such as `EUR`.
    pub currency: String,
}

/// The part of a callback, or of Gate's answer to a status request, that can change a
/// [`PaymentState`]: statuses, types, the method, dates and sums. Pass it to
/// [`PaymentState::apply`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StatusUpdate {
    status: Option<PaymentStatus>,
    kind: Option<String>,
    method: Option<String>,
    date: Option<Timestamp>,
    sum: Option<Amount>,
    operations: Vec<OperationUpdate>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct OperationUpdate {
    id: OperationId,
    kind: Option<OperationType>,
    status: Option<OperationStatus>,
    date: Option<Timestamp>,
    sum: Option<Amount>,
}

/// What one callback, or one answer of Gate, changed in the state of a payment, such as the status
/// from `processing` to `success`. Ask [`moved_to`](Self::moved_to) for a status, and look at
/// [`reports`](Self::reports) for problems.
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

/// Problem in the status updates of a payment that needs a person's attention, such as both a
/// success and a failure of one operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Report {
    /// A payment status that this crate does not know. The payment keeps its previous status. Look
    /// the status up in the platform's documentation, and treat the payment as open.
    UnknownPaymentStatus(String),
    /// An operation status that this crate does not know. The operation keeps its previous status.
    /// Look the status up in the platform's documentation, and treat the operation as open.
    UnknownOperationStatus(String),
    /// The operation with this number was reported both as a success and as a failure. The state
    /// keeps the success: request the status from Gate before anything is delivered or repeated.
    Contradiction(u64),
    /// Two messages gave different values to a member that must not change: for example 100 EUR and
    /// then 100 USD for one operation. The state no longer has a value for it: request the status
    /// from Gate before anything is delivered or booked.
    Differs {
        /// The number of the operation that has the member; `None` for a member of the payment.
        operation: Option<u64>,
        /// The member with two values.
        member: Member,
    },
    /// The refund with this operation number was reversed. The state does not show it, because a
    /// status never returns to an earlier one: request the status from Gate.
    RefundReversed(u64),
}

/// A recorded status, with the date that decides between two of the same rank.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(serialize = "S: Display", deserialize = "S: for<'t> From<&'t str>"))]
struct Recorded<S> {
    #[serde(with = "word")]
    status: S,
    /// The date that came with the status, in seconds since 1970; `None` if there was none, or if
    /// the status is final. Of two statuses that are not final, the one with the later date is
    /// kept.
    at: Option<i64>,
}

/// Rank of a status among the statuses that this crate knows.
trait Ranked: PartialEq + Clone {
    /// The greatest rank wins; `None` for a word that is not in the tables.
    fn rank(&self) -> Option<u8>;
    fn word(&self) -> &str;
}

/// Rank of undecided statuses, the only one at which dates decide.
const WAITING: u8 = 0;
const SUCCESS: u8 = 10;

impl Ranked for PaymentStatus {
    /// A decline is the lowest final status: another attempt on the same payment may succeed
    /// (sources: statuses), and each other final status is more specific.
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
    /// The greatest status of the payment that was reported, not the latest one: a success is
    /// greater than a decline, and a refund is greater than a success. `None` if no status was
    /// reported yet that this crate knows.
    pub fn status(&self) -> Option<&PaymentStatus> {
        self.status.as_ref().map(|recorded| &recorded.status)
    }

    /// The sum of the payment before refunds, as reported with the payment's status `success`;
    /// `None` before that. It is also `None` if messages contradict each other: in the currency, or
    /// in the amount of the success (messages about a refund are not compared).
    /// [`contradictions`](Self::contradictions) then names the member: request the status from
    /// Gate.
    pub const fn paid(&self) -> Option<&Amount> {
        self.paid.as_ref()
    }

    /// The part of the payment's sum that is left after refunds: the smallest sum that was reported
    /// with a refund. `None` if no such sum was reported, as before any refund, or if messages
    /// contradict each other in the currency.
    pub const fn left(&self) -> Option<&Amount> {
        self.left.as_ref()
    }

    /// Members of the payment, such as its currency, for which callbacks gave different values; the
    /// state keeps neither value. If there are any, request the status from Gate (the platform's
    /// API) before you deliver or book anything.
    pub fn contradictions(&self) -> impl Iterator<Item = Member> {
        self.contradicted.iter().copied()
    }

    /// The operations of the payment, in the order of their ids.
    pub fn operations(&self) -> &[OperationState] {
        &self.operations
    }

    /// Statuses that were reported for the payment or its operations and that this crate does not
    /// know: the first 16 in alphabetical order. Look them up in the platform's documentation; they
    /// change no status here.
    pub fn unknown(&self) -> impl Iterator<Item = &str> {
        self.unknown.iter().map(String::as_str)
    }

    /// Applies a status update to the payment's state, and returns what the update changed.
    pub fn apply(&mut self, update: &StatusUpdate) -> Change {
        let mut change = Change { from: self.status().cloned(), ..Change::default() };
        match &update.status {
            Some(status) if status.rank().is_none() => {
                remember_unknown(&mut self.unknown, status.word());
                change.reports.push(Report::UnknownPaymentStatus(status.to_string()));
            }
            Some(status) => {
                raise(&mut self.status, status, update.date);
                self.apply_members(status.rank().unwrap_or_default(), update, &mut change);
            }
            None => {}
        }
        for operation in &update.operations {
            self.apply_operation(operation, &mut change);
        }
        change.to = self.status().cloned();
        change
    }

    /// Applies the payment's other members of an update with a known status.
    fn apply_members(&mut self, rank: u8, update: &StatusUpdate, change: &mut Change) {
        let contradicted = &mut self.contradicted;
        let mut differing = Vec::new();
        differing.extend(settle(&mut self.kind, update.kind.as_ref(), contradicted, Member::Type));
        if rank >= SUCCESS {
            let method = update.method.as_ref();
            differing.extend(settle(&mut self.method, method, contradicted, Member::Method));
        }
        if let Some(sum) = &update.sum {
            let currency = Some(&sum.currency);
            let differs = settle(&mut self.currency, currency, contradicted, Member::Currency);
            differing.extend(differs);
            if contradicted.contains(&Member::Currency) {
                // Sums of two currencies have no order, so none differs from another.
                contradicted.remove(&Member::Sum);
                (self.paid, self.paid_is_settled, self.left) = (None, false, None);
            } else if rank == SUCCESS {
                // A message about a refund may give the remaining sum.
                let is_settled = !update.operations.iter().any(OperationUpdate::is_refund);
                let known = (&mut self.paid, &mut self.paid_is_settled);
                differing.extend(keep_sum(known, sum, is_settled, contradicted));
            } else if rank > SUCCESS && self.left.as_ref().is_none_or(|left| sum < left) {
                self.left = Some(sum.clone());
            }
        }
        let report = |member| Report::Differs { operation: None, member };
        change.reports.extend(differing.into_iter().map(report));
    }

    fn apply_operation(&mut self, update: &OperationUpdate, change: &mut Change) {
        let id = update.id.get();
        let place = self.operations.binary_search_by_key(&id, |operation| operation.id);
        let place = place.unwrap_or_else(|place| {
            self.operations.insert(place, OperationState::new(id));
            place
        });
        let known = &mut self.operations[place];
        let contradictions = &mut known.contradictions;
        let kind = settle(&mut known.kind, update.kind.as_ref(), contradictions, Member::Type);
        let sum = update.sum.as_ref().and_then(|sum| {
            let is_settled = update.status.as_ref().is_some_and(OperationStatus::is_success);
            let known = (&mut known.sum, &mut known.sum_is_settled);
            keep_sum(known, sum, is_settled, contradictions)
        });
        let report = |member| Report::Differs { operation: Some(id), member };
        change.reports.extend(kind.into_iter().chain(sum).map(report));
        let Some(status) = &update.status else { return };
        let Some(rank) = status.rank() else {
            remember_unknown(&mut self.unknown, status.word());
            change.reports.push(Report::UnknownOperationStatus(status.to_string()));
            return;
        };
        let before = known.status.clone();
        let was = before.as_ref().and_then(|recorded| recorded.status.rank()).unwrap_or(WAITING);
        let ended = rank != WAITING && was != WAITING;
        if ended && (rank == SUCCESS) != (was == SUCCESS) && !known.contradicted {
            known.contradicted = true;
            change.reports.push(Report::Contradiction(id));
        }
        raise(&mut known.status, status, update.date);
        if known.status != before {
            change.operations.push(id);
            let kind = update.kind.as_ref().or(known.kind.as_ref());
            if rank == SUCCESS && kind == Some(&OperationType::RefundReverse) {
                change.reports.push(Report::RefundReversed(id));
            }
        }
    }
}

impl OperationState {
    const fn new(id: u64) -> Self {
        Self {
            id,
            kind: None,
            status: None,
            sum: None,
            sum_is_settled: false,
            contradicted: false,
            contradictions: BTreeSet::new(),
        }
    }

    /// The platform's number of the operation, `operation.id` in a callback.
    pub const fn id(&self) -> OperationId {
        OperationId::new(self.id)
    }

    /// Type of the operation; `None` if no type was reported, or two different types.
    pub const fn kind(&self) -> Option<&OperationType> {
        self.kind.as_ref()
    }

    /// The greatest status of the operation that was reported, not the latest one; `None` if no
    /// status was reported yet that this crate knows. After a contradiction it is the success: see
    /// [`is_contradicted`](Self::is_contradicted).
    pub fn status(&self) -> Option<&OperationStatus> {
        self.status.as_ref().map(|recorded| &recorded.status)
    }

    /// The requested sum of the operation: the one that was reported with a success, and before
    /// that the greatest one. `None` if no sum was reported, or if reports contradict each other:
    /// two successes with different sums, or two different currencies.
    pub const fn sum(&self) -> Option<&Amount> {
        self.sum.as_ref()
    }

    /// Whether callbacks contradict each other about the operation: they reported both a success
    /// and a failure, or two values of a member that must not change, such as the type. Then
    /// request the status from Gate before anything is delivered or repeated.
    pub fn is_contradicted(&self) -> bool {
        self.contradicted || !self.contradictions.is_empty()
    }

    /// Members of the operation, such as its type, for which callbacks gave different values; the
    /// state keeps neither value. If there are any, request the status from Gate (the platform's
    /// API) before you deliver or book anything.
    pub fn contradictions(&self) -> impl Iterator<Item = Member> {
        self.contradictions.iter().copied()
    }
}

/// `currency`, `method`, `sum` or `type`.
impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Currency => "currency",
            Self::Method => "method",
            Self::Sum => "sum",
            Self::Type => "type",
        })
    }
}

impl Member {
    /// The member's dotted path in a callback, of the operation or of the payment.
    pub(crate) const fn path(self, of_operation: bool) -> &'static str {
        match (self, of_operation) {
            (Self::Currency, _) => "payment.sum.currency",
            (Self::Method, _) => "payment.method",
            (Self::Sum, true) => "operation.sum_initial",
            (Self::Sum, false) => "payment.sum",
            (Self::Type, true) => "operation.type",
            (Self::Type, false) => "payment.type",
        }
    }
}

impl Change {
    /// The payment's old status, if there was one, and its new status; `None` if the status did not
    /// change.
    ///
    /// Each change of a payment's status is reported once, by the first callback that causes it. A
    /// payment whose refund is reported before its success moves to `refunded` at once.
    pub fn moved(&self) -> Option<(Option<&PaymentStatus>, &PaymentStatus)> {
        let to = self.to.as_ref()?;
        (self.from.as_ref() != Some(to)).then_some((self.from.as_ref(), to))
    }

    /// Whether the update changed the payment's status to the given one. A payment whose refund is
    /// reported before its success never moves to `success`: it moves at once to a status such as
    /// `refunded`.
    pub fn moved_to(&self, status: &PaymentStatus) -> bool {
        self.moved().is_some_and(|(_, to)| to == status)
    }

    /// Ids of the operations whose status changed: for example of a declined refund, while the
    /// payment stays a success.
    pub fn operations(&self) -> impl Iterator<Item = OperationId> {
        self.operations.iter().copied().map(OperationId::new)
    }

    /// Problems in the status update that need a person's attention, such as an unknown status.
    /// Empty if there are none.
    pub fn reports(&self) -> &[Report] {
        &self.reports
    }

    /// Whether the status update changed no status, neither of the payment nor of an operation. It
    /// may still have [`reports`](Self::reports).
    pub fn is_nothing(&self) -> bool {
        self.moved().is_none() && self.operations.is_empty()
    }
}

impl StatusUpdate {
    /// Extracts the part of a callback that can change the payment's state, such as statuses and
    /// sums.
    pub fn of(callback: &Callback) -> Self {
        Self::new(callback.payment.as_ref(), callback.operation.iter().chain(&callback.operations))
    }

    /// Extracts the part of Gate's answer to a status request that can change the payment's state,
    /// such as statuses and sums.
    pub fn of_status(answer: &StatusResponse) -> Self {
        Self::new(answer.payment.as_ref(), &answer.operations)
    }

    fn new<'o>(
        payment: Option<&Payment>,
        operations: impl IntoIterator<Item = &'o Operation>,
    ) -> Self {
        Self {
            status: payment.and_then(|payment| payment.status.clone()),
            kind: payment.and_then(|payment| payment.kind.as_ref()).map(ToString::to_string),
            method: payment.and_then(|payment| payment.method.clone()),
            date: payment.and_then(|payment| payment.date),
            sum: payment.and_then(|payment| payment.sum.as_ref()).map(Amount::from),
            operations: operations.into_iter().filter_map(OperationUpdate::of).collect(),
        }
    }

    /// Whether the update has a final status, such as a success or a decline, of the payment or of
    /// an operation.
    pub fn is_final(&self) -> bool {
        self.status.as_ref().is_some_and(PaymentStatus::is_final)
            || self
                .operations
                .iter()
                .any(|operation| operation.status.as_ref().is_some_and(OperationStatus::is_final))
    }
}

impl OperationUpdate {
    const fn is_refund(&self) -> bool {
        matches!(
            self.kind,
            Some(OperationType::Refund | OperationType::Reversal | OperationType::RefundReverse)
        )
    }

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

/// Keeps the greater of two statuses: by rank, then, while undecided, by date, then by word so that
/// there is no tie.
fn raise<S: Ranked>(known: &mut Option<Recorded<S>>, status: &S, date: Option<Timestamp>) {
    let undecided = status.rank() == Some(WAITING);
    let at = date.filter(|_| undecided).map(Timestamp::unix_seconds);
    let greater = known.as_ref().is_none_or(|known| {
        (status.rank(), at, status.word()) > (known.status.rank(), known.at, known.status.word())
    });
    if greater {
        *known = Some(Recorded { status: status.clone(), at });
    }
}

/// Keeps a value that never changes. Returns the member if this update contradicts its value.
fn settle<T: PartialEq + Clone>(
    known: &mut Option<T>,
    reported: Option<&T>,
    contradicted: &mut BTreeSet<Member>,
    member: Member,
) -> Option<Member> {
    let reported = reported?;
    if contradicted.contains(&member) {
        return None;
    }
    match known {
        Some(known) if known == reported => None,
        Some(_) => {
            *known = None;
            contradicted.insert(member);
            Some(member)
        }
        None => {
            *known = Some(reported.clone());
            None
        }
    }
}

/// Keeps a sum: a settled one, which never changes, takes precedence over unsettled ones, of which
/// the greatest is kept. Two currencies never have an order.
fn keep_sum(
    (known, known_is_settled): (&mut Option<Amount>, &mut bool),
    reported: &Amount,
    is_settled: bool,
    contradicted: &mut BTreeSet<Member>,
) -> Option<Member> {
    if contradicted.contains(&Member::Sum) {
        return None;
    }
    if let Some(sum) = known {
        let both_settled = *known_is_settled && is_settled;
        if sum.currency != reported.currency || (both_settled && sum.amount != reported.amount) {
            (*known, *known_is_settled) = (None, false);
            contradicted.insert(Member::Sum);
            return Some(Member::Sum);
        }
        if (*known_is_settled, sum.amount) >= (is_settled, reported.amount) {
            return None;
        }
    }
    (*known, *known_is_settled) = (Some(reported.clone()), is_settled);
    None
}

/// Keeps the first words in alphabetical order, so that a flood of new ones takes no memory.
fn remember_unknown(unknown: &mut BTreeSet<String>, word: &str) {
    unknown.insert(word.chars().take(64).collect());
    if unknown.len() > 16 {
        unknown.pop_last();
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

/// Serialises a status as its word.
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

/// Serialises a status as its word, or null.
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
