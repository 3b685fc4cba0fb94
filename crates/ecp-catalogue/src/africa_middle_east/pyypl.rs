//! Pyypl. Source: the page `pyypl-wallet` of a copy of the platform's documentation.

use ecp_core::Currency;
use ecp_methods::request::Field;
use ecp_methods::spec::{Certainty, Fact, Interface, Kind, Limit};
use ecp_methods::{PaymentMethod, Payout, Rule, Spec, Supports};

use crate::facts;

/// The payment method Pyypl: payouts to electronic wallets. Pass it to the calls of `Gate` (crate
/// `ecp-transport`), as in `gate.payout(&Pyypl, &request)`, after your account manager has
/// confirmed that it is connected to your project.
///
/// <!-- from the spec: cargo xtask docs -->
/// | | |
/// |---|---|
/// | code in this library | pyypl |
/// | kind | electronic wallets |
/// | countries | AE, DZ, EG, LY, MA, QA, SA, TR |
/// | currencies | AED, USD |
/// | Gate path | wallet/pyypl |
/// | payout amounts | 1.00 or more in major units of the currency |
/// | payout offered on | Gate |
/// | fields that a payout needs | customer.id, customer.ip_address, customer.email, customer.first_name, customer.last_name, account.number |
/// | Payment Page code and name in callbacks | not known: send requests to Gate, and match callbacks by the payment's id |
/// | customer's step in a sale | a redirect |
/// | other operations | sale and refund, whose fields are not known |
/// | amounts declined in tests | 40000, 40400 minor units (the sandbox's choice: the amounts of Jeton Wallet's page) |
/// | source of this table | page `pyypl-wallet` of a copy of the platform's documentation |
/// | certainty | documentation copy: the source is a copy of the platform's documentation; ask your account manager whether the platform offers you the method, and with which differences |
/// <!-- end -->
#[derive(Clone, Copy, Debug)]
pub struct Pyypl;

impl Supports<Payout> for Pyypl {}

impl PaymentMethod for Pyypl {
    const SPEC: Spec<Self> = Spec::new("pyypl", "Pyypl")
        .source("page `pyypl-wallet` of a copy of the platform's documentation")
        .certainty(Certainty::DocumentationCopy)
        .kind(Kind::Wallet)
        .gate_path("wallet/pyypl")
        .regions(&["AE", "DZ", "EG", "LY", "MA", "QA", "SA", "TR"])
        .currencies(&[Currency::AED, Currency::USD])
        .flow::<Payout>(
            Rule::new().limited(&[Limit::any().from("1.00")]).on(&[Interface::Gate]).needs(&[
                Field::CUSTOMER_ID,
                Field::CUSTOMER_IP_ADDRESS,
                Field::CUSTOMER_EMAIL,
                Field::CUSTOMER_FIRST_NAME,
                Field::CUSTOMER_LAST_NAME,
                Field::ACCOUNT_NUMBER,
            ]),
        )
        .facts(&[
            facts::NAMES,
            Fact::new("customer's step in a sale", "a redirect"),
            Fact::new("other operations", "sale and refund, whose fields are not known"),
        ]);
}
