//! Requests as the platform reads them. Merchants build theirs with `ecp-methods`, which checks
//! them; these models serve whoever stands on the other side.

use super::{Account, Customer, model};
use crate::{PaymentId, ProjectId, RequestId, Sensitive};

model! {
    /// A Gate request of any method (PROTOCOL 2.4).
    pub struct GateRequest {
        /// Ids.
        general: GateGeneral = "general",
        /// The payment.
        payment: Option<GatePayment> = "payment",
        /// The customer.
        customer: Option<Customer> = "customer",
        /// The account to pay to.
        account: Option<Account> = "account",
        /// Where the customer returns to.
        return_url: Option<ReturnUrls> = "return_url",
    }
}

model! {
    /// `general` of a Gate request.
    pub struct GateGeneral {
        /// The project.
        project_id: ProjectId = "project_id",
        /// The payment.
        payment_id: Option<PaymentId> = "payment_id",
        /// The request, in a status request by id.
        request_id: Option<RequestId> = "request_id",
        /// Where to send this payment's callbacks instead of the project's address.
        merchant_callback_url: Option<String> = "merchant_callback_url",
        /// The signature, unproven here.
        signature: Option<Sensitive<String>> = "signature",
    }
}

model! {
    /// `payment` of a Gate request. Amount and currency may be absent in a full refund.
    pub struct GatePayment {
        /// Minor units.
        amount: Option<i64> = "amount",
        /// The three-letter code.
        currency: Option<String> = "currency",
        /// The merchant's description.
        description: Option<Sensitive<String>> = "description",
        /// The merchant's id of the refund.
        merchant_refund_id: Option<String> = "merchant_refund_id",
    }
}

model! {
    /// `return_url`: where the customer returns to.
    pub struct ReturnUrls {
        /// After a success.
        success: Option<String> = "success",
        /// After a decline.
        decline: Option<String> = "decline",
        /// Whatever happened.
        neutral: Option<String> = "return",
    }
}

model! {
    /// The parameters that open the Payment Page (PROTOCOL 4.3); all but these are in `extra`.
    pub struct PageParameters {
        /// The project.
        project_id: ProjectId = "project_id",
        /// The payment.
        payment_id: PaymentId = "payment_id",
        /// Minor units; EcoVoucher allows 0.
        payment_amount: i64 = "payment_amount",
        /// The three-letter code.
        payment_currency: String = "payment_currency",
        /// The merchant's id of the customer.
        customer_id: Sensitive<String> = "customer_id",
        /// The method to open with.
        force_payment_method: Option<String> = "force_payment_method",
        /// The signature, unproven here.
        signature: Option<Sensitive<String>> = "signature",
    }
}
