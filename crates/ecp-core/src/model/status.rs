//! Statuses and types of payments and operations.

use super::open_enum;

open_enum! {
    /// Status of a payment (sources: statuses). [`PaymentStatus::end`] says how each status counts:
    /// a status that no document of the platform calls final counts as open
    /// ([`End::Open`](super::End::Open)), whatever its word suggests.
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
        /// The payment is on hold until it is approved; the platform's documents do not say by
        /// whom.
        AwaitingApproval = "awaiting approval",
        /// The payment is authorised and not yet captured: the money is held, not taken.
        AwaitingCapture = "awaiting capture",
        /// An older word for `awaiting clarification`: the platform needs more fields before the
        /// payment goes on.
        /// [`Callback::clarification_fields`](super::Callback::clarification_fields) lists them.
        AwaitingClarifyData = "awaiting clarify data",
        /// The platform needs more fields before the payment goes on.
        /// [`Callback::clarification_fields`](super::Callback::clarification_fields) lists them,
        /// and `Gate::clarify` of `ecp-transport` sends them.
        AwaitingClarification = "awaiting clarification",
        /// The payment waits to be cleared: it has not ended.
        AwaitingClearing = "awaiting clearing",
        /// The payment waits for a confirmation; the platform's documents do not say whose. It
        /// counts as open, although one of the platform's shop plug-ins counts it as paid.
        AwaitingConfirmation = "awaiting confirmation",
        /// The payment waits until the customer pays or confirms elsewhere, such as by a voucher,
        /// in cash or in an app. [`Callback::next_step`](super::Callback::next_step) says whether
        /// there is something to show to the customer first.
        AwaitingCustomer = "awaiting customer",
        /// The payment waits for an action of the customer.
        /// [`Callback::next_step`](super::Callback::next_step) says whether there is something to
        /// show to the customer first.
        AwaitingCustomerAction = "awaiting customer action",
        /// The payment, by card, waits for an authorisation by the merchant, for which Gate has the
        /// endpoint `card/merchant_auth`. It has not ended.
        AwaitingMerchantAuth = "awaiting merchant auth",
        /// The payment waits to be cleared in part: it has not ended.
        AwaitingPartiallyClearing = "awaiting partially clearing",
        /// The payment waits for the money.
        AwaitingPayment = "awaiting payment",
        /// The customer must be redirected, or has been redirected and not returned.
        /// [`Callback::redirect`](super::Callback::redirect) returns the address.
        AwaitingRedirectResult = "awaiting redirect result",
        /// The payment waits for another attempt; the platform's documents do not say whose. It has
        /// not ended.
        AwaitingRetry = "awaiting retry",
        /// The payment waits for the result of the customer's 3-D Secure check.
        AwaitingThreeDsResult = "awaiting 3ds result",
        /// The payment was cancelled. It counts as a decline: no money has moved. The platform
        /// sends both spellings of the word.
        Canceled = "canceled" | "cancelled",
        /// The payment is being cleared: it has not ended.
        ClearingProcessing = "clearing processing",
        /// The payment was declined, and no money has moved. The platform also declines a payment
        /// that has not ended before its method's cut-off time.
        Decline = "decline",
        /// The renewal of a subscription was declined. It counts as open, because the platform's
        /// documents do not say that it is final.
        DeclineRenewal = "decline renewal",
        /// The payment ended in an error, and nothing says whether money has moved: ask the
        /// platform's technical support. This is also the status of a payment that was never
        /// registered:
        /// [`StatusResponse::is_unknown_payment`](super::StatusResponse::is_unknown_payment) tells
        /// them apart.
        Error = "error",
        /// The payment expired. It counts as a decline: no money has moved.
        Expired = "expired",
        /// The payment ended in an error outside the platform, and nothing says whether money has
        /// moved: ask the platform's technical support.
        ExternalError = "external error",
        /// The provider of the payment method is processing the payment.
        ExternalProcessing = "external processing",
        /// The payment has not begun. It counts as open.
        Initial = "initial",
        /// The payment ended in an error inside the platform, and nothing says whether money has
        /// moved: ask the platform's technical support.
        InternalError = "internal error",
        /// The payment link was cancelled. It counts as a decline: no money has moved.
        InvoiceCancelled = "invoice cancelled",
        /// The payment link was sent to the customer; the payment has not ended.
        InvoiceSent = "invoice sent",
        /// The payment was paid in part. It counts as open: neither final nor a success.
        PartiallyPaid = "partially paid",
        /// The payment was paid out in part. It counts as open: neither final nor a success.
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
        /// The payment was successful, and stays so after a declined refund. Its sum may differ
        /// from the requested one: compare them before goods are delivered.
        Success = "success",
    }
}

open_enum! {
    /// Status of one operation of a payment, such as a refund (sources: statuses). It may differ
    /// from the payment's status: after a declined refund, the payment is still a success.
    /// [`OperationStatus::end`] says how each status counts.
    pub enum OperationStatus {
        /// The operation is on hold until it is approved; the platform's documents do not say by
        /// whom.
        AwaitingApproval = "awaiting approval",
        /// The platform needs more fields before the operation goes on.
        /// [`Callback::clarification_fields`](super::Callback::clarification_fields) lists them,
        /// and `Gate::clarify` of `ecp-transport` sends them.
        AwaitingClarification = "awaiting clarification",
        /// The operation waits for a confirmation; the platform's documents do not say whose.
        AwaitingConfirmation = "awaiting confirmation",
        /// The operation waits until the customer pays or confirms elsewhere, such as by a voucher, in
        /// cash or in an app.
        AwaitingCustomer = "awaiting customer",
        /// The operation waits for an action of the customer.
        /// [`Callback::next_step`](super::Callback::next_step) says whether there is something to
        /// show to the customer first.
        AwaitingCustomerAction = "awaiting customer action",
        /// The operation waits to be finished; the platform's documents do not say by whom.
        AwaitingFinalization = "awaiting finalization",
        /// The operation, on a card, waits for an authorisation by the merchant, for which Gate has
        /// the endpoint `card/merchant_auth`. It has not ended.
        AwaitingMerchantAuth = "awaiting merchant auth",
        /// The operation waits for the money.
        AwaitingPayment = "awaiting payment",
        /// The customer must be redirected, or has been redirected and not returned.
        /// [`Callback::redirect`](super::Callback::redirect) returns the address.
        AwaitingRedirectResult = "awaiting redirect result",
        /// The operation waits for the result of the customer's 3-D Secure check.
        AwaitingThreeDsResult = "awaiting 3ds result",
        /// The operation was declined: it has moved no money.
        Decline = "decline",
        /// The operation ended in an error, and nothing says whether money has moved: ask the
        /// platform's technical support.
        Error = "error",
        /// The operation expired. It counts as a decline: it has moved no money.
        Expired = "expired",
        /// The operation ended in an error outside the platform, and nothing says whether money has
        /// moved: ask the platform's technical support.
        ExternalError = "external error",
        /// The provider of the payment method is processing the operation.
        ExternalProcessing = "external processing",
        /// The operation ended in an error inside the platform, and nothing says whether money has
        /// moved: ask the platform's technical support.
        InternalError = "internal error",
        /// The payment link was cancelled. It counts as a decline: no money has moved.
        InvoiceCancelled = "invoice cancelled",
        /// The payment link was sent to the customer; the operation has not ended.
        InvoiceSent = "invoice sent",
        /// The operation is being processed.
        Processing = "processing",
        /// The operation was successful. A successful `auth` only holds the money and takes none.
        Success = "success",
        /// The word `unknown`. Only shop plug-ins of the platform have it, and no document of the
        /// platform says what it means. It counts as [`End::Unknown`](super::End::Unknown): neither
        /// final nor a success.
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
        /// Takes a held amount, or a part of it.
        Capture = "capture",
        /// A capture settlement. Only the name is known: the platform's documents do not say what
        /// it settles or when.
        CaptureSettlement = "capture settlement",
        /// Takes a fee; the platform's documents do not say from whom.
        Commission = "commission",
        /// A contract registration. Only the name is known: the platform's documents do not say
        /// what is registered.
        ContractRegistration = "contract registration",
        /// Creates a cash voucher. Only the name is known, from shop plug-ins of the platform.
        CreateCashVoucher = "create_cash_voucher",
        /// An action of the customer; the platform's documents do not say which.
        CustomerAction = "customer action",
        /// Raises a held amount.
        Incremental = "incremental",
        /// Creates a payment link.
        Invoice = "invoice",
        /// A change made by hand; the platform's documents do not say of what or by whom.
        ManualChange = "manual change",
        /// Confirms a payment; it may follow a sale. The platform's documents do not say who
        /// confirms what.
        PaymentConfirmation = "payment confirmation",
        /// Pays money out to the customer.
        Payout = "payout",
        /// Takes a further payment of a series from the customer's stored account.
        Recurring = "recurring",
        /// Ends a subscription.
        RecurringCancel = "recurring cancel",
        /// Changes a subscription.
        RecurringUpdate = "recurring update",
        /// Returns money to the customer. If the full amount is returned before the acquirer's
        /// business day is closed, the type is [`Reversal`](Self::Reversal) instead.
        Refund = "refund",
        /// Reverses a refund; the platform's documents do not say when, or where the money then is.
        RefundReverse = "refund reverse",
        /// Returns the full amount to the customer before the acquirer's business day is closed.
        /// With Visa and Amex it may return a part of the amount.
        Reversal = "reversal",
        /// Takes a payment from the customer.
        Sale = "sale",
    }
}

open_enum! {
    /// Purpose of a payment, such as a purchase or a payout. A callback about a refund has the type
    /// of the refunded payment here; the refund itself is recognized by its [`OperationType`].
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
