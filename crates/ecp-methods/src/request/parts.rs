//! Parts that several requests share.

use std::collections::BTreeMap;

use ecp_core::Sensitive;
use serde::Serialize;
use serde_json::value::RawValue;

use super::field::Field;

/// The customer.
///
/// ```
/// use ecp_methods::request::Customer;
///
/// let customer = Customer::new().id("customer1").ip_address("192.0.2.1").first_name("Mary");
/// assert!(!format!("{customer:?}").contains("Mary"));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Customer(Fields);

/// The customer's account with the wallet.
#[derive(Clone, Debug, Default)]
pub struct Account(Fields);

/// The customer's return addresses: absolute http or https URLs.
#[derive(Clone, Debug, Default)]
pub struct ReturnUrls(Fields);

macro_rules! setters {
    ($part:ident: $($(#[$doc:meta])* $setter:ident = $field:ident;)*) => {
        impl $part {
            /// All fields absent.
            pub fn new() -> Self {
                Self::default()
            }

            $(
                $(#[$doc])*
                pub fn $setter(mut self, value: impl Into<String>) -> Self {
                    self.0.set(Field::$field, value);
                    self
                }
            )*

            pub(super) fn into_fields(self) -> Fields {
                self.0
            }
        }
    };
}

setters! { Customer:
    /// Street, house and flat.
    address = CustomerAddress;
    /// City.
    city = CustomerCity;
    /// ISO 3166-1 alpha-2.
    country = CustomerCountry;
    /// `DD-MM-YYYY`.
    day_of_birth = CustomerDayOfBirth;
    /// E-mail address.
    email = CustomerEmail;
    /// First name.
    first_name = CustomerFirstName;
    /// The merchant's id of the customer, unique in the project.
    id = CustomerId;
    /// IPv4 or IPv6.
    ip_address = CustomerIpAddress;
    /// Last name.
    last_name = CustomerLastName;
    /// 4 to 24 digits.
    phone = CustomerPhone;
    /// State or region.
    state = CustomerState;
    /// Postal code.
    zip = CustomerZip;
}

setters! { Account:
    /// Wallet or account number.
    number = AccountNumber;
}

setters! { ReturnUrls:
    /// After a decline.
    decline = ReturnDecline;
    /// In any case.
    neutral = ReturnNeutral;
    /// After a success.
    success = ReturnSuccess;
}

/// Values by field.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields {
    values: BTreeMap<Field, Sensitive<String>>,
    /// Whether any value holds a `;`.
    separator: bool,
}

impl Fields {
    pub(super) fn set(&mut self, field: Field, value: impl Into<String>) {
        let value = value.into();
        self.separator |= value.contains(';');
        self.values.insert(field, Sensitive::new(value));
    }

    pub(super) fn take(&mut self, other: Self) {
        self.separator |= other.separator;
        self.values.extend(other.values);
    }

    pub(crate) fn get(&self, field: Field) -> Option<&str> {
        self.values.get(&field).map(|value| value.expose().as_str())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Field, &str)> {
        self.values.iter().map(|(&field, value)| (field, value.expose().as_str()))
    }

    /// Whether a value may hold a `;`.
    pub(crate) const fn may_hold_separator(&self) -> bool {
        self.separator
    }
}

/// Values by path, for fields without a setter. A value that cannot be serialised is reported by
/// the check.
#[derive(Clone, Default)]
pub(crate) struct Extra(Vec<(String, Result<Box<RawValue>, String>)>);

impl Extra {
    pub(super) fn set(&mut self, path: impl Into<String>, value: &impl Serialize) {
        let json = serde_json::value::to_raw_value(value).map_err(|error| error.to_string());
        self.0.push((path.into(), json));
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, Result<&RawValue, &str>)> {
        self.0.iter().map(|(path, json)| {
            (path.as_str(), json.as_ref().map(AsRef::as_ref).map_err(String::as_str))
        })
    }
}

/// Prints the paths only: the values may be personal data.
impl std::fmt::Debug for Extra {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(path, _)| path)).finish()
    }
}
