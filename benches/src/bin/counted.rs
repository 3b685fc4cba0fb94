//! Runs one path of the library a number of times, for tools that count.
//!
//! `counted PATH TIMES`; without arguments it lists the paths, each with its floor.

#![expect(clippy::unwrap_used, reason = "a measurement that cannot start has failed")]

use std::hint::black_box;
use std::process::ExitCode;

use ecp_benches as fixture;
use ecp_core::json::{Document, Limits};
use ecp_core::model::{Callback, FromJson};
use ecp_core::signature::{self, Place, Rules};
use ecp_methods::{Jeton, prepare};

/// A path of the library.
struct Path {
    name: &'static str,
    /// The unavoidable part of the path.
    floor: &'static str,
    run: fn(times: usize),
}

const PATHS: &[Path] = &[
    Path {
        name: "read",
        floor: "",
        run: |times| {
            let body = fixture::callback();
            repeat(times, || Document::parse(black_box(&body), Limits::default()).map(drop));
        },
    },
    Path {
        name: "model-owned",
        floor: "",
        run: |times| {
            let body = fixture::callback();
            repeat(times, || Callback::from_slice(black_box(&body)).unwrap());
        },
    },
    Path {
        name: "verify",
        floor: "floor-verify",
        run: |times| {
            let (keys, body) = ([fixture::key()], fixture::callback());
            repeat(times, || signature::verify(&keys, black_box(&body)).unwrap());
        },
    },
    Path {
        name: "verify-and-model",
        floor: "floor-verify",
        run: |times| {
            let (verifier, body) = (fixture::verifier(), fixture::callback());
            repeat(times, || {
                let document = verifier.read(black_box(&body)).unwrap();
                black_box(&verifier.verify_document(&document).unwrap());
            });
        },
    },
    Path {
        name: "verify-and-model-owned",
        floor: "floor-verify",
        run: |times| {
            let (verifier, body) = (fixture::verifier(), fixture::callback());
            repeat(times, || verifier.verify(black_box(&body)).unwrap());
        },
    },
    Path {
        name: "prepare",
        floor: "",
        run: |times| {
            let sale = fixture::sale();
            repeat(times, || prepare(&Jeton, black_box(&sale).clone()).unwrap());
        },
    },
    Path {
        name: "body",
        floor: "",
        run: |times| {
            let prepared = fixture::prepared();
            repeat(times, || black_box(&prepared).body(fixture::project()));
        },
    },
    Path {
        name: "sign",
        floor: "floor-sign",
        run: |times| {
            let (key, body) = (fixture::key(), fixture::prepared().body(fixture::project()));
            repeat(times, || {
                let body = black_box(&body);
                signature::sign_document(&key, body, Place::General, Rules::private()).unwrap()
            });
        },
    },
];

/// Counted only to be subtracted: they depend on the processor.
const FLOORS: &[Path] = &[
    Path {
        name: "floor-verify",
        floor: "",
        run: |times| {
            let canonical = fixture::canonical(&fixture::callback());
            let floor = fixture::Floor::new();
            repeat(times, || floor.mac(black_box(&canonical)));
        },
    },
    Path {
        name: "floor-sign",
        floor: "",
        run: |times| {
            let canonical = fixture::canonical(&fixture::prepared().body(fixture::project()));
            let floor = fixture::Floor::new();
            repeat(times, || floor.mac(black_box(&canonical)));
        },
    },
];

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (name, times) = (arguments.next(), arguments.next());
    let mut paths = PATHS.iter().chain(FLOORS);
    let path = paths.find(|path| name.as_deref() == Some(path.name));
    match (path, times.and_then(|times| times.parse().ok())) {
        (Some(path), Some(times)) => (path.run)(times),
        _ => PATHS.iter().for_each(|path| println!("{} {}", path.name, path.floor)),
    }
    ExitCode::SUCCESS
}

fn repeat<T>(times: usize, mut work: impl FnMut() -> T) {
    for _ in 0..times {
        black_box(work());
    }
}
