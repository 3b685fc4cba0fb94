//! `ecp sandbox`

use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use ecp_core::{ProjectId, Sensitive};
use ecp_sandbox::{Config, Event, EventKind, Project, Sandbox};
use tokio::net::TcpListener;

use crate::key::from_environment;

/// Run the platform on this machine until Ctrl-C
///
/// It answers Gate requests of its project, shows the provider's pages and sends signed callbacks.
/// Everything that happens is printed.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  ecp sandbox\n  ecp sandbox --addr 127.0.0.1:9000 --callback-url http://127.0.0.1:3000/callbacks\n\nPoint your client at the printed address, with the printed project and key:\n  Gate::new(project, &key, transport).base_url(\"http://127.0.0.1:8080\")?"
)]
pub(crate) struct SandboxCommand {
    /// Where to listen; keep it on this machine, it protects nothing
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    addr: SocketAddr,

    /// Where callbacks go when a request names no address
    #[arg(long, value_name = "URL")]
    callback_url: Option<String>,

    /// The number of the project
    #[arg(long, value_name = "ID", default_value_t = Config::DEMO_PROJECT)]
    project: ProjectId,

    /// Take the project's key from an environment variable instead of the public demo key
    #[arg(long, value_name = "NAME")]
    key_env: Option<String>,

    /// Give out other ids: one seed and the same requests give the same ids
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

impl SandboxCommand {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
        runtime.block_on(self.serve())
    }

    async fn serve(&self) -> anyhow::Result<ExitCode> {
        let key = match &self.key_env {
            None => Config::DEMO_KEY.to_owned(),
            Some(name) => from_environment(name)?,
        };
        let listener = TcpListener::bind(self.addr)
            .await
            .with_context(|| format!("cannot listen on {}; is it in use?", self.addr))?;
        let url = format!("http://{}", listener.local_addr()?);
        if !self.addr.ip().is_loopback() {
            eprintln!(
                "WARNING: {url} is open to your network. The sandbox protects nothing: whoever \
                 reaches it can read every payment and send callbacks from this machine."
            );
        }
        let mut project = Project::new(self.project, Sensitive::new(key));
        if let Some(callbacks) = &self.callback_url {
            project = project.callback_url(callbacks);
        }
        let config = Config::new().project(project).public_url(&url).seed(self.seed);
        let sandbox = Sandbox::new(config);
        let mut events = sandbox.subscribe();
        println!("Gate:     {url}/v2/payment/..");
        println!("project:  {}", self.project);
        match &self.key_env {
            None => println!("key:      {}", Config::DEMO_KEY),
            Some(name) => println!("key:      from {name}"),
        }
        let server = tokio::spawn(sandbox.serve(listener));
        tokio::spawn({
            let sandbox = sandbox.clone();
            async move {
                // Without a signal there is nothing to wait for; the process is ended from outside.
                if tokio::signal::ctrl_c().await.is_ok() {
                    sandbox.shutdown();
                }
            }
        });
        while let Some(event) = events.next().await {
            // Whoever read this may have gone; the sandbox stays.
            let _ = writeln!(std::io::stdout(), "{}", line(&event));
        }
        server.await.context("the sandbox has stopped")??;
        Ok(ExitCode::SUCCESS)
    }
}

/// One event in one line.
fn line(event: &Event) -> String {
    let what = match &event.kind {
        EventKind::CallbackAttempted { callback, attempt, url, answer, retry_in, .. } => {
            let answer = match answer {
                Ok(status) => format!("answered {status}"),
                Err(error) => format!("not answered: {error}"),
            };
            let next = match retry_in {
                Some(pause) => format!(", again in {} s", pause.as_secs()),
                None => String::new(),
            };
            format!("callback {callback}, attempt {attempt}, to {url}: {answer}{next}")
        }
        EventKind::CallbackRefused { callback, url, reason, .. } => {
            let url = url.as_deref().unwrap_or("nowhere");
            format!("callback {callback} to {url} is not sent: {reason}")
        }
        EventKind::CustomerArrived => "the customer opened the provider's page".to_owned(),
        EventKind::CustomerDecided(decision) => format!("the customer pressed {decision}"),
        EventKind::CustomerReturned { url } => format!("the customer was sent to {url}"),
        EventKind::PaymentChanged(status) => format!("the payment is `{status}`"),
        EventKind::RequestReceived { method, path, .. } => format!("{method} {path}"),
        EventKind::ResponseSent { status, body } if *status == 200 => {
            format!("answered {status}, {} bytes", body.bytes().len())
        }
        EventKind::ResponseSent { status, body } => format!("answered {status} {}", body.text()),
        other => format!("{other:?}"),
    };
    match &event.payment_id {
        Some(payment) => format!("{} [{payment}] {what}", event.at),
        None => format!("{} {what}", event.at),
    }
}
