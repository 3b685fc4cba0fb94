//! OVO. Source: the page `ovo` of a documentation copy.

use ecp_core::Currency;
use ecp_methods::request::Field;
use ecp_methods::spec::{
    Certainty, Conversion, Fact, Interface, Kind, Limit, TestRedirect, Testing,
};
use ecp_methods::{PaymentMethod, Payout, Rule, Sale, Spec, Supports};

use crate::facts;

/// OVO: payments from and payouts to electronic wallets.
///
/// <!-- from the spec: cargo xtask docs -->
/// | | |
/// |---|---|
/// | code | ovo |
/// | kind | electronic wallets |
/// | currencies | IDR |
/// | conversion | by the platform |
/// | Gate path | wallet/ovo |
/// | sale | 1500.00 to 20000000.00 IDR |
/// | sale on | Gate |
/// | sale needs | customer.id, customer.ip_address, customer.first_name, customer.last_name, customer.email, account.number |
/// | payout | 10000.00 to 20000000.00 IDR |
/// | payout on | Gate |
/// | payout needs | customer.id, customer.ip_address, customer.first_name, customer.last_name, customer.email, account.number |
/// | other names | the code of the Payment Page and the name in callbacks are not known: use Gate, and match callbacks by the payment's id |
/// | customer's step | a redirect |
/// | optional fields | return_url.success, return_url.decline, return_url.return of a sale |
/// | limits | those of the copy's list of Indonesia, where the account manager can have them changed |
/// | amounts | in IDR have no fraction: the platform cuts it off, so that 95.50 is paid as 95.00 |
/// | declined in tests | 40000, 40400 minor units (page `ovo` of a documentation copy, brand removed) |
/// | redirect in tests | GET (the sample on the page) |
/// | source | page `ovo` of a documentation copy, brand removed |
/// | certainty | documentation copy |
/// <!-- end -->
#[derive(Clone, Copy, Debug)]
pub struct Ovo;

impl Supports<Sale> for Ovo {}
impl Supports<Payout> for Ovo {}

impl PaymentMethod for Ovo {
    const SPEC: Spec<Self> = Spec::new("ovo", "OVO")
        .source("page `ovo` of a documentation copy, brand removed")
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
            Fact::new("customer's step", "a redirect"),
            Fact::new(
                "optional fields",
                "return_url.success, return_url.decline, return_url.return of a sale",
            ),
            Fact::new(
                "limits",
                "those of the copy's list of Indonesia, where the account manager can have \
                 them changed",
            ),
            Fact::new(
                "amounts",
                "in IDR have no fraction: the platform cuts it off, so that 95.50 is paid as 95.00",
            ),
        ])
        .testing(Testing::new().redirect(TestRedirect::Get).declined(&[40000, 40400]));
}
