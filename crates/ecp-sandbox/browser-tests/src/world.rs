//! A sandbox and a merchant on this machine.

use ecp_core::{Money, PaymentId, SecretKey, Sensitive};
use ecp_methods::page::{PageOptions, prepare_page_dyn};
use ecp_methods::request::{Customer, ReturnUrls, SaleRequest};
use ecp_methods::{DynMethod, FlowKind, Registry};
use ecp_sandbox::{Config, Project, Sandbox, Schedule};
use ecp_transport::{PaymentPage, SignedPage};

use crate::merchant::Merchant;

/// Both, with the merchant's signing key.
pub struct World {
    /// The sandbox.
    pub sandbox: Sandbox,
    /// The sandbox's address, without a slash at the end.
    pub url: String,
    /// The merchant.
    pub merchant: Merchant,
    page: PaymentPage,
}

impl World {
    /// Opens both. Callbacks and questions go to the merchant.
    pub async fn open() -> anyhow::Result<Self> {
        Self::with(|config| config).await
    }

    /// The same with another configuration.
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

    /// The methods with sales.
    pub fn methods(registry: &Registry) -> impl Iterator<Item = &dyn DynMethod> {
        registry.iter().filter(|method| method.spec().rule(FlowKind::Sale).is_some())
    }

    /// An amount that the method takes and gives no meaning in tests.
    pub fn amount(method: &dyn DynMethod) -> Money {
        let spec = method.spec();
        let currency = spec.currencies().first().copied();
        let (Some(currency), Some(rule)) = (currency, spec.rule(FlowKind::Sale)) else {
            return Money::from_minor(10_000, ecp_core::Currency::EUR);
        };
        rule.example_amount(currency)
    }

    /// A signed opening of the Payment Page. The result stays, with a link back to the merchant.
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

    /// The same, but the customer is sent back to the merchant without being asked.
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
