//! Tests made from a spec.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use ecp_core::model::PaymentStatus;
use ecp_core::signature::{self, Place, Rules, SigningKey};
use ecp_core::{Currency, Money, PaymentId, ProjectId, SecretKey};
use ecp_methods::request::{Field, FlowRequest, PayoutRequest, RefundRequest, SaleRequest};
use ecp_methods::spec::Interface;
use ecp_methods::{
    DynMethod, FlowKind, PaymentMethod, Prepared, Reason, Registry, Rejection, Rule, prepare_dyn,
};
use ecp_sandbox::Decision;

use crate::stage::Stage;

/// One thing that must hold of a method.
pub struct Case<'m> {
    name: String,
    run: Box<dyn Fn() -> CaseFuture<'m> + 'm>,
}

type CaseFuture<'m> = Pin<Box<dyn Future<Output = Result<(), Failure>> + 'm>>;

/// What did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure(String);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failure {}

pub(crate) fn fail(message: impl Into<String>) -> Failure {
    Failure(message.into())
}

/// `?` for any error.
pub(crate) trait OrFail<T> {
    fn or_fail(self) -> Result<T, Failure>;
}

impl<T, E: fmt::Display> OrFail<T> for Result<T, E> {
    fn or_fail(self) -> Result<T, Failure> {
        self.map_err(|error| fail(error.to_string()))
    }
}

impl Case<'_> {
    /// The method, the flow and what is tried, as in `jeton sale: 0.99 EUR is too little`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Tries it. Needs a tokio runtime with its timer and I/O.
    pub async fn run(&self) -> Result<(), Failure> {
        (self.run)().await
    }
}

impl fmt::Debug for Case<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Case({})", self.name)
    }
}

/// Runs every case of a method and panics with a list of those that failed.
///
/// The registry is the built-in one with the method added, unless it holds it already.
///
/// # Panics
///
/// If the method does not conform.
pub fn assert_conforms<M: PaymentMethod>(method: M) {
    let code = method.spec().code();
    let builtin = Registry::builtin();
    let registry = if builtin.get(code).is_ok() {
        builtin
    } else {
        builtin.with(method).unwrap_or_else(|error| panic!("{error}"))
    };
    let method = registry.get(code).unwrap_or_else(|error| panic!("{error}"));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a test can start a runtime");
    let cases = conformance(method, &registry);
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

/// The cases of a method. The registry is what the sandbox serves; it must hold the method.
pub fn conformance<'m>(method: &'m dyn DynMethod, registry: &'m Registry) -> Vec<Case<'m>> {
    let mut cases = Cases { method, registry, made: Vec::new() };
    cases.names();
    for flow in FlowKind::ALL {
        match method.spec().rule(flow) {
            None => cases.undeclared(flow),
            Some(rule) if rule.interfaces().contains(&Interface::Gate) => {
                cases.amounts(flow, rule);
                cases.fields(flow, rule);
                cases.signature(flow, rule);
                cases.end_to_end(flow);
            }
            Some(_) => cases.not_on_gate(flow),
        }
    }
    cases.made
}

struct Cases<'m> {
    method: &'m dyn DynMethod,
    registry: &'m Registry,
    made: Vec<Case<'m>>,
}

impl<'m> Cases<'m> {
    fn add<F>(&mut self, name: &str, run: impl Fn() -> F + 'm)
    where
        F: Future<Output = Result<(), Failure>> + 'm,
    {
        let name = format!("{} {name}", self.method.spec().code());
        self.made.push(Case { name, run: Box::new(move || Box::pin(run())) });
    }

    /// A case that needs no waiting.
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
                return Err(fail("the registry does not hold it by its code"));
            }
            if let Some(path) = spec.gate_path()
                && owner(registry.by_gate_path(path)) != code
            {
                return Err(fail(format!("the Gate path {path} leads elsewhere")));
            }
            for name in spec.callback_names() {
                if owner(registry.by_callback_name(name)) != code {
                    return Err(fail(format!("the callback name {name} leads elsewhere")));
                }
            }
            if spec.callback_names().is_empty() {
                return Err(fail("it has no callback name, so its callbacks cannot be told"));
            }
            Ok(())
        });
    }

    fn undeclared(&mut self, flow: FlowKind) {
        let method = self.method;
        self.check(&format!("{flow}: is refused, as it is not declared"), move || {
            let request = Request::bare(method, flow, any_amount(method, flow)?)?;
            expect(request.prepare(method), |reason| matches!(reason, Reason::FlowUnsupported))
        });
    }

    fn not_on_gate(&mut self, flow: FlowKind) {
        let method = self.method;
        self.check(&format!("{flow}: is refused, as it is not on Gate"), move || {
            let request = Request::full(method, flow, any_amount(method, flow)?, None)?;
            expect(request.prepare(method), |reason| {
                matches!(reason, Reason::InterfaceUnsupported(Interface::Gate))
            })
        });
    }

    fn amounts(&mut self, flow: FlowKind, rule: &'m Rule) {
        let method = self.method;
        let undeclared = Currency::all()
            .iter()
            .copied()
            .find(|currency| !method.spec().currencies().contains(currency));
        if let Some(currency) = undeclared {
            self.check(&format!("{flow}: {currency} is refused"), move || {
                let amount = Money::from_minor(10_000, currency);
                let request = Request::full(method, flow, amount, None)?;
                expect(request.prepare(method), |reason| {
                    matches!(reason, Reason::CurrencyUnsupported(..))
                })
            });
        }
        if flow == FlowKind::Refund {
            if !rule.allows_partial() {
                self.check("refund: a part is refused", move || {
                    let amount = any_amount(method, flow)?;
                    let part = RefundRequest::partial(id("part")?, amount);
                    let request = Request::Refund(with_fields(part, method, flow, None)?);
                    expect(request.prepare(method), |reason| {
                        matches!(reason, Reason::PartialRefundUnsupported)
                    })
                });
            }
            return;
        }
        for &currency in method.spec().currencies() {
            let table = match rule.limits(currency) {
                Some((least, greatest)) => vec![
                    (least.minor() - 1, false),
                    (least.minor(), true),
                    (greatest.minor(), true),
                    (greatest.minor() + 1, false),
                ],
                None => vec![(-1, false), (0, rule.allows_zero_amount()), (1, true)],
            };
            for (minor, allowed) in table {
                let amount = Money::from_minor(minor, currency);
                let verdict = if allowed { "is allowed" } else { "is refused" };
                self.check(&format!("{flow}: {amount} {verdict}"), move || {
                    let prepared = Request::full(method, flow, amount, None)?.prepare(method);
                    if allowed {
                        return prepared.or_fail().map(drop);
                    }
                    expect(prepared, |reason| {
                        matches!(
                            reason,
                            Reason::AmountAbove { .. }
                                | Reason::AmountBelow { .. }
                                | Reason::AmountNotPositive(_)
                        )
                    })
                });
            }
        }
    }

    fn fields(&mut self, flow: FlowKind, rule: &'m Rule) {
        let method = self.method;
        for &field in rule.needed_fields() {
            self.check(&format!("{flow}: without {field} is refused"), move || {
                let amount = any_amount(method, flow)?;
                let request = Request::full(method, flow, amount, Some(field))?;
                let rejection = request.prepare(method).err();
                match rejection.as_ref().and_then(Rejection::path) {
                    Some(path) if path == field.path() => Ok(()),
                    _ => Err(fail(format!("expected a refusal of it, found {rejection:?}"))),
                }
            });
        }
        self.check(&format!("{flow}: does not print what it holds"), move || {
            let request = Request::full(method, flow, any_amount(method, flow)?, None)?;
            let printed = format!("{request:?} {:?}", request.clone().prepare(method));
            // Shorter values may stand there by chance.
            let telling = rule.needed_fields().iter().filter(|field| field.example().len() > 3);
            let shown = telling.into_iter().find(|field| printed.contains(field.example()));
            shown.map_or(Ok(()), |field| Err(fail(format!("{field} is printed"))))
        });
    }

    fn signature(&mut self, flow: FlowKind, rule: &'m Rule) {
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
            let lost = rule.needed_fields().iter().find(|field| !text.contains(field.example()));
            lost.map_or(Ok(()), |field| Err(fail(format!("{field} is not in the body"))))
        });
    }

    fn end_to_end(&mut self, flow: FlowKind) {
        let (method, registry) = (self.method, self.registry);
        for decision in [Decision::Success, Decision::Decline] {
            self.add(&format!("{flow}: goes end to end to a {decision}"), move || async move {
                let stage = Stage::set(registry).await?;
                match flow {
                    FlowKind::Sale => sale(&stage, method, decision).await,
                    FlowKind::Payout => payout(&stage, method, decision).await,
                    FlowKind::Refund => refund(&stage, method, decision).await,
                }
            });
        }
    }
}

async fn sale(stage: &Stage, method: &dyn DynMethod, decision: Decision) -> Result<(), Failure> {
    let amount = amount_for(method, FlowKind::Sale, decision)?;
    let request = Request::full(method, FlowKind::Sale, amount, None)?;
    stage.send(&request.prepare(method).or_fail()?).await?;
    stage.customer(decision).await?;
    stage.ended(method, &expected(decision)).await
}

async fn payout(stage: &Stage, method: &dyn DynMethod, decision: Decision) -> Result<(), Failure> {
    let amount = amount_for(method, FlowKind::Payout, decision)?;
    let request = Request::full(method, FlowKind::Payout, amount, None)?;
    stage.send(&request.prepare(method).or_fail()?).await?;
    stage.ended(method, &expected(decision)).await
}

/// A refund of a sale that succeeded; to be declined it asks for more than was paid.
async fn refund(stage: &Stage, method: &dyn DynMethod, decision: Decision) -> Result<(), Failure> {
    sale(stage, method, Decision::Success).await?;
    let paid = amount_for(method, FlowKind::Sale, Decision::Success)?;
    let refund = match decision {
        Decision::Success => RefundRequest::full(id("case")?),
        Decision::Decline => {
            let more = paid.checked_add(Money::from_minor(1, paid.currency())).or_fail()?;
            RefundRequest::full_of(id("case")?, more)
        }
    };
    let request = Request::Refund(with_fields(refund, method, FlowKind::Refund, None)?);
    stage.send(&request.prepare(method).or_fail()?).await?;
    stage.refunded(decision).await
}

const fn expected(decision: Decision) -> PaymentStatus {
    match decision {
        Decision::Success => PaymentStatus::Success,
        Decision::Decline => PaymentStatus::Decline,
    }
}

/// A request of any flow.
#[derive(Clone, Debug)]
enum Request {
    Sale(SaleRequest),
    Payout(PayoutRequest),
    Refund(RefundRequest),
}

/// What was prepared, of any flow.
#[derive(Debug)]
pub(crate) enum AnyPrepared {
    Sale(Prepared<ecp_methods::Sale>),
    Payout(Prepared<ecp_methods::Payout>),
    Refund(Prepared<ecp_methods::Refund>),
}

impl AnyPrepared {
    fn body(&self, project: ProjectId) -> Vec<u8> {
        match self {
            Self::Sale(prepared) => prepared.body(project),
            Self::Payout(prepared) => prepared.body(project),
            Self::Refund(prepared) => prepared.body(project),
        }
    }
}

impl Request {
    /// A request without any field.
    fn bare(_: &dyn DynMethod, flow: FlowKind, amount: Money) -> Result<Self, Failure> {
        Ok(match flow {
            FlowKind::Sale => Self::Sale(SaleRequest::new(id("case")?, amount)),
            FlowKind::Payout => Self::Payout(PayoutRequest::new(id("case")?, amount)),
            FlowKind::Refund => Self::Refund(RefundRequest::full_of(id("case")?, amount)),
        })
    }

    /// A request with all fields that the rule needs, but for one.
    fn full(
        method: &dyn DynMethod,
        flow: FlowKind,
        amount: Money,
        without: Option<Field>,
    ) -> Result<Self, Failure> {
        Ok(match Self::bare(method, flow, amount)? {
            Self::Sale(request) => Self::Sale(with_fields(request, method, flow, without)?),
            Self::Payout(request) => Self::Payout(with_fields(request, method, flow, without)?),
            Self::Refund(request) => Self::Refund(with_fields(request, method, flow, without)?),
        })
    }

    fn prepare(self, method: &dyn DynMethod) -> Result<AnyPrepared, Rejection> {
        match self {
            Self::Sale(request) => prepare_dyn(method, request).map(AnyPrepared::Sale),
            Self::Payout(request) => prepare_dyn(method, request).map(AnyPrepared::Payout),
            Self::Refund(request) => prepare_dyn(method, request).map(AnyPrepared::Refund),
        }
    }
}

/// Sets a field, whatever the flow.
trait SetField: FlowRequest {
    fn set(self, field: Field, value: &str) -> Self;
}

macro_rules! set_field {
    ($($request:ty),*) => {
        $(impl SetField for $request {
            fn set(self, field: Field, value: &str) -> Self {
                self.field(field, value)
            }
        })*
    };
}

set_field!(SaleRequest, PayoutRequest, RefundRequest);

fn with_fields<R: SetField>(
    request: R,
    method: &dyn DynMethod,
    flow: FlowKind,
    without: Option<Field>,
) -> Result<R, Failure> {
    let rule = method.spec().rule(flow).ok_or_else(|| fail("the flow is not declared"))?;
    let wanted = rule.needed_fields().iter().filter(|field| Some(**field) != without);
    Ok(wanted.fold(request, |request, &field| request.set(field, field.example())))
}

fn id(text: &str) -> Result<PaymentId, Failure> {
    PaymentId::new(format!("conformance-{text}")).or_fail()
}

/// The least amount that the sandbox does not treat specially.
fn any_amount(method: &dyn DynMethod, flow: FlowKind) -> Result<Money, Failure> {
    amount_for(method, flow, Decision::Success)
}

/// An amount that ends as wanted: among those of the limits, one that the method's tests do not
/// list, or for a declined payout one that they do.
fn amount_for(
    method: &dyn DynMethod,
    flow: FlowKind,
    decision: Decision,
) -> Result<Money, Failure> {
    let spec = method.spec();
    let &currency = spec.currencies().first().ok_or_else(|| fail("it has no currency"))?;
    let rule = spec.rule(flow).or_else(|| spec.rule(FlowKind::Sale));
    let (least, greatest) = match rule.and_then(|rule| rule.limits(currency)) {
        Some((least, greatest)) => (least.minor(), greatest.minor()),
        None => (10_i64.pow(currency.exponent() + 1), i64::MAX),
    };
    let testing = spec.testing();
    let fits = |minor: &i64| match decision {
        Decision::Success => !testing.is_declined(*minor),
        Decision::Decline if flow == FlowKind::Payout => testing.is_declined(*minor),
        Decision::Decline => !testing.is_listed(*minor) || testing.is_declined(*minor),
    };
    (least..=greatest)
        .take(1_000_000)
        .find(fits)
        .map(|minor| Money::from_minor(minor, currency))
        .ok_or_else(|| fail("no amount ends as wanted"))
}

fn expect<T: fmt::Debug>(
    result: Result<T, Rejection>,
    as_expected: impl Fn(&Reason) -> bool,
) -> Result<(), Failure> {
    match result {
        Err(rejection) if as_expected(rejection.reason()) => Ok(()),
        other => Err(fail(format!("not as expected: {other:?}"))),
    }
}
