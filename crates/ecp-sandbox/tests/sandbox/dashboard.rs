use ecp_core::Currency;
use ecp_methods::spec::Interface;
use ecp_methods::{
    Auth, Capture, PaymentMethod, Payout, Refund, Registry, Rule, Sale, Spec, Supports,
};
use ecp_sandbox::{Config, Fault, FaultRule, Filter, Paging};
use http::{Request, StatusCode, header};
use serde_json::json;

use crate::outside;
use crate::support::{SALE, World, form_encoded};

async fn text(world: &World, path: &str) -> String {
    let page = world.open(path).await;
    assert_eq!(page.status, StatusCode::OK, "{path}");
    page.text
}

#[tokio::test]
async fn every_page_shows_itself_empty_and_filled() {
    let mut world = World::new().await;
    let pages =
        ["", "/operations", "/analytics", "/reports", "/payouts", "/links", "/methods", "/faults"];
    for path in pages {
        let page = world.open(&format!("/dashboard{path}")).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        let policy = page.header(header::CONTENT_SECURITY_POLICY);
        assert!(policy.contains("script-src 'self'") && policy.ends_with("frame-ancestors 'none'"));
        assert!(!page.text.contains("<script>") && !page.text.contains(" style="), "{path}");
        assert!(page.text.contains("no real money"), "{path}");
    }
    assert_eq!(world.open("/").await.header(header::LOCATION), "/dashboard");
    let sale = world.sale("a/b?c&d", 10_000, "EUR");
    world.whole_sale(sale, "success").await;
    let sale = world.sale("other", 10_000, "EUR");
    world.whole_sale(sale, "decline").await;

    let list = text(&world, "/dashboard").await;
    assert!(list.contains("/dashboard/payment?project=1&#38;id=a%2Fb%3Fc%26d"), "{list}");
    assert!(!text(&world, "/dashboard?status=decline").await.contains("a/b?c&#38;d"));
    let payment = text(&world, "/dashboard/payment?project=1&id=a%2Fb%3Fc%26d").await;
    for expected in
        ["POST /v2/payment/wallet/jeton/sale", "Callback 1, attempt 1", "payment:id:a/b"]
    {
        assert!(payment.contains(expected), "{expected} in {payment}");
    }
    assert!(text(&world, "/dashboard/operations?kind=sale").await.contains("1 to 2 of 2"));
    let analytics = text(&world, "/dashboard/analytics").await;
    for expected in ["50 % (1 of 2)", "20000 General decline", "<rect class=\"yes\"", "100.00 EUR"]
    {
        assert!(analytics.contains(expected), "{expected} in {analytics}");
    }
    let sale = world.sale("yen", 10_000, "JPY");
    world.whole_sale(sale, "success").await;
    // Choosing a currency keeps what the payments are narrowed to, and the other way round.
    let narrowed = text(&world, "/dashboard/analytics?status=success&currency=JPY").await;
    for expected in ["name=\"status\" value=\"success\"", "name=\"currency\" value=\"JPY\""] {
        assert!(narrowed.contains(expected), "{expected} in {narrowed}");
    }
    let (_, volume) = narrowed.split_once("<h2>Volume").unwrap();
    assert!(volume.contains("10000 JPY") && !volume.contains("100.00 EUR"), "{narrowed}");
    assert!(
        narrowed.contains("<dt>Balance</dt><dd class=\"sum\">10000100.00 EUR</dd>"),
        "{narrowed}"
    );

    let file = text(&world, "/dashboard/export/operations.csv?status=success&text=a%2Fb").await;
    let mut rows = csv::Reader::from_reader(file.as_bytes());
    let place = |names: &csv::StringRecord, name| names.iter().position(|n| n == name).unwrap();
    let names = rows.headers().unwrap().clone();
    let rows: Vec<_> = rows.records().map(Result::unwrap).collect();
    let told = ["payment_id", "type", "status", "amount_minor", "currency"];
    let told: Vec<&str> = told.map(|name| &rows[0][place(&names, name)]).into();
    assert_eq!((rows.len(), told), (1, vec!["a/b?c&d", "sale", "success", "10000", "EUR"]));
    assert_eq!(world.open("/dashboard/payment?project=1&id=none").await.status, 404);
    assert_eq!(world.open("/dashboard/payouts/batches/1").await.status, 404);
}

/// The cells of a currency in the analytics: payments, success share, paid in, paid out, refunded.
fn money_line<'p>(analytics: &'p str, currency: &str) -> Vec<&'p str> {
    let row = analytics.split(&format!("role=\"rowheader\">{currency}</th>")).nth(1).unwrap();
    let cells = row.split("</tr>").next().unwrap().split("class=\"number\">").skip(1);
    cells.map(|cell| cell.split('<').next().unwrap()).collect()
}

#[derive(Debug)]
struct Wallet;

impl Supports<Sale> for Wallet {}
impl Supports<Payout> for Wallet {}
impl Supports<Refund> for Wallet {}
impl PaymentMethod for Wallet {
    const SPEC: Spec<Self> = Spec::new("wallet", "Wallet")
        .gate_path("wallet/both")
        .callback_names(&["Wallet"])
        .currencies(&[Currency::EUR, Currency::JPY])
        .flow::<Sale>(Rule::new().on(&[Interface::Gate]))
        .flow::<Payout>(Rule::new().on(&[Interface::Gate, Interface::Dashboard]))
        .flow::<Refund>(Rule::new().partial().on(&[Interface::Gate, Interface::Dashboard]));
}

#[tokio::test]
async fn analytics_have_money_in_major_units_shares_and_the_period_with_its_zone() {
    let start = "2026-11-27T11:00:00+0000".parse().unwrap();
    let registry = Registry::empty().with(Wallet).unwrap();
    let adjust = |config: Config| config.registry(registry).virtual_time(start);
    let mut world = World::with(adjust).await;
    for (id, amount, currency, decision) in [
        ("E1", 10_050, "EUR", "success"),
        ("E2", 20_000, "EUR", "decline"),
        ("E3", 9_950, "EUR", "success"),
        ("Y1", 10_000, "JPY", "success"),
    ] {
        let sale = world.sale(id, amount, currency);
        let page = world.sale_at("/v2/payment/wallet/both/sale", sale).await;
        world.press(&page, decision).await;
        world.shop.next().await;
    }
    let refund = "project=1&id=E1&amount=0.45";
    let refunded = world.submit("/dashboard/payment/refund", refund).await;
    assert_eq!(refunded.status, StatusCode::SEE_OTHER, "{}", refunded.text);
    world.sandbox.settled().await;
    assert!(world.sandbox.advance(std::time::Duration::from_secs(90)).await);
    let payout = form_encoded(&[
        ("project", "1"),
        ("method", "wallet"),
        ("general.payment_id", "out-1"),
        ("amount", "25"),
        ("payment.currency", "EUR"),
    ]);
    let paid = world.submit("/dashboard/payouts", &payout).await;
    assert_eq!(paid.status, StatusCode::SEE_OTHER, "{}", paid.text);
    world.sandbox.settled().await;

    let shown = text(&world, "/dashboard/analytics").await;
    let euro = ["4", "75 %", "200.00 EUR", "25.00 EUR", "0.45 EUR"];
    assert_eq!(money_line(&shown, "EUR"), euro);
    assert_eq!(money_line(&shown, "JPY"), ["1", "100 %", "10000 JPY", "0 JPY", "0 JPY"]);
    for expected in [
        "<dt>Success share</dt><dd>80 %</dd>",
        "data-live>2026-11-27 11:00:00 to 2026-11-27 11:01:30, UTC<",
        "1 (100 %)",
    ] {
        assert!(shown.contains(expected), "{expected} in {shown}");
    }
    // Days that are asked for are the period, also where nothing was paid.
    let shown = text(&world, "/dashboard/analytics?from=2026-11-01&to=2026-11-27&text=E2").await;
    assert!(shown.contains(">2026-11-01 00:00:00 to 2026-11-27 23:59:59, UTC<"), "{shown}");
    assert_eq!(money_line(&shown, "EUR"), ["1", "0 %", "0.00 EUR", "0.00 EUR", "0.00 EUR"]);
    let shown = text(&world, "/dashboard/analytics?from=2026-11-28&to=2026-11-28").await;
    assert!(shown.contains(">2026-11-28 00:00:00 to 2026-11-28 23:59:59, UTC<"), "{shown}");
}

#[tokio::test]
async fn callbacks_sent_by_hand_arrive_and_impossible_ones_are_reported() {
    let mut world = World::new().await;
    let sale = world.sale("X1", 10_000, "EUR");
    world.whole_sale(sale, "success").await;
    world.sandbox.settled().await;
    let resend = "project=1&id=X1&callback=2";
    let done = world.submit("/dashboard/payment/resend", resend).await;
    assert!(done.header(header::LOCATION).ends_with("&done=resent"), "{done:?}");
    assert_eq!(world.shop.next().await.verified()["payment"]["status"], "success");
    let none = world.submit("/dashboard/payment/resend", "project=1&id=X1&callback=9").await;
    assert!(none.text.contains("no callback with this number"), "{}", none.text);

    let body = r#"{"payment": {"id": "X1", "status": "refunded"}}"#;
    let form = form_encoded(&[("project", "1"), ("id", "X1"), ("body", body), ("sign", "1")]);
    world.submit("/dashboard/payment/callback", &form).await;
    assert_eq!(world.shop.next().await.verified()["payment"]["status"], "refunded");
    let form = form_encoded(&[("project", "1"), ("id", "X1"), ("body", "[<b>"), ("sign", "1")]);
    let refused = world.submit("/dashboard/payment/callback", &form).await;
    assert!(refused.text.contains("not a JSON object") && refused.text.contains("[&#60;b&#62;"));
}

#[tokio::test]
async fn a_payout_by_hand_is_checked_as_on_gate() {
    let mut world = World::new().await;
    let project = ecp_sandbox::Project::new;
    let url = world.shop.url.clone();
    world.reopen(|_| {
        let key = ecp_core::Sensitive::new(Config::DEMO_KEY.to_owned());
        project(Config::DEMO_PROJECT, key).callback_url(url)
    });
    let form = |amount: &str| {
        form_encoded(&[
            ("project", "1"),
            ("method", "touchngo"),
            ("general.payment_id", "out-1"),
            ("amount", amount),
            ("payment.currency", "MYR"),
            ("account.number", "93017949"),
            ("customer.id", "c1"),
        ])
    };
    let refused = world.submit("/dashboard/payouts", &form("5.001")).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.text.contains("more decimals") && refused.text.contains("value=\"out-1\""));
    let done = world.submit("/dashboard/payouts", &form("50")).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
    let callback = world.shop.next().await.verified();
    assert_eq!(callback["operation"]["type"], "payout");
    assert_eq!(callback["payment"]["sum"]["amount"], 5_000);
    let twice = world.submit("/dashboard/payouts", &form("50")).await;
    assert!(twice.text.contains("3041"), "{}", twice.text);
}

#[tokio::test]
async fn the_list_says_how_callbacks_fare_and_finds_those_that_did_not_arrive() {
    let mut world = World::with(|config| {
        config.schedule(ecp_sandbox::Schedule::every(std::time::Duration::from_millis(5), 3))
    })
    .await;
    let sale = world.sale("fine", 10_000, "EUR");
    world.whole_sale(sale, "success").await;
    world.sandbox.settled().await;
    world.shop.answer(&[500, 500, 500]);
    let answer = world.send(SALE, world.sale("broken", 25_000, "EUR")).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    for _ in 0..3 {
        world.shop.next().await;
    }
    let mut nowhere = world.sale("nowhere", 10_000, "EUR");
    nowhere["general"]["merchant_callback_url"] = "https://shop.test/".into();
    world.send(SALE, nowhere).await;
    let failed = "after attempt 3: HTTP 500";
    while !text(&world, "/dashboard").await.contains(failed) {
        tokio::task::yield_now().await;
    }
    let list = text(&world, "/dashboard").await;
    for expected in ["delivered", "failed", failed, "not sent", "the address is not http://"] {
        assert!(list.contains(expected), "{expected} in {list}");
    }
    let failing = text(&world, "/dashboard?callbacks=failing").await;
    assert!(failing.contains("1 to 2 of 2") && !failing.contains(">fine<"), "{failing}");
    let operations = text(&world, "/dashboard/operations?callbacks=failing").await;
    assert!(operations.contains("1 to 2 of 2"), "{operations}");
    // A callback that is sent again and arrives is one no longer.
    assert!(world.sandbox.resend_callback(Config::DEMO_PROJECT, &"broken".parse().unwrap(), 1));
    world.shop.next().await;
    while text(&world, "/dashboard?callbacks=failing").await.contains(">broken<") {
        tokio::task::yield_now().await;
    }
    let found = |words: &str| {
        let found = world.sandbox.payments(&Filter::new().search(words), Paging::ALL).items;
        found.iter().map(|payment| payment.payment_id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(found("250"), ["broken"]);
    assert_eq!(found("250.00 eur"), ["broken"]);
    assert_eq!(found("BROK 1780597"), ["broken"]);
    assert_eq!(found("1780597"), ["nowhere", "broken", "fine"]);
    assert_eq!(found("0 fine"), ["fine"]);
    assert_eq!(found("250 USD"), [""; 0]);
    assert_eq!(text(&world, "/dashboard?text=250").await.matches("data-key").count(), 1);
}

#[tokio::test]
async fn pages_say_what_was_dropped_what_fits_no_filter_and_how_to_begin() {
    let mut world = World::with(|config| config.payment_history(2).event_history(12)).await;
    let empty = text(&world, "/dashboard").await;
    assert!(
        empty.contains("<code>ecp sale eco-voucher --sample</code>")
            && !empty.contains("older payments")
    );
    for id in ["X1", "X2", "X3"] {
        let sale = world.sale(id, 10_000, "EUR");
        world.whole_sale(sale, "decline").await;
    }
    world.sandbox.settled().await;
    let list = text(&world, "/dashboard").await;
    assert!(
        list.contains("1 older payments are not shown: the sandbox keeps the last 2"),
        "{list}"
    );
    let none = text(&world, "/dashboard?status=success&text=X1").await;
    assert!(none.contains("Nothing fits the filters: search “X1”, status “success”."), "{none}");
    assert!(none.contains("<a href=\"/dashboard\">Clear the filters</a>"), "{none}");
    let cut = "first events of this payment were removed from memory";
    let page = |id| format!("/dashboard/payment?project=1&id={id}");
    let all = "All events of this payment were removed";
    let first = text(&world, &page("X2")).await;
    assert!(first.contains(cut) || first.contains(all), "{first}");
    assert!(!text(&world, &page("X3")).await.contains("removed from memory"));
}

#[tokio::test]
async fn requests_for_the_status_are_folded() {
    let world = World::new().await;
    world.send(SALE, world.sale("X1", 10_000, "EUR")).await;
    world.sandbox.settled().await;
    for _ in 0..4 {
        assert_eq!(world.status("X1").await.status, StatusCode::OK);
    }
    let shown = text(&world, "/dashboard/payment?project=1&id=X1").await;
    assert!(shown.contains("The merchant asked for the status 4 times"), "{shown}");
    assert_eq!(shown.matches("POST /v2/payment/status").count(), 4);
    let milliseconds = "datetime=\"2019-04-15T16:31:13.000Z\">2019-04-15 16:31:13.000<";
    assert!(shown.contains(milliseconds), "{shown}");
}

#[tokio::test]
async fn a_refund_is_offered_as_long_as_the_engine_takes_one() {
    let mut world = outside::world().await;
    let sale = world.sale("X1", 5_000, "EUR");
    let page = world.sale_at(&format!("{}/sale", outside::OPEN), sale).await;
    let payment = "/dashboard/payment?project=1&id=X1";
    let form = "action=\"/dashboard/payment/refund\"";
    assert!(!text(&world, payment).await.contains(form));
    world.press(&page, "success").await;
    world.sandbox.settled().await;
    assert!(text(&world, payment).await.contains(form));
    // Whether a refund that ended in an error moved money is unknown: it is not offered again.
    world.sandbox.add_fault(FaultRule::new(Fault::EndInError));
    let done = world.submit("/dashboard/payment/refund", "project=1&id=X1").await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
    world.sandbox.settled().await;
    let shown = text(&world, payment).await;
    assert!(shown.contains("internal error") && !shown.contains(form), "{shown}");
}

/// Uploads a file of payouts, and returns the batch's page once it shows the progress.
async fn pay_out(world: &World, file: &str, progress: &str) -> String {
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
    while !text(world, &batch).await.contains(progress) {
        tokio::task::yield_now().await;
    }
    text(world, &batch).await
}

#[tokio::test]
async fn a_file_with_senseless_columns_is_read_to_its_end() {
    let world = World::new().await;
    let deep = format!("customer{}", ".x".repeat(100_000));
    let file = format!(
        "method,general,general.payment_id,payment.amount,payment.currency,payment,{deep}\n\
         touchngo,1,out-1,5000,MYR,2,3\n"
    );
    let shown = pay_out(&world, &file, "1 of 1").await;
    assert!(shown.contains("refused") && shown.contains("general.payment_id"), "{shown}");
}

#[tokio::test]
async fn a_mass_payout_counts_what_was_forgotten_as_no_success() {
    let world = World::with(|config| config.payment_history(2)).await;
    let row = |row| format!("touchngo,row-{row},5000,MYR,u{row},192.0.2.1,7\n");
    let rows = (0..5).map(row).collect::<Vec<String>>().concat();
    let file = format!(
        "method,general.payment_id,payment.amount,payment.currency,customer.id,\
         customer.ip_address,account.number\n{rows}"
    );
    let shown = pay_out(&world, &file, "5 of 5").await;
    for (name, count) in [("Succeeded", 2), ("Declined", 0), ("Forgotten by the sandbox", 3)] {
        let fact = format!("<dt>{name}</dt><dd>{count}</dd>");
        assert!(shown.contains(&fact), "{fact}: {shown}");
    }
}

#[tokio::test]
async fn faults_begin_and_end() {
    let world = World::new().await;
    let form = "fault=delay_callback&millis=50&payment_id=X1&times=1&percent=";
    let done = world.submit("/dashboard/faults", form).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
    assert_eq!(world.sandbox.faults().len(), 1);
    assert!(text(&world, "/dashboard/faults").await.contains("&#34;millis&#34;:50"));
    let words = "A callback is sent late; later ones may overtake it. <span class=\"quiet\">50 ms, \
                 payment X1, hits left: 1</span>";
    assert!(text(&world, "/dashboard/faults").await.contains(words));
    let wrong = world.submit("/dashboard/faults", "fault=lose_callback&millis=5").await;
    assert!(wrong.text.contains("has no `millis`"), "{}", wrong.text);
    let rule = world.sandbox.faults()[0].0;
    world.submit("/dashboard/faults/remove", &format!("rule={rule}")).await;
    assert!(world.sandbox.faults().is_empty());
    let again = world.submit("/dashboard/faults/remove", &format!("rule={rule}")).await;
    assert_eq!(again.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_link_opens_the_payment_page_until_it_expires() {
    let world = World::new().await;
    let form = form_encoded(&[
        ("project", "1"),
        ("method", "touchngo"),
        ("payment_id", "L1"),
        ("customer_id", "c1"),
        ("amount", "50.00"),
        ("currency", "MYR"),
        ("validity", "1 hour"),
    ]);
    let done = world.submit("/dashboard/links", &form).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
    let list = text(&world, "/dashboard/links").await;
    let (_, rest) = list.split_once("readonly value=\"").unwrap();
    let link = rest.split_once('"').unwrap().0.replace("&#38;", "&");
    assert!(
        text(&world, link.strip_prefix("http://sandbox.test").unwrap()).await.contains("50.00 MYR")
    );
    world.clock.advance(std::time::Duration::from_hours(1));
    let late = world.open(&link).await;
    assert!(late.text.contains("time to pay is over"), "{}", late.text);
    let foreign = world.submit("/dashboard/links", &form.replace("MYR", "EUR")).await;
    assert!(foreign.text.contains("does not take this currency"), "{}", foreign.text);
}

#[tokio::test]
async fn forms_of_other_sites_change_nothing() {
    let world = World::new().await;
    world.submit("/dashboard/faults", "fault=lose_callback").await;
    let foreign = |name: &'static str, value: &'static str| {
        let request = Request::post("/dashboard/faults/clear").header(name, value);
        request.header(header::HOST, "127.0.0.1:8080").body("".into()).unwrap()
    };
    for (name, value) in [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")] {
        assert_eq!(world.call(foreign(name, value)).await.status, StatusCode::FORBIDDEN);
    }
    assert_eq!(world.sandbox.faults().len(), 1);
    let stolen = Request::get("/dashboard").header(header::HOST, "evil.example");
    let answer = world.call(stolen.body("".into()).unwrap()).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    let own = world.call(foreign("origin", "http://127.0.0.1:8080")).await;
    assert_eq!(own.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn the_methods_are_listed_with_their_facts_and_narrowed() {
    let world = World::new().await;
    let all = text(&world, "/dashboard/methods").await;
    for expected in ["Jeton Wallet", "Touch&#38;Go", "<dt>Gate path</dt><dd>wallet/jeton</dd>"] {
        assert!(all.contains(expected), "{expected} in {all}");
    }
    let row = "<code>jeton</code>";
    let narrowed =
        text(&world, "/dashboard/methods?country=in&currency=INR&operation=payout").await;
    assert!(narrowed.contains(row) && !narrowed.contains("<code>wallet-partner</code>"));
    assert!(
        narrowed.contains("value=\"in\"") && narrowed.contains("<option selected>INR</option>")
    );
    let none = text(&world, "/dashboard/methods?country=IN&currency=MYR").await;
    assert!(none.contains(
        "Nothing to show: no method fits all filters; if one filter is left out: 1 method \
             without country IN"
    ));
    // A value of no filter narrows nothing.
    assert!(text(&world, "/dashboard/methods?currency=x&certainty=y").await.contains(row));
}

/// Money of the customer is held, and captured later.
#[derive(Debug)]
struct Held;

impl Supports<Auth> for Held {}
impl Supports<Capture> for Held {}
impl PaymentMethod for Held {
    const SPEC: Spec<Self> = Spec::new("held", "Held")
        .gate_path("wallet/held")
        .currencies(&[Currency::EUR])
        .flow::<Auth>(Rule::new().on(&[Interface::Gate]))
        .flow::<Capture>(Rule::new().partial().on(&[Interface::Gate]));
}

#[tokio::test]
async fn analytics_count_what_was_captured_of_a_hold() {
    let registry = Registry::empty().with(Held).unwrap();
    let mut world = World::with(|config| config.registry(registry)).await;
    for id in ["H1", "H2"] {
        let page =
            world.sale_at("/v2/payment/wallet/held/auth", world.sale(id, 4_321, "EUR")).await;
        world.press(&page, "success").await;
        world.shop.next().await;
    }
    let capture = json!({
        "general": {"project_id": 1, "payment_id": "H1"},
        "payment": {"amount": 1_234, "currency": "EUR"},
    });
    let answer = world.send("/v2/payment/wallet/held/capture", capture).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    world.sandbox.settled().await;
    let shown = text(&world, "/dashboard/analytics?currency=EUR").await;
    assert_eq!(money_line(&shown, "EUR"), ["2", "100 %", "12.34 EUR", "0.00 EUR", "0.00 EUR"]);
    assert!(!shown.contains("43.21 EUR") && !shown.contains("86.42 EUR"), "{shown}");
}
