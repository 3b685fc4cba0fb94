//! What a method's page has a plus for is offered on that interface, and nothing else is: the specs
//! are the tables, and the pages of the Dashboard and the Payment Page are held to them.

use ecp_core::Money;
use ecp_methods::mass_file::{self, RowKind};
use ecp_methods::spec::Interface;
use ecp_methods::{DynMethod, MethodSpec, Operation};
use ecp_sandbox::Config;
use http::{Request, StatusCode, header};

use crate::declared::{self, on_gate};
use crate::outside;
use crate::support::{World, form_encoded};

fn specs() -> Vec<&'static MethodSpec> {
    outside::everything().iter().map(DynMethod::spec).collect()
}

fn offers(spec: &MethodSpec, flow: Operation, interface: Interface) -> bool {
    spec.rule(flow).is_some_and(|rule| rule.interfaces().contains(&interface))
}

async fn page(world: &World, path: &str) -> String {
    let page = world.open(path).await;
    assert_eq!(page.status, StatusCode::OK, "{path}");
    page.text
}

#[tokio::test]
async fn forms_of_the_dashboard_offer_what_the_tables_have_and_nothing_else() {
    let world = declared::world().await;
    let payouts = page(&world, "/dashboard/payouts").await;
    let links = page(&world, "/dashboard/links").await;
    let template = page(&world, "/dashboard/payouts/example.csv").await;
    for spec in specs() {
        let option = |text: &str| text.contains(&format!("<option value=\"{}\"", spec.code()));
        let has = |flow| offers(spec, flow, Interface::Dashboard);
        assert_eq!(option(&payouts), has(Operation::PAYOUT), "{}", spec.code());
        let has_links = offers(spec, Operation::SALE, Interface::PaymentLinks);
        assert_eq!(option(&links), has_links, "{}", spec.code());
        let code = spec.dashboard_code().unwrap_or(spec.code());
        for flow in [Operation::PAYOUT, Operation::REFUND] {
            let row = format!("\n{flow};1;{code};");
            assert_eq!(template.contains(&row), has(flow), "{} {flow}", spec.code());
        }
        // A form that was made by hand gets no more.
        if !has(Operation::PAYOUT) {
            let currency = spec.currencies()[0];
            let form = form_encoded(&[
                ("project", "1"),
                ("method", spec.code()),
                ("general.payment_id", "out-1"),
                ("amount", "100"),
                ("payment.currency", currency.code()),
                ("account.number", "93017949"),
                ("customer.id", "c1"),
            ]);
            let answer = world.submit("/dashboard/payouts", &form).await;
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", spec.code());
        }
    }
}

#[tokio::test]
async fn a_refund_is_offered_in_the_dashboard_where_the_table_has_it_and_nowhere_else() {
    let mut offered = Vec::new();
    for spec in on_gate(Operation::SALE) {
        let mut world = declared::world().await;
        let Some(amount) = declared::plain_sale(spec) else { continue };
        declared::sale(&mut world, spec, amount, "success").await;
        let has = offers(spec, Operation::REFUND, Interface::Dashboard);
        let shown = page(&world, "/dashboard/payment?project=1&id=X1").await;
        assert_eq!(shown.contains("/dashboard/payment/refund"), has, "{}", spec.code());
        let answer = world.submit("/dashboard/payment/refund", "project=1&id=X1").await;
        let expected = if has { StatusCode::SEE_OTHER } else { StatusCode::NOT_FOUND };
        assert_eq!(answer.status, expected, "{}: {}", spec.code(), answer.text);
        offered.extend(has.then_some(spec.code()));
    }
    assert!(offered.contains(&"open"), "{offered:?}");
}

/// A line of a mass file. An object's cell has quotes, and is put in quotes.
fn csv_line(record: &[String]) -> String {
    let cell = |cell: &String| {
        if cell.contains('"') { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.clone() }
    };
    record.iter().map(cell).collect::<Vec<_>>().join(";")
}

/// Uploads a mass file, and returns the batch's page once all of it is through.
async fn upload(world: &World, file: &str, rows: usize) -> String {
    let body = format!(
        "--b\r\ncontent-disposition: form-data; name=\"project\"\r\n\r\n1\r\n\
         --b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"f.csv\"\r\n\r\n\
         {file}\r\n--b--\r\n"
    );
    let request = Request::post("/dashboard/payouts/batches")
        .header(header::CONTENT_TYPE, "multipart/form-data; boundary=b");
    let begun = world.call(request.body(body.into()).unwrap()).await;
    assert_eq!(begun.status, StatusCode::SEE_OTHER, "{}", begun.text);
    let batch = begun.header(header::LOCATION).to_owned();
    loop {
        let shown = page(world, &batch).await;
        if shown.contains(&format!("{rows} of {rows}\n")) {
            return shown;
        }
        world.sandbox.settled().await;
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_mass_file_does_what_the_dashboard_has_and_refuses_the_rest() {
    for spec in specs() {
        let mut world = declared::world().await;
        let is_paid = on_gate(Operation::SALE).iter().any(|one| one.code() == spec.code());
        if let Some(amount) = declared::plain_sale(spec).filter(|_| is_paid) {
            declared::sale(&mut world, spec, amount, "success").await;
        }
        let project = Config::DEMO_PROJECT;
        let kinds = [RowKind::Payout, RowKind::Refund];
        for kind in kinds.into_iter().filter(|kind| spec.rule(kind.operation()).is_some()) {
            let flow = kind.operation();
            let records = mass_file::template(project, [(spec, kind)]);
            let lines: Vec<String> = records.iter().map(|record| csv_line(record)).collect();
            let file = lines.join("\n").replace(&format!("order-{}-1", spec.code()), "X1");
            let shown = upload(&world, &file, 1).await;
            let has = offers(spec, flow, Interface::Dashboard);
            assert_eq!(!shown.contains(">refused<"), has, "{} {flow}: {shown}", spec.code());
            assert!(shown.contains(&format!("data-label=\"Operation\">{flow}</td>")), "{shown}");
            assert!(!shown.contains("documents ask for"), "{shown}");
        }
    }
}

#[tokio::test]
async fn a_refund_row_names_its_payment_by_id_or_by_operation() {
    let spec = outside::everything().get("open").unwrap().spec();
    let head = "operation_type;method;general.payment_id;general.operation_id;payment.description";
    for by_operation in [false, true] {
        let mut world = declared::world().await;
        declared::sale(&mut world, spec, Money::from_minor(1000, spec.currencies()[0]), "success")
            .await;
        let all = ecp_sandbox::Filter::default();
        let paid = world.sandbox.payments(&all, ecp_sandbox::Paging::ALL).items.remove(0);
        let operation = paid.operations[0].id;
        let (row, none) = if by_operation {
            (format!("refund;open;;{operation};x"), "refund;open;;9;x")
        } else {
            ("refund;open;X1;;x".to_owned(), "refund;open;X9;;x")
        };
        let shown = upload(&world, &format!("{head}\n{row}\n{none}"), 2).await;
        assert!(shown.contains("<dt>Succeeded</dt><dd>1</dd>"), "{shown}");
        assert!(shown.contains("<dt>Not registered</dt><dd>1</dd>"), "{shown}");
        assert!(shown.contains("id=X1\"><span class=\"word\">X1</span></a>"), "{shown}");
        let why = if by_operation { "No payment has an operation with this id." } else { "3061" };
        assert!(shown.contains(why), "{shown}");
        let paid = world.sandbox.payments(&all, ecp_sandbox::Paging::ALL).items.remove(0);
        assert_eq!((paid.left.minor(), paid.operations.len()), (0, 2));
    }
}

#[tokio::test]
async fn a_file_of_another_form_is_read_and_says_what_the_platform_asks_for() {
    let world = World::new().await;
    let file = "\u{feff}method,general.payment_id,payment.amount,payment.currency,customer.id,\
                customer.ip_address,account.number\r\ntouchngo,P-1,5000,MYR,u1,192.0.2.1,7\r\n";
    let shown = upload(&world, file, 1).await;
    let asks = "ask for UTF-8 without a byte order mark, `;` between the cells, a column \
                `operation_type`; this file is another";
    assert!(shown.contains(asks) && shown.contains(">success<"), "{shown}");
}
