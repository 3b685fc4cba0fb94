//! The process that pays.
//!
//! It reads commands as [`child`](crate::child) does:
//!
//! - `pay ROWS`: opens the journal and pays so many rows, or what is left of them; a line with the
//!   states of the rows;
//! - `read`: a line `ID SENDS STATE` for each entry of the journal.
//!
//! The platform is in this process, and its books are in a file on a disk that works: a line with
//! the id for each request that arrived.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use ecp_core::signature::{self, Place, Rules, SigningKey};
use ecp_core::{ProjectId, SecretKey};
use ecp_methods::{DynMethod, Operation, Registry, Rule};
use ecp_payouts::{Journal, JournalError, Layout, Owner, Payer, Plan, Settings, Stop};
use ecp_transport::{
    GATE_URL, Gate, HttpTransport, RetryBudget, RetryPolicy, SendPolicy, TransportError,
};
use http::{Request, Response};
use serde_json::{Value, json};

use crate::child::{Problem, with_causes};

const PROJECT: u64 = 1236;

/// The child's `main`.
pub fn run(journal: &str, books: &str) -> ExitCode {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let served = runtime.map_err(Problem::from).and_then(|runtime| {
        runtime.block_on(async {
            for line in io::stdin().lock().lines() {
                let line = line?;
                let (word, rest) = line.split_once(' ').unwrap_or((&line, ""));
                let answered = match word {
                    "pay" => pay(Path::new(journal), books, rest.parse()?).await,
                    _ => read(Path::new(journal)),
                };
                let lines = answered
                    .unwrap_or_else(|error| vec![format!("error {}", with_causes(&*error))]);
                let mut output = io::stdout().lock();
                for line in lines {
                    writeln!(output, "{word} {line}")?;
                }
                writeln!(output, "end")?;
                output.flush()?;
            }
            Ok(())
        })
    });
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("payer: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn pay(journal: &Path, books: &str, rows: u64) -> Result<Vec<String>, Problem> {
    let project = ProjectId::new(PROJECT)?;
    let plan = Plan::read(file(rows)?.into_bytes(), &Layout::new(), &Registry::builtin(), project)?;
    let key = SecretKey::new("a key for disks")?;
    let platform = Platform { key: SigningKey::new(&key), books: books.into() };
    let gate = Gate::new(project, &key, platform);
    let retry = RetryPolicy::new()
        .budget(RetryBudget::new(100, 100_000))
        .pauses(Duration::from_millis(1), Duration::from_millis(2));
    let settings = Settings::new()
        .policy(SendPolicy::new().retry(retry).rate(None))
        .not_found_after(Duration::from_millis(1))
        .first_question(Duration::from_millis(1));
    let journal = Journal::open(journal, &Owner::new(project, GATE_URL))?;
    let counts = Payer::new(gate, journal, settings).run(&plan, &Stop::new(), &()).await?;
    Ok(vec![format!("{counts:?}")])
}

fn read(journal: &Path) -> Result<Vec<String>, Problem> {
    for _ in 0..100 {
        match Journal::read(journal) {
            // The payer lets go of it when its last task is gone.
            Err(JournalError::InUse) => std::thread::sleep(Duration::from_millis(5)),
            entries => {
                let lines = entries?;
                let lines = lines.iter().map(|(id, entry)| {
                    format!("{} {} {}", id.payment_id(), entry.sends, entry.state)
                });
                return Ok(lines.collect());
            }
        }
    }
    Err("the journal stays in use".into())
}

/// A file of payouts.
fn file(rows: u64) -> Result<String, Problem> {
    let registry = Registry::builtin();
    let method = registry.iter().find(|method| method.spec().rule(Operation::PAYOUT).is_some());
    let spec = method.map(DynMethod::spec).ok_or("no method has payouts")?;
    let needs = spec.rule(Operation::PAYOUT).map(Rule::needed_fields).unwrap_or_default();
    let currency = spec.currencies().first().ok_or("no currency")?;
    let code = spec.dashboard_code().unwrap_or(spec.code());
    let names: String = needs.iter().map(|field| [";", field.path()].concat()).collect();
    let values: String = needs.iter().map(|field| [";", field.example()].concat()).collect();
    let mut lines =
        vec![format!("method;general.payment_id;payment.amount;payment.currency{names}")];
    lines.extend(
        (0..rows).map(|row| format!("{code};P-{row};{};{}{values}", 1000 + row, currency.code())),
    );
    Ok(lines.join("\n"))
}

/// A platform that pays at every request, and answers some of them with nothing.
struct Platform {
    key: SigningKey,
    books: PathBuf,
}

impl Platform {
    /// Number of requests for a payment.
    fn times(&self, id: &str) -> usize {
        let books = std::fs::read_to_string(&self.books).unwrap_or_default();
        books.lines().filter(|line| *line == id).count()
    }

    fn status(&self, id: &str) -> Value {
        if self.times(id) == 0 {
            return json!({"project_id": PROJECT, "payment": {"id": id, "status": "error"},
                "errors": [{"code": "3061", "message": "Transaction not found"}]});
        }
        let row: u64 = id.trim_start_matches("P-").parse().unwrap_or(0);
        let registry = Registry::builtin();
        let method = registry.iter().find(|method| method.spec().rule(Operation::PAYOUT).is_some());
        let currency = method.and_then(|method| method.spec().currencies().first());
        json!({
            "project_id": PROJECT,
            "payment": {"id": id, "type": "payout", "status": "success",
                "sum": {"amount": 1000 + row, "currency": currency.map(|currency| currency.code())}},
            "operations": [{"id": row, "type": "payout", "status": "success",
                "request_id": format!("r-{id}"), "code": "0", "message": "as simulated"}],
        })
    }
}

impl fmt::Debug for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Platform")
    }
}

#[async_trait]
impl HttpTransport for Platform {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let fail = |error: &dyn fmt::Display| TransportError::maybe_sent(error.to_string());
        let body: Value = serde_json::from_slice(request.body()).map_err(|error| fail(&error))?;
        let id = body["general"]["payment_id"].as_str().unwrap_or_default();
        if request.uri().path().ends_with("/payout") {
            let books = File::options().append(true).create(true).open(&self.books);
            // In one write, so that other rows and a kill leave whole lines.
            let line = [id, "\n"].concat();
            books
                .and_then(|mut books| books.write_all(line.as_bytes()))
                .map_err(|error| fail(&error))?;
            if fastrand::u8(0..4) == 0 {
                return Err(TransportError::maybe_sent("the answer was lost"));
            }
            let answer = json!({"status": "success", "request_id": format!("r-{id}"),
                "project_id": PROJECT, "payment_id": id});
            return Ok(Response::new(answer.to_string().into()));
        }
        let answer = self.status(id).to_string();
        let signed =
            signature::sign_document(&self.key, answer.as_bytes(), Place::Root, Rules::private());
        Ok(Response::new(signed.map_err(|error| fail(&error))?.into()))
    }
}
