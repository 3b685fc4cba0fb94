//! What the customer of a sale has to do in tests.

use super::redirect::RedirectValue;

/// How the customer of a sale pays in the sandbox, such as after a redirect to the provider. Before
/// this step, the sandbox may ask the merchant for missing fields ([`TestQuestion`]).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TestStep {
    /// The customer is redirected to the provider by `redirect_data`, a member of callbacks with a
    /// URL.
    #[default]
    Redirect,
    /// The customer pays by an instruction that callbacks have in the member `display_data`, such
    /// as a QR code. It has the items of this list.
    Display(&'static [TestItem]),
    /// The customer confirms the payment on the phone. Callbacks have nothing to show to the
    /// customer.
    Push,
}

/// An item of `display_data`, a member of callbacks with the instruction that the merchant shows to
/// the customer, such as a QR code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TestItem {
    kind: &'static str,
    title: &'static str,
    value: RedirectValue,
}

impl TestItem {
    /// Creates an item of `display_data` from its type, such as `qr_data`, its title and the value
    /// that the sandbox gives it. A value that is a number is sent as text.
    pub const fn new(kind: &'static str, title: &'static str, value: RedirectValue) -> Self {
        assert!(!kind.is_empty(), "the type of an item must not be empty");
        Self { kind, title, value }
    }

    /// The type that the item of `display_data` has in callbacks, such as `add_info` or `qr_data`.
    pub const fn kind(&self) -> &'static str {
        self.kind
    }

    /// The title that this item of `display_data` has in callbacks, for the customer, such as
    /// `QR code`.
    pub const fn title(&self) -> &'static str {
        self.title
    }

    /// The value that the sandbox gives this item of a callback's `display_data`, such as the URL of
    /// the page where the customer pays.
    pub const fn value(&self) -> RedirectValue {
        self.value
    }
}

/// A field that the platform asks the merchant for, by `clarification_fields` in a callback, if the
/// request does not have it. The customer can pay only after the merchant has sent the field to
/// Gate, as a clarification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TestQuestion {
    object: &'static str,
    name: &'static str,
    kind: &'static str,
    default: Option<&'static str>,
}

impl TestQuestion {
    /// Creates a question to the merchant for a field with a text, by the object and the name of
    /// the field: `customer` and `phone` for `customer.phone`.
    pub const fn text(object: &'static str, name: &'static str) -> Self {
        Self::new(object, name, "string")
    }

    /// Creates a question to the merchant for a field with `true` or `false`, by the object and the
    /// name of the field: `customer` and `psu_consent` for `customer.psu_consent`.
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

    /// Sets the default value of the field that is asked for, which `clarification_fields` shows,
    /// such as the text of `customer.psu_consent_text`.
    pub const fn default(self, default: &'static str) -> Self {
        Self { default: Some(default), ..self }
    }

    /// The object that contains the field that is asked for, such as `customer` for
    /// `customer.phone`.
    pub const fn object(&self) -> &'static str {
        self.object
    }

    /// The name that the field that is asked for has in its object, such as `phone` for
    /// `customer.phone`.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The JSON Schema type of the field that is asked for: `string` or `boolean`.
    pub const fn kind(&self) -> &'static str {
        self.kind
    }

    /// The default value of the field that is asked for, `None` if it has none.
    pub const fn default_value(&self) -> Option<&'static str> {
        self.default
    }
}
