//! GCash. Source: the page `gcash` of a copy of the platform's documentation.

use ecp_core::Currency;
use ecp_methods::request::{Draft, Field};
use ecp_methods::spec::{
    Certainty, Conversion, Fact, Interface, Kind, Limit, TestRedirect, Testing,
};
use ecp_methods::{PaymentMethod, Payout, Reason, Refund, Rule, Sale, Spec, Supports};

use crate::{checks, facts, fields};

/// The payment method GCash: payments from and payouts to electronic wallets, and refunds. Pass it
/// to the calls of `Gate` (crate `ecp-transport`), as in `gate.sale(&GCash, &request)`, after your
/// account manager has confirmed that it is connected to your project.
///
/// <!-- from the spec: cargo xtask docs -->
/// | | |
/// |---|---|
/// | code in this library | gcash |
/// | kind | electronic wallets |
/// | currencies | PHP |
/// | currency conversion | by the platform |
/// | Gate path | wallet/gcash |
/// | sale amounts | 50.00 to 50000.00 PHP |
/// | sale offered on | Gate |
/// | fields that a sale needs | customer.id, customer.ip_address, customer.first_name, customer.last_name, customer.email, return_url.success, return_url.decline |
/// | payout amounts | 50.00 to 50000.00 PHP |
/// | payout offered on | Gate |
/// | fields that a payout needs | customer.id, customer.ip_address, customer.first_name, customer.last_name, customer.email, account.number, payment.description |
/// | refund amounts | limits not stated |
/// | refund offered on | Gate |
/// | Payment Page code and name in callbacks | not known: send requests to Gate, and match callbacks by the payment's id |
/// | customer's step in a sale | a redirect |
/// | optional fields | return_url.return of a sale; payment.description of a refund |
/// | source of the limits | the list of payment methods in the Philippines, in the copy of the documentation |
/// | currency conversion of payouts | none |
/// | account.number | 11 digits that begin with 09 |
/// | payout recipients | only customers who have paid by Coins.ph, GCash, GrabPay or PayMaya before |
/// | payouts over InstaPay | some payouts, without delay; at most 50000.00 PHP |
/// | payouts over PESONet | the other payouts: those requested from 9:31 to 15:30 (UTC+8) arrive until 22:00, later ones until 13:00 of the next day |
/// | fields to ask about | whether return_url.decline is required: ask your account manager |
/// | amounts declined in tests | 40000, 40400 minor units (the sandbox's choice: the amounts of Jeton Wallet's page) |
/// | customer's redirect in tests | GET (the sample on the method's page) |
/// | source of this table | page `gcash` of a copy of the platform's documentation |
/// | certainty | documentation copy: the source is a copy of the platform's documentation; ask your account manager whether the platform offers you the method, and with which differences |
/// <!-- end -->
#[derive(Clone, Copy, Debug)]
pub struct GCash;

impl Supports<Sale> for GCash {}
impl Supports<Payout> for GCash {}
impl Supports<Refund> for GCash {}

impl PaymentMethod for GCash {
    const SPEC: Spec<Self> = Spec::new("gcash", "GCash")
        .source("page `gcash` of a copy of the platform's documentation")
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
            Fact::new("customer's step in a sale", "a redirect"),
            Fact::new(
                "optional fields",
                "return_url.return of a sale; payment.description of a refund",
            ),
            Fact::new(
                "source of the limits",
                "the list of payment methods in the Philippines, in the copy of the \
                 documentation",
            ),
            Fact::new("currency conversion of payouts", "none"),
            Fact::new("account.number", "11 digits that begin with 09"),
            Fact::new(
                "payout recipients",
                "only customers who have paid by Coins.ph, GCash, GrabPay or PayMaya before",
            ),
            Fact::new("payouts over InstaPay", "some payouts, without delay; at most 50000.00 PHP"),
            Fact::new(
                "payouts over PESONet",
                "the other payouts: those requested from 9:31 to 15:30 (UTC+8) arrive until \
                 22:00, later ones until 13:00 of the next day",
            ),
            Fact::new(
                "fields to ask about",
                "whether return_url.decline is required: ask your account manager",
            ),
        ])
        .testing(Testing::new().redirect(TestRedirect::Get));

    fn check(&self, request: &Draft<'_>) -> Result<(), Reason> {
        checks::philippine_account(request)
    }
}
