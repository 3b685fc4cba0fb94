//! Examples are beside this file: `cargo run -p ecp-examples --example sale`.

/// README's code, compiled and run as documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;

/// The guide's code, likewise.
#[cfg(doctest)]
#[doc = include_str!("../docs/adding-a-method.md")]
pub struct AddingAMethod;
