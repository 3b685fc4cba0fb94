//! Bybit Pay. Source: the page `bybit-pay` of a copy of the platform's documentation.

use ecp_core::Currency;
use ecp_methods::request::Field;
use ecp_methods::spec::{Certainty, Fact, Interface, Kind};
use ecp_methods::{PaymentMethod, Payout, Refund, Rule, Sale, Spec, Supports};

use crate::{facts, fields};

/// The payment method Bybit Pay: payments from and payouts to electronic wallets, and refunds. Pass
/// it to the calls of `Gate` (crate `ecp-transport`), as in `gate.sale(&BybitPay, &request)`, after
/// your account manager has confirmed that it is connected to your project.
///
/// <!-- from the spec: cargo xtask docs -->
/// | | |
/// |---|---|
/// | code in this library | bybit-pay |
/// | kind | electronic wallets |
/// | countries | all countries except CA, CU, FR, GB, HK, IR, KP, SD, SG, SY, US, UZ |
/// | currencies | ARS, EGP, GHS, KES, NGN, RWF, TZS, UGX, USD, XAF, XOF, ZAR |
/// | Gate path | wallet/bybit |
/// | sale amounts | limits not stated |
/// | sale offered on | Gate |
/// | fields that a sale needs | customer.id, customer.ip_address, customer.first_name, customer.last_name, customer.email |
/// | payout amounts | limits not stated |
/// | payout offered on | Gate |
/// | fields that a payout needs | customer.id, customer.ip_address, customer.first_name, customer.last_name, customer.email, customer.account_id |
/// | refund amounts | limits not stated, a part of the payment is possible |
/// | refund offered on | Gate |
/// | fields that a refund needs | payment.description |
/// | Payment Page code and name in callbacks | not known: send requests to Gate, and match callbacks by the payment's id |
/// | customer's step in a sale | an instruction to show to the customer (display_data) |
/// | optional fields | customer.browser, customer.device_type, customer.device_id of a sale; customer.browser, customer.device_type, customer.device_id of a payout; customer.browser, customer.device_type, customer.device_id of a refund |
/// | amounts declined in tests | 40000, 40400 minor units (the sandbox's choice: the amounts of Jeton Wallet's page) |
/// | customer's redirect in tests | GET (the sandbox's choice) |
/// | source of this table | page `bybit-pay` of a copy of the platform's documentation |
/// | certainty | documentation copy: the source is a copy of the platform's documentation; ask your account manager whether the platform offers you the method, and with which differences |
/// <!-- end -->
#[derive(Clone, Copy, Debug)]
pub struct BybitPay;

impl Supports<Sale> for BybitPay {}
impl Supports<Payout> for BybitPay {}
impl Supports<Refund> for BybitPay {}

impl PaymentMethod for BybitPay {
    const SPEC: Spec<Self> = Spec::new("bybit-pay", "Bybit Pay")
        .source("page `bybit-pay` of a copy of the platform's documentation")
        .certainty(Certainty::DocumentationCopy)
        .kind(Kind::Wallet)
        .gate_path("wallet/bybit")
        .regions_except(&["CA", "CU", "FR", "GB", "HK", "IR", "KP", "SD", "SG", "SY", "US", "UZ"])
        .currencies(&[
            Currency::ARS,
            Currency::EGP,
            Currency::GHS,
            Currency::KES,
            Currency::NGN,
            Currency::RWF,
            Currency::TZS,
            Currency::UGX,
            Currency::USD,
            Currency::XAF,
            Currency::XOF,
            Currency::ZAR,
        ])
        .flow::<Sale>(Rule::new().on(&[Interface::Gate]).needs(&[
            Field::CUSTOMER_ID,
            Field::CUSTOMER_IP_ADDRESS,
            Field::CUSTOMER_FIRST_NAME,
            Field::CUSTOMER_LAST_NAME,
            Field::CUSTOMER_EMAIL,
        ]))
        .flow::<Payout>(Rule::new().on(&[Interface::Gate]).needs(&[
            Field::CUSTOMER_ID,
            Field::CUSTOMER_IP_ADDRESS,
            Field::CUSTOMER_FIRST_NAME,
            Field::CUSTOMER_LAST_NAME,
            Field::CUSTOMER_EMAIL,
            fields::CUSTOMER_ACCOUNT_ID,
        ]))
        .flow::<Refund>(Rule::new().on(&[Interface::Gate]).needs(&[Field::DESCRIPTION]).partial())
        .facts(&[
            facts::NAMES,
            Fact::new(
                "customer's step in a sale",
                "an instruction to show to the customer (display_data)",
            ),
            Fact::new(
                "optional fields",
                "customer.browser, customer.device_type, customer.device_id of a sale; \
                 customer.browser, customer.device_type, customer.device_id of a payout; \
                 customer.browser, customer.device_type, customer.device_id of a refund",
            ),
        ]);
}
