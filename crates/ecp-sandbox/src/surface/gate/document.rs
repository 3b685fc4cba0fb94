//! Reading requests.

use std::time::Duration;

use serde_json::Value;

use super::check::{Refusal, code};
use crate::payment::CallbackWishes;

/// Reads optional members and notes those that are not what they should be.
pub(super) struct Fields<'d> {
    document: &'d Value,
    malformed: Vec<&'static str>,
}

impl<'d> Fields<'d> {
    pub(super) const fn of(document: &'d Value) -> Self {
        Self { document, malformed: Vec::new() }
    }

    pub(super) fn text(&mut self, path: &'static str) -> Option<String> {
        match at(self.document, path) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text.clone()),
            Some(_) => self.note(path),
        }
    }

    /// A customer is sent nowhere but to web addresses.
    pub(super) fn url(&mut self, path: &'static str) -> Option<String> {
        let text = self.text(path).filter(|text| !text.is_empty())?;
        let uri: Result<http::Uri, _> = text.parse();
        match uri.as_ref().map(|uri| (uri.scheme_str(), uri.host())) {
            Ok((Some("http" | "https"), Some(host))) if !host.is_empty() => Some(text),
            _ => self.note(path),
        }
    }

    /// How the merchant wants to be told. The platform delays a callback by 600 seconds at most.
    pub(super) fn callback_wishes(&mut self) -> CallbackWishes {
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

    /// Ends in a refusal if anything was noted.
    pub(super) fn end(self) -> Result<(), Refusal> {
        if self.malformed.is_empty() {
            Ok(())
        } else {
            Err(Refusal::new(code::MALFORMED, self.malformed))
        }
    }

    fn note<T>(&mut self, path: &'static str) -> Option<T> {
        if !self.malformed.contains(&path) {
            self.malformed.push(path);
        }
        None
    }
}

/// Refuses a document that lacks any of these.
pub(crate) fn require(
    document: &Value,
    paths: impl IntoIterator<Item = &'static str>,
) -> Result<(), Refusal> {
    let missing: Vec<&'static str> =
        paths.into_iter().filter(|path| is_missing(document, path)).collect();
    if missing.is_empty() { Ok(()) } else { Err(Refusal::new(code::REQUIRED, missing)) }
}

/// Absent, null and empty are all the same to a required field.
pub(super) fn is_missing(document: &Value, path: &str) -> bool {
    match at(document, path) {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.is_empty(),
        Some(_) => false,
    }
}

pub(crate) fn at<'d>(document: &'d Value, path: &str) -> Option<&'d Value> {
    path.split('.').try_fold(document, |value, name| value.get(name))
}
