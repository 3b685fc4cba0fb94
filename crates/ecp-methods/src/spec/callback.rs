//! Peculiarities of a method's callbacks, by the samples on its page.

use ecp_core::model::End;

use crate::flow::Operation;

/// How callbacks about one operation of a payment method differ from those of other methods, by the
/// samples on the method's documentation page: additional members of the JSON, and their order.
///
/// A receiver of callbacks does not need this type, because it reads every member as optional and
/// in any order. The type is for a simulated platform that sends callbacks like the samples, such
/// as `ecp-sandbox`.
///
/// ```
/// use ecp_core::model::End;
/// use ecp_methods::{Operation, PaymentMethod, WalletPartner};
///
/// let refund = WalletPartner::SPEC.callback_form(Operation::REFUND, End::Success);
/// assert_eq!((refund.provider_id(), refund.has_customer_phone()), (Some(1751), true));
/// ```
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a member that is there or not")]
pub struct CallbackForm {
    flow: Operation,
    end: Option<End>,
    provider: Option<u32>,
    provider_first: bool,
    provider_payment: bool,
    provider_date: bool,
    customer_phone: bool,
    code: Option<u32>,
    before: &'static [(&'static str, &'static str)],
}

impl CallbackForm {
    /// Creates the form of callbacks about an operation, such as a payout, with every result.
    /// Without further calls, these callbacks do not differ from those of other payment methods.
    pub const fn new(flow: Operation) -> Self {
        Self {
            flow,
            end: None,
            provider: None,
            provider_first: false,
            provider_payment: true,
            provider_date: false,
            customer_phone: false,
            code: None,
            before: &[],
        }
    }

    /// Limits this form to callbacks about operations that were declined. Without a limit, it is
    /// the form of callbacks about every result.
    pub const fn of_decline(self) -> Self {
        Self { end: Some(End::Decline), ..self }
    }

    /// Limits this form to callbacks about operations that succeeded. Without a limit, it is the
    /// form of callbacks about every result.
    pub const fn of_success(self) -> Self {
        Self { end: Some(End::Success), ..self }
    }

    /// Sets the platform's number of the provider behind the payment method, such as 1079, which
    /// callbacks have as `operation.provider.id`. By default the number is not known.
    pub const fn provider(self, id: u32) -> Self {
        Self { provider: Some(id), ..self }
    }

    /// Sets the platform's number of the provider behind the payment method
    /// (`operation.provider.id`), such as 1079, and places `operation.provider` before
    /// `operation.code` in callbacks. Usually `operation.provider` is the last member of
    /// `operation`.
    pub const fn provider_first(self, id: u32) -> Self {
        Self { provider_first: true, ..self.provider(id) }
    }

    /// Declares that `operation.provider.payment_id` is an empty text in the payment method's
    /// callbacks. By default it has a value.
    pub const fn no_provider_payment(self) -> Self {
        Self { provider_payment: false, ..self }
    }

    /// Declares that the payment method's callbacks have the member `operation.provider.date`, the
    /// provider's own time. By default they do not have it.
    pub const fn provider_date(self) -> Self {
        Self { provider_date: true, ..self }
    }

    /// Declares that the payment method's callbacks have the member `customer.phone` if the request
    /// had it. By default they do not have it.
    pub const fn customer_phone(self) -> Self {
        Self { customer_phone: true, ..self }
    }

    /// Sets the result code of a declined operation (`operation.code`) that the method's sample
    /// callback has, such as 20106. Without this call it is the usual 20000.
    pub const fn code(self, code: u32) -> Self {
        Self { code: Some(code), ..self }
    }

    /// Sets members of callbacks that do not have their usual place. Each pair has the path of a
    /// member and the path of the member that it is moved before: `("customer", "account")` moves
    /// `customer` before `account`. Both are in the same object. The moves are done one after the
    /// other.
    ///
    /// The usual order is `project_id`, `payment`, `account`, `customer`, `redirect_data`, `errors`,
    /// `operation`; in `payment`: `id`, `type`, `status`, `date`, `method`, `sum`,
    /// `merchant_refund_id`, `description`; in `operation`: `id`, `type`, `status`, `date`,
    /// `created_date`, `request_id`, `sum_initial`, `sum_converted`, `code`, `message`, `provider`; in
    /// `operation.provider`: `id`, `payment_id`, `auth_code`, `date`.
    pub const fn before(self, before: &'static [(&'static str, &'static str)]) -> Self {
        let mut at = 0;
        while at < before.len() {
            let (moved, other) = (before[at].0.as_bytes(), before[at].1.as_bytes());
            assert!(same_object(moved, other), "both paths of a move must be in the same object");
            at += 1;
        }
        Self { before, ..self }
    }

    /// The operation that callbacks of this form are about, such as a payout.
    pub const fn flow(&self) -> Operation {
        self.flow
    }

    /// The result of the operation (success or decline) to which this form of callbacks is limited,
    /// `None` if it is for every result.
    pub const fn only_end(&self) -> Option<End> {
        self.end
    }

    /// The platform's number of the provider behind the payment method, such as 1079, which
    /// callbacks have as `operation.provider.id`; `None` if the method's documentation page does
    /// not say.
    pub const fn provider_id(&self) -> Option<u32> {
        self.provider
    }

    /// Whether `operation.provider.payment_id` has a value in the payment method's callbacks;
    /// `false` means an empty text.
    pub const fn has_provider_payment(&self) -> bool {
        self.provider_payment
    }

    /// Whether the payment method's callbacks have the member `operation.provider.date`, the
    /// provider's own time.
    pub const fn has_provider_date(&self) -> bool {
        self.provider_date
    }

    /// Whether the payment method's callbacks have the member `customer.phone` if the request had
    /// it; `false` means never.
    pub const fn has_customer_phone(&self) -> bool {
        self.customer_phone
    }

    /// The result code of a declined operation (`operation.code`), by the sample callback on the
    /// method's documentation page; 20000 if the page has no other code.
    pub const fn decline_code(&self) -> u32 {
        match self.code {
            Some(code) => code,
            None => 20_000,
        }
    }

    /// The members of callbacks that do not have their usual place. Each pair has the path of a
    /// member and the path of the member that it is moved before: `("customer", "account")` means
    /// that `customer` comes before `account`.
    pub fn moved(&self) -> impl Iterator<Item = (&'static str, &'static str)> + use<> {
        let first = self.provider_first.then_some(("operation.provider", "operation.code"));
        first.into_iter().chain(self.before.iter().copied())
    }
}

/// Whether two paths differ in their last names alone.
const fn same_object(one: &[u8], other: &[u8]) -> bool {
    let (length, other_length) = (object_length(one), object_length(other));
    if length != other_length || one.len() == length || other.len() == length {
        return false;
    }
    let mut at = 0;
    while at < length {
        if one[at] != other[at] {
            return false;
        }
        at += 1;
    }
    true
}

/// Length of a path without its last name.
const fn object_length(path: &[u8]) -> usize {
    let mut length = path.len();
    while length > 0 && path[length - 1] != b'.' {
        length -= 1;
    }
    length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_moved_within_their_object_alone() {
        for (one, other, expected) in [
            ("customer", "account", true),
            ("operation.provider", "operation.code", true),
            ("operation.provider", "payment.id", false),
            ("operation.provider.id", "operation.code", false),
            ("provider", "operation.code", false),
            ("operation.", "operation.code", false),
            ("", "operation", false),
        ] {
            assert_eq!(same_object(one.as_bytes(), other.as_bytes()), expected, "{one} {other}");
        }
    }
}
