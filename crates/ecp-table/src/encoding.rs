//! Bytes of a file as text.

use encoding_rs::{Encoding, UTF_16BE, UTF_16LE, WINDOWS_1252};

use crate::table::Problem;

/// First bytes of files that are not text, and their formats.
const OTHER_FILES: &[(&[u8], &str)] = &[
    (b"PK\x03\x04", "a workbook or another ZIP archive (xlsx, ods, numbers)"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a workbook of an old or a protected kind (xls)"),
    (b"\x1f\x8b", "a compressed file (gzip)"),
    (b"%PDF", "a PDF document"),
    (b"{\\rtf", "a document (RTF)"),
    (b"\xff\xfe\0\0", "UTF-32 text"),
    (b"\0\0\xfe\xff", "UTF-32 text"),
];

/// Advice for a file that is not CSV in a known encoding.
const SAVE_AGAIN: &str = "save it again as CSV in UTF-8 (Excel: `CSV UTF-8 (Comma delimited)`, LibreOffice: \
                          `Text CSV` with the character set UTF-8)";

/// Decodes UTF-8, or UTF-16 with a byte order mark, and removes the mark.
pub(crate) fn decode(file: Vec<u8>) -> Result<String, Problem> {
    let whole_file = |text: String| Problem::new(1, None, text);
    if let Some((_, kind)) = OTHER_FILES.iter().find(|(magic, _)| file.starts_with(magic)) {
        return Err(whole_file(format!("the file is {kind}, not a CSV file; {SAVE_AGAIN}")));
    }
    for (mark, encoding) in [(b"\xff\xfe", UTF_16LE), (b"\xfe\xff", UTF_16BE)] {
        if let Some(rest) = file.strip_prefix(mark) {
            return utf16(rest, encoding);
        }
    }
    let file = match file.strip_prefix(b"\xef\xbb\xbf") {
        Some(rest) => rest.to_vec(),
        None => file,
    };
    if let Some(at) = memchr::memchr(0, &file) {
        let line = line_of(&file[..at]);
        let text = "holds a NUL byte; it may be UTF-16 without a byte order mark";
        return Err(Problem::new(line, None, format!("{text}: {SAVE_AGAIN}")));
    }
    let text = String::from_utf8(file).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let byte = error.as_bytes().get(at).copied().unwrap_or_default();
        let line = line_of(&error.as_bytes()[..at]);
        let before = error.as_bytes()[..at].iter().rev();
        let column = before.take_while(|byte| !matches!(byte, b'\n' | b'\r')).count() + 1;
        let text = format!(
            "byte {column} of the line is 0x{byte:02X}, which is not UTF-8; the file may be in \
             Windows-1252 or another encoding that does not say which characters it holds: \
             {SAVE_AGAIN}"
        );
        Problem::new(line, None, text)
    })?;
    let start = text.trim_start().get(..5).unwrap_or_default().to_ascii_lowercase();
    if start == "<html" || start == "<!doc" || start == "<?xml" || start == "<tabl" {
        return Err(whole_file(format!("the file is an HTML or XML document; {SAVE_AGAIN}")));
    }
    Ok(text)
}

fn utf16(file: &[u8], encoding: &'static Encoding) -> Result<String, Problem> {
    let decoded = encoding.decode_without_bom_handling_and_without_replacement(file);
    let broken = || {
        let text = format!("the file is damaged UTF-16; {SAVE_AGAIN}");
        Problem::new(1, None, text)
    };
    let text = decoded.ok_or_else(broken)?.into_owned();
    match text.find('\0') {
        None => Ok(text),
        Some(at) => {
            let line = line_of(&text.as_bytes()[..at]);
            Err(Problem::new(line, None, "holds a NUL character; remove it".to_owned()))
        }
    }
}

fn line_of(before: &[u8]) -> u64 {
    crate::grammar::line_breaks(before) + 1
}

/// Whether a text is damaged by a wrong encoding: it was UTF-8 that a program read as Windows-1252
/// and saved (`MÃ¼ller` for `Müller`), or it has a character that replaces a lost one (U+FFFD).
///
/// ```
/// assert!(ecp_table::is_garbled("MÃ¼ller"));
/// assert!(ecp_table::is_garbled("M\u{fffd}ller"));
/// assert!(!ecp_table::is_garbled("Müller, São Paulo, Łódź, Åse"));
/// ```
pub fn is_garbled(text: &str) -> bool {
    if text.is_ascii() {
        return false;
    }
    if text.contains('\u{fffd}') {
        return true;
    }
    // Run by run: another part of the text may hold characters that Windows-1252 lacks.
    let mut rest = text;
    while let Some(start) = rest.find(|character: char| !character.is_ascii()) {
        let length = rest[start..].find(|character: char| character.is_ascii());
        let end = length.map_or(rest.len(), |length| start + length);
        if is_garbled_run(&rest[start..end], rest[end..].chars().next()) {
            return true;
        }
        rest = &rest[end..];
    }
    false
}

/// Whether a run of characters outside ASCII is the bytes of others. Two may be so by chance, as in
/// `„Spaß“`: then the decoded character must be a letter of Latin script, and a quote among the two
/// must be inside a word.
fn is_garbled_run(run: &str, next: Option<char>) -> bool {
    let (bytes, _, is_unmappable) = WINDOWS_1252.encode(run);
    let Ok(meant) = std::str::from_utf8(&bytes) else { return false };
    if is_unmappable {
        return false;
    }
    let mut characters = meant.chars();
    match (characters.next(), characters.next()) {
        (Some(only), None) => {
            let is_letter = matches!(only, '\u{a0}'..='\u{24f}');
            let has_letters = run.chars().skip(1).all(|other| !is_punctuation(other));
            let is_in_word = next.is_some_and(char::is_alphabetic);
            // Three bytes or more are not chance.
            only.len_utf8() > 2 || is_letter && (has_letters || is_in_word)
        }
        _ => true,
    }
}

fn is_punctuation(character: char) -> bool {
    matches!(character, '\u{2010}'..='\u{203a}' | '\u{a0}' | '«' | '»' | '·' | '¿' | '¡')
}

#[cfg(test)]
mod tests {
    use super::is_garbled;

    #[test]
    fn only_what_was_read_in_another_encoding_is_garbled() {
        // UTF-8 that was read as Windows-1252.
        for text in
            ["Müller", "cœur", "Łódź", "Šarić", "São", "Ο λόγος", "Привет", "李小龙", "it’s", "5 €"]
        {
            let (read, _) = encoding_rs::WINDOWS_1252.decode_without_bom_handling(text.as_bytes());
            assert!(is_garbled(&read), "{read}");
            assert!(!is_garbled(text), "{text}");
        }
        for text in [
            "„Spaß“",
            "„BÖ“",
            "JÄ“",
            "Ä–Ö",
            "größer",
            "Ünal",
            "ÀÉÎ",
            "¿Qué?",
            "«Ça»",
            "Åse",
            "5 °C",
        ] {
            assert!(!is_garbled(text), "{text}");
        }
    }
}
