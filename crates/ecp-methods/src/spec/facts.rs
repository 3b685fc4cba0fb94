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

/// Payment instrument, where the page has a row about it.
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
    /// The platform.
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

/// A fact on a page that no check depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fact {
    /// The subject.
    pub about: &'static str,
    /// The statement.
    pub text: &'static str,
    /// The source, `None` if it is the method's [`Spec::source`](super::Spec::source).
    pub source: Option<&'static str>,
}

impl Fact {
    /// A fact of the method's page.
    pub const fn new(about: &'static str, text: &'static str) -> Self {
        assert!(!about.is_empty() && !text.is_empty(), "a fact says something about something");
        Self { about, text, source: None }
    }

    /// Sets the source, if it is not the method's page.
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

/// Behaviour of a method in tests: results chosen by amount, and the form of the redirect to the
/// provider.
///
/// The values in a method's file come from the method's page, unless [`Testing::source`] says
/// otherwise. Only Jeton Wallet's page mentions test amounts; without any, the sandbox declines the
/// same amounts by its own choice. The forms of redirects are those of the samples on the pages.
#[derive(Clone, Copy, Debug, Default)]
pub struct Testing {
    declined: Option<&'static [i64]>,
    account_shown: &'static [i64],
    redirect: Option<TestRedirect>,
    source: Option<&'static str>,
}

/// The form of `redirect_data`, by the sample on the method's page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TestRedirect {
    /// A plain redirect: `GET`, and an empty list for the body.
    #[default]
    Get,
    /// A form without fields: `POST`, and an empty object for the body.
    PostEmpty,
    /// A form with fields: `POST`, and an object with text and numbers for the body.
    PostFields,
}

impl fmt::Display for TestRedirect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Get => "GET",
            Self::PostEmpty => "POST without fields",
            Self::PostFields => "POST with fields",
        })
    }
}

impl Testing {
    /// The amounts of Jeton Wallet's page, which the sandbox uses for other methods too.
    const DECLINED: &'static [i64] = &[40_000, 40_400];

    /// The sandbox's behaviour for a method whose page does not mention tests: it declines the
    /// amounts of Jeton Wallet's page, and the redirect is a plain one.
    pub const fn new() -> Self {
        Self { declined: None, account_shown: &[], redirect: None, source: None }
    }

    /// Amounts in minor units of any currency that are declined.
    pub const fn declined(self, declined: &'static [i64]) -> Self {
        Self { declined: Some(declined), ..self }
    }

    /// Amounts of sales, in minor units of any currency, whose final callback has the customer's
    /// account.
    pub const fn account_shown(self, account_shown: &'static [i64]) -> Self {
        Self { account_shown, ..self }
    }

    /// The form of the redirect to the provider.
    pub const fn redirect(self, redirect: TestRedirect) -> Self {
        Self { redirect: Some(redirect), ..self }
    }

    /// Sets the source of these values, if it is not the method's page.
    pub const fn source(self, source: &'static str) -> Self {
        Self { source: Some(source), ..self }
    }

    /// The amounts in minor units that are declined.
    pub const fn declined_amounts(&self) -> &'static [i64] {
        match self.declined {
            Some(declined) => declined,
            None => Self::DECLINED,
        }
    }

    /// Source of the declined amounts, `None` for the method's page.
    pub const fn declined_source(&self) -> Option<&'static str> {
        match self.declined {
            Some(_) => self.source,
            None => Some("the sandbox's choice, after Jeton Wallet's page"),
        }
    }

    /// The amounts in minor units of sales whose final callback has the customer's account. Their
    /// source is [`Testing::own_source`].
    pub const fn account_shown_amounts(&self) -> &'static [i64] {
        self.account_shown
    }

    /// Whether the amount is declined.
    pub fn is_declined(&self, minor: i64) -> bool {
        self.declined_amounts().contains(&minor)
    }

    /// Whether the final callback of a sale has the customer's account.
    pub fn shows_account(&self, minor: i64) -> bool {
        self.account_shown.contains(&minor)
    }

    /// The form of the redirect to the provider.
    pub const fn redirect_form(&self) -> TestRedirect {
        match self.redirect {
            Some(redirect) => redirect,
            None => TestRedirect::Get,
        }
    }

    /// Source of the redirect's form, `None` for the sample on the method's page.
    pub const fn redirect_source(&self) -> Option<&'static str> {
        match self.redirect {
            Some(_) => self.source,
            None => Some("the sandbox's choice"),
        }
    }

    /// Source of the values in the method's file, `None` for the method's page.
    pub const fn own_source(&self) -> Option<&'static str> {
        self.source
    }

    /// Whether the amount has a meaning in tests.
    pub fn is_listed(&self, minor: i64) -> bool {
        self.is_declined(minor) || self.shows_account(minor)
    }
}
