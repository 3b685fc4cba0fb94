//! KuCoin Pay. Source: the page `kucoin-pay` of a documentation copy.

use ecp_core::Currency;
use ecp_methods::request::Field;
use ecp_methods::spec::{Certainty, Fact, Interface, Kind};
use ecp_methods::{PaymentMethod, Payout, Refund, Rule, Sale, Spec, Supports};

use crate::facts;

/// KuCoin Pay: payments from and payouts to electronic wallets, and refunds.
///
/// <!-- from the spec: cargo xtask docs -->
/// | | |
/// |---|---|
/// | code | kucoin-pay |
/// | kind | electronic wallets |
/// | regions | all countries except AS, CD, CF, CN, CU, GU, HK, HT, IR, KP, LB, LY, ML, MM, MP, MY, PR, SD, SG, SO, SS, UM, US, UZ, VI, YE |
/// | currencies | ARS, EGP, GHS, KES, NGN, RWF, TZS, UGX, XAF, XOF, ZAR |
/// | Gate path | wallet/kucoin |
/// | sale | limits not stated |
/// | sale on | Gate |
/// | sale needs | customer.id, customer.ip_address, customer.first_name, customer.last_name, customer.email |
/// | payout | limits not stated |
/// | payout on | Gate |
/// | payout needs | customer.id, customer.ip_address, customer.first_name, customer.last_name, customer.email, account.number |
/// | refund | limits not stated, partial allowed |
/// | refund on | Gate |
/// | refund needs | payment.description |
/// | other names | the code of the Payment Page and the name in callbacks are not known: use Gate, and match callbacks by the payment's id |
/// | customer's step | a redirect, or an instruction to show (display_data) |
/// | more on regions | not in British Columbia and Ontario of Canada nor in the Kurdistan region either; of China the mainland is meant |
/// | declined in tests | 40000, 40400 minor units (the sandbox's choice, after Jeton Wallet's page) |
/// | redirect in tests | GET (the sandbox's choice) |
/// | source | page `kucoin-pay` of a documentation copy, brand removed |
/// | certainty | documentation copy |
/// <!-- end -->
#[derive(Clone, Copy, Debug)]
pub struct KuCoinPay;

impl Supports<Sale> for KuCoinPay {}
impl Supports<Payout> for KuCoinPay {}
impl Supports<Refund> for KuCoinPay {}

impl PaymentMethod for KuCoinPay {
    const SPEC: Spec<Self> = Spec::new("kucoin-pay", "KuCoin Pay")
        .source("page `kucoin-pay` of a documentation copy, brand removed")
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
            Fact::new("customer's step", "a redirect, or an instruction to show (display_data)"),
            Fact::new(
                "more on regions",
                "not in British Columbia and Ontario of Canada nor in the Kurdistan region \
                 either; of China the mainland is meant",
            ),
        ]);
}
