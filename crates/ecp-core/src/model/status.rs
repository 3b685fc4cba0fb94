//! Statuses and types of payments and operations.

use super::open_enum;

open_enum! {
    /// Status of a payment (sources: statuses). [`PaymentStatus::end`] says how each status counts:
    /// a status that no document calls final counts as open ([`End::Open`](super::End::Open)),
    /// whatever its word suggests.
    ///
    /// ```
    /// use ecp_core::model::PaymentStatus;
    ///
    /// assert!(PaymentStatus::from("success").is_success());
    /// let unknown = PaymentStatus::from("gone fishing");
    /// assert_eq!(unknown.as_str(), "gone fishing");
    /// assert!(!unknown.is_final() && !unknown.is_success());
    /// ```
    pub enum PaymentStatus {
        /// The payment is on hold until it is approved; the documents do not say by whom.
        AwaitingApproval = "awaiting approval",
        /// The payment is authorised and not yet captured: the money is held, not taken.
        AwaitingCapture = "awaiting capture",
        /// An older word for [`AwaitingClarification`](Self::AwaitingClarification).
        AwaitingClarifyData = "awaiting clarify data",
        /// The platform needs more fields: see [`Step::Clarify`](super::Step::Clarify).
        AwaitingClarification = "awaiting clarification",
        /// The payment waits to be cleared.
        AwaitingClearing = "awaiting clearing",
        /// The payment waits for a confirmation; the documents do not say whose. It is not a
        /// success here, although one of the platform's shop plug-ins counts it as paid.
        AwaitingConfirmation = "awaiting confirmation",
        /// The payment waits until the customer pays or confirms elsewhere, such as by a voucher, in
        /// cash or in an app. There may be something to show first: [`Step`](super::Step), for which
        /// this status and [`AwaitingCustomerAction`](Self::AwaitingCustomerAction) are alike.
        AwaitingCustomer = "awaiting customer",
        /// The payment waits for an action of the customer.
        AwaitingCustomerAction = "awaiting customer action",
        /// The payment waits for the merchant's authorisation.
        AwaitingMerchantAuth = "awaiting merchant auth",
        /// The payment waits to be cleared in part.
        AwaitingPartiallyClearing = "awaiting partially clearing",
        /// The payment waits for the money.
        AwaitingPayment = "awaiting payment",
        /// The customer must be redirected, or has been redirected and not returned.
        AwaitingRedirectResult = "awaiting redirect result",
        /// The payment waits for another attempt.
        AwaitingRetry = "awaiting retry",
        /// The customer is at 3-D Secure.
        AwaitingThreeDsResult = "awaiting 3ds result",
        /// The payment was cancelled. The platform sends both spellings.
        Canceled = "canceled" | "cancelled",
        /// The payment is being cleared.
        ClearingProcessing = "clearing processing",
        /// The payment was declined, for example because the cut-off time has passed.
        Decline = "decline",
        /// The renewal of a subscription was declined. It does not count as final, because the
        /// documents do not say that it is.
        DeclineRenewal = "decline renewal",
        /// The payment ended in an error, and nothing says whether money has moved. This is also
        /// the status of a payment that was never registered: see
        /// [`StatusResponse::is_unknown_payment`](super::StatusResponse::is_unknown_payment).
        Error = "error",
        /// The payment expired. It counts as a decline: no money has moved.
        Expired = "expired",
        /// The payment ended in an error outside the platform: ask technical support.
        ExternalError = "external error",
        /// The provider is processing the payment.
        ExternalProcessing = "external processing",
        /// The payment has not begun.
        Initial = "initial",
        /// The payment ended in an error inside the platform: ask technical support.
        InternalError = "internal error",
        /// The payment link was cancelled.
        InvoiceCancelled = "invoice cancelled",
        /// The payment link was sent.
        InvoiceSent = "invoice sent",
        /// The payment was paid in part. It does not count as final or as a success.
        PartiallyPaid = "partially paid",
        /// The payment was paid out in part. It does not count as final or as a success.
        PartiallyPaidOut = "partially paid out",
        /// The payment was refunded in part. It counts as final, though another refund may follow.
        PartiallyRefunded = "partially refunded",
        /// The payment was reversed in part: a part was returned before the acquirer's business day
        /// was closed. It counts as final, though another refund may follow.
        PartiallyReversed = "partially reversed",
        /// The payment is being processed.
        Processing = "processing",
        /// The payment was refunded in full.
        Refunded = "refunded",
        /// The payment was reversed: the money was returned before the acquirer's business day was
        /// closed.
        Reversed = "reversed",
        /// A scheduled recurring payment is being processed.
        ScheduledRecurringProcessing = "scheduled recurring processing",
        /// The payment was successful. A declined refund leaves it so. The sum may differ from the
        /// requested one.
        Success = "success",
    }
}

open_enum! {
    /// Status of one operation of a payment (sources: statuses). It may differ from the payment's
    /// status: after a declined refund, the payment is still a success. [`OperationStatus::end`]
    /// says how each status counts.
    pub enum OperationStatus {
        /// The operation is on hold until it is approved; the documents do not say by whom.
        AwaitingApproval = "awaiting approval",
        /// The platform needs more fields: see [`Step::Clarify`](super::Step::Clarify).
        AwaitingClarification = "awaiting clarification",
        /// The operation waits for a confirmation; the documents do not say whose.
        AwaitingConfirmation = "awaiting confirmation",
        /// The operation waits until the customer pays or confirms elsewhere, such as by a voucher, in
        /// cash or in an app.
        AwaitingCustomer = "awaiting customer",
        /// The operation waits for an action of the customer.
        AwaitingCustomerAction = "awaiting customer action",
        /// The operation waits to be finished.
        AwaitingFinalization = "awaiting finalization",
        /// The operation waits for the merchant's authorisation.
        AwaitingMerchantAuth = "awaiting merchant auth",
        /// The operation waits for the money.
        AwaitingPayment = "awaiting payment",
        /// The customer must be redirected, or has been redirected and not returned.
        AwaitingRedirectResult = "awaiting redirect result",
        /// The customer is at 3-D Secure.
        AwaitingThreeDsResult = "awaiting 3ds result",
        /// The operation was declined.
        Decline = "decline",
        /// The operation ended in an error.
        Error = "error",
        /// The operation expired.
        Expired = "expired",
        /// The operation ended in an error outside the platform.
        ExternalError = "external error",
        /// The provider is processing the operation.
        ExternalProcessing = "external processing",
        /// The operation ended in an error inside the platform.
        InternalError = "internal error",
        /// The payment link was cancelled.
        InvoiceCancelled = "invoice cancelled",
        /// The payment link was sent.
        InvoiceSent = "invoice sent",
        /// The operation is being processed.
        Processing = "processing",
        /// The operation was successful. That of an `auth` only holds the money.
        Success = "success",
        /// The word `unknown`. Only shop plug-ins of the platform have it, and no document says
        /// what it means; it decides nothing.
        Unknown = "unknown",
    }
}

open_enum! {
    /// Type of an operation, such as a sale, a payout or a refund (sources: statuses). Some types
    /// are known only by their names, from shop plug-ins of the platform.
    pub enum OperationType {
        /// Checks the customer's account.
        AccountVerification = "account verification",
        /// Holds an amount on the customer's account.
        Auth = "auth",
        /// Releases a held amount, or a part of it.
        Cancel = "cancel",
        /// Captures a held amount.
        Capture = "capture",
        /// A capture settlement. Only the name is known: the documents do not say what it settles
        /// or when.
        CaptureSettlement = "capture settlement",
        /// Takes a fee; the documents do not say from whom.
        Commission = "commission",
        /// A contract registration. Only the name is known.
        ContractRegistration = "contract registration",
        /// Creates a cash voucher. Only the name is known.
        CreateCashVoucher = "create_cash_voucher",
        /// An action of the customer; the documents do not say which.
        CustomerAction = "customer action",
        /// Raises a held amount.
        Incremental = "incremental",
        /// Creates a payment link.
        Invoice = "invoice",
        /// A change made by hand; the documents do not say of what or by whom.
        ManualChange = "manual change",
        /// Confirms a payment; it may follow a sale. The documents do not say who confirms what.
        PaymentConfirmation = "payment confirmation",
        /// Pays money out to the customer.
        Payout = "payout",
        /// Debits a stored account again.
        Recurring = "recurring",
        /// Ends a subscription.
        RecurringCancel = "recurring cancel",
        /// Changes a subscription.
        RecurringUpdate = "recurring update",
        /// Returns money to the customer, except where that is a [`Reversal`](Self::Reversal).
        Refund = "refund",
        /// Reverses a refund; the documents do not say when, or where the money then is.
        RefundReverse = "refund reverse",
        /// Returns the full amount to the customer before the acquirer's business day is closed,
        /// with Visa and Amex also a part of it.
        Reversal = "reversal",
        /// Takes a payment from the customer.
        Sale = "sale",
    }
}

open_enum! {
    /// Purpose of a payment, such as a purchase or a payout. A callback about a refund has the type
    /// of the refunded payment here.
    pub enum PaymentType {
        /// Checks the customer's account.
        AccountVerification = "account verification",
        /// Pays money out to the customer.
        Payout = "payout",
        /// Takes money from the customer.
        Purchase = "purchase",
        /// Takes money from the customer repeatedly.
        Recurring = "recurring",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_reads_back_and_only_success_is_success() {
        for status in PaymentStatus::KNOWN {
            assert_eq!(&PaymentStatus::from(status.as_str()), status);
            assert_eq!(status.is_success(), status.as_str() == "success", "{status}");
        }
        for status in OperationStatus::KNOWN {
            assert_eq!(&OperationStatus::from(status.as_str()), status);
            assert_eq!(status.is_success(), status.as_str() == "success", "{status}");
        }
        for kind in OperationType::KNOWN {
            assert_eq!(&OperationType::from(kind.as_str()), kind);
        }
        assert_eq!(PaymentStatus::from("cancelled"), PaymentStatus::Canceled);
    }

    #[test]
    fn final_statuses_are_those_of_the_table() {
        let words: Vec<&str> = PaymentStatus::KNOWN
            .iter()
            .filter(|status| status.is_final())
            .map(PaymentStatus::as_str)
            .collect();
        assert_eq!(
            words,
            [
                "canceled",
                "decline",
                "error",
                "expired",
                "external error",
                "internal error",
                "invoice cancelled",
                "partially refunded",
                "partially reversed",
                "refunded",
                "reversed",
                "success",
            ]
        );
    }
}
