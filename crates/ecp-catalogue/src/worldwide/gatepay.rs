//! Gate Pay. Source: the page `gatepay-wallet` of a documentation copy.

use ecp_core::Currency;
use ecp_methods::request::Field;
use ecp_methods::spec::{Certainty, Fact, Interface, Kind};
use ecp_methods::{PaymentMethod, Payout, Refund, Rule, Sale, Spec, Supports};

use crate::{facts, fields};

/// Gate Pay: payments from and payouts to electronic wallets, and refunds.
///
/// <!-- from the spec: cargo xtask docs -->
/// | | |
/// |---|---|
/// | code | gatepay |
/// | kind | electronic wallets |
/// | regions | all countries except AE, AR, AT, BO, CA, CN, CU, DE, ES, FR, GB, HK, ID, IN, IR, JP, KH, KP, KR, MM, MT, MY, NL, PH, PK, SD, SG, TH, US, UZ, VE |
/// | currencies | ARS, EGP, GHS, KES, NGN, RWF, TZS, UGX, USD, XAF, XOF, ZAR |
/// | Gate path | wallet/gatepay |
/// | sale | limits not stated |
/// | sale on | Gate |
/// | sale needs | customer.id, customer.ip_address, customer.first_name, customer.last_name, customer.email |
/// | payout | limits not stated |
/// | payout on | Gate |
/// | payout needs | customer.id, customer.ip_address, customer.first_name, customer.last_name, customer.email, account.number, account.crypto_currency, account.crypto_payway |
/// | refund | limits not stated, partial allowed |
/// | refund on | Gate |
/// | refund needs | payment.description |
/// | other names | the code of the Payment Page and the name in callbacks are not known: use Gate, and match callbacks by the payment's id |
/// | customer's step | an instruction to show (display_data) |
/// | optional fields | customer.browser, customer.device_type of a sale |
/// | more on regions | nor in the countries that Gate Pay's user agreement lists |
/// | declined in tests | 40000, 40400 minor units (the sandbox's choice, after Jeton Wallet's page) |
/// | redirect in tests | GET (the sandbox's choice) |
/// | source | page `gatepay-wallet` of a documentation copy, brand removed |
/// | certainty | documentation copy |
/// <!-- end -->
#[derive(Clone, Copy, Debug)]
pub struct GatePay;

impl Supports<Sale> for GatePay {}
impl Supports<Payout> for GatePay {}
impl Supports<Refund> for GatePay {}

impl PaymentMethod for GatePay {
    const SPEC: Spec<Self> = Spec::new("gatepay", "Gate Pay")
        .source("page `gatepay-wallet` of a documentation copy, brand removed")
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
            Fact::new("customer's step", "an instruction to show (display_data)"),
            Fact::new("optional fields", "customer.browser, customer.device_type of a sale"),
            Fact::new(
                "more on regions",
                "nor in the countries that Gate Pay's user agreement lists",
            ),
        ]);
}
