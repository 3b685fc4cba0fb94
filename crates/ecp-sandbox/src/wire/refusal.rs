//! Why a request is refused.

use ecp_core::{PaymentId, ProjectId};

use crate::payment::ids::About;
use crate::wire::codes;

/// Reason why a request was not registered, with the platform's code.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) code: u32,
    pub(crate) fields: Vec<&'static str>,
    /// Name of a field that is known only at run time, from a setting or from a method's own check.
    pub(crate) named: Option<String>,
    /// Description of what is wrong, if the code does not say it.
    pub(crate) description: Option<String>,
    pub(crate) project_id: Option<ProjectId>,
    pub(crate) payment_id: Option<PaymentId>,
}

impl Refusal {
    pub(crate) fn empty_signature(field: &'static str) -> Self {
        Self::new(codes::EMPTY_SIGNATURE, [field])
    }

    pub(crate) fn malformed(field: &'static str) -> Self {
        Self::new(codes::MALFORMED, [field])
    }

    /// Returns a refusal like [`Refusal::malformed`], for a field with a name from a setting.
    pub(crate) fn malformed_named(field: &str) -> Self {
        Self { named: Some(field.to_owned()), ..Self::new(codes::MALFORMED, []) }
    }

    pub(crate) fn not_found(field: &'static str) -> Self {
        Self::new(codes::NOT_FOUND, [field])
    }

    pub(crate) fn unknown_project(field: &'static str) -> Self {
        Self::new(codes::UNKNOWN_PROJECT, [field])
    }

    pub(crate) fn wrong_signature(field: &'static str) -> Self {
        Self::new(codes::INVALID_SIGNATURE, [field])
    }

    pub(crate) fn new(code: u32, fields: impl Into<Vec<&'static str>>) -> Self {
        Self {
            code,
            fields: fields.into(),
            named: None,
            description: None,
            project_id: None,
            payment_id: None,
        }
    }

    pub(crate) fn duplicate() -> Self {
        Self::new(codes::DUPLICATE_PAYMENT, ["general.payment_id"])
    }

    pub(crate) fn unknown_method() -> Self {
        Self::new(codes::UNKNOWN_METHOD, [])
    }

    pub(crate) fn unknown_payment() -> Self {
        Self::new(codes::NOT_FOUND, ["general.payment_id"])
    }

    pub(crate) fn repeated_refund() -> Self {
        Self::new(codes::DUPLICATE_REFUND, ["payment.merchant_refund_id"])
    }

    /// Returns the refusal of a request that the payment's status does not allow.
    pub(crate) fn wrong_status() -> Self {
        Self::new(codes::WRONG_STATUS, ["general.payment_id"])
    }

    pub(crate) fn not_possible(code: u32) -> Self {
        Self::new(code, ["general.payment_id"])
    }

    /// Adds the project and payment ids to the refusal, so that the answer names them.
    pub(crate) fn about(self, (project_id, payment_id): &About) -> Self {
        Self { project_id: *project_id, payment_id: payment_id.clone(), ..self }
    }
}
