//! The handler's tables in SQLite.

use std::sync::Arc;

use async_trait::async_trait;
use ecp_inbox::sqlite::rusqlite::{Connection, Row};
use ecp_inbox::sqlite::{SqliteInbox, SqliteOptions};
use ecp_inbox::{Delivery, Handler, HandlerError, Hold, Inbox, Worker};

use super::{Effect, Problem, Shop, by_chance};

pub(super) struct Sqlite {
    path: String,
    inbox: SqliteInbox,
    apart: bool,
}

impl Sqlite {
    pub(super) async fn open(path: &str, apart: bool, hold: Hold) -> Result<Self, Problem> {
        let inbox = SqliteOptions::new().hold(hold).open(path).await?;
        inbox
            .transaction(|connection| {
                Ok(connection.execute_batch(
                    "CREATE TABLE IF NOT EXISTS effects (
                         number INTEGER PRIMARY KEY AUTOINCREMENT,
                         payment TEXT, operation INTEGER, status TEXT, callback INTEGER
                     );
                     CREATE INDEX IF NOT EXISTS effects_payment ON effects (payment);
                     CREATE TABLE IF NOT EXISTS credits (
                         payment TEXT, operation INTEGER, amount INTEGER,
                         PRIMARY KEY (payment, operation)
                     );",
                )?)
            })
            .await?;
        Ok(Self { path: path.to_owned(), inbox, apart })
    }

    fn lines(
        &self,
        sql: &str,
        round: &str,
        line: fn(&Row<'_>) -> Result<String, ecp_inbox::sqlite::rusqlite::Error>,
    ) -> Result<Vec<String>, Problem> {
        let connection = Connection::open(&self.path)?;
        let mut statement = connection.prepare(sql)?;
        let lines = statement.query_map([format!("{round}-"), format!("{round}.")], line)?;
        Ok(lines.collect::<Result<_, _>>()?)
    }
}

#[async_trait]
impl Shop for Sqlite {
    fn inbox(&self) -> Arc<dyn Inbox> {
        Arc::new(self.inbox.clone())
    }

    fn worker(&self) -> Worker {
        if self.apart {
            return Worker::new(self.inbox.clone(), Apart(self.inbox.clone()));
        }
        self.inbox.worker(|connection, delivery| {
            write(connection, delivery)?;
            by_chance()
        })
    }

    async fn effects(&self, round: &str) -> Result<Vec<String>, Problem> {
        let sql = "SELECT payment, operation, callback, status FROM effects
                   WHERE payment > ?1 AND payment < ?2 ORDER BY number";
        self.lines(sql, round, |row| {
            let (payment, operation): (String, i64) = (row.get(0)?, row.get(1)?);
            let (callback, status): (i64, String) = (row.get(2)?, row.get(3)?);
            Ok(format!("{payment} {operation} {callback} {status}"))
        })
    }

    async fn credits(&self, round: &str) -> Result<Vec<String>, Problem> {
        let sql = "SELECT payment, operation, amount FROM credits
                   WHERE payment > ?1 AND payment < ?2";
        self.lines(sql, round, |row| {
            let (payment, operation): (String, i64) = (row.get(0)?, row.get(1)?);
            Ok(format!("{payment} {operation} {}", row.get::<_, i64>(2)?))
        })
    }
}

/// The handler that commits by itself, so that its effects are there at least once.
struct Apart(SqliteInbox);

#[async_trait]
impl Handler for Apart {
    async fn handle(&self, delivery: &Delivery) -> Result<(), HandlerError> {
        let written = delivery.clone();
        self.0.transaction(move |connection| write(connection, &written)).await?;
        by_chance()
    }
}

fn write(connection: &Connection, delivery: &Delivery) -> Result<(), HandlerError> {
    let effect = Effect::of(delivery).ok_or("a callback without an operation")?;
    let Effect { payment, operation, status, callback, credit } = &effect;
    connection.execute(
        "INSERT INTO effects (payment, operation, status, callback) VALUES (?1, ?2, ?3, ?4)",
        (payment, operation, status, callback),
    )?;
    if let Some(credit) = credit {
        connection.execute(
            "INSERT INTO credits VALUES (?1, ?2, ?3) ON CONFLICT (payment, operation)
             DO UPDATE SET amount = amount + excluded.amount",
            (payment, operation, credit),
        )?;
    }
    Ok(())
}
