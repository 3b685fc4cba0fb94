//! A sandbox and a merchant on this machine.

use ecp_core::{Money, PaymentId, SecretKey, Sensitive};
use ecp_methods::page::{PageOptions, prepare_page_dyn};
use ecp_methods::request::{Customer, ReturnUrls, SaleRequest};
use ecp_methods::{DynMethod, Operation, Registry};
use ecp_sandbox::{Config, Project, Sandbox, Schedule};
use ecp_transport::{PaymentPage, SignedPage};

use crate::merchant::Merchant;

/// A sandbox and a merchant that takes payments with it, for a test in a browser.
pub struct World {
    /// The sandbox on this machine.
    pub sandbox: Sandbox,
    /// The base URL of the sandbox, without a slash at the end.
    pub url: String,
    /// The merchant that receives the callbacks of the sandbox.
    pub merchant: Merchant,
    page: PaymentPage,
}

impl World {
    /// Starts a sandbox and a merchant. The merchant receives all callbacks and confirmation
    /// requests.
    pub async fn open() -> anyhow::Result<Self> {
        Self::with(|config| config).await
    }

    /// Starts a sandbox and a merchant like [`World::open`], with a changed configuration of the
    /// sandbox.
    pub async fn with(adjust: impl FnOnce(Config) -> Config) -> anyhow::Result<Self> {
        let key = SecretKey::new(Config::DEMO_KEY)?;
        let merchant = Merchant::open(Config::DEMO_PROJECT, &key).await?;
        let project =
            Project::new(Config::DEMO_PROJECT, Sensitive::new(Config::DEMO_KEY.to_owned()))
                .callback_url(format!("{}/callback", merchant.url()))
                .confirmation_url(format!("{}/confirm", merchant.url()));
        let schedule = Schedule::every(std::time::Duration::from_millis(200), 3);
        let config = Config::new().project(project).schedule(schedule);
        let sandbox = Sandbox::new(adjust(config));
        let url = sandbox.listen().await?;
        let page = PaymentPage::new(Config::DEMO_PROJECT, &key).base_url(&url)?;
        Ok(Self { sandbox, url, merchant, page })
    }

    /// Returns the methods that can be used for sales.
    pub fn methods(registry: &Registry) -> impl Iterator<Item = &dyn DynMethod> {
        registry.iter().filter(|method| method.spec().rule(Operation::SALE).is_some())
    }

    /// Returns an amount that the method accepts in a sale and that has no special meaning in
    /// tests.
    pub fn amount(method: &dyn DynMethod) -> Money {
        let spec = method.spec();
        let currency = spec.currencies().first().copied();
        let (Some(currency), Some(rule)) = (currency, spec.rule(Operation::SALE)) else {
            return Money::from_minor(10_000, ecp_core::Currency::EUR);
        };
        rule.example_amount(currency)
    }

    /// Signs a URL that opens the Payment Page with this payment. The page shows the result with a
    /// link to the merchant, and does not redirect the customer.
    pub fn page(
        &self,
        method: &dyn DynMethod,
        payment_id: &str,
        amount: Money,
        options: PageOptions,
    ) -> anyhow::Result<SignedPage> {
        let options = options
            .redirect_success_enabled(0)
            .redirect_fail_enabled(0)
            .merchant_success_url(format!("{}/paid", self.merchant.url()))
            .merchant_fail_url(format!("{}/declined", self.merchant.url()));
        self.returning_page(method, payment_id, amount, options)
    }

    /// Signs a URL that opens the Payment Page with this payment. After the payment the page
    /// redirects the customer to the merchant.
    pub fn returning_page(
        &self,
        method: &dyn DynMethod,
        payment_id: &str,
        amount: Money,
        options: PageOptions,
    ) -> anyhow::Result<SignedPage> {
        let urls = ReturnUrls::new()
            .success(format!("{}/paid", self.merchant.url()))
            .decline(format!("{}/declined", self.merchant.url()));
        let sale = SaleRequest::new(PaymentId::new(payment_id)?, amount)
            .customer(Customer::new().id("customer-1"))
            .return_urls(urls);
        Ok(self.page.sign(&prepare_page_dyn(method, &sale, options)?)?)
    }
}
