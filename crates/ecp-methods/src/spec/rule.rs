//! Requirements of a method in one flow.

use std::borrow::Cow;
use std::time::Duration;

use ecp_core::{Currency, Money};

use super::facts::Interface;
use super::limit::{Limit, Limits};
use super::need::Need;
use crate::request::Field;

/// Requirements of a method in one flow.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    pub(crate) amounts: Amounts,
    pub(crate) interfaces: &'static [Interface],
    pub(crate) needs: &'static [Field],
    pub(crate) needs_when: &'static [Need],
    pub(crate) zero_amount: bool,
    pub(crate) partial: bool,
    pub(crate) base_time: Option<Duration>,
    pub(crate) cut_off_time: Option<Duration>,
}

impl Rule {
    /// A rule that requires only a positive amount.
    pub const fn new() -> Self {
        Self {
            amounts: Amounts::NotStated,
            interfaces: &[],
            needs: &[],
            needs_when: &[],
            zero_amount: false,
            partial: false,
            base_time: None,
            cut_off_time: None,
        }
    }

    /// Sets the minimum and the maximum amount in major units, both inclusive, in any currency of
    /// the method: `"1.00"` is 100 minor units of EUR and 1 of JPY.
    pub const fn amount(self, least: &str, greatest: &str) -> Self {
        Self { amounts: Amounts::Both(Limit::any().from(least).to(greatest)), ..self }
    }

    /// Sets limits with scopes: those of a currency, of a country, or "or equivalent". For an amount the most
    /// specific one counts: a country's, then a currency's, then that of an equivalent, then any.
    pub const fn limited(self, limits: &'static [Limit]) -> Self {
        assert!(!limits.is_empty(), "an empty list of limits: use `unlimited` if the page says so");
        Self { amounts: Amounts::Scoped(limits), ..self }
    }

    /// Declares that the page says that there are no limits. Without any of the three, limits are not
    /// stated.
    pub const fn unlimited(self) -> Self {
        Self { amounts: Amounts::Unlimited, ..self }
    }

    /// Sets the interfaces that offer the flow.
    pub const fn on(self, interfaces: &'static [Interface]) -> Self {
        Self { interfaces, ..self }
    }

    /// Sets the fields that a request must have in addition to payment id, amount and currency.
    pub const fn needs(self, needs: &'static [Field]) -> Self {
        Self { needs, ..self }
    }

    /// Sets the fields that a request must have under conditions, in addition to those of [`Rule::needs`].
    pub const fn needs_when(self, needs: &'static [Need]) -> Self {
        Self { needs_when: needs, ..self }
    }

    /// Allows an amount of 0: the customer chooses it.
    pub const fn zero_amount(self) -> Self {
        Self { zero_amount: true, ..self }
    }

    /// Allows partial refunds. Without it refunds are full.
    pub const fn partial(self) -> Self {
        Self { partial: true, ..self }
    }

    /// Sets the average time of a payment until its final callback.
    pub const fn base_time(self, time: Duration) -> Self {
        Self { base_time: Some(time), ..self }
    }

    /// Sets the time after which the platform declines a payment by itself.
    pub const fn cut_off_time(self, time: Duration) -> Self {
        Self { cut_off_time: Some(time), ..self }
    }

    /// The limits that are enforced in a currency, whatever the customer's country.
    pub fn limits(&self, currency: Currency) -> Limits {
        self.limits_in(currency, None)
    }

    /// The limits that are enforced in a currency for customers of a country, by ISO 3166-1 alpha-2.
    pub fn limits_in(&self, currency: Currency, country: Option<&str>) -> Limits {
        Limits::of(self.stated_limits(), currency, country)
    }

    /// The limits as the page states them. None, if it states none; [`Rule::is_unlimited`] then distinguishes
    /// a page that says that there are none from one that says nothing.
    pub const fn stated_limits(&self) -> &[Limit] {
        match &self.amounts {
            Amounts::Both(limit) => std::slice::from_ref(limit),
            Amounts::Scoped(limits) => limits,
            Amounts::NotStated | Amounts::Unlimited => &[],
        }
    }

    /// Whether the page says that there are no limits.
    pub const fn is_unlimited(&self) -> bool {
        matches!(self.amounts, Amounts::Unlimited)
    }

    /// An amount within the limits, for documentation, demonstrations and tests: 100 in major
    /// units, or the nearest allowed amount.
    pub fn example_amount(&self, currency: Currency) -> Money {
        let usual = 10_i64.pow(currency.exponent() + 2);
        let (least, greatest) = self.limits(currency).minor_units();
        Money::from_minor(usual.max(least).min(greatest), currency)
    }

    /// Interfaces that offer the flow.
    pub const fn interfaces(&self) -> &'static [Interface] {
        self.interfaces
    }

    /// Whether an amount of 0 is allowed.
    pub const fn allows_zero_amount(&self) -> bool {
        self.zero_amount
    }

    /// Whether partial refunds are allowed.
    pub const fn allows_partial(&self) -> bool {
        self.partial
    }

    /// The average time of a payment, `None` if the documents do not say.
    pub const fn average_time(&self) -> Option<Duration> {
        self.base_time
    }

    /// The time after which the platform declines, `None` if the documents do not say.
    pub const fn longest_time(&self) -> Option<Duration> {
        self.cut_off_time
    }

    /// Fields that a request must have under conditions.
    pub const fn conditional_needs(&self) -> &'static [Need] {
        self.needs_when
    }

    /// The fields that a request must have, with those of the conditions that hold for it, in the order of
    /// the tables. `value` finds the request's value at a path, as [`Draft::value`](crate::Draft::value).
    pub fn needed<'a>(
        &self,
        currency: Option<Currency>,
        value: impl Fn(&str) -> Option<Cow<'a, str>>,
    ) -> Vec<Field> {
        let mut needed = self.needs.to_vec();
        for need in self.needs_when.iter().filter(|need| need.applies(currency, &value)) {
            needed.extend(need.fields());
        }
        needed
    }

    /// Fields that every request must have besides payment id, amount and currency.
    pub const fn needed_fields(&self) -> &'static [Field] {
        self.needs
    }
}

impl Default for Rule {
    fn default() -> Self {
        Self::new()
    }
}

/// What a page says about amounts.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Amounts {
    /// From one number of major units to another, in any currency.
    Both(Limit),
    NotStated,
    Scoped(&'static [Limit]),
    Unlimited,
}
