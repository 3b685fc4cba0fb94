//! Jeton Wallet. Source: the platform's method page "Jeton Wallet".

use ecp_core::Currency;

use crate::request::Field;
use crate::spec::{
    CallbackForm, Certainty, Conversion, Fact, Interface, Kind, Rule, Spec, TestRedirect, Testing,
};
use crate::{Operation, PaymentMethod, Payout, Sale, Supports};

/// Jeton Wallet: payments from and payouts to electronic wallets in India, Japan and Turkey.
///
/// <!-- from the spec: cargo xtask docs -->
/// | | |
/// |---|---|
/// | code | jeton |
/// | kind | electronic wallets |
/// | regions | IN, JP, TR |
/// | currencies | EUR, GBP, INR, JPY, NOK, PLN, RUB, TRY, USD |
/// | conversion | by the method's service |
/// | Gate path | wallet/jeton |
/// | Dashboard code | jeton-wallet (documentation copy) |
/// | Payment Page code | jetonWalletV3 |
/// | callback name | JetonWallet |
/// | provider in callbacks | 1079 of a sale, 1079 of a payout |
/// | declines in the samples | 20106 of a sale, 3028 of a payout |
/// | sale | 1.00 to 100000.00 |
/// | sale on | Payment Page, Gate |
/// | sale needs | customer.id, customer.ip_address, return_url.success, return_url.decline |
/// | payout | 1.00 to 100000.00 |
/// | payout on | Gate |
/// | payout needs | customer.ip_address, account.number |
/// | chargebacks | no |
/// | saved credentials | no |
/// | settlement currencies | on request |
/// | settlement speed | without delay |
/// | other Payment Page code | the protocol has two versions with a code each; the account manager and support know which is connected |
/// | connection and its cost | agreed with the account manager |
/// | declined in tests | 40000, 40400 minor units (method page "Jeton Wallet") |
/// | account shown in tests | 20400, 40400 minor units (method page "Jeton Wallet") |
/// | redirect in tests | GET (the sample on the page) |
/// | source | method page "Jeton Wallet" |
/// | certainty | documents |
/// <!-- end -->
#[derive(Clone, Copy, Debug)]
pub struct Jeton;

impl Supports<Sale> for Jeton {}
impl Supports<Payout> for Jeton {}

impl PaymentMethod for Jeton {
    const SPEC: Spec<Self> = Spec::new("jeton", "Jeton Wallet")
        .source("method page \"Jeton Wallet\"")
        .certainty(Certainty::Documents)
        .kind(Kind::Wallet)
        .gate_path("wallet/jeton")
        .dashboard_code("jeton-wallet")
        .page_codes(&["jetonWalletV3"])
        .callback_names(&["JetonWallet"])
        .callbacks(&[
            CallbackForm::new(Operation::SALE).provider_first(1079),
            CallbackForm::new(Operation::SALE)
                .of_decline()
                .provider_first(1079)
                .code(20_106)
                .before(&[
                    ("customer", "project_id"),
                    ("payment", "project_id"),
                    ("payment.date", "payment.id"),
                    ("payment.method", "payment.status"),
                    ("payment.type", "payment.description"),
                ]),
            CallbackForm::new(Operation::PAYOUT)
                .provider_first(1079)
                .no_provider_payment()
                .code(3028),
        ])
        .regions(&["IN", "JP", "TR"])
        .currencies(&[
            Currency::EUR,
            Currency::GBP,
            Currency::INR,
            Currency::JPY,
            Currency::NOK,
            Currency::PLN,
            Currency::RUB,
            Currency::TRY,
            Currency::USD,
        ])
        .conversion(Conversion::Method)
        .flow::<Sale>(
            Rule::new()
                .amount("1.00", "100000.00")
                .on(&[Interface::PaymentPage, Interface::Gate])
                .needs(&[
                    Field::CUSTOMER_ID,
                    Field::CUSTOMER_IP_ADDRESS,
                    Field::RETURN_SUCCESS,
                    Field::RETURN_DECLINE,
                ]),
        )
        .flow::<Payout>(
            Rule::new()
                .amount("1.00", "100000.00")
                .on(&[Interface::Gate])
                .needs(&[Field::CUSTOMER_IP_ADDRESS, Field::ACCOUNT_NUMBER]),
        )
        .saved_credentials(false)
        .chargebacks(false)
        .facts(&[
            Fact::new("settlement currencies", "on request"),
            Fact::new("settlement speed", "without delay"),
            Fact::new(
                "other Payment Page code",
                "the protocol has two versions with a code each; the account manager and support \
                 know which is connected",
            ),
            Fact::new("connection and its cost", "agreed with the account manager"),
        ])
        .testing(
            Testing::new()
                .declined(&[40_000, 40_400])
                .account_shown(&[20_400, 40_400])
                .redirect(TestRedirect::Get),
        );
}
