//! PagoEfectivo. Source: the page `pagoefectivo` of a documentation copy.

use ecp_core::Currency;
use ecp_methods::request::Field;
use ecp_methods::spec::{Certainty, Fact, Interface, Kind, Limit};
use ecp_methods::{PaymentMethod, Rule, Sale, Spec, Supports};

use crate::{facts, fields};

/// PagoEfectivo: payments with vouchers.
///
/// <!-- from the spec: cargo xtask docs -->
/// | | |
/// |---|---|
/// | code | pagoefectivo |
/// | kind | vouchers |
/// | currencies | PEN |
/// | Gate path | voucher/pagoefectivo |
/// | sale | 1.00 to 43000.00 PEN |
/// | sale on | Gate |
/// | sale needs | customer.id, customer.ip_address, customer.first_name, customer.last_name, customer.email, identify.doc_number |
/// | other names | the code of the Payment Page and the name in callbacks are not known: use Gate, and match callbacks by the payment's id |
/// | customer's step | a redirect |
/// | optional fields | return_url.success, return_url.decline, return_url.return of a sale |
/// | limits | those of the copy's list of Peru |
/// | declined in tests | 40000, 40400 minor units (the sandbox's choice, after Jeton Wallet's page) |
/// | redirect in tests | GET (the sandbox's choice) |
/// | source | page `pagoefectivo` of a documentation copy, brand removed |
/// | certainty | documentation copy |
/// <!-- end -->
#[derive(Clone, Copy, Debug)]
pub struct PagoEfectivo;

impl Supports<Sale> for PagoEfectivo {}

impl PaymentMethod for PagoEfectivo {
    const SPEC: Spec<Self> = Spec::new("pagoefectivo", "PagoEfectivo")
        .source("page `pagoefectivo` of a documentation copy, brand removed")
        .certainty(Certainty::DocumentationCopy)
        .kind(Kind::Voucher)
        .gate_path("voucher/pagoefectivo")
        .currencies(&[Currency::PEN])
        .flow::<Sale>(
            Rule::new()
                .limited(&[Limit::of(Currency::PEN).from("1.00").to("43000.00")])
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
            Fact::new("limits", "those of the copy's list of Peru"),
        ]);
}
