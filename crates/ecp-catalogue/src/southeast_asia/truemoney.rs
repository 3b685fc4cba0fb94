//! TrueMoney. Source: the page `truemoney` of a documentation copy.

use ecp_core::Currency;
use ecp_methods::request::Field;
use ecp_methods::spec::{Certainty, Fact, Interface, Kind, Limit, Testing};
use ecp_methods::{PaymentMethod, Rule, Sale, Spec, Supports};

use crate::facts;

/// TrueMoney: payments from electronic wallets.
///
/// <!-- from the spec: cargo xtask docs -->
/// | | |
/// |---|---|
/// | code | truemoney |
/// | kind | electronic wallets |
/// | currencies | THB |
/// | Gate path | wallet/true-money |
/// | sale | 100.00 to 200000.00 THB |
/// | sale on | Gate |
/// | sale needs | customer.id, customer.ip_address, customer.first_name, customer.last_name, customer.email |
/// | other names | the code of the Payment Page and the name in callbacks are not known: use Gate, and match callbacks by the payment's id |
/// | customer's step | a redirect |
/// | optional fields | return_url.success, return_url.decline, return_url.return of a sale |
/// | limits | those of the copy's list of Thailand |
/// | declined in tests | 40000, 40400 minor units (page `truemoney` of a documentation copy, brand removed) |
/// | redirect in tests | GET (the sandbox's choice) |
/// | source | page `truemoney` of a documentation copy, brand removed |
/// | certainty | documentation copy |
/// <!-- end -->
#[derive(Clone, Copy, Debug)]
pub struct TrueMoney;

impl Supports<Sale> for TrueMoney {}

impl PaymentMethod for TrueMoney {
    const SPEC: Spec<Self> = Spec::new("truemoney", "TrueMoney")
        .source("page `truemoney` of a documentation copy, brand removed")
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
            Fact::new("customer's step", "a redirect"),
            Fact::new(
                "optional fields",
                "return_url.success, return_url.decline, return_url.return of a sale",
            ),
            Fact::new("limits", "those of the copy's list of Thailand"),
        ])
        .testing(Testing::new().declined(&[40000, 40400]));
}
