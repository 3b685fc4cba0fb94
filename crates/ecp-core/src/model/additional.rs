//! `additional_data`: the answer to `clarification_fields`.

use std::fmt;

use serde::ser::{Serialize, SerializeMap as _, Serializer};

use super::clarification::{ClarificationField, FieldKind};
use crate::Sensitive;

/// The merchant's answer to a clarification (a request of the platform for more fields): values at
/// the paths that [`ClarificationFields`](super::ClarificationFields) lists. `Gate::clarify` of
/// `ecp-transport` sends it. The answer may be incomplete or empty: the platform then asks again,
/// and the time limit for an answer begins anew (sources: clarification).
///
/// ```
/// use ecp_core::model::AdditionalData;
///
/// let data = AdditionalData::new().text("customer.phone", "02081234567")?;
/// assert_eq!(serde_json::to_string(&data)?, r#"{"customer":{"phone":"02081234567"}}"#);
/// assert_eq!(format!("{data:?}"), r#"{"customer.phone"}"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
pub struct AdditionalData(Vec<(String, Node)>);

#[derive(Clone)]
enum Node {
    Flag(bool),
    Number(i64),
    Object(AdditionalData),
    Text(Sensitive<String>),
}

/// Error of adding a value to [`AdditionalData`]. The error's text does not quote the value, which
/// may be personal data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AdditionalDataError {
    /// A part of the dotted path is empty, as in `customer..phone`.
    #[error("`{path}` is not a path: write names with `.` between them, as in `customer.phone`")]
    Path {
        /// The path that was given.
        path: String,
    },
    /// The answer already has a value at this path, above it or below it. With a value at
    /// `customer.phone`, neither `customer.phone` nor `customer` can be added.
    #[error(
        "`{path}` cannot be added: the same field, or one that contains it or lies in it (as \
         `customer` contains `customer.phone`), is given already: keep only one of them"
    )]
    Taken {
        /// The path that was given.
        path: String,
    },
    /// The text cannot be converted to the type that the platform asks for, such as `abc` to a
    /// whole number.
    #[error("the value of the field `{path}` must be {expected}")]
    Kind {
        /// Dotted path of the field.
        path: String,
        /// The values that the field's type allows, such as `a whole number`.
        expected: &'static str,
    },
}

impl AdditionalData {
    /// Makes an answer without values to the platform's request for more fields.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a text to the answer, at the dotted path of its field, such as `customer.phone`. It is
    /// an error if the path has an empty part, or overlaps with a path that the answer has already.
    pub fn text(self, path: &str, text: impl Into<String>) -> Result<Self, AdditionalDataError> {
        self.with(path, Node::Text(Sensitive::new(text.into())))
    }

    /// Adds a whole number to the answer, at the dotted path of its field, such as `customer.age`.
    /// It is an error if the path has an empty part, or overlaps with a path that the answer has
    /// already.
    pub fn number(self, path: &str, number: i64) -> Result<Self, AdditionalDataError> {
        self.with(path, Node::Number(number))
    }

    /// Adds `true` or `false` to the answer, at the dotted path of its field, such as
    /// `customer.psu_consent`. It is an error if the path has an empty part, or overlaps with a
    /// path that the answer has already.
    pub fn flag(self, path: &str, flag: bool) -> Result<Self, AdditionalDataError> {
        self.with(path, Node::Flag(flag))
    }

    /// Adds the value of a field that the platform asks for, converted from text to the type of the
    /// field: a whole number for `integer`, `true` or `false` for `boolean`, otherwise text. It is
    /// an error if the text cannot be converted, or if the answer has a value for the field
    /// already.
    pub fn answer(
        self,
        field: &ClarificationField,
        text: &str,
    ) -> Result<Self, AdditionalDataError> {
        let wrong = |expected| AdditionalDataError::Kind { path: field.path.clone(), expected };
        match &field.kind {
            Some(FieldKind::Boolean) => {
                let flag = text.parse().map_err(|_| wrong("`true` or `false`"))?;
                self.flag(&field.path, flag)
            }
            Some(FieldKind::Integer) => {
                let number = text.parse().map_err(|_| wrong("a whole number"))?;
                self.number(&field.path, number)
            }
            // Text keeps every digit of a number with decimals.
            _ => self.text(&field.path, text),
        }
    }

    /// The dotted paths of the values in the answer, in the order in which they are sent.
    pub fn paths(&self) -> Vec<String> {
        let below = |(name, node): &(String, Node)| match node {
            Node::Object(object) => {
                object.paths().into_iter().map(|path| format!("{name}.{path}")).collect()
            }
            _ => vec![name.clone()],
        };
        self.0.iter().flat_map(below).collect()
    }

    /// Whether the answer has no values. An empty answer may be sent too: the platform then asks
    /// again.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn with(mut self, path: &str, node: Node) -> Result<Self, AdditionalDataError> {
        if path.split('.').any(str::is_empty) {
            return Err(AdditionalDataError::Path { path: path.to_owned() });
        }
        let taken = || AdditionalDataError::Taken { path: path.to_owned() };
        self.put(path, node).ok_or_else(taken)?;
        Ok(self)
    }

    fn put(&mut self, path: &str, node: Node) -> Option<()> {
        let Some((name, rest)) = path.split_once('.') else {
            if self.0.iter().any(|(taken, _)| taken == path) {
                return None;
            }
            self.0.push((path.to_owned(), node));
            return Some(());
        };
        let place = self.0.iter().position(|(taken, _)| taken == name).unwrap_or_else(|| {
            self.0.push((name.to_owned(), Node::Object(Self::default())));
            self.0.len() - 1
        });
        match &mut self.0.get_mut(place)?.1 {
            Node::Object(object) => object.put(rest, node),
            _ => None,
        }
    }
}

/// Prints the paths only.
impl fmt::Debug for AdditionalData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.paths()).finish()
    }
}

impl Serialize for AdditionalData {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, node) in &self.0 {
            map.serialize_entry(name, node)?;
        }
        map.end()
    }
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Flag(flag) => serializer.serialize_bool(*flag),
            Self::Number(number) => serializer.serialize_i64(*number),
            Self::Object(object) => object.serialize(serializer),
            Self::Text(text) => text.serialize(serializer),
        }
    }
}
