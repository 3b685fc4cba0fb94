//! The platform's messages as types.
//!
//! The models are filled from a [`Document`] that was read once, and they are open: members that
//! no model knows are kept in `extra`, and a status, a type or a code that is not in the tables
//! keeps its text and counts as neither final nor successful. What is needed to decide anything
//! (ids, statuses, sums) must have its documented JSON type, otherwise the message is refused
//! with the path of the member.
//!
//! Personal data is [`Sensitive`], so a model can be printed with `Debug`.

mod callback;
mod code;
mod confirmation;
mod operation;
mod redirect;
mod refund;
mod request;
mod response;
mod status;

use std::fmt;

pub use self::callback::{Callback, CallbackFormat, General, RequestInfo, Transaction};
pub use self::code::{Advice, Code, CodeInfo};
pub use self::confirmation::{ConfirmationAnswer, DepositCheck};
pub use self::operation::{
    Account, Customer, ErrorItem, Errors, Operation, Payment, Provider, ProviderId, Sum,
};
pub use self::redirect::{RedirectBody, RedirectData, RedirectMethod};
pub use self::refund::{RefundOutcome, RefundResult};
pub use self::request::{GateGeneral, GatePayment, GateRequest, PageParameters, ReturnUrls};
pub use self::response::{StatusResponse, SyncResponse, SyncStatus};
pub use self::status::{OperationStatus, OperationType, PaymentStatus, PaymentType};
use crate::json::{Document, JsonError, Kind, Limits, RawJson, Value};
use crate::{OperationId, PaymentId, ProjectId, RequestId, Sensitive, Timestamp};

/// Why a document is not the message it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The bytes are no JSON document.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// A member has another type than documented.
    #[error("{}: expected {expected}, found {found}", place(path))]
    Type {
        /// Dotted path of the member, empty for the message itself.
        path: String,
        /// What the documents say.
        expected: &'static str,
        /// What stands there.
        found: &'static str,
    },
    /// A member's text or number is out of bounds.
    #[error("{}: {problem}", place(path))]
    Value {
        /// Dotted path of the member.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A member that every such message has is not there.
    #[error("`{path}` is missing")]
    Missing {
        /// Dotted path of the member.
        path: String,
    },
}

impl ModelError {
    /// Dotted path of the member, `None` if the document could not be read at all.
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::Json(_) => None,
            Self::Type { path, .. } | Self::Value { path, .. } | Self::Missing { path } => {
                Some(path)
            }
        }
    }

    fn expected(expected: &'static str, value: Value<'_>) -> Self {
        Self::Type { path: value.path(), expected, found: value.kind().name() }
    }

    fn value(value: Value<'_>, problem: impl fmt::Display) -> Self {
        Self::Value { path: value.path(), problem: problem.to_string() }
    }

    fn missing(parent: Value<'_>, name: &str) -> Self {
        let mut path = parent.path();
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(name);
        Self::Missing { path }
    }
}

fn place(path: &str) -> String {
    if path.is_empty() { "the message".to_owned() } else { format!("`{path}`") }
}

/// What a model is filled from: implemented by every message and every part of one.
pub trait FromJson: Sized {
    /// Reads a value that is there.
    fn from_json(value: Value<'_>) -> Result<Self, ModelError>;

    /// What to take when the member is not there: an error unless the type has room for it.
    fn absent(parent: Value<'_>, name: &str) -> Result<Self, ModelError> {
        Err(ModelError::missing(parent, name))
    }

    /// Whether a value that is there stands for nothing: an empty id, a project 0.
    fn is_blank(value: Value<'_>) -> bool {
        matches!(value.kind(), Kind::Null)
    }

    /// Reads a whole document, within the default [`Limits`].
    fn from_slice(json: &[u8]) -> Result<Self, ModelError> {
        Self::from_json(Document::parse(json, Limits::default())?.root())
    }
}

/// The members that a model does not know, as they were sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extra(Vec<(Box<str>, RawJson)>);

impl Extra {
    /// The member of that name.
    pub fn get(&self, name: &str) -> Option<&RawJson> {
        self.iter().find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// All of them, in the order of the message.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &RawJson)> {
        self.0.iter().map(|(key, value)| (&**key, value))
    }

    /// Whether the model knew every member.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn keep(&mut self, member: Value<'_>) {
        self.0.push((member.key().unwrap_or_default().into(), member.into()));
    }
}

/// Declares a struct that is filled from a JSON object.
///
/// A member that `decides` something must have its documented type, otherwise the message is
/// refused. One that only `describes` is kept unread in `extra` when it has another: a date in a
/// new form must not cost a callback. A member may have several names, the official ones of
/// different message formats; the first that stands there counts, whatever the order of the
/// members, which the signature does not cover.
///
/// `null`, `[]` and `{}` stand for nothing where the struct is optional. PHP writes the second for
/// an object without members, and the signature does not cover the last two.
macro_rules! model {
    (
        $(#[$doc:meta])*
        pub struct $name:ident {
            $($(#[$field_doc:meta])* $field:ident: $type:ty = $role:ident $($wire:literal)|+,)*
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        #[non_exhaustive]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $type,)*
            /// The members that are not listed above.
            pub extra: $crate::model::Extra,
        }

        impl $crate::model::FromJson for $name {
            fn from_json(value: $crate::json::Value<'_>) -> Result<Self, $crate::model::ModelError> {
                if !matches!(value.kind(), $crate::json::Kind::Object) {
                    return Err($crate::model::ModelError::expected("an object", value));
                }
                let mut members = $crate::model::Members::of(value);
                Ok(Self {
                    $($field: members.$role(&[$($wire),+])?,)*
                    extra: members.rest(),
                })
            }

            fn is_blank(value: $crate::json::Value<'_>) -> bool {
                $crate::model::is_nothing(value)
            }
        }
    };
}
use model;

/// The members of an object while a model takes what it knows.
struct Members<'d> {
    object: Value<'d>,
    left: Vec<Value<'d>>,
}

impl<'d> Members<'d> {
    fn of(object: Value<'d>) -> Self {
        Self { object, left: object.children().collect() }
    }

    fn decides<T: FromJson>(&mut self, names: &[&str]) -> Result<T, ModelError> {
        match self.take(names) {
            Some(member) => T::from_json(member),
            None => T::absent(self.object, names[0]),
        }
    }

    fn describes<T: FromJson>(&mut self, names: &[&str]) -> Result<T, ModelError> {
        let Some(member) = self.take(names) else { return T::absent(self.object, names[0]) };
        T::from_json(member).or_else(|_| {
            self.left.push(member);
            T::absent(self.object, names[0])
        })
    }

    fn take(&mut self, names: &[&str]) -> Option<Value<'d>> {
        // Nothing stands for nothing under any name: it is not signed, so it must not hide what is.
        let find = |says_something: bool| {
            names.iter().find_map(|name| {
                self.left.iter().position(|member| {
                    member.key() == Some(name) && (!says_something || !is_nothing(*member))
                })
            })
        };
        let place = find(true).or_else(|| find(false))?;
        Some(self.left.remove(place))
    }

    fn rest(self) -> Extra {
        let mut left = self.left;
        left.sort_by_key(|member| member.index());
        let mut extra = Extra::default();
        for member in left {
            extra.keep(member);
        }
        extra
    }
}

/// `null`, and what PHP writes for an object without members. The signature tells none of them
/// from a member that is not there, or from an empty text.
fn is_nothing(value: Value<'_>) -> bool {
    match value.kind() {
        Kind::Null => true,
        Kind::Array | Kind::Object => value.children().next().is_none(),
        _ => false,
    }
}

/// Declares words that the platform sends: those known by name, and any other kept as text.
macro_rules! open_enum {
    (
        $(#[$doc:meta])*
        pub enum $name:ident {
            $($(#[$variant_doc:meta])* $variant:ident = $word:literal $(| $alias:literal)*,)*
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
            /// A word that is not in the tables, as it was sent.
            Other(Box<str>),
        }

        impl $name {
            /// The words known by name.
            pub const KNOWN: &'static [Self] = &[$(Self::$variant),*];

            /// The word on the wire.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $word,)*
                    Self::Other(text) => text,
                }
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                match text {
                    $($word $(| $alias)* => Self::$variant,)*
                    other => Self::Other(other.into()),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl $crate::model::FromJson for $name {
            fn from_json(value: $crate::json::Value<'_>) -> Result<Self, $crate::model::ModelError> {
                match value.as_str() {
                    Some(text) => Ok(Self::from(text)),
                    None => Err($crate::model::ModelError::expected("a string", value)),
                }
            }
        }
    };
}
use open_enum;

/// What callbacks and status answers say alike, though not always in one place.
macro_rules! about_a_payment {
    ($($message:ty),*) => {
        $(impl $message {
            /// The project, wherever the message names it.
            pub fn project_id(&self) -> Option<ProjectId> {
                self.root_project_id.or_else(|| self.general.as_ref()?.project_id)
            }

            /// The merchant's id of the payment, wherever the message names it.
            pub fn payment_id(&self) -> Option<&PaymentId> {
                let in_payment = || self.payment.as_ref()?.id.as_ref();
                in_payment().or_else(|| self.general.as_ref()?.payment_id.as_ref())
            }

            /// Where the payment stands.
            pub fn payment_status(&self) -> Option<&PaymentStatus> {
                self.payment.as_ref()?.status.as_ref()
            }
        })*
    };
}

about_a_payment!(Callback, StatusResponse);

impl<T: FromJson> FromJson for Option<T> {
    fn from_json(value: Value<'_>) -> Result<Self, ModelError> {
        if T::is_blank(value) { Ok(None) } else { T::from_json(value).map(Some) }
    }

    fn absent(_: Value<'_>, _: &str) -> Result<Self, ModelError> {
        Ok(None)
    }
}

/// PHP writes an empty list where it has nothing, and `{}` now and then.
impl<T: FromJson> FromJson for Vec<T> {
    fn from_json(value: Value<'_>) -> Result<Self, ModelError> {
        match value.kind() {
            Kind::Array => value.children().map(T::from_json).collect(),
            Kind::Null => Ok(Self::new()),
            Kind::Object if value.children().next().is_none() => Ok(Self::new()),
            _ => Err(ModelError::expected("a list", value)),
        }
    }

    fn absent(_: Value<'_>, _: &str) -> Result<Self, ModelError> {
        Ok(Self::new())
    }
}

impl FromJson for String {
    fn from_json(value: Value<'_>) -> Result<Self, ModelError> {
        match value.as_str() {
            Some(text) => Ok(text.to_owned()),
            None => Err(ModelError::expected("a string", value)),
        }
    }
}

impl FromJson for RawJson {
    fn from_json(value: Value<'_>) -> Result<Self, ModelError> {
        Ok(value.into())
    }
}

/// Descriptive members come as text or as a number; nothing is decided by them.
impl FromJson for Sensitive<String> {
    fn from_json(value: Value<'_>) -> Result<Self, ModelError> {
        match value.kind() {
            Kind::String(text) | Kind::Number(text) => Ok(Self::new(text.to_owned())),
            _ => Err(ModelError::expected("a string", value)),
        }
    }
}

fn integer<T: std::str::FromStr>(value: Value<'_>) -> Result<T, ModelError> {
    match value.kind() {
        Kind::Number(literal) => {
            literal.parse().map_err(|_| ModelError::value(value, "expected an integer in range"))
        }
        _ => Err(ModelError::expected("an integer", value)),
    }
}

impl FromJson for i64 {
    fn from_json(value: Value<'_>) -> Result<Self, ModelError> {
        integer(value)
    }
}

impl FromJson for OperationId {
    fn from_json(value: Value<'_>) -> Result<Self, ModelError> {
        integer(value).map(Self::new)
    }
}

impl FromJson for ProjectId {
    fn from_json(value: Value<'_>) -> Result<Self, ModelError> {
        Self::new(integer(value)?).map_err(|error| ModelError::value(value, error))
    }

    fn is_blank(value: Value<'_>) -> bool {
        matches!(value.kind(), Kind::Null | Kind::Number("0"))
    }
}

/// The platform's word is taken for what an id is; the rules for our own are not its.
macro_rules! from_received_text {
    ($($type:ty),*) => {
        $(impl FromJson for $type {
            fn from_json(value: Value<'_>) -> Result<Self, ModelError> {
                match value.as_str() {
                    Some("") => Err(ModelError::value(value, "is empty")),
                    Some(text) => Ok(Self::received(text)),
                    None => Err(ModelError::expected("a string", value)),
                }
            }

            fn is_blank(value: Value<'_>) -> bool {
                matches!(value.kind(), Kind::Null | Kind::String(""))
            }
        })*
    };
}

from_received_text!(PaymentId, RequestId);

impl FromJson for Timestamp {
    fn from_json(value: Value<'_>) -> Result<Self, ModelError> {
        match value.as_str() {
            Some(text) => text.parse().map_err(|error| ModelError::value(value, error)),
            None => Err(ModelError::expected("a time", value)),
        }
    }

    fn is_blank(value: Value<'_>) -> bool {
        matches!(value.kind(), Kind::Null | Kind::String(""))
    }
}
