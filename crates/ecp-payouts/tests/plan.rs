//! Files: what is read, and what is wrong with them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use ecp_core::{Currency, ProjectId};
use ecp_methods::spec::Interface;
use ecp_methods::{PaymentMethod, Payout, Registry, Rule, Spec, Supports};
use ecp_payouts::{AmountUnit, Layout, Plan, Problems};

const HEAD: &str =
    "method,general.payment_id,payment.amount,payment.currency,account.number,customer.ip_address";

fn read(file: &str, layout: &Layout) -> Result<Plan, Problems> {
    Plan::read(file.into(), layout, &Registry::builtin(), ProjectId::new(1).unwrap())
}

fn problems(rows: &str) -> String {
    read(&format!("{HEAD}\n{rows}"), &Layout::new()).unwrap_err().to_string()
}

fn body(plan: &Plan, row: usize) -> String {
    let row = plan.rows().nth(row).unwrap();
    String::from_utf8(row.request.body(plan.project())).unwrap()
}

#[test]
fn every_bad_row_is_reported_by_line_and_field() {
    let table = [
        ("jeton,,30000,EUR,1,192.0.2.1", "line 2, `general.payment_id`: is required"),
        (
            "jeton,P-1,300.00,EUR,1,192.0.2.1",
            "line 2, `payment.amount`: has a decimal point, and amounts are whole minor units: write \
             30000 for 300.00 EUR",
        ),
        (
            "jeton,P-1,30000,EUX,1,192.0.2.1",
            "line 2, `payment.currency`: `EUX` is not the ISO 4217 code of a currency with known decimals, such as `EUR`",
        ),
        (
            "jeton,P-1,30000,MYR,1,192.0.2.1",
            "line 2, `payment.currency`: MYR is not supported; use EUR, GBP, INR, JPY, NOK, PLN, RUB, TRY or USD",
        ),
        (
            "jeton,P-1,99,EUR,1,192.0.2.1",
            "line 2, `payment.amount`: 0.99 EUR is below the minimum of 1.00 EUR",
        ),
        (
            "jeton,P-1,30000,EUR,1,nowhere",
            "line 2, `customer.ip_address`: is not an IPv4 or IPv6 address",
        ),
        (
            "eco-voucher,P-1,30000,EUR,1,192.0.2.1",
            "line 2: the method does not have this operation",
        ),
        (
            "jeton,P-1,30000,EUR,1",
            "line 2: has 5 cells, but line 1 names 6 columns; add or remove cells, and quote a cell that holds the delimiter",
        ),
        (
            "jetton,P-1,,,,",
            &format!(
                "line 2, `method`: {}\nline 2, `payment.amount`: is required\n\
                 line 2, `payment.currency`: is required",
                Registry::builtin().get("jetton").unwrap_err()
            ),
        ),
        (
            "jeton,P-1,30000,EUR,,",
            "line 2, `customer.ip_address`: is required\nline 2, `account.number`: is required",
        ),
    ];
    for (row, expected) in table {
        assert_eq!(problems(row), expected, "{row}");
    }
}

/// Callbacks repeat the texts: one that holds another member could be read in two ways.
#[test]
fn texts_hold_no_other_member_unless_the_layout_lets_them_and_ids_no_separator() {
    let file = |id: &str, description: &str| {
        format!("{HEAD},payment.description\njeton,{id},30000,EUR,1,192.0.2.1,{description}\n")
    };
    let [strict, lax] = [Layout::new(), Layout::new().allow_items_in_texts()];
    read(&file("P-1", "Order 5; thank you"), &strict).unwrap();
    let hostile = file("P-1", "x;payment:id:V");
    let problems = read(&hostile, &strict).unwrap_err().to_string();
    assert!(problems.starts_with("line 2, `payment.description`: cannot be signed"), "{problems}");
    read(&hostile, &lax).unwrap();
    for layout in [strict, lax] {
        let problems = read(&file("P;1", "x"), &layout).unwrap_err().to_string();
        assert!(
            problems.starts_with("line 2, `general.payment_id`: cannot be signed"),
            "{problems}"
        );
    }
}

#[test]
fn all_rows_are_checked_and_lines_are_counted_as_an_editor_does() {
    let rows = "jeton,P-1,30000,EUR,\"9301\n7949\",192.0.2.1\n\
                jeton,P-2,0,EUR,1,192.0.2.1\n\
                \n\
                jeton,P-3,30000,EUR,1,192.0.2.1\n\
                jeton,P-3,30000,EUR,1,192.0.2.1\n";
    assert_eq!(
        problems(rows),
        "line 2, `account.number`: holds U+000A, a line break, which makes it another value than \
         the one that is seen; remove it\n\
         line 4, `payment.amount`: 0.00 EUR is not positive\n\
         line 7, `general.payment_id`: is in line 6 already; give each row an id of its own"
    );
}

#[test]
fn columns_must_be_known() {
    let table = [
        ("", "line 1: there are no columns: the file has nothing in it"),
        (HEAD, "line 2: there are no rows below the names of the columns"),
        (
            "payment.amount,Wallet\n1,2",
            "line 1, `Wallet`: is not a path of a Gate request: map it (`Layout::column`, `--column NAME=PATH`) or ignore it (`Layout::ignore`, `--column NAME=`)\n\
             line 1, `general.payment_id`: no column has this name, and none is mapped to it (`Layout::column`, `--column NAME=PATH`)\n\
             line 1, `payment.currency`: no column has this name, and none is mapped to it (`Layout::column`, `--column NAME=PATH`)\n\
             line 1, `method`: no column has this name, none is mapped to it, and no method is set for \
             all rows (`Layout::method`, `--method`)",
        ),
        (
            "method,general.payment_id,payment.amount,payment.currency,payment.amount\n",
            "line 1, `payment.amount`: holds the same field as the column `payment.amount`; leave one of them out",
        ),
    ];
    for (file, expected) in table {
        assert_eq!(read(file, &Layout::new()).unwrap_err().to_string(), expected, "{file}");
    }
    let latin = [HEAD.as_bytes(), b"\njeton,P-1,1000,EUR,M\xfcller,192.0.2.1"].concat();
    let project = ProjectId::new(1).unwrap();
    let error = Plan::read(latin, &Layout::new(), &Registry::builtin(), project).unwrap_err();
    assert!(error.to_string().starts_with("line 2: byte 21 of the line is 0xFC"), "{error}");
}

#[test]
fn columns_that_only_look_like_known_ones_are_problems() {
    let first = |name: &str| {
        let file = format!("{HEAD},{name}\njeton,P-1,30000,EUR,1,192.0.2.1,7\n");
        let problems = read(&file, &Layout::new()).err()?.to_string();
        Some(problems.lines().next().unwrap().to_owned())
    };
    for (name, known) in [
        ("Account.Number", "account.number"),
        ("ACCOUNT.NUMBER", "account.number"),
        ("account. number", "account.number"),
        ("account．number", "account.number"),
        ("Customer.Email", "customer.email"),
        ("General.Payment_Id", "general.payment_id"),
        ("Payment.Amount", "payment.amount"),
        ("Method", "method"),
    ] {
        let expected = format!(
            "line 1, `{name}`: is not `{known}` but looks like it: correct the name, or ignore the column"
        );
        assert_eq!(first(name), Some(expected));
    }
    let id = "must not hold a payment id: only `general.payment_id` does; ignore the column";
    let sum = "must not hold a sum: only `payment.amount` and `payment.currency` do; ignore the \
               column";
    for (name, expected) in [
        ("payment.id", id),
        ("payment.payment_id", id),
        ("general.id", id),
        ("Payment.ID", id),
        ("payment_id.x", id),
        ("operation.payment_id", id),
        ("payment.sum.amount", sum),
        ("payment.sum", sum),
        ("payment.sum.currency", sum),
        ("general.amount", sum),
        ("sum.amount", sum),
    ] {
        assert_eq!(first(name), Some(format!("line 1, `{name}`: {expected}")));
    }
    for name in ["payment.extra_param", "addendum.note", "recipient.id", "customer.id"] {
        assert_eq!(first(name), None, "{name}");
    }
    // A name that is mapped goes where it is mapped to, and a column that is passed over nowhere.
    let layout = Layout::new().ignore("payment.id").column("Wallet", "account.Number");
    let file = "Wallet,payment.id,method,general.payment_id,payment.amount,payment.currency\n";
    let problem = read(file, &layout).unwrap_err().to_string();
    assert_eq!(
        problem,
        "line 1, `Wallet`: is mapped to `account.Number`, which is not `account.number` but looks \
         like it: map it to `account.number`"
    );
}

#[test]
fn another_layout_means_the_same() {
    let plain = read(&format!("{HEAD}\nwallet/jeton,P-1,30050,EUR,7,192.0.2.1\n"), &Layout::new());
    let layout = Layout::new()
        .delimiter(b';')
        .column("Order", "general.payment_id")
        .column("Wallet", "account.number")
        .ignore("Comment")
        .method("jeton")
        .amounts(AmountUnit::Major);
    // With a byte order mark, other line breaks, spaces, quotes, another order.
    let file = "\u{feff}Order;payment.currency;Comment;payment.amount;Wallet;customer.ip_address\r\n\
                \"P-1\"; EUR ;a;300.50;7;192.0.2.1\r\n";
    let other = read(file, &layout).unwrap();
    assert_eq!(body(&plain.unwrap(), 0), body(&other, 0));
}

#[test]
fn a_project_that_is_named_must_be_the_one_and_no_signature_is_taken() {
    let file = |name: &str, value: &str| {
        format!("{HEAD},{name}\njeton,P-1,30000,EUR,1,192.0.2.1,{value}\n")
    };
    assert!(read(&file("general.project_id", "1"), &Layout::new()).is_ok());
    let other = read(&file("general.project_id", "2"), &Layout::new()).unwrap_err();
    assert_eq!(
        other.to_string(),
        "line 2, `general.project_id`: must be 1, the project of this run"
    );
    let signed = read(&file("general.signature", "x"), &Layout::new()).unwrap_err();
    assert_eq!(
        signed.to_string(),
        "line 2, `general.signature`: has a name in it that the signature does not cover, `signature` or `frame_mode`: leave it out"
    );
    let extra = read(&file("payment.extra_param", "blue"), &Layout::new()).unwrap();
    assert!(body(&extra, 0).contains(r#""extra_param":"blue""#));
}

#[test]
fn a_plan_comes_to_totals_and_prints_no_row() {
    let rows = "jeton,P-1,30000,EUR,sentinel,192.0.2.1\n\
                jeton,P-2,500,JPY,sentinel,192.0.2.1\n\
                jeton,P-3,50,EUR,sentinel,192.0.2.1\n";
    let plan =
        read(&format!("{HEAD}\n{}", rows.replace(",50,", ",1050,")), &Layout::new()).unwrap();
    let totals: Vec<String> = plan
        .totals()
        .iter()
        .map(|total| format!("{} {} {}", total.method, total.rows, total.sum.unwrap()))
        .collect();
    assert_eq!(totals, ["jeton 2 310.50 EUR", "jeton 1 500 JPY"]);
    assert_eq!((plan.len(), plan.rows().count()), (3, 3));
    assert!(!format!("{plan:?}").contains("sentinel"));
}

#[test]
fn a_column_whose_path_no_document_has_is_warned_of_once() {
    let head = "general.payment_id,payment.amount,payment.currency,account.number,\
                customer.ip_address,customer.fisrt_name,payment.extra_param";
    let file = format!(
        "{head}\nP-1,30000,EUR,1,192.0.2.1,,blue\nP-2,30000,EUR,1,192.0.2.1,Ann,\nP-3,30000,EUR,1,192.0.2.1,Bo,\n"
    );
    let plan = read(&file, &Layout::new().method("jeton")).unwrap();
    let warnings: Vec<String> = plan.warnings().iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        [
            "line 3, `customer.fisrt_name`: is in no document of the platform; the nearest known path is \
          `customer.first_name`"
        ]
    );
}

/// A method that counts forints in major units.
#[derive(Debug)]
struct Forint;

impl Supports<Payout> for Forint {}
impl PaymentMethod for Forint {
    const SPEC: Spec<Self> = Spec::new("forint", "Forint")
        .gate_path("wallet/forint")
        .currencies(&[Currency::EUR, Currency::HUF])
        .major_units(&[Currency::HUF])
        .flow::<Payout>(Rule::new().on(&[Interface::Gate]));
}

#[test]
fn amounts_are_in_the_units_that_the_platform_counts_for_the_method() {
    let registry = Registry::empty().with(Forint).unwrap();
    let read = |amount: &str, layout: &Layout| {
        let file = format!("general.payment_id,payment.amount,payment.currency\nP-1,{amount}\n");
        let layout = layout.clone().method("forint");
        Plan::read(file.into(), &layout, &registry, ProjectId::new(1).unwrap())
    };
    let (minor, major) = (Layout::new(), Layout::new().amounts(AmountUnit::Major));
    for (amount, layout, sum, sent) in [
        ("300,HUF", &minor, "300.00 HUF", "\"amount\":300,"),
        ("300.00,HUF", &major, "300.00 HUF", "\"amount\":300,"),
        ("300,EUR", &minor, "3.00 EUR", "\"amount\":300,"),
        ("300.50,EUR", &major, "300.50 EUR", "\"amount\":30050,"),
    ] {
        let plan = read(amount, layout).unwrap();
        assert_eq!(plan.totals()[0].sum.unwrap().to_string(), sum, "{amount}");
        assert!(body(&plan, 0).contains(sent), "{amount}: {}", body(&plan, 0));
    }
    assert_eq!(
        read("300.50,HUF", &minor).unwrap_err().to_string(),
        "line 2, `payment.amount`: has a decimal point, but the platform counts HUF in whole major \
         units for this method: leave the fraction out"
    );
    assert_eq!(
        read("300.50,HUF", &major).unwrap_err().to_string(),
        "line 2, `payment.amount`: is 300.50 HUF, and the platform counts HUF in whole major units \
         for this method: leave the fraction out"
    );
}
