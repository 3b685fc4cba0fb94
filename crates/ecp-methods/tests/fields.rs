//! Fields of a method's own, under conditions and in objects, seen however they are set.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use ecp_core::{Currency, ProjectId};
use ecp_methods::page::{PageOptions, prepare_page};
use ecp_methods::request::{Customer, Field, Format, PayoutRequest, SaleRequest};
use ecp_methods::spec::{Condition, Interface, Limit, Need};
use ecp_methods::{
    Operation, PaymentMethod, Payout, Reason, Rule, Sale, Spec, Supports, mass_file, prepare,
};
use serde_json::json;

const BANK: Field = Field::new("account.bank_id", Format::Integer, "116");
const DOCUMENT: Field =
    Field::new("identify", Format::Object, r#"{"doc_number":"1234","doc_type":"CC"}"#);
const DOCUMENT_TYPE: Field =
    Field::new("identify.doc_type", Format::OneOf(&["CC", "PASSPORT"]), "CC");
const PASSPORT_COUNTRY: Field = Field::new("identify.doc_issue_country", Format::Country, "LV");

/// A payout with a bank id by country, a required object, and a field that depends on another one.
#[derive(Debug)]
struct Bank;

impl Supports<Payout> for Bank {}
impl PaymentMethod for Bank {
    const SPEC: Spec<Self> = Spec::new("bank", "Bank")
        .gate_path("bank-transfer/bank")
        .regions_except(&["KP"])
        .currencies(&[Currency::KES, Currency::NGN, Currency::USD])
        .flow::<Payout>(
            Rule::new()
                .limited(&[
                    Limit::equivalent_of(Currency::USD).from("1.00").to("100.00"),
                    Limit::of(Currency::KES).from("50"),
                    Limit::in_country("NG", Currency::NGN).to("9000"),
                ])
                .on(&[Interface::Gate])
                .needs(&[Field::CUSTOMER_ID, DOCUMENT])
                .needs_when(&[
                    Need::new(Condition::Country(&["KE", "NG"]), &[BANK]),
                    Need::new(Condition::Currency(&[Currency::USD]), &[Field::CUSTOMER_PHONE]),
                    Need::new(Condition::Given(BANK), &[Field::ACCOUNT_NUMBER]),
                    Need::new(Condition::Value(DOCUMENT_TYPE, &["PASSPORT"]), &[PASSPORT_COUNTRY]),
                ]),
        );
}

/// A method whose page says next to nothing.
#[derive(Debug)]
struct Unknown;
impl Supports<Payout> for Unknown {}
impl PaymentMethod for Unknown {
    const SPEC: Spec<Self> = Spec::new("unknown", "Unknown")
        .currencies(&[Currency::EUR])
        .flow::<Payout>(Rule::new().on(&[Interface::Gate]));
}

fn payout(amount: &str) -> PayoutRequest {
    PayoutRequest::new("P-1".parse().unwrap(), amount.parse().unwrap())
        .customer(Customer::new().id("7"))
}

fn verdict(request: PayoutRequest) -> String {
    verdict_of(&Bank, request).replace("bank payout: ", "")
}

fn verdict_of<M: Supports<Payout>>(method: &M, request: PayoutRequest) -> String {
    match prepare(method, request) {
        Ok(_) => "ok".to_owned(),
        Err(rejection) => rejection.to_string(),
    }
}

#[test]
fn what_is_missing_is_named_by_path_all_at_once_whatever_it_depends_on() {
    let number = json!({"doc_number": "1"});
    let passport = json!({"doc_number": "1", "doc_type": "PASSPORT"});
    let in_kenya = Customer::new().id("7").country("KE");
    let bare = PayoutRequest::new("P-1".parse().unwrap(), "60.00 KES".parse().unwrap());
    let table = [
        (bare, "`customer.id` and `identify` are required"),
        (payout("60.00 KES").extra("identify", &number), "ok"),
        (payout("60.00 KES").extra("identify.doc_number", "1"), "ok"),
        (payout("60.00 KES").field(DOCUMENT, r#"{"doc_number":"1"}"#), "ok"),
        (payout("60.00 KES").extra("identify.doc_number", ()), "`identify` is required"),
        (
            payout("60.00 KES").extra("identify", json!({})),
            "`identify` must have at least one member",
        ),
        (payout("60.00 KES").extra("identify", "1"), "`identify` must be a JSON object"),
        (payout("60.00 KES").field(DOCUMENT, "1"), "`identify` must be a JSON object"),
        (
            payout("60.00 KES").extra("identify", &passport),
            "`identify.doc_issue_country` is required",
        ),
        (
            payout("60.00 KES")
                .extra("identify.doc_type", "PASSPORT")
                .extra("identify.doc_issue_country", "lv"),
            "`identify.doc_issue_country` must be two capital letters (ISO 3166-1)",
        ),
        (
            payout("60.00 KES").customer(in_kenya.clone()).extra("identify", &number),
            "`account.bank_id` is required",
        ),
        (
            payout("60.00 KES").customer(in_kenya.clone()).field(BANK, "116"),
            "`identify` and `account.number` are required",
        ),
        (
            payout("60.00 KES").extra("identify", &number).extra("account.bank_id", "x"),
            "`account.number` is required",
        ),
        (payout("60.00 USD").extra("identify", &number), "`customer.phone` is required"),
        (
            payout("60.00 USD").extra("identify", &number).customer(Customer::new().phone("+1")),
            "`customer.phone` must be 4 to 24 digits",
        ),
    ];
    for (number, (request, expected)) in table.into_iter().enumerate() {
        assert_eq!(verdict(request), expected, "line {number}");
    }
}

#[test]
fn limits_hold_in_their_scope() {
    let document = json!({"doc_number": "1"});
    let payout = |amount: &str| payout(amount).extra("identify", &document);
    let in_nigeria = Customer::new().country("NG");
    let filled = |amount: &str| payout(amount).field(BANK, "1").field(Field::ACCOUNT_NUMBER, "2");
    let table = [
        (payout("49.99 KES"), "`payment.amount`: 49.99 KES is below the minimum of 50.00 KES"),
        (payout("1000000.00 KES"), "ok"),
        (
            payout("100.01 USD").field(Field::CUSTOMER_PHONE, "1234"),
            "`payment.amount`: 100.01 USD is above the maximum of 100.00 USD",
        ),
        (payout("9000.01 NGN"), "ok"),
        (
            filled("9000.01 NGN").customer(in_nigeria),
            "`payment.amount`: 9000.01 NGN is above the maximum of 9000.00 NGN",
        ),
    ];
    for (request, expected) in table {
        assert_eq!(verdict(request), expected);
    }
}

#[test]
fn numbers_and_objects_are_sent_as_json() {
    let request = payout("60.00 KES")
        .field(BANK, "116")
        .field(Field::ACCOUNT_NUMBER, "007")
        .text(&Bank::SPEC, "identify", r#"{"doc_number": "1"}"#)
        .text(&Bank::SPEC, "customer.phone", "12345");
    let body = prepare(&Bank, request).unwrap().body(ProjectId::new(1).unwrap());
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["account"], json!({"bank_id": 116, "number": "007"}));
    assert_eq!(body["identify"], json!({"doc_number": "1"}));
    assert_eq!(body["customer"], json!({"id": "7", "phone": "12345"}));
}

#[test]
fn a_path_that_no_document_has_is_a_warning_with_the_nearest_one() {
    let warnings = |request: PayoutRequest| {
        let prepared = prepare(&Bank, request).unwrap();
        prepared.warnings().iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let payout = || {
        payout("60.00 KES")
            .field(BANK, "116")
            .field(Field::ACCOUNT_NUMBER, "007")
            .extra("identify.doc_number", "1")
    };
    assert_eq!(warnings(payout()), [""; 0]);
    // Known to the documents, to another field of the spec, or inside of an object of which the
    // documents do not list all members.
    let known = payout()
        .extra("payment.extra_param", "blue")
        .extra("recurring", json!({"register": true}))
        .extra("callback", json!({"delay": 1}))
        .extra("identify.anything", 1);
    assert_eq!(warnings(known), [""; 0]);
    let table = [
        ("customer.fisrt_name", "customer.first_name"),
        ("account.bankid", "account.bank_id"),
        ("identity.doc_type", "identify.doc_type"),
        ("payment.extraparam", "payment.extra_param"),
    ];
    for (path, nearest) in table {
        let expected = format!(
            "`{path}` is in no document of the platform; the nearest known path is `{nearest}`"
        );
        assert_eq!(warnings(payout().extra(path, 1)), std::slice::from_ref(&expected));
        assert_eq!(warnings(payout().text(&Bank::SPEC, path, "1")), [expected]);
    }
    let found = warnings(payout().extra("x", 1).extra("callback", json!({"delya": 1, "delay": 2})));
    assert_eq!(
        found,
        [
            "`x` is in no document of the platform",
            "`callback.delya` is in no document of the platform; the nearest known path is `callback.delay`"
        ]
    );
}

#[test]
fn a_mass_file_has_columns_for_what_conditions_may_demand() {
    let project = ProjectId::new(7).unwrap();
    let records =
        mass_file::template(project, [(Bank::SPEC.untyped(), mass_file::RowKind::Payout)]);
    // In KES nothing depends on anything but a country and a document, which the row does not have.
    assert_eq!(
        records[0][6..],
        [
            "customer.id",
            "identify",
            "customer.country",
            "account.bank_id",
            "customer.phone",
            "account.number",
            "identify.doc_type",
            "identify.doc_issue_country",
        ]
    );
    let empty = String::new();
    assert_eq!(
        records[1][8..],
        [empty.clone(), empty.clone(), empty.clone(), empty.clone(), empty.clone(), empty]
    );
}

#[test]
fn the_table_says_scopes_conditions_and_what_is_not_stated() {
    let table = Bank::SPEC.markdown();
    for row in [
        "| countries | all countries except KP |",
        "| payout amounts | 1.00 to 100.00 USD or equivalent, 50 KES or more, up to 9000 NGN in NG |",
        "| fields that a payout needs | customer.id, identify |",
        "| fields that a payout needs where customer.country is KE or NG | account.bank_id |",
        "| fields that a payout needs in USD | customer.phone |",
        "| fields that a payout needs with account.bank_id | account.number |",
        "| fields that a payout needs where identify.doc_type is PASSPORT | identify.doc_issue_country |",
    ] {
        assert!(table.contains(row), "{row}\n{table}");
    }

    let table = Unknown::SPEC.markdown();
    assert!(table.contains("| payout amounts | limits not stated |"), "{table}");
    assert!(!table.contains("| countries"), "{table}");
    let rejection = prepare(&Unknown, payout("1.00 EUR")).unwrap_err();
    assert!(matches!(rejection.reason(), Reason::InterfaceUnsupported(_)), "{rejection}");
}

/// A method that counts one currency in major units, and whose payouts have one currency.
#[derive(Debug)]
struct Forint;

impl Supports<Payout> for Forint {}
impl Supports<Sale> for Forint {}
impl PaymentMethod for Forint {
    const SPEC: Spec<Self> = Spec::new("forint", "Forint")
        .gate_path("wallet/forint")
        .page_codes(&["forint"])
        .currencies(&[Currency::EUR, Currency::HUF])
        .major_units(&[Currency::HUF])
        .flow::<Sale>(
            Rule::new().amount("1.00", "500.00").on(&[Interface::Gate, Interface::PaymentPage]),
        )
        .flow::<Payout>(Rule::new().currencies(&[Currency::HUF]).on(&[Interface::Gate]));
}

#[test]
fn an_amount_is_sent_in_the_units_that_the_platform_counts() {
    let sale = |amount: &str| SaleRequest::new("S-1".parse().unwrap(), amount.parse().unwrap());
    let project = ProjectId::new(7).unwrap();
    for (amount, number) in [("300.00 HUF", 300), ("300.50 EUR", 30_050)] {
        let body = prepare(&Forint, sale(amount)).unwrap().body(project);
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["payment"]["amount"], number, "{amount}");
        let sale = sale(amount).customer(Customer::new().id("7"));
        let page = prepare_page(&Forint, &sale, PageOptions::new()).unwrap();
        assert_eq!(page.parameters(project)["payment_amount"].url_text(), number.to_string());
    }
    let rejection = prepare(&Forint, sale("300.50 HUF")).unwrap_err();
    assert_eq!(rejection.path(), Some("payment.amount"));
    assert_eq!(
        rejection.to_string(),
        "forint sale: `payment.amount` is 300.50 HUF, and the platform counts HUF in whole major \
         units for this method: leave the fraction out"
    );
    // The limits are those of the method, whatever is counted.
    assert!(prepare(&Forint, sale("501.00 HUF")).is_err());

    let records =
        mass_file::template(project, [(Forint::SPEC.untyped(), mass_file::RowKind::Payout)]);
    assert_eq!(records[1][4..6], ["100", "HUF"]);
    let table = Forint::SPEC.markdown();
    let counted = "| currencies whose amounts are sent in major units | HUF |\n";
    assert!(table.contains(counted), "{table}");
    assert!(table.contains("| payout currencies | HUF |\n"), "{table}");
}

#[test]
fn an_operation_can_have_fewer_currencies_than_its_method() {
    let payout = |amount: &str| PayoutRequest::new("P-1".parse().unwrap(), amount.parse().unwrap());
    assert!(prepare(&Forint, payout("300.00 HUF")).is_ok());
    assert_eq!(
        prepare(&Forint, payout("300.00 EUR")).unwrap_err().to_string(),
        "forint payout: `payment.currency`: EUR is not supported; use HUF"
    );
    assert_eq!(Forint::SPEC.currencies_of(Operation::SALE), [Currency::EUR, Currency::HUF]);
    assert_eq!(Forint::SPEC.currencies_of(Operation::REFUND), []);
}

/// A payout with banks of its own for each country, and a member of an object.
#[derive(Debug)]
struct Andes;

const BANK_CODE: Field = Field::new("account.bank_id", Format::Digits, "116");
const CHILE: Field = Field::new("account.bank_id", Format::OneOf(&["1", "12"]), "1");
const PERU: Field = Field::new("account.bank_id", Format::OneOf(&["2", "3"]), "2");
const NUMBER: Field = Field::new("identify.doc_number", Format::Text, "1234");

impl Supports<Payout> for Andes {}
impl PaymentMethod for Andes {
    const SPEC: Spec<Self> = Spec::new("andes", "Andes")
        .gate_path("bank-transfer/andes")
        .regions(&["CL", "PE"])
        .currencies(&[Currency::USD])
        .flow::<Payout>(
            Rule::new()
                .on(&[Interface::Gate])
                .needs(&[Field::CUSTOMER_COUNTRY, BANK_CODE, DOCUMENT, NUMBER])
                .needs_when(&[
                    Need::new(Condition::Country(&["CL"]), &[CHILE]),
                    Need::new(Condition::Country(&["PE"]), &[PERU]),
                ]),
        );
}

#[test]
fn a_field_can_have_other_values_in_each_country() {
    let bank_in = |country: &str, bank: &str| {
        let request = payout("5.00 USD").text(&Andes::SPEC, "account.bank_id", bank);
        let request = request.text(&Andes::SPEC, "customer.country", country);
        verdict_of(&Andes, request.field(NUMBER, "1"))
    };
    let refused = "andes payout: `account.bank_id` is not one of the values that the payment method \
                   accepts; its spec lists them";
    for (country, bank, expected) in [
        ("CL", "12", "ok"),
        ("CL", "2", refused),
        ("PE", "2", "ok"),
        ("PE", "12", refused),
        ("AR", "7", "ok"),
        ("AR", "x", "andes payout: `account.bank_id` must be 1 to 255 digits"),
    ] {
        assert_eq!(bank_in(country, bank), expected, "{country} {bank}");
    }
    let in_chile = payout("5.00 USD").field(Field::CUSTOMER_COUNTRY, "CL").field(NUMBER, "1");
    assert_eq!(verdict_of(&Andes, in_chile), "andes payout: `account.bank_id` is required");
}

#[test]
fn a_form_under_a_condition_alone_counts_where_the_condition_is_true() {
    #[derive(Debug)]
    struct Pair;
    impl Supports<Payout> for Pair {}
    impl PaymentMethod for Pair {
        const SPEC: Spec<Self> = Spec::new("pair", "Pair")
            .gate_path("bank-transfer/pair")
            .currencies(&[Currency::USD])
            .flow::<Payout>(Rule::new().on(&[Interface::Gate]).needs_when(&[
                Need::new(Condition::Country(&["CL"]), &[CHILE]),
                Need::new(Condition::Country(&["PE"]), &[PERU]),
            ]));
    }
    for (country, bank, passes) in [
        ("CL", "1", true),
        ("CL", "2", false),
        ("PE", "2", true),
        ("PE", "1", false),
        ("AR", "9", true),
    ] {
        let request = payout("5.00 USD").text(&Pair::SPEC, "account.bank_id", bank);
        let request = request.field(Field::CUSTOMER_COUNTRY, country);
        assert_eq!(verdict_of(&Pair, request) == "ok", passes, "{country} {bank}");
        let request = payout("5.00 USD").extra("account.bank_id", bank);
        let request = request.field(Field::CUSTOMER_COUNTRY, country);
        assert_eq!(verdict_of(&Pair, request) == "ok", passes, "extra {country} {bank}");
    }
}

#[test]
fn an_object_given_as_text_is_one_if_a_member_of_it_is_required() {
    let request = payout("5.00 USD").text(&Andes::SPEC, "identify", r#"{"doc_number":"77"}"#).text(
        &Andes::SPEC,
        "addendum",
        r#"{"a":1}"#,
    );
    let request = request.field(Field::CUSTOMER_COUNTRY, "CL").field(CHILE, "1");
    let body = prepare(&Andes, request).unwrap().body(ProjectId::new(1).unwrap());
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["identify"], json!({"doc_number": "77"}));
    assert_eq!(body["addendum"], json!(r#"{"a":1}"#));
}

#[test]
fn examples_fit_the_country_and_each_other() {
    let made = |given: &'static [(&str, &str)]| {
        let given = |path: &str| {
            given.iter().find(|(own, _)| *own == path).map(|(_, value)| (*value).into())
        };
        Andes::SPEC.example_values(Operation::PAYOUT, Some(Currency::USD), given)
    };
    let in_chile = [(Field::CUSTOMER_COUNTRY, "CL"), (CHILE, "1"), (NUMBER, "1234")];
    assert_eq!(made(&[]), in_chile);
    assert_eq!(made(&[("customer.country", "PE")]), [(PERU, "2"), (NUMBER, "1234")]);
}
