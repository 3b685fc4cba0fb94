//! Gate Pay. Source: the page `gatepay-wallet` of a copy of the platform's documentation.

use ecp_core::Currency;
use ecp_methods::request::Field;
use ecp_methods::spec::{Certainty, Fact, Interface, Kind};
use ecp_methods::{PaymentMethod, Payout, Refund, Rule, Sale, Spec, Supports};

use crate::{facts, fields};

/// The payment method Gate Pay: payments from and payouts to electronic wallets, and refunds. Pass
/// it to the calls of `Gate` (crate `ecp-transport`), as in `gate.sale(&GatePay, &request)`, after
/// your account manager has confirmed that it is connected to your project.
///
/// <!-- from the spec: cargo xtask docs -->
/// | | |
/// |---|---|
/// | code in this library | gatepay |
/// | kind | electronic wallets |
/// | countries | all countries except AE, AR, AT, BO, CA, CN, CU, DE, ES, FR, GB, HK, ID, IN, IR, JP, KH, KP, KR, MM, MT, MY, NL, PH, PK, SD, SG, TH, US, UZ, VE |
/// | currencies | ARS, EGP, GHS, KES, NGN, RWF, TZS, UGX, USD, XAF, XOF, ZAR |
/// | Gate path | wallet/gatepay |
/// | sale amounts | limits not stated |
/// | sale offered on | Gate |
/// | fields that a sale needs | customer.id, customer.ip_address, customer.first_name, customer.last_name, customer.email |
/// | payout amounts | limits not stated |
/// | payout offered on | Gate |
/// | fields that a payout needs | customer.id, customer.ip_address, customer.first_name, customer.last_name, customer.email, account.number, account.crypto_currency, account.crypto_payway |
/// | refund amounts | limits not stated, a part of the payment is possible |
/// | refund offered on | Gate |
/// | fields that a refund needs | payment.description |
/// | Payment Page code and name in callbacks | not known: send requests to Gate, and match callbacks by the payment's id |
/// | customer's step in a sale | an instruction to show to the customer (display_data) |
/// | optional fields | customer.browser, customer.device_type of a sale |
/// | more on countries | also not used in the countries that Gate Pay's user agreement lists |
/// | amounts declined in tests | 40000, 40400 minor units (the sandbox's choice: the amounts of Jeton Wallet's page) |
/// | customer's redirect in tests | GET (the sandbox's choice) |
/// | source of this table | page `gatepay-wallet` of a copy of the platform's documentation |
/// | certainty | documentation copy: the source is a copy of the platform's documentation; ask your account manager whether the platform offers you the method, and with which differences |
/// <!-- end -->
#[derive(Clone, Copy, Debug)]
pub struct GatePay;

impl Supports<Sale> for GatePay {}
impl Supports<Payout> for GatePay {}
impl Supports<Refund> for GatePay {}

impl PaymentMethod for GatePay {
    const SPEC: Spec<Self> = Spec::new("gatepay", "Gate Pay")
        .source("page `gatepay-wallet` of a copy of the platform's documentation")
        .certainty(Certainty::DocumentationCopy)
        .kind(Kind::Wallet)
        .gate_path("wallet/gatepay")
        .regions_except(&[
            "AE", "AR", "AT", "BO", "CA", "CN", "CU", "DE", "ES", "FR", "GB", "HK", "ID", "IN",
            "IR", "JP", "KH", "KP", "KR", "MM", "MT", "MY", "NL", "PH", "PK", "SD", "SG", "TH",
            "US", "UZ", "VE",
        ])
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
            Field::ACCOUNT_NUMBER,
            fields::ACCOUNT_CRYPTO_CURRENCY,
            fields::ACCOUNT_CRYPTO_PAYWAY,
        ]))
        .flow::<Refund>(Rule::new().on(&[Interface::Gate]).needs(&[Field::DESCRIPTION]).partial())
        .facts(&[
            facts::NAMES,
            Fact::new(
                "customer's step in a sale",
                "an instruction to show to the customer (display_data)",
            ),
            Fact::new("optional fields", "customer.browser, customer.device_type of a sale"),
            Fact::new(
                "more on countries",
                "also not used in the countries that Gate Pay's user agreement lists",
            ),
        ]);
}
