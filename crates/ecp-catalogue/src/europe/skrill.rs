//! Skrill. Source: the page `skrill-wallet` of a documentation copy.

use ecp_core::Currency;
use ecp_methods::request::Field;
use ecp_methods::spec::{Certainty, Fact, Interface, Kind};
use ecp_methods::{PaymentMethod, Rule, Sale, Spec, Supports};

use crate::facts;

/// Skrill: payments from electronic wallets.
///
/// <!-- from the spec: cargo xtask docs -->
/// | | |
/// |---|---|
/// | code | skrill |
/// | kind | electronic wallets |
/// | currencies | EUR |
/// | Gate path | wallet/skrill |
/// | sale | limits not stated |
/// | sale on | Gate |
/// | sale needs | customer.id, customer.ip_address, customer.first_name, customer.last_name, customer.email, customer.address, customer.city, customer.country, customer.zip |
/// | other names | the code of the Payment Page and the name in callbacks are not known: use Gate, and match callbacks by the payment's id |
/// | customer's step | a redirect |
/// | asked later | customer.phone of a sale: the platform asks for those that a request lacks (clarification) |
/// | optional fields | return_url.return of a sale |
/// | more on regions | EU, EEA and UK, as the page has it |
/// | declined in tests | 40000, 40400 minor units (the sandbox's choice, after Jeton Wallet's page) |
/// | redirect in tests | GET (the sandbox's choice) |
/// | source | page `skrill-wallet` of a documentation copy, brand removed |
/// | certainty | documentation copy |
/// <!-- end -->
#[derive(Clone, Copy, Debug)]
pub struct Skrill;

impl Supports<Sale> for Skrill {}

impl PaymentMethod for Skrill {
    const SPEC: Spec<Self> = Spec::new("skrill", "Skrill")
        .source("page `skrill-wallet` of a documentation copy, brand removed")
        .certainty(Certainty::DocumentationCopy)
        .kind(Kind::Wallet)
        .gate_path("wallet/skrill")
        .currencies(&[Currency::EUR])
        .flow::<Sale>(Rule::new().on(&[Interface::Gate]).needs(&[
            Field::CUSTOMER_ID,
            Field::CUSTOMER_IP_ADDRESS,
            Field::CUSTOMER_FIRST_NAME,
            Field::CUSTOMER_LAST_NAME,
            Field::CUSTOMER_EMAIL,
            Field::CUSTOMER_ADDRESS,
            Field::CUSTOMER_CITY,
            Field::CUSTOMER_COUNTRY,
            Field::CUSTOMER_ZIP,
        ]))
        .facts(&[
            facts::NAMES,
            Fact::new("customer's step", "a redirect"),
            Fact::new(
                "asked later",
                "customer.phone of a sale: the platform asks for those that a request lacks \
                 (clarification)",
            ),
            Fact::new("optional fields", "return_url.return of a sale"),
            Fact::new("more on regions", "EU, EEA and UK, as the page has it"),
        ]);
}
