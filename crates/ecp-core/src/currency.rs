//! Currencies with their exponents.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// A currency of ISO 4217 with a known number of decimals, which may be 0.
///
/// Codes for metals, funds' units of account and tests (`XAU`, `XDR`, `XTS`, ..) have no number of
/// decimals and are left out. Currencies that were withdrawn in recent years are included, because
/// a refund may concern them.
///
/// ```
/// use ecp_core::Currency;
///
/// assert_eq!(Currency::JPY.exponent(), 0);
/// assert_eq!("BHD".parse::<Currency>()?.exponent(), 3);
/// assert_eq!("eur".parse::<Currency>().unwrap_err().to_string(), "`eur` is not the ISO 4217 code of a currency with known decimals, such as `EUR`");
/// # Ok::<(), ecp_core::UnknownCurrency>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency(Iso);

/// Error for a text that is not the code of a currency with a known number of decimals. Two
/// decimals are never assumed for an unknown currency, because the amount could then be wrong by a
/// factor of ten or more.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{code}` is not the ISO 4217 code of a currency with known decimals, such as `EUR`")]
#[non_exhaustive]
pub struct UnknownCurrency {
    /// The text that was given as a currency code.
    pub code: String,
}

impl Currency {
    /// The number of digits after the decimal point: 0, 2, 3 or 4.
    pub const fn exponent(self) -> u32 {
        EXPONENTS[self.0 as usize] as u32
    }

    /// The three-letter ISO 4217 code, such as `EUR`.
    pub const fn code(self) -> &'static str {
        CODES[self.0 as usize]
    }
}

macro_rules! currencies {
    ($($code:ident=$exponent:literal)*) => {
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[expect(clippy::upper_case_acronyms, reason = "codes of the standard")]
        enum Iso {
            $($code,)*
        }

        /// Codes in alphabetical order.
        const CODES: &[&str] = &[$(stringify!($code)),*];
        const EXPONENTS: &[u8] = &[$($exponent),*];

        impl Currency {
            $(
                #[doc = concat!("The currency with the ISO 4217 code `", stringify!($code), "`.")]
                pub const $code: Self = Self(Iso::$code);
            )*

            /// All supported currencies, sorted by code.
            pub const fn all() -> &'static [Self] {
                &[$(Self::$code),*]
            }
        }
    };
}

// ISO 4217 with the currencies withdrawn in recent years; a test compares it with another table.
currencies! {
    AED=2 AFN=2 ALL=2 AMD=2 AOA=2 ARS=2 AUD=2 AWG=2 AZN=2 BAM=2 BBD=2 BDT=2 BGN=2 BHD=3 BIF=0
    BMD=2 BND=2 BOB=2 BOV=2 BRL=2 BSD=2 BTN=2 BWP=2 BYN=2 BZD=2 CAD=2 CDF=2 CHE=2 CHF=2 CHW=2
    CLF=4 CLP=0 CNY=2 COP=2 COU=2 CRC=2 CUC=2 CUP=2 CVE=2 CZK=2 DJF=0 DKK=2 DOP=2 DZD=2 EGP=2
    ERN=2 ETB=2 EUR=2 FJD=2 FKP=2 GBP=2 GEL=2 GHS=2 GIP=2 GMD=2 GNF=0 GTQ=2 GYD=2 HKD=2 HNL=2
    HRK=2 HTG=2 HUF=2 IDR=2 ILS=2 INR=2 IQD=3 IRR=2 ISK=0 JMD=2 JOD=3 JPY=0 KES=2 KGS=2 KHR=2
    KMF=0 KPW=2 KRW=0 KWD=3 KYD=2 KZT=2 LAK=2 LBP=2 LKR=2 LRD=2 LSL=2 LYD=3 MAD=2 MDL=2 MGA=2
    MKD=2 MMK=2 MNT=2 MOP=2 MRU=2 MUR=2 MVR=2 MWK=2 MXN=2 MXV=2 MYR=2 MZN=2 NAD=2 NGN=2 NIO=2
    NOK=2 NPR=2 NZD=2 OMR=3 PAB=2 PEN=2 PGK=2 PHP=2 PKR=2 PLN=2 PYG=0 QAR=2 RON=2 RSD=2 RUB=2
    RWF=0 SAR=2 SBD=2 SCR=2 SDG=2 SEK=2 SGD=2 SHP=2 SLE=2 SLL=2 SOS=2 SRD=2 SSP=2 STN=2 SVC=2
    SYP=2 SZL=2 THB=2 TJS=2 TMT=2 TND=3 TOP=2 TRY=2 TTD=2 TWD=2 TZS=2 UAH=2 UGX=0 USD=2 USN=2
    UYI=0 UYU=2 UYW=4 UZS=2 VED=2 VES=2 VND=0 VUV=0 WST=2 XAD=2 XAF=0 XCD=2 XCG=2 XOF=0 XPF=0
    YER=2 ZAR=2 ZMW=2 ZWG=2 ZWL=2
}

impl FromStr for Currency {
    type Err = UnknownCurrency;

    fn from_str(code: &str) -> Result<Self, UnknownCurrency> {
        match CODES.binary_search(&code) {
            Ok(place) => Ok(Self::all()[place]),
            Err(_) => Err(UnknownCurrency { code: crate::json::printable(code) }),
        }
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
    use iso_currency::{Currency as Other, IntoEnumIterator};

    use super::*;

    #[test]
    fn the_table_is_that_of_the_standard() {
        let mut other: Vec<_> = Other::iter()
            .filter_map(|iso| Some((iso.code(), u32::from(iso.exponent()?))))
            .collect();
        let ours: Vec<_> =
            Currency::all().iter().map(|currency| (currency.code(), currency.exponent())).collect();
        other.sort_unstable();
        assert_eq!(ours, other);
        assert!(CODES.is_sorted());
        for &currency in Currency::all() {
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
