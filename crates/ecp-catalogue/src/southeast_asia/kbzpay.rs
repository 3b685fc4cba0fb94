//! KBZPay. Source: the page `kbzpay` of a documentation copy.

use ecp_core::Currency;
use ecp_methods::request::Field;
use ecp_methods::spec::{Certainty, Fact, Interface, Kind, Limit};
use ecp_methods::{PaymentMethod, Payout, Rule, Sale, Spec, Supports};

use crate::facts;

/// KBZPay: payments from and payouts to electronic wallets.
///
/// <!-- from the spec: cargo xtask docs -->
/// | | |
/// |---|---|
/// | code | kbzpay |
/// | kind | electronic wallets |
/// | currencies | MMK |
/// | Gate path | wallet/kbzpay |
/// | sale | 50.00 to 1000000.00 MMK |
/// | sale on | Gate |
/// | sale needs | customer.id, customer.ip_address, customer.first_name, customer.last_name, customer.email |
/// | payout | 50.00 to 1000000.00 MMK |
/// | payout on | Gate |
/// | payout needs | customer.id, customer.ip_address, customer.first_name, customer.last_name, customer.email, account.number |
/// | other names | the code of the Payment Page and the name in callbacks are not known: use Gate, and match callbacks by the payment's id |
/// | customer's step | a redirect |
/// | optional fields | customer.phone, customer.day_of_birth of a sale |
/// | limits | those of the copy's list of Myanmar |
/// | declined in tests | 40000, 40400 minor units (the sandbox's choice, after Jeton Wallet's page) |
/// | redirect in tests | GET (the sandbox's choice) |
/// | source | page `kbzpay` of a documentation copy, brand removed |
/// | certainty | documentation copy |
/// <!-- end -->
#[derive(Clone, Copy, Debug)]
pub struct KbzPay;

impl Supports<Sale> for KbzPay {}
impl Supports<Payout> for KbzPay {}

impl PaymentMethod for KbzPay {
    const SPEC: Spec<Self> = Spec::new("kbzpay", "KBZPay")
        .source("page `kbzpay` of a documentation copy, brand removed")
        .certainty(Certainty::DocumentationCopy)
        .kind(Kind::Wallet)
        .gate_path("wallet/kbzpay")
        .currencies(&[Currency::MMK])
        .flow::<Sale>(
            Rule::new()
                .limited(&[Limit::of(Currency::MMK).from("50.00").to("1000000.00")])
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
                .limited(&[Limit::of(Currency::MMK).from("50.00").to("1000000.00")])
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
            Fact::new("customer's step", "a redirect"),
            Fact::new("optional fields", "customer.phone, customer.day_of_birth of a sale"),
            Fact::new("limits", "those of the copy's list of Myanmar"),
        ]);
}
