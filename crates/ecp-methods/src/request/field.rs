//! Fields of requests, by their Gate paths.

use std::fmt;
use std::net::IpAddr;

macro_rules! fields {
    ($($(#[$doc:meta])* $field:ident = $path:literal, $check:ident, $example:literal;)*) => {
        /// A field of a request that has a setter.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Field {
            $($(#[$doc])* $field,)*
        }

        impl Field {
            /// All fields of requests.
            pub const ALL: &'static [Self] = &[$(Self::$field),*];

            /// The path in a Gate request.
            pub const fn path(self) -> &'static str {
                match self {
                    $(Self::$field => $path,)*
                }
            }

            /// A value that passes the check, for documentation and demonstrations. It is
            /// not the value of a real person.
            pub const fn example(self) -> &'static str {
                match self {
                    $(Self::$field => $example,)*
                }
            }

            /// The problem with a value, by the rules of the documents (sources: request fields).
            pub(crate) fn problem(self, value: &str) -> Option<&'static str> {
                match self {
                    $(Self::$field => $check(value),)*
                }
            }
        }
    };
}

fields! {
    /// Wallet or account number.
    AccountNumber = "account.number", text, "93017949";
    /// Street, house and flat.
    CustomerAddress = "customer.address", text, "1 Example Street";
    /// The customer's city.
    CustomerCity = "customer.city", text, "Exampleton";
    /// The customer's country, by ISO 3166-1 alpha-2.
    CustomerCountry = "customer.country", country, "LV";
    /// The customer's day of birth, as `DD-MM-YYYY`.
    CustomerDayOfBirth = "customer.day_of_birth", day, "31-12-1999";
    /// The customer's e-mail address.
    CustomerEmail = "customer.email", email, "mary@example.com";
    /// The customer's first name.
    CustomerFirstName = "customer.first_name", text, "Maryam";
    /// The merchant's id of the customer, unique in the project.
    CustomerId = "customer.id", text, "customer-1";
    /// IPv4 or IPv6.
    CustomerIpAddress = "customer.ip_address", ip_address, "192.0.2.1";
    /// The customer's last name.
    CustomerLastName = "customer.last_name", text, "Smithson";
    /// 4 to 24 digits.
    CustomerPhone = "customer.phone", phone, "76575657657676";
    /// State or region.
    CustomerState = "customer.state", text, "Example State";
    /// The customer's postal code.
    CustomerZip = "customer.zip", text, "EX-1001";
    /// Callback address of this payment, instead of the project's.
    CallbackUrl = "general.merchant_callback_url", url, "https://shop.example/callbacks";
    /// The merchant's description.
    Description = "payment.description", text, "An example";
    /// The merchant's id of a refund.
    MerchantRefundId = "payment.merchant_refund_id", text, "refund-example-1";
    /// The customer's return address after a decline.
    ReturnDecline = "return_url.decline", url, "https://shop.example/declined";
    /// The customer's return address in any case.
    ReturnNeutral = "return_url.return", url, "https://shop.example/back";
    /// The customer's return address after a success.
    ReturnSuccess = "return_url.success", url, "https://shop.example/paid";
}

impl Field {
    /// The Payment Page's name of the field (sources: Payment Page), `None` if it has none.
    pub const fn page_name(self) -> Option<&'static str> {
        Some(match self {
            Self::AccountNumber | Self::CustomerIpAddress | Self::MerchantRefundId => return None,
            Self::CustomerAddress => "customer_address",
            Self::CustomerCity => "customer_city",
            Self::CustomerCountry => "customer_country",
            Self::CustomerDayOfBirth => "customer_day_of_birth",
            Self::CustomerEmail => "customer_email",
            Self::CustomerFirstName => "customer_first_name",
            Self::CustomerId => "customer_id",
            Self::CustomerLastName => "customer_last_name",
            Self::CustomerPhone => "customer_phone",
            Self::CustomerState => "customer_state",
            Self::CustomerZip => "customer_zip",
            Self::CallbackUrl => "merchant_callback_url",
            Self::Description => "payment_description",
            Self::ReturnDecline => "redirect_fail_url",
            Self::ReturnNeutral => "redirect_return_url",
            Self::ReturnSuccess => "redirect_success_url",
        })
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.path())
    }
}

fn text(value: &str) -> Option<&'static str> {
    match value.chars().count() {
        0 => Some("is empty"),
        1..=255 if value.contains(char::is_control) => Some("holds a control character"),
        1..=255 => None,
        _ => Some("is longer than 255 characters"),
    }
}

fn country(value: &str) -> Option<&'static str> {
    let valid = value.len() == 2 && value.bytes().all(|byte| byte.is_ascii_uppercase());
    (!valid).then_some("must be two capital letters (ISO 3166-1)")
}

fn day(value: &str) -> Option<&'static str> {
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let parts: Vec<&str> = value.split('-').collect();
    let valid = matches!(
        parts.as_slice(),
        [day, month, year] if [day.len(), month.len(), year.len()] == [2, 2, 4]
            && digits(day) && digits(month) && digits(year)
    );
    (!valid).then_some("must have the form DD-MM-YYYY")
}

fn email(value: &str) -> Option<&'static str> {
    let valid = matches!(value.split_once('@'), Some((name, host))
        if !name.is_empty() && !host.is_empty() && !host.contains('@'));
    if valid && !value.contains(char::is_whitespace) {
        text(value)
    } else {
        Some("is not an e-mail address")
    }
}

fn ip_address(value: &str) -> Option<&'static str> {
    value.parse::<IpAddr>().is_err().then_some("is not an IPv4 or IPv6 address")
}

fn phone(value: &str) -> Option<&'static str> {
    let valid = (4..=24).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_digit());
    (!valid).then_some("must be 4 to 24 digits")
}

pub(crate) fn url(value: &str) -> Option<&'static str> {
    let rest = value.strip_prefix("https://").or_else(|| value.strip_prefix("http://"));
    let host = rest.and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or_default();
    if host.is_empty() {
        Some("must be an http or https address")
    } else if host.contains('@') {
        Some("must not hold a user name")
    } else if value.contains(|c: char| c.is_control() || c.is_whitespace()) {
        Some("must not hold spaces or control characters")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_passes_its_check() {
        for field in Field::KNOWN {
            assert_eq!(field.problem(field.example()), None, "{field}");
        }
    }

    #[test]
    fn every_rule_has_both_sides() {
        let long = "x".repeat(256);
        let table = [
            (Field::CUSTOMER_ID, "user007", None),
            (Field::CUSTOMER_ID, "", Some("is empty")),
            (Field::CUSTOMER_ID, "a\u{0}", Some("holds a control character")),
            (Field::CUSTOMER_ID, &long, Some("is longer than 255 characters")),
            (Field::CUSTOMER_COUNTRY, "MY", None),
            (Field::CUSTOMER_COUNTRY, "my", Some("must be two capital letters (ISO 3166-1)")),
            (Field::CUSTOMER_DAY_OF_BIRTH, "31-12-1999", None),
            (Field::CUSTOMER_DAY_OF_BIRTH, "1999-12-31", Some("must have the form DD-MM-YYYY")),
            (Field::CUSTOMER_EMAIL, "smith@example.com", None),
            (Field::CUSTOMER_EMAIL, "smith", Some("is not an e-mail address")),
            (Field::CUSTOMER_EMAIL, "a@b@c", Some("is not an e-mail address")),
            (Field::CUSTOMER_EMAIL, "a b@c", Some("is not an e-mail address")),
            (Field::CUSTOMER_IP_ADDRESS, "2001:db8::1", None),
            (Field::CUSTOMER_IP_ADDRESS, "248.121.176", Some("is not an IPv4 or IPv6 address")),
            (Field::CUSTOMER_PHONE, "0000000000009999", None),
            (Field::CUSTOMER_PHONE, "+44123", Some("must be 4 to 24 digits")),
            (Field::RETURN_SUCCESS, "https://shop.example/?a=1", None),
            (Field::RETURN_SUCCESS, "javascript:alert(1)", Some("must be an http or https address")),
            (Field::RETURN_SUCCESS, "https:///x", Some("must be an http or https address")),
            (Field::RETURN_SUCCESS, "https://u@shop.example", Some("must not hold a user name")),
            (
                Field::RETURN_SUCCESS,
                "https://shop.example/a b",
                Some("must not hold spaces or control characters"),
            ),
        ];
        for (field, value, problem) in table {
            assert_eq!(field.problem(value), problem, "{field}: {value:?}");
        }
    }
}
