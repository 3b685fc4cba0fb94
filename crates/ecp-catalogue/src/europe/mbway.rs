//! MB WAY. Source: the page `mbway` of a documentation copy.

use std::time::Duration;

use ecp_core::Currency;
use ecp_methods::request::Field;
use ecp_methods::spec::{Certainty, Fact, Interface, Kind};
use ecp_methods::{PaymentMethod, Rule, Sale, Spec, Supports};

use crate::facts;

/// MB WAY: payments from electronic wallets.
///
/// <!-- from the spec: cargo xtask docs -->
/// | | |
/// |---|---|
/// | code | mbway |
/// | kind | electronic wallets |
/// | currencies | EUR |
/// | Gate path | wallet/mbway |
/// | sale | limits not stated, base time 900 s, cut-off time 86400 s |
/// | sale on | Gate |
/// | sale needs | customer.id, customer.ip_address, customer.first_name, customer.last_name, customer.email |
/// | other names | the code of the Payment Page and the name in callbacks are not known: use Gate, and match callbacks by the payment's id |
/// | customer's step | a redirect, or an instruction to show (display_data) |
/// | asked later | account.number of a sale: the platform asks for those that a request lacks (clarification) |
/// | declined in tests | 40000, 40400 minor units (the sandbox's choice, after Jeton Wallet's page) |
/// | redirect in tests | GET (the sandbox's choice) |
/// | source | page `mbway` of a documentation copy, brand removed |
/// | certainty | documentation copy |
/// <!-- end -->
#[derive(Clone, Copy, Debug)]
pub struct MbWay;

impl Supports<Sale> for MbWay {}

impl PaymentMethod for MbWay {
    const SPEC: Spec<Self> = Spec::new("mbway", "MB WAY")
        .source("page `mbway` of a documentation copy, brand removed")
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
            Fact::new("customer's step", "a redirect, or an instruction to show (display_data)"),
            Fact::new(
                "asked later",
                "account.number of a sale: the platform asks for those that a request lacks \
                 (clarification)",
            ),
        ]);
}
