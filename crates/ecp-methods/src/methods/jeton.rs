//! Jeton Wallet. Source: the platform's method page "Jeton Wallet".

use ecp_core::Currency;

use crate::request::Field;
use crate::spec::{Interface, Rule, Spec, Testing};
use crate::{PaymentMethod, Payout, Sale, Supports};

/// Jeton Wallet: payments from and payouts to electronic wallets in India, Japan and Turkey.
#[derive(Clone, Copy, Debug)]
pub struct Jeton;

impl Supports<Sale> for Jeton {}
impl Supports<Payout> for Jeton {}

impl PaymentMethod for Jeton {
    const SPEC: Spec<Self> = Spec::new("jeton", "Jeton Wallet")
        .gate_path("wallet/jeton")
        // The wallet has two protocol versions; the platform's support names the other code.
        .page_codes(&["jetonWalletV3"])
        .callback_names(&["JetonWallet"])
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
        .flow::<Sale>(
            Rule::new()
                .amount("1.00", "100000.00")
                .on(&[Interface::PaymentPage, Interface::Gate])
                .needs(&[
                    Field::CustomerId,
                    Field::CustomerIpAddress,
                    Field::ReturnSuccess,
                    Field::ReturnDecline,
                ]),
        )
        .flow::<Payout>(
            Rule::new()
                .amount("1.00", "100000.00")
                .on(&[Interface::Gate])
                .needs(&[Field::CustomerIpAddress, Field::AccountNumber]),
        )
        .testing(Testing::new().declined(&[40_000, 40_400]).account_shown(&[20_400, 40_400]));
}
