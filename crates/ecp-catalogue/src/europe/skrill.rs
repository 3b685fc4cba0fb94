//! Skrill. Source: the page `skrill-wallet` of a copy of the platform's documentation.

use ecp_core::Currency;
use ecp_methods::request::Field;
use ecp_methods::spec::{
    Certainty, Conversion, Fact, Interface, Kind, Limit, TestRedirect, Testing,
};
use ecp_methods::{PaymentMethod, Rule, Sale, Spec, Supports};

use crate::facts;

/// The payment method Skrill: payments from electronic wallets. Pass it to the calls of `Gate`
/// (crate `ecp-transport`), as in `gate.sale(&Skrill, &request)`, after your account manager has
/// confirmed that it is connected to your project.
///
/// <!-- from the spec: cargo xtask docs -->
/// | | |
/// |---|---|
/// | code in this library | skrill |
/// | kind | electronic wallets |
/// | countries | AT, BE, BG, CY, CZ, DE, DK, EE, ES, FI, FR, GB, GR, HR, HU, IE, IS, IT, LI, LT, LU, LV, MT, NL, NO, PL, PT, RO, SE, SI, SK |
/// | currencies | EUR |
/// | currency conversion | by the platform |
/// | Gate path | wallet/skrill |
/// | sale amounts | 0.50 to 8000.00 EUR or equivalent |
/// | sale offered on | Gate |
/// | fields that a sale needs | customer.id, customer.ip_address, customer.first_name, customer.last_name, customer.email, customer.address, customer.city, customer.country, customer.zip |
/// | chargebacks | no |
/// | Payment Page code and name in callbacks | not known: send requests to Gate, and match callbacks by the payment's id |
/// | customer's step in a sale | a redirect |
/// | fields that the platform asks for later | customer.phone of a sale, if missing in the request (clarification) |
/// | optional fields | return_url.return of a sale |
/// | more on countries | the page says: EU, EEA and UK |
/// | fields to ask about | whether the phone, the address, the city, the country and the postal code are required: ask your account manager |
/// | older protocol | has the paths skrill/sale, skrill/payout and skrill/refund, more currencies, and all countries; it is not in this spec |
/// | amounts declined in tests | 40000, 40400 minor units (the sandbox's choice: the amounts of Jeton Wallet's page) |
/// | customer's redirect in tests | GET (the sample on the method's page) |
/// | source of this table | page `skrill-wallet` of a copy of the platform's documentation; limits and chargebacks: the platform's overview of Skrill |
/// | certainty | two sources: two independent public sources have the method, and do not contradict each other |
/// <!-- end -->
#[derive(Clone, Copy, Debug)]
pub struct Skrill;

impl Supports<Sale> for Skrill {}

impl PaymentMethod for Skrill {
    const SPEC: Spec<Self> = Spec::new("skrill", "Skrill")
        .source(
            "page `skrill-wallet` of a copy of the platform's documentation; limits and \
             chargebacks: the platform's overview of Skrill",
        )
        .certainty(Certainty::TwoSources)
        .kind(Kind::Wallet)
        .gate_path("wallet/skrill")
        .regions(&[
            "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GB", "GR", "HR",
            "HU", "IE", "IS", "IT", "LI", "LT", "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO",
            "SE", "SI", "SK",
        ])
        .currencies(&[Currency::EUR])
        .conversion(Conversion::Platform)
        .flow::<Sale>(
            Rule::new()
                .limited(&[Limit::equivalent_of(Currency::EUR).from("0.50").to("8000.00")])
                .on(&[Interface::Gate])
                .needs(&[
                    Field::CUSTOMER_ID,
                    Field::CUSTOMER_IP_ADDRESS,
                    Field::CUSTOMER_FIRST_NAME,
                    Field::CUSTOMER_LAST_NAME,
                    Field::CUSTOMER_EMAIL,
                    Field::CUSTOMER_ADDRESS,
                    Field::CUSTOMER_CITY,
                    Field::CUSTOMER_COUNTRY,
                    Field::CUSTOMER_ZIP,
                ]),
        )
        .chargebacks(false)
        .facts(&[
            facts::NAMES,
            Fact::new("customer's step in a sale", "a redirect"),
            Fact::new(
                "fields that the platform asks for later",
                "customer.phone of a sale, if missing in the request (clarification)",
            ),
            Fact::new("optional fields", "return_url.return of a sale"),
            Fact::new("more on countries", "the page says: EU, EEA and UK"),
            Fact::new(
                "fields to ask about",
                "whether the phone, the address, the city, the country and the postal \
                 code are required: ask your account manager",
            ),
            Fact::new(
                "older protocol",
                "has the paths skrill/sale, skrill/payout and skrill/refund, more currencies, \
                 and all countries; it is not in this spec",
            ),
        ])
        .testing(Testing::new().redirect(TestRedirect::Get));
}
