//! Rows: what identifies one, and its checked request.

use std::fmt;

use ecp_core::{Money, PaymentId, ProjectId};
use ecp_methods::mass_file::RowKind;
use ecp_methods::request::Field;
use ecp_methods::{MethodSpec, Payout, Prepared, Refund};
use sha2::{Digest, Sha256};

/// A checked row of a file of payouts and refunds.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Row {
    /// The row's line in the file, from 1.
    pub line: u64,
    /// The payout or refund that the row requests.
    pub request: RowRequest,
}

/// The checked request of a row: a payout or a refund.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum RowRequest {
    /// A request that pays money out.
    Payout(Prepared<Payout>),
    /// A request that gives money of an earlier payment back.
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
    /// The identity of a payout in a journal, by the id of its payment.
    pub const fn payout(payment_id: PaymentId) -> Self {
        Self { payment_id, refund_id: None }
    }

    /// The identity of a refund in a journal, by the id of its payment and the merchant's id of the
    /// refund. If a row of a file gives no id of the refund, the id of the payment is used for
    /// both.
    pub fn refund(payment_id: PaymentId, refund_id: impl Into<String>) -> Self {
        Self { payment_id, refund_id: Some(refund_id.into()) }
    }

    /// The id of the payment that is paid out or refunded.
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
    /// What the journal keeps of the request, to detect a row that was changed.
    pub(crate) fn digest(&self, project: ProjectId) -> [u8; 32] {
        let body = self.body(project);
        Sha256::new().chain_update(self.endpoint()).chain_update(body).finalize().into()
    }

    /// The identity of the row in a journal, by which [`Payer::entry`](crate::Payer::entry) finds
    /// its record.
    pub fn id(&self) -> RowId {
        match self {
            Self::Payout(prepared) => RowId::payout(prepared.payment_id().clone()),
            Self::Refund(prepared) => {
                let refund_id = prepared.get(Field::MERCHANT_REFUND_ID).unwrap_or_default();
                RowId::refund(prepared.payment_id().clone(), refund_id)
            }
        }
    }

    /// The operation of the row: a payout or a refund.
    pub const fn flow(&self) -> RowKind {
        match self {
            Self::Payout(_) => RowKind::Payout,
            Self::Refund(_) => RowKind::Refund,
        }
    }

    /// The id of the payment that is paid out or refunded.
    pub fn payment_id(&self) -> &PaymentId {
        match self {
            Self::Payout(prepared) => prepared.payment_id(),
            Self::Refund(prepared) => prepared.payment_id(),
        }
    }

    /// The amount of the payout or refund; `None` in a refund of all that was paid.
    pub fn amount(&self) -> Option<Money> {
        match self {
            Self::Payout(prepared) => prepared.amount(),
            Self::Refund(prepared) => prepared.amount(),
        }
    }

    /// The specification of the row's payment method: its code, operations, limits and required
    /// fields.
    pub const fn spec(&self) -> &'static MethodSpec {
        match self {
            Self::Payout(prepared) => prepared.spec(),
            Self::Refund(prepared) => prepared.spec(),
        }
    }

    /// The value of a field of the request; `None` if the request does not have the field.
    pub fn get(&self, field: Field) -> Option<&str> {
        match self {
            Self::Payout(prepared) => prepared.get(field),
            Self::Refund(prepared) => prepared.get(field),
        }
    }

    /// The path on Gate to which the request is sent, such as `/v2/payment/wallet/jeton/payout`.
    pub fn endpoint(&self) -> String {
        match self {
            Self::Payout(prepared) => prepared.endpoint(),
            Self::Refund(prepared) => prepared.endpoint(),
        }
    }

    /// The JSON of the request with the id of this project, and without a signature.
    pub fn body(&self, project: ProjectId) -> Vec<u8> {
        match self {
            Self::Payout(prepared) => prepared.body(project),
            Self::Refund(prepared) => prepared.body(project),
        }
    }
}
