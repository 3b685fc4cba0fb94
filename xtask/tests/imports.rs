//! No circles: which files of a crate import each other, and in ecp-sandbox in which direction.

mod graph;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use self::graph::{Graph, Sources, circles, graph};

/// Maximum number of files of a crate that may import each other in a circle, such as a type and
/// its parts.
const LARGEST_CIRCLE: usize = 3;

/// The layers of ecp-sandbox, lowest first, by their files and folders. A file imports its own layer
/// and those below.
const LAYERS: [&[&str]; 6] = [
    &["payment"],
    &["wire"],
    // Its leaf files are part of the configuration, which the rest of it reads.
    &["engine", "config"],
    &["surface"],
    &["sandbox"],
    &["lib"],
];

/// The surfaces of ecp-sandbox's engine. None of them imports another, nor do their shared files.
const SURFACES: [&str; 6] = ["checkout", "control", "dashboard", "data_api", "gate", "provider"];

fn read(folder: &Path, below: &str, sources: &mut Sources) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{below}{}", path.file_name().unwrap().to_str().unwrap());
        if path.is_dir() {
            read(&path, &format!("{name}/"), sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.insert(name, fs::read_to_string(&path).unwrap());
        }
    }
}

fn crate_graph(name: &str) -> Graph {
    let mut sources = Sources::new();
    read(&Path::new("../crates").join(name).join("src"), "", &mut sources);
    graph(&sources)
}

/// The first part of a file's path, without its ending.
fn top(file: &str) -> &str {
    file.trim_end_matches(".rs").split('/').next().unwrap_or_default()
}

fn layer(file: &str) -> usize {
    let layer = LAYERS.iter().position(|names| names.contains(&top(file)));
    layer.unwrap_or_else(|| panic!("{file} has no layer"))
}

fn surface(file: &str) -> Option<&str> {
    let name = top(file.strip_prefix("surface/")?);
    SURFACES.contains(&name).then_some(name)
}

/// Imports that lead up, or from one surface to another.
fn against_the_layers(graph: &Graph) -> Vec<String> {
    let imports = graph.iter().flat_map(|(from, to)| to.iter().map(move |to| (from, to)));
    let mut wrong = Vec::new();
    for (from, to) in imports {
        // It only declares its modules.
        let is_root = from == "surface.rs";
        let crosses = surface(to).is_some_and(|to| {
            layer(from) == layer("surface.rs") && surface(from) != Some(to) && !is_root
        });
        if layer(to) > layer(from) || crosses {
            wrong.push(format!("{from} -> {to}"));
        }
    }
    wrong
}

/// The imports within a circle, one a line.
fn within(graph: &Graph, circle: &BTreeSet<&str>) -> String {
    let imports = circle.iter().flat_map(|from| graph[*from].iter().map(move |to| (from, to)));
    let inside = imports.filter(|(_, to)| circle.contains(to.as_str()));
    let lines: Vec<String> = inside.map(|(from, to)| format!("  {from} -> {to}\n")).collect();
    lines.concat()
}

#[test]
fn no_crate_has_a_large_circle() {
    let (mut looked_at, mut large) = (0, String::new());
    for entry in fs::read_dir("../crates").unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let graph = crate_graph(&name);
        looked_at += graph.len();
        for circle in circles(&graph).iter().filter(|circle| circle.len() > LARGEST_CIRCLE) {
            let imports = within(&graph, circle);
            writeln!(large, "{} files of {name}:\n{imports}", circle.len()).unwrap();
        }
    }
    assert!(large.is_empty(), "these import each other in a circle:\n{large}");
    assert!(looked_at > 200, "{looked_at}");
}

#[test]
fn the_sandboxs_layers_only_import_down_and_no_surface_imports_another() {
    let graph = crate_graph("ecp-sandbox");
    assert_eq!(against_the_layers(&graph), [""; 0]);
    let sandbox: BTreeSet<_> =
        ["sandbox.rs", "sandbox/pages.rs"].iter().flat_map(|file| &graph[*file]).collect();
    for surface in SURFACES {
        assert!(sandbox.contains(&format!("surface/{surface}.rs")), "{surface} is looked for");
    }
}

fn of(sources: &[(&str, &str)]) -> Graph {
    graph(&sources.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect())
}

/// The imports of `a.rs`, beside a few other files.
fn imports_of(source: &str) -> Vec<String> {
    let graph = of(&[
        ("lib.rs", "mod a; mod b; mod c; mod d; pub use b::inner::Deep; pub use c::*;"),
        ("a.rs", source),
        ("a/child.rs", ""),
        (
            "b.rs",
            "pub mod inner; pub use self::inner::{Deep as Renamed, deep}; pub fn shallow() {}",
        ),
        ("b/inner.rs", "pub struct Deep; pub fn deep() {} pub enum Kind { One }"),
        ("c.rs", "pub struct Glob; #[macro_export] macro_rules! mine { () => {} }"),
        ("d.rs", "pub mod braces { pub struct Nested; pub use crate::c::Glob as Again; }"),
    ]);
    graph["a.rs"].iter().cloned().collect()
}

#[test]
fn every_path_is_found_in_the_file_that_defines_what_it_names() {
    for (source, expected) in [
        // In `use`.
        ("use crate::b::shallow;", &["b.rs"][..]),
        ("use crate::b::{self, inner};", &["b.rs", "b/inner.rs"]),
        ("use super::b::inner::{Deep as D, deep};", &["b/inner.rs"]),
        ("use super::d::braces::Nested;", &["d.rs"]),
        ("mod child; use self::child as other;", &["a/child.rs"]),
        // In expressions, types and patterns.
        ("fn f() { crate::b::shallow(); }", &["b.rs"]),
        ("fn f() { super::b::inner::deep() }", &["b/inner.rs"]),
        ("fn f(_: &[Option<crate::c::Glob>]) {}", &["c.rs"]),
        ("fn f(k: K) { match k { crate::b::inner::Kind::One => {} } }", &["b/inner.rs"]),
        ("impl From<crate::c::Glob> for X {}", &["c.rs"]),
        ("use crate::b; fn f() { b::inner::deep() }", &["b.rs", "b/inner.rs"]),
        // From modules in braces.
        ("mod m { fn f() { super::super::b::shallow() } }", &["b.rs"]),
        ("mod m { mod n { use super::super::super::c::Glob; } }", &["c.rs"]),
        // Through re-exports.
        ("use crate::Deep;", &["b/inner.rs"]),
        ("use crate::b::Renamed;", &["b/inner.rs"]),
        ("fn f() { crate::b::deep() }", &["b/inner.rs"]),
        ("use crate::d::braces::Again;", &["c.rs"]),
        ("use crate::Glob;", &["c.rs"]),
        ("use crate::b::*; fn f() { deep() }", &["b.rs", "b/inner.rs"]),
        ("use super::*; fn f(_: Glob) {}", &["c.rs", "lib.rs"]),
        // In macros and attributes.
        ("fn f() { assert!(crate::b::shallow() == [super::c::Glob]) }", &["b.rs", "c.rs"]),
        ("macro_rules! m { () => { $crate::b::inner::deep() } }", &["b/inner.rs"]),
        ("m! { use crate::b::inner::{Deep, deep}; }", &["b/inner.rs"]),
        ("fn f() { crate::mine!() }", &["c.rs"]),
        ("#[derive(crate::b::inner::Deep)] struct S;", &["b/inner.rs"]),
        // Paths to other crates, or in tests alone.
        ("use ::b::shallow; use std::c::Glob; fn f() { a::b::c() }", &[]),
        ("#[cfg(test)] mod tests { use crate::b::shallow; }", &[]),
        ("#[cfg(test)] use crate::b::shallow; #[test] fn f() { crate::c::Glob; }", &[]),
        ("#[cfg(feature = \"test\")] use crate::b::shallow;", &["b.rs"]),
        ("fn f() { let c = 1; c + 1; }", &[]),
    ] {
        assert_eq!(imports_of(source), expected, "{source}");
    }
}

#[test]
fn a_circle_is_found_however_it_is_closed() {
    for (c, size) in [
        ("", 0),
        ("use crate::b::B;", 2),
        ("fn f() { crate::a::A; }", 3),
        ("use super::A;", 3),
        ("fn f() { vec![super::a::A]; }", 3),
        ("use crate::b::*;", 2),
        ("mod m { type T = super::super::Again; }", 3),
        ("#[cfg(test)] mod tests { use crate::a::A; }", 0),
    ] {
        let graph = of(&[
            ("lib.rs", "mod a; mod b; mod c; pub use a::{A, A as Again};"),
            ("a.rs", "use crate::b::B; pub struct A;"),
            ("b.rs", "use crate::c::C; pub struct B;"),
            ("c.rs", &format!("pub struct C; {c}")),
        ]);
        let circles = circles(&graph);
        assert_eq!(circles.first().map_or(0, BTreeSet::len), size, "{c}: {graph:?}");
    }
    let graph = of(&[
        ("lib.rs", "mod a; mod b; mod c; mod d;"),
        ("a.rs", "use crate::b::B; pub struct A;"),
        ("b.rs", "use crate::c::C; pub struct B;"),
        ("c.rs", "use crate::d::D; pub struct C;"),
        ("d.rs", "pub struct D; impl D { fn f(_: crate::a::A) {} }"),
    ]);
    assert!(circles(&graph)[0].len() > LARGEST_CIRCLE);
}

#[test]
fn an_import_that_leads_up_or_across_is_found() {
    let lib = "mod config; mod engine; mod payment; mod sandbox; mod surface; mod wire; \
               pub use sandbox::Sandbox;";
    let plain = [
        ("lib.rs", lib),
        ("config.rs", "use crate::payment::Payment; pub struct Config;"),
        (
            "engine.rs",
            "pub mod state; use crate::{config::Config, wire::Message}; pub struct Engine;",
        ),
        ("engine/state.rs", "pub struct State;"),
        ("payment.rs", "pub struct Payment;"),
        ("sandbox.rs", "use crate::surface::{gate, control::routes}; pub struct Sandbox;"),
        ("surface.rs", "pub mod control; pub mod gate; pub mod page;"),
        ("surface/control.rs", "use crate::surface::page::html; pub fn routes() {}"),
        ("surface/gate.rs", "pub mod check; pub fn routes() { check::check() }"),
        ("surface/gate/check.rs", "pub fn check() {}"),
        ("surface/page.rs", "pub fn html() {}"),
        ("wire.rs", "use crate::payment::Payment; pub struct Message;"),
    ];
    assert_eq!(against_the_layers(&of(&plain)), [""; 0]);
    for (file, planted, expected) in [
        ("payment.rs", "use crate::wire::Message;", "payment.rs -> wire.rs"),
        ("wire.rs", "fn f() { crate::engine::state::State; }", "wire.rs -> engine/state.rs"),
        ("engine/state.rs", "fn f(_: super::super::Sandbox) {}", "engine/state.rs -> sandbox.rs"),
        (
            "config.rs",
            "fn f() { assert!(crate::surface::page::html()) }",
            "config.rs -> surface/page.rs",
        ),
        ("surface/page.rs", "use crate::Sandbox;", "surface/page.rs -> sandbox.rs"),
        ("surface/page.rs", "use super::control::*;", "surface/page.rs -> surface/control.rs"),
        (
            "surface/control.rs",
            "use super::gate::routes as r;",
            "surface/control.rs -> surface/gate.rs",
        ),
        (
            "surface/gate/check.rs",
            "mod m { fn f() { super::super::super::control::routes() } }",
            "surface/gate/check.rs -> surface/control.rs",
        ),
    ] {
        let planted: Vec<(&str, String)> = plain
            .iter()
            .map(|&(name, text)| {
                let added = if name == file { planted } else { "" };
                (name, format!("{text} {added}"))
            })
            .collect();
        let planted: Vec<(&str, &str)> =
            planted.iter().map(|(name, text)| (*name, text.as_str())).collect();
        assert_eq!(against_the_layers(&of(&planted)), [expected]);
    }
}
