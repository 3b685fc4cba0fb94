//! Requests as JSON.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// A JSON object built by dotted paths. Members are written in byte order.
#[derive(Default)]
pub(crate) struct Body<'r>(BTreeMap<&'r str, Member<'r>>);

enum Member<'r> {
    Signed(i64),
    Unsigned(u64),
    Text(&'r str),
    Json(&'r RawValue),
    Object(Body<'r>),
}

/// The path is taken, or leads through a value that is not an object.
#[derive(Debug)]
pub(crate) struct PathTaken;

impl<'r> Body<'r> {
    pub(crate) fn signed(&mut self, path: &'r str, value: i64) -> Result<(), PathTaken> {
        self.put(path, Member::Signed(value))
    }

    pub(crate) fn unsigned(&mut self, path: &'r str, value: u64) -> Result<(), PathTaken> {
        self.put(path, Member::Unsigned(value))
    }

    pub(crate) fn text(&mut self, path: &'r str, value: &'r str) -> Result<(), PathTaken> {
        self.put(path, Member::Text(value))
    }

    pub(crate) fn json(&mut self, path: &'r str, value: &'r RawValue) -> Result<(), PathTaken> {
        self.put(path, Member::Json(value))
    }

    fn put(&mut self, path: &'r str, member: Member<'r>) -> Result<(), PathTaken> {
        let Some((name, rest)) = path.split_once('.') else {
            return match self.0.insert(path, member) {
                None => Ok(()),
                Some(_) => Err(PathTaken),
            };
        };
        match self.0.entry(name).or_insert_with(|| Member::Object(Body::default())) {
            Member::Object(object) => object.put(rest, member),
            _ => Err(PathTaken),
        }
    }
}

impl Serialize for Body<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(&self.0)
    }
}

impl Serialize for Member<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Signed(value) => value.serialize(serializer),
            Self::Unsigned(value) => value.serialize(serializer),
            Self::Text(value) => value.serialize(serializer),
            Self::Json(value) => value.serialize(serializer),
            Self::Object(object) => object.serialize(serializer),
        }
    }
}
