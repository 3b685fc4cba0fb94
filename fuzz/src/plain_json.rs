//! A reader in the simplest form: characters in, a tree out.
//!
//! The fast reader of `ecp_core::json` is compared with it, refusals and their texts included.

use ecp_core::json::{Document, JsonError, Kind, Limits, Value};

/// A value that owns what it holds.
#[derive(Debug, PartialEq)]
pub(crate) enum Plain {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<Self>),
    Object(Vec<(String, Self)>),
}

/// The tree of a document, or the refusal that [`Document::parse`] should give.
pub(crate) fn read(bytes: &[u8], limits: Limits) -> Result<Plain, JsonError> {
    if bytes.len() > limits.bytes {
        return Err(JsonError::TooLarge { bytes: bytes.len(), limit: limits.bytes });
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|error| JsonError::NotUtf8 { offset: error.valid_up_to() })?;
    let mut reader = Reader { text, at: 0, depth: limits.depth };
    reader.space();
    let root = reader.value(0)?;
    reader.space();
    if reader.at < text.len() {
        return reader.refuse("expected nothing after the document");
    }
    match first_duplicate(&root) {
        Some(path) => Err(JsonError::DuplicateKey { path }),
        None => Ok(root),
    }
}

/// The tree of a document that was read.
pub(crate) fn tree(document: &Document<'_>) -> Plain {
    fn of(value: Value<'_>) -> Plain {
        match value.kind() {
            Kind::Null => Plain::Null,
            Kind::Bool(value) => Plain::Bool(value),
            Kind::Number(literal) => Plain::Number(literal.to_owned()),
            Kind::String(text) => Plain::Text(text.to_owned()),
            Kind::Array => Plain::List(value.children().map(of).collect()),
            Kind::Object => Plain::Object(
                value
                    .children()
                    .map(|child| (child.key().unwrap_or_default().to_owned(), of(child)))
                    .collect(),
            ),
        }
    }
    of(document.root())
}

/// The path of the first member in the document whose name occurs again.
fn first_duplicate(value: &Plain) -> Option<String> {
    let inside = |name: String, value| first_duplicate(value).map(|path| format!("{name}.{path}"));
    match value {
        Plain::List(items) => {
            items.iter().enumerate().find_map(|(place, item)| inside(place.to_string(), item))
        }
        Plain::Object(members) => members.iter().enumerate().find_map(|(place, (name, value))| {
            let again = members[place + 1..].iter().any(|(other, _)| other == name);
            if again { Some(printable(name)) } else { inside(printable(name), value) }
        }),
        _ => None,
    }
}

fn printable(name: &str) -> String {
    let short: String = name.chars().take(64).flat_map(char::escape_debug).collect();
    if name.chars().count() > 64 { short + "…" } else { short }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
}

impl Reader<'_> {
    fn value(&mut self, inside: usize) -> Result<Plain, JsonError> {
        match self.peek() {
            Some('{') => self.object(inside),
            Some('[') => self.list(inside),
            Some('"') => self.string("expected a value").map(Plain::Text),
            Some('-' | '0'..='9') => self.number(),
            Some('t') => self.word("true", Plain::Bool(true)),
            Some('f') => self.word("false", Plain::Bool(false)),
            Some('n') => self.word("null", Plain::Null),
            Some(_) => self.refuse("expected a value"),
            None => self.refuse("the document ends too early"),
        }
    }

    fn object(&mut self, inside: usize) -> Result<Plain, JsonError> {
        self.enter(inside)?;
        let mut members = Vec::new();
        while !self.ends('}', members.is_empty())? {
            let name = self.string("expected a member's name in double quotes")?;
            self.space();
            if !self.take(':') {
                return self.refuse("expected a colon after the member's name");
            }
            self.space();
            members.push((name, self.value(inside + 1)?));
        }
        Ok(Plain::Object(members))
    }

    fn list(&mut self, inside: usize) -> Result<Plain, JsonError> {
        self.enter(inside)?;
        let mut items = Vec::new();
        while !self.ends(']', items.is_empty())? {
            items.push(self.value(inside + 1)?);
        }
        Ok(Plain::List(items))
    }

    fn enter(&mut self, inside: usize) -> Result<(), JsonError> {
        if inside == self.depth {
            let (line, column) = self.position();
            return Err(JsonError::TooDeep { limit: self.depth, line, column });
        }
        self.at += 1;
        Ok(())
    }

    /// Whether the container ends here. If not, the next value or name begins here.
    fn ends(&mut self, close: char, first: bool) -> Result<bool, JsonError> {
        self.space();
        if self.take(close) {
            return Ok(true);
        }
        if !first && !self.take(',') {
            return self.refuse("expected a comma or the end of the list or object");
        }
        self.space();
        Ok(false)
    }

    fn word(&mut self, word: &str, value: Plain) -> Result<Plain, JsonError> {
        if !self.text[self.at..].starts_with(word) {
            return self.refuse("expected a value");
        }
        self.at += word.len();
        Ok(value)
    }

    fn number(&mut self) -> Result<Plain, JsonError> {
        let from = self.at;
        self.take('-');
        if self.take('0') {
            if matches!(self.peek(), Some('0'..='9')) {
                return self.refuse("a number must not begin with 0");
            }
        } else {
            self.digits()?;
        }
        if self.take('.') {
            self.digits()?;
        }
        if self.take('e') || self.take('E') {
            let _ = self.take('+') || self.take('-');
            self.digits()?;
        }
        Ok(Plain::Number(self.text[from..self.at].to_owned()))
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        match self.peek() {
            Some('0'..='9') => {}
            Some(_) => return self.refuse("expected a digit"),
            None => return self.refuse("the document ends inside a number"),
        }
        while matches!(self.peek(), Some('0'..='9')) {
            self.at += 1;
        }
        Ok(())
    }

    fn string(&mut self, missing: &'static str) -> Result<String, JsonError> {
        if !self.take('"') {
            return self.refuse(missing);
        }
        let mut text = String::new();
        loop {
            match self.peek() {
                Some('"') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some('\\') => {
                    self.at += 1;
                    text.push(self.escape()?);
                }
                Some('\0'..='\x1f') => {
                    return self.refuse("a control character in a string must be escaped");
                }
                Some(other) => {
                    text.push(other);
                    self.at += other.len_utf8();
                }
                None => return self.refuse("the document ends inside a string"),
            }
        }
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        const SHORT: [(char, char); 8] = [
            ('"', '"'),
            ('\\', '\\'),
            ('/', '/'),
            ('b', '\x08'),
            ('f', '\x0c'),
            ('n', '\n'),
            ('r', '\r'),
            ('t', '\t'),
        ];
        if let Some((_, character)) = SHORT.iter().find(|(letter, _)| self.peek() == Some(*letter))
        {
            self.at += 1;
            return Ok(*character);
        }
        if !self.take('u') {
            return self.refuse("unknown escape after `\\` in a string");
        }
        let mut units = vec![self.unit()?];
        if (0xd800..0xdc00).contains(&units[0]) && self.text[self.at..].starts_with("\\u") {
            self.at += 2;
            units.push(self.unit()?);
        }
        match String::from_utf16(&units).ok().and_then(|text| {
            let mut characters = text.chars();
            characters.next().filter(|_| characters.next().is_none())
        }) {
            Some(character) => Ok(character),
            None => self.refuse("a lone surrogate in a string"),
        }
    }

    fn unit(&mut self) -> Result<u16, JsonError> {
        let digits = self.text.get(self.at..self.at + 4);
        let hexadecimal = |digits: &&str| digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        match digits.filter(hexadecimal).and_then(|digits| u16::from_str_radix(digits, 16).ok()) {
            Some(unit) => {
                self.at += 4;
                Ok(unit)
            }
            None => self.refuse("expected four hexadecimal digits after `\\u`"),
        }
    }

    fn space(&mut self) {
        while self.take(' ') || self.take('\t') || self.take('\n') || self.take('\r') {}
    }

    fn take(&mut self, wanted: char) -> bool {
        let there = self.peek() == Some(wanted);
        self.at += usize::from(there);
        there
    }

    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn refuse<T>(&self, problem: &'static str) -> Result<T, JsonError> {
        let (line, column) = self.position();
        Err(JsonError::Syntax { problem, line, column })
    }

    fn position(&self) -> (usize, usize) {
        let before = &self.text[..self.at];
        let line = before.matches('\n').count() + 1;
        (line, before.len() - before.rfind('\n').map_or(0, |place| place + 1) + 1)
    }
}
