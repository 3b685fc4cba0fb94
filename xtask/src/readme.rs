//! The README of a library, from the head of its documentation.

use std::fmt::Write;

const END: &str = "\n---\n\nA part of ecp: payments through ecommpay from Rust. Licensed under MIT or Apache-2.0, as you\n\
    like. This project is not affiliated with ecommpay.\n";

const FENCE: &str = "```no_run";

/// A line of documentation, as a comment or as an attribute that begins code.
fn doc_line(line: &str) -> Option<&str> {
    if line.starts_with("#![") {
        return line.contains("```").then_some(FENCE);
    }
    let text = line.trim_start_matches("//!");
    Some(text.strip_prefix(' ').unwrap_or(text))
}

/// The head of `lib.rs` up to the end of its first example, and its section of Cargo features.
/// Rustdoc's links to items become their names, and what rustdoc hides is hidden.
pub(crate) fn readme(name: &str, source: &str) -> String {
    let head = source.lines().take_while(|line| line.starts_with("//!") || line.starts_with("#!["));
    let mut head: Vec<&str> = head.filter_map(doc_line).collect();
    // Of several fences by attributes, one is active, depending on the features.
    head.dedup_by(|second, first| *second == FENCE && first == second);

    let mut page = format!(
        "<!-- Made from src/lib.rs by `cargo xtask docs`. Change that instead. -->\n\n# {name}\n\n"
    );
    let (mut in_code, mut wanted, mut shown) = (false, true, false);
    for line in head {
        if line.starts_with("```") {
            (in_code, shown) = (!in_code, true);
        } else if !in_code && line.starts_with("# ") {
            wanted = !shown || line == "# Features";
        }
        if !wanted || (in_code && is_hidden(line)) {
            continue;
        }
        let line = match (in_code, line) {
            (true, "```" | "```no_run") => "```rust".to_owned(),
            (true, _) => line.to_owned(),
            (false, line) if line.starts_with("# ") => format!("#{line}"),
            (false, _) => without_item_links(line),
        };
        // Writing to a String cannot fail.
        let _ = writeln!(page, "{line}");
    }
    page.truncate(page.trim_end().len());
    page + "\n" + END
}

/// Whether rustdoc compiles the line of an example and does not show it.
fn is_hidden(line: &str) -> bool {
    line == "#" || line.starts_with("# ")
}

/// `` [`Name`] `` and `` [`Name`](path::Name) `` as `` `Name` ``. Addresses stay links.
fn without_item_links(line: &str) -> String {
    let (mut written, mut rest) = (String::new(), line);
    while let Some(begin) = rest.find("[`") {
        let Some(end) = rest[begin..].find("`]").map(|end| begin + end) else { break };
        let (name, after) = (&rest[begin + 1..=end], &rest[end + 2..]);
        let target = after.strip_prefix('(').and_then(|target| target.split_once(')'));
        let (shown, after) = match target {
            Some((target, after)) if target.contains('/') => (format!("[{name}]({target})"), after),
            Some((_, after)) => (name.to_owned(), after),
            None => (name.to_owned(), after),
        };
        written.extend([&rest[..begin], &shown]);
        rest = after;
    }
    written + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_becomes_a_page() {
        let source = "//! What [`A`] is, and [`b`](crate::b).\n\
                      //!\n\
                      //! # Use\n\
                      //!\n\
                      //! ```no_run\n\
                      //! # hidden();\n\
                      //! shown();\n\
                      //! #[attribute]\n\
                      //! ```\n\
                      //!\n\
                      //! # More\n\
                      //!\n\
                      //! Not told.\n\
                      #![cfg_attr(a, doc = \"```\")]\n\
                      #![cfg_attr(b, doc = \"```ignore\")]\n\
                      //! # Features\n\
                      //! ```\n\
                      //!\n\
                      //! # Features\n\
                      //!\n\
                      //! - `x`: [`X`].\n\
                      \n\
                      mod a;\n";
        let page = readme("lib", source);
        let expected = "# lib\n\nWhat `A` is, and `b`.\n\n## Use\n\n```rust\nshown();\n\
                        #[attribute]\n```\n\n## Features\n\n- `x`: `X`.\n\n---\n";
        assert!(page.contains(expected), "{page}");
    }

    #[test]
    fn addresses_stay_links() {
        let line = "[`a`](https://a.example/), [`b`]: [text](c)";
        assert_eq!(without_item_links(line), "[`a`](https://a.example/), `b`: [text](c)");
    }
}
