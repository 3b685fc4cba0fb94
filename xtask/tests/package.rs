//! Metadata of packages for a registry, and files that must not be published.

use cargo_metadata::{Dependency, DependencyKind};

use crate::metadata;

/// Categories of crates.io, which silently drops others.
const CATEGORIES: &[&str] = &[
    "api-bindings",
    "authentication",
    "command-line-utilities",
    "cryptography",
    "database",
    "development-tools::testing",
    "filesystem",
    "finance",
    "parser-implementations",
    "web-programming",
    "web-programming::http-client",
];

#[test]
fn a_published_crate_says_what_it_is_and_the_others_stay_here() {
    let metadata = metadata::workspace();
    for package in metadata.workspace_packages() {
        let (name, folder) = (&package.name, package.manifest_path.parent().unwrap());
        if folder.parent().unwrap().file_name() != Some("crates") {
            assert_eq!(package.publish.as_deref(), Some(&[][..]), "{name} would be published");
            continue;
        }
        assert_eq!(package.publish, None, "{name}");
        assert!(package.description.as_ref().is_some_and(|text| text.len() > 20), "{name}");
        assert_eq!(package.readme.as_deref().map(AsRef::as_ref), Some("README.md"), "{name}");
        let (keywords, categories) = (&package.keywords, &package.categories);
        assert!((1..=5).contains(&keywords.len()), "{name}: {keywords:?}");
        assert!((1..=5).contains(&categories.len()), "{name}: {categories:?}");
        for category in categories {
            assert!(CATEGORIES.contains(&category.as_str()), "{name}: {category}");
        }
        for keyword in keywords {
            let letters = |c: char| c.is_ascii_alphanumeric() || c == '-';
            assert!(keyword.len() <= 20 && keyword.chars().all(letters), "{name}: {keyword}");
        }
        // A package must not depend on files outside its folder. Cargo leaves out dev-dependencies
        // without a version.
        let by_path = |dependency: &&Dependency| {
            dependency.path.is_some() && dependency.kind != DependencyKind::Development
        };
        for dependency in package.dependencies.iter().filter(by_path) {
            assert_ne!(dependency.req.to_string(), "*", "{name}: {}", dependency.name);
        }
    }
}
