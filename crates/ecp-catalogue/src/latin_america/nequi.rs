//! Nequi. Source: the page `nequi` of a documentation copy.

use ecp_core::Currency;
use ecp_methods::request::Field;
use ecp_methods::spec::{Certainty, Fact, Interface, Kind, Limit};
use ecp_methods::{PaymentMethod, Payout, Rule, Sale, Spec, Supports};

use crate::{facts, fields};

/// Nequi: payments from and payouts to electronic wallets.
///
/// <!-- from the spec: cargo xtask docs -->
/// | | |
/// |---|---|
/// | code | nequi |
/// | kind | electronic wallets |
/// | currencies | COP |
/// | Gate path | wallet/nequi |
/// | sale | 5000.00 to 3000000.00 COP |
/// | sale on | Gate |
/// | sale needs | customer.id, customer.ip_address, customer.first_name, customer.last_name, customer.email, customer.phone, identify.doc_number, identify.doc_type |
/// | payout | 10000.00 to 3000000.00 COP |
/// | payout on | Gate |
/// | payout needs | customer.id, customer.ip_address, customer.first_name, customer.last_name, customer.email, customer.phone, identify.doc_number, identify.doc_type, account.number |
/// | other names | the code of the Payment Page and the name in callbacks are not known: use Gate, and match callbacks by the payment's id |
/// | customer's step | a redirect |
/// | optional fields | return_url.success, return_url.decline, return_url.return of a sale |
/// | limits | those of the copy's list of Colombia |
/// | declined in tests | 40000, 40400 minor units (the sandbox's choice, after Jeton Wallet's page) |
/// | redirect in tests | GET (the sandbox's choice) |
/// | source | page `nequi` of a documentation copy, brand removed |
/// | certainty | documentation copy |
/// <!-- end -->
#[derive(Clone, Copy, Debug)]
pub struct Nequi;

impl Supports<Sale> for Nequi {}
impl Supports<Payout> for Nequi {}

impl PaymentMethod for Nequi {
    const SPEC: Spec<Self> = Spec::new("nequi", "Nequi")
        .source("page `nequi` of a documentation copy, brand removed")
        .certainty(Certainty::DocumentationCopy)
        .kind(Kind::Wallet)
        .gate_path("wallet/nequi")
        .currencies(&[Currency::COP])
        .flow::<Sale>(
            Rule::new()
                .limited(&[Limit::of(Currency::COP).from("5000.00").to("3000000.00")])
                .on(&[Interface::Gate])
                .needs(&[
                    Field::CUSTOMER_ID,
                    Field::CUSTOMER_IP_ADDRESS,
                    Field::CUSTOMER_FIRST_NAME,
                    Field::CUSTOMER_LAST_NAME,
                    Field::CUSTOMER_EMAIL,
                    Field::CUSTOMER_PHONE,
                    fields::IDENTIFY_DOC_NUMBER,
                    fields::IDENTIFY_DOC_TYPE,
                ]),
        )
        .flow::<Payout>(
            Rule::new()
                .limited(&[Limit::of(Currency::COP).from("10000.00").to("3000000.00")])
                .on(&[Interface::Gate])
                .needs(&[
                    Field::CUSTOMER_ID,
                    Field::CUSTOMER_IP_ADDRESS,
                    Field::CUSTOMER_FIRST_NAME,
                    Field::CUSTOMER_LAST_NAME,
                    Field::CUSTOMER_EMAIL,
                    Field::CUSTOMER_PHONE,
                    fields::IDENTIFY_DOC_NUMBER,
                    fields::IDENTIFY_DOC_TYPE,
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
            Fact::new("limits", "those of the copy's list of Colombia"),
        ]);
}
