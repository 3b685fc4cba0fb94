//! Limits on requests that the payers of an owner share.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use ecp_transport::{Booking, SharedLimits};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};
use tokio_postgres::types::Type;

use super::journal::Inner;
use super::session::{Failure, Parameter, Session, again};
use crate::journal::JournalError;

/// Turns and the budget in the table `limits`.
pub(super) struct Limits {
    inner: Arc<Inner>,
    /// Number of requests of this payer that wait for a turn.
    waiting: AtomicU32,
    turns: Mutex<Turns>,
}

/// Turns that this payer has been given and not used.
struct Turns {
    next: Instant,
    left: u32,
}

/// Counts a request that waits for a turn until it is dropped.
struct Waiting<'w>(&'w AtomicU32);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Limits {
    pub(super) fn new(inner: Arc<Inner>) -> Self {
        let turns = Mutex::new(Turns { next: Instant::now(), left: 0 });
        Self { inner, waiting: AtomicU32::new(0), turns }
    }

    /// Runs a statement of limits. Losing it in a crash of the server does no harm.
    async fn run(
        &self,
        session: &Session,
        sql: &str,
        values: &[Parameter<'_>],
    ) -> Result<Vec<tokio_postgres::Row>, Failure> {
        const BEGIN: &str = "BEGIN; SELECT set_config('synchronous_commit', 'off', true)";
        let ((), rows, ()) = tokio::try_join!(
            session.batch_execute(BEGIN),
            session.query(sql, values),
            session.commit()
        )?;
        Ok(rows)
    }

    /// Is given a number of turns in a row, and returns when the first of them is.
    async fn turns(&self, number: u32, interval: Duration) -> Result<Instant, JournalError> {
        let seconds = (interval * number).as_secs_f64();
        let parameters = [(&self.inner.owner as _, Type::INT8), (&seconds as _, Type::FLOAT8)];
        let rows = again!(self.inner.pool, |session| {
            let rows = self.run(session, TURNS, &parameters).await?;
            let wait: f64 = rows.first().map_or(Ok(0.0), |row| row.try_get(0))?;
            Instant::now() + Duration::try_from_secs_f64(wait).unwrap_or_default()
        });
        Ok(rows?)
    }
}

const TURNS: &str = "
    UPDATE ecp_payouts.limits
    SET next_turn = greatest(next_turn, clock_timestamp()) + make_interval(secs => $2)
    WHERE owner = $1
    RETURNING extract(epoch FROM next_turn - make_interval(secs => $2) - clock_timestamp())::float8";

const WITHDRAW: &str = "
    WITH booked AS (
        SELECT owner, greatest(owed - $2, 0) AS owed,
            least(balance + $2 - least($2, owed) + $3, greatest($4, balance)) AS balance
        FROM (
            SELECT owner, coalesce(balance, $4) AS balance, coalesce(owed, $4) AS owed
            FROM ecp_payouts.limits WHERE owner = $1 FOR UPDATE
        ) AS account
    )
    UPDATE ecp_payouts.limits AS limits
    SET owed = booked.owed,
        balance = booked.balance - CASE WHEN booked.balance >= $5 THEN $5 ELSE 0 END
    FROM booked WHERE limits.owner = booked.owner
    RETURNING booked.balance >= $5";

#[async_trait]
impl SharedLimits for Limits {
    async fn turn(&self, interval: Duration) -> Result<(), Box<dyn Error + Send + Sync>> {
        /// Turns are asked for in advance for no longer than this.
        const AHEAD: Duration = Duration::from_millis(100);
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let waiting = Waiting(&self.waiting);
        let mine = {
            let mut turns = self.turns.lock().await;
            // Turns that were not used in time are lost: used later, they would be too many at once.
            if turns.left == 0 || turns.next + interval < Instant::now() {
                let most = AHEAD.as_nanos() / interval.as_nanos().max(1);
                let most = u32::try_from(most).unwrap_or(u32::MAX).max(1);
                let number = self.waiting.load(Ordering::Relaxed).clamp(1, most);
                turns.next = self.turns(number, interval).await?;
                turns.left = number;
            }
            let mine = turns.next;
            turns.next += interval;
            turns.left -= 1;
            mine
        };
        drop(waiting);
        sleep_until(mine).await;
        Ok(())
    }

    async fn withdraw(&self, booking: &Booking) -> Result<bool, Box<dyn Error + Send + Sync>> {
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let mut values = [
            number(booking.deposits),
            number(booking.given_back),
            number(booking.reserve),
            number(Booking::REQUEST),
        ];
        let rows = again!(self.inner.pool, |session| {
            let now = values;
            // A try whose answer was lost may have booked them.
            [values[0], values[1]] = [0, 0];
            let mut parameters = vec![(&self.inner.owner as _, Type::INT8)];
            parameters.extend(now.iter().map(|value| (value as _, Type::INT8)));
            self.run(session, WITHDRAW, &parameters).await?
        });
        let rows = rows.map_err(JournalError::from)?;
        Ok(rows.first().is_some_and(|row| row.try_get(0).unwrap_or_default()))
    }
}

impl fmt::Debug for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Limits")
    }
}
