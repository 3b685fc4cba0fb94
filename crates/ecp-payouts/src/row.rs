//! Rows: what identifies one, and its checked request.

use std::fmt;

use ecp_core::{Money, PaymentId, ProjectId};
use ecp_methods::request::Field;
use ecp_methods::{FlowKind, MethodSpec, Payout, Prepared, Refund};

/// A valid row.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Row {
    /// Its line in the file, from 1.
    pub line: u64,
    /// The request.
    pub request: RowRequest,
}

/// The checked request of a row.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum RowRequest {
    /// Money out.
    Payout(Prepared<Payout>),
    /// Money of an earlier payment back.
    Refund(Prepared<Refund>),
}

/// Identity of a row in a journal: a payment is paid out once, and refunded once under each id of a
/// refund.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowId {
    payment_id: PaymentId,
    refund_id: Option<String>,
}

impl RowId {
    /// A payout.
    pub const fn payout(payment_id: PaymentId) -> Self {
        Self { payment_id, refund_id: None }
    }

    /// A refund of a payment, by the merchant's id of the refund.
    pub fn refund(payment_id: PaymentId, refund_id: impl Into<String>) -> Self {
        Self { payment_id, refund_id: Some(refund_id.into()) }
    }

    /// The payment: a payout itself, or the one to refund.
    pub const fn payment_id(&self) -> &PaymentId {
        &self.payment_id
    }

    /// The merchant's id of the refund, `None` for a payout.
    pub fn refund_id(&self) -> Option<&str> {
        self.refund_id.as_deref()
    }
}

impl From<PaymentId> for RowId {
    fn from(payment_id: PaymentId) -> Self {
        Self::payout(payment_id)
    }
}

impl fmt::Display for RowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let payment = &self.payment_id;
        match self.refund_id() {
            None => write!(f, "payout {payment}"),
            Some(refund) if refund == payment.as_str() => write!(f, "refund of {payment}"),
            Some(refund) => write!(f, "refund {refund} of {payment}"),
        }
    }
}

impl RowRequest {
    /// The identity of the row.
    pub fn id(&self) -> RowId {
        match self {
            Self::Payout(prepared) => RowId::payout(prepared.payment_id().clone()),
            Self::Refund(prepared) => {
                let refund_id = prepared.get(Field::MERCHANT_REFUND_ID).unwrap_or_default();
                RowId::refund(prepared.payment_id().clone(), refund_id)
            }
        }
    }

    /// The operation: a payout or a refund.
    pub const fn flow(&self) -> FlowKind {
        match self {
            Self::Payout(_) => FlowKind::Payout,
            Self::Refund(_) => FlowKind::Refund,
        }
    }

    /// The payment: a payout itself, or the one to refund.
    pub fn payment_id(&self) -> &PaymentId {
        match self {
            Self::Payout(prepared) => prepared.payment_id(),
            Self::Refund(prepared) => prepared.payment_id(),
        }
    }

    /// The amount, `None` in a refund of all that was paid.
    pub fn amount(&self) -> Option<Money> {
        match self {
            Self::Payout(prepared) => prepared.amount(),
            Self::Refund(prepared) => prepared.amount(),
        }
    }

    /// The method.
    pub const fn spec(&self) -> &'static MethodSpec {
        match self {
            Self::Payout(prepared) => prepared.spec(),
            Self::Refund(prepared) => prepared.spec(),
        }
    }

    /// A field's value.
    pub fn get(&self, field: Field) -> Option<&str> {
        match self {
            Self::Payout(prepared) => prepared.get(field),
            Self::Refund(prepared) => prepared.get(field),
        }
    }

    /// The path on Gate.
    pub fn endpoint(&self) -> String {
        match self {
            Self::Payout(prepared) => prepared.endpoint(),
            Self::Refund(prepared) => prepared.endpoint(),
        }
    }

    /// The JSON to sign and send for a project, without its signature.
    pub fn body(&self, project: ProjectId) -> Vec<u8> {
        match self {
            Self::Payout(prepared) => prepared.body(project),
            Self::Refund(prepared) => prepared.body(project),
        }
    }
}
