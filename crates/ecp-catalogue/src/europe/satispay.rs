//! Satispay. Source: the page `satispay` of a copy of the platform's documentation.

use ecp_core::Currency;
use ecp_methods::request::Field;
use ecp_methods::spec::{Certainty, Fact, Interface, Kind};
use ecp_methods::{PaymentMethod, Refund, Rule, Sale, Spec, Supports};

use crate::facts;

/// The payment method Satispay: payments from electronic wallets, and refunds. Pass it to the calls
/// of `Gate` (crate `ecp-transport`), as in `gate.sale(&Satispay, &request)`, after your account
/// manager has confirmed that it is connected to your project.
///
/// <!-- from the spec: cargo xtask docs -->
/// | | |
/// |---|---|
/// | code in this library | satispay |
/// | kind | electronic wallets |
/// | countries | AT, BE, BG, CH, CY, CZ, DE, DK, EE, ES, FI, FR, GB, GR, HR, HU, IE, IS, IT, LI, LT, LU, LV, MT, NL, NO, PL, PT, RO, SE, SI, SK |
/// | currencies | EUR |
/// | Gate path | wallet/satispay |
/// | sale amounts | limits not stated |
/// | sale offered on | Gate |
/// | fields that a sale needs | customer.id, customer.ip_address, customer.email |
/// | refund amounts | limits not stated, a part of the payment is possible |
/// | refund offered on | Gate |
/// | fields that a refund needs | payment.description |
/// | Payment Page code and name in callbacks | not known: send requests to Gate, and match callbacks by the payment's id |
/// | customer's step in a sale | a redirect |
/// | fields that the platform asks for later | customer.first_name, customer.last_name, customer.country of a sale, if missing in the request (clarification) |
/// | amounts declined in tests | 40000, 40400 minor units (the sandbox's choice: the amounts of Jeton Wallet's page) |
/// | customer's redirect in tests | GET (the sandbox's choice) |
/// | source of this table | page `satispay` of a copy of the platform's documentation |
/// | certainty | documentation copy: the source is a copy of the platform's documentation; ask your account manager whether the platform offers you the method, and with which differences |
/// <!-- end -->
#[derive(Clone, Copy, Debug)]
pub struct Satispay;

impl Supports<Sale> for Satispay {}
impl Supports<Refund> for Satispay {}

impl PaymentMethod for Satispay {
    const SPEC: Spec<Self> = Spec::new("satispay", "Satispay")
        .source("page `satispay` of a copy of the platform's documentation")
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
            Fact::new("customer's step in a sale", "a redirect"),
            Fact::new(
                "fields that the platform asks for later",
                "customer.first_name, customer.last_name, customer.country of a sale, if \
                 missing in the request (clarification)",
            ),
        ]);
}
