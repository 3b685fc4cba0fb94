//! ShopeePay. Source: the page `shopee` of a documentation copy.

use ecp_core::Currency;
use ecp_methods::request::Field;
use ecp_methods::spec::{Certainty, Fact, Interface, Kind, Limit, Testing};
use ecp_methods::{PaymentMethod, Payout, Rule, Sale, Spec, Supports};

use crate::facts;

/// ShopeePay: payments from and payouts to electronic wallets.
///
/// <!-- from the spec: cargo xtask docs -->
/// | | |
/// |---|---|
/// | code | shopee |
/// | kind | electronic wallets |
/// | regions | ID, MY, PH |
/// | currencies | IDR, MYR, PHP |
/// | Gate path | wallet/shopee |
/// | sale | 1500.00 to 20000000.00 IDR, 5.00 to 20000000.00 MYR |
/// | sale on | Gate |
/// | sale needs | customer.id, customer.ip_address, customer.first_name, customer.last_name, customer.email, account.number |
/// | payout | 10000.00 to 20000000.00 IDR, 1.00 to 4999.00 MYR, 100.00 to 50000.00 PHP |
/// | payout on | Gate |
/// | payout needs | customer.id, customer.ip_address, customer.first_name, customer.last_name, customer.email, account.number |
/// | other names | the code of the Payment Page and the name in callbacks are not known: use Gate, and match callbacks by the payment's id |
/// | customer's step | a redirect, or an instruction to show (display_data) |
/// | asked later | customer.phone of a sale: the platform asks for those that a request lacks (clarification) |
/// | limits | those of the copy's list of Indonesia, Malaysia, the Philippines, where the account manager can have them changed |
/// | sales in PHP | none, by the list of the Philippines |
/// | declined in tests | 40000, 40400 minor units (page `shopee` of a documentation copy, brand removed) |
/// | redirect in tests | GET (the sandbox's choice) |
/// | source | page `shopee` of a documentation copy, brand removed |
/// | certainty | documentation copy |
/// <!-- end -->
#[derive(Clone, Copy, Debug)]
pub struct ShopeePay;

impl Supports<Sale> for ShopeePay {}
impl Supports<Payout> for ShopeePay {}

impl PaymentMethod for ShopeePay {
    const SPEC: Spec<Self> = Spec::new("shopee", "ShopeePay")
        .source("page `shopee` of a documentation copy, brand removed")
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
            Fact::new("customer's step", "a redirect, or an instruction to show (display_data)"),
            Fact::new(
                "asked later",
                "customer.phone of a sale: the platform asks for those that a request lacks \
                 (clarification)",
            ),
            Fact::new(
                "limits",
                "those of the copy's list of Indonesia, Malaysia, the Philippines, where \
                 the account manager can have them changed",
            ),
            Fact::new("sales in PHP", "none, by the list of the Philippines"),
        ])
        .testing(Testing::new().declined(&[40000, 40400]));
}
