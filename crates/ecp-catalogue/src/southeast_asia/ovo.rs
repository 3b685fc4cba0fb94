//! OVO. Source: the page `ovo` of a copy of the platform's documentation.

use ecp_core::Currency;
use ecp_methods::request::Field;
use ecp_methods::spec::{
    Certainty, Conversion, Fact, Interface, Kind, Limit, TestRedirect, Testing,
};
use ecp_methods::{PaymentMethod, Payout, Rule, Sale, Spec, Supports};

use crate::facts;

/// The payment method OVO: payments from and payouts to electronic wallets. Pass it to the calls of
/// `Gate` (crate `ecp-transport`), as in `gate.sale(&Ovo, &request)`, after your account manager
/// has confirmed that it is connected to your project.
///
/// <!-- from the spec: cargo xtask docs -->
/// | | |
/// |---|---|
/// | code in this library | ovo |
/// | kind | electronic wallets |
/// | currencies | IDR |
/// | currency conversion | by the platform |
/// | Gate path | wallet/ovo |
/// | sale amounts | 1500.00 to 20000000.00 IDR |
/// | sale offered on | Gate |
/// | fields that a sale needs | customer.id, customer.ip_address, customer.first_name, customer.last_name, customer.email, account.number |
/// | payout amounts | 10000.00 to 20000000.00 IDR |
/// | payout offered on | Gate |
/// | fields that a payout needs | customer.id, customer.ip_address, customer.first_name, customer.last_name, customer.email, account.number |
/// | Payment Page code and name in callbacks | not known: send requests to Gate, and match callbacks by the payment's id |
/// | customer's step in a sale | a redirect |
/// | optional fields | return_url.success, return_url.decline, return_url.return of a sale |
/// | source of the limits | the list of payment methods in Indonesia, in the copy of the documentation; the account manager can have the limits changed |
/// | amounts in IDR | the platform cuts off the fraction, so that 95.50 is paid as 95.00 |
/// | amounts declined in tests | 40000, 40400 minor units, all of them outside the limits, which refuse them first (page `ovo` of a copy of the platform's documentation) |
/// | customer's redirect in tests | GET (the sample on the method's page) |
/// | source of this table | page `ovo` of a copy of the platform's documentation |
/// | certainty | documentation copy: the source is a copy of the platform's documentation; ask your account manager whether the platform offers you the method, and with which differences |
/// <!-- end -->
#[derive(Clone, Copy, Debug)]
pub struct Ovo;

impl Supports<Sale> for Ovo {}
impl Supports<Payout> for Ovo {}

impl PaymentMethod for Ovo {
    const SPEC: Spec<Self> = Spec::new("ovo", "OVO")
        .source("page `ovo` of a copy of the platform's documentation")
        .certainty(Certainty::DocumentationCopy)
        .kind(Kind::Wallet)
        .gate_path("wallet/ovo")
        .currencies(&[Currency::IDR])
        .conversion(Conversion::Platform)
        .flow::<Sale>(
            Rule::new()
                .limited(&[Limit::of(Currency::IDR).from("1500.00").to("20000000.00")])
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
                .limited(&[Limit::of(Currency::IDR).from("10000.00").to("20000000.00")])
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
            Fact::new("customer's step in a sale", "a redirect"),
            Fact::new(
                "optional fields",
                "return_url.success, return_url.decline, return_url.return of a sale",
            ),
            Fact::new(
                "source of the limits",
                "the list of payment methods in Indonesia, in the copy of the \
                 documentation; the account manager can have the limits changed",
            ),
            Fact::new(
                "amounts in IDR",
                "the platform cuts off the fraction, so that 95.50 is paid as 95.00",
            ),
        ])
        .testing(Testing::new().redirect(TestRedirect::Get).declined(&[40000, 40400]));
}
