//! A payment method in a crate of its own. Acme does not exist; the file is an example of a method
//! outside of `ecp-methods`.

use ecp_core::Currency;
use ecp_methods::request::{Draft, Field};
use ecp_methods::spec::{Conversion, Interface, Kind, Rule, Spec};
use ecp_methods::{PaymentMethod, Payout, Reason, Refund, Sale, Supports};

/// Acme Wallet: payments, payouts and refunds in two currencies.
#[derive(Clone, Copy, Debug)]
pub struct AcmeWallet;

impl Supports<Sale> for AcmeWallet {}
impl Supports<Payout> for AcmeWallet {}
impl Supports<Refund> for AcmeWallet {}

impl PaymentMethod for AcmeWallet {
    const SPEC: Spec<Self> = Spec::new("acme-wallet", "Acme Wallet")
        .source("an example")
        .kind(Kind::Wallet)
        .gate_path("wallet/acme")
        .page_codes(&["acme"])
        .callback_names(&["Acme Wallet"])
        .regions(&["LV", "JP"])
        .currencies(&[Currency::EUR, Currency::JPY])
        .conversion(Conversion::Platform)
        .flow::<Sale>(
            Rule::new()
                .amount("0.50", "2500.00")
                .on(&[Interface::PaymentPage, Interface::Gate])
                .needs(&[Field::CUSTOMER_ID, Field::CUSTOMER_IP_ADDRESS, Field::RETURN_SUCCESS]),
        )
        .flow::<Payout>(
            Rule::new()
                .amount("5.00", "1000.00")
                .on(&[Interface::Gate])
                .needs(&[Field::CUSTOMER_IP_ADDRESS, Field::ACCOUNT_NUMBER]),
        )
        .flow::<Refund>(Rule::new().partial().on(&[Interface::Gate]));

    /// A rule that the tables cannot express.
    fn check(&self, request: &Draft<'_>) -> Result<(), Reason> {
        match request.value(Field::ACCOUNT_NUMBER.path()) {
            Some(number) if number.len() < 6 => Err(Reason::Invalid {
                path: Field::ACCOUNT_NUMBER.path().to_owned(),
                problem: "is shorter than Acme's numbers".to_owned(),
            }),
            _ => Ok(()),
        }
    }
}
