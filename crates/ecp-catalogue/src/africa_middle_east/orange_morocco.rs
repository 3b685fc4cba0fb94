//! Orange (Morocco). Source: the page `orange` of a copy of the platform's documentation.

use ecp_core::Currency;
use ecp_methods::request::Field;
use ecp_methods::spec::{Certainty, Fact, Interface, Kind};
use ecp_methods::{PaymentMethod, Payout, Rule, Sale, Spec, Supports};

use crate::facts;

/// The payment method Orange (Morocco): payments from and payouts to electronic wallets. Pass it to
/// the calls of `Gate` (crate `ecp-transport`), as in `gate.sale(&OrangeMorocco, &request)`, after
/// your account manager has confirmed that it is connected to your project.
///
/// <!-- from the spec: cargo xtask docs -->
/// | | |
/// |---|---|
/// | code in this library | orange-morocco |
/// | kind | electronic wallets |
/// | currencies | MAD |
/// | Gate path | wallet/orange |
/// | sale amounts | limits not stated |
/// | sale offered on | Gate |
/// | fields that a sale needs | customer.id, customer.ip_address, customer.first_name, customer.last_name, customer.email |
/// | payout amounts | limits not stated |
/// | payout offered on | Gate |
/// | fields that a payout needs | customer.id, customer.ip_address, customer.first_name, customer.last_name, customer.email, account.number |
/// | Payment Page code and name in callbacks | not known: send requests to Gate, and match callbacks by the payment's id |
/// | customer's step in a sale | a redirect, or an instruction to show to the customer (display_data) |
/// | amounts declined in tests | 40000, 40400 minor units (the sandbox's choice: the amounts of Jeton Wallet's page) |
/// | customer's redirect in tests | GET (the sandbox's choice) |
/// | source of this table | page `orange` of a copy of the platform's documentation |
/// | certainty | documentation copy: the source is a copy of the platform's documentation; ask your account manager whether the platform offers you the method, and with which differences |
/// <!-- end -->
#[derive(Clone, Copy, Debug)]
pub struct OrangeMorocco;

impl Supports<Sale> for OrangeMorocco {}
impl Supports<Payout> for OrangeMorocco {}

impl PaymentMethod for OrangeMorocco {
    const SPEC: Spec<Self> = Spec::new("orange-morocco", "Orange (Morocco)")
        .source("page `orange` of a copy of the platform's documentation")
        .certainty(Certainty::DocumentationCopy)
        .kind(Kind::Wallet)
        .gate_path("wallet/orange")
        .currencies(&[Currency::MAD])
        .flow::<Sale>(Rule::new().on(&[Interface::Gate]).needs(&[
            Field::CUSTOMER_ID,
            Field::CUSTOMER_IP_ADDRESS,
            Field::CUSTOMER_FIRST_NAME,
            Field::CUSTOMER_LAST_NAME,
            Field::CUSTOMER_EMAIL,
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
            Fact::new(
                "customer's step in a sale",
                "a redirect, or an instruction to show to the customer (display_data)",
            ),
        ]);
}
