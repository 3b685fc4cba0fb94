//! Touch&Go. Source: the platform's method page "Touch&Go".

use std::time::Duration;

use ecp_core::Currency;

use crate::request::Field;
use crate::spec::RedirectValue::{
    Amount, Checksum, Currency as InCurrency, Description, OperationText, Text,
};
use crate::spec::{
    CallbackForm, Certainty, Conversion, Fact, Instrument, Interface, Kind, RedirectField, Rule,
    Spec, Testing,
};
use crate::{Operation, PaymentMethod, Payout, Sale, Supports};

/// The payment method Touch&Go: payments from and payouts to electronic wallets in Malaysia. Pass
/// it to the calls of `Gate` (crate `ecp-transport`), as in `gate.sale(&TouchNGo, &request)`, or to
/// [`prepare_page`](crate::page::prepare_page) for the Payment Page.
///
/// <!-- from the spec: cargo xtask docs -->
/// | | |
/// |---|---|
/// | code in this library | touchngo |
/// | kind | electronic wallets |
/// | instruments in the documentation | electronic wallets |
/// | countries | MY |
/// | currencies | MYR |
/// | currency conversion | by the platform |
/// | Gate path | wallet/touchngo |
/// | Payment Page code | touchngo_wallet |
/// | name in callbacks | Touchngo Wallet |
/// | sale amounts | 1.00 to 30000.00 in major units of the currency |
/// | average time of a sale | 120 seconds |
/// | sale offered on | Payment Page, Gate, Dashboard, payment links |
/// | fields that a sale needs | customer.id, customer.ip_address, return_url.success |
/// | payout amounts | 5.00 to 20000.00 in major units of the currency |
/// | average time of a payout | 120 seconds |
/// | payout offered on | Gate, Dashboard |
/// | fields that a payout needs | customer.id, customer.ip_address, account.number |
/// | chargebacks | no |
/// | recurring payments | no |
/// | other fields | the payment provider may demand more: ask your account manager |
/// | cut-off time | a payment without a result is declined after it; ask the account manager for the value, and support to change it |
/// | provider's number in callbacks | not known: the samples of the page have 0000 in its place |
/// | connection and its cost | agreed with the account manager |
/// | amounts declined in tests | 40000, 40400 minor units (the sandbox's choice: the amounts of Jeton Wallet's page) |
/// | customer's redirect in tests | POST with fields (the sample on the method's page) |
/// | form fields of this redirect | MerchantCode, TransNum, Currency, Amount, PaymentDesc, FirstName, Country, TransProvider, Signature |
/// | source of this table | method page "Touch&Go" |
/// | certainty | documents: the source is the platform's own documentation of the method |
/// <!-- end -->
#[derive(Clone, Copy, Debug)]
pub struct TouchNGo;

impl Supports<Sale> for TouchNGo {}
impl Supports<Payout> for TouchNGo {}

impl PaymentMethod for TouchNGo {
    const SPEC: Spec<Self> = Spec::new("touchngo", "Touch&Go")
        .source("method page \"Touch&Go\"")
        .certainty(Certainty::Documents)
        .kind(Kind::Wallet)
        .instruments(&[Instrument::Wallet])
        .gate_path("wallet/touchngo")
        .page_codes(&["touchngo_wallet"])
        .callback_names(&["Touchngo Wallet"])
        .callbacks(&[CallbackForm::new(Operation::PAYOUT).before(&[("customer", "account")])])
        .regions(&["MY"])
        .currencies(&[Currency::MYR])
        .conversion(Conversion::Platform)
        .flow::<Sale>(
            Rule::new()
                .amount("1.00", "30000.00")
                .on(&[
                    Interface::PaymentPage,
                    Interface::Gate,
                    Interface::Dashboard,
                    Interface::PaymentLinks,
                ])
                .needs(&[Field::CUSTOMER_ID, Field::CUSTOMER_IP_ADDRESS, Field::RETURN_SUCCESS])
                .base_time(Duration::from_mins(2)),
        )
        .flow::<Payout>(
            Rule::new()
                .amount("5.00", "20000.00")
                .on(&[Interface::Gate, Interface::Dashboard])
                .needs(&[Field::CUSTOMER_ID, Field::CUSTOMER_IP_ADDRESS, Field::ACCOUNT_NUMBER])
                .base_time(Duration::from_mins(2)),
        )
        .recurring(false)
        .chargebacks(false)
        .facts(&[
            Fact::new(
                "other fields",
                "the payment provider may demand more: ask your account manager",
            ),
            Fact::new(
                "cut-off time",
                "a payment without a result is declined after it; ask the account manager for the \
                 value, and support to change it",
            ),
            Fact::new(
                "provider's number in callbacks",
                "not known: the samples of the page have 0000 in its place",
            ),
            Fact::new("connection and its cost", "agreed with the account manager"),
        ])
        .testing(
            Testing::new()
                .redirect_fields(&[
                    RedirectField::new("MerchantCode", Text("M123456")),
                    RedirectField::new("TransNum", OperationText),
                    RedirectField::new("Currency", InCurrency),
                    RedirectField::new("Amount", Amount),
                    RedirectField::new("PaymentDesc", Description),
                    RedirectField::new("FirstName", Text("John Doe")),
                    RedirectField::new("Country", Text("MYS")),
                    RedirectField::new("TransProvider", Text("123")),
                    RedirectField::new("Signature", Checksum(58)),
                ])
                .redirect_encrypted(),
        );
}
