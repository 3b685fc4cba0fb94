//! The built-in methods against what the platform's method pages say.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fmt::Display;
use std::time::Duration;

use ecp_core::{Currency, Money, PaymentId, ProjectId};
use ecp_methods::request::{Field, FlowRequest, PayoutRequest, RefundRequest, SaleRequest};
use ecp_methods::spec::{Capability, Fact, Interface, Testing};
use ecp_methods::{
    DynMethod, EcoVoucher, Jeton, Operation, PaymentMethod, Reason, Registry, Rejection, Spec,
    TouchNGo, WalletPartner, prepare_dyn,
};
use serde_json::Value;

const METHODS: [&dyn DynMethod; 4] = [&EcoVoucher, &Jeton, &TouchNGo, &WalletPartner];

/// A request of any flow with the fields. A refund is one of all that was paid.
fn prepare(
    method: &dyn DynMethod,
    flow: Operation,
    amount: Money,
    fields: &[Field],
) -> Result<(String, Value), Rejection> {
    fn go<R: FlowRequest>(
        method: &dyn DynMethod,
        request: R,
    ) -> Result<(String, Value), Rejection> {
        let prepared = prepare_dyn(method, request)?;
        let body = prepared.body(ProjectId::new(239).unwrap());
        Ok((prepared.endpoint(), serde_json::from_slice(&body).unwrap()))
    }
    let id = PaymentId::new("P-17").unwrap();
    macro_rules! with_fields {
        ($request:expr) => {
            go(
                method,
                fields.iter().fold($request, |request, &field| request.field(field, value(field))),
            )
        };
    }
    match flow {
        Operation::SALE => with_fields!(SaleRequest::new(id, amount)),
        Operation::PAYOUT => with_fields!(PayoutRequest::new(id, amount)),
        Operation::REFUND => with_fields!(RefundRequest::full(id)),
        other => panic!("{other}"),
    }
}

/// Something that the field may hold.
fn value(field: Field) -> &'static str {
    match field {
        Field::CUSTOMER_EMAIL => "smith@example.com",
        Field::CUSTOMER_IP_ADDRESS => "192.0.2.1",
        Field::CUSTOMER_PHONE => "76575657657676",
        Field::RETURN_DECLINE | Field::RETURN_SUCCESS => "https://shop.example/back",
        _ => "text",
    }
}

fn needs(method: &dyn DynMethod, flow: Operation) -> &'static [Field] {
    method.spec().rule(flow).map_or(&[], |rule| rule.needed_fields())
}

fn words<T: Display>(items: impl IntoIterator<Item = T>) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(" ")
}

#[test]
fn the_names_of_a_method_are_three_and_follow_no_rule() {
    // Code here, Gate path, Payment Page code, name in callbacks, title.
    let table = [
        ("eco-voucher", "voucher/eco-voucher", "ecoVoucher", "eco-voucher", "EcoVoucher"),
        ("jeton", "wallet/jeton", "jetonWalletV3", "JetonWallet", "Jeton Wallet"),
        ("touchngo", "wallet/touchngo", "touchngo_wallet", "Touchngo Wallet", "Touch&Go"),
        (
            "wallet-partner",
            "wallet-partner",
            "wallet-partner",
            "wallet-partner",
            "Wallets through a partner (India)",
        ),
    ];
    let registry = Registry::builtin();
    for (code, gate_path, page_code, callback_name, title) in table {
        let spec = registry.get(code).unwrap().spec();
        assert_eq!(spec.gate_path(), Some(gate_path));
        assert_eq!(spec.page_codes(), [page_code]);
        assert_eq!(spec.callback_names(), [callback_name]);
        assert_eq!(spec.title(), title);
        assert!(spec.source().contains("method page"), "{code}");

        let code_of = |found: Option<&dyn DynMethod>| found.map(|found| found.spec().code());
        assert_eq!(code_of(registry.by_gate_path(gate_path)), Some(code));
        assert_eq!(code_of(registry.by_callback_name(callback_name)), Some(code));
        for other in [callback_name.to_uppercase(), format!("{callback_name} ")] {
            assert_eq!(code_of(registry.by_callback_name(&other)), None, "{other}");
        }
    }
}

#[test]
fn a_name_in_a_mass_file_leads_to_one_method() {
    let registry = Registry::builtin();
    let table = [
        ("eco-voucher", "eco-voucher"),
        ("jeton", "jeton-wallet"),
        ("touchngo", "wallet/touchngo"),
        ("wallet-partner", "wallet-partner"),
    ];
    for (code, dashboard_code) in table {
        let spec = registry.get(code).unwrap().spec();
        assert_eq!(spec.dashboard_code(), Some(dashboard_code));
        for name in [code, dashboard_code, spec.gate_path().unwrap()] {
            let found = registry.by_file_name(name).map(|found| found.spec().code());
            assert_eq!(found, Some(code), "{name}");
        }
        // Neither the Payment Page's names nor those of callbacks are in such files.
        let callback = spec.callback_names()[0];
        let found = registry.by_file_name(callback).map(|found| found.spec().code());
        assert_eq!(found, Some(code).filter(|_| callback == dashboard_code), "{callback}");
    }
}

#[test]
fn currencies_and_countries_are_those_of_the_pages() {
    let table: [(&dyn DynMethod, &str, &str); 4] = [
        (&EcoVoucher, "CAD EUR GBP USD", "all countries"),
        (&Jeton, "EUR GBP INR JPY NOK PLN RUB TRY USD", "IN, JP, TR"),
        (&TouchNGo, "MYR", "MY"),
        (&WalletPartner, "INR", "IN"),
    ];
    for (method, currencies, regions) in table {
        let spec = method.spec();
        assert_eq!(words(spec.currencies()), currencies, "{}", spec.code());
        assert_eq!(spec.regions().to_string(), regions, "{}", spec.code());
    }
}

#[test]
fn kinds_conversion_and_other_facts_are_those_of_the_pages() {
    type Rows = &'static [(&'static str, &'static str)];
    let cost = ("connection and its cost", "agreed with the account manager");
    let table: [(&dyn DynMethod, Rows); 4] = [
        (
            &EcoVoucher,
            &[
                ("kind", "vouchers"),
                ("currency conversion", "by the platform"),
                ("sale amounts", "limits not stated, 0 is possible"),
            ],
        ),
        (
            &Jeton,
            &[
                ("kind", "electronic wallets"),
                ("currency conversion", "by the method's service"),
                ("settlement currencies", "on request"),
                ("settlement speed", "without delay"),
            ],
        ),
        (&TouchNGo, &[("kind", "electronic wallets"), ("currency conversion", "by the platform")]),
        (
            &WalletPartner,
            &[
                ("kind", "electronic wallets through a partner"),
                ("currency conversion", "by the platform"),
                ("conversion details", "ask your account manager for them"),
                ("refund amounts", "no limits"),
            ],
        ),
    ];
    for (method, expected) in table {
        let rows = method.spec().describe();
        for (about, text) in expected.iter().chain([&cost]) {
            let row = rows.iter().find(|row| row.about == *about).map(|row| &*row.text);
            assert_eq!(row, Some(*text), "{} {about}", method.spec().code());
        }
        for settled in ["settlement currencies", "settlement speed"] {
            let stated = rows.iter().any(|row| row.about == settled);
            assert_eq!(stated, method.spec().code() == "jeton", "{settled}");
        }
    }
}

#[test]
fn flows_and_what_they_need_are_those_of_the_pages() {
    use Interface::{Dashboard, Gate, PaymentLinks, PaymentPage};
    const PAYOUT: Operation = Operation::PAYOUT;
    const REFUND: Operation = Operation::REFUND;
    const SALE: Operation = Operation::SALE;

    // Flow, where it is offered, seconds on average, fields besides id, amount and currency.
    type Flow = (Operation, &'static [Interface], Option<u64>, &'static str);
    let table: [(&dyn DynMethod, &[Flow]); 4] = [
        (
            &EcoVoucher,
            &[(
                SALE,
                &[PaymentPage, Gate],
                None,
                "customer.id customer.ip_address return_url.success return_url.decline",
            )],
        ),
        (
            &Jeton,
            &[
                (
                    SALE,
                    &[PaymentPage, Gate],
                    None,
                    "customer.id customer.ip_address return_url.success return_url.decline",
                ),
                (PAYOUT, &[Gate], None, "customer.ip_address account.number"),
            ],
        ),
        (
            &TouchNGo,
            &[
                (
                    SALE,
                    &[PaymentPage, Gate, Dashboard, PaymentLinks],
                    Some(120),
                    "customer.id customer.ip_address return_url.success",
                ),
                (
                    PAYOUT,
                    &[Gate, Dashboard],
                    Some(120),
                    "customer.id customer.ip_address account.number",
                ),
            ],
        ),
        (
            &WalletPartner,
            &[
                (
                    SALE,
                    &[PaymentPage, Gate],
                    None,
                    "customer.id customer.ip_address customer.first_name customer.last_name \
                     customer.phone customer.email return_url.success",
                ),
                (REFUND, &[Gate], None, "payment.description"),
            ],
        ),
    ];
    for (method, flows) in table {
        let spec = method.spec();
        let code = spec.code();
        let declared: Vec<Operation> = flows.iter().map(|flow| flow.0).collect();
        assert_eq!(spec.flows().collect::<Vec<_>>(), declared, "{code}");
        for &(flow, interfaces, base_time, fields) in flows {
            let rule = spec.rule(flow).unwrap();
            assert_eq!(rule.interfaces(), interfaces, "{code} {flow}");
            assert_eq!(rule.average_time(), base_time.map(Duration::from_secs), "{code} {flow}");
            assert_eq!(rule.longest_time(), None, "{code} {flow}: no page gives a cut-off time");
            assert_eq!(words(rule.needed_fields()), fields, "{code} {flow}");
            assert!(!rule.allows_partial(), "{code} {flow}");
        }
    }
}

#[test]
fn capabilities_are_read_off_the_tables() {
    let table: [(&dyn DynMethod, &str); 4] = [
        (&EcoVoucher, "sales, zero amount, amount confirmation, Payment Page, Gate"),
        (&Jeton, "sales, payouts, Payment Page, Gate"),
        (&TouchNGo, "sales, payouts, Payment Page, Gate, Dashboard, payment links"),
        (&WalletPartner, "sales, full refunds, Payment Page, Gate"),
    ];
    for (method, printed) in table {
        let capabilities = method.spec().capabilities();
        assert_eq!(capabilities.to_string(), printed, "{}", method.spec().code());
        for &capability in Capability::ALL {
            let listed = printed.split(", ").any(|word| word == capability.as_str());
            assert_eq!(capabilities.has(capability), listed, "{capability}");
        }
    }
}

#[test]
fn what_a_page_has_no_row_about_is_neither_yes_nor_no() {
    use Capability::{Chargebacks, Recurring, SavedCredentials};

    // Chargebacks, recurring payments, saved credentials; instruments.
    type Stated = [Option<bool>; 3];
    let table: [(&dyn DynMethod, Stated, &str); 4] = [
        (&EcoVoucher, [Some(false), None, Some(false)], "vouchers"),
        (&Jeton, [Some(false), None, Some(false)], ""),
        (&TouchNGo, [Some(false), Some(false), None], "electronic wallets"),
        (&WalletPartner, [Some(false), None, Some(false)], ""),
    ];
    for (method, stated, instruments) in table {
        let spec = method.spec();
        let rows = spec.describe();
        let row = |about: &str| rows.iter().find(|row| row.about == about).map(|row| &*row.text);
        for (capability, stated) in [Chargebacks, Recurring, SavedCredentials].iter().zip(stated) {
            assert_eq!(spec.states(*capability), stated, "{} {capability}", spec.code());
            let printed = stated.map(|stated| if stated { "yes" } else { "no" });
            assert_eq!(row(capability.as_str()), printed, "{} {capability}", spec.code());
        }
        assert_eq!(words(spec.instruments()), instruments, "{}", spec.code());
        assert_eq!(
            row("instruments in the documentation").unwrap_or_default(),
            instruments,
            "{}",
            spec.code()
        );
    }
    let registry = Registry::empty().with(EcoVoucher).unwrap().with(Jeton).unwrap();
    let registry = registry.with(TouchNGo).unwrap().with(WalletPartner).unwrap();
    let cells = |name: &str| {
        let matrix = registry.matrix();
        matrix.lines().find(|line| line.starts_with(name)).unwrap().to_owned()
    };
    assert_eq!(
        cells("| recurring"),
        "| recurring payments | not stated | not stated | – | not stated |"
    );
    assert_eq!(cells("| saved"), "| saved credentials | – | – | not stated | – |");
}

#[test]
fn a_method_that_does_more_says_so() {
    #[derive(Debug)]
    struct Much;

    impl PaymentMethod for Much {
        const SPEC: Spec<Self> = Spec::new("much", "Much")
            .source("its page")
            .saved_credentials(true)
            .recurring(true)
            .chargebacks(true)
            .facts(&[Fact::new("a", "b"), Fact::new("c", "d").source("a letter")])
            .testing(Testing::new().declined(&[7]).source("a letter"));
    }

    let spec = Much::SPEC;
    assert_eq!(
        spec.capabilities().to_string(),
        "chargebacks, recurring payments, saved credentials"
    );
    let rows = spec.describe();
    let rows: Vec<_> = rows.iter().map(|row| format!("{}: {}", row.about, row.text)).collect();
    assert_eq!(
        rows,
        [
            "code in this library: much",
            "kind: electronic wallets",
            "chargebacks: yes",
            "recurring payments: yes",
            "saved credentials: yes",
            "a: b",
            "c: d (a letter)",
            "amounts declined in tests: 7 minor units (a letter)",
            "source of this table: its page",
        ]
    );
}

#[test]
fn test_data_say_where_they_come_from() {
    let choice =
        "40000, 40400 minor units (the sandbox's choice: the amounts of Jeton Wallet's page)";
    let own = "40000, 40400 minor units (method page \"Jeton Wallet\")";
    let shown = "for sales of 20400, 40400 minor units (method page \"Jeton Wallet\")";
    let table: [(&dyn DynMethod, &str, Option<&str>, &str); 4] = [
        (&EcoVoucher, choice, None, "POST with fields (the sample on the method's page)"),
        (&Jeton, own, Some(shown), "GET (the sample on the method's page)"),
        (&TouchNGo, choice, None, "POST with fields (the sample on the method's page)"),
        (&WalletPartner, choice, None, "POST without fields (the sample on the method's page)"),
    ];
    for (method, declined, shown, redirect) in table {
        let rows = method.spec().describe();
        let row = |about: &str| rows.iter().find(|row| row.about == about).map(|row| &*row.text);
        assert_eq!(row("amounts declined in tests"), Some(declined));
        assert_eq!(row("customer's account in test callbacks"), shown);
        assert_eq!(row("customer's redirect in tests"), Some(redirect));
    }
}

#[test]
fn limits_hold_to_the_minor_unit() {
    const PAYOUT: Operation = Operation::PAYOUT;
    const SALE: Operation = Operation::SALE;

    type Amounts = &'static [(&'static str, &'static str)];
    let table: [(&dyn DynMethod, Operation, Amounts); 6] = [
        (
            &TouchNGo,
            SALE,
            &[
                ("0.00 MYR", "0.00 MYR is not positive"),
                ("0.99 MYR", "0.99 MYR is below the minimum of 1.00 MYR"),
                ("1.00 MYR", "ok"),
                ("30000.00 MYR", "ok"),
                ("30000.01 MYR", "30000.01 MYR is above the maximum of 30000.00 MYR"),
            ],
        ),
        (
            &TouchNGo,
            PAYOUT,
            &[
                ("4.99 MYR", "4.99 MYR is below the minimum of 5.00 MYR"),
                ("5.00 MYR", "ok"),
                ("20000.00 MYR", "ok"),
                ("20000.01 MYR", "20000.01 MYR is above the maximum of 20000.00 MYR"),
            ],
        ),
        (
            &WalletPartner,
            SALE,
            &[
                ("0.99 INR", "0.99 INR is below the minimum of 1.00 INR"),
                ("1.00 INR", "ok"),
                ("400000.00 INR", "ok"),
                ("400000.01 INR", "400000.01 INR is above the maximum of 400000.00 INR"),
            ],
        ),
        (
            &EcoVoucher,
            SALE,
            &[
                ("-0.01 EUR", "-0.01 EUR is not positive"),
                ("0.00 EUR", "ok"),
                ("0.01 USD", "ok"),
                // No value that a voucher has, and more than any has.
                ("12.34 GBP", "ok"),
                ("99999999.99 CAD", "ok"),
            ],
        ),
        (
            &Jeton,
            SALE,
            &[
                ("0 JPY", "0 JPY is not positive"),
                ("1 JPY", "ok"),
                ("100000 JPY", "ok"),
                ("100001 JPY", "100001 JPY is above the maximum of 100000 JPY"),
                ("0.99 TRY", "0.99 TRY is below the minimum of 1.00 TRY"),
                ("100000.00 TRY", "ok"),
            ],
        ),
        (
            &Jeton,
            PAYOUT,
            &[
                ("0 JPY", "0 JPY is not positive"),
                ("1 JPY", "ok"),
                ("100000 JPY", "ok"),
                ("100001 JPY", "100001 JPY is above the maximum of 100000 JPY"),
                ("100000.01 RUB", "100000.01 RUB is above the maximum of 100000.00 RUB"),
            ],
        ),
    ];
    for (method, flow, amounts) in table {
        for &(amount, expected) in amounts {
            let result = prepare(method, flow, amount.parse().unwrap(), needs(method, flow));
            let found = result.map_or_else(|rejection| rejection.to_string(), |_| "ok".to_owned());
            let expected = match expected {
                "ok" => "ok".to_owned(),
                problem => format!("{} {flow}: `payment.amount`: {problem}", method.spec().code()),
            };
            assert_eq!(found, expected);
        }
    }
}

#[test]
fn no_method_takes_a_currency_that_its_page_does_not_list() {
    for method in METHODS {
        for &flow in &[Operation::SALE, Operation::PAYOUT] {
            if method.spec().rule(flow).is_none() {
                continue;
            }
            for &currency in Currency::all() {
                let amount = Money::from_minor(10_000, currency);
                let result = prepare(method, flow, amount, needs(method, flow));
                if method.spec().currencies().contains(&currency) {
                    assert!(result.is_ok(), "{result:?}");
                } else {
                    let rejection = result.unwrap_err();
                    assert_eq!(rejection.path(), Some("payment.currency"), "{rejection}");
                }
            }
        }
    }
}

#[test]
fn every_needed_field_is_asked_for_and_no_other() {
    for method in METHODS {
        let amount = Money::from_minor(10_000, method.spec().currencies()[0]);
        for flow in method.spec().flows() {
            let needed = needs(method, flow);
            prepare(method, flow, amount, needed).unwrap();
            for missing in needed {
                let fields: Vec<Field> =
                    needed.iter().copied().filter(|field| field != missing).collect();
                let rejection = prepare(method, flow, amount, &fields).unwrap_err();
                assert_eq!(rejection.reason(), &Reason::Missing(vec![*missing]));
                assert_eq!(
                    rejection.to_string(),
                    format!("{} {flow}: `{missing}` is required", method.spec().code())
                );
                assert_eq!(rejection.path(), Some(missing.path()));
            }
        }
    }
}

#[test]
fn a_flow_that_no_page_describes_is_refused_at_run_time() {
    const PAYOUT: Operation = Operation::PAYOUT;
    const REFUND: Operation = Operation::REFUND;

    let table: [(&dyn DynMethod, Operation, &str); 5] = [
        (&EcoVoucher, PAYOUT, "eco-voucher payout: the method does not have this operation"),
        (&EcoVoucher, REFUND, "eco-voucher refund: the method does not have this operation"),
        (&Jeton, REFUND, "jeton refund: the method does not have this operation"),
        (&TouchNGo, REFUND, "touchngo refund: the method does not have this operation"),
        (&WalletPartner, PAYOUT, "wallet-partner payout: the method does not have this operation"),
    ];
    for (method, flow, message) in table {
        let amount = Money::from_minor(10_000, method.spec().currencies()[0]);
        let rejection = prepare(method, flow, amount, Field::KNOWN).unwrap_err();
        assert_eq!(rejection.to_string(), message);
        assert_eq!(rejection.reason(), &Reason::FlowUnsupported);
    }
}

#[test]
fn vouchers_have_the_values_of_the_page_in_any_currency() {
    let values = words(EcoVoucher.spec().denominations(Currency::GBP));
    assert_eq!(
        values,
        "10.00 GBP 15.00 GBP 25.00 GBP 50.00 GBP 75.00 GBP 100.00 GBP 150.00 GBP 250.00 GBP"
    );
    for method in [&Jeton as &dyn DynMethod, &TouchNGo, &WalletPartner] {
        assert_eq!(method.spec().denominations(Currency::EUR).count(), 0);
    }
}

#[test]
fn test_projects_decide_by_amount_and_only_jeton_shows_accounts() {
    // Declined, account shown.
    let table = [
        (40_000, true, false),
        (40_400, true, true),
        (20_400, false, true),
        (10_000, false, false),
        (0, false, false),
    ];
    for (minor, declined, shown) in table {
        let testing = Jeton.spec().testing();
        assert_eq!((testing.is_declined(minor), testing.shows_account(minor)), (declined, shown));
        // The other pages say nothing; the sandbox declines the same amounts for them.
        for method in [&EcoVoucher as &dyn DynMethod, &TouchNGo, &WalletPartner] {
            let testing = method.spec().testing();
            assert_eq!(testing.is_declined(minor), declined, "{}", method.spec().code());
            assert!(!testing.shows_account(minor), "{}", method.spec().code());
        }
    }
}

#[test]
fn built_in_methods_share_no_name() {
    let mut seen = BTreeSet::new();
    for method in Registry::builtin().iter() {
        let spec = method.spec();
        let names = std::iter::once(("code", spec.code()))
            .chain(spec.gate_path().map(|path| ("gate", path)))
            .chain(spec.page_codes().iter().map(|&code| ("page", code)))
            .chain(spec.callback_names().iter().map(|&name| ("callback", name)));
        for name in names {
            assert!(seen.insert(name), "{name:?} of {} is taken", spec.code());
        }
    }
}
