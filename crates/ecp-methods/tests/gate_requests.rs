//! The Gate requests that the platform's method pages print, made here.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write;

use ecp_core::{PaymentId, ProjectId};
use ecp_methods::request::{
    Account, Customer, FlowRequest, PayoutRequest, RefundRequest, ReturnUrls, SaleRequest,
};
use ecp_methods::{EcoVoucher, Jeton, Supports, TouchNGo, WalletPartner, prepare};
use serde_json::Value;

/// A sample without its signature, which the documents shorten.
fn sample(name: &str) -> Value {
    let samples = concat!(env!("CARGO_MANIFEST_DIR"), "/../ecp-core/tests/samples/gate");
    let json = std::fs::read(format!("{samples}/{name}.json")).unwrap();
    let mut sample: Value = serde_json::from_slice(&json).unwrap();
    assert!(sample["general"].as_object_mut().unwrap().remove("signature").is_some());
    sample
}

/// Address and body of a request to the project that the sample names.
fn request<M, R>(method: &M, request: R, sample: &Value) -> (String, Vec<u8>)
where
    M: Supports<R::Flow>,
    R: FlowRequest,
{
    let project = ProjectId::new(sample["general"]["project_id"].as_u64().unwrap()).unwrap();
    let prepared = prepare(method, request).unwrap();
    (prepared.endpoint(), prepared.body(project))
}

/// Makes the request that a sample shows.
type Make<'m> = &'m dyn Fn(&Value) -> (String, Vec<u8>);

fn id(text: &str) -> PaymentId {
    text.parse().unwrap()
}

fn sale(payment: &str, amount: &str) -> SaleRequest {
    SaleRequest::new(id(payment), amount.parse().unwrap())
}

fn payout(payment: &str, amount: &str) -> PayoutRequest {
    PayoutRequest::new(id(payment), amount.parse().unwrap())
}

#[test]
fn every_documented_request_is_made_as_it_is_printed() {
    let both = || ReturnUrls::new().success("http://return.url").decline("http://return.url");
    let success = || ReturnUrls::new().success("http://example.com/success");
    let table: [(&str, Make<'_>); 7] = [
        ("eco-voucher-sale", &|sample| {
            let sale = sale("payment_123", "0.00 EUR")
                .customer(Customer::new().id("play7").ip_address("66.249.79.102"))
                .return_urls(both());
            request(&EcoVoucher, sale, sample)
        }),
        ("jeton-payout", &|sample| {
            let payout = payout("63bc5d64b5a869cb5bf2", "300.00 EUR")
                .customer(Customer::new().ip_address("248.121.176.220"))
                .account(Account::new().number("93017949"));
            request(&Jeton, payout, sample)
        }),
        ("jeton-sale", &|sample| {
            let sale = sale("payment_id", "100.00 EUR")
                .customer(Customer::new().id("123").ip_address("248.121.176.220"))
                .return_urls(both());
            request(&Jeton, sale, sample)
        }),
        ("touchngo-payout", &|sample| {
            let payout = payout("test_payment", "500.00 MYR")
                .customer(Customer::new().id("customer123").ip_address("192.0.2.0"))
                .account(Account::new().number("00004598"));
            request(&TouchNGo, payout, sample)
        }),
        ("touchngo-sale", &|sample| {
            let sale = sale("test_payment", "500.00 MYR")
                .customer(Customer::new().id("customer123").ip_address("192.0.2.0"))
                .return_urls(success());
            request(&TouchNGo, sale, sample)
        }),
        ("wallet-partner-refund", &|sample| {
            let refund = RefundRequest::full(id("ECT_TEST_1572258898441234343232"))
                .with_merchant_refund_id("TEST_554862")
                .description("test_refund");
            request(&WalletPartner, refund, sample)
        }),
        ("wallet-partner-sale", &|sample| {
            let customer = Customer::new()
                .id("customer123")
                .ip_address("1.1.1.1")
                .first_name("Mary")
                .last_name("Smith")
                .phone("76575657657676")
                .email("smith@example.com");
            let sale =
                sale("TEST_15392667771145", "5.01 INR").customer(customer).return_urls(success());
            request(&WalletPartner, sale, sample)
        }),
    ];
    let mut wire = String::new();
    for (name, make) in table {
        let sample = sample(name);
        let (endpoint, body) = make(&sample);
        writeln!(wire, "POST {endpoint}\n{}\n", str::from_utf8(&body).unwrap()).unwrap();

        let mut body: Value = serde_json::from_slice(&body).unwrap();
        if name == "wallet-partner-refund" {
            // The one thing that is added to what the documents print.
            let payment = body["payment"].as_object_mut().unwrap();
            assert_eq!(payment.remove("merchant_refund_id"), Some("TEST_554862".into()));
        }
        assert_eq!(body, sample, "{name}");
    }
    insta::assert_snapshot!(wire, @r#"
    POST /v2/payment/voucher/eco-voucher/sale
    {"customer":{"id":"play7","ip_address":"66.249.79.102"},"general":{"payment_id":"payment_123","project_id":417},"payment":{"amount":0,"currency":"EUR"},"return_url":{"decline":"http://return.url","success":"http://return.url"}}

    POST /v2/payment/wallet/jeton/payout
    {"account":{"number":"93017949"},"customer":{"ip_address":"248.121.176.220"},"general":{"payment_id":"63bc5d64b5a869cb5bf2","project_id":239},"payment":{"amount":30000,"currency":"EUR"}}

    POST /v2/payment/wallet/jeton/sale
    {"customer":{"id":"123","ip_address":"248.121.176.220"},"general":{"payment_id":"payment_id","project_id":1236},"payment":{"amount":10000,"currency":"EUR"},"return_url":{"decline":"http://return.url","success":"http://return.url"}}

    POST /v2/payment/wallet/touchngo/payout
    {"account":{"number":"00004598"},"customer":{"id":"customer123","ip_address":"192.0.2.0"},"general":{"payment_id":"test_payment","project_id":210},"payment":{"amount":50000,"currency":"MYR"}}

    POST /v2/payment/wallet/touchngo/sale
    {"customer":{"id":"customer123","ip_address":"192.0.2.0"},"general":{"payment_id":"test_payment","project_id":210},"payment":{"amount":50000,"currency":"MYR"},"return_url":{"success":"http://example.com/success"}}

    POST /v2/payment/wallet-partner/refund
    {"general":{"payment_id":"ECT_TEST_1572258898441234343232","project_id":101},"payment":{"description":"test_refund","merchant_refund_id":"TEST_554862"}}

    POST /v2/payment/wallet-partner/sale
    {"customer":{"email":"smith@example.com","first_name":"Mary","id":"customer123","ip_address":"1.1.1.1","last_name":"Smith","phone":"76575657657676"},"general":{"payment_id":"TEST_15392667771145","project_id":101},"payment":{"amount":501,"currency":"INR"},"return_url":{"success":"http://example.com/success"}}
    "#);
}
