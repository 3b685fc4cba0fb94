use ecp_sandbox::{ButtonRule, TEST_VOUCHER};
use http::{StatusCode, header};

use crate::outside::{self, OPEN};
use crate::support::{World, form_encoded, unversioned};

pub(crate) const SALE: &str = "/v2/payment/voucher/eco-voucher/sale";

/// A sale that asks for 0, up to the page.
pub(crate) async fn open_sale(world: &mut World, id: &str) -> String {
    let sale = world.sale(id, 0, "EUR");
    world.sale_at(SALE, sale).await
}

#[tokio::test]
async fn the_page_of_an_open_sale_offers_vouchers() {
    let mut world = World::new().await;
    let page = open_sale(&mut world, "X1").await;
    let shown = world.open(&page).await.text;
    insta::assert_snapshot!("page_vouchers", unversioned(&shown));
}

#[tokio::test]
async fn the_page_of_an_amount_shows_the_vouchers_that_make_it_up() {
    let table = [
        (125_000, "1250.00 EUR", &["5 × 250.00 EUR"][..]),
        (41_000, "410.00 EUR", &["1 × 250.00 EUR", "1 × 150.00 EUR", "1 × 10.00 EUR"]),
        (1_250, "12.50 EUR", &["1 × 10.00 EUR", "2.50 EUR of one more"]),
        (999, "9.99 EUR", &[]),
    ];
    for (amount, heading, parts) in table {
        let mut world = World::new().await;
        let page = world.sale_at(SALE, world.sale("X1", amount, "EUR")).await;
        let shown = world.open(&page).await.text;
        assert!(shown.contains(heading) && !shown.contains("count-"), "{shown}");
        let listed: Vec<&str> = shown
            .lines()
            .filter_map(|line| line.strip_prefix("<dd>")?.strip_suffix("</dd>"))
            .take_while(|&text| text != "1")
            .collect();
        assert_eq!(listed, parts);

        // Vouchers beside an amount that is given count for nothing.
        world.choose(&page, "voucher=1000&decision=success").await;
        let question = world.shop.next_question().await.verified();
        assert_eq!(question["amount"], amount);
        let last = world.shop.next().await.verified();
        assert_eq!(last["payment"]["sum"]["amount"], amount);
    }
}

#[tokio::test]
async fn vouchers_add_up() {
    let table = [
        ("voucher=1000", 1_000),
        ("voucher=1000&voucher=2500", 3_500),
        ("count-1000=&count-1500=0&count-5000=2&voucher=1000", 11_000),
        ("voucher=25000&voucher=25000&voucher=25000&voucher=25000&voucher=25000", 125_000),
        // The document's example.
        ("count-50000=2&count-25000=1", 125_000),
    ];
    for (form, amount) in table {
        let mut world = World::new().await;
        let page = open_sale(&mut world, "X1").await;
        let returned = world.choose(&page, &format!("{form}&decision=success")).await;
        assert_eq!(returned.header(header::LOCATION), "https://shop.test/success");
        let last = world.shop.next().await.verified();
        assert_eq!(last["payment"]["sum"]["amount"], amount);
        assert_eq!(last["operation"]["sum_initial"]["amount"], amount);
        assert_eq!(last["operation"]["sum_converted"]["amount"], amount);

        let late = world.choose(&page, "decision=success").await;
        assert_eq!(late.header(header::LOCATION), "https://shop.test/success");
    }
}

#[tokio::test]
async fn a_form_that_chooses_nothing_shows_the_page_again() {
    let table = [
        ("decision=success", "Choose an amount first."),
        ("voucher=1234&decision=success", "no such button or voucher"),
        ("voucher=&decision=success", "no such button or voucher"),
        ("voucher=-1000&decision=success", "no such button or voucher"),
        ("count-1000=-1&decision=success", "no such button or voucher"),
        ("count-1000=99999999999999999&decision=success", "no such button or voucher"),
        ("count-1234=1&decision=success", "no such button or voucher"),
        ("count-1000=0&decision=success", "Choose an amount first."),
        ("voucher=1000", "no such button or voucher"),
        ("voucher=1000&decision=maybe", "no such button or voucher"),
    ];
    let mut world = World::new().await;
    let page = open_sale(&mut world, "X1").await;
    for (form, note) in table {
        let answer = world.choose(&page, form).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{form}");
        assert!(answer.text.contains(note) && answer.text.contains("<button"), "{}", answer.text);
    }
    let reloaded = world.open(&format!("{page}/decision")).await;
    assert_eq!(reloaded.status, StatusCode::SEE_OTHER);
    assert_eq!(world.open(reloaded.header(header::LOCATION)).await.status, StatusCode::OK);
    let status = world.status("X1").await.verified();
    assert_eq!(status["payment"]["status"], "awaiting redirect result");
    assert_eq!(world.shop.other_questions(), []);
}

#[tokio::test]
async fn who_chose_nothing_and_declines_pays_nothing_by_any_rule() {
    let mut world = World::with(|config| config.button_rule(ButtonRule::AmountOnly)).await;
    let page = open_sale(&mut world, "X1").await;
    world.press(&page, "decline").await;
    assert_eq!(world.shop.next().await.verified()["payment"]["status"], "decline");
}

#[tokio::test]
async fn without_vouchers_the_amount_is_typed() {
    let table = [
        ("amount=30.00&decision=success", "success", "0", 3_000),
        ("amount=30.00&decision=decline", "decline", "20000", 0),
        ("amount=40.00&decision=success", "decline", "20000", 0),
        ("amount=+5&decision=success", "success", "0", 500),
        ("amount=4.99&decision=success", "decline", "3358", 0),
        ("amount=100.01&decision=success", "decline", "2642", 0),
    ];
    for (form, status, code, amount) in table {
        let mut world = outside::world().await;
        let sale = world.sale("X1", 0, "EUR");
        let page = world.sale_at(&format!("{OPEN}/sale"), sale).await;
        assert!(world.open(&page).await.text.contains("Amount in EUR"));
        for nothing in ["amount=", "amount=0", "amount=-1", "amount=a%20lot", "amount=1.001"] {
            let answer = world.choose(&page, &format!("{nothing}&decision=success")).await;
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{nothing}");
        }
        world.choose(&page, form).await;
        let last = world.shop.next().await.verified();
        assert_eq!(last["payment"]["status"], status, "{form}");
        assert_eq!(last["operation"]["code"], code, "{form}");
        assert_eq!(last["payment"]["sum"]["amount"], amount, "{form}");
        assert_eq!(world.shop.other_questions(), [], "nobody is asked");
    }
}

/// The form of a chosen amount with a voucher's data.
fn with_voucher(number: &str, code: &str, expiry: &str) -> String {
    form_encoded(&[
        ("count-1000", "2"),
        ("voucher_number", number),
        ("voucher_code", code),
        ("voucher_expiry", expiry),
        ("decision", "success"),
    ])
}

#[tokio::test]
async fn a_wrong_voucher_is_refused_at_its_field_and_the_right_one_pays_later() {
    let table = [
        (["9999888877776666", "123", "12/99"], "number", "There is no voucher with this number."),
        (["1000000000000001", "4711", "12/99"], "code", "This does not fit the voucher’s number."),
        (["1000000000000001", "123", "09/98"], "expiry", "This does not fit the voucher’s number."),
        (["1000000000000002", "456", "12/99"], "number", "This voucher has been used."),
        (["1000000000000003", "789", "01/20"], "expiry", "This voucher has expired."),
        (["", "123", "12/99"], "number", "Fill in this field."),
        (["1000000000000001", "", "12/99"], "code", "Fill in this field."),
        (["1000000000000001", "123", ""], "expiry", "Fill in this field."),
    ];
    let mut world = World::new().await;
    let page = open_sale(&mut world, "X1").await;
    for ([number, code, expiry], field, message) in table {
        let shown = world.choose(&page, &with_voucher(number, code, expiry)).await;
        assert_eq!(shown.status, StatusCode::UNPROCESSABLE_ENTITY, "{number} {code} {expiry}");
        let problem =
            format!("<p class=\"field-problem\" id=\"voucher_{field}-problem\">{message}</p>");
        assert!(shown.text.contains(&problem), "{problem} is not in {}", shown.text);
        assert_eq!(shown.text.matches("field-problem").count(), 1, "{}", shown.text);
        assert!(shown.text.contains("Nothing was paid"), "{}", shown.text);
        // What was chosen and entered is kept, except for the code.
        assert!(shown.text.contains("name=\"count-1000\" min=\"0\" max=\"99\" value=\"2\""));
        assert!(shown.text.contains(&format!("name=\"voucher_number\" value=\"{number}\"")));
        assert!(!shown.text.contains("4711"), "{}", shown.text);
        let status = world.status("X1").await.verified();
        assert_eq!(status["payment"]["status"], "awaiting redirect result");
    }
    assert_eq!(world.shop.other_questions(), []);

    let [number, code, expiry] = TEST_VOUCHER.map(|(_, value)| value);
    world.choose(&page, &with_voucher(number, code, expiry)).await;
    let last = world.shop.next().await.verified();
    assert_eq!(last["payment"]["status"], "success");
    assert_eq!(last["payment"]["sum"]["amount"], 2_000);

    // Nobody else learns what was entered.
    let events = world.sandbox.events();
    let dashboard = world.open("/dashboard/payment?project=1&id=X1").await.text;
    let lines: String = events.iter().map(|event| event.to_json() + "\n").collect();
    for text in [&dashboard, &lines, &format!("{events:?}"), &last.to_string()] {
        for entered in ["9999888877776666", "1000000000000001", "4711", "09/98"] {
            assert!(!text.contains(entered), "{entered} is in {text}");
        }
    }
}

#[tokio::test]
async fn a_voucher_pays_a_given_amount_and_a_decline_needs_none() {
    for (decision, voucher, status) in [
        ("success", ["1000-0000-0000-0001", "123", "1299"], "success"),
        ("decline", ["", "", ""], "decline"),
    ] {
        let mut world = World::new().await;
        let page = world.sale_at(SALE, world.sale("X1", 2_500, "EUR")).await;
        let [number, code, expiry] = voucher;
        let form = form_encoded(&[
            ("voucher_number", number),
            ("voucher_code", code),
            ("voucher_expiry", expiry),
            ("decision", decision),
        ]);
        world.choose(&page, &form).await;
        assert_eq!(world.shop.next().await.verified()["payment"]["status"], status);
    }
}

#[tokio::test]
async fn the_test_vouchers_are_shown_and_the_odd_value_is_marked() {
    let mut world = World::new().await;
    let page = open_sale(&mut world, "X1").await;
    let shown = world.open(&page).await.text;
    for (_, value) in TEST_VOUCHER {
        assert!(shown.contains(&format!("<code>{value}</code>")), "{shown}");
    }
    assert!(shown.contains("<label>500.00 EUR* <input"), "{shown}");
    assert!(shown.contains("* In the platform’s example, but not in its list of values."));
    let other = world.sale_up_to_redirect(world.sale("X2", 10_000, "EUR")).await;
    assert!(!world.open(&other).await.text.contains("voucher_"), "a wallet has no voucher");
}
