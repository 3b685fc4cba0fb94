//! The signature, held against what is known of it from outside: the vectors that the platform
//! and its SDKs publish, and the PHP SDK's rendering of a hundred odd documents. What is then
//! accepted and refused is read message by message.

mod known_strings;
mod official_sdks;
mod php_probes;
mod properties;
mod reading;
mod signing;
mod verifying;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ecp_core::SecretKey;
use ecp_core::signature::{Rules, SigningKey};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha512;

fn key(text: &str) -> SigningKey {
    SigningKey::new(&SecretKey::new(text).expect("the key is not empty"))
}

/// The signature of a canonical string, made without the crate.
fn hmac_of(key: &str, canonical: &str) -> String {
    let mac = Hmac::<Sha512>::new_from_slice(key.as_bytes()).expect("a key of any length will do");
    STANDARD.encode(mac.chain_update(canonical).finalize().into_bytes())
}

/// A non-empty object with a member `signature` put before all others.
fn with_signature(object: &str, signature: &str) -> String {
    format!("{{\"signature\":\"{signature}\",{}", &object[1..])
}

fn as_php() -> Rules {
    Rules::private().allow_ambiguous()
}
