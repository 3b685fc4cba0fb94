//! PagoEfectivo. Source: the page `pagoefectivo` of a copy of the platform's documentation.

use ecp_core::Currency;
use ecp_methods::request::Field;
use ecp_methods::spec::{Certainty, Fact, Interface, Kind, Limit};
use ecp_methods::{PaymentMethod, Rule, Sale, Spec, Supports};

use crate::{facts, fields};

/// The payment method PagoEfectivo: payments with vouchers. Pass it to the calls of `Gate` (crate
/// `ecp-transport`), as in `gate.sale(&PagoEfectivo, &request)`, after your account manager has
/// confirmed that it is connected to your project.
///
/// <!-- from the spec: cargo xtask docs -->
/// | | |
/// |---|---|
/// | code in this library | pagoefectivo |
/// | kind | vouchers |
/// | currencies | PEN |
/// | Gate path | voucher/pagoefectivo |
/// | sale amounts | 1.00 to 43000.00 PEN |
/// | sale offered on | Gate |
/// | fields that a sale needs | customer.id, customer.ip_address, customer.first_name, customer.last_name, customer.email, identify.doc_number |
/// | Payment Page code and name in callbacks | not known: send requests to Gate, and match callbacks by the payment's id |
/// | customer's step in a sale | a redirect |
/// | optional fields | return_url.success, return_url.decline, return_url.return of a sale |
/// | source of the limits | the list of payment methods in Peru, in the copy of the documentation |
/// | amounts declined in tests | 40000, 40400 minor units (the sandbox's choice: the amounts of Jeton Wallet's page) |
/// | customer's redirect in tests | GET (the sandbox's choice) |
/// | source of this table | page `pagoefectivo` of a copy of the platform's documentation |
/// | certainty | documentation copy: the source is a copy of the platform's documentation; ask your account manager whether the platform offers you the method, and with which differences |
/// <!-- end -->
#[derive(Clone, Copy, Debug)]
pub struct PagoEfectivo;

impl Supports<Sale> for PagoEfectivo {}

impl PaymentMethod for PagoEfectivo {
    const SPEC: Spec<Self> = Spec::new("pagoefectivo", "PagoEfectivo")
        .source("page `pagoefectivo` of a copy of the platform's documentation")
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
            Fact::new("customer's step in a sale", "a redirect"),
            Fact::new(
                "optional fields",
                "return_url.success, return_url.decline, return_url.return of a sale",
            ),
            Fact::new(
                "source of the limits",
                "the list of payment methods in Peru, in the copy of the documentation",
            ),
        ]);
}
