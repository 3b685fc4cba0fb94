//! Choices about payments and refunds that the platform's documents leave open.

/// Decides a payment when the customer presses Success or Decline on the provider's page. The
/// documents let the amount decide and say that the button should match it; they do not say which
/// one takes precedence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ButtonRule {
    /// The amount alone, to the letter of the documents: amounts that the method lists as
    /// declined are, all others succeed.
    AmountOnly,
    /// Amounts that the method lists for its tests decide, whatever the button; for all others
    /// the button does.
    #[default]
    ListedAmounts,
}

/// Type of the operation that returns money. The platform uses either: the documents call it a
/// reversal if all of a payment is returned before the acquirer's day ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RefundOperation {
    /// Operation `refund`; the payment is `refunded` or `partially refunded`.
    #[default]
    Refund,
    /// Operation `reversal`; the payment is `reversed` or `partially reversed`.
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
