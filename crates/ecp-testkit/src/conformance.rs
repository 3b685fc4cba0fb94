//! Tests generated from a method's spec.

mod amounts;
mod differences;
mod page;
mod request;
mod samples;
mod subject;

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use ecp_core::model::{OperationStatus, PaymentStatus};
use ecp_core::signature::{self, Place, Rules, SigningKey};
use ecp_core::{Currency, Money, ProjectId, SecretKey};
use ecp_methods::request::Field;
use ecp_methods::spec::{Capability, Condition, Interface, Need, TestQuestion};
use ecp_methods::{DynMethod, Effect, Operation, PaymentMethod, Reason, Registry, Rejection, Rule};
use ecp_notify::Decision as Answer;
use ecp_sandbox::Decision;

pub use self::differences::{Difference, differences};
pub(crate) use self::request::AnyPrepared;
use self::request::Request;
pub use self::samples::Sample;
use self::subject::{Examples, Subject};
use crate::failure::{Failure, OrFail, fail};
use crate::stage::Stage;

/// A test case of the conformance suite, which tests a payment method against its spec (the
/// operations, currencies, limits and fields that it declares) and the sandbox.
/// [`Conformance::cases`] returns the cases; [`Case::run`] runs one.
pub struct Case<'m> {
    name: String,
    run: Box<dyn Fn() -> CaseFuture<'m> + 'm>,
}

type CaseFuture<'m> = Pin<Box<dyn Future<Output = Result<(), Failure>> + 'm>>;

impl Case<'_> {
    /// The name of the test case: the payment method, the operation and what is tested, such as
    /// `jeton sale: 0.99 EUR is too little`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs the test case. The error says why it failed. Call it in a tokio runtime with timer and
    /// I/O enabled.
    pub async fn run(&self) -> Result<(), Failure> {
        (self.run)().await
    }
}

impl fmt::Debug for Case<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Case({})", self.name)
    }
}

/// The conformance suite, which tests one payment method against its spec (the operations,
/// currencies, limits and fields that it declares) and the sandbox. The suite makes most cases from
/// the spec. The calls add data that the spec does not have: values for its fields, values that its
/// own check refuses, and the callbacks on its documentation page.
///
/// ```
/// use ecp_core::model::{OperationStatus, PaymentStatus};
/// use ecp_methods::request::Field;
/// use ecp_methods::{Operation, Jeton};
/// use ecp_testkit::{Conformance, Sample};
///
/// let printed = r#"{"project_id": 239, "payment": {"id": "59", "type": "payout",
///     "status": "success", "method": "JetonWallet", "sum": {"amount": 30000, "currency": "EUR"}},
///     "operation": {"id": 1, "type": "payout", "status": "success"}, "signature": "MwjS...=="}"#;
/// let sum = "300.00 EUR".parse()?;
/// Conformance::of(Jeton)
///     .example(Field::ACCOUNT_NUMBER, "93017949")
///     .sample("payout", Sample::new(printed, Operation::PAYOUT, PaymentStatus::Success, sum))
///     .assert();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Conformance {
    registry: Registry,
    code: &'static str,
    examples: Examples,
    refused: Vec<(Operation, Field, String)>,
    samples: Vec<(String, Sample)>,
}

impl Conformance {
    /// Creates the suite for a payment method. The sandbox that the suite runs has the built-in
    /// methods and this method.
    ///
    /// # Panics
    ///
    /// If one of the method's names (code, Gate path, callback name) belongs to another payment
    /// method.
    pub fn of<M: PaymentMethod>(method: M) -> Self {
        let code = method.spec().code();
        let builtin = Registry::builtin();
        let registry = if let Ok(known) = builtin.get(code) {
            let same = format!("{:?}", known.spec()) == format!("{:?}", method.spec());
            assert!(same, "the code `{code}` belongs to a built-in method with another spec");
            builtin
        } else {
            builtin.with(method).unwrap_or_else(|error| panic!("{error}"))
        };
        let (refused, samples) = (Vec::new(), Vec::new());
        Self { registry, code, examples: Examples::default(), refused, samples }
    }

    /// Sets the value that the suite's requests have in a field, instead of the general example
    /// value of this field. Call it only if that value does not pass the payment method's own check
    /// (`PaymentMethod::check`).
    pub fn example(mut self, field: Field, value: impl Into<String>) -> Self {
        self.examples.set(field, value.into());
        self
    }

    /// Adds a test case: a request for this operation, with this value in the field, must be
    /// refused because of the field. Use it for values that the method's own check
    /// (`PaymentMethod::check`) refuses; the suite makes the cases of the spec by itself.
    pub fn refuses(mut self, flow: Operation, field: Field, value: impl Into<String>) -> Self {
        self.refused.push((flow, field, value.into()));
        self
    }

    /// Adds a test case: a sample callback from the method's documentation page, read with the
    /// method's spec, must have the meaning that the page gives it. `name` is a part of the case's
    /// name, to tell samples apart, such as `declined payout`.
    pub fn sample(mut self, name: impl Into<String>, sample: Sample) -> Self {
        self.samples.push((name.into(), sample));
        self
    }

    /// All test cases of the suite: those made from the payment method's spec, and the added ones.
    /// [`Case::run`] runs each; [`Conformance::assert`] runs all of them.
    #[expect(clippy::missing_panics_doc, reason = "the method has been added")]
    pub fn cases(&self) -> Vec<Case<'_>> {
        let method = self.registry.get(self.code).expect("the method is in the registry");
        let subject = Subject { method, examples: &self.examples };
        let mut cases = Cases { method: subject, registry: &self.registry, made: Vec::new() };
        cases.of_spec();
        for (flow, field, value) in &self.refused {
            cases.refused(*flow, *field, value);
        }
        for (name, sample) in &self.samples {
            cases.check(&format!("sample: {name}"), move || sample.check(method));
        }
        cases.made
    }

    /// Runs all test cases of the suite, and panics if any fails. Call it in a plain test function,
    /// outside of a tokio runtime.
    ///
    /// # Panics
    ///
    /// If any case fails, or if it is called inside a tokio runtime. The message lists the failed
    /// cases; inside a runtime, run [`Conformance::cases`] instead.
    pub fn assert(&self) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a test can start a runtime");
        let cases = self.cases();
        let failed: Vec<String> = runtime.block_on(async {
            let mut failed = Vec::new();
            for case in &cases {
                if let Err(failure) = case.run().await {
                    failed.push(format!("{}: {failure}", case.name()));
                }
            }
            failed
        });
        assert!(
            failed.is_empty(),
            "{} of {} cases failed:\n{}",
            failed.len(),
            cases.len(),
            failed.join("\n")
        );
    }
}

/// Runs all test cases that are made from the spec of a payment method, and panics if any fails.
/// Call it in a plain test function, outside of a tokio runtime. To add more cases, use
/// [`Conformance`].
///
/// The sandbox that the cases run has the built-in payment methods and this method.
///
/// # Panics
///
/// If a case fails, if one of the method's names belongs to another payment method, or if it is
/// called inside a tokio runtime.
pub fn assert_conforms<M: PaymentMethod>(method: M) {
    Conformance::of(method).assert();
}

/// The test cases that are made from the spec of a payment method; [`Case::run`] runs each.
/// `registry` has the payment methods of the sandbox that the cases run, and must contain the
/// method.
pub fn conformance<'m>(method: &'m dyn DynMethod, registry: &'m Registry) -> Vec<Case<'m>> {
    let subject = Subject { method, examples: Examples::NONE };
    let mut cases = Cases { method: subject, registry, made: Vec::new() };
    cases.of_spec();
    cases.made
}

struct Cases<'m> {
    method: Subject<'m>,
    registry: &'m Registry,
    made: Vec<Case<'m>>,
}

impl<'m> Cases<'m> {
    /// Adds the cases that the spec alone makes.
    fn of_spec(&mut self) {
        let method = self.method;
        self.names();
        self.page_codes();
        let others = method.spec().flows().filter(|flow| !Operation::KNOWN.contains(flow));
        for flow in Operation::KNOWN.iter().copied().chain(others) {
            match method.spec().rule(flow) {
                None => self.undeclared(flow),
                Some(rule) if on_gate(rule) => {
                    self.amounts(flow, rule);
                    self.fields(flow, rule);
                    self.signature(flow, rule);
                    self.end_to_end(flow);
                }
                Some(_) => self.not_on_gate(flow),
            }
        }
        if let Some(rule) = method.spec().rule(Operation::SALE) {
            self.page(rule);
        }
    }

    fn refused(&mut self, flow: Operation, field: Field, value: &'m str) {
        let method = self.method;
        self.check(&format!("{flow}: {field} {value:?} is refused"), move || {
            let request = Request::full(method, flow, any_amount(method, flow)?, None)?;
            expect_refused_for(field, &request.set(field, value).prepare(method))
        });
    }

    fn add<F>(&mut self, name: &str, run: impl Fn() -> F + 'm)
    where
        F: Future<Output = Result<(), Failure>> + 'm,
    {
        let name = format!("{} {name}", self.method.spec().code());
        self.made.push(Case { name, run: Box::new(move || Box::pin(run())) });
    }

    /// Adds a case that needs no waiting.
    fn check(&mut self, name: &str, check: impl Fn() -> Result<(), Failure> + 'm) {
        self.add(name, move || std::future::ready(check()));
    }

    fn names(&mut self) {
        let (method, registry) = (self.method, self.registry);
        self.check("names belong to it alone", move || {
            let spec = method.spec();
            let owner = |found: Option<&dyn DynMethod>| found.map(|found| found.spec().code());
            let code = Some(spec.code());
            if owner(registry.get(spec.code()).ok()) != code {
                return Err(fail("the registry does not find the method by its code"));
            }
            if let Some(path) = spec.gate_path()
                && owner(registry.by_gate_path(path)) != code
            {
                return Err(fail(format!(
                    "the registry does not find the method by its Gate path {path}"
                )));
            }
            for name in spec.callback_names() {
                if owner(registry.by_callback_name(name)) != code {
                    return Err(fail(format!(
                        "the registry does not find the method by its callback name {name}"
                    )));
                }
            }
            Ok(())
        });
    }

    fn undeclared(&mut self, flow: Operation) {
        let method = self.method;
        self.check(&format!("{flow}: is refused, as it is not declared"), move || {
            let request = Request::bare(flow, any_amount(method, flow)?)?;
            expect(request.prepare(method), |reason| matches!(reason, Reason::FlowUnsupported))
        });
    }

    fn not_on_gate(&mut self, flow: Operation) {
        let method = self.method;
        self.check(&format!("{flow}: is refused, as it is not on Gate"), move || {
            let request = Request::full(method, flow, any_amount(method, flow)?, None)?;
            expect(request.prepare(method), |reason| {
                matches!(reason, Reason::InterfaceUnsupported(Interface::Gate))
            })
        });
    }

    fn amounts(&mut self, flow: Operation, rule: &'m Rule) {
        // A change of data has neither an amount nor a currency.
        if flow.effect() == Effect::Manage {
            return;
        }
        let method = self.method;
        let undeclared = Currency::all()
            .iter()
            .copied()
            .find(|currency| !method.spec().currencies_of(flow).contains(currency));
        if let Some(currency) = undeclared {
            self.check(&format!("{flow}: {currency} is refused"), move || {
                let amount = rule.example_amount(currency);
                let request = Request::full(method, flow, amount, None)?;
                expect(request.prepare(method), |reason| {
                    matches!(reason, Reason::CurrencyUnsupported(..))
                })
            });
        }
        if matches!(flow.effect(), Effect::Back | Effect::Capture | Effect::Release) {
            self.parts(flow, rule);
        }
        for &currency in method.spec().currencies_of(flow) {
            for (minor, allowed) in amounts::edges(method.spec(), rule, currency) {
                let amount = Money::from_minor(minor, currency);
                let verdict = if allowed { "is allowed" } else { "is refused" };
                self.check(&format!("{flow}: {amount} {verdict}"), move || {
                    let prepared = Request::full(method, flow, amount, None)?.prepare(method);
                    if allowed {
                        return prepared.or_fail().map(drop);
                    }
                    expect_amount_refused(prepared)
                });
            }
        }
    }

    fn parts(&mut self, flow: Operation, rule: &'m Rule) {
        let method = self.method;
        let part = move || {
            let part = Request::part(flow, any_amount(method, flow)?)?
                .ok_or_else(|| fail("only a refund, capture or release can be about a part"))?;
            Ok(part.with_fields(method, None)?.prepare(method))
        };
        if rule.allows_partial() {
            self.check(&format!("{flow}: a part is allowed"), move || part()?.or_fail().map(drop));
        } else {
            self.check(&format!("{flow}: a part is refused"), move || {
                expect(part()?, |reason| {
                    matches!(reason, Reason::PartialRefundUnsupported | Reason::PartUnsupported)
                })
            });
        }
    }

    fn fields(&mut self, flow: Operation, rule: &'m Rule) {
        let method = self.method;
        for &field in rule.needed_fields() {
            self.check(&format!("{flow}: without {field} is refused"), move || {
                let amount = any_amount(method, flow)?;
                let request = Request::full(method, flow, amount, Some(field))?;
                expect_refused_for(field, &request.prepare(method))
            });
        }
        for need in rule.conditional_needs() {
            self.conditional_fields(flow, rule, need);
        }
        self.check(&format!("{flow}: does not print what it holds"), move || {
            let request = Request::full(method, flow, any_amount(method, flow)?, None)?;
            let printed = format!("{request:?} {:?}", request.clone().prepare(method));
            // Shorter values may occur by chance.
            let telling =
                rule.needed_fields().iter().filter(|field| method.example(**field).len() > 3);
            let shown = telling.into_iter().find(|field| printed.contains(method.example(**field)));
            shown.map_or(Ok(()), |field| Err(fail(format!("`Debug` prints the value of {field}"))))
        });
    }

    /// Adds the cases of fields that a request must have under a condition, with the condition true.
    fn conditional_fields(&mut self, flow: Operation, rule: &'m Rule, need: &'m Need) {
        let method = self.method;
        let (regions, currencies) = (method.spec().regions(), method.spec().currencies_of(flow));
        if !need.can_apply(regions, currencies) {
            return;
        }
        let request = move |without| {
            let amount = any_amount(method, flow)?;
            let bare = |amount| Request::bare(flow, amount);
            let request = match need.condition() {
                Condition::Country(countries) => {
                    let used = countries.iter().find(|it| regions.include(it) != Some(false));
                    let problem = "the method is used in no country of the condition";
                    let country = used.ok_or_else(|| fail(problem))?;
                    // A country may have limits of its own.
                    let limits = rule.limits_in(amount.currency(), Some(country));
                    let (least, greatest) = limits.minor_units();
                    let minor = amount.minor().max(least).min(greatest);
                    let amount = Money::from_minor(minor, amount.currency());
                    bare(amount)?.set(Field::CUSTOMER_COUNTRY, country)
                }
                Condition::Currency(own) => {
                    let used = own.iter().find(|it| currencies.contains(it));
                    let problem = "the operation has no currency of the condition";
                    let currency = used.ok_or_else(|| fail(problem))?;
                    bare(rule.example_amount(*currency))?
                }
                Condition::Given(field) => bare(amount)?.set(field, method.example(field)),
                Condition::Value(field, values) => {
                    let value =
                        values.first().ok_or_else(|| fail("the condition lists no value"))?;
                    bare(amount)?.set(field, value)
                }
                other => {
                    let problem = "the suite cannot make a request for the condition";
                    return Err(fail(format!("{problem} {other:?}")));
                }
            };
            request.with_fields(method, without)
        };
        let condition = need.condition();
        for &field in need.fields() {
            let name = format!("{flow}: {condition}, without {field} is refused");
            self.check(&name, move || {
                expect_refused_for(field, &request(Some(field))?.prepare(method))
            });
        }
        self.check(
            &format!("{flow}: {condition}, with all that is needed is allowed"),
            move || request(None)?.prepare(method).or_fail().map(drop),
        );
    }

    fn signature(&mut self, flow: Operation, rule: &'m Rule) {
        let method = self.method;
        self.check(&format!("{flow}: signs and verifies"), move || {
            let project = ProjectId::new(1).or_fail()?;
            let request = Request::full(method, flow, any_amount(method, flow)?, None)?;
            let body = request.prepare(method).or_fail()?.body(project);
            let key = SigningKey::new(&SecretKey::new("conformance").or_fail()?);
            let signed = signature::sign_document(&key, &body, Place::General, Rules::private())
                .or_fail()?;
            signature::verify(&[key], &signed).or_fail()?;
            let text = String::from_utf8(signed).or_fail()?;
            let lost =
                rule.needed_fields().iter().find(|field| !text.contains(method.example(**field)));
            lost.map_or(Ok(()), |field| Err(fail(format!("{field} is missing in the signed body"))))
        });
    }

    /// Plays one payment in the sandbox for each result that the operation can have.
    fn end_to_end(&mut self, flow: Operation) {
        match flow.effect() {
            Effect::MoneyIn | Effect::Register => {
                self.paid_by_customer(flow, PaymentStatus::Success);
            }
            Effect::Hold => self.paid_by_customer(flow, PaymentStatus::AwaitingCapture),
            Effect::Out => self.payouts(flow),
            Effect::Back => self.refunds(flow),
            Effect::Capture => self.after_a_hold(flow, PaymentStatus::Success),
            Effect::Release => self.after_a_hold(flow, PaymentStatus::Canceled),
            Effect::Manage => self.managed(flow),
        }
    }

    fn paid_by_customer(&mut self, flow: Operation, success: PaymentStatus) {
        let method = self.method;
        let asked = u8::from(flow.effect() == Effect::MoneyIn && confirms_amount(method));
        let questions = move |stage: &Stage| match stage.questions() {
            times if times == usize::from(asked) => Ok(()),
            times => Err(fail(format!(
                "the merchant was asked to confirm the amount {times} times, expected {asked}"
            ))),
        };
        self.play(&format!("{flow}: goes end to end to a success"), move |stage| {
            let success = success.clone();
            async move {
                let amount = amounts::decided(method.spec(), flow, Decision::Success)?;
                sale(&stage, method, flow, amount, Decision::Success).await?;
                stage.ended(&*method, &success).await?;
                questions(&stage)
            }
        });
        self.play(&format!("{flow}: goes end to end to a decline"), move |stage| async move {
            let amount = amounts::decided(method.spec(), flow, Decision::Decline)?;
            sale(&stage, method, flow, amount, Decision::Decline).await?;
            stage.ended(&*method, &PaymentStatus::Decline).await.map(drop)
        });
        if asked > 0 {
            let name = format!("{flow}: is declined if the merchant refuses");
            self.play(&name, move |stage| async move {
                stage.answer(Answer::REFUSE);
                let amount = amounts::decided(method.spec(), flow, Decision::Success)?;
                sale(&stage, method, flow, amount, Decision::Success).await?;
                stage.ended(&*method, &PaymentStatus::Decline).await?;
                questions(&stage)
            });
        }
    }

    fn payouts(&mut self, flow: Operation) {
        let method = self.method;
        self.play(&format!("{flow}: goes end to end to a success"), move |stage| async move {
            let amount = any_amount(method, flow)?;
            send(&stage, method, Request::bare(flow, amount)?).await?;
            stage.ended(&*method, &PaymentStatus::Success).await.map(drop)
        });
        // Only the amount decides about a payout, and the limits may exclude such amounts.
        if let Some(amount) = amounts::declined_payout(method.spec(), flow) {
            self.play(&format!("{flow}: goes end to end to a decline"), move |stage| async move {
                send(&stage, method, Request::bare(flow, amount)?).await?;
                stage.ended(&*method, &PaymentStatus::Decline).await.map(drop)
            });
        }
    }

    /// Refunds of successful sales; the declined ones request more than was paid.
    fn refunds(&mut self, flow: Operation) {
        let method = self.method;
        let paid = |operation: &Operation| operation.effect() == Effect::MoneyIn;
        let mut sales = method.spec().flows().filter(paid);
        let is_on_gate = |flow: &Operation| method.spec().rule(*flow).is_some_and(on_gate);
        // A sale paid elsewhere is not on the stage.
        let Some(sale_flow) = sales.find(is_on_gate) else { return };
        self.play(&format!("{flow}: goes end to end to a success"), move |stage| async move {
            let paid = amounts::succeeding(method.spec(), &[sale_flow, flow])?;
            sale(&stage, method, sale_flow, paid, Decision::Success).await?;
            stage.ended(&*method, &PaymentStatus::Success).await?;
            send_whole(&stage, method, flow).await?;
            stage.refunded(Decision::Success).await
        });
        if let Some((paid, more)) = amounts::overdrawn(method.spec(), sale_flow, flow) {
            self.play(&format!("{flow}: goes end to end to a decline"), move |stage| async move {
                sale(&stage, method, sale_flow, paid, Decision::Success).await?;
                stage.ended(&*method, &PaymentStatus::Success).await?;
                send(&stage, method, Request::bare(flow, more)?).await?;
                stage.refunded(Decision::Decline).await
            });
        }
    }

    /// Plays captures and releases of held money, if the method also has holds on Gate; the declined
    /// ones request more than is held.
    fn after_a_hold(&mut self, flow: Operation, success: PaymentStatus) {
        let method = self.method;
        let mut holds = method.spec().rules().filter(|(hold, _)| hold.effect() == Effect::Hold);
        let Some((hold, _)) = holds.find(|(_, rule)| on_gate(rule)) else { return };
        self.play(&format!("{flow}: goes end to end to a success"), move |stage| {
            let success = success.clone();
            async move {
                let amount = amounts::succeeding(method.spec(), &[hold, flow])?;
                sale(&stage, method, hold, amount, Decision::Success).await?;
                stage.ended(&*method, &PaymentStatus::AwaitingCapture).await?;
                send(&stage, method, Request::bare(flow, amount)?).await?;
                stage.ended(&*method, &success).await.map(drop)
            }
        });
        if let Some((held, more)) = amounts::overdrawn(method.spec(), hold, flow) {
            self.play(&format!("{flow}: goes end to end to a decline"), move |stage| async move {
                sale(&stage, method, hold, held, Decision::Success).await?;
                stage.ended(&*method, &PaymentStatus::AwaitingCapture).await?;
                send(&stage, method, Request::bare(flow, more)?).await?;
                // The money is still held.
                let callback = stage.ended(&*method, &PaymentStatus::AwaitingCapture).await?;
                match callback.operation.as_ref().and_then(|operation| operation.status.as_ref()) {
                    Some(OperationStatus::Decline) => Ok(()),
                    status => Err(fail(format!(
                        "the operation has status {status:?}, expected a decline"
                    ))),
                }
            });
        }
    }

    /// Plays a request that moves no money, whose answer is the result.
    fn managed(&mut self, flow: Operation) {
        let method = self.method;
        self.play(&format!("{flow}: is answered with success"), move |stage| async move {
            send_whole(&stage, method, flow).await
        });
    }

    /// Adds a case on a stage of its own.
    fn play<F>(&mut self, name: &str, play: impl Fn(Stage) -> F + Clone + 'm)
    where
        F: Future<Output = Result<(), Failure>> + 'm,
    {
        let registry = self.registry;
        self.add(name, move || {
            let play = play.clone();
            async move { play(Stage::set(registry).await?).await }
        });
    }
}

async fn sale(
    stage: &Stage,
    method: Subject<'_>,
    flow: Operation,
    amount: Money,
    decision: Decision,
) -> Result<(), Failure> {
    let request = Request::full(method, flow, amount, None)?;
    let asked = questions(method, &request);
    stage.send(&request.prepare(method).or_fail()?).await?;
    stage.customer(method.spec(), &asked, decision).await
}

/// The questions of the spec whose fields the request lacks.
fn questions(method: Subject<'_>, request: &Request) -> Vec<TestQuestion> {
    let is_open = |question: &&TestQuestion| {
        let path = format!("{}.{}", question.object(), question.name());
        !request.has(&path)
    };
    method.spec().testing().sale_questions().iter().filter(is_open).copied().collect()
}

async fn send(stage: &Stage, method: Subject<'_>, request: Request) -> Result<(), Failure> {
    let request = request.with_fields(method, None)?;
    stage.send(&request.prepare(method).or_fail()?).await
}

async fn send_whole(stage: &Stage, method: Subject<'_>, flow: Operation) -> Result<(), Failure> {
    let request = Request::whole(flow)?.ok_or_else(|| fail("the operation needs an amount"))?;
    send(stage, method, request).await
}

fn on_gate(rule: &Rule) -> bool {
    rule.interfaces().contains(&Interface::Gate)
}

fn confirms_amount(method: Subject<'_>) -> bool {
    method.spec().capabilities().has(Capability::AmountConfirmation)
}

/// An amount that passes the checks of the flow.
fn any_amount(method: Subject<'_>, flow: Operation) -> Result<Money, Failure> {
    amounts::succeeding(method.spec(), &[flow])
}

fn expect<T: fmt::Debug>(
    result: Result<T, Rejection>,
    as_expected: impl Fn(&Reason) -> bool,
) -> Result<(), Failure> {
    match result {
        Err(rejection) if as_expected(rejection.reason()) => Ok(()),
        other => Err(fail(format!(
            "expected a refusal for the reason that the case names, found {other:?}"
        ))),
    }
}

fn expect_refused_for(
    field: Field,
    prepared: &Result<AnyPrepared, Rejection>,
) -> Result<(), Failure> {
    match prepared.as_ref().err().and_then(Rejection::path) {
        Some(path) if path == field.path() => Ok(()),
        _ => Err(fail(format!(
            "expected a refusal because of `{field}`, found {}",
            prepared.as_ref().err().map_or("none".to_owned(), ToString::to_string)
        ))),
    }
}

fn expect_amount_refused<T: fmt::Debug>(result: Result<T, Rejection>) -> Result<(), Failure> {
    expect(result, |reason| match reason {
        Reason::AmountAbove { .. } | Reason::AmountBelow { .. } | Reason::AmountNotPositive(_) => {
            true
        }
        // A fraction of a currency that the platform counts in major units.
        Reason::Invalid { path, .. } => path == "payment.amount",
        _ => false,
    })
}
