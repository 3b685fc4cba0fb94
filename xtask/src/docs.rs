//! Pages generated from the specs, and from the crates' documentation.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use ecp_methods::Registry;

use crate::library_crates;
use crate::picture::picture;
use crate::readme::readme;

/// Begins and ends the table in a method's own documentation.
const BEGIN: &str = "/// <!-- from the spec: cargo xtask docs -->\n";
const END: &str = "/// <!-- end -->\n";

/// Writes the pages, or with `check` reports stale ones.
pub(crate) fn docs(root: &Path, check: bool) -> Result<(), String> {
    let registry = Registry::builtin();
    let mut stale = Vec::new();
    let mut put = |path: &Path, text: String| -> Result<(), String> {
        let before = fs::read_to_string(path).unwrap_or_default();
        if before == text {
            return Ok(());
        }
        stale.push(path.strip_prefix(root).unwrap_or(path).display().to_string());
        if check {
            return Ok(());
        }
        fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
    };
    put(&root.join("docs/METHODS.md"), methods_page(&registry))?;
    put(&root.join("docs/architecture.svg"), picture())?;
    for method in registry.iter() {
        let spec = method.spec();
        let file = spec.code().replace('-', "_");
        let path = root.join(format!("crates/ecp-methods/src/methods/{file}.rs"));
        let source =
            fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let source = with_table(&source, &spec.markdown()).ok_or_else(|| {
            format!("{}: the generated table's place was not found", path.display())
        })?;
        put(&path, source)?;
    }
    for name in library_crates(root)? {
        let library = root.join("crates").join(&name);
        let path = library.join("src/lib.rs");
        let source =
            fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        put(&library.join("README.md"), readme(&name, &source))?;
    }
    match (stale.as_slice(), check) {
        ([], _) => println!("up to date"),
        (stale, false) => stale.iter().for_each(|path| println!("wrote {path}")),
        (stale, true) => {
            return Err(format!("stale, run `cargo xtask docs`:\n{}", stale.join("\n")));
        }
    }
    Ok(())
}

fn methods_page(registry: &Registry) -> String {
    let mut page = String::from(
        "<!-- Made from the specs by `cargo xtask docs`. Change the method's file instead. -->\n\n\
         # Methods\n\nWhat each method can do. `+` is yes, `–` is no.\n\n",
    );
    page.push_str(&registry.matrix());
    for method in registry.iter() {
        let spec = method.spec();
        // Writing to a String cannot fail.
        let _ = write!(page, "\n## {}\n\n{}", spec.title(), spec.markdown());
    }
    page
}

/// Replaces the table between the marks; without marks it goes before the type's attributes.
fn with_table(source: &str, table: &str) -> Option<String> {
    let comment: String =
        table.lines().map(|line| format!("/// {line}").trim_end().to_owned() + "\n").collect();
    let block = format!("{BEGIN}{comment}{END}");
    if let (Some(begin), Some(end)) = (source.find(BEGIN), source.find(END)) {
        return Some(format!("{}{block}{}", &source[..begin], &source[end + END.len()..]));
    }
    let place = source.find("#[derive(")?;
    Some(format!("{}///\n{block}{}", &source[..place], &source[place..]))
}
