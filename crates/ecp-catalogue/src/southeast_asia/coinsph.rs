//! Coins.ph. Source: the page `coinsph` of a copy of the platform's documentation.

use ecp_core::Currency;
use ecp_methods::request::Field;
use ecp_methods::spec::{Certainty, Fact, Interface, Kind, Limit};
use ecp_methods::{PaymentMethod, Payout, Rule, Sale, Spec, Supports};

use crate::facts;

/// The payment method Coins.ph: payments from and payouts to electronic wallets. Pass it to the
/// calls of `Gate` (crate `ecp-transport`), as in `gate.sale(&CoinsPh, &request)`, after your
/// account manager has confirmed that it is connected to your project.
///
/// <!-- from the spec: cargo xtask docs -->
/// | | |
/// |---|---|
/// | code in this library | coinsph |
/// | kind | electronic wallets |
/// | currencies | PHP |
/// | Gate path | wallet/coinsph |
/// | sale amounts | 5.00 to 1000000.00 PHP |
/// | sale offered on | Gate |
/// | fields that a sale needs | customer.id, customer.ip_address, customer.first_name, customer.last_name, customer.email, return_url.success |
/// | payout amounts | 15.00 to 50000.00 PHP |
/// | payout offered on | Gate |
/// | fields that a payout needs | customer.id, customer.ip_address, customer.first_name, customer.last_name, customer.email, account.number |
/// | Payment Page code and name in callbacks | not known: send requests to Gate, and match callbacks by the payment's id |
/// | customer's step in a sale | a redirect |
/// | optional fields | return_url.decline, return_url.return of a sale; payment.description of a payout |
/// | source of the limits | the list of payment methods in the Philippines, in the copy of the documentation |
/// | amounts declined in tests | 40000, 40400 minor units (the sandbox's choice: the amounts of Jeton Wallet's page) |
/// | customer's redirect in tests | GET (the sandbox's choice) |
/// | source of this table | page `coinsph` of a copy of the platform's documentation |
/// | certainty | documentation copy: the source is a copy of the platform's documentation; ask your account manager whether the platform offers you the method, and with which differences |
/// <!-- end -->
#[derive(Clone, Copy, Debug)]
pub struct CoinsPh;

impl Supports<Sale> for CoinsPh {}
impl Supports<Payout> for CoinsPh {}

impl PaymentMethod for CoinsPh {
    const SPEC: Spec<Self> = Spec::new("coinsph", "Coins.ph")
        .source("page `coinsph` of a copy of the platform's documentation")
        .certainty(Certainty::DocumentationCopy)
        .kind(Kind::Wallet)
        .gate_path("wallet/coinsph")
        .currencies(&[Currency::PHP])
        .flow::<Sale>(
            Rule::new()
                .limited(&[Limit::of(Currency::PHP).from("5.00").to("1000000.00")])
                .on(&[Interface::Gate])
                .needs(&[
                    Field::CUSTOMER_ID,
                    Field::CUSTOMER_IP_ADDRESS,
                    Field::CUSTOMER_FIRST_NAME,
                    Field::CUSTOMER_LAST_NAME,
                    Field::CUSTOMER_EMAIL,
                    Field::RETURN_SUCCESS,
                ]),
        )
        .flow::<Payout>(
            Rule::new()
                .limited(&[Limit::of(Currency::PHP).from("15.00").to("50000.00")])
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
                "return_url.decline, return_url.return of a sale; payment.description of a \
                 payout",
            ),
            Fact::new(
                "source of the limits",
                "the list of payment methods in the Philippines, in the copy of the \
                 documentation",
            ),
        ]);
}
