//! Final results of operations and payments, one type for all decisions.

use std::fmt;

use super::{OperationStatus, PaymentStatus};

/// How an operation or a payment has ended, as far as its status says.
///
/// Code that moves money, repeats a payment or delivers goods should decide by this type rather
/// than by a status: an operation that ended in an error is not a declined one. No variant will be
/// added, so a `match` needs no wildcard, and the compiler notices a variant that is missing in it.
///
/// | end | money | may the operation be repeated under another id |
/// |---|---|---|
/// | `success` | has moved, if the operation moves money | no: it is done |
/// | `decline` | has not moved | yes |
/// | `error` | not known | not before technical support has said what happened |
/// | `returned` | has moved, and went back, all of it or a part | no |
/// | `open`, `unknown` | not known yet | no |
///
/// The id is that of the payment or, for a refund, the `merchant_refund_id`; captures and releases
/// have no id of their own.
///
/// ```
/// use ecp_core::model::{End, OperationStatus, PaymentStatus};
///
/// assert_eq!(OperationStatus::from("internal error").end(), End::Error);
/// assert_eq!(OperationStatus::from("expired").end(), End::Decline);
/// assert_eq!(PaymentStatus::from("partially refunded").end(), End::Returned);
/// assert_eq!(PaymentStatus::from("gone fishing").end(), End::Unknown);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use = "an end may be a decline, an error or unknown"]
pub enum End {
    /// The operation succeeded: the money of a sale, payout, capture or refund has moved. An
    /// operation that moves no money, such as a hold (`auth`), succeeds without moving any.
    Success,
    /// The operation ended, and it has moved no money. After a declined refund the merchant still
    /// has the payment's money.
    Decline,
    /// The operation ended, and nothing says whether money has moved. Ask the platform's technical
    /// support before the operation is repeated under another id.
    Error,
    /// The money has moved, and later all or a part of it went back, by a refund or a reversal.
    /// Only a payment can end in this way; the refund itself ends as [`Success`](Self::Success).
    Returned,
    /// The operation has not ended, as far as the platform's documents say. Money may be held, or
    /// have moved in part (`partially paid`): wait for the next callback, or request the status.
    Open,
    /// The status is not in the platform's table, so it is not known whether money has moved. Treat
    /// the payment like one that is [`Open`](Self::Open).
    Unknown,
}

impl End {
    /// All variants: the ways in which an operation or a payment can end, and
    /// [`Open`](Self::Open) and [`Unknown`](Self::Unknown).
    pub const ALL: &'static [Self] =
        &[Self::Success, Self::Decline, Self::Error, Self::Returned, Self::Open, Self::Unknown];

    /// How the operation or payment has ended, as a word: `success`, `decline`, `error`,
    /// `returned`, `open` or `unknown`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Decline => "decline",
            Self::Error => "error",
            Self::Returned => "returned",
            Self::Open => "open",
            Self::Unknown => "unknown",
        }
    }

    /// Whether the payment or operation has ended: the platform no longer changes the status by
    /// itself. A refund or reversal still changes the status of a payment that succeeded.
    pub const fn is_final(self) -> bool {
        match self {
            Self::Success | Self::Decline | Self::Error | Self::Returned => true,
            Self::Open | Self::Unknown => false,
        }
    }

    /// Whether this is [`End::Success`]: the money has moved, if the operation moves money. For a
    /// payment, it also means that none of the money was returned.
    pub const fn is_success(self) -> bool {
        matches!(self, Self::Success)
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl PaymentStatus {
    /// How the payment has ended, as far as this status says.
    ///
    /// The word `error` is also the status of a payment that was never registered:
    /// [`StatusResponse::is_unknown_payment`](super::StatusResponse::is_unknown_payment)
    /// distinguishes such a payment from one that ended in an error.
    pub const fn end(&self) -> End {
        match self {
            Self::Success => End::Success,
            Self::Canceled | Self::Decline | Self::Expired | Self::InvoiceCancelled => End::Decline,
            Self::Error | Self::ExternalError | Self::InternalError => End::Error,
            Self::PartiallyRefunded | Self::PartiallyReversed | Self::Refunded | Self::Reversed => {
                End::Returned
            }
            Self::Other(_) => End::Unknown,
            // The table calls none of these final.
            Self::AwaitingApproval
            | Self::AwaitingCapture
            | Self::AwaitingClarifyData
            | Self::AwaitingClarification
            | Self::AwaitingClearing
            | Self::AwaitingConfirmation
            | Self::AwaitingCustomer
            | Self::AwaitingCustomerAction
            | Self::AwaitingMerchantAuth
            | Self::AwaitingPartiallyClearing
            | Self::AwaitingPayment
            | Self::AwaitingRedirectResult
            | Self::AwaitingRetry
            | Self::AwaitingThreeDsResult
            | Self::ClearingProcessing
            | Self::DeclineRenewal
            | Self::ExternalProcessing
            | Self::Initial
            | Self::InvoiceSent
            | Self::PartiallyPaid
            | Self::PartiallyPaidOut
            | Self::Processing
            | Self::ScheduledRecurringProcessing => End::Open,
        }
    }

    /// Whether the payment has ended, successfully or not. A success can still be refunded or
    /// reversed later.
    pub const fn is_final(&self) -> bool {
        self.end().is_final()
    }

    /// Whether the money has moved and was not returned. `refunded` and the like are not a success,
    /// nor is `awaiting capture`. The status does not say how much has moved: compare the payment's
    /// sum with the requested one.
    pub const fn is_success(&self) -> bool {
        self.end().is_success()
    }
}

impl OperationStatus {
    /// How the operation has ended, as far as this status says.
    pub const fn end(&self) -> End {
        match self {
            Self::Success => End::Success,
            Self::Decline | Self::Expired | Self::InvoiceCancelled => End::Decline,
            Self::Error | Self::ExternalError | Self::InternalError => End::Error,
            Self::Other(_) | Self::Unknown => End::Unknown,
            Self::AwaitingApproval
            | Self::AwaitingClarification
            | Self::AwaitingConfirmation
            | Self::AwaitingCustomer
            | Self::AwaitingCustomerAction
            | Self::AwaitingFinalization
            | Self::AwaitingMerchantAuth
            | Self::AwaitingPayment
            | Self::AwaitingRedirectResult
            | Self::AwaitingThreeDsResult
            | Self::ExternalProcessing
            | Self::InvoiceSent
            | Self::Processing => End::Open,
        }
    }

    /// Whether the operation has ended, successfully or not.
    pub const fn is_final(&self) -> bool {
        self.end().is_final()
    }

    /// Whether the operation succeeded. What this means depends on the operation's type: after a
    /// refund the customer has the money back, after an `auth` it is only held.
    pub const fn is_success(&self) -> bool {
        self.end().is_success()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Statuses of payments and of operations with this end.
    fn words(end: End) -> (Vec<&'static str>, Vec<&'static str>) {
        (
            PaymentStatus::KNOWN
                .iter()
                .filter(|status| status.end() == end)
                .map(PaymentStatus::as_str)
                .collect(),
            OperationStatus::KNOWN
                .iter()
                .filter(|status| status.end() == end)
                .map(OperationStatus::as_str)
                .collect(),
        )
    }

    #[test]
    fn every_word_of_the_tables_has_the_end_that_the_tables_give() {
        assert_eq!(words(End::Success), (vec!["success"], vec!["success"]));
        let declined = ["decline", "expired", "invoice cancelled"];
        let payments = [&["canceled"], &declined[..]].concat();
        assert_eq!(words(End::Decline), (payments, declined.to_vec()));
        let errors = vec!["error", "external error", "internal error"];
        assert_eq!(words(End::Error), (errors.clone(), errors));
        let returned = vec!["partially refunded", "partially reversed", "refunded", "reversed"];
        assert_eq!(words(End::Returned), (returned, vec![]));
        assert_eq!(words(End::Unknown), (vec![], vec!["unknown"]));
        let (payments, operations) = words(End::Open);
        assert_eq!((payments.len(), operations.len()), (23, 13));
    }

    #[test]
    fn unknown_words_decide_nothing() {
        for text in ["", "Success", "SUCCESS", "success ", "succes", "final", "Error", "declined"] {
            let status = PaymentStatus::from(text);
            assert_eq!((status.as_str(), status.end()), (text, End::Unknown));
            assert_eq!(OperationStatus::from(text).end(), End::Unknown, "{text}");
        }
    }

    #[test]
    fn a_payment_ends_as_its_operation_with_the_same_word_does() {
        for status in OperationStatus::KNOWN {
            let payment = PaymentStatus::from(status.as_str());
            let is_known = !matches!(payment, PaymentStatus::Other(_));
            assert!(!is_known || payment.end() == status.end(), "{status}");
        }
    }
}
