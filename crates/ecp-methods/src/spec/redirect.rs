//! The redirect to a method's provider, by the sample on its page.

use std::fmt;

/// The form of `redirect_data`, by the sample on the method's page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TestRedirect {
    /// A plain redirect: `GET`, and an empty list for the body.
    #[default]
    Get,
    /// A form without fields: `POST`, and an empty object for the body.
    PostEmpty,
    /// A form with fields: `POST`, and an object with text and numbers for the body.
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

/// A field of the form that brings a customer to the provider, a member of `redirect_data.body`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RedirectField {
    name: &'static str,
    value: RedirectValue,
}

impl RedirectField {
    /// A field with the name in the sample, and what its value is in tests.
    pub const fn new(name: &'static str, value: RedirectValue) -> Self {
        assert!(!name.is_empty(), "a field has a name");
        Self { name, value }
    }

    /// The name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The value.
    pub const fn value(&self) -> RedirectValue {
        self.value
    }
}

/// The value that the sandbox gives a [`RedirectField`]: a part of the payment, or a stand-in after
/// the sample on the method's page. What the provider does with it is not documented.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RedirectValue {
    /// The amount in major units, as text.
    Amount,
    /// Hexadecimal digits, so many, up to 64.
    Checksum(usize),
    /// The payment's currency.
    Currency,
    /// The merchant's id of the customer, empty for a guest.
    CustomerId,
    /// The payment's description.
    Description,
    /// The number of the operation, as a number.
    Operation,
    /// The number of the operation, as text.
    OperationText,
    /// The address of the page where the customer pays.
    Page,
    /// This text, the one in the sample.
    Text(&'static str),
}
