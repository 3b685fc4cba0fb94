use std::time::Duration;

use ecp_browser_tests::{Browser, World};
use ecp_core::{Money, PaymentId};
use ecp_methods::page::PageOptions;
use ecp_methods::spec::Capability;
use ecp_methods::{DynMethod, Registry};
use ecp_sandbox::Config;
use thirtyfour::prelude::*;

use crate::browser;

/// From the open Payment Page to the press of a button on the provider's page.
async fn pay(browser: &Browser, success: bool) {
    browser.fill_in().await.unwrap();
    browser.click("form button.primary").await.unwrap();
    let button = if success { "button.success" } else { "button.decline" };
    browser.click(&format!("form {button}")).await.unwrap();
}

/// The payment ended like this for all: the merchant by callback, and the sandbox.
async fn assert_ended(world: &World, payment_id: &str, success: bool) {
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
    let first = World::methods(&registry).next().unwrap().spec().code();
    for method in World::methods(&registry) {
        for success in [true, false] {
            let id = format!("modal-{}-{success}", method.spec().code());
            let page = world.page(method, &id, World::amount(method), PageOptions::new()).unwrap();
            let shop = world.merchant.widget_page(&id, &page, &world.url, "run(config)");
            browser.goto(&shop).await.unwrap();
            browser.click("#pay").await.unwrap();
            browser.wait_for("told.includes('onLoaded')").await.unwrap();
            browser.frame(Some("iframe.ecp-widget-frame")).await.unwrap();
            pay(&browser, success).await;
            browser.find("[data-stage=ended]").await.unwrap();
            browser.frame(None).await.unwrap();

            let (told, not) = if success {
                ("onPaymentSuccess", "onPaymentFail")
            } else {
                ("onPaymentFail", "onPaymentSuccess")
            };
            browser.wait_for(&format!("told.includes('{told}')")).await.unwrap();
            let told = browser.wait_for("told").await.unwrap().to_string();
            assert!(!told.contains(not), "{told}");
            assert_eq!(told.matches("onPaymentSent").count(), 1, "{told}");
            assert_eq!(told.matches("onLoaded").count(), 1, "{told}");
            assert_ended(&world, &id, success).await;
            // The whole window goes back to the merchant by itself; once is enough to see it.
            if method.spec().code() == first {
                let back = if success { "paid" } else { "declined" };
                browser.arrives(&format!("{}/{back}", world.merchant.url())).await.unwrap();
            }
        }
    }
}

async fn press(browser: &Browser, key: Key) {
    let keys = browser.driver.action_chain().send_keys(key.value().to_string());
    keys.perform().await.unwrap();
}

#[tokio::test]
async fn the_widget_opens_in_an_element_by_keyboard_and_closes() {
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
        browser.wait_for("told.includes('onLoaded')").await.unwrap();
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

    let page = world.page(method, "keys", World::amount(method), PageOptions::new()).unwrap();
    browser
        .goto(&world.merchant.widget_page("keys", &page, &world.url, "run(config)"))
        .await
        .unwrap();
    press(&browser, Key::Tab).await;
    press(&browser, Key::Enter).await;
    browser.wait_for("told.includes('onLoaded')").await.unwrap();
    // From the button that closes the dialog to the one that pays.
    press(&browser, Key::Tab).await;
    browser.frame(Some("iframe.ecp-widget-frame")).await.unwrap();
    browser.wait_for("document.activeElement.matches('button.primary')").await.unwrap();
    press(&browser, Key::Enter).await;
    browser.find("form button.success").await.unwrap();
    browser.frame(None).await.unwrap();
    browser.find(".ecp-widget-close").await.unwrap().send_keys(Key::Escape + "").await.unwrap();
    browser.wait_for("told.includes('onExit') && told.includes('onDestroy')").await.unwrap();
    assert!(browser.driver.find(By::Css("iframe")).await.is_err());
}

#[tokio::test]
async fn the_redirect_mode_needs_no_scripts() {
    let browser = browser!();
    let world = World::open().await.unwrap();
    let registry = Registry::builtin();
    browser.scripts(false).await.unwrap();
    for method in World::methods(&registry) {
        let id = format!("plain-{}", method.spec().code());
        let page = world.page(method, &id, World::amount(method), PageOptions::new()).unwrap();
        browser.goto(&page.url()).await.unwrap();
        browser.fill_in().await.unwrap();
        browser.click("form button.primary").await.unwrap();
        // A form that is posted needs a press; a plain redirect goes by itself.
        browser.click("main .primary, button.success").await.unwrap();
        // Whether that was the form's page or the provider's, whose button may come late.
        for _ in 0..200 {
            if browser.driver.find(By::Css("[data-stage=ended]")).await.is_ok() {
                break;
            }
            if let Ok(button) = browser.driver.find(By::Css("button.success")).await {
                // It may be gone by now: then it was pressed.
                let _ = button.click().await;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        browser.find("[data-stage=ended]").await.unwrap();
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
            browser.click("form button.success").await.unwrap();
            browser.find(".problem").await.unwrap();
            browser.fill(&format!("input[name=count-{first}]"), "1").await.unwrap();
            browser.fill(&format!("input[name=count-{last}]"), "2").await.unwrap();
            browser.click("form button.success").await.unwrap();
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
async fn customers_choose_among_the_methods_that_fit_in_their_language() {
    let browser = browser!();
    let world = World::open().await.unwrap();
    let registry = Registry::builtin();
    browser.size(360, 720).await.unwrap();
    for method in World::methods(&registry) {
        let amount = World::amount(method);
        let takes = |other: &&dyn DynMethod| other.spec().currencies().contains(&amount.currency());
        let fitting: Vec<&str> =
            World::methods(&registry).filter(takes).map(|other| other.spec().title()).collect();
        let id = format!("choose-{}", method.spec().code());
        let options = PageOptions::new().let_customer_choose().language_code("RU");
        let page = world.page(method, &id, amount, options).unwrap();
        browser.goto(&page.url()).await.unwrap();
        let text = browser.text().await.unwrap();
        assert!(text.contains("Песочница") && text.contains("Сумма"), "{text}");
        for other in World::methods(&registry) {
            let title = other.spec().title();
            assert_eq!(text.contains(title), fitting.contains(&title), "{title} in {text}");
        }
        // Nothing is wider than the phone.
        browser.wait_for("document.documentElement.scrollWidth <= 360").await.unwrap();
    }
}
