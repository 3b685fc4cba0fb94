//! The budget for requests beyond the first of each call.

use std::sync::{Arc, Mutex, PoisonError};

/// A budget that limits the retries and status requests of many calls together. All its clones
/// share it.
///
/// - Each call adds a share of a request to the budget, 10 % by default.
/// - Each request beyond a call's first one takes a request out, whether it is a retry or a status
///   request.
/// - A status request that is answered is paid back. In an outage none is answered, and at other
///   times calls need status requests to finish.
/// - A reserve, 10 requests by default, may be spent before any calls have paid in. Later calls
///   refill the reserve first.
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
    percent: u64,
    most: u64,
    account: Mutex<Account>,
}

/// In hundredths of a request.
#[derive(Debug)]
struct Account {
    balance: u64,
    /// The unpaid part of the reserve, or of the requests taken out.
    owed: u64,
}

impl RetryBudget {
    /// Makes a budget to which each call adds `percent` hundredths of a request. `reserve` requests
    /// may be spent before any calls have paid in. The budget never saves up more than the reserve,
    /// or one request if the reserve is 0.
    pub fn new(percent: u32, reserve: u32) -> Self {
        let reserve = u64::from(reserve) * REQUEST;
        let account = Mutex::new(Account { balance: reserve, owed: reserve });
        Self(Arc::new(Budget { percent: percent.into(), most: reserve.max(REQUEST), account }))
    }

    /// Pays in the share of a new call.
    pub(crate) fn deposit(&self) {
        self.with(|account| {
            let paid_back = self.0.percent.min(account.owed);
            account.owed -= paid_back;
            let saved = account.balance + (self.0.percent - paid_back);
            account.balance = saved.min(self.0.most.max(account.balance));
        });
    }

    /// Takes a request out, if there is one.
    pub(crate) fn withdraw(&self) -> bool {
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
        self.with(|account| {
            account.balance = (account.balance + REQUEST).min(self.0.most.max(account.balance));
        });
    }

    fn with<T>(&self, job: impl FnOnce(&mut Account) -> T) -> T {
        job(&mut self.0.account.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Default for RetryBudget {
    /// 10 % of the calls, and 10 in reserve.
    fn default() -> Self {
        Self::new(10, 10)
    }
}

const REQUEST: u64 = 100;

#[cfg(test)]
mod tests {
    use super::*;

    /// Number of requests that can be taken out over a number of calls.
    fn spent(budget: &RetryBudget, calls: u32) -> u32 {
        let mut spent = 0;
        for _ in 0..calls {
            budget.deposit();
            while budget.withdraw() {
                spent += 1;
            }
        }
        spent
    }

    #[test]
    fn the_share_or_the_reserve_is_never_exceeded() {
        for (calls, most) in [(1, 10), (50, 10), (100, 10), (101, 10), (110, 11), (1000, 100)] {
            assert_eq!(spent(&RetryBudget::default(), calls), most, "{calls} calls");
        }
        assert_eq!(spent(&RetryBudget::new(0, 0), 1000), 0);
        assert_eq!(spent(&RetryBudget::new(20, 0), 10), 2);
    }

    #[test]
    fn a_long_calm_saves_up_no_more_than_the_reserve() {
        let budget = RetryBudget::default();
        for _ in 0..100_000 {
            budget.deposit();
        }
        assert_eq!(spent(&budget, 1), 10);
    }
}
