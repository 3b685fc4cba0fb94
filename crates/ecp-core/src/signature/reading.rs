//! Doubts that a matching signature leaves.
//!
//! Values are joined unescaped, so a text that holds `;` and then something like an item could be
//! several items, and members called `signature` or `frame_mode` are not covered. Anyone who can
//! choose a text that the platform repeats (a description, a name) could prepare such a document,
//! and anyone who sees it could cut that text into members and hide the true ones in another text.

use super::Match;
use super::canonical::{CanonicalError, Items};
use super::rules::Strip;
use crate::json::{Document, Kind, Value};

/// Members of a document that could have been changed or moved although its signature matches, as
/// dotted paths. If a callback has any, request the payment's status from Gate before money or
/// goods move because of the callback.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Doubts {
    /// Members whose name or text may hide other members, and ids, statuses, types, methods,
    /// amounts and currencies that hold a `;`. Empty if there are none.
    pub ambiguous: Vec<String>,
    /// Members that anybody could change or add without changing the signature. The list ends after
    /// 16 of them, because anybody can add any number. Empty if there are none.
    pub uncovered: Vec<String>,
}

/// Finds the members of a verified document that could have been changed or moved although its
/// signature matches.
///
/// The signed text consists of items `path:value`, joined with `;`. Values are not escaped, so a
/// member `a` with the value `1` and a member `b` with the value `2` have the same signed text as
/// one member `a` with the value `1;b:2`. A changed document can hide a member in this way.
/// [`Doubts::ambiguous`] lists the members that may hide another one, whatever the order of the
/// items; if it is empty, no signed member is hidden. [`Doubts::uncovered`] lists the members that
/// are not in the signed text.
///
/// This function cannot detect the opposite: a part of a value that was cut out and made a member
/// that stands directly after it, because that part was signed in its place.
///
/// The signature also stays the same if a boolean becomes a number, `null` becomes `""`, or a list
/// becomes an object with the keys 0, 1, ..; the types in [`model`](crate::model) notice this in
/// members that decisions depend on.
pub fn doubts(document: &Document<'_>, found: &Match) -> Result<Doubts, CanonicalError> {
    let mut doubts = Doubts::default();
    if document.holds(b';') {
        let items = Items::collect(document, found.strip, |_| Ok::<_, CanonicalError>(()))?;
        doubts.ambiguous = items.divisible(found.order);
    }
    // The one matching signature is not a doubt.
    if document.may_leave_out_more() {
        uncovered(document.root(), found.strip, &mut doubts.uncovered);
    }
    Ok(doubts)
}

/// Members that the canonical string omits, except the signature itself, which is the root's if it
/// has one. Empty lists and objects are omitted too; they carry no information, so they are not
/// listed.
fn uncovered(root: Value<'_>, strip: Strip, found: &mut Vec<String>) {
    const MOST: usize = 16;
    let root_is_signed = root.get("signature").is_some();
    let mut open = vec![(root, Depth::Root)];
    while let Some((value, depth)) = open.pop() {
        for child in value.children() {
            let is_general = depth == Depth::Root && child.key() == Some("general");
            let left_out = match child.key() {
                Some("frame_mode") => true,
                Some("signature") => match depth {
                    Depth::Root => false,
                    Depth::General => root_is_signed,
                    Depth::Deeper => strip == Strip::Everywhere,
                },
                _ => false,
            };
            if left_out {
                found.push(child.path());
                if found.len() == MOST {
                    return;
                }
            } else if matches!(child.kind(), Kind::Object | Kind::Array) {
                open.push((child, if is_general { Depth::General } else { Depth::Deeper }));
            }
        }
    }
}

/// Place of an object.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Depth {
    Root,
    General,
    Deeper,
}
