//! OXXO. Source: the page `oxxo` of a copy of the platform's documentation.

use ecp_core::Currency;
use ecp_methods::request::{Draft, Field};
use ecp_methods::spec::{
    Certainty, Conversion, Fact, Interface, Kind, Limit, TestRedirect, Testing,
};
use ecp_methods::{PaymentMethod, Reason, Rule, Sale, Spec, Supports};

use crate::{checks, facts, fields};

/// The payment method OXXO: payments with vouchers. Pass it to the calls of `Gate` (crate
/// `ecp-transport`), as in `gate.sale(&Oxxo, &request)`, after your account manager has confirmed
/// that it is connected to your project.
///
/// <!-- from the spec: cargo xtask docs -->
/// | | |
/// |---|---|
/// | code in this library | oxxo |
/// | kind | vouchers |
/// | currencies | MXN, USD |
/// | currency conversion | by the platform |
/// | Gate path | voucher/oxxo |
/// | sale amounts | 1.60 to 500.00 USD |
/// | sale offered on | Gate |
/// | fields that a sale needs | customer.id, customer.ip_address, customer.first_name, customer.last_name, customer.email, identify.doc_number |
/// | Payment Page code and name in callbacks | not known: send requests to Gate, and match callbacks by the payment's id |
/// | customer's step in a sale | a redirect |
/// | optional fields | return_url.success, return_url.decline, return_url.return of a sale |
/// | source of the limits | the list of payment methods in Mexico, in the copy of the documentation |
/// | identify.doc_number | 10 to 18 digits |
/// | life of a voucher | 3 or 10 days, by the provider; a voucher of 10 days can still be paid at the bank within 30 days |
/// | amounts | without a fraction, for some providers |
/// | amounts declined in tests | 40000, 40400 minor units (the sandbox's choice: the amounts of Jeton Wallet's page) |
/// | customer's redirect in tests | GET (the sample on the method's page) |
/// | source of this table | page `oxxo` of a copy of the platform's documentation |
/// | certainty | documentation copy: the source is a copy of the platform's documentation; ask your account manager whether the platform offers you the method, and with which differences |
/// <!-- end -->
#[derive(Clone, Copy, Debug)]
pub struct Oxxo;

impl Supports<Sale> for Oxxo {}

impl PaymentMethod for Oxxo {
    const SPEC: Spec<Self> = Spec::new("oxxo", "OXXO")
        .source("page `oxxo` of a copy of the platform's documentation")
        .certainty(Certainty::DocumentationCopy)
        .kind(Kind::Voucher)
        .gate_path("voucher/oxxo")
        .currencies(&[Currency::MXN, Currency::USD])
        .conversion(Conversion::Platform)
        .flow::<Sale>(
            Rule::new()
                .limited(&[Limit::of(Currency::USD).from("1.60").to("500.00")])
                .on(&[Interface::Gate])
                .needs(&[
                    Field::CUSTOMER_ID,
                    Field::CUSTOMER_IP_ADDRESS,
                    Field::CUSTOMER_FIRST_NAME,
                    Field::CUSTOMER_LAST_NAME,
                    Field::CUSTOMER_EMAIL,
                    fields::IDENTIFY_DOC_NUMBER,
                ]),
        )
        .facts(&[
            facts::NAMES,
            Fact::new("customer's step in a sale", "a redirect"),
            Fact::new(
                "optional fields",
                "return_url.success, return_url.decline, return_url.return of a sale",
            ),
            Fact::new(
                "source of the limits",
                "the list of payment methods in Mexico, in the copy of the documentation",
            ),
            Fact::new("identify.doc_number", "10 to 18 digits"),
            Fact::new(
                "life of a voucher",
                "3 or 10 days, by the provider; a voucher of 10 days can still be paid at the \
                 bank within 30 days",
            ),
            Fact::new("amounts", "without a fraction, for some providers"),
        ])
        .testing(Testing::new().redirect(TestRedirect::Get));

    fn check(&self, request: &Draft<'_>) -> Result<(), Reason> {
        checks::digits(request, fields::IDENTIFY_DOC_NUMBER, 10, 18)
    }
}
