//! The book: `docs/` as pages to read, made by mdBook.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::run;

const VERSION: &str = "0.5.4";

/// Writes the book to `target/book`. Installs mdBook below `target/tools` if it is not there.
pub(crate) fn book(root: &Path) -> Result<(), String> {
    let (source, written) = (root.join("target/book-source"), root.join("target/book"));
    gather(&root.join("docs"), &source, "](../")
        .and_then(|()| {
            // Its pages link to the files beside them, and one folder further out.
            let (from, to) = (root.join("docs/operations"), source.join("operations"));
            gather(&from, &to, "](../../")
        })
        .map_err(|error| format!("cannot copy docs/ to {}: {error}", source.display()))?;
    let program = mdbook(root)?;
    let (program, source) = (program.to_string_lossy(), source.to_string_lossy());
    let into = written.to_string_lossy();
    if !run(&program, &["build", &source, "--dest-dir", &into], &[]) {
        return Err("mdBook could not make the book".to_owned());
    }
    println!("the book begins at {}", written.join("index.html").display());
    Ok(())
}

fn mdbook(root: &Path) -> Result<PathBuf, String> {
    let tools = root.join("target/tools");
    let program = tools.join("bin/mdbook");
    let version = Command::new(&program).arg("--version").output();
    let version = version.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    if version.is_ok_and(|version| version == format!("mdbook v{VERSION}")) {
        return Ok(program);
    }
    // A book this small needs neither an optimised program nor a server.
    let what = ["install", "mdbook", "--version", VERSION, "--locked", "--debug", "--force"];
    let how = ["--no-default-features", "--features", "search", "--root"];
    let tools = tools.to_string_lossy();
    let arguments = [&what[..], &how, &[&tools]].concat();
    let installed = run("cargo", &arguments, &[]);
    installed.then_some(program).ok_or_else(|| format!("cannot install mdBook {VERSION}"))
}

/// Copies the sources of the book. Links to the rest of the repository, which begin with `out`,
/// would be broken in it.
fn gather(from: &Path, to: &Path, out: &str) -> std::io::Result<()> {
    if to.exists() {
        fs::remove_dir_all(to)?;
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name()))?;
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("md") => {
                fs::write(to.join(name), without_outer_links(&fs::read_to_string(&path)?, out))?;
            }
            _ if name == "screenshots" => gather_pictures(&path, &to.join(name))?,
            _ if path.is_file() => drop(fs::copy(&path, to.join(name))?),
            _ => {}
        }
    }
    Ok(())
}

fn gather_pictures(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir(to)?;
    for picture in fs::read_dir(from)? {
        let picture = picture?;
        fs::copy(picture.path(), to.join(picture.file_name()))?;
    }
    Ok(())
}

/// The page with the path beside the text of each link that leaves the book, as those that begin
/// with `out` do.
fn without_outer_links(page: &str, out: &str) -> String {
    let (mut written, mut rest) = (String::new(), page);
    while let Some(middle) = rest.find(out) {
        let (before, link) = rest.split_at(middle);
        let (Some(begin), Some(end)) = (before.rfind('['), link.find(')')) else { break };
        let (text, path) = (&before[begin + 1..], link[out.len()..end].trim_end_matches('/'));
        written.push_str(&before[..begin]);
        written.push_str(text);
        if text.trim_matches('`') != path {
            written.extend([" (`", path, "`)"]);
        }
        rest = &link[end + 1..];
    }
    written + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_out_of_the_book_becomes_its_text_and_path() {
        let table = [
            ("none", "none"),
            ("[here](a.md) and [there](b.md#c)", "[here](a.md) and [there](b.md#c)"),
            ("see [the shop](../examples/shop).", "see the shop (`examples/shop`)."),
            ("see [`benches`](../benches/), [x](y.md)", "see `benches`, [x](y.md)"),
            ("[a](../b) [c](../d)", "a (`b`) c (`d`)"),
        ];
        for (page, without) in table {
            assert_eq!(without_outer_links(page, "](../"), without);
        }
        let page = "[in the book](../a.md), [a file](b.yml), [the shop](../../examples/shop)";
        let without = "[in the book](../a.md), [a file](b.yml), the shop (`examples/shop`)";
        assert_eq!(without_outer_links(page, "](../../"), without);
    }
}
