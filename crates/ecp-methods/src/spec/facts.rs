//! The smaller words of a method's page.

use std::fmt;

/// What the customer pays with.
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

/// What a payment is made with, where the page has a row about it.
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

/// Who converts currencies.
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

/// Something that a page says and that decides nothing here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fact {
    /// What it is about.
    pub about: &'static str,
    /// What is said.
    pub text: &'static str,
    /// Where it is said, `None` where the method's [`Spec::source`](super::Spec::source) does.
    pub source: Option<&'static str>,
}

impl Fact {
    /// Something that the method's page says.
    pub const fn new(about: &'static str, text: &'static str) -> Self {
        assert!(!about.is_empty() && !text.is_empty(), "a fact says something about something");
        Self { about, text, source: None }
    }

    /// Where it is said, if not on the method's page.
    pub const fn source(self, source: &'static str) -> Self {
        Self { source: Some(source), ..self }
    }
}

/// A way to the platform.
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
    /// All of them, in the order of the documents' tables.
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

/// How a method is tested: results chosen by amount, and the form in which the customer is sent to
/// the provider.
///
/// What a method's file gives comes from the method's page, unless [`Testing::source`] says
/// otherwise. Jeton Wallet's page is the only one that speaks of test amounts; where a file gives
/// none, the sandbox declines the same amounts by its own choice. The forms of redirects are those
/// of the samples on the pages.
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
    /// What Jeton Wallet's page lists, and the sandbox takes for other methods too.
    const DECLINED: &'static [i64] = &[40_000, 40_400];

    /// What the sandbox does for a method whose page says nothing of tests: it declines the
    /// amounts that Jeton Wallet's page lists, and the redirect is a plain one.
    pub const fn new() -> Self {
        Self { declined: None, account_shown: &[], redirect: None, source: None }
    }

    /// Amounts in minor units of any currency that end in a decline.
    pub const fn declined(self, declined: &'static [i64]) -> Self {
        Self { declined: Some(declined), ..self }
    }

    /// Amounts of sales, in minor units of any currency, whose final callback names the
    /// customer's account.
    pub const fn account_shown(self, account_shown: &'static [i64]) -> Self {
        Self { account_shown, ..self }
    }

    /// The form in which the customer is sent to the provider.
    pub const fn redirect(self, redirect: TestRedirect) -> Self {
        Self { redirect: Some(redirect), ..self }
    }

    /// Where what is given here comes from, if not from the method's page.
    pub const fn source(self, source: &'static str) -> Self {
        Self { source: Some(source), ..self }
    }

    /// The amounts in minor units that end in a decline.
    pub const fn declined_amounts(&self) -> &'static [i64] {
        match self.declined {
            Some(declined) => declined,
            None => Self::DECLINED,
        }
    }

    /// Where the declined amounts come from, `None` where from the method's page.
    pub const fn declined_source(&self) -> Option<&'static str> {
        match self.declined {
            Some(_) => self.source,
            None => Some("the sandbox's choice, after Jeton Wallet's page"),
        }
    }

    /// The amounts in minor units of sales whose final callback names the customer's account.
    /// They come from where [`Testing::own_source`] says.
    pub const fn account_shown_amounts(&self) -> &'static [i64] {
        self.account_shown
    }

    /// Whether the amount ends in a decline.
    pub fn is_declined(&self, minor: i64) -> bool {
        self.declined_amounts().contains(&minor)
    }

    /// Whether the final callback of a sale names the customer's account.
    pub fn shows_account(&self, minor: i64) -> bool {
        self.account_shown.contains(&minor)
    }

    /// The form in which the customer is sent to the provider.
    pub const fn redirect_form(&self) -> TestRedirect {
        match self.redirect {
            Some(redirect) => redirect,
            None => TestRedirect::Get,
        }
    }

    /// Where the form of the redirect comes from, `None` where from the sample on the method's
    /// page.
    pub const fn redirect_source(&self) -> Option<&'static str> {
        match self.redirect {
            Some(_) => self.source,
            None => Some("the sandbox's choice"),
        }
    }

    /// Where what the method's file gives comes from, `None` where from the method's page.
    pub const fn own_source(&self) -> Option<&'static str> {
        self.source
    }

    /// Whether the amount has a meaning in tests.
    pub fn is_listed(&self, minor: i64) -> bool {
        self.is_declined(minor) || self.shows_account(minor)
    }
}
