//! Yape. Source: the page `yape` of a copy of the platform's documentation.

use ecp_core::Currency;
use ecp_methods::request::Field;
use ecp_methods::spec::{Certainty, Fact, Interface, Kind, Limit};
use ecp_methods::{PaymentMethod, Rule, Sale, Spec, Supports};

use crate::facts;

/// The payment method Yape: payments from electronic wallets. Pass it to the calls of `Gate` (crate
/// `ecp-transport`), as in `gate.sale(&Yape, &request)`, after your account manager has confirmed
/// that it is connected to your project.
///
/// <!-- from the spec: cargo xtask docs -->
/// | | |
/// |---|---|
/// | code in this library | yape |
/// | kind | electronic wallets |
/// | currencies | PEN |
/// | Gate path | wallet/yape |
/// | sale amounts | 10.00 to 1900.00 PEN |
/// | sale offered on | Gate |
/// | fields that a sale needs | customer.id, customer.ip_address, customer.first_name, customer.last_name, customer.email |
/// | Payment Page code and name in callbacks | not known: send requests to Gate, and match callbacks by the payment's id |
/// | customer's step in a sale | a redirect |
/// | fields that the platform asks for later | customer.phone, identify.doc_number, identify.doc_type of a sale, if missing in the request (clarification) |
/// | source of the limits | the list of payment methods in Peru, in the copy of the documentation |
/// | amounts declined in tests | 40000, 40400 minor units (the sandbox's choice: the amounts of Jeton Wallet's page) |
/// | customer's redirect in tests | GET (the sandbox's choice) |
/// | source of this table | page `yape` of a copy of the platform's documentation |
/// | certainty | documentation copy: the source is a copy of the platform's documentation; ask your account manager whether the platform offers you the method, and with which differences |
/// <!-- end -->
#[derive(Clone, Copy, Debug)]
pub struct Yape;

impl Supports<Sale> for Yape {}

impl PaymentMethod for Yape {
    const SPEC: Spec<Self> = Spec::new("yape", "Yape")
        .source("page `yape` of a copy of the platform's documentation")
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
            Fact::new("customer's step in a sale", "a redirect"),
            Fact::new(
                "fields that the platform asks for later",
                "customer.phone, identify.doc_number, identify.doc_type of a sale, if \
                 missing in the request (clarification)",
            ),
            Fact::new(
                "source of the limits",
                "the list of payment methods in Peru, in the copy of the documentation",
            ),
        ]);
}
