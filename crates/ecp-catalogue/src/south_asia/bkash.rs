//! bKash. Source: the page `bkash` of a copy of the platform's documentation.

use ecp_core::Currency;
use ecp_methods::request::{Draft, Field};
use ecp_methods::spec::{
    Certainty, Conversion, Fact, Interface, Kind, Limit, TestRedirect, Testing,
};
use ecp_methods::{PaymentMethod, Payout, Reason, Rule, Sale, Spec, Supports};

use crate::{checks, facts, fields};

/// The payment method bKash: payments from and payouts to electronic wallets. Pass it to the calls
/// of `Gate` (crate `ecp-transport`), as in `gate.sale(&BKash, &request)`, after your account
/// manager has confirmed that it is connected to your project.
///
/// <!-- from the spec: cargo xtask docs -->
/// | | |
/// |---|---|
/// | code in this library | bkash |
/// | kind | electronic wallets |
/// | currencies | BDT |
/// | currency conversion | by the platform |
/// | Gate path | wallet/bkash |
/// | sale amounts | 200.00 to 25000.00 BDT |
/// | sale offered on | Gate |
/// | fields that a sale needs | customer.id, customer.ip_address, customer.first_name, customer.last_name, customer.email |
/// | payout amounts | 400.00 to 25000.00 BDT |
/// | payout offered on | Gate |
/// | fields that a payout needs | customer.id, customer.ip_address, customer.first_name, customer.last_name, customer.email, account.number |
/// | Payment Page code and name in callbacks | not known: send requests to Gate, and match callbacks by the payment's id |
/// | customer's step in a sale | a redirect, or an instruction to show to the customer (display_data) |
/// | fields that the platform asks for later | account.number of a sale, if missing in the request (clarification) |
/// | source of the limits | the list of payment methods in Bangladesh, in the copy of the documentation; the account manager can have the limits changed |
/// | two ways to pay | a redirect, or an account that is shown to the customer for a transfer; the provider decides which, and the fields that the platform asks for later belong to the second |
/// | after a transfer | send the id that bKash gave the customer to the platform, as additional_data.transaction_id of a clarification |
/// | amounts of transfers | multiples of 10.00 |
/// | amount paid | can differ from the requested amount: compare it with the sum of the callback |
/// | account.number | at most 12 digits; callbacks about a transfer have it |
/// | working hours | the provider may have some: ask your account manager |
/// | amounts declined in tests | 40000, 40400 minor units (the sandbox's choice: the amounts of Jeton Wallet's page) |
/// | customer's redirect in tests | GET (the sample on the method's page) |
/// | source of this table | page `bkash` of a copy of the platform's documentation |
/// | certainty | documentation copy: the source is a copy of the platform's documentation; ask your account manager whether the platform offers you the method, and with which differences |
/// <!-- end -->
#[derive(Clone, Copy, Debug)]
pub struct BKash;

impl Supports<Sale> for BKash {}
impl Supports<Payout> for BKash {}

impl PaymentMethod for BKash {
    const SPEC: Spec<Self> = Spec::new("bkash", "bKash")
        .source("page `bkash` of a copy of the platform's documentation")
        .certainty(Certainty::DocumentationCopy)
        .kind(Kind::Wallet)
        .gate_path("wallet/bkash")
        .currencies(&[Currency::BDT])
        .conversion(Conversion::Platform)
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
                    fields::ACCOUNT_NUMBER_DIGITS,
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
                "account.number of a sale, if missing in the request (clarification)",
            ),
            Fact::new(
                "source of the limits",
                "the list of payment methods in Bangladesh, in the copy of the \
                 documentation; the account manager can have the limits changed",
            ),
            Fact::new(
                "two ways to pay",
                "a redirect, or an account that is shown to the customer for a transfer; \
                 the provider decides which, and the fields that the platform asks for \
                 later belong to the second",
            ),
            Fact::new(
                "after a transfer",
                "send the id that bKash gave the customer to the platform, as \
                 additional_data.transaction_id of a clarification",
            ),
            Fact::new("amounts of transfers", "multiples of 10.00"),
            Fact::new(
                "amount paid",
                "can differ from the requested amount: compare it with the sum of the \
                 callback",
            ),
            Fact::new("account.number", "at most 12 digits; callbacks about a transfer have it"),
            Fact::new("working hours", "the provider may have some: ask your account manager"),
        ])
        .testing(Testing::new().redirect(TestRedirect::Get));

    fn check(&self, request: &Draft<'_>) -> Result<(), Reason> {
        checks::digits(request, fields::ACCOUNT_NUMBER_DIGITS, 1, 12)
    }
}
