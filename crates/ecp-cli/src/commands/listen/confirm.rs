//! Answers to the platform's question whether an amount is accepted (`check_deposit`).

use std::error::Error;
use std::io::{BufRead, IsTerminal, Write, stderr, stdin};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use axum::http::StatusCode;
use clap::ValueEnum;
use ecp_core::model::{ConfirmationAnswer, DepositCheck, FromJson};
use ecp_notify::{Confirmations, Decision, DepositHandler, Reply, Verified, Verifier};
use serde_json::{Value, json};
use tokio::sync::{Mutex, mpsc};
use tokio::time::timeout_at;

use crate::usage::Usage;

/// How to answer the question whether an amount is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Confirm {
    /// Accept every amount
    Accept,
    /// Refuse every amount: the payment is declined
    Refuse,
    /// Ask on this terminal, and refuse an amount that is not answered in time
    Ask,
}

/// The answers of one listener to the questions whether an amount is accepted.
pub(super) struct Answers {
    confirmations: Confirmations<Handler>,
    /// Whether `--confirm` was given. If not, a refusal is printed with a hint at this option.
    is_chosen: bool,
}

enum Handler {
    Always(Decision),
    Ask { lines: Mutex<mpsc::UnboundedReceiver<String>>, within: Duration },
}

impl Answers {
    /// Creates the answers. Without `confirm` every amount is refused, so that no money is taken by
    /// default.
    pub(super) fn new(
        verifier: Verifier,
        confirm: Option<Confirm>,
        within: Duration,
    ) -> Result<Self, Usage> {
        let handler = match confirm {
            Some(Confirm::Accept) => Handler::Always(Decision::Accept),
            Some(Confirm::Refuse) | None => Handler::Always(Decision::REFUSE),
            Some(Confirm::Ask) if !stdin().is_terminal() => {
                return Err(Usage(
                    "--confirm ask needs a terminal: use --confirm accept or --confirm refuse",
                ));
            }
            Some(Confirm::Ask) => Handler::Ask { lines: Mutex::new(typed_lines()), within },
        };
        // The handler refuses by itself, and says why, before this deadline.
        let confirmations =
            Confirmations::new(verifier, handler).deadline(within + Duration::from_secs(1));
        Ok(Self { confirmations, is_chosen: confirm.is_some() })
    }

    pub(super) const fn is_chosen(&self) -> bool {
        self.is_chosen
    }

    pub(super) async fn answer(&self, body: &[u8]) -> Reply {
        self.confirmations.answer(body).await
    }

    /// Formats the question and its answer as one line.
    pub(super) fn line(
        &self,
        check: &DepositCheck,
        status: StatusCode,
        body: &[u8],
        as_json: bool,
    ) -> String {
        let answer = ConfirmationAnswer::from_slice(body).ok().filter(|_| status.is_success());
        let code = answer.map(|answer| answer.code);
        let accepted = code == Some(0);
        if as_json {
            return json!({
                "genuine": true,
                "check_deposit": true,
                "payment_id": check.payment_id.as_str(),
                "amount": check.amount,
                "currency": check.currency,
                "payment_method": check.payment_method,
                "accepted": accepted,
                "code": code,
            })
            .to_string();
        }
        let answer = match code {
            Some(0) => "accepted, code 0".to_owned(),
            Some(code) => format!("refused, code {code}"),
            None => format!("refused, HTTP status {}", status.as_u16()),
        };
        let hint = if accepted || self.is_chosen {
            ""
        } else {
            "; --confirm accept takes it, --confirm ask lets you decide"
        };
        format!("{}: {answer}{hint}", question(check))
    }
}

/// Formats the error of a question that is not genuine, or not as documented, as one line.
pub(super) fn refused(error: &ecp_notify::VerifyError, as_json: bool) -> String {
    let is_genuine = matches!(error, ecp_notify::VerifyError::Unreadable(_));
    if as_json {
        let line: Value = json!({"genuine": is_genuine, "error": error.to_string()});
        return line.to_string();
    }
    match error {
        // Its text says that it is genuine.
        error if is_genuine => error.to_string(),
        ecp_notify::VerifyError::UnknownProject(id) => super::other_project(*id),
        error => format!("not genuine: {error}"),
    }
}

/// `[order-1] is 25.00 EUR by eco-voucher accepted?`
fn question(check: &DepositCheck) -> String {
    let id = check.payment_id.as_str().escape_debug();
    let sum = match check.money() {
        Ok(money) => money.to_string(),
        Err(_) => format!("{} minor units of {}", check.amount, check.currency.escape_debug()),
    };
    format!("[{id}] is {sum} by {} accepted?", check.payment_method.escape_debug())
}

#[async_trait]
impl DepositHandler for Handler {
    async fn confirm(
        &self,
        check: &Verified<DepositCheck>,
    ) -> Result<Decision, Box<dyn Error + Send + Sync>> {
        let (lines, within) = match self {
            Self::Always(decision) => return Ok(*decision),
            Self::Ask { lines, within } => (lines, *within),
        };
        let end = tokio::time::Instant::from_std(Instant::now() + within);
        let refuse = |why: &str| {
            note!("[{}] refused: {why}", check.payment_id.as_str().escape_debug());
            Ok(Decision::REFUSE)
        };
        let late = format!("no answer within {within:?}, and the customer waits");
        // One question at a time is on the terminal.
        let Ok(mut lines) = timeout_at(end, lines.lock()).await else { return refuse(&late) };
        // What was typed before answers an earlier question.
        while lines.try_recv().is_ok() {}
        loop {
            let left = end.saturating_duration_since(tokio::time::Instant::now());
            let seconds = left.as_secs().max(1);
            // In one piece, which nothing that is typed meanwhile can break.
            let prompt = format!("{} y or n, within {seconds} s: ", question(check));
            let _ = stderr().write_all(prompt.as_bytes());
            let typed = match timeout_at(end, lines.recv()).await {
                Ok(Some(typed)) => typed,
                Ok(None) => return refuse("standard input is closed"),
                Err(_) => {
                    note!("");
                    return refuse(&late);
                }
            };
            match typed.trim().to_lowercase().as_str() {
                "y" | "yes" => return Ok(Decision::Accept),
                "n" | "no" => return Ok(Decision::REFUSE),
                _ => {}
            }
        }
    }
}

/// The lines that are typed from now on. The thread ends with the process.
fn typed_lines() -> mpsc::UnboundedReceiver<String> {
    let (sender, lines) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in stdin().lock().lines() {
            let Ok(line) = line else { return };
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    lines
}
