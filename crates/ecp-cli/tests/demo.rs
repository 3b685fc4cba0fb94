//! `ecp demo` and `ecp sandbox`, as a shell sees them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use ecp_methods::spec::Interface;
use ecp_methods::{DynMethod, MethodSpec, Operation, Registry};

fn demo(arguments: &[&str]) -> (String, bool) {
    let output = Command::new(env!("CARGO_BIN_EXE_ecp"))
        .args(["demo", "--quiet"])
        .args(arguments)
        .output()
        .unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(errors, "", "{arguments:?}");
    (String::from_utf8(output.stdout).unwrap(), output.status.success())
}

#[test]
fn the_demonstration_tells_a_payment_to_its_end() {
    let table = [
        (&["--method", "jeton"][..], "success", "/paid"),
        (&["--method", "jeton", "--decline"][..], "decline", "/declined"),
    ];
    for (arguments, status, page) in table {
        let (story, success) = demo(arguments);
        assert!(success, "{story}");
        for expected in [
            "1. The shop asks Gate for a sale of 100.00 EUR with Jeton Wallet",
            "signed text: customer:id:customer-1;",
            "2. Gate registers the request",
            "3. A callback says where to send the customer",
            "payment status: awaiting redirect result",
            &format!("4. The customer opens the page and presses {status}"),
            page,
            &format!("payment status: {status}"),
            "in natural order with the key of project 1",
            "7. Gate, asked for the status, says the same",
            &format!("Done: payment demo-1 is `{status}`, and a verified callback says so."),
        ] {
            assert!(story.contains(expected), "{expected} is not in\n{story}");
        }
    }
}

/// The operations that a demonstration plays.
const PLAYED: [Operation; 3] = [Operation::SALE, Operation::PAYOUT, Operation::REFUND];

fn on_gate(spec: &MethodSpec, flow: Operation) -> bool {
    spec.rule(flow).is_some_and(|rule| rule.interfaces().contains(&Interface::Gate))
}

/// Whichever it is, the help says how to know it.
fn usual_method(flow: Operation) -> &'static str {
    let registry = Registry::builtin();
    let with_flow = || registry.iter().map(DynMethod::spec).filter(|spec| on_gate(spec, flow));
    let tested = with_flow().find(|spec| spec.testing().declined_source().is_none());
    tested.or_else(|| with_flow().next()).unwrap().code()
}

#[test]
fn a_method_need_not_be_named() {
    for flow in PLAYED {
        let (story, success) = demo(&["--flow", flow.name()]);
        assert!(success, "{story}");
        let title = Registry::builtin().get(usual_method(flow)).unwrap().spec().title();
        assert!(story.contains(&format!(" with {title}\n")), "{title} is not in\n{story}");
    }
}

/// Payouts are declined for their amount and refunds for asking for too much: a method's limits
/// may exclude either.
fn can_be_declined(spec: &MethodSpec, flow: Operation) -> bool {
    let limits = |flow| spec.rule(flow).unwrap().limits(spec.currencies()[0]).minor_units();
    let (least, greatest) = limits(flow);
    match flow {
        Operation::SALE => true,
        Operation::PAYOUT => {
            let mut declined = spec.testing().declined_amounts().iter();
            declined.any(|minor| (least..=greatest).contains(minor))
        }
        _ => {
            let (sale_least, sale_greatest) = limits(Operation::SALE);
            least.max(sale_least) <= sale_greatest.min(greatest - 1)
        }
    }
}

#[test]
fn every_declared_flow_of_every_method_plays_to_both_ends() {
    for method in Registry::builtin().iter() {
        for flow in PLAYED {
            for decline in [false, true] {
                let mut arguments =
                    vec!["--method", method.spec().code(), "--flow", flow.name(), "--json"];
                arguments.extend(decline.then_some("--decline"));
                let output = Command::new(env!("CARGO_BIN_EXE_ecp"))
                    .arg("demo")
                    .args(&arguments)
                    .output()
                    .unwrap();
                let story = String::from_utf8(output.stdout).unwrap();
                let errors = String::from_utf8(output.stderr).unwrap();
                if !on_gate(method.spec(), flow) {
                    assert_eq!(output.status.code(), Some(1), "{arguments:?}");
                    assert!(errors.contains("the method does not have this operation"), "{errors}");
                    let first = method.spec().flows().next().unwrap();
                    assert!(errors.contains(&format!("with the flows {first}")), "{errors}");
                    continue;
                }
                if decline && !can_be_declined(method.spec(), flow) {
                    assert_eq!(output.status.code(), Some(1), "{arguments:?}");
                    assert!(errors.contains("in tests"), "{errors}");
                    continue;
                }
                assert!(output.status.success(), "{arguments:?}\n{errors}");
                // A declined refund leaves the payment a success.
                let status = match (flow, decline) {
                    (Operation::REFUND, false) => "refunded",
                    (Operation::REFUND, true) | (_, false) => "success",
                    (_, true) => "decline",
                };
                let end: serde_json::Value =
                    serde_json::from_str(story.lines().last().unwrap()).unwrap();
                assert_eq!(end["status"], status, "{arguments:?}");
            }
        }
    }
}

#[test]
fn methods_are_listed_for_people_and_machines() {
    let methods = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_ecp"))
            .arg("methods")
            .args(arguments)
            .output()
            .unwrap();
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    insta::assert_snapshot!(methods(&["touchngo"]).0);
    let all: serde_json::Value = serde_json::from_str(&methods(&["--json"]).0).unwrap();
    let registry = Registry::builtin();
    let codes: Vec<&str> =
        all.as_array().unwrap().iter().map(|method| method["code"].as_str().unwrap()).collect();
    assert_eq!(codes, registry.iter().map(|method| method.spec().code()).collect::<Vec<_>>());
    let error = registry.get("jetton").unwrap_err().to_string();
    let suggested = error.replace("; known codes", "; did you mean `jeton`? Known codes");
    assert_ne!(suggested, error);
    assert_eq!(methods(&["jetton"]).1, format!("error: {suggested}\n"));
    insta::assert_snapshot!("everything_that_a_spec_says", methods(&["eco-voucher", "--json"]).0);
}

#[test]
fn a_reader_who_leaves_early_is_no_error() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_ecp"))
        .args(["demo", "--quiet"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    assert!(output.status.success());
}

#[test]
fn machines_get_one_json_object_a_line() {
    let (lines, success) = demo(&["--method", "jeton", "--json", "--decline"]);
    assert!(success, "{lines}");
    let steps: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let names: Vec<&str> = steps.iter().map(|step| step["step"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            "request",
            "registration",
            "redirect",
            "customer",
            "return",
            "callback",
            "status",
            "result"
        ]
    );
    assert_eq!(
        steps.last().unwrap(),
        &serde_json::json!({"step": "result", "payment_id": "demo-1", "status": "decline"})
    );
    let body = steps[5]["details"].as_array().unwrap().iter().find(|d| d["name"] == "body");
    assert_eq!(body.unwrap()["json"]["operation"]["code"], "20000");
}

#[test]
fn a_voucher_is_paid_in_the_steps_of_the_document() {
    let (lines, success) = demo(&["--method", "eco-voucher", "--json"]);
    assert!(success, "{lines}");
    let steps: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let names: Vec<&str> = steps.iter().map(|step| step["step"].as_str().unwrap()).collect();
    // Steps 2, 5, 9, 10 and 11, 14 to 16, 19 and 21 of its payments through Gate.
    let document = [
        "request",
        "registration",
        "redirect",
        "customer",
        "confirmation",
        "return",
        "callback",
        "status",
        "result",
    ];
    assert_eq!(names, document);
    let detail = |step: usize, name: &str| {
        let details = steps[step]["details"].as_array().unwrap();
        details.iter().find(|detail| detail["name"] == name).unwrap().clone()
    };
    assert_eq!(detail(0, "body")["json"]["payment"]["amount"], 0);
    assert_eq!(detail(3, "chosen")["text"], "a voucher of 100.00 CAD");
    assert_eq!(detail(3, "entered")["text"], "the voucher's number, security code and expiry");
    assert_eq!(detail(4, "question")["json"]["amount"], 10_000);
    assert_eq!(detail(6, "body")["json"]["payment"]["sum"]["amount"], 10_000);
    assert!(!lines.contains("1000000000000001"), "{lines}");
}

#[test]
fn the_sandbox_says_where_it_is_and_what_happens() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_ecp"))
        .args(["sandbox", "--addr", "127.0.0.1:0", "--project", "77"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let first = lines.next().unwrap();
    let address = first.strip_prefix("Gate:      http://").unwrap().strip_suffix("/v2/payment/..");
    let introduction: Vec<String> = lines.by_ref().take(5).collect();
    assert_eq!(introduction[3], "project:   77");
    assert_eq!(introduction[4], "key:       sandbox-key-not-a-secret");

    let mut stream = TcpStream::connect(address.unwrap()).unwrap();
    stream.write_all(b"POST /v2/payment/status HTTP/1.0\r\ncontent-length: 2\r\n\r\n{}").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.0 400 "), "{answer}");
    assert!(answer.contains("general.project_id"), "{answer}");
    let told = [lines.next().unwrap(), lines.next().unwrap()];
    assert!(told[0].ends_with("POST /v2/payment/status"), "{told:?}");
    assert!(told[1].contains("answered 400"), "{told:?}");

    let taken = Command::new(env!("CARGO_BIN_EXE_ecp"))
        .args(["sandbox", "--addr", address.unwrap()])
        .output()
        .unwrap();
    assert!(!taken.status.success());
    let error = String::from_utf8(taken.stderr).unwrap();
    assert!(error.contains("; is it in use?"), "{error}");
    child.kill().unwrap();
    child.wait().unwrap();
}
