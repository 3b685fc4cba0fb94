//! The pass over the bytes.

use super::JsonError;
use super::store::{Content, Member, Node, Open, Store, Text, offset};

pub(super) struct Reader<'a, 's> {
    source: &'a str,
    bytes: &'a [u8],
    store: &'s mut Store,
    at: usize,
    depth_limit: usize,
}

impl<'a, 's> Reader<'a, 's> {
    pub(super) fn new(source: &'a str, store: &'s mut Store, depth_limit: usize) -> Self {
        Self { source, bytes: source.as_bytes(), store, at: 0, depth_limit }
    }

    pub(super) fn document(mut self) -> Result<(), JsonError> {
        self.store.nodes.reserve(self.bytes.len() / 16 + 1);
        let mut key = None;
        loop {
            self.skip_space();
            let mut first = self.value(key.take())?;
            // Close what ends here, then step to the next value or leave.
            loop {
                self.skip_space();
                let Some(&container) = self.store.open.last() else {
                    return match self.peek() {
                        None => {
                            self.store.duplicates.sort_unstable_by_key(|duplicate| duplicate.node);
                            Ok(())
                        }
                        Some(_) => Err(self.problem("more text after the document")),
                    };
                };
                let close = if container.object { b'}' } else { b']' };
                if self.peek() == Some(close) {
                    self.at += 1;
                    self.close(container);
                    first = false;
                    continue;
                }
                if !first {
                    self.expect(b',', "expected a comma or the end of the list or object")?;
                    self.skip_space();
                }
                if container.object {
                    key = Some(self.key()?);
                }
                break;
            }
        }
    }

    /// Reads a member's name, and the colon after it. The member will be the next node.
    fn key(&mut self) -> Result<Text, JsonError> {
        let key = self.string("expected a member's name in double quotes")?;
        let prefix = match self.bytes.get(key.from as usize..).and_then(<[u8]>::first_chunk) {
            Some(&eight) if !key.decoded => {
                let beyond = 8_u32.saturating_sub(key.to - key.from) * 8;
                u64::from_be_bytes(eight) & u64::MAX.checked_shl(beyond).unwrap_or(0)
            }
            _ => prefix(self.store.text(self.source, key)),
        };
        self.store.members.push(Member { prefix, node: offset(self.store.nodes.len()) });
        self.skip_space();
        self.expect(b':', "expected a colon after the member's name")?;
        Ok(key)
    }

    /// Reads a scalar, or the opening of a container, as a new node. Says whether it is the latter.
    fn value(&mut self, key: Option<Text>) -> Result<bool, JsonError> {
        let from = self.at;
        let content = match self.peek() {
            Some(b'"') => Content::String(self.string("expected a value")?),
            Some(b'-' | b'0'..=b'9') => {
                self.number()?;
                Content::Number
            }
            Some(b'{') => {
                self.open(true)?;
                Content::Object { first: 0, members: 0 }
            }
            Some(b'[') => {
                self.open(false)?;
                Content::Array
            }
            Some(b't') => self.word("true", Content::Bool(true))?,
            Some(b'f') => self.word("false", Content::Bool(false))?,
            Some(b'n') => self.word("null", Content::Null)?,
            None => return Err(self.problem("the document ends too early")),
            Some(_) => return Err(self.problem("expected a value")),
        };
        let end = offset(self.store.nodes.len() + 1);
        let (from, to) = (offset(from), offset(self.at));
        self.store.nodes.push(Node { key, content, end, from, to });
        Ok(matches!(content, Content::Object { .. } | Content::Array))
    }

    fn open(&mut self, object: bool) -> Result<(), JsonError> {
        if self.store.open.len() == self.depth_limit {
            let (line, column) = self.position();
            return Err(JsonError::TooDeep { limit: self.depth_limit, line, column });
        }
        let node = offset(self.store.nodes.len());
        self.store.open.push(Open { node, object, members: offset(self.store.members.len()) });
        self.at += 1;
        Ok(())
    }

    fn close(&mut self, container: Open) {
        self.store.open.pop();
        let end = offset(self.store.nodes.len());
        let content = if container.object {
            self.store.close_object(self.source, container.members as usize)
        } else {
            Content::Array
        };
        let node = &mut self.store.nodes[container.node as usize];
        node.content = content;
        node.end = end;
        node.to = offset(self.at);
    }

    fn word(&mut self, word: &'static str, content: Content) -> Result<Content, JsonError> {
        if self.bytes[self.at..].starts_with(word.as_bytes()) {
            self.at += word.len();
            Ok(content)
        } else {
            Err(self.problem("expected a value"))
        }
    }

    fn number(&mut self) -> Result<(), JsonError> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
            if matches!(self.peek(), Some(b'0'..=b'9')) {
                return Err(self.problem("a number must not begin with 0"));
            }
        } else {
            self.digits()?;
        }
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

    fn digits(&mut self) -> Result<(), JsonError> {
        let from = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        match self.peek() {
            _ if self.at > from => Ok(()),
            None => Err(self.problem("the document ends inside a number")),
            Some(_) => Err(self.problem("expected a digit")),
        }
    }

    fn string(&mut self, missing: &'static str) -> Result<Text, JsonError> {
        self.expect(b'"', missing)?;
        let from = self.at;
        self.at = end_of_plain_text(self.bytes, from);
        if self.peek() == Some(b'"') {
            let text = Text { from: offset(from), to: offset(self.at), decoded: false };
            self.at += 1;
            return Ok(text);
        }
        self.escaped_string(from)
    }

    /// Goes on with a string that has an escape, or a mistake, at the current place.
    #[inline(never)]
    fn escaped_string(&mut self, from: usize) -> Result<Text, JsonError> {
        let start = self.store.decoded.len();
        let mut plain = from;
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.store.decoded.push_str(&self.source[plain..self.at]);
                    self.at += 1;
                    let end = self.store.decoded.len();
                    return Ok(Text { from: offset(start), to: offset(end), decoded: true });
                }
                Some(b'\\') => {
                    self.store.decoded.push_str(&self.source[plain..self.at]);
                    self.at += 1;
                    let decoded = self.escape()?;
                    self.store.decoded.push(decoded);
                    plain = self.at;
                }
                Some(0..=0x1f) => {
                    return Err(self.problem("a control character in a string must be escaped"));
                }
                Some(_) => self.at = end_of_plain_text(self.bytes, self.at),
                None => return Err(self.problem("the document ends inside a string")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        let byte = self.peek();
        self.at += 1;
        Ok(match byte {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => self.unicode_escape()?,
            _ => {
                self.at -= 1;
                return Err(self.problem("unknown escape in a string"));
            }
        })
    }

    fn unicode_escape(&mut self) -> Result<char, JsonError> {
        let first = self.hex()?;
        let code = if (0xd800..0xdc00).contains(&first)
            && self.bytes[self.at..].starts_with(b"\\u")
        {
            self.at += 2;
            let second = self.hex()?;
            if !(0xdc00..0xe000).contains(&second) {
                return Err(self.problem("a lone surrogate in a string"));
            }
            0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)
        } else {
            first
        };
        char::from_u32(code).ok_or_else(|| self.problem("a lone surrogate in a string"))
    }

    fn hex(&mut self) -> Result<u32, JsonError> {
        let digits = self.bytes.get(self.at..self.at + 4);
        let value = digits.and_then(|digits| {
            digits
                .iter()
                .try_fold(0, |value, &digit| Some(value * 16 + char::from(digit).to_digit(16)?))
        });
        let value = value.ok_or_else(|| self.problem("expected four hexadecimal digits"))?;
        self.at += 4;
        Ok(value)
    }

    fn expect(&mut self, byte: u8, problem: &'static str) -> Result<(), JsonError> {
        if self.peek() == Some(byte) {
            self.at += 1;
            Ok(())
        } else {
            Err(self.problem(problem))
        }
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    #[cold]
    fn problem(&self, problem: &'static str) -> JsonError {
        let (line, column) = self.position();
        JsonError::Syntax { problem, line, column }
    }

    fn position(&self) -> (usize, usize) {
        let before = &self.bytes[..self.at.min(self.source.len())];
        let mut lines = before.rsplit(|&byte| byte == b'\n');
        let column = lines.next().map_or(0, <[u8]>::len) + 1;
        (lines.count() + 1, column)
    }
}

/// The first place from `at` on that is a quote, a backslash, a control character or the end.
fn end_of_plain_text(bytes: &[u8], mut at: usize) -> usize {
    const ONES: u64 = u64::MAX / 255;
    const TOPS: u64 = ONES << 7;
    let below = |word: u64, least: u8| word.wrapping_sub(ONES * u64::from(least)) & !word & TOPS;
    // Eight at a time. A borrow can only reach beyond a byte that counts itself, and the first
    // one that counts is looked for.
    while let Some(&eight) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
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
    at + bytes[at..].iter().position(ends).unwrap_or(bytes.len() - at)
}

/// See [`Member::prefix`].
fn prefix(name: &str) -> u64 {
    let mut eight = [0; 8];
    eight.iter_mut().zip(name.bytes()).for_each(|(place, byte)| *place = byte);
    u64::from_be_bytes(eight)
}
