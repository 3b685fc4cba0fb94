//! The process that is killed.
//!
//! It reads commands from its input, one a line, and answers on its output:
//!
//! - `accept N BODY`: `ok N` when the inbox has accepted it, `no N` when it has not;
//! - `arm PLACE N`: says `parked` and stops there when the place is reached for the Nth time;
//! - `hello`, `waiting`, `bodies PAYMENT..`, `states PAYMENT..`, `effects ROUND`, `credits ROUND`:
//!   a line for each item, then `end`.
//!
//! With the argument `listen=PORT` it is a receiver too, which answers POSTs there.

mod gate;
mod postgres;
mod sqlite;

use std::io::{self, BufRead, Write};
use std::net::TcpListener;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use ecp_core::model::OperationStatus;
use ecp_core::{PaymentId, ProjectId};
use ecp_inbox::{Delivery, Hold, Inbox, Query, Questions, Worker};
use ecp_notify::{Receiver, Server, Verifier};

use crate::history::{PROJECT, verifier};

type Problem = Box<dyn std::error::Error + Send + Sync>;

/// A store with the tables of a handler beside it.
#[async_trait]
trait Shop: Send + Sync {
    fn inbox(&self) -> Arc<dyn Inbox>;

    fn worker(&self) -> Worker;

    /// Lines `payment operation status callback`, in the order of writing.
    async fn effects(&self, round: &str) -> Result<Vec<String>, Problem>;

    /// Lines `payment operation amount`.
    async fn credits(&self, round: &str) -> Result<Vec<String>, Problem>;
}

/// Row of the handler.
struct Effect {
    payment: String,
    operation: i64,
    status: String,
    callback: i64,
    /// The sum of an operation that succeeded with this callback.
    credit: Option<i64>,
}

impl Effect {
    fn of(delivery: &Delivery) -> Option<Self> {
        let callback = &delivery.callback;
        let operation = callback.operation.as_ref()?;
        let (id, status) = (operation.id?, operation.status.as_ref()?);
        let succeeded = *status == OperationStatus::Success
            && delivery.change.operations().any(|moved| moved == id);
        Some(Self {
            payment: callback.payment_id()?.to_string(),
            operation: i64::try_from(id.get()).ok()?,
            status: status.to_string(),
            callback: delivery.id.get(),
            credit: operation.sum_initial.as_ref().filter(|_| succeeded).map(|sum| sum.amount),
        })
    }
}

/// Some handlers fail after they have written, so that their writes must be rolled back.
fn by_chance() -> Result<(), Problem> {
    if fastrand::u8(..) < 12 { Err("the handler fails by chance".into()) } else { Ok(()) }
}

/// The argument that makes a child hold every end.
pub(crate) const HOLD: &str = "hold";

/// Begins the argument that makes a child a receiver, with a port.
pub(crate) const LISTEN: &str = "listen=";

/// The child's `main`.
pub fn run(store: &str, place: &str, fault: &[&str]) -> ExitCode {
    let fault = fault.first().copied().unwrap_or_default();
    let (early, apart) = (fault == "AnswersEarly", fault == "EffectsApart");
    // Every end waits for Gate.
    let port = fault.strip_prefix(LISTEN).and_then(|port| port.parse().ok());
    let hold = if fault == HOLD { Hold::Finals } else { Hold::default() };

    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let done = runtime.map_err(Problem::from).and_then(|runtime| {
        runtime.block_on(async {
            match store {
                "sqlite" => {
                    serve(Arc::new(sqlite::Sqlite::open(place, apart, hold).await?), early, port)
                        .await
                }
                "postgres" => {
                    serve(Arc::new(postgres::Postgres::open(place, hold).await?), early, port).await
                }
                _ => Err("no such store".into()),
            }
        })
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("child: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(
    shop: Arc<impl Shop + 'static>,
    early: bool,
    port: Option<u16>,
) -> Result<(), Problem> {
    if let Some(port) = port {
        let receiver = Receiver::new(verifier(), shop.inbox());
        let listener = TcpListener::bind(("127.0.0.1", port))?;
        tokio::spawn(Server::new().serve(listener, receiver, std::future::pending::<()>()));
    }
    let worker = shop
        .worker()
        .concurrency(8)
        .lease(Duration::from_millis(600))
        .attempts(1000)
        .pauses(Duration::from_millis(20), Duration::from_millis(200))
        .poll(Duration::from_millis(50))
        .questions(questions(shop.inbox()));
    tokio::spawn(async move { worker.run(std::future::pending()).await });
    let verifier = Arc::new(verifier());
    let (tell, mut commands) = tokio::sync::mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            if tell.send(line).is_err() {
                break;
            }
        }
    });
    while let Some(command) = commands.recv().await {
        let (word, rest) = command.split_once(' ').unwrap_or((&command, ""));
        if word == "accept" {
            let (shop, verifier, rest) = (shop.clone(), verifier.clone(), rest.to_owned());
            tokio::spawn(async move { accept(&*shop, &verifier, &rest, early).await });
        } else if word == "arm" {
            arm(rest)?;
        } else {
            // The server may be coming up.
            let mut answered = answer(&*shop, word, rest).await;
            for _ in 0..300 {
                if answered.is_ok() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
                answered = answer(&*shop, word, rest).await;
            }
            answered?.iter().for_each(|line| say(&format!("{word} {line}")));
            say("end");
        }
    }
    Ok(())
}

/// Status requests about held callbacks start at once, with short pauses.
fn questions(inbox: Arc<dyn Inbox>) -> Questions {
    let confirm = move |project, payment: PaymentId| {
        let inbox = inbox.clone();
        async move { gate::status(&*inbox, project, &payment).await }
    };
    let pause = Duration::from_millis(50);
    Questions::new(confirm).concurrency(8).attempts(1000).pauses(pause, pause)
}

async fn accept(shop: &impl Shop, verifier: &Verifier, numbered: &str, early: bool) {
    let Some((number, body)) = numbered.split_once(' ') else { return };
    if early {
        say(&format!("ok {number}"));
    }
    let accepted = match verifier.verify(body.as_bytes()) {
        Ok(callback) => shop.inbox().accept(&callback).await.map_err(Problem::from),
        Err(error) => Err(error.into()),
    };
    match accepted {
        _ if early => {}
        Ok(_) => say(&format!("ok {number}")),
        Err(_) => say(&format!("no {number}")),
    }
}

async fn answer(shop: &impl Shop, word: &str, rest: &str) -> Result<Vec<String>, Problem> {
    let inbox = shop.inbox();
    let project = ProjectId::new(PROJECT)?;
    let mut lines = Vec::new();
    match word {
        "hello" => {}
        "waiting" => {
            let stats = inbox.stats().await?;
            lines.push(format!("{} {} {}", stats.waiting, stats.held, stats.dead));
        }
        "bodies" => {
            for payment in rest.split(' ') {
                let mut query = Query::default();
                query.project = Some(project);
                query.payment = Some(PaymentId::new(payment)?);
                for entry in inbox.entries(&query).await? {
                    let entry = inbox.entry(entry.id).await?.ok_or("an entry went away")?;
                    let raw = entry.raw.ok_or("a body went away")?;
                    lines.push(String::from_utf8(raw.expose().to_vec())?);
                }
            }
        }
        "states" => {
            for payment in rest.split(' ') {
                let state = inbox.payment(project, &PaymentId::new(payment)?).await?;
                lines.push(format!("{payment} {}", serde_json::to_string(&state)?));
            }
        }
        "effects" => lines = shop.effects(rest).await?,
        "credits" => lines = shop.credits(rest).await?,
        _ => return Err("no such command".into()),
    }
    Ok(lines)
}

/// Stops the part of the process that reaches the place. The process is killed when it has reported
/// that.
fn arm(rest: &str) -> Result<(), Problem> {
    let (place, times) = rest.split_once(' ').ok_or("a place and a number")?;
    let left = AtomicU32::new(times.parse()?);
    fail::cfg_callback(place, move || {
        if left.fetch_sub(1, Ordering::SeqCst) == 1 {
            say("parked");
            loop {
                std::thread::park();
            }
        }
    })?;
    Ok(())
}

fn say(line: &str) {
    let mut output = io::stdout().lock();
    // A parent that has gone needs no answers; the input ends too.
    let _ = writeln!(output, "{line}").and_then(|()| output.flush());
}
