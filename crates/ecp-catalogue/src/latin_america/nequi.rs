//! Nequi. Source: the page `nequi` of a copy of the platform's documentation.

use ecp_core::Currency;
use ecp_methods::request::Field;
use ecp_methods::spec::{Certainty, Fact, Interface, Kind, Limit};
use ecp_methods::{PaymentMethod, Payout, Rule, Sale, Spec, Supports};

use crate::{facts, fields};

/// The payment method Nequi: payments from and payouts to electronic wallets. Pass it to the calls
/// of `Gate` (crate `ecp-transport`), as in `gate.sale(&Nequi, &request)`, after your account
/// manager has confirmed that it is connected to your project.
///
/// <!-- from the spec: cargo xtask docs -->
/// | | |
/// |---|---|
/// | code in this library | nequi |
/// | kind | electronic wallets |
/// | currencies | COP |
/// | Gate path | wallet/nequi |
/// | sale amounts | 5000.00 to 3000000.00 COP |
/// | sale offered on | Gate |
/// | fields that a sale needs | customer.id, customer.ip_address, customer.first_name, customer.last_name, customer.email, customer.phone, identify.doc_number, identify.doc_type |
/// | payout amounts | 10000.00 to 3000000.00 COP |
/// | payout offered on | Gate |
/// | fields that a payout needs | customer.id, customer.ip_address, customer.first_name, customer.last_name, customer.email, customer.phone, identify.doc_number, identify.doc_type, account.number |
/// | Payment Page code and name in callbacks | not known: send requests to Gate, and match callbacks by the payment's id |
/// | customer's step in a sale | a redirect |
/// | optional fields | return_url.success, return_url.decline, return_url.return of a sale |
/// | source of the limits | the list of payment methods in Colombia, in the copy of the documentation |
/// | amounts declined in tests | 40000, 40400 minor units, all of them outside the limits, which refuse them first (the sandbox's choice: the amounts of Jeton Wallet's page) |
/// | customer's redirect in tests | GET (the sandbox's choice) |
/// | source of this table | page `nequi` of a copy of the platform's documentation |
/// | certainty | documentation copy: the source is a copy of the platform's documentation; ask your account manager whether the platform offers you the method, and with which differences |
/// <!-- end -->
#[derive(Clone, Copy, Debug)]
pub struct Nequi;

impl Supports<Sale> for Nequi {}
impl Supports<Payout> for Nequi {}

impl PaymentMethod for Nequi {
    const SPEC: Spec<Self> = Spec::new("nequi", "Nequi")
        .source("page `nequi` of a copy of the platform's documentation")
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
            Fact::new("customer's step in a sale", "a redirect"),
            Fact::new(
                "optional fields",
                "return_url.success, return_url.decline, return_url.return of a sale",
            ),
            Fact::new(
                "source of the limits",
                "the list of payment methods in Colombia, in the copy of the documentation",
            ),
        ]);
}
