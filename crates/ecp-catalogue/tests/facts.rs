//! The specs compared with the facts that they were begun from (`data/facts.json`), which these tests read
//! by themselves and not through a spec.

use std::collections::{BTreeMap, BTreeSet};

use ecp_core::{Currency, Money, PaymentId, ProjectId, SecretKey};
use ecp_methods::request::{FlowRequest, PayoutRequest, RefundRequest, SaleRequest};
use ecp_methods::spec::Regions;
use ecp_methods::{
    DynMethod, MethodSpec, Operation, PaymentMethod, Prepared, Reason, Registry, Rejection,
    prepare_dyn,
};
use ecp_sandbox::{Config, Sandbox};
use ecp_transport::{Gate, TowerTransport};
use serde_json::Value;

const FACTS: &str = include_str!("data/facts.json");

/// Paths that a request has by itself.
const BY_ITSELF: [&str; 5] = [
    "general.project_id",
    "general.payment_id",
    "general.signature",
    "payment.amount",
    "payment.currency",
];

/// Values after the samples of the copy, or with the form that they have there.
const VALUES: &[(&str, &str)] = &[
    ("account.bank_branch_name", "Branch 7"),
    ("account.bank_name", "Bank 7"),
    ("account.crypto_currency", "USDC"),
    ("account.crypto_payway", "BSC"),
    ("account.customer_name", "Ann Lee"),
    ("account.number", "09123456789"),
    ("account.security_code", "4711"),
    ("customer.account_id", "123"),
    ("customer.address", "4 Street"),
    ("customer.city", "Town"),
    ("customer.country", "TR"),
    ("customer.day_of_birth", "12-12-1990"),
    ("customer.email", "ann@example.com"),
    ("customer.first_name", "Ann"),
    ("customer.id", "customer_123"),
    ("customer.ip_address", "198.51.100.47"),
    ("customer.last_name", "Lee"),
    ("customer.phone", "12345678901"),
    ("customer.zip", "123456"),
    ("identify.doc_number", "1234567890"),
    ("identify.doc_type", "CC"),
    ("payment.description", "An order"),
    ("return_url.decline", "https://example.com/decline/"),
    ("return_url.success", "https://example.com/success/"),
];

/// An endpoint of a page, with its table of required fields; `None` if the page does not have that.
struct Endpoint {
    path: String,
    flow: Operation,
    required: Option<Vec<String>>,
    optional: Vec<String>,
}

struct Page {
    name: String,
    facts: Value,
}

impl Page {
    fn all() -> Vec<Self> {
        let pages: BTreeMap<String, Value> = serde_json::from_str(FACTS).unwrap();
        pages.into_iter().map(|(name, facts)| Self { name, facts }).collect()
    }

    fn code(&self) -> &str {
        self.facts["code"].as_str().unwrap()
    }

    fn currencies(&self) -> BTreeSet<Currency> {
        texts(&self.facts["currencies"]).map(|code| code.parse().unwrap()).collect()
    }

    fn endpoints(&self) -> Vec<Endpoint> {
        let of = |(path, table): (&String, &Value)| {
            let last = path.rsplit('/').next().unwrap();
            let flow = Operation::KNOWN.iter().copied().find(|flow| flow.name() == last).unwrap();
            let required = table.as_object().map(|table| strings(&table["required"]));
            Endpoint {
                path: format!("/{path}"),
                flow,
                required,
                optional: strings(&table["optional"]),
            }
        };
        self.facts["endpoints"].as_object().unwrap().iter().map(of).collect()
    }

    /// The limits of a flow: their currency if they have one, and both ends as printed.
    fn limits(&self, flow: Operation) -> Vec<(Option<Currency>, Option<&str>, Option<&str>)> {
        let limits = self.facts["limits"].as_array().into_iter().flatten();
        let of_flow = limits.filter(|limit| limit["flow"] == flow.name());
        of_flow
            .map(|limit| {
                let currency = limit["currency"].as_str().map(|code| code.parse().unwrap());
                (currency, limit["from"].as_str(), limit["to"].as_str())
            })
            .collect()
    }

    /// An amount that the facts allow.
    fn amount(&self, flow: Operation, currency: Currency) -> Money {
        let limits = self.limits(flow);
        let least = limits.iter().find(|(of, ..)| of.is_none_or(|of| of == currency));
        match least {
            Some((_, Some(least), _)) => money(least, currency),
            _ => Money::from_minor(10_i64.pow(currency.exponent() + 2), currency),
        }
    }
}

fn texts(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
}

fn strings(list: &Value) -> Vec<String> {
    texts(list).map(str::to_owned).collect()
}

fn money(major: &str, currency: Currency) -> Money {
    format!("{major} {currency}").parse().unwrap()
}

fn id() -> PaymentId {
    PaymentId::new("payment_47").unwrap()
}

/// A request of any flow, made from paths and values.
trait FromPaths: FlowRequest {
    fn begun(amount: Money) -> Self;
    fn with(self, spec: &MethodSpec, path: &str, value: &str) -> Self;
}

macro_rules! from_paths {
    ($($request:ident $new:ident,)*) => {
        $(impl FromPaths for $request {
            fn begun(amount: Money) -> Self {
                Self::$new(id(), amount)
            }

            fn with(self, spec: &MethodSpec, path: &str, value: &str) -> Self {
                self.text(spec, path, value)
            }
        })*
    };
}

from_paths! {
    SaleRequest new,
    PayoutRequest new,
    RefundRequest full_of,
}

/// A request with the fields that the facts require, except one.
fn prepared<R: FromPaths>(
    method: &dyn DynMethod,
    required: &[String],
    amount: Money,
    without: Option<&str>,
) -> Result<Prepared<R::Flow>, Rejection> {
    let given = required.iter().map(String::as_str).filter(|path| Some(*path) != without);
    let own = given.filter(|path| !BY_ITSELF.contains(path));
    let request = own.fold(R::begun(amount), |request, path| {
        let (_, value) = VALUES.iter().find(|(known, _)| *known == path).expect(path);
        request.with(method.spec(), path, value)
    });
    prepare_dyn(method, request)
}

/// What a flow's check says of a request that lacks a field: the paths that are missing.
fn verdict(
    method: &dyn DynMethod,
    endpoint: &Endpoint,
    amount: Money,
    without: Option<&str>,
) -> Result<(String, Value), Reason> {
    fn read<R: FromPaths>(
        method: &dyn DynMethod,
        required: &[String],
        amount: Money,
        without: Option<&str>,
    ) -> Result<(String, Value), Reason> {
        let prepared = prepared::<R>(method, required, amount, without);
        let prepared = prepared.map_err(|rejection| rejection.reason().clone())?;
        let body = prepared.body(ProjectId::new(1234).unwrap());
        Ok((prepared.endpoint(), serde_json::from_slice(&body).unwrap()))
    }
    let required = endpoint.required.as_deref().unwrap_or_default();
    match endpoint.flow {
        Operation::SALE => read::<SaleRequest>(method, required, amount, without),
        Operation::PAYOUT => read::<PayoutRequest>(method, required, amount, without),
        Operation::REFUND => read::<RefundRequest>(method, required, amount, without),
        other => panic!("{other}"),
    }
}

/// Each page with its method, each known endpoint with an amount of each currency.
fn each_endpoint(mut check: impl FnMut(&Page, &dyn DynMethod, &Endpoint)) {
    let registry = ecp_catalogue::all(Registry::builtin()).unwrap();
    let pages = Page::all();
    assert_eq!(pages.len(), 67);
    for page in pages {
        let method = registry.get(page.code()).unwrap();
        for endpoint in page.endpoints() {
            check(&page, method, &endpoint);
        }
    }
}

#[test]
fn what_the_facts_require_is_enough_and_goes_to_their_endpoint() {
    let mut endpoints = 0;
    each_endpoint(|page, method, endpoint| {
        let Some(required) = &endpoint.required else { return };
        endpoints += 1;
        for currency in page.currencies() {
            let amount = page.amount(endpoint.flow, currency);
            let (path, body) = verdict(method, endpoint, amount, None)
                .unwrap_or_else(|reason| panic!("{} {}: {reason}", page.name, endpoint.path));
            assert_eq!(path, endpoint.path, "{}", page.name);
            for path in required.iter().filter(|path| *path != "general.signature") {
                let member = path.split('.').try_fold(&body, |value, name| value.get(name));
                assert!(member.is_some(), "{}: {path} is not sent", page.name);
            }
        }
    });
    assert_eq!(endpoints, 117);
}

#[test]
fn each_field_that_the_facts_require_is_missed_by_its_path() {
    each_endpoint(|page, method, endpoint| {
        let currency = page.currencies().into_iter().next().unwrap();
        let amount = page.amount(endpoint.flow, currency);
        let required = endpoint.required.iter().flatten();
        for path in required.filter(|path| !BY_ITSELF.contains(&path.as_str())) {
            match verdict(method, endpoint, amount, Some(path)) {
                Err(Reason::Missing(fields)) => {
                    let paths: Vec<&str> = fields.iter().map(|field| field.path()).collect();
                    assert_eq!(paths, [path], "{} {}", page.name, endpoint.path);
                }
                other => panic!("{} {} without {path}: {other:?}", page.name, endpoint.path),
            }
        }
    });
}

#[test]
fn a_currency_that_the_facts_do_not_list_is_refused() {
    each_endpoint(|page, method, endpoint| {
        let known = page.currencies();
        let spec: BTreeSet<Currency> = method.spec().currencies().iter().copied().collect();
        assert_eq!(spec, known, "{}", page.name);
        let unlisted = Currency::all().iter().copied().filter(|currency| !known.contains(currency));
        for currency in unlisted.filter(|_| endpoint.required.is_some()) {
            let amount = Money::from_minor(10_000, currency);
            let refused = verdict(method, endpoint, amount, None);
            let by_currency =
                matches!(refused, Err(Reason::CurrencyUnsupported(of, _)) if of == currency);
            assert!(by_currency, "{} {}: {currency}: {refused:?}", page.name, endpoint.path);
        }
    });
}

#[test]
fn an_operation_without_a_table_of_fields_is_not_offered() {
    let mut without = 0;
    each_endpoint(|page, method, endpoint| {
        if endpoint.required.is_none() {
            without += 1;
            let amount = page.amount(endpoint.flow, page.currencies().into_iter().next().unwrap());
            let refused = verdict(method, endpoint, amount, None);
            assert!(matches!(refused, Err(Reason::FlowUnsupported)), "{}: {refused:?}", page.name);
        }
    });
    assert_eq!(without, 2);
    let registry = ecp_catalogue::all(Registry::empty()).unwrap();
    for page in Page::all() {
        let known = page.endpoints().into_iter().filter(|endpoint| endpoint.required.is_some());
        let known: BTreeSet<Operation> = known.map(|endpoint| endpoint.flow).collect();
        let spec: BTreeSet<Operation> = registry.get(page.code()).unwrap().spec().flows().collect();
        assert_eq!(spec, known, "{}", page.name);
    }
}

#[test]
fn limits_are_those_of_the_facts_to_the_minor_unit() {
    let mut limited = 0;
    each_endpoint(|page, method, endpoint| {
        for currency in page.currencies().into_iter().filter(|_| endpoint.required.is_some()) {
            let limits = page.limits(endpoint.flow);
            let limit = limits.iter().find(|(of, ..)| of.is_none_or(|of| of == currency));
            let (least, greatest) =
                limit.map_or((None, None), |(_, least, greatest)| (*least, *greatest));
            let at = |amount: Money| verdict(method, endpoint, amount, None).map(drop);
            let name = format!("{} {} {currency}", page.name, endpoint.path);
            match least.map(|least| money(least, currency)) {
                Some(least) => {
                    limited += 1;
                    let below = Money::from_minor(least.minor() - 1, currency);
                    let reason = at(below).unwrap_err();
                    assert!(matches!(reason, Reason::AmountBelow { .. }), "{name}: {reason}");
                    at(least).unwrap();
                }
                None => at(Money::from_minor(1, currency)).expect(&name),
            }
            match greatest.map(|greatest| money(greatest, currency)) {
                Some(greatest) => {
                    let above = Money::from_minor(greatest.minor() + 1, currency);
                    let reason = at(above).unwrap_err();
                    assert!(matches!(reason, Reason::AmountAbove { .. }), "{name}: {reason}");
                    at(greatest).unwrap();
                }
                None => at(Money::from_minor(1_000_000_000_000, currency)).expect(&name),
            }
        }
    });
    assert!(limited > 40, "{limited}");
}

#[test]
fn parts_are_given_back_where_a_refund_may_have_an_amount() {
    each_endpoint(|page, method, endpoint| {
        if endpoint.flow == Operation::REFUND && endpoint.required.is_some() {
            let with_amount = endpoint.optional.iter().any(|path| path == "payment.amount");
            let partial = method.spec().rule(Operation::REFUND).unwrap().allows_partial();
            assert_eq!(partial, with_amount, "{}", page.name);
        }
    });
}

#[test]
fn no_path_of_a_page_is_warned_of() {
    let mut looked_up = BTreeSet::new();
    each_endpoint(|page, method, endpoint| {
        let paths = endpoint.required.iter().flatten().chain(&endpoint.optional);
        for path in paths.filter(|path| !BY_ITSELF.contains(&path.as_str())) {
            assert_eq!(method.spec().unknown_path(path), None, "{}", page.name);
            assert_eq!(ecp_methods::Jeton::SPEC.unknown_path(path), None, "{}", page.name);
            looked_up.insert(path.clone());
        }
    });
    assert!(looked_up.len() > 20, "{looked_up:?}");
}

#[test]
fn countries_are_those_of_the_facts() {
    let registry = ecp_catalogue::all(Registry::empty()).unwrap();
    for page in Page::all() {
        let regions = registry.get(page.code()).unwrap().spec().regions();
        let listed = |member: &str| strings(&page.facts[member]);
        // What the spec says of each of the three members that a page can have.
        let (everywhere, only, except): (bool, &[&str], &[&str]) = match regions {
            Regions::Everywhere => (true, &[], &[]),
            Regions::Only(countries) => (false, countries, &[]),
            Regions::Except(countries) => (false, &[], countries),
            _ => (false, &[], &[]),
        };
        assert_eq!(page.facts["everywhere"] == true, everywhere, "{}", page.name);
        assert_eq!(listed("regions"), only, "{}", page.name);
        assert_eq!(listed("regions_except"), except, "{}", page.name);
    }
}

#[tokio::test]
async fn the_sandbox_takes_what_the_facts_require() {
    let registry = ecp_catalogue::all(Registry::builtin()).unwrap();
    let key = SecretKey::new(Config::DEMO_KEY).unwrap();
    let mut sent = 0;
    for page in Page::all() {
        let method = registry.get(page.code()).unwrap();
        for endpoint in page.endpoints() {
            let Some(required) = &endpoint.required else { continue };
            let currency = page.currencies().into_iter().next().unwrap();
            let amount = page.amount(endpoint.flow, currency);
            let sandbox = Sandbox::new(Config::demo().registry(registry.clone()));
            let transport = TowerTransport::new(sandbox.router());
            let gate = Gate::new(Config::DEMO_PROJECT, &key, transport);
            let gate = gate.base_url("http://localhost").unwrap();
            let answer = match endpoint.flow {
                Operation::SALE => {
                    gate.send(&prepared::<SaleRequest>(method, required, amount, None).unwrap())
                        .await
                }
                Operation::PAYOUT => {
                    gate.send(&prepared::<PayoutRequest>(method, required, amount, None).unwrap())
                        .await
                }
                // Needs a payment: the conformance suite has refunds of paid ones.
                _ => continue,
            };
            answer.unwrap_or_else(|error| panic!("{} {}: {error}", page.name, endpoint.path));
            sent += 1;
        }
    }
    assert_eq!(sent, 111);
}
