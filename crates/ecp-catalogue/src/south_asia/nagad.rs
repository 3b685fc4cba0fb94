//! Nagad. Source: the page `nagad` of a documentation copy.

use ecp_core::Currency;
use ecp_methods::request::Field;
use ecp_methods::spec::{Certainty, Fact, Interface, Kind, Limit};
use ecp_methods::{PaymentMethod, Payout, Rule, Sale, Spec, Supports};

use crate::facts;

/// Nagad: payments from and payouts to electronic wallets.
///
/// <!-- from the spec: cargo xtask docs -->
/// | | |
/// |---|---|
/// | code | nagad |
/// | kind | electronic wallets |
/// | currencies | BDT |
/// | Gate path | wallet/nagad |
/// | sale | 200.00 to 25000.00 BDT |
/// | sale on | Gate |
/// | sale needs | customer.id, customer.ip_address, customer.first_name, customer.last_name, customer.email |
/// | payout | 400.00 to 25000.00 BDT |
/// | payout on | Gate |
/// | payout needs | customer.id, customer.ip_address, customer.first_name, customer.last_name, customer.email, account.number |
/// | other names | the code of the Payment Page and the name in callbacks are not known: use Gate, and match callbacks by the payment's id |
/// | customer's step | a redirect, or an instruction to show (display_data) |
/// | asked later | account.number of a sale: the platform asks for those that a request lacks (clarification) |
/// | limits | those of the copy's list of Bangladesh, where the account manager can have them changed |
/// | declined in tests | 40000, 40400 minor units (the sandbox's choice, after Jeton Wallet's page) |
/// | redirect in tests | GET (the sandbox's choice) |
/// | source | page `nagad` of a documentation copy, brand removed |
/// | certainty | documentation copy |
/// <!-- end -->
#[derive(Clone, Copy, Debug)]
pub struct Nagad;

impl Supports<Sale> for Nagad {}
impl Supports<Payout> for Nagad {}

impl PaymentMethod for Nagad {
    const SPEC: Spec<Self> = Spec::new("nagad", "Nagad")
        .source("page `nagad` of a documentation copy, brand removed")
        .certainty(Certainty::DocumentationCopy)
        .kind(Kind::Wallet)
        .gate_path("wallet/nagad")
        .currencies(&[Currency::BDT])
        .flow::<Sale>(
            Rule::new()
                .limited(&[Limit::of(Currency::BDT).from("200.00").to("25000.00")])
                .on(&[Interface::Gate])
                .needs(&[
                    Field::CUSTOMER_ID,
                    Field::CUSTOMER_IP_ADDRESS,
                    Field::CUSTOMER_FIRST_NAME,
                    Field::CUSTOMER_LAST_NAME,
                    Field::CUSTOMER_EMAIL,
                ]),
        )
        .flow::<Payout>(
            Rule::new()
                .limited(&[Limit::of(Currency::BDT).from("400.00").to("25000.00")])
                .on(&[Interface::Gate])
                .needs(&[
                    Field::CUSTOMER_ID,
                    Field::CUSTOMER_IP_ADDRESS,
                    Field::CUSTOMER_FIRST_NAME,
                    Field::CUSTOMER_LAST_NAME,
                    Field::CUSTOMER_EMAIL,
                    Field::ACCOUNT_NUMBER,
                ]),
        )
        .facts(&[
            facts::NAMES,
            Fact::new("customer's step", "a redirect, or an instruction to show (display_data)"),
            Fact::new(
                "asked later",
                "account.number of a sale: the platform asks for those that a request lacks \
                 (clarification)",
            ),
            Fact::new(
                "limits",
                "those of the copy's list of Bangladesh, where the account manager can have \
                 them changed",
            ),
        ]);
}
