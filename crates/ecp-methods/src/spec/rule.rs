//! Requirements of a method in one flow.

use std::fmt;
use std::time::Duration;

use ecp_core::{Currency, Money};

use super::facts::Interface;
use crate::request::Field;

/// Requirements of a method in one flow.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    pub(crate) amounts: Option<Amounts>,
    pub(crate) interfaces: &'static [Interface],
    pub(crate) needs: &'static [Field],
    pub(crate) zero_amount: bool,
    pub(crate) partial: bool,
    pub(crate) base_time: Option<Duration>,
    pub(crate) cut_off_time: Option<Duration>,
}

impl Rule {
    /// A rule that requires only a positive amount.
    pub const fn new() -> Self {
        Self {
            amounts: None,
            interfaces: &[],
            needs: &[],
            zero_amount: false,
            partial: false,
            base_time: None,
            cut_off_time: None,
        }
    }

    /// Sets the minimum and the maximum amount in major units, both inclusive, in any currency of
    /// the method: `"1.00"` is 100 minor units of EUR and 1 of JPY.
    pub const fn amount(self, least: &str, greatest: &str) -> Self {
        let amounts = Amounts { least: Decimal::parse(least), greatest: Decimal::parse(greatest) };
        assert!(amounts.least.at_most(&amounts.greatest), "the least amount is over the greatest");
        Self { amounts: Some(amounts), ..self }
    }

    /// Sets the interfaces that offer the flow.
    pub const fn on(self, interfaces: &'static [Interface]) -> Self {
        Self { interfaces, ..self }
    }

    /// Sets the fields that a request must have in addition to payment id, amount and currency.
    pub const fn needs(self, needs: &'static [Field]) -> Self {
        Self { needs, ..self }
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

    /// The minimum and the maximum amount in a currency, `None` if there are no limits.
    pub fn limits(&self, currency: Currency) -> Option<(Money, Money)> {
        let amounts = self.amounts?;
        Some((amounts.least.round_up(currency), amounts.greatest.round_down(currency)))
    }

    /// The minimum and the maximum amount in major units, as in the table.
    pub fn major_amounts(&self) -> Option<(String, String)> {
        self.amounts.map(|amounts| (amounts.least.to_string(), amounts.greatest.to_string()))
    }

    /// An amount within the limits, for documentation, demonstrations and tests: 100 in major
    /// units, or the nearest allowed amount.
    pub fn example_amount(&self, currency: Currency) -> Money {
        let usual = 10_i64.pow(currency.exponent() + 2);
        let minor = match self.limits(currency) {
            Some((least, greatest)) => usual.max(least.minor()).min(greatest.minor()),
            None => usual,
        };
        Money::from_minor(minor, currency)
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

    /// Fields that a request must have besides payment id, amount and currency.
    pub const fn needed_fields(&self) -> &'static [Field] {
        self.needs
    }
}

impl Default for Rule {
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
                _ => panic!("an amount is digits with at most one point"),
            }
            at += 1;
        }
        assert!(!bytes.is_empty() && parsed.decimals <= 4, "an amount has up to 4 decimals");
        // Four digits more, the most that any currency has, must still fit.
        assert!(parsed.units < i64::MAX / 10_000 - 1, "an amount is too large");
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
    fn minor(self, currency: Currency) -> (i64, bool) {
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
