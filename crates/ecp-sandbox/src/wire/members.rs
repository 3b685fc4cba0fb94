//! JSON objects that people write: bodies of the sandbox's own API and rules of faults. Errors name
//! the member.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};

/// What a member holds.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// The value must be `true` or `false`.
    Flag,
    /// The value must be a whole number from 0 to this maximum.
    Number(u64),
    /// The value must be text in quotation marks.
    Text,
}

/// Reads a JSON object that has these members and no others. `what` names the object in errors,
/// and `example` is one that is right.
pub(crate) fn read(
    json: &[u8],
    what: &str,
    known: &[(&str, Kind)],
    example: &str,
) -> Result<Map<String, Value>, String> {
    let Pairs(pairs) = serde_json::from_slice(json).map_err(|error| {
        let problem = if error.is_data() {
            "not a JSON object".to_owned()
        } else if json.iter().all(u8::is_ascii_whitespace) {
            "empty".to_owned()
        } else {
            format!("not JSON ({error})")
        };
        format!("{what} is {problem}: write an object such as {example}")
    })?;
    let mut members = Map::new();
    for (name, value) in pairs {
        let Some((_, kind)) = known.iter().find(|(known, _)| *known == name) else {
            let names: Vec<String> = known.iter().map(|(name, _)| format!("`{name}`")).collect();
            return Err(format!(
                "{what} cannot have a member `{}`: its members can be {}",
                name.escape_debug(),
                names.join(", ")
            ));
        };
        // A member that is not given may be written as `null`.
        if value.is_null() {
            continue;
        }
        if let Some(expected) = kind.mismatch(&value) {
            return Err(format!("`{name}` must be {expected}, and is `{value}`"));
        }
        if members.insert(name.clone(), value).is_some() {
            return Err(format!("`{name}` is given twice: remove one"));
        }
    }
    Ok(members)
}

impl Kind {
    /// What the value should be, if it is something else.
    fn mismatch(self, value: &Value) -> Option<String> {
        match self {
            Self::Flag => (!value.is_boolean()).then(|| "`true` or `false`".to_owned()),
            Self::Number(greatest) => {
                let fits = value.as_u64().is_some_and(|number| number <= greatest);
                (!fits).then(|| format!("a whole number from 0 to {greatest}"))
            }
            Self::Text => (!value.is_string()).then(|| "text in quotation marks".to_owned()),
        }
    }
}

/// The members of an object in their order, repeated ones too.
struct Pairs(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }

        deserializer.deserialize_map(Object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_named_with_its_member() {
        let known = [("on", Kind::Flag), ("times", Kind::Number(9)), ("id", Kind::Text)];
        let read = |json: &str| read(json.as_bytes(), "the body", &known, r#"{"times": 1}"#);
        let right = read(r#"{"on": true, "times": 9, "id": null}"#).unwrap();
        assert_eq!(serde_json::to_string(&right).unwrap(), r#"{"on":true,"times":9}"#);
        for (json, problem) in [
            ("", r#"the body is empty: write an object such as {"times": 1}"#),
            ("[]", r#"the body is not a JSON object: write an object such as {"times": 1}"#),
            ("{\"on\": tru", "the body is not JSON (EOF while parsing"),
            (r#"{"on": 1}"#, "`on` must be `true` or `false`, and is `1`"),
            (r#"{"times": 10}"#, "`times` must be a whole number from 0 to 9, and is `10`"),
            (r#"{"times": -1}"#, "`times` must be a whole number from 0 to 9, and is `-1`"),
            (r#"{"times": "1"}"#, "`times` must be a whole number from 0 to 9, and is `\"1\"`"),
            (r#"{"id": 1}"#, "`id` must be text in quotation marks, and is `1`"),
            (r#"{"id": "a", "id": "b"}"#, "`id` is given twice: remove one"),
            (
                r#"{"time": 1}"#,
                "the body cannot have a member `time`: its members can be `on`, `times`, `id`",
            ),
        ] {
            let error = read(json).unwrap_err();
            assert!(error.starts_with(problem), "{json}: {error}");
        }
    }
}
