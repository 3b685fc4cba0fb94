//! Callbacks that a method's page documents, compared with its spec.

use ecp_core::json::{Document, Limits};
use ecp_core::model::{Callback, OperationType, PaymentStatus, PaymentType, Sum};
use ecp_core::signature::{self, Rules, SigningKey};
use ecp_core::{Money, SecretKey};
use ecp_methods::{DynMethod, Effect, Operation};
use ecp_notify::Verifier;

use crate::failure::{Failure, OrFail, fail};

/// A sample callback from the documentation page of a payment method, with the meaning that the
/// page gives it: the operation, and the payment's status and amount. [`Sample::check`] compares it
/// with the method; `Conformance::sample` makes it a test case.
///
/// Pages do not print the whole signature, so the sample is signed again, with a key for tests.
///
/// ```
/// use ecp_core::model::PaymentStatus;
/// use ecp_methods::{Operation, Jeton};
/// use ecp_testkit::Sample;
///
/// let printed = r#"{"project_id": 239, "payment": {"id": "59", "type": "payout",
///     "status": "success", "method": "JetonWallet", "sum": {"amount": 30000, "currency": "EUR"}},
///     "operation": {"id": 1, "type": "payout", "status": "success"}, "signature": "MwjS...=="}"#;
/// let success = PaymentStatus::Success;
/// let paid_out =
///     Sample::new(printed, Operation::PAYOUT, success, "300.00 EUR".parse()?);
/// paid_out.check(&Jeton)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Sample {
    json: String,
    flow: Operation,
    status: PaymentStatus,
    sum: Money,
}

impl Sample {
    /// Creates a sample from the JSON of a callback that the documentation page prints. `flow` is
    /// the operation that the callback is about; `status` and `sum` are those of the payment. After
    /// a refund, `sum` is the amount that is left.
    pub fn new(
        json: impl Into<String>,
        flow: Operation,
        status: PaymentStatus,
        sum: Money,
    ) -> Self {
        Self { json: json.into(), flow, status, sum }
    }

    /// Signs the sample callback again, verifies it as a merchant does, and compares it with the
    /// method's spec (name in callbacks, operation, currency) and with the meaning that the page
    /// gives it. The error is the first difference.
    pub fn check(&self, method: &dyn DynMethod) -> Result<(), Failure> {
        let callback = self.read()?;
        let spec = method.spec();
        let payment = callback.payment.as_ref().ok_or_else(|| fail("`payment` is missing"))?;
        let names = spec.callback_names();
        match payment.method.as_deref() {
            Some(name) if names.contains(&name) => {}
            name => {
                let name = name.unwrap_or("missing");
                return Err(fail(format!(
                    "`payment.method` is {name}, the spec's callback names are {names:?}"
                )));
            }
        }
        let (kind, operations) = match self.flow.effect() {
            Effect::Out => (PaymentType::Payout, &[OperationType::Payout][..]),
            Effect::Back => {
                (PaymentType::Purchase, &[OperationType::Refund, OperationType::Reversal][..])
            }
            _ => (PaymentType::Purchase, &[OperationType::Sale][..]),
        };
        if payment.kind.as_ref() != Some(&kind) {
            let given = payment.kind.as_ref().map_or("missing", PaymentType::as_str);
            return Err(fail(format!("`payment.type` is {given}, expected {kind}")));
        }
        let operation = callback.operation.as_ref().and_then(|operation| operation.kind.as_ref());
        if !operation.is_some_and(|kind| operations.contains(kind)) {
            let given = operation.map_or("missing", OperationType::as_str);
            return Err(fail(format!("`operation.type` is {given}, expected a {}", self.flow)));
        }
        if spec.rule(self.flow).is_none() {
            return Err(fail(format!("the spec does not have the operation {}", self.flow)));
        }
        if payment.status.as_ref() != Some(&self.status) {
            let given = payment.status.as_ref().map_or("missing", PaymentStatus::as_str);
            return Err(fail(format!("`payment.status` is {given}, expected {}", self.status)));
        }
        let money = |sum: &Sum| {
            let currency = sum.currency.parse().or_fail()?;
            spec.received_amount(sum.amount, currency)
                .ok_or_else(|| fail("`payment.sum` is too large"))
        };
        let sum = payment.sum.as_ref().map(money).transpose()?;
        if sum != Some(self.sum) {
            let given = sum.map_or_else(|| "missing".to_owned(), |sum| sum.to_string());
            return Err(fail(format!("`payment.sum` is {given}, expected {}", self.sum)));
        }
        let currency = self.sum.currency();
        if !spec.currencies().contains(&currency) {
            return Err(fail(format!("the spec does not have the currency {currency}")));
        }
        Ok(())
    }

    /// The callback, signed again and verified as a merchant does.
    fn read(&self) -> Result<Callback, Failure> {
        let document = Document::parse(self.json.as_bytes(), Limits::default()).or_fail()?;
        let printed = document.root().get("signature");
        let printed = printed.ok_or_else(|| fail("`signature` is missing"))?.raw();
        let key = SecretKey::new("the key of a sample").or_fail()?;
        let rules = Rules::private().allow_ambiguous();
        let signature = signature::sign(&SigningKey::new(&key), self.json.as_bytes(), rules);
        let signed = self.json.replacen(printed, &format!("\"{}\"", signature.or_fail()?), 1);
        let project = document.root().get("project_id").map(|value| value.raw().parse());
        let project = project.ok_or_else(|| fail("`project_id` is missing"))?.or_fail()?;
        let project = ecp_core::ProjectId::new(project).or_fail()?;
        let verifier = Verifier::new().key(project, &key);
        Ok(verifier.verify(signed.as_bytes()).or_fail()?.into_inner())
    }
}
