use ecp_browser_tests::{Browser, World};
use ecp_core::{Money, PaymentId};
use ecp_methods::page::PageOptions;
use ecp_methods::spec::Capability;
use ecp_methods::{DynMethod, Registry};
use ecp_sandbox::{Config, Filter, Paging, TEST_VOUCHER};
use thirtyfour::prelude::*;

use crate::browser;

/// From the open Payment Page to the press of a button on the provider's page.
pub(crate) async fn pay(browser: &Browser, success: bool) {
    browser.fill_in().await.unwrap();
    browser.click("form button.primary").await.unwrap();
    browser.decide(success).await.unwrap();
}

/// The payment ended like this for all: the merchant by callback, and the sandbox.
pub(crate) async fn assert_ended(world: &World, payment_id: &str, success: bool) {
    let expected = if success { "success" } else { "decline" };
    assert_eq!(world.merchant.final_status(payment_id).await.unwrap(), expected);
    let id = PaymentId::new(payment_id).unwrap();
    let payment = world.sandbox.payment(Config::DEMO_PROJECT, &id).unwrap();
    assert_eq!(payment.status.as_str(), expected);
}

#[tokio::test]
async fn every_method_is_paid_and_declined_by_redirect() {
    let browser = browser!();
    let world = World::open().await.unwrap();
    let registry = Registry::builtin();
    for method in World::methods(&registry) {
        for success in [true, false] {
            let id = format!("redirect-{}-{success}", method.spec().code());
            let amount = World::amount(method);
            let page = world.page(method, &id, amount, PageOptions::new()).unwrap();
            browser.goto(&page.url()).await.unwrap();
            let text = browser.text().await.unwrap();
            assert!(text.contains(&amount.to_string()), "{text}");
            pay(&browser, success).await;

            browser.find("[data-stage=ended]").await.unwrap();
            let text = browser.text().await.unwrap();
            let said = if success { "succeeded" } else { "declined" };
            assert!(text.contains(said) && text.contains("no real money"), "{text}");
            browser.click("a.primary").await.unwrap();
            let back = if success { "paid" } else { "declined" };
            browser.arrives(&format!("{}/{back}", world.merchant.url())).await.unwrap();
            assert_ended(&world, &id, success).await;
        }
    }
    let complaints = browser.complaints().await.unwrap();
    assert!(complaints.iter().all(|text| !text.contains("Content Security")), "{complaints:?}");
}

#[tokio::test]
async fn every_method_is_paid_and_declined_in_the_modal() {
    let browser = browser!();
    let world = World::open().await.unwrap();
    let registry = Registry::builtin();
    for method in World::methods(&registry) {
        for success in [true, false] {
            let id = format!("modal-{}-{success}", method.spec().code());
            let page = world.page(method, &id, World::amount(method), PageOptions::new()).unwrap();
            let shop = world.merchant.widget_page(&id, &page, &world.url, "run(config)");
            browser.goto(&shop).await.unwrap();
            browser.click("#pay").await.unwrap();
            browser.wait_for("messages.includes('onLoaded')").await.unwrap();
            browser.frame(Some("iframe.ecp-widget-frame")).await.unwrap();
            pay(&browser, success).await;
            browser.find("[data-stage=ended]").await.unwrap();
            browser.frame(None).await.unwrap();

            let (messages, not) = if success {
                ("onPaymentSuccess", "onPaymentFail")
            } else {
                ("onPaymentFail", "onPaymentSuccess")
            };
            browser.wait_for(&format!("messages.includes('{messages}')")).await.unwrap();
            let messages = browser.wait_for("messages").await.unwrap().to_string();
            assert!(!messages.contains(not), "{messages}");
            assert_eq!(messages.matches("onPaymentSent").count(), 1, "{messages}");
            assert_eq!(messages.matches("onLoaded").count(), 1, "{messages}");
            assert_ended(&world, &id, success).await;
        }
    }
}

#[tokio::test]
async fn customers_are_sent_back_without_being_asked() {
    let browser = browser!();
    let world = World::open().await.unwrap();
    let registry = Registry::builtin();
    let method = World::methods(&registry).next().unwrap();
    for (success, way_back) in [(true, "paid"), (false, "declined")] {
        for in_modal in [false, true] {
            let id = format!("back-{success}-{in_modal}");
            let amount = World::amount(method);
            let page = world.returning_page(method, &id, amount, PageOptions::new()).unwrap();
            if in_modal {
                let shop = world.merchant.widget_page(&id, &page, &world.url, "run(config)");
                browser.goto(&shop).await.unwrap();
                browser.click("#pay").await.unwrap();
                browser.frame(Some("iframe.ecp-widget-frame")).await.unwrap();
            } else {
                browser.goto(&page.url()).await.unwrap();
            }
            pay(&browser, success).await;
            // From the frame too it is the whole window that goes.
            browser.frame(None).await.unwrap();
            browser.arrives(&format!("{}/{way_back}", world.merchant.url())).await.unwrap();
            assert_ended(&world, &id, success).await;
        }
    }
}

#[tokio::test]
async fn the_widget_opens_in_an_element_and_in_a_tab_of_its_own() {
    let browser = browser!();
    let world = World::open().await.unwrap();
    let registry = Registry::builtin();
    let method = World::methods(&registry).next().unwrap();
    for (name, call, class) in [
        ("get", "run(config)", "iframe"),
        ("post", "run(config, 'POST')", "iframe"),
        ("embedded", "runEmbedded(config)", "embedded"),
    ] {
        let options = PageOptions::new().target_element("here");
        let page = world.page(method, name, World::amount(method), options).unwrap();
        browser.goto(&world.merchant.widget_page(name, &page, &world.url, call)).await.unwrap();
        browser.click("#pay").await.unwrap();
        browser.wait_for("messages.includes('onLoaded')").await.unwrap();
        browser.frame(Some(&format!("#here iframe.ecp-widget-{class}"))).await.unwrap();
        browser.find("[data-stage=choosing]").await.unwrap();
    }

    let options = PageOptions::new().redirect(true);
    let page = world.page(method, "redirect", World::amount(method), options).unwrap();
    let shop = world.merchant.widget_page("redirect", &page, &world.url, "run(config)");
    browser.goto(&shop).await.unwrap();
    browser.click("#pay").await.unwrap();
    browser.arrives(&format!("{}/payment?", world.url)).await.unwrap();
    browser.find("[data-stage=choosing]").await.unwrap();
}

/// Fills in and sends the Payment Page's form, and presses the provider's button, with nothing but
/// keys.
async fn pay_by_keyboard(browser: &Browser, success: bool) {
    browser.find("form button.primary").await.unwrap();
    for input in browser.required().await.unwrap() {
        let selector = format!("input[name={}]", input.name);
        browser.tab_to(&selector).await.unwrap();
        browser.type_in(input.example).await.unwrap();
    }
    browser.tab_to("form button.primary").await.unwrap();
    browser.press(Key::Enter).await.unwrap();
    let button = if success { "form button.success" } else { "form button.decline" };
    browser.find(button).await.unwrap();
    let [(number, _), ..] = TEST_VOUCHER;
    let number = By::Css(format!("input[name={number}]"));
    if success && !browser.driver.find_all(number).await.unwrap().is_empty() {
        for (name, value) in TEST_VOUCHER {
            browser.tab_to(&format!("input[name={name}]")).await.unwrap();
            browser.type_in(value).await.unwrap();
        }
    }
    browser.tab_to(button).await.unwrap();
    browser.press(Key::Enter).await.unwrap();
    browser.find("[data-stage=ended]").await.unwrap();
}

#[tokio::test]
async fn a_keyboard_is_enough_to_pay_with_every_method() {
    let browser = browser!();
    let world = World::open().await.unwrap();
    let registry = Registry::builtin();
    for method in World::methods(&registry) {
        let id = format!("keys-{}", method.spec().code());
        let options = PageOptions::new().let_customer_choose();
        let page = world.page(method, &id, World::amount(method), options).unwrap();
        browser.goto(&page.url()).await.unwrap();
        // Where there is one method, there is nothing to choose.
        let choice = format!("button[value={}], form button.primary", method.spec().code());
        browser.tab_to(&choice).await.unwrap();
        let page = world.page(method, &id, World::amount(method), PageOptions::new()).unwrap();
        browser.goto(&page.url()).await.unwrap();
        pay_by_keyboard(&browser, true).await;
        browser.tab_to("a.primary").await.unwrap();
        browser.press(Key::Enter).await.unwrap();
        browser.arrives(&format!("{}/paid", world.merchant.url())).await.unwrap();
        assert_ended(&world, &id, true).await;
    }
}

#[tokio::test]
async fn the_modal_opens_pays_and_closes_by_keyboard() {
    let browser = browser!();
    let world = World::open().await.unwrap();
    let registry = Registry::builtin();
    let method = World::methods(&registry).next().unwrap();
    let page = world.page(method, "modal", World::amount(method), PageOptions::new()).unwrap();
    let shop = world.merchant.widget_page("modal", &page, &world.url, "run(config)");
    browser.goto(&shop).await.unwrap();
    browser.tab_to("#pay").await.unwrap();
    browser.press(Key::Enter).await.unwrap();
    browser.wait_for("messages.includes('onLoaded')").await.unwrap();
    browser.frame(Some("iframe.ecp-widget-frame")).await.unwrap();
    pay_by_keyboard(&browser, false).await;
    browser.frame(None).await.unwrap();
    browser.wait_for("messages.includes('onPaymentFail')").await.unwrap();
    assert_ended(&world, "modal", false).await;
    browser.press(Key::Escape).await.unwrap();
    browser
        .wait_for("messages.includes('onExit') && messages.includes('onDestroy')")
        .await
        .unwrap();
    assert!(browser.driver.find(By::Css("iframe")).await.is_err());
    // The focus is back on the button that opened it.
    browser.wait_for("document.activeElement.id === 'pay'").await.unwrap();
}

#[tokio::test]
async fn the_redirect_mode_needs_no_scripts() {
    let browser = browser!();
    let world = World::open().await.unwrap();
    let registry = Registry::builtin();
    browser.scripts(false).await.unwrap();
    for method in World::methods(&registry) {
        let id = format!("plain-{}", method.spec().code());
        let amount = World::amount(method);
        let page = world.returning_page(method, &id, amount, PageOptions::new()).unwrap();
        browser.goto(&page.url()).await.unwrap();
        browser.fill_in().await.unwrap();
        browser.click("form button.primary").await.unwrap();
        // A plain redirect goes by itself; a form that is posted needs a press.
        let posted = "[data-stage=customer] form button.primary";
        let next = browser.find(&format!("{posted}, button.success")).await.unwrap();
        if next.class_name().await.unwrap().is_some_and(|class| class.contains("primary")) {
            next.click().await.unwrap();
        }
        browser.decide(true).await.unwrap();
        browser.arrives(&format!("{}/paid", world.merchant.url())).await.unwrap();
        assert_ended(&world, &id, true).await;
    }
}

/// The methods whose amount the customer may choose and the merchant confirms.
fn confirmed(registry: &Registry) -> impl Iterator<Item = &dyn DynMethod> {
    World::methods(registry).filter(|method| {
        let can = method.spec().capabilities();
        can.has(Capability::ZeroAmount) && can.has(Capability::AmountConfirmation)
    })
}

#[tokio::test]
async fn vouchers_add_up_and_the_merchant_may_refuse_them() {
    let browser = browser!();
    let world = World::open().await.unwrap();
    let registry = Registry::builtin();
    assert!(confirmed(&registry).next().is_some());
    for method in confirmed(&registry) {
        let currency = World::amount(method).currency();
        let vouchers: Vec<i64> = method.spec().denominations(currency).map(Money::minor).collect();
        let [first, .., last] = vouchers.as_slice() else { panic!("there are vouchers") };
        for success in [true, false] {
            world.merchant.take_up_to(if success { i64::MAX } else { first - 1 });
            let id = format!("vouchers-{}-{success}", method.spec().code());
            let nothing = Money::from_minor(0, currency);
            let page = world.page(method, &id, nothing, PageOptions::new()).unwrap();
            browser.goto(&page.url()).await.unwrap();
            browser.click("form button.primary").await.unwrap();
            // Nothing is chosen yet, and that is said.
            browser.decide(true).await.unwrap();
            browser.find(".problem").await.unwrap();
            browser.fill(&format!("input[name=count-{first}]"), "1").await.unwrap();
            browser.fill(&format!("input[name=count-{last}]"), "2").await.unwrap();
            browser.decide(true).await.unwrap();
            browser.find("[data-stage=ended]").await.unwrap();
            let text = browser.text().await.unwrap();
            if success {
                let sum = Money::from_minor(first + 2 * last, currency).to_string();
                assert!(text.contains("succeeded") && text.contains(&sum), "{text}");
            } else {
                assert!(text.contains("declined") && text.contains("30301"), "{text}");
            }
            assert_ended(&world, &id, success).await;
        }
    }
}

#[tokio::test]
async fn a_wrong_voucher_is_refused_and_the_right_one_pays() {
    let browser = browser!();
    let world = World::open().await.unwrap();
    let registry = Registry::builtin();
    let mut tried = 0;
    for method in World::methods(&registry).filter(|method| method.spec().asks_for_voucher()) {
        for scripts in [true, false] {
            browser.scripts(scripts).await.unwrap();
            let id = format!("voucher-{}-{scripts}", method.spec().code());
            let page = world.page(method, &id, World::amount(method), PageOptions::new()).unwrap();
            browser.goto(&page.url()).await.unwrap();
            browser.click("form button.primary").await.unwrap();
            if !scripts {
                browser.click("[data-stage=customer] form button.primary").await.unwrap();
            }
            // Each of the printed vouchers but the right one, and one that there is not.
            for (number, code, expiry, field, message) in [
                ("4711", "123", "12/99", "number", "There is no voucher with this number."),
                ("1000000000000001", "999", "12/99", "code", "does not fit the voucher’s number"),
                ("1000000000000002", "456", "12/99", "number", "has been used"),
                ("1000000000000003", "789", "01/20", "expiry", "has expired"),
            ] {
                let values = [number, code, expiry];
                for ((name, _), value) in TEST_VOUCHER.into_iter().zip(values) {
                    browser.fill(&format!("input[name={name}]"), value).await.unwrap();
                }
                browser.click("form button.success").await.unwrap();
                let problem = format!("#voucher_{field}-problem");
                let problem = browser.find(&problem).await.unwrap().text().await.unwrap();
                assert!(problem.contains(message), "{problem}");
                browser.find(&format!("input[name=voucher_{field}][aria-invalid]")).await.unwrap();
            }
            browser.decide(true).await.unwrap();
            assert_ended(&world, &id, true).await;
            tried += 1;
        }
    }
    assert!(tried > 0, "no method asks for a voucher");
    browser.scripts(true).await.unwrap();
    let complaints = browser.complaints().await.unwrap();
    // A form that is refused is answered 422, which Chromium reports as a failed load.
    let other = |text: &&String| !text.contains("422");
    assert_eq!(complaints.iter().filter(other).collect::<Vec<_>>(), Vec::<&String>::new());
}

/// A phone's width.
const NARROW: u32 = 360;

/// Nothing is wider than the phone.
async fn assert_narrow(browser: &Browser, what: &str) {
    let fits = "document.documentElement.scrollWidth <= 360 && innerWidth === 360";
    browser.wait_for(fits).await.unwrap_or_else(|error| panic!("{what}: {error}"));
}

#[tokio::test]
async fn customers_choose_among_the_methods_that_fit_in_their_language() {
    let browser = browser!();
    let world = World::open().await.unwrap();
    let registry = Registry::builtin();
    for method in World::methods(&registry) {
        let amount = World::amount(method);
        let takes = |other: &&dyn DynMethod| other.spec().currencies().contains(&amount.currency());
        let fitting: Vec<&str> =
            World::methods(&registry).filter(takes).map(|other| other.spec().title()).collect();
        for (language, words) in [("EN", ["Sandbox", "Amount"]), ("RU", ["Песочница", "Сумма"])]
        {
            let id = format!("choose-{}", method.spec().code());
            let options = PageOptions::new().let_customer_choose().language_code(language);
            let page = world.page(method, &id, amount, options).unwrap();
            browser.goto(&page.url()).await.unwrap();
            let text = browser.text().await.unwrap();
            assert!(words.iter().all(|word| text.contains(word)), "{text}");
            for other in World::methods(&registry) {
                let title = other.spec().title();
                assert_eq!(text.contains(title), fitting.contains(&title), "{title} in {text}");
            }
        }
    }
}

#[tokio::test]
async fn a_phone_shows_every_page_of_the_way_in_both_languages() {
    let browser = browser!();
    let world = World::open().await.unwrap();
    let registry = Registry::builtin();
    browser.size(NARROW, 720).await.unwrap();
    for method in World::methods(&registry) {
        for (language, said) in [("en", "succeeded"), ("ru", "Платёж")] {
            let code = method.spec().code();
            let id = format!("a-payment-whose-id-is-longer-than-a-phone-{code}-{language}");
            let options = || PageOptions::new().language_code(language);
            let choice = options().let_customer_choose();
            let page = world.page(method, &id, World::amount(method), choice).unwrap();
            browser.goto(&page.url()).await.unwrap();
            assert_narrow(&browser, "the choice").await;
            let wrong = page.url().replace("payment_id=a", "payment_id=b");
            browser.goto(&wrong).await.unwrap();
            browser.find("[data-stage=problem]").await.unwrap();
            assert_narrow(&browser, "a mistake").await;
            let page = world.page(method, &id, World::amount(method), options()).unwrap();
            browser.goto(&page.url()).await.unwrap();
            browser.fill_in().await.unwrap();
            assert_narrow(&browser, "the fields").await;
            browser.click("form button.primary").await.unwrap();
            browser.find("form button.success").await.unwrap();
            assert_narrow(&browser, "the provider's page").await;
            browser.decide(true).await.unwrap();
            browser.find("[data-stage=ended]").await.unwrap();
            assert_narrow(&browser, "the result").await;
            let text = browser.text().await.unwrap();
            assert!(text.contains(said), "{text}");
        }
    }
    for method in confirmed(&registry) {
        let nothing = Money::from_minor(0, World::amount(method).currency());
        let page = world.page(method, "open", nothing, PageOptions::new()).unwrap();
        browser.goto(&page.url()).await.unwrap();
        browser.click("form button.primary").await.unwrap();
        browser.find("fieldset.vouchers").await.unwrap();
        assert_narrow(&browser, "the vouchers").await;
    }
    let payment = world.sandbox.payments(&Filter::new(), Paging::default()).items.remove(0);
    let payment = format!("/payment?project={}&id={}", payment.project_id, payment.payment_id);
    for path in ["", "/operations", "/analytics", "/payouts", "/links", "/faults", &payment] {
        browser.goto(&format!("{}/dashboard{path}", world.url)).await.unwrap();
        assert_narrow(&browser, path).await;
    }
}
