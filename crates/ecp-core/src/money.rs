//! Amounts in minor units, inseparable from their currency.

use std::fmt;
use std::str::FromStr;

use crate::currency::{Currency, UnknownCurrency};

/// An amount of money in minor units of a currency: 10000 EUR cents are 100.00 EUR. It may be zero
/// or negative; `ecp-methods` checks the amount of a request before it is sent.
///
/// Amounts are never floats. Operators such as `+` are missing on purpose:
/// [`checked_add`](Self::checked_add) and [`checked_sub`](Self::checked_sub) refuse mixed
/// currencies and overflow.
///
/// ```
/// use ecp_core::{Currency, Money};
///
/// let price: Money = "100.00 EUR".parse()?;
/// assert_eq!(price, Money::from_minor(10_000, Currency::EUR));
/// assert_eq!("500 JPY".parse::<Money>()?.minor(), 500);
/// assert_eq!(price.checked_add(price)?.to_string(), "200.00 EUR");
/// assert!(price.checked_add(Money::from_minor(1, Currency::USD)).is_err());
/// # Ok::<(), ecp_core::MoneyError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    minor: i64,
    currency: Currency,
}

/// Error for a text that is not an amount, or for two amounts that cannot be added or subtracted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MoneyError {
    /// The text does not have the form `100.00 EUR`, or `100.00` for [`Money::from_decimal`].
    #[error(
        "expected an amount such as `100.00 EUR`, or `100.00` if the currency is given separately, found `{text}`"
    )]
    Format {
        /// The text that was given, cut after 64 characters.
        text: String,
    },
    /// The amount's currency code is not one of ISO 4217 with a known number of decimals.
    #[error(transparent)]
    UnknownCurrency(#[from] UnknownCurrency),
    /// The amount has more decimals than its currency. Nothing is rounded.
    #[error("`{text}` has more decimals than {currency}, which has {exponent}")]
    ExtraDecimals {
        /// The text that was given, cut after 64 characters.
        text: String,
        /// The currency of the amount.
        currency: Currency,
        /// The number of decimals of the currency.
        exponent: u32,
    },
    /// The amount, or the result of an addition or subtraction, does not fit into a 64-bit number
    /// of minor units.
    #[error("the amount is too large: beyond {limit} minor units", limit = i64::MAX)]
    Overflow,
    /// The two amounts of an addition or subtraction have different currencies.
    #[error("cannot add or subtract amounts in different currencies, {left} and {right}")]
    CurrencyMismatch {
        /// Currency of the amount that was added to, or subtracted from.
        left: Currency,
        /// Currency of the amount that was to be added or subtracted.
        right: Currency,
    },
}

impl Money {
    /// Makes an amount from minor units: cents for EUR, whole yen for JPY.
    pub const fn from_minor(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// Parses an amount from its decimal text, such as `100.00` or `100`. Fewer decimals than the
    /// currency has are accepted. It is an error if there are more, if the text has any character
    /// except digits, one point and a leading minus, or if the amount does not fit into 64 bits.
    pub fn from_decimal(text: &str, currency: Currency) -> Result<Self, MoneyError> {
        let format = || MoneyError::Format { text: crate::json::printable(text) };
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, fraction) = match digits.split_once('.') {
            Some((_, "")) => return Err(format()),
            Some(parts) => parts,
            None => (digits, ""),
        };
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) {
            return Err(format());
        }
        let exponent = currency.exponent();
        if fraction.len() > exponent as usize {
            return Err(MoneyError::ExtraDecimals {
                text: crate::json::printable(text),
                currency,
                exponent,
            });
        }
        let padding = std::iter::repeat_n(b'0', exponent as usize - fraction.len());
        let minor = whole
            .bytes()
            .chain(fraction.bytes())
            .chain(padding)
            .try_fold(0_i64, |minor, digit| {
                let digit = i64::from(digit - b'0');
                let shifted = minor.checked_mul(10)?;
                if negative { shifted.checked_sub(digit) } else { shifted.checked_add(digit) }
            })
            .ok_or(MoneyError::Overflow)?;
        Ok(Self { minor, currency })
    }

    /// The amount in minor units: cents for EUR, whole yen for JPY.
    pub const fn minor(self) -> i64 {
        self.minor
    }

    /// The currency of the amount.
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// Creates an amount from whole major units, such as euros for EUR. `None` if the number of its
    /// minor units does not fit into an `i64`.
    ///
    /// ```
    /// use ecp_core::{Currency, Money};
    ///
    /// let price = Money::from_major(300, Currency::HUF).unwrap();
    /// assert_eq!((price.minor(), price.major()), (30_000, Some(300)));
    /// assert_eq!(Money::from_minor(30_050, Currency::HUF).major(), None);
    /// ```
    pub fn from_major(major: i64, currency: Currency) -> Option<Self> {
        let minor = major.checked_mul(10_i64.pow(currency.exponent()))?;
        Some(Self { minor, currency })
    }

    /// The amount in whole major units, such as euros for EUR. `None` if it is not a whole number
    /// of them, such as 1.50 EUR.
    pub fn major(self) -> Option<i64> {
        let unit = 10_i64.pow(self.currency.exponent());
        (self.minor % unit == 0).then_some(self.minor / unit)
    }

    /// The amount as decimal text without the currency, such as `100.00`.
    pub fn decimal(self) -> String {
        let scale = 10_u64.pow(self.currency.exponent());
        let sign = if self.minor < 0 { "-" } else { "" };
        let (whole, fraction) =
            (self.minor.unsigned_abs() / scale, self.minor.unsigned_abs() % scale);
        match self.currency.exponent() as usize {
            0 => format!("{sign}{whole}"),
            width => format!("{sign}{whole}.{fraction:0width$}"),
        }
    }

    /// Adds another amount. An error if the currencies differ or the sum does not fit into 64 bits.
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        self.combine(other, i64::checked_add)
    }

    /// Subtracts another amount. An error if the currencies differ or the difference does not fit
    /// into 64 bits.
    pub fn checked_sub(self, other: Self) -> Result<Self, MoneyError> {
        self.combine(other, i64::checked_sub)
    }

    fn combine(
        self,
        other: Self,
        operation: impl Fn(i64, i64) -> Option<i64>,
    ) -> Result<Self, MoneyError> {
        if self.currency != other.currency {
            let (left, right) = (self.currency, other.currency);
            return Err(MoneyError::CurrencyMismatch { left, right });
        }
        let minor = operation(self.minor, other.minor).ok_or(MoneyError::Overflow)?;
        Ok(Self { minor, ..self })
    }
}

impl FromStr for Money {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        match text.split_once(' ') {
            Some((decimal, code)) => Self::from_decimal(decimal, code.parse()?),
            None => Err(MoneyError::Format { text: crate::json::printable(text) }),
        }
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.decimal(), self.currency)
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Money({self})")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_refusal_says_what_is_wrong() {
        let not_amounts = [
            ("100.00", "100.00"),
            ("", ""),
            (" EUR", ""),
            ("1,00 EUR", "1,00"),
            ("1. EUR", "1."),
            (".5 EUR", ".5"),
            ("+1 EUR", "+1"),
            ("1e2 EUR", "1e2"),
            ("--1 EUR", "--1"),
        ];
        for (text, found) in not_amounts {
            assert_eq!(
                text.parse::<Money>().unwrap_err().to_string(),
                format!(
                    "expected an amount such as `100.00 EUR`, or `100.00` if the currency is given separately, found `{found}`"
                ),
                "{text}"
            );
        }
        let table = [
            (
                "1  EUR",
                "` EUR` is not the ISO 4217 code of a currency with known decimals, such as `EUR`",
            ),
            (
                "1.00 XYZ",
                "`XYZ` is not the ISO 4217 code of a currency with known decimals, such as `EUR`",
            ),
            ("1.000 EUR", "`1.000` has more decimals than EUR, which has 2"),
            ("500.0 JPY", "`500.0` has more decimals than JPY, which has 0"),
            (
                "92233720368547758.08 EUR",
                "the amount is too large: beyond 9223372036854775807 minor units",
            ),
        ];
        for (text, message) in table {
            assert_eq!(text.parse::<Money>().unwrap_err().to_string(), message, "{text}");
        }
    }

    #[test]
    fn arithmetic_is_checked() {
        let most = Money::from_minor(i64::MAX, Currency::EUR);
        let cent = Money::from_minor(1, Currency::EUR);
        assert_eq!(most.checked_add(cent), Err(MoneyError::Overflow));
        assert_eq!(most.checked_sub(cent), Ok(Money::from_minor(i64::MAX - 1, Currency::EUR)));
        assert_eq!(
            cent.checked_sub(Money::from_minor(1, Currency::JPY)).unwrap_err().to_string(),
            "cannot add or subtract amounts in different currencies, EUR and JPY"
        );
    }

    proptest! {
        #[test]
        fn every_amount_of_every_currency_prints_and_parses_back(minor: i64) {
            for &currency in Currency::all() {
                let money = Money::from_minor(minor, currency);
                prop_assert_eq!(money.to_string().parse::<Money>(), Ok(money));
            }
        }

        #[test]
        fn text_that_parses_prints_the_same_value(text in "-?[0-9]{1,4}(\\.[0-9]{1,5})? (EUR|JPY|KWD|CLF)") {
            if let Ok(money) = text.parse::<Money>() {
                prop_assert_eq!(money.to_string().parse::<Money>(), Ok(money));
            }
        }
    }
}
