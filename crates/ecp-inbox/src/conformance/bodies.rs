//! Callbacks signed like the platform's.

use ecp_core::json::{Document, Limits};
use ecp_core::model::{Callback, VerifiedStatus};
use ecp_core::signature::{self, Place, Rules, SigningKey};
use ecp_core::{PaymentId, ProjectId, SecretKey};
use ecp_notify::{Verified, Verifier};

/// The contents of a callback about one payment and one operation, for tests. Set the fields, and
/// get the signed and verified callback from [`verified`](Self::verified).
#[derive(Clone, Debug)]
pub struct Body {
    /// The `project_id` of the callback: 1 or 1236, for which the tests have a key.
    pub project: u64,
    /// The `payment.id` of the callback, such as `X1`, as it is between the quotation marks in the
    /// JSON.
    pub payment: String,
    /// The `payment.status` of the callback, such as `success`, as it is between the quotation
    /// marks in the JSON.
    pub status: &'static str,
    /// The `operation.id` of the callback, such as 1.
    pub operation: u64,
    /// The `operation.type` of the callback, such as `sale`.
    pub kind: &'static str,
    /// The `operation.status` of the callback, such as `decline`.
    pub operation_status: &'static str,
    /// The amount of the payment and of the operation, in minor units of EUR.
    pub amount: i64,
    /// The payment's description. A different one makes the bytes of two otherwise equal callbacks
    /// differ.
    pub description: String,
}

impl Body {
    /// Returns the contents of a callback about a sale of 100.00 EUR in project 1236, with this
    /// operation number. The payment and its operation have this status; if the payment is
    /// `refunded`, its operation has the status `success`.
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

    /// Returns the same callback with this description of the payment, so that its bytes differ and
    /// its other values do not.
    pub fn described(self, description: impl Into<String>) -> Self {
        Self { description: description.into(), ..self }
    }

    /// Returns the same callback with a description of the payment that makes the signature
    /// ambiguous: the same signature also fits a callback with other JSON members. By default an
    /// inbox holds such a callback, if its status is final, until Gate confirms it.
    pub fn doubtful(self) -> Self {
        self.described("x;payment:extra:1")
    }

    /// Signs the callback with the test key, and returns the verified callback, as a receiver would
    /// pass it to an inbox.
    pub fn verified(&self) -> Verified<Callback> {
        verified(&self.json())
    }

    /// Makes the answer of Gate (the platform's API) to a status request about the payment, signed
    /// and verified. It agrees with the callback, so it releases the callback if an inbox holds it.
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

/// Signs the JSON of a callback in project 1 or 1236 with the test key, and returns the verified
/// callback, as a receiver would pass it to an inbox.
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
