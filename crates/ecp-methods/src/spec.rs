//! Specs of payment methods: the tables of a method's documentation page as constants, checked at
//! compile time.

#![expect(clippy::missing_panics_doc, reason = "specs are constants: a panic stops the compiler")]

mod callback;
mod capability;
mod data;
mod describe;
mod examples;
mod facts;
mod limit;
mod need;
mod redirect;
mod regions;
mod rule;
mod steps;
mod testing;

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use ecp_core::Currency;

pub use self::callback::CallbackForm;
pub use self::capability::{Capabilities, Capability};
use self::data::MOST_FLOWS;
pub use self::data::MethodSpec;
pub use self::describe::Row;
pub(crate) use self::describe::matrix;
pub use self::facts::{Certainty, Conversion, Fact, Instrument, Interface, Kind};
pub use self::limit::{Limit, Limits, Scope};
pub use self::need::{Condition, Need};
pub use self::redirect::{RedirectField, RedirectValue, TestRedirect};
pub use self::regions::Regions;
pub use self::rule::Rule;
pub use self::steps::{TestItem, TestQuestion, TestStep};
pub use self::testing::Testing;
use crate::flow::{Effect, Flow, is_path, same_name};
use crate::method::Supports;
use crate::request::OperationRequest;

/// Everything that a payment method declares: its names, operations, currencies, limits and fields.
/// Assign it to [`PaymentMethod::SPEC`](crate::PaymentMethod::SPEC) of your method's type.
///
/// An invalid declaration (a minimum above its maximum, an operation declared twice, a rule with a
/// currency that the method does not have, an invalid name) is a compile error.
pub struct Spec<M> {
    data: MethodSpec,
    method: PhantomData<fn() -> M>,
}

impl<M> Spec<M> {
    /// Creates the spec of a payment method from its code in this library (lower case letters,
    /// digits and `-`) and its title, the name for people.
    pub const fn new(code: &'static str, title: &'static str) -> Self {
        assert!(is_slug(code), "a method's code must hold only lower case letters, digits and `-`");
        assert!(!title.is_empty(), "a method needs a title");
        let data = MethodSpec {
            code,
            title,
            source: "",
            certainty: None,
            kind: Kind::Wallet,
            instruments: &[],
            gate_path: None,
            dashboard_code: None,
            page_codes: &[],
            callback_names: &[],
            callback_forms: &[],
            regions: Regions::NotStated,
            currencies: &[],
            major_units: &[],
            conversion: None,
            flows: [None; MOST_FLOWS],
            saved_credentials: None,
            recurring: None,
            chargebacks: None,
            confirms_amount: false,
            denominations: &[],
            example_denominations: &[],
            asks_for_voucher: false,
            facts: &[],
            testing: Testing::new(),
        };
        Self { data, method: PhantomData }
    }

    /// Sets the source of the spec's facts, as text for people, such as the title of a
    /// documentation page; empty by default. A [`Fact`] and [`Testing`] can name sources of their
    /// own.
    pub const fn source(mut self, source: &'static str) -> Self {
        self.data.source = source;
        self
    }

    /// Sets how certain the facts of the spec are, by the kind of their source, such as the
    /// platform's own documentation. Without this call, the spec does not say.
    pub const fn certainty(mut self, certainty: Certainty) -> Self {
        self.data.certainty = Some(certainty);
        self
    }

    /// Sets the means of payment of the payment method, such as vouchers; a wallet by default.
    pub const fn kind(mut self, kind: Kind) -> Self {
        self.data.kind = kind;
        self
    }

    /// Sets the payment instruments (wallets or vouchers) that the documentation page of the
    /// payment method lists, for display. Do not call it if the page has no row for them.
    pub const fn instruments(mut self, instruments: &'static [Instrument]) -> Self {
        self.data.instruments = instruments;
        self
    }

    /// Sets the payment method's part of Gate paths, such as `wallet/jeton` in
    /// `/v2/payment/wallet/jeton/sale`. Without this call, only operations with a path of their own
    /// ([`Rule::path`]) can be sent to Gate.
    pub const fn gate_path(mut self, path: &'static str) -> Self {
        assert!(
            is_path(path),
            "a Gate path must be words of lower case letters, digits, `_` and `-` with `/` between them"
        );
        self.data.gate_path = Some(path);
        self
    }

    /// Sets the Dashboard's code of the payment method, such as `jeton-wallet`, which mass payment
    /// files have in the column `method`. Without this call it is the Gate path, as for most
    /// methods: call it only for a method whose Dashboard code is known to differ (row
    /// `Dashboard codes` of `docs/sources.md`).
    pub const fn dashboard_code(mut self, code: &'static str) -> Self {
        assert!(
            is_path(code),
            "a Dashboard code must be words of lower case letters, digits, `_` and `-` with `/` between \
             them"
        );
        self.data.dashboard_code = Some(code);
        self
    }

    /// Sets the payment method's codes for the parameter `force_payment_method` of the Payment
    /// Page, such as `jetonWalletV3`, which preselects the method. The usual code is the first.
    /// Without this call, the page opens without a preselected method.
    pub const fn page_codes(mut self, codes: &'static [&'static str]) -> Self {
        assert!(all_named(codes), "a Payment Page code must not be empty");
        self.data.page_codes = codes;
        self
    }

    /// Sets the names of the payment method in callbacks (values of `payment.method`), such as
    /// `JetonWallet`, compared case-sensitively. Without this call none is known, and callbacks are
    /// matched only by the payment's id.
    pub const fn callback_names(mut self, names: &'static [&'static str]) -> Self {
        assert!(all_named(names), "a callback name must not be empty");
        self.data.callback_names = names;
        self
    }

    /// Sets how the payment method's callbacks differ from those of other methods, by the samples
    /// on its documentation page. Only a simulated platform, such as the sandbox, uses this.
    pub const fn callbacks(mut self, forms: &'static [CallbackForm]) -> Self {
        self.data.callback_forms = forms;
        self
    }

    /// Sets the countries where the payment method is used, by ISO 3166-1 alpha-2, such as
    /// `["IN", "JP"]`. They are for display and for [`Selection`](crate::Selection): no request is
    /// refused because of them.
    pub const fn regions(mut self, countries: &'static [&'static str]) -> Self {
        self.data.regions = Regions::only(countries);
        self
    }

    /// Sets the countries where the payment method is not used, by ISO 3166-1 alpha-2, such as
    /// `["US"]`. The method is then used in all other countries. The countries are for display and
    /// for [`Selection`](crate::Selection): no request is refused because of them.
    pub const fn regions_except(mut self, countries: &'static [&'static str]) -> Self {
        self.data.regions = Regions::except(countries);
        self
    }

    /// Declares that the payment method is used in all countries, because its documentation page
    /// says so. Without this call and without a list of countries, it is not stated where the
    /// method is used.
    pub const fn everywhere(mut self) -> Self {
        self.data.regions = Regions::Everywhere;
        self
    }

    /// Sets the currencies that payments by this payment method can have. Without this call, every
    /// amount is refused.
    pub const fn currencies(mut self, currencies: &'static [Currency]) -> Self {
        self.data.currencies = currencies;
        self
    }

    /// Sets the currencies whose amounts the platform counts in whole major units for this method,
    /// and not in minor units as usual (row `major units` of `docs/sources.md`). For HUF, requests,
    /// callbacks, the Payment Page and mass files then have 300 for 300.00 HUF, and a request for
    /// 300.50 HUF is refused. Your code does not change: [`Money`](ecp_core::Money) stays in minor
    /// units.
    pub const fn major_units(mut self, currencies: &'static [Currency]) -> Self {
        self.data.major_units = currencies;
        self
    }

    /// Sets who converts between the payment's currency and the customer's currency, the platform
    /// or the service of the payment method, for display. Without this call, the spec does not say.
    pub const fn conversion(mut self, conversion: Conversion) -> Self {
        self.data.conversion = Some(conversion);
        self
    }

    /// Sets whether the payment method has payments for which the customer's data was saved in an
    /// earlier payment. Without this call, the spec does not say, and [`MethodSpec::states`]
    /// returns `None`. Do not call it if the method's documentation page has no row about it.
    pub const fn saved_credentials(mut self, possible: bool) -> Self {
        self.data.saved_credentials = Some(possible);
        self
    }

    /// Sets whether the payment method has recurring payments: a series that the merchant repeats
    /// without the customer. Without this call, the spec does not say, and [`MethodSpec::states`]
    /// returns `None`. Do not call it if the method's documentation page has no row about it.
    pub const fn recurring(mut self, possible: bool) -> Self {
        self.data.recurring = Some(possible);
        self
    }

    /// Sets whether customers can dispute payments by this payment method (chargebacks). Without
    /// this call, the spec does not say, and [`MethodSpec::states`] returns `None`. Do not call it
    /// if the method's documentation page has no row about it.
    pub const fn chargebacks(mut self, possible: bool) -> Self {
        self.data.chargebacks = Some(possible);
        self
    }

    /// Declares that the platform asks the merchant to confirm the amount of each sale by this
    /// payment method, by a signed POST request `check_deposit`, which `Confirmations` of
    /// `ecp-notify` answers. By default it does not ask.
    pub const fn confirms_amount(mut self) -> Self {
        self.data.confirms_amount = true;
        self
    }

    /// Sets the values that vouchers of this payment method can have, such as 10 and 25, in major
    /// units of any currency of the method. They are for display and for the sandbox: no amount is
    /// refused because of them.
    pub const fn denominations(mut self, major: &'static [i64]) -> Self {
        let mut at = 1;
        while at < major.len() {
            assert!(major[at - 1] < major[at], "denominations must be in increasing order");
            at += 1;
        }
        assert!(major.is_empty() || major[0] > 0, "denominations must be positive");
        self.data.denominations = major;
        self
    }

    /// Sets further values that vouchers can have, in major units: values that an example on the
    /// method's documentation page uses and the page's list of values lacks. They are for the
    /// sandbox, which offers them too: no amount is refused because of them.
    pub const fn example_denominations(mut self, major: &'static [i64]) -> Self {
        self.data.example_denominations = major;
        self
    }

    /// Declares that the customer enters a voucher's number, security code and expiry date on the
    /// provider's page. The sandbox then asks for them; requests do not change.
    pub const fn asks_for_voucher(mut self) -> Self {
        self.data.asks_for_voucher = true;
        self
    }

    /// Sets other facts from the documentation page of the payment method, such as settlement
    /// currencies. They are for display; no check uses them.
    pub const fn facts(mut self, facts: &'static [Fact]) -> Self {
        self.data.facts = facts;
        self
    }

    /// Adds an operation, such as [`Sale`](crate::Sale), with the rule that its requests must
    /// satisfy. The method's type must have the marker `Supports<F>`, and the rule must name at
    /// least one interface ([`Rule::on`]). A spec can have at most 16 operations.
    pub const fn flow<F: Flow>(mut self, rule: Rule) -> Self
    where
        M: Supports<F>,
    {
        assert!(
            !rule.interfaces.is_empty(),
            "an operation needs an interface, such as Gate: add `on(..)` to its rule"
        );
        assert!(
            !rule.partial
                || matches!(
                    F::OPERATION.effect(),
                    Effect::Back | Effect::Capture | Effect::Release
                ),
            "only a refund, a capture or a release can be partial"
        );
        assert!(
            is_one_of(F::OPERATION.effect(), <F::Request as OperationRequest>::EFFECTS),
            "the request type of an operation must fit its effect: see `OperationRequest::EFFECTS`"
        );
        let mut place = 0;
        while let Some((other, other_rule)) = &self.data.flows[place] {
            assert!(
                !same_name(other.name(), F::OPERATION.name()),
                "an operation must be declared only once"
            );
            if let (Some(own), Some(taken)) = (rule.path, other_rule.path) {
                assert!(!same_name(own, taken), "two operations must not have the same path");
            }
            place += 1;
            assert!(place < MOST_FLOWS, "a spec can have at most 16 operations");
        }
        self.data.flows[place] = Some((F::OPERATION, rule));
        self
    }

    /// Sets how the payment method behaves in the platform's test projects, such as which amounts
    /// are declined; the sandbox imitates it. Without this call it is [`Testing::new`].
    pub const fn testing(mut self, testing: Testing) -> Self {
        self.data.testing = testing;
        self
    }

    /// Finds what only the whole spec shows: at compile time, an error of the compiler.
    pub(crate) const fn check(&self) {
        assert!(
            self.data.has_each_currency_of_its_rules(),
            "a rule or one of its limits names a currency that the method, or the rule, does not have"
        );
    }

    /// Returns the same spec as a [`MethodSpec`], the type that is the same for all payment
    /// methods, for use at run time.
    pub const fn untyped(&self) -> &MethodSpec {
        &self.data
    }
}

impl<M> Deref for Spec<M> {
    type Target = MethodSpec;

    fn deref(&self) -> &MethodSpec {
        &self.data
    }
}

impl<M> fmt::Debug for Spec<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.data.fmt(f)
    }
}

const fn is_one_of(effect: Effect, effects: &[Effect]) -> bool {
    let mut at = 0;
    while at < effects.len() {
        if effects[at] as u8 == effect as u8 {
            return true;
        }
        at += 1;
    }
    false
}

const fn all_named(names: &[&str]) -> bool {
    let mut at = 0;
    while at < names.len() {
        if names[at].is_empty() {
            return false;
        }
        at += 1;
    }
    true
}

const fn is_slug(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if !matches!(bytes[at], b'a'..=b'z' | b'0'..=b'9' | b'-') {
            return false;
        }
        at += 1;
    }
    !bytes.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::{Payout, Sale};
    use crate::method::PaymentMethod;

    #[derive(Debug)]
    struct Acme;

    impl Supports<Sale> for Acme {}
    impl Supports<Payout> for Acme {}
    impl PaymentMethod for Acme {
        const SPEC: Spec<Self> = with(&[Currency::EUR, Currency::HUF]);
    }

    const fn with(currencies: &'static [Currency]) -> Spec<Acme> {
        Spec::new("acme", "Acme Wallet")
            .flow::<Sale>(Rule::new().on(&[Interface::Gate]))
            .flow::<Payout>(Rule::new().on(&[Interface::Gate]).currencies(&[Currency::HUF]))
            .currencies(currencies)
    }

    #[test]
    fn a_rule_may_have_fewer_currencies_than_the_method() {
        Acme::SPEC.check();
    }

    #[test]
    #[should_panic(expected = "names a currency that the method")]
    fn a_currency_of_a_rule_is_one_of_the_method() {
        with(&[Currency::EUR, Currency::JPY]).check();
    }
}
