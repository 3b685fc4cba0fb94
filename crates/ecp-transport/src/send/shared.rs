//! Limits that senders of several processes share.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

/// Limits that the senders of several processes share: their requests per second together, and one
/// account of their retry budgets. A store outside of the processes keeps them
/// ([`Sender::shared_limits`](super::Sender::shared_limits)). A call drops a future of these
/// functions that is not ready by the deadline of the call.
#[async_trait]
pub trait SharedLimits: fmt::Debug + Send + Sync {
    /// Waits until the next request may be sent. All senders together get a turn each `interval`.
    /// After an error, the request is not sent; the call may try again.
    async fn turn(&self, interval: Duration) -> Result<(), Box<dyn Error + Send + Sync>>;

    /// Books what this process paid in, and then takes a request out of the account, if there is
    /// one; returns whether there was one. After an error, nothing was booked, and no request is
    /// taken out.
    async fn withdraw(&self, booking: &Booking) -> Result<bool, Box<dyn Error + Send + Sync>>;
}

/// Changes that one process makes to the account of a [`RetryBudget`](super::RetryBudget) that
/// several processes share ([`SharedLimits::withdraw`]), in hundredths of a request.
///
/// An account has a balance and a debt, both of them the reserve at the beginning. A deposit pays the
/// debt first. Deposits and what is given back raise the balance to the reserve at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Booking {
    /// Sum of the shares that the calls of this process since its last booking add to the budget,
    /// in hundredths of a request.
    pub deposits: u64,
    /// What is paid back for status requests that were answered since the last booking, in
    /// hundredths of a request: 100 for each ([`Booking::REQUEST`]).
    pub given_back: u64,
    /// The reserve: the balance at the beginning, and the most that the account saves up. It is in
    /// hundredths of a request: 10 requests are `10 * Booking::REQUEST`.
    pub reserve: u64,
}

impl Booking {
    /// One request in the unit of a [`Booking`], which is a hundredth of a request.
    pub const REQUEST: u64 = 100;

    /// Makes a booking without changes, for an account with this reserve in hundredths of a
    /// request: 10 requests are `10 * Booking::REQUEST`.
    pub const fn new(reserve: u64) -> Self {
        Self { deposits: 0, given_back: 0, reserve }
    }

    /// Adds a number to [`Booking::deposits`], the shares that calls add to the budget, in
    /// hundredths of a request.
    #[must_use]
    pub const fn deposited(self, deposits: u64) -> Self {
        Self { deposits: self.deposits + deposits, ..self }
    }

    /// Adds a number to [`Booking::given_back`], in hundredths of a request: [`Booking::REQUEST`]
    /// for each status request that was answered.
    #[must_use]
    pub const fn returned(self, given_back: u64) -> Self {
        Self { given_back: self.given_back + given_back, ..self }
    }
}
