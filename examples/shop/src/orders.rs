//! Orders and their states. The table is in the inbox's own database.

use ecp_core::model::{
    Code, End, Payment, PaymentStatus, PaymentType, RefundOutcome, RefundResult,
};
use ecp_core::{Currency, Money, PaymentId, RequestId};
use ecp_inbox::EntryId;
use ecp_inbox::sqlite::rusqlite::{Connection, OptionalExtension as _, Row, params};
use ecp_methods::{MethodSpec, Operation};

use crate::Error;

const TABLE: &str = "CREATE TABLE IF NOT EXISTS orders (
    id TEXT PRIMARY KEY,     -- the payment's id too
    customer TEXT NOT NULL,
    flow TEXT NOT NULL,
    method TEXT NOT NULL,
    amount INTEGER NOT NULL, -- minor units; 0 until the customer has chosen it
    currency TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,             -- why it is in this state
    step INTEGER,            -- the callback that says what the customer has to do
    refunds INTEGER NOT NULL,-- how many came to nothing
    refund_request TEXT,     -- the platform's id of the one under way
    since INTEGER NOT NULL,  -- when it began to wait, seconds since 1970
    ask_at INTEGER NOT NULL  -- when to ask the platform
) STRICT";

/// The customer's credit follows from the orders: a sale counts once it is paid, a payout from
/// before it is sent until it is known to have failed.
const BALANCE: &str = "SELECT COALESCE(SUM(CASE
    WHEN flow = 'sale' AND state = 'paid' THEN amount
    WHEN flow = 'payout' AND state IN ('pending', 'paid', 'flagged') THEN -amount
    ELSE 0 END), 0) FROM orders WHERE customer = ?1 AND currency = ?2";

/// The shortest and the longest pause between two status requests about one order, in seconds.
pub(crate) const PAUSES: (i64, i64) = (30, 3600);

#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) id: PaymentId,
    pub(crate) customer: String,
    pub(crate) flow: Operation,
    /// The method's code in the registry.
    pub(crate) method: String,
    pub(crate) amount: Money,
    pub(crate) state: State,
    pub(crate) reason: Option<String>,
    /// The callback that says what the customer has to do.
    pub(crate) step: Option<EntryId>,
    pub(crate) refunds: u32,
    pub(crate) refund_request: Option<RequestId>,
    pub(crate) since: i64,
    pub(crate) ask_at: i64,
}

/// State of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// The order did not leave the shop, and can be sent again under its id.
    Unsent,
    /// The platform has or may have the order: it is never sent again.
    Pending,
    /// The platform did not register the order.
    Refused,
    /// The order ended without success.
    Failed,
    /// The money has moved.
    Paid,
    /// The platform has or may have a refund.
    Refunding,
    /// The money has moved back.
    Refunded,
    /// A person must look into it.
    Flagged,
}

/// Result of beginning an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Begun {
    /// The order is on disk as pending: send it.
    Send,
    /// The order was begun before: do not send it.
    Before,
    /// The customer has too little credit.
    NoCredit,
}

pub(crate) fn prepare(connection: &Connection) -> Result<(), Error> {
    Ok(connection.execute_batch(TABLE)?)
}

pub(crate) fn balance(
    connection: &Connection,
    customer: &str,
    currency: Currency,
) -> Result<Money, Error> {
    let parameters = params![customer, currency.code()];
    let minor = connection.query_row(BALANCE, parameters, |row| row.get(0))?;
    Ok(Money::from_minor(minor, currency))
}

impl Order {
    pub(crate) fn load(connection: &Connection, id: &PaymentId) -> Result<Option<Self>, Error> {
        let sql = "SELECT * FROM orders WHERE id = ?1";
        let found = connection.query_row(sql, [id.as_str()], |row| Ok(Self::read(row)));
        found.optional()?.transpose()
    }

    /// Waiting orders that are due for a status request. One whose time is further ahead than any
    /// pause was postponed by a clock that has been set back since.
    pub(crate) fn due(connection: &Connection, now: i64) -> Result<Vec<Self>, Error> {
        let sql = "SELECT * FROM orders WHERE state IN ('pending', 'refunding')
            AND (ask_at <= ?1 OR ask_at > ?1 + ?2) ORDER BY ask_at LIMIT 100";
        let mut statement = connection.prepare(sql)?;
        let orders = statement.query_map([now, PAUSES.1], |row| Ok(Self::read(row)))?;
        orders.map(|order| order?).collect()
    }

    /// Stores an order as pending before it is sent. An id is sent once, unless it is known that it
    /// did not leave.
    pub(crate) fn begin(&self, connection: &Connection) -> Result<Begun, Error> {
        let same_unsent = |other: &Self| {
            let request = |order: &Self| (order.flow, order.amount, order.method.clone());
            other.state == State::Unsent && request(other) == request(self)
        };
        if Self::load(connection, &self.id)?.is_some_and(|other| !same_unsent(&other)) {
            return Ok(Begun::Before);
        }
        if self.flow == Operation::PAYOUT {
            let credit = balance(connection, &self.customer, self.amount.currency())?;
            if credit.minor() < self.amount.minor() {
                return Ok(Begun::NoCredit);
            }
        }
        self.save(connection)?;
        Ok(Begun::Send)
    }

    pub(crate) fn save(&self, connection: &Connection) -> Result<(), Error> {
        connection.execute(
            "INSERT OR REPLACE INTO orders
                (id, customer, flow, method, amount, currency, state, reason, step, refunds,
                 refund_request, since, ask_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
            params![
                self.id.as_str(),
                self.customer,
                self.flow.name(),
                self.method,
                self.amount.minor(),
                self.amount.currency().code(),
                self.state.as_str(),
                self.reason,
                self.step.map(EntryId::get),
                self.refunds,
                self.refund_request.as_ref().map(RequestId::as_str),
                self.since,
                self.ask_at,
            ],
        )?;
        Ok(())
    }

    fn read(row: &Row<'_>) -> Result<Self, Error> {
        let word = |column| row.get::<_, String>(column);
        let (flow, state) = (word("flow")?, word("state")?);
        let flow = Operation::KNOWN.iter().copied().find(|known| known.name() == flow);
        let state = State::WORDS.into_iter().find(|(_, word)| *word == state);
        let currency: Currency = word("currency")?.parse()?;
        let request: Option<String> = row.get("refund_request")?;
        Ok(Self {
            id: PaymentId::new(word("id")?)?,
            customer: word("customer")?,
            flow: flow.ok_or("an order has an unknown flow")?,
            method: word("method")?,
            amount: Money::from_minor(row.get("amount")?, currency),
            state: state.ok_or("an order is in an unknown state")?.0,
            reason: row.get("reason")?,
            step: row.get::<_, Option<i64>>("step")?.map(EntryId::new),
            refunds: row.get("refunds")?,
            refund_request: request.map(RequestId::new).transpose()?,
            since: row.get("since")?,
            ask_at: row.get("ask_at")?,
        })
    }

    /// The merchant's id of the next refund, or of the one in progress. A failed refund has used up
    /// its id.
    pub(crate) fn refund_id(&self) -> String {
        format!("{}-{}", self.id, self.refunds + 1)
    }

    /// Changes the state. Nothing else does.
    pub(crate) fn go(&mut self, state: State, reason: Option<String>) {
        let (from, to) = (self.state.as_str(), state.as_str());
        tracing::info!(order = %self.id, from, to, reason, "an order moved");
        (self.state, self.reason) = (state, reason);
    }

    pub(crate) fn flag(&mut self, reason: String) {
        tracing::error!(order = %self.id, reason, "a person must look into an order");
        self.go(State::Flagged, Some(reason));
    }

    /// Applies the payment's status from a callback or an answer of Gate. Applying it twice changes
    /// nothing, and a success counts only if it is about this order.
    pub(crate) fn apply(
        &mut self,
        status: &PaymentStatus,
        reported: Option<&Payment>,
        code: Option<String>,
        spec: &MethodSpec,
    ) {
        match (status, self.state) {
            (_, State::Flagged | State::Refunded)
            | (PaymentStatus::Success, State::Paid | State::Refunding) => {}
            (PaymentStatus::Success, _) => match self.differs(reported, spec) {
                None => self.go(State::Paid, None),
                Some(what) => self.flag(what),
            },
            (PaymentStatus::Refunded | PaymentStatus::Reversed, _) => {
                self.go(State::Refunded, None);
            }
            (PaymentStatus::PartiallyRefunded | PaymentStatus::PartiallyReversed, _) => {
                self.flag("a part of it was given back".to_owned());
            }
            (status, State::Pending) => match status.end() {
                End::Decline => {
                    self.go(State::Failed, Some(code.unwrap_or_else(|| status.to_string())));
                }
                // The money may have moved: nothing is released before a person has asked.
                End::Error => self.flag(format!("it ended in `{status}`: ask technical support")),
                End::Success | End::Returned | End::Open | End::Unknown => {}
            },
            _ => {}
        }
    }

    /// Applies the result of a refund. Its success is reported as the payment's status.
    pub(crate) fn apply_refund(&mut self, refund: &RefundResult) {
        let ours = refund.merchant_refund_id.as_deref().is_none_or(|id| id == self.refund_id());
        if self.state != State::Refunding || !ours {
            return;
        }
        let with = |code: &Option<Code>| {
            code.as_ref().map_or_else(String::new, |code| format!(" with code {code}"))
        };
        match &refund.outcome {
            RefundOutcome::Decline { code, .. } => {
                self.refund_failed(format!("the refund was declined{}", with(code)));
            }
            // The money may have been returned, so there is no other refund before a person has
            // asked.
            RefundOutcome::Error { code, .. } => {
                self.flag(format!("the refund ended in an error{}", with(code)));
            }
            _ => {}
        }
    }

    pub(crate) fn refund_failed(&mut self, reason: String) {
        self.refunds += 1;
        self.refund_request = None;
        self.go(State::Paid, Some(reason));
    }

    /// Difference between the reported payment and this order. The sum must be reported; other
    /// members are compared if they are reported.
    fn differs(&self, reported: Option<&Payment>, spec: &MethodSpec) -> Option<String> {
        let sum = reported.and_then(|payment| {
            let sum = payment.sum.as_ref()?;
            spec.received_amount(sum.amount, sum.currency.parse().ok()?)
        });
        if sum != Some(self.amount) {
            let sum = sum.map_or_else(|| "no known sum".to_owned(), |sum| sum.to_string());
            return Some(format!("the platform reports {sum}"));
        }
        let kind = match self.flow {
            Operation::PAYOUT => PaymentType::Payout,
            _ => PaymentType::Purchase,
        };
        let reported = reported?;
        if reported.kind.as_ref().is_some_and(|reported| *reported != kind) {
            return Some("the platform reports another kind of payment".to_owned());
        }
        // Of some methods the name in callbacks is not known.
        let names = spec.callback_names();
        let known = |method: &str| names.is_empty() || names.contains(&method);
        if reported.method.as_deref().is_some_and(|method| !known(method)) {
            return Some("the platform reports another method".to_owned());
        }
        None
    }
}

impl State {
    const WORDS: [(Self, &str); 8] = [
        (Self::Unsent, "unsent"),
        (Self::Pending, "pending"),
        (Self::Refused, "refused"),
        (Self::Failed, "failed"),
        (Self::Paid, "paid"),
        (Self::Refunding, "refunding"),
        (Self::Refunded, "refunded"),
        (Self::Flagged, "flagged"),
    ];

    pub(crate) fn as_str(self) -> &'static str {
        Self::WORDS.iter().find(|(state, _)| *state == self).map_or("", |(_, word)| word)
    }

    /// Whether a result from the platform is still missing.
    pub(crate) const fn waits(self) -> bool {
        matches!(self, Self::Pending | Self::Refunding)
    }
}
