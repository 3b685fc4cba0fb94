//! `ecp page-url`

use std::io::Write;
use std::process::ExitCode;

use clap::Args;
use ecp_core::{Money, PaymentId};
use ecp_methods::Registry;
use ecp_methods::page::{PageOptions, prepare_page_dyn};
use ecp_methods::request::SaleRequest;
use serde_json::json;

use crate::fields::{Fields, method, pair};
use crate::nearest::money;
use crate::next::{argument, next};
use crate::profile::ProfileOptions;

/// Print the signed address of the Payment Page for a sale
///
/// Nothing is sent: the address is for the customer's browser. With the profile `sandbox` it is the
/// address of the sandbox's page.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  ecp page-url touchngo order-1 500.00 MYR --field customer.id=7\n  ecp page-url jeton order-1 100.00 EUR --field customer.id=7 --parameter language_code=de --html\n  ecp page-url jeton order-1 100.00 EUR --field customer.id=7 --let-customer-choose"
)]
pub(crate) struct PageUrl {
    /// The payment method, by its code (`ecp methods` lists the codes) or its Gate path
    #[arg(value_name = "METHOD")]
    method: String,

    /// Your id of the payment
    #[arg(value_name = "PAYMENT_ID")]
    payment_id: PaymentId,

    /// The amount with its currency, as in 100.00 EUR
    #[arg(value_name = "AMOUNT", value_parser = money)]
    amount: Money,

    #[command(flatten)]
    fields: Fields,

    /// A parameter of the Payment Page by its name, as in language_code=de. May be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    parameter: Vec<(String, String)>,

    /// Preselect the method on the page by this one of its codes, instead of by the first; `ecp
    /// methods METHOD` lists them
    #[arg(long, value_name = "CODE", group = "preselected")]
    code: Option<String>,

    /// Preselect the method on the page by a code that the platform's support gave you; it is not
    /// checked, so open the page once to see that it works
    #[arg(long, value_name = "CODE", group = "preselected")]
    code_from_support: Option<String>,

    /// Preselect no method: the customer chooses from all methods on the page
    #[arg(long, group = "preselected")]
    let_customer_choose: bool,

    #[command(flatten)]
    profile: ProfileOptions,

    /// Print HTML that opens the page as a widget, instead of the page's address
    #[arg(long, conflicts_with = "json")]
    html: bool,

    /// Print the address and the widget's configuration as JSON
    #[arg(long)]
    json: bool,
}

impl PageUrl {
    pub(crate) fn run(&self, registry: &Registry) -> anyhow::Result<ExitCode> {
        let method = method(registry, &self.method)?;
        let sale = SaleRequest::new(self.payment_id.clone(), self.amount);
        let sale = self.fields.fill(sale, method.spec());
        let options = self.parameter.iter().fold(PageOptions::new(), |options, (name, value)| {
            options.text(name.as_str(), value.as_str())
        });
        let options = match (&self.code, &self.code_from_support) {
            (Some(code), _) => options.method_code(code),
            (_, Some(code)) => options.method_code_from_support(code),
            _ if self.let_customer_choose => options.let_customer_choose(),
            _ => options,
        };
        let prepared = prepare_page_dyn(method, &sale, options)?;
        let profile = self.profile.load()?;
        profile.warn();
        let signed = profile.page()?.sign(&prepared)?;
        let mut output = crate::output::stdout();
        if self.json {
            let widget: serde_json::Value = serde_json::from_str(&signed.widget_config())?;
            let both = json!({"url": signed.url(), "widget": widget});
            writeln!(output, "{}", serde_json::to_string_pretty(&both)?)?;
        } else if self.html {
            writeln!(output, "{}", signed.html())?;
        } else {
            writeln!(output, "{}", signed.url())?;
            let id = argument(self.payment_id.as_str());
            next(format_args!("open it, and then: ecp status{} --wait {id}", self.profile.flags()));
        }
        Ok(ExitCode::SUCCESS)
    }
}
