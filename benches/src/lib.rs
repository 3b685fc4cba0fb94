//! Measurements live in `benches/`. Run them with `cargo bench -p ecp-benches`.
//!
//! Each group holds its floor, the work that cannot be avoided: for signatures that is the bare
//! keyed HMAC over the canonical string. Machines are noisy, so compare within one run: each
//! group ends with [`beside`], which takes turns with the floor and prints the ratio. `receiver`,
//! `inbox` and `sandbox` are different: they count callbacks and payments a second.
//!
//! A new group is a function in a file of `benches/` with its floor, and a line in that file's
//! `criterion_group!`. Paths that must not grow unseen go into `src/bin/counted.rs` too, and paths
//! that must not allocate into `tests/allocations.rs`.

#![expect(
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    reason = "a measurement that cannot start has failed"
)]

pub mod bodies;
#[cfg(feature = "durable")]
pub mod durable;

use std::hint::black_box;
use std::time::{Duration, Instant};

use ecp_core::signature::{self, Place, Rules, SigningKey};
use ecp_core::{ProjectId, SecretKey};
use ecp_methods::request::{Customer, ReturnUrls, SaleRequest};
use ecp_methods::{Jeton, Prepared, Sale, prepare};
use ecp_notify::Verifier;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha512;

const KEY: &str = "bench-key";

/// The success callback of Jeton's document, its signature cut off there.
const JETON_SUCCESS: &str =
    include_str!("../../crates/ecp-core/tests/samples/callback/jeton-sale-success.json");

/// How many payments a bench is to hold: the number among its arguments, otherwise 100,000, or 500 if
/// `cargo test --benches` runs it, to see that it still works. `None` if Cargo only asks whether it
/// has tests.
pub fn payments(arguments: &[String]) -> Option<usize> {
    let is_given = |word: &str| arguments.iter().any(|argument| argument == word);
    if is_given("--list") || is_given("--test") {
        return None;
    }
    let usual = if is_given("--bench") { 100_000 } else { 500 };
    Some(arguments.iter().find_map(|argument| argument.parse().ok()).unwrap_or(usual))
}

/// The key that signs everything here.
pub fn key() -> SigningKey {
    SigningKey::new(&secret())
}

fn secret() -> SecretKey {
    SecretKey::new(KEY).unwrap()
}

/// The project of the samples.
pub fn project() -> ProjectId {
    ProjectId::new(1236).unwrap()
}

/// A verifier with the key.
pub fn verifier() -> Verifier {
    Verifier::new().key(project(), &secret())
}

/// The sample as PHP would send it: compact, slashes escaped, and signed with our key.
pub fn callback() -> Vec<u8> {
    let compact: String = JETON_SUCCESS.lines().map(str::trim).collect();
    let compact = compact.replace("\": ", "\":");
    let cut = compact.rfind(",\"signature\"").unwrap();
    signed(&format!("{}}}", &compact[..cut]))
}

/// A document with its signature at the root, as PHP would write it.
pub fn signed(document: &str) -> Vec<u8> {
    let signed =
        signature::sign_document(&key(), document.as_bytes(), Place::Root, Rules::private());
    let signed = String::from_utf8(signed.unwrap()).unwrap();
    let (document, signature) = signed.rsplit_once(",\"signature\":").unwrap();
    format!("{document},\"signature\":{}", signature.replace('/', "\\/")).into_bytes()
}

/// The canonical string of a document.
pub fn canonical(document: &[u8]) -> String {
    signature::canonical_string(document, Rules::private()).unwrap()
}

/// A sale as a merchant requests it.
pub fn sale() -> SaleRequest {
    SaleRequest::new("X03936".parse().unwrap(), "100.00 EUR".parse().unwrap())
        .customer(Customer::new().id("customer1").ip_address("192.0.2.1"))
        .return_urls(
            ReturnUrls::new()
                .success("https://shop.example/success")
                .decline("https://shop.example/decline"),
        )
}

/// The sale, checked.
pub fn prepared() -> Prepared<Sale> {
    prepare(&Jeton, sale()).unwrap()
}

/// The floor of all signing: an HMAC with a prepared key.
#[derive(Clone)]
pub struct Floor(Hmac<Sha512>);

impl Floor {
    /// Prepares the key.
    pub fn new() -> Self {
        Self(Hmac::new_from_slice(KEY.as_bytes()).unwrap())
    }

    /// The HMAC of a text alone.
    pub fn mac(&self, text: &str) -> [u8; 64] {
        self.0.clone().chain_update(text).finalize().into_bytes().into()
    }
}

impl Default for Floor {
    fn default() -> Self {
        Self::new()
    }
}

/// A piece of work beside its floor.
#[derive(Clone, Copy, Debug)]
pub struct Beside {
    /// Time of the floor.
    pub floor: Duration,
    /// Time of the work.
    pub work: Duration,
}

impl Beside {
    /// Duration of the work as a multiple of its floor.
    pub fn ratio(self) -> f64 {
        self.work.as_secs_f64() / self.floor.as_secs_f64()
    }
}

/// Takes turns with a floor and a piece of work and keeps the best of each, when the machine is
/// undisturbed. Prints the ratio.
pub fn beside<F, W>(
    what: &str,
    mut floor: impl FnMut() -> F,
    mut work: impl FnMut() -> W,
) -> Beside {
    // `cargo test --benches`, which does not optimise, only checks that it runs.
    let turns = if cfg!(debug_assertions) { 1 } else { 4000 };
    let mut best = Beside { floor: Duration::MAX, work: Duration::MAX };
    for _ in 0..turns {
        best.floor = best.floor.min(time(&mut floor));
        best.work = best.work.min(time(&mut work));
    }
    println!("{what:<56}{:>6.2} x its floor  ({:?} / {:?})", best.ratio(), best.work, best.floor);
    best
}

/// The mean of a few calls.
fn time<T>(mut work: impl FnMut() -> T) -> Duration {
    const CALLS: u32 = 16;
    let start = Instant::now();
    for _ in 0..CALLS {
        black_box(work());
    }
    start.elapsed() / CALLS
}
