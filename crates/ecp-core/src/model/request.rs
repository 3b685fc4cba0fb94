//! Requests as they stand on the wire, for tools and tests that read them. Merchants build theirs
//! with `ecp-methods`, which checks them.

use super::{Account, Customer, model};
use crate::{PaymentId, ProjectId, Sensitive};

model! {
    /// A Gate request of any method (sources: request fields).
    pub struct GateRequest / GateRequestRef {
        /// Ids.
        general: GateGeneral = decides "general",
        /// The payment.
        payment: Option<GatePayment> = decides "payment",
        /// The customer.
        customer: Option<Customer> = decides "customer",
        /// The account to pay to.
        account: Option<Account> = decides "account",
        /// Where the customer returns to.
        return_url: Option<ReturnUrls> = decides "return_url",
    }
}

model! {
    /// `general` of a Gate request.
    pub struct GateGeneral / GateGeneralRef {
        /// The project.
        project_id: ProjectId = decides "project_id",
        /// The payment.
        payment_id: Option<PaymentId> = decides "payment_id",
        /// Where to send this payment's callbacks instead of the project's address.
        merchant_callback_url: Option<String> = decides "merchant_callback_url",
        /// The signature, unproven here.
        signature: Option<Sensitive<String>> = decides "signature",
    }
}

model! {
    /// `payment` of a Gate request. Amount and currency may be absent in a full refund.
    pub struct GatePayment / GatePaymentRef {
        /// Minor units.
        amount: Option<i64> = decides "amount",
        /// The three-letter code.
        currency: Option<String> = decides "currency",
        /// The merchant's description.
        description: Option<Sensitive<String>> = decides "description",
        /// The merchant's id of the refund.
        merchant_refund_id: Option<String> = decides "merchant_refund_id",
    }
}

model! {
    /// `return_url`: where the customer returns to.
    pub struct ReturnUrls / ReturnUrlsRef {
        /// After a success.
        success: Option<String> = decides "success",
        /// After a decline.
        decline: Option<String> = decides "decline",
        /// Whatever happened.
        neutral: Option<String> = decides "return",
    }
}

model! {
    /// The parameters that open the Payment Page (sources: Payment Page); all but these are in
    /// `extra`.
    pub struct PageParameters / PageParametersRef {
        /// The project.
        project_id: ProjectId = decides "project_id",
        /// The payment.
        payment_id: PaymentId = decides "payment_id",
        /// Minor units; EcoVoucher allows 0.
        payment_amount: i64 = decides "payment_amount",
        /// The three-letter code.
        payment_currency: String = decides "payment_currency",
        /// The merchant's id of the customer.
        customer_id: Sensitive<String> = decides "customer_id",
        /// The method to open with.
        force_payment_method: Option<String> = decides "force_payment_method",
        /// The signature, unproven here.
        signature: Option<Sensitive<String>> = decides "signature",
    }
}
