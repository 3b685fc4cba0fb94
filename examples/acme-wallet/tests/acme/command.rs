//! The `ecp` command of this crate: every command of it knows Acme Wallet.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

/// The command, without anything of the machine's configuration.
fn acme_ecp(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_acme-ecp"));
    command.current_dir(folder).stdin(Stdio::null()).env("HOME", folder);
    for name in ["ECP_PROFILE", "ECP_PROFILES", "ECP_GATE_URL", "XDG_CONFIG_HOME"] {
        command.env_remove(name);
    }
    command
}

/// Standard output of a command that succeeds.
fn printed(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let errors = String::from_utf8_lossy(&stderr);
    assert!(status.success(), "{command:?}: {errors}");
    String::from_utf8(stdout).unwrap()
}

/// `acme-ecp sandbox` on a free port. It ends with the test.
struct Sandbox {
    process: Child,
    events: BufReader<ChildStdout>,
    url: String,
    folder: tempfile::TempDir,
}

impl Sandbox {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut sandbox = acme_ecp(folder.path());
        sandbox.args(["sandbox", "--addr", "127.0.0.1:0"]).stdout(Stdio::piped());
        let mut process = sandbox.spawn().unwrap();
        let mut events = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        events.read_line(&mut line).unwrap();
        let url = line.strip_prefix("Gate:").unwrap().trim().strip_suffix("/v2/payment/..");
        Self { process, events, url: url.unwrap().to_owned(), folder }
    }

    /// The command, with this sandbox as its platform.
    fn ecp(&self, arguments: &[&str]) -> Command {
        let mut command = acme_ecp(self.folder.path());
        command.args(arguments).env("ECP_GATE_URL", &self.url);
        command
    }

    /// What the sandbox has printed, once it has ended.
    fn log(mut self) -> String {
        self.process.kill().unwrap();
        let mut log = String::new();
        self.events.read_to_string(&mut log).unwrap();
        log
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

const FIELDS: [&str; 6] = [
    "--field",
    "customer.id=7",
    "--field",
    "customer.ip_address=192.0.2.1",
    "--field",
    "return_url.success=https://shop.example/paid",
];

#[test]
fn the_command_sells_pays_out_and_opens_the_page_with_its_own_method_in_its_own_sandbox() {
    let sandbox = Sandbox::start();
    let sale = printed(sandbox.ecp(&["sale", "acme-wallet", "A-1", "25.00 EUR"]).args(FIELDS));
    assert!(sale.starts_with("A-1: registered"), "{sale}");
    let status = printed(&mut sandbox.ecp(&["status", "A-1"]));
    assert!(status.contains("25.00 EUR"), "{status}");

    let template = printed(&mut sandbox.ecp(&["payouts", "template", "acme-wallet"]));
    assert!(template.contains("\npayout;1;wallet/acme;"), "{template}");
    let row = "operation_type;method;general.payment_id;payment.amount;payment.currency;\
               customer.ip_address;account.number\n\
               payout;acme-wallet;P-1;500;EUR;192.0.2.1;1234567\n";
    std::fs::write(sandbox.folder.path().join("payouts.csv"), row).unwrap();
    let paid = printed(&mut sandbox.ecp(&["payouts", "payouts.csv", "--yes"]));
    assert!(paid.starts_with("1 paid, 0 declined, 0 unknown, 0 not sent"), "{paid}");

    let page = ["page-url", "acme-wallet", "A-2", "25.00 EUR", "--field", "customer.id=7"];
    let page = printed(&mut sandbox.ecp(&page));
    let expected = format!("{}/payment?", sandbox.url);
    assert!(page.starts_with(&expected) && page.contains("acme"), "{page}");

    let log = sandbox.log();
    for request in ["/v2/payment/wallet/acme/sale", "/v2/payment/wallet/acme/payout"] {
        assert!(log.contains(&format!("POST {request}")), "{log}");
    }
}

#[test]
fn every_command_that_lists_methods_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let ecp = |arguments: &[&str]| printed(acme_ecp(folder.path()).args(arguments));
    assert!(ecp(&["methods"]).contains("\nAcme Wallet\n"));
    assert!(ecp(&["methods", "acme-wallet"]).starts_with("Acme Wallet\n"));
    let story = ecp(&["demo", "--method", "acme-wallet"]);
    assert!(story.contains("The shop asks Gate for a sale of 100.00 EUR with Acme Wallet"));
    for shell in ["bash", "fish", "zsh"] {
        let script = ecp(&["completions", shell]);
        assert!(script.contains("acme-ecp") && script.contains("acme-wallet"), "{shell}");
    }
    let page = ecp(&["man"]);
    assert!(page.contains(".TH acme-ecp 1"), "{page}");
}

#[test]
fn a_sample_callback_is_made_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let shop = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", shop.local_addr().unwrap());
    drop(shop);
    let mut trigger = acme_ecp(folder.path());
    trigger.args(["trigger", "acme-wallet", "payout-success", &url, "--print"]);
    let output = trigger.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    // Nothing listens there, and the callback is printed before.
    assert_eq!(output.status.code(), Some(1), "{errors}");
    let callback = String::from_utf8_lossy(&output.stdout);
    assert!(callback.contains(r#""method":"Acme Wallet""#), "{callback} {errors}");
}
