//! Results of refunds.

use super::{
    Callback, Code, End, Operation, OperationStatus, OperationType, Payment, PaymentStatus,
    StatusResponse, Sum,
};
use crate::RequestId;

/// Result of a refund, read from the refund's operation in a callback or a status answer. The
/// status of the payment does not show this result: after a declined refund, the payment is still a
/// `success` (sources: statuses).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RefundResult {
    /// How the refund ended, with details such as its result code.
    pub outcome: RefundOutcome,
    /// The merchant's id of the refund, from the object `payment` of the message; `None` if it is
    /// not there. In a status answer about a payment with several refunds, it may be the id of
    /// another refund: go by the request id instead.
    pub merchant_refund_id: Option<String>,
    /// The requested sum of the refund; `None` if the message has none.
    pub sum: Option<Sum>,
    /// The remaining amount of the payment (`payment.sum` of the message), after all its refunds so
    /// far: 0 after a full refund, unchanged after a declined one. `None` if the message has no
    /// such sum.
    pub left: Option<Sum>,
}

/// How a refund ended, with details such as the result code. [`end`](Self::end) returns the same as
/// an [`End`], without the details.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RefundOutcome {
    /// The money was returned.
    Success {
        /// Whether the operation is a reversal, which was made before the acquirer's business day
        /// was closed. `false` for a refund. The money is returned in both cases.
        reversal: bool,
        /// Whether a part of the payment remains after all its refunds so far: `true` if a part
        /// remains, `false` if nothing does. `None` if neither the remaining sum nor the payment's
        /// status says it. The last of several refunds that together return everything has `false`
        /// as well; [`RefundResult::sum`] is the sum of this refund alone.
        partial: Option<bool>,
    },
    /// This refund did not return the money. Another refund may be requested, under another
    /// `merchant_refund_id`.
    Decline {
        /// Result code of the refund; `None` if the message has none.
        code: Option<Code>,
        /// Result of the refund in words; `None` if the message has none.
        message: Option<String>,
    },
    /// The refund ended in an error, and nothing says whether the money was returned. Another
    /// refund, under another `merchant_refund_id`, may return it twice: ask the platform's
    /// technical support first.
    Error {
        /// Result code of the refund; `None` if the message has none.
        code: Option<Code>,
        /// Result of the refund in words; `None` if the message has none.
        message: Option<String>,
    },
    /// The refund has not ended yet: wait for the next callback, or request the payment's status.
    Open,
    /// The message has no status of the refund, or one that is not in the platform's table, so
    /// nothing says whether the money was returned. Request the payment's status.
    Unknown,
}

impl RefundOutcome {
    /// How the refund ended, without details. Never [`End::Returned`]: a refund that returned the
    /// money is [`End::Success`].
    pub const fn end(&self) -> End {
        match self {
            Self::Success { .. } => End::Success,
            Self::Decline { .. } => End::Decline,
            Self::Error { .. } => End::Error,
            Self::Open => End::Open,
            Self::Unknown => End::Unknown,
        }
    }
}

impl RefundResult {
    /// Reads a refund from its operation and the payment that it belongs to.
    fn of(operation: &Operation, payment: Option<&Payment>) -> Option<Self> {
        let reversal = match operation.kind.as_ref()? {
            OperationType::Refund => false,
            OperationType::Reversal => true,
            _ => return None,
        };
        let left = payment.and_then(|payment| payment.sum.clone());
        let said = || (operation.code.clone(), operation.message.clone());
        let outcome = match operation.status.as_ref().map_or(End::Unknown, OperationStatus::end) {
            End::Success => {
                let by_status = match payment.and_then(|payment| payment.status.as_ref()) {
                    Some(PaymentStatus::PartiallyRefunded | PaymentStatus::PartiallyReversed) => {
                        Some(true)
                    }
                    Some(PaymentStatus::Refunded | PaymentStatus::Reversed) => Some(false),
                    _ => None,
                };
                let by_sum = left.as_ref().map(|left| left.amount > 0);
                RefundOutcome::Success { reversal, partial: by_sum.or(by_status) }
            }
            End::Decline => {
                let (code, message) = said();
                RefundOutcome::Decline { code, message }
            }
            End::Error => {
                let (code, message) = said();
                RefundOutcome::Error { code, message }
            }
            End::Open => RefundOutcome::Open,
            // No operation ends as returned.
            End::Unknown | End::Returned => RefundOutcome::Unknown,
        };
        Some(Self {
            outcome,
            merchant_refund_id: payment.and_then(|payment| payment.merchant_refund_id.clone()),
            sum: operation.sum_initial.clone(),
            left,
        })
    }
}

impl StatusResponse {
    /// The operation that a request of the merchant began, found by the request id that the
    /// platform gave when it registered the request. `None` if this status answer does not list the
    /// operation.
    pub fn operation(&self, request_id: &RequestId) -> Option<&Operation> {
        let began = |operation: &&Operation| operation.request_id.as_ref() == Some(request_id);
        self.operations.iter().find(began)
    }

    /// Result of the refund that a request of the merchant began; `None` if this status answer
    /// lists no refund with this request id.
    pub fn refund(&self, request_id: &RequestId) -> Option<RefundResult> {
        RefundResult::of(self.operation(request_id)?, self.payment.as_ref())
    }
}

impl Callback {
    /// Result of the refund that the callback is about; `None` if it is not about a refund or a
    /// reversal, or if it is about the reversal of a refund (`refund reverse`).
    ///
    /// ```
    /// use ecp_core::model::{Callback, FromJson, RefundOutcome};
    ///
    /// let json = br#"{"payment":{"id":"X","status":"success"},
    ///     "operation":{"type":"refund","status":"decline","code":"3283","message":"too much"}}"#;
    /// let refund = Callback::from_slice(json)?.refund().unwrap();
    /// assert!(matches!(refund.outcome, RefundOutcome::Decline { .. }));
    /// # Ok::<(), ecp_core::model::ModelError>(())
    /// ```
    pub fn refund(&self) -> Option<RefundResult> {
        RefundResult::of(self.operation.as_ref()?, self.payment.as_ref())
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
        let done =
            |reversal, partial| Some(RefundOutcome::Success { reversal, partial: Some(partial) });
        let unclear = Some(RefundOutcome::Success { reversal: false, partial: None });
        let declined = Some(RefundOutcome::Decline { code: Some(3283.into()), message: None });
        let error = Some(RefundOutcome::Error { code: Some(3283.into()), message: None });
        let table = [
            ("refunded", "refund", "success", done(false, false)),
            ("partially refunded", "refund", "success", done(false, true)),
            ("reversed", "reversal", "success", done(true, false)),
            ("partially reversed", "reversal", "success", done(true, true)),
            ("success", "refund", "decline", declined.clone()),
            ("success", "refund", "expired", declined),
            ("success", "reversal", "internal error", error.clone()),
            ("success", "refund", "external error", error.clone()),
            ("success", "refund", "error", error),
            ("success", "refund", "processing", Some(RefundOutcome::Open)),
            ("refunded", "refund", "who knows", Some(RefundOutcome::Unknown)),
            ("refunded", "refund", "unknown", Some(RefundOutcome::Unknown)),
            ("success", "sale", "success", None),
            ("who knows", "refund", "success", unclear),
        ];
        for (payment, kind, operation, expected) in table {
            assert_eq!(outcome(payment, kind, operation), expected, "{payment} {kind} {operation}");
        }
    }

    #[test]
    fn what_is_left_tells_a_part_from_the_whole() {
        let json =
            br#"{"payment":{"id":"X","status":"success","sum":{"amount":9000,"currency":"EUR"}},
            "operations":[{"type":"sale","status":"success","request_id":"r1"},
            {"type":"refund","status":"success","request_id":"r2","sum_initial":
            {"amount":1000,"currency":"EUR"}}]}"#;
        let status = StatusResponse::from_slice(json).unwrap();
        let request = |id| RequestId::new(id).unwrap();
        let refund = status.refund(&request("r2")).unwrap();
        assert_eq!(refund.outcome, RefundOutcome::Success { reversal: false, partial: Some(true) });
        assert_eq!(refund.sum.unwrap().amount, 1000);
        assert!(status.refund(&request("r1")).is_none() && status.refund(&request("r3")).is_none());
    }
}
