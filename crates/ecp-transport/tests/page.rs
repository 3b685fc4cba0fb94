//! What a browser gets of the Payment Page.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ecp_core::signature::{self, Rules, SigningKey};
use ecp_core::{PaymentId, ProjectId, SecretKey};
use ecp_methods::page::{PageOptions, prepare_page, prepare_page_dyn};
use ecp_methods::request::{Customer, ReturnUrls, SaleRequest};
use ecp_methods::{DynMethod, EcoVoucher, Jeton, Rejection, TouchNGo, WalletPartner};
use ecp_transport::{PAYMENT_PAGE_URL, PaymentPage, SignedPage};
use serde_json::Value;

fn secret() -> SecretKey {
    SecretKey::new("secret").unwrap()
}

fn page() -> PaymentPage {
    PaymentPage::new(ProjectId::new(1236).unwrap(), &secret())
}

fn sale() -> SaleRequest {
    SaleRequest::new(PaymentId::new("X03936").unwrap(), "100.00 EUR".parse().unwrap())
        .customer(Customer::new().id("customer1"))
}

fn sign(
    sale: &SaleRequest,
    options: PageOptions,
) -> Result<SignedPage, Box<dyn std::error::Error>> {
    Ok(page().sign(&prepare_page(&Jeton, sale, options)?)?)
}

fn query(url: &str) -> &str {
    url.strip_prefix("https://paymentpage.ecommpay.com/payment?").unwrap()
}

/// Names and values of a query as a server reads them.
fn decoded(query: &str) -> BTreeMap<String, String> {
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

fn names(page: &SignedPage) -> BTreeSet<String> {
    decoded(query(&page.url())).into_keys().collect()
}

fn signature_of(page: &SignedPage) -> String {
    decoded(query(&page.url())).remove("signature").unwrap()
}

fn config(page: &SignedPage) -> Value {
    serde_json::from_str(&page.widget_config()).unwrap()
}

#[test]
fn the_url_decodes_to_parameters_that_verify() {
    let sale = sale()
        .description("B&W = 50% + a/b? #1 \"ж\" 日本 😀")
        .return_urls(ReturnUrls::new().success("https://shop.example/ok?order=1&x=%2B"));
    let options = PageOptions::new()
        .close_on_missclick(true)
        .redirect(false)
        .terminal_id(-1)
        .best_before("2200-12-12T12:12:12+03:00");
    let url = sign(&sale, options).unwrap().url();

    // Every `+` is a space and every `%` begins a code: nothing is left for a reader to guess.
    insta::assert_snapshot!(url, @"https://paymentpage.ecommpay.com/payment?best_before=2200-12-12T12%3A12%3A12%2B03%3A00&close_on_missclick=1&customer_id=customer1&force_payment_method=jetonWalletV3&payment_amount=10000&payment_currency=EUR&payment_description=B%26W+%3D+50%25+%2B+a%2Fb%3F+%231+%22%D0%B6%22+%E6%97%A5%E6%9C%AC+%F0%9F%98%80&payment_id=X03936&project_id=1236&redirect=0&redirect_success_url=https%3A%2F%2Fshop.example%2Fok%3Forder%3D1%26x%3D%252B&terminal_id=-1&signature=TPicXyknlZ3FBTJ89tP3llLOppG%2FAa9FNqWyi64C9K%2BORGGyd4vj4mhD5bUUAPH%2B1blzgakKcOiVA9h8jfcnZA%3D%3D");
    let json = serde_json::to_vec(&decoded(query(&url))).unwrap();
    let found = signature::verify(&[SigningKey::new(&secret())], &json).unwrap();
    assert_eq!(found.order, signature::Order::Natural);
}

#[test]
fn a_signature_comes_last_and_is_encoded() {
    // Every signature ends in `==`; one in a few dozen payments has all three characters.
    let mut seen = BTreeSet::new();
    for number in 0..64 {
        let id = PaymentId::new(format!("X{number}")).unwrap();
        let sale = SaleRequest::new(id, "1.00 EUR".parse().unwrap())
            .customer(Customer::new().id("customer1"));
        let signed = sign(&sale, PageOptions::new()).unwrap();
        let signature = signature_of(&signed);
        seen.extend(signature.chars().filter(|character| "+/=".contains(*character)));

        let url = signed.url();
        let (_, last) = url.rsplit_once('&').unwrap();
        let encoded = signature.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
        assert_eq!(last, format!("signature={encoded}"));
    }
    assert_eq!(String::from_iter(seen), "+/=");
}

/// The example of the platform's article on signatures (sources: signature, D1).
#[test]
fn the_documented_example_gets_the_documented_signature() {
    let sale = SaleRequest::new("X03936".parse().unwrap(), "20.35 USD".parse().unwrap())
        .customer(
            Customer::new()
                .id("user007")
                .first_name("Jack")
                .last_name("Sparrow")
                .phone("02081234567"),
        )
        .description("Guyliner purchase");
    let options = PageOptions::new().let_customer_choose().close_on_missclick(true);
    let prepared = prepare_page(&Jeton, &sale, options).unwrap();
    let page = PaymentPage::new(ProjectId::new(12345).unwrap(), &secret());
    assert_eq!(
        page.sign(&prepared).unwrap().url(),
        "https://paymentpage.ecommpay.com/payment?close_on_missclick=1&customer_first_name=Jack\
         &customer_id=user007&customer_last_name=Sparrow&customer_phone=02081234567\
         &payment_amount=2035&payment_currency=USD&payment_description=Guyliner+purchase\
         &payment_id=X03936&project_id=12345\
         &signature=SyA3cx%2FdmFrwjRcpbnwEK9zaklWKR9buIfTctQob%2FEHUTutFLpI0zWpSDFEWEwbZt%2F04i83\
         395RCdEhtUMw83A%3D%3D"
    );
}

/// The URL in the tests of the official PHP SDK (sources: signature). It has neither an amount nor
/// a customer, so a page here cannot be the same; what both have must look the same.
#[test]
fn parameters_are_encoded_as_the_official_php_sdk_does() {
    let vector = "project_id=100&interface_type=%7B%22id%22%3A23%7D&payment_id=test+payment+id\
                  &payment_description=B%26W&signature=97JFQpAyJ4HPfGVedJh0M1MqQDOFt%2FMCbdh8VrsT7\
                  DdRyTBDAF2mvUOsDANx1ZPfbvZg0%2BVUbF43xJnq0jEeLA%3D%3D";
    let parameters = decoded(vector);
    let json = serde_json::to_vec(&parameters).unwrap();
    let signature = signature::sign(&SigningKey::new(&secret()), &json, Rules::public()).unwrap();
    assert_eq!(signature.to_string(), parameters["signature"]);

    let sale = SaleRequest::new("test payment id".parse().unwrap(), "1.00 EUR".parse().unwrap())
        .customer(Customer::new().id("customer1"))
        .description("B&W");
    let options = PageOptions::new().text("interface_type", r#"{"id":23}"#);
    let page = PaymentPage::new(ProjectId::new(100).unwrap(), &secret());
    let url = page.sign(&prepare_page(&Jeton, &sale, options).unwrap()).unwrap().url();
    let ours: Vec<&str> = query(&url).split('&').collect();
    let (theirs, _) = vector.split_once("&signature=").unwrap();
    for parameter in theirs.split('&') {
        assert!(ours.contains(&parameter), "{parameter} in {url}");
    }
}

#[test]
fn the_widget_gets_what_the_url_holds_with_the_same_signature() {
    let options = PageOptions::new().close_on_missclick(true).redirect(false).terminal_id(7);
    let signed = sign(&sale().description("Órder \"3936\" \\"), options).unwrap();
    insta::assert_snapshot!(signed.widget_config(), @r#"{"close_on_missclick":true,"customer_id":"customer1","force_payment_method":"jetonWalletV3","payment_amount":10000,"payment_currency":"EUR","payment_description":"Órder \"3936\" \\","payment_id":"X03936","project_id":1236,"redirect":false,"terminal_id":7,"signature":"iNtTXAFEh/XLuHmxBGmQLn2ESt+JVkcN8woFb1ofmF18xPdpV4TcgPektca/Ysa2j8bXpn0qwQ4oF1SyTcrH+w=="}"#);

    let Value::Object(config) = config(&signed) else { panic!("no object") };
    let as_url = |value: Value| match value {
        Value::Bool(flag) => u8::from(flag).to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text,
        other => panic!("no parameter: {other}"),
    };
    let config: BTreeMap<_, _> =
        config.into_iter().map(|(name, value)| (name, as_url(value))).collect();
    assert_eq!(config, decoded(query(&signed.url())));
    let verified =
        signature::verify(&[SigningKey::new(&secret())], signed.widget_config().as_bytes());
    assert_eq!(verified.unwrap().order, signature::Order::Natural);
}

#[test]
fn nothing_in_a_parameter_ends_the_script() {
    let table = [
        "</script><script>alert(1)</script>",
        "<!--<script>",
        "--> ]]> &amp",
        "a\u{2028}b\u{2029}c",
        "\\u003c \\\" '",
        "😀 \u{fffd}",
    ];
    for text in table {
        let options = PageOptions::new().target_element(text);
        let signed = sign(&sale().description(text), options).unwrap();
        let config = signed.widget_config();
        assert!(!config.contains(['<', '>', '&', '\u{2028}', '\u{2029}']), "{config}");

        let read: Value = serde_json::from_str(&config).unwrap();
        assert_eq!(
            (&read["payment_description"], &read["target_element"]),
            (&Value::from(text), &Value::from(text))
        );
        let key = SigningKey::new(&secret());
        assert!(signature::verify(&[key], config.as_bytes()).is_ok(), "{config}");
        for html in [signed.html(), signed.embedded_html()] {
            assert!(html.contains(&config), "{html}");
            assert_eq!(html.matches("<script").count(), 2, "{html}");
            assert_eq!(html.matches("</script").count(), 2, "{html}");
            assert!(!html.contains("<!--"), "{html}");
        }
    }
}

#[test]
fn the_snippets_load_the_widget_from_the_page() {
    insta::assert_snapshot!(sign(&sale(), PageOptions::new()).unwrap().html(), @r#"
    <link rel="stylesheet" href="https://paymentpage.ecommpay.com/shared/merchant.css">
    <script src="https://paymentpage.ecommpay.com/shared/merchant.js"></script>
    <script>EPayWidget.run({"customer_id":"customer1","force_payment_method":"jetonWalletV3","payment_amount":10000,"payment_currency":"EUR","payment_id":"X03936","project_id":1236,"signature":"yHt0yqO9y04tQzphysZGwRDXrbaxzx+LvI+UyUzacEZZ8GmqQZCdUbtszkyO2aTQ4j40G7fqh89Bz/h67lZMvw=="});</script>
    "#);

    let options = PageOptions::new().frame_mode("embedded").target_element("checkout");
    let prepared = prepare_page(&Jeton, &sale(), options).unwrap();
    let own = page().base_url("https://pay.shop.example:8443/").unwrap();
    insta::assert_snapshot!(own.sign(&prepared).unwrap().embedded_html(), @r#"
    <link rel="stylesheet" href="https://pay.shop.example:8443/shared/merchant.css">
    <script src="https://pay.shop.example:8443/shared/merchant.js"></script>
    <script>EPayWidget.runEmbedded({"customer_id":"customer1","force_payment_method":"jetonWalletV3","frame_mode":"embedded","payment_amount":10000,"payment_currency":"EUR","payment_id":"X03936","project_id":1236,"target_element":"checkout","signature":"2gR0PXcQEAFZNZnW8n4ziPt1HzHGq+xK6/khrr4D8TS3uh4FMyV5QPG1iI5Yk9oJzT6rQjfze6wnmreBnFK0VQ==","baseUrl":"https://pay.shop.example:8443"});</script>
    "#);
}

#[test]
fn the_page_can_stand_elsewhere() {
    let prepared = prepare_page(&Jeton, &sale(), PageOptions::new()).unwrap();
    let platform = page().sign(&prepared).unwrap().url();
    let table = [
        (PAYMENT_PAGE_URL, "https://paymentpage.ecommpay.com/payment?"),
        ("https://pay.shop.example/", "https://pay.shop.example/payment?"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/payment?"),
        ("http://[::1]:8080", "http://[::1]:8080/payment?"),
    ];
    for (address, expected) in table {
        let url = page().base_url(address).unwrap().sign(&prepared).unwrap().url();
        assert_eq!(url.strip_prefix(expected).unwrap(), query(&platform), "{address}");
    }
    for address in ["http://pay.shop.example", "https://pay.shop.example/payment", "pay.example"] {
        assert!(page().base_url(address).is_err(), "{address}");
    }
}

#[test]
fn a_semicolon_is_refused_wherever_it_stands() {
    let options = PageOptions::new;
    let customer = |customer: Customer| sale().customer(customer);
    let urls = |urls: ReturnUrls| sale().return_urls(urls);
    let table = [
        ("customer_address", customer(Customer::new().address("a;b")), options()),
        ("customer_city", customer(Customer::new().city(";")), options()),
        ("customer_email", customer(Customer::new().email("a;b@example.com")), options()),
        ("customer_first_name", customer(Customer::new().first_name("a;")), options()),
        ("customer_id", customer(Customer::new().id("a;b")), options()),
        ("customer_last_name", customer(Customer::new().last_name(";b")), options()),
        ("customer_state", customer(Customer::new().state("a;b")), options()),
        ("customer_zip", customer(Customer::new().zip("a;b")), options()),
        ("merchant_callback_url", sale().callback_url("https://shop.example/?a;b"), options()),
        ("payment_description", sale().description("a;payment_amount:1"), options()),
        ("redirect_fail_url", urls(ReturnUrls::new().decline("https://a.example/;")), options()),
        ("redirect_return_url", urls(ReturnUrls::new().neutral("https://a.example/;")), options()),
        ("redirect_success_url", urls(ReturnUrls::new().success("https://a.example/;")), options()),
        ("language_code", sale(), options().language_code("en;")),
        ("additional_data", sale(), options().additional_data("a;b")),
        ("a;b", sale(), options().text("a;b", "x")),
        ("a;b", sale(), options().flag("a;b", true)),
        ("a;b", sale(), options().integer("a;b", 1)),
    ];
    for (name, sale, options) in table {
        let error = sign(&sale, options).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("jeton sale: `{name}` holds `;`, which the Payment Page forbids")
        );
        assert!(error.is::<Rejection>(), "{error:?}");
    }
    let payment = PaymentId::new("a;b").unwrap();
    let sale = SaleRequest::new(payment, "1.00 EUR".parse().unwrap())
        .customer(Customer::new().id("customer1"));
    let error = sign(&sale, options()).unwrap_err();
    assert!(error.to_string().contains("`payment_id`"), "{error}");
}

#[test]
fn encoded_parameters_may_hold_anything() {
    let json = r#"{"positions":[{"description":"a;b","quantity":1}]}"#;
    let signed = sign(&sale(), PageOptions::new().receipt_data(json)).unwrap();
    let sent = config(&signed)["receipt_data"].as_str().unwrap().to_owned();
    assert_eq!(STANDARD.decode(sent).unwrap(), json.as_bytes());
}

#[test]
fn frame_mode_is_sent_and_not_covered_by_the_signature() {
    let plain = sign(&sale(), PageOptions::new()).unwrap();
    for mode in ["popup", "iframe", "embedded"] {
        let signed = sign(&sale(), PageOptions::new().frame_mode(mode)).unwrap();
        assert_eq!(decoded(query(&signed.url()))["frame_mode"], mode);
        assert_eq!(config(&signed)["frame_mode"], mode);
        assert_eq!(signature_of(&signed), signature_of(&plain));
    }
    let signed = sign(&sale(), PageOptions::new().css_modal_wrap("popup")).unwrap();
    assert_ne!(signature_of(&signed), signature_of(&plain));
}

#[test]
fn a_voucher_sale_leaves_the_amount_to_the_customer() {
    let sale = |amount: &str| {
        SaleRequest::new("X03936".parse().unwrap(), amount.parse().unwrap())
            .customer(Customer::new().id("12"))
    };
    let prepared = prepare_page(&EcoVoucher, &sale("0.00 EUR"), PageOptions::new()).unwrap();
    let signed = page().sign(&prepared).unwrap();
    assert_eq!(config(&signed)["payment_amount"], 0);
    assert_eq!(decoded(query(&signed.url()))["payment_amount"], "0");

    let error = sign(&sale("0.00 EUR"), PageOptions::new()).unwrap_err();
    assert_eq!(error.to_string(), "jeton sale: `payment.amount`: 0.00 EUR is not positive");
}

#[test]
fn the_documented_widget_calls_are_reproduced() {
    let table: [(&str, &dyn DynMethod, &str, &str, &str); 4] = [
        ("eco-voucher-open", &EcoVoucher, "X03936", "0.00 EUR", "12"),
        ("jeton-open", &Jeton, "X03936", "100.00 EUR", "customer1"),
        ("touchngo-open", &TouchNGo, "580", "500.00 MYR", "customer1"),
        ("wallet-partner-open", &WalletPartner, "X03936", "10.00 INR", "customer1"),
    ];
    for (name, method, payment, amount, customer) in table {
        let samples = concat!(env!("CARGO_MANIFEST_DIR"), "/../ecp-core/tests/samples/page");
        let sample = std::fs::read(format!("{samples}/{name}.json")).unwrap();
        let mut sample: Value = serde_json::from_slice(&sample).unwrap();
        // The documents shorten signatures.
        sample.as_object_mut().unwrap().remove("signature").unwrap();

        let sale = SaleRequest::new(payment.parse().unwrap(), amount.parse().unwrap())
            .customer(Customer::new().id(customer));
        let prepared = prepare_page_dyn(method, &sale, PageOptions::new().let_customer_choose());
        let project = ProjectId::new(sample["project_id"].as_u64().unwrap()).unwrap();
        let signed = PaymentPage::new(project, &secret()).sign(&prepared.unwrap()).unwrap();
        let mut config = config(&signed);
        config.as_object_mut().unwrap().remove("signature").unwrap();
        assert_eq!(config, sample, "{name}");
    }
}

#[test]
fn nothing_personal_or_secret_is_printed() {
    const PERSONAL: [&str; 4] =
        ["sentinel-id", "sentinel-name", "sentinel-text", "sentinel.example"];
    let sale = SaleRequest::new("X03936".parse().unwrap(), "1.00 EUR".parse().unwrap())
        .customer(Customer::new().id(PERSONAL[0]).first_name(PERSONAL[1]))
        .description(PERSONAL[2])
        .return_urls(ReturnUrls::new().success(format!("https://{}/", PERSONAL[3])));
    let options = PageOptions::new()
        .account_token(PERSONAL[2])
        .billing_address(PERSONAL[2])
        .receipt_data(PERSONAL[2])
        .text("x", PERSONAL[2])
        .method_code("jetonWalletV3");
    let key = SecretKey::new("sentinel-key").unwrap();
    let page = PaymentPage::new(ProjectId::new(1236).unwrap(), &key);
    let prepared = prepare_page(&Jeton, &sale, options.clone()).unwrap();
    let signed = page.sign(&prepared).unwrap();

    let mut printed = String::new();
    for print in [
        format!("{page:?} {page:#?}"),
        format!("{prepared:?} {prepared:#?}"),
        format!("{options:?} {options:#?} {sale:?}"),
        format!("{signed:?} {signed:#?}"),
        format!("{:?}", prepared.parameters(ProjectId::new(1236).unwrap())),
    ] {
        printed.push_str(&print);
    }
    let error = prepare_page(&Jeton, &sale, options.hide("sentinel-text;")).unwrap_err();
    write!(printed, "{error} {error:?} {error:#?}").unwrap();

    let encoded = STANDARD.encode(PERSONAL[2]);
    let hidden = [PERSONAL.as_slice(), &["sentinel-key", &encoded, &signature_of(&signed)]];
    for secret in hidden.into_iter().flatten() {
        assert!(!printed.contains(secret), "{secret} in {printed}");
    }
    insta::assert_snapshot!(format!("{signed:?}"), @r#"SignedPage["account_token", "billing_address", "customer_first_name", "customer_id", "force_payment_method", "payment_amount", "payment_currency", "payment_description", "payment_id", "project_id", "receipt_data", "redirect_success_url", "x", "signature"]"#);
}

/// Every parameter that the documents name (sources: Payment Page).
const DOCUMENTED: &str = "
    project_id payment_id payment_amount payment_currency customer_id signature
    payment_description payment_extra_param mode operation_type best_before
    force_payment_method force_payment_group force_payment_method_subtype hide list_payment_block
    language_code region_code terminal_id account_token recurring_register recurring
    close_on_missclick force_acs_new_window redirect redirect_on_mobile
    css_modal_wrap target_element frame_mode baseurl merchant_callback_url
    merchant_success_url merchant_success_enabled merchant_success_redirect_mode
    merchant_fail_url merchant_fail_enabled merchant_fail_redirect_mode
    merchant_return_url merchant_return_enabled merchant_return_redirect_mode
    redirect_success_url redirect_success_mode redirect_success_enabled
    redirect_fail_url redirect_fail_mode redirect_fail_enabled
    redirect_tokenize_url redirect_tokenize_mode redirect_tokenize_enabled
    redirect_return_url redirect_return_mode redirect_return_enabled
    customer_first_name customer_last_name customer_email customer_country customer_state
    customer_city customer_address customer_zip customer_phone customer_day_of_birth customer_ssn
    billing_address billing_city billing_region billing_region_code billing_country billing_postal
    avs_post_code avs_street_address receipt_data booking_info addendum_data cash_voucher_data
    payment_methods_options additional_data cashier_predefined_amounts cashier_min_value
    cashier_max_value cashier_default_mode cashier_force_mode cashier_manual_input interface_type
    merchant_domain
";

/// Those that have no setter: they can be set by name, and two of them to one value only, because
/// what was checked is a sale.
const BY_NAME: [(&str, &str); 3] =
    [("baseurl", "t"), ("mode", "purchase"), ("operation_type", "sale")];

/// Names a setter, the parameter that it should send, and the value on the wire.
macro_rules! setters {
    ($($setter:ident($value:expr) => $name:literal = $sent:expr;)*) => {
        [$((
            $name,
            (|options: PageOptions| options.$setter($value)) as fn(PageOptions) -> PageOptions,
            Value::from($sent),
        )),*]
    };
}

#[test]
fn every_setter_sends_its_documented_parameter() {
    let table = setters! {
        account_token("t") => "account_token" = "t";
        addendum_data("{}") => "addendum_data" = "e30=";
        additional_data("t") => "additional_data" = "t";
        best_before("2030-01-02T03:04:05+00:00") => "best_before" = "2030-01-02T03:04:05+00:00";
        billing_address("t") => "billing_address" = "t";
        billing_city("t") => "billing_city" = "t";
        billing_country("LV") => "billing_country" = "LV";
        billing_postal("t") => "billing_postal" = "t";
        billing_region("t") => "billing_region" = "t";
        billing_region_code("t") => "billing_region_code" = "t";
        booking_info("{}") => "booking_info" = "e30=";
        cash_voucher_data("{}") => "cash_voucher_data" = "e30=";
        cashier_default_mode("t") => "cashier_default_mode" = "t";
        cashier_force_mode("t") => "cashier_force_mode" = "t";
        cashier_manual_input(true) => "cashier_manual_input" = true;
        cashier_max_value(9) => "cashier_max_value" = 9;
        cashier_min_value(1) => "cashier_min_value" = 1;
        cashier_predefined_amounts("1,2") => "cashier_predefined_amounts" = "1,2";
        close_on_missclick(false) => "close_on_missclick" = false;
        css_modal_wrap("t") => "css_modal_wrap" = "t";
        customer_ssn(1234) => "customer_ssn" = 1234;
        force_acs_new_window(true) => "force_acs_new_window" = true;
        force_payment_group("openbanking") => "force_payment_group" = "openbanking";
        force_payment_method_subtype("visa") => "force_payment_method_subtype" = "visa";
        frame_mode("popup") => "frame_mode" = "popup";
        hide("card") => "hide" = "card";
        interface_type("{}") => "interface_type" = "{}";
        language_code("en") => "language_code" = "en";
        list_payment_block("t") => "list_payment_block" = "t";
        merchant_domain("t") => "merchant_domain" = "t";
        merchant_fail_enabled(2) => "merchant_fail_enabled" = 2;
        merchant_fail_redirect_mode("t") => "merchant_fail_redirect_mode" = "t";
        merchant_fail_url("https://t.example") => "merchant_fail_url" = "https://t.example";
        merchant_return_enabled(1) => "merchant_return_enabled" = 1;
        merchant_return_redirect_mode("t") => "merchant_return_redirect_mode" = "t";
        merchant_return_url("https://t.example") => "merchant_return_url" = "https://t.example";
        merchant_success_enabled(0) => "merchant_success_enabled" = 0;
        merchant_success_redirect_mode("t") => "merchant_success_redirect_mode" = "t";
        merchant_success_url("https://t.example") => "merchant_success_url" = "https://t.example";
        method_code("jetonWalletV3") => "force_payment_method" = "jetonWalletV3";
        payment_extra_param("t") => "payment_extra_param" = "t";
        payment_methods_options("{}") => "payment_methods_options" = "{}";
        receipt_data("{}") => "receipt_data" = "e30=";
        recurring("{}") => "recurring" = "{}";
        recurring_register(true) => "recurring_register" = true;
        redirect(true) => "redirect" = true;
        redirect_fail_enabled(2) => "redirect_fail_enabled" = 2;
        redirect_fail_mode("iframe") => "redirect_fail_mode" = "iframe";
        redirect_on_mobile(true) => "redirect_on_mobile" = true;
        redirect_return_enabled(2) => "redirect_return_enabled" = 2;
        redirect_return_mode("t") => "redirect_return_mode" = "t";
        redirect_success_enabled(2) => "redirect_success_enabled" = 2;
        redirect_success_mode("t") => "redirect_success_mode" = "t";
        redirect_tokenize_enabled(2) => "redirect_tokenize_enabled" = 2;
        redirect_tokenize_mode("t") => "redirect_tokenize_mode" = "t";
        redirect_tokenize_url("https://t.example") => "redirect_tokenize_url" = "https://t.example";
        region_code("MY") => "region_code" = "MY";
        target_element("t") => "target_element" = "t";
        terminal_id(7) => "terminal_id" = 7;
    };
    let bare = sign(&sale(), PageOptions::new().let_customer_choose()).unwrap();
    for (name, set, sent) in &table {
        let signed = sign(&sale(), set(PageOptions::new().let_customer_choose())).unwrap();
        assert_eq!(&config(&signed)[*name], sent, "{name}");
        let added = names(&signed).difference(&names(&bare)).cloned().collect::<Vec<_>>();
        assert_eq!(added, [*name]);
    }

    // What a sale says, and address verification, whose two parameters go together.
    let sale = sale()
        .customer(
            Customer::new()
                .address("t")
                .city("t")
                .country("LV")
                .day_of_birth("31-12-1999")
                .email("smith@example.com")
                .first_name("t")
                .ip_address("192.0.2.1")
                .last_name("t")
                .phone("02081234567")
                .state("t")
                .zip("t"),
        )
        .description("t")
        .callback_url("https://shop.example/callback")
        .return_urls(
            ReturnUrls::new()
                .success("https://shop.example/success")
                .decline("https://shop.example/decline")
                .neutral("https://shop.example/back"),
        );
    let avs = PageOptions::new().avs_post_code("LV-1001").avs_street_address("t");
    let by_name = BY_NAME.into_iter().fold(avs, |options, (name, value)| options.text(name, value));
    // Everything at once can be signed: no two names are sorted differently by official SDKs.
    let all = table.iter().fold(by_name, |options, (_, set, _)| set(options));
    let documented: BTreeSet<String> = DOCUMENTED.split_whitespace().map(str::to_owned).collect();
    assert_eq!(names(&sign(&sale, all).unwrap()), documented);
}

#[test]
fn a_page_does_what_was_checked_and_leads_where_it_may() {
    let options = PageOptions::new;
    let table = [
        (
            options().text("mode", "payout"),
            "`mode` must be `purchase`, because this page takes a sale",
        ),
        (options().text("mode", "card_verify"), "`mode` must be `purchase`"),
        (options().text("operation_type", "auth"), "`operation_type` must be `sale`"),
        (options().text("card_operation_type", "auth"), "`card_operation_type` must be `sale`"),
        (
            options().merchant_success_url("javascript:alert(1)"),
            "`merchant_success_url` must be an http or https address",
        ),
        (options().redirect_tokenize_url("//x"), "`redirect_tokenize_url` must be an http"),
        (options().merchant_fail_enabled(99), "`merchant_fail_enabled` must be 0, 1 or 2"),
    ];
    for (options, message) in table {
        match prepare_page(&Jeton, &sale(), options) {
            Err(rejection) => assert!(rejection.to_string().contains(message), "{rejection}"),
            Ok(_) => panic!("{message}"),
        }
    }
}

#[test]
fn support_may_know_another_code() {
    let signed = sign(&sale(), PageOptions::new().method_code_from_support("jetonOld")).unwrap();
    assert_eq!(config(&signed)["force_payment_method"], "jetonOld");
}
