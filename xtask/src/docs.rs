//! Pages generated from the specs, and from the crates' documentation.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use ecp_methods::{DynMethod, MethodSpec, Operation, Registry};

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
    let families = families(root)?;
    put(&root.join("docs/METHODS.md"), methods_page(&registry, &families))?;
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
    for method in families.iter().flat_map(|family| &family.methods) {
        let source = with_table(&method.source, &method.spec.markdown()).ok_or_else(|| {
            format!("{}: the generated table's place was not found", method.path.display())
        })?;
        put(&method.path, source)?;
    }
    for name in library_crates(root)? {
        let library = root.join("crates").join(&name);
        let path = library.join("src/lib.rs");
        let source =
            fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        put(&library.join("README.md"), readme(&name, &source))?;
    }
    let path = root.join("docs/getting-started.md");
    let page = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    put(&path, with_files(root, &page)?)?;
    match (stale.as_slice(), check) {
        ([], _) => println!("up to date"),
        (stale, false) => stale.iter().for_each(|path| println!("wrote {path}")),
        (stale, true) => {
            return Err(format!("stale, run `cargo xtask docs`:\n{}", stale.join("\n")));
        }
    }
    Ok(())
}

/// Replaces the code after each mark `<!-- file: PATH -->` by that file's text.
fn with_files(root: &Path, page: &str) -> Result<String, String> {
    let mut text = String::new();
    let mut rest = page;
    while let Some((before, after)) = rest.split_once("<!-- file: ") {
        let parts = after.split_once(" -->\n").and_then(|(path, after)| {
            let (fence, after) = after.strip_prefix("```")?.split_once('\n')?;
            // The block may be empty.
            let after =
                after.strip_prefix("```\n").or_else(|| Some(after.split_once("\n```\n")?.1));
            Some((path, fence, after?))
        });
        let Some((path, fence, after)) = parts else {
            return Err(
                "docs/getting-started.md: a mark `<!-- file: PATH -->` has no block".to_owned()
            );
        };
        let file =
            fs::read_to_string(root.join(path)).map_err(|error| format!("{path}: {error}"))?;
        let _ = write!(text, "{before}<!-- file: {path} -->\n```{fence}\n{file}```\n");
        rest = after;
    }
    Ok(text + rest)
}

/// A family of the catalogue, in the order of its list.
struct Family {
    /// The heading: the first sentence of its documentation.
    title: String,
    feature: String,
    methods: Vec<Entry>,
}

/// A method of the catalogue with its file.
struct Entry {
    spec: &'static MethodSpec,
    path: PathBuf,
    source: String,
}

/// The families of the catalogue, by its folders.
fn families(root: &Path) -> Result<Vec<Family>, String> {
    let folder = root.join("crates/ecp-catalogue/src");
    let catalogue = ecp_catalogue::all(Registry::empty()).map_err(|error| error.to_string())?;
    let read = |path: &Path| {
        fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
    };
    let mut families = Vec::new();
    for list in sorted(&folder)? {
        let files = list.with_extension("");
        if !list.is_file() || !files.is_dir() {
            continue;
        }
        let heading = read(&list)?;
        let heading = heading.lines().next().unwrap_or_default().trim_start_matches("//!");
        let mut methods = Vec::new();
        for path in sorted(&files)? {
            let source = read(&path)?;
            let of_file = |spec: &&'static MethodSpec| {
                source.contains(&format!("Spec::new(\"{}\",", spec.code()))
            };
            let spec = catalogue.iter().map(DynMethod::spec).find(of_file);
            let spec = spec.ok_or_else(|| format!("{}: has no method", path.display()))?;
            methods.push(Entry { spec, path, source });
        }
        let name = files.file_name().unwrap_or_default().to_string_lossy().into_owned();
        families.push(Family {
            title: heading.trim().trim_end_matches('.').to_owned(),
            feature: name.replace('_', "-"),
            methods,
        });
    }
    let found: usize = families.iter().map(|family| family.methods.len()).sum();
    if found != catalogue.iter().count() {
        return Err(format!("{}: a method has no file of its own", folder.display()));
    }
    Ok(families)
}

fn sorted(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    Ok(paths)
}

fn methods_page(registry: &Registry, families: &[Family]) -> String {
    let mut page = String::from(
        "<!-- Made from the specs by `cargo xtask docs`. Change the method's file instead. -->\n\n\
         # Methods\n\nCapabilities of each method. `+` is yes, `–` is no, \
         and `not stated` means that the platform's\ndocumentation does not say.\n\n\
         - saved credentials: payments with saved data of the customer\n\
         - zero amount: a request may have the amount 0\n\
         - amount confirmation: the platform asks the merchant to confirm the amount of each sale (`check_deposit`)\n\
         - Payment Page, CMS plug-ins, Gate, Dashboard, payment links: interfaces of the platform where the method is \
         offered\n\n",
    );
    page.push_str(&registry.matrix());
    for method in registry.iter() {
        let spec = method.spec();
        // Writing to a String cannot fail.
        let _ = write!(page, "\n## {}\n\n{}", spec.title(), spec.markdown());
    }
    page.push_str(
        "\n## The catalogue\n\nMore wallets and vouchers, in the crate `ecp-catalogue`. Their facts come from public copies of \
         the platform's\ndocumentation: before you rely on a method, ask your account manager whether the platform offers it to you, and with \
         which\ndifferences. Each is offered over Gate only.\nThe name of a method links to its file, which lists its fields, limits and conditions. The last column says \
         how certain\nthe facts are:\n\n\
         - documentation copy: the source is a copy of the platform's documentation\n\
         - two sources: two independent public sources have the method, and do not contradict each other\n",
    );
    for family in families {
        let _ = write!(page, "\n### {}\n\nCargo feature: `{}`.\n\n", family.title, family.feature);
        page.push_str(
            "| method | code | operations | currencies | countries | certainty |\n\
             |---|---|---|---|---|---|\n",
        );
        for Entry { spec, path, .. } in &family.methods {
            let file = path.file_name().unwrap_or_default().to_string_lossy();
            let folder = family.feature.replace('-', "_");
            let link = format!("../crates/ecp-catalogue/src/{folder}/{file}");
            let operations: Vec<&str> = spec.flows().map(Operation::name).collect();
            let currencies: Vec<&str> = spec.currencies().iter().map(|one| one.code()).collect();
            let countries = match spec.regions().to_string() {
                text if text.is_empty() => "not stated".to_owned(),
                text => text,
            };
            let certainty = spec.certainty().map_or_else(String::new, |sure| sure.to_string());
            let _ = writeln!(
                page,
                "| [{}]({link}) | {} | {} | {} | {countries} | {certainty} |",
                spec.title(),
                spec.code(),
                operations.join(", "),
                currencies.join(", "),
            );
        }
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
