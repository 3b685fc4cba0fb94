//! Takes turns with `durable --peer`: tasks that apalis stores, one a callback, as its users push
//! them.
//!
//! `ecp-bench-peers --seconds N --senders N --connections N`. Each line of the input is `sqlite`
//! with the path of a new file, or `postgres` with the connection string of a new database. The
//! answer is a line with the number of tasks stored in a second, and the median and 99th percentile
//! of the time that one took, in milliseconds.

use std::error::Error;
use std::io::{BufRead as _, Write as _};
use std::time::{Duration, Instant};

use apalis_core::backend::finalize::Durable;
use apalis_core::backend::{TaskSink, TaskSinkError};
use apalis_postgres::PostgresStorage;
use apalis_sqlite::SqliteStorage;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteSynchronous};

type AnyError = Box<dyn Error + Send + Sync>;

/// As long as a typical callback.
const BODY: &str =
    include_str!("../../../crates/ecp-core/tests/samples/callback/jeton-sale-success.json");

struct Options {
    time: Duration,
    senders: usize,
    connections: u32,
}

#[tokio::main]
async fn main() -> Result<(), AnyError> {
    let mut options = Options { time: Duration::from_secs(5), senders: 64, connections: 32 };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{name} needs a value"))?;
        match name.as_str() {
            "--seconds" => options.time = Duration::from_secs(value.parse()?),
            "--senders" => options.senders = value.parse()?,
            "--connections" => options.connections = value.parse()?,
            _ => return Err(format!("unknown argument {name}").into()),
        }
    }
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let (store, place) = line.split_once(' ').ok_or("expected a store and its place")?;
        let mut times = match store {
            "sqlite" => sqlite(place, &options).await?,
            "postgres" => postgres(place, &options).await?,
            _ => return Err(format!("apalis is not measured over {store}").into()),
        };
        times.sort_unstable();
        let at = |part: usize| times[(times.len() * part / 100).min(times.len() - 1)];
        println!(
            "{} {} {}",
            times.len() as f64 / options.time.as_secs_f64(),
            at(50).as_secs_f64() * 1e3,
            at(99).as_secs_f64() * 1e3
        );
        std::io::stdout().flush()?;
    }
    Ok(())
}

/// `setup` turns syncing off on its connection, so tasks are pushed through others, which sync.
async fn sqlite(path: &str, options: &Options) -> Result<Vec<Duration>, AnyError> {
    let connect = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let pool = SqlitePoolOptions::new().max_connections(1).connect_with(connect.clone()).await?;
    SqliteStorage::setup(&pool).await?;
    pool.close().await;
    let connect =
        connect.synchronous(SqliteSynchronous::Full).busy_timeout(Duration::from_secs(30));
    let pool = SqlitePoolOptions::new().connect_with(connect).await?;
    let mode: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&pool).await?;
    assert_eq!(mode, "wal");
    let times = turn(|| SqliteStorage::<String>::new(&pool), options).await?;
    let stored: i64 = sqlx::query_scalar("SELECT count(*) FROM Jobs").fetch_one(&pool).await?;
    assert_eq!(usize::try_from(stored)?, times.len(), "each push is in the table");
    pool.close().await;
    Ok(times)
}

async fn postgres(address: &str, options: &Options) -> Result<Vec<Duration>, AnyError> {
    let mut connect = PgConnectOptions::new();
    for pair in address.split(' ') {
        connect = match pair.split_once('=').ok_or("expected key=value")? {
            ("host", host) => connect.host(host),
            ("user", user) => connect.username(user),
            ("dbname", name) => connect.database(name),
            ("port", port) => connect.port(port.parse()?),
            (key, _) => return Err(format!("unknown key {key}").into()),
        };
    }
    let pool =
        PgPoolOptions::new().max_connections(options.connections).connect_with(connect).await?;
    PostgresStorage::setup(&pool).await?;
    let times = turn(|| PostgresStorage::<String>::new(&pool), options).await?;
    let stored: i64 =
        sqlx::query_scalar("SELECT count(*) FROM apalis.jobs").fetch_one(&pool).await?;
    assert_eq!(usize::try_from(stored)?, times.len(), "each push is in the table");
    pool.close().await;
    Ok(times)
}

/// Pushes bodies for the time of a turn, as many at once as there are senders.
async fn turn<S>(storage: impl Fn() -> S, options: &Options) -> Result<Vec<Duration>, AnyError>
where
    S: TaskSink<String, Durable> + Send + 'static,
    TaskSinkError<S::Error>: Error + Send + Sync + 'static,
{
    let end = Instant::now() + options.time;
    let senders = (0..options.senders).map(|_| {
        let mut storage = storage();
        tokio::spawn(async move {
            let mut times = Vec::new();
            while Instant::now() < end {
                let body = BODY.to_owned();
                let begun = Instant::now();
                storage.push(body).await?;
                times.push(begun.elapsed());
            }
            Ok::<_, TaskSinkError<S::Error>>(times)
        })
    });
    let mut times = Vec::new();
    for sender in senders.collect::<Vec<_>>() {
        times.extend(sender.await??);
    }
    Ok(times)
}
