//! Requests as received by a server, for tools and tests that read them. Merchants build theirs
//! with `ecp-methods`, which checks them.

use super::{Account, Customer, model};
use crate::json::Value;
use crate::{PaymentId, ProjectId, Sensitive};

model! {
    /// A request to Gate for any payment method, as the receiving server reads it: for tools and
    /// tests (sources: request fields). To send a request, build it with `ecp-methods`.
    pub struct GateRequest / GateRequestRef {
        /// Ids of the project and the payment, and the signature.
        general: GateGeneral = decides "general",
        /// The amount and other data of the payment; `None` if the request has none.
        payment: Option<GatePayment> = decides "payment",
        /// The customer's id and personal data; `None` if the request has none.
        customer: Option<Customer> = decides "customer",
        /// The wallet or card that a payout goes to, or that a sale is paid from where the method asks
        /// for it.
        account: Option<Account> = decides "account",
        /// Addresses to which the customer returns after the payment; `None` if the request has
        /// none.
        return_url: Option<ReturnUrls> = decides "return_url",
    }
}

model! {
    /// The object `general` of a Gate request: ids, callback address and signature.
    pub struct GateGeneral / GateGeneralRef {
        /// The project's id.
        project_id: ProjectId = decides "project_id",
        /// The merchant's id of the payment; `None` if the request does not name one.
        payment_id: Option<PaymentId> = decides "payment_id",
        /// Callback address for this payment. `None` means the callback address of the project.
        merchant_callback_url: Option<String> = decides "merchant_callback_url",
        /// The signature, as it was sent. Reading the message does not verify it;
        /// [`signature::verify`](crate::signature::verify) does.
        signature: Option<Sensitive<String>> = decides "signature",
    }
}

model! {
    /// The object `payment` of a Gate request. Amount and currency may be absent in a full refund.
    pub struct GatePayment / GatePaymentRef {
        /// The amount in minor units of the currency; in major units for the few methods whose
        /// description in `ecp-methods` says so (`MethodSpec::major_units`).
        amount: Option<i64> = decides "amount",
        /// The three-letter code of the currency.
        currency: Option<String> = decides "currency",
        /// The merchant's description of the payment.
        description: Option<Sensitive<String>> = decides "description",
        /// The merchant's id of the refund, a new one for each refund; `None` if the request is no
        /// refund or names none.
        merchant_refund_id: Option<String> = decides "merchant_refund_id",
    }
}

model! {
    /// The object `return_url` of a Gate request: addresses to which the customer returns after the
    /// payment. Which of them a request must have depends on the payment method.
    pub struct ReturnUrls / ReturnUrlsRef {
        /// Address to which the customer returns after a successful payment.
        success: Option<String> = decides "success",
        /// Address to which the customer returns after a declined payment.
        decline: Option<String> = decides "decline",
        /// Address to which the customer returns after any result of the payment. Its name in the
        /// request is `return`.
        neutral: Option<String> = decides "return",
    }
}

model! {
    /// The parameters that open the Payment Page (sources: Payment Page). Parameters without a
    /// field here are in `extra`.
    pub struct PageParameters / PageParametersRef {
        /// The project's id.
        project_id: ProjectId = decides "project_id",
        /// The merchant's id of the payment.
        payment_id: PaymentId = decides "payment_id",
        /// The amount in minor units of the currency; EcoVoucher allows 0. In major units for the
        /// few methods whose description in `ecp-methods` says so (`MethodSpec::major_units`).
        payment_amount: i64 = decides "payment_amount",
        /// The three-letter code of the currency.
        payment_currency: String = decides "payment_currency",
        /// The merchant's id of the customer.
        customer_id: Sensitive<String> = decides "customer_id",
        /// Code of the payment method that the page preselects; `None` if none is preselected.
        force_payment_method: Option<String> = decides "force_payment_method",
        /// The signature, as it was sent. Reading the parameters does not verify it;
        /// [`signature::verify`](crate::signature::verify) does.
        signature: Option<Sensitive<String>> = decides "signature",
    }
}

/// Declares the names of a set, and a function that checks whether a name is one of them.
macro_rules! page_names {
    ($($name:literal,)*) => {
        impl PageParameters {
            /// Names of the Payment Page's parameters that occur in the platform's documents,
            /// official SDKs or shop plug-ins (sources: Payment Page). All of them are at the top
            /// level of the message.
            pub const NAMES: &'static [&'static str] = &[$($name),*];

            /// Whether a member at the top level of a message is a parameter of the Payment Page:
            /// one of [`NAMES`](Self::NAMES), or any name that begins with `payment_` or
            /// `customer_`. The customer sees these parameters with a valid signature in the page's
            /// address and could send them as another message, so a callback or a status answer
            /// that has one is refused. A `check_deposit` request has some of these names itself
            /// (`payment_id`, `customer_id`, `payment_method`), and is refused only for others.
            ///
            /// `project_id` and `signature` belong to every message and are not counted.
            /// `recurring` is not counted if its value is `null`, an empty list or an object,
            /// because callbacks have such a member too.
            pub fn is_parameter(name: &str, value: Value<'_>) -> bool {
                match name {
                    "recurring" if value.is_object() || value.is_nothing() => false,
                    $($name)|* => true,
                    _ => name.starts_with("payment_") || name.starts_with("customer_"),
                }
            }
        }
    };
}

page_names! {
    "account_token",
    "addendum_data",
    "additional_data",
    "avs_post_code",
    "avs_street_address",
    "baseUrl",
    "baseurl",
    "best_before",
    "billing_address",
    "billing_city",
    "billing_country",
    "billing_postal",
    "billing_region",
    "billing_region_code",
    "booking_info",
    "card_operation_type",
    "cash_voucher_data",
    "cashier_default_mode",
    "cashier_force_mode",
    "cashier_manual_input",
    "cashier_max_value",
    "cashier_min_value",
    "cashier_predefined_amounts",
    "close_on_missclick",
    "css_modal_wrap",
    "customer_address",
    "customer_city",
    "customer_country",
    "customer_day_of_birth",
    "customer_email",
    "customer_first_name",
    "customer_id",
    "customer_last_name",
    "customer_phone",
    "customer_ssn",
    "customer_state",
    "customer_zip",
    "force_acs_new_window",
    "force_payment_group",
    "force_payment_method",
    "force_payment_method_subtype",
    "frame_mode",
    "hide",
    "interface_type",
    "language_code",
    "list_payment_block",
    "merchant_callback_url",
    "merchant_domain",
    "merchant_fail_enabled",
    "merchant_fail_redirect_mode",
    "merchant_fail_url",
    "merchant_return_enabled",
    "merchant_return_redirect_mode",
    "merchant_return_url",
    "merchant_success_enabled",
    "merchant_success_redirect_mode",
    "merchant_success_url",
    "mode",
    "operation_type",
    "paymentPageUrl",
    "payment_amount",
    "payment_currency",
    "payment_description",
    "payment_extra_param",
    "payment_id",
    "payment_methods_options",
    "receipt_data",
    "recurring",
    "recurring_register",
    "redirect",
    "redirect_fail_enabled",
    "redirect_fail_mode",
    "redirect_fail_url",
    "redirect_on_mobile",
    "redirect_return_enabled",
    "redirect_return_mode",
    "redirect_return_url",
    "redirect_success_enabled",
    "redirect_success_mode",
    "redirect_success_url",
    "redirect_tokenize_enabled",
    "redirect_tokenize_mode",
    "redirect_tokenize_url",
    "region_code",
    "target_element",
    "terminal_id",
}
