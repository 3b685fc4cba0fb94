//! Currencies with their exponents.

use std::fmt;
use std::str::FromStr;

use iso_currency::Currency as Iso;
use serde::{Serialize, Serializer};

/// A currency of ISO 4217 that has minor units, or none by definition (exponent 0).
///
/// Codes for metals, funds' units of account and tests (`XAU`, `XDR`, `XTS`, ..) have no exponent
/// and are no currencies here. Withdrawn currencies that the table still lists are: a refund may
/// concern them.
///
/// ```
/// use ecp_core::Currency;
///
/// assert_eq!(Currency::JPY.exponent(), 0);
/// assert_eq!("BHD".parse::<Currency>()?.exponent(), 3);
/// assert_eq!("eur".parse::<Currency>().unwrap_err().to_string(), "`eur` is no ISO 4217 currency");
/// # Ok::<(), ecp_core::UnknownCurrency>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency(Iso);

/// A code that is no currency with a known exponent. It is never taken to have two decimals.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{code}` is no ISO 4217 currency")]
pub struct UnknownCurrency {
    /// The code that was given.
    pub code: String,
}

impl Currency {
    /// Digits after the decimal point: 0, 2, 3 or 4.
    pub fn exponent(self) -> u32 {
        // Every constant below has one, and so has whatever `from_str` lets in.
        self.0.exponent().unwrap_or_default().into()
    }

    /// The three-letter code.
    pub fn code(self) -> &'static str {
        self.0.code()
    }
}

macro_rules! currencies {
    ($($code:ident)*) => {
        impl Currency {
            $(
                #[doc = concat!("`", stringify!($code), "`")]
                pub const $code: Self = Self(Iso::$code);
            )*

            /// All of them, by code.
            pub const fn all() -> &'static [Self] {
                &[$(Self::$code),*]
            }
        }
    };
}

currencies! {
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN
    BZD CAD CDF CHE CHF CHW CLF CLP CNY COP COU CRC CUC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR
    FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HRK HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY
    KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR
    MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB
    RWF SAR SBD SCR SDG SEK SGD SHP SLE SLL SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD
    TWD TZS UAH UGX USD USN UYI UYU UYW UZS VED VES VND VUV WST XAD XAF XCD XCG XOF XPF YER ZAR ZMW
    ZWG ZWL
}

impl FromStr for Currency {
    type Err = UnknownCurrency;

    fn from_str(code: &str) -> Result<Self, UnknownCurrency> {
        Iso::from_code(code)
            .filter(|iso| iso.exponent().is_some())
            .map(Self)
            .ok_or_else(|| UnknownCurrency { code: crate::json::printable(code) })
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use iso_currency::IntoEnumIterator;

    use super::*;

    #[test]
    fn every_currency_with_an_exponent_has_a_constant() {
        let table: Vec<Currency> =
            Iso::iter().filter(|iso| iso.exponent().is_some()).map(Currency).collect();
        assert_eq!(table.len(), Currency::all().len());
        for currency in table {
            assert!(Currency::all().contains(&currency), "{currency}");
            assert!([0, 2, 3, 4].contains(&currency.exponent()), "{currency}");
            assert_eq!(currency.code().parse(), Ok(currency));
        }
    }

    #[test]
    fn exponents_are_those_of_the_standard() {
        let table = [("JPY", 0), ("KRW", 0), ("EUR", 2), ("KWD", 3), ("CLF", 4), ("UYW", 4)];
        for (code, exponent) in table {
            assert_eq!(code.parse::<Currency>().unwrap().exponent(), exponent, "{code}");
        }
        for code in ["", "EURO", "XAU", "XTS", "€", "Eur"] {
            assert!(code.parse::<Currency>().is_err(), "{code}");
        }
    }
}
