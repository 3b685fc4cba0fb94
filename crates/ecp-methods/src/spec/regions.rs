//! The countries where a payment method is used.

use std::fmt;

/// The countries where a payment method is used, by their codes of ISO 3166-1 alpha-2, such as
/// `LV`. They are for display and selection: no request is refused because of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Regions {
    /// All countries.
    Everywhere,
    /// All countries except those in this list.
    Except(&'static [&'static str]),
    /// The method's documentation page does not say where the method is used.
    NotStated,
    /// Only the countries in this list.
    Only(&'static [&'static str]),
}

impl Regions {
    pub(super) const fn only(countries: &'static [&'static str]) -> Self {
        check(countries);
        Self::Only(countries)
    }

    pub(super) const fn except(countries: &'static [&'static str]) -> Self {
        check(countries);
        Self::Except(countries)
    }

    /// Whether the payment method is used in a country, given as two capital letters (ISO 3166-1
    /// alpha-2); `None` if the method's documentation page does not say.
    ///
    /// ```
    /// use ecp_methods::{Jeton, PaymentMethod};
    ///
    /// assert_eq!(Jeton::SPEC.untyped().regions().include("JP"), Some(true));
    /// assert_eq!(Jeton::SPEC.untyped().regions().include("LV"), Some(false));
    /// ```
    pub fn include(&self, country: &str) -> Option<bool> {
        match self {
            Self::Everywhere => Some(true),
            Self::Except(countries) => Some(!countries.contains(&country)),
            Self::NotStated => None,
            Self::Only(countries) => Some(countries.contains(&country)),
        }
    }
}

const fn check(countries: &[&str]) {
    assert!(!countries.is_empty(), "a list of countries must not be empty");
    let mut at = 0;
    while at < countries.len() {
        assert!(is_country(countries[at]), "a region must be two capital letters");
        at += 1;
    }
}

/// Two capital letters.
pub(super) const fn is_country(text: &str) -> bool {
    let code = text.as_bytes();
    code.len() == 2 && code[0].is_ascii_uppercase() && code[1].is_ascii_uppercase()
}

/// The countries as text; empty if the documentation page does not say.
impl fmt::Display for Regions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everywhere => f.write_str("all countries"),
            Self::Except(countries) => write!(f, "all countries except {}", countries.join(", ")),
            Self::NotStated => Ok(()),
            Self::Only(countries) => f.write_str(&countries.join(", ")),
        }
    }
}
