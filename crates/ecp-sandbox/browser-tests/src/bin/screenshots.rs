//! `cargo xtask screenshots`: the main pages of the sandbox and the console as they are now, for the documentation.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use ecp_browser_tests::{Browser, World};
use ecp_console::Console;
use ecp_core::{Clock as _, Money, ProjectId, SteppedClock};
use ecp_inbox::conformance::Body;
use ecp_inbox::sqlite::SqliteOptions;
use ecp_inbox::{Claim, Finish, HandlerError, Inbox};
use ecp_methods::page::PageOptions;
use ecp_methods::spec::Capability;
use ecp_methods::{DynMethod, Registry};
use ecp_payouts::Owner;
use ecp_reconcile::{Reconcile, Reconciliation};
use ecp_sandbox::{Config, Fault, FaultRule};

/// Lines as `ecp reconcile --json` prints them.
const REPORT: &str = concat!(
    r#"{"difference":"callback_missing","payment":"order-3941","operation":7,"operation_type":"sale","#,
    r#""platform":{"status":"success","amount":12500,"currency":"EUR"},"journal":null,"inbox":null,"#,
    r#""request_id":null,"callbacks":[],"members":[],"meaning":"no callback about the end has arrived","#,
    r#""action":"ask `ecp status order-3941`, and look why callbacks do not arrive"}"#,
    "\n",
    r#"{"difference":"paid_twice","payment":"payout-12","operation":9,"operation_type":"payout","#,
    r#""platform":{"status":"success","amount":4000,"currency":"EUR"},"#,
    r#""journal":{"status":"success","amount":4000,"currency":"EUR"},"inbox":null,"#,
    r#""request_id":"R-1","callbacks":[],"members":[],"meaning":"two successful payouts under one id","#,
    r#""action":"stop further runs, and ask technical support with the ids of payment and request"}"#,
    "\n",
    r#"{"summary":{"agrees":false,"differences":2,"payments":412,"pending":3,"operations":431,"#,
    r#""without_sum":0,"payouts":58,"callbacks":420,"questions":1,"odd":0,"odd_payouts":0,"#,
    r#""odd_records":[]}}"#,
    "\n",
);

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
    studio.console().await?;
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
        self.phone("payment", 1300).await?;
        browser.goto(&format!("{}/dashboard/analytics", world.url)).await?;
        browser.size(1280, 1760).await?;
        self.shoot("analytics").await?;
        browser.dark(true).await?;
        self.shoot("analytics-dark").await?;
        browser.dark(false).await?;
        self.phone("analytics", 1600).await?;
        browser.goto(&format!("{}/dashboard/reports", world.url)).await?;
        browser.fill("input[name=name]", "Declines of November").await?;
        browser.click("select[name=format] option:nth-child(2)").await?;
        browser.fill("input[name=zone]", "Europe/Berlin").await?;
        browser.click("form .primary").await?;
        browser.find("table.reports").await?;
        browser.size(1280, 1000).await?;
        self.shoot("reports").await?;
        self.phone("reports", 1900).await?;
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

    /// The operator's pages, over an inbox with a callback in each state and the report of a comparison.
    async fn console(&self) -> anyhow::Result<()> {
        let browser = &self.browser;
        let folder = tempfile::tempdir()?;
        let clock = ecp_inbox::conformance::clock();
        let options = SqliteOptions::new().clock(clock.clone());
        let inbox = Arc::new(options.open(folder.path().join("inbox.sqlite")).await?);
        self.receive(&*inbox, &clock).await?;
        let report = folder.path().join("november.json");
        std::fs::write(&report, REPORT)?;
        let written = std::fs::File::options().write(true).open(&report)?;
        written.set_modified(clock.timestamp().into())?;
        let owner = Owner::new(ProjectId::new(1236)?, "https://gate.example");
        let router = Console::new()
            .inbox(inbox)
            .reports(folder.path())
            .comparisons(owner, |_: Reconcile| async {
                Err::<Reconciliation, _>(HandlerError::from("it is not called"))
            })
            .clock(clock)
            .allow_changes()
            .into_router("/console");
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/console", listener.local_addr()?);
        tokio::spawn(async move { axum::serve(listener, router).await });
        for (name, path, height, phone) in [
            ("console", "", 700, 900),
            ("console-callbacks", "/callbacks", 700, 1300),
            ("console-callback", "/callbacks/2", 1000, 1400),
            ("console-reconciliation", "/reconciliation", 700, 900),
            ("console-report", "/reconciliation/report?file=", 800, 1300),
        ] {
            let file =
                if path.ends_with("file=") { report.display().to_string() } else { String::new() };
            browser.goto(&format!("{url}{path}{file}")).await?;
            browser.find("main h1").await?;
            browser.size(1280, height).await?;
            self.shoot(name).await?;
            self.phone(name, phone).await?;
        }
        browser.goto(&url).await?;
        browser.size(1280, 700).await?;
        browser.dark(true).await?;
        self.shoot("console-dark").await?;
        browser.dark(false).await?;
        Ok(())
    }

    /// A night's callbacks: done, dead, held and waiting ones.
    async fn receive(&self, inbox: &dyn Inbox, clock: &SteppedClock) -> anyhow::Result<()> {
        let claim = Claim::new(9, Duration::from_secs(9)).attempts(20);
        let error = || "the ledger answered: account closed".to_owned();
        let retry = Finish::Retry { after: Duration::from_mins(20), error: error() };
        for (payment, finish) in [
            ("order-3936", Finish::Done),
            ("order-3937", Finish::Dead { error: error() }),
            ("order-3938", retry),
        ] {
            inbox.accept(&Body::new(payment, 1, "success").verified()).await?;
            for delivery in inbox.claim(&claim).await?.deliveries {
                inbox.finish(&delivery, finish.clone()).await?;
            }
            clock.advance(Duration::from_mins(4));
        }
        inbox.accept(&Body::new("order-3939", 1, "success").doubtful().verified()).await?;
        clock.advance(Duration::from_mins(9));
        inbox.accept(&Body::new("order-3940", 1, "processing").verified()).await?;
        clock.advance(Duration::from_secs(8));
        Ok(())
    }

    /// Takes the picture of the open page on a phone.
    async fn phone(&self, name: &str, height: u32) -> anyhow::Result<()> {
        self.browser.size(360, height).await?;
        self.shoot(&format!("{name}-phone")).await?;
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
