//! GrabPay. Source: the page `grabpay` of a documentation copy.

use ecp_core::Currency;
use ecp_methods::request::{Draft, Field};
use ecp_methods::spec::{
    Certainty, Conversion, Fact, Interface, Kind, Limit, TestRedirect, Testing,
};
use ecp_methods::{PaymentMethod, Payout, Reason, Rule, Sale, Spec, Supports};

use crate::{checks, facts, fields};

/// GrabPay: payments from and payouts to electronic wallets.
///
/// <!-- from the spec: cargo xtask docs -->
/// | | |
/// |---|---|
/// | code | grabpay |
/// | kind | electronic wallets |
/// | regions | MY, PH |
/// | currencies | MYR, PHP |
/// | conversion | by the platform |
/// | Gate path | wallet/grabpay |
/// | sale | 5.00 to 15000.00 MYR, 100.00 to 50000.00 PHP |
/// | sale on | Gate |
/// | sale needs | customer.id, customer.ip_address, customer.first_name, customer.last_name, customer.email, return_url.success, return_url.decline |
/// | payout | 100.00 to 50000.00 PHP |
/// | payout on | Gate |
/// | payout needs | customer.id, customer.ip_address, customer.first_name, customer.last_name, customer.email, account.number |
/// | other names | the code of the Payment Page and the name in callbacks are not known: use Gate, and match callbacks by the payment's id |
/// | customer's step | a redirect |
/// | optional fields | return_url.return of a sale |
/// | limits | those of the copy's list of Malaysia, the Philippines, where the account manager can have them changed |
/// | payout currency | PHP alone |
/// | account | 11 digits that begin with 09 |
/// | who is paid out to | some projects pay out only to a customer who has paid by Coins.ph, GCash, GrabPay or PayMaya before |
/// | declined in tests | 40000, 40400 minor units (the sandbox's choice, after Jeton Wallet's page) |
/// | redirect in tests | GET (the sample on the page) |
/// | source | page `grabpay` of a documentation copy, brand removed |
/// | certainty | documentation copy |
/// <!-- end -->
#[derive(Clone, Copy, Debug)]
pub struct GrabPay;

impl Supports<Sale> for GrabPay {}
impl Supports<Payout> for GrabPay {}

impl PaymentMethod for GrabPay {
    const SPEC: Spec<Self> = Spec::new("grabpay", "GrabPay")
        .source("page `grabpay` of a documentation copy, brand removed")
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
            Fact::new("customer's step", "a redirect"),
            Fact::new("optional fields", "return_url.return of a sale"),
            Fact::new(
                "limits",
                "those of the copy's list of Malaysia, the Philippines, where the account \
                 manager can have them changed",
            ),
            Fact::new("payout currency", "PHP alone"),
            Fact::new("account", "11 digits that begin with 09"),
            Fact::new(
                "who is paid out to",
                "some projects pay out only to a customer who has paid by Coins.ph, \
                 GCash, GrabPay or PayMaya before",
            ),
        ])
        .testing(Testing::new().redirect(TestRedirect::Get));

    fn check(&self, request: &Draft<'_>) -> Result<(), Reason> {
        checks::philippine_account(request)
    }
}
