//! Checks that files, headings, chapters and commands named in the documents exist.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// The chapters of the book: every page of `docs` and of its folder for operators.
fn chapters() -> BTreeMap<PathBuf, String> {
    let mut chapters = pages(Path::new("docs"));
    chapters.extend(pages(Path::new("docs/operations")));
    chapters.remove(Path::new("docs/SUMMARY.md"));
    chapters
}

/// Every page of the repository.
fn documents() -> BTreeMap<PathBuf, String> {
    let mut found = pages(Path::new(""));
    found.extend(pages(Path::new("docs")));
    found.extend(pages(Path::new("docs/operations")));
    for folder in fs::read_dir("../crates").unwrap() {
        found.extend(pages(&Path::new("crates").join(folder.unwrap().file_name())));
    }
    found
}

/// The pages in a folder, by their paths from the top.
fn pages(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(Path::new("..").join(folder)).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "md") {
            let text = fs::read_to_string(&path).unwrap();
            found.insert(folder.join(path.file_name().unwrap()), text);
        }
    }
    found
}

fn parsed(page: &str) -> Parser<'_> {
    Parser::new_ext(page, Options::ENABLE_TABLES)
}

/// The anchors that GitHub and mdBook give to the headings of a page.
fn anchors(page: &str) -> BTreeSet<String> {
    let (mut anchors, mut heading) = (BTreeSet::new(), None::<String>);
    for event in parsed(page) {
        match (event, &mut heading) {
            (Event::Start(Tag::Heading { .. }), _) => heading = Some(String::new()),
            (Event::Text(text) | Event::Code(text), Some(heading)) => heading.push_str(&text),
            (Event::End(TagEnd::Heading(_)), Some(text)) => {
                let slug: String = text
                    .to_lowercase()
                    .chars()
                    .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
                    .map(|c| if c == ' ' { '-' } else { c })
                    .collect();
                let again = (1..).map(|number| format!("{slug}-{number}"));
                let mut slugs = std::iter::once(slug.clone()).chain(again);
                anchors.extend(slugs.find(|slug| !anchors.contains(slug)));
                heading = None;
            }
            _ => {}
        }
    }
    anchors
}

/// Without `.` and `..`; `None` where it leaves the top.
fn plain(path: &Path) -> Option<PathBuf> {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => plain.push(name),
            Component::CurDir => {}
            Component::ParentDir if plain.pop() => {}
            _ => return None,
        }
    }
    Some(plain)
}

/// Every broken relative link of the pages, with its page.
fn broken(pages: &BTreeMap<PathBuf, String>, exists: impl Fn(&Path) -> bool) -> Vec<String> {
    let mut broken = Vec::new();
    for (page, text) in pages {
        for event in parsed(text) {
            let Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) = event
            else {
                continue;
            };
            if dest_url.contains("://") {
                continue;
            }
            let (path, anchor) = dest_url.split_once('#').unwrap_or((&dest_url, ""));
            let target = match path {
                "" => Some(page.clone()),
                path => plain(&page.parent().unwrap().join(path)),
            };
            let leads = target.is_some_and(|target| {
                let known = pages.get(&target);
                (known.is_some() || exists(&target))
                    && (anchor.is_empty()
                        || known.is_some_and(|page| anchors(page).contains(anchor)))
            });
            if !leads {
                broken.push(format!("{}: {dest_url}", page.display()));
            }
        }
    }
    broken
}

#[test]
fn every_link_leads_somewhere() {
    let broken = broken(&documents(), |path| Path::new("..").join(path).exists());
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn a_link_that_leads_nowhere_is_found() {
    let page = "# A b\n# A `b`!\n[1](#a-b) [2](#a-b-1) [3](#a-b-2) [4](b.md#c) [5](b.md) [6](d.md)\n\
                [7](../x) [8](https://x.example/y) ![9](p.png) `[10](no)`\n";
    let pages = [("docs/a.md", page), ("docs/b.md", "## C\n```\n# d\n```\n[11](#d) [12](../e/)")];
    let pages = pages.map(|(path, text)| (PathBuf::from(path), text.to_owned()));
    let broken = broken(&pages.into(), |path| path == Path::new("e"));
    assert_eq!(
        broken,
        [
            "docs/a.md: #a-b-2",
            "docs/a.md: d.md",
            "docs/a.md: ../x",
            "docs/a.md: p.png",
            "docs/b.md: #d",
        ]
    );
}

#[test]
fn the_book_has_every_chapter() {
    let summary = fs::read_to_string("../docs/SUMMARY.md").unwrap();
    let mut listed = Vec::new();
    for event in parsed(&summary) {
        if let Event::Start(Tag::Link { dest_url, .. }) = event {
            listed.push(Path::new("docs").join(&*dest_url));
        }
    }
    let there: BTreeSet<PathBuf> = chapters().into_keys().collect();
    assert_eq!(listed.iter().cloned().collect::<BTreeSet<_>>(), there);
    assert_eq!(listed.len(), there.len(), "a chapter is there twice: {listed:#?}");
}

#[test]
fn the_code_of_every_chapter_is_compiled() {
    let tests = fs::read_to_string("../examples/lib.rs").unwrap();
    for (path, text) in chapters() {
        let name = path.to_str().unwrap();
        assert!(tests.contains(&format!("\"../{name}\"")), "examples/lib.rs lacks {name}");
        for event in parsed(&text) {
            if let Event::Start(Tag::CodeBlock(kind)) = event {
                // Rustdoc compiles blocks without a language, and Rust ones unless they forbid it.
                let CodeBlockKind::Fenced(info) = kind else { panic!("{name}: indented code") };
                assert!(!info.is_empty(), "{name}: code in no language");
                assert!(!info.contains("ignore"), "{name}: {info}");
            }
        }
    }
}

#[test]
fn every_xtask_command_that_is_named_exists() {
    let output = Command::new(env!("CARGO_BIN_EXE_xtask")).output().unwrap();
    let usage = String::from_utf8(output.stderr).unwrap();
    let known: BTreeSet<&str> = usage
        .lines()
        .filter_map(|line| line.strip_prefix("  ")?.split([' ', '[']).next())
        .filter(|word| !word.is_empty())
        .collect();
    assert!(known.contains("ci") && known.contains("new-method"), "{known:?}");
    let mut named = 0;
    for (path, text) in documents() {
        for after in text.split("cargo xtask ").skip(1) {
            let word = after.split(|c: char| !c.is_ascii_lowercase() && c != '-').next();
            let word = word.unwrap();
            assert!(known.contains(word), "{}: cargo xtask {word}", path.display());
            named += 1;
        }
    }
    assert!(named > 10, "only {named} commands were found");
}
