//! Upay (Sri Lanka). Source: the page `upay-wallet` of a documentation copy.

use ecp_core::Currency;
use ecp_methods::request::Field;
use ecp_methods::spec::{Certainty, Fact, Interface, Kind, Limit};
use ecp_methods::{PaymentMethod, Payout, Rule, Sale, Spec, Supports};

use crate::{facts, fields};

/// Upay (Sri Lanka): payments from and payouts to electronic wallets.
///
/// <!-- from the spec: cargo xtask docs -->
/// | | |
/// |---|---|
/// | code | upay-sri-lanka |
/// | kind | electronic wallets |
/// | currencies | LKR |
/// | Gate path | wallet/upay |
/// | sale | 300.00 to 50000.00 LKR |
/// | sale on | Gate |
/// | sale needs | customer.id, customer.ip_address, customer.first_name, customer.last_name, customer.email |
/// | payout | 1000.00 to 50000.00 LKR |
/// | payout on | Gate |
/// | payout needs | customer.id, customer.ip_address, customer.email, account.number, account.bank_name, account.bank_branch_name, account.customer_name |
/// | other names | the code of the Payment Page and the name in callbacks are not known: use Gate, and match callbacks by the payment's id |
/// | customer's step | a redirect |
/// | optional fields | return_url.success, return_url.decline, return_url.return of a sale |
/// | limits | those of the copy's list of Sri Lanka |
/// | declined in tests | 40000, 40400 minor units (the sandbox's choice, after Jeton Wallet's page) |
/// | redirect in tests | GET (the sandbox's choice) |
/// | source | page `upay-wallet` of a documentation copy, brand removed |
/// | certainty | documentation copy |
/// <!-- end -->
#[derive(Clone, Copy, Debug)]
pub struct UpaySriLanka;

impl Supports<Sale> for UpaySriLanka {}
impl Supports<Payout> for UpaySriLanka {}

impl PaymentMethod for UpaySriLanka {
    const SPEC: Spec<Self> = Spec::new("upay-sri-lanka", "Upay (Sri Lanka)")
        .source("page `upay-wallet` of a documentation copy, brand removed")
        .certainty(Certainty::DocumentationCopy)
        .kind(Kind::Wallet)
        .gate_path("wallet/upay")
        .currencies(&[Currency::LKR])
        .flow::<Sale>(
            Rule::new()
                .limited(&[Limit::of(Currency::LKR).from("300.00").to("50000.00")])
                .on(&[Interface::Gate])
                .needs(&[
                    Field::CUSTOMER_ID,
                    Field::CUSTOMER_IP_ADDRESS,
                    Field::CUSTOMER_FIRST_NAME,
                    Field::CUSTOMER_LAST_NAME,
                    Field::CUSTOMER_EMAIL,
                ]),
        )
        .flow::<Payout>(
            Rule::new()
                .limited(&[Limit::of(Currency::LKR).from("1000.00").to("50000.00")])
                .on(&[Interface::Gate])
                .needs(&[
                    Field::CUSTOMER_ID,
                    Field::CUSTOMER_IP_ADDRESS,
                    Field::CUSTOMER_EMAIL,
                    Field::ACCOUNT_NUMBER,
                    fields::ACCOUNT_BANK_NAME,
                    fields::ACCOUNT_BANK_BRANCH_NAME,
                    fields::ACCOUNT_CUSTOMER_NAME,
                ]),
        )
        .facts(&[
            facts::NAMES,
            Fact::new("customer's step", "a redirect"),
            Fact::new(
                "optional fields",
                "return_url.success, return_url.decline, return_url.return of a sale",
            ),
            Fact::new("limits", "those of the copy's list of Sri Lanka"),
        ]);
}
