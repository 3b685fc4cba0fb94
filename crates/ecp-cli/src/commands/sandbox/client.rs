//! A client for the own API of a sandbox that runs.

use anyhow::{Context, anyhow, bail};
use bytes::Bytes;
use clap::Args;
use ecp_core::{Currency, Money, PaymentId, ProjectId};
use ecp_transport::{GATE_URL, HttpTransport, ReqwestTransport, normal_base_url};
use http::{Method, Request, StatusCode};
use serde::Deserialize;
use serde_json::Value;

use crate::address::transport_to;
use crate::nearest::did_you_mean;
use crate::next::{argument, dashboard_url, payment_url};
use crate::profile::{Profile, ProfileOptions};

/// The options that say which sandbox is asked.
#[derive(Args, Clone)]
pub(super) struct Place {
    #[command(flatten)]
    profile: ProfileOptions,

    /// The project of the payment, if it is another one than the profile's
    #[arg(long, value_name = "ID")]
    project: Option<ProjectId>,
}

/// A sandbox that runs.
pub(super) struct Client {
    profile: Profile,
    pub(super) project: ProjectId,
    flags: String,
    transport: ReqwestTransport,
}

/// A payment, as the sandbox shows it.
#[derive(Deserialize)]
pub(super) struct Payment {
    pub(super) status: String,
    amount: i64,
    currency: String,
    pub(super) callbacks: u32,
    /// Whether a fault keeps it from ending.
    pub(super) held: bool,
    /// All of it.
    #[serde(skip)]
    pub(super) json: Value,
}

impl Payment {
    pub(super) fn currency(&self) -> anyhow::Result<Currency> {
        Ok(self.currency.parse()?)
    }

    pub(super) fn sum(&self) -> String {
        match self.currency() {
            Ok(currency) => Money::from_minor(self.amount, currency).to_string(),
            Err(_) => format!("{} minor units of {}", self.amount, self.currency),
        }
    }
}

impl Place {
    pub(super) fn client(&self) -> anyhow::Result<Client> {
        const LARGEST: usize = 64 << 20;
        let profile = self.profile.load()?;
        if profile.gate_url == normal_base_url(GATE_URL)? {
            bail!(
                "profile `{}` sends to {}, which is the platform: this command is only for a \
                 sandbox: use --profile sandbox, or give the sandbox's address with --gate-url",
                profile.name,
                profile.gate_url
            );
        }
        let transport = transport_to(&profile.gate_url)?;
        let mut flags = self.profile.flags();
        if let Some(project) = self.project.filter(|project| *project != profile.project) {
            flags.extend([" --project ", &project.to_string()]);
        }
        Ok(Client {
            project: self.project.unwrap_or(profile.project),
            flags,
            transport: transport.response_limit(LARGEST),
            profile,
        })
    }
}

impl Client {
    /// A command about a payment of this sandbox, for a suggestion.
    pub(super) fn suggested(&self, command: &str, id: &PaymentId) -> String {
        format!("ecp {command}{} {}", self.flags, argument(id.as_str()))
    }

    /// A command about this sandbox, for a suggestion.
    pub(super) fn suggested_for_all(&self, command: &str) -> String {
        format!("ecp {command}{}", self.flags)
    }

    pub(super) fn address(&self) -> &str {
        self.profile.gate_url.trim_end_matches('/')
    }

    pub(super) fn dashboard(&self, id: &PaymentId) -> String {
        dashboard_url(&self.profile.gate_url, self.project, id)
    }

    pub(super) async fn payment(&self, id: &PaymentId) -> anyhow::Result<Payment> {
        let url = payment_url(&self.profile.gate_url, self.project, id);
        let json = match self.ask(Method::GET, &url, None).await {
            Ok(json) => json,
            Err(error) => return Err(self.with_nearest(error, id).await),
        };
        let payment: Payment = serde_json::from_value(json.clone()).with_context(|| {
            format!("cannot read the payment that {url} shows: run `ecp` in the sandbox's version")
        })?;
        Ok(Payment { json, ..payment })
    }

    /// Asks for something to be done to a payment.
    pub(super) async fn act(
        &self,
        id: &PaymentId,
        path: &str,
        body: &Value,
    ) -> anyhow::Result<Value> {
        let url = payment_url(&self.profile.gate_url, self.project, id);
        self.ask(Method::POST, &format!("{url}/{path}"), Some(body)).await
    }

    /// Asks one of the paths of the sandbox's own API.
    pub(super) async fn control(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<Value> {
        self.ask(method, &format!("{}/sandbox/{path}", self.address()), body).await
    }

    /// The lines of the events that a query selects.
    pub(super) async fn events(&self, query: &str) -> anyhow::Result<Vec<String>> {
        let url = format!("{}/sandbox/events?{query}", self.address());
        let text = self.send(Method::GET, &url, None).await?;
        Ok(text.lines().map(str::to_owned).collect())
    }

    async fn ask(&self, method: Method, url: &str, body: Option<&Value>) -> anyhow::Result<Value> {
        let text = self.send(method, url, body).await?;
        serde_json::from_str(&text)
            .map_err(|_| anyhow!("{url} did not answer as a sandbox does: check that the address is that of a sandbox"))
    }

    async fn send(
        &self,
        method: Method,
        url: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<String> {
        let body = body.map(ToString::to_string).unwrap_or_default();
        let request = Request::builder()
            .method(&method)
            .uri(url)
            .header("content-type", "application/json")
            .body(Bytes::from(body))
            .with_context(|| format!("cannot make a request to {url}"))?;
        let answer = self.transport.send(request).await;
        let answer = answer.map_err(|error| anyhow!(self.profile.cannot_connect(&error, 1)))?;
        let text = String::from_utf8_lossy(answer.body()).into_owned();
        if answer.status() == StatusCode::OK {
            return Ok(text);
        }
        let problem: Option<Value> = serde_json::from_str(&text).ok();
        let problem = problem.as_ref().and_then(|json| json["problem"].as_str());
        if let Some(problem) = problem {
            return Err(Refused(format!("{}: {problem}", self.address())).into());
        }
        let text: String = text.trim().chars().take(300).collect();
        let text = if text.is_empty() { text } else { format!(": {}", text.escape_debug()) };
        let status = answer.status();
        bail!(
            "{url} did not answer as a sandbox does: check that the address is that of a sandbox; it \
             answered with HTTP status {status}{text}"
        )
    }

    /// Adds the id that was probably meant to the error that there is no such payment.
    async fn with_nearest(&self, error: anyhow::Error, id: &PaymentId) -> anyhow::Error {
        if !error.is::<Refused>() {
            return error;
        }
        let listed = format!("payments?project={}&limit=1000", self.project);
        let Ok(listed) = self.control(Method::GET, &listed, None).await else { return error };
        let payments = listed["payments"].as_array().into_iter().flatten();
        let ids = payments.filter_map(|payment| payment["payment_id"].as_str());
        let project = self.project;
        let meant = did_you_mean(id.as_str(), ids);
        anyhow!("{}: project {project} has no payment `{id}`{meant}", self.address())
    }
}

/// What the sandbox refuses, with its words.
#[derive(Debug)]
struct Refused(String);

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}
