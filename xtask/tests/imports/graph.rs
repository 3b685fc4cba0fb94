//! Which files of a crate import which, by every path in them.
//!
//! A path counts for the file that defines the named item, also through a re-export, a glob or a
//! nested module. Paths in expressions, types, patterns, attributes and the arguments of macros
//! count like those in `use`. Unit tests do not count.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemUse, UseTree};

/// The sources of a crate by their paths below `src`, such as `lib.rs` or `engine/state.rs`.
pub(crate) type Sources = BTreeMap<String, String>;

/// For each file the other files that it imports.
pub(crate) type Graph = BTreeMap<String, BTreeSet<String>>;

/// The path of a module from the root of its crate.
type ModulePath = Vec<String>;

#[derive(Default)]
struct Module {
    file: String,
    items: BTreeSet<String>,
    /// Imports by `use`: the name here, and the path as written.
    uses: Vec<(String, Vec<String>)>,
    globs: Vec<Vec<String>>,
}

/// Target of a name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Named {
    Module(ModulePath),
    /// An item, by the file that defines it.
    Item(String),
}

struct Crate {
    modules: BTreeMap<ModulePath, Module>,
    /// Modules that only tests have.
    tests: BTreeSet<ModulePath>,
}

/// Reads the imports of a crate. Panics if a file is not Rust.
pub(crate) fn graph(sources: &Sources) -> Graph {
    let files: BTreeMap<&String, syn::File> = sources
        .iter()
        .map(|(name, source)| {
            (name, syn::parse_file(source).unwrap_or_else(|error| panic!("{name}: {error}")))
        })
        .collect();
    let mut all = Crate { modules: BTreeMap::new(), tests: BTreeSet::new() };
    for (name, file) in &files {
        all.collect(&module_of(name), name, &file.items);
    }
    let mut graph = Graph::new();
    for (name, file) in &files {
        let module = module_of(name);
        if all.is_test(&module) {
            continue;
        }
        let mut paths = Paths { all: &all, module, imported: BTreeSet::new() };
        paths.visit_file(file);
        paths.imported.remove(*name);
        graph.insert((*name).clone(), paths.imported);
    }
    graph
}

/// Groups of files that import each other in a circle, directly or indirectly, largest first.
pub(crate) fn circles(graph: &Graph) -> Vec<BTreeSet<&str>> {
    let reach = |from: &str| {
        let mut reached = BTreeSet::new();
        let mut next = vec![from];
        while let Some(file) = next.pop() {
            for imported in graph.get(file).into_iter().flatten() {
                if reached.insert(imported.as_str()) {
                    next.push(imported);
                }
            }
        }
        reached
    };
    let reached: BTreeMap<&str, BTreeSet<&str>> =
        graph.keys().map(|file| (file.as_str(), reach(file))).collect();
    let mut circles = BTreeSet::new();
    for (file, others) in &reached {
        let mutual = |other: &&&str| reached.get(**other).is_some_and(|back| back.contains(file));
        let circle: BTreeSet<&str> = others.iter().filter(mutual).copied().collect();
        if circle.len() > 1 {
            circles.insert(circle);
        }
    }
    let mut circles: Vec<_> = circles.into_iter().collect();
    circles.sort_by_key(|circle| std::cmp::Reverse(circle.len()));
    circles
}

fn module_of(file: &str) -> ModulePath {
    let path = file.trim_end_matches(".rs");
    let mut module: ModulePath = path.split('/').map(str::to_owned).collect();
    if module.last().is_some_and(|name| ["lib", "main", "mod"].contains(&name.as_str())) {
        module.pop();
    }
    module
}

/// Whether an item is compiled for unit tests alone.
fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let condition = || match &attribute.meta {
            syn::Meta::List(list) => list.tokens.to_string(),
            _ => String::new(),
        };
        attribute.path().is_ident("test")
            || (attribute.path().is_ident("cfg")
                && (condition() == "test"
                    || condition().starts_with("all (test")
                    || condition().starts_with("all(test")))
    })
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::ExternCrate(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::ForeignMod(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::TraitAlias(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

impl Crate {
    fn is_test(&self, module: &[String]) -> bool {
        (0..=module.len()).any(|length| self.tests.contains(&module[..length]))
    }

    /// Records the definitions and imports of a module, and of the modules in braces below it.
    fn collect(&mut self, path: &ModulePath, file: &str, items: &[Item]) {
        let mut module = Module { file: file.to_owned(), ..Module::default() };
        let mut nested = Vec::new();
        for item in items.iter().filter(|item| !matches!(item, Item::Mod(_))) {
            if is_for_tests(attributes(item)) {
                continue;
            }
            let name = match item {
                Item::Const(item) => &item.ident,
                Item::Enum(item) => &item.ident,
                Item::Fn(item) => &item.sig.ident,
                Item::Static(item) => &item.ident,
                Item::Struct(item) => &item.ident,
                Item::Trait(item) => &item.ident,
                Item::TraitAlias(item) => &item.ident,
                Item::Type(item) => &item.ident,
                Item::Union(item) => &item.ident,
                Item::Macro(item) => match &item.ident {
                    Some(name) => {
                        if item.attrs.iter().any(|a| a.path().is_ident("macro_export")) {
                            let root = self.modules.entry(Vec::new()).or_default();
                            root.uses.push((
                                name.to_string(),
                                ["crate".to_owned()]
                                    .into_iter()
                                    .chain(path.clone())
                                    .chain([name.to_string()])
                                    .collect(),
                            ));
                        }
                        name
                    }
                    None => continue,
                },
                Item::Use(item) => {
                    leaves(item, &mut |path, name| match name {
                        Some(name) => module.uses.push((name, path)),
                        None => module.globs.push(path),
                    });
                    continue;
                }
                _ => continue,
            };
            module.items.insert(name.to_string());
        }
        for item in items {
            let Item::Mod(item) = item else { continue };
            let mut below = path.clone();
            below.push(item.ident.to_string());
            if is_for_tests(&item.attrs) {
                self.tests.insert(below);
            } else if let Some((_, items)) = &item.content {
                nested.push((below, items));
            }
        }
        let known = self.modules.entry(path.clone()).or_default();
        known.file = module.file;
        known.items.append(&mut module.items);
        known.uses.append(&mut module.uses);
        known.globs.append(&mut module.globs);
        for (path, items) in nested {
            self.collect(&path, file, items);
        }
    }

    /// Resolves a path in a module, as far as it leads into this crate.
    fn resolve(
        &self,
        module: &[String],
        path: &[String],
        seen: &mut BTreeSet<(ModulePath, String)>,
    ) -> BTreeSet<Named> {
        let Some((first, mut rest)) = path.split_first() else { return BTreeSet::new() };
        let mut at = match first.as_str() {
            "crate" => BTreeSet::from([Named::Module(Vec::new())]),
            "self" => BTreeSet::from([Named::Module(module.to_vec())]),
            "super" => {
                let mut above = module.to_vec();
                above.pop();
                while let Some(("super", more)) =
                    rest.split_first().map(|(name, more)| (name.as_str(), more))
                {
                    above.pop();
                    rest = more;
                }
                BTreeSet::from([Named::Module(above)])
            }
            name => self.lookup(module, name, seen),
        };
        for name in rest {
            let mut next = BTreeSet::new();
            for named in at {
                match named {
                    Named::Module(module) => next.extend(self.lookup(&module, name, seen)),
                    // A variant, or what an item has.
                    Named::Item(_) => {
                        next.insert(named);
                    }
                }
            }
            at = next;
        }
        at
    }

    /// Resolves a name in a module: it may be a module and a function.
    fn lookup(
        &self,
        path: &[String],
        name: &str,
        seen: &mut BTreeSet<(ModulePath, String)>,
    ) -> BTreeSet<Named> {
        let mut found = BTreeSet::new();
        if !seen.insert((path.to_vec(), name.to_owned())) {
            return found;
        }
        if let Some(module) = self.modules.get(path) {
            let mut below = path.to_vec();
            below.push(name.to_owned());
            if self.modules.contains_key(&below) {
                found.insert(Named::Module(below));
            }
            if module.items.contains(name) {
                found.insert(Named::Item(module.file.clone()));
            }
            for (_, target) in module.uses.iter().filter(|(known, _)| known == name) {
                found.extend(self.resolve(path, target, seen));
            }
            if found.is_empty() {
                for glob in &module.globs {
                    for named in self.resolve(path, glob, seen) {
                        if let Named::Module(module) = named {
                            found.extend(self.lookup(&module, name, seen));
                        }
                    }
                }
            }
        }
        seen.remove(&(path.to_vec(), name.to_owned()));
        found
    }
}

/// Every path that a `use` imports, with its local name; `None` for `*`.
fn leaves(item: &ItemUse, found: &mut impl FnMut(Vec<String>, Option<String>)) {
    fn below(
        tree: &UseTree,
        mut path: Vec<String>,
        found: &mut impl FnMut(Vec<String>, Option<String>),
    ) {
        match tree {
            UseTree::Path(tree) => {
                path.push(tree.ident.to_string());
                below(&tree.tree, path, found);
            }
            UseTree::Name(tree) if tree.ident == "self" => {
                let name = path.last().cloned();
                found(path, name);
            }
            UseTree::Name(tree) => {
                path.push(tree.ident.to_string());
                found(path, Some(tree.ident.to_string()));
            }
            UseTree::Rename(tree) => {
                if tree.ident != "self" {
                    path.push(tree.ident.to_string());
                }
                found(path, Some(tree.rename.to_string()));
            }
            UseTree::Glob(_) => found(path, None),
            UseTree::Group(tree) => {
                for tree in &tree.items {
                    below(tree, path.clone(), found);
                }
            }
        }
    }
    if item.leading_colon.is_none() {
        below(&item.tree, Vec::new(), found);
    }
}

/// Whether a path that begins so leads into the crate by itself.
fn is_keyword(name: &str) -> bool {
    ["crate", "self", "super"].contains(&name)
}

/// Follows every path of a file.
struct Paths<'c> {
    all: &'c Crate,
    module: ModulePath,
    imported: BTreeSet<String>,
}

impl Paths<'_> {
    fn note(&mut self, path: &[String]) {
        let found = self.all.resolve(&self.module, path, &mut BTreeSet::new());
        // A lone name is no module where it is used.
        let is_lone = matches!(path, [name] if !is_keyword(name));
        for named in found {
            match named {
                Named::Item(file) => {
                    self.imported.insert(file);
                }
                Named::Module(_) if is_lone => {}
                Named::Module(module) => {
                    if let Some(module) = self.all.modules.get(&module) {
                        self.imported.insert(module.file.clone());
                    }
                }
            }
        }
    }

    /// Paths among the arguments of a macro: names that `::` joins.
    fn note_tokens(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let is_colon =
            |at: usize| matches!(tokens.get(at), Some(TokenTree::Punct(p)) if p.as_char() == ':');
        let mut at = 0;
        while at < tokens.len() {
            match &tokens[at] {
                TokenTree::Group(group) => {
                    self.note_tokens(group.stream());
                    at += 1;
                }
                // `pub(super)` and its like import nothing.
                TokenTree::Ident(name)
                    if name == "pub" && matches!(tokens.get(at + 1), Some(TokenTree::Group(_))) =>
                {
                    at += 2;
                }
                TokenTree::Ident(name) => {
                    let begins = !(at >= 2 && is_colon(at - 1) && is_colon(at - 2));
                    let mut path = vec![name.to_string()];
                    at += 1;
                    while is_colon(at) && is_colon(at + 1) {
                        match tokens.get(at + 2) {
                            Some(TokenTree::Ident(name)) => {
                                path.push(name.to_string());
                                at += 3;
                            }
                            // A tree of names, as in `use`.
                            Some(TokenTree::Group(group)) => {
                                self.note_tree(&path, group.stream());
                                at += 3;
                            }
                            _ => {
                                at += 2;
                                break;
                            }
                        }
                    }
                    if begins {
                        self.note(&path);
                    }
                }
                TokenTree::Literal(_) | TokenTree::Punct(_) => at += 1,
            }
        }
    }

    fn note_tree(&mut self, path: &[String], tokens: TokenStream) {
        for token in tokens {
            if let TokenTree::Ident(name) = token {
                let mut path = path.to_vec();
                path.push(name.to_string());
                self.note(&path);
            }
        }
    }

    /// Visits the items of a module below the current one.
    fn inside(&mut self, name: String, visit: impl FnOnce(&mut Self)) {
        self.module.push(name);
        visit(self);
        self.module.pop();
    }
}

impl<'a> Visit<'a> for Paths<'_> {
    fn visit_item(&mut self, item: &'a Item) {
        if !is_for_tests(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'a syn::ImplItemFn) {
        if !is_for_tests(&item.attrs) {
            visit::visit_impl_item_fn(self, item);
        }
    }

    fn visit_item_mod(&mut self, item: &'a syn::ItemMod) {
        self.inside(item.ident.to_string(), |paths| visit::visit_item_mod(paths, item));
    }

    fn visit_item_use(&mut self, item: &'a ItemUse) {
        let mut found = Vec::new();
        leaves(item, &mut |path, _| found.push(path));
        for path in found {
            match path.as_slice() {
                // A module that is imported by its name alone is no lone name.
                [name] if !is_keyword(name) => self.note(&["self".to_owned(), name.clone()]),
                path => self.note(path),
            }
        }
    }

    /// `pub(super)` and its like import nothing.
    fn visit_visibility(&mut self, _: &'a syn::Visibility) {}

    fn visit_path(&mut self, path: &'a syn::Path) {
        if path.leading_colon.is_none() {
            let names: Vec<String> =
                path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            self.note(&names);
        }
        visit::visit_path(self, path);
    }

    fn visit_attribute(&mut self, attribute: &'a Attribute) {
        if let syn::Meta::List(list) = &attribute.meta {
            self.note_tokens(list.tokens.clone());
        }
        visit::visit_attribute(self, attribute);
    }

    fn visit_macro(&mut self, invocation: &'a syn::Macro) {
        self.note_tokens(invocation.tokens.clone());
        visit::visit_macro(self, invocation);
    }
}
