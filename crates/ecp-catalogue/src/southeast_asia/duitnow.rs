//! DuitNow. Source: the page `duitnow` of a documentation copy.

use ecp_core::Currency;
use ecp_methods::request::Field;
use ecp_methods::spec::{Certainty, Fact, Interface, Kind, Limit, Testing};
use ecp_methods::{PaymentMethod, Rule, Sale, Spec, Supports};

use crate::facts;

/// DuitNow: payments from electronic wallets.
///
/// <!-- from the spec: cargo xtask docs -->
/// | | |
/// |---|---|
/// | code | duitnow |
/// | kind | electronic wallets |
/// | currencies | MYR |
/// | Gate path | wallet/duitnow |
/// | sale | 1.00 to 50000.00 MYR |
/// | sale on | Gate |
/// | sale needs | customer.id, customer.ip_address, customer.first_name, customer.last_name, customer.email |
/// | other names | the code of the Payment Page and the name in callbacks are not known: use Gate, and match callbacks by the payment's id |
/// | customer's step | a redirect |
/// | optional fields | return_url.success, return_url.decline, return_url.return of a sale |
/// | limits | those of the copy's list of Malaysia |
/// | declined in tests | 40000, 40400 minor units (page `duitnow` of a documentation copy, brand removed) |
/// | redirect in tests | GET (the sandbox's choice) |
/// | source | page `duitnow` of a documentation copy, brand removed |
/// | certainty | documentation copy |
/// <!-- end -->
#[derive(Clone, Copy, Debug)]
pub struct DuitNow;

impl Supports<Sale> for DuitNow {}

impl PaymentMethod for DuitNow {
    const SPEC: Spec<Self> = Spec::new("duitnow", "DuitNow")
        .source("page `duitnow` of a documentation copy, brand removed")
        .certainty(Certainty::DocumentationCopy)
        .kind(Kind::Wallet)
        .gate_path("wallet/duitnow")
        .currencies(&[Currency::MYR])
        .flow::<Sale>(
            Rule::new()
                .limited(&[Limit::of(Currency::MYR).from("1.00").to("50000.00")])
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
            Fact::new("limits", "those of the copy's list of Malaysia"),
        ])
        .testing(Testing::new().declined(&[40000, 40400]));
}
