//! Other texts that may have been meant as the key.

use std::path::Path;

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use ecp_core::json::Document;
use ecp_core::signature::{self, SigningKey};
use ecp_core::{SecretKey, Sensitive};

use crate::key::{NamedKey, without_line_break};

/// Key files are small.
const LARGEST_FILE: u64 = 64 << 10;

/// Other forms of each key with which the signature would match. Says what to do with the key,
/// without its text.
pub(super) fn explain(keys: &[NamedKey], document: &Document<'_>) -> Vec<String> {
    let fits = |text: &str| {
        SecretKey::new(text)
            .is_ok_and(|key| signature::verify_document(&[SigningKey::new(&key)], document).is_ok())
    };
    let found = keys.iter().filter_map(|NamedKey { name, text, .. }| {
        let others = others(text.expose());
        let (what, _) = others.iter().find(|(_, other)| fits(other.expose()))?;
        Some(format!("with the key in {name} {what}"))
    });
    found.collect()
}

/// Texts that the key may have been made from, or turned into, with the step between them.
fn others(text: &str) -> Vec<(&'static str, Sensitive<String>)> {
    let mut others = Vec::new();
    let mut add = |what, text: String| others.push((what, Sensitive::new(text)));
    let is_mark =
        |c: char| c == '\u{feff}' || ('\u{200b}'..='\u{200f}').contains(&c) || c == '\u{2060}';
    let is_quote =
        |c: char| "\"'`\u{ab}\u{bb}".contains(c) || ('\u{2018}'..='\u{201f}').contains(&c);
    let is_space = |c: char| c.is_whitespace() || c.is_control();
    let clean = text.trim_matches(|c| is_mark(c) || is_quote(c) || is_space(c));

    // Additions by a shell, an editor or a file of variables.
    add("without the line break at its end", text.trim_end_matches(['\n', '\r']).to_owned());
    add("without the white space at its edges", text.trim_matches(is_space).to_owned());
    add("without its byte order mark", text.trim_matches(is_mark).to_owned());
    add("without the quotation marks around it", text.trim_matches(is_quote).to_owned());
    add(
        "without the characters at its edges (white space, marks, quotation marks)",
        clean.to_owned(),
    );
    add(
        "without the `\\n` that is written out at its end",
        clean.trim_end_matches("\\n").to_owned(),
    );
    for assignment in ['=', ':'] {
        if let Some((_, value)) = clean.split_once(assignment) {
            let value = value.trim_matches(|c| is_quote(c) || is_space(c));
            add("from its first `=` or `:` on: it is a whole assignment", value.to_owned());
        }
    }
    let mut lines = clean.lines().map(str::trim).filter(|line| !line.is_empty());
    if let (Some(first), Some(last)) = (lines.next(), lines.next_back()) {
        add("as its first line alone", first.to_owned());
        add("as its last line alone", last.to_owned());
    }

    // A reference to the key's place instead of the key.
    let name = clean.trim_start_matches('$').trim_matches(['{', '}', '(', ')', '%']);
    if let Some(value) = std::env::var_os(name).and_then(|value| value.into_string().ok()) {
        add("taken from the variable that it names", without_line_break(&value).to_owned());
    }
    if let Some(content) = content(Path::new(clean)) {
        add("taken from the file that it names", without_line_break(&content).to_owned());
    }

    // Another form of the key.
    let lenient = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    for alphabet in [&STANDARD, &URL_SAFE] {
        let engine = GeneralPurpose::new(alphabet, lenient);
        if let Some(decoded) = engine.decode(clean).ok().and_then(|b| String::from_utf8(b).ok()) {
            add("decoded from base64", without_line_break(&decoded).to_owned());
        }
        add("encoded as base64", engine.encode(clean));
    }
    if let Some(decoded) = from_hex(clean) {
        add("decoded from hexadecimal", without_line_break(&decoded).to_owned());
    }
    if let Ok(unescaped) = serde_json::from_str::<String>(&format!("\"{clean}\"")) {
        add("with its JSON escapes resolved", unescaped);
    }
    if clean.contains(['%', '+'])
        && !clean.contains('&')
        && let Some((decoded, _)) = form_urlencoded::parse(clean.as_bytes()).next()
    {
        add("with its percent escapes resolved", decoded.into_owned());
    }
    add("in lower case", clean.to_lowercase());
    add("in upper case", clean.to_uppercase());

    // The other side may have a badly copied key.
    for (what, before, after) in [
        ("and a line break after it: the signer's key has one", "", "\n"),
        ("and a line break (CR LF) after it: the signer's key has one", "", "\r\n"),
        ("and a space after it: the signer's key has one", "", " "),
        ("and a space before it: the signer's key has one", " ", ""),
        ("and a byte order mark before it: the signer's key has one", "\u{feff}", ""),
        ("in quotation marks: the signer's key has them", "\"", "\""),
        ("in single quotation marks: the signer's key has them", "'", "'"),
    ] {
        add(what, format!("{before}{clean}{after}"));
    }
    others
}

/// The text of a small file.
fn content(path: &Path) -> Option<String> {
    let metadata = std::fs::metadata(path).ok()?;
    let is_small = metadata.is_file() && metadata.len() <= LARGEST_FILE;
    is_small.then(|| std::fs::read_to_string(path).ok()).flatten()
}

fn from_hex(text: &str) -> Option<String> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect();
    let digits = digits.filter(|digits| digits.len().is_multiple_of(2))?;
    let bytes = digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect();
    String::from_utf8(bytes).ok()
}
