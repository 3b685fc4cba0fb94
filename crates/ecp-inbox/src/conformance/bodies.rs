//! Callbacks signed like the platform's.

use ecp_core::json::{Document, Limits};
use ecp_core::model::{Callback, VerifiedStatus};
use ecp_core::signature::{self, Place, Rules, SigningKey};
use ecp_core::{PaymentId, ProjectId, SecretKey};
use ecp_notify::{Verified, Verifier};

/// Contents of a callback about one operation, from which a test makes a signed callback.
#[derive(Clone, Debug)]
pub struct Body {
    /// The number of the project.
    pub project: u64,
    /// The payment's id, as JSON text without its quotation marks.
    pub payment: String,
    /// The payment's status, as JSON text without its quotation marks.
    pub status: &'static str,
    /// The operation's number.
    pub operation: u64,
    /// The operation's type.
    pub kind: &'static str,
    /// The operation's status.
    pub operation_status: &'static str,
    /// The amount of the payment and of the operation, in minor units of EUR.
    pub amount: i64,
    /// The payment's description. A different one makes the bytes of two otherwise equal callbacks
    /// differ.
    pub description: String,
}

impl Body {
    /// Returns the contents of a callback about a sale. The payment and its operation have this
    /// status; if the payment is `refunded`, its operation has the status `success`.
    pub fn new(payment: impl Into<String>, operation: u64, status: &'static str) -> Self {
        Self {
            project: 1236,
            payment: payment.into(),
            status,
            operation,
            kind: "sale",
            operation_status: if status == "refunded" { "success" } else { status },
            amount: 10_000,
            description: "an order".to_owned(),
        }
    }

    /// Returns the same callback with this description of the payment.
    pub fn described(self, description: impl Into<String>) -> Self {
        Self { description: description.into(), ..self }
    }

    /// Returns the same callback with a description of the payment that makes the signature
    /// ambiguous: the same signature also fits a callback with other JSON members.
    pub fn doubtful(self) -> Self {
        self.described("x;payment:extra:1")
    }

    /// Signs the callback with the test key, and returns the verified callback.
    pub fn verified(&self) -> Verified<Callback> {
        verified(&self.json())
    }

    /// Makes Gate's signed and verified answer to a status request about the payment. The answer
    /// agrees with the callback.
    pub fn answer(&self) -> VerifiedStatus {
        let operation = self.operation_json();
        let json = format!(
            r#"{{"project_id":{},"payment":{},"operations":[{operation}]}}"#,
            self.project,
            self.payment_json()
        );
        let (key, signed) = signed(&json);
        let document = Document::parse(&signed, Limits::default()).unwrap();
        VerifiedStatus::verify(self.project_id(), [&key], &document).unwrap()
    }

    /// The id of the callback's payment.
    pub fn payment_id(&self) -> PaymentId {
        self.verified().payment_id().unwrap().clone()
    }

    /// The id of the project to which the callback's payment belongs.
    pub fn project_id(&self) -> ProjectId {
        ProjectId::new(self.project).unwrap()
    }

    fn json(&self) -> String {
        format!(
            r#"{{"project_id":{},"payment":{},"operation":{}}}"#,
            self.project,
            self.payment_json(),
            self.operation_json()
        )
    }

    fn payment_json(&self) -> String {
        let Self { payment, status, amount, description, .. } = self;
        format!(
            r#"{{"id":"{payment}","type":"purchase","status":"{status}","method":"A Wallet",
            "sum":{{"amount":{amount},"currency":"EUR"}},"description":"{description}"}}"#
        )
    }

    fn operation_json(&self) -> String {
        let Self { operation, kind, operation_status, amount, .. } = self;
        format!(
            r#"{{"id":{operation},"type":"{kind}","status":"{operation_status}",
            "sum_initial":{{"amount":{amount},"currency":"EUR"}}}}"#
        )
    }
}

/// Signs a callback's JSON with the test key, and returns the verified callback.
pub fn verified(json: &str) -> Verified<Callback> {
    let (_, body) = signed(json);
    let secret = secret();
    let verifier = [1, 1236]
        .into_iter()
        .fold(Verifier::new(), |v, project| v.key(ProjectId::new(project).unwrap(), &secret));
    verifier.verify(&body).unwrap()
}

fn secret() -> SecretKey {
    SecretKey::new("a key for tests").unwrap()
}

fn signed(json: &str) -> (SigningKey, Vec<u8>) {
    let key = SigningKey::new(&secret());
    let rules = Rules::private().allow_ambiguous();
    let body = signature::sign_document(&key, json.as_bytes(), Place::Root, rules).unwrap();
    (key, body)
}
