//! The canonical string: one text for a document, whatever the order of its members.
//!
//! This is the exact way, for every document. Most are written by
//! [`canonical_fast`](super::canonical_fast), which gives the same.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt::{self, Write};

use super::rules::Strip;
use super::{natural_order, php_number};
use crate::json::{Children, Document, JsonError, Kind, Value, printable};

/// The order in which the items of a canonical string (the text that is signed) are sorted. The
/// official SDKs use different orders.
///
/// All orders give the same string for every documented message. They differ on lists of more than
/// ten items, on keys such as `a2` and `a10`, and on two keys of which one begins with the other
/// (measured on the SDKs).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Order {
    /// By key path in PHP's natural order, which sorts `a2` before `a10`: the platform's documents
    /// and the official PHP SDK.
    Natural,
    /// By key path (`payment:id`), byte by byte: the official Python SDK.
    KeyPath,
    /// By key path and value together (`payment:id:X1`), byte by byte: the official Go and Java
    /// SDKs.
    WholeItem,
}

impl Order {
    /// All orders, in the sequence in which a verifier tries them.
    pub const ALL: &[Self] = &[Self::Natural, Self::KeyPath, Self::WholeItem];
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Natural => "natural",
            Self::KeyPath => "key path",
            Self::WholeItem => "whole item",
        })
    }
}

/// Why a document has no canonical string (the text that is signed).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CanonicalError {
    /// The document cannot be read as JSON: it is malformed, too large or nested too deep, or an
    /// object in it has a member twice.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// The document is a JSON value other than an object.
    #[error("the document must be a JSON object, found {found}")]
    NotAnObject {
        /// Kind of the JSON value that was found, such as `a list`.
        found: &'static str,
    },
    /// A member at the top level has an empty name or an integer as its name. PHP turns names like
    /// `0` into list positions and loses some of them, so the SDKs do not agree on such a document.
    /// No message of the platform has such a name.
    #[error(
        "the top-level member `{key}` needs another name: a name there must be neither empty nor an integer"
    )]
    TopLevelKey {
        /// The name of the member at the top level.
        key: String,
    },
    /// The names of nested members repeat so often that the canonical string is longer than 4 times
    /// the document's size plus 4 KiB.
    #[error(
        "the canonical string is longer than {limit} bytes (4 times the document's size plus 4 KiB): shorten the names of objects and lists in it"
    )]
    TooLong {
        /// The limit in bytes: 4 times the document's size plus 4 KiB.
        limit: usize,
    },
}

/// From eleven items on, the official SDKs sort the items of a list differently.
pub(super) const LONGEST_AGREED_LIST: usize = 10;

/// No path of a message has as many: every path is compared up to its next colon.
const MOST_COLONS: usize = 64;

/// The scalar leaves of a document with their key paths, in document order until sorted.
pub(super) struct Items<'d> {
    paths: String,
    leaves: Vec<Leaf<'d>>,
    limit: usize,
}

struct Leaf<'d> {
    path: std::ops::Range<usize>,
    text: Cow<'d, str>,
}

impl<'d> Items<'d> {
    /// Flattens a document. `inspect` is called with every signed value and every container around
    /// it, with its index in its list.
    pub(super) fn collect<E: From<CanonicalError>>(
        document: &'d Document<'d>,
        strip: Strip,
        mut inspect: impl FnMut(Value<'d>) -> Result<(), E>,
    ) -> Result<Self, E> {
        let root = document.root();
        if !matches!(root.kind(), Kind::Object) {
            return Err(CanonicalError::NotAnObject { found: root.kind().name() }.into());
        }
        let limit = length_limit(document);
        let mut items = Self { paths: String::new(), leaves: Vec::new(), limit };
        let mut colon_in_key = false;
        let mut path = String::new();
        let mut open = vec![Level { children: root.children(), position: 0, path: 0 }];
        while let Some(level) = open.last_mut() {
            path.truncate(level.path);
            let Some(member) = level.children.next() else {
                open.pop();
                continue;
            };
            let Some(value) = document.last_wins(member) else { continue };
            match member.key() {
                None => {
                    // Writing to a String cannot fail.
                    let _ = write!(path, "{}", level.position);
                    level.position += 1;
                }
                Some("frame_mode") => continue,
                // The root is level 1, and `general` is directly below it.
                Some("signature")
                    if strip == Strip::Everywhere
                        || open.len() == 1
                        || (open.len() == 2 && path == "general:") =>
                {
                    continue;
                }
                Some(key) if open.len() == 1 && is_array_index(key) => {
                    return Err(CanonicalError::TopLevelKey { key: printable(key) }.into());
                }
                Some(key) => {
                    colon_in_key |= key.contains(':');
                    push_escaped(&mut path, key);
                }
            }
            inspect(value)?;
            let text = match value.kind() {
                Kind::Object | Kind::Array => {
                    path.push(':');
                    open.push(Level { children: value.children(), position: 0, path: path.len() });
                    continue;
                }
                Kind::Null => Cow::Borrowed(""),
                Kind::Bool(value) => Cow::Borrowed(if value { "1" } else { "0" }),
                Kind::Number(literal) => php_number::render(literal),
                Kind::String(text) => Cow::Borrowed(text),
            };
            let from = items.paths.len();
            items.paths.push_str(&path);
            items.leaves.push(Leaf { path: from..items.paths.len(), text });
            if items.paths.len() > limit {
                return Err(CanonicalError::TooLong { limit }.into());
            }
        }
        if colon_in_key {
            items.keep_last_of_equal_paths();
        }
        Ok(items)
    }

    pub(super) fn len(&self) -> usize {
        self.leaves.len()
    }

    /// Indexes of the items in an order.
    pub(super) fn sorted(&self, order: Order) -> Vec<usize> {
        let mut places: Vec<usize> = (0..self.leaves.len()).collect();
        // Comparing bytes is cheap, and for most documents gives the natural order as well.
        places.sort_by(|&a, &b| match order {
            Order::Natural => self.compare(a, b, Order::KeyPath),
            Order::KeyPath | Order::WholeItem => self.compare(a, b, order),
        });
        let natural = |&a: &usize, &b: &usize| self.compare(a, b, Order::Natural);
        if order == Order::Natural && !places.is_sorted_by(|a, b| natural(a, b).is_lt()) {
            places.sort_unstable();
            natural_order::sort(&mut places, &natural);
        }
        places
    }

    /// Joins the items into one buffer, copying each once.
    pub(super) fn join(&self, places: &[usize]) -> Result<String, CanonicalError> {
        let length = self.leaves.iter().map(|leaf| leaf.path.len() + leaf.text.len() + 2).sum();
        if length > self.limit {
            return Err(CanonicalError::TooLong { limit: self.limit });
        }
        let mut string = String::with_capacity(length);
        for (position, &place) in places.iter().enumerate() {
            if position > 0 {
                string.push(';');
            }
            string.push_str(self.path(place));
            string.push(':');
            string.push_str(&self.leaves[place].text);
        }
        Ok(string)
    }

    /// Dotted paths of items that may have swallowed another one, or whose text may have been cut.
    ///
    /// - A `;` is directly followed by the name of a root member and a `:`. Without such a text
    ///   every signed item is still an item here, whatever its root: an item begins at
    ///   the beginning of the string or after a `;`.
    /// - A name holds a `;`. The platform's names hold none.
    /// - The value of a deciding member (see [`decides`]) holds a `;`.
    /// - The text could be cut at a `;` so that the rest is an item of its own in the very same
    ///   place of the order. This finds names of other characters. It is not tried for a text with
    ///   more than [`MOST_COLONS`] after a `;`, which is doubtful enough.
    pub(super) fn divisible(&self, order: Order) -> Vec<String> {
        let sorted = self.sorted(order);
        let fits = |place: usize, path: &str, next: Option<&usize>| {
            let before = |one: &str, other: &str| match order {
                Order::Natural => natural_order::compare(one.as_bytes(), other.as_bytes()).is_le(),
                Order::KeyPath | Order::WholeItem => one <= other,
            };
            !path.is_empty()
                && before(self.path(place), path)
                && next.is_none_or(|&next| before(path, self.path(next)))
        };
        let could_be_cut = |place: usize, text: &str, next: Option<&usize>| {
            text.split(';').skip(1).any(|part| {
                let mut colons = part.match_indices(':');
                let mut first = colons.by_ref().take(MOST_COLONS);
                first.any(|(colon, _)| fits(place, &part[..colon], next)) || colons.next().is_some()
            })
        };
        let divisible = |(position, &place): (usize, &usize)| {
            let (path, text) = (self.path(place), &*self.leaves[place].text);
            let doubtful = path.contains(';')
                || text.contains(';')
                    && (holds_item(text)
                        || decides(path)
                        || could_be_cut(place, text, sorted.get(position + 1)));
            doubtful.then(|| printable(&path.replace(':', ".")))
        };
        sorted.iter().enumerate().filter_map(divisible).collect()
    }

    /// Two neighbours in natural order that another official SDK sorts the other way round.
    pub(super) fn contested_pair(&self, natural: &[usize]) -> Option<(&str, &str)> {
        natural.windows(2).find_map(|pair| {
            let (a, b) = (pair[0], pair[1]);
            let agreed = Order::ALL.iter().all(|&order| self.compare(a, b, order).is_lt())
                && compare_level_by_level(self.path(a), self.path(b)).is_lt();
            (!agreed).then(|| (self.path(a), self.path(b)))
        })
    }

    fn compare(&self, a: usize, b: usize, order: Order) -> Ordering {
        let (path_a, path_b) = (self.path(a), self.path(b));
        match order {
            Order::Natural => natural_order::compare(path_a.as_bytes(), path_b.as_bytes()),
            Order::KeyPath => path_a.cmp(path_b),
            Order::WholeItem => {
                let whole = |place: usize| {
                    let (path, text) = (self.path(place), &self.leaves[place].text);
                    path.bytes().chain([b':']).chain(text.bytes())
                };
                whole(a).cmp(whole(b))
            }
        }
    }

    fn path(&self, place: usize) -> &str {
        &self.paths[self.leaves[place].path.clone()]
    }

    /// PHP collects items in a map: with `:` in keys two members can have the same path, and the
    /// later one replaces the earlier.
    fn keep_last_of_equal_paths(&mut self) {
        let mut places: Vec<usize> = (0..self.leaves.len()).collect();
        places.sort_by(|&a, &b| self.path(a).cmp(self.path(b)));
        let mut dropped = vec![false; self.leaves.len()];
        let groups: Vec<Vec<usize>> = places
            .chunk_by(|&a, &b| self.path(a) == self.path(b))
            .filter(|group| group.len() > 1)
            .map(<[usize]>::to_vec)
            .collect();
        for group in groups {
            let (first, last) = (group[0], group[group.len() - 1]);
            self.leaves[first].text = std::mem::take(&mut self.leaves[last].text);
            group[1..].iter().for_each(|&place| dropped[place] = true);
        }
        let mut dropped = dropped.iter();
        self.leaves.retain(|_| dropped.next() != Some(&true));
    }
}

/// Whether a text holds a `;` that is directly followed by a name and a `:`, which may be the
/// beginning of another item.
pub(super) fn holds_item(text: &str) -> bool {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    text.split(';').skip(1).any(|part| {
        let name = part.bytes().take_while(|&byte| is_name(byte)).count();
        name > 0 && part.as_bytes().get(name) == Some(&b':')
    })
}

/// Whether a member decides what a message is about, by the last name of its path: an id, a
/// status, a type, a method, an amount or a currency. None of them has a `;` in its value, in any
/// documented message.
pub(super) fn decides(path: &str) -> bool {
    const WORDS: [&str; 6] = ["id", "status", "type", "method", "amount", "currency"];
    let name = path.rsplit(':').next().unwrap_or(path);
    WORDS.contains(&name.rsplit('_').next().unwrap_or(name))
}

/// Maximum length of the canonical string, one more than its items and separators need.
pub(super) fn length_limit(document: &Document<'_>) -> usize {
    document.root().raw().len().saturating_mul(4).saturating_add(4096)
}

struct Level<'d> {
    children: Children<'d>,
    /// Index of the next item of a list.
    position: usize,
    /// Length of the key path up to this level in bytes, with the `:` at its end.
    path: usize,
}

/// Order of the official JavaScript SDK: each object sorted by UTF-16 units and walked depth first,
/// with integer keys first (measured).
fn compare_level_by_level(a: &str, b: &str) -> Ordering {
    for (a, b) in a.split(':').zip(b.split(':')) {
        let order = match (javascript_index(a), javascript_index(b)) {
            (Some(a), Some(b)) => a.cmp(&b),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => a.encode_utf16().cmp(b.encode_utf16()),
        };
        if order.is_ne() {
            return order;
        }
    }
    a.len().cmp(&b.len())
}

/// A key that JavaScript treats as a list index: an integer below 2^32 - 1 in canonical form.
fn javascript_index(key: &str) -> Option<u32> {
    key.parse().ok().filter(|&index: &u32| index < u32::MAX && index.to_string() == key)
}

fn push_escaped(path: &mut String, key: &str) {
    for (position, part) in key.split(':').enumerate() {
        if position > 0 {
            path.push_str("::");
        }
        path.push_str(part);
    }
}

/// A key that a PHP array does not keep as text: empty, or an integer in canonical form.
fn is_array_index(key: &str) -> bool {
    key.is_empty() || key.parse::<i64>().is_ok_and(|number| number.to_string() == key)
}
