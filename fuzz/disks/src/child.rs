//! The process that has the inbox.
//!
//! It reads commands from its input, one a line, and answers each with lines that begin with the
//! command's word, then `end`. An answer that begins with `error` is that of the inbox.
//!
//! - `clock NOW ELAPSED`: sets the inbox's clock, in milliseconds.
//! - `open`: opens the inbox; `close`: closes it.
//! - `accept N BODY`, several separated by tabs: receives the bodies at the same time; a line
//!   `N STATUS RESULT ID` each.
//! - `claim LIMIT`: a line `ID ATTEMPT PAYMENT OPERATION STATUS` for each delivery.
//! - `finish ID done|retry`: `true` or `false`.
//! - `work`: runs a worker whose handler writes its effects, for a moment.
//! - `retain SECONDS`: removes bodies from before a time.
//! - `check`: what SQLite finds wrong with the file.
//! - `stored`: a line `ID STATE BODY` for each callback, with `-` for a removed body.
//! - `effects`: a line `ID PAYMENT OPERATION STATUS` for each effect, in their order.
//! - `state PAYMENT`: the state as JSON.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use ecp_core::model::Callback;
use ecp_core::{Clock, PaymentId, ProjectId, Timestamp};
use ecp_crash::history::{PROJECT, verifier};
use ecp_inbox::sqlite::rusqlite::Connection;
use ecp_inbox::sqlite::{SqliteInbox, SqliteOptions};
use ecp_inbox::{Accepted, Claim, Delivery, Finish, HandlerError, Inbox};
use ecp_notify::{CallbackStore, Receiver, StoreError, Verified};

/// Time for which a delivery is reserved.
pub(crate) const LEASE: Duration = Duration::from_secs(30);

/// Time until a delivery that failed is tried again.
pub(crate) const PAUSE: Duration = Duration::from_secs(10);

/// Time for which the worker runs, and for which it may try to store its last results.
const WORK: Duration = Duration::from_millis(12);
const LAST: Duration = Duration::from_millis(50);

pub(crate) type Problem = Box<dyn std::error::Error + Send + Sync>;

/// The child's `main`.
pub fn run(path: &str) -> ExitCode {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let served = runtime.map_err(Problem::from).and_then(|runtime| runtime.block_on(serve(path)));
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("child: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(path: &str) -> Result<(), Problem> {
    let mut shop = Shop { path, clock: Arc::default(), inbox: None, claimed: BTreeMap::new() };
    for line in io::stdin().lock().lines() {
        let line = line?;
        let (word, rest) = line.split_once(' ').unwrap_or((&line, ""));
        let answer = match shop.answer(word, rest).await {
            Ok(lines) => lines,
            Err(error) => vec![format!("error {}", with_causes(&*error))],
        };
        let mut output = io::stdout().lock();
        for line in answer {
            writeln!(output, "{word} {line}")?;
        }
        writeln!(output, "end")?;
        output.flush()?;
    }
    Ok(())
}

pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text.replace('\n', " ")
}

/// A clock that shows what it was set to.
#[derive(Debug, Default)]
struct SetClock {
    now: AtomicU64,
    elapsed: AtomicU64,
}

impl Clock for SetClock {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(self.now.load(Ordering::SeqCst))
    }

    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.elapsed.load(Ordering::SeqCst))
    }
}

struct Shop<'a> {
    path: &'a str,
    clock: Arc<SetClock>,
    inbox: Option<SqliteInbox>,
    claimed: BTreeMap<i64, Delivery>,
}

impl Shop<'_> {
    fn inbox(&self) -> Result<&SqliteInbox, Problem> {
        self.inbox.as_ref().ok_or_else(|| "the inbox is not open".into())
    }

    async fn answer(&mut self, word: &str, rest: &str) -> Result<Vec<String>, Problem> {
        match word {
            "clock" => {
                let (now, elapsed) = rest.split_once(' ').ok_or("two times")?;
                self.clock.now.store(now.parse()?, Ordering::SeqCst);
                self.clock.elapsed.store(elapsed.parse()?, Ordering::SeqCst);
                Ok(Vec::new())
            }
            "open" => {
                let options = SqliteOptions::new().clock(self.clock.clone());
                let inbox = options.open(self.path).await?;
                let made = inbox.transaction(|connection| Ok(connection.execute_batch(TABLES)?));
                made.await.map_err(|error| error as Problem)?;
                self.inbox = Some(inbox);
                Ok(Vec::new())
            }
            "close" => {
                self.inbox = None;
                // The writer's thread closes the file.
                tokio::time::sleep(Duration::from_millis(5)).await;
                Ok(Vec::new())
            }
            "accept" => {
                let mut received = tokio::task::JoinSet::new();
                for numbered in rest.split('\t') {
                    let (number, body) = numbered.split_once(' ').ok_or("a number and a body")?;
                    let receiving = receive(self.inbox()?.clone(), body.to_owned());
                    let number = number.to_owned();
                    received.spawn(async move { format!("{number} {}", receiving.await) });
                }
                Ok(received.join_all().await)
            }
            "claim" => {
                let claim = Claim::new(rest.parse()?, LEASE);
                let claimed = self.inbox()?.claim(&claim).await?;
                let mut lines: Vec<String> =
                    claimed.dead.iter().map(|id| format!("dead {id}")).collect();
                for delivery in claimed.deliveries {
                    let [payment, operation, status] = effect(&delivery).ok_or("no operation")?;
                    let (id, attempt) = (delivery.id, delivery.attempt);
                    lines.push(format!("{id} {attempt} {payment} {operation} {status}"));
                    self.claimed.insert(id.get(), delivery);
                }
                Ok(lines)
            }
            "finish" => {
                let (id, how) = rest.split_once(' ').ok_or("an id and a result")?;
                let delivery = self.claimed.get(&id.parse()?).ok_or("not claimed")?;
                let finish = match how {
                    "done" => Finish::Done,
                    _ => Finish::Retry { after: PAUSE, error: "it failed".to_owned() },
                };
                Ok(vec![self.inbox()?.finish(delivery, finish).await?.to_string()])
            }
            "work" => {
                let worker = self.inbox()?.worker(handle);
                let worker = worker.lease(LEASE).attempts(u32::MAX).concurrency(4);
                let worker = worker.pauses(PAUSE, PAUSE).poll(Duration::from_millis(2));
                // On a disk that fails it would try for as long as the lease.
                let run = worker.run(tokio::time::sleep(WORK));
                drop(tokio::time::timeout(WORK + LAST, run).await);
                Ok(Vec::new())
            }
            "retain" => {
                let before = Timestamp::from_unix_seconds(rest.parse()?)?;
                Ok(vec![self.inbox()?.remove_bodies(before).await?.to_string()])
            }
            "check" => self.lines("PRAGMA integrity_check").await,
            "stored" => {
                self.lines(
                    "SELECT id || ' ' || state || ' ' || coalesce(CAST(raw AS TEXT), '-')
                     FROM ecp_inbox_callbacks ORDER BY id",
                )
                .await
            }
            "effects" => {
                self.lines(
                    "SELECT callback || ' ' || payment || ' ' || operation || ' ' || status
                     FROM effects ORDER BY number",
                )
                .await
            }
            "state" => {
                let payment = PaymentId::new(rest)?;
                let state = self.inbox()?.payment(ProjectId::new(PROJECT)?, &payment).await?;
                Ok(vec![serde_json::to_string(&state)?])
            }
            _ => Err("no such command".into()),
        }
    }

    async fn lines(&self, sql: &'static str) -> Result<Vec<String>, Problem> {
        let read = self.inbox()?.transaction(move |connection| {
            let mut statement = connection.prepare(sql)?;
            let lines = statement.query_map([], |row| row.get(0))?;
            Ok(lines.collect::<Result<_, _>>()?)
        });
        read.await.map_err(|error| error as Problem)
    }
}

/// The handler's table.
const TABLES: &str = "CREATE TABLE IF NOT EXISTS effects (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    callback INTEGER, payment TEXT, operation TEXT, status TEXT)";

fn handle(connection: &Connection, delivery: &Delivery) -> Result<(), HandlerError> {
    let [payment, operation, status] = effect(delivery).ok_or("no operation")?;
    connection.execute(
        "INSERT INTO effects (callback, payment, operation, status) VALUES (?1, ?2, ?3, ?4)",
        (delivery.id.get(), payment, operation, status),
    )?;
    Ok(())
}

/// Payment, operation and its status.
fn effect(delivery: &Delivery) -> Option<[String; 3]> {
    let operation = delivery.callback.operation.as_ref()?;
    let (id, status) = (operation.id?, operation.status.as_ref()?);
    Some([delivery.callback.payment_id()?.to_string(), id.to_string(), status.to_string()])
}

/// The answer to a POST with this body, and what the inbox made of it.
async fn receive(inbox: SqliteInbox, body: String) -> String {
    let accepted = Arc::new(Mutex::new(None));
    let receiver = Receiver::new(verifier(), Noted { inbox, accepted: accepted.clone() });
    let reply = receiver.receive(body.as_bytes()).await;
    let accepted = accepted.lock().unwrap_or_else(PoisonError::into_inner).take();
    match accepted {
        Some(accepted) => format!("{} {} {}", reply.status, accepted.as_str(), accepted.id()),
        None => format!("{} - 0", reply.status),
    }
}

/// The inbox as a store that notes what was accepted.
struct Noted {
    inbox: SqliteInbox,
    accepted: Arc<Mutex<Option<Accepted>>>,
}

#[async_trait]
impl CallbackStore for Noted {
    async fn store(&self, callback: Verified<Callback>) -> Result<(), StoreError> {
        let accepted = self.inbox.accept(&callback).await?;
        *self.accepted.lock().unwrap_or_else(PoisonError::into_inner) = Some(accepted);
        Ok(())
    }
}
