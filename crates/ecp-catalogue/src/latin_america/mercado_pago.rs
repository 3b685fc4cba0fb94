//! Mercado Pago. Source: the page `mercado` of a copy of the platform's documentation.

use ecp_core::Currency;
use ecp_methods::request::Field;
use ecp_methods::spec::{Certainty, Fact, Interface, Kind};
use ecp_methods::{PaymentMethod, Rule, Sale, Spec, Supports};

use crate::facts;

/// The payment method Mercado Pago: payments from electronic wallets. Pass it to the calls of
/// `Gate` (crate `ecp-transport`), as in `gate.sale(&MercadoPago, &request)`, after your account
/// manager has confirmed that it is connected to your project.
///
/// <!-- from the spec: cargo xtask docs -->
/// | | |
/// |---|---|
/// | code in this library | mercado-pago |
/// | kind | electronic wallets |
/// | currencies | CLP |
/// | Gate path | wallet/mercado |
/// | sale amounts | limits not stated |
/// | sale offered on | Gate |
/// | fields that a sale needs | customer.id, customer.ip_address, customer.first_name, customer.last_name, customer.email |
/// | Payment Page code and name in callbacks | not known: send requests to Gate, and match callbacks by the payment's id |
/// | customer's step in a sale | a redirect |
/// | optional fields | return_url.success, return_url.decline, return_url.return of a sale |
/// | amounts declined in tests | 40000, 40400 minor units (the sandbox's choice: the amounts of Jeton Wallet's page) |
/// | customer's redirect in tests | GET (the sandbox's choice) |
/// | source of this table | page `mercado` of a copy of the platform's documentation |
/// | certainty | documentation copy: the source is a copy of the platform's documentation; ask your account manager whether the platform offers you the method, and with which differences |
/// <!-- end -->
#[derive(Clone, Copy, Debug)]
pub struct MercadoPago;

impl Supports<Sale> for MercadoPago {}

impl PaymentMethod for MercadoPago {
    const SPEC: Spec<Self> = Spec::new("mercado-pago", "Mercado Pago")
        .source("page `mercado` of a copy of the platform's documentation")
        .certainty(Certainty::DocumentationCopy)
        .kind(Kind::Wallet)
        .gate_path("wallet/mercado")
        .currencies(&[Currency::CLP])
        .flow::<Sale>(Rule::new().on(&[Interface::Gate]).needs(&[
            Field::CUSTOMER_ID,
            Field::CUSTOMER_IP_ADDRESS,
            Field::CUSTOMER_FIRST_NAME,
            Field::CUSTOMER_LAST_NAME,
            Field::CUSTOMER_EMAIL,
        ]))
        .facts(&[
            facts::NAMES,
            Fact::new("customer's step in a sale", "a redirect"),
            Fact::new(
                "optional fields",
                "return_url.success, return_url.decline, return_url.return of a sale",
            ),
        ]);
}
