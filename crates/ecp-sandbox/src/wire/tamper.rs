//! Callbacks that are not what they should be.

use ecp_core::Sensitive;
use serde_json::Value;

use crate::engine::faults::Fault;
use crate::wire::php::{php_json, signed};
use crate::wire::signature;

/// A status that the platform does not have.
const UNKNOWN_STATUS: &str = "sandbox unknown";

/// A callback as a fault leaves it. Faults that leave the body alone change nothing.
pub(crate) fn tampered(callback: String, fault: Fault, key: &Sensitive<String>) -> String {
    let Ok(mut document) = serde_json::from_str::<Value>(&callback) else { return callback };
    match fault {
        Fault::MissingSignature => {
            remove_signature(&mut document);
            php_json(&document)
        }
        Fault::WrongSignature => {
            let other = Value::from("something else");
            document["signature"] = signature::sign(key, &other).into();
            php_json(&document)
        }
        Fault::WrongAmount => {
            for path in ["/payment/sum/amount", "/operation/sum_initial/amount"] {
                if let Some(amount) = document.pointer_mut(path) {
                    *amount = amount.as_i64().unwrap_or_default().saturating_add(1).into();
                }
            }
            signed_again(document, key)
        }
        Fault::UnknownStatus => {
            for path in ["/payment/status", "/operation/status"] {
                if let Some(status) = document.pointer_mut(path) {
                    *status = UNKNOWN_STATUS.into();
                }
            }
            signed_again(document, key)
        }
        _ => callback,
    }
}

/// A document of somebody's own making, with a right signature at the root.
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
    use serde_json::json;

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
            (Fault::MissingSignature, "/signature", json!(null), false),
            (Fault::WrongAmount, "/payment/sum/amount", json!(101), true),
            (Fault::UnknownStatus, "/payment/status", json!(UNKNOWN_STATUS), true),
        ];
        for (fault, path, value, signed) in table {
            let wrong = tampered(right.clone(), fault, &key);
            assert_eq!(read(&wrong).pointer(path).cloned().unwrap_or_default(), value, "{fault:?}");
            assert_eq!(is_signed(&wrong), signed, "{fault:?}");
        }
        let wrong = tampered(right.clone(), Fault::WrongSignature, &key);
        assert_eq!(read(&wrong)["signature"].as_str().unwrap().len(), 88);
        assert!(!is_signed(&wrong));
        assert_eq!(tampered(right.clone(), Fault::LoseCallback, &key), right);
    }
}
