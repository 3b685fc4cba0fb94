//! Choices about payments and refunds that the platform's documents leave open.

/// Rule that decides whether a payment succeeds when the customer presses Success or Decline on the
/// page of the payment method's provider. In the documents the amount of the payment decides, and
/// the button should match the amount. The documents do not say which of the two takes precedence
/// if they contradict each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ButtonRule {
    /// Only the amount decides, as the documents say: the amounts that the method's test data list
    /// as declined are declined, all others succeed.
    AmountOnly,
    /// The amount decides if the method's test data list a result for it, whatever the button. For
    /// all other amounts the button decides.
    #[default]
    ListedAmounts,
}

/// Operation type of refunds in callbacks and answers. The platform uses both types: the documents
/// call a refund a reversal if the whole payment is returned before the acquirer's day ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RefundOperation {
    /// The operation type is `refund`; the payment becomes `refunded` or `partially refunded`.
    #[default]
    Refund,
    /// The operation type is `reversal`; the payment becomes `reversed` or `partially reversed`.
    Reversal,
}

impl RefundOperation {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Refund => "refund",
            Self::Reversal => "reversal",
        }
    }
}
