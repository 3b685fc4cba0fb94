//! State of a sandbox.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::convert::Infallible;

use ecp_core::{Currency, PaymentId, ProjectId};
use serde_json::Value;
use sha2::{Digest, Sha512};
use tokio::sync::oneshot;

use super::time::Busy;
use crate::config::Project;
use crate::engine::callbacks::{CallbackState, CallbackStates};
use crate::engine::delivery::{Pendings, Turn};
use crate::payment::Payment;
use crate::payment::ids::About;
use crate::payment::ids::Ids;

/// Opening balance of a project in a currency without one in its configuration, in major units.
const OPENING_BALANCE: i64 = 10_000_000;

/// State of the sandbox. Requests and payments are counted from 1; the number of a payment is its
/// key here.
#[derive(Default)]
pub(super) struct State {
    pub(super) requests: u64,
    pub(super) registered: u64,
    pub(super) follow_ups: u64,
    /// Number of deliveries of operations so far.
    pub(super) deliveries: u64,
    pub(super) entries: BTreeMap<u64, Entry>,
    /// Numbers of the payments that have ended, in the order in which they ended.
    pub(super) ended: VecDeque<u64>,
    /// Number of payments that have ended so far.
    pub(super) endings: u64,
    /// Deliveries that have not ended.
    pub(super) pendings: Pendings,
    /// What has changed since the state file was written.
    pub(super) touched: Touched,
    pub(super) by_id: HashMap<(ProjectId, PaymentId), u64>,
    pub(super) by_token: HashMap<String, u64>,
    pub(super) by_request: HashMap<String, u64>,
    /// The merchants' ids of refunds. Each id can be used once in a project.
    pub(super) refund_ids: HashSet<(ProjectId, String)>,
    /// Ids of removed payments, which cannot be used again.
    pub(super) taken: Taken,
    /// Balances of projects, in minor units, of the currencies in use.
    pub(super) funds: HashMap<(ProjectId, Currency), i64>,
}

pub(super) struct Entry {
    pub(super) payment: Payment,
    /// Number of the latest event before the registration, such as the request.
    #[cfg_attr(
        not(any(feature = "pages", feature = "state")),
        expect(dead_code, reason = "pages show it, and the state file has it")
    )]
    pub(super) first_event: u64,
    pub(super) callbacks: u32,
    pub(super) callback_states: CallbackStates,
    /// The delivery of the payment's latest callback, and the place behind it.
    pub(super) latest: Option<(u64, Turn)>,
    /// The delivery of a callback that a fault keeps back until the next callback has been tried,
    /// and the channel to it.
    pub(super) kept_back: Option<(u64, oneshot::Sender<(Turn, Busy)>)>,
    /// Watch over the payment's cut-off time, which ends when this is dropped.
    pub(super) cut_off: Option<Watch>,
    /// The round of the current clarification, and the watch over its time limit, which ends when
    /// this is dropped.
    pub(super) clarification: Option<(u32, Watch)>,
    /// The moment at which a slow payout takes its first step again.
    pub(super) later: Option<i64>,
    /// The merchant's answer to a clarification that is still to be applied.
    pub(super) answer: Option<Value>,
    /// The place of the payment among all that have ended.
    pub(super) ending: Option<u64>,
    /// What it waited for when the sandbox ended, until that is taken up again.
    #[cfg(feature = "state")]
    pub(super) resuming: Option<Resuming>,
    /// The ids of requests that add no operation: answers to clarifications, and changes of data.
    pub(super) other_requests: Vec<String>,
}

/// What an entry waits for when the engine resumes.
#[cfg(feature = "state")]
pub(super) struct Resuming {
    /// The delivery of its latest callback.
    pub(super) latest: Option<u64>,
    /// The delivery that a fault keeps back.
    pub(super) kept_back: Option<u64>,
    /// The end of its cut-off time, in milliseconds since 1970.
    pub(super) cut_off: Option<i64>,
    /// The round of its clarification, and the end of the time for the answer.
    pub(super) clarification: Option<(u32, i64)>,
}

/// Watch over a time limit, which ends when this is dropped.
pub(super) struct Watch {
    /// The end of the limit, in milliseconds since 1970.
    #[cfg_attr(not(feature = "state"), expect(dead_code, reason = "the state file has it"))]
    pub(super) until: i64,
    pub(super) _needed: oneshot::Sender<Infallible>,
}

/// Changes since the state file was written. Without a file nothing is recorded.
#[derive(Default)]
pub(super) struct Touched {
    pub(super) is_kept: bool,
    pub(super) payments: BTreeSet<u64>,
    /// Hashes of ids that were removed.
    pub(super) taken: Vec<u128>,
}

impl Entry {
    pub(super) fn new(payment: Payment, first_event: u64) -> Self {
        Self {
            payment,
            first_event,
            callbacks: 0,
            callback_states: CallbackStates::default(),
            latest: None,
            kept_back: None,
            cut_off: None,
            clarification: None,
            later: None,
            answer: None,
            ending: None,
            #[cfg(feature = "state")]
            resuming: None,
            other_requests: Vec::new(),
        }
    }
}

impl State {
    /// Records that a payment has changed.
    pub(super) fn touch(&mut self, number: u64) {
        if self.touched.is_kept {
            self.touched.payments.insert(number);
        }
    }

    /// Sets the state of a payment's callback, as its last attempt has left it.
    pub(super) fn set_callback_state(&mut self, about: &About, callback: u32, to: CallbackState) {
        let (Some(project), Some(payment_id)) = about else { return };
        let Some(&number) = self.by_id.get(&(*project, payment_id.clone())) else { return };
        if let Some(entry) = self.entries.get_mut(&number) {
            entry.callback_states.set(callback, to);
            self.touch(number);
        }
    }

    /// Returns the balance of a project in a currency, in minor units.
    pub(super) fn funds(&mut self, project: &Project, currency: Currency) -> &mut i64 {
        self.funds.entry((project.id, currency)).or_insert_with(|| {
            let given = project.balances.iter().find(|money| money.currency() == currency);
            let opening = || OPENING_BALANCE.saturating_mul(10_i64.pow(currency.exponent()));
            given.map_or_else(opening, |money| money.minor())
        })
    }

    /// Adds a payment of the state file.
    #[cfg(feature = "state")]
    pub(super) fn insert(&mut self, number: u64, entry: Entry) {
        let payment = &entry.payment;
        let project = payment.order.project;
        self.by_id.insert((project, payment.order.payment_id.clone()), number);
        self.by_token.insert(payment.ids.token.clone(), number);
        let requests = payment.follow_ups().iter().map(|follow_up| &follow_up.ids.request);
        for request in requests.chain([&payment.ids.first.request]).chain(&entry.other_requests) {
            self.by_request.insert(request.clone(), number);
        }
        let refunds = payment.follow_ups().iter();
        let refunds = refunds.filter_map(|it| it.order.merchant_refund_id.clone());
        self.refund_ids.extend(refunds.map(|id| (project, id)));
        self.entries.insert(number, entry);
    }

    /// Counts a request that adds no operation, and returns its id, which is kept with its payment
    /// if there is one.
    pub(super) fn count_request(&mut self, ids: Ids, number: Option<u64>) -> String {
        self.requests += 1;
        let id = ids.request(self.requests);
        if let Some(number) = number
            && let Some(entry) = self.entries.get_mut(&number)
        {
            self.by_request.insert(id.clone(), number);
            entry.other_requests.push(id.clone());
            self.touch(number);
        }
        id
    }

    /// Returns the currencies in which a project has moved money.
    pub(super) fn currencies(&self, project: ProjectId) -> impl Iterator<Item = Currency> {
        self.funds.keys().filter(move |key| key.0 == project).map(|key| key.1)
    }

    /// Removes payments beyond the limit: first those that ended first, or the oldest if none has
    /// ended. Takes no search.
    pub(super) fn forget_beyond(&mut self, limit: usize) {
        while self.entries.len() > limit {
            let first = self.ended.pop_front();
            let first = first.or_else(|| self.entries.first_key_value().map(|(&number, _)| number));
            let Some(number) = first else { return };
            let Some(entry) = self.entries.remove(&number) else { return };
            self.touch(number);
            let Entry { payment, other_requests, .. } = entry;
            self.by_token.remove(&payment.ids.token);
            let project = payment.order.project;
            let requests = payment.follow_ups().iter().map(|follow_up| &follow_up.ids.request);
            for request in requests.chain([&payment.ids.first.request]).chain(&other_requests) {
                self.by_request.remove(request);
                self.touched.take(self.taken.add(Kind::Request, project, request));
            }
            for follow_up in payment.follow_ups() {
                if let Some(id) = follow_up.order.merchant_refund_id.clone() {
                    self.touched.take(self.taken.add(Kind::Refund, project, &id));
                    self.refund_ids.remove(&(project, id));
                }
            }
            let payment_id = payment.order.payment_id.as_str();
            self.touched.take(self.taken.add(Kind::Payment, project, payment_id));
            self.by_id.remove(&(project, payment.order.payment_id));
        }
    }
}

impl Touched {
    /// Records the hash of a removed id.
    fn take(&mut self, hash: u128) {
        if self.is_kept {
            self.taken.push(hash);
        }
    }
}

/// Ids of removed payments, refunds and requests, which cannot be used again. Only a hash of 128
/// bits is kept of each id, so that a sandbox can run for long: 16 bytes an id, 20 to 40 with its
/// place in the table.
#[derive(Default)]
pub(super) struct Taken(HashSet<u128>);

/// Kind of a removed id.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Payment,
    Refund,
    Request,
}

impl Taken {
    /// Adds an id, and returns its hash.
    pub(super) fn add(&mut self, kind: Kind, project: ProjectId, id: &str) -> u128 {
        let hash = digest(kind, project, id);
        self.0.insert(hash);
        hash
    }

    /// Adds the hash of an id.
    #[cfg(feature = "state")]
    pub(super) fn add_hash(&mut self, hash: u128) {
        self.0.insert(hash);
    }

    pub(super) fn has(&self, kind: Kind, project: ProjectId, id: &str) -> bool {
        !self.0.is_empty() && self.0.contains(&digest(kind, project, id))
    }
}

fn digest(kind: Kind, project: ProjectId, id: &str) -> u128 {
    let mut hash = Sha512::new();
    hash.update([kind as u8]);
    hash.update(project.get().to_be_bytes());
    hash.update(id);
    let hash = hash.finalize();
    hash.iter().take(16).fold(0, |all, &byte| all << 8 | u128::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_distinguished_by_kind_and_project() {
        let project = |id| ProjectId::new(id).unwrap();
        let mut taken = Taken::default();
        let _ = taken.add(Kind::Payment, project(1), "X1");
        assert!(taken.has(Kind::Payment, project(1), "X1"));
        for (kind, id, text) in [
            (Kind::Refund, 1, "X1"),
            (Kind::Request, 1, "X1"),
            (Kind::Payment, 2, "X1"),
            (Kind::Payment, 1, "X2"),
            (Kind::Payment, 1, "x1"),
            (Kind::Payment, 1, ""),
        ] {
            assert!(!taken.has(kind, project(id), text), "{id} {text}");
        }
    }

    /// The figure is documented in docs/sandbox.md.
    #[test]
    fn an_id_that_is_forgotten_takes_twenty_to_forty_bytes() {
        let mut taken = Taken::default();
        let project = ProjectId::new(1).unwrap();
        for number in 0..100_000 {
            let _ = taken.add(Kind::Payment, project, &format!("order-{number}"));
        }
        assert_eq!(taken.0.len(), 100_000);
        // A byte of control for each place, of which seven in eight are used at most.
        let places = taken.0.capacity() * 8 / 7;
        let each = places * (size_of::<u128>() + 1) / taken.0.len();
        assert!((20..40).contains(&each), "{each} bytes");
    }
}
