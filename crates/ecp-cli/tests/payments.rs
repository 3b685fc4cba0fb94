//! `ecp sale`, `payout`, `refund`, `status` and `page-url`, as a shell sees them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Stdio;
use std::time::Duration;

use crate::support::sandbox::{Sandbox, until};
use crate::support::{ecp, stderr, stdout};
use ecp_methods::spec::Interface;
use serde_json::Value;

const PAYOUT: [&str; 4] =
    ["--field", "customer.ip_address=192.0.2.1", "--field", "account.number=sentinel-7"];
const SALE: [&str; 8] = [
    "--field",
    "customer.id=7",
    "--field",
    "customer.ip_address=192.0.2.1",
    "--field",
    "return_url.success=https://shop.example/paid",
    "--field",
    "return_url.decline=https://shop.example/declined",
];

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_path_that_no_document_has_is_a_warning_and_is_sent() {
    let sandbox = Sandbox::start();
    let output = sandbox
        .ecp(&["payout", "jeton", "P-1", "300.00 EUR", "--field", "customer.fisrt_name=Ann"])
        .args(PAYOUT)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(
        stderr(&output),
        "warning: `customer.fisrt_name` is in no document of the platform; the nearest known path is \
         `customer.first_name`\n"
    );
}

#[test]
fn a_payout_is_made_and_waited_for() {
    let sandbox = Sandbox::start();
    let output = sandbox
        .ecp(&["payout", "jeton", "P-1", "300.00 EUR", "--wait"])
        .args(PAYOUT)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let lines: Vec<&str> = stdout(&output).lines().collect();
    assert_eq!(lines[0], "P-1: registered, status `success`, 300.00 EUR; code 0: Success");
    assert!(lines[1].starts_with("  request "), "{lines:?}");
    assert!(lines[2].starts_with("  payout `success`, operation "), "{lines:?}");
    assert_eq!(stderr(&output), "");

    // Declined by its amount in a test project.
    let declined = sandbox
        .ecp(&["payout", "wallet/jeton", "P-2", "400.00 EUR", "--wait=20s", "--json"])
        .args(PAYOUT)
        .output()
        .unwrap();
    assert_eq!(declined.status.code(), Some(3), "{}", stderr(&declined));
    let told = json(stdout(&declined));
    assert_eq!((told["status"].as_str(), told["code"].as_str()), (Some("decline"), Some("20000")));
    assert_eq!(
        (told["is_final"].as_bool(), told["is_success"].as_bool()),
        (Some(true), Some(false))
    );
    assert_eq!((told["amount"].as_i64(), told["currency"].as_str()), (Some(40000), Some("EUR")));

    // The same id once more may be another payment's, so the outcome is unknown.
    let again = sandbox
        .ecp(&["payout", "jeton", "P-1", "300.00 EUR", "--json"])
        .args(PAYOUT)
        .output()
        .unwrap();
    assert_eq!(again.status.code(), Some(4), "{}", stderr(&again));
    let told = json(stdout(&again));
    assert_eq!((told["outcome"].as_str(), told["code"].as_str()), (Some("unknown"), Some("3041")));

    // The text names the command that shows the payment.
    let text = |arguments: &[&str]| {
        let output = sandbox
            .ecp(&["payout", "jeton", "P-1", "300.00 EUR"])
            .args(PAYOUT)
            .args(arguments)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(4), "{}", stderr(&output));
        stdout(&output).to_owned()
    };
    assert_eq!(text(&[]), "P-1 already exists on the platform (3041). Run: ecp status P-1\n");
    let url = format!("{}/", sandbox.url);
    assert_eq!(
        text(&["--gate-url", &url]),
        format!(
            "P-1 already exists on the platform (3041). Run: ecp status --gate-url {url} P-1\n"
        )
    );
}

#[test]
fn a_sale_is_registered_and_its_status_asked_for() {
    let sandbox = Sandbox::start();
    let sale = sandbox
        .ecp(&["sale", "jeton", "S-1", "100.00 EUR", "--json"])
        .args(SALE)
        .args(["--field", "payment.extra_param=blue"])
        .output()
        .unwrap();
    assert_eq!(sale.status.code(), Some(0), "{}", stderr(&sale));
    let told = json(stdout(&sale));
    assert_eq!(told["outcome"], "registered");
    assert!(told["request_id"].as_str().unwrap().len() > 10);

    let status = sandbox.ecp(&["status", "S-1", "--json"]).output().unwrap();
    assert_eq!(status.status.code(), Some(0), "{}", stderr(&status));
    let told = json(stdout(&status));
    assert_eq!(told["outcome"], "found");
    assert_eq!(told["operations"][0]["kind"], "sale");
    // The customer never comes.
    let waited = sandbox.ecp(&["status", "S-1", "--wait=1s"]).output().unwrap();
    assert_eq!(waited.status.code(), Some(4), "{}", stderr(&waited));
    assert!(
        stdout(&waited).starts_with("S-1: found, status `awaiting redirect result`, 100.00 EUR")
    );

    let none = sandbox.ecp(&["status", "S-2"]).output().unwrap();
    assert_eq!((none.status.code(), stdout(&none)), (Some(1), "S-2: not found\n"));
}

#[test]
fn a_refund_tells_its_id_and_what_it_was_refused_for() {
    let sandbox = Sandbox::start();
    let refund = sandbox
        .ecp(&["refund", "wallet-partner", "S-1", "--field", "payment.description=returned"])
        .args(["--refund-id", "R-1"])
        .output()
        .unwrap();
    assert_eq!(refund.status.code(), Some(1), "{}", stderr(&refund));
    assert!(stdout(&refund).starts_with("S-1: refused with code 3061: "), "{}", stdout(&refund));
    assert!(stdout(&refund).ends_with("  refund R-1\n"), "{}", stdout(&refund));
    assert!(sandbox.logs("POST /v2/payment/wallet-partner/refund"));
}

/// Presses the customer's button.
fn decide(sandbox: &Sandbox, id: &str, decision: &str) {
    let host = sandbox.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    let body = format!("{{\"decision\":\"{decision}\"}}");
    let request = format!(
        "POST /sandbox/payments/1/{id}/decision HTTP/1.0\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.lines().next().unwrap().contains(" 200 "), "{answer}");
}

#[test]
fn a_refund_is_waited_for_by_its_own_operation() {
    let sandbox = Sandbox::start();
    let sale = sandbox
        .ecp(&["sale", "wallet-partner", "S-1", "100.00 INR"])
        .args(["--field", "customer.first_name=A", "--field", "customer.last_name=B"])
        .args(["--field", "customer.phone=447700900000", "--field", "customer.email=a@shop.test"])
        .args(&SALE[..6])
        .output()
        .unwrap();
    assert_eq!(sale.status.code(), Some(0), "{}", stderr(&sale));
    until("the customer is awaited", || {
        let status = sandbox.ecp(&["status", "S-1"]).output().unwrap();
        stdout(&status).contains("`awaiting redirect result`").then_some(())
    });
    decide(&sandbox, "S-1", "success");
    let waited = sandbox.ecp(&["status", "S-1", "--wait"]).output().unwrap();
    assert_eq!(waited.status.code(), Some(0), "{}", stdout(&waited));

    let refund = |id: &str, more: &[&str]| {
        let description = ["--field", "payment.description=returned"];
        let all = ["refund", "wallet-partner", "S-1", "--refund-id", id, "--wait", "--json"];
        sandbox.ecp(&all).args(description).args(more).output().unwrap()
    };
    let part = refund("R-1", &["--part", "50.00 INR"]);
    assert_eq!((part.status.code(), stdout(&part)), (Some(1), ""));
    assert_eq!(
        stderr(&part),
        "{\"error\":\"wallet-partner refund: `payment.amount`: this method refunds a payment as a whole only; ask for a full refund\",\"exit_code\":1}\n"
    );
    let done = refund("R-2", &[]);
    assert_eq!(done.status.code(), Some(0), "{}", stderr(&done));
    let told = json(stdout(&done));
    assert_eq!((&told["status"], &told["is_success"]), (&"refunded".into(), &true.into()));
    assert_eq!(told["merchant_refund_id"], "R-2");
    // The same refund once more: whether it is this one, only its payment's status says.
    let repeated = sandbox
        .ecp(&["refund", "wallet-partner", "S-1", "--refund-id", "R-2"])
        .args(["--field", "payment.description=returned"])
        .output()
        .unwrap();
    assert_eq!(
        (repeated.status.code(), stdout(&repeated)),
        (
            Some(4),
            "refund R-2 already exists on the platform (3230). Run: ecp status S-1\n  refund R-2\n"
        )
    );
    // Nothing is left to give back.
    let again = refund("R-3", &[]);
    assert_eq!(
        (again.status.code(), json(stdout(&again))["outcome"].clone()),
        (Some(1), "refused".into())
    );
}

#[test]
fn what_a_method_does_not_allow_is_not_sent() {
    let folder = tempfile::tempdir().unwrap();
    let table: [(&[&str], &str); 7] = [
        (
            &["payout", "eco-voucher", "P", "10.00 EUR"],
            "error: eco-voucher payout: the method does not have this operation\n",
        ),
        (&["payout", "jeton", "P", "10.00 EUR"], "error: jeton payout: `"),
        (
            &["payout", "jetton", "P", "10.00 EUR"],
            "error: there is no payment method with the code `jetton`; did you mean `jeton`? Known codes: ",
        ),
        (
            &["sale", "jeton", "P", "0.10 EUR"],
            "error: jeton sale: `payment.amount`: 0.10 EUR is below",
        ),
        (
            &["refund", "jeton", "P"],
            "error: jeton refund: the method does not have this operation\n",
        ),
        (
            &["page-url", "jeton", "P", "10.00 EUR"],
            "error: jeton sale: `customer.id` is required\n",
        ),
        (
            &["status", "P", "--gate-url", "http://127.0.0.1:1"],
            "error: cannot connect to http://127.0.0.1:1: connection refused. If a sandbox should \
             answer there, start one by: ecp sandbox --addr 127.0.0.1:1\n",
        ),
    ];
    for (arguments, message) in table {
        let output = ecp(folder.path(), arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(stderr(&output).starts_with(message), "{arguments:?}: {}", stderr(&output));
        assert_eq!(stdout(&output), "", "{arguments:?}");
    }
    let wrong: [(&[&str], &str); 4] = [
        (&["payout", "jeton", "P", "10.00"], "expected an amount such as `100.00 EUR`"),
        (&["payout", "jeton", "", "10.00 EUR"], "the payment id is empty"),
        (
            &["payout", "jeton", "P", "10.00 EUR", "--field", "x"],
            "the `=` is missing; write NAME=VALUE",
        ),
        (&["status", "P", "--wait=soon"], "`soon` is not a duration such as 90s or 5m"),
    ];
    for (arguments, message) in wrong {
        let output = ecp(folder.path(), arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(stderr(&output).contains(message), "{arguments:?}: {}", stderr(&output));
    }
}

#[test]
fn a_platform_that_cannot_be_reached_is_named_with_its_address() {
    let folder = tempfile::tempdir().unwrap();
    let output = ecp(folder.path(), &["payout", "jeton", "P-1", "300.00 EUR"])
        .args(PAYOUT)
        .args(["--gate-url", "http://127.0.0.1:1"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        stdout(&output),
        "P-1: not sent: cannot connect to http://127.0.0.1:1: connection refused (4 attempts). If a \
         sandbox should answer there, start one by: ecp sandbox --addr 127.0.0.1:1\n"
    );
    assert_eq!(stderr(&output), "");
}

#[test]
fn a_registered_payout_whose_status_cannot_be_requested_is_said_to_be_registered() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start();
    let url = sandbox.url.clone();
    let profiles = format!(
        "[shop]\nproject = 1\nkey_env = \"SHOP_KEY\"\ntest = true\nfirst_question_after = \"4s\"\n\
         gate_url = \"{url}\"\n"
    );
    std::fs::write(folder.path().join("profiles.toml"), profiles).unwrap();
    let waiting = ecp(folder.path(), &["payout", "jeton", "P-1", "300.00 EUR", "--wait=5s"])
        .args(PAYOUT)
        .args(["--profiles", "profiles.toml", "--profile", "shop"])
        .env("SHOP_KEY", "sandbox-key-not-a-secret")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    until("the payout is registered", || (sandbox.payments() == 1).then_some(()));
    // Its answer has arrived, and its status is not requested yet.
    std::thread::sleep(Duration::from_secs(1));
    drop(sandbox);
    let output = waiting.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(4), "{}", stderr(&output));
    let begin = format!(
        "P-1: registered; the result is not known yet, because the payment's status could not be \
         requested: cannot connect to {url}: connection refused"
    );
    assert!(stdout(&output).starts_with(&begin), "{}", stdout(&output));
}

#[test]
fn a_page_address_carries_its_signature() {
    let folder = tempfile::tempdir().unwrap();
    let page = ["page-url", "touchngo", "order-1", "500.00 MYR", "--field", "customer.id=7"];
    let url = ecp(folder.path(), &page).output().unwrap();
    assert_eq!(url.status.code(), Some(0), "{}", stderr(&url));
    // The sandbox's own page, never the platform's.
    assert!(stdout(&url).starts_with("http://127.0.0.1:8080/payment?customer_id=7&"));
    assert!(
        stdout(&url).contains("&payment_amount=50000&") && stdout(&url).contains("&signature=")
    );
    let json_output = ecp(folder.path(), &page)
        .args(["--json", "--parameter", "language_code=ms"])
        .output()
        .unwrap();
    let both = json(stdout(&json_output));
    assert_eq!(both["widget"]["language_code"], "ms");
    assert_eq!(both["widget"]["project_id"], 1);
    assert!(both["url"].as_str().unwrap().contains("language_code=ms"));
    let html = ecp(folder.path(), &page).arg("--html").output().unwrap();
    assert!(stdout(&html).contains("EPayWidget.run("), "{}", stdout(&html));
    assert!(!format!("{}{both}", stdout(&html)).contains("ecommpay.com"), "{}", stdout(&html));
}

#[test]
fn the_page_is_that_of_the_profiles_gate() {
    let folder = tempfile::tempdir().unwrap();
    let profiles = "[shop]\nproject = 7\nkey_env = \"SHOP_KEY\"\ntest = true\n\
                    [local]\nproject = 7\nkey_env = \"SHOP_KEY\"\ntest = true\n\
                    gate_url = \"http://127.0.0.1:1\"\n\
                    [both]\nproject = 7\nkey_env = \"SHOP_KEY\"\ntest = true\n\
                    gate_url = \"http://127.0.0.1:1\"\npage_url = \"http://127.0.0.1:2\"\n";
    std::fs::write(folder.path().join("profiles.toml"), profiles).unwrap();
    let run = |arguments: &[&str]| {
        let page = ["page-url", "jeton", "order-1", "100.00 EUR", "--field", "customer.id=7"];
        let output = ecp(folder.path(), &page)
            .args(["--profiles", "profiles.toml"])
            .args(arguments)
            .env("SHOP_KEY", "a key")
            .output()
            .unwrap();
        format!("{}{}", stdout(&output), stderr(&output))
    };
    for (arguments, begins) in [
        (&["--profile", "shop"][..], "https://paymentpage.ecommpay.com/payment?"),
        (&["--profile", "both"], "http://127.0.0.1:2/payment?"),
        (&["--gate-url", "http://127.0.0.1:9090"], "http://127.0.0.1:9090/payment?"),
        (
            &["--profile", "local"],
            "error: profile `local` sends to http://127.0.0.1:1, and no Payment Page is known for that \
             Gate: add `page_url` to the profile whose `gate_url` is http://127.0.0.1:1: the same address \
             if it is a sandbox, otherwise https://paymentpage.ecommpay.com or your own domain that leads to it\n",
        ),
        (
            &["--profile", "shop", "--gate-url", "http://127.0.0.1:1"],
            "error: profile `shop` sends to http://127.0.0.1:1, and no Payment Page is known for that Gate",
        ),
    ] {
        let printed = run(arguments);
        assert!(printed.starts_with(begins), "{arguments:?}: {printed}");
    }
}

#[test]
fn every_page_code_of_a_method_can_be_chosen() {
    let folder = tempfile::tempdir().unwrap();
    let run = |method: &str, amount: &str, arguments: &[&str]| {
        let page = ["page-url", method, "order-1", amount, "--field", "customer.id=7"];
        ecp(folder.path(), &page).args(arguments).output().unwrap()
    };
    for method in ecp_methods::Registry::builtin().iter() {
        let spec = method.spec();
        let Some(rule) = spec.rule(ecp_methods::Operation::SALE) else { continue };
        if !rule.interfaces().contains(&Interface::PaymentPage) {
            continue;
        }
        let amount = rule.example_amount(spec.currencies()[0]).to_string();
        let url = |arguments: &[&str]| stdout(&run(spec.code(), &amount, arguments)).to_owned();
        for code in spec.page_codes() {
            let chosen = url(&["--code", code]);
            assert!(chosen.contains(&format!("force_payment_method={code}&")), "{chosen}");
        }
        let usual = url(&[]);
        let first = format!("force_payment_method={}&", spec.page_codes()[0]);
        assert!(usual.contains(&first), "{usual}");
        let given = url(&["--code-from-support", "anything"]);
        assert!(given.contains("force_payment_method=anything&"), "{given}");
        assert!(!url(&["--let-customer-choose"]).contains("force_payment_method"));
    }
    let wrong = run("jeton", "100.00 EUR", &["--code", "jetonWallet"]);
    assert_eq!(
        stderr(&wrong),
        "error: jeton sale: `force_payment_method` is `jetonWallet`, which is not a Payment Page code of this method; use \
         jetonWalletV3, or set a code from the platform's support by `PageOptions::method_code_from_support` (`--code-from-support`)\n"
    );
    let two = run("jeton", "100.00 EUR", &["--code", "x", "--let-customer-choose"]);
    assert_eq!(two.status.code(), Some(2));
}

#[test]
fn real_money_is_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    let profiles = "[shop]\nproject = 7\nkey_env = \"SHOP_KEY\"\ngate_url = \"http://127.0.0.1:1\"\n\
                    page_url = \"http://127.0.0.1:1\"\n\
                    [trial]\nproject = 8\nkey_env = \"SHOP_KEY\"\ntest = true\n";
    std::fs::create_dir_all(folder.path().join(".config/ecp")).unwrap();
    std::fs::write(folder.path().join(".config/ecp/profiles.toml"), profiles).unwrap();
    let run = |profile: &str| {
        ecp(
            folder.path(),
            &["page-url", "jeton", "order-1", "100.00 EUR", "--field", "customer.id=7"],
        )
        .env("ECP_PROFILE", profile)
        .env("SHOP_KEY", "key-sentinel")
        .output()
        .unwrap()
    };
    let shop = run("shop");
    assert_eq!(
        stderr(&shop),
        "WARNING: profile `shop` is not a test project: project 7 at http://127.0.0.1:1 moves real money\n"
    );
    assert!(stdout(&shop).contains("project_id=7"));
    let trial = run("trial");
    assert_eq!((stderr(&trial), trial.status.code()), ("", Some(0)));
    assert!(stdout(&trial).contains("project_id=8"));
    assert!(stderr(&run("no")).starts_with("error: there is no profile `no` in "));
}
