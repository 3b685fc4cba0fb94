//! Delimiters on the command line.

/// Reads a delimiter: one ASCII character, or `\t` for a tab.
pub(crate) fn delimiter(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        b"\\t" => Ok(b'\t'),
        [byte] if byte.is_ascii() && !matches!(byte, b'"' | b'\r' | b'\n' | b'\0') => Ok(*byte),
        _ => Err(
            "the delimiter must be one ASCII character other than a quotation mark, or \\t for \
                  a tab"
                .to_owned(),
        ),
    }
}
