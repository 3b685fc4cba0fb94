//! TrueMoney. Source: the page `truemoney` of a copy of the platform's documentation.

use ecp_core::Currency;
use ecp_methods::request::Field;
use ecp_methods::spec::{Certainty, Fact, Interface, Kind, Limit, Testing};
use ecp_methods::{PaymentMethod, Rule, Sale, Spec, Supports};

use crate::facts;

/// The payment method TrueMoney: payments from electronic wallets. Pass it to the calls of `Gate`
/// (crate `ecp-transport`), as in `gate.sale(&TrueMoney, &request)`, after your account manager has
/// confirmed that it is connected to your project.
///
/// <!-- from the spec: cargo xtask docs -->
/// | | |
/// |---|---|
/// | code in this library | truemoney |
/// | kind | electronic wallets |
/// | currencies | THB |
/// | Gate path | wallet/true-money |
/// | sale amounts | 100.00 to 200000.00 THB |
/// | sale offered on | Gate |
/// | fields that a sale needs | customer.id, customer.ip_address, customer.first_name, customer.last_name, customer.email |
/// | Payment Page code and name in callbacks | not known: send requests to Gate, and match callbacks by the payment's id |
/// | customer's step in a sale | a redirect |
/// | optional fields | return_url.success, return_url.decline, return_url.return of a sale |
/// | source of the limits | the list of payment methods in Thailand, in the copy of the documentation |
/// | amounts declined in tests | 40000, 40400 minor units (page `truemoney` of a copy of the platform's documentation) |
/// | customer's redirect in tests | GET (the sandbox's choice) |
/// | source of this table | page `truemoney` of a copy of the platform's documentation |
/// | certainty | documentation copy: the source is a copy of the platform's documentation; ask your account manager whether the platform offers you the method, and with which differences |
/// <!-- end -->
#[derive(Clone, Copy, Debug)]
pub struct TrueMoney;

impl Supports<Sale> for TrueMoney {}

impl PaymentMethod for TrueMoney {
    const SPEC: Spec<Self> = Spec::new("truemoney", "TrueMoney")
        .source("page `truemoney` of a copy of the platform's documentation")
        .certainty(Certainty::DocumentationCopy)
        .kind(Kind::Wallet)
        .gate_path("wallet/true-money")
        .currencies(&[Currency::THB])
        .flow::<Sale>(
            Rule::new()
                .limited(&[Limit::of(Currency::THB).from("100.00").to("200000.00")])
                .on(&[Interface::Gate])
                .needs(&[
                    Field::CUSTOMER_ID,
                    Field::CUSTOMER_IP_ADDRESS,
                    Field::CUSTOMER_FIRST_NAME,
                    Field::CUSTOMER_LAST_NAME,
                    Field::CUSTOMER_EMAIL,
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
                "the list of payment methods in Thailand, in the copy of the documentation",
            ),
        ])
        .testing(Testing::new().declined(&[40000, 40400]));
}
