//! GrabPay. Source: the page `grabpay` of a copy of the platform's documentation.

use ecp_core::Currency;
use ecp_methods::request::{Draft, Field};
use ecp_methods::spec::{
    Certainty, Conversion, Fact, Interface, Kind, Limit, TestRedirect, Testing,
};
use ecp_methods::{PaymentMethod, Payout, Reason, Rule, Sale, Spec, Supports};

use crate::{checks, facts, fields};

/// The payment method GrabPay: payments from and payouts to electronic wallets. Pass it to the
/// calls of `Gate` (crate `ecp-transport`), as in `gate.sale(&GrabPay, &request)`, after your
/// account manager has confirmed that it is connected to your project.
///
/// <!-- from the spec: cargo xtask docs -->
/// | | |
/// |---|---|
/// | code in this library | grabpay |
/// | kind | electronic wallets |
/// | countries | MY, PH |
/// | currencies | MYR, PHP |
/// | currency conversion | by the platform |
/// | Gate path | wallet/grabpay |
/// | sale amounts | 5.00 to 15000.00 MYR, 100.00 to 50000.00 PHP |
/// | sale offered on | Gate |
/// | fields that a sale needs | customer.id, customer.ip_address, customer.first_name, customer.last_name, customer.email, return_url.success, return_url.decline |
/// | payout amounts | 100.00 to 50000.00 PHP |
/// | payout offered on | Gate |
/// | fields that a payout needs | customer.id, customer.ip_address, customer.first_name, customer.last_name, customer.email, account.number |
/// | Payment Page code and name in callbacks | not known: send requests to Gate, and match callbacks by the payment's id |
/// | customer's step in a sale | a redirect |
/// | optional fields | return_url.return of a sale |
/// | source of the limits | the lists of payment methods in Malaysia and the Philippines, in the copy of the documentation; the account manager can have the limits changed |
/// | payout currency | PHP only |
/// | account.number | 11 digits that begin with 09 |
/// | payout recipients | in some projects, only customers who have paid by Coins.ph, GCash, GrabPay or PayMaya before |
/// | amounts declined in tests | 40000, 40400 minor units (the sandbox's choice: the amounts of Jeton Wallet's page) |
/// | customer's redirect in tests | GET (the sample on the method's page) |
/// | source of this table | page `grabpay` of a copy of the platform's documentation |
/// | certainty | documentation copy: the source is a copy of the platform's documentation; ask your account manager whether the platform offers you the method, and with which differences |
/// <!-- end -->
#[derive(Clone, Copy, Debug)]
pub struct GrabPay;

impl Supports<Sale> for GrabPay {}
impl Supports<Payout> for GrabPay {}

impl PaymentMethod for GrabPay {
    const SPEC: Spec<Self> = Spec::new("grabpay", "GrabPay")
        .source("page `grabpay` of a copy of the platform's documentation")
        .certainty(Certainty::DocumentationCopy)
        .kind(Kind::Wallet)
        .gate_path("wallet/grabpay")
        .regions(&["MY", "PH"])
        .currencies(&[Currency::MYR, Currency::PHP])
        .conversion(Conversion::Platform)
        .flow::<Sale>(
            Rule::new()
                .limited(&[
                    Limit::of(Currency::MYR).from("5.00").to("15000.00"),
                    Limit::of(Currency::PHP).from("100.00").to("50000.00"),
                ])
                .on(&[Interface::Gate])
                .needs(&[
                    Field::CUSTOMER_ID,
                    Field::CUSTOMER_IP_ADDRESS,
                    Field::CUSTOMER_FIRST_NAME,
                    Field::CUSTOMER_LAST_NAME,
                    Field::CUSTOMER_EMAIL,
                    Field::RETURN_SUCCESS,
                    Field::RETURN_DECLINE,
                ]),
        )
        .flow::<Payout>(
            Rule::new()
                .limited(&[Limit::of(Currency::PHP).from("100.00").to("50000.00")])
                .on(&[Interface::Gate])
                .needs(&[
                    Field::CUSTOMER_ID,
                    Field::CUSTOMER_IP_ADDRESS,
                    Field::CUSTOMER_FIRST_NAME,
                    Field::CUSTOMER_LAST_NAME,
                    Field::CUSTOMER_EMAIL,
                    fields::ACCOUNT_NUMBER_PHILIPPINES,
                ]),
        )
        .facts(&[
            facts::NAMES,
            Fact::new("customer's step in a sale", "a redirect"),
            Fact::new("optional fields", "return_url.return of a sale"),
            Fact::new(
                "source of the limits",
                "the lists of payment methods in Malaysia and the Philippines, in the copy \
                 of the documentation; the account manager can have the limits changed",
            ),
            Fact::new("payout currency", "PHP only"),
            Fact::new("account.number", "11 digits that begin with 09"),
            Fact::new(
                "payout recipients",
                "in some projects, only customers who have paid by Coins.ph, GCash, GrabPay \
                 or PayMaya before",
            ),
        ])
        .testing(Testing::new().redirect(TestRedirect::Get));

    fn check(&self, request: &Draft<'_>) -> Result<(), Reason> {
        checks::philippine_account(request)
    }
}
