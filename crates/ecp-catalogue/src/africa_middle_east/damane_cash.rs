//! Damane Cash. Source: the page `damane-cash` of a documentation copy.

use ecp_core::Currency;
use ecp_methods::request::Field;
use ecp_methods::spec::{Certainty, Fact, Interface, Kind};
use ecp_methods::{PaymentMethod, Payout, Rule, Sale, Spec, Supports};

use crate::facts;

/// Damane Cash: payments from and payouts to electronic wallets.
///
/// <!-- from the spec: cargo xtask docs -->
/// | | |
/// |---|---|
/// | code | damane-cash |
/// | kind | electronic wallets |
/// | currencies | MAD |
/// | Gate path | wallet/damanecash |
/// | sale | limits not stated |
/// | sale on | Gate |
/// | sale needs | customer.id, customer.ip_address, customer.first_name, customer.last_name, customer.email, account.number |
/// | payout | limits not stated |
/// | payout on | Gate |
/// | payout needs | customer.id, customer.ip_address, customer.first_name, customer.last_name, customer.email, account.number |
/// | other names | the code of the Payment Page and the name in callbacks are not known: use Gate, and match callbacks by the payment's id |
/// | customer's step | a redirect, or an instruction to show (display_data) |
/// | declined in tests | 40000, 40400 minor units (the sandbox's choice, after Jeton Wallet's page) |
/// | redirect in tests | GET (the sandbox's choice) |
/// | source | page `damane-cash` of a documentation copy, brand removed |
/// | certainty | documentation copy |
/// <!-- end -->
#[derive(Clone, Copy, Debug)]
pub struct DamaneCash;

impl Supports<Sale> for DamaneCash {}
impl Supports<Payout> for DamaneCash {}

impl PaymentMethod for DamaneCash {
    const SPEC: Spec<Self> = Spec::new("damane-cash", "Damane Cash")
        .source("page `damane-cash` of a documentation copy, brand removed")
        .certainty(Certainty::DocumentationCopy)
        .kind(Kind::Wallet)
        .gate_path("wallet/damanecash")
        .currencies(&[Currency::MAD])
        .flow::<Sale>(Rule::new().on(&[Interface::Gate]).needs(&[
            Field::CUSTOMER_ID,
            Field::CUSTOMER_IP_ADDRESS,
            Field::CUSTOMER_FIRST_NAME,
            Field::CUSTOMER_LAST_NAME,
            Field::CUSTOMER_EMAIL,
            Field::ACCOUNT_NUMBER,
        ]))
        .flow::<Payout>(Rule::new().on(&[Interface::Gate]).needs(&[
            Field::CUSTOMER_ID,
            Field::CUSTOMER_IP_ADDRESS,
            Field::CUSTOMER_FIRST_NAME,
            Field::CUSTOMER_LAST_NAME,
            Field::CUSTOMER_EMAIL,
            Field::ACCOUNT_NUMBER,
        ]))
        .facts(&[
            facts::NAMES,
            Fact::new("customer's step", "a redirect, or an instruction to show (display_data)"),
        ]);
}
