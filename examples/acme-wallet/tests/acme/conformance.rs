//! The tests of an outside crate: the suite, and its own rule against the sandbox.

use ecp_core::SecretKey;
use ecp_example_acme_wallet::AcmeWallet;
use ecp_methods::Registry;
use ecp_methods::request::{Account, Customer, PayoutRequest};
use ecp_sandbox::{Config, Sandbox};
use ecp_transport::{Gate, TowerTransport};

#[test]
fn acme_wallet_conforms() {
    ecp_testkit::assert_conforms(AcmeWallet);
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
