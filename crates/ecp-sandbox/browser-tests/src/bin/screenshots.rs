//! `cargo xtask screenshots`: the main pages as they are now, for the documentation.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use ecp_browser_tests::{Browser, World};
use ecp_core::{Money, SteppedClock};
use ecp_methods::page::PageOptions;
use ecp_methods::spec::Capability;
use ecp_methods::{DynMethod, Registry};
use ecp_sandbox::{Config, Fault, FaultRule};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let folder =
        std::env::args_os().nth(1).map_or_else(|| PathBuf::from("docs/screenshots"), PathBuf::from);
    std::fs::create_dir_all(&folder)?;
    let browser =
        Browser::open().await?.context("cannot take screenshots: no browser is installed")?;
    let clock = Arc::new(SteppedClock::new("2026-11-22T09:00:00+0000".parse()?));
    let world = World::with(|config: Config| config.clock(clock.clone())).await?;
    let studio = Studio { browser, world, folder, clock };
    studio.fill().await?;
    studio.customer().await?;
    studio.dashboard().await?;
    Ok(())
}

struct Studio {
    browser: Browser,
    world: World,
    folder: PathBuf,
    clock: Arc<SteppedClock>,
}

impl Studio {
    /// A morning's payments of all methods, some of them declined.
    async fn fill(&self) -> anyhow::Result<()> {
        let registry = Registry::builtin();
        let methods: Vec<&dyn DynMethod> = World::methods(&registry).collect();
        for number in 0..40_usize {
            let method = methods[number * 7 % methods.len()];
            let id = format!("order-{}", 3936 + number);
            let amount = World::amount(method);
            let minor = amount.minor() + 250 * i64::try_from(number % 9)?;
            let amount = Money::from_minor(minor, amount.currency());
            let page = self.world.page(method, &id, amount, PageOptions::new())?;
            self.pay(&page.url(), number % 5 != 3).await?;
            self.clock.advance(Duration::from_secs(60 * (3 + number as u64 * 5 % 11)));
        }
        Ok(())
    }

    async fn pay(&self, url: &str, success: bool) -> anyhow::Result<()> {
        self.browser.goto(url).await?;
        self.browser.fill_in().await?;
        self.browser.click("form button.primary").await?;
        self.browser.find("form button.success").await?;
        self.clock.advance(Duration::from_secs(if success { 7 } else { 31 }));
        self.browser.decide(success).await?;
        self.browser.find("[data-stage=ended]").await?;
        Ok(())
    }

    async fn customer(&self) -> anyhow::Result<()> {
        let Self { browser, world, .. } = self;
        let registry = Registry::builtin();
        let (method, amount) =
            most_offered(&registry).context("no method of the registry has sales")?;
        browser.size(900, 640).await?;

        let options = || PageOptions::new().let_customer_choose();
        let page = world.page(method, "choose-1", amount, options())?;
        browser.goto(&page.url()).await?;
        self.shoot("payment-page").await?;
        browser.dark(true).await?;
        self.shoot("payment-page-dark").await?;
        browser.dark(false).await?;

        let russian = options().language_code("ru");
        browser.goto(&world.page(method, "choose-2", amount, russian)?.url()).await?;
        browser.size(390, 760).await?;
        self.shoot("payment-page-phone").await?;
        browser.size(900, 640).await?;

        let wrong =
            page.url().replace(&format!("payment_amount={}", amount.minor()), "payment_amount=1");
        browser.goto(&wrong).await?;
        self.shoot("payment-page-refused").await?;

        let page = world.page(method, "modal-1", amount, options())?;
        let shop = world.merchant.widget_page("modal", &page, &world.url, "run(config)");
        browser.goto(&shop).await?;
        browser.click("#pay").await?;
        browser.wait_for("messages.includes(\"onLoaded\")").await?;
        self.shoot("widget").await?;

        let open = World::methods(&registry)
            .find(|method| method.spec().capabilities().has(Capability::ZeroAmount));
        if let Some(open) = open {
            let nothing = Money::from_minor(0, World::amount(open).currency());
            let page = world.page(open, "vouchers-1", nothing, PageOptions::new())?;
            browser.goto(&page.url()).await?;
            browser.click("form button.primary").await?;
            browser.find("button.success").await?;
            browser.size(900, 820).await?;
            self.shoot("provider-page").await?;
            let russian = PageOptions::new().language_code("ru");
            browser.goto(&world.page(open, "vouchers-2", nothing, russian)?.url()).await?;
            browser.click("form button.primary").await?;
            browser.find("button.success").await?;
            browser.size(390, 860).await?;
            self.shoot("provider-page-phone").await?;
        }

        let page = world.page(method, "result-1", amount, PageOptions::new())?;
        self.pay(&page.url(), true).await?;
        browser.size(900, 640).await?;
        self.shoot("payment-page-result").await?;
        Ok(())
    }

    async fn dashboard(&self) -> anyhow::Result<()> {
        let Self { browser, world, .. } = self;
        browser.size(1280, 800).await?;
        browser.goto(&format!("{}/dashboard", world.url)).await?;
        self.shoot("payments").await?;
        browser.size(390, 760).await?;
        self.shoot("payments-phone").await?;
        browser.size(1280, 800).await?;
        browser.goto(&format!("{}/dashboard/payment?project=1&id=order-3936", world.url)).await?;
        browser
            .wait_for("document.querySelector(\".timeline .out details summary\").click() ?? true")
            .await?;
        browser.size(1280, 1300).await?;
        self.shoot("payment").await?;
        browser.goto(&format!("{}/dashboard/analytics", world.url)).await?;
        self.shoot("analytics").await?;
        browser.dark(true).await?;
        self.shoot("analytics-dark").await?;
        browser.dark(false).await?;
        browser.size(1280, 900).await?;
        world
            .sandbox
            .add_fault(FaultRule::new(Fault::WrongSignature).payment_id("order-4000").times(1));
        browser.goto(&format!("{}/dashboard/faults", world.url)).await?;
        self.shoot("faults").await?;
        browser.goto(&format!("{}/dashboard/payouts", world.url)).await?;
        self.shoot("payouts").await?;
        let example = browser.file("payouts.csv", &self.payouts().await?)?;
        let upload = "form[enctype]";
        browser
            .find(&format!("{upload} input[type=file]"))
            .await?
            .send_keys(example.display().to_string())
            .await?;
        browser.click(&format!("{upload} button")).await?;
        browser.find(".headline .badge.yes").await?;
        browser.size(1280, 640).await?;
        self.shoot("mass-payout").await?;
        browser.goto(&format!("{}/dashboard/links", world.url)).await?;
        for (name, text) in
            [("payment_id", "order-3980"), ("customer_id", "customer-7"), ("amount", "75.00")]
        {
            browser.fill(&format!("input[name={name}]"), text).await?;
        }
        browser.click("form .primary").await?;
        browser.find("input.address").await?;
        self.shoot("links").await?;
        Ok(())
    }

    /// The file that the page offers as an example.
    async fn payouts(&self) -> anyhow::Result<Vec<u8>> {
        self.browser.click("a[href$=\"example.csv\"]").await?;
        self.browser.download("payouts.csv").await
    }

    async fn shoot(&self, name: &str) -> anyhow::Result<()> {
        let file = self.folder.join(format!("{name}.png"));
        std::fs::write(&file, self.browser.picture().await?)?;
        println!("{}", file.display());
        Ok(())
    }
}

/// A method and an amount in a currency that several methods take, so that there is a choice.
fn most_offered(registry: &Registry) -> Option<(&dyn DynMethod, Money)> {
    let takers = |money: &Money| {
        let takes =
            |method: &&dyn DynMethod| method.spec().currencies().contains(&money.currency());
        World::methods(registry).filter(takes).count()
    };
    World::methods(registry)
        .flat_map(|method| {
            let currencies = method.spec().currencies().iter();
            currencies.map(move |&currency| (method, Money::from_minor(10_000, currency)))
        })
        .max_by_key(|(_, money)| (takers(money), money.currency().code() == "EUR"))
}
