use std::io::Cursor;

use calamine::{Data, Reader, Xlsx};
use ecp_browser_tests::{Browser, World};
use ecp_core::PaymentId;
use ecp_methods::page::PageOptions;
use ecp_methods::spec::Interface;
use ecp_methods::{DynMethod, Operation, Registry};
use ecp_sandbox::{Config, Decision, EventKind, Fault, FaultRule, Filter, Paging};
use serde_json::json;

use crate::browser;
use crate::hostile::ask;

/// A method with payouts in the Dashboard.
pub(crate) fn paying_out(registry: &Registry) -> &dyn DynMethod {
    let has = |method: &&dyn DynMethod| {
        let rule = method.spec().rule(Operation::PAYOUT);
        rule.is_some_and(|rule| rule.interfaces().contains(&Interface::Dashboard))
    };
    registry.iter().find(has).unwrap()
}

/// Uploads a file of payouts.
pub(crate) async fn upload(browser: &Browser, world: &World, name: &str, content: &str) {
    let file = browser.file(name, content.as_bytes()).unwrap();
    browser.goto(&format!("{}/dashboard/payouts", world.url)).await.unwrap();
    let input = browser.find("form[enctype] input[type=file]").await.unwrap();
    input.send_keys(file.display().to_string()).await.unwrap();
    browser.click("form[enctype] button").await.unwrap();
}

/// A sale on Gate that waits for its customer.
pub(crate) async fn waiting_sale(world: &World, id: &str) {
    waiting_sale_of(world, id, "EUR").await;
}

/// The same in another currency.
async fn waiting_sale_of(world: &World, id: &str, currency: &str) {
    let back = format!("{}/paid", world.merchant.url());
    let order = json!({
        "general": {"payment_id": id},
        "customer": {"id": "customer-1", "ip_address": "192.0.2.1"},
        "payment": {"amount": 10_000, "currency": currency, "description": "deposit"},
        "return_url": {"success": back, "decline": back},
    });
    ask(world, "/v2/payment/wallet/jeton/sale", order).await;
    world.sandbox.settled().await;
}

/// A sale on the Payment Page, to its end.
async fn sell(browser: &Browser, world: &World, id: &str, success: bool) {
    let registry = Registry::builtin();
    let method = World::methods(&registry).next().unwrap();
    let page = world.page(method, id, World::amount(method), PageOptions::new()).unwrap();
    browser.goto(&page.url()).await.unwrap();
    browser.click("form button.primary").await.unwrap();
    browser.decide(success).await.unwrap();
    browser.find("[data-stage=ended]").await.unwrap();
    world.merchant.final_status(id).await.unwrap();
}

#[tokio::test]
async fn a_file_of_payouts_is_paid_out_row_by_row() {
    let browser = browser!();
    let world = World::open().await.unwrap();
    let registry = Registry::builtin();
    let spec = paying_out(&registry).spec();
    let (gate, currency) = (spec.gate_path().unwrap(), spec.currencies()[0]);
    let amount = spec.rule(Operation::PAYOUT).unwrap().example_amount(currency).minor();
    let declined = spec.testing().declined_amounts()[0];
    let row =
        |id: &str, amount: i64| format!("{gate};{id};{amount};{currency};93017949;c1;192.0.2.1\n");
    let table = [
        "method;general.payment_id;payment.amount;payment.currency;account.number;customer.id;customer.ip_address\n".to_owned(),
        row("mass-1", amount),
        row("mass-2", declined),
        row("mass-1", amount),
        row("mass-3", amount),
    ]
    .concat();
    upload(&browser, &world, "november.csv", &table).await;
    browser.find(".headline .badge.yes").await.unwrap();
    let text = browser.text().await.unwrap();
    for expected in ["4 of 4", "november.csv", "done", "3041", "decline"] {
        assert!(text.contains(expected), "{expected} in {text}");
    }
    let status = |id: &str| {
        let payment = world.sandbox.payment(Config::DEMO_PROJECT, &PaymentId::new(id).unwrap());
        payment.unwrap().status.as_str().to_owned()
    };
    assert_eq!(["mass-1", "mass-2", "mass-3"].map(status), ["success", "decline", "success"]);
    for (id, expected) in [("mass-1", "success"), ("mass-2", "decline")] {
        assert_eq!(world.merchant.final_status(id).await.unwrap(), expected);
    }

    upload(&browser, &world, "wrong.csv", "a;b\n1;2\n").await;
    let told = browser.find(".notice.no").await.unwrap().text().await.unwrap();
    assert!(told.contains("general.payment_id"), "{told}");
}

#[tokio::test]
async fn a_mass_payout_shows_how_far_it_is() {
    let browser = browser!();
    let world = World::open().await.unwrap();
    let registry = Registry::builtin();
    let spec = paying_out(&registry).spec();
    let (gate, currency) = (spec.gate_path().unwrap(), spec.currencies()[0]);
    let amount = spec.rule(Operation::PAYOUT).unwrap().example_amount(currency).minor();
    world.sandbox.add_fault(FaultRule::new(Fault::StalePayment).payment_id("slow-2"));
    let names = "general.payment_id,payment.amount,payment.currency,account.number,customer.id,\
                 customer.ip_address,method\n";
    let row = |id| format!("{id},{amount},{currency},93017949,c1,192.0.2.1,{gate}\n");
    let table = [names.to_owned(), row("slow-1"), row("slow-2"), row("slow-3")].concat();
    upload(&browser, &world, "slow.csv", &table).await;
    browser.wait_for("document.querySelector('progress')?.value === 2").await.unwrap();
    let text = browser.text().await.unwrap();
    assert!(text.contains("2 of 3") && text.contains("processing"), "{text}");
    assert!(world.sandbox.release(Config::DEMO_PROJECT, &PaymentId::new("slow-2").unwrap()));
    // The page looks again by itself.
    browser.find(".headline .badge.yes").await.unwrap();
    assert!(browser.text().await.unwrap().contains("3 of 3"));
}

#[tokio::test]
async fn exported_rows_are_the_payments() {
    let browser = browser!();
    let world = World::open().await.unwrap();
    for (id, success) in [("=1+1", true), ("plain", false), ("other", true)] {
        sell(&browser, &world, id, success).await;
    }
    browser.goto(&format!("{}/dashboard?status=success", world.url)).await.unwrap();
    browser.click("a[href*='.csv']").await.unwrap();
    let file = browser.download("payments.csv").await.unwrap();
    let mut reader = csv::Reader::from_reader(file.as_slice());
    let names = reader.headers().unwrap().clone();
    let column = |name: &str| names.iter().position(|found| found == name).unwrap();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    // A spreadsheet would compute the id: it must be told that it is text.
    let ids: Vec<&str> = rows.iter().map(|row| &row[column("payment_id")]).collect();
    assert_eq!(ids, ["other", "'=1+1"]);
    let filter = Filter::new().status("success");
    let payments = world.sandbox.payments(&filter, Paging::ALL).items;
    for (row, payment) in rows.iter().zip(&payments) {
        assert_eq!(row[column("amount_minor")], payment.amount.minor().to_string());
        assert_eq!(row[column("currency")], *payment.amount.currency().code());
        assert_eq!(&row[column("status")], "success");
    }

    browser.click("a[href*='.xlsx']").await.unwrap();
    let file = browser.download("payments.xlsx").await.unwrap();
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(file)).unwrap();
    let sheet = book.worksheet_range_at(0).unwrap().unwrap();
    let rows: Vec<&[Data]> = sheet.rows().collect();
    assert_eq!(rows.len(), 3);
    let place = |name: &str| rows[0].iter().position(|cell| *cell == *name).unwrap();
    assert_eq!(rows[2][place("payment_id")], Data::String("=1+1".to_owned()));
    #[expect(clippy::cast_precision_loss, reason = "spreadsheets count in doubles")]
    let minor = payments[0].amount.minor() as f64;
    assert_eq!(rows[1][place("amount_minor")], Data::Float(minor));
    let formulas = book.worksheet_formula("Payments").unwrap();
    assert!(formulas.rows().flatten().all(String::is_empty));
}

#[tokio::test]
async fn a_report_is_made_once_and_periodically_and_downloaded() {
    let browser = browser!();
    let world = World::open().await.unwrap();
    for (id, success) in [("=1+1", true), ("plain", false)] {
        sell(&browser, &world, id, success).await;
    }
    // What the other pages complained about.
    browser.complaints().await.unwrap();
    let reports = format!("{}/dashboard/reports", world.url);
    browser.goto(&format!("{}/dashboard", world.url)).await.unwrap();
    browser.click("nav a[href='/dashboard/reports']").await.unwrap();
    browser.fill("input[name=name]", "Successes").await.unwrap();
    let status = browser.find("select[name=status]").await.unwrap();
    status.send_keys("success").await.unwrap();
    browser.fill("input[name=columns]", "payment_id, status").await.unwrap();
    browser.click("form .primary").await.unwrap();
    browser.arrives(&format!("{reports}?done=report")).await.unwrap();
    let name = browser.find("table.reports tbody th a").await.unwrap().text().await.unwrap();
    assert!(name.starts_with("successes-"), "{name}");
    browser.click("table.reports tbody th a").await.unwrap();
    let file = browser.download(&name).await.unwrap();
    assert_eq!(String::from_utf8(file).unwrap(), "payment_id,status\n'=1+1,success\n");

    browser.fill("input[name=name]", "Each week").await.unwrap();
    browser.click("select[name=format] option:nth-child(2)").await.unwrap();
    browser.click("select[name=repeat] option:nth-child(3)").await.unwrap();
    browser.fill("input[name=zone]", "Europe/Berlin").await.unwrap();
    browser.click("form .primary").await.unwrap();
    browser.arrives(&format!("{reports}?done=template")).await.unwrap();
    let row = browser.find("table.templates tbody tr").await.unwrap().text().await.unwrap();
    let schedule = "weekly monday 07:00 Europe/Berlin";
    assert!(row.contains("Each week") && row.contains(schedule), "{row}");
    browser.click("form[action$=make] button[aria-label*='Each week']").await.unwrap();
    browser
        .wait_for("document.querySelectorAll('table.reports tbody tr').length === 2")
        .await
        .unwrap();
    let name = browser.find("table.reports tbody th a").await.unwrap().text().await.unwrap();
    browser.click("table.reports tbody th a").await.unwrap();
    let file = browser.download(&name).await.unwrap();
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(file)).unwrap();
    // The payments are of this week, and the report of the week before.
    assert_eq!(book.worksheet_range_at(0).unwrap().unwrap().rows().count(), 1);
    browser.click("form[action$=remove] button[aria-label*='Each week']").await.unwrap();
    browser.arrives(&format!("{reports}?done=template-removed")).await.unwrap();

    // A mistake keeps what was filled in.
    browser.fill("input[name=name]", "Wrong").await.unwrap();
    browser.fill("input[name=columns]", "sum").await.unwrap();
    browser.click("form .primary").await.unwrap();
    let notice = browser.find(".notice.no").await.unwrap().text().await.unwrap();
    assert!(notice.contains("no column `sum`"), "{notice}");
    let name = browser.find("input[name=name]").await.unwrap().value().await.unwrap();
    assert_eq!(name.as_deref(), Some("Wrong"));
    let complaints = browser.complaints().await.unwrap();
    let unexpected: Vec<_> = complaints.iter().filter(|text| !text.contains("422")).collect();
    assert!(unexpected.is_empty(), "{unexpected:?}");
}

#[tokio::test]
async fn a_payment_tells_its_story_and_callbacks_are_sent_by_hand() {
    let browser = browser!();
    let world = World::open().await.unwrap();
    sell(&browser, &world, "story", true).await;
    browser.goto(&format!("{}/dashboard", world.url)).await.unwrap();
    browser.click("tbody th a").await.unwrap();
    browser.find(".timeline").await.unwrap();
    let text = browser.text().await.unwrap();
    for expected in
        ["The Payment Page was opened", "The customer pressed success", "the merchant answered 200"]
    {
        assert!(text.contains(expected), "{expected} in {text}");
    }
    browser.click("li:has(.again) > details > summary").await.unwrap();
    browser.click("li:has(.again) details details summary").await.unwrap();
    let text = browser.text().await.unwrap();
    assert!(text.contains("payment:status:success") && text.contains("signature valid"), "{text}");

    let attempts = || {
        let id = PaymentId::new("story").unwrap();
        let events = world.sandbox.timeline(Config::DEMO_PROJECT, &id);
        let answers = events.into_iter().filter_map(|event| match event.kind {
            EventKind::CallbackAttempted { answer, .. } => Some(answer.unwrap()),
            _ => None,
        });
        answers.collect::<Vec<u16>>()
    };
    let before = attempts().len();
    let payment = format!("{}/dashboard/payment?project=1&id=story", world.url);
    browser.click("form.again button").await.unwrap();
    browser.arrives(&format!("{payment}&done=resent")).await.unwrap();
    world.sandbox.settled().await;
    assert_eq!(attempts().len(), before + 1);

    // An edited callback without a new signature is refused by the merchant.
    browser
        .fill("textarea", r#"{"project_id": 1, "payment": {"id": "story"}, "signature": "x"}"#)
        .await
        .unwrap();
    browser.click("input[name=sign]").await.unwrap();
    let mut events = world.sandbox.subscribe();
    browser.click("form[action$='/callback'] button").await.unwrap();
    browser.arrives(&format!("{payment}&done=sent")).await.unwrap();
    let refused = async {
        loop {
            let event = events.next().await.expect("the sandbox is there");
            if matches!(event.kind, EventKind::CallbackAttempted { answer: Ok(400), .. }) {
                break;
            }
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), refused).await.unwrap();
    let id = PaymentId::new("story").unwrap();
    assert_eq!(
        world.sandbox.payment(Config::DEMO_PROJECT, &id).unwrap().status.as_str(),
        "success"
    );
}

#[tokio::test]
async fn faults_links_and_payouts_are_made_by_forms() {
    let browser = browser!();
    let world = World::open().await.unwrap();
    browser.goto(&format!("{}/dashboard/faults", world.url)).await.unwrap();
    // The form shows the fields of the fault that is chosen.
    let fields = "[...document.querySelectorAll('[data-for]')].filter((it) => !it.hidden)
        .map((it) => it.querySelector('input, select').name).join()";
    for (fault, names) in [
        ("delay_answer", "millis,path"),
        ("server_error", "status,registered,path"),
        ("lose_callback", "path,callback"),
    ] {
        browser.click(&format!("input[value={fault}]")).await.unwrap();
        assert_eq!(browser.wait_for(fields).await.unwrap(), names);
    }
    browser.fill("input[name=payment_id]", "nobody").await.unwrap();
    browser.click("form .primary").await.unwrap();
    browser.find(".rules li").await.unwrap();
    assert_eq!(world.sandbox.faults().len(), 1);
    browser.click("form[action$=clear] button").await.unwrap();
    browser.arrives(&format!("{}/dashboard/faults?done=cleared", world.url)).await.unwrap();
    assert!(world.sandbox.faults().is_empty());

    browser.goto(&format!("{}/dashboard/links", world.url)).await.unwrap();
    browser.fill("input[name=payment_id]", "by-link").await.unwrap();
    browser.fill("input[name=customer_id]", "c1").await.unwrap();
    browser.fill("input[name=amount]", "50").await.unwrap();
    browser.click("form .primary").await.unwrap();
    let link = browser.find("input.address").await.unwrap();
    let link = link.value().await.unwrap().unwrap();
    browser.goto(&link).await.unwrap();
    browser.fill_in().await.unwrap();
    browser.click("form button.primary").await.unwrap();
    browser.decide(true).await.unwrap();
    assert_eq!(world.merchant.final_status("by-link").await.unwrap(), "success");

    browser.goto(&format!("{}/dashboard/payouts", world.url)).await.unwrap();
    browser.fill("input[name='general.payment_id']", "by-hand").await.unwrap();
    browser.fill("input[name=amount]", "50").await.unwrap();
    browser.fill("input[name='account.number']", "93017949").await.unwrap();
    browser.fill("input[name='customer.id']", "c1").await.unwrap();
    browser.click("form[action='/dashboard/payouts'] .primary").await.unwrap();
    browser.find(".notice.yes").await.unwrap();
    assert_eq!(world.merchant.final_status("by-hand").await.unwrap(), "success");
}

#[tokio::test]
async fn open_pages_show_changes_by_themselves_and_keep_what_a_person_does() {
    let browser = browser!();
    let world = World::open().await.unwrap();
    waiting_sale(&world, "live-1").await;
    browser.goto(&format!("{}/dashboard", world.url)).await.unwrap();
    browser.find("tbody .badge.wait").await.unwrap();
    let decide = |id: &str| {
        let id = PaymentId::new(id).unwrap();
        assert!(world.sandbox.choose(Config::DEMO_PROJECT, &id, Decision::Success, None));
    };
    decide("live-1");
    browser.find("tbody .badge.yes").await.unwrap();

    // The page of a payment: what was opened stays open, what is filled in is not lost.
    waiting_sale(&world, "live-2").await;
    browser.goto(&format!("{}/dashboard/payment?project=1&id=live-2", world.url)).await.unwrap();
    browser.click(".timeline details summary").await.unwrap();
    decide("live-2");
    browser.find(".headline .badge.yes").await.unwrap();
    browser.wait_for("document.querySelector('.timeline details[open]') !== null").await.unwrap();
    browser.fill("textarea", "{}").await.unwrap();
    assert!(world.sandbox.resend_callback(
        Config::DEMO_PROJECT,
        &PaymentId::new("live-2").unwrap(),
        1
    ));
    let resent = "document.querySelector('.timeline > li:last-child').innerText";
    let resent = format!("{resent}.includes('Callback 1, attempt 1')");
    browser.wait_for(&resent).await.unwrap();
    let body = browser.find("textarea").await.unwrap().value().await.unwrap();
    assert_eq!(body.as_deref(), Some("{}"));

    // What is shown can be copied, and times are those of the browser's zone where it is wanted.
    browser.click(".headline [data-copy]").await.unwrap();
    let copied = "document.querySelector('.headline [data-copy]').textContent === 'Copied'";
    browser.wait_for(copied).await.unwrap();
    let time = "document.querySelector('.facts time').textContent";
    let utc = browser.wait_for(time).await.unwrap();
    let zone = json!({"timezoneId": "Asia/Tokyo"});
    browser.driver.cdp().send_raw("Emulation.setTimezoneOverride", zone).await.unwrap();
    browser.driver.refresh().await.unwrap();
    browser.click("[data-zone]").await.unwrap();
    assert_ne!(browser.wait_for(time).await.unwrap(), utc);
    assert!(browser.text().await.unwrap().contains("Times are in Asia/Tokyo. Show UTC"));
    browser.click("[data-zone]").await.unwrap();
    assert_eq!(browser.wait_for(time).await.unwrap(), utc);

    // Nothing moves on a page that is paused.
    browser.goto(&format!("{}/dashboard/analytics", world.url)).await.unwrap();
    let succeeded = "document.querySelectorAll('.tiles dd')[1].textContent";
    assert_eq!(browser.wait_for(succeeded).await.unwrap(), "2");
    browser.click("[data-pause]").await.unwrap();
    waiting_sale(&world, "live-3").await;
    decide("live-3");
    world.sandbox.settled().await;
    tokio::time::sleep(std::time::Duration::from_millis(700)).await;
    assert_eq!(browser.wait_for(succeeded).await.unwrap(), "2");
    browser.click("[data-pause]").await.unwrap();
    browser.wait_for(&format!("{succeeded} === '3'")).await.unwrap();

    // Without scripts the same is there after a reload.
    browser.scripts(false).await.unwrap();
    browser.goto(&format!("{}/dashboard/analytics", world.url)).await.unwrap();
    browser.find("[data-reload]").await.unwrap();
}

#[tokio::test]
async fn what_a_person_chooses_on_a_live_page_is_not_thrown_away() {
    let browser = browser!();
    let world = World::open().await.unwrap();
    for (id, currency) in [("euro-1", "EUR"), ("euro-2", "EUR"), ("yen-1", "JPY")] {
        waiting_sale_of(&world, id, currency).await;
    }
    let analytics = format!("{}/dashboard/analytics", world.url);
    browser.goto(&analytics).await.unwrap();
    let all = "document.querySelector('.tiles dd').textContent";
    let currency = "document.querySelector('figure select').value";
    let away = "document.activeElement.blur() ?? true";
    assert_eq!(browser.wait_for(currency).await.unwrap(), "EUR");

    // Chosen and left, but not sent yet: an update waits.
    browser.click("figure select option:nth-child(2)").await.unwrap();
    browser.wait_for(away).await.unwrap();
    waiting_sale_of(&world, "euro-3", "EUR").await;
    tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
    assert_eq!(browser.wait_for(currency).await.unwrap(), "JPY");
    assert_eq!(browser.wait_for(all).await.unwrap(), "3");
    browser.click("figure button").await.unwrap();
    browser.arrives(&format!("{analytics}?currency=JPY")).await.unwrap();
    assert_eq!(browser.wait_for(all).await.unwrap(), "4");

    // What came from the server as chosen is no change, and what is taken back is none any more.
    waiting_sale_of(&world, "euro-4", "EUR").await;
    browser.wait_for(&format!("{all} === '5'")).await.unwrap();
    for field in [
        "<input id=probe type=checkbox checked>",
        "<select id=probe><option>a<option>b</select>",
        "<select id=probe multiple><option>a<option selected>b</select>",
    ] {
        let region = "document.querySelector('.region')";
        let insert = format!("{region}.insertAdjacentHTML('beforeend', '{field}') ?? true");
        browser.wait_for(&insert).await.unwrap();
        let press =
            if field.contains("<select") { "#probe option:first-child + option" } else { "#probe" };
        browser.click(press).await.unwrap();
        browser.wait_for(away).await.unwrap();
        let id = format!("changed-{}", field.len());
        waiting_sale_of(&world, &id, "EUR").await;
        tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
        browser.wait_for("document.querySelector('#probe') !== null").await.unwrap();
        let restore = "[...document.querySelectorAll('#probe, #probe option')].forEach((it) => { \
                       it.checked = it.defaultChecked; it.selected = it.defaultSelected; }) ?? true";
        browser.wait_for(restore).await.unwrap();
        browser.wait_for("document.querySelector('#probe') === null").await.unwrap();
    }
    assert_eq!(browser.wait_for(all).await.unwrap(), "8");
    assert_eq!(browser.complaints().await.unwrap(), [""; 0]);
}

#[tokio::test]
async fn other_sites_cannot_use_the_dashboard() {
    let browser = browser!();
    let world = World::open().await.unwrap();
    browser.goto(&format!("{}/paid", world.merchant.url())).await.unwrap();
    let script = format!(
        "const form = document.createElement('form'); form.method = 'post'; \
         form.action = '{}/dashboard/faults/clear'; document.body.append(form); form.submit(); \
         return true;",
        world.url
    );
    browser.driver.execute(&script, Vec::new()).await.unwrap();
    browser.arrives(&format!("{}/dashboard/faults/clear", world.url)).await.unwrap();
    let text = browser.text().await.unwrap();
    assert!(text.starts_with("a page of another site sent this"), "{text}");
}
