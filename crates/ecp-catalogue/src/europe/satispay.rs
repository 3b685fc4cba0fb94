//! Satispay. Source: the page `satispay` of a documentation copy.

use ecp_core::Currency;
use ecp_methods::request::Field;
use ecp_methods::spec::{Certainty, Fact, Interface, Kind};
use ecp_methods::{PaymentMethod, Refund, Rule, Sale, Spec, Supports};

use crate::facts;

/// Satispay: payments from electronic wallets, and refunds.
///
/// <!-- from the spec: cargo xtask docs -->
/// | | |
/// |---|---|
/// | code | satispay |
/// | kind | electronic wallets |
/// | regions | AT, BE, BG, CH, CY, CZ, DE, DK, EE, ES, FI, FR, GB, GR, HR, HU, IE, IS, IT, LI, LT, LU, LV, MT, NL, NO, PL, PT, RO, SE, SI, SK |
/// | currencies | EUR |
/// | Gate path | wallet/satispay |
/// | sale | limits not stated |
/// | sale on | Gate |
/// | sale needs | customer.id, customer.ip_address, customer.email |
/// | refund | limits not stated, partial allowed |
/// | refund on | Gate |
/// | refund needs | payment.description |
/// | other names | the code of the Payment Page and the name in callbacks are not known: use Gate, and match callbacks by the payment's id |
/// | customer's step | a redirect |
/// | asked later | customer.first_name, customer.last_name, customer.country of a sale: the platform asks for those that a request lacks (clarification) |
/// | declined in tests | 40000, 40400 minor units (the sandbox's choice, after Jeton Wallet's page) |
/// | redirect in tests | GET (the sandbox's choice) |
/// | source | page `satispay` of a documentation copy, brand removed |
/// | certainty | documentation copy |
/// <!-- end -->
#[derive(Clone, Copy, Debug)]
pub struct Satispay;

impl Supports<Sale> for Satispay {}
impl Supports<Refund> for Satispay {}

impl PaymentMethod for Satispay {
    const SPEC: Spec<Self> = Spec::new("satispay", "Satispay")
        .source("page `satispay` of a documentation copy, brand removed")
        .certainty(Certainty::DocumentationCopy)
        .kind(Kind::Wallet)
        .gate_path("wallet/satispay")
        .regions(&[
            "AT", "BE", "BG", "CH", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GB", "GR",
            "HR", "HU", "IE", "IS", "IT", "LI", "LT", "LU", "LV", "MT", "NL", "NO", "PL", "PT",
            "RO", "SE", "SI", "SK",
        ])
        .currencies(&[Currency::EUR])
        .flow::<Sale>(Rule::new().on(&[Interface::Gate]).needs(&[
            Field::CUSTOMER_ID,
            Field::CUSTOMER_IP_ADDRESS,
            Field::CUSTOMER_EMAIL,
        ]))
        .flow::<Refund>(Rule::new().on(&[Interface::Gate]).needs(&[Field::DESCRIPTION]).partial())
        .facts(&[
            facts::NAMES,
            Fact::new("customer's step", "a redirect"),
            Fact::new(
                "asked later",
                "customer.first_name, customer.last_name, customer.country of a sale: the \
                 platform asks for those that a request lacks (clarification)",
            ),
        ]);
}
