//! The samples of the platform's documents (see `samples/README.md`), each read into its model.
//! One snapshot per sample keeps what is signed of it and what the model makes of it.

use std::fmt::{Debug, Write};
use std::path::{Path, PathBuf};

use ecp_core::json::{Document, Limits, Value};
use ecp_core::model::{
    Callback, CallbackFormat, ConfirmationAnswer, DepositCheck, Extra, FromJson, GateRequest,
    ModelError, PageParameters, PaymentStatus, RedirectData, RedirectMethod,
};
use ecp_core::signature::{self, Rules};
use ecp_core::{Money, Sensitive};

/// Reads a sample into the model of its kind, which its folder tells.
fn read(path: &Path, json: &[u8]) -> Result<Box<dyn Debug>, ModelError> {
    fn model<T: FromJson + Debug + 'static>(json: &[u8]) -> Result<Box<dyn Debug>, ModelError> {
        Ok(Box::new(T::from_slice(json)?))
    }
    let folder = path.parent().and_then(Path::file_name).and_then(|name| name.to_str());
    match folder.expect("samples stand in folders") {
        "callback" => model::<Callback>(json),
        "gate" => model::<GateRequest>(json),
        "page" => model::<PageParameters>(json),
        "redirect" => Ok(Box::new(redirect_data(json)?)),
        "confirmation" if path.ends_with("eco-voucher-check-deposit-answer.json") => {
            model::<ConfirmationAnswer>(json)
        }
        "confirmation" => model::<DepositCheck>(json),
        folder => panic!("no model for the samples in {folder}"),
    }
}

/// The redirect samples are cut from callbacks and hold this one member.
fn redirect_data(json: &[u8]) -> Result<RedirectData, ModelError> {
    let document = Document::parse(json, Limits::default())?;
    RedirectData::from_json(document.root().get("redirect_data").expect("a redirect sample"))
}

fn sample(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples");
    std::fs::read(folder.join(name).with_extension("json")).expect(name)
}

fn all_samples() -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples");
    let entries = |folder: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).expect("the samples can be listed");
        entries.map(|entry| entry.expect("the samples can be listed").path()).collect()
    };
    let folders = entries(&folder).into_iter().filter(|path| path.is_dir());
    let files = folders.flat_map(|folder| entries(&folder));
    files.map(|path| (path.clone(), std::fs::read(path).expect("a sample is readable"))).collect()
}

fn names(extra: &Extra) -> Vec<&str> {
    extra.iter().map(|(name, _)| name).collect()
}

fn text(value: Option<&Sensitive<String>>) -> &str {
    value.map_or("", |value| value.expose())
}

#[test]
fn every_sample_is_signed_and_read_as_its_snapshot_says() {
    insta::glob!("samples/*/*.json", |path| {
        let json = std::fs::read(path).unwrap();
        // No sample needs the override: official SDKs agree on all of them.
        let string = signature::canonical_string(&json, Rules::private()).unwrap();
        let model = read(path, &json).unwrap();

        let mut snapshot = "Signed\n".to_owned();
        for item in string.split(';') {
            writeln!(snapshot, "  {item}").unwrap();
        }
        write!(snapshot, "\nRead\n{model:#?}").unwrap();
        insta::assert_snapshot!("sample", snapshot);
    });
}

#[test]
fn every_sample_of_the_list_is_there() {
    assert_eq!(all_samples().len(), 33);
    let list = include_str!("samples/README.md");
    for (path, _) in all_samples() {
        let name: PathBuf =
            path.iter().rev().take(2).collect::<Vec<_>>().into_iter().rev().collect();
        assert!(list.contains(&format!("`{}`", name.display())), "{}", name.display());
    }
}

#[test]
fn callbacks_say_where_payment_and_operation_stand() {
    // Payment, then operation: id, type, status, the operation's code, sum.
    let table = [
        (
            "eco-voucher-sale-decline",
            "238 TEST_15731114254729 purchase decline 0.00 EUR; 18321000013161 sale decline 20000 0.00 EUR",
        ),
        (
            "eco-voucher-sale-success",
            "238 TEST_15354433ww22 purchase success 10.00 EUR; 151162 sale success 0 10.00 EUR",
        ),
        (
            "jeton-payout-decline",
            "239 59212aab8827751ee5865514c6670c86 payout decline 300.00 EUR; 14479000001965 payout decline 3028 300.00 EUR",
        ),
        (
            "jeton-payout-success",
            "239 63bc5d64b5a869cb5bf2 payout success 300.00 EUR; 631000002690 payout success 0 300.00 EUR",
        ),
        (
            "jeton-sale-decline",
            "382 980d0031ad2ac8cb2e3de4061d4bf955 purchase decline 500.00 EUR; 29469000002026 sale decline 20106 500.00 EUR",
        ),
        (
            "jeton-sale-success",
            "1236 ac17805971555 purchase success 100.00 EUR; 26516000001352 sale success 0 100.00 EUR",
        ),
        (
            "touchngo-payout-decline",
            "1234 payment_48 payout decline 500.00 MYR; 29 payout decline 20000 500.00 MYR",
        ),
        (
            "touchngo-payout-success",
            "1234 payment_48 payout success 500.00 MYR; 29 payout success 0 500.00 MYR",
        ),
        (
            "touchngo-sale-decline-gate",
            "1234 payment_47 purchase decline 500.00 MYR; 31 sale decline 20000 500.00 MYR",
        ),
        (
            "touchngo-sale-decline-page",
            "1234 payment_47 purchase decline 500.00 MYR; 31 sale decline 20000 500.00 MYR",
        ),
        (
            "touchngo-sale-success-gate",
            "1234 payment_47 purchase success 500.00 MYR; 28 sale success 0 500.00 MYR",
        ),
        (
            "touchngo-sale-success-page",
            "1234 payment_47 purchase success 500.00 MYR; 28 sale success 0 500.00 MYR",
        ),
        (
            "wallet-partner-refund-decline",
            "197 TEST_554863 purchase success 350.00 INR; 90266010010272 refund decline 3283 350.00 INR",
        ),
        (
            "wallet-partner-refund-success",
            "197 TEST_554862 purchase refunded 0.00 INR; 90266010010271 refund success 0 350.00 INR",
        ),
        (
            "wallet-partner-sale-decline",
            "197 TEST_130670 purchase decline 1.00 INR; 5036823000004992 sale decline 20000 1.00 INR",
        ),
        (
            "wallet-partner-sale-success",
            "197 TEST_wallet-partner_333 purchase success 150.00 INR; 5048925000004552 sale success 0 150.00 INR",
        ),
    ];
    for (name, expected) in table {
        let callback = Callback::from_slice(&sample(&format!("callback/{name}"))).unwrap();
        assert_eq!(callback.format(), CallbackFormat::Operation, "{name}");
        let payment = callback.payment.as_ref().unwrap();
        let operation = callback.operation.as_ref().unwrap();
        let summary = format!(
            "{} {} {} {} {}; {} {} {} {} {}",
            callback.project_id().unwrap(),
            callback.payment_id().unwrap(),
            payment.kind.as_ref().unwrap(),
            callback.payment_status().unwrap(),
            payment.sum.as_ref().unwrap().money().unwrap(),
            operation.id.unwrap(),
            operation.kind.as_ref().unwrap(),
            callback.operation_status().unwrap(),
            operation.code.as_ref().unwrap(),
            operation.sum_initial.as_ref().unwrap().money().unwrap(),
        );
        assert_eq!(summary, expected, "{name}");

        let code = operation.code.as_ref().unwrap();
        assert_eq!(operation.message.as_deref(), code.info().map(|info| info.message), "{name}");
        assert_eq!(code.is_success(), callback.operation_status().unwrap().is_success(), "{name}");
        assert!(callback.payment_status().unwrap().is_final(), "{name}");
        assert!(callback.operation_status().unwrap().is_final(), "{name}");
        assert_eq!(payment.date, operation.date, "{name}");
        assert!(operation.created_date <= operation.date, "{name}");
        assert!(callback.redirect().is_none(), "{name}");
    }
}

#[test]
fn callbacks_hold_nothing_unknown() {
    let (callbacks, _): (Vec<_>, Vec<_>) = all_samples()
        .into_iter()
        .partition(|(path, _)| path.parent().unwrap().ends_with("callback"));
    assert_eq!(callbacks.len(), 16);
    for (path, json) in callbacks {
        let callback = Callback::from_slice(&json).unwrap();
        assert!(callback.extra.is_empty() && callback.signature.is_some(), "{}", path.display());
        let payment = callback.payment.unwrap();
        let operation = callback.operation.unwrap();
        let sums = [payment.sum, operation.sum_initial, operation.sum_converted];
        let parts = [Some(payment.extra), Some(operation.extra)]
            .into_iter()
            .chain(sums.map(|sum| sum.map(|sum| sum.extra)))
            .chain([
                operation.provider.map(|provider| provider.extra),
                callback.account.map(|account| account.extra),
                callback.customer.map(|customer| customer.extra),
            ])
            .chain(callback.errors.iter().map(|error| Some(error.extra.clone())));
        for extra in parts.flatten() {
            assert!(extra.is_empty(), "{}: {extra:?}", path.display());
        }
    }
}

#[test]
fn a_declined_refund_leaves_the_payment_a_success() {
    let declined = Callback::from_slice(&sample("callback/wallet-partner-refund-decline")).unwrap();
    assert!(declined.payment_status().unwrap().is_success());
    assert!(!declined.operation_status().unwrap().is_success());
    assert!(declined.operation.unwrap().provider.is_none());

    let refunded = Callback::from_slice(&sample("callback/wallet-partner-refund-success")).unwrap();
    assert_eq!(refunded.payment_status(), Some(&PaymentStatus::Refunded));
    assert!(!refunded.payment_status().unwrap().is_success());
    assert!(refunded.operation_status().unwrap().is_success());
    assert_eq!(refunded.payment.unwrap().merchant_refund_id.as_deref(), Some("TEST_554862"));
}

#[test]
fn what_only_some_callbacks_have_is_read_where_it_stands() {
    let decline = Callback::from_slice(&sample("callback/jeton-payout-decline")).unwrap();
    let [error] = &decline.errors[..] else { panic!("{:?}", decline.errors) };
    assert_eq!(error.code.as_ref().unwrap().number(), Some(3028));
    assert_eq!(error.message.as_deref(), Some("Insufficient funds on merchant balance"));
    assert_eq!(error.description.as_deref(), Some("public: BALANCE_INSUFFICIENT_FUNDS"));
    assert_eq!(error.field, None);
    assert_eq!(text(decline.account.unwrap().number.as_ref()), "94082236");
    let provider = decline.operation.unwrap().provider.unwrap();
    assert_eq!(
        (
            provider.id.as_ref().map(ecp_core::model::ProviderId::as_str),
            text(provider.payment_id.as_ref())
        ),
        (Some("1079"), "")
    );
    assert!(provider.auth_code.is_none() && provider.date.is_none());

    let success = Callback::from_slice(&sample("callback/wallet-partner-sale-success")).unwrap();
    assert!(success.errors.is_empty() && success.account.is_none());
    let customer = success.customer.unwrap();
    assert!(customer.id.is_none());
    assert_eq!(text(customer.phone.as_ref()), "123456789");
    let provider = success.operation.unwrap().provider.unwrap();
    assert_eq!(provider.date.as_deref(), Some("2020-08-24T09:33:56+0000"));

    let long = Callback::from_slice(&sample("callback/wallet-partner-sale-decline")).unwrap();
    assert_eq!(text(long.customer.unwrap().phone.as_ref()), "0000000000009999");
}

#[test]
fn gate_requests_keep_their_signature_in_general() {
    // Project, payment, sum, account, addresses to return to after success and decline.
    let table = [
        ("eco-voucher-sale", "417 payment_123 0.00 EUR", "", 2),
        ("jeton-payout", "239 63bc5d64b5a869cb5bf2 300.00 EUR", "93017949", 0),
        ("jeton-sale", "1236 payment_id 100.00 EUR", "", 2),
        ("touchngo-payout", "210 test_payment 500.00 MYR", "00004598", 0),
        ("touchngo-sale", "210 test_payment 500.00 MYR", "", 1),
        ("wallet-partner-refund", "101 ECT_TEST_1572258898441234343232 none", "", 0),
        ("wallet-partner-sale", "101 TEST_15392667771145 5.01 INR", "", 1),
    ];
    for (name, expected, account, addresses) in table {
        let request = GateRequest::from_slice(&sample(&format!("gate/{name}"))).unwrap();
        let payment = request.payment.unwrap();
        let sum =
            payment.amount.zip(payment.currency).map_or("none".to_owned(), |(minor, code)| {
                Money::from_minor(minor, code.parse().unwrap()).to_string()
            });
        let id = request.general.payment_id.unwrap();
        assert_eq!(format!("{} {id} {sum}", request.general.project_id), expected);
        assert!(request.general.signature.is_some(), "{name}");
        assert!(request.extra.is_empty() && request.general.extra.is_empty(), "{name}");
        assert!(payment.extra.is_empty(), "{name}");

        let number = request.account.as_ref().and_then(|account| account.number.as_ref());
        assert_eq!(text(number), account, "{name}");
        let urls = request.return_url.map_or(0, |urls| {
            assert!(urls.extra.is_empty() && urls.neutral.is_none(), "{name}");
            usize::from(urls.success.is_some()) + usize::from(urls.decline.is_some())
        });
        assert_eq!(urls, addresses, "{name}");
        let is_refund = name == "wallet-partner-refund";
        assert_eq!(request.customer.is_none(), is_refund, "{name}");
        assert_eq!(text(payment.description.as_ref()) == "test_refund", is_refund, "{name}");
    }
}

#[test]
fn page_parameters_are_flat() {
    let table = [
        ("eco-voucher-open", "190 X03936 0 EUR 12"),
        ("jeton-open", "1236 X03936 10000 EUR customer1"),
        ("touchngo-open", "120 580 50000 MYR customer1"),
        ("wallet-partner-open", "101 X03936 1000 INR customer1"),
    ];
    for (name, expected) in table {
        let page = PageParameters::from_slice(&sample(&format!("page/{name}"))).unwrap();
        let summary = format!(
            "{} {} {} {} {}",
            page.project_id,
            page.payment_id,
            page.payment_amount,
            page.payment_currency,
            page.customer_id.expose(),
        );
        assert_eq!(summary, expected, "{name}");
        assert!(page.extra.is_empty() && page.signature.is_some(), "{name}");
        assert_eq!(page.force_payment_method, None, "{name}");
    }
}

#[test]
fn redirects_without_fields_come_as_a_list_or_as_an_object() {
    let table = [
        ("jeton-sale", RedirectMethod::Get, "https://www.jetoncheckout.com/pay?token=", 0, vec![]),
        ("wallet-partner-sale", RedirectMethod::Post, "https://test.cashfree.com/", 0, vec![]),
        (
            "touchngo-sale",
            RedirectMethod::Post,
            "https://www.example.com/pay",
            9,
            vec!["encrypted"],
        ),
        ("eco-voucher-sale", RedirectMethod::Post, "https://secure.ecopayz.com/", 10, vec![]),
    ];
    for (name, method, url, fields, extra) in table {
        let redirect = redirect_data(&sample(&format!("redirect/{name}"))).unwrap();
        assert_eq!(redirect.method, method, "{name}");
        assert!(redirect.url.expose().starts_with(url), "{name}");
        assert_eq!(redirect.body.fields().map(<[_]>::len), Some(fields), "{name}");
        assert_eq!(names(&redirect.extra), extra, "{name}");
    }
}

#[test]
fn a_redirect_keeps_its_fields_in_order_and_numbers_by_their_literal() {
    let redirect = redirect_data(&sample("redirect/eco-voucher-sale")).unwrap();
    let fields = redirect.body.fields().unwrap();
    let field = |place: usize| (fields[place].0.as_str(), fields[place].1.expose().as_str());
    assert_eq!(field(0), ("PaymentPageID", "3324"));
    assert_eq!(field(5), ("TxID", "15781000001162"));
    assert_eq!(field(9), ("Checksum", "d1aa9a777d77f894b86962c51b341710"));
}

#[test]
fn the_deposit_question_and_its_answer_name_the_same_payment() {
    let json = sample("confirmation/eco-voucher-check-deposit");
    let question = DepositCheck::from_slice(&json).unwrap();
    assert_eq!(question.project_id.get(), 258);
    assert_eq!(question.money().unwrap().to_string(), "10.00 EUR");
    assert_eq!(question.customer_id.expose(), "123");
    assert_eq!(question.payment_method, "eco-voucher");
    assert!(question.extra.is_empty() && question.signature.is_some());
    assert_eq!(
        signature::canonical_string(&json, Rules::private()).unwrap(),
        "amount:1000;currency:EUR;customer_id:123;payment_id:X03936;payment_method:eco-voucher;\
         project_id:258;type:check_deposit"
    );

    let json = sample("confirmation/eco-voucher-check-deposit-answer");
    let answer = ConfirmationAnswer::from_slice(&json).unwrap();
    assert_eq!((answer.code, &answer.payment_id), (0, &question.payment_id));
    assert_eq!(answer.to_json(), br#"{"code":0,"payment_id":"X03936"}"#);
}

/// Collects the literals of every scalar below a value.
fn scalars<'d>(value: Value<'d>, into: &mut Vec<&'d str>) {
    let mut children = value.children().peekable();
    if children.peek().is_none() && !value.raw().starts_with(['{', '[']) {
        into.push(value.raw());
    }
    children.for_each(|child| scalars(child, into));
}

/// Every personal literal is replaced by a mark that nothing else can look like, so that short
/// ones such as `"1"` count too.
#[test]
fn no_model_prints_personal_data() {
    const MARK: &str = "\"mark-7c1e\"";
    let personal = [
        "account",
        "customer",
        "customer_id",
        "description",
        "auth_code",
        "redirect_data.url",
        "redirect_data.body",
        "signature",
        "payment.description",
        "operation.provider.payment_id",
        "operation.provider.auth_code",
        "general.signature",
    ];
    let mut marks = 0;
    for (path, json) in all_samples() {
        let document = Document::parse(&json, Limits::default()).unwrap();
        let mut literals = Vec::new();
        for path in personal {
            let found = path.split('.').try_fold(document.root(), Value::get);
            if let Some(value) = found {
                scalars(value, &mut literals);
            }
        }
        let source = std::str::from_utf8(&json).unwrap();
        let start = |literal: &str| literal.as_ptr() as usize - source.as_ptr() as usize;
        let mut marked = source.to_owned();
        literals.sort_by_key(|literal| std::cmp::Reverse(start(literal)));
        for literal in &literals {
            let place = start(literal);
            marked.replace_range(place..place + literal.len(), MARK);
        }
        marks += literals.len();

        let model = read(&path, marked.as_bytes()).unwrap();
        for printed in [format!("{model:?}"), format!("{model:#?}")] {
            assert!(!printed.contains("mark-7c1e"), "{}: {printed}", path.display());
        }
    }
    assert!(marks > 100, "{marks}");
}

#[test]
fn the_people_of_the_samples_do_not_appear_in_print() {
    let mut printed = String::new();
    for (path, json) in all_samples() {
        write!(printed, "{:?}", read(&path, &json).unwrap()).unwrap();
    }
    for personal in [
        "24954373",
        "94082236",
        "93017949",
        "00004598",
        "customer1",
        "customer_123",
        "play7",
        "1234567890",
        "0000000000009999",
        "76575657657676",
        "Mary",
        "Smith",
        "John Doe",
        "smith@example.com",
        "66.249.79.102",
        "248.121.176.220",
        "192.0.2.0",
        "1.1.1.1",
        "118069",
        "15781000001162",
        "eyJhbGciOiJIUzUxMiJ9",
        "3573001",
    ] {
        let in_samples = all_samples()
            .iter()
            .any(|(_, json)| std::str::from_utf8(json).unwrap().contains(personal));
        assert!(in_samples && !printed.contains(personal), "{personal}");
    }
}
