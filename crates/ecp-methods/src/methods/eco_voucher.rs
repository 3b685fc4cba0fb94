//! EcoVoucher. Source: the platform's method page "EcoVoucher".

use ecp_core::Currency;

use crate::request::Field;
use crate::spec::{Conversion, Fact, Interface, Kind, Rule, Spec, TestRedirect, Testing};
use crate::{PaymentMethod, Sale, Supports};

/// EcoVoucher: payments with vouchers, in all countries.
///
/// <!-- from the spec: cargo xtask docs -->
/// | | |
/// |---|---|
/// | code | eco-voucher |
/// | kind | vouchers |
/// | regions | all countries |
/// | currencies | CAD, EUR, GBP, USD |
/// | conversion | by the platform |
/// | Gate path | voucher/eco-voucher |
/// | Payment Page code | ecoVoucher |
/// | callback name | eco-voucher |
/// | sale | no limits, 0 allowed |
/// | sale on | Payment Page, Gate |
/// | sale needs | customer.id, customer.ip_address, return_url.success, return_url.decline |
/// | voucher values | 10, 15, 25, 50, 75, 100, 150, 250 |
/// | amount confirmation | yes |
/// | chargebacks | no |
/// | saved credentials | no |
/// | vouchers | an amount above the greatest value is paid with several vouchers |
/// | connection and its cost | agreed with the account manager |
/// | source | method page "EcoVoucher" |
/// <!-- end -->
#[derive(Clone, Copy, Debug)]
pub struct EcoVoucher;

impl Supports<Sale> for EcoVoucher {}

impl PaymentMethod for EcoVoucher {
    const SPEC: Spec<Self> = Spec::new("eco-voucher", "EcoVoucher")
        .source("method page \"EcoVoucher\"")
        .kind(Kind::Voucher)
        .gate_path("voucher/eco-voucher")
        .page_codes(&["ecoVoucher"])
        .callback_names(&["eco-voucher"])
        .currencies(&[Currency::CAD, Currency::EUR, Currency::GBP, Currency::USD])
        .conversion(Conversion::Platform)
        // The customer chooses the amount by choosing vouchers, so a sale may ask for 0, and the
        // platform asks the merchant whether the chosen amount is welcome.
        .confirms_amount()
        // The page lists these values, and then splits 1250 EUR into two vouchers of 500 and one
        // of 250. The list is taken at its word; nothing is refused because of it.
        .denominations(&[10, 15, 25, 50, 75, 100, 150, 250])
        .flow::<Sale>(
            Rule::new().zero_amount().on(&[Interface::PaymentPage, Interface::Gate]).needs(&[
                Field::CustomerId,
                Field::CustomerIpAddress,
                Field::ReturnSuccess,
                Field::ReturnDecline,
            ]),
        )
        .facts(&[
            Fact {
                about: "vouchers",
                text: "an amount above the greatest value is paid with several vouchers",
            },
            Fact { about: "connection and its cost", text: "agreed with the account manager" },
        ])
        .testing(Testing::new().redirect(TestRedirect::PostFields));
}
