//! GCash. Source: the page `gcash` of a documentation copy.

use ecp_core::Currency;
use ecp_methods::request::{Draft, Field};
use ecp_methods::spec::{
    Certainty, Conversion, Fact, Interface, Kind, Limit, TestRedirect, Testing,
};
use ecp_methods::{PaymentMethod, Payout, Reason, Refund, Rule, Sale, Spec, Supports};

use crate::{checks, facts, fields};

/// GCash: payments from and payouts to electronic wallets, and refunds.
///
/// <!-- from the spec: cargo xtask docs -->
/// | | |
/// |---|---|
/// | code | gcash |
/// | kind | electronic wallets |
/// | currencies | PHP |
/// | conversion | by the platform |
/// | Gate path | wallet/gcash |
/// | sale | 50.00 to 50000.00 PHP |
/// | sale on | Gate |
/// | sale needs | customer.id, customer.ip_address, customer.first_name, customer.last_name, customer.email, return_url.success, return_url.decline |
/// | payout | 50.00 to 50000.00 PHP |
/// | payout on | Gate |
/// | payout needs | customer.id, customer.ip_address, customer.first_name, customer.last_name, customer.email, account.number, payment.description |
/// | refund | limits not stated |
/// | refund on | Gate |
/// | other names | the code of the Payment Page and the name in callbacks are not known: use Gate, and match callbacks by the payment's id |
/// | customer's step | a redirect |
/// | optional fields | return_url.return of a sale; payment.description of a refund |
/// | limits | those of the copy's list of the Philippines |
/// | conversion of payouts | none |
/// | account | 11 digits that begin with 09 |
/// | who is paid out to | a customer who has paid by Coins.ph, GCash, GrabPay or PayMaya before |
/// | over InstaPay | some payments go so: at once, up to 50000.00 PHP |
/// | over PESONet | others go so: requests from 9:31 to 15:30 (UTC+8) until 22:00, later ones until 13:00 of the next day |
/// | fields to ask about | whether return_url.decline is required: the account manager knows |
/// | declined in tests | 40000, 40400 minor units (the sandbox's choice, after Jeton Wallet's page) |
/// | redirect in tests | GET (the sample on the page) |
/// | source | page `gcash` of a documentation copy, brand removed |
/// | certainty | documentation copy |
/// <!-- end -->
#[derive(Clone, Copy, Debug)]
pub struct GCash;

impl Supports<Sale> for GCash {}
impl Supports<Payout> for GCash {}
impl Supports<Refund> for GCash {}

impl PaymentMethod for GCash {
    const SPEC: Spec<Self> = Spec::new("gcash", "GCash")
        .source("page `gcash` of a documentation copy, brand removed")
        .certainty(Certainty::DocumentationCopy)
        .kind(Kind::Wallet)
        .gate_path("wallet/gcash")
        .currencies(&[Currency::PHP])
        .conversion(Conversion::Platform)
        .flow::<Sale>(
            Rule::new()
                .limited(&[Limit::of(Currency::PHP).from("50.00").to("50000.00")])
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
                .limited(&[Limit::of(Currency::PHP).from("50.00").to("50000.00")])
                .on(&[Interface::Gate])
                .needs(&[
                    Field::CUSTOMER_ID,
                    Field::CUSTOMER_IP_ADDRESS,
                    Field::CUSTOMER_FIRST_NAME,
                    Field::CUSTOMER_LAST_NAME,
                    Field::CUSTOMER_EMAIL,
                    fields::ACCOUNT_NUMBER_PHILIPPINES,
                    Field::DESCRIPTION,
                ]),
        )
        .flow::<Refund>(Rule::new().on(&[Interface::Gate]))
        .facts(&[
            facts::NAMES,
            Fact::new("customer's step", "a redirect"),
            Fact::new(
                "optional fields",
                "return_url.return of a sale; payment.description of a refund",
            ),
            Fact::new("limits", "those of the copy's list of the Philippines"),
            Fact::new("conversion of payouts", "none"),
            Fact::new("account", "11 digits that begin with 09"),
            Fact::new(
                "who is paid out to",
                "a customer who has paid by Coins.ph, GCash, GrabPay or PayMaya before",
            ),
            Fact::new("over InstaPay", "some payments go so: at once, up to 50000.00 PHP"),
            Fact::new(
                "over PESONet",
                "others go so: requests from 9:31 to 15:30 (UTC+8) until 22:00, later \
                 ones until 13:00 of the next day",
            ),
            Fact::new(
                "fields to ask about",
                "whether return_url.decline is required: the account manager knows",
            ),
        ])
        .testing(Testing::new().redirect(TestRedirect::Get));

    fn check(&self, request: &Draft<'_>) -> Result<(), Reason> {
        checks::philippine_account(request)
    }
}
