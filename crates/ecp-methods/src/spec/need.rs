//! Fields that are required under a condition.

use std::borrow::Cow;
use std::fmt;

use ecp_core::Currency;

use super::Regions;
use crate::request::Field;

/// Fields that a request must have if a condition is true, such as a bank id for customers in
/// certain countries. Pass it to [`Rule::needs_when`](super::Rule::needs_when).
///
/// ```
/// use ecp_core::Currency;
/// use ecp_methods::Rule;
/// use ecp_methods::request::{Field, Format};
/// use ecp_methods::spec::{Condition, Need};
///
/// const BANK: Field = Field::new("account.bank_id", Format::Digits, "116");
/// const RULE: Rule = Rule::new()
///     .needs(&[Field::CUSTOMER_ID])
///     .needs_when(&[Need::new(Condition::Country(&["KE", "NG"]), &[BANK])]);
///
/// let in_kenya = |path: &str| (path == "customer.country").then(|| "KE".into());
/// assert_eq!(RULE.needed(Some(Currency::KES), in_kenya), [Field::CUSTOMER_ID, BANK]);
/// assert_eq!(RULE.needed(Some(Currency::KES), |_| None), [Field::CUSTOMER_ID]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    condition: Condition,
    fields: &'static [Field],
}

/// The condition of a [`Need`]: which requests must have its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Condition {
    /// Requests in which `customer.country` is one of these countries (ISO 3166-1 alpha-2).
    Country(&'static [&'static str]),
    /// Requests with an amount in one of these currencies.
    Currency(&'static [Currency]),
    /// Requests in which this field is set.
    Given(Field),
    /// Requests in which this field has one of these values.
    Value(Field, &'static [&'static str]),
}

impl Need {
    /// Creates a requirement: requests for which the condition is true must have these fields.
    /// Without one of them, a request is refused before it is sent.
    pub const fn new(condition: Condition, fields: &'static [Field]) -> Self {
        assert!(!fields.is_empty(), "a requirement (`Need`) must have at least one field");
        Self { condition, fields }
    }

    /// The condition under which a request must have the fields of this requirement.
    pub const fn condition(&self) -> Condition {
        self.condition
    }

    /// The fields that a request must have if the condition is true.
    pub const fn fields(&self) -> &'static [Field] {
        self.fields
    }

    /// Whether the condition can be true for any request of a payment method with these regions and
    /// currencies ([`MethodSpec::regions`](super::MethodSpec::regions),
    /// [`MethodSpec::currencies`](super::MethodSpec::currencies)).
    pub fn can_apply(&self, regions: Regions, currencies: &[Currency]) -> bool {
        match self.condition {
            Condition::Country(countries) => {
                countries.iter().any(|country| regions.include(country) != Some(false))
            }
            Condition::Currency(own) => own.iter().any(|currency| currencies.contains(currency)),
            Condition::Given(_) | Condition::Value(..) => true,
        }
    }

    /// The field on whose value the condition depends; `None` if it depends on the currency of the
    /// amount.
    pub const fn depends_on(&self) -> Option<Field> {
        match self.condition {
            Condition::Country(_) => Some(Field::CUSTOMER_COUNTRY),
            Condition::Currency(_) => None,
            Condition::Given(field) | Condition::Value(field, _) => Some(field),
        }
    }

    pub(super) fn applies<'a>(
        &self,
        currency: Option<Currency>,
        value: impl Fn(&str) -> Option<Cow<'a, str>>,
    ) -> bool {
        match self.condition {
            Condition::Country(countries) => {
                value(Field::CUSTOMER_COUNTRY.path()).is_some_and(|own| countries.contains(&&*own))
            }
            Condition::Currency(currencies) => {
                currency.is_some_and(|currency| currencies.contains(&currency))
            }
            Condition::Given(field) => value(field.path()).is_some(),
            Condition::Value(field, values) => {
                value(field.path()).is_some_and(|own| values.contains(&&*own))
            }
        }
    }
}

/// The condition as text: `where customer.country is KE or NG`.
impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Country(countries) => {
                write!(f, "where {} is {}", Field::CUSTOMER_COUNTRY, countries.join(" or "))
            }
            Self::Currency(currencies) => {
                let codes: Vec<&str> = currencies.iter().map(|currency| currency.code()).collect();
                write!(f, "in {}", codes.join(" or "))
            }
            Self::Given(field) => write!(f, "with {field}"),
            Self::Value(field, values) => write!(f, "where {field} is {}", values.join(" or ")),
        }
    }
}
