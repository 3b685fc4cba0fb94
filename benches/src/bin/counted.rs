//! Runs one path of the library a number of times, for tools that count.
//!
//! `counted PATH TIMES`; without arguments it lists the paths.

#![expect(clippy::unwrap_used, reason = "a measurement that cannot start has failed")]

use std::hint::black_box;
use std::process::ExitCode;

use ecp_benches as fixture;
use ecp_core::json::{Document, Limits};
use ecp_core::model::{Callback, FromJson};
use ecp_core::signature::{self, Place, Rules};
use ecp_methods::{Jeton, prepare};

/// A path by its name: what is made before, and what is counted.
type Path = (&'static str, fn(times: usize));

const PATHS: &[Path] = &[
    ("floor-verify", |times| {
        let floor = fixture::Floor::new();
        let canonical = fixture::canonical(&fixture::callback());
        repeat(times, || floor.mac(black_box(&canonical)));
    }),
    ("read", |times| {
        let body = fixture::callback();
        repeat(times, || Document::parse(black_box(&body), Limits::default()).map(drop));
    }),
    ("model", |times| {
        let body = fixture::callback();
        repeat(times, || Callback::from_slice(black_box(&body)).unwrap());
    }),
    ("verify", |times| {
        let (keys, body) = ([fixture::key()], fixture::callback());
        repeat(times, || signature::verify(&keys, black_box(&body)).unwrap());
    }),
    ("verify-and-model", |times| {
        let (verifier, body) = (fixture::verifier(), fixture::callback());
        repeat(times, || {
            let document = verifier.read(black_box(&body)).unwrap();
            black_box(verifier.verify_document(&document).unwrap());
        });
    }),
    ("verify-and-model-owned", |times| {
        let (verifier, body) = (fixture::verifier(), fixture::callback());
        repeat(times, || verifier.verify(black_box(&body)).unwrap());
    }),
    ("floor-sign", |times| {
        let floor = fixture::Floor::new();
        let canonical = fixture::canonical(&fixture::prepared().body(fixture::project()));
        repeat(times, || floor.mac(black_box(&canonical)));
    }),
    ("prepare", |times| {
        let sale = fixture::sale();
        repeat(times, || prepare(&Jeton, black_box(&sale).clone()).unwrap());
    }),
    ("body", |times| {
        let prepared = fixture::prepared();
        repeat(times, || black_box(&prepared).body(fixture::project()));
    }),
    ("sign", |times| {
        let (key, body) = (fixture::key(), fixture::prepared().body(fixture::project()));
        repeat(times, || {
            signature::sign_document(&key, black_box(&body), Place::General, Rules::private())
                .unwrap()
        });
    }),
];

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (name, times) = (arguments.next(), arguments.next());
    let path = PATHS.iter().find(|(path, _)| name.as_deref() == Some(path));
    match (path, times.and_then(|times| times.parse().ok())) {
        (Some((_, run)), Some(times)) => run(times),
        _ => PATHS.iter().for_each(|(path, _)| println!("{path}")),
    }
    ExitCode::SUCCESS
}

fn repeat<T>(times: usize, mut work: impl FnMut() -> T) {
    for _ in 0..times {
        black_box(work());
    }
}
