//! The handler's tables in Postgres.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ecp_inbox::postgres::tokio_postgres::types::Type;
use ecp_inbox::postgres::tokio_postgres::{Client, Config, NoTls, Row, Transaction};
use ecp_inbox::postgres::{PostgresHandler, PostgresInbox, PostgresOptions};
use ecp_inbox::{Delivery, HandlerError, Hold, Inbox, Worker};

use super::{Effect, Problem, Shop, by_chance};

pub(super) struct Postgres {
    config: Config,
    inbox: PostgresInbox,
}

impl Postgres {
    pub(super) async fn open(config: &str, hold: Hold) -> Result<Self, Problem> {
        let config: Config = config.parse()?;
        // The server may be coming up itself.
        for _ in 0..300 {
            if let Ok(opened) = Self::try_open(&config, hold).await {
                return Ok(opened);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Self::try_open(&config, hold).await
    }

    async fn try_open(config: &Config, hold: Hold) -> Result<Self, Problem> {
        let inbox = PostgresOptions::new().hold(hold).open(config.clone()).await?;
        let client = connect(config).await?;
        client
            .batch_execute(
                "BEGIN;
                 SELECT pg_advisory_xact_lock(1);
                 CREATE TABLE IF NOT EXISTS effects (
                     number bigserial, payment text, operation bigint, status text, callback bigint
                 );
                 CREATE INDEX IF NOT EXISTS effects_payment ON effects (payment text_pattern_ops);
                 CREATE TABLE IF NOT EXISTS credits (
                     payment text, operation bigint, amount bigint, PRIMARY KEY (payment, operation)
                 );
                 COMMIT",
            )
            .await?;
        Ok(Self { config: config.clone(), inbox })
    }

    async fn rows(&self, sql: &str, round: &str) -> Result<Vec<Row>, Problem> {
        let client = connect(&self.config).await?;
        Ok(client.query_typed(sql, &[(&format!("{round}-%"), Type::TEXT)]).await?)
    }
}

async fn connect(config: &Config) -> Result<Client, Problem> {
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(async move {
        // The client gets a notice as well.
        let _ = connection.await;
    });
    Ok(client)
}

#[async_trait]
impl Shop for Postgres {
    fn inbox(&self) -> Arc<dyn Inbox> {
        Arc::new(self.inbox.clone())
    }

    fn worker(&self) -> Worker {
        self.inbox.worker(Ledger)
    }

    async fn effects(&self, round: &str) -> Result<Vec<String>, Problem> {
        let sql = "SELECT payment, operation, status, callback FROM effects
                   WHERE payment LIKE $1 ORDER BY number";
        let rows = self.rows(sql, round).await?;
        let line = |row: &Row| {
            let (payment, operation): (String, i64) = (row.get(0), row.get(1));
            let (status, callback): (String, i64) = (row.get(2), row.get(3));
            format!("{payment} {operation} {callback} {status}")
        };
        Ok(rows.iter().map(line).collect())
    }

    async fn credits(&self, round: &str) -> Result<Vec<String>, Problem> {
        let sql = "SELECT payment, operation, amount FROM credits WHERE payment LIKE $1";
        let rows = self.rows(sql, round).await?;
        let line = |row: &Row| {
            let (payment, operation, amount): (String, i64, i64) =
                (row.get(0), row.get(1), row.get(2));
            format!("{payment} {operation} {amount}")
        };
        Ok(rows.iter().map(line).collect())
    }
}

/// Its statements name their types, so that a pooler in transaction mode may be in between.
struct Ledger;

#[async_trait]
impl PostgresHandler for Ledger {
    async fn handle(
        &self,
        transaction: &Transaction<'_>,
        delivery: &Delivery,
    ) -> Result<(), HandlerError> {
        let effect = Effect::of(delivery).ok_or("a callback without an operation")?;
        let Effect { payment, operation, status, callback, credit } = &effect;
        transaction
            .execute_typed(
                "INSERT INTO effects (payment, operation, status, callback) VALUES ($1, $2, $3, $4)",
                &[
                    (payment, Type::TEXT),
                    (operation, Type::INT8),
                    (status, Type::TEXT),
                    (callback, Type::INT8),
                ],
            )
            .await?;
        if credit.is_some() {
            transaction
                .execute_typed(
                    "INSERT INTO credits VALUES ($1, $2, $3) ON CONFLICT (payment, operation)
                     DO UPDATE SET amount = credits.amount + excluded.amount",
                    &[(payment, Type::TEXT), (operation, Type::INT8), (credit, Type::INT8)],
                )
                .await?;
        }
        by_chance()
    }
}
