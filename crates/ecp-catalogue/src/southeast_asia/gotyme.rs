//! GoTyme. Source: the page `gotyme` of a documentation copy.

use ecp_core::Currency;
use ecp_methods::request::Field;
use ecp_methods::spec::{Certainty, Fact, Interface, Kind, Limit};
use ecp_methods::{PaymentMethod, Payout, Rule, Sale, Spec, Supports};

use crate::facts;

/// GoTyme: payments from and payouts to electronic wallets.
///
/// <!-- from the spec: cargo xtask docs -->
/// | | |
/// |---|---|
/// | code | gotyme |
/// | kind | electronic wallets |
/// | currencies | PHP |
/// | Gate path | wallet/gotyme |
/// | sale | 100.00 to 50000.00 PHP |
/// | sale on | Gate |
/// | sale needs | customer.id, customer.ip_address, customer.first_name, customer.last_name, customer.email |
/// | payout | limits not stated |
/// | payout on | Gate |
/// | payout needs | customer.id, customer.ip_address, customer.first_name, customer.last_name, customer.email, account.number |
/// | other names | the code of the Payment Page and the name in callbacks are not known: use Gate, and match callbacks by the payment's id |
/// | customer's step | a redirect |
/// | optional fields | return_url.success, return_url.decline, return_url.return of a sale |
/// | limits | those of the copy's list of the Philippines |
/// | declined in tests | 40000, 40400 minor units (the sandbox's choice, after Jeton Wallet's page) |
/// | redirect in tests | GET (the sandbox's choice) |
/// | source | page `gotyme` of a documentation copy, brand removed |
/// | certainty | documentation copy |
/// <!-- end -->
#[derive(Clone, Copy, Debug)]
pub struct GoTyme;

impl Supports<Sale> for GoTyme {}
impl Supports<Payout> for GoTyme {}

impl PaymentMethod for GoTyme {
    const SPEC: Spec<Self> = Spec::new("gotyme", "GoTyme")
        .source("page `gotyme` of a documentation copy, brand removed")
        .certainty(Certainty::DocumentationCopy)
        .kind(Kind::Wallet)
        .gate_path("wallet/gotyme")
        .currencies(&[Currency::PHP])
        .flow::<Sale>(
            Rule::new()
                .limited(&[Limit::of(Currency::PHP).from("100.00").to("50000.00")])
                .on(&[Interface::Gate])
                .needs(&[
                    Field::CUSTOMER_ID,
                    Field::CUSTOMER_IP_ADDRESS,
                    Field::CUSTOMER_FIRST_NAME,
                    Field::CUSTOMER_LAST_NAME,
                    Field::CUSTOMER_EMAIL,
                ]),
        )
        .flow::<Payout>(Rule::new().on(&[Interface::Gate]).needs(&[
            Field::CUSTOMER_ID,
            Field::CUSTOMER_IP_ADDRESS,
            Field::CUSTOMER_FIRST_NAME,
            Field::CUSTOMER_LAST_NAME,
            Field::CUSTOMER_EMAIL,
            Field::ACCOUNT_NUMBER,
        ]))
        .facts(&[
            facts::NAMES,
            Fact::new("customer's step", "a redirect"),
            Fact::new(
                "optional fields",
                "return_url.success, return_url.decline, return_url.return of a sale",
            ),
            Fact::new("limits", "those of the copy's list of the Philippines"),
        ]);
}
