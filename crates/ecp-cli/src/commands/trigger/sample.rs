//! A sample callback: the payment is made in a sandbox of its own, which sends what the samples on the
//! method's page have.

use anyhow::{Context, bail};
use bytes::Bytes;
use ecp_core::model::{Code, End};
use ecp_core::{Money, PaymentId, ProjectId, SecretKey, Sensitive};
use ecp_methods::request::{Field, PayoutRequest, RefundRequest, SaleRequest};
use ecp_methods::spec::{CallbackForm, Capability};
use ecp_methods::{DynMethod, Flow, MethodSpec, Operation, Prepared, Registry, Rule, prepare_dyn};
use ecp_sandbox::{Config, Decision, EventKind, Project, Sandbox};
use ecp_transport::{Gate, TowerTransport};
use http::{Request, Response};
use serde_json::{Value, json};

use super::event::{Event, Goal};

/// The parameters of a sample callback.
pub(super) struct Sample<'m> {
    pub(super) registry: &'m Registry,
    pub(super) method: &'m dyn DynMethod,
    pub(super) project: ProjectId,
    pub(super) payment_id: &'m PaymentId,
    pub(super) event: Event,
    /// Whether the amount of the sale is given, for a method with which the customer could choose
    /// it.
    pub(super) fixed: bool,
}

impl Sample<'_> {
    /// Makes the sample callback, without its signature.
    pub(super) async fn make(&self) -> anyhow::Result<Value> {
        let spec = self.method.spec();
        let Event { flow, goal } = self.event;
        if spec.rule(flow).is_none() {
            let flows: Vec<&str> = spec.flows().map(Operation::name).collect();
            bail!("{} has no flow {flow}; its flows are {}", spec.title(), flows.join(" and "));
        }
        let (sandbox, gate) = self.sandbox()?;
        match flow {
            Operation::PAYOUT => self.payout(&gate).await?,
            Operation::SALE => self.sale(&sandbox, &gate, goal).await?,
            Operation::REFUND => self.refund(&sandbox, &gate).await?,
            other => bail!(
                "there are sample callbacks of a sale, payout or refund, and not of `{other}`"
            ),
        }
        sandbox.settled().await;
        let sent = sandbox.events().into_iter().rev().find_map(|event| match event.kind {
            EventKind::CallbackAttempted { body, .. } => Some(body),
            _ => None,
        });
        let sent =
            sent.context("the sandbox inside `ecp trigger` sent no callback: please report it")?;
        let mut callback: Value = serde_json::from_slice(sent.bytes())?;
        if let Some(members) = callback.as_object_mut() {
            members.shift_remove("signature");
        }
        Ok(callback)
    }

    fn form(&self, end: End) -> CallbackForm {
        self.method.spec().callback_form(self.event.flow, end)
    }

    fn sandbox(&self) -> anyhow::Result<(Sandbox, Gate)> {
        let declined = self.event.goal == Goal::End(Decision::Decline);
        let code = self.form(End::Decline).decline_code();
        let mut project = Project::new(self.project, Sensitive::new(Config::DEMO_KEY.to_owned()))
            .callback_url("http://localhost/");
        if declined && self.event.flow == Operation::PAYOUT && code == INSUFFICIENT_FUNDS {
            let currencies = self.method.spec().currencies_of(Operation::PAYOUT).iter();
            for &currency in currencies {
                project = project.balance(Money::from_minor(0, currency));
            }
        }
        let mut config = Config::new()
            .registry(self.registry.clone())
            .project(project)
            .public_url("http://localhost")
            .virtual_time("2024-01-31T12:00:00+0000".parse()?)
            .cut_off_code(code)
            .merchant(|request: Request<Bytes>| async move {
                let asked: Value = serde_json::from_slice(request.body()).unwrap_or_default();
                let answer = json!({"code": 0, "payment_id": asked["payment_id"]});
                Response::new(answer.to_string().into())
            });
        if declined && self.event.flow == Operation::REFUND && code != TOO_HIGH {
            config = config.decline_refunds(code);
        }
        let sandbox = Sandbox::new(config);
        let key = SecretKey::new(Config::DEMO_KEY)?;
        let gate = Gate::new(self.project, &key, TowerTransport::new(sandbox.router()))
            .base_url("http://localhost")?;
        Ok((sandbox, gate))
    }

    /// A decline is that of the customer who does not come: it alone can have any code.
    async fn sale(&self, sandbox: &Sandbox, gate: &Gate, goal: Goal) -> anyhow::Result<()> {
        let spec = self.method.spec();
        let amount = example(spec, Operation::SALE, |minor| !spec.testing().is_declined(minor))?;
        let open = spec.capabilities().has(Capability::ZeroAmount) && !self.fixed;
        // The one whose callback has the account, as in the sample.
        let shown = spec.testing().account_shown_amounts().iter().copied();
        let shown = shown.into_iter().find(|&minor| !spec.testing().is_declined(minor));
        let amount = match (goal, shown) {
            (Goal::End(Decision::Success), Some(minor)) => {
                Money::from_minor(minor, amount.currency())
            }
            _ => amount,
        };
        let asked = if open { Money::from_minor(0, amount.currency()) } else { amount };
        self.sell(sandbox, gate, asked).await?;
        match goal {
            Goal::Redirect => {}
            Goal::End(Decision::Success) => {
                self.choose(sandbox, open.then_some(amount)).await?;
            }
            Goal::End(Decision::Decline) => {
                let longest = spec.rule(Operation::SALE).and_then(Rule::longest_time);
                let longest = longest.unwrap_or(std::time::Duration::from_hours(1));
                if !sandbox.advance(longest).await {
                    bail!("the sandbox inside `ecp trigger` has no virtual time: please report it");
                }
            }
        }
        Ok(())
    }

    async fn payout(&self, gate: &Gate) -> anyhow::Result<()> {
        let spec = self.method.spec();
        let testing = spec.testing();
        let poor = self.form(End::Decline).decline_code() == INSUFFICIENT_FUNDS;
        let declined = self.event.goal == Goal::End(Decision::Decline) && !poor;
        let amount =
            example(spec, Operation::PAYOUT, |minor| testing.is_declined(minor) == declined)?;
        let mut request = PayoutRequest::new(self.payment_id.clone(), amount);
        for (field, value) in self.fields(Operation::PAYOUT, amount, &[Field::CUSTOMER_ID]) {
            request = request.field(field, value);
        }
        self.send(gate, &prepare_dyn(self.method, request)?).await
    }

    async fn refund(&self, sandbox: &Sandbox, gate: &Gate) -> anyhow::Result<()> {
        let spec = self.method.spec();
        let paid = example(spec, Operation::SALE, |minor| !spec.testing().is_declined(minor))?;
        self.sell(sandbox, gate, paid).await?;
        self.choose(sandbox, None).await?;
        let id = self.payment_id.clone();
        let declined = self.event.goal == Goal::End(Decision::Decline);
        let mut request = if declined && self.form(End::Decline).decline_code() == TOO_HIGH {
            RefundRequest::full_of(id, paid.checked_add(Money::from_minor(1, paid.currency()))?)
        } else {
            RefundRequest::full(id)
        };
        for (field, value) in self.fields(Operation::REFUND, paid, &[Field::MERCHANT_REFUND_ID]) {
            request = request.field(field, value);
        }
        self.send(gate, &prepare_dyn(self.method, request)?).await
    }

    async fn sell(&self, sandbox: &Sandbox, gate: &Gate, amount: Money) -> anyhow::Result<()> {
        let mut request = SaleRequest::new(self.payment_id.clone(), amount);
        for (field, value) in self.fields(Operation::SALE, amount, &[Field::CUSTOMER_ID]) {
            request = request.field(field, value);
        }
        self.send(gate, &prepare_dyn(self.method, request)?).await?;
        sandbox.settled().await;
        Ok(())
    }

    async fn choose(&self, sandbox: &Sandbox, amount: Option<Money>) -> anyhow::Result<()> {
        if !sandbox.choose(self.project, self.payment_id, Decision::Success, amount) {
            bail!(
                "cannot make the sample callback: the sandbox has ended the sale before its customer \
                 could pay; please report this with the command that you ran"
            );
        }
        sandbox.settled().await;
        Ok(())
    }

    async fn send<F: Flow>(&self, gate: &Gate, prepared: &Prepared<F>) -> anyhow::Result<()> {
        gate.send(prepared).await.context(
            "cannot make the sample callback: the sandbox inside `ecp trigger` refused the request",
        )?;
        Ok(())
    }

    /// Values for the required fields, and for others that the samples' payments have.
    fn fields(&self, flow: Operation, amount: Money, more: &[Field]) -> Vec<(Field, String)> {
        let examples = self.method.spec().example_values(flow, Some(amount.currency()), |_| None);
        let mut values: Vec<(Field, &str)> = examples;
        for &field in more.iter().chain(&[Field::DESCRIPTION]) {
            if values.iter().all(|(own, _)| own.path() != field.path()) {
                values.push((field, field.example()));
            }
        }
        let own = |(field, example): (Field, &str)| match field {
            Field::DESCRIPTION => (field, "a sample".to_owned()),
            _ => (field, example.to_owned()),
        };
        values.into_iter().map(own).collect()
    }
}

/// The code of a payout beyond the balance.
const INSUFFICIENT_FUNDS: u32 = 3028;

/// The code of a refund of more than was paid.
const TOO_HIGH: u32 = 3283;

/// The amount of a flow in the method's first currency: the example of its rule, or the nearest one
/// that means the right thing in tests.
fn example(
    spec: &MethodSpec,
    flow: Operation,
    fits: impl Fn(i64) -> bool,
) -> anyhow::Result<Money> {
    let currency = crate::amount::currency(spec, flow)?;
    let rule = spec.rule(flow).copied().unwrap_or_default();
    let usual = rule.example_amount(currency).minor();
    let listed = spec.testing().declined_amounts().iter().copied();
    let (least, greatest) = rule.limits(currency).minor_units();
    std::iter::once(usual)
        .chain(listed)
        .chain(usual..greatest.min(usual.saturating_add(100)))
        .find(|minor| (least..=greatest).contains(minor) && fits(*minor))
        .map(|minor| Money::from_minor(minor, currency))
        .context(
            "no amount within the method's limits gives this event in tests: choose another event \
             or method",
        )
}

/// Returns the platform's message for a code; empty if the code is not known.
pub(super) fn message_of(code: u32) -> &'static str {
    Code::from(code).info().map_or("", |info| info.message)
}
