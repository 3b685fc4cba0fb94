//! Fields of requests, by their Gate paths.

use std::fmt;
use std::net::IpAddr;

/// A field of a request: its path in the Gate request, the format of its values, an example value
/// and, if it has one, its name on the Payment Page.
///
/// The fields that several payment methods share are constants. A method that needs another field
/// declares it:
///
/// ```
/// use ecp_methods::request::{Field, Format};
///
/// const BANK: Field = Field::new("account.bank_id", Format::Digits, "116");
/// const DOCUMENT: Field =
///     Field::new("identify", Format::Object, r#"{"doc_number":"1234","doc_type":"CC"}"#);
///
/// assert_eq!(BANK.to_string(), "account.bank_id");
/// assert!(DOCUMENT.problem("{}").is_some() && DOCUMENT.problem(DOCUMENT.example()).is_none());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Field {
    path: &'static str,
    format: Format,
    example: &'static str,
    page_name: Option<&'static str>,
}

/// The format of a field's values, such as an e-mail address. A request with a value of another
/// format is refused before it is sent (row `request fields` of `docs/sources.md`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Format {
    /// A country code of ISO 3166-1 alpha-2, such as `LV`.
    Country,
    /// A day as `DD-MM-YYYY`, such as `31-12-1999`. Only the form is checked: `31-02-1999` passes.
    Day,
    /// 1 to 255 digits, sent as text: leading zeros stay.
    Digits,
    /// An e-mail address: one `@` with text on both sides, no spaces, at most 255 characters.
    Email,
    /// A whole number from 0 to 4294967295 without leading zeros, sent as a JSON number.
    Integer,
    /// An IPv4 or IPv6 address.
    IpAddress,
    /// A JSON object with at least one member, given as text, such as `{"doc_number":"1234"}`. The
    /// field also counts as set if the request sets one of its members by the member's own path.
    Object,
    /// One of the texts in the list, such as `CC` and `PASSPORT`; any other text is refused.
    OneOf(&'static [&'static str]),
    /// A phone number of 4 to 24 digits.
    Phone,
    /// A text of 1 to 255 characters without control characters.
    Text,
    /// An absolute http or https URL without a user name.
    Url,
}

macro_rules! fields {
    ($($(#[$doc:meta])* $field:ident = $path:literal, $format:ident, $example:literal $(, $page:literal)?;)*) => {
        /// The fields that several methods share.
        impl Field {
            $(
                $(#[$doc])*
                pub const $field: Self = Self::new($path, Format::$format, $example)$(.on_page($page))?;
            )*

            /// All fields that are constants of this type, such as [`Field::CUSTOMER_EMAIL`].
            pub const KNOWN: &'static [Self] = &[$(Self::$field),*];

            /// The name of the constant, `None` if there is none.
            pub(crate) fn constant(self) -> Option<&'static str> {
                match self.path {
                    $($path => Some(stringify!($field)),)*
                    _ => None,
                }
            }
        }
    };
}

fields! {
    /// The customer's wallet or account number.
    ACCOUNT_NUMBER = "account.number", Text, "93017949";
    /// The customer's street, house and flat.
    CUSTOMER_ADDRESS = "customer.address", Text, "1 Example Street", "customer_address";
    /// The customer's city.
    CUSTOMER_CITY = "customer.city", Text, "Exampleton", "customer_city";
    /// The customer's country, by ISO 3166-1 alpha-2.
    CUSTOMER_COUNTRY = "customer.country", Country, "LV", "customer_country";
    /// The customer's day of birth, as `DD-MM-YYYY`.
    CUSTOMER_DAY_OF_BIRTH = "customer.day_of_birth", Day, "31-12-1999", "customer_day_of_birth";
    /// The customer's e-mail address.
    CUSTOMER_EMAIL = "customer.email", Email, "mary@example.com", "customer_email";
    /// The customer's first name.
    CUSTOMER_FIRST_NAME = "customer.first_name", Text, "Maryam", "customer_first_name";
    /// The merchant's id of the customer, unique in the project.
    CUSTOMER_ID = "customer.id", Text, "customer-1", "customer_id";
    /// The customer's IPv4 or IPv6 address.
    CUSTOMER_IP_ADDRESS = "customer.ip_address", IpAddress, "192.0.2.1";
    /// The customer's last name.
    CUSTOMER_LAST_NAME = "customer.last_name", Text, "Smithson", "customer_last_name";
    /// The customer's phone number, 4 to 24 digits.
    CUSTOMER_PHONE = "customer.phone", Phone, "76575657657676", "customer_phone";
    /// The customer's state or region.
    CUSTOMER_STATE = "customer.state", Text, "Example State", "customer_state";
    /// The customer's postal code.
    CUSTOMER_ZIP = "customer.zip", Text, "EX-1001", "customer_zip";
    /// The URL for callbacks about this payment, instead of the project's URL.
    CALLBACK_URL = "general.merchant_callback_url", Url, "https://shop.example/callbacks", "merchant_callback_url";
    /// The merchant's description of the payment, 1 to 255 characters.
    DESCRIPTION = "payment.description", Text, "An example", "payment_description";
    /// The merchant's id of a refund, by which the platform distinguishes the refunds of a payment.
    MERCHANT_REFUND_ID = "payment.merchant_refund_id", Text, "refund-example-1";
    /// The URL to which the customer returns after a decline.
    RETURN_DECLINE = "return_url.decline", Url, "https://shop.example/declined", "redirect_fail_url";
    /// The URL to which the customer returns whatever the result of the payment is.
    RETURN_NEUTRAL = "return_url.return", Url, "https://shop.example/back", "redirect_return_url";
    /// The URL to which the customer returns after a success.
    RETURN_SUCCESS = "return_url.success", Url, "https://shop.example/paid", "redirect_success_url";
}

impl Field {
    /// Creates a field from its path in the Gate request, the format of its values and an example
    /// value. The example is for documentation and demonstrations and must not be the data of a
    /// real person.
    ///
    /// The path must be names of lower case letters, digits and `_`, separated by dots, none of
    /// them `signature` or `frame_mode`, which signatures do not cover. In a constant, an invalid
    /// path is a compile error.
    ///
    /// # Panics
    ///
    /// If the path is invalid or the example is empty.
    pub const fn new(path: &'static str, format: Format, example: &'static str) -> Self {
        assert!(
            is_path(path),
            "a field's path must be names of lower case letters, digits and `_` with dots between \
             them, except `signature` and `frame_mode`"
        );
        assert!(!example.is_empty(), "a field needs an example");
        Self { path, format, example, page_name: None }
    }

    /// Sets the name of the field's parameter on the Payment Page, such as `customer_email`.
    /// Without this call, the field is not sent to the page.
    pub const fn on_page(self, name: &'static str) -> Self {
        Self { page_name: Some(name), ..self }
    }

    /// The path of the field in a Gate request, such as `customer.email`.
    pub const fn path(self) -> &'static str {
        self.path
    }

    /// The format of the field's values, such as an e-mail address, by which a value is checked.
    pub const fn format(self) -> Format {
        self.format
    }

    /// An example value that passes the check of the field, for documentation and demonstrations.
    /// It is not the data of a real person.
    pub const fn example(self) -> &'static str {
        self.example
    }

    /// The name of the field's parameter on the Payment Page, such as `customer_email` (row
    /// `Payment Page` of `docs/sources.md`); `None` if the page has no parameter for the field.
    pub const fn page_name(self) -> Option<&'static str> {
        self.page_name
    }

    /// Checks a value of the field by the rules of the platform's documentation (row
    /// `request fields` of `docs/sources.md`). Returns the problem as the part of a sentence after
    /// the field's path, such as `must be 4 to 24 digits`; `None` if there is none. The text does
    /// not repeat the value, which may be personal data.
    ///
    /// ```
    /// use ecp_methods::request::Field;
    ///
    /// assert_eq!(Field::CUSTOMER_PHONE.problem("+44123"), Some("must be 4 to 24 digits"));
    /// ```
    pub fn problem(self, value: &str) -> Option<&'static str> {
        match self.format {
            Format::Country => country(value),
            Format::Day => day(value),
            Format::Digits => digits(value),
            Format::Email => email(value),
            Format::Integer => integer(value),
            Format::IpAddress => ip_address(value),
            Format::Object => object(value),
            Format::OneOf(values) => (!values.contains(&value)).then_some(
                "is not one of the values that the payment method accepts; its spec lists them",
            ),
            Format::Phone => phone(value),
            Format::Text => text(value),
            Format::Url => url(value),
        }
    }
}

/// Prints the path.
impl fmt::Debug for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Field({})", self.path)
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.path)
    }
}

/// Whether a path is names with dots between them, of lower case letters, digits and `_`, none of which
/// the signature leaves out.
const fn is_path(path: &str) -> bool {
    let bytes = path.as_bytes();
    let (mut at, mut begin) = (0, 0);
    while at <= bytes.len() {
        if at == bytes.len() || bytes[at] == b'.' {
            let name = bytes.split_at(at).0.split_at(begin).1;
            if name.is_empty() || is(name, b"signature") || is(name, b"frame_mode") {
                return false;
            }
            begin = at + 1;
        } else if !matches!(bytes[at], b'a'..=b'z' | b'0'..=b'9' | b'_') {
            return false;
        }
        at += 1;
    }
    true
}

const fn is(one: &[u8], other: &[u8]) -> bool {
    let mut at = 0;
    while at < one.len() && at < other.len() {
        if one[at] != other[at] {
            return false;
        }
        at += 1;
    }
    one.len() == other.len()
}

fn digits(value: &str) -> Option<&'static str> {
    let valid = (1..=255).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_digit());
    (!valid).then_some("must be 1 to 255 digits")
}

fn integer(value: &str) -> Option<&'static str> {
    // What is written is what is sent: no sign, no zeros before it.
    let number = value.parse::<u32>().is_ok_and(|number| number.to_string() == value);
    (!number).then_some("must be a whole number from 0 to 4294967295, without leading zeros")
}

fn object(value: &str) -> Option<&'static str> {
    match serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(value) {
        Ok(members) if members.is_empty() => Some("must have at least one member"),
        Ok(_) => None,
        Err(_) => Some("must be a JSON object"),
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
            (
                Field::RETURN_SUCCESS,
                "javascript:alert(1)",
                Some("must be an http or https address"),
            ),
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
