//! Examples are beside this file: `cargo run -p ecp-examples --example sale`.

/// README's code, compiled and run as documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
