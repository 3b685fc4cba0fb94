//! The reader: one pass over the bytes.

use super::JsonError;
use super::store::{Content, Member, Node, Open, Store, Text, offset};

/// Reads a document into the store.
pub(super) fn read(source: &str, store: &mut Store, depth_limit: usize) -> Result<(), JsonError> {
    store.begin(source.len());
    let mut reader =
        Reader { source, bytes: source.as_bytes(), store, at: 0, depth_limit, error: None };
    match (reader.document(), reader.error) {
        (Ok(()), _) => Ok(()),
        (Err(Refused), Some(error)) => Err(error),
        (Err(Refused), None) => unreachable!("who refuses says why"),
    }
}

struct Reader<'a, 's> {
    source: &'a str,
    bytes: &'a [u8],
    store: &'s mut Store,
    at: usize,
    depth_limit: usize,
    /// Why the document was refused; `None` as long as it was not. The reason is stored here and
    /// not returned by each step, because small results are faster.
    error: Option<JsonError>,
}

struct Refused;

impl Reader<'_, '_> {
    fn document(&mut self) -> Result<(), Refused> {
        self.skip_space();
        let Some(mut container) = self.value(Text::NONE)? else { return self.end() };
        let mut first = true;
        loop {
            self.skip_space();
            if self.peek() == Some(container.close) {
                self.at += 1;
                self.close(container);
                match self.store.open.pop() {
                    Some(outer) => container = outer,
                    None => return self.end(),
                }
                first = false;
                continue;
            }
            if !first {
                self.expect(b',', "expected a comma or the end of the list or object")?;
                self.skip_space();
            }
            let key = if container.close == b'}' { self.key()? } else { Text::NONE };
            first = false;
            if let Some(inner) = self.value(key)? {
                self.store.open.push(container);
                container = inner;
                first = true;
            }
        }
    }

    fn end(&mut self) -> Result<(), Refused> {
        self.skip_space();
        match self.peek() {
            None => {
                self.store.duplicates.sort_unstable_by_key(|duplicate| duplicate.node);
                Ok(())
            }
            Some(_) => self.refuse("expected nothing after the document"),
        }
    }

    /// Reads a member's name and everything before its value. The member will be the next node.
    #[expect(clippy::inline_always, reason = "measured")]
    #[inline(always)]
    fn key(&mut self) -> Result<Text, Refused> {
        let key = self.string("expected a member's name in double quotes")?;
        let following = self.bytes.get(key.from as usize..).and_then(<[u8]>::first_chunk);
        let (prefix, plain) = if let Some(&eight) = following {
            let word = u64::from_be_bytes(eight);
            match key.to - key.from {
                0 => (0, false),
                length @ 1..8 => {
                    let beyond = u64::MAX >> (length * 8);
                    (word & !beyond, is_plain(word & !beyond | LETTERS & beyond))
                }
                8 => (word, is_plain(word)),
                _ => {
                    self.note_left_out(word);
                    (word, is_plain(word) && self.ends_plain(key))
                }
            }
        } else {
            // The key was decoded, or is at the very end of the source.
            let prefix = prefix(self.store.bytes(self.bytes, key));
            self.note_left_out(prefix);
            (prefix, false)
        };
        self.store.members.push(Member { prefix, node: offset(self.store.nodes.len()), plain });
        self.skip_space();
        self.expect(b':', "expected a colon after the member's name")?;
        self.skip_space();
        Ok(key)
    }

    /// Counts names that begin like one that the signature omits.
    fn note_left_out(&mut self, prefix: u64) {
        const SIGNATURE: u64 = u64::from_be_bytes(*b"signatur");
        const FRAME_MODE: u64 = u64::from_be_bytes(*b"frame_mo");
        match prefix {
            SIGNATURE => self.store.left_out += 1,
            FRAME_MODE => self.store.left_out += 2,
            _ => {}
        }
    }

    /// Whether a name of more than eight bytes is plain after the first eight.
    fn ends_plain(&self, key: Text) -> bool {
        let Text { from, to } = key;
        match self.bytes[..to as usize].last_chunk() {
            Some(&eight) if to - from <= 16 => is_plain(u64::from_be_bytes(eight)),
            _ => self.bytes[key.range()].iter().all(|byte| (b'<'..=b'~').contains(byte)),
        }
    }

    /// Reads a scalar, or the opening of a container, as a new node.
    #[expect(clippy::inline_always, reason = "measured")]
    #[inline(always)]
    fn value(&mut self, key: Text) -> Result<Option<Open>, Refused> {
        let from = self.at;
        let mut opened = None;
        let mut text = Text::NONE;
        let content = match self.peek() {
            Some(b'"') => {
                text = self.string("expected a value")?;
                Content::String
            }
            Some(b'-' | b'0'..=b'9') => {
                self.number()?;
                Content::Number
            }
            Some(b'{') => {
                opened = Some(self.open(b'}')?);
                Content::Object
            }
            Some(b'[') => {
                opened = Some(self.open(b']')?);
                Content::Array
            }
            Some(b't') => self.word("true", Content::True)?,
            Some(b'f') => self.word("false", Content::False)?,
            Some(b'n') => self.word("null", Content::Null)?,
            None => return self.refuse("the document ends too early"),
            Some(_) => return self.refuse("expected a value"),
        };
        let end = offset(self.store.nodes.len() + 1);
        let (from, to) = (offset(from), offset(self.at));
        self.store.nodes.push(Node { key, text, from, to, end, content, plain: false });
        Ok(opened)
    }

    #[inline]
    fn open(&mut self, close: u8) -> Result<Open, Refused> {
        // Containers around the current one, without it.
        let depth = self.store.open.len() + usize::from(!self.store.nodes.is_empty());
        if depth >= self.depth_limit {
            let (line, column) = self.position();
            self.error = Some(JsonError::TooDeep { limit: self.depth_limit, line, column });
            return Err(Refused);
        }
        self.at += 1;
        let node = offset(self.store.nodes.len());
        Ok(Open { node, members: offset(self.store.members.len()), close })
    }

    #[inline]
    fn close(&mut self, container: Open) {
        let end = offset(self.store.nodes.len());
        let (text, plain) = if container.close == b'}' {
            self.store.close_object(self.bytes, container.members as usize)
        } else {
            (Text::NONE, false)
        };
        let node = &mut self.store.nodes[container.node as usize];
        node.text = text;
        node.plain = plain;
        node.end = end;
        node.to = offset(self.at);
    }

    fn word(&mut self, word: &'static str, content: Content) -> Result<Content, Refused> {
        if self.bytes[self.at..].starts_with(word.as_bytes()) {
            self.at += word.len();
            Ok(content)
        } else {
            self.refuse("expected a value")
        }
    }

    fn number(&mut self) -> Result<(), Refused> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        let from = self.at;
        self.digits()?;
        if self.at > from + 1 && self.bytes[from] == b'0' {
            self.at = from + 1;
            return self.refuse("a number must not begin with 0");
        }
        match self.peek() {
            Some(b'.' | b'e' | b'E') => self.fraction(),
            _ => Ok(()),
        }
    }

    /// Reads the fraction and exponent of a number, after its integer.
    fn fraction(&mut self) -> Result<(), Refused> {
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    #[inline]
    fn digits(&mut self) -> Result<(), Refused> {
        let rest = &self.bytes[self.at..];
        match rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len()) {
            0 if rest.is_empty() => self.refuse("the document ends inside a number"),
            0 => self.refuse("expected a digit"),
            digits => {
                self.at += digits;
                Ok(())
            }
        }
    }

    #[expect(clippy::inline_always, reason = "measured")]
    #[inline(always)]
    fn string(&mut self, missing: &'static str) -> Result<Text, Refused> {
        self.expect(b'"', missing)?;
        let from = self.at;
        self.at = end_of_plain_text(self.bytes, from);
        if self.bytes.get(self.at) == Some(&b'"') {
            let text = Text { from: offset(from), to: offset(self.at) };
            self.at += 1;
            return Ok(text);
        }
        self.escaped_string(from)
    }

    /// Reads the rest of a string from the first escape or error on.
    #[inline(never)]
    fn escaped_string(&mut self, from: usize) -> Result<Text, Refused> {
        let start = self.store.decoded.len();
        let mut plain = from;
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.store.decoded.push_str(&self.source[plain..self.at]);
                    self.at += 1;
                    let [from, to] = [start, self.store.decoded.len()];
                    let decoded = |place| offset(self.bytes.len() + place);
                    return Ok(Text { from: decoded(from), to: decoded(to) });
                }
                Some(b'\\') => {
                    self.store.decoded.push_str(&self.source[plain..self.at]);
                    self.at += 1;
                    // These characters decode to themselves.
                    if let Some(b'/' | b'"' | b'\\') = self.peek() {
                        plain = self.at;
                        self.at += 1;
                        continue;
                    }
                    let decoded = self.escape()?;
                    self.store.decoded.push(decoded);
                    plain = self.at;
                }
                Some(0..=0x1f) => {
                    return self.refuse("a control character in a string must be escaped");
                }
                Some(_) => self.at = end_of_plain_text(self.bytes, self.at),
                None => return self.refuse("the document ends inside a string"),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Refused> {
        let byte = self.peek();
        self.at += 1;
        Ok(match byte {
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => self.unicode_escape()?,
            _ => {
                self.at -= 1;
                return self.refuse("unknown escape after `\\` in a string");
            }
        })
    }

    fn unicode_escape(&mut self) -> Result<char, Refused> {
        let first = self.hex()?;
        let code = if (0xd800..0xdc00).contains(&first) && self.bytes[self.at..].starts_with(b"\\u")
        {
            self.at += 2;
            let second = self.hex()?;
            if !(0xdc00..0xe000).contains(&second) {
                return self.refuse("a lone surrogate in a string");
            }
            0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)
        } else {
            first
        };
        match char::from_u32(code) {
            Some(character) => Ok(character),
            None => self.refuse("a lone surrogate in a string"),
        }
    }

    fn hex(&mut self) -> Result<u32, Refused> {
        let digits = self.bytes.get(self.at..self.at + 4);
        let value = digits.and_then(|digits| {
            digits
                .iter()
                .try_fold(0, |value, &digit| Some(value * 16 + char::from(digit).to_digit(16)?))
        });
        let Some(value) = value else {
            return self.refuse("expected four hexadecimal digits after `\\u`");
        };
        self.at += 4;
        Ok(value)
    }

    #[expect(clippy::inline_always, reason = "measured")]
    #[inline(always)]
    fn expect(&mut self, byte: u8, problem: &'static str) -> Result<(), Refused> {
        if self.peek() == Some(byte) {
            self.at += 1;
            Ok(())
        } else {
            self.refuse(problem)
        }
    }

    #[expect(clippy::inline_always, reason = "measured")]
    #[inline(always)]
    fn skip_space(&mut self) {
        while let Some(byte) = self.peek()
            && byte <= b' '
            && matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
        {
            self.at += 1;
        }
    }

    #[expect(clippy::inline_always, reason = "measured")]
    #[inline(always)]
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    #[cold]
    fn refuse<T>(&mut self, problem: &'static str) -> Result<T, Refused> {
        let (line, column) = self.position();
        self.error = Some(JsonError::Syntax { problem, line, column });
        Err(Refused)
    }

    fn position(&self) -> (usize, usize) {
        let before = &self.bytes[..self.at.min(self.source.len())];
        let mut lines = before.rsplit(|&byte| byte == b'\n');
        let column = lines.next().map_or(0, <[u8]>::len) + 1;
        (lines.count() + 1, column)
    }
}

/// The first place from `at` on that is a quote, a backslash, a control character or the end.
#[inline(always)]
fn end_of_plain_text(bytes: &[u8], mut at: usize) -> usize {
    const ONES: u64 = u64::MAX / 255;
    const TOPS: u64 = ONES << 7;
    let below = |word: u64, least: u8| word.wrapping_sub(ONES * u64::from(least)) & !word & TOPS;
    // Eight at a time. A borrow can only reach beyond a byte that counts itself, and the first
    // one that counts is looked for.
    let (eights, rest) = bytes[at..].as_chunks();
    for &eight in eights {
        let word = u64::from_le_bytes(eight);
        let quotes = below(word ^ (ONES * u64::from(b'"')), 1);
        let backslashes = below(word ^ (ONES * u64::from(b'\\')), 1);
        let found = quotes | backslashes | below(word, 0x20);
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    let ends = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..=0x1f);
    at + rest.iter().position(ends).unwrap_or(rest.len())
}

/// Eight letters.
const LETTERS: u64 = u64::MAX / 255 * b'a' as u64;

/// Whether eight bytes are all from `<` to `~`.
#[inline]
fn is_plain(eight: u64) -> bool {
    const ONES: u64 = u64::MAX / 255;
    const TOPS: u64 = ONES << 7;
    // A borrow or a carry comes only from a byte that counts itself.
    let below = eight.wrapping_sub(ONES * u64::from(b'<'));
    (below | eight | eight.wrapping_add(ONES)) & TOPS == 0
}

/// See [`Member::prefix`].
fn prefix(name: &[u8]) -> u64 {
    let mut eight = [0; 8];
    eight.iter_mut().zip(name).for_each(|(place, &byte)| *place = byte);
    u64::from_be_bytes(eight)
}
