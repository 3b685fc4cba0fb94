//! Analytics: the number of payments, their money, results and durations.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use ecp_core::model::OperationStatus;
use ecp_core::{Currency, Money, Timestamp};
use ecp_methods::Effect;
use http::StatusCode;

use super::chart::{Column, Columns, HEIGHT, WIDTH, percent, share};
use super::forms::{Pairs, field};
use super::live::Live;
use super::payments::Narrow;
use super::search::Search;
use super::shell::{Shell, when};
use crate::engine::Engine;
use crate::engine::view::{Filter, OperationView, Paging, PaymentView};
use crate::surface::page::{Policy, html};

#[derive(Template)]
#[template(path = "dashboard/analytics.html")]
struct AnalyticsPage {
    shell: Shell,
    narrow: Narrow,
    /// The period of the shown payments: the limits of the filter, or where it has none, the
    /// creation times of the first and last payment. In UTC, such as `2026-11-22 10:00:00`; `None`
    /// if there is no payment and the filter lacks a limit.
    period: Option<(String, String)>,
    counts: Counts,
    tiles: Vec<(String, String)>,
    sums: Vec<Sums>,
    over_time: Columns,
    currencies: Vec<String>,
    currency: String,
    volume: Columns,
    methods: Vec<Line>,
    codes: Vec<Line>,
    times: Vec<Line>,
}

/// A row of a table with a bar.
struct Line {
    name: String,
    value: String,
    /// Length of the bar, in percent of the whole width.
    width: String,
}

/// The money of the payments in one currency, in major units with the currency.
struct Sums {
    currency: String,
    payments: u64,
    success_share: String,
    paid_in: Money,
    paid_out: Money,
    refunded: Money,
}

/// Payments by state.
#[derive(Clone, Copy, Default)]
struct Counts {
    success: u64,
    decline: u64,
    open: u64,
}

impl Counts {
    fn add(&mut self, payment: &PaymentView) {
        match (payment.ended, payment.code.as_str()) {
            (None, _) => self.open += 1,
            (Some(_), "0") => self.success += 1,
            (Some(_), _) => self.decline += 1,
        }
    }

    const fn all(self) -> u64 {
        self.success + self.decline + self.open
    }

    const fn ended(self) -> u64 {
        self.success + self.decline
    }
}

pub(super) async fn show(State(engine): State<Engine>, Query(pairs): Query<Pairs>) -> Response {
    let wanted = field(&pairs, "currency").map(str::to_owned);
    let search = Search::new(pairs);
    let shell =
        Shell::new("analytics").live(Live::new(&engine, search.url("/dashboard/analytics")));
    let filter = search.filter(&engine.config().registry);
    let payments = engine.payments(&filter, Paging::ALL).items;
    let narrow = Narrow { action: "/dashboard/analytics", ..Narrow::new(&engine, search) };
    let mut page = AnalyticsPage::new(shell, narrow, &payments, wanted);
    page.period = period(&filter, &payments);
    page.tiles.extend(balances(&engine));
    html(StatusCode::OK, &page, &Policy::default().script())
}

impl AnalyticsPage {
    fn new(shell: Shell, narrow: Narrow, payments: &[PaymentView], wanted: Option<String>) -> Self {
        let mut counts = Counts::default();
        for payment in payments {
            counts.add(payment);
        }
        let currencies = currencies(payments);
        let currency = wanted.filter(|code| currencies.contains(code));
        let currency = currency.or_else(|| currencies.first().cloned()).unwrap_or_default();
        let durations = durations(payments);
        Self {
            shell,
            period: None,
            counts,
            sums: sums(payments),
            tiles: [
                ("Payments", counts.all().to_string()),
                ("Succeeded", counts.success.to_string()),
                ("Declined", counts.decline.to_string()),
                ("Open", counts.open.to_string()),
                ("Success share", percent(counts.success, counts.ended())),
                ("Median time", median(&durations)),
            ]
            .map(|(name, value)| (name.to_owned(), value))
            .into(),
            over_time: over_time(payments),
            volume: volume(payments, &currency),
            currencies,
            currency,
            methods: by_method(payments),
            codes: by_code(payments),
            times: by_time(&durations),
            narrow,
        }
    }
}

/// Returns the moments between which the payments were made: those of the filter, and where it has
/// none, those of the first and the last payment.
fn period(filter: &Filter, payments: &[PaymentView]) -> Option<(String, String)> {
    let created = || payments.iter().map(|payment| payment.created);
    let from = filter.from.or_else(|| created().min())?;
    let to = filter.to.or_else(|| created().max())?;
    Some((when(from), when(to)))
}

/// Returns the money of the payments in each currency, the most frequent first.
fn sums(payments: &[PaymentView]) -> Vec<Sums> {
    /// Minor units.
    #[derive(Default)]
    struct Found {
        counts: Counts,
        paid_in: u64,
        paid_out: u64,
        refunded: u64,
    }
    let mut found: BTreeMap<Currency, Found> = BTreeMap::new();
    for payment in payments {
        let found = found.entry(payment.amount.currency()).or_default();
        found.counts.add(payment);
        found.refunded = found.refunded.saturating_add(done(payment, Effect::Back));
        if is_successful(payment) {
            let is_out = payment.kind.effect() == Effect::Out;
            let sum = if is_out { &mut found.paid_out } else { &mut found.paid_in };
            *sum = sum.saturating_add(moved(payment));
        }
    }
    let line = |(currency, found): (Currency, Found)| Sums {
        currency: currency.code().to_owned(),
        payments: found.counts.all(),
        success_share: percent(found.counts.success, found.counts.ended()),
        paid_in: money(found.paid_in, currency),
        paid_out: money(found.paid_out, currency),
        refunded: money(found.refunded, currency),
    };
    let mut sums: Vec<Sums> = found.into_iter().map(line).collect();
    sums.sort_by(|one, other| {
        (other.payments, &one.currency).cmp(&(one.payments, &other.currency))
    });
    sums
}

fn money(minor: u64, currency: Currency) -> Money {
    Money::from_minor(i64::try_from(minor).unwrap_or(i64::MAX), currency)
}

fn is_successful(payment: &PaymentView) -> bool {
    payment.code.as_str() == "0" && payment.ended.is_some()
}

/// Returns the balance of each project in each of its currencies, with a name.
pub(super) fn balances(engine: &Engine) -> Vec<(String, String)> {
    let projects = engine.projects();
    let mut balances = Vec::new();
    for project in &projects {
        for balance in engine.balances(*project) {
            let name = if projects.len() > 1 {
                format!("Balance of project {project}")
            } else {
                "Balance".to_owned()
            };
            balances.push((name, balance.to_string()));
        }
    }
    balances
}

/// The most frequent first.
fn currencies(payments: &[PaymentView]) -> Vec<String> {
    let mut found: BTreeMap<&str, usize> = BTreeMap::new();
    for payment in payments {
        *found.entry(payment.amount.currency().code()).or_default() += 1;
    }
    let mut found: Vec<_> = found.into_iter().collect();
    found.sort_by_key(|&(code, count)| (std::cmp::Reverse(count), code));
    found.into_iter().map(|(code, _)| code.to_owned()).collect()
}

/// Equal parts of the time in which there were payments, of a length that people use.
struct Parts {
    start: i64,
    length: i64,
    count: i64,
}

impl Parts {
    const MOST: i64 = 48;

    fn of(payments: &[PaymentView]) -> Option<Self> {
        const LENGTHS: [i64; 12] =
            [1, 5, 15, 60, 300, 900, 3_600, 10_800, 43_200, 86_400, 604_800, 2_592_000];
        let created = || payments.iter().map(|payment| payment.created.unix_seconds());
        let (first, last) = (created().min()?, created().max()?);
        let fits = |length: &i64| last / length - first / length < Self::MOST;
        let length = LENGTHS.into_iter().find(fits).unwrap_or(31_536_000);
        let start = first / length * length;
        Some(Self { start, length, count: last / length - first / length + 1 })
    }

    fn place(&self, payment: &PaymentView) -> usize {
        let place = (payment.created.unix_seconds() - self.start) / self.length;
        usize::try_from(place.clamp(0, self.count - 1)).unwrap_or(0)
    }

    fn labels(&self) -> Vec<String> {
        let begin = |place: i64| Timestamp::from_unix_seconds(self.start + place * self.length);
        (0..self.count).map(|place| begin(place).map(when).unwrap_or_default()).collect()
    }
}

fn over_time(payments: &[PaymentView]) -> Columns {
    let Some(parts) = Parts::of(payments) else { return Columns::new(Vec::new(), as_number) };
    let labels = parts.labels();
    let mut counts = vec![Counts::default(); labels.len()];
    for payment in payments {
        counts[parts.place(payment)].add(payment);
    }
    let column = |(label, count): (String, Counts)| Column {
        label,
        parts: vec![
            ("yes", count.success, format!("{} succeeded", count.success)),
            ("no", count.decline, format!("{} declined", count.decline)),
            ("wait", count.open, format!("{} open", count.open)),
        ],
    };
    Columns::new(labels.into_iter().zip(counts).map(column).collect(), as_number)
}

fn as_number(count: u64) -> String {
    count.to_string()
}

/// Amounts of successful payments, in one currency.
fn volume(payments: &[PaymentView], currency: &str) -> Columns {
    let paid: Vec<&PaymentView> = payments
        .iter()
        .filter(|payment| is_successful(payment))
        .filter(|payment| payment.amount.currency().code() == currency)
        .collect();
    let (Some(parts), Some(unit)) = (Parts::of(payments), paid.first().map(|paid| paid.amount))
    else {
        return Columns::new(Vec::new(), as_number);
    };
    let labels = parts.labels();
    let mut sums = vec![0_u64; labels.len()];
    for payment in paid {
        let sum = &mut sums[parts.place(payment)];
        *sum = sum.saturating_add(moved(payment));
    }
    let tell = |minor: u64| money(minor, unit.currency()).to_string();
    let column =
        |(label, sum): (String, u64)| Column { label, parts: vec![("yes", sum, tell(sum))] };
    Columns::new(labels.into_iter().zip(sums).map(column).collect(), tell)
}

/// The money, in minor units, that a successful payment moved before any refund: what was captured
/// of a hold, and nothing for a registration.
fn moved(payment: &PaymentView) -> u64 {
    match payment.kind.effect() {
        Effect::MoneyIn | Effect::Out => payment.amount.minor().unsigned_abs(),
        Effect::Hold => done(payment, Effect::Capture),
        _ => 0,
    }
}

/// The sum, in minor units, of a payment's successful operations with this effect.
fn done(payment: &PaymentView, effect: Effect) -> u64 {
    let is_done = |it: &&OperationView| {
        it.operation.effect() == effect && it.status == OperationStatus::Success.as_str()
    };
    let sums = payment.operations.iter().filter(is_done).map(|it| it.sum.minor().unsigned_abs());
    sums.fold(0, u64::saturating_add)
}

fn by_method(payments: &[PaymentView]) -> Vec<Line> {
    let mut found: BTreeMap<&str, Counts> = BTreeMap::new();
    for payment in payments {
        found.entry(payment.method.title()).or_default().add(payment);
    }
    let line = |(name, counts): (&str, Counts)| Line {
        name: name.to_owned(),
        value: format!(
            "{} ({} of {})",
            percent(counts.success, counts.ended()),
            counts.success,
            counts.ended()
        ),
        width: share(counts.success, counts.ended()),
    };
    found.into_iter().map(line).collect()
}

/// `3 (37.5 %)`
fn with_share(count: u64, all: u64) -> String {
    if count == 0 { "0".to_owned() } else { format!("{count} ({})", percent(count, all)) }
}

/// The most frequent first.
fn by_code(payments: &[PaymentView]) -> Vec<Line> {
    let mut found: BTreeMap<String, u64> = BTreeMap::new();
    let declined = payments.iter().filter(|payment| payment.ended.is_some());
    for payment in declined.filter(|payment| payment.code.as_str() != "0") {
        let name = format!("{} {}", payment.code.as_str(), payment.message);
        *found.entry(name).or_default() += 1;
    }
    let (all, most) = (found.values().sum(), found.values().copied().max().unwrap_or(0));
    let mut found: Vec<_> = found.into_iter().collect();
    found.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
    let line = |(name, count): (String, u64)| Line {
        name,
        value: with_share(count, all),
        width: share(count, most),
    };
    found.into_iter().map(line).collect()
}

/// Seconds from the registration to the end, least first.
fn durations(payments: &[PaymentView]) -> Vec<u64> {
    let seconds = |payment: &PaymentView| {
        let ended = payment.ended?.unix_seconds();
        Some(u64::try_from(ended - payment.created.unix_seconds()).unwrap_or(0))
    };
    let mut all: Vec<u64> = payments.iter().filter_map(seconds).collect();
    all.sort_unstable();
    all
}

fn median(sorted: &[u64]) -> String {
    sorted.get(sorted.len() / 2).map_or("–".to_owned(), |seconds| format!("{seconds} s"))
}

fn by_time(sorted: &[u64]) -> Vec<Line> {
    const ENDS: [(u64, &str); 6] = [
        (1, "under 1 s"),
        (10, "1 to 10 s"),
        (60, "10 s to 1 min"),
        (600, "1 to 10 min"),
        (3_600, "10 min to 1 h"),
        (u64::MAX, "1 h and more"),
    ];
    let mut from = 0;
    let mut counts = Vec::new();
    for (end, name) in ENDS {
        let to = sorted.partition_point(|&seconds| seconds < end);
        counts.push((name, (to - from) as u64));
        from = to;
    }
    let most = counts.iter().map(|&(_, count)| count).max().unwrap_or(0);
    let line = |(name, count): (&str, u64)| Line {
        name: name.to_owned(),
        value: with_share(count, sorted.len() as u64),
        width: share(count, most),
    };
    counts.into_iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_is_in_one_row() {
        let lines = by_time(&[0, 0, 1, 9, 10, 59, 60, 599, 600, 3_599, 3_600, 90_000]);
        let values: Vec<&str> = lines.iter().map(|line| line.value.as_str()).collect();
        assert_eq!(values, ["2 (16.7 %)"; 6]);
        assert_eq!(median(&[0, 5, 9]), "5 s");
        assert_eq!(median(&[]), "–");
    }
}
