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
pub struct Fact {
    /// What it is about.
    pub about: &'static str,
    /// What is said.
    pub text: &'static str,
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
    pub const ALL: [Self; 5] =
        [Self::PaymentPage, Self::CmsPlugins, Self::Gate, Self::Dashboard, Self::PaymentLinks];
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

/// How the platform's test projects treat a method: results chosen by amount, and the form in
/// which the customer is sent to the provider.
#[derive(Clone, Copy, Debug)]
pub struct Testing {
    declined: &'static [i64],
    account_shown: &'static [i64],
    redirect: TestRedirect,
}

/// The form of `redirect_data`, by the samples of the method's page.
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

impl Testing {
    /// What the sandbox does for a method whose page says nothing of tests: it declines the
    /// amounts that Jeton Wallet's page lists, and the redirect is a plain one.
    pub const fn new() -> Self {
        Self { declined: &[40_000, 40_400], account_shown: &[], redirect: TestRedirect::Get }
    }

    /// Amounts in minor units of any currency that end in a decline.
    pub const fn declined(self, declined: &'static [i64]) -> Self {
        Self { declined, ..self }
    }

    /// Amounts of sales whose final callback names the customer's account.
    pub const fn account_shown(self, account_shown: &'static [i64]) -> Self {
        Self { account_shown, ..self }
    }

    /// The form in which the customer is sent to the provider.
    pub const fn redirect(self, redirect: TestRedirect) -> Self {
        Self { redirect, ..self }
    }

    /// The amounts in minor units that end in a decline.
    pub const fn declined_amounts(&self) -> &'static [i64] {
        self.declined
    }

    /// Whether the amount ends in a decline.
    pub fn is_declined(&self, minor: i64) -> bool {
        self.declined.contains(&minor)
    }

    /// Whether the final callback of a sale names the customer's account.
    pub fn shows_account(&self, minor: i64) -> bool {
        self.account_shown.contains(&minor)
    }

    /// The form in which the customer is sent to the provider.
    pub const fn redirect_form(&self) -> TestRedirect {
        self.redirect
    }

    /// Whether the documents give the amount a meaning in test projects.
    pub fn is_listed(&self, minor: i64) -> bool {
        self.is_declined(minor) || self.shows_account(minor)
    }
}

impl Default for Testing {
    fn default() -> Self {
        Self::new()
    }
}
