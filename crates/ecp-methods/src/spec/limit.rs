//! Limits of amounts: a scope, with a minimum, a maximum or both.

use std::fmt;

use ecp_core::{Currency, Money};

use super::regions::is_country;

/// A minimum and a maximum for amounts in major units, both inclusive; either can be missing. The
/// [`Scope`] says to which amounts it applies, such as those in one currency. Pass limits to
/// [`Rule::limited`](super::Rule::limited); an amount beyond them is refused before it is sent.
///
/// ```
/// use ecp_core::Currency;
/// use ecp_methods::Rule;
/// use ecp_methods::spec::Limit;
///
/// // "0.50 to 8,000.00 EUR or equivalent, in JPY at least 100"
/// const RULE: Rule = Rule::new().limited(&[
///     Limit::equivalent_of(Currency::EUR).from("0.50").to("8000.00"),
///     Limit::of(Currency::JPY).from("100"),
/// ]);
///
/// assert_eq!(RULE.limits(Currency::EUR).to_string(), "0.50 to 8000.00 EUR");
/// assert_eq!(RULE.limits(Currency::JPY).to_string(), "100 JPY or more");
/// // The exchange rate is not known here, so that no limit is enforced in USD.
/// assert!(!RULE.limits(Currency::USD).are_enforced());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    scope: Scope,
    least: Option<Decimal>,
    greatest: Option<Decimal>,
}

/// The amounts to which a [`Limit`] applies, such as those in one currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scope {
    /// Amounts in any currency; the limit is the same number of major units in each currency.
    Any,
    /// Amounts in this currency, if `customer.country` is this country (ISO 3166-1 alpha-2).
    Country(&'static str, Currency),
    /// Amounts in this currency.
    Currency(Currency),
    /// Amounts in any currency, converted into this currency. Only amounts in this currency are
    /// checked, because the platform alone knows the exchange rate.
    EquivalentOf(Currency),
}

impl Limit {
    /// Creates a limit for amounts in any currency of the payment method, which is the same number
    /// of major units in each: `"1.00"` is 100 minor units of EUR and 1 of JPY. Set its minimum by
    /// [`from`](Self::from) and its maximum by [`to`](Self::to).
    pub const fn any() -> Self {
        Self::new(Scope::Any)
    }

    /// Creates a limit for amounts in one currency. Set its minimum by [`from`](Self::from) and its
    /// maximum by [`to`](Self::to).
    pub const fn of(currency: Currency) -> Self {
        Self::new(Scope::Currency(currency))
    }

    /// Creates a limit for amounts in one currency, for customers of one country (ISO 3166-1
    /// alpha-2). Set its minimum by [`from`](Self::from) and its maximum by [`to`](Self::to).
    pub const fn in_country(country: &'static str, currency: Currency) -> Self {
        assert!(is_country(country), "a country must be two capital letters");
        Self::new(Scope::Country(country, currency))
    }

    /// Creates a limit that the documentation states in one currency "or equivalent". It is shown
    /// for amounts in all currencies, but enforced only for amounts in the stated currency. Set its
    /// minimum by [`from`](Self::from) and its maximum by [`to`](Self::to).
    pub const fn equivalent_of(currency: Currency) -> Self {
        Self::new(Scope::EquivalentOf(currency))
    }

    const fn new(scope: Scope) -> Self {
        Self { scope, least: None, greatest: None }
    }

    /// Sets the minimum amount of the limit, inclusive, in major units, such as `"1.00"`. In a
    /// constant, text that is not an amount is a compile error.
    pub const fn from(self, least: &str) -> Self {
        Self { least: Some(Decimal::parse(least)), ..self }.checked()
    }

    /// Sets the maximum amount of the limit, inclusive, in major units, such as `"100.00"`. In a
    /// constant, text that is not an amount is a compile error.
    pub const fn to(self, greatest: &str) -> Self {
        Self { greatest: Some(Decimal::parse(greatest)), ..self }.checked()
    }

    const fn checked(self) -> Self {
        if let (Some(least), Some(greatest)) = (&self.least, &self.greatest) {
            assert!(least.at_most(greatest), "the least amount is over the greatest");
        }
        assert!(
            self.fits_its_currency(self.least) && self.fits_its_currency(self.greatest),
            "an amount of a limit has a fraction that its currency does not have"
        );
        self
    }

    /// Whether an amount is whole in minor units of the limit's currency, if it has one.
    const fn fits_its_currency(&self, amount: Option<Decimal>) -> bool {
        match (amount, self.currency()) {
            (Some(amount), Some(currency)) => amount.minor(currency).1,
            _ => true,
        }
    }

    const fn currency(&self) -> Option<Currency> {
        match self.scope {
            Scope::Any => None,
            Scope::Country(_, own) | Scope::Currency(own) | Scope::EquivalentOf(own) => Some(own),
        }
    }

    /// The only currency to which the limit applies, `None` if it applies to others too.
    pub(super) const fn own_currency(&self) -> Option<Currency> {
        match self.scope {
            Scope::Any | Scope::EquivalentOf(_) => None,
            Scope::Country(_, own) | Scope::Currency(own) => Some(own),
        }
    }

    /// The amounts to which the limit applies, such as those in one currency.
    pub const fn scope(&self) -> Scope {
        self.scope
    }

    /// The minimum amount in major units, written as in the method's spec, such as `1.00`; `None`
    /// if there is no minimum.
    pub fn least(&self) -> Option<String> {
        self.least.map(|least| least.to_string())
    }

    /// The maximum amount in major units, written as in the method's spec, such as `100000.00`;
    /// `None` if there is no maximum.
    pub fn greatest(&self) -> Option<String> {
        self.greatest.map(|greatest| greatest.to_string())
    }

    /// How specific the limit is for an amount: the greater, the more specific. `None` if the limit
    /// does not apply to the amount.
    fn fits(&self, currency: Currency, country: Option<&str>) -> Option<u8> {
        match self.scope {
            Scope::Any => Some(0),
            Scope::EquivalentOf(own) => (own == currency).then_some(1),
            Scope::Currency(own) => (own == currency).then_some(2),
            Scope::Country(place, own) => (own == currency && country == Some(place)).then_some(3),
        }
    }
}

/// The limit as text: `1.00 to 100000.00`, `0.50 to 8000.00 EUR or equivalent`, `100 JPY or more`.
impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.scope {
            Scope::Any => String::new(),
            Scope::Country(country, currency) => format!(" {currency} in {country}"),
            Scope::Currency(currency) => format!(" {currency}"),
            Scope::EquivalentOf(currency) => format!(" {currency} or equivalent"),
        };
        match (self.least, self.greatest) {
            (Some(least), Some(greatest)) => write!(f, "{least} to {greatest}{unit}"),
            (Some(least), None) => write!(f, "{least}{unit} or more"),
            (None, Some(greatest)) => write!(f, "up to {greatest}{unit}"),
            (None, None) => write!(f, "any amount{unit}"),
        }
    }
}

/// The minimum and maximum amount that this library enforces in one currency, both inclusive.
/// Either is `None` if it is not enforced. [`Rule::limits`](super::Rule::limits) returns them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    least: Option<Money>,
    greatest: Option<Money>,
}

impl Limits {
    /// The limits of the most specific scope: a country's come before a currency's, these before
    /// those of an equivalent, and these before those of any currency.
    pub(super) fn of(limits: &[Limit], currency: Currency, country: Option<&str>) -> Self {
        let fitting =
            limits.iter().filter_map(|limit| Some((limit.fits(currency, country)?, limit)));
        let Some((_, limit)) = fitting.max_by_key(|(specific, _)| *specific) else {
            return Self::default();
        };
        Self {
            least: limit.least.map(|least| least.round_up(currency)),
            greatest: limit.greatest.map(|greatest| greatest.round_down(currency)),
        }
    }

    /// The minimum amount that this library enforces, inclusive; `None` if it enforces none.
    pub const fn least(&self) -> Option<Money> {
        self.least
    }

    /// The maximum amount that this library enforces, inclusive; `None` if it enforces none.
    pub const fn greatest(&self) -> Option<Money> {
        self.greatest
    }

    /// Whether this library enforces a minimum or a maximum amount. `false` does not mean that the
    /// platform has no limits.
    pub const fn are_enforced(&self) -> bool {
        self.least.is_some() || self.greatest.is_some()
    }

    /// Whether an amount is within the minimum and the maximum. The amount must be in the currency
    /// of these limits; this is not checked, so compare the currencies first. Do not use it for an
    /// amount of 0, by which a sale lets the customer choose the amount.
    pub fn allow(&self, amount: Money) -> bool {
        let minor = amount.minor();
        self.least.is_none_or(|least| minor >= least.minor())
            && self.greatest.is_none_or(|greatest| minor <= greatest.minor())
    }

    /// The minimum and the maximum amount in minor units. A missing minimum is 1, a missing maximum
    /// is `i64::MAX`.
    pub const fn minor_units(&self) -> (i64, i64) {
        let least = match self.least {
            Some(least) => least.minor(),
            None => 1,
        };
        let greatest = match self.greatest {
            Some(greatest) => greatest.minor(),
            None => i64::MAX,
        };
        (least, greatest)
    }
}

/// `0.50 to 8000.00 EUR`; `no limit known to this library` if none is enforced.
impl fmt::Display for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.least, self.greatest) {
            (Some(least), Some(greatest)) => write!(f, "{} to {greatest}", least.decimal()),
            (Some(least), None) => write!(f, "{least} or more"),
            (None, Some(greatest)) => write!(f, "up to {greatest}"),
            (None, None) => f.write_str("no limit known to this library"),
        }
    }
}

/// A decimal from a table: `units` with `decimals` digits after the point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Decimal {
    units: i64,
    decimals: u32,
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scale = 10_i64.pow(self.decimals);
        match self.decimals as usize {
            0 => write!(f, "{}", self.units),
            width => write!(f, "{}.{:0width$}", self.units / scale, self.units % scale),
        }
    }
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
                _ => panic!("an amount of a limit must be digits with at most one decimal point"),
            }
            at += 1;
        }
        assert!(
            !bytes.is_empty() && parsed.decimals <= 4,
            "an amount of a limit must have digits, at most 4 of them after the point"
        );
        // Four digits more, the most that any currency has, must still fit.
        assert!(parsed.units < i64::MAX / 10_000 - 1, "an amount of a limit is too large");
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

    /// Whole minor units, and whether the conversion is exact.
    const fn minor(self, currency: Currency) -> (i64, bool) {
        let scaled = self.units * 10_i64.pow(currency.exponent());
        let divisor = 10_i64.pow(self.decimals);
        (scaled / divisor, scaled % divisor == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_follow_the_exponent_of_each_currency() {
        let rule = crate::Rule::new().amount("1.00", "100000.00");
        let table = [
            (Currency::EUR, 100, 10_000_000),
            (Currency::JPY, 1, 100_000),
            (Currency::KWD, 1000, 100_000_000),
        ];
        for (currency, least, greatest) in table {
            assert_eq!(rule.limits(currency).minor_units(), (least, greatest), "{currency}");
        }
    }

    #[test]
    fn a_limit_that_a_currency_cannot_express_is_rounded_inwards() {
        let limits = crate::Rule::new().amount("0.50", "9.99").limits(Currency::JPY);
        assert_eq!(limits.minor_units(), (1, 9));
    }

    #[test]
    #[should_panic(expected = "a fraction that its currency does not have")]
    fn an_amount_of_a_limit_is_one_of_its_currency() {
        let _ = Limit::of(Currency::JPY).from("100.50");
    }

    #[test]
    fn the_most_specific_scope_counts_and_an_equivalent_is_not_converted() {
        const RULE: crate::Rule = crate::Rule::new().limited(&[
            Limit::any().from("2"),
            Limit::equivalent_of(Currency::EUR).from("0.50").to("8000"),
            Limit::of(Currency::JPY).to("900"),
            Limit::in_country("IN", Currency::INR).from("10").to("20"),
        ]);
        let table = [
            (Currency::USD, None, "2.00 USD or more"),
            (Currency::EUR, None, "0.50 to 8000.00 EUR"),
            (Currency::JPY, None, "up to 900 JPY"),
            (Currency::INR, None, "2.00 INR or more"),
            (Currency::INR, Some("IN"), "10.00 to 20.00 INR"),
            (Currency::INR, Some("NP"), "2.00 INR or more"),
        ];
        for (currency, country, text) in table {
            assert_eq!(
                RULE.limits_in(currency, country).to_string(),
                text,
                "{currency} {country:?}"
            );
        }
    }
}
