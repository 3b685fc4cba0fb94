//! Smaller facts of a method's page.

use std::fmt;

/// The means of payment of a payment method, such as a wallet or vouchers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// Transfers from or to a bank account.
    BankTransfer,
    /// A code that the customer's phone scans, for any wallet or bank that reads it.
    QrCode,
    /// Voucher codes.
    Voucher,
    /// An electronic wallet.
    Wallet,
    /// An electronic wallet, reached through a partner's service.
    WalletThroughPartner,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::BankTransfer => "bank transfers",
            Self::QrCode => "QR codes",
            Self::Voucher => "vouchers",
            Self::Wallet => "electronic wallets",
            Self::WalletThroughPartner => "electronic wallets through a partner",
        })
    }
}

/// A payment instrument (wallets or vouchers) that the documentation page of a payment method
/// lists. Some pages list none, whereas every method has a [`Kind`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Instrument {
    /// Vouchers.
    Voucher,
    /// Electronic wallets.
    Wallet,
}

impl fmt::Display for Instrument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Voucher => "vouchers",
            Self::Wallet => "electronic wallets",
        })
    }
}

/// The party that converts between the payment's currency and the customer's currency: the platform
/// or the service of the payment method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Conversion {
    /// The service of the payment method, such as the wallet's provider, converts.
    Method,
    /// The platform converts.
    Platform,
}

impl fmt::Display for Conversion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Method => "by the method's service",
            Self::Platform => "by the platform",
        })
    }
}

/// How certain the facts in the spec of a payment method are, by the kind of their source.
/// Certainties can be compared: [`DocumentationCopy`](Self::DocumentationCopy) is the lowest,
/// [`Documents`](Self::Documents) the highest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Certainty {
    /// The source is a public copy of the platform's documentation, without the platform's brand or
    /// with another. Ask your account manager whether the platform offers you the method, and with
    /// which differences.
    DocumentationCopy,
    /// Two public sources that are independent of each other say that the platform has the method,
    /// and they agree on everything that both mention. A fact that only one of them mentions is as
    /// certain as that source alone.
    TwoSources,
    /// The source is the platform's own documentation page of the method.
    Documents,
}

impl Certainty {
    /// All degrees of certainty that a spec's facts can have, the least certain first.
    pub const ALL: &[Self] = &[Self::DocumentationCopy, Self::TwoSources, Self::Documents];
}

impl fmt::Display for Certainty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::DocumentationCopy => "documentation copy",
            Self::TwoSources => "two sources",
            Self::Documents => "documents",
        })
    }
}

/// A fact from the documentation page of a payment method, such as its settlement currencies, that
/// is for display only; no check uses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fact {
    /// The subject of the fact, such as `settlement currencies`.
    pub about: &'static str,
    /// The statement about the subject, such as `on request`.
    pub text: &'static str,
    /// The source of the fact, as text for people; `None` if it is the source of the method's spec
    /// ([`Spec::source`](super::Spec::source)).
    pub source: Option<&'static str>,
}

impl Fact {
    /// Creates a fact from its subject, such as `settlement currencies`, and a statement about the
    /// subject, such as `on request`. Its source is the source of the method's spec.
    pub const fn new(about: &'static str, text: &'static str) -> Self {
        assert!(!about.is_empty() && !text.is_empty(), "a fact needs a subject and a text");
        Self { about, text, source: None }
    }

    /// Sets the source of this fact, as text for people. Without this call, the source is that of
    /// the method's spec ([`Spec::source`](super::Spec::source)).
    pub const fn source(self, source: &'static str) -> Self {
        Self { source: Some(source), ..self }
    }
}

/// An interface of the platform through which a payment method can be offered, such as Gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Interface {
    /// The Payment Page, the platform's hosted payment form.
    PaymentPage,
    /// The platform's plug-ins for shop systems, such as WooCommerce.
    CmsPlugins,
    /// Gate, the platform's server API.
    Gate,
    /// The Dashboard, the platform's back office.
    Dashboard,
    /// Payment links, which are made in the Dashboard or by Gate.
    PaymentLinks,
}

impl Interface {
    /// All interfaces of the platform, in the order in which the tables of its documentation list
    /// them: the Payment Page first.
    pub const ALL: &[Self] =
        &[Self::PaymentPage, Self::CmsPlugins, Self::Gate, Self::Dashboard, Self::PaymentLinks];
}

impl fmt::Display for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::PaymentPage => "Payment Page",
            Self::CmsPlugins => "CMS plug-ins",
            Self::Gate => "Gate",
            Self::Dashboard => "Dashboard",
            Self::PaymentLinks => "payment links",
        })
    }
}
