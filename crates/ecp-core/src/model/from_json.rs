//! How models are filled from a document.

use std::fmt;
use std::str::FromStr;

use super::error::ModelError;
use crate::json::{Document, Kind, Limits, RawJson, Value};
use crate::{
    OperationId, PaymentId, PaymentIdRef, ProjectId, RequestId, RequestIdRef, Sensitive,
    SensitiveRef, Timestamp,
};

/// Conversion from JSON, implemented by the type of every message and of every part of a message.
/// [`from_slice`](Self::from_slice) reads a whole message from its bytes.
///
/// Each type has a borrowed form, such as `CallbackRef` for `Callback`, whose texts are not copied
/// but borrowed from the [`Document`]. JSON is read into the borrowed form, and the type itself is
/// made from that form by copying.
pub trait FromJson: Sized {
    /// The form that borrows from the document: `CallbackRef` for `Callback`, `&str` for `String`,
    /// and the type itself if it has no text to borrow.
    type Borrowed<'d>;

    /// Reads the borrowed form from a JSON value. It is an error if the value does not have the
    /// documented form.
    fn borrow_from(value: Value<'_>) -> Result<Self::Borrowed<'_>, ModelError>;

    /// Returns the borrowed form for a member that is absent, such as `None` or an empty list. It
    /// is an error if the member must not be absent.
    fn absent<'d>(parent: Value<'d>, name: &str) -> Result<Self::Borrowed<'d>, ModelError> {
        Err(ModelError::missing(parent, name))
    }

    /// Makes the type from its borrowed form, by copying.
    fn from_borrowed(borrowed: Self::Borrowed<'_>) -> Self;

    /// Whether a JSON value counts as absent, such as an empty id or project 0.
    fn is_blank(value: Value<'_>) -> bool {
        value.is_null()
    }

    /// Reads the type from a JSON value, by copying. It is an error if the value does not have the
    /// documented form.
    fn from_json(value: Value<'_>) -> Result<Self, ModelError> {
        Self::borrow_from(value).map(Self::from_borrowed)
    }

    /// Reads the type from a whole JSON document. It is an error if the document is not JSON, is
    /// beyond the default [`Limits`], or does not have the documented form.
    fn from_slice(json: &[u8]) -> Result<Self, ModelError> {
        Self::from_json(Document::parse(json, Limits::default())?.root())
    }
}

/// Members of a JSON object of a message that this library does not know: those that have no field
/// in the Rust type, and those whose value does not fit their field. They are kept as they were
/// sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extra(Vec<(Box<str>, RawJson)>);

impl Extra {
    /// The JSON text of the member with this name, if the message's Rust type has no field for it or
    /// its value does not fit the field; otherwise `None`.
    pub fn get(&self, name: &str) -> Option<&RawJson> {
        self.iter().find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// All members for which the message's Rust type has no field, and those whose value does not fit
    /// their field, in the order of the message.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &RawJson)> {
        self.0.iter().map(|(key, value)| (&**key, value))
    }

    /// Whether the message's Rust type has a field for every member, and every value fits its field.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The borrowed form of [`Extra`]: the members of a JSON object that have no field in the Rust
/// type, and those whose value does not fit their field. They are not copied; each call searches
/// the message for them.
#[derive(Clone)]
pub struct ExtraRef<'d> {
    /// `None` where the model knew every member.
    pub(super) object: Option<Value<'d>>,
    known: &'static &'static [&'static str],
    /// Members whose names are known but whose values could not be used, by their index in the
    /// document; `None` if there are none. Boxed because this is rare, and the type then stays
    /// small.
    #[expect(clippy::box_collection, reason = "see above")]
    unused: Option<Box<Vec<u32>>>,
}

impl<'d> ExtraRef<'d> {
    /// The value of the member with this name, if the message's Rust type has no field for it or the
    /// value does not fit the field; otherwise `None`.
    pub fn get(&self, name: &str) -> Option<Value<'d>> {
        self.iter().find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// All members for which the message's Rust type has no field, and those whose value does not fit
    /// their field, in the order of the message.
    pub fn iter(&self) -> impl Iterator<Item = (&'d str, Value<'d>)> {
        let members = self.object.into_iter().flat_map(Value::children);
        let members = members.filter_map(|member| Some((member.key()?, member)));
        members.filter(|(key, member)| {
            let mut unused = self.unused.iter().flat_map(|unused| unused.iter());
            !self.known.contains(key) || unused.any(|unused| *unused == member.place())
        })
    }

    /// Whether the message's Rust type has a field for every member, and every value fits its field.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    pub(super) fn to_owned(&self) -> Extra {
        Extra(self.iter().map(|(key, value)| (key.into(), value.into())).collect())
    }
}

/// Prints the names only.
impl fmt::Debug for ExtraRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(|(key, _)| key)).finish()
    }
}

/// Declares a struct that is filled from a JSON object.
///
/// A member that `decides` must have its documented type, otherwise the message is refused. One
/// that only `describes` is kept unread in `extra` when it has another: a date in a new form must
/// not lose a callback. A member may have two names, the official ones of different message
/// formats; if both are present they must agree, or the message is refused. Other values that a
/// message repeats in different places are compared by the function after `where`.
///
/// `null`, `[]` and `{}` count as absent where the struct is optional. PHP writes the second for
/// an object without members, and the signature does not cover the last two.
macro_rules! model {
    (
        $(#[$doc:meta])*
        pub struct $name:ident / $borrowed:ident $(where $agree:ident)? {
            $($(#[$field_doc:meta])* $field:ident: $type:ty = $role:ident $($wire:literal)|+,)*
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        #[non_exhaustive]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $type,)*
            /// The members of the JSON object that have no field in this struct, and those whose
            /// value does not fit their field, as they were sent.
            pub extra: $crate::model::Extra,
        }

        #[doc = concat!("[`", stringify!($name), "`], borrowed from its document.")]
        #[derive(Clone, Debug)]
        #[non_exhaustive]
        pub struct $borrowed<'d> {
            $($(#[$field_doc])* pub $field: <$type as $crate::model::FromJson>::Borrowed<'d>,)*
            /// The members of the JSON object that have no field in this struct, and those whose
            /// value does not fit their field, as they were sent.
            pub extra: $crate::model::borrowed::ExtraRef<'d>,
        }

        impl $crate::model::FromJson for $name {
            type Borrowed<'d> = $borrowed<'d>;

            fn borrow_from(
                value: $crate::json::Value<'_>,
            ) -> Result<$borrowed<'_>, $crate::model::ModelError> {
                if !value.is_object() {
                    return Err($crate::model::ModelError::expected("an object", value));
                }
                $(let mut $field = $crate::model::Found::<{ [$($wire),+].len() }>::NONE;)*
                let mut all_known = true;
                for member in value.children() {
                    let name = member.name();
                    $(if $(name == $wire.as_bytes())||+ {
                        $field.add(member);
                    } else)* {
                        all_known = false;
                    }
                }
                let mut members =
                    $crate::model::Members { object: value, all_known, unused: Vec::new() };
                let model = $borrowed {
                    $($field: members.$role::<$type, _>($field, &[$($wire),+])?,)*
                    extra: members.rest(&(&[$($($wire),+),*] as &[&str])),
                };
                $(model.$agree()?;)?
                Ok(model)
            }

            fn from_borrowed(borrowed: $borrowed<'_>) -> Self {
                Self {
                    $($field: <$type as $crate::model::FromJson>::from_borrowed(borrowed.$field),)*
                    extra: borrowed.extra.to_owned(),
                }
            }

            fn is_blank(value: $crate::json::Value<'_>) -> bool {
                value.is_nothing()
            }
        }

        impl $borrowed<'_> {
            /// Copies all texts, so that the result no longer borrows from the JSON document.
            pub fn into_owned(self) -> $name {
                <$name as $crate::model::FromJson>::from_borrowed(self)
            }
        }
    };
}
pub(super) use model;

/// The members of an object under the names of one field: their indexes, the last one first. The
/// root, whose index is 0, is not a member.
#[derive(Clone, Copy)]
pub(super) struct Found<const NAMES: usize>([u32; NAMES]);

impl<const NAMES: usize> Found<NAMES> {
    pub(super) const NONE: Self = Self([0; NAMES]);

    pub(super) fn add(&mut self, member: Value<'_>) {
        self.0.copy_within(..NAMES - 1, 1);
        self.0[0] = member.place();
    }
}

/// An object from which a model takes its members.
pub(super) struct Members<'d> {
    pub(super) object: Value<'d>,
    pub(super) all_known: bool,
    /// Members with a known name that duplicate another one or have the wrong type.
    pub(super) unused: Vec<u32>,
}

impl<'d> Members<'d> {
    #[expect(
        clippy::inline_always,
        reason = "measured: what is read is large, and moved otherwise"
    )]
    #[inline(always)]
    pub(super) fn decides<T: FromJson, const NAMES: usize>(
        &mut self,
        found: Found<NAMES>,
        names: &[&str; NAMES],
    ) -> Result<T::Borrowed<'d>, ModelError> {
        match self.choose(found, names)? {
            Some(member) => T::borrow_from(member),
            None => T::absent(self.object, names[0]),
        }
    }

    #[expect(
        clippy::inline_always,
        reason = "measured: what is read is large, and moved otherwise"
    )]
    #[inline(always)]
    pub(super) fn describes<T: FromJson, const NAMES: usize>(
        &mut self,
        found: Found<NAMES>,
        names: &[&str; NAMES],
    ) -> Result<T::Borrowed<'d>, ModelError> {
        let Some(member) = self.choose(found, names)? else {
            return T::absent(self.object, names[0]);
        };
        let read = T::borrow_from(member);
        if read.is_ok() {
            return read;
        }
        self.unused.push(member.place());
        T::absent(self.object, names[0])
    }

    #[expect(
        clippy::inline_always,
        reason = "measured: what is read is large, and moved otherwise"
    )]
    #[inline(always)]
    fn choose<const NAMES: usize>(
        &mut self,
        found: Found<NAMES>,
        names: &[&str; NAMES],
    ) -> Result<Option<Value<'d>>, ModelError> {
        const { assert!(NAMES <= 2, "no field has more names") };
        Ok(match found.0.as_slice() {
            [] | [0, ..] => None,
            [one] | [one, 0, ..] => Some(self.object.beside(*one)),
            [one, other, ..] => {
                let (one, other) = (self.object.beside(*one), self.object.beside(*other));
                Some(self.choose_one(one, other, names)?)
            }
        })
    }

    #[cold]
    fn choose_one(
        &mut self,
        one: Value<'d>,
        other: Value<'d>,
        names: &[&str],
    ) -> Result<Value<'d>, ModelError> {
        // An empty value counts as absent, under either name: the signature does not distinguish
        // `null` from an empty text, nor `[]` and `{}` from an absent member, so an empty value
        // must not hide the other one.
        let rank = |member: Value<'d>| {
            (member.is_nothing(), names.iter().position(|name| member.name() == name.as_bytes()))
        };
        let (chosen, unused) = if rank(one) < rank(other) { (one, other) } else { (other, one) };
        if !unused.is_nothing() && !chosen.says_the_same(unused) {
            return Err(ModelError::contradiction(chosen.path(), unused.path()));
        }
        self.unused.push(unused.place());
        Ok(chosen)
    }

    pub(super) fn rest(self, known: &'static &'static [&'static str]) -> ExtraRef<'d> {
        let unused = if self.unused.is_empty() { None } else { Some(Box::new(self.unused)) };
        let all = self.all_known && unused.is_none();
        ExtraRef { object: (!all).then_some(self.object), known, unused }
    }
}

/// For types without text to borrow.
macro_rules! borrows_nothing {
    () => {
        type Borrowed<'d> = Self;

        fn from_borrowed(borrowed: Self) -> Self {
            borrowed
        }
    };
}
pub(super) use borrows_nothing;

/// Declares an open set of words: the known ones by name, any other kept as text.
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
            /// A word that this crate does not know, as it was sent.
            Other(Box<str>),
        }

        impl $name {
            /// All known values: every variant except [`Other`](Self::Other).
            pub const KNOWN: &'static [Self] = &[$(Self::$variant),*];

            /// The word that stands for this value in the platform's messages.
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
            $crate::model::borrows_nothing!();

            #[inline]
            fn borrow_from(
                value: $crate::json::Value<'_>,
            ) -> Result<Self, $crate::model::ModelError> {
                match value.as_str() {
                    Some(text) => Ok(Self::from(text)),
                    None => Err($crate::model::ModelError::expected("a string", value)),
                }
            }
        }
    };
}
pub(super) use open_enum;

impl<T: FromJson> FromJson for Option<T> {
    type Borrowed<'d> = Option<T::Borrowed<'d>>;

    #[expect(
        clippy::inline_always,
        reason = "measured: what is read is large, and moved otherwise"
    )]
    #[inline(always)]
    fn borrow_from(value: Value<'_>) -> Result<Self::Borrowed<'_>, ModelError> {
        if T::is_blank(value) { Ok(None) } else { T::borrow_from(value).map(Some) }
    }

    fn absent<'d>(_: Value<'d>, _: &str) -> Result<Self::Borrowed<'d>, ModelError> {
        Ok(None)
    }

    fn from_borrowed(borrowed: Self::Borrowed<'_>) -> Self {
        borrowed.map(T::from_borrowed)
    }
}

/// PHP writes an empty list for an absent object, and `{}` sometimes.
impl<T: FromJson> FromJson for Vec<T> {
    type Borrowed<'d> = Vec<T::Borrowed<'d>>;

    fn borrow_from(value: Value<'_>) -> Result<Self::Borrowed<'_>, ModelError> {
        match value.kind() {
            Kind::Array => value.children().map(T::borrow_from).collect(),
            Kind::Null | Kind::Object if value.is_nothing() => Ok(Vec::new()),
            _ => Err(ModelError::expected("a list", value)),
        }
    }

    fn absent<'d>(_: Value<'d>, _: &str) -> Result<Self::Borrowed<'d>, ModelError> {
        Ok(Vec::new())
    }

    fn from_borrowed(borrowed: Self::Borrowed<'_>) -> Self {
        borrowed.into_iter().map(T::from_borrowed).collect()
    }
}

impl FromJson for String {
    type Borrowed<'d> = &'d str;

    #[inline]
    fn borrow_from(value: Value<'_>) -> Result<&str, ModelError> {
        value.as_str().ok_or_else(|| ModelError::expected("a string", value))
    }

    fn from_borrowed(borrowed: &str) -> Self {
        borrowed.to_owned()
    }
}

impl FromJson for RawJson {
    type Borrowed<'d> = Value<'d>;

    #[inline]
    fn borrow_from(value: Value<'_>) -> Result<Value<'_>, ModelError> {
        Ok(value)
    }

    fn from_borrowed(borrowed: Value<'_>) -> Self {
        borrowed.into()
    }
}

/// Descriptive members come as text or as a number; no decision depends on them.
impl FromJson for Sensitive<String> {
    type Borrowed<'d> = SensitiveRef<'d>;

    #[inline]
    fn borrow_from(value: Value<'_>) -> Result<SensitiveRef<'_>, ModelError> {
        let text = value.text_or_literal();
        text.map(SensitiveRef::new).ok_or_else(|| ModelError::expected("a string", value))
    }

    fn from_borrowed(borrowed: SensitiveRef<'_>) -> Self {
        Self::new(borrowed.expose().to_owned())
    }
}

#[inline]
fn integer<T: FromStr + TryFrom<u64>>(
    value: Value<'_>,
    expected: &'static str,
) -> Result<T, ModelError> {
    let Some(digits) = value.digits() else {
        return Err(ModelError::expected("an integer", value));
    };
    let mut plain = digits.len() <= 18;
    let number = digits.iter().fold(0_u64, |number, byte| {
        let digit = byte.wrapping_sub(b'0');
        plain &= digit <= 9;
        number.wrapping_mul(10).wrapping_add(digit.into())
    });
    let number = if plain {
        T::try_from(number).ok()
    } else {
        value.literal().and_then(|text| text.parse().ok())
    };
    number.ok_or_else(|| ModelError::value(value, format_args!("expected {expected}")))
}

impl FromJson for i64 {
    borrows_nothing!();

    #[inline]
    fn borrow_from(value: Value<'_>) -> Result<Self, ModelError> {
        integer(value, "an integer from -9223372036854775808 to 9223372036854775807")
    }
}

impl FromJson for OperationId {
    borrows_nothing!();

    #[inline]
    fn borrow_from(value: Value<'_>) -> Result<Self, ModelError> {
        integer(value, "an integer from 0 to 18446744073709551615").map(Self::new)
    }
}

impl FromJson for ProjectId {
    borrows_nothing!();

    #[inline]
    fn borrow_from(value: Value<'_>) -> Result<Self, ModelError> {
        let number = integer(value, "an integer from 1 to 9007199254740992")?;
        Self::new(number).map_err(|error| ModelError::value(value, error))
    }

    #[inline]
    fn is_blank(value: Value<'_>) -> bool {
        value.is_null() || value.literal() == Some("0")
    }
}

/// Received ids are taken unchecked: the rules for the merchant's own ids do not apply to them.
macro_rules! from_received_text {
    ($($type:ident / $borrowed:ident),*) => {
        $(impl FromJson for $type {
            type Borrowed<'d> = $borrowed<'d>;

            #[inline]
            fn borrow_from(value: Value<'_>) -> Result<$borrowed<'_>, ModelError> {
                match value.as_str() {
                    Some("") => Err(ModelError::value(value, "must not be empty")),
                    Some(text) => Ok($borrowed::received(text)),
                    None => Err(ModelError::expected("a string", value)),
                }
            }

            fn from_borrowed(borrowed: $borrowed<'_>) -> Self {
                borrowed.into_owned()
            }

            #[inline]
            fn is_blank(value: Value<'_>) -> bool {
                value.is_null() || value.as_str() == Some("")
            }
        })*
    };
}

from_received_text!(PaymentId / PaymentIdRef, RequestId / RequestIdRef);

impl FromJson for Timestamp {
    borrows_nothing!();

    #[inline]
    fn borrow_from(value: Value<'_>) -> Result<Self, ModelError> {
        match value.as_str() {
            Some(text) => text.parse().map_err(|error| ModelError::value(value, error)),
            None => Err(ModelError::expected("a time", value)),
        }
    }

    #[inline]
    fn is_blank(value: Value<'_>) -> bool {
        value.is_null() || value.as_str() == Some("")
    }
}
