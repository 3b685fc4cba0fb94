//! The sandbox, the shop and the customer of the demonstration.

use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use ecp_core::model::{
    AdditionalData, Callback, ClarificationFields, DisplayData, FieldKind, PaymentStatus,
    RedirectData, RedirectMethod,
};
use ecp_core::signature::{self, Rules};
use ecp_core::{Money, PaymentId, SecretKey, Sensitive};
use ecp_methods::request::Field;
use ecp_methods::{Flow, Prepared, Registry};
use ecp_notify::{Verified, Verifier};
use ecp_sandbox::{Config, Decision, EventKind, Project, Sandbox, TEST_VOUCHER};
use ecp_transport::{Gate, HttpTransport, ReqwestTransport, redirect_response};
use form_urlencoded::Serializer;
use http::{Request, Response};

use super::merchant::{Merchant, listen};
use super::story::{Step, Story};

/// The sandbox, the shop and the customer of the demonstration, each server on its own port.
pub(super) struct Stage {
    pub(super) merchant: Merchant,
    pub(super) gate: Gate,
    sandbox: Sandbox,
    url: String,
    browser: ReqwestTransport,
}

impl Stage {
    pub(super) async fn set(registry: &Registry) -> anyhow::Result<Self> {
        let project = Config::DEMO_PROJECT;
        let key = SecretKey::new(Config::DEMO_KEY)?;
        let merchant = Merchant::open(Verifier::new().key(project, &key)).await?;

        let listener = listen().await?;
        let url = format!("http://{}", listener.local_addr()?);
        let shop = Project::new(project, Sensitive::new(Config::DEMO_KEY.to_owned()))
            .callback_url(merchant.url("/callbacks"))
            .confirmation_url(merchant.url("/confirmations"));
        let config = Config::new().registry(registry.clone()).project(shop).public_url(&url);
        let sandbox = Sandbox::new(config);
        tokio::spawn(sandbox.serve(listener));

        let browser = ReqwestTransport::plain_http()?;
        let gate = Gate::new(project, &key, browser.clone()).base_url(&url)?;
        Ok(Self { merchant, gate, sandbox, url, browser })
    }

    /// Sends the shop's request to Gate, and prints the request and the answer as they were sent.
    pub(super) async fn send<F: Flow>(
        &self,
        story: &mut Story,
        prepared: &Prepared<F>,
        amount: Option<Money>,
    ) -> anyhow::Result<()> {
        let before = self.sandbox.events().last().map_or(0, |event| event.sequence);
        let accepted = self.gate.send(prepared).await?;
        let what = match amount {
            Some(amount) => format!("a {} of {amount}", F::OPERATION),
            None => format!("a {} of all that was paid", F::OPERATION),
        };
        let title = prepared.spec().title();
        let events = self.sandbox.events();
        for event in events.into_iter().filter(|event| event.sequence > before) {
            match event.kind {
                EventKind::RequestReceived { method, path, body } => {
                    let canonical = signature::canonical_string(body.bytes(), Rules::private())?;
                    story
                        .step("request", &format!("The shop asks Gate for {what} with {title}"))
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
                        .note("Nothing is paid yet: this answer is about the request only.");
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Waits for the shop's next callback and prints it with the proof of its origin, under the
    /// step's name and title.
    pub(super) async fn callback(
        &mut self,
        story: &mut Story,
        named: impl FnOnce(&Callback) -> (&'static str, &'static str),
    ) -> anyhow::Result<Verified<Callback>> {
        let callback = self.merchant.callback().await?;
        let (step, title) = named(&callback);
        let body = std::str::from_utf8(callback.raw()).context(
            "a verified callback is not UTF-8, although every genuine callback is: please \
                 report it",
        )?;
        let status = callback.payment_status().map_or("none", PaymentStatus::as_str);
        let rules = Rules::private().allow_ambiguous();
        let items = signature::canonical_string(callback.raw(), rules)?.split(';').count();
        story.step(step, title).json("body", body).line("payment status", status).line(
            "trusted because",
            format!(
                "its signature is the HMAC-SHA-512 of its {items} items in {} order with the key \
                 of project {}",
                callback.order(),
                callback.project(),
            ),
        );
        Ok(callback)
    }

    /// Waits for the platform's `check_deposit` request, and prints it with the shop's answer.
    pub(super) async fn confirmation(&mut self, story: &mut Story) -> anyhow::Result<()> {
        let (question, answer) = self.merchant.confirmation().await?;
        story
            .step(
                "confirmation",
                "The platform asks whether to accept the amount, and the shop accepts it",
            )
            .json("question", &question)
            .json("answer", &answer)
            .note("The question is signed like a callback, and was checked before the answer.");
        Ok(())
    }

    /// Answers what the platform asks for before the payment goes on, with example values.
    pub(super) async fn clarify(
        &self,
        story: &mut Story,
        id: &PaymentId,
        asked: &ClarificationFields,
    ) -> anyhow::Result<()> {
        let (mut data, mut given) = (AdditionalData::new(), Vec::new());
        for field in asked.required() {
            let known = Field::KNOWN.iter().find(|known| known.path() == field.path);
            let value = match (&field.kind, &field.default) {
                (Some(FieldKind::Boolean), _) => "true",
                (_, Some(default)) => default.expose(),
                (_, None) => known.map_or("an answer", |field| field.example()),
            };
            data = data.answer(field, value)?;
            given.push(format!("{}={value}", field.path));
        }
        self.gate.clarify(id, &data).await?;
        story
            .step("answer", "The shop answers what the platform asks for")
            .line("sent", given.join(", "))
            .note("The payment goes on once nothing that is required is missing.");
        Ok(())
    }

    /// Plays the customer's browser on the page to which a callback redirects, until the button is
    /// pressed, and returns the address of the next page. `chosen` is the value of the voucher that
    /// the customer chooses, if the customer sets the amount.
    pub(super) async fn customer(
        &self,
        story: &mut Story,
        redirect: &RedirectData,
        decision: Decision,
        chosen: Option<Money>,
    ) -> anyhow::Result<Option<String>> {
        // The shop's response to the browser, which is played below.
        let answer = redirect_response(redirect)?;
        let url = redirect.url.expose();
        let form = (redirect.method == RedirectMethod::Post).then(|| {
            let fields = redirect.body.fields().unwrap_or_default().iter();
            let fields = fields.map(|(name, value)| (name, value.expose()));
            Serializer::new(String::new()).extend_pairs(fields).finish()
        });
        let title = format!("The customer opens the page and presses {decision}");
        let step = story
            .step("customer", &title)
            .line("the shop answers", format!("HTTP {} for {}", answer.status(), redirect.method))
            .line("page", url.clone());
        self.press(step, url, form, decision, chosen).await
    }

    /// Plays the customer who sees the items of a callback, such as a QR code: opens the page to
    /// which one of them leads, and presses the button there. If none leads to a page, the customer
    /// pays elsewhere.
    pub(super) async fn displayed(
        &self,
        story: &mut Story,
        id: &PaymentId,
        display: &DisplayData,
        decision: Decision,
    ) -> anyhow::Result<()> {
        let titles: Vec<&str> = display.iter().filter_map(|item| item.title.as_deref()).collect();
        let pages = display.iter().filter_map(|item| item.data.as_ref()).map(Sensitive::expose);
        let page = pages.into_iter().find(|data| data.starts_with(&self.url));
        let Some(page) = page else { return self.elsewhere(story, id, decision) };
        let title = format!("The customer scans the code and presses {decision}");
        let step = story
            .step("customer", &title)
            .line("the shop shows", titles.join(", "))
            .line("page", page.clone());
        self.press(step, page, None, decision, None).await.map(drop)
    }

    /// Plays the customer who decides without a page, such as in an application on the phone.
    pub(super) fn elsewhere(
        &self,
        story: &mut Story,
        id: &PaymentId,
        decision: Decision,
    ) -> anyhow::Result<()> {
        ensure!(
            self.sandbox.choose(Config::DEMO_PROJECT, id, decision, None),
            "the payment {id} does not wait for its customer: please report it"
        );
        let title = format!("The customer decides outside the shop: {decision}");
        story.step("customer", &title).line("where", "an application, a bank or a shop counter");
        Ok(())
    }

    /// Presses a button on the provider's page, and returns the address of the next page.
    async fn press(
        &self,
        step: &mut Step,
        url: &str,
        form: Option<String>,
        decision: Decision,
        chosen: Option<Money>,
    ) -> anyhow::Result<Option<String>> {
        let page = self.browse(url, form).await?;
        ensure!(
            page.status() == 200,
            "the provider's page in the sandbox answered with HTTP status {}: please report it",
            page.status()
        );
        let html = String::from_utf8_lossy(page.body());
        let button = format!("name=\"decision\" value=\"{decision}\"");
        ensure!(
            html.contains(&button),
            "the provider's page in the sandbox has no button for `{decision}`: please report it"
        );
        let action = html
            .split_once("<form method=\"post\" action=\"")
            .and_then(|(_, rest)| rest.split_once('"'))
            .map(|(action, _)| action)
            .context("the provider's page in the sandbox has no form: please report it")?;
        let asks_for_voucher = html.contains(TEST_VOUCHER[0].0);
        let mut form = Serializer::new(String::new());
        if decision == Decision::Success {
            if let Some(chosen) = chosen {
                form.append_pair(&format!("count-{}", chosen.minor()), "1");
                step.line("chosen", format!("a voucher of {chosen}"));
            }
            if asks_for_voucher {
                form.extend_pairs(TEST_VOUCHER);
                step.line("entered", "the voucher's number, security code and expiry");
            }
        }
        form.append_pair("decision", &decision.to_string());
        let answer = self.browse(&format!("{}{action}", self.url), Some(form.finish())).await?;
        match answer.headers().get("location").and_then(|value| value.to_str().ok()) {
            Some(target) if answer.status() == 303 => Ok(Some(target.to_owned())),
            None if answer.status() == 200 => Ok(None),
            _ => bail!(
                "the provider's page in the sandbox did not send the customer back, but answered with HTTP \
                 status {}: please report it",
                answer.status()
            ),
        }
    }

    /// Plays the customer's browser on the way from the provider's page back to the shop.
    pub(super) async fn comes_back(
        &self,
        story: &mut Story,
        target: Option<&str>,
    ) -> anyhow::Result<()> {
        if let Some(target) = target.filter(|to| to.starts_with(&self.merchant.url("/"))) {
            let back = self.browse(target, None).await?;
            ensure!(
                back.status() == 200,
                "the shop inside `ecp demo` answered with HTTP status {}: please report it",
                back.status()
            );
        }
        story
            .step("return", "The customer comes back")
            .line("page", target.unwrap_or("the provider's own, as the request named none"))
            .note("That proves nothing: anybody can open this address. The callback decides.");
        Ok(())
    }

    async fn browse(&self, url: &str, form: Option<String>) -> anyhow::Result<Response<Bytes>> {
        let request = match form {
            None => Request::get(url).body(Bytes::new())?,
            Some(form) => Request::post(url)
                .header("content-type", "application/x-www-form-urlencoded")
                .body(Bytes::from(form))?,
        };
        Ok(self.browser.send(request).await?)
    }
}
