//! The platform's own packages for Python and JavaScript as the merchant's side: their addresses
//! open the Payment Page, and they take the sandbox's callbacks.
//!
//! `cargo xtask sdks` installs them. Without them these tests say that they were left out, and fail
//! where `CI` is `true`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use ecp_core::Currency;
use ecp_methods::spec::Interface;
use ecp_methods::{DynMethod, MethodSpec, Operation, Registry};
use ecp_sandbox::{Config, Decision, Fault, FaultRule};
use http::{Request, StatusCode, header};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::local::Local;
use crate::support::{named_methods, set_answers, set_example, verify};

const HOST: &str = "http://sandbox.test";

/// One of the platform's packages.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Sdk {
    JavaScript,
    Python,
}

impl Sdk {
    const ALL: [Self; 2] = [Self::JavaScript, Self::Python];

    /// Where `cargo xtask sdks` puts it.
    fn folder(self) -> PathBuf {
        let sdks = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/sdks");
        sdks.join(match self {
            Self::JavaScript => "javascript/node_modules",
            Self::Python => "python",
        })
    }

    /// What a script with the SDK prints, a line for each line that it is given.
    fn run(self, script: &str, arguments: &[&str], lines: &[String]) -> Vec<String> {
        let (program, path, ending) = match self {
            Self::JavaScript => ("node", "NODE_PATH", "js"),
            Self::Python => ("python3", "PYTHONPATH", "py"),
        };
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sandbox/sdks");
        let mut child = Command::new(program)
            .arg(scripts.join(format!("{script}.{ending}")))
            .args(arguments)
            .env(path, self.folder())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let text = lines.join("\n");
        let writer = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap().unwrap();
        assert!(output.status.success(), "{program}");
        let text = String::from_utf8(output.stdout).unwrap();
        let printed: Vec<String> = text.lines().map(str::to_owned).collect();
        assert_eq!(printed.len(), lines.len());
        printed
    }
}

/// The packages that are installed.
fn installed() -> Vec<Sdk> {
    let (found, missing): (Vec<_>, Vec<_>) =
        Sdk::ALL.into_iter().partition(|sdk| sdk.folder().is_dir());
    for sdk in missing {
        let text = format!("left out: the {sdk:?} SDK, which `cargo xtask sdks` installs");
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{text}");
        eprintln!("{text}");
    }
    found
}

/// A sandbox with every method.
fn local() -> Local {
    Local::with(|config| config.registry(Registry::builtin()))
}

fn on_page() -> impl Iterator<Item = &'static MethodSpec> {
    let specs = Registry::builtin().iter().map(DynMethod::spec).collect::<Vec<_>>();
    specs.into_iter().filter(|spec| has(spec, Operation::SALE, Interface::PaymentPage))
}

fn has(spec: &MethodSpec, flow: Operation, interface: Interface) -> bool {
    spec.rule(flow).is_some_and(|rule| rule.interfaces().contains(&interface))
}

/// An amount that a method takes.
fn amount(spec: &MethodSpec, flow: Operation, currency: Currency) -> i64 {
    let (least, greatest) = spec.rule(flow).unwrap().limits(currency).minor_units();
    10_000.clamp(least, greatest)
}

/// Parameters beside the order's, as services set them.
fn variations(sdk: Sdk) -> Vec<Value> {
    let text = "“Bücher” & Tee + 5 % = 100€ / ~!'()*@,?#[x] 日本 😀";
    let mut all = vec![
        json!({}),
        json!({"payment_description": "Order 1"}),
        json!({"payment_description": text}),
        json!({"payment_description": "true", "redirect": true}),
        json!({"payment_description": "False", "redirect": false, "customer_city": "1"}),
        json!({"redirect": true, "redirect_on_mobile": false, "recurring_register": false}),
        json!({"close_on_missclick": true, "force_acs_new_window": true, "payment_description": "True"}),
        json!({"redirect": "1", "redirect_on_mobile": "0"}),
        json!({"redirect_success_url": "https://shop.example/ok?a=1&b=%20#c"}),
        json!({"redirect_fail_url": "https://магазин.рф/нет?причина=да"}),
        json!({"merchant_success_url": "shop://paid?id=1"}),
        json!({"merchant_callback_url": "http://127.0.0.1:9/callbacks?x=1"}),
        json!({"language_code": "ru", "region_code": "DE"}),
        json!({"mode": "purchase", "operation_type": "sale"}),
        json!({"terminal_id": 7, "customer_ssn": 1234}),
        json!({"baseurl": "https://paymentpage.example", "target_element": "widget"}),
        json!({"frame_mode": "popup", "css_modal_wrap": "a b"}),
        json!({"_plugin_version": "1.2.3", "_shop": true}),
        json!({"customer_id": ""}),
        json!({"customer_first_name": "Ñandú", "customer_last_name": "O'Neill", "customer_email": "a+b@c.example", "customer_phone": "+49 30 1"}),
        json!({"billing_postal": "01234", "billing_address": "  two  spaces  "}),
        json!({"cashier_predefined_amounts": "10,20,30", "payment_extra_param": "{\"a\": [1, true]}"}),
    ];
    let times = match sdk {
        Sdk::JavaScript => ["2030-01-01T00:00:00.123Z", "2030-01-01T00:00:00Z"],
        Sdk::Python => ["2030-01-01T00:00:00.123456", "2030-01-01T03:00:00+03:00"],
    };
    all.extend(times.map(|time| json!({"best_before": time})));
    all
}

/// Orders of every method on the Payment Page, in every variation.
fn cases(sdk: Sdk) -> Vec<Value> {
    let mut cases = Vec::new();
    for spec in on_page() {
        let codes = spec.page_codes().iter().map(|code| Some(*code)).chain([None]);
        for (code, currency) in
            codes.flat_map(|code| spec.currencies().iter().map(move |c| (code, c))).take(3)
        {
            for values in variations(sdk) {
                let mut case = json!({
                    "project_id": Config::DEMO_PROJECT.to_string(),
                    "payment_id": format!("order-{}", cases.len()),
                    "payment_amount": amount(spec, Operation::SALE, *currency),
                    "payment_currency": currency.code(),
                    "customer_id": "7",
                });
                if let Some(code) = code {
                    case["force_payment_method"] = code.into();
                }
                for (name, value) in values.as_object().unwrap() {
                    case[name] = value.clone();
                }
                cases.push(case);
            }
        }
    }
    cases
}

async fn answer(local: &Local, request: Request<Body>) -> StatusCode {
    local.sandbox.router().oneshot(request).await.unwrap().status()
}

async fn get(local: &Local, query: &str) -> StatusCode {
    answer(local, Request::get(format!("/payment?{query}")).body(Body::empty()).unwrap()).await
}

async fn post(local: &Local, query: &str) -> StatusCode {
    let form =
        Request::post("/payment").header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    answer(local, form.body(query.to_owned().into()).unwrap()).await
}

/// The same parameters with one of them changed, left out or added.
fn changed(query: &str) -> Vec<String> {
    let pairs: Vec<(String, String)> =
        form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let text = |pairs: &[(String, String)]| {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
    };
    let mut all = Vec::new();
    for (place, (name, value)) in pairs.iter().enumerate() {
        // The mode of the frame is no SDK's to sign.
        if name == "frame_mode" {
            continue;
        }
        for other in [format!("{value}1"), String::new()] {
            let mut pairs = pairs.clone();
            if *value != other {
                pairs[place].1 = other;
                all.push(text(&pairs));
            }
        }
        let mut pairs = pairs.clone();
        pairs.remove(place);
        all.push(text(&pairs));
    }
    let more = ("customer_country".to_owned(), "DE".to_owned());
    all.push(text(&[&pairs[..], &[more]].concat()));
    all
}

#[tokio::test]
async fn addresses_of_the_sdks_open_and_changed_ones_do_not() {
    for sdk in installed() {
        let local = local();
        let cases = cases(sdk);
        assert!(cases.len() >= 200, "{}", cases.len());
        let lines: Vec<String> = cases.iter().map(Value::to_string).collect();
        let addresses = sdk.run("addresses", &[Config::DEMO_KEY, HOST], &lines);
        for (place, (case, address)) in cases.iter().zip(addresses).enumerate() {
            let query = address.strip_prefix("http://sandbox.test/payment?").unwrap();
            assert_eq!(get(&local, query).await, StatusCode::OK, "{sdk:?} {case}: {address}");
            assert_eq!(post(&local, query).await, StatusCode::OK, "{sdk:?} {case}: {address}");
            // Another few of each address: together they are of every kind.
            for changed in changed(query).into_iter().skip(place % 7).step_by(7) {
                assert_eq!(
                    get(&local, &changed).await,
                    StatusCode::BAD_REQUEST,
                    "{sdk:?} {changed}"
                );
            }
        }
    }
}

/// A request with all that any method needs.
fn request(spec: &MethodSpec, flow: Operation, payment_id: &str) -> Value {
    let currency = spec.currencies()[0];
    let mut document = Local::document(payment_id, amount(spec, flow, currency));
    document["payment"]["currency"] = currency.code().into();
    let needed = spec.rule(flow).map(ecp_methods::Rule::needed_fields).unwrap_or_default();
    for &field in needed {
        if document.pointer(&format!("/{}", field.path().replace('.', "/"))).is_none() {
            set_example(&mut document, field);
        }
    }
    if flow == Operation::SALE {
        set_answers(&mut document, spec);
    }
    document
}

/// Every kind of callback and question that the sandbox sends about sales, payouts and refunds of methods.
async fn callbacks(local: &Local, registry: &Registry) -> Vec<Bytes> {
    let specs = registry.iter().map(DynMethod::spec);
    for spec in specs.filter(|spec| has(spec, Operation::SALE, Interface::Gate)) {
        let path = |flow: &str| format!("/v2/payment/{}/{flow}", spec.gate_path().unwrap());
        for (end, decision) in [("yes", Decision::Success), ("no", Decision::Decline)] {
            let id = format!("{}-{end}", spec.code());
            local.send(&path("sale"), request(spec, Operation::SALE, &id)).await;
            assert!(local.choose(&id, decision), "{id}");
            local.sandbox.settled().await;
        }
        let open = format!("{}-open", spec.code());
        let mut sale = request(spec, Operation::SALE, &open);
        sale["payment"]["amount"] = 0.into();
        local.send(&path("sale"), sale).await;
        let chosen = ecp_core::Money::from_minor(1_000, spec.currencies()[0]);
        let open = ecp_core::PaymentId::new(open).unwrap();
        let is_chosen =
            local.sandbox.choose(Config::DEMO_PROJECT, &open, Decision::Success, Some(chosen));
        assert_eq!(
            is_chosen,
            spec.rule(Operation::SALE).is_some_and(ecp_methods::Rule::allows_zero_amount)
        );
        local.sandbox.settled().await;
        local
            .send(&path("sale"), request(spec, Operation::SALE, &format!("{}-late", spec.code())))
            .await;
        if has(spec, Operation::PAYOUT, Interface::Gate) {
            let payout = request(spec, Operation::PAYOUT, &format!("{}-payout", spec.code()));
            local.send(&path("payout"), payout).await;
        }
        if has(spec, Operation::REFUND, Interface::Gate) {
            let mut refund = request(spec, Operation::REFUND, &format!("{}-yes", spec.code()));
            refund["payment"] =
                json!({"description": "returned", "merchant_refund_id": spec.code()});
            local.send(&path("refund"), refund).await;
        }
    }
    local.advance(Duration::from_hours(48)).await;
    local.received()
}

fn word<'d>(document: &'d Value, path: &str) -> &'d str {
    document.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

#[tokio::test]
async fn the_sdks_take_every_callback() {
    let local = local();
    let bodies = callbacks(&local, &Registry::builtin()).await;
    let kinds: std::collections::BTreeSet<String> = bodies
        .iter()
        .map(|body| {
            let document: Value = serde_json::from_slice(body).unwrap();
            verify(body);
            let status = word(&document, "/payment/status").to_owned();
            format!("{} {status}{}", word(&document, "/operation/type"), word(&document, "/type"))
        })
        .collect();
    let expected = [
        " check_deposit",
        "payout success",
        "refund refunded",
        "sale awaiting redirect result",
        "sale decline",
        "sale success",
    ];
    for expected in expected {
        assert!(kinds.contains(expected), "{expected}: {kinds:?}");
    }
    let lines: Vec<String> =
        bodies.iter().map(|body| json!(std::str::from_utf8(body).unwrap()).to_string()).collect();
    for sdk in installed() {
        for (answer, line) in sdk.run("callbacks", &[Config::DEMO_KEY], &lines).iter().zip(&lines) {
            assert_eq!(answer, "genuine", "{sdk:?} {line}");
        }
        for (answer, line) in sdk.run("callbacks", &["another key"], &lines).iter().zip(&lines) {
            assert_ne!(answer, "genuine", "{sdk:?} {line}");
        }
    }
}

/// The documents that every SDK signs alike, with their signatures.
fn signed_alike() -> Vec<(String, String)> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ecp-core/tests/data");
    let rows = |name: &str| -> Vec<Value> {
        serde_json::from_slice(&std::fs::read(data.join(name)).unwrap()).unwrap()
    };
    let row = |row: &Value, document: &str| {
        Some((row[document].as_str()?.to_owned(), row["signature"].as_str()?.to_owned()))
    };
    let vectors = rows("vectors.json").into_iter().filter(|vector| vector["key"] == TABLE_KEY);
    let probes = rows("php-probes.json").into_iter().filter(|probe| probe["agreed"] == true);
    let vectors = vectors.filter_map(|vector| row(&vector, "input"));
    vectors.chain(probes.filter_map(|probe| row(&probe, "json"))).collect()
}

const TABLE_KEY: &str = "secret";

#[test]
fn the_sdks_sign_the_published_documents_as_the_table_says() {
    let (documents, signatures): (Vec<_>, Vec<_>) = signed_alike().into_iter().unzip();
    assert_eq!(documents.len(), 40);
    let lines: Vec<String> =
        documents.iter().map(|document| Value::from(document.as_str()).to_string()).collect();
    for sdk in installed() {
        let made = sdk.run("signatures", &[TABLE_KEY], &lines);
        for ((made, expected), document) in made.iter().zip(&signatures).zip(&documents) {
            assert_eq!(made, expected, "{sdk:?} {document}");
        }
    }
}

/// Receivers in the field break on these: the sandbox can send them, so that one finds out before.
#[tokio::test]
async fn what_the_sdks_do_with_null_booleans_and_floats_is_known() {
    let local = Local::with(|config| config.fault(FaultRule::new(Fault::OddValues)));
    let bodies = callbacks(&local, &named_methods()).await;
    let line = json!(std::str::from_utf8(&bodies[0]).unwrap()).to_string();
    for sdk in installed() {
        let expected = match sdk {
            // It looks for members in `null`.
            Sdk::JavaScript => "TypeError",
            // It signs `null` as `None`.
            Sdk::Python => "ProcessException",
        };
        assert_eq!(
            sdk.run("callbacks", &[Config::DEMO_KEY], std::slice::from_ref(&line)),
            [expected]
        );
    }
}
