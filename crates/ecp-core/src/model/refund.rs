//! What a refund did.

use super::{Callback, Code, OperationStatus, OperationType, PaymentStatus, Sum};

/// What a callback says of a refund, read from its operation. The payment's own status does not
/// tell: after a declined refund it is still `success` (PROTOCOL 3.5).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RefundResult {
    /// Where the refund stands.
    pub outcome: RefundOutcome,
    /// The merchant's id of the refund.
    pub merchant_refund_id: Option<String>,
    /// The sum of the refund.
    pub sum: Option<Sum>,
    /// What is left of the payment, 0 after a full refund.
    pub left: Option<Sum>,
}

/// Where a refund stands.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RefundOutcome {
    /// The money went back.
    Done {
        /// It was returned before the day was closed, as a reversal rather than a refund.
        reversal: bool,
        /// Something of the payment is left.
        partial: bool,
    },
    /// Nothing went back.
    Declined {
        /// The operation's code.
        code: Option<Code>,
        /// The operation's message.
        message: Option<String>,
    },
    /// Not decided yet, or in a status that is not known.
    Pending,
}

impl Callback {
    /// The result of a refund, `None` if the callback is about something else.
    ///
    /// ```
    /// use ecp_core::model::{Callback, FromJson, RefundOutcome};
    ///
    /// let json = br#"{"payment":{"id":"X","status":"success"},
    ///     "operation":{"type":"refund","status":"decline","code":"3283","message":"too much"}}"#;
    /// let refund = Callback::from_slice(json)?.refund().unwrap();
    /// assert!(matches!(refund.outcome, RefundOutcome::Declined { .. }));
    /// # Ok::<(), ecp_core::model::ModelError>(())
    /// ```
    pub fn refund(&self) -> Option<RefundResult> {
        let operation = self.operation.as_ref()?;
        let reversal = match operation.kind.as_ref()? {
            OperationType::Refund => false,
            OperationType::Reversal => true,
            _ => return None,
        };
        let outcome = match operation.status.as_ref() {
            Some(OperationStatus::Success) => RefundOutcome::Done {
                reversal,
                partial: matches!(
                    self.payment_status(),
                    Some(PaymentStatus::PartiallyRefunded | PaymentStatus::PartiallyReversed)
                ),
            },
            Some(status) if status.is_final() => RefundOutcome::Declined {
                code: operation.code.clone(),
                message: operation.message.clone(),
            },
            _ => RefundOutcome::Pending,
        };
        let payment = self.payment.as_ref();
        Some(RefundResult {
            outcome,
            merchant_refund_id: payment.and_then(|payment| payment.merchant_refund_id.clone()),
            sum: operation.sum_initial.clone(),
            left: payment.and_then(|payment| payment.sum.clone()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::FromJson;

    fn outcome(payment: &str, kind: &str, operation: &str) -> Option<RefundOutcome> {
        let json = format!(
            r#"{{"payment":{{"status":"{payment}"}},
                "operation":{{"type":"{kind}","status":"{operation}","code":"3283"}}}}"#
        );
        Some(Callback::from_slice(json.as_bytes()).unwrap().refund()?.outcome)
    }

    #[test]
    fn the_operation_tells_what_a_refund_did() {
        let done = |reversal, partial| Some(RefundOutcome::Done { reversal, partial });
        let declined = Some(RefundOutcome::Declined { code: Some(3283.into()), message: None });
        let table = [
            ("refunded", "refund", "success", done(false, false)),
            ("partially refunded", "refund", "success", done(false, true)),
            ("reversed", "reversal", "success", done(true, false)),
            ("partially reversed", "reversal", "success", done(true, true)),
            ("success", "refund", "decline", declined.clone()),
            ("success", "reversal", "internal error", declined),
            ("success", "refund", "processing", Some(RefundOutcome::Pending)),
            ("refunded", "refund", "who knows", Some(RefundOutcome::Pending)),
            ("success", "sale", "success", None),
        ];
        for (payment, kind, operation, expected) in table {
            assert_eq!(outcome(payment, kind, operation), expected, "{payment} {kind} {operation}");
        }
    }
}
