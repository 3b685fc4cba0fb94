//! ShopeePay. Source: the page `shopee` of a copy of the platform's documentation.

use ecp_core::Currency;
use ecp_methods::request::Field;
use ecp_methods::spec::{Certainty, Fact, Interface, Kind, Limit, Testing};
use ecp_methods::{PaymentMethod, Payout, Rule, Sale, Spec, Supports};

use crate::facts;

/// The payment method ShopeePay: payments from and payouts to electronic wallets. Pass it to the
/// calls of `Gate` (crate `ecp-transport`), as in `gate.sale(&ShopeePay, &request)`, after your
/// account manager has confirmed that it is connected to your project.
///
/// <!-- from the spec: cargo xtask docs -->
/// | | |
/// |---|---|
/// | code in this library | shopee |
/// | kind | electronic wallets |
/// | countries | ID, MY, PH |
/// | currencies | IDR, MYR, PHP |
/// | Gate path | wallet/shopee |
/// | sale amounts | 1500.00 to 20000000.00 IDR, 5.00 to 20000000.00 MYR |
/// | sale offered on | Gate |
/// | fields that a sale needs | customer.id, customer.ip_address, customer.first_name, customer.last_name, customer.email, account.number |
/// | payout amounts | 10000.00 to 20000000.00 IDR, 1.00 to 4999.00 MYR, 100.00 to 50000.00 PHP |
/// | payout offered on | Gate |
/// | fields that a payout needs | customer.id, customer.ip_address, customer.first_name, customer.last_name, customer.email, account.number |
/// | Payment Page code and name in callbacks | not known: send requests to Gate, and match callbacks by the payment's id |
/// | customer's step in a sale | a redirect, or an instruction to show to the customer (display_data) |
/// | fields that the platform asks for later | customer.phone of a sale, if missing in the request (clarification) |
/// | source of the limits | the lists of payment methods in Indonesia, Malaysia and the Philippines, in the copy of the documentation; the account manager can have the limits changed |
/// | sales in PHP | none, by the list of payment methods in the Philippines |
/// | amounts declined in tests | 40000, 40400 minor units (page `shopee` of a copy of the platform's documentation) |
/// | customer's redirect in tests | GET (the sandbox's choice) |
/// | source of this table | page `shopee` of a copy of the platform's documentation |
/// | certainty | documentation copy: the source is a copy of the platform's documentation; ask your account manager whether the platform offers you the method, and with which differences |
/// <!-- end -->
#[derive(Clone, Copy, Debug)]
pub struct ShopeePay;

impl Supports<Sale> for ShopeePay {}
impl Supports<Payout> for ShopeePay {}

impl PaymentMethod for ShopeePay {
    const SPEC: Spec<Self> = Spec::new("shopee", "ShopeePay")
        .source("page `shopee` of a copy of the platform's documentation")
        .certainty(Certainty::DocumentationCopy)
        .kind(Kind::Wallet)
        .gate_path("wallet/shopee")
        .regions(&["ID", "MY", "PH"])
        .currencies(&[Currency::IDR, Currency::MYR, Currency::PHP])
        .flow::<Sale>(
            Rule::new()
                .limited(&[
                    Limit::of(Currency::IDR).from("1500.00").to("20000000.00"),
                    Limit::of(Currency::MYR).from("5.00").to("20000000.00"),
                ])
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
        .flow::<Payout>(
            Rule::new()
                .limited(&[
                    Limit::of(Currency::IDR).from("10000.00").to("20000000.00"),
                    Limit::of(Currency::MYR).from("1.00").to("4999.00"),
                    Limit::of(Currency::PHP).from("100.00").to("50000.00"),
                ])
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
            Fact::new(
                "customer's step in a sale",
                "a redirect, or an instruction to show to the customer (display_data)",
            ),
            Fact::new(
                "fields that the platform asks for later",
                "customer.phone of a sale, if missing in the request (clarification)",
            ),
            Fact::new(
                "source of the limits",
                "the lists of payment methods in Indonesia, Malaysia and the Philippines, \
                 in the copy of the documentation; the account manager can have the limits \
                 changed",
            ),
            Fact::new("sales in PHP", "none, by the list of payment methods in the Philippines"),
        ])
        .testing(Testing::new().declined(&[40000, 40400]));
}
