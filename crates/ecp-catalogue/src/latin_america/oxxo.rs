//! OXXO. Source: the page `oxxo` of a documentation copy.

use ecp_core::Currency;
use ecp_methods::request::{Draft, Field};
use ecp_methods::spec::{
    Certainty, Conversion, Fact, Interface, Kind, Limit, TestRedirect, Testing,
};
use ecp_methods::{PaymentMethod, Reason, Rule, Sale, Spec, Supports};

use crate::{checks, facts, fields};

/// OXXO: payments with vouchers.
///
/// <!-- from the spec: cargo xtask docs -->
/// | | |
/// |---|---|
/// | code | oxxo |
/// | kind | vouchers |
/// | currencies | MXN, USD |
/// | conversion | by the platform |
/// | Gate path | voucher/oxxo |
/// | sale | 1.60 to 500.00 USD |
/// | sale on | Gate |
/// | sale needs | customer.id, customer.ip_address, customer.first_name, customer.last_name, customer.email, identify.doc_number |
/// | other names | the code of the Payment Page and the name in callbacks are not known: use Gate, and match callbacks by the payment's id |
/// | customer's step | a redirect |
/// | optional fields | return_url.success, return_url.decline, return_url.return of a sale |
/// | limits | those of the copy's list of Mexico |
/// | document | its number has 10 to 18 digits |
/// | life of a voucher | 10 days, when it can still be paid within 30 at the bank, or 3 days: by the provider |
/// | amounts | have no fraction with some providers |
/// | declined in tests | 40000, 40400 minor units (the sandbox's choice, after Jeton Wallet's page) |
/// | redirect in tests | GET (the sample on the page) |
/// | source | page `oxxo` of a documentation copy, brand removed |
/// | certainty | documentation copy |
/// <!-- end -->
#[derive(Clone, Copy, Debug)]
pub struct Oxxo;

impl Supports<Sale> for Oxxo {}

impl PaymentMethod for Oxxo {
    const SPEC: Spec<Self> = Spec::new("oxxo", "OXXO")
        .source("page `oxxo` of a documentation copy, brand removed")
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
            Fact::new("customer's step", "a redirect"),
            Fact::new(
                "optional fields",
                "return_url.success, return_url.decline, return_url.return of a sale",
            ),
            Fact::new("limits", "those of the copy's list of Mexico"),
            Fact::new("document", "its number has 10 to 18 digits"),
            Fact::new(
                "life of a voucher",
                "10 days, when it can still be paid within 30 at the bank, or 3 days: by \
                 the provider",
            ),
            Fact::new("amounts", "have no fraction with some providers"),
        ])
        .testing(Testing::new().redirect(TestRedirect::Get));

    fn check(&self, request: &Draft<'_>) -> Result<(), Reason> {
        checks::digits(request, fields::IDENTIFY_DOC_NUMBER, 10, 18)
    }
}
