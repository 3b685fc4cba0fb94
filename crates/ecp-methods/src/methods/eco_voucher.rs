//! EcoVoucher. Source: the platform's method page "EcoVoucher".

use ecp_core::Currency;

use crate::request::Field;
use crate::spec::RedirectValue::{Checksum, Currency as InCurrency, CustomerId, Page, Text};
use crate::spec::{
    CallbackForm, Certainty, Conversion, Fact, Instrument, Interface, Kind, RedirectField,
    RedirectValue, Rule, Spec, Testing,
};
use crate::{Operation, PaymentMethod, Sale, Supports};

/// The payment method EcoVoucher: payments with vouchers, in all countries. Pass it to the calls of
/// `Gate` (crate `ecp-transport`), as in `gate.sale(&EcoVoucher, &request)`, or to
/// [`prepare_page`](crate::page::prepare_page) for the Payment Page.
///
/// <!-- from the spec: cargo xtask docs -->
/// | | |
/// |---|---|
/// | code in this library | eco-voucher |
/// | kind | vouchers |
/// | instruments in the documentation | vouchers |
/// | countries | all countries |
/// | currencies | CAD, EUR, GBP, USD |
/// | currency conversion | by the platform |
/// | Gate path | voucher/eco-voucher |
/// | Dashboard code | eco-voucher (from a copy of the documentation) |
/// | Payment Page code | ecoVoucher |
/// | name in callbacks | eco-voucher |
/// | provider's number in callbacks | 1109 for a sale |
/// | sale amounts | limits not stated, 0 is possible |
/// | sale offered on | Payment Page, Gate |
/// | fields that a sale needs | customer.id, customer.ip_address, return_url.success, return_url.decline |
/// | voucher values in major units | 10, 15, 25, 50, 75, 100, 150, 250 |
/// | customer enters | the voucher's number, security code and expiry date |
/// | amount confirmation | asked of the merchant by the platform, for each sale |
/// | chargebacks | no |
/// | saved credentials | no |
/// | amount | set by the customer at EcoVoucher's service by choosing a voucher, so a request may send 0 |
/// | several vouchers | together pay an amount above the value of one |
/// | voucher value 500 | missing in the page's list of values, which ends at 250, but in its example: 1250.00 EUR are paid with two vouchers of 500 and one of 250 |
/// | use of the voucher values | for display and for the sandbox; amounts with other values are not refused (this library's choice) |
/// | connection and its cost | agreed with the account manager |
/// | amounts declined in tests | 40000, 40400 minor units (the sandbox's choice: the amounts of Jeton Wallet's page) |
/// | customer's redirect in tests | POST with fields (the sample on the method's page) |
/// | form fields of this redirect | PaymentPageID, MerchantAccountNumber, CustomerIdAtMerchant, OnSuccessUrl, OnFailureUrl, TxID, Currency, TransferUrl, CallbackUrl, Checksum |
/// | source of this table | method page "EcoVoucher" |
/// | certainty | documents: the source is the platform's own documentation of the method |
/// <!-- end -->
#[derive(Clone, Copy, Debug)]
pub struct EcoVoucher;

impl Supports<Sale> for EcoVoucher {}

impl PaymentMethod for EcoVoucher {
    const SPEC: Spec<Self> = Spec::new("eco-voucher", "EcoVoucher")
        .source("method page \"EcoVoucher\"")
        .certainty(Certainty::Documents)
        .kind(Kind::Voucher)
        .instruments(&[Instrument::Voucher])
        .gate_path("voucher/eco-voucher")
        .dashboard_code("eco-voucher")
        .page_codes(&["ecoVoucher"])
        .callback_names(&["eco-voucher"])
        .everywhere()
        .currencies(&[Currency::CAD, Currency::EUR, Currency::GBP, Currency::USD])
        .conversion(Conversion::Platform)
        .callbacks(&[
            CallbackForm::new(Operation::SALE).provider(1109).provider_date(),
            CallbackForm::new(Operation::SALE)
                .of_success()
                .provider_first(1109)
                .provider_date()
                .before(&[("operation.provider.date", "operation.provider.auth_code")]),
        ])
        // The customer chooses the amount by choosing vouchers, so a sale may ask for 0, and the
        // platform asks the merchant whether to accept the chosen amount.
        .confirms_amount()
        .denominations(&[10, 15, 25, 50, 75, 100, 150, 250])
        .example_denominations(&[500])
        .asks_for_voucher()
        .flow::<Sale>(
            Rule::new().zero_amount().on(&[Interface::PaymentPage, Interface::Gate]).needs(&[
                Field::CUSTOMER_ID,
                Field::CUSTOMER_IP_ADDRESS,
                Field::RETURN_SUCCESS,
                Field::RETURN_DECLINE,
            ]),
        )
        .saved_credentials(false)
        .chargebacks(false)
        .facts(&[
            Fact::new(
                "amount",
                "set by the customer at EcoVoucher's service by choosing a voucher, so a request \
                 may send 0",
            ),
            Fact::new("several vouchers", "together pay an amount above the value of one"),
            Fact::new(
                "voucher value 500",
                "missing in the page's list of values, which ends at 250, but in its \
                 example: 1250.00 EUR are paid with two vouchers of 500 and one of 250",
            ),
            Fact::new(
                "use of the voucher values",
                "for display and for the sandbox; amounts with other values are not refused",
            )
            .source("this library's choice"),
            Fact::new("connection and its cost", "agreed with the account manager"),
        ])
        .testing(Testing::new().redirect_fields(&[
            RedirectField::new("PaymentPageID", Text("3324")),
            RedirectField::new("MerchantAccountNumber", Text("118069")),
            RedirectField::new("CustomerIdAtMerchant", CustomerId),
            RedirectField::new("OnSuccessUrl", Page),
            RedirectField::new("OnFailureUrl", Page),
            RedirectField::new("TxID", RedirectValue::Operation),
            RedirectField::new("Currency", InCurrency),
            RedirectField::new("TransferUrl", Text("https://ecoVoucherViaEcoPayz/callback/")),
            RedirectField::new("CallbackUrl", Text("https://ecoVoucherViaEcoPayz/callback/")),
            RedirectField::new("Checksum", Checksum(32)),
        ]));
}
