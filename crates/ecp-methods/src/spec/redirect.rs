//! The redirect to a method's provider, by the sample on its page.

use std::fmt;

/// How the customer's browser is sent to the provider in tests, by `GET` or `POST`: the form of
/// `redirect_data` in callbacks, by the sample on the method's documentation page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TestRedirect {
    /// A redirect by `GET`; `redirect_data.body` is an empty list.
    #[default]
    Get,
    /// A form without fields, sent by `POST`; `redirect_data.body` is an empty object.
    PostEmpty,
    /// A form with fields, sent by `POST`; `redirect_data.body` is an object with texts and
    /// numbers.
    PostFields,
}

impl fmt::Display for TestRedirect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Get => "GET",
            Self::PostEmpty => "POST without fields",
            Self::PostFields => "POST with fields",
        })
    }
}

/// A field of the HTML form that sends the customer to the provider in tests. Callbacks have it as
/// a member of `redirect_data.body`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RedirectField {
    name: &'static str,
    value: RedirectValue,
}

impl RedirectField {
    /// Creates a form field from its name, by the sample on the method's documentation page, and
    /// the value that the sandbox gives it, such as the amount.
    pub const fn new(name: &'static str, value: RedirectValue) -> Self {
        assert!(!name.is_empty(), "the name of a redirect field must not be empty");
        Self { name, value }
    }

    /// The name of the form field, such as `TransNum`, which is a member of `redirect_data.body` in
    /// callbacks.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The value that the sandbox gives the form field, such as the amount of the payment.
    pub const fn value(&self) -> RedirectValue {
        self.value
    }
}

/// The value that the sandbox gives to a field of the form that redirects the customer
/// ([`RedirectField`]) or to an item of `display_data` ([`TestItem`](super::TestItem)). It is a
/// part of the payment, or a placeholder like the one in the sample on the method's documentation
/// page. How the provider uses the value is not documented.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RedirectValue {
    /// The amount of the payment in major units, as text, such as `100.00`.
    Amount,
    /// A placeholder of this many hexadecimal digits, at most 64.
    Checksum(usize),
    /// The code of the payment's currency, such as `EUR`.
    Currency,
    /// The merchant's id of the customer, empty if the sale has none.
    CustomerId,
    /// The payment's description.
    Description,
    /// The number that the sandbox gives the operation, as a JSON number.
    Operation,
    /// The number that the sandbox gives the operation, as text.
    OperationText,
    /// The URL of the page where the customer pays.
    Page,
    /// This fixed text, which is also in the sample on the method's documentation page.
    Text(&'static str),
}
