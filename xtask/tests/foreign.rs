//! External crates in the public API: each binds users to that crate's version.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// Allowed in every library: the language's own, and serde's traits.
const EVERYWHERE: &[&str] = &["alloc", "core", "serde_core", "std"];

/// Allowed in one library, on purpose.
const ALLOWED: &[(&str, &[&str])] = &[
    // Requests and responses of any HTTP client, and those of tower.
    ("ecp_transport", &["bytes", "http", "http_body", "http_body_util", "tower_service"]),
    // The same on the other side; the router is a feature.
    ("ecp_notify", &["axum", "bytes", "http", "http_body", "tower_service"]),
    // Connections of a handler, in the transaction that finishes its callback, and TLS.
    ("ecp_inbox", &["rusqlite", "rustls", "tokio_postgres"]),
    // The address of a shared journal's database, and TLS.
    ("ecp_payouts", &["rustls", "tokio_postgres"]),
    // What its two users build on.
    (
        "ecp_postgres",
        &["deadpool", "deadpool_postgres", "postgres_types", "rustls", "tokio_postgres"],
    ),
    // The connection to NATS, whose settings are many.
    ("ecp_stream", &["async_nats"]),
    // The router and its socket; documents to sign in tests.
    ("ecp_sandbox", &["axum", "bytes", "http", "serde_json", "tokio"]),
    // The router.
    ("ecp_console", &["axum"]),
    // The captured crates, and the ones it replaces.
    ("ecp_testkit", &["bytes", "http", "log", "tracing_core"]),
];

/// The crates that a listing's paths begin with.
fn crates(listing: &str) -> BTreeSet<&str> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut found = BTreeSet::new();
    for line in listing.lines() {
        for (place, _) in line.match_indices("::") {
            let before = &line[..place];
            let name = &before[before.rfind(|c| !is_name(c)).map_or(0, |end| end + 1)..];
            let is_first = !before[..before.len() - name.len()].ends_with("::");
            // Types and generics begin in upper case, and associated items follow `>`.
            if is_first && name.starts_with(|c: char| c.is_ascii_lowercase()) {
                found.insert(name);
            }
        }
    }
    found
}

#[test]
fn only_listed_crates_of_others_are_in_the_public_api() {
    let allowed: BTreeMap<_, _> = ALLOWED.iter().copied().collect();
    let listings = fs::read_dir("../docs/api").unwrap().map(|entry| entry.unwrap().path());
    let mut looked_at = 0;
    for path in listings {
        let library = path.file_stem().unwrap().to_str().unwrap().replace('-', "_");
        let allowed = allowed.get(library.as_str()).copied().unwrap_or_default();
        let listing = fs::read_to_string(&path).unwrap();
        let found = crates(&listing);
        let foreign: Vec<_> = found
            .iter()
            .filter(|name| !name.starts_with("ecp_") && !EVERYWHERE.contains(name))
            .filter(|name| !matches!(**name, "i64" | "u64" | "str"))
            .collect();
        let unlisted: Vec<_> = foreign.iter().filter(|name| !allowed.contains(name)).collect();
        assert!(unlisted.is_empty(), "{library} names {unlisted:?}: convert it, or list it here");
        let unused: Vec<_> = allowed.iter().filter(|name| !found.contains(*name)).collect();
        assert!(unused.is_empty(), "{library} does not name {unused:?} any more");
        looked_at += 1;
    }
    assert!(looked_at >= 11, "{looked_at} listings");
}

#[test]
fn the_first_name_of_a_path_is_found() {
    let line = "pub fn a::B::c(&self, &http::Request<bytes::bytes::Bytes>) -> <T as core::x::Y>::Z";
    assert_eq!(crates(line), BTreeSet::from(["a", "bytes", "core", "http"]));
}
