//! Touch&Go. Source: the platform's method page "Touch&Go".

use std::time::Duration;

use ecp_core::Currency;

use crate::request::Field;
use crate::spec::{Conversion, Fact, Interface, Kind, Rule, Spec, TestRedirect, Testing};
use crate::{PaymentMethod, Payout, Sale, Supports};

/// Touch&Go: payments from and payouts to electronic wallets in Malaysia.
///
/// <!-- from the spec: cargo xtask docs -->
/// | | |
/// |---|---|
/// | code | touchngo |
/// | kind | electronic wallets |
/// | regions | MY |
/// | currencies | MYR |
/// | conversion | by the platform |
/// | Gate path | wallet/touchngo |
/// | Payment Page code | touchngo_wallet |
/// | callback name | Touchngo Wallet |
/// | sale | 1.00 to 30000.00, 120 s on average |
/// | sale on | Payment Page, Gate, Dashboard, payment links |
/// | sale needs | customer.id, customer.ip_address, return_url.success |
/// | payout | 5.00 to 20000.00, 120 s on average |
/// | payout on | Gate, Dashboard |
/// | payout needs | customer.id, customer.ip_address, account.number |
/// | amount confirmation | no |
/// | chargebacks | no |
/// | saved credentials | no |
/// | recurring payments | not supported |
/// | other fields | the payment provider may demand more; the account manager knows |
/// | cut-off time | the account manager knows |
/// | connection and its cost | agreed with the account manager |
/// | source | method page "Touch&Go" |
/// <!-- end -->
#[derive(Clone, Copy, Debug)]
pub struct TouchNGo;

impl Supports<Sale> for TouchNGo {}
impl Supports<Payout> for TouchNGo {}

impl PaymentMethod for TouchNGo {
    const SPEC: Spec<Self> = Spec::new("touchngo", "Touch&Go")
        .source("method page \"Touch&Go\"")
        .kind(Kind::Wallet)
        .gate_path("wallet/touchngo")
        .page_codes(&["touchngo_wallet"])
        .callback_names(&["Touchngo Wallet"])
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
                .needs(&[Field::CustomerId, Field::CustomerIpAddress, Field::ReturnSuccess])
                .base_time(Duration::from_mins(2)),
        )
        .flow::<Payout>(
            Rule::new()
                .amount("5.00", "20000.00")
                .on(&[Interface::Gate, Interface::Dashboard])
                .needs(&[Field::CustomerId, Field::CustomerIpAddress, Field::AccountNumber])
                .base_time(Duration::from_mins(2)),
        )
        .facts(&[
            Fact { about: "recurring payments", text: "not supported" },
            Fact {
                about: "other fields",
                text: "the payment provider may demand more; the account manager knows",
            },
            Fact { about: "cut-off time", text: "the account manager knows" },
            Fact { about: "connection and its cost", text: "agreed with the account manager" },
        ])
        .testing(Testing::new().redirect(TestRedirect::PostFields));
}
