//! Errors of settings files, without the values in the files.

/// Returns the place and the text of an error in a TOML file, such as `line 2: missing field ..`. The
/// error's own text quotes the line, which may hold a secret or an address.
pub(crate) fn toml_problem(text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start));
    let line = before.map(|before| 1 + before.matches('\n').count());
    let place = line.map(|line| format!("line {line}: ")).unwrap_or_default();
    format!("{place}{}", without_value(error.message()))
}

/// Returns the text of an error of `serde` without the value that it quotes: it may be a secret or an
/// address.
pub(crate) fn without_value(message: &str) -> String {
    let quoting = ["invalid type: string", "invalid value: string", "unknown variant"];
    let kept = quoting.into_iter().find(|beginning| message.starts_with(*beginning));
    match (kept, message.rsplit_once(", expected ")) {
        (Some(kept), Some((_, expected))) => format!("{kept}, expected {expected}"),
        _ => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_does_not_quote_the_value() {
        for (message, expected) in [
            (
                "invalid type: string \"a, expected b@shop.example\", expected a map",
                "invalid type: string, expected a map",
            ),
            (
                "invalid value: string \"b@shop.example\", expected u64 at line 1 column 3",
                "invalid value: string, expected u64 at line 1 column 3",
            ),
            (
                "unknown variant `b@shop.example`, expected `attachment` or `link`",
                "unknown variant, expected `attachment` or `link`",
            ),
            (
                "unknown field `colums`, expected `columns` or `to`",
                "unknown field `colums`, expected `columns` or `to`",
            ),
            ("missing field `host`", "missing field `host`"),
        ] {
            assert_eq!(without_value(message), expected);
        }
    }
}
