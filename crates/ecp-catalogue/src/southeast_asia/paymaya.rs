//! PayMaya. Source: the page `paymaya` of a copy of the platform's documentation.

use ecp_core::Currency;
use ecp_methods::request::Field;
use ecp_methods::spec::{Certainty, Fact, Interface, Kind, Limit};
use ecp_methods::{PaymentMethod, Payout, Rule, Sale, Spec, Supports};

use crate::facts;

/// The payment method PayMaya: payments from and payouts to electronic wallets. Pass it to the
/// calls of `Gate` (crate `ecp-transport`), as in `gate.sale(&PayMaya, &request)`, after your
/// account manager has confirmed that it is connected to your project.
///
/// <!-- from the spec: cargo xtask docs -->
/// | | |
/// |---|---|
/// | code in this library | paymaya |
/// | kind | electronic wallets |
/// | currencies | PHP |
/// | Gate path | wallet/paymaya |
/// | sale amounts | 100.00 to 50000.00 PHP |
/// | sale offered on | Gate |
/// | fields that a sale needs | customer.id, customer.ip_address, customer.first_name, customer.last_name, customer.email, return_url.success, return_url.decline |
/// | payout amounts | 100.00 to 50000.00 PHP |
/// | payout offered on | Gate |
/// | fields that a payout needs | customer.id, customer.ip_address, customer.first_name, customer.last_name, customer.email, account.number, payment.description |
/// | Payment Page code and name in callbacks | not known: send requests to Gate, and match callbacks by the payment's id |
/// | customer's step in a sale | a redirect |
/// | optional fields | return_url.return of a sale |
/// | source of the limits | the list of payment methods in the Philippines, in the copy of the documentation |
/// | amounts declined in tests | 40000, 40400 minor units (the sandbox's choice: the amounts of Jeton Wallet's page) |
/// | customer's redirect in tests | GET (the sandbox's choice) |
/// | source of this table | page `paymaya` of a copy of the platform's documentation |
/// | certainty | documentation copy: the source is a copy of the platform's documentation; ask your account manager whether the platform offers you the method, and with which differences |
/// <!-- end -->
#[derive(Clone, Copy, Debug)]
pub struct PayMaya;

impl Supports<Sale> for PayMaya {}
impl Supports<Payout> for PayMaya {}

impl PaymentMethod for PayMaya {
    const SPEC: Spec<Self> = Spec::new("paymaya", "PayMaya")
        .source("page `paymaya` of a copy of the platform's documentation")
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
            Fact::new("customer's step in a sale", "a redirect"),
            Fact::new("optional fields", "return_url.return of a sale"),
            Fact::new(
                "source of the limits",
                "the list of payment methods in the Philippines, in the copy of the \
                 documentation",
            ),
        ]);
}
