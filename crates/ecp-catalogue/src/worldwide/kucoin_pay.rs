//! KuCoin Pay. Source: the page `kucoin-pay` of a copy of the platform's documentation.

use ecp_core::Currency;
use ecp_methods::request::Field;
use ecp_methods::spec::{Certainty, Fact, Interface, Kind};
use ecp_methods::{PaymentMethod, Payout, Refund, Rule, Sale, Spec, Supports};

use crate::facts;

/// The payment method KuCoin Pay: payments from and payouts to electronic wallets, and refunds.
/// Pass it to the calls of `Gate` (crate `ecp-transport`), as in `gate.sale(&KuCoinPay, &request)`,
/// after your account manager has confirmed that it is connected to your project.
///
/// <!-- from the spec: cargo xtask docs -->
/// | | |
/// |---|---|
/// | code in this library | kucoin-pay |
/// | kind | electronic wallets |
/// | countries | all countries except AS, CD, CF, CN, CU, GU, HK, HT, IR, KP, LB, LY, ML, MM, MP, MY, PR, SD, SG, SO, SS, UM, US, UZ, VI, YE |
/// | currencies | ARS, EGP, GHS, KES, NGN, RWF, TZS, UGX, XAF, XOF, ZAR |
/// | Gate path | wallet/kucoin |
/// | sale amounts | limits not stated |
/// | sale offered on | Gate |
/// | fields that a sale needs | customer.id, customer.ip_address, customer.first_name, customer.last_name, customer.email |
/// | payout amounts | limits not stated |
/// | payout offered on | Gate |
/// | fields that a payout needs | customer.id, customer.ip_address, customer.first_name, customer.last_name, customer.email, account.number |
/// | refund amounts | limits not stated, a part of the payment is possible |
/// | refund offered on | Gate |
/// | fields that a refund needs | payment.description |
/// | Payment Page code and name in callbacks | not known: send requests to Gate, and match callbacks by the payment's id |
/// | customer's step in a sale | a redirect, or an instruction to show to the customer (display_data) |
/// | more on countries | also not used in British Columbia and Ontario (Canada) and in the Kurdistan region; CN is mainland China only |
/// | amounts declined in tests | 40000, 40400 minor units (the sandbox's choice: the amounts of Jeton Wallet's page) |
/// | customer's redirect in tests | GET (the sandbox's choice) |
/// | source of this table | page `kucoin-pay` of a copy of the platform's documentation |
/// | certainty | documentation copy: the source is a copy of the platform's documentation; ask your account manager whether the platform offers you the method, and with which differences |
/// <!-- end -->
#[derive(Clone, Copy, Debug)]
pub struct KuCoinPay;

impl Supports<Sale> for KuCoinPay {}
impl Supports<Payout> for KuCoinPay {}
impl Supports<Refund> for KuCoinPay {}

impl PaymentMethod for KuCoinPay {
    const SPEC: Spec<Self> = Spec::new("kucoin-pay", "KuCoin Pay")
        .source("page `kucoin-pay` of a copy of the platform's documentation")
        .certainty(Certainty::DocumentationCopy)
        .kind(Kind::Wallet)
        .gate_path("wallet/kucoin")
        .regions_except(&[
            "AS", "CD", "CF", "CN", "CU", "GU", "HK", "HT", "IR", "KP", "LB", "LY", "ML", "MM",
            "MP", "MY", "PR", "SD", "SG", "SO", "SS", "UM", "US", "UZ", "VI", "YE",
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
        ]))
        .flow::<Refund>(Rule::new().on(&[Interface::Gate]).needs(&[Field::DESCRIPTION]).partial())
        .facts(&[
            facts::NAMES,
            Fact::new(
                "customer's step in a sale",
                "a redirect, or an instruction to show to the customer (display_data)",
            ),
            Fact::new(
                "more on countries",
                "also not used in British Columbia and Ontario (Canada) and in the \
                 Kurdistan region; CN is mainland China only",
            ),
        ]);
}
