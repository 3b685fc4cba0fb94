//! bKash. Source: the page `bkash` of a documentation copy.

use ecp_core::Currency;
use ecp_methods::request::{Draft, Field};
use ecp_methods::spec::{
    Certainty, Conversion, Fact, Interface, Kind, Limit, TestRedirect, Testing,
};
use ecp_methods::{PaymentMethod, Payout, Reason, Rule, Sale, Spec, Supports};

use crate::{checks, facts, fields};

/// bKash: payments from and payouts to electronic wallets.
///
/// <!-- from the spec: cargo xtask docs -->
/// | | |
/// |---|---|
/// | code | bkash |
/// | kind | electronic wallets |
/// | currencies | BDT |
/// | conversion | by the platform |
/// | Gate path | wallet/bkash |
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
/// | two forms | the customer is redirected, or shown an account to transfer to; its provider decides, and the fields that are asked later are those of the second form |
/// | after the transfer | the id that bKash gave the customer goes to the platform as additional_data.transaction_id of a clarification |
/// | amounts | shown an account, the customer pays whole amounts that are multiples of 10.00 |
/// | amount paid | can differ from the one requested: compare the sum of the callback |
/// | account | up to 12 digits; callbacks about the second form have it |
/// | working hours | can be limited by the provider; the account manager knows |
/// | declined in tests | 40000, 40400 minor units (the sandbox's choice, after Jeton Wallet's page) |
/// | redirect in tests | GET (the sample on the page) |
/// | source | page `bkash` of a documentation copy, brand removed |
/// | certainty | documentation copy |
/// <!-- end -->
#[derive(Clone, Copy, Debug)]
pub struct BKash;

impl Supports<Sale> for BKash {}
impl Supports<Payout> for BKash {}

impl PaymentMethod for BKash {
    const SPEC: Spec<Self> = Spec::new("bkash", "bKash")
        .source("page `bkash` of a documentation copy, brand removed")
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
            Fact::new(
                "two forms",
                "the customer is redirected, or shown an account to transfer to; its \
                 provider decides, and the fields that are asked later are those of the \
                 second form",
            ),
            Fact::new(
                "after the transfer",
                "the id that bKash gave the customer goes to the platform as \
                 additional_data.transaction_id of a clarification",
            ),
            Fact::new(
                "amounts",
                "shown an account, the customer pays whole amounts that are multiples of \
                 10.00",
            ),
            Fact::new(
                "amount paid",
                "can differ from the one requested: compare the sum of the callback",
            ),
            Fact::new("account", "up to 12 digits; callbacks about the second form have it"),
            Fact::new("working hours", "can be limited by the provider; the account manager knows"),
        ])
        .testing(Testing::new().redirect(TestRedirect::Get));

    fn check(&self, request: &Draft<'_>) -> Result<(), Reason> {
        checks::digits(request, fields::ACCOUNT_NUMBER_DIGITS, 1, 12)
    }
}
