//! Floors: what must be written, written in batches by hand.

use std::path::Path;
use std::sync::Arc;

use ecp_core::model::Callback;
use ecp_inbox::postgres::PostgresInbox;
use ecp_inbox::postgres::tokio_postgres::types::ToSql;
use ecp_inbox::postgres::tokio_postgres::{Client, Config, NoTls, Statement};
use ecp_inbox::sqlite::SqliteInbox;
use ecp_inbox::sqlite::rusqlite::{Connection, params};
use ecp_notify::Verified;
use sha2::{Digest as _, Sha256};
use tokio::sync::{Mutex, mpsc, oneshot};

use super::fill::{CHANGE, STATE};
use super::turns::{CONNECTIONS, Databases};

/// Maximum number of callbacks in one commit.
const BATCH: usize = 256;

/// Batches that are written to Postgres at once.
const WRITERS: usize = 2;

/// The tables of a floor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tables {
    /// Those of the inbox.
    Inbox,
    /// One table with two indexes.
    Plain,
}

/// A callback to store.
pub(super) struct Item {
    content: [u8; 32],
    payment: String,
    raw: Vec<u8>,
    done: oneshot::Sender<()>,
}

pub(super) enum Floor {
    Batched(mpsc::Sender<Item>),
    Pgmq(Vec<Arc<(Client, Statement)>>),
}

/// One sender's way into a floor.
pub(super) enum Sender {
    Batched(mpsc::Sender<Item>),
    Pgmq(Arc<(Client, Statement)>),
}

impl Floor {
    pub(super) async fn open(kind: &str, tables: Tables, place: &Databases) -> Self {
        let (sender, items) = mpsc::channel(1024);
        if kind == "sqlite" {
            let path = place.file();
            if tables == Tables::Inbox {
                drop(SqliteInbox::open(&path).await.unwrap());
            }
            std::thread::spawn(move || sqlite(&path, tables, items));
        } else {
            let address = place.database();
            if tables == Tables::Inbox {
                drop(PostgresInbox::open(address.parse().unwrap()).await.unwrap());
            } else {
                connect(&address).await.batch_execute(PLAIN_POSTGRES).await.unwrap();
            }
            let items = Arc::new(Mutex::new(items));
            for _ in 0..WRITERS {
                let client = connect(&address).await;
                tokio::spawn(postgres(client, tables, items.clone()));
            }
        }
        Self::Batched(sender)
    }

    /// Installs pgmq from its SQL script.
    pub(super) async fn pgmq(script: &Path, place: &Databases) -> Self {
        let address = place.database();
        let script = std::fs::read_to_string(script).unwrap();
        let client = connect(&address).await;
        client.batch_execute("CREATE SCHEMA IF NOT EXISTS pgmq").await.unwrap();
        client.batch_execute(&script).await.unwrap();
        client.batch_execute("SELECT pgmq.create('callbacks')").await.unwrap();
        let mut clients = Vec::new();
        for _ in 0..CONNECTIONS {
            let client = connect(&address).await;
            let send = "SELECT pgmq.send('callbacks', $1::text::jsonb)";
            let send = client.prepare(send).await.unwrap();
            clients.push(Arc::new((client, send)));
        }
        Self::Pgmq(clients)
    }

    pub(super) fn sender(&self, number: usize) -> Sender {
        match self {
            Self::Batched(sender) => Sender::Batched(sender.clone()),
            Self::Pgmq(clients) => Sender::Pgmq(clients[number % clients.len()].clone()),
        }
    }
}

impl Sender {
    pub(super) async fn store(&self, callback: &Verified<Callback>) {
        match self {
            Self::Batched(sender) => {
                let payment = callback.payment_id().unwrap().to_string();
                let (content, raw) = (digest(callback.raw()), callback.raw().to_vec());
                let (done, stored) = oneshot::channel();
                drop(sender.send(Item { content, payment, raw, done }).await);
                stored.await.unwrap();
            }
            Self::Pgmq(client) => {
                let body = std::str::from_utf8(callback.raw()).unwrap();
                client.0.query_one(&client.1, &[&body]).await.unwrap();
            }
        }
    }
}

fn digest(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

pub(super) async fn connect(address: &str) -> Client {
    let config: Config = address.parse().unwrap();
    let (client, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

const PLAIN_SQLITE: &str = "
    CREATE TABLE plain (id INTEGER PRIMARY KEY, content BLOB, payment TEXT, received INTEGER,
        raw BLOB) STRICT;
    CREATE UNIQUE INDEX plain_content ON plain (content);
    CREATE INDEX plain_payment ON plain (payment, id);";

fn sqlite(path: &Path, tables: Tables, mut items: mpsc::Receiver<Item>) {
    let connection = Connection::open(path).unwrap();
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0)).unwrap();
    assert_eq!(mode, "wal");
    connection.pragma_update(None, "synchronous", "full").unwrap();
    if tables == Tables::Plain {
        connection.execute_batch(PLAIN_SQLITE).unwrap();
    }
    let mut batch = Vec::new();
    let mut now = 1_700_000_000_000_i64;
    while items.blocking_recv_many(&mut batch, BATCH) > 0 {
        now += 1;
        connection.prepare_cached("BEGIN IMMEDIATE").unwrap().execute([]).unwrap();
        for item in &batch {
            match tables {
                Tables::Inbox => sqlite_inbox(&connection, item, now),
                Tables::Plain => {
                    let insert = "INSERT INTO plain (content, payment, received, raw)
                        VALUES (?1, ?2, ?3, ?4)";
                    let values = params![item.content, item.payment, now, item.raw];
                    connection.prepare_cached(insert).unwrap().execute(values).unwrap();
                }
            }
        }
        connection.prepare_cached("COMMIT").unwrap().execute([]).unwrap();
        for item in batch.drain(..) {
            let _ = item.done.send(());
        }
    }
}

fn sqlite_inbox(connection: &Connection, item: &Item, now: i64) {
    let payment = "INSERT INTO ecp_inbox_payments (project, payment, state, updated)
        VALUES (1236, ?1, ?2, ?3)
        ON CONFLICT (project, payment) DO UPDATE SET state = excluded.state, updated = ?3
        RETURNING number";
    let number: i64 = connection
        .prepare_cached(payment)
        .unwrap()
        .query_row(params![item.payment.as_bytes(), STATE, now], |row| row.get(0))
        .unwrap();
    let callback = "INSERT INTO ecp_inbox_callbacks (project, payment, content, meaning, state,
            status, received, last_received, due, change, ambiguous, raw)
        VALUES (1236, ?1, ?2, ?3, 'waiting', ?4, ?5, ?5, ?5, ?6, '[]', ?7)";
    let meaning = digest(&item.content);
    let status = b"success".as_slice();
    let values = params![number, item.content, meaning, status, now, CHANGE, item.raw];
    connection.prepare_cached(callback).unwrap().execute(values).unwrap();
}

const PLAIN_POSTGRES: &str = "
    CREATE TABLE plain (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, content bytea,
        payment text, received bigint, raw bytea);
    CREATE UNIQUE INDEX plain_content ON plain (content);
    CREATE INDEX plain_payment ON plain (payment, id);
    ALTER TABLE plain ALTER COLUMN raw SET STORAGE EXTERNAL;";

const INSERT_PLAIN: &str = "
    INSERT INTO plain (content, payment, received, raw)
    SELECT content, payment, $4, raw
    FROM unnest($1::bytea[], $2::text[], $3::bytea[]) AS u (content, payment, raw)";

const UPSERT_PAYMENTS: &str = "
    INSERT INTO ecp_inbox.payments (number, key, project, payment, state, status, updated)
    SELECT nextval('ecp_inbox.callbacks_id_seq'), key, 1236, payment, $3, 'success', $4
    FROM unnest($1::bytea[], $2::bytea[]) AS u (key, payment) ORDER BY key
    ON CONFLICT (key) DO UPDATE SET state = excluded.state, updated = excluded.updated";

const INSERT_CALLBACKS: &str = "
    INSERT INTO ecp_inbox.callbacks (project, payment_number, payment, content, meaning, state, status,
        received, last_received, due, change, ambiguous, raw)
    SELECT 1236, number, u.payment, content, meaning, 'waiting', 'success'::bytea, $6, $6, $6, $7, '[]',
        raw
    FROM unnest($1::bytea[], $2::bytea[], $3::bytea[], $4::bytea[], $5::bytea[])
        AS u (key, payment, content, meaning, raw)
    JOIN ecp_inbox.payments USING (key)";

async fn postgres(client: Client, tables: Tables, items: Arc<Mutex<mpsc::Receiver<Item>>>) {
    // A plan that is kept from when the tables were empty would scan them.
    client.batch_execute("SET enable_seqscan = off").await.unwrap();
    let statements = match tables {
        Tables::Plain => vec![client.prepare(INSERT_PLAIN).await.unwrap()],
        Tables::Inbox => vec![
            client.prepare(UPSERT_PAYMENTS).await.unwrap(),
            client.prepare(INSERT_CALLBACKS).await.unwrap(),
        ],
    };
    let mut batch: Vec<Item> = Vec::new();
    let mut now = 1_700_000_000_000_i64;
    while items.lock().await.recv_many(&mut batch, BATCH).await > 0 {
        now += 1;
        let raw: Vec<&[u8]> = batch.iter().map(|item| item.raw.as_slice()).collect();
        let content: Vec<&[u8]> = batch.iter().map(|item| item.content.as_slice()).collect();
        match tables {
            Tables::Plain => {
                let payment: Vec<&str> = batch.iter().map(|item| item.payment.as_str()).collect();
                let insert =
                    client.execute(&statements[0], &[&content, &payment, &raw, &now]).await;
                insert.unwrap();
            }
            Tables::Inbox => {
                let payment: Vec<&[u8]> =
                    batch.iter().map(|item| item.payment.as_bytes()).collect();
                let digests: Vec<([u8; 32], [u8; 32])> = batch
                    .iter()
                    .map(|item| (digest(item.payment.as_bytes()), digest(&item.content)))
                    .collect();
                let key: Vec<&[u8]> = digests.iter().map(|(key, _)| key.as_slice()).collect();
                let meaning: Vec<&[u8]> = digests.iter().map(|(_, m)| m.as_slice()).collect();
                let mut payments: Vec<(&[u8], &[u8])> =
                    key.iter().copied().zip(payment.iter().copied()).collect();
                payments.sort_unstable();
                payments.dedup();
                let (keys, ids): (Vec<&[u8]>, Vec<&[u8]>) = payments.into_iter().unzip();
                let payments: [&(dyn ToSql + Sync); 4] = [&keys, &ids, &STATE, &now];
                let callbacks: [&(dyn ToSql + Sync); 7] =
                    [&key, &payment, &content, &meaning, &raw, &now, &CHANGE];
                tokio::try_join!(
                    client.batch_execute("BEGIN"),
                    client.execute(&statements[0], &payments),
                    client.execute(&statements[1], &callbacks),
                    client.batch_execute("COMMIT"),
                )
                .unwrap();
            }
        }
        for item in batch.drain(..) {
            let _ = item.done.send(());
        }
    }
}
