//! Forms in which merchants' sides sign the parameters of one and the same address.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

type Values = BTreeMap<String, String>;

/// Beyond this number of words for booleans, all or none of them are flags: each doubles the
/// readings.
const WORDS_LIMIT: usize = 8;

/// Beyond this depth a name with brackets is used as it is.
const DEPTH_LIMIT: usize = 8;

/// Returns the parameters in the form in which they were signed, if one of the possible forms of
/// the URL's parameters has a valid signature.
///
/// Clients differ in these points, each independently of the others:
///
/// - SDKs sign a boolean as `1` or `0` and write `1`, `true` or `True` into the address; a text
///   `true` is signed as it is. Both can be in one address.
/// - Plug-ins add parameters that begin with `_`, and the address of the Payment Page, before they
///   sign or after.
/// - PHP writes a list or map as `name[key]=value` and signs its items by their paths.
///
/// A parameter that is not signed is not among the returned values.
pub(super) fn signed(values: &Values, is_signed: impl Fn(&Value) -> bool) -> Option<Values> {
    let words: Vec<&str> =
        values.iter().filter(|(_, value)| flag(value).is_some()).map(|(name, _)| &**name).collect();
    let brackets = values.keys().any(|name| name.contains('['));
    for added in ADDED {
        if !added.is_empty() && !values.keys().any(|name| leaves_out(added, name)) {
            continue;
        }
        for flags in choices(words.len()) {
            let mut read = Values::new();
            for (name, value) in values.iter().filter(|(name, _)| !leaves_out(added, name)) {
                let place = words.iter().position(|word| word == name);
                let is_flag = place.is_some_and(|place| flags >> place & 1 == 1);
                let value = flag(value).filter(|_| is_flag).unwrap_or(value);
                read.insert(name.clone(), value.to_owned());
            }
            if is_signed(&plain(&read))
                || (brackets && nested(&read).is_some_and(|nested| is_signed(&nested)))
            {
                return Some(read);
            }
        }
    }
    None
}

/// Returns the parameters as a JSON object without nesting.
pub(super) fn plain(values: &Values) -> Value {
    let members = values.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str())));
    Value::Object(members.collect())
}

/// Parameters that a side may add after it signed.
#[derive(Clone, Copy)]
enum Added {
    BaseAddress,
    PlugIn,
}

const ADDED: [&[Added]; 4] =
    [&[], &[Added::PlugIn], &[Added::BaseAddress], &[Added::PlugIn, Added::BaseAddress]];

fn leaves_out(added: &[Added], name: &str) -> bool {
    added.iter().any(|added| match added {
        Added::BaseAddress => ["baseUrl", "baseurl", "paymentPageUrl"].contains(&name),
        Added::PlugIn => name.starts_with('_'),
    })
}

fn flag(word: &str) -> Option<&'static str> {
    match word {
        "true" | "True" => Some("1"),
        "false" | "False" => Some("0"),
        _ => None,
    }
}

/// Sets of words, a bit for each, with the likeliest first: SDKs sign each as a flag.
fn choices(words: usize) -> impl Iterator<Item = u128> {
    let all =
        u128::MAX.checked_shr(128 - u32::try_from(words.min(128)).unwrap_or(128)).unwrap_or(0);
    let some = if words <= WORDS_LIMIT { 1..all } else { 0..0 };
    let none = (words > 0).then_some(0);
    std::iter::once(all).chain(none).chain(some)
}

/// The parameters with the levels of `name[key]`. `None` where two names contradict each other.
fn nested(values: &Values) -> Option<Value> {
    let mut document = Map::new();
    for (name, value) in values {
        let mut members = &mut document;
        let mut path = path(name);
        let last = path.pop()?;
        for level in path {
            let below = members.entry(level).or_insert_with(|| Value::Object(Map::new()));
            members = below.as_object_mut()?;
        }
        if members.insert(last.to_owned(), value.as_str().into()).is_some() {
            return None;
        }
    }
    Some(Value::Object(document))
}

/// `a[b][c]` is `a`, `b`, `c`. A name of another form is one level.
fn path(name: &str) -> Vec<&str> {
    let levels = || {
        let (first, keys) = name.strip_suffix(']')?.split_once('[')?;
        let mut levels = vec![first];
        levels.extend(keys.split("]["));
        let well_formed =
            levels.iter().all(|level| !level.is_empty() && !level.contains(['[', ']']));
        (well_formed && levels.len() <= DEPTH_LIMIT).then_some(levels)
    };
    levels().unwrap_or_else(|| vec![name])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_name_with_brackets_is_a_path() {
        assert_eq!(path("a[b][c]"), ["a", "b", "c"]);
        for whole in ["a", "a[]", "a[b", "a]b[", "[a]", "a[b]c", "a[b]c[d]", "a[b[c]]"] {
            assert_eq!(path(whole), [whole], "{whole}");
        }
        let deep = format!("a{}", "[b]".repeat(DEPTH_LIMIT));
        assert_eq!(path(&deep), [deep.as_str()]);
    }

    #[test]
    fn words_are_flags_one_by_one_up_to_a_limit() {
        assert_eq!(choices(0).collect::<Vec<_>>(), [0]);
        assert_eq!(choices(2).collect::<Vec<_>>(), [3, 0, 1, 2]);
        assert_eq!(choices(WORDS_LIMIT).count(), 1 << WORDS_LIMIT);
        assert_eq!(choices(WORDS_LIMIT + 1).collect::<Vec<_>>(), [(1 << (WORDS_LIMIT + 1)) - 1, 0]);
        assert_eq!(choices(500).collect::<Vec<_>>(), [u128::MAX, 0]);
    }

    #[test]
    fn names_that_contradict_each_other_have_no_levels() {
        let values = |names: &[&str]| -> Values {
            names.iter().map(|name| ((*name).to_owned(), "1".to_owned())).collect()
        };
        assert_eq!(
            nested(&values(&["a", "b[c]", "b[d]"])),
            Some(json!({"a": "1", "b": {"c": "1", "d": "1"}}))
        );
        assert_eq!(nested(&values(&["b", "b[c]"])), None);
    }
}
