//! The tests of an outside crate: the suite, and its own rule against the sandbox.

use ecp_core::model::PaymentStatus;
use ecp_core::{Currency, Money, SecretKey};
use ecp_example_acme_wallet::AcmeWallet;
use ecp_methods::request::{Account, Customer, Field, PayoutRequest};
use ecp_methods::{Operation, Registry};
use ecp_sandbox::{Config, Sandbox};
use ecp_testkit::{Conformance, Sample};
use ecp_transport::{Gate, TowerTransport};

/// A callback as Acme's page prints it, if Acme had one.
fn printed(payment: &str, operation: &str, status: &str, minor: i64) -> String {
    format!(
        r#"{{
            "project_id": 1236,
            "payment": {{
                "id": "A-1", "type": "{payment}", "status": "{status}",
                "date": "2026-11-01T10:00:00+0000", "method": "Acme Wallet",
                "sum": {{"amount": {minor}, "currency": "JPY"}}, "description": "deposit"
            }},
            "customer": {{"id": "7"}},
            "operation": {{
                "id": 5, "type": "{operation}", "status": "success",
                "date": "2026-11-01T10:00:00+0000", "request_id": "7c1f",
                "sum_initial": {{"amount": 2500, "currency": "JPY"}},
                "sum_converted": {{"amount": 2500, "currency": "JPY"}},
                "code": "0", "message": "Success"
            }},
            "signature": "hT3p...=="
        }}"#
    )
}

#[test]
fn acme_wallet_conforms() {
    let sample = |payment, flow: Operation, status: PaymentStatus, minor| {
        let json = printed(payment, flow.name(), status.as_str(), minor);
        Sample::new(json, flow, status, Money::from_minor(minor, Currency::JPY))
    };
    Conformance::of(AcmeWallet)
        .example(Field::ACCOUNT_NUMBER, "700100200")
        .refuses(Operation::PAYOUT, Field::ACCOUNT_NUMBER, "12345")
        .sample("a sale", sample("purchase", Operation::SALE, PaymentStatus::Success, 2500))
        .sample("a payout", sample("payout", Operation::PAYOUT, PaymentStatus::Success, 2500))
        .sample("a refund", sample("purchase", Operation::REFUND, PaymentStatus::Refunded, 0))
        .assert();
}

#[tokio::test]
async fn acme_wallet_pays_out_through_the_sandbox() {
    let registry = Registry::builtin().with(AcmeWallet).unwrap();
    let sandbox = Sandbox::new(Config::demo().registry(registry));
    let key = SecretKey::new(Config::DEMO_KEY).unwrap();
    let gate = Gate::new(Config::DEMO_PROJECT, &key, TowerTransport::new(sandbox.router()))
        .base_url("http://localhost")
        .unwrap();
    let payout = |number: &str| {
        PayoutRequest::new("P-1".parse().unwrap(), "5.00 EUR".parse().unwrap())
            .customer(Customer::new().ip_address("192.0.2.1"))
            .account(Account::new().number(number))
    };
    let error = gate.payout(&AcmeWallet, &payout("12345")).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "acme-wallet payout: `account.number` is shorter than Acme's numbers"
    );
    gate.payout(&AcmeWallet, &payout("123456")).await.unwrap();
}
