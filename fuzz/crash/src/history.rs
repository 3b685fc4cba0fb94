//! Histories of payments, and their expected results.

use std::collections::{BTreeMap, BTreeSet};

use ecp_core::signature::{self, Place, Rules, SigningKey};
use ecp_core::{ProjectId, SecretKey};
use ecp_inbox::{PaymentState, StatusUpdate};
use ecp_notify::Verifier;
use fastrand::Rng;

/// The project of all callbacks.
pub const PROJECT: u64 = 1236;
const KEY: &str = "a key for crashes";

/// An effect that must have happened once: the reported status of each operation.
pub type Effect = (String, u64, String);

/// The callbacks of one round.
#[derive(Debug)]
pub struct Histories {
    /// The bodies to send, in this order, without line breaks. Some come twice, and some repeat
    /// another one in other words.
    pub sent: Vec<String>,
    /// The expected final state of each payment.
    pub states: BTreeMap<String, PaymentState>,
    /// The expected effects.
    pub effects: BTreeSet<Effect>,
    /// The expected credit of each successful operation, in minor units.
    pub credits: BTreeMap<(String, u64), i64>,
}

/// A verifier with the key that signs the callbacks.
#[expect(clippy::missing_panics_doc, reason = "the number is an id")]
pub fn verifier() -> Verifier {
    let project = ProjectId::new(PROJECT).expect("a small number is an id");
    Verifier::new().key(project, &secret())
}

fn secret() -> SecretKey {
    SecretKey::new(KEY).expect("the key is not empty")
}

impl Histories {
    /// Histories of some payments.
    pub fn new(round: u32, rng: &mut Rng) -> Self {
        let payments = rng.u64(6..=12);
        Self::of(round, payments, rng)
    }

    /// Histories of so many payments, at most 1000.
    pub fn of(round: u32, payments: u64, rng: &mut Rng) -> Self {
        let mut histories = Self {
            sent: Vec::new(),
            states: BTreeMap::new(),
            effects: BTreeSet::new(),
            credits: BTreeMap::new(),
        };
        for number in 0..payments {
            histories.add_payment(
                &format!("r{round}-{number}"),
                u64::from(round) * 1000 + number,
                rng,
            );
        }
        rng.shuffle(&mut histories.sent);
        histories
    }

    /// The callbacks whose bodies are not among those that are stored.
    pub fn missing(&self, stored: &BTreeSet<String>) -> BTreeSet<usize> {
        (0..self.sent.len()).filter(|number| !stored.contains(&self.sent[*number])).collect()
    }

    fn add_payment(&mut self, payment: &str, number: u64, rng: &mut Rng) {
        let amount = rng.i64(100..=100_000);
        let sale = number * 10;
        let mut story = vec![("processing", sale, "sale", "processing", amount)];
        if rng.bool() {
            story.push((
                "awaiting redirect result",
                sale,
                "sale",
                "awaiting redirect result",
                amount,
            ));
        }
        if rng.u8(0..4) == 0 {
            story.push(("decline", sale, "sale", "decline", amount));
        } else {
            story.push(("success", sale, "sale", "success", amount));
            if rng.bool() {
                story.push(("success", sale + 1, "refund", "processing", amount));
                story.push(("refunded", sale + 1, "refund", "success", amount));
            }
        }
        let verifier = verifier();
        let mut state = PaymentState::default();
        for (status, operation, kind, operation_status, amount) in story {
            let body = |words: u64| {
                sign(&format!(
                    r#"{{"project_id":{PROJECT},"payment":{{"id":"{payment}","type":"purchase","status":"{status}","sum":{{"amount":{amount},"currency":"EUR"}},"description":"{words}"}},"operation":{{"id":{operation},"type":"{kind}","status":"{operation_status}","sum_initial":{{"amount":{amount},"currency":"EUR"}},"code":"0"}}}}"#
                ))
            };
            let first = body(0);
            let callback =
                verifier.verify(first.as_bytes()).expect("the harness signs as it verifies");
            state.apply(&StatusUpdate::of(&callback));
            for _ in 0..rng.u8(0..3) {
                self.sent.push(first.clone());
            }
            for words in 1..=rng.u64(0..2) {
                self.sent.push(body(words));
            }
            self.sent.push(first);
            self.effects.insert((payment.to_owned(), operation, operation_status.to_owned()));
            if operation_status == "success" {
                self.credits.insert((payment.to_owned(), operation), amount);
            }
        }
        self.states.insert(payment.to_owned(), state);
    }
}

/// The key that signs the callbacks.
pub(crate) fn signing_key() -> SigningKey {
    SigningKey::new(&secret())
}

/// Signs a callback.
pub(crate) fn sign(json: &str) -> String {
    let body =
        signature::sign_document(&signing_key(), json.as_bytes(), Place::Root, Rules::private());
    String::from_utf8(body.expect("the harness writes what can be signed")).expect("JSON is UTF-8")
}
