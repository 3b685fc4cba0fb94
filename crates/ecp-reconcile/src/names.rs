//! Paths of an operation's members in the Data API's answer.

use ecp_core::model::{OperationStatus, OperationType};
use ecp_core::{Currency, Money, OperationId, PaymentId};
use ecp_payouts::AmountUnit;
use ecp_transport::DataOperation;

use crate::difference::Sum;
use crate::sides::Operation;

/// Dotted paths of an operation's members (JSON fields) in the Data API's answer, such as
/// `sum_initial.amount`, and the unit of its amounts. Set them if the operations that your Data API
/// returns have other names than the defaults.
///
/// The platform's documents name the members in prose only (sources: Data API), so every path is a
/// setting. The defaults are the paths of the sandbox.
///
/// An operation without payment id, number, type or status is not compared, but listed and counted
/// as [`Odd`](crate::Odd). An operation without a sum, or with an unreadable sum, is compared
/// without the sum. If nine in ten operations lack a member, its path counts as wrong: the
/// comparison ends, and the error lists the existing paths.
///
/// ```
/// use ecp_payouts::AmountUnit;
/// use ecp_reconcile::OperationNames;
///
/// let names = OperationNames::new().status("operation.status").amounts(AmountUnit::Major);
/// assert_ne!(names, OperationNames::default());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationNames {
    payment_id: String,
    operation_id: String,
    kind: String,
    status: String,
    amount: String,
    currency: String,
    amounts: AmountUnit,
}

impl OperationNames {
    /// Returns the default paths: `payment_id`, `operation_id`, `operation_type`,
    /// `operation_status`, `sum_initial.amount` and `sum_initial.currency`, with amounts in minor
    /// units.
    pub fn new() -> Self {
        Self {
            payment_id: "payment_id".to_owned(),
            operation_id: "operation_id".to_owned(),
            kind: "operation_type".to_owned(),
            status: "operation_status".to_owned(),
            amount: "sum_initial.amount".to_owned(),
            currency: "sum_initial.currency".to_owned(),
            amounts: AmountUnit::Minor,
        }
    }

    /// Sets the dotted path of the payment's id (the merchant's) in the Data API's answer,
    /// `payment_id` by default.
    pub fn payment_id(self, path: impl Into<String>) -> Self {
        Self { payment_id: path.into(), ..self }
    }

    /// Sets the dotted path of the platform's number of the operation in the Data API's answer,
    /// `operation_id` by default.
    pub fn operation_id(self, path: impl Into<String>) -> Self {
        Self { operation_id: path.into(), ..self }
    }

    /// Sets the dotted path of the operation's type, such as `sale` or `payout`, in the Data API's
    /// answer, `operation_type` by default.
    pub fn kind(self, path: impl Into<String>) -> Self {
        Self { kind: path.into(), ..self }
    }

    /// Sets the dotted path of the operation's status in the Data API's answer, `operation_status`
    /// by default.
    pub fn status(self, path: impl Into<String>) -> Self {
        Self { status: path.into(), ..self }
    }

    /// Sets the dotted path of the operation's requested amount in the Data API's answer,
    /// `sum_initial.amount` by default.
    pub fn amount(self, path: impl Into<String>) -> Self {
        Self { amount: path.into(), ..self }
    }

    /// Sets the dotted path of the amount's currency in the Data API's answer,
    /// `sum_initial.currency` by default.
    pub fn currency(self, path: impl Into<String>) -> Self {
        Self { currency: path.into(), ..self }
    }

    /// Sets the unit of the amounts in the Data API's answer. By default they are in minor units:
    /// 30000 is 300.00 EUR.
    pub fn amounts(self, unit: AmountUnit) -> Self {
        Self { amounts: unit, ..self }
    }

    /// Reads an operation and its payment's id.
    pub(crate) fn read(&self, operation: &DataOperation) -> Result<Read, Unusable> {
        let unusable = |path: &str, problem| Unusable {
            path: path.to_owned(),
            problem,
            is_payout: operation.get(&self.kind).is_some_and(may_be_payout),
        };
        let member = |path| {
            operation.get(path).ok_or_else(|| unusable(path, "is not a member of an operation"))
        };
        let payment = PaymentId::new(member(&self.payment_id)?)
            .map_err(|_| unusable(&self.payment_id, "is not a payment id"))?;
        let id = member(&self.operation_id)?
            .parse()
            .map_err(|_| unusable(&self.operation_id, "is not a number"))?;
        let (sum, odd_sum) = match (operation.get(&self.amount), operation.get(&self.currency)) {
            (Some(amount), Some(currency)) => match self.sum(amount, currency) {
                Some(sum) => (Some(sum), None),
                None => (None, Some(unusable(&self.amount, NOT_AN_AMOUNT))),
            },
            _ => (None, None),
        };
        let operation = Operation {
            id: Some(OperationId::new(id)),
            kind: OperationType::from(member(&self.kind)?),
            status: OperationStatus::from(member(&self.status)?),
            sum,
        };
        Ok(Read { payment, operation, odd_sum })
    }

    /// Name of an operation in a message: its number, or its place.
    pub(crate) fn number(&self, operation: &DataOperation, place: u64) -> String {
        match operation.get(&self.operation_id).filter(|text| !text.is_empty()) {
            Some(number) => {
                let shown: String = number.chars().take(40).collect();
                format!("operation {}", shown.escape_debug())
            }
            None => format!("the operation at place {place}"),
        }
    }

    fn sum(&self, amount: &str, currency: &str) -> Option<Sum> {
        let minor = match self.amounts {
            AmountUnit::Minor => amount.parse().ok()?,
            // The decimals of an unknown currency are not known.
            AmountUnit::Major => {
                let currency: Currency = currency.parse().ok()?;
                Money::from_decimal(amount, currency).ok()?.minor()
            }
        };
        Some(Sum { amount: minor, currency: currency.to_owned() })
    }
}

/// Whether a type is a payout or unknown.
fn may_be_payout(kind: &str) -> bool {
    kind.to_ascii_lowercase().contains(OperationType::Payout.as_str())
}

/// An operation with its payment's id.
pub(crate) struct Read {
    pub(crate) payment: PaymentId,
    pub(crate) operation: Operation,
    /// Why there is no sum, if there should be one.
    pub(crate) odd_sum: Option<Unusable>,
}

/// The problem of an amount that is no number in the configured unit.
pub(crate) const NOT_AN_AMOUNT: &str = "is not an amount in the configured unit";

/// A member of an operation that is missing, or whose value cannot be used.
pub(crate) struct Unusable {
    pub(crate) path: String,
    pub(crate) problem: &'static str,
    /// Whether the operation is a payout, by its type or a type that resembles it.
    pub(crate) is_payout: bool,
}

impl Default for OperationNames {
    fn default() -> Self {
        Self::new()
    }
}
