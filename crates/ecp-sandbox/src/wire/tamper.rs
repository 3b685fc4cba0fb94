//! Tampered callbacks.

use ecp_core::Sensitive;
use serde_json::{Value, json};

use crate::wire::php::{php_json, signed};
use crate::wire::signature;

/// A status that the platform does not have.
const UNKNOWN_STATUS: &str = "sandbox unknown";

/// Kind of change that a fault makes to a callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tampering {
    /// The signature is removed from the callback.
    MissingSignature,
    /// The callback gets additional members with values that SDKs read and sign in different ways:
    /// `null`, booleans and floats. Its signature is valid.
    OddValues,
    /// The statuses in the callback become `sandbox unknown`, a word that the platform does not
    /// have. Its signature is valid.
    UnknownStatus,
    /// The amounts in the callback are one minor unit too high. Its signature is valid.
    WrongAmount,
    /// The signature of the callback is replaced by that of another text.
    WrongSignature,
}

/// Returns the callback with this change.
pub(crate) fn tampered(callback: String, tampering: Tampering, key: &Sensitive<String>) -> String {
    let Ok(mut document) = serde_json::from_str::<Value>(&callback) else { return callback };
    match tampering {
        Tampering::MissingSignature => {
            remove_signature(&mut document);
            php_json(&document)
        }
        Tampering::OddValues => {
            document["sandbox_values"] = json!({
                "nothing": null,
                "yes": true,
                "no": false,
                "float": 10.5,
                "whole_float": 1.0,
                "empty": {"list": [], "text": ""},
            });
            signed_again(document, key)
        }
        Tampering::WrongSignature => {
            let other = Value::from("something else");
            document["signature"] = signature::sign(key, &other).into();
            php_json(&document)
        }
        Tampering::WrongAmount => {
            for path in ["/payment/sum/amount", "/operation/sum_initial/amount"] {
                if let Some(amount) = document.pointer_mut(path) {
                    *amount = amount.as_i64().unwrap_or_default().saturating_add(1).into();
                }
            }
            signed_again(document, key)
        }
        Tampering::UnknownStatus => {
            for path in ["/payment/status", "/operation/status"] {
                if let Some(status) = document.pointer_mut(path) {
                    *status = UNKNOWN_STATUS.into();
                }
            }
            signed_again(document, key)
        }
    }
}

/// Returns a document with a valid signature at its root, in place of an existing one.
pub(crate) fn signed_again(mut document: Value, key: &Sensitive<String>) -> String {
    remove_signature(&mut document);
    signed(&document, key)
}

/// Keeps the order of the other members.
fn remove_signature(document: &mut Value) {
    if let Some(members) = document.as_object_mut() {
        members.shift_remove("signature");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_breaks_one_thing_and_leaves_the_rest() {
        let key = Sensitive::new("key".to_owned());
        let payment = json!({"status": "success", "sum": {"amount": 100, "currency": "EUR"}});
        let right = signed_again(json!({"project_id": 1, "payment": payment}), &key);
        let read = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        let is_signed = |text: &str| {
            let document = read(text);
            document["signature"] == signature::sign(&key, &document)
        };
        assert!(is_signed(&right));
        let table = [
            (Tampering::MissingSignature, "/signature", json!(null), false),
            (Tampering::WrongAmount, "/payment/sum/amount", json!(101), true),
            (Tampering::OddValues, "/sandbox_values/float", json!(10.5), true),
            (Tampering::UnknownStatus, "/payment/status", json!(UNKNOWN_STATUS), true),
        ];
        for (tampering, path, value, signed) in table {
            let wrong = tampered(right.clone(), tampering, &key);
            assert_eq!(
                read(&wrong).pointer(path).cloned().unwrap_or_default(),
                value,
                "{tampering:?}"
            );
            assert_eq!(is_signed(&wrong), signed, "{tampering:?}");
        }
        let wrong = tampered(right.clone(), Tampering::WrongSignature, &key);
        assert_eq!(read(&wrong)["signature"].as_str().unwrap().len(), 88);
        assert!(!is_signed(&wrong));
    }
}
