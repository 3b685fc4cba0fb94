//! Papara. Source: the page `papara` of a documentation copy.

use ecp_core::Currency;
use ecp_methods::request::{Draft, Field};
use ecp_methods::spec::{
    Certainty, Conversion, Fact, Interface, Kind, Limit, TestRedirect, Testing,
};
use ecp_methods::{PaymentMethod, Payout, Reason, Rule, Sale, Spec, Supports};

use crate::{checks, facts};

/// Papara: payments from and payouts to electronic wallets.
///
/// <!-- from the spec: cargo xtask docs -->
/// | | |
/// |---|---|
/// | code | papara |
/// | kind | electronic wallets |
/// | currencies | TRY |
/// | conversion | by the platform |
/// | Gate path | wallet/papara |
/// | sale | 50.00 to 250000.00 TRY |
/// | sale on | Gate |
/// | sale needs | customer.id, customer.ip_address, customer.first_name, customer.last_name, customer.email, customer.day_of_birth, customer.country, return_url.success, return_url.decline |
/// | payout | 50.00 to 250000.00 TRY |
/// | payout on | Gate |
/// | payout needs | customer.ip_address, customer.first_name, customer.last_name, customer.email, customer.country, account.number |
/// | other names | the code of the Payment Page and the name in callbacks are not known: use Gate, and match callbacks by the payment's id |
/// | customer's step | a redirect, or an instruction to show (display_data) |
/// | optional fields | return_url.return of a sale |
/// | limits | those of the copy's list of Türkiye |
/// | amounts | in TRY have no fraction |
/// | instruction | receiver_name, receiver_account, currency, and amount in minor units |
/// | fields to ask about | whether customer.country and customer.day_of_birth are required: the account manager knows |
/// | declined in tests | 40000, 40400 minor units (the sandbox's choice, after Jeton Wallet's page) |
/// | redirect in tests | GET (the sample on the page) |
/// | source | page `papara` of a documentation copy, brand removed |
/// | certainty | documentation copy |
/// <!-- end -->
#[derive(Clone, Copy, Debug)]
pub struct Papara;

impl Supports<Sale> for Papara {}
impl Supports<Payout> for Papara {}

impl PaymentMethod for Papara {
    const SPEC: Spec<Self> = Spec::new("papara", "Papara")
        .source("page `papara` of a documentation copy, brand removed")
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
            Fact::new("customer's step", "a redirect, or an instruction to show (display_data)"),
            Fact::new("optional fields", "return_url.return of a sale"),
            Fact::new("limits", "those of the copy's list of Türkiye"),
            Fact::new("amounts", "in TRY have no fraction"),
            Fact::new(
                "instruction",
                "receiver_name, receiver_account, currency, and amount in minor units",
            ),
            Fact::new(
                "fields to ask about",
                "whether customer.country and customer.day_of_birth are required: the \
                 account manager knows",
            ),
        ])
        .testing(Testing::new().redirect(TestRedirect::Get));

    fn check(&self, request: &Draft<'_>) -> Result<(), Reason> {
        checks::whole_amount(request)
    }
}
