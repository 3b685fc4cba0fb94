//! Statuses and types of payments and operations.

use super::open_enum;

open_enum! {
    /// Status of a payment (sources: statuses).
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
        /// Held until approved.
        AwaitingApproval = "awaiting approval",
        /// Authorised and not yet captured.
        AwaitingCapture = "awaiting capture",
        /// More fields are needed (older word).
        AwaitingClarifyData = "awaiting clarify data",
        /// More fields are needed.
        AwaitingClarification = "awaiting clarification",
        /// Waits to be cleared.
        AwaitingClearing = "awaiting clearing",
        /// Waits for a confirmation.
        AwaitingConfirmation = "awaiting confirmation",
        /// Waits for the customer, as with vouchers and cash.
        AwaitingCustomer = "awaiting customer",
        /// Waits for an action of the customer.
        AwaitingCustomerAction = "awaiting customer action",
        /// Waits for the merchant's authorisation.
        AwaitingMerchantAuth = "awaiting merchant auth",
        /// Waits to be cleared in part.
        AwaitingPartiallyClearing = "awaiting partially clearing",
        /// Waits for the money.
        AwaitingPayment = "awaiting payment",
        /// The customer must be redirected, or is away.
        AwaitingRedirectResult = "awaiting redirect result",
        /// Waits for another attempt.
        AwaitingRetry = "awaiting retry",
        /// The customer is at 3-D Secure.
        AwaitingThreeDsResult = "awaiting 3ds result",
        /// Cancelled. Both spellings are sent.
        Canceled = "canceled" | "cancelled",
        /// Being cleared.
        ClearingProcessing = "clearing processing",
        /// Declined, also when the cut-off time has passed.
        Decline = "decline",
        /// A subscription's renewal was declined.
        DeclineRenewal = "decline renewal",
        /// Ended in an error; also the status of a payment that was never registered.
        Error = "error",
        /// Expired.
        Expired = "expired",
        /// Ended in an error outside the platform: ask technical support.
        ExternalError = "external error",
        /// Being processed by the provider.
        ExternalProcessing = "external processing",
        /// Not begun.
        Initial = "initial",
        /// Ended in an error inside the platform: ask technical support.
        InternalError = "internal error",
        /// The payment link was cancelled.
        InvoiceCancelled = "invoice cancelled",
        /// The payment link was sent.
        InvoiceSent = "invoice sent",
        /// Paid in part.
        PartiallyPaid = "partially paid",
        /// Paid out in part.
        PartiallyPaidOut = "partially paid out",
        /// Refunded in part.
        PartiallyRefunded = "partially refunded",
        /// Reversed in part.
        PartiallyReversed = "partially reversed",
        /// Being processed.
        Processing = "processing",
        /// Refunded.
        Refunded = "refunded",
        /// Reversed: returned before the day was closed.
        Reversed = "reversed",
        /// A scheduled recurring payment is being processed.
        ScheduledRecurringProcessing = "scheduled recurring processing",
        /// Successful.
        Success = "success",
    }
}

open_enum! {
    /// Status of one operation of a payment (sources: statuses). It may differ from the payment's:
    /// after a declined refund the payment is still a success.
    pub enum OperationStatus {
        /// Held until approved.
        AwaitingApproval = "awaiting approval",
        /// More fields are needed.
        AwaitingClarification = "awaiting clarification",
        /// Waits for a confirmation.
        AwaitingConfirmation = "awaiting confirmation",
        /// Waits for the customer.
        AwaitingCustomer = "awaiting customer",
        /// Waits for an action of the customer.
        AwaitingCustomerAction = "awaiting customer action",
        /// Waits to be finished.
        AwaitingFinalization = "awaiting finalization",
        /// Waits for the merchant's authorisation.
        AwaitingMerchantAuth = "awaiting merchant auth",
        /// Waits for the money.
        AwaitingPayment = "awaiting payment",
        /// The customer must be redirected, or is away.
        AwaitingRedirectResult = "awaiting redirect result",
        /// The customer is at 3-D Secure.
        AwaitingThreeDsResult = "awaiting 3ds result",
        /// Declined.
        Decline = "decline",
        /// Ended in an error.
        Error = "error",
        /// Expired.
        Expired = "expired",
        /// Ended in an error outside the platform.
        ExternalError = "external error",
        /// Being processed by the provider.
        ExternalProcessing = "external processing",
        /// Ended in an error inside the platform.
        InternalError = "internal error",
        /// The payment link was cancelled.
        InvoiceCancelled = "invoice cancelled",
        /// The payment link was sent.
        InvoiceSent = "invoice sent",
        /// Being processed.
        Processing = "processing",
        /// Successful.
        Success = "success",
        /// The platform does not know.
        Unknown = "unknown",
    }
}

open_enum! {
    /// Type of an operation (sources: statuses).
    pub enum OperationType {
        /// Checks an account.
        AccountVerification = "account verification",
        /// Holds an amount.
        Auth = "auth",
        /// Releases a hold.
        Cancel = "cancel",
        /// Captures a held amount.
        Capture = "capture",
        /// Settles a capture.
        CaptureSettlement = "capture settlement",
        /// Takes a fee.
        Commission = "commission",
        /// Registers a contract.
        ContractRegistration = "contract registration",
        /// Creates a cash voucher.
        CreateCashVoucher = "create_cash_voucher",
        /// Waits for the customer to act.
        CustomerAction = "customer action",
        /// Raises a hold.
        Incremental = "incremental",
        /// Creates a payment link.
        Invoice = "invoice",
        /// A change by hand.
        ManualChange = "manual change",
        /// Confirms a payment.
        PaymentConfirmation = "payment confirmation",
        /// Pays out.
        Payout = "payout",
        /// Debits a stored account again.
        Recurring = "recurring",
        /// Ends a subscription.
        RecurringCancel = "recurring cancel",
        /// Changes a subscription.
        RecurringUpdate = "recurring update",
        /// Returns money after the day was closed.
        Refund = "refund",
        /// Reverses a refund.
        RefundReverse = "refund reverse",
        /// Returns money before the day is closed.
        Reversal = "reversal",
        /// Takes a payment.
        Sale = "sale",
    }
}

open_enum! {
    /// Purpose of a payment. Refund callbacks keep the type of the payment.
    pub enum PaymentType {
        /// Checks an account.
        AccountVerification = "account verification",
        /// Money out.
        Payout = "payout",
        /// Money in.
        Purchase = "purchase",
        /// Money in, again and again.
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
