//! What the customer of a sale has to do in tests.

use super::redirect::RedirectValue;

/// How the customer pays in the sandbox. The platform may first ask for missing fields
/// ([`TestQuestion`]).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TestStep {
    /// The customer is redirected to the provider by `redirect_data`.
    #[default]
    Redirect,
    /// The customer pays by an instruction in `display_data`, which has these items.
    Display(&'static [TestItem]),
    /// The customer confirms the payment on the phone. Callbacks have nothing to show to the
    /// customer.
    Push,
}

/// An item of `display_data`, the instruction that the merchant shows to the customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TestItem {
    kind: &'static str,
    title: &'static str,
    value: RedirectValue,
}

impl TestItem {
    /// Creates an item from its type (`add_info`, `qr_data`, ..), its title and its value. The
    /// value is sent as text, even if it would be a number in a redirect.
    pub const fn new(kind: &'static str, title: &'static str, value: RedirectValue) -> Self {
        assert!(!kind.is_empty(), "the type of an item must not be empty");
        Self { kind, title, value }
    }

    /// The type of the item, such as `add_info` or `qr_data`.
    pub const fn kind(&self) -> &'static str {
        self.kind
    }

    /// The title of the item.
    pub const fn title(&self) -> &'static str {
        self.title
    }

    /// The kind of value that the sandbox gives the item.
    pub const fn value(&self) -> RedirectValue {
        self.value
    }
}

/// A field that the platform asks the merchant for, in `clarification_fields`, if the request does
/// not have it. The customer can pay only after the merchant has sent the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TestQuestion {
    object: &'static str,
    name: &'static str,
    kind: &'static str,
    default: Option<&'static str>,
}

impl TestQuestion {
    /// Creates a question for a text, by object and name of the field: `customer` and `phone` for
    /// `customer.phone`.
    pub const fn text(object: &'static str, name: &'static str) -> Self {
        Self::new(object, name, "string")
    }

    /// Creates a question for `true` or `false`, by object and name of the field.
    pub const fn flag(object: &'static str, name: &'static str) -> Self {
        Self::new(object, name, "boolean")
    }

    const fn new(object: &'static str, name: &'static str, kind: &'static str) -> Self {
        assert!(
            !object.is_empty() && !name.is_empty(),
            "a question needs the object and the name of its field"
        );
        Self { object, name, kind, default: None }
    }

    /// Sets the default value of the question, such as the text of `customer.psu_consent_text`.
    pub const fn default(self, default: &'static str) -> Self {
        Self { default: Some(default), ..self }
    }

    /// The object that contains the field, such as `customer` for `customer.phone`.
    pub const fn object(&self) -> &'static str {
        self.object
    }

    /// The name of the field in its object, such as `phone` for `customer.phone`.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The JSON Schema type of the field: `string` or `boolean`.
    pub const fn kind(&self) -> &'static str {
        self.kind
    }

    /// The default value of the field, `None` if it has none.
    pub const fn default_value(&self) -> Option<&'static str> {
        self.default
    }
}
