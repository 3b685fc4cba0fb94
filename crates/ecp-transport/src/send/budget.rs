//! The budget for requests beyond the first of each call.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::shared::{Booking, SharedLimits};

/// A budget that limits the retries and status requests of many calls together. All its clones
/// share it.
///
/// - Each call adds a share of a request to the budget, 10 % by default.
/// - Each request beyond a call's first one takes a request out, whether it is a retry or a status
///   request. Only a send after the platform's answer that it does not know the payment takes none.
/// - If a send may have arrived, a status request about it that is answered is paid back. In an
///   outage none is answered, and at other times calls need status requests to finish.
/// - A reserve, 10 requests by default, may be spent before any calls have added their shares. The
///   shares of the first calls pay for the reserve, and only later ones add to the budget.
///
/// So the number of further requests without an answer never exceeds the reserve or the share of
/// all calls, whichever is larger. With the default values, an outage over 100 calls or more causes
/// at most 1.1 times as many requests.
///
/// ```
/// use ecp_transport::RetryBudget;
///
/// let everything_once = RetryBudget::new(0, 0);
/// let shared_by_two_clients = RetryBudget::default();
/// # let _ = (everything_once, shared_by_two_clients.clone());
/// ```
#[derive(Clone, Debug)]
pub struct RetryBudget(Arc<Budget>);

#[derive(Debug)]
struct Budget {
    /// The share of a request that each call adds, in hundredths: 10 is a tenth of a request.
    percent: u64,
    most: u64,
    account: Mutex<Account>,
    shared: Option<Shared>,
}

/// In hundredths of a request.
#[derive(Debug)]
struct Account {
    balance: u64,
    /// The part of the reserve that the shares of calls have not paid for yet.
    owed: u64,
}

/// An account outside of this process, whose changes are collected here until the next withdrawal.
#[derive(Debug)]
struct Shared {
    limits: Arc<dyn SharedLimits>,
    not_booked: Mutex<Booking>,
    /// When the last withdrawal failed, as the shared account had no request left or could not be
    /// reached; `None` if it succeeded, or if there was none.
    empty: tokio::sync::Mutex<Option<Instant>>,
}

impl RetryBudget {
    /// Makes a budget to which each call adds `percent` hundredths of a request: with 10, ten calls
    /// pay for one retry. `reserve` requests may be spent before any calls have added their shares.
    /// The budget never saves up more than the reserve, or one request if the reserve is 0.
    ///
    /// With `new(0, 0)` a sender also requests no status after a send that may have arrived: its
    /// call ends with an unknown outcome.
    pub fn new(percent: u32, reserve: u32) -> Self {
        let reserve = u64::from(reserve) * REQUEST;
        let account = Mutex::new(Account { balance: reserve, owed: reserve });
        let most = reserve.max(REQUEST);
        Self(Arc::new(Budget { percent: percent.into(), most, account, shared: None }))
    }

    /// A budget with the same numbers whose account is kept by shared limits. A reserve of less than
    /// one request is one there.
    pub(crate) fn shared(&self, limits: Arc<dyn SharedLimits>) -> Self {
        let Budget { percent, most, .. } = *self.0;
        let account = Mutex::new(Account { balance: 0, owed: 0 });
        let shared = Shared {
            limits,
            not_booked: Mutex::new(Booking::new(most)),
            empty: tokio::sync::Mutex::default(),
        };
        Self(Arc::new(Budget { percent, most, account, shared: Some(shared) }))
    }

    /// Pays in the share of a new call.
    pub(crate) fn deposit(&self) {
        if let Some(shared) = &self.0.shared {
            shared.not_booked().deposits += self.0.percent;
            return;
        }
        self.with(|account| {
            let paid_back = self.0.percent.min(account.owed);
            account.owed -= paid_back;
            let saved = account.balance + (self.0.percent - paid_back);
            account.balance = saved.min(self.0.most.max(account.balance));
        });
    }

    /// Takes a request out, if there is one and shared limits answer before the deadline. What was to
    /// be booked by a call that was given up is lost, which makes the budget smaller.
    pub(crate) async fn withdraw(&self, deadline: Instant) -> bool {
        if let Some(shared) = &self.0.shared {
            return timeout_at(deadline, shared.withdraw()).await.unwrap_or(false);
        }
        self.with(|account| match account.balance.checked_sub(REQUEST) {
            Some(rest) => {
                account.balance = rest;
                true
            }
            None => false,
        })
    }

    /// Returns a request that was answered, because there is no outage.
    pub(crate) fn give_back(&self) {
        if let Some(shared) = &self.0.shared {
            shared.not_booked().given_back += REQUEST;
            return;
        }
        self.with(|account| {
            account.balance = (account.balance + REQUEST).min(self.0.most.max(account.balance));
        });
    }

    fn with<T>(&self, job: impl FnOnce(&mut Account) -> T) -> T {
        job(&mut self.0.account.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Shared {
    fn not_booked(&self) -> MutexGuard<'_, Booking> {
        self.not_booked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn withdraw(&self) -> bool {
        /// An empty account is not asked again before.
        const PAUSE: Duration = Duration::from_millis(50);
        let mut empty = self.empty.lock().await;
        if empty.is_some_and(|then| then.elapsed() < PAUSE) {
            return false;
        }
        let booking = {
            let mut now = self.not_booked();
            let booked = *now;
            *now = Booking::new(booked.reserve);
            booked
        };
        let has_one = match self.limits.withdraw(&booking).await {
            Ok(has_one) => has_one,
            Err(error) => {
                tracing::warn!(
                    "the shared retry budget cannot be reached, so no request is repeated now: {error}"
                );
                let mut now = self.not_booked();
                *now = now.deposited(booking.deposits).returned(booking.given_back);
                false
            }
        };
        *empty = (!has_one).then(Instant::now);
        has_one
    }
}

impl Default for RetryBudget {
    /// 10 % of the calls, and 10 in reserve.
    fn default() -> Self {
        Self::new(10, 10)
    }
}

const REQUEST: u64 = Booking::REQUEST;

#[cfg(test)]
mod tests {
    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(1)
    }

    /// Number of requests that can be taken out over a number of calls.
    async fn spent(budget: &RetryBudget, calls: u32) -> u32 {
        let mut spent = 0;
        for _ in 0..calls {
            budget.deposit();
            while budget.withdraw(soon()).await {
                spent += 1;
            }
        }
        spent
    }

    #[tokio::test]
    async fn the_share_or_the_reserve_is_never_exceeded() {
        for (calls, most) in [(1, 10), (50, 10), (100, 10), (101, 10), (110, 11), (1000, 100)] {
            assert_eq!(spent(&RetryBudget::default(), calls).await, most, "{calls} calls");
        }
        assert_eq!(spent(&RetryBudget::new(0, 0), 1000).await, 0);
        assert_eq!(spent(&RetryBudget::new(20, 0), 10).await, 2);
    }

    #[tokio::test]
    async fn a_long_calm_saves_up_no_more_than_the_reserve() {
        let budget = RetryBudget::default();
        for _ in 0..100_000 {
            budget.deposit();
        }
        assert_eq!(spent(&budget, 1).await, 10);
    }

    /// A store that does not answer.
    #[derive(Debug)]
    struct Away;

    #[async_trait::async_trait]
    impl SharedLimits for Away {
        async fn turn(&self, _: Duration) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
            std::future::pending().await
        }

        async fn withdraw(
            &self,
            _: &Booking,
        ) -> Result<bool, Box<dyn std::error::Error + Send + Sync>> {
            std::future::pending().await
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_does_not_answer_is_waited_for_until_the_deadline_of_the_call() {
        let budget = RetryBudget::default().shared(Arc::new(Away));
        let begun = Instant::now();
        let call = tokio::time::timeout(Duration::from_hours(1), budget.withdraw(soon()));
        assert_eq!(call.await, Ok(false));
        assert_eq!(begun.elapsed().as_secs(), 1);
    }

    /// Books in memory, as a store does, and fails once in a while.
    #[derive(Debug)]
    struct Book(Mutex<(u64, u64, bool)>);

    #[async_trait::async_trait]
    impl SharedLimits for Book {
        async fn turn(&self, _: Duration) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
            Ok(())
        }

        async fn withdraw(
            &self,
            booking: &Booking,
        ) -> Result<bool, Box<dyn std::error::Error + Send + Sync>> {
            let mut book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let (balance, owed, fails) = &mut *book;
            *fails = !*fails;
            if *fails {
                return Err("the store is away".into());
            }
            let saved = *balance + booking.deposits.saturating_sub(*owed) + booking.given_back;
            *owed = owed.saturating_sub(booking.deposits);
            *balance = saved.min(booking.reserve.max(*balance));
            let has_one = *balance >= REQUEST;
            *balance -= if has_one { REQUEST } else { 0 };
            Ok(has_one)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn processes_with_one_account_spend_no_more_than_one() {
        let book = Arc::new(Book(Mutex::new((10 * REQUEST, 10 * REQUEST, false))));
        let budgets = [(); 3].map(|()| RetryBudget::default().shared(book.clone()));
        let mut spent = 0;
        for call in 0..1000 {
            let budget = &budgets[call % 3];
            budget.deposit();
            if budget.withdraw(soon()).await {
                spent += 1;
            }
            // An account that was empty, or could not be reached, is asked again later.
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        assert!((90..=100).contains(&spent), "{spent}");
    }
}
