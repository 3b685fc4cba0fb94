//! `clarification_fields`: what the platform wants to know before a payment goes on.

use super::{FromJson, ModelError, borrows_nothing, open_enum};
use crate::Sensitive;
use crate::json::{Kind, RawJson, Value};

/// The consent text of open banking, which must be shown to the customer (sources: clarification).
pub(super) const CONSENT_TEXT: &str = "customer.psu_consent_text";

open_enum! {
    /// Type of the value that the platform asks for in a field, named as in JSON Schema.
    pub enum FieldKind {
        /// `true` or `false`.
        Boolean = "boolean",
        /// A whole number.
        Integer = "integer",
        /// Any number, also with decimals.
        /// [`AdditionalData::answer`](super::AdditionalData::answer) sends it as text, which keeps
        /// every digit.
        Number = "number",
        /// Text.
        String = "string",
    }
}

/// A field that the platform asks for before a payment goes on; it may be required or optional.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClarificationField {
    /// Dotted path of the field inside `clarification_fields` and inside `additional_data`, such as
    /// `customer.phone`.
    pub path: String,
    /// Type of the field's value; `None` if the platform does not say it.
    pub kind: Option<FieldKind>,
    /// Whether the payment goes on only after this field is sent; `false` for an optional field.
    pub required: bool,
    /// Default value of the field: its text, or a number or boolean as it is written in the
    /// message. `None` if the platform gives none. [`ClarificationFields::consent_text`] returns
    /// the default that must be shown to the customer.
    pub default: Option<Sensitive<String>>,
    /// Why the platform asks for the field, or what is wrong with the value that was sent before,
    /// such as `too young`. `None` if the platform does not say it.
    pub message: Option<String>,
    /// Name of the rule that the value sent before has broken, such as `minimum`; `None` if the
    /// platform names none.
    pub constraint: Option<String>,
    /// The platform's description of the field as JSON, with all its members. `{}` for a field that
    /// is named without a description.
    pub schema: RawJson,
}

/// `clarification_fields`: the fields that the platform asks for before a payment goes on. Use the
/// value like a slice to see all fields, the optional ones too. Answer with an
/// [`AdditionalData`](super::AdditionalData).
///
/// The JSON has one object for each object of the request that lacks fields, such as `customer`.
/// Each of these objects lists its fields in `properties` and `required`, as in JSON Schema. Its
/// list `errors` says what is wrong with values sent before, with `property`, `message` and
/// `constraint` (sources: clarification). Nested objects are read in the same way. Members of
/// another form are in [`unread`](Self::unread).
///
/// ```
/// use ecp_core::model::{ClarificationFields, FromJson};
///
/// let json = br#"{"customer":{"properties":{"phone":{"type":"string"}},"required":["phone"]}}"#;
/// let asked = ClarificationFields::from_slice(json)?;
/// let phone = asked.get("customer.phone").unwrap();
/// assert!(phone.required);
/// # Ok::<(), ecp_core::model::ModelError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct ClarificationFields {
    fields: Vec<ClarificationField>,
    unread: Vec<(String, RawJson)>,
}

impl ClarificationFields {
    /// The requested field at a dotted path such as `customer.phone`; `None` if the platform does
    /// not ask for that field.
    pub fn get(&self, path: &str) -> Option<&ClarificationField> {
        self.fields.iter().find(|field| field.path == path)
    }

    /// The required fields, without which the payment does not go on.
    pub fn required(&self) -> impl Iterator<Item = &ClarificationField> {
        self.fields.iter().filter(|field| field.required)
    }

    /// The text that the customer must see and consent to in open banking; `None` if the platform
    /// sent none. Send the text back as the value of `customer.psu_consent_text`.
    pub fn consent_text(&self) -> Option<&Sensitive<String>> {
        self.get(CONSENT_TEXT)?.default.as_ref()
    }

    /// Members of `clarification_fields` that could not be read as fields, because they have an
    /// unknown form or lie too deep, with their dotted paths.
    pub fn unread(&self) -> &[(String, RawJson)] {
        &self.unread
    }

    /// Reads an object and what its properties say; `path` is empty at the root.
    fn add(&mut self, path: &str, object: Value<'_>, deep: usize) {
        let properties = object.get("properties").filter(|value| value.is_object());
        let listed = object.get("required").filter(|value| matches!(value.kind(), Kind::Array));
        if deep == 0 || (properties.is_none() && listed.is_none()) {
            self.unread.push((path.to_owned(), object.into()));
            return;
        }
        let names: Vec<&str> =
            listed.into_iter().flat_map(Value::children).filter_map(Value::as_str).collect();
        let mut seen = Vec::new();
        for property in properties.into_iter().flat_map(Value::children) {
            let name = property.key().unwrap_or_default();
            let below = join(path, name);
            seen.push(name);
            if name.is_empty() || name.contains('.') {
                self.unread.push((below, property.into()));
            } else if property.get("properties").is_some() {
                self.add(&below, property, deep - 1);
            } else {
                self.fields.push(ClarificationField::of(below, names.contains(&name), property));
            }
        }
        // A name that is required and not described.
        for name in names.iter().filter(|name| !seen.contains(name)) {
            self.fields.push(ClarificationField::bare(join(path, name)));
        }
        let errors = object.get("errors").into_iter().flat_map(Value::children);
        for error in errors {
            let text = |name| error.get(name).and_then(Value::as_str).map(str::to_owned);
            let Some(property) = text("property") else { continue };
            let at = join(path, &property);
            let field = self.fields.iter_mut().find(|field| field.path == at);
            if let Some(field) = field {
                field.message = text("message");
                field.constraint = text("constraint");
            }
        }
    }
}

impl ClarificationField {
    fn of(path: String, required: bool, property: Value<'_>) -> Self {
        let default = property.get("default").and_then(|value| match value.kind() {
            Kind::String(text) | Kind::Number(text) => Some(text.to_owned()),
            Kind::Bool(flag) => Some(flag.to_string()),
            _ => None,
        });
        Self {
            path,
            kind: property.get("type").and_then(Value::as_str).map(FieldKind::from),
            required,
            default: default.map(Sensitive::new),
            message: None,
            constraint: None,
            schema: property.into(),
        }
    }

    /// A required field without a description.
    fn bare(path: String) -> Self {
        Self {
            path,
            kind: None,
            required: true,
            default: None,
            message: None,
            constraint: None,
            schema: RawJson::empty_object(),
        }
    }
}

impl std::ops::Deref for ClarificationFields {
    type Target = [ClarificationField];

    fn deref(&self) -> &[ClarificationField] {
        &self.fields
    }
}

/// How deep objects are read. Deeper ones are kept unread.
const DEEPEST: usize = 8;

impl FromJson for ClarificationFields {
    borrows_nothing!();

    fn borrow_from(value: Value<'_>) -> Result<Self, ModelError> {
        if !value.is_object() && !value.is_nothing() {
            return Err(ModelError::expected("an object", value));
        }
        let mut asked = Self::default();
        for object in value.children() {
            asked.add(object.key().unwrap_or_default(), object, DEEPEST);
        }
        Ok(asked)
    }

    fn is_blank(value: Value<'_>) -> bool {
        value.is_nothing()
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}
