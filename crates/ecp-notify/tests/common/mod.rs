//! What the tests of the receiver share: a platform that signs, and stores of every mood.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use ecp_core::model::{Callback, DepositCheck};
use ecp_core::signature::{self, Place, Rules, SigningKey};
use ecp_core::{ProjectId, SecretKey};
use ecp_notify::{
    CallbackStore, Confirmations, Decision, DepositHandler, Receiver, StoreError, Verified,
    Verifier,
};

pub(crate) const KEY: &str = "receiver-key";

/// `payment.id` says how the [`Moody`] store takes it.
pub(crate) fn unsigned(id: &str) -> String {
    format!(
        r#"{{"project_id":1236,"payment":{{"id":"{id}","type":"purchase","status":"success",
            "method":"JetonWallet","sum":{{"amount":10000,"currency":"EUR"}},"description":"Ж"}},
            "customer":{{"id":"sentinel-customer"}},"operation":{{"id":7,"type":"sale",
            "status":"success","sum_initial":{{"amount":10000,"currency":"EUR"}},"code":"0"}}}}"#
    )
}

pub(crate) fn sign_with(key: &str, body: &str) -> Vec<u8> {
    let key = SigningKey::new(&SecretKey::new(key).unwrap());
    let rules = Rules::private().allow_ambiguous();
    signature::sign_document(&key, body.as_bytes(), Place::Root, rules).unwrap()
}

pub(crate) fn sign(body: &str) -> Vec<u8> {
    sign_with(KEY, body)
}

pub(crate) fn genuine() -> Vec<u8> {
    sign(&unsigned("X1"))
}

pub(crate) fn question(amount: i64) -> Vec<u8> {
    sign(&format!(
        r#"{{"type":"check_deposit","project_id":1236,"payment_id":"X1","customer_id":"123",
            "amount":{amount},"currency":"EUR","payment_method":"eco-voucher"}}"#
    ))
}

pub(crate) fn verifier() -> Verifier {
    Verifier::new().key(ProjectId::new(1236).unwrap(), &SecretKey::new(KEY).unwrap())
}

/// Stores in memory, or fails, hangs, blocks or panics as the payment's id says.
#[derive(Clone, Default)]
pub(crate) struct Moody {
    pub(crate) stored: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Moody {
    pub(crate) fn count(&self) -> usize {
        self.stored.lock().unwrap().len()
    }

    /// Waits until there are so many.
    pub(crate) async fn until(&self, count: usize) {
        let reached = async {
            while self.count() < count {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let reached = tokio::time::timeout(Duration::from_secs(10), reached).await;
        assert!(reached.is_ok(), "{} of {count} are stored", self.count());
    }
}

#[async_trait]
impl CallbackStore for Moody {
    async fn store(&self, callback: Verified<Callback>) -> Result<(), StoreError> {
        match callback.payment_id().map_or("", |id| id.as_str()) {
            "fails" => return Err(format!("the disk is full\n{}", "x".repeat(10_000)).into()),
            "hangs" => std::future::pending().await,
            "blocks" => {
                tokio::task::yield_now().await;
                std::thread::sleep(Duration::from_secs(2));
            }
            "panics" => panic!("the store has a bug"),
            "slow" => tokio::time::sleep(Duration::from_millis(150)).await,
            _ => {}
        }
        self.stored.lock().unwrap().push(callback.raw().to_vec());
        Ok(())
    }
}

/// Takes up to 1000 minor units, and panics at 666.
pub(crate) struct UpTo1000;

#[async_trait]
impl DepositHandler for UpTo1000 {
    async fn confirm(&self, check: &Verified<DepositCheck>) -> Result<Decision, StoreError> {
        assert_ne!(check.amount, 666, "the handler has a bug");
        Ok(if check.amount <= 1000 { Decision::Accept } else { Decision::REFUSE })
    }
}

pub(crate) fn receiver() -> (Receiver, Moody) {
    let store = Moody::default();
    let receiver = Receiver::new(verifier(), store.clone())
        .confirmations(Confirmations::new(verifier(), UpTo1000))
        .store_deadline(Duration::from_millis(300));
    (receiver, store)
}

/// A body that must not be stored, and the status that it gets.
pub(crate) type Hostile = (&'static str, Vec<u8>, u16);

pub(crate) fn hostile() -> Vec<Hostile> {
    [forged(), of_wrong_values(), broken(), of_another_kind()].concat()
}

/// The genuine callback with other bytes in the place of some.
fn put(from: &str, to: &[u8]) -> Vec<u8> {
    let body = genuine();
    let at = body.windows(from.len()).position(|part| part == from.as_bytes()).unwrap();
    [&body[..at], to, &body[at + from.len()..]].concat()
}

fn swap(from: &str, to: &str) -> Vec<u8> {
    put(from, to.as_bytes())
}

/// With a member before all others.
fn with(member: &str) -> Vec<u8> {
    swap("{", &format!("{{{member},"))
}

fn forged() -> Vec<Hostile> {
    let text = String::from_utf8(genuine()).unwrap();
    let signature = &text.split_once("\"signature\":\"").unwrap().1[..88];
    let signed = |to: &str| swap(&format!("\"{signature}\""), to);
    let half = format!("\"{}\"", &signature[..44]);
    let slack = if signature.ends_with("A==") { "B==" } else { "A==" };
    let slack = format!("\"{}{slack}\"", &signature[..85]);
    vec![
        ("an empty object", b"{}".to_vec(), 403),
        ("unsigned", unsigned("X1").into_bytes(), 403),
        ("another key", sign_with("another key", &unsigned("X1")), 403),
        ("another amount", swap("10000", "10001"), 403),
        ("another status", swap("\"success\"", "\"decline\""), 403),
        ("another project", swap("1236", "1237"), 403),
        ("a member more", with("\"a\":1"), 403),
        ("an unsigned member", with("\"frame_mode\":1"), 403),
        ("no signature", signed("\"\""), 403),
        ("half a signature", signed(&half), 403),
        ("a signature with slack bits", signed(&slack), 403),
        ("a signature that is null", signed("null"), 403),
        ("a signature that is a number", signed("5"), 403),
        ("a signature that is a list", signed("[]"), 403),
    ]
}

fn of_wrong_values() -> Vec<Hostile> {
    vec![
        ("a project that is text", swap("1236", "\"1236\""), 400),
        ("a project that is null", swap("1236", "null"), 400),
        ("a project that is negative", swap("1236", "-1236"), 400),
        ("a project out of range", swap("1236", "99999999999999999999999"), 400),
        ("an id inside a text", swap("{\"id\":\"X1\"", "\"{\",\"x\":{\"id\":\"X1\""), 403),
        // The signed text is the same, so these count as genuine; but no amount is written so.
        ("an amount that is text", swap("10000", "\"10000\""), 503),
        ("an amount with a fraction of nothing", swap("10000", "10000.0"), 503),
        ("an amount beyond floats", swap("10000", "1e400"), 403),
        ("an amount that is nearly nothing", swap("10000", "1e-400"), 403),
        ("an amount of many digits", swap("10000", &"9".repeat(1000)), 403),
        ("minus nothing", swap("10000", "-0"), 403),
        ("not a number", swap("10000", "NaN"), 400),
        ("a leading zero", swap("10000", "010000"), 400),
        ("NUL, escaped", swap("X1", "X1\\u0000"), 403),
    ]
}

fn broken() -> Vec<Hostile> {
    let text = String::from_utf8(genuine()).unwrap();
    let lists = format!("{{\"a\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let twice = "\"id\":\"X1\",\"\\u0069d\":\"X2\"";
    vec![
        ("nothing", Vec::new(), 400),
        ("white space", b" \n ".to_vec(), 400),
        ("null", b"null".to_vec(), 400),
        ("a list", b"[1]".to_vec(), 400),
        ("two documents", genuine().repeat(2), 400),
        ("a byte order mark", [b"\xef\xbb\xbf".to_vec(), genuine()].concat(), 400),
        ("UTF-16", text.encode_utf16().flat_map(u16::to_le_bytes).collect(), 400),
        ("a member twice", swap("\"id\":\"X1\"", "\"id\":\"X1\",\"id\":\"X1\""), 400),
        ("a member twice, once escaped", swap("\"id\":\"X1\"", twice), 400),
        ("a signature twice", with("\"signature\":\"\""), 400),
        ("100 000 lists", lists.into_bytes(), 400),
        ("100 000 lists that stay open", b"[".repeat(100_000), 400),
        ("50 000 objects that stay open", b"{\"a\":".repeat(50_000), 400),
        ("a text that is not UTF-8", put("X1", b"X\xff"), 400),
        ("an overlong NUL", put("X1", b"X\xc0\x80"), 400),
        ("a surrogate in UTF-8", put("X1", b"\xed\xa0\x80"), 400),
        ("a lone surrogate", swap("X1", "\\ud800"), 400),
        ("surrogates in the wrong order", swap("X1", "\\udc00\\ud800"), 400),
        ("NUL", put("X1", b"X\0"), 400),
        ("NUL at the end", [genuine(), b"\0".to_vec()].concat(), 400),
        ("a broken escape", swap("X1", "\\x41"), 400),
        ("too large", [genuine(), vec![b' '; 256 * 1024]].concat(), 413),
        ("too large and no JSON", vec![b'x'; 256 * 1024 + 1], 413),
    ]
}

fn of_another_kind() -> Vec<Hostile> {
    let question = String::from_utf8(question(1000)).unwrap();
    let page = r#"{"project_id":1236,"payment_id":"X1","payment_amount":1}"#;
    let payout = r#"{"type":"check_payout","project_id":1236,"payment_id":"X1"}"#;
    let bare = r#"{"type":"check_deposit","project_id":1236}"#;
    vec![
        ("a form", b"project_id=1236&signature=x".to_vec(), 400),
        ("a question with another amount", question.replace("1000", "1001").into_bytes(), 403),
        ("a question without its members", sign(bare), 400),
        ("another question", sign(payout), 403),
        ("a Payment Page's address", sign(page), 403),
    ]
}
