//! Oracles: properties that hold for any input. The fuzzer calls them with its own, and plain
//! `cargo test` with the corpus (`tests/corpus.rs`).

#![forbid(unsafe_code)]

mod forgery;
mod plain_json;
mod reading;
mod redirect;
mod state;

use std::sync::LazyLock;

use ecp_core::json::{Document, Limits};
use ecp_core::model::{Callback, FromJson, PageParameters, StatusResponse, SyncResponse};
use ecp_core::signature::{self, Place, Rules, SigningKey};
use ecp_core::{ProjectId, SecretKey};
use ecp_notify::Verifier;

pub use self::forgery::{Choices, Forgery, Search, Tally, forgery};
pub use self::reading::reading;
pub use self::redirect::redirect;
pub use self::state::state;

static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::new(&secret("one key")));
static OTHER: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::new(&secret("another key")));

/// The fast paths give the same results as the slow ones: reading, signing and verifying, refusals
/// and their texts included.
pub fn fast(json: &[u8]) {
    let read = Document::parse(json, Limits::default()).map(|document| plain_json::tree(&document));
    assert_eq!(read, plain_json::read(json, Limits::default()));
    let rules = [Rules::private().allow_ambiguous(), Rules::private(), Rules::public()];
    for rules in rules {
        let exact = signature::exact::canonical_string(json, rules);
        assert_eq!(signature::canonical_string(json, rules), exact);
    }
    let keys = [OTHER.clone(), KEY.clone()];
    assert_eq!(signature::verify(&keys, json), signature::exact::verify(&keys, json));
    // HMACs take most of the time here, so they are not computed for every document.
    if json.len().is_multiple_of(8)
        && let Ok(signed) = signature::sign_document(&KEY, json, Place::Root, rules[0])
    {
        assert_eq!(signature::verify(&keys, &signed), signature::exact::verify(&keys, &signed));
    }
}

/// The canonical string is that of the sandbox's slow and plain canonicaliser, and a strictly
/// signed document has one string under every rule.
pub fn canonical(json: &[u8]) {
    let permissive = signature::canonical_string(json, Rules::private().allow_ambiguous());
    let strict = signature::canonical_string(json, Rules::private());
    if let Ok(strict) = &strict {
        assert_eq!(permissive.as_ref(), Ok(strict));
    }
    if let Ok(public) = signature::canonical_string(json, Rules::public()) {
        assert_eq!(strict, Ok(public));
    }
    let Ok(permissive) = permissive else { return };
    let Ok(value) = serde_json::from_slice::<serde_json::Value>(json) else {
        // `serde_json` refuses numbers beyond the range of a float and depths beyond 128.
        return;
    };
    if !has_negative_zero(json) && !has_deeper_signature(&value) {
        assert_eq!(permissive, ecp_sandbox::signature::canonical_string(&value));
    }
}

/// `serde_json` reads `-0` as a float, PHP as an integer: there the plain canonicaliser, which uses
/// `serde_json`, is not an oracle.
fn has_negative_zero(json: &[u8]) -> bool {
    json.windows(2).any(|pair| pair == b"-0")
}

/// PHP signs a member `signature` below the message's own one, and leaves it out when it verifies. The
/// plain canonicaliser always leaves it out: there it is no oracle.
fn has_deeper_signature(document: &serde_json::Value) -> bool {
    fn holds(value: &serde_json::Value) -> bool {
        match value {
            serde_json::Value::Object(members) => {
                members.iter().any(|(key, member)| key == "signature" || holds(member))
            }
            serde_json::Value::Array(items) => items.iter().any(holds),
            _ => false,
        }
    }
    let below = |value: &serde_json::Value| match value.as_object() {
        Some(members) => members.iter().any(|(key, member)| key != "signature" && holds(member)),
        None => holds(value),
    };
    document.as_object().is_some_and(|members| {
        members.iter().any(|(key, member)| match key.as_str() {
            "signature" => false,
            "general" => below(member),
            _ => holds(member),
        })
    })
}

/// No document panics or prints itself when read; a signed document verifies, and no other does.
pub fn verify(json: &[u8]) {
    if let Ok(signed) =
        signature::sign_document(&KEY, json, Place::Root, Rules::private().allow_ambiguous())
        && Document::parse(json, Limits::default()).is_ok()
        && signed.len() <= Limits::default().bytes
    {
        let found = signature::verify(&[OTHER.clone(), KEY.clone()], &signed);
        assert_eq!(found.map(|found| found.key), Ok(1));
        assert!(signature::verify(std::slice::from_ref(&*OTHER), &signed).is_err());
    }
    let project = ProjectId::new(1).unwrap_or_else(|_| unreachable!("1 is a project"));
    let verifier = Verifier::new().key(project, &secret("a key that signed nothing"));
    assert!(verifier.verify(json).is_err());

    let _ = format!("{:?}", Callback::from_slice(json));
    let _ = format!("{:?}", StatusResponse::from_slice(json));
    let _ = format!("{:?}", SyncResponse::from_slice(json));
    let _ = format!("{:?}", PageParameters::from_slice(json));
}

fn secret(text: &str) -> SecretKey {
    SecretKey::new(text).unwrap_or_else(|_| unreachable!("the key is not empty"))
}
