//! Papara. Source: the page `papara` of a copy of the platform's documentation.

use ecp_core::Currency;
use ecp_methods::request::{Draft, Field};
use ecp_methods::spec::{
    Certainty, Conversion, Fact, Interface, Kind, Limit, TestRedirect, Testing,
};
use ecp_methods::{PaymentMethod, Payout, Reason, Rule, Sale, Spec, Supports};

use crate::{checks, facts};

/// The payment method Papara: payments from and payouts to electronic wallets. Pass it to the calls
/// of `Gate` (crate `ecp-transport`), as in `gate.sale(&Papara, &request)`, after your account
/// manager has confirmed that it is connected to your project.
///
/// <!-- from the spec: cargo xtask docs -->
/// | | |
/// |---|---|
/// | code in this library | papara |
/// | kind | electronic wallets |
/// | currencies | TRY |
/// | currency conversion | by the platform |
/// | Gate path | wallet/papara |
/// | sale amounts | 50.00 to 250000.00 TRY |
/// | sale offered on | Gate |
/// | fields that a sale needs | customer.id, customer.ip_address, customer.first_name, customer.last_name, customer.email, customer.day_of_birth, customer.country, return_url.success, return_url.decline |
/// | payout amounts | 50.00 to 250000.00 TRY |
/// | payout offered on | Gate |
/// | fields that a payout needs | customer.ip_address, customer.first_name, customer.last_name, customer.email, customer.country, account.number |
/// | Payment Page code and name in callbacks | not known: send requests to Gate, and match callbacks by the payment's id |
/// | customer's step in a sale | a redirect, or an instruction to show to the customer (display_data) |
/// | optional fields | return_url.return of a sale |
/// | source of the limits | the list of payment methods in Türkiye, in the copy of the documentation |
/// | amounts in TRY | whole TRY only, without a fraction |
/// | fields of the instruction | receiver_name, receiver_account, currency, and amount in minor units |
/// | fields to ask about | whether customer.country and customer.day_of_birth are required: ask your account manager |
/// | amounts declined in tests | 40000, 40400 minor units (the sandbox's choice: the amounts of Jeton Wallet's page) |
/// | customer's redirect in tests | GET (the sample on the method's page) |
/// | source of this table | page `papara` of a copy of the platform's documentation |
/// | certainty | documentation copy: the source is a copy of the platform's documentation; ask your account manager whether the platform offers you the method, and with which differences |
/// <!-- end -->
#[derive(Clone, Copy, Debug)]
pub struct Papara;

impl Supports<Sale> for Papara {}
impl Supports<Payout> for Papara {}

impl PaymentMethod for Papara {
    const SPEC: Spec<Self> = Spec::new("papara", "Papara")
        .source("page `papara` of a copy of the platform's documentation")
        .certainty(Certainty::DocumentationCopy)
        .kind(Kind::Wallet)
        .gate_path("wallet/papara")
        .currencies(&[Currency::TRY])
        .conversion(Conversion::Platform)
        .flow::<Sale>(
            Rule::new()
                .limited(&[Limit::of(Currency::TRY).from("50.00").to("250000.00")])
                .on(&[Interface::Gate])
                .needs(&[
                    Field::CUSTOMER_ID,
                    Field::CUSTOMER_IP_ADDRESS,
                    Field::CUSTOMER_FIRST_NAME,
                    Field::CUSTOMER_LAST_NAME,
                    Field::CUSTOMER_EMAIL,
                    Field::CUSTOMER_DAY_OF_BIRTH,
                    Field::CUSTOMER_COUNTRY,
                    Field::RETURN_SUCCESS,
                    Field::RETURN_DECLINE,
                ]),
        )
        .flow::<Payout>(
            Rule::new()
                .limited(&[Limit::of(Currency::TRY).from("50.00").to("250000.00")])
                .on(&[Interface::Gate])
                .needs(&[
                    Field::CUSTOMER_IP_ADDRESS,
                    Field::CUSTOMER_FIRST_NAME,
                    Field::CUSTOMER_LAST_NAME,
                    Field::CUSTOMER_EMAIL,
                    Field::CUSTOMER_COUNTRY,
                    Field::ACCOUNT_NUMBER,
                ]),
        )
        .facts(&[
            facts::NAMES,
            Fact::new(
                "customer's step in a sale",
                "a redirect, or an instruction to show to the customer (display_data)",
            ),
            Fact::new("optional fields", "return_url.return of a sale"),
            Fact::new(
                "source of the limits",
                "the list of payment methods in Türkiye, in the copy of the documentation",
            ),
            Fact::new("amounts in TRY", "whole TRY only, without a fraction"),
            Fact::new(
                "fields of the instruction",
                "receiver_name, receiver_account, currency, and amount in minor units",
            ),
            Fact::new(
                "fields to ask about",
                "whether customer.country and customer.day_of_birth are required: ask your \
                 account manager",
            ),
        ])
        .testing(Testing::new().redirect(TestRedirect::Get));

    fn check(&self, request: &Draft<'_>) -> Result<(), Reason> {
        checks::whole_amount(request)
    }
}
