//! Wallets through a partner in India. Source: the platform's method page of that name.

use ecp_core::Currency;

use crate::request::Field;
use crate::spec::{
    CallbackForm, Certainty, Conversion, Fact, Interface, Kind, Rule, Spec, TestRedirect, Testing,
};
use crate::{Operation, PaymentMethod, Refund, Sale, Supports};

/// The payment method for wallets in India that the platform reaches through a partner: payments
/// and full refunds. Pass it to the calls of `Gate` (crate `ecp-transport`), as in
/// `gate.sale(&WalletPartner, &request)`, or to [`prepare_page`](crate::page::prepare_page) for the
/// Payment Page.
///
/// <!-- from the spec: cargo xtask docs -->
/// | | |
/// |---|---|
/// | code in this library | wallet-partner |
/// | kind | electronic wallets through a partner |
/// | countries | IN |
/// | currencies | INR |
/// | currency conversion | by the platform |
/// | Gate path | wallet-partner |
/// | Payment Page code | wallet-partner |
/// | name in callbacks | wallet-partner |
/// | provider's number in callbacks | 1731 for a sale, 1751 for a refund |
/// | customer's fields in callbacks | id, phone |
/// | result code of a decline in the samples | 3283 for a refund |
/// | sale amounts | 1.00 to 400000.00 in major units of the currency |
/// | sale offered on | Payment Page, Gate |
/// | fields that a sale needs | customer.id, customer.ip_address, customer.first_name, customer.last_name, customer.phone, customer.email, return_url.success |
/// | refund amounts | no limits |
/// | refund offered on | Gate |
/// | fields that a refund needs | payment.description |
/// | chargebacks | no |
/// | saved credentials | no |
/// | conversion details | ask your account manager for them |
/// | connection and its cost | agreed with the account manager |
/// | amounts declined in tests | 40000, 40400 minor units (the sandbox's choice: the amounts of Jeton Wallet's page) |
/// | customer's redirect in tests | POST without fields (the sample on the method's page) |
/// | source of this table | method page "Electronic wallets through a partner (India)" |
/// | certainty | documents: the source is the platform's own documentation of the method |
/// <!-- end -->
#[derive(Clone, Copy, Debug)]
pub struct WalletPartner;

impl Supports<Sale> for WalletPartner {}
impl Supports<Refund> for WalletPartner {}

impl PaymentMethod for WalletPartner {
    const SPEC: Spec<Self> = Spec::new("wallet-partner", "Wallets through a partner (India)")
        .source("method page \"Electronic wallets through a partner (India)\"")
        .certainty(Certainty::Documents)
        .kind(Kind::WalletThroughPartner)
        .gate_path("wallet-partner")
        .page_codes(&["wallet-partner"])
        .callback_names(&["wallet-partner"])
        .callbacks(&[
            CallbackForm::new(Operation::SALE).provider(1731).provider_date().customer_phone(),
            CallbackForm::new(Operation::REFUND).provider(1751).customer_phone().code(3283),
        ])
        .regions(&["IN"])
        .currencies(&[Currency::INR])
        .conversion(Conversion::Platform)
        .flow::<Sale>(
            Rule::new()
                .amount("1.00", "400000.00")
                .on(&[Interface::PaymentPage, Interface::Gate])
                .needs(&[
                    Field::CUSTOMER_ID,
                    Field::CUSTOMER_IP_ADDRESS,
                    Field::CUSTOMER_FIRST_NAME,
                    Field::CUSTOMER_LAST_NAME,
                    Field::CUSTOMER_PHONE,
                    Field::CUSTOMER_EMAIL,
                    Field::RETURN_SUCCESS,
                ]),
        )
        // Full refunds only. The page's sample of a declined refund shows that an amount may
        // be given all the same, so one is allowed where it is meant to be all of the payment.
        .flow::<Refund>(Rule::new().unlimited().on(&[Interface::Gate]).needs(&[Field::DESCRIPTION]))
        .saved_credentials(false)
        .chargebacks(false)
        .facts(&[
            Fact::new("conversion details", "ask your account manager for them"),
            Fact::new("connection and its cost", "agreed with the account manager"),
        ])
        .testing(Testing::new().redirect(TestRedirect::PostEmpty));
}
