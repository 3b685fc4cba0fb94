//! MB WAY. Source: the page `mbway` of a copy of the platform's documentation.

use std::time::Duration;

use ecp_core::Currency;
use ecp_methods::request::Field;
use ecp_methods::spec::{Certainty, Fact, Interface, Kind};
use ecp_methods::{PaymentMethod, Rule, Sale, Spec, Supports};

use crate::facts;

/// The payment method MB WAY: payments from electronic wallets. Pass it to the calls of `Gate`
/// (crate `ecp-transport`), as in `gate.sale(&MbWay, &request)`, after your account manager has
/// confirmed that it is connected to your project.
///
/// <!-- from the spec: cargo xtask docs -->
/// | | |
/// |---|---|
/// | code in this library | mbway |
/// | kind | electronic wallets |
/// | currencies | EUR |
/// | Gate path | wallet/mbway |
/// | sale amounts | limits not stated |
/// | average time of a sale | 900 seconds |
/// | cut-off time of a sale | 86400 seconds |
/// | sale offered on | Gate |
/// | fields that a sale needs | customer.id, customer.ip_address, customer.first_name, customer.last_name, customer.email |
/// | Payment Page code and name in callbacks | not known: send requests to Gate, and match callbacks by the payment's id |
/// | customer's step in a sale | a redirect, or an instruction to show to the customer (display_data) |
/// | fields that the platform asks for later | account.number of a sale, if missing in the request (clarification) |
/// | amounts declined in tests | 40000, 40400 minor units (the sandbox's choice: the amounts of Jeton Wallet's page) |
/// | customer's redirect in tests | GET (the sandbox's choice) |
/// | source of this table | page `mbway` of a copy of the platform's documentation |
/// | certainty | documentation copy: the source is a copy of the platform's documentation; ask your account manager whether the platform offers you the method, and with which differences |
/// <!-- end -->
#[derive(Clone, Copy, Debug)]
pub struct MbWay;

impl Supports<Sale> for MbWay {}

impl PaymentMethod for MbWay {
    const SPEC: Spec<Self> = Spec::new("mbway", "MB WAY")
        .source("page `mbway` of a copy of the platform's documentation")
        .certainty(Certainty::DocumentationCopy)
        .kind(Kind::Wallet)
        .gate_path("wallet/mbway")
        .currencies(&[Currency::EUR])
        .flow::<Sale>(
            Rule::new()
                .on(&[Interface::Gate])
                .needs(&[
                    Field::CUSTOMER_ID,
                    Field::CUSTOMER_IP_ADDRESS,
                    Field::CUSTOMER_FIRST_NAME,
                    Field::CUSTOMER_LAST_NAME,
                    Field::CUSTOMER_EMAIL,
                ])
                .base_time(Duration::from_mins(15))
                .cut_off_time(Duration::from_hours(24)),
        )
        .facts(&[
            facts::NAMES,
            Fact::new(
                "customer's step in a sale",
                "a redirect, or an instruction to show to the customer (display_data)",
            ),
            Fact::new(
                "fields that the platform asks for later",
                "account.number of a sale, if missing in the request (clarification)",
            ),
        ]);
}
