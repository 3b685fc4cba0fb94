//! PayMaya. Source: the page `paymaya` of a documentation copy.

use ecp_core::Currency;
use ecp_methods::request::Field;
use ecp_methods::spec::{Certainty, Fact, Interface, Kind, Limit};
use ecp_methods::{PaymentMethod, Payout, Rule, Sale, Spec, Supports};

use crate::facts;

/// PayMaya: payments from and payouts to electronic wallets.
///
/// <!-- from the spec: cargo xtask docs -->
/// | | |
/// |---|---|
/// | code | paymaya |
/// | kind | electronic wallets |
/// | currencies | PHP |
/// | Gate path | wallet/paymaya |
/// | sale | 100.00 to 50000.00 PHP |
/// | sale on | Gate |
/// | sale needs | customer.id, customer.ip_address, customer.first_name, customer.last_name, customer.email, return_url.success, return_url.decline |
/// | payout | 100.00 to 50000.00 PHP |
/// | payout on | Gate |
/// | payout needs | customer.id, customer.ip_address, customer.first_name, customer.last_name, customer.email, account.number, payment.description |
/// | other names | the code of the Payment Page and the name in callbacks are not known: use Gate, and match callbacks by the payment's id |
/// | customer's step | a redirect |
/// | optional fields | return_url.return of a sale |
/// | limits | those of the copy's list of the Philippines |
/// | declined in tests | 40000, 40400 minor units (the sandbox's choice, after Jeton Wallet's page) |
/// | redirect in tests | GET (the sandbox's choice) |
/// | source | page `paymaya` of a documentation copy, brand removed |
/// | certainty | documentation copy |
/// <!-- end -->
#[derive(Clone, Copy, Debug)]
pub struct PayMaya;

impl Supports<Sale> for PayMaya {}
impl Supports<Payout> for PayMaya {}

impl PaymentMethod for PayMaya {
    const SPEC: Spec<Self> = Spec::new("paymaya", "PayMaya")
        .source("page `paymaya` of a documentation copy, brand removed")
        .certainty(Certainty::DocumentationCopy)
        .kind(Kind::Wallet)
        .gate_path("wallet/paymaya")
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
                    Field::ACCOUNT_NUMBER,
                    Field::DESCRIPTION,
                ]),
        )
        .facts(&[
            facts::NAMES,
            Fact::new("customer's step", "a redirect"),
            Fact::new("optional fields", "return_url.return of a sale"),
            Fact::new("limits", "those of the copy's list of the Philippines"),
        ]);
}
