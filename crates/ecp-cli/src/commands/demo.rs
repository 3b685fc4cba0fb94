//! `ecp demo`

mod merchant;
mod story;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use clap::Args;
use ecp_core::model::{Callback, PaymentStatus, RedirectData, RedirectMethod};
use ecp_core::signature::{self, Rules};
use ecp_core::{Money, PaymentId, SecretKey, Sensitive};
use ecp_methods::request::{Customer, ReturnUrls, SaleRequest};
use ecp_methods::{Prepared, Registry, Sale, prepare_dyn};
use ecp_notify::{Verified, Verifier};
use ecp_sandbox::{Config, Decision, EventKind, Project, Sandbox};
use ecp_transport::{Gate, HttpTransport, ReqwestTransport};
use http::{Request, Response};
use tokio::net::TcpListener;

use self::merchant::Merchant;
use self::story::Story;

/// Take one payment from the signed request to the verified callback, with every step explained
///
/// Runs the sandbox and a small shop in this process, on free ports of this machine. Needs no
/// credentials and no network.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  ecp demo\n  ecp demo --decline\n  ecp demo --json | jq .step\n\nExits with 0 only if the payment reached the expected final status through a verified callback."
)]
pub(crate) struct Demo {
    /// Let the customer press Decline
    #[arg(long)]
    decline: bool,

    /// Print one JSON object a line, for machines
    #[arg(long)]
    json: bool,
}

/// No step of the demonstration takes longer on a slow machine.
const PATIENCE: Duration = Duration::from_secs(30);

impl Demo {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
        let mut story = Story::new(self.json);
        let done = runtime.block_on(async {
            tokio::time::timeout(PATIENCE, self.pay(&mut story))
                .await
                .with_context(|| format!("nothing happened for {} seconds", PATIENCE.as_secs()))?
        });
        story.end(done.as_ref().err());
        Ok(if done.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    async fn pay(&self, story: &mut Story) -> anyhow::Result<()> {
        let registry = Registry::builtin();
        let method = registry.get("jeton")?;
        let stage = Stage::set().await?;
        let amount: Money = "100.00 EUR".parse()?;
        let (decision, expected) = if self.decline {
            (Decision::Decline, PaymentStatus::Decline)
        } else {
            (Decision::Success, PaymentStatus::Success)
        };

        let payment_id = PaymentId::new("demo-1")?;
        let sale = SaleRequest::new(payment_id.clone(), amount)
            .customer(Customer::new().id("customer-1").ip_address("192.0.2.1"))
            .return_urls(
                ReturnUrls::new()
                    .success(stage.merchant.url("/paid"))
                    .decline(stage.merchant.url("/declined")),
            )
            .description("A demonstration")
            .callback_url(stage.merchant.url("/callbacks"));
        let mut stage = stage;
        stage.send(story, &prepare_dyn(method, sale)?).await?;

        let callback = stage.merchant.callback().await?;
        tell_callback(story, "redirect", "A callback says where to send the customer", &callback)?;
        let redirect = callback.redirect().context("the callback holds no redirect")?;
        stage.customer(story, &redirect, decision).await?;

        let callback = stage.merchant.callback().await?;
        tell_callback(story, "callback", "Another callback says how it ended", &callback)?;
        ensure!(
            callback.payment_id() == Some(&payment_id),
            "the callback is about another payment"
        );
        let status = callback.payment_status().context("the callback has no status")?;
        ensure!(*status == expected, "the payment ended as `{status}`, not as `{expected}`");
        let sum = callback.payment.as_ref().and_then(|payment| payment.sum.as_ref());
        let sum = sum.context("the callback has no sum")?.money()?;
        ensure!(sum == amount, "the callback is about {sum}, not about {amount}");

        let answer = stage.gate.status(&payment_id).await?;
        ensure!(answer.payment_status() == Some(&expected), "the status says something else");
        story
            .step("status", "Gate, asked for the status, says the same")
            .line("status", expected.to_string())
            .note("Its answer is signed too, and was checked.");
        story.result(&payment_id, &expected);
        Ok(())
    }
}

/// Everybody who takes part, on ports of their own.
struct Stage {
    sandbox: Sandbox,
    merchant: Merchant,
    gate: Gate,
    browser: ReqwestTransport,
}

impl Stage {
    async fn set() -> anyhow::Result<Self> {
        let project = Config::DEMO_PROJECT;
        let key = SecretKey::new(Config::DEMO_KEY)?;
        let merchant = Merchant::open(Verifier::new().key(project, &key)).await?;

        let listener = TcpListener::bind("127.0.0.1:0").await.context("cannot open a port")?;
        let url = format!("http://{}", listener.local_addr()?);
        let shop = Project::new(project, Sensitive::new(Config::DEMO_KEY.to_owned()))
            .callback_url(merchant.url("/callbacks"));
        let sandbox = Sandbox::new(Config::new().project(shop).public_url(&url));
        tokio::spawn(sandbox.serve(listener));

        let browser = ReqwestTransport::new()?;
        let gate = Gate::new(project, &key, browser.clone()).base_url(&url)?;
        Ok(Self { sandbox, merchant, gate, browser })
    }

    /// The shop's request and Gate's answer, as they went over the wire.
    async fn send(&self, story: &mut Story, prepared: &Prepared<Sale>) -> anyhow::Result<()> {
        let accepted = self.gate.send(prepared).await?;
        let title = prepared.spec().title();
        for event in self.sandbox.events() {
            match event.kind {
                EventKind::RequestReceived { method, path, body } => {
                    let canonical = signature::canonical_string(body.bytes(), Rules::private())?;
                    story
                        .step(
                            "request",
                            &format!("The shop asks Gate for {} with {title}", prepared.amount()),
                        )
                        .line("sent", format!("{method} {path}"))
                        .json("body", &body.text())
                        .line("signed text", canonical)
                        .note(
                            "The request was checked against the method's limits and required \
                             fields before it left.",
                        );
                }
                EventKind::ResponseSent { status, body } => {
                    story
                        .step("registration", "Gate registers the request")
                        .line("HTTP status", status.to_string())
                        .json("body", &body.text())
                        .line("request id", accepted.request_id.to_string())
                        .note("Nothing is paid yet: this speaks about the request only.");
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// What the customer's browser does.
    async fn customer(
        &mut self,
        story: &mut Story,
        redirect: &RedirectData,
        decision: Decision,
    ) -> anyhow::Result<()> {
        let url = redirect.url.expose();
        ensure!(redirect.method == RedirectMethod::Get, "expected a GET redirect");
        let page = self.browse(Request::get(url).body(Bytes::new())?).await?;
        ensure!(page.status() == 200, "the provider's page answered {}", page.status());
        let html = String::from_utf8_lossy(page.body());
        let button = format!("name=\"decision\" value=\"{decision}\"");
        ensure!(html.contains(&button), "the provider's page has no button for `{decision}`");
        story
            .step("customer", &format!("The customer opens the page and presses {decision}"))
            .line("page", url.clone());

        let form = Request::post(url)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Bytes::from(format!("decision={decision}")))?;
        let answer = self.browse(form).await?;
        let target = answer.headers().get("location").and_then(|value| value.to_str().ok());
        let Some(target) = target.filter(|_| answer.status() == 303) else {
            bail!("the provider's page did not send the customer back: {}", answer.status());
        };
        let target = target.to_owned();
        let back = self.browse(Request::get(&target).body(Bytes::new())?).await?;
        ensure!(back.status() == 200, "the shop answered the customer with {}", back.status());
        story
            .step("return", "The customer is back in the shop")
            .line("page", target)
            .note("That proves nothing: anybody can open this address. The callback decides.");
        Ok(())
    }

    async fn browse(&self, request: Request<Bytes>) -> anyhow::Result<Response<Bytes>> {
        Ok(self.browser.send(request).await?)
    }
}

fn tell_callback(
    story: &mut Story,
    step: &'static str,
    title: &str,
    callback: &Verified<Callback>,
) -> anyhow::Result<()> {
    let body = std::str::from_utf8(callback.raw()).context("a verified callback is UTF-8")?;
    let status = callback.payment_status().map_or("none", PaymentStatus::as_str);
    let items = signature::canonical_string(callback.raw(), Rules::private().allow_ambiguous())?;
    story.step(step, title).json("body", body).line("payment status", status).line(
        "trusted because",
        format!(
            "its signature is the HMAC-SHA-512 of its {} items in {} order with the key of \
                 project {}",
            items.split(';').count(),
            callback.order(),
            callback.project(),
        ),
    );
    Ok(())
}
