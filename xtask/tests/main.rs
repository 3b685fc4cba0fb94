//! Rules for the whole tree: layers, links, licences, packages and tests.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../src/layers.rs"]
mod data;
mod documents;
mod features;
mod footprint;
mod foreign;
mod getting_started;
mod imports;
mod layers;
mod links;
mod metadata;
mod modules;
mod new_method;
mod operations;
mod package;
