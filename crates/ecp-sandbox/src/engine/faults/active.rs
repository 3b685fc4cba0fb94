//! The active rules, and the choice of faults.

use std::collections::{HashMap, HashSet, VecDeque};

use ecp_core::{PaymentId, ProjectId};

use super::{Fault, FaultRule};
use crate::payment::ids::{About, Ids};

/// More rules than anybody keeps in mind; beyond it the oldest is gone.
const MOST_RULES: usize = 1_000;

/// More than a run draws; beyond it they are forgotten, and drawn anew.
const MOST_DRAWS: usize = 100_000;

/// Point in the sandbox's work at which a fault may be injected.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Point<'p> {
    /// The answer to a request at this path, such as `/v2/payment/status`.
    Answer(&'p str),
    /// The sending of the callback with this number, counted from 1 for each payment.
    Callback(u32),
    /// The sending of a confirmation request (`check_deposit`), which asks the merchant to accept
    /// an amount.
    Confirmation,
    /// The sending of operations to the address in a Data API query at this path, such as
    /// `/v1/operations/get`.
    Operations(&'p str),
    /// The registration of a payment, whether a sale or a payout.
    Payment,
    /// The registration of a payout. The same payout has reached [`Payment`](Self::Payment) just
    /// before.
    Payout,
    /// The registration of a refund, capture or release of a payment.
    FollowUp,
}

#[derive(Debug, Default)]
pub(crate) struct Book {
    added: u64,
    entries: VecDeque<Entry>,
    /// Number of random draws that each rule has made for each payment. A rule with a probability
    /// ([`FaultRule::percent`]) makes one whenever its conditions are met.
    draws: HashMap<(u64, About), u64>,
    /// What has changed since the state file of `Sandbox::open` was last written.
    touched: Touched,
}

/// Changes since the state file was written.
#[derive(Debug, Default)]
struct Touched {
    is_kept: bool,
    rules: bool,
    /// Whether all counts of draws were removed; `draws` has the changes after that.
    no_draws: bool,
    draws: HashSet<(u64, About)>,
}

/// The rules and draws that have changed, for the state file.
#[cfg(feature = "state")]
pub(crate) struct BookChanges {
    /// Number of rules so far.
    pub(crate) added: u64,
    /// All rules; `None` if none has changed.
    pub(crate) rules: Option<Vec<KeptRule>>,
    /// Whether all counts of draws were removed; `draws` has the changes after that.
    pub(crate) no_draws: bool,
    /// How often a rule drew a lot about a payment.
    pub(crate) draws: Vec<((u64, About), u64)>,
}

/// A rule as the state file keeps it.
#[cfg(feature = "state")]
pub(crate) struct KeptRule {
    pub(crate) id: u64,
    /// The rule as JSON.
    pub(crate) rule: String,
    pub(crate) struck: u32,
    /// Whether the sandbox's configuration has the rule.
    pub(crate) configured: bool,
}

#[derive(Debug)]
struct Entry {
    id: u64,
    rule: FaultRule,
    /// How often the rule has injected its fault.
    struck: u32,
    /// Whether the rule is from `Config::fault`; `false` if it was added while the sandbox ran.
    #[cfg_attr(not(feature = "state"), expect(dead_code, reason = "the state file has it"))]
    configured: bool,
}

impl Book {
    pub(crate) fn of(rules: &[FaultRule]) -> Self {
        let mut book = Self::default();
        for rule in rules {
            book.enter(rule.clone(), true);
        }
        book
    }

    /// Returns the rules of the state file with those of the configuration, which take the place of
    /// those of an earlier configuration.
    #[cfg(feature = "state")]
    pub(crate) fn resumed(
        configured: &[FaultRule],
        was_configured: bool,
        added: u64,
        kept: Vec<KeptRule>,
        draws: HashMap<(u64, About), u64>,
    ) -> Result<Self, String> {
        let mut book = Self { added, draws, ..Self::default() };
        for KeptRule { id, rule, struck, configured } in kept {
            if configured && !was_configured {
                continue;
            }
            let rule = FaultRule::from_json(&rule).map_err(|error| error.to_string())?;
            book.entries.push_back(Entry { id, rule, struck, configured });
        }
        if !was_configured {
            for rule in configured {
                book.enter(rule.clone(), true);
            }
        }
        Ok(book)
    }

    /// Records changes from now on, beginning with all that there is.
    #[cfg(feature = "state")]
    pub(crate) fn keep(&mut self) {
        self.touched = Touched { is_kept: true, rules: true, ..Touched::default() };
    }

    /// Returns what has changed since the last call.
    #[cfg(feature = "state")]
    pub(crate) fn changes(&mut self) -> BookChanges {
        let Touched { rules, no_draws, draws, .. } =
            std::mem::replace(&mut self.touched, Touched { is_kept: true, ..Touched::default() });
        let kept = |entry: &Entry| KeptRule {
            id: entry.id,
            rule: entry.rule.to_json(),
            struck: entry.struck,
            configured: entry.configured,
        };
        let times = |key: (u64, About)| {
            let times = *self.draws.get(&key)?;
            Some((key, times))
        };
        BookChanges {
            added: self.added,
            rules: rules.then(|| self.entries.iter().map(kept).collect()),
            no_draws,
            draws: draws.into_iter().filter_map(times).collect(),
        }
    }

    pub(crate) fn add(&mut self, rule: FaultRule) -> u64 {
        self.enter(rule, false)
    }

    fn enter(&mut self, rule: FaultRule, configured: bool) -> u64 {
        self.added += 1;
        self.touched.rules = true;
        if self.entries.len() >= MOST_RULES {
            self.entries.pop_front();
        }
        self.entries.push_back(Entry { id: self.added, rule, struck: 0, configured });
        self.added
    }

    pub(crate) fn remove(&mut self, id: u64) -> bool {
        let before = self.entries.len();
        self.entries.retain(|entry| entry.id != id);
        self.touched.rules = true;
        self.entries.len() < before
    }

    pub(crate) fn clear(&mut self) {
        self.touched.rules = true;
        self.entries.clear();
    }

    /// Returns the rules with their numbers, each with its remaining number of hits.
    pub(crate) fn rules(&self) -> Vec<(u64, FaultRule)> {
        let left = |entry: &Entry| {
            let times = entry.rule.times.map(|times| times - entry.struck);
            (entry.id, FaultRule { times, ..entry.rule.clone() })
        };
        self.entries.iter().map(left).collect()
    }

    /// Returns the faults to inject at this point, with the numbers of their rules.
    pub(crate) fn strike(
        &mut self,
        ids: Ids,
        point: Point<'_>,
        about: &About,
    ) -> Vec<(u64, Fault)> {
        let mut struck = Vec::new();
        for entry in &mut self.entries {
            if !entry.rule.fits(point, about) {
                continue;
            }
            if is_drawn(&mut self.draws, &mut self.touched, ids, entry, about) {
                entry.struck += 1;
                struck.push((entry.id, entry.rule.fault));
            }
        }
        if !struck.is_empty() {
            self.touched.rules = true;
            self.entries.retain(|entry| entry.rule.times.is_none_or(|times| entry.struck < times));
        }
        struck
    }
}

/// Whether a rule's lot falls on this. Each payment has lots of its own, so that it does not matter
/// in which order payments that have nothing to do with one another come.
fn is_drawn(
    draws: &mut HashMap<(u64, About), u64>,
    touched: &mut Touched,
    ids: Ids,
    entry: &Entry,
    about: &About,
) -> bool {
    if entry.rule.percent >= 100 {
        return true;
    }
    if draws.len() >= MOST_DRAWS {
        draws.clear();
        (touched.no_draws, touched.draws) = (true, HashSet::new());
    }
    let time = draws.entry((entry.id, about.clone())).or_default();
    *time += 1;
    if touched.is_kept {
        touched.draws.insert((entry.id, about.clone()));
    }
    let (project, payment) = about;
    let project = project.map(ProjectId::get).unwrap_or_default();
    let payment = payment.as_ref().map(PaymentId::as_str).unwrap_or_default();
    ids.lot(entry.id, &format!("{project} {payment}"), *time) < entry.rule.percent
}

impl FaultRule {
    fn fits(&self, point: Point<'_>, (project, payment): &About) -> bool {
        let is_of_path = |path: &str| self.path.as_ref().is_none_or(|part| path.contains(part));
        let is_of_callback = |number: u32| {
            self.path.is_none() && self.callback.is_none_or(|wanted| wanted == number)
        };
        let is_of_point = match self.fault {
            Fault::DelayAnswer(_)
            | Fault::DropAnswer { .. }
            | Fault::ResetConnection { .. }
            | Fault::ServerError { .. }
            | Fault::TruncateAnswer => matches!(point, Point::Answer(path) if is_of_path(path)),
            Fault::DelayCallback(_)
            | Fault::DuplicateCallback { .. }
            | Fault::LoseCallback
            | Fault::MissingSignature
            | Fault::OddValues
            | Fault::WrongSignature => match point {
                Point::Callback(number) => is_of_callback(number),
                Point::Operations(path) => self.callback.is_none() && is_of_path(path),
                Point::Answer(_)
                | Point::Confirmation
                | Point::Payment
                | Point::Payout
                | Point::FollowUp => false,
            },
            Fault::ReorderCallback | Fault::UnknownStatus | Fault::WrongAmount => {
                matches!(point, Point::Callback(number) if is_of_callback(number))
            }
            Fault::SlowConfirmation(_) => matches!(point, Point::Confirmation),
            Fault::SlowPayout(_) => matches!(point, Point::Payout),
            Fault::StalePayment => matches!(point, Point::Payment),
            Fault::EndInError => matches!(point, Point::Payment | Point::FollowUp),
        };
        is_of_point
            && self.project_id.is_none_or(|wanted: ProjectId| *project == Some(wanted))
            && self
                .payment_id
                .as_deref()
                .is_none_or(|wanted| payment.as_ref().map(PaymentId::as_str) == Some(wanted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(id: &str) -> About {
        (ProjectId::new(1).ok(), PaymentId::new(id).ok())
    }

    fn strikes(book: &mut Book, id: &str, times: usize) -> usize {
        let strike = |_| book.strike(Ids::new(1), Point::Callback(1), &about(id)).len();
        (0..times).map(strike).sum()
    }

    #[test]
    fn a_rule_strikes_what_it_fits_as_often_as_it_may() {
        let mut book = Book::default();
        let id = book.add(FaultRule::new(Fault::LoseCallback).payment_id("X1").times(2));
        assert_eq!(strikes(&mut book, "X2", 3), 0);
        assert_eq!(strikes(&mut book, "X1", 1), 1);
        assert_eq!(book.rules()[0].1.times, Some(1));
        assert_eq!(strikes(&mut book, "X1", 5), 1);
        assert!(book.rules().is_empty() && !book.remove(id));
    }

    #[test]
    fn lots_are_drawn_from_the_seed() {
        let drawn = |seed| {
            let mut book = Book::of(&[FaultRule::new(Fault::LoseCallback).percent(30)]);
            let strike =
                |_| !book.strike(Ids::new(seed), Point::Callback(1), &about("X1")).is_empty();
            (0..1000).map(strike).collect::<Vec<bool>>()
        };
        assert_eq!(drawn(1), drawn(1));
        assert_ne!(drawn(1), drawn(2));
        let struck = drawn(1).into_iter().filter(|struck| *struck).count();
        assert!((250..350).contains(&struck), "{struck} of 1000 by a rule of 30 percent");
    }

    #[test]
    fn lots_fall_on_the_same_payments_in_whatever_order_they_come() {
        let struck = |numbers: &mut dyn Iterator<Item = u32>| {
            let mut book = Book::of(&[FaultRule::new(Fault::LoseCallback).percent(30)]);
            let mut struck: Vec<u32> =
                numbers.filter(|number| strikes(&mut book, &format!("X{number}"), 1) > 0).collect();
            struck.sort_unstable();
            struck
        };
        let forth = struck(&mut (0..100));
        assert_eq!(forth, struck(&mut (0..100).rev()));
        assert!((15..45).contains(&forth.len()), "{forth:?}");
    }

    #[test]
    fn rules_are_bounded() {
        let mut book = Book::default();
        for _ in 0..=MOST_RULES {
            book.add(FaultRule::new(Fault::LoseCallback));
        }
        let rules = book.rules();
        assert_eq!((rules.len(), rules[0].0), (MOST_RULES, 2));
    }
}
