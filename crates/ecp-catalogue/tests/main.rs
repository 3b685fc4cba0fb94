//! Tests of the catalogue, linked into one program.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod conformance;
mod facts;
