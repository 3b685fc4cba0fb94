//! Every built-in method conforms. A new one is tested as soon as it is in the registry.

use ecp_core::model::PaymentStatus::{self, Decline, Refunded, Success};
use ecp_methods::{Operation, Registry};
use ecp_testkit::{Sample, conformance};

#[tokio::test]
async fn every_built_in_method_conforms() {
    let registry = Registry::builtin();
    let mut failed = Vec::new();
    let mut tried = 0;
    for method in registry.iter() {
        for case in conformance(method, &registry) {
            tried += 1;
            if let Err(failure) = case.run().await {
                failed.push(format!("{}: {failure}", case.name()));
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert!(tried > 100, "{tried} cases");
}

#[test]
fn the_cases_cover_what_the_specs_declare() {
    let registry = Registry::builtin();
    let names: Vec<String> = registry
        .iter()
        .flat_map(|method| conformance(method, &registry))
        .map(|case| case.name().to_owned())
        .collect();
    for expected in [
        "jeton names belong to it alone",
        "jeton refund: is refused, as it is not declared",
        "jeton sale: 0 JPY is refused",
        "jeton sale: 1 JPY is allowed",
        "jeton sale: 100000 JPY is allowed",
        "jeton sale: 100001 JPY is refused",
        "jeton sale: AED is refused",
        "jeton sale: without return_url.decline is refused",
        "jeton payout: goes end to end to a decline",
        "touchngo payout: 4.99 MYR is refused",
        "wallet-partner refund: a part is refused",
        "wallet-partner refund: goes end to end to a success",
        "eco-voucher sale: 0.00 EUR is allowed",
        "eco-voucher sale: goes end to end to a success",
        "eco-voucher payout: is refused, as it is not declared",
        "eco-voucher sale: is declined if the merchant refuses",
        "eco-voucher page sale: 0.00 EUR is allowed",
        "jeton Payment Page codes are there and belong to it alone",
        "jeton page sale: 0.99 EUR is refused",
        "jeton page sale: 1.00 EUR is allowed",
        "jeton page sale: 100000.00 EUR is allowed",
        "jeton page sale: 100000.01 EUR is refused",
        "jeton page sale: without customer.id is refused",
        "jeton page sale: opens with its first code",
    ] {
        assert!(names.iter().any(|name| name == expected), "no case: {expected}");
    }
    let mut unique = names.clone();
    unique.sort();
    unique.dedup();
    assert_eq!(unique.len(), names.len(), "two cases of one name");
}

/// The callbacks that the four documents print, and their meaning there.
const DOCUMENTED: &[(&str, &str, Operation, PaymentStatus, &str)] = &[
    ("eco-voucher", "sale-decline", Operation::SALE, Decline, "0.00 EUR"),
    ("eco-voucher", "sale-success", Operation::SALE, Success, "10.00 EUR"),
    ("jeton", "payout-decline", Operation::PAYOUT, Decline, "300.00 EUR"),
    ("jeton", "payout-success", Operation::PAYOUT, Success, "300.00 EUR"),
    ("jeton", "sale-decline", Operation::SALE, Decline, "500.00 EUR"),
    ("jeton", "sale-success", Operation::SALE, Success, "100.00 EUR"),
    ("touchngo", "payout-decline", Operation::PAYOUT, Decline, "500.00 MYR"),
    ("touchngo", "payout-success", Operation::PAYOUT, Success, "500.00 MYR"),
    ("touchngo", "sale-decline-gate", Operation::SALE, Decline, "500.00 MYR"),
    ("touchngo", "sale-decline-page", Operation::SALE, Decline, "500.00 MYR"),
    ("touchngo", "sale-success-gate", Operation::SALE, Success, "500.00 MYR"),
    ("touchngo", "sale-success-page", Operation::SALE, Success, "500.00 MYR"),
    ("wallet-partner", "refund-decline", Operation::REFUND, Success, "350.00 INR"),
    ("wallet-partner", "refund-success", Operation::REFUND, Refunded, "0.00 INR"),
    ("wallet-partner", "sale-decline", Operation::SALE, Decline, "1.00 INR"),
    ("wallet-partner", "sale-success", Operation::SALE, Success, "150.00 INR"),
];

fn printed(method: &str, name: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../ecp-core/tests/samples/callback");
    let path = format!("{folder}/{method}-{name}.json");
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn documented_callbacks_mean_what_the_documents_say() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../ecp-core/tests/samples/callback");
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), DOCUMENTED.len());
    let registry = Registry::builtin();
    for (method, name, flow, status, sum) in DOCUMENTED {
        let sum = sum.parse().unwrap();
        let sample = Sample::new(printed(method, name), *flow, status.clone(), sum);
        let checked = sample.check(registry.get(method).unwrap());
        checked.unwrap_or_else(|failure| panic!("{method} {name}: {failure}"));
    }
}

#[test]
fn a_sample_that_does_not_fit_the_spec_or_its_meaning_fails() {
    let registry = Registry::builtin();
    let text = printed("jeton", "sale-success");
    let table = [
        (
            "jeton",
            text.replace("JetonWallet", "jeton"),
            Operation::SALE,
            Success,
            "100.00 EUR",
            "`payment.method` is jeton",
        ),
        (
            "touchngo",
            text.clone(),
            Operation::SALE,
            Success,
            "100.00 EUR",
            "`payment.method` is JetonWallet",
        ),
        (
            "jeton",
            text.clone(),
            Operation::PAYOUT,
            Success,
            "100.00 EUR",
            "`payment.type` is purchase, expected payout",
        ),
        (
            "jeton",
            text.clone(),
            Operation::REFUND,
            Success,
            "100.00 EUR",
            "`operation.type` is sale",
        ),
        (
            "jeton",
            text.replace("\"sale\"", "\"refund\""),
            Operation::REFUND,
            Success,
            "100.00 EUR",
            "the spec does not have the operation refund",
        ),
        (
            "jeton",
            text.clone(),
            Operation::SALE,
            Decline,
            "100.00 EUR",
            "`payment.status` is success, expected decline",
        ),
        (
            "jeton",
            text.clone(),
            Operation::SALE,
            Success,
            "100.01 EUR",
            "`payment.sum` is 100.00 EUR, expected 100.01 EUR",
        ),
        (
            "jeton",
            text.replace("EUR", "MYR"),
            Operation::SALE,
            Success,
            "100.00 MYR",
            "does not have the currency MYR",
        ),
        (
            "jeton",
            text.replace("\"signature\"", "\"other\""),
            Operation::SALE,
            Success,
            "100.00 EUR",
            "`signature` is missing",
        ),
        (
            "jeton",
            text.replace("\"purchase\"", "7"),
            Operation::SALE,
            Success,
            "100.00 EUR",
            "`payment.type`",
        ),
        ("jeton", "{".to_owned(), Operation::SALE, Success, "100.00 EUR", "line 1"),
    ];
    for (method, text, flow, status, sum, expected) in table {
        let sample = Sample::new(text, flow, status, sum.parse().unwrap());
        let failure = sample.check(registry.get(method).unwrap()).unwrap_err().to_string();
        assert!(failure.contains(expected), "{failure}: {expected}");
    }
}
