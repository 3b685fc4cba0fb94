//! Requirements of a payment method for the requests of one operation.

use std::borrow::Cow;
use std::time::Duration;

use ecp_core::{Currency, Money};

use super::facts::Interface;
use super::limit::{Limit, Limits};
use super::need::Need;
use crate::flow::is_path;
use crate::request::Field;

/// What a payment method requires of the requests for one operation, such as a sale: amounts,
/// fields and interfaces of the platform. Pass it to [`Spec::flow`](super::Spec::flow).
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    pub(crate) amounts: Amounts,
    pub(crate) currencies: Option<&'static [Currency]>,
    pub(crate) interfaces: &'static [Interface],
    pub(crate) needs: &'static [Field],
    pub(crate) needs_when: &'static [Need],
    pub(crate) zero_amount: bool,
    pub(crate) partial: bool,
    pub(crate) path: Option<&'static str>,
    pub(crate) base_time: Option<Duration>,
    pub(crate) cut_off_time: Option<Duration>,
}

impl Rule {
    /// Creates a rule for the requests of an operation. At first it requires only a positive
    /// amount, and names no interface: add at least one by [`on`](Self::on).
    pub const fn new() -> Self {
        Self {
            amounts: Amounts::NotStated,
            currencies: None,
            interfaces: &[],
            needs: &[],
            needs_when: &[],
            zero_amount: false,
            partial: false,
            path: None,
            base_time: None,
            cut_off_time: None,
        }
    }

    /// Sets the minimum and the maximum amount in major units, both inclusive; an amount beyond
    /// them is refused before it is sent. They are the same numbers in any currency of the payment
    /// method: `"1.00"` is 100 minor units of EUR and 1 of JPY.
    pub const fn amount(self, least: &str, greatest: &str) -> Self {
        Self { amounts: Amounts::Both(Limit::any().from(least).to(greatest)), ..self }
    }

    /// Sets limits that apply only to certain amounts: in a currency, for customers in a country,
    /// or stated as "or equivalent". If several apply to an amount, one counts: first a country's
    /// limit, then a currency's, then an "or equivalent" limit, then a limit for any currency.
    pub const fn limited(self, limits: &'static [Limit]) -> Self {
        assert!(!limits.is_empty(), "an empty list of limits: use `unlimited` if the page says so");
        Self { amounts: Amounts::Scoped(limits), ..self }
    }

    /// Declares that amounts have no limits, because the method's documentation page says so. Do
    /// not call it if the page does not mention limits: then no amount is refused either, but the
    /// limits count as not stated.
    pub const fn unlimited(self) -> Self {
        Self { amounts: Amounts::Unlimited, ..self }
    }

    /// Sets the currencies that requests for this operation can have; a request in another currency
    /// is refused. Call it only if they are not all currencies of the payment method, which is the
    /// default.
    pub const fn currencies(self, currencies: &'static [Currency]) -> Self {
        assert!(
            !currencies.is_empty(),
            "an operation needs a currency: leave out `currencies(..)` to allow those of the method"
        );
        Self { currencies: Some(currencies), ..self }
    }

    /// Sets the interfaces of the platform that offer the operation, such as Gate. A request for
    /// another interface is refused, and a rule without interfaces is a compile error.
    pub const fn on(self, interfaces: &'static [Interface]) -> Self {
        Self { interfaces, ..self }
    }

    /// Sets the fields that every request to Gate must have, in addition to payment id, amount and
    /// currency. For the Payment Page only the customer's id is required: the customer enters the
    /// other fields there.
    pub const fn needs(self, needs: &'static [Field]) -> Self {
        Self { needs, ..self }
    }

    /// Sets the fields that a request must have only under a condition, such as a currency, in
    /// addition to the fields of [`Rule::needs`]. By default there are none.
    pub const fn needs_when(self, needs: &'static [Need]) -> Self {
        Self { needs_when: needs, ..self }
    }

    /// Allows requests with the amount 0, which lets the customer choose the amount, or moves no
    /// money if the operation is a registration. By default, the amount must be positive.
    pub const fn zero_amount(self) -> Self {
        Self { zero_amount: true, ..self }
    }

    /// Sets the Gate path of the operation, without `/v2/payment/`, such as `skrill/1-tap`. Without
    /// this call, it is made of the method's Gate path and the operation's name, such as
    /// `wallet/jeton/sale`.
    pub const fn path(self, path: &'static str) -> Self {
        assert!(
            is_path(path),
            "the path of an operation must be words of lower case letters, digits, `_` and `-` with \
             `/` between them"
        );
        Self { path: Some(path), ..self }
    }

    /// Allows refunds, captures or releases of a part of the payment. By default, only the whole
    /// amount can be refunded, captured or released.
    pub const fn partial(self) -> Self {
        Self { partial: true, ..self }
    }

    /// Sets the average time from the request until the final callback of a payment. A wait for the
    /// result (`Wait` of `ecp-transport`) by default asks for the payment's status only after this
    /// time, or after 30 seconds if a rule has none. After a lost answer, the status may be asked
    /// for earlier.
    pub const fn base_time(self, time: Duration) -> Self {
        Self { base_time: Some(time), ..self }
    }

    /// Sets the time after which the platform declines an unfinished payment by itself. A wait for
    /// the result (`Wait` of `ecp-transport`) by default ends after this time, or after 30 minutes
    /// if a rule has none. If it ends without a result, the result is not known: do not take it for
    /// a decline.
    pub const fn cut_off_time(self, time: Duration) -> Self {
        Self { cut_off_time: Some(time), ..self }
    }

    /// The minimum and maximum that this library enforces for amounts in a currency, if the
    /// customer's country is not known. [`limits_in`](Self::limits_in) takes limits for single
    /// countries into account.
    pub fn limits(&self, currency: Currency) -> Limits {
        self.limits_in(currency, None)
    }

    /// The minimum and maximum that this library enforces for amounts in a currency, for customers
    /// in a country (ISO 3166-1 alpha-2, such as `IN`). With `None` as the country, limits for
    /// single countries do not count.
    pub fn limits_in(&self, currency: Currency, country: Option<&str>) -> Limits {
        Limits::of(self.stated_limits(), currency, country)
    }

    /// The limits of amounts as the method's documentation page states them. If they are empty,
    /// [`Rule::is_unlimited`] says whether the page says that there are no limits (`true`) or does
    /// not mention limits (`false`).
    pub const fn stated_limits(&self) -> &[Limit] {
        match &self.amounts {
            Amounts::Both(limit) => std::slice::from_ref(limit),
            Amounts::Scoped(limits) => limits,
            Amounts::NotStated | Amounts::Unlimited => &[],
        }
    }

    /// Whether the method's documentation page says that amounts have no limits. `false` if it
    /// states limits or does not mention them.
    pub const fn is_unlimited(&self) -> bool {
        matches!(self.amounts, Amounts::Unlimited)
    }

    /// The currencies that this rule sets for the operation, `None` if it sets none; the operation
    /// then has all currencies of the method.
    /// [`MethodSpec::currencies_of`](super::MethodSpec::currencies_of) returns the currencies in
    /// both cases.
    pub const fn own_currencies(&self) -> Option<&'static [Currency]> {
        self.currencies
    }

    /// An example amount within the limits, for documentation, demonstrations and tests: 100 major
    /// units, such as 100.00 EUR, or the nearest allowed amount.
    pub fn example_amount(&self, currency: Currency) -> Money {
        let usual = 10_i64.pow(currency.exponent() + 2);
        let (least, greatest) = self.limits(currency).minor_units();
        Money::from_minor(usual.max(least).min(greatest), currency)
    }

    /// The interfaces of the platform that offer the operation, such as Gate.
    pub const fn interfaces(&self) -> &'static [Interface] {
        self.interfaces
    }

    /// Whether a request may have the amount 0, which lets the customer choose the amount, or moves
    /// no money if the operation is a registration. `false` means that such a request is refused.
    pub const fn allows_zero_amount(&self) -> bool {
        self.zero_amount
    }

    /// Whether refunds, captures or releases of a part of the payment are allowed. `false` means
    /// only of the whole amount.
    pub const fn allows_partial(&self) -> bool {
        self.partial
    }

    /// The Gate path that this rule sets for the operation, without `/v2/payment/`; `None` if it
    /// sets none. [`MethodSpec::path_of`](super::MethodSpec::path_of) returns the path in both
    /// cases.
    pub const fn own_path(&self) -> Option<&'static str> {
        self.path
    }

    /// The average time from the request until the final callback of a payment. `None` if the
    /// documentation does not say; a wait for the result then begins to ask after 30 seconds.
    pub const fn average_time(&self) -> Option<Duration> {
        self.base_time
    }

    /// The time after which the platform declines an unfinished payment by itself. `None` if the
    /// documentation does not say; a wait for the result then ends after 30 minutes.
    pub const fn longest_time(&self) -> Option<Duration> {
        self.cut_off_time
    }

    /// The fields that a request must have only under a condition, such as a currency, each with
    /// its condition.
    pub const fn conditional_needs(&self) -> &'static [Need] {
        self.needs_when
    }

    /// The fields that a request must have: first those that every request must have, then those
    /// whose condition is true for this request, in the order of the spec. If several conditions
    /// ask for the same path, it occurs once for each, and its value must have the form of every
    /// one. `value` is a function that returns the value that the request has at a path, such as
    /// `customer.country`, or `None`.
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

    /// All fields of the rule: those of every request, then those of each condition.
    pub(crate) fn declared(&self) -> impl Iterator<Item = Field> {
        let conditional = self.needs_when.iter().flat_map(Need::fields);
        self.needs.iter().chain(conditional).copied()
    }

    /// The fields that every request must have, in addition to payment id, amount and currency.
    pub const fn needed_fields(&self) -> &'static [Field] {
        self.needs
    }
}

impl Default for Rule {
    fn default() -> Self {
        Self::new()
    }
}

/// What the documentation page says about the limits of amounts.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Amounts {
    /// A minimum and a maximum number of major units, the same in any currency.
    Both(Limit),
    NotStated,
    Scoped(&'static [Limit]),
    Unlimited,
}
