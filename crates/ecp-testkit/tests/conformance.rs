//! Every built-in method conforms. A new one is tested as soon as it is in the registry.

use ecp_methods::Registry;
use ecp_testkit::conformance;

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
