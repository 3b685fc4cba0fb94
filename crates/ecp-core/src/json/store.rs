//! What was read: places in the source, and no values of its own.

use std::cell::Cell;
use std::thread::LocalKey;

use crate::reuse::Reuse;

/// The parts of a document that its source does not hold.
#[derive(Clone)]
pub(super) struct Store {
    /// Text of the strings that hold escapes, decoded.
    pub(super) decoded: String,
    /// In the order of the source: each before what is inside it.
    pub(super) nodes: Vec<Node>,
    /// Members by name, object by object.
    pub(super) sorted: Vec<u32>,
    /// By node.
    pub(super) duplicates: Vec<Duplicate>,
    /// While reading: open containers, innermost last.
    pub(super) open: Vec<Open>,
    /// While reading: the members of the open objects so far.
    pub(super) members: Vec<Member>,
}

#[derive(Clone, Copy)]
pub(super) struct Node {
    pub(super) key: Option<Text>,
    pub(super) content: Content,
    /// Index of the first node that is not inside this one.
    pub(super) end: u32,
    /// Place of the value in the source.
    pub(super) from: u32,
    pub(super) to: u32,
}

#[derive(Clone, Copy)]
pub(super) enum Content {
    Null,
    Bool(bool),
    Number,
    String(Text),
    Array,
    /// Its members in [`Store::sorted`].
    Object {
        first: u32,
        members: u32,
    },
}

#[derive(Clone, Copy)]
pub(super) struct Text {
    pub(super) from: u32,
    pub(super) to: u32,
    pub(super) decoded: bool,
}

/// A member whose name its object holds more than once.
#[derive(Clone, Copy)]
pub(super) struct Duplicate {
    pub(super) node: usize,
    /// PHP keeps the place of the first and the value of the last: the first becomes the last,
    /// the others are not there.
    pub(super) becomes: Option<usize>,
}

#[derive(Clone, Copy)]
pub(super) struct Open {
    pub(super) node: u32,
    pub(super) object: bool,
    /// Where its members begin in [`Store::members`].
    pub(super) members: u32,
}

#[derive(Clone, Copy)]
pub(super) struct Member {
    /// The name's first eight bytes as a number that sorts like them, filled up with zeros.
    pub(super) prefix: u64,
    pub(super) node: u32,
}

impl Store {
    pub(super) fn text<'t>(&'t self, source: &'t str, text: Text) -> &'t str {
        text_in(source, &self.decoded, text)
    }

    pub(super) fn duplicate(&self, node: usize) -> Option<&Duplicate> {
        let place = self.duplicates.binary_search_by_key(&node, |duplicate| duplicate.node).ok()?;
        self.duplicates.get(place)
    }

    /// Sorts the members of an object that ends here and notes names that stand there twice.
    pub(super) fn close_object(&mut self, source: &str, from: usize) -> Content {
        let members = &mut self.members[from..];
        if !members.is_sorted_by(|a, b| a.prefix < b.prefix) {
            let (nodes, decoded) = (&self.nodes, &self.decoded);
            let name = |member: &Member| {
                nodes[member.node as usize].key.map(|key| text_in(source, decoded, key))
            };
            members.sort_unstable_by(|a, b| {
                let prefix = a.prefix.cmp(&b.prefix);
                prefix.then_with(|| name(a).cmp(&name(b)).then(a.node.cmp(&b.node)))
            });
            let same = |a: &Member, b: &Member| a.prefix == b.prefix && name(a) == name(b);
            for same in members.chunk_by(same) {
                if let [first, ref rest @ .., last] = *same {
                    let becomes = Some(last.node as usize);
                    self.duplicates.push(Duplicate { node: first.node as usize, becomes });
                    let rest = rest.iter().chain([&last]);
                    let gone = rest.map(|member| Duplicate {
                        node: member.node as usize,
                        becomes: None,
                    });
                    self.duplicates.extend(gone);
                }
            }
        }
        let content =
            Content::Object { first: offset(self.sorted.len()), members: offset(members.len()) };
        self.sorted.extend(members.iter().map(|member| member.node));
        self.members.truncate(from);
        content
    }
}

impl Reuse for Store {
    const EMPTY: Self = Self {
        decoded: String::new(),
        nodes: Vec::new(),
        sorted: Vec::new(),
        duplicates: Vec::new(),
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
        /// Of nodes and of decoded bytes: some hundred kilobytes a thread in all.
        const MOST: usize = 4096;
        self.decoded.clear();
        self.nodes.clear();
        self.sorted.clear();
        self.duplicates.clear();
        self.open.clear();
        self.members.clear();
        self.decoded.capacity() <= 16 * MOST
            && self.nodes.capacity() <= MOST
            && self.duplicates.capacity() <= MOST
    }
}

fn text_in<'t>(source: &'t str, decoded: &'t str, text: Text) -> &'t str {
    let whole = if text.decoded { decoded } else { source };
    &whole[text.from as usize..text.to as usize]
}

/// Documents are refused from 4 GiB on, so places in them fit.
#[expect(clippy::cast_possible_truncation, reason = "the size is checked before reading")]
pub(super) const fn offset(place: usize) -> u32 {
    place as u32
}
