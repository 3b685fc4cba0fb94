//! Bancomat Pay. Source: the page `bancomat-pay` of a documentation copy.

use ecp_core::Currency;
use ecp_methods::request::Field;
use ecp_methods::spec::{Certainty, Fact, Interface, Kind};
use ecp_methods::{PaymentMethod, Refund, Rule, Sale, Spec, Supports};

use crate::facts;

/// Bancomat Pay: payments from electronic wallets, and refunds.
///
/// <!-- from the spec: cargo xtask docs -->
/// | | |
/// |---|---|
/// | code | bancomat-pay |
/// | kind | electronic wallets |
/// | currencies | EUR |
/// | Gate path | wallet/bancomatpay |
/// | sale | limits not stated |
/// | sale on | Gate |
/// | sale needs | customer.id, customer.ip_address, customer.first_name, customer.last_name, customer.email |
/// | refund | limits not stated, partial allowed |
/// | refund on | Gate |
/// | refund needs | payment.description |
/// | other names | the code of the Payment Page and the name in callbacks are not known: use Gate, and match callbacks by the payment's id |
/// | customer's step | a redirect |
/// | asked later | customer.phone of a sale: the platform asks for those that a request lacks (clarification) |
/// | optional fields | return_url.success, return_url.decline, return_url.return of a sale |
/// | declined in tests | 40000, 40400 minor units (the sandbox's choice, after Jeton Wallet's page) |
/// | redirect in tests | GET (the sandbox's choice) |
/// | source | page `bancomat-pay` of a documentation copy, brand removed |
/// | certainty | documentation copy |
/// <!-- end -->
#[derive(Clone, Copy, Debug)]
pub struct BancomatPay;

impl Supports<Sale> for BancomatPay {}
impl Supports<Refund> for BancomatPay {}

impl PaymentMethod for BancomatPay {
    const SPEC: Spec<Self> = Spec::new("bancomat-pay", "Bancomat Pay")
        .source("page `bancomat-pay` of a documentation copy, brand removed")
        .certainty(Certainty::DocumentationCopy)
        .kind(Kind::Wallet)
        .gate_path("wallet/bancomatpay")
        .currencies(&[Currency::EUR])
        .flow::<Sale>(Rule::new().on(&[Interface::Gate]).needs(&[
            Field::CUSTOMER_ID,
            Field::CUSTOMER_IP_ADDRESS,
            Field::CUSTOMER_FIRST_NAME,
            Field::CUSTOMER_LAST_NAME,
            Field::CUSTOMER_EMAIL,
        ]))
        .flow::<Refund>(Rule::new().on(&[Interface::Gate]).needs(&[Field::DESCRIPTION]).partial())
        .facts(&[
            facts::NAMES,
            Fact::new("customer's step", "a redirect"),
            Fact::new(
                "asked later",
                "customer.phone of a sale: the platform asks for those that a request lacks \
                 (clarification)",
            ),
            Fact::new(
                "optional fields",
                "return_url.success, return_url.decline, return_url.return of a sale",
            ),
        ]);
}
