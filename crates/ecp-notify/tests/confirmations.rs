//! Questions and answers.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::num::NonZeroI64;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use ecp_core::model::DepositCheck;
use ecp_core::signature::{self, Place, Rules, SigningKey};
use ecp_core::{ProjectId, SecretKey};
use ecp_notify::{Confirmations, Decision, DepositHandler, Verified, Verifier};

const KEY: &str = "confirmation-key";

/// Accepts 10.00, refuses 20.00 with a code, fails at 30.00, and takes its time at 40.00.
#[derive(Default)]
struct ByAmount {
    asked: Arc<AtomicUsize>,
}

#[async_trait]
impl DepositHandler for ByAmount {
    async fn confirm(
        &self,
        check: &Verified<DepositCheck>,
    ) -> Result<Decision, Box<dyn std::error::Error + Send + Sync>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_secs(1)).await;
        match check.money()?.minor() {
            1000 => Ok(Decision::Accept),
            2000 => Ok(Decision::Refuse(NonZeroI64::new(30303).unwrap())),
            3000 => Err("the orders cannot be read".into()),
            _ => std::future::pending().await,
        }
    }
}

fn question(amount: i64) -> Vec<u8> {
    question_about("X03936", amount)
}

/// The id is what stands between the quotes.
fn question_about(id: &str, amount: i64) -> Vec<u8> {
    let body = format!(
        r#"{{"type":"check_deposit","project_id":258,"payment_id":"{id}","customer_id":"123",
            "amount":{amount},"currency":"EUR","payment_method":"eco-voucher"}}"#
    );
    sign(&body)
}

fn sign(body: &str) -> Vec<u8> {
    let key = SigningKey::new(&SecretKey::new(KEY).unwrap());
    signature::sign_document(&key, body.as_bytes(), Place::Root, Rules::private()).unwrap()
}

fn confirmations() -> (Confirmations<ByAmount>, Arc<AtomicUsize>) {
    let handler = ByAmount::default();
    let asked = handler.asked.clone();
    let key = SecretKey::new(KEY).unwrap();
    let verifier = Verifier::new().key(ProjectId::new(258).unwrap(), &key);
    (Confirmations::new(verifier, handler), asked)
}

#[tokio::test(start_paused = true)]
async fn a_decision_becomes_the_documented_answer() {
    let (confirmations, _) = confirmations();
    let table = [
        (1000, r#"{"code":0,"payment_id":"X03936"}"#),
        (2000, r#"{"code":30303,"payment_id":"X03936"}"#),
        (3000, r#"{"code":1,"payment_id":"X03936"}"#),
        (4000, r#"{"code":1,"payment_id":"X03936"}"#),
    ];
    for (amount, expected) in table {
        let reply = confirmations.answer(&question(amount)).await;
        assert_eq!(
            (reply.status, String::from_utf8(reply.body).unwrap().as_str()),
            (200, expected)
        );
    }
}

/// The id is the platform's word, whatever the rules for ids that a merchant makes.
#[tokio::test(start_paused = true)]
async fn the_answer_names_the_payment_as_the_question_did() {
    let (confirmations, _) = confirmations();
    for id in [" X 1 ", r#"a\\b\"c"#, "ж😀", &"x".repeat(300)] {
        let reply = confirmations.answer(&question_about(id, 1000)).await;
        let expected = format!(r#"{{"code":0,"payment_id":"{id}"}}"#);
        assert_eq!((reply.status, String::from_utf8(reply.body).unwrap()), (200, expected));
    }
    let body = r#"{"type":"check_deposit","project_id":258,"payment_id":""}"#;
    assert_eq!(confirmations.answer(&sign(body)).await.status, 400);
}

#[tokio::test(start_paused = true)]
async fn a_question_that_comes_again_gets_its_answer_again() {
    let (confirmations, asked) = confirmations();
    for amount in [1000, 2000, 3000, 4000] {
        let before = asked.load(Ordering::SeqCst);
        let body = question(amount);
        let (first, second) =
            tokio::join!(confirmations.answer(&body), confirmations.answer(&body));
        let third = confirmations.answer(&body).await;
        assert_eq!(first, second);
        assert_eq!(first, third);
        assert_eq!(asked.load(Ordering::SeqCst), before + 1, "{amount}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_handler_is_a_refusal_at_the_deadline() {
    let (confirmations, _) = confirmations();
    let confirmations = confirmations.deadline(Duration::from_secs(3));
    let start = tokio::time::Instant::now();
    let reply = confirmations.answer(&question(4000)).await;
    assert_eq!(start.elapsed(), Duration::from_secs(3));
    assert_eq!(reply.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_question_that_is_not_genuine_is_not_answered() {
    let (confirmations, asked) = confirmations();
    let genuine = String::from_utf8(question(1000)).unwrap();
    let table = [
        (genuine.replace("1000", "1001").into_bytes(), 403),
        (genuine.replace("258", "259").into_bytes(), 403),
        (b"{}".to_vec(), 403),
        (Vec::new(), 400),
        (sign(r#"{"type":"check_payout","project_id":258,"payment_id":"X"}"#), 400),
        (sign(r#"{"type":"check_deposit","project_id":258,"payment_id":"X"}"#), 400),
    ];
    for (body, status) in table {
        let reply = confirmations.answer(&body).await;
        assert_eq!((reply.status, reply.body.len()), (status, 0));
    }
    assert_eq!(asked.load(Ordering::SeqCst), 0);
    assert!(!format!("{confirmations:?}").contains(KEY));
}
