//! Peru QR. Source: the page `peru` of a documentation copy.

use ecp_core::Currency;
use ecp_methods::request::Field;
use ecp_methods::spec::{Certainty, Fact, Interface, Kind};
use ecp_methods::{PaymentMethod, Rule, Sale, Spec, Supports};

use crate::facts;

/// Peru QR: payments from electronic wallets.
///
/// <!-- from the spec: cargo xtask docs -->
/// | | |
/// |---|---|
/// | code | peru-qr |
/// | kind | electronic wallets |
/// | currencies | PEN |
/// | Gate path | wallet/peru-qr |
/// | sale | limits not stated |
/// | sale on | Gate |
/// | sale needs | customer.id, customer.ip_address, customer.first_name, customer.last_name, customer.email |
/// | other names | the code of the Payment Page and the name in callbacks are not known: use Gate, and match callbacks by the payment's id |
/// | customer's step | a redirect |
/// | asked later | identify.doc_number, identify.doc_type of a sale: the platform asks for those that a request lacks (clarification) |
/// | optional fields | return_url.success, return_url.decline, return_url.return of a sale |
/// | declined in tests | 40000, 40400 minor units (the sandbox's choice, after Jeton Wallet's page) |
/// | redirect in tests | GET (the sandbox's choice) |
/// | source | page `peru` of a documentation copy, brand removed |
/// | certainty | documentation copy |
/// <!-- end -->
#[derive(Clone, Copy, Debug)]
pub struct PeruQr;

impl Supports<Sale> for PeruQr {}

impl PaymentMethod for PeruQr {
    const SPEC: Spec<Self> = Spec::new("peru-qr", "Peru QR")
        .source("page `peru` of a documentation copy, brand removed")
        .certainty(Certainty::DocumentationCopy)
        .kind(Kind::Wallet)
        .gate_path("wallet/peru-qr")
        .currencies(&[Currency::PEN])
        .flow::<Sale>(Rule::new().on(&[Interface::Gate]).needs(&[
            Field::CUSTOMER_ID,
            Field::CUSTOMER_IP_ADDRESS,
            Field::CUSTOMER_FIRST_NAME,
            Field::CUSTOMER_LAST_NAME,
            Field::CUSTOMER_EMAIL,
        ]))
        .facts(&[
            facts::NAMES,
            Fact::new("customer's step", "a redirect"),
            Fact::new(
                "asked later",
                "identify.doc_number, identify.doc_type of a sale: the platform asks for \
                 those that a request lacks (clarification)",
            ),
            Fact::new(
                "optional fields",
                "return_url.success, return_url.decline, return_url.return of a sale",
            ),
        ]);
}
