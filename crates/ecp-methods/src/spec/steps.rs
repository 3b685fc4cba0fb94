//! What the customer of a sale has to do in tests.

use super::redirect::RedirectValue;

/// What the customer does to pay, in tests. Questions may come first ([`TestQuestion`]).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TestStep {
    /// Goes to the provider by `redirect_data`.
    #[default]
    Redirect,
    /// Pays by what `display_data` shows: these items.
    Display(&'static [TestItem]),
    /// Confirms on the phone. Messages have nothing to show.
    Push,
}

/// An item of `display_data`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TestItem {
    kind: &'static str,
    title: &'static str,
    value: RedirectValue,
}

impl TestItem {
    /// An item by its type (`add_info`, `qr_data`, ..), its title and the data in it: text, also
    /// where a redirect would have a number.
    pub const fn new(kind: &'static str, title: &'static str, value: RedirectValue) -> Self {
        assert!(!kind.is_empty(), "an item has a type");
        Self { kind, title, value }
    }

    /// The type.
    pub const fn kind(&self) -> &'static str {
        self.kind
    }

    /// The title.
    pub const fn title(&self) -> &'static str {
        self.title
    }

    /// The data.
    pub const fn value(&self) -> RedirectValue {
        self.value
    }
}

/// A field that the platform asks for in `clarification_fields` if the request has none, before the
/// customer can pay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TestQuestion {
    object: &'static str,
    name: &'static str,
    kind: &'static str,
    default: Option<&'static str>,
}

impl TestQuestion {
    /// Asks for a text: `customer` and `phone` for `customer.phone`.
    pub const fn text(object: &'static str, name: &'static str) -> Self {
        Self::new(object, name, "string")
    }

    /// Asks for `true` or `false`.
    pub const fn flag(object: &'static str, name: &'static str) -> Self {
        Self::new(object, name, "boolean")
    }

    const fn new(object: &'static str, name: &'static str, kind: &'static str) -> Self {
        assert!(!object.is_empty() && !name.is_empty(), "a question has an object and a name");
        Self { object, name, kind, default: None }
    }

    /// Sets the default, such as the text of `customer.psu_consent_text`.
    pub const fn default(self, default: &'static str) -> Self {
        Self { default: Some(default), ..self }
    }

    /// The object of the field, such as `customer`.
    pub const fn object(&self) -> &'static str {
        self.object
    }

    /// The name in the object, such as `phone`.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The type, by the word of JSON Schema: `string` or `boolean`.
    pub const fn kind(&self) -> &'static str {
        self.kind
    }

    /// The default.
    pub const fn default_value(&self) -> Option<&'static str> {
        self.default
    }
}
