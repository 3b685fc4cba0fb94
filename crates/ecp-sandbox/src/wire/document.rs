//! Requests as they are read: their JSON, its members, and the ids in them.

use std::borrow::Cow;
use std::time::Duration;

use ecp_core::{PaymentId, ProjectId};
use ecp_methods::request::{Field, Format};
use serde_json::Value;

use crate::payment::CallbackWishes;
use crate::wire::address::{is_return_address, is_web_address};
use crate::wire::refusal::Refusal;
use crate::wire::{codes, signature};

/// Maximum length of a canonical string, in bytes. Without it, a hostile request of 256 KiB could
/// need gigabytes.
pub(crate) const CANONICAL_LIMIT: usize = 8 << 20;

/// Reads the body of a request as JSON, or returns a refusal.
pub(crate) fn read(body: &[u8]) -> Result<Value, Refusal> {
    match serde_json::from_slice(body) {
        Ok(document) if signature::canonical_length(&document) <= CANONICAL_LIMIT => Ok(document),
        _ => Err(Refusal::new(codes::INVALID_JSON, [])),
    }
}

/// Place of the project and the signature in a request.
#[derive(Clone, Copy)]
pub(crate) enum Place {
    General,
    Root,
}

impl Place {
    pub(crate) const fn project(self) -> &'static str {
        match self {
            Self::General => "general.project_id",
            Self::Root => "project_id",
        }
    }

    pub(crate) const fn signature(self) -> &'static str {
        match self {
            Self::General => "general.signature",
            Self::Root => "signature",
        }
    }
}

/// The ids in a request that could be read; `None` for those that could not.
#[derive(Default)]
pub(crate) struct GivenIds {
    pub(crate) project_id: Option<ProjectId>,
    pub(crate) payment_id: Option<PaymentId>,
}

impl GivenIds {
    pub(crate) fn of(document: &Value) -> Self {
        let project_id = [Place::General, Place::Root]
            .into_iter()
            .find_map(|place| at(document, place.project()))
            .and_then(Value::as_u64);
        let payment_id = at(document, "general.payment_id").and_then(Value::as_str);
        Self {
            project_id: project_id.and_then(|id| ProjectId::new(id).ok()),
            payment_id: payment_id.and_then(|id| PaymentId::new(id).ok()),
        }
    }
}

/// Returns the payment id of a request, or a refusal if it is missing or invalid.
pub(crate) fn payment_id(document: &Value) -> Result<PaymentId, Refusal> {
    const PAYMENT: &str = "general.payment_id";
    require(document, [PAYMENT])?;
    GivenIds::of(document)
        .payment_id
        .ok_or_else(|| Refusal::new(codes::INVALID_PAYMENT_ID, [PAYMENT]))
}

/// Reader of a request's optional members, which collects the paths of invalid ones.
pub(crate) struct Fields<'d> {
    document: &'d Value,
    malformed: Vec<&'static str>,
}

impl<'d> Fields<'d> {
    pub(crate) const fn of(document: &'d Value) -> Self {
        Self { document, malformed: Vec::new() }
    }

    pub(crate) fn text(&mut self, path: &'static str) -> Option<String> {
        match at(self.document, path) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text.clone()),
            Some(_) => self.note(path),
        }
    }

    /// Checks the JSON type of a field that the method requires.
    pub(crate) fn value(&mut self, field: Field) {
        let path = field.path();
        let fits = match at(self.document, path) {
            None | Some(Value::Null) => true,
            Some(Value::String(_)) => !matches!(field.format(), Format::Integer | Format::Object),
            Some(Value::Number(number)) => field.format() == Format::Integer && number.is_u64(),
            Some(Value::Object(members)) => field.format() == Format::Object && !members.is_empty(),
            Some(Value::Array(_) | Value::Bool(_)) => false,
        };
        if !fits {
            self.note::<()>(path);
        }
    }

    /// Reads a URL for callbacks; `None` if it is missing or invalid.
    pub(crate) fn url(&mut self, path: &'static str) -> Option<String> {
        self.address(path, is_web_address)
    }

    /// Reads an address to which customers come back; `None` if it is missing or invalid.
    pub(crate) fn return_url(&mut self, path: &'static str) -> Option<String> {
        self.address(path, is_return_address)
    }

    fn address(&mut self, path: &'static str, fits: fn(&str) -> bool) -> Option<String> {
        let text = self.text(path).filter(|text| !text.is_empty())?;
        if fits(&text) { Some(text) } else { self.note(path) }
    }

    /// Reads the merchant's settings for the payment's callbacks. The platform delays a callback by
    /// 600 seconds at most.
    pub(crate) fn callback_wishes(&mut self) -> CallbackWishes {
        const DELAY: &str = "callback.delay";
        const DISABLE: &str = "callback.force_disable";
        let delay = match at(self.document, DELAY) {
            None | Some(Value::Null) => 0,
            Some(value) => match value.as_u64().filter(|&seconds| seconds <= 600) {
                Some(seconds) => seconds,
                None => self.note(DELAY).unwrap_or_default(),
            },
        };
        let disabled = match at(self.document, DISABLE) {
            None | Some(Value::Null | Value::Bool(false)) => false,
            Some(Value::Bool(true)) => true,
            Some(value) => match value.as_u64() {
                Some(0) => false,
                Some(1) => true,
                _ => self.note(DISABLE).unwrap_or_default(),
            },
        };
        CallbackWishes { delay: Duration::from_secs(delay), disabled }
    }

    /// Returns a refusal that names all invalid members; `Ok` if there are none.
    pub(crate) fn end(self) -> Result<(), Refusal> {
        if self.malformed.is_empty() {
            Ok(())
        } else {
            Err(Refusal::new(codes::MALFORMED, self.malformed))
        }
    }

    fn note<T>(&mut self, path: &'static str) -> Option<T> {
        if !self.malformed.contains(&path) {
            self.malformed.push(path);
        }
        None
    }
}

/// Returns a refusal if the document lacks any of these required fields.
pub(crate) fn require(
    document: &Value,
    paths: impl IntoIterator<Item = &'static str>,
) -> Result<(), Refusal> {
    let missing: Vec<&'static str> =
        paths.into_iter().filter(|path| is_missing(document, path)).collect();
    if missing.is_empty() { Ok(()) } else { Err(Refusal::new(codes::REQUIRED, missing)) }
}

/// Whether a required field is missing: absent, null and empty all count as missing.
pub(crate) fn is_missing(document: &Value, path: &str) -> bool {
    match at(document, path) {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.is_empty(),
        Some(_) => false,
    }
}

/// Returns a value as text, to test the conditions of a method's rule.
pub(crate) fn text_at<'d>(document: &'d Value, path: &str) -> Option<Cow<'d, str>> {
    match at(document, path)? {
        Value::Null => None,
        Value::String(text) => Some(Cow::Borrowed(text)),
        other => Some(Cow::Owned(other.to_string())),
    }
}

pub(crate) fn at<'d>(document: &'d Value, path: &str) -> Option<&'d Value> {
    path.split('.').try_fold(document, |value, name| value.get(name))
}
