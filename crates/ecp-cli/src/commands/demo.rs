//! `ecp demo`

mod merchant;
mod stage;
mod story;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::{Args, ValueEnum};
use ecp_core::model::{Callback, PaymentStatus, RefundOutcome, Step};
use ecp_core::{Money, PaymentId};
use ecp_methods::request::{Field, PayoutRequest, RefundRequest, SaleRequest};
use ecp_methods::spec::{Capability, Interface};
use ecp_methods::{DynMethod, Operation, Registry, Rule, prepare_dyn};
use ecp_sandbox::Decision;

use self::stage::Stage;
use self::story::Story;
use crate::amount;
use crate::next::{is_wanted, next};

/// Take one payment from the signed request to the verified callback, explaining every step
///
/// Runs the sandbox and a small shop in this process, on free ports of this machine. Needs no
/// credentials and no network.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  ecp demo\n  ecp demo --decline\n  ecp demo --method touchngo --flow payout\n  ecp demo --json | jq .step\n\nExits with 0 only if the payment reached the expected final status through a verified callback."
)]
pub(crate) struct Demo {
    /// The payment method, by its code; `ecp methods` lists them
    ///
    /// By default the first method with the flow on Gate whose own page says which amounts are
    /// declined in tests, or else the first with the flow on Gate.
    #[arg(long, value_name = "CODE")]
    method: Option<String>,

    /// The flow to show; by default a sale, or a payout if the method has no sales
    #[arg(long, value_enum)]
    flow: Option<Flow>,

    /// Show a payment that is declined instead of one that succeeds
    #[arg(long)]
    decline: bool,

    /// Print each step as JSON, one object a line
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Flow {
    Sale,
    Payout,
    Refund,
}

impl From<Flow> for Operation {
    fn from(flow: Flow) -> Self {
        match flow {
            Flow::Sale => Self::SALE,
            Flow::Payout => Self::PAYOUT,
            Flow::Refund => Self::REFUND,
        }
    }
}

/// Longer than any step of the demonstration takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(30);

impl Demo {
    pub(crate) fn run(&self, registry: &Registry) -> anyhow::Result<ExitCode> {
        let runtime = crate::runtime::start()?;
        let mut story = Story::new(self.json);
        let done = runtime.block_on(async {
            tokio::time::timeout(PATIENCE, self.play(registry, &mut story)).await.with_context(
                || {
                    format!(
                        "the demonstration has not finished within {} seconds: run it again, and \
                         report it if it stops again",
                        PATIENCE.as_secs()
                    )
                },
            )?
        });
        story.end(done.as_ref().err());
        if done.is_ok() && is_wanted(self.json) {
            next(format_args!("ecp sandbox"));
        }
        Ok(if done.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    async fn play(&self, registry: &Registry, story: &mut Story) -> anyhow::Result<()> {
        let method = match &self.method {
            Some(code) => crate::fields::method(registry, code)?,
            None => usual_method(registry, self.flow.unwrap_or(Flow::Sale).into())?,
        };
        let flow = self.flow.unwrap_or_else(|| {
            let has = |flow: Flow| method.spec().rule(flow.into()).is_some();
            if !has(Flow::Sale) && has(Flow::Payout) { Flow::Payout } else { Flow::Sale }
        });
        let stage = Stage::set(registry).await?;
        let mut play = Play { method, decision: self.decision(), stage, story };
        match flow {
            Flow::Sale => play.sale().await,
            Flow::Payout => play.payout().await,
            Flow::Refund => play.refund().await,
        }
        .with_context(|| flows_of(method))
    }

    const fn decision(&self) -> Decision {
        if self.decline { Decision::Decline } else { Decision::Success }
    }
}

/// The default method for a flow.
fn usual_method(registry: &Registry, flow: Operation) -> anyhow::Result<&dyn DynMethod> {
    let on_gate = |rule: &Rule| rule.interfaces().contains(&Interface::Gate);
    let with_flow = || registry.iter().filter(|m| m.spec().rule(flow).is_some_and(on_gate));
    with_flow()
        .find(|method| method.spec().testing().declined_source().is_none())
        .or_else(|| with_flow().next())
        .with_context(|| {
            format!("no payment method has the flow {flow} on Gate: choose another --flow")
        })
}

/// Context of an error, with the method's flows.
fn flows_of(method: &dyn DynMethod) -> String {
    let spec = method.spec();
    let flows: Vec<&str> = spec.flows().map(Operation::name).collect();
    format!(
        "the demonstration of {} (a method with the flows {}) has failed",
        spec.title(),
        flows.join(", ")
    )
}

/// One payment in the demonstration.
struct Play<'p> {
    method: &'p dyn DynMethod,
    decision: Decision,
    stage: Stage,
    story: &'p mut Story,
}

impl Play<'_> {
    async fn sale(&mut self) -> anyhow::Result<()> {
        let amount = amount::of_sale(self.method.spec(), self.decision)?;
        let (id, status) = self.sell(amount, self.decision).await?;
        self.check_status(&id, &status).await
    }

    /// Carries out a sale until its final callback.
    async fn sell(
        &mut self,
        amount: Money,
        decision: Decision,
    ) -> anyhow::Result<(PaymentId, PaymentStatus)> {
        let id = PaymentId::new("demo-1")?;
        // Where customers choose vouchers, the amount is theirs: the document's request has 0.
        let chosen = amount::is_voucher(self.method.spec(), amount).then_some(amount);
        let asked = chosen.map_or(amount, |amount| Money::from_minor(0, amount.currency()));
        let mut request = SaleRequest::new(id.clone(), asked).description("A demonstration");
        for (field, value) in self.fields(Operation::SALE, amount) {
            request = request.field(field, value);
        }
        self.stage.send(self.story, &prepare_dyn(self.method, request)?, Some(asked)).await?;

        let mut callback = self.stage.callback(self.story, of_step).await?;
        if let Step::Clarify(asked) = callback.next_step() {
            self.stage.clarify(self.story, &id, &asked).await?;
            callback = self.stage.callback(self.story, of_step).await?;
        }
        let target = match callback.next_step() {
            Step::Redirect(redirect) => {
                Some(self.stage.customer(self.story, &redirect, decision, chosen).await?)
            }
            Step::Display(display) => {
                self.stage.displayed(self.story, &id, &display, decision).await?;
                None
            }
            Step::Push => {
                self.stage.elsewhere(self.story, &id, decision)?;
                None
            }
            step => anyhow::bail!(
                "the callback from the sandbox inside `ecp demo` has the step `{}`, with which the \
                 customer cannot pay: please report it",
                step.as_str()
            ),
        };
        if decision == Decision::Success
            && self.method.spec().capabilities().has(Capability::AmountConfirmation)
        {
            self.stage.confirmation(self.story).await?;
        }
        if let Some(target) = target {
            self.stage.comes_back(self.story, target.as_deref()).await?;
        }
        // A decline has paid nothing.
        let sum = if decision == Decision::Success { amount } else { asked };
        let status = self.final_callback(&id, expected(decision), Some(sum)).await?;
        Ok((id, status))
    }

    async fn payout(&mut self) -> anyhow::Result<()> {
        let id = PaymentId::new("demo-1")?;
        let amount = amount::of_payout(self.method.spec(), self.decision)?;
        let mut request = PayoutRequest::new(id.clone(), amount).description("A demonstration");
        for (field, value) in self.fields(Operation::PAYOUT, amount) {
            request = request.field(field, value);
        }
        self.stage.send(self.story, &prepare_dyn(self.method, request)?, Some(amount)).await?;
        let status = self.final_callback(&id, expected(self.decision), Some(amount)).await?;
        self.check_status(&id, &status).await
    }

    /// Carries out a refund of a sale; the declined one requests more than was paid.
    async fn refund(&mut self) -> anyhow::Result<()> {
        let id = PaymentId::new("demo-1")?;
        let paid = amount::of_refunded_sale(self.method.spec(), self.decision)?;
        let mut request = match self.decision {
            Decision::Success => RefundRequest::full(id.clone()),
            Decision::Decline => {
                let more = paid.checked_add(Money::from_minor(1, paid.currency()))?;
                RefundRequest::full_of(id.clone(), more)
            }
        };
        for (field, value) in self.fields(Operation::REFUND, paid) {
            request = request.field(field, value);
        }
        // Checked before the sale: a refund that the method refuses needs no sale.
        let prepared = prepare_dyn(self.method, request)?;
        self.sell(paid, Decision::Success).await?;
        self.stage.send(self.story, &prepared, prepared.amount()).await?;
        let named = |_: &Callback| ("refund", "A callback says what the refund did");
        let callback = self.stage.callback(self.story, named).await?;
        let refund = callback.refund().context(
            "the callback from the sandbox inside `ecp demo` has no refund: please report it",
        )?;
        let status = callback
            .payment_status()
            .context(
                "the callback from the sandbox inside `ecp demo` has no status: please report it",
            )?
            .clone();
        match (self.decision, &refund.outcome) {
            (Decision::Success, RefundOutcome::Success { .. })
            | (Decision::Decline, RefundOutcome::Decline { .. }) => {}
            (_, outcome) => {
                anyhow::bail!(
                    "the refund ended as {outcome:?}, but {} was expected: please report it",
                    self.decision
                )
            }
        }
        self.check_status(&id, &status).await
    }

    async fn final_callback(
        &mut self,
        id: &PaymentId,
        expected: PaymentStatus,
        amount: Option<Money>,
    ) -> anyhow::Result<PaymentStatus> {
        let named = |_: &Callback| ("callback", "A callback says how it ended");
        let callback = self.stage.callback(self.story, named).await?;
        ensure!(
            callback.payment_id() == Some(id),
            "the callback from the sandbox inside `ecp demo` is not about the payment {id}: \
             please report it"
        );
        let status = callback.payment_status().context(
            "the callback from the sandbox inside `ecp demo` has no status: please report it",
        )?;
        ensure!(
            *status == expected,
            "the payment ended with the status `{status}`, not with the expected `{expected}`: please report \
             it"
        );
        let sum = callback.payment.as_ref().and_then(|payment| payment.sum.as_ref());
        let sum = sum.context(
            "the callback from the sandbox inside `ecp demo` has no sum: please report it",
        )?;
        let sum = self.method.spec().received_amount(sum.amount, sum.currency.parse()?);
        let sum = sum.context("the sum in the callback is too large: please report it")?;
        ensure!(
            Some(sum) == amount,
            "the sum in the callback, {sum}, is not the sum of the payment: please report it"
        );
        Ok(expected)
    }

    async fn check_status(&mut self, id: &PaymentId, status: &PaymentStatus) -> anyhow::Result<()> {
        let answer = self.stage.gate.status(id).await?;
        let on_gate = answer.payment_status().map_or("none", PaymentStatus::as_str);
        ensure!(
            answer.payment_status() == Some(status),
            "the payment's status on Gate, `{on_gate}`, differs from the status in the callback, `{status}`: please report it"
        );
        self.story
            .step("status", "Gate, asked for the status, says the same")
            .line("status", status.to_string())
            .note("Its answer is signed too, and was checked.");
        self.story.result(id, status);
        Ok(())
    }

    /// Example values for the method's required fields; the customer returns to our shop.
    fn fields(&self, flow: Operation, amount: Money) -> Vec<(Field, String)> {
        let own = |(field, example): (Field, &str)| match field {
            Field::RETURN_SUCCESS => (field, self.stage.merchant.url("/paid")),
            Field::RETURN_DECLINE => (field, self.stage.merchant.url("/declined")),
            Field::DESCRIPTION => (field, "A demonstration".to_owned()),
            _ => (field, example.to_owned()),
        };
        let examples = self.method.spec().example_values(flow, Some(amount.currency()), |_| None);
        examples.into_iter().map(own).collect()
    }
}

const fn expected(decision: Decision) -> PaymentStatus {
    match decision {
        Decision::Success => PaymentStatus::Success,
        Decision::Decline => PaymentStatus::Decline,
    }
}

/// The name and the title of a callback with the customer's next step.
fn of_step(callback: &Callback) -> (&'static str, &'static str) {
    match callback.next_step() {
        Step::Clarify(_) => ("clarification", "A callback says what the platform asks for"),
        Step::Display(_) => ("display", "A callback says what to show to the customer"),
        Step::Push => ("push", "A callback says that the customer confirms elsewhere"),
        _ => ("redirect", "A callback says where to send the customer"),
    }
}
