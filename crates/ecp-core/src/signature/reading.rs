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

/// Members that the signature leaves in doubt, as dotted paths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Doubts {
    /// Texts and names that may hold swallowed items, and ids, statuses, types, methods, amounts
    /// and currencies that hold a `;`.
    pub ambiguous: Vec<String>,
    /// Members that can be changed without changing the signature, 16 at most: anybody can add any
    /// number of them.
    pub uncovered: Vec<String>,
}

/// Looks for another reading of the signed string.
///
/// Each item of the signed string begins at its beginning or after a `;`. As long as no item of
/// this document holds a `;` that is directly followed by a name and a `:`, each signed item is an
/// item of this document too, so nothing signed is hidden. That is checked, in any order of the
/// parts. Members that are only added between a text and its neighbour, out of that text, cannot be
/// detected: they were signed as a part of it.
///
/// No signature distinguishes booleans and numbers, `null` and `""`, lists and objects with the
/// keys 0, 1, ..; for these the types of the models decide.
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
