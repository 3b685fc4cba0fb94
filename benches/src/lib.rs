//! Measurements live in `benches/`. Run them with `cargo bench -p ecp-benches`.
//!
//! Each group holds its floor, the work that cannot be avoided: for signatures that is the bare
//! keyed HMAC over the canonical string. `sandbox` stands apart: it counts payments a second and the
//! memory that they take. Machines are noisy, so compare within one run.

#![expect(clippy::unwrap_used, reason = "a measurement that cannot start has failed")]

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

/// Knows the key.
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

/// What is signed of a document.
pub fn canonical(document: &[u8]) -> String {
    signature::canonical_string(document, Rules::private()).unwrap()
}

/// A sale as a merchant asks for it.
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

/// The floor of everything that is signed: an HMAC whose key was taken in before.
#[derive(Clone)]
pub struct Floor(Hmac<Sha512>);

impl Floor {
    /// Takes in the key.
    pub fn new() -> Self {
        Self(Hmac::new_from_slice(KEY.as_bytes()).unwrap())
    }

    /// The HMAC of a text, and nothing else.
    pub fn mac(&self, text: &str) -> [u8; 64] {
        self.0.clone().chain_update(text).finalize().into_bytes().into()
    }
}

impl Default for Floor {
    fn default() -> Self {
        Self::new()
    }
}
