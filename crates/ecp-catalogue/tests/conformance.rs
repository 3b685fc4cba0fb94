//! The conformance suite for each method: flows to both ends through the sandbox, limits, fields, names.

use ecp_methods::request::SaleRequest;
use ecp_methods::{DynMethod, Operation, Registry, RegistryError, prepare};
use ecp_testkit::{Conformance, conformance};

type Add = fn(Registry) -> Result<Registry, RegistryError>;

/// Runs the suite for the methods of a family, in a sandbox that has those of the documents too.
fn conforms(add: Add) {
    let family = add(Registry::empty()).unwrap();
    let registry = add(Registry::builtin()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut failed = Vec::new();
    for method in family.iter() {
        let method = registry.get(method.spec().code()).unwrap();
        for case in conformance(method, &registry) {
            if let Err(failure) = runtime.block_on(case.run()) {
                failed.push(format!("{}: {failure}", case.name()));
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn africa_and_the_middle_east_conform() {
    conforms(ecp_catalogue::africa_middle_east::all);
}

#[test]
fn europe_conforms() {
    conforms(ecp_catalogue::europe::all);
}

#[test]
fn latin_america_conforms() {
    conforms(ecp_catalogue::latin_america::all);
}

#[test]
fn south_asia_conforms() {
    conforms(ecp_catalogue::south_asia::all);
}

#[test]
fn southeast_asia_conforms() {
    conforms(ecp_catalogue::southeast_asia::all);
}

#[test]
fn the_worldwide_methods_conform() {
    conforms(ecp_catalogue::worldwide::all);
}

/// Forms that the pages of these methods ask for, in their own checks.
#[test]
fn values_of_another_form_than_a_page_asks_for_are_refused() {
    const PAYOUT: Operation = Operation::PAYOUT;
    const SALE: Operation = Operation::SALE;
    use ecp_methods::request::Field;

    let number = Field::ACCOUNT_NUMBER;
    let gcash = Conformance::of(ecp_catalogue::southeast_asia::GCash);
    gcash.refuses(PAYOUT, number, "9123456789").refuses(PAYOUT, number, "19123456789").assert();
    let grabpay = Conformance::of(ecp_catalogue::southeast_asia::GrabPay);
    grabpay.refuses(PAYOUT, number, "0912345678").assert();
    let bkash = Conformance::of(ecp_catalogue::south_asia::BKash);
    bkash.refuses(PAYOUT, number, "1234567890123").assert();
    let document = ecp_catalogue::fields::IDENTIFY_DOC_NUMBER;
    let oxxo = Conformance::of(ecp_catalogue::latin_america::Oxxo);
    oxxo.refuses(SALE, document, "123456789").refuses(SALE, document, "12345678AB").assert();

    let papara = ecp_catalogue::europe::Papara;
    let sale = SaleRequest::new("P-1".parse().unwrap(), "95.50 TRY".parse().unwrap());
    let needed = papara.spec().rule(SALE).unwrap().needed_fields();
    let sale = needed.iter().fold(sale, |sale, &field| sale.field(field, field.example()));
    let refused = prepare(&papara, sale).unwrap_err().to_string();
    assert_eq!(refused, "papara sale: `payment.amount` must be whole TRY, without a fraction");
}

#[test]
fn all_families_go_into_one_registry_with_the_methods_of_the_documents() {
    let registry = ecp_catalogue::all(Registry::builtin()).unwrap();
    let builtin = Registry::builtin().iter().count();
    assert_eq!(registry.iter().count() - builtin, 67);
    // What the copy of the documents does not have is not made up.
    let catalogue = registry.iter().map(DynMethod::spec).skip(builtin);
    for spec in catalogue {
        assert!(
            spec.page_codes().is_empty() && spec.callback_names().is_empty(),
            "{}",
            spec.code()
        );
        assert!(spec.certainty().is_some() && !spec.source().is_empty(), "{}", spec.code());
    }
}
