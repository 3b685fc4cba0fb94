//! What a sandbox remembers.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use ecp_core::{PaymentId, ProjectId};
use tokio::sync::oneshot;

use crate::payment::Payment;

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
}

pub(super) struct Entry {
    pub(super) payment: Payment,
    pub(super) callbacks: u32,
    /// Ends when the latest callback has been tried once.
    pub(super) latest: Option<oneshot::Receiver<()>>,
}

impl State {
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
