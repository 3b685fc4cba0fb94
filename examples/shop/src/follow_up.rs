//! Status requests for orders whose callbacks are overdue.

use std::time::{Duration, SystemTime};

use ecp_core::Timestamp;
use ecp_inbox::Inbox;
use tokio::time::{MissedTickBehavior, interval};

use crate::orders::{Order, PAUSES, State};
use crate::{Error, Shop, seconds};

/// How often to look for orders that are due.
const ROUND: Duration = Duration::from_secs(5);
/// Interval of removing old bodies, which hold personal data, and their age, in seconds.
const CLEANING: Duration = Duration::from_hours(24);
const RETENTION: i64 = 30 * 24 * 3600;
/// Seconds without a trace of an order, after which a person looks into it.
const LOST: i64 = 24 * 3600;

impl Shop {
    /// A status request in progress at the stop is repeated after the next start.
    pub(crate) async fn follow_up_until(&self, stopped: impl Future<Output = ()>) {
        let rounds = async {
            let (mut round, mut cleaning) = (interval(ROUND), interval(CLEANING));
            round.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                let done = tokio::select! {
                    _ = round.tick() => self.follow_up(SystemTime::now()).await,
                    _ = cleaning.tick() => self.remove_bodies(SystemTime::now()).await,
                };
                if let Err(error) = done {
                    tracing::error!(%error, "following up ended early and will begin again");
                }
            }
        };
        tokio::select! {
            () = stopped => {}
            () = rounds => {}
        }
    }

    /// Requests the status of every due order. Held callbacks are confirmed by the worker.
    pub async fn follow_up(&self, now: SystemTime) -> Result<(), Error> {
        let now = seconds(now);
        for order in self.read(move |connection| Order::due(connection, now)).await? {
            let id = order.id.clone();
            if let Err(error) = self.ask_about(order, now).await {
                tracing::error!(order = %id, %error, "an order cannot be followed up");
            }
        }
        Ok(())
    }

    async fn ask_about(&self, order: Order, now: i64) -> Result<(), Error> {
        let answer = self.settings.gate.status(&order.id).await;
        if let Err(error) = &answer {
            tracing::warn!(order = %order.id, %error, "cannot get the status of an order");
        }
        let spec = self.settings.registry.get(&order.method)?.spec();
        self.change(order.id, move |order| {
            let waited = now - order.since;
            order.ask_at = now + (waited / 2).clamp(PAUSES.0, PAUSES.1);
            let Ok(answer) = &answer else { return };
            if answer.is_unknown_payment() {
                // Its request may still be in progress, so it is never sent again.
                if order.state.waits() && waited > LOST {
                    order.flag("the platform does not know it".to_owned());
                }
                return;
            }
            let request = order.refund_request.as_ref();
            if let Some(refund) = request.and_then(|request| answer.refund(request)) {
                order.apply_refund(&refund);
            }
            if let Some(status) = answer.payment_status() {
                order.apply(status, answer.payment.as_ref(), None, spec);
            }
            if order.state == State::Refunding && waited > LOST {
                order.flag("the result of its refund is unknown".to_owned());
            }
        })
        .await
    }

    async fn remove_bodies(&self, now: SystemTime) -> Result<(), Error> {
        let before = Timestamp::from_unix_seconds(seconds(now) - RETENTION)?;
        let removed = self.inbox.remove_bodies(before).await?;
        tracing::info!(removed, "old bodies of callbacks were removed");
        Ok(())
    }
}
