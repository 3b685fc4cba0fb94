//! A spec as data, without its method's type.

use std::borrow::Cow;

use ecp_core::model::End;
use ecp_core::{Currency, Money};

use super::callback::CallbackForm;
use super::capability::{Capabilities, Capability};
use super::facts::{Certainty, Conversion, Fact, Instrument, Kind};
use super::regions::Regions;
use super::rule::Rule;
use super::testing::Testing;
use crate::flow::{Effect, Operation, is_same, same_name};
use crate::request::Field;

/// The maximum number of operations that a spec can have.
pub(super) const MOST_FLOWS: usize = 16;

/// Everything that a payment method declares: its names, operations, currencies, limits and fields.
/// All methods have this type, so it is used where a method is chosen at run time:
/// [`DynMethod::spec`](crate::DynMethod::spec) returns it.
#[derive(Clone, Debug)]
pub struct MethodSpec {
    pub(super) code: &'static str,
    pub(super) title: &'static str,
    pub(super) source: &'static str,
    pub(super) certainty: Option<Certainty>,
    pub(super) kind: Kind,
    pub(super) instruments: &'static [Instrument],
    pub(super) gate_path: Option<&'static str>,
    pub(super) dashboard_code: Option<&'static str>,
    pub(super) page_codes: &'static [&'static str],
    pub(super) callback_names: &'static [&'static str],
    pub(super) callback_forms: &'static [CallbackForm],
    pub(super) regions: Regions,
    pub(super) currencies: &'static [Currency],
    pub(super) major_units: &'static [Currency],
    pub(super) conversion: Option<Conversion>,
    pub(super) flows: [Option<(Operation, Rule)>; MOST_FLOWS],
    pub(super) saved_credentials: Option<bool>,
    pub(super) recurring: Option<bool>,
    pub(super) chargebacks: Option<bool>,
    pub(super) confirms_amount: bool,
    pub(super) denominations: &'static [i64],
    pub(super) example_denominations: &'static [i64],
    pub(super) asks_for_voucher: bool,
    pub(super) facts: &'static [Fact],
    pub(super) testing: Testing,
}

impl MethodSpec {
    /// The code of the payment method in this library, such as `jeton`.
    pub const fn code(&self) -> &'static str {
        self.code
    }

    /// The name of the payment method for people, such as `Jeton Wallet`.
    pub const fn title(&self) -> &'static str {
        self.title
    }

    /// The source of the spec's facts, as text for people, such as the title of a documentation
    /// page; empty if the spec names none. A [`Fact`] and [`Testing`] can name sources of their
    /// own.
    pub const fn source(&self) -> &'static str {
        self.source
    }

    /// How certain the facts of the spec are, by the kind of their source, such as the platform's
    /// own documentation; `None` if the spec does not say.
    pub const fn certainty(&self) -> Option<Certainty> {
        self.certainty
    }

    /// The means of payment of the payment method, such as [`Kind::Wallet`] or [`Kind::Voucher`].
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The payment instruments (wallets or vouchers) that the documentation page of the payment
    /// method lists, empty if it lists none.
    pub const fn instruments(&self) -> &'static [Instrument] {
        self.instruments
    }

    /// The payment method's part of Gate paths, such as `wallet/jeton` in
    /// `/v2/payment/wallet/jeton/sale`. `None` if the spec has none; Gate then offers only
    /// operations with a path of their own ([`Rule::own_path`]), if there are any.
    pub const fn gate_path(&self) -> Option<&'static str> {
        self.gate_path
    }

    /// The Dashboard's code of the payment method, such as `jeton-wallet`, which mass payment files
    /// have in the column `method`. If the spec has no such code (row `Dashboard codes` of
    /// `docs/sources.md`), it is the Gate path, as for most methods. `None` if the spec has no Gate
    /// path either.
    pub const fn dashboard_code(&self) -> Option<&'static str> {
        match self.dashboard_code {
            Some(code) => Some(code),
            None => self.gate_path,
        }
    }

    /// The payment method's codes for the parameter `force_payment_method` of the Payment Page,
    /// such as `jetonWalletV3`, which preselects the method. The usual code is the first; empty if
    /// none is known.
    pub const fn page_codes(&self) -> &'static [&'static str] {
        self.page_codes
    }

    /// The names of the payment method in callbacks (values of `payment.method`), such as
    /// `JetonWallet`. Empty if none is known: then match callbacks by the payment's id.
    pub const fn callback_names(&self) -> &'static [&'static str] {
        self.callback_names
    }

    /// How the payment method's callbacks differ from those of other methods, by the samples on its
    /// documentation page: one form for each operation and result that differs. Only a simulated
    /// platform, such as the sandbox, needs it.
    pub const fn callback_forms(&self) -> &'static [CallbackForm] {
        self.callback_forms
    }

    /// The form of callbacks about an operation, such as a payout, with a result; [`End::Open`]
    /// means that the operation has not ended. If the payment method has no form for this result,
    /// it is the method's form for every result; if there is none either, the form of methods whose
    /// callbacks do not differ.
    pub fn callback_form(&self, flow: Operation, end: End) -> CallbackForm {
        let of_flow = || self.callback_forms.iter().filter(|form| form.flow() == flow);
        of_flow()
            .find(|form| form.only_end() == Some(end))
            .or_else(|| of_flow().find(|form| form.only_end().is_none()))
            .copied()
            .unwrap_or(CallbackForm::new(flow))
    }

    /// The countries where the payment method is used, for display and for
    /// [`Selection`](crate::Selection). No request is refused because of them.
    pub const fn regions(&self) -> Regions {
        self.regions
    }

    /// The currencies that payments by this payment method can have. One operation can have fewer
    /// ([`currencies_of`](Self::currencies_of)).
    pub const fn currencies(&self) -> &'static [Currency] {
        self.currencies
    }

    /// The currencies that requests of an operation can have: those of its rule if it names any,
    /// otherwise those of the method. Empty if the method does not have the operation.
    ///
    /// ```
    /// use ecp_core::Currency;
    /// use ecp_methods::{Jeton, Operation, PaymentMethod};
    ///
    /// assert!(Jeton::SPEC.currencies_of(Operation::PAYOUT).contains(&Currency::EUR));
    /// assert!(Jeton::SPEC.currencies_of(Operation::REFUND).is_empty());
    /// ```
    pub const fn currencies_of(&self, operation: Operation) -> &'static [Currency] {
        match self.rule(operation) {
            Some(rule) => match rule.own_currencies() {
                Some(own) => own,
                None => self.currencies,
            },
            None => &[],
        }
    }

    /// Whether the currencies that the rules and their limits name are among those of the method;
    /// usable at compile time. An equivalent may be of any currency.
    pub(super) const fn has_each_currency_of_its_rules(&self) -> bool {
        let mut place = 0;
        while place < self.flows.len() {
            if let Some((_, rule)) = &self.flows[place] {
                let own = match rule.own_currencies() {
                    Some(own) => own,
                    None => self.currencies,
                };
                let mut at = 0;
                while at < own.len() {
                    if !holds(self.currencies, own[at]) {
                        return false;
                    }
                    at += 1;
                }
                let limits = rule.stated_limits();
                let mut at = 0;
                while at < limits.len() {
                    if let Some(currency) = limits[at].own_currency()
                        && !holds(own, currency)
                    {
                        return false;
                    }
                    at += 1;
                }
            }
            place += 1;
        }
        true
    }

    /// The currencies whose amounts the platform counts in whole major units for this method, and
    /// not in minor units as usual: it then reads 300 as 300.00 HUF.
    /// [`sent_amount`](Self::sent_amount) and [`received_amount`](Self::received_amount) convert.
    pub const fn major_units(&self) -> &'static [Currency] {
        self.major_units
    }

    /// The number that requests to the platform have for an amount: minor units, such as 10000 for
    /// 100.00 EUR, or whole major units for the currencies of [`MethodSpec::major_units`]. `None`
    /// if major units are sent and the amount has a fraction, which cannot be sent.
    pub fn sent_amount(&self, amount: Money) -> Option<i64> {
        if self.major_units.contains(&amount.currency()) {
            amount.major()
        } else {
            Some(amount.minor())
        }
    }

    /// The amount for a number in a message of the platform about this method, such as
    /// `payment.sum.amount` in a callback. The number counts minor units, or major units for the
    /// currencies of [`MethodSpec::major_units`]. `None` if the amount is too large for [`Money`].
    ///
    /// ```
    /// use ecp_core::Currency;
    /// use ecp_methods::{Jeton, PaymentMethod};
    ///
    /// let paid = Jeton::SPEC.received_amount(10_000, Currency::EUR);
    /// assert_eq!(paid.unwrap().to_string(), "100.00 EUR");
    /// ```
    pub fn received_amount(&self, number: i64, currency: Currency) -> Option<Money> {
        if self.major_units.contains(&currency) {
            Money::from_major(number, currency)
        } else {
            Some(Money::from_minor(number, currency))
        }
    }

    /// Who converts between the payment's currency and the customer's currency, the platform or the
    /// service of the payment method; `None` if this is not documented.
    pub const fn conversion(&self) -> Option<Conversion> {
        self.conversion
    }

    /// The values that vouchers of this payment method can have, as amounts in a currency, smallest
    /// first. Empty if the method declares none.
    pub fn denominations(&self, currency: Currency) -> impl DoubleEndedIterator<Item = Money> {
        money(self.denominations, currency)
    }

    /// Further values that vouchers can have, as amounts in a currency: values that an example on
    /// the method's documentation page uses and the page's list of values lacks. Empty if there are
    /// none.
    pub fn example_denominations(
        &self,
        currency: Currency,
    ) -> impl DoubleEndedIterator<Item = Money> {
        money(self.example_denominations, currency)
    }

    /// Whether the customer enters a voucher's number, security code and expiry date on the
    /// provider's page. Requests do not have them.
    pub const fn asks_for_voucher(&self) -> bool {
        self.asks_for_voucher
    }

    /// Other facts from the documentation page of the payment method, such as settlement
    /// currencies. They are for display; no check uses them.
    pub const fn facts(&self) -> &'static [Fact] {
        self.facts
    }

    /// Whether the payment method has a capability, such as refunds. An operation or an interface
    /// that the spec does not declare is `Some(false)`; chargebacks, recurring payments and saved
    /// credentials are `None` if the method's documentation page does not mention them.
    ///
    /// ```
    /// use ecp_methods::spec::Capability;
    /// use ecp_methods::{Jeton, PaymentMethod, TouchNGo};
    ///
    /// assert_eq!(TouchNGo::SPEC.states(Capability::Recurring), Some(false));
    /// assert_eq!(Jeton::SPEC.states(Capability::Recurring), None);
    /// ```
    pub fn states(&self, capability: Capability) -> Option<bool> {
        capability.stated_by(self)
    }

    /// All capabilities, such as refunds, that the payment method has by its spec. A capability
    /// that the spec does not mention is not in the set.
    ///
    /// ```
    /// use ecp_methods::spec::Capability;
    /// use ecp_methods::{EcoVoucher, PaymentMethod};
    ///
    /// let capabilities = EcoVoucher::SPEC.capabilities();
    /// assert!(capabilities.has(Capability::ZeroAmount) && !capabilities.has(Capability::Payout));
    /// ```
    pub fn capabilities(&self) -> Capabilities {
        Capabilities::of(self)
    }

    /// The rule that requests for an operation must satisfy, such as limits and required fields;
    /// `None` if the payment method does not have the operation. The name and the effect on money
    /// must both be those in the spec.
    pub const fn rule(&self, flow: Operation) -> Option<&Rule> {
        let mut at = 0;
        while at < MOST_FLOWS {
            match &self.flows[at] {
                Some((own, rule)) if is_same(*own, flow) => return Some(rule),
                Some(_) => at += 1,
                None => return None,
            }
        }
        None
    }

    /// The field at a path of the Gate request, such as `account.number`, if requests for the
    /// operation must have this field always or under a condition. Otherwise `None`.
    ///
    /// ```
    /// use ecp_methods::request::Field;
    /// use ecp_methods::{Operation, Jeton, PaymentMethod};
    ///
    /// let number = Jeton::SPEC.needed_field(Operation::PAYOUT, "account.number");
    /// assert_eq!(number, Some(Field::ACCOUNT_NUMBER));
    /// ```
    pub fn needed_field(&self, flow: Operation, path: &str) -> Option<Field> {
        self.rule(flow)?.declared().find(|field| field.path() == path)
    }

    /// The first operation of the spec that has this effect on money, such as [`Effect::MoneyIn`],
    /// with its rule; `None` if no operation has it.
    pub fn first_with(&self, effect: Effect) -> Option<(Operation, &Rule)> {
        self.rules().find(|(flow, _)| flow.effect() == effect)
    }

    /// The operation's Gate path without `/v2/payment/`, such as `wallet/jeton/sale`. `None` if the
    /// method does not have the operation, or if neither the operation nor the method has a Gate
    /// path. A path does not mean that Gate offers the operation: [`Rule::interfaces`] says that.
    pub fn path_of(&self, flow: Operation) -> Option<Cow<'static, str>> {
        match self.rule(flow)?.own_path() {
            Some(path) => Some(Cow::Borrowed(path)),
            None => Some(Cow::Owned(format!("{}/{flow}", self.gate_path?))),
        }
    }

    /// Whether an operation has a Gate path, which [`path_of`](Self::path_of) returns.
    pub(crate) const fn has_path(&self, flow: Operation) -> bool {
        match self.rule(flow) {
            Some(rule) => rule.own_path().is_some() || self.gate_path.is_some(),
            None => false,
        }
    }

    /// The operation whose Gate path is `path`, given without `/v2/payment/`, such as
    /// `wallet/jeton/sale`; `None` if no operation of the method has this path.
    pub fn by_path(&self, path: &str) -> Option<Operation> {
        let has = |flow: Operation, rule: &Rule| match rule.own_path() {
            Some(own) => own == path,
            None => self.gate_path.is_some_and(|gate_path| {
                let rest = path.strip_prefix(gate_path).and_then(|rest| rest.strip_prefix('/'));
                rest == Some(flow.name())
            }),
        };
        self.rules().find(|(flow, rule)| has(*flow, rule)).map(|(flow, _)| flow)
    }

    /// The operations that the payment method has, such as a sale, in the order of the spec.
    pub fn flows(&self) -> impl Iterator<Item = Operation> {
        self.rules().map(|(flow, _)| flow)
    }

    /// The operations that the payment method has, each with the rule that its requests must
    /// satisfy, in the order of the spec.
    pub fn rules(&self) -> impl Iterator<Item = (Operation, &Rule)> {
        self.flows.iter().flatten().map(|(flow, rule)| (*flow, rule))
    }

    /// How the payment method behaves in the platform's test projects, such as which amounts are
    /// declined; the sandbox imitates it.
    pub const fn testing(&self) -> &Testing {
        &self.testing
    }
}

/// Whether a list has a currency; usable at compile time.
const fn holds(currencies: &[Currency], wanted: Currency) -> bool {
    let mut at = 0;
    while at < currencies.len() {
        if same_name(currencies[at].code(), wanted.code()) {
            return true;
        }
        at += 1;
    }
    false
}

/// Numbers of whole major units as amounts in a currency.
fn money(major: &'static [i64], currency: Currency) -> impl DoubleEndedIterator<Item = Money> {
    let minor = 10_i64.pow(currency.exponent());
    major.iter().map(move |major| Money::from_minor(major * minor, currency))
}
