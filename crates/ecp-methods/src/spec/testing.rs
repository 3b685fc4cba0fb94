//! Test amounts of a method, and the form of its redirect in tests.

use super::redirect::{RedirectField, TestRedirect};
use super::steps::{TestQuestion, TestStep};

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
    redirect_fields: &'static [RedirectField],
    redirect_encrypted: bool,
    step: TestStep,
    questions: &'static [TestQuestion],
    source: Option<&'static str>,
}

impl Testing {
    /// The amounts of Jeton Wallet's page, which the sandbox uses for other methods too.
    const DECLINED: &'static [i64] = &[40_000, 40_400];

    /// The sandbox's behaviour for a method whose page does not mention tests: it declines the
    /// amounts of Jeton Wallet's page, and the redirect is a plain one.
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

    /// Sets the amounts in minor units of any currency that are declined.
    pub const fn declined(self, declined: &'static [i64]) -> Self {
        Self { declined: Some(declined), ..self }
    }

    /// Sets the amounts of sales, in minor units of any currency, whose final callback has the
    /// customer's account.
    pub const fn account_shown(self, account_shown: &'static [i64]) -> Self {
        Self { account_shown, ..self }
    }

    /// Sets the form of the redirect to the provider.
    pub const fn redirect(self, redirect: TestRedirect) -> Self {
        Self { redirect: Some(redirect), ..self }
    }

    /// A redirect by a form with these fields, [`TestRedirect::PostFields`]. That form without fields
    /// of its own has some of the sandbox's choice.
    pub const fn redirect_fields(self, fields: &'static [RedirectField]) -> Self {
        let redirect = Some(TestRedirect::PostFields);
        Self { redirect, redirect_fields: fields, ..self }
    }

    /// `redirect_data` has a member `encrypted`, an empty list, and its members are in the order of
    /// Touch&Go's sample, the only one that has it.
    pub const fn redirect_encrypted(self) -> Self {
        Self { redirect_encrypted: true, ..self }
    }

    /// Sets what the customer of a sale does to pay, [`TestStep::Redirect`] by default.
    pub const fn step(self, step: TestStep) -> Self {
        Self { step, ..self }
    }

    /// Sets what the platform asks for before the customer of a sale can pay, nothing by default.
    /// Only Gate asks the merchant; the Payment Page would ask the customer.
    pub const fn questions(self, questions: &'static [TestQuestion]) -> Self {
        Self { questions, ..self }
    }

    /// Sets where these test values come from, as free text for people (`this library's choice`).
    /// Without it, they come from the method's [`Spec::source`](super::Spec::source).
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

    /// The amounts, in minor units, of sales in test projects whose final callback has the member
    /// `account`. [`Testing::own_source`] names the document that lists them.
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

    /// The fields of the form that redirects, empty if the sandbox chooses them or there are none.
    pub const fn redirect_form_fields(&self) -> &'static [RedirectField] {
        self.redirect_fields
    }

    /// Whether `redirect_data` has a member `encrypted`.
    pub const fn has_redirect_encrypted(&self) -> bool {
        self.redirect_encrypted
    }

    /// What the customer of a sale does to pay.
    pub const fn sale_step(&self) -> TestStep {
        self.step
    }

    /// What the platform asks for before the customer of a sale can pay.
    pub const fn sale_questions(&self) -> &'static [TestQuestion] {
        self.questions
    }

    /// Source of the redirect's form, `None` for the sample on the method's page.
    pub const fn redirect_source(&self) -> Option<&'static str> {
        match self.redirect {
            Some(_) => self.source,
            None => Some("the sandbox's choice"),
        }
    }

    /// Source that was set by [`Testing::source`], `None` if the values come from the method's
    /// [`Spec::source`](super::Spec::source).
    pub const fn own_source(&self) -> Option<&'static str> {
        self.source
    }

    /// Whether the amount has a meaning in tests.
    pub fn is_listed(&self, minor: i64) -> bool {
        self.is_declined(minor) || self.shows_account(minor)
    }
}
