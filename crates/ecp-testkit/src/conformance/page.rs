//! Cases about the Payment Page.

use ecp_core::{Money, ProjectId};
use ecp_methods::page::{PageOptions, PageValue, PreparedPage, prepare_page_dyn};
use ecp_methods::request::{Field, SaleRequest};
use ecp_methods::spec::Interface;
use ecp_methods::{DynMethod, Operation, Reason, Rejection, Rule};

use super::request::{id, with_fields};
use super::subject::Subject;
use super::{Cases, amounts, expect, expect_amount_refused};
use crate::failure::{Failure, OrFail, fail};

impl<'m> Cases<'m> {
    /// Cases about the codes that open the page.
    pub(super) fn page_codes(&mut self) {
        let (method, registry) = (self.method, self.registry);
        self.check("Payment Page codes are there and belong to it alone", move || {
            let spec = method.spec();
            let codes = spec.page_codes();
            let on_page = |flow| spec.rule(flow).is_some_and(on_page);
            if codes.is_empty()
                && let Some(flow) = spec.flows().find(|&flow| on_page(flow))
            {
                let problem = "is on the Payment Page, but there is no code to open the page with: \
                               add `page_codes` to the spec";
                return Err(fail(format!("{flow} {problem}")));
            }
            for (position, code) in codes.iter().enumerate() {
                if codes[..position].contains(code) {
                    return Err(fail(format!("the Payment Page code {code} is given twice")));
                }
                let others = registry.iter().map(DynMethod::spec);
                let mut others = others.filter(|other| other.code() != spec.code());
                if let Some(other) = others.find(|other| other.page_codes().contains(code)) {
                    let other = other.code();
                    return Err(fail(format!(
                        "the Payment Page code {code} belongs to the method {other} already"
                    )));
                }
            }
            Ok(())
        });
    }

    /// Cases about sales, the only flow of the page.
    pub(super) fn page(&mut self, rule: &'m Rule) {
        if on_page(rule) {
            self.page_amounts(rule);
            self.page_parameters();
        } else {
            self.not_on_page();
        }
    }

    fn not_on_page(&mut self) {
        let method = self.method;
        self.check("page sale: is refused, as it is not on the Payment Page", move || {
            let amount = amounts::succeeding(method.spec(), &[Operation::SALE])?;
            expect(prepare(method, amount, None)?, |reason| {
                matches!(reason, Reason::InterfaceUnsupported(Interface::PaymentPage))
            })
        });
    }

    fn page_amounts(&mut self, rule: &'m Rule) {
        let method = self.method;
        for &currency in method.spec().currencies_of(Operation::SALE) {
            for (minor, allowed) in amounts::edges(method.spec(), rule, currency) {
                let amount = Money::from_minor(minor, currency);
                let verdict = if allowed { "is allowed" } else { "is refused" };
                self.check(&format!("page sale: {amount} {verdict}"), move || {
                    let prepared = prepare(method, amount, None)?;
                    if allowed {
                        return prepared.or_fail().map(drop);
                    }
                    expect_amount_refused(prepared)
                });
            }
        }
    }

    fn page_parameters(&mut self) {
        let method = self.method;
        self.check("page sale: without customer.id is refused", move || {
            let amount = amounts::succeeding(method.spec(), &[Operation::SALE])?;
            expect(prepare(method, amount, Some(Field::CUSTOMER_ID))?, |reason| {
                matches!(reason, Reason::Missing(fields) if *fields == [Field::CUSTOMER_ID])
            })
        });
        self.check("page sale: opens with its first code", move || {
            let amount = amounts::succeeding(method.spec(), &[Operation::SALE])?;
            let page = prepare(method, amount, None)?.or_fail()?;
            let parameters = page.parameters(ProjectId::new(1).or_fail()?);
            let forced = parameters.get("force_payment_method").map(PageValue::url_text);
            match (forced.as_deref(), method.spec().page_codes()) {
                (Some(forced), [first, ..]) if forced == *first => Ok(()),
                (forced, codes) => Err(fail(format!(
                    "force_payment_method is {forced:?}, the codes are {codes:?}"
                ))),
            }
        });
    }
}

fn on_page(rule: &Rule) -> bool {
    rule.interfaces().contains(&Interface::PaymentPage)
}

/// A sale with all fields that the page and the method on Gate require, except one.
fn prepare(
    method: Subject<'_>,
    amount: Money,
    without: Option<Field>,
) -> Result<Result<PreparedPage, Rejection>, Failure> {
    let mut sale =
        with_fields(SaleRequest::new(id("page")?, amount), method, Operation::SALE, without)?;
    if without != Some(Field::CUSTOMER_ID) {
        sale = sale.field(Field::CUSTOMER_ID, method.example(Field::CUSTOMER_ID));
    }
    Ok(prepare_page_dyn(method.method, &sale, PageOptions::new()))
}
