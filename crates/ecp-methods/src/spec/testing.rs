//! Test amounts of a method, and the form of its redirect in tests.

use super::redirect::{RedirectField, TestRedirect};
use super::steps::{TestQuestion, TestStep};

/// How a payment method behaves in tests: which amounts have a fixed result, and how the customer
/// is redirected to the provider.
///
/// The values are from the method's documentation page, unless [`Testing::source`] names another
/// source. Of the methods in this crate, only Jeton Wallet's page has test amounts; for the others,
/// the sandbox declines the same amounts by its own choice. The redirects have the form of the
/// samples on the pages.
#[derive(Clone, Copy, Debug, Default)]
pub struct Testing {
    declined: Option<&'static [i64]>,
    account_shown: &'static [i64],
    redirect: Option<TestRedirect>,
    redirect_fields: &'static [RedirectField],
    redirect_encrypted: bool,
    step: TestStep,
    questions: &'static [TestQuestion],
    source: Option<&'static str>,
}

impl Testing {
    /// The amounts of Jeton Wallet's page, which the sandbox uses for other methods too.
    const DECLINED: &'static [i64] = &[40_000, 40_400];

    /// Creates the default behaviour, for a payment method whose documentation page does not
    /// mention tests: the sandbox declines sales and payouts of 40000 and 40400 minor units, as the
    /// page of Jeton Wallet says for that method, and redirects the customer by `GET`.
    pub const fn new() -> Self {
        Self {
            declined: None,
            account_shown: &[],
            redirect: None,
            redirect_fields: &[],
            redirect_encrypted: false,
            step: TestStep::Redirect,
            questions: &[],
            source: None,
        }
    }

    /// Sets the amounts of sales and payouts, in minor units of any currency, that are declined in
    /// tests. Without this call, the sandbox declines 40000 and 40400.
    pub const fn declined(self, declined: &'static [i64]) -> Self {
        Self { declined: Some(declined), ..self }
    }

    /// Sets the amounts of sales, in minor units of any currency, for which the final callback in
    /// tests contains the customer's account (the member `account`). Without this call there are
    /// none.
    pub const fn account_shown(self, account_shown: &'static [i64]) -> Self {
        Self { account_shown, ..self }
    }

    /// Sets how the customer is redirected to the provider in tests: by `GET`, the default, or by
    /// `POST`.
    pub const fn redirect(self, redirect: TestRedirect) -> Self {
        Self { redirect: Some(redirect), ..self }
    }

    /// Sets the redirect to the provider to an HTML form with these fields, sent by `POST`
    /// ([`TestRedirect::PostFields`]). Without this call, the sandbox chooses the fields of such a
    /// form.
    pub const fn redirect_fields(self, fields: &'static [RedirectField]) -> Self {
        let redirect = Some(TestRedirect::PostFields);
        Self { redirect, redirect_fields: fields, ..self }
    }

    /// Declares that `redirect_data` in callbacks of the sandbox has a member `encrypted` (an empty
    /// list), which it has not by default. The members of `redirect_data` then have the order of
    /// Touch&Go's sample, the only sample with this member.
    pub const fn redirect_encrypted(self) -> Self {
        Self { redirect_encrypted: true, ..self }
    }

    /// Sets how the customer of a sale pays in tests, [`TestStep::Redirect`] by default.
    pub const fn step(self, step: TestStep) -> Self {
        Self { step, ..self }
    }

    /// Sets the fields that the platform asks for before the customer of a sale can pay in tests,
    /// none by default. For a sale on Gate, the sandbox asks the merchant.
    pub const fn questions(self, questions: &'static [TestQuestion]) -> Self {
        Self { questions, ..self }
    }

    /// Sets the source of these test values, as text for people, such as `this library's choice`.
    /// Without this call, the source is that of the method's spec
    /// ([`Spec::source`](super::Spec::source)).
    pub const fn source(self, source: &'static str) -> Self {
        Self { source: Some(source), ..self }
    }

    /// The amounts of sales and payouts, in minor units of any currency, that are declined in
    /// tests.
    pub const fn declined_amounts(&self) -> &'static [i64] {
        match self.declined {
            Some(declined) => declined,
            None => Self::DECLINED,
        }
    }

    /// The source of the amounts that are declined in tests, as text for people; `None` if it is
    /// the method's documentation page.
    pub const fn declined_source(&self) -> Option<&'static str> {
        match self.declined {
            Some(_) => self.source,
            None => Some("the sandbox's choice: the amounts of Jeton Wallet's page"),
        }
    }

    /// The amounts of sales, in minor units of any currency, for which the final callback in test
    /// projects contains the customer's account (the member `account`). Empty if there are none.
    pub const fn account_shown_amounts(&self) -> &'static [i64] {
        self.account_shown
    }

    /// Whether a sale or payout of this amount, in minor units, is declined in tests.
    pub fn is_declined(&self, minor: i64) -> bool {
        self.declined_amounts().contains(&minor)
    }

    /// Whether the final callback of a sale of this amount, in minor units, contains the customer's
    /// account in tests.
    pub fn shows_account(&self, minor: i64) -> bool {
        self.account_shown.contains(&minor)
    }

    /// How the customer is redirected to the provider in tests: by `GET` or `POST`.
    pub const fn redirect_form(&self) -> TestRedirect {
        match self.redirect {
            Some(redirect) => redirect,
            None => TestRedirect::Get,
        }
    }

    /// The fields of the HTML form that redirects the customer to the provider in tests. Empty if
    /// the sandbox chooses them or the redirect is not such a form.
    pub const fn redirect_form_fields(&self) -> &'static [RedirectField] {
        self.redirect_fields
    }

    /// Whether `redirect_data` in callbacks has a member `encrypted` (an empty list) in tests.
    pub const fn has_redirect_encrypted(&self) -> bool {
        self.redirect_encrypted
    }

    /// How the customer of a sale pays in tests, such as after a redirect to the provider.
    pub const fn sale_step(&self) -> TestStep {
        self.step
    }

    /// The fields that the platform asks for before the customer of a sale can pay in tests. Empty
    /// if it asks for none.
    pub const fn sale_questions(&self) -> &'static [TestQuestion] {
        self.questions
    }

    /// The source of the form that the redirect to the provider has in tests, as text for people;
    /// `None` if it is the sample on the method's documentation page.
    pub const fn redirect_source(&self) -> Option<&'static str> {
        match self.redirect {
            Some(_) => self.source,
            None => Some("the sandbox's choice"),
        }
    }

    /// The source of these test values that was set by [`Testing::source`], as text for people;
    /// `None` if it is that of the method's spec ([`Spec::source`](super::Spec::source)).
    pub const fn own_source(&self) -> Option<&'static str> {
        self.source
    }

    /// Whether an amount, in minor units, has a fixed meaning in tests: it is declined, or the
    /// final callback contains the customer's account.
    pub fn is_listed(&self, minor: i64) -> bool {
        self.is_declined(minor) || self.shows_account(minor)
    }
}
