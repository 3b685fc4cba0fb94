//! Parts that several requests share.

use ecp_core::Sensitive;
use serde::Serialize;
use serde_json::value::RawValue;

use super::field::{Field, Format};

/// The data of the customer in a request, such as name and e-mail address. All fields are optional
/// here: the payment method decides which are required, and a request without one of them is
/// refused before it is sent.
///
/// ```
/// use ecp_methods::request::Customer;
///
/// let customer = Customer::new().id("customer1").ip_address("192.0.2.1").first_name("Mary");
/// assert!(!format!("{customer:?}").contains("Mary"));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Customer(Fields);

/// The customer's account at the payment method, such as the wallet that receives a payout. Pass it
/// to [`PayoutRequest::account`](crate::request::PayoutRequest::account).
#[derive(Clone, Debug, Default)]
pub struct Account(Fields);

/// The URLs to which the customer returns from the provider's page after a sale: absolute http or
/// https URLs. Each is optional here; a request without one that its payment method needs is
/// refused before it is sent.
#[derive(Clone, Debug, Default)]
pub struct ReturnUrls(Fields);

macro_rules! setters {
    ($part:ident: $($(#[$doc:meta])* $setter:ident = $field:ident;)*) => {
        impl $part {
            /// Creates an empty value of this type; each setter adds a field to it.
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
    /// Sets the customer's street, house and flat.
    address = CUSTOMER_ADDRESS;
    /// Sets the customer's city.
    city = CUSTOMER_CITY;
    /// Sets the customer's country, by ISO 3166-1 alpha-2.
    country = CUSTOMER_COUNTRY;
    /// Sets the customer's day of birth, as `DD-MM-YYYY`.
    day_of_birth = CUSTOMER_DAY_OF_BIRTH;
    /// Sets the customer's e-mail address.
    email = CUSTOMER_EMAIL;
    /// Sets the customer's first name.
    first_name = CUSTOMER_FIRST_NAME;
    /// Sets the merchant's id of the customer, unique in the project.
    id = CUSTOMER_ID;
    /// Sets the customer's IPv4 or IPv6 address.
    ip_address = CUSTOMER_IP_ADDRESS;
    /// Sets the customer's last name.
    last_name = CUSTOMER_LAST_NAME;
    /// Sets the customer's phone number, 4 to 24 digits.
    phone = CUSTOMER_PHONE;
    /// Sets the customer's state or region.
    state = CUSTOMER_STATE;
    /// Sets the customer's postal code.
    zip = CUSTOMER_ZIP;
}

setters! { Account:
    /// Sets the number of the customer's wallet or account, such as `93017949`.
    number = ACCOUNT_NUMBER;
}

setters! { ReturnUrls:
    /// Sets the URL to which the customer returns after a decline.
    decline = RETURN_DECLINE;
    /// Sets the URL to which the customer returns whatever the result of the payment is.
    neutral = RETURN_NEUTRAL;
    /// Sets the URL to which the customer returns after a success.
    success = RETURN_SUCCESS;
}

/// Values by field.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields {
    /// The fields that are set, with their values. They are sorted by path, and no path occurs
    /// twice. There are few of them, so a lookup goes through all.
    values: Vec<(Field, Sensitive<String>)>,
    /// Whether a value contains a `;` or is an object, which signing may refuse. The check of the
    /// request then tries to make the signed string.
    ambiguous: bool,
}

impl Fields {
    pub(super) fn set(&mut self, field: Field, value: impl Into<String>) {
        let value = value.into();
        self.ambiguous |= value.contains(';') || field.format() == Format::Object;
        self.put(field, Sensitive::new(value));
    }

    fn put(&mut self, field: Field, value: Sensitive<String>) {
        let path = field.path();
        if let Some(own) = self.values.iter_mut().find(|(own, _)| own.path() == path) {
            *own = (field, value);
        } else {
            let place = self.values.partition_point(|(own, _)| own.path() < path);
            self.values.insert(place, (field, value));
        }
    }

    pub(super) fn take(&mut self, other: Self) {
        self.ambiguous |= other.ambiguous;
        for (field, value) in other.values {
            self.put(field, value);
        }
    }

    pub(crate) fn get(&self, path: &str) -> Option<&str> {
        let (_, value) = self.values.iter().find(|(field, _)| field.path() == path)?;
        Some(value.expose())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Field, &str)> {
        self.values.iter().map(|(field, value)| (*field, value.expose().as_str()))
    }

    /// Whether signing may refuse a value that passed its check.
    pub(crate) const fn may_be_ambiguous(&self) -> bool {
        self.ambiguous
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
