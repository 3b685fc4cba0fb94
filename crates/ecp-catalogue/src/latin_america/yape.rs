//! Yape. Source: the page `yape` of a documentation copy.

use ecp_core::Currency;
use ecp_methods::request::Field;
use ecp_methods::spec::{Certainty, Fact, Interface, Kind, Limit};
use ecp_methods::{PaymentMethod, Rule, Sale, Spec, Supports};

use crate::facts;

/// Yape: payments from electronic wallets.
///
/// <!-- from the spec: cargo xtask docs -->
/// | | |
/// |---|---|
/// | code | yape |
/// | kind | electronic wallets |
/// | currencies | PEN |
/// | Gate path | wallet/yape |
/// | sale | 10.00 to 1900.00 PEN |
/// | sale on | Gate |
/// | sale needs | customer.id, customer.ip_address, customer.first_name, customer.last_name, customer.email |
/// | other names | the code of the Payment Page and the name in callbacks are not known: use Gate, and match callbacks by the payment's id |
/// | customer's step | a redirect |
/// | asked later | customer.phone, identify.doc_number, identify.doc_type of a sale: the platform asks for those that a request lacks (clarification) |
/// | limits | those of the copy's list of Peru |
/// | declined in tests | 40000, 40400 minor units (the sandbox's choice, after Jeton Wallet's page) |
/// | redirect in tests | GET (the sandbox's choice) |
/// | source | page `yape` of a documentation copy, brand removed |
/// | certainty | documentation copy |
/// <!-- end -->
#[derive(Clone, Copy, Debug)]
pub struct Yape;

impl Supports<Sale> for Yape {}

impl PaymentMethod for Yape {
    const SPEC: Spec<Self> = Spec::new("yape", "Yape")
        .source("page `yape` of a documentation copy, brand removed")
        .certainty(Certainty::DocumentationCopy)
        .kind(Kind::Wallet)
        .gate_path("wallet/yape")
        .currencies(&[Currency::PEN])
        .flow::<Sale>(
            Rule::new()
                .limited(&[Limit::of(Currency::PEN).from("10.00").to("1900.00")])
                .on(&[Interface::Gate])
                .needs(&[
                    Field::CUSTOMER_ID,
                    Field::CUSTOMER_IP_ADDRESS,
                    Field::CUSTOMER_FIRST_NAME,
                    Field::CUSTOMER_LAST_NAME,
                    Field::CUSTOMER_EMAIL,
                ]),
        )
        .facts(&[
            facts::NAMES,
            Fact::new("customer's step", "a redirect"),
            Fact::new(
                "asked later",
                "customer.phone, identify.doc_number, identify.doc_type of a sale: the \
                 platform asks for those that a request lacks (clarification)",
            ),
            Fact::new("limits", "those of the copy's list of Peru"),
        ]);
}
