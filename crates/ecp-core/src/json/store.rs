//! Nodes of a document: places in the source, without values of their own.

use std::cell::Cell;
use std::ops::Range;
use std::thread::LocalKey;

use crate::reuse::Reuse;

/// The parts of a document that its source does not hold.
#[derive(Clone)]
pub(super) struct Store {
    /// Length of the JSON text in bytes. A [`Text`] beyond it lies in `decoded`.
    source: usize,
    /// Text of the strings that hold escapes, decoded.
    pub(super) decoded: String,
    /// Values in source order: a container precedes its contents.
    pub(super) nodes: Vec<Node>,
    /// Members by name, object by object.
    pub(super) sorted: Vec<u32>,
    /// Duplicate members, by node.
    pub(super) duplicates: Vec<Duplicate>,
    /// Number of names that begin like one that the signature omits, `frame_mode` counted twice.
    pub(super) left_out: usize,
    /// While reading: the open containers, innermost last.
    pub(super) open: Vec<Open>,
    /// While reading: the members of the open objects so far.
    pub(super) members: Vec<Member>,
}

#[derive(Clone, Copy)]
pub(crate) struct Node {
    /// The member's name; [`Text::NONE`] in a list and at the root.
    pub(crate) key: Text,
    /// Text of a string; for an object, the range of its members in [`Store::sorted`].
    pub(crate) text: Text,
    /// Place of the value in the source.
    pub(crate) from: u32,
    pub(crate) to: u32,
    /// Index of the first node that is not inside this one.
    pub(crate) end: u32,
    pub(crate) content: Content,
    /// For an object: whether all its names are [`Member::plain`], and no name is a prefix of
    /// another.
    pub(crate) plain: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    Null,
    False,
    True,
    Number,
    String,
    Array,
    Object,
}

/// A place in the source, or, beyond the source's end, in the decoded texts.
#[derive(Clone, Copy)]
pub(crate) struct Text {
    pub(crate) from: u32,
    pub(crate) to: u32,
}

/// A piece of text, together with the bytes that follow it in the document.
#[derive(Clone, Copy)]
pub(crate) struct Onward<'t> {
    pub(crate) bytes: &'t [u8],
    /// Length of the piece.
    pub(crate) length: usize,
}

impl<'t> Onward<'t> {
    /// A piece without following bytes.
    #[inline]
    pub(crate) const fn all(bytes: &'t [u8]) -> Self {
        Self { bytes, length: bytes.len() }
    }

    #[inline]
    pub(crate) fn piece(self) -> &'t [u8] {
        &self.bytes[..self.length]
    }
}

impl Node {
    /// Place of the value in the source.
    #[inline]
    pub(crate) fn place(&self) -> Text {
        Text { from: self.from, to: self.to }
    }
}

impl Text {
    pub(super) const NONE: Self = Self { from: u32::MAX, to: u32::MAX };

    pub(crate) const fn is_none(self) -> bool {
        self.from == u32::MAX
    }

    pub(crate) const fn range(self) -> Range<usize> {
        self.from as usize..self.to as usize
    }
}

/// A member whose name occurs more than once in its object.
#[derive(Clone, Copy)]
pub(super) struct Duplicate {
    pub(super) node: usize,
    /// PHP keeps the place of the first and the value of the last: the first becomes the last, the
    /// others are dropped.
    pub(super) becomes: Option<usize>,
}

#[derive(Clone, Copy)]
pub(super) struct Open {
    pub(super) node: u32,
    /// `}` or `]`.
    pub(super) close: u8,
    /// Where its members begin in [`Store::members`].
    pub(super) members: u32,
}

#[derive(Clone, Copy)]
pub(super) struct Member {
    /// The name's first eight bytes as a number that sorts like them, filled up with zeros.
    pub(super) prefix: u64,
    pub(super) node: u32,
    /// Whether the name is not empty and holds only ASCII from `<` to `~`: letters, `_` and a few
    /// signs, but no digits, spaces or separators.
    pub(super) plain: bool,
}

impl Store {
    pub(super) fn begin(&mut self, source: usize) {
        self.source = source;
        self.nodes.reserve(source / 16 + 1);
    }

    #[inline]
    pub(super) fn text<'t>(&'t self, source: &'t str, text: Text) -> &'t str {
        match (text.from as usize).checked_sub(self.source) {
            None => &source[text.range()],
            Some(from) => &self.decoded[from..text.to as usize - self.source],
        }
    }

    #[inline]
    pub(super) fn bytes<'t>(&'t self, source: &'t [u8], text: Text) -> &'t [u8] {
        bytes_in(source, &self.decoded, text)
    }

    #[inline]
    pub(super) fn bytes_onward<'t>(&'t self, source: &'t [u8], text: Text) -> Onward<'t> {
        let bytes = match (text.from as usize).checked_sub(source.len()) {
            None => &source[text.from as usize..],
            Some(from) => &self.decoded.as_bytes()[from..],
        };
        Onward { bytes, length: (text.to - text.from) as usize }
    }

    pub(super) fn duplicate(&self, node: usize) -> Option<&Duplicate> {
        let place = self.duplicates.binary_search_by_key(&node, |duplicate| duplicate.node).ok()?;
        self.duplicates.get(place)
    }

    /// Sorts the members of an object that ends here and notes names that occur twice.
    pub(super) fn close_object(&mut self, source: &[u8], from: usize) -> (Text, bool) {
        let members = &mut self.members[from..];
        if !members.is_sorted_by(|a, b| a.prefix < b.prefix) {
            members.sort_unstable_by_key(|member| member.prefix);
            if members.array_windows().any(|[a, b]| a.prefix == b.prefix) {
                sort_alike(members, source, &self.decoded, &self.nodes, &mut self.duplicates);
            }
        }
        let first = self.sorted.len();
        self.sorted.extend(members.iter().map(|member| member.node));
        let mut plain = members.first().is_none_or(|member| member.plain);
        for [before, member] in members.array_windows() {
            plain &= member.plain & !may_begin_with(member.prefix, before.prefix);
        }
        self.members.truncate(from);
        (Text { from: offset(first), to: offset(self.sorted.len()) }, plain)
    }
}

/// Sorts members whose first eight bytes are equal, within members sorted by those bytes.
#[cold]
fn sort_alike(
    members: &mut [Member],
    source: &[u8],
    decoded: &str,
    nodes: &[Node],
    duplicates: &mut Vec<Duplicate>,
) {
    let name = |member: &Member| bytes_in(source, decoded, nodes[member.node as usize].key);
    for alike in members.chunk_by_mut(|a, b| a.prefix == b.prefix) {
        if alike.len() > 1 {
            alike.sort_unstable_by(|a, b| name(a).cmp(name(b)).then(a.node.cmp(&b.node)));
            for same in alike.chunk_by(|a, b| name(a) == name(b)) {
                note_duplicates(same, duplicates);
            }
        }
    }
}

/// Whether a name may be a prefix of another one, by the first eight bytes of both.
fn may_begin_with(name: u64, beginning: u64) -> bool {
    let beyond = beginning.trailing_zeros() & !7;
    (name ^ beginning).checked_shr(beyond).unwrap_or(0) == 0
}

fn note_duplicates(same: &[Member], duplicates: &mut Vec<Duplicate>) {
    let [first, rest @ ..] = same else { return };
    let Some(last) = rest.last() else { return };
    let becomes = Some(last.node as usize);
    duplicates.push(Duplicate { node: first.node as usize, becomes });
    let gone = rest.iter().map(|gone| Duplicate { node: gone.node as usize, becomes: None });
    duplicates.extend(gone);
}

impl Reuse for Store {
    const EMPTY: Self = Self {
        source: 0,
        decoded: String::new(),
        nodes: Vec::new(),
        sorted: Vec::new(),
        duplicates: Vec::new(),
        left_out: 0,
        open: Vec::new(),
        members: Vec::new(),
    };

    fn spare() -> &'static LocalKey<Cell<Self>> {
        thread_local! {
            static SPARE: Cell<Store> = const { Cell::new(Store::EMPTY) };
        }
        &SPARE
    }

    fn clear(&mut self) -> bool {
        /// Capacity of nodes and of decoded bytes that is kept: some hundred kilobytes per thread.
        const MOST: usize = 4096;
        self.decoded.clear();
        self.nodes.clear();
        self.sorted.clear();
        self.duplicates.clear();
        self.left_out = 0;
        self.open.clear();
        self.members.clear();
        self.decoded.capacity() <= 16 * MOST
            && self.nodes.capacity() <= MOST
            && self.duplicates.capacity() <= MOST
    }
}

#[inline]
fn bytes_in<'t>(source: &'t [u8], decoded: &'t str, text: Text) -> &'t [u8] {
    match (text.from as usize).checked_sub(source.len()) {
        None => &source[text.range()],
        Some(from) => &decoded.as_bytes()[from..text.to as usize - source.len()],
    }
}

/// Documents of 2 GiB or more are refused, and decoded text is no longer than its source, so
/// offsets fit.
#[expect(clippy::cast_possible_truncation, reason = "the size is checked before reading")]
pub(super) const fn offset(place: usize) -> u32 {
    place as u32
}
