//! What a sandbox remembers.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::convert::Infallible;

use ecp_core::{Currency, PaymentId, ProjectId};
use tokio::sync::oneshot;

use super::{Busy, Link};
use crate::config::Project;
use crate::delivery::Turn;
use crate::payment::Payment;

/// What a project has in a currency unless its configuration says otherwise, in major units.
const OPENING_BALANCE: i64 = 10_000_000;

/// Requests and payments are counted from 1; a payment is known by its number.
#[derive(Default)]
pub(super) struct State {
    pub(super) requests: u64,
    pub(super) registered: u64,
    pub(super) refunds: u64,
    pub(super) entries: BTreeMap<u64, Entry>,
    /// Those of the entries whose payments have ended, in the order in which they did.
    pub(super) ended: VecDeque<u64>,
    pub(super) by_id: HashMap<(ProjectId, PaymentId), u64>,
    pub(super) by_token: HashMap<String, u64>,
    pub(super) by_request: HashMap<String, u64>,
    /// The merchants' ids of refunds, each taken once in its project.
    pub(super) refund_ids: HashSet<(ProjectId, String)>,
    /// What projects have, in minor units, as far as it was ever asked for.
    funds: HashMap<(ProjectId, Currency), i64>,
    /// The oldest first.
    pub(super) links: VecDeque<Link>,
}

pub(super) struct Entry {
    pub(super) payment: Payment,
    pub(super) callbacks: u32,
    /// Behind the latest callback.
    pub(super) latest: Option<Turn>,
    /// Of a callback that is kept back until the next one has been tried.
    pub(super) kept_back: Option<oneshot::Sender<(Turn, Busy)>>,
    /// Dropped when the payment needs no cut-off time any more.
    pub(super) cut_off: Option<oneshot::Sender<Infallible>>,
}

impl Entry {
    pub(super) const fn new(payment: Payment) -> Self {
        Self { payment, callbacks: 0, latest: None, kept_back: None, cut_off: None }
    }
}

impl State {
    /// What a project has in a currency.
    pub(super) fn funds(&mut self, project: &Project, currency: Currency) -> &mut i64 {
        self.funds.entry((project.id, currency)).or_insert_with(|| {
            let given = project.balances.iter().find(|money| money.currency() == currency);
            let opening = || OPENING_BALANCE.saturating_mul(10_i64.pow(currency.exponent()));
            given.map_or_else(opening, |money| money.minor())
        })
    }

    /// The currencies that a project has moved money in.
    pub(super) fn currencies(&self, project: ProjectId) -> impl Iterator<Item = Currency> {
        self.funds.keys().filter(move |key| key.0 == project).map(|key| key.1)
    }

    /// Forgets payments until no more than the limit are left: the one that ended first, and if
    /// none has, the one that began first. Neither is looked for among all of them.
    pub(super) fn forget_beyond(&mut self, limit: usize) {
        while self.entries.len() > limit {
            let first = self.ended.pop_front();
            let first = first.or_else(|| self.entries.first_key_value().map(|(&number, _)| number));
            let Some(entry) = first.and_then(|number| self.entries.remove(&number)) else {
                return;
            };
            let payment = entry.payment;
            self.by_token.remove(&payment.ids.token);
            self.by_request.remove(&payment.ids.first.request);
            for refund in payment.refunds() {
                self.by_request.remove(&refund.ids.request);
                if let Some(id) = refund.order.merchant_refund_id.clone() {
                    self.refund_ids.remove(&(refund.order.project, id));
                }
            }
            self.by_id.remove(&(payment.order.project, payment.order.payment_id));
        }
    }
}
