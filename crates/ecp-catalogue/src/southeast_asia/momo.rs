//! MoMo. Source: the page `momo` of a copy of the platform's documentation.

use ecp_core::Currency;
use ecp_methods::request::Field;
use ecp_methods::spec::{Certainty, Fact, Interface, Kind, Limit};
use ecp_methods::{PaymentMethod, Payout, Rule, Sale, Spec, Supports};

use crate::{facts, fields};

/// The payment method MoMo: payments from and payouts to electronic wallets. Pass it to the calls
/// of `Gate` (crate `ecp-transport`), as in `gate.sale(&MoMo, &request)`, after your account
/// manager has confirmed that it is connected to your project.
///
/// <!-- from the spec: cargo xtask docs -->
/// | | |
/// |---|---|
/// | code in this library | momo |
/// | kind | electronic wallets |
/// | currencies | VND |
/// | Gate path | wallet/momopay |
/// | sale amounts | 50000 to 20000000 VND |
/// | sale offered on | Gate |
/// | fields that a sale needs | customer.id, customer.ip_address, customer.first_name, customer.last_name, customer.email |
/// | payout amounts | limits not stated |
/// | payout offered on | Gate |
/// | fields that a payout needs | customer.id, customer.ip_address, customer.email, account.number, account.customer_name |
/// | Payment Page code and name in callbacks | not known: send requests to Gate, and match callbacks by the payment's id |
/// | customer's step in a sale | a redirect |
/// | optional fields | return_url.success, return_url.decline, return_url.return of a sale |
/// | source of the limits | the list of payment methods in Vietnam, in the copy of the documentation |
/// | payouts | the method's page has them, but the list of payment methods in Vietnam says that there are none |
/// | amounts declined in tests | 40000, 40400 minor units (the sandbox's choice: the amounts of Jeton Wallet's page) |
/// | customer's redirect in tests | GET (the sandbox's choice) |
/// | source of this table | page `momo` of a copy of the platform's documentation |
/// | certainty | documentation copy: the source is a copy of the platform's documentation; ask your account manager whether the platform offers you the method, and with which differences |
/// <!-- end -->
#[derive(Clone, Copy, Debug)]
pub struct MoMo;

impl Supports<Sale> for MoMo {}
impl Supports<Payout> for MoMo {}

impl PaymentMethod for MoMo {
    const SPEC: Spec<Self> = Spec::new("momo", "MoMo")
        .source("page `momo` of a copy of the platform's documentation")
        .certainty(Certainty::DocumentationCopy)
        .kind(Kind::Wallet)
        .gate_path("wallet/momopay")
        .currencies(&[Currency::VND])
        .flow::<Sale>(
            Rule::new()
                .limited(&[Limit::of(Currency::VND).from("50000").to("20000000")])
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
            Field::CUSTOMER_EMAIL,
            Field::ACCOUNT_NUMBER,
            fields::ACCOUNT_CUSTOMER_NAME,
        ]))
        .facts(&[
            facts::NAMES,
            Fact::new("customer's step in a sale", "a redirect"),
            Fact::new(
                "optional fields",
                "return_url.success, return_url.decline, return_url.return of a sale",
            ),
            Fact::new(
                "source of the limits",
                "the list of payment methods in Vietnam, in the copy of the documentation",
            ),
            Fact::new(
                "payouts",
                "the method's page has them, but the list of payment methods in Vietnam \
                 says that there are none",
            ),
        ]);
}
