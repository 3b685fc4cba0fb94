//! The tables of a method's page, as constants that are checked when they are compiled.

#![expect(clippy::missing_panics_doc, reason = "specs are constants: a panic stops the compiler")]

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use ecp_core::{Currency, Money};

use crate::flow::{Flow, FlowKind};
use crate::method::Supports;
use crate::request::Field;

/// Everything that a method declares.
///
/// A bad table (a minimum over its maximum, a flow given twice, a name that cannot be one) does
/// not compile.
pub struct Spec<M> {
    data: MethodSpec,
    method: PhantomData<fn() -> M>,
}

impl<M> Spec<M> {
    /// A method by its code in this library (lower case, digits and `-`) and its title.
    pub const fn new(code: &'static str, title: &'static str) -> Self {
        assert!(is_slug(code), "a method's code holds lower case letters, digits and `-`");
        assert!(!title.is_empty(), "a method has a title");
        let data = MethodSpec {
            code,
            title,
            gate_path: None,
            page_codes: &[],
            callback_names: &[],
            regions: &[],
            currencies: &[],
            flows: [None; FlowKind::ALL.len()],
            testing: Testing::new(),
        };
        Self { data, method: PhantomData }
    }

    /// The method's part of Gate paths, as `wallet/jeton` in `/v2/payment/wallet/jeton/sale`.
    pub const fn gate_path(mut self, path: &'static str) -> Self {
        assert!(
            !path.is_empty() && path.as_bytes()[0] != b'/',
            "a Gate path begins with its group"
        );
        assert!(path.as_bytes()[path.len() - 1] != b'/', "a Gate path ends with its method");
        self.data.gate_path = Some(path);
        self
    }

    /// The codes for the Payment Page's `force_payment_method`, the usual one first.
    pub const fn page_codes(mut self, codes: &'static [&'static str]) -> Self {
        self.data.page_codes = codes;
        self
    }

    /// What stands in `payment.method` of callbacks, to the letter.
    pub const fn callback_names(mut self, names: &'static [&'static str]) -> Self {
        self.data.callback_names = names;
        self
    }

    /// The countries where the method is used, by ISO 3166-1 alpha-2; none listed means all.
    pub const fn regions(mut self, countries: &'static [&'static str]) -> Self {
        let mut at = 0;
        while at < countries.len() {
            let code = countries[at].as_bytes();
            assert!(
                code.len() == 2 && code[0].is_ascii_uppercase() && code[1].is_ascii_uppercase(),
                "a region is two capital letters"
            );
            at += 1;
        }
        self.data.regions = countries;
        self
    }

    /// The currencies of payments.
    pub const fn currencies(mut self, currencies: &'static [Currency]) -> Self {
        self.data.currencies = currencies;
        self
    }

    /// A flow with its rule.
    pub const fn flow<F: Flow>(mut self, rule: Rule) -> Self
    where
        M: Supports<F>,
    {
        let place = F::KIND as usize;
        assert!(self.data.flows[place].is_none(), "a flow is declared once");
        assert!(!rule.interfaces.is_empty(), "a flow has an interface: `on(..)`");
        self.data.flows[place] = Some(rule);
        self
    }

    /// How the platform's test projects treat the method.
    pub const fn testing(mut self, testing: Testing) -> Self {
        self.data.testing = testing;
        self
    }

    /// The same without the type.
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

/// A [`Spec`] whose method is known at run time only.
#[derive(Clone, Debug)]
pub struct MethodSpec {
    code: &'static str,
    title: &'static str,
    gate_path: Option<&'static str>,
    page_codes: &'static [&'static str],
    callback_names: &'static [&'static str],
    regions: &'static [&'static str],
    currencies: &'static [Currency],
    flows: [Option<Rule>; FlowKind::ALL.len()],
    testing: Testing,
}

impl MethodSpec {
    /// The method's code in this library.
    pub const fn code(&self) -> &'static str {
        self.code
    }

    /// The method's name for people.
    pub const fn title(&self) -> &'static str {
        self.title
    }

    /// The method's part of Gate paths, `None` if Gate does not have it.
    pub const fn gate_path(&self) -> Option<&'static str> {
        self.gate_path
    }

    /// The codes for the Payment Page's `force_payment_method`.
    pub const fn page_codes(&self) -> &'static [&'static str] {
        self.page_codes
    }

    /// What stands in `payment.method` of callbacks.
    pub const fn callback_names(&self) -> &'static [&'static str] {
        self.callback_names
    }

    /// The countries where the method is used; empty means all.
    pub const fn regions(&self) -> &'static [&'static str] {
        self.regions
    }

    /// The currencies of payments.
    pub const fn currencies(&self) -> &'static [Currency] {
        self.currencies
    }

    /// The rule of a flow, `None` if the method does not have the flow.
    pub const fn rule(&self, flow: FlowKind) -> Option<&Rule> {
        self.flows[flow as usize].as_ref()
    }

    /// The flows that the method has.
    pub fn flows(&self) -> impl Iterator<Item = FlowKind> {
        FlowKind::ALL.into_iter().filter(|&flow| self.rule(flow).is_some())
    }

    /// How the platform's test projects treat the method.
    pub const fn testing(&self) -> &Testing {
        &self.testing
    }
}

/// What a method demands in one flow.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    pub(crate) amounts: Option<Amounts>,
    pub(crate) interfaces: &'static [Interface],
    pub(crate) needs: &'static [Field],
}

impl Rule {
    /// Nothing but a positive amount.
    pub const fn new() -> Self {
        Self { amounts: None, interfaces: &[], needs: &[] }
    }

    /// The least and the greatest amount in major units, both allowed, in any currency of the
    /// method: `"1.00"` is 100 minor units of EUR and 1 of JPY.
    pub const fn amount(self, least: &str, greatest: &str) -> Self {
        let amounts = Amounts { least: Decimal::parse(least), greatest: Decimal::parse(greatest) };
        assert!(amounts.least.at_most(&amounts.greatest), "the least amount is over the greatest");
        Self { amounts: Some(amounts), ..self }
    }

    /// Where the flow is offered.
    pub const fn on(self, interfaces: &'static [Interface]) -> Self {
        Self { interfaces, ..self }
    }

    /// What a request must hold besides payment id, amount and currency.
    pub const fn needs(self, needs: &'static [Field]) -> Self {
        Self { needs, ..self }
    }

    /// The least and the greatest amount in a currency, `None` if there are no limits.
    pub fn limits(&self, currency: Currency) -> Option<(Money, Money)> {
        let amounts = self.amounts?;
        Some((amounts.least.round_up(currency), amounts.greatest.round_down(currency)))
    }

    /// Where the flow is offered.
    pub const fn interfaces(&self) -> &'static [Interface] {
        self.interfaces
    }

    /// What a request must hold besides payment id, amount and currency.
    pub const fn needed_fields(&self) -> &'static [Field] {
        self.needs
    }
}

impl Default for Rule {
    fn default() -> Self {
        Self::new()
    }
}

/// A way to the platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Interface {
    /// The hosted payment form.
    PaymentPage,
    /// The server API.
    Gate,
}

impl fmt::Display for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::PaymentPage => "Payment Page",
            Self::Gate => "Gate",
        })
    }
}

/// How the platform's test projects treat a method: results chosen by amount.
#[derive(Clone, Copy, Debug)]
pub struct Testing {
    declined: &'static [i64],
    account_shown: &'static [i64],
}

impl Testing {
    /// No amount is special.
    pub const fn new() -> Self {
        Self { declined: &[], account_shown: &[] }
    }

    /// Amounts in minor units of any currency that end in a decline.
    pub const fn declined(self, declined: &'static [i64]) -> Self {
        Self { declined, ..self }
    }

    /// Amounts of sales whose final callback names the customer's account.
    pub const fn account_shown(self, account_shown: &'static [i64]) -> Self {
        Self { account_shown, ..self }
    }

    /// Whether the amount ends in a decline.
    pub fn is_declined(&self, minor: i64) -> bool {
        self.declined.contains(&minor)
    }

    /// Whether the final callback of a sale names the customer's account.
    pub fn shows_account(&self, minor: i64) -> bool {
        self.account_shown.contains(&minor)
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

#[derive(Clone, Copy, Debug)]
pub(crate) struct Amounts {
    least: Decimal,
    greatest: Decimal,
}

/// A decimal from a table: `units` with `decimals` digits after the point.
#[derive(Clone, Copy, Debug)]
struct Decimal {
    units: i64,
    decimals: u32,
}

impl Decimal {
    const fn parse(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut parsed = Self { units: 0, decimals: 0 };
        let mut point = false;
        let mut at = 0;
        while at < bytes.len() {
            match bytes[at] {
                digit @ b'0'..=b'9' => {
                    parsed.units = parsed.units * 10 + (digit - b'0') as i64;
                    if point {
                        parsed.decimals += 1;
                    }
                }
                b'.' if !point && at > 0 => point = true,
                _ => panic!("an amount is digits with at most one point"),
            }
            at += 1;
        }
        assert!(!bytes.is_empty() && parsed.decimals <= 4, "an amount has up to 4 decimals");
        parsed
    }

    const fn at_most(&self, other: &Self) -> bool {
        self.units * 10_i64.pow(other.decimals) <= other.units * 10_i64.pow(self.decimals)
    }

    fn round_down(self, currency: Currency) -> Money {
        let (minor, _) = self.minor(currency);
        Money::from_minor(minor, currency)
    }

    fn round_up(self, currency: Currency) -> Money {
        let (minor, exact) = self.minor(currency);
        Money::from_minor(minor + i64::from(!exact), currency)
    }

    /// Whole minor units, and whether nothing was cut off.
    fn minor(self, currency: Currency) -> (i64, bool) {
        let scaled = self.units * 10_i64.pow(currency.exponent());
        let divisor = 10_i64.pow(self.decimals);
        (scaled / divisor, scaled % divisor == 0)
    }
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

    #[test]
    fn limits_follow_the_exponent_of_each_currency() {
        let rule = Rule::new().amount("1.00", "100000.00");
        let table = [
            (Currency::EUR, 100, 10_000_000),
            (Currency::JPY, 1, 100_000),
            (Currency::KWD, 1000, 100_000_000),
        ];
        for (currency, least, greatest) in table {
            let limits = rule.limits(currency).unwrap();
            assert_eq!((limits.0.minor(), limits.1.minor()), (least, greatest), "{currency}");
        }
    }

    #[test]
    fn a_limit_that_a_currency_cannot_express_is_rounded_inwards() {
        let (least, greatest) = Rule::new().amount("0.50", "9.99").limits(Currency::JPY).unwrap();
        assert_eq!((least.minor(), greatest.minor()), (1, 9));
    }
}
