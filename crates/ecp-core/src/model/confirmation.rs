//! The `check_deposit` request of the platform and its answer.

use super::{FromJson, ModelError, borrows_nothing, model};
use crate::json::{Kind, Value, json_string};
use crate::{Currency, Money, PaymentId, ProjectId, Sensitive, UnknownCurrency};

model! {
    /// The platform's request to the merchant, sent while the customer waits, to confirm the amount
    /// of a payment (documented for the payment method EcoVoucher). The merchant answers with a
    /// [`ConfirmationAnswer`].
    pub struct DepositCheck / DepositCheckRef {
        /// Type of the request, always `check_deposit`.
        kind: CheckDeposit = decides "type",
        /// The project's id.
        project_id: ProjectId = decides "project_id",
        /// The merchant's id of the payment.
        payment_id: PaymentId = decides "payment_id",
        /// The merchant's id of the customer.
        customer_id: Sensitive<String> = decides "customer_id",
        /// The amount to confirm, in minor units of the currency; in major units for the few
        /// methods whose description in `ecp-methods` says so (`MethodSpec::major_units`).
        amount: i64 = decides "amount",
        /// The three-letter code of the amount's currency.
        currency: String = decides "currency",
        /// The method's name in callbacks, such as `eco-voucher`.
        payment_method: String = decides "payment_method",
        /// The signature, as it was sent. Reading the message does not verify it;
        /// `Verifier::verify_deposit_check` of `ecp-notify` does.
        signature: Option<Sensitive<String>> = decides "signature",
    }
}

impl DepositCheck {
    /// The amount to confirm, with its currency, counted in minor units. An error if the currency is
    /// unknown. For a method with currencies that the platform counts in major units, use
    /// `MethodSpec::received_amount` of `ecp-methods` instead.
    pub fn money(&self) -> Result<Money, UnknownCurrency> {
        let currency: Currency = self.currency.parse()?;
        Ok(Money::from_minor(self.amount, currency))
    }
}

/// The word `check_deposit`, the only value that the type of a [`DepositCheck`] may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckDeposit;

impl FromJson for CheckDeposit {
    borrows_nothing!();

    fn borrow_from(value: Value<'_>) -> Result<Self, ModelError> {
        match value.as_str() {
            Some("check_deposit") => Ok(Self),
            _ => Err(ModelError::value(value, "expected `check_deposit`")),
        }
    }
}

/// The merchant's answer to a [`DepositCheck`]: code 0 accepts the amount, any other code declines
/// the payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfirmationAnswer {
    /// 0 to accept the amount; any other number, of the merchant's choice, declines the payment.
    pub code: i64,
    /// The merchant's id of the payment, as in the request.
    pub payment_id: PaymentId,
}

impl ConfirmationAnswer {
    /// The answer as JSON in the documented form: `{"code":0,"payment_id":"X03936"}`.
    pub fn to_json(&self) -> Vec<u8> {
        let id = json_string(self.payment_id.as_str());
        format!(r#"{{"code":{},"payment_id":{id}}}"#, self.code).into_bytes()
    }
}

impl FromJson for ConfirmationAnswer {
    borrows_nothing!();

    fn borrow_from(value: Value<'_>) -> Result<Self, ModelError> {
        if !matches!(value.kind(), Kind::Object) {
            return Err(ModelError::expected("an object", value));
        }
        let member = |name| value.get(name).ok_or_else(|| ModelError::missing(value, name));
        Ok(Self {
            code: i64::from_json(member("code")?)?,
            payment_id: PaymentId::from_json(member("payment_id")?)?,
        })
    }
}
