//! A message compared with a printed sample, by its members and their types.

use std::fmt;

use ecp_core::json::{Document, Kind, Limits, Value};

use crate::failure::{Failure, fail};

/// A difference between a JSON message and the sample of it on a documentation page, such as a
/// missing member or another type. Values are not compared, because ids, dates and amounts differ
/// in every payment.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Difference {
    /// The sample has a member that is missing in the message.
    Missing {
        /// The dotted path of the member, such as `operation.provider.date`.
        path: String,
    },
    /// The message has a member that is missing in the sample.
    Extra {
        /// The dotted path of the member, such as `operation.provider.date`.
        path: String,
    },
    /// A member has another JSON type in the message than in the sample.
    Type {
        /// The dotted path of the member, empty for the whole message.
        path: String,
        /// The JSON type of the member in the sample, such as `a string`.
        printed: &'static str,
        /// The JSON type of the member in the message, such as `a number`.
        sent: &'static str,
    },
    /// The members that the sample and the message have in common are in another order in the
    /// message.
    Order {
        /// The dotted path of the object that contains the members, empty for the whole message.
        path: String,
        /// The names of the common members in the order of the sample.
        printed: Vec<String>,
        /// The names of the common members in the order of the message.
        sent: Vec<String>,
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = |path: &str| match path {
            "" => "the message".to_owned(),
            path => format!("`{path}`"),
        };
        match self {
            Self::Missing { path } => write!(f, "`{path}` is missing"),
            Self::Extra { path } => write!(f, "`{path}` is not in the sample"),
            Self::Type { path, printed, sent } => {
                write!(f, "{} is {sent}, the sample has {printed}", place(path))
            }
            Self::Order { path, printed, sent } => {
                let (printed, sent) = (printed.join(", "), sent.join(", "));
                let place = place(path);
                write!(f, "{place} has {sent} in this order, the sample has {printed}")
            }
        }
    }
}

/// Compares the members of a JSON message (`sent`) with those of a sample (`printed`): names, types
/// and order, but not values. A member that only one of the two has is a difference. The result is
/// empty if they agree; it is an error if one of the two is not JSON.
///
/// ```
/// use ecp_testkit::differences;
///
/// let printed = br#"{"operation": {"code": "0", "provider": {"id": 1109}}}"#;
/// let sent = br#"{"operation": {"code": 0, "provider": {}}}"#;
/// let found = differences(printed, sent)?;
/// let found: Vec<String> = found.iter().map(ToString::to_string).collect();
/// assert_eq!(
///     found,
///     [
///         "`operation.code` is a number, the sample has a string",
///         "`operation.provider.id` is missing",
///     ]
/// );
/// # Ok::<(), ecp_testkit::Failure>(())
/// ```
pub fn differences(printed: &[u8], sent: &[u8]) -> Result<Vec<Difference>, Failure> {
    let printed = Document::parse(printed, Limits::default())
        .map_err(|error| fail(format!("the sample cannot be read: {error}")))?;
    let sent = Document::parse(sent, Limits::default())
        .map_err(|error| fail(format!("the message cannot be read: {error}")))?;
    let mut found = Vec::new();
    compare(printed.root(), sent.root(), &mut found);
    Ok(found)
}

fn compare(printed: Value<'_>, sent: Value<'_>, found: &mut Vec<Difference>) {
    let (kind, other) = (printed.kind().name(), sent.kind().name());
    if kind != other {
        found.push(Difference::Type { path: printed.path(), printed: kind, sent: other });
        return;
    }
    match printed.kind() {
        Kind::Object => members(printed, sent, found),
        Kind::Array => items(printed, sent, found),
        _ => {}
    }
}

fn members(printed: Value<'_>, sent: Value<'_>, found: &mut Vec<Difference>) {
    for member in printed.children() {
        match member.key().and_then(|name| sent.get(name)) {
            Some(other) => compare(member, other, found),
            None => found.push(Difference::Missing { path: member.path() }),
        }
    }
    let is_in = |member: &Value<'_>, other: Value<'_>| {
        member.key().is_some_and(|name| other.get(name).is_some())
    };
    let extra = sent.children().filter(|member| !is_in(member, printed));
    found.extend(extra.map(|member| Difference::Extra { path: member.path() }));
    let names = |object: Value<'_>, other: Value<'_>| -> Vec<String> {
        let common = object.children().filter(|member| is_in(member, other));
        common.filter_map(|member| member.key().map(str::to_owned)).collect()
    };
    let (in_sample, in_message) = (names(printed, sent), names(sent, printed));
    if in_sample != in_message {
        let path = printed.path();
        found.push(Difference::Order { path, printed: in_sample, sent: in_message });
    }
}

fn items(printed: Value<'_>, sent: Value<'_>, found: &mut Vec<Difference>) {
    let mut others = sent.children();
    for item in printed.children() {
        match others.next() {
            Some(other) => compare(item, other, found),
            None => found.push(Difference::Missing { path: item.path() }),
        }
    }
    found.extend(others.map(|item| Difference::Extra { path: item.path() }));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(printed: &str, sent: &str) -> Vec<String> {
        let found = differences(printed.as_bytes(), sent.as_bytes()).unwrap();
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn members_types_and_order_are_compared_and_values_are_not() {
        let printed = r#"{"a": 1, "b": {"c": "x", "d": []}, "e": [{"f": null}]}"#;
        let table: &[(&str, &[&str])] = &[
            (r#"{"a": 2, "b": {"c": "", "d": []}, "e": [{"f": null}]}"#, &[]),
            (r#"{"b": {"c": "x", "d": []}, "e": [{"f": null}]}"#, &["`a` is missing"]),
            (
                r#"{"a": 1, "b": {"c": "x", "d": [], "g": 1}, "e": [{"f": null}]}"#,
                &["`b.g` is not in the sample"],
            ),
            (
                r#"{"a": 1, "b": {"c": "x", "d": {}}, "e": [{"f": true}, 1]}"#,
                &[
                    "`b.d` is an object, the sample has a list",
                    "`e.0.f` is a boolean, the sample has null",
                    "`e.1` is not in the sample",
                ],
            ),
            (
                r#"{"b": {"c": "x", "d": []}, "h": 1, "a": 1, "e": []}"#,
                &[
                    "`e.0` is missing",
                    "`h` is not in the sample",
                    "the message has b, a, e in this order, the sample has a, b, e",
                ],
            ),
            ("[]", &["the message is a list, the sample has an object"]),
        ];
        for (sent, expected) in table {
            assert_eq!(found(printed, sent), *expected, "{sent}");
        }
    }

    #[test]
    fn what_is_no_json_fails() {
        assert!(differences(b"{", b"{}").is_err() && differences(b"{}", b"{").is_err());
    }
}
