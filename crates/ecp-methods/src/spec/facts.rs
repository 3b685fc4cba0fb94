//! Smaller facts of a method's page.

use std::fmt;

/// Means of payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
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
            Self::Voucher => "vouchers",
            Self::Wallet => "electronic wallets",
            Self::WalletThroughPartner => "electronic wallets through a partner",
        })
    }
}

/// Payment instrument that the method's documentation page lists. Some pages list none; [`Kind`] is
/// given for every method.
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

/// Party that converts currencies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Conversion {
    /// The wallet's or voucher's own service.
    Method,
    /// The platform itself.
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

/// How sure the facts of a spec are, by where they were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Certainty {
    /// A copy of the platform's documentation, with another brand or none: whether the platform offers the
    /// method to you, and with which changes, is to be asked.
    DocumentationCopy,
    /// Two public sources that are independent of each other say that the platform has the method, and agree
    /// in what both say. What only one of them says is no surer than that one.
    TwoSources,
    /// The platform's own page of the method.
    Documents,
}

impl Certainty {
    /// All degrees, the least sure first.
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

/// A fact on a page that no check depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fact {
    /// The subject of the fact.
    pub about: &'static str,
    /// The statement about the subject.
    pub text: &'static str,
    /// The source, `None` if it is the method's [`Spec::source`](super::Spec::source).
    pub source: Option<&'static str>,
}

impl Fact {
    /// A fact of the method's page.
    pub const fn new(about: &'static str, text: &'static str) -> Self {
        assert!(!about.is_empty() && !text.is_empty(), "a fact needs a subject and a text");
        Self { about, text, source: None }
    }

    /// Sets where the fact comes from, as free text for people. Without it, the fact comes from the
    /// method's [`Spec::source`](super::Spec::source).
    pub const fn source(self, source: &'static str) -> Self {
        Self { source: Some(source), ..self }
    }
}

/// An interface of the platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Interface {
    /// The hosted payment form.
    PaymentPage,
    /// Plug-ins for shop systems.
    CmsPlugins,
    /// The server API.
    Gate,
    /// The platform's back office.
    Dashboard,
    /// Links that the back office makes.
    PaymentLinks,
}

impl Interface {
    /// All interfaces, in the order of the documents' tables.
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
