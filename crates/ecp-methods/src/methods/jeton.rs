//! Jeton Wallet. Source: the platform's method page "Jeton Wallet".

use ecp_core::Currency;

use crate::request::Field;
use crate::spec::{
    CallbackForm, Certainty, Conversion, Fact, Interface, Kind, Rule, Spec, TestRedirect, Testing,
};
use crate::{Operation, PaymentMethod, Payout, Sale, Supports};

/// The payment method Jeton Wallet: payments from and payouts to electronic wallets in India, Japan
/// and Turkey. Pass it to the calls of `Gate` (crate `ecp-transport`), as in
/// `gate.sale(&Jeton, &request)`, or to [`prepare_page`](crate::page::prepare_page) for the Payment
/// Page.
///
/// <!-- from the spec: cargo xtask docs -->
/// | | |
/// |---|---|
/// | code in this library | jeton |
/// | kind | electronic wallets |
/// | countries | IN, JP, TR |
/// | currencies | EUR, GBP, INR, JPY, NOK, PLN, RUB, TRY, USD |
/// | currency conversion | by the method's service |
/// | Gate path | wallet/jeton |
/// | Dashboard code | jeton-wallet (from a copy of the documentation) |
/// | Payment Page code | jetonWalletV3 |
/// | name in callbacks | JetonWallet |
/// | provider's number in callbacks | 1079 for a sale, 1079 for a payout |
/// | result code of a decline in the samples | 20106 for a sale, 3028 for a payout |
/// | sale amounts | 1.00 to 100000.00 in major units of the currency |
/// | sale offered on | Payment Page, Gate |
/// | fields that a sale needs | customer.id, customer.ip_address, return_url.success, return_url.decline |
/// | payout amounts | 1.00 to 100000.00 in major units of the currency |
/// | payout offered on | Gate |
/// | fields that a payout needs | customer.ip_address, account.number |
/// | chargebacks | no |
/// | saved credentials | no |
/// | settlement currencies | on request |
/// | settlement speed | without delay |
/// | other Payment Page code | Jeton's protocol has two versions, each with a code of its own; ask the account manager or support which one is connected |
/// | connection and its cost | agreed with the account manager |
/// | amounts declined in tests | 40000, 40400 minor units (method page "Jeton Wallet") |
/// | customer's account in test callbacks | for sales of 20400, 40400 minor units (method page "Jeton Wallet") |
/// | customer's redirect in tests | GET (the sample on the method's page) |
/// | source of this table | method page "Jeton Wallet" |
/// | certainty | documents: the source is the platform's own documentation of the method |
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
                "Jeton's protocol has two versions, each with a code of its own; ask the \
                 account manager or support which one is connected",
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
