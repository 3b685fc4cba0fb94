//! What the customer has to do, and answers to what the platform asks, as a shell sees them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::Output;

use ecp_core::Currency;
use ecp_methods::spec::{Interface, RedirectValue, TestItem, TestQuestion, TestStep, Testing};
use ecp_methods::{PaymentMethod, Registry, Rule, Sale, Spec, Supports};
use ecp_sandbox::{Config, Sandbox};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{ecp, stderr, stdout};

/// At the Gate path of a built-in method, which the command knows: its customers pay by a code, once
/// two questions are answered.
#[derive(Debug)]
struct Displayed;

impl Supports<Sale> for Displayed {}
impl PaymentMethod for Displayed {
    const SPEC: Spec<Self> = Spec::new("displayed", "Displayed")
        .gate_path("wallet/jeton")
        .currencies(&[Currency::EUR])
        .flow::<Sale>(Rule::new().on(&[Interface::Gate]))
        .testing(
            Testing::new()
                .step(TestStep::Display(&[
                    TestItem::new("qr_data", "QR code", RedirectValue::Text("00020101x")),
                    TestItem::new("add_info", "receiver_account", RedirectValue::Text("112233")),
                ]))
                .questions(&[
                    TestQuestion::text("customer", "psu_consent_text").default("I allow this."),
                    TestQuestion::flag("customer", "psu_consent"),
                ]),
        );
}

struct World {
    sandbox: Sandbox,
    url: String,
    folder: TempDir,
}

impl World {
    async fn open() -> Self {
        let registry = Registry::empty().with(Displayed).unwrap();
        let sandbox = Sandbox::new(Config::demo().registry(registry));
        let url = sandbox.listen().await.unwrap();
        Self { sandbox, url, folder: tempfile::tempdir().unwrap() }
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = ecp(self.folder.path(), arguments);
        command.env("ECP_GATE_URL", &self.url).output().unwrap()
    }

    /// The first lines of what a command prints, which ends well.
    fn text(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(0), "{} {}", stdout(&output), stderr(&output));
        stdout(&output).to_owned()
    }
}

const SALE: [&str; 13] = [
    "sale",
    "jeton",
    "S-1",
    "100.00 EUR",
    "--step",
    "--field",
    "customer.id=7",
    "--field",
    "customer.ip_address=192.0.2.1",
    "--field",
    "return_url.success=https://shop.example/paid",
    "--field",
    "return_url.decline=https://shop.example/declined",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sale_says_what_to_do_until_the_customer_can_pay() {
    let world = World::open().await;
    let asked = "  next: answer these fields, by `ecp clarify`
    customer.psu_consent_text, string: `I allow this.`
    customer.psu_consent, boolean
";
    let sale = world.text(&SALE);
    assert!(sale.starts_with("S-1: registered, status `awaiting clarification`"), "{sale}");
    assert!(sale.ends_with(asked), "{sale}");
    assert!(world.text(&["status", "S-1"]).ends_with(asked));

    // A wrong answer is not sent.
    let wrong = world.run(&["clarify", "S-1", "--field", "customer.psu_consent=perhaps"]);
    assert_eq!(wrong.status.code(), Some(1));
    assert_eq!(
        stderr(&wrong),
        "error: the value of the field `customer.psu_consent` must be `true` or `false`; the answer to the clarification was not sent\n"
    );

    // A part of the answer, and then the rest.
    let text = "customer.psu_consent_text=I allow this.";
    let taken = world.text(&["clarify", "S-1", "--field", text]);
    assert!(taken.starts_with("S-1: answer taken\n  request "), "{taken}");
    world.sandbox.settled().await;
    let status: Value = serde_json::from_str(&world.text(&["status", "S-1", "--json"])).unwrap();
    assert_eq!(status["next_step"]["step"], "clarify");
    assert_eq!(status["next_step"]["fields"][0]["path"], "customer.psu_consent");
    world.text(&["clarify", "S-1", "--field", "customer.psu_consent=true"]);
    world.sandbox.settled().await;

    let shown = "  next: show this to the customer, who needs it to pay
    qr_data QR code: 00020101x
    add_info receiver_account: 112233
";
    let status = world.text(&["status", "S-1"]);
    assert!(status.starts_with("S-1: found, status `awaiting customer`"), "{status}");
    assert!(status.ends_with(shown), "{status}");

    // Nothing more is asked.
    let late = world.run(&["clarify", "S-1"]);
    assert_eq!(late.status.code(), Some(1));
    assert_eq!(
        stderr(&late),
        "error: the payment S-1 does not wait for an answer: its status is `awaiting customer`; no \
         answer was sent\n"
    );
    let none = world.run(&["clarify", "S-2"]);
    assert_eq!(none.status.code(), Some(1));
    assert!(stderr(&none).contains("the platform does not know the payment S-2"));
    world.sandbox.shutdown();
}
