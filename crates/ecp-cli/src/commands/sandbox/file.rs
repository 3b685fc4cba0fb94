//! `ecp sandbox --config`: the sandbox's settings in a file.
//!
//! A file holds no secrets: it names the environment variables that hold the keys.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use ecp_core::{Currency, Money, ProjectId, Sensitive, Timestamp};
use ecp_sandbox::{ButtonRule, Config, FaultRule, Project, RefundOperation, Schedule};
use http::StatusCode;
use serde::Deserialize;

use crate::address::{self, Target};
use crate::key::from_environment;
use crate::mail::MailSection;
use crate::settings::{toml_problem, without_value};

/// Contents of a configuration file. Missing settings keep their defaults.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct File {
    pub(super) seed: Option<u64>,
    pub(super) clock: Option<ClockKind>,
    /// Start of virtual time, such as `2026-01-01T00:00:00+0000`; without it the time of this
    /// machine.
    start: Option<String>,
    pub(super) public_url: Option<String>,
    allowed_hosts: Vec<String>,
    host_names: Vec<String>,
    schedule: Option<Redelivery>,
    buttons: Option<Buttons>,
    refunds: Option<Refunds>,
    decline_refunds: Option<u32>,
    pub(super) error_status: Option<u16>,
    guests: Option<Guests>,
    cut_off_seconds: Option<u64>,
    cut_off_code: Option<u32>,
    callback_timeout_seconds: Option<u64>,
    confirmation_timeout_seconds: Option<u64>,
    payment_history: Option<usize>,
    event_history: Option<usize>,
    mail: Option<MailSection>,
    pub(super) projects: Vec<Shop>,
    tokens: Vec<Token>,
    /// Name of the JSON member of a Data API query that holds the address to which operations are
    /// sent, such as `destination`.
    destination_name: Option<String>,
    faults: Vec<FaultRule>,
}

/// The clock of the sandbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(super) enum ClockKind {
    /// The machine's clock
    #[default]
    Machine,
    /// A clock that moves only by `ecp sandbox clock`
    Virtual,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Redelivery {
    pause_millis: u64,
    attempts: u32,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Buttons {
    AmountOnly,
    ListedAmounts,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Refunds {
    Refund,
    Reversal,
}

/// Addresses of the Payment Page without `customer_id`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Guests {
    Allow,
    Refuse,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Shop {
    pub(super) id: u64,
    pub(super) key_env: Option<String>,
    pub(super) callback_url: Option<String>,
    pub(super) confirmation_url: Option<String>,
    /// The project's opening balances in minor units, by currency code, such as `EUR = 5000`.
    /// Payouts beyond a balance are declined; a currency that is not named has ten million major
    /// units.
    #[serde(default)]
    balances: BTreeMap<String, i64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Token {
    #[serde(rename = "token")]
    text: String,
    key_env: String,
    #[serde(default)]
    projects: Vec<u64>,
}

impl File {
    /// Reads a settings file: JSON if its name ends in `.json`, otherwise TOML.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the settings file {}", path.display()))?;
        let is_json = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json"));
        // The errors' own texts quote a value or the line, which may hold a token or an address.
        let file = if is_json {
            serde_json::from_str(&text).map_err(|error| without_value(&error.to_string()))
        } else {
            toml::from_str(&text).map_err(|error| toml_problem(&text, &error))
        };
        file.map_err(|problem| {
            anyhow!("cannot use the settings file {}: {problem}", path.display())
        })
    }

    /// Applies the settings of the file to the sandbox's configuration.
    pub(super) fn apply(&self, mut config: Config) -> anyhow::Result<Config> {
        if let Some(seed) = self.seed {
            config = config.seed(seed);
        }
        if let Some(url) = &self.public_url {
            config = config.public_url(checked("public_url", url)?);
        }
        for host in &self.allowed_hosts {
            let host = address::host(host)
                .map_err(|problem| anyhow!("setting `allowed_hosts`: {problem}"));
            config = config.allow_callback_host(host?);
        }
        for name in &self.host_names {
            let name =
                address::host(name).map_err(|problem| anyhow!("setting `host_names`: {problem}"));
            config = config.host_name(name?);
        }
        if let Some(Redelivery { pause_millis, attempts }) = self.schedule {
            config =
                config.schedule(Schedule::every(Duration::from_millis(pause_millis), attempts));
        }
        config = match self.buttons {
            None => config,
            Some(Buttons::AmountOnly) => config.button_rule(ButtonRule::AmountOnly),
            Some(Buttons::ListedAmounts) => config.button_rule(ButtonRule::ListedAmounts),
        };
        config = match self.refunds {
            None => config,
            Some(Refunds::Refund) => config.refund_operation(RefundOperation::Refund),
            Some(Refunds::Reversal) => config.refund_operation(RefundOperation::Reversal),
        };
        if let Some(code) = self.decline_refunds {
            config = config.decline_refunds(code);
        }
        if let Some(status) = self.error_status {
            let status = StatusCode::from_u16(status).ok().filter(|_| (200..600).contains(&status));
            let status = status.context("`error_status` must be an HTTP status from 200 to 599")?;
            config = config.error_status(status);
        }
        if let Some(Guests::Refuse) = self.guests {
            config = config.refuse_guests();
        }
        if let Some(seconds) = self.cut_off_seconds {
            config = config.cut_off(Duration::from_secs(seconds));
        }
        if let Some(code) = self.cut_off_code {
            config = config.cut_off_code(code);
        }
        if let Some(seconds) = self.callback_timeout_seconds {
            config = config.callback_timeout(Duration::from_secs(seconds));
        }
        if let Some(seconds) = self.confirmation_timeout_seconds {
            config = config.confirmation_timeout(Duration::from_secs(seconds));
        }
        if let Some(payments) = self.payment_history {
            config = config.payment_history(payments);
        }
        if let Some(events) = self.event_history {
            config = config.event_history(events);
        }
        if let Some(mail) = &self.mail {
            config = config.mailer(mail.smtp("the settings file")?);
        }
        for shop in &self.projects {
            config = config.project(shop.project()?);
        }
        for Token { text, key_env, projects } in &self.tokens {
            let key = Sensitive::new(from_environment(key_env, "`key_env` of a token")?);
            let projects: Result<Vec<ProjectId>, _> =
                projects.iter().map(|&id| ProjectId::new(id)).collect();
            let projects = projects.context("the `projects` of a token must be ids of projects")?;
            config = config.data_token(text, key, projects);
        }
        if let Some(name) = &self.destination_name {
            config = config.destination_name(name);
        }
        for rule in &self.faults {
            config = config.fault(rule.clone());
        }
        Ok(config)
    }

    /// Returns the start of virtual time; `None` if the file does not set it.
    pub(super) fn start(&self) -> anyhow::Result<Option<Timestamp>> {
        let start = self.start.as_deref().map(str::parse::<Timestamp>).transpose();
        start.context("`start` is not a date such as 2026-01-01T00:00:00+0000")
    }
}

impl Shop {
    pub(super) fn new(id: ProjectId) -> Self {
        Self { id: id.get(), ..Self::default() }
    }

    fn project(&self) -> anyhow::Result<Project> {
        let key = match &self.key_env {
            Some(name) => {
                let setting = format!("`key_env` (`--key-env`) of project {}", self.id);
                from_environment(name, &setting)?
            }
            None => Config::DEMO_KEY.to_owned(),
        };
        let id = ProjectId::new(self.id)
            .with_context(|| format!("`id = {}` cannot be the id of a project", self.id))?;
        let mut project = Project::new(id, Sensitive::new(key));
        let of_project = || format!("cannot use the settings of project {}", self.id);
        if let Some(url) = &self.callback_url {
            let url = checked("callback_url", url).with_context(of_project)?;
            project = project.callback_url(url);
        }
        if let Some(url) = &self.confirmation_url {
            let url = checked("confirmation_url", url).with_context(of_project)?;
            project = project.confirmation_url(url);
        }
        for (code, &minor) in &self.balances {
            let currency: Currency = code.parse().with_context(|| {
                format!("in project {}: `{code}` in `balances` is not a known currency", self.id)
            })?;
            if minor < 0 {
                bail!("in project {}: `balances.{code}` is {minor}; it must be 0 or more", self.id);
            }
            project = project.balance(Money::from_minor(minor, currency));
        }
        Ok(project)
    }
}

/// Checks the address of a setting.
fn checked(name: &str, url: &str) -> anyhow::Result<String> {
    let target = Target::new(url).map_err(|problem| anyhow!("setting `{name}`: {problem}"))?;
    Ok(target.as_str().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOML: &str = r#"
        seed = 7
        clock = "virtual"
        start = "2026-01-01T00:00:00+0000"
        allowed_hosts = ["shop.test"]
        schedule = { pause_millis = 50, attempts = 3 }
        buttons = "amount_only"
        refunds = "reversal"
        cut_off_seconds = 600
        error_status = 422
        guests = "refuse"

        [[projects]]
        id = 1236
        callback_url = "http://shop.test/callbacks"
        balances = { EUR = 5000 }

        [[faults]]
        fault = "drop_answer"
        registered = true
        times = 1
    "#;

    #[test]
    fn toml_and_json_say_the_same() {
        let value: toml::Value = toml::from_str(TOML).unwrap();
        let json = serde_json::to_string(&value).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let read = |name: &str, text: &str| {
            let path = directory.path().join(name);
            std::fs::write(&path, text).unwrap();
            File::read(&path).unwrap()
        };
        let files = [read("sandbox.toml", TOML), read("sandbox.json", &json)];
        assert_eq!(format!("{:?}", files[0]), format!("{:?}", files[1]));
        let [file, _] = files;
        let sandbox = ecp_sandbox::Sandbox::new(file.apply(Config::new()).unwrap());
        assert_eq!(sandbox.projects(), [ProjectId::new(1236).unwrap()]);
        let balance = Money::from_minor(5_000, Currency::EUR);
        assert_eq!(sandbox.balances(ProjectId::new(1236).unwrap()), [balance]);
        let expected = r#"{"fault":"drop_answer","registered":true,"times":1}"#;
        assert_eq!(sandbox.faults()[0].1, FaultRule::from_json(expected).unwrap());
        assert_eq!((file.clock, file.start().unwrap().is_some()), (Some(ClockKind::Virtual), true));
    }

    #[test]
    fn a_mail_server_is_checked_before_the_sandbox_starts() {
        let text = "[mail]\nhost = \"smtp.shop.example\"\ntls = \"none\"\nfrom = \"a@b.example\"";
        let file: File = toml::from_str(text).unwrap();
        let error = format!("{:#}", file.apply(Config::new()).unwrap_err());
        assert!(
            error.starts_with(
                "cannot use the section [mail] of the settings file: the mail server \
                 `smtp.shop.example` is not on this machine"
            ),
            "{error}"
        );
        let file: File = toml::from_str(&text.replace("smtp.shop.example", "localhost")).unwrap();
        file.apply(Config::new()).unwrap();
    }

    #[test]
    fn a_file_that_cannot_be_read_is_not_quoted() {
        let directory = tempfile::tempdir().unwrap();
        for (name, text, words) in [
            (
                "a.toml",
                "[mail]\nhost = \"localhost\"\nfrom = \"sentinel@b.example\" 5",
                "a.toml: line 3: ",
            ),
            (
                "b.toml",
                "seed = 1\nmail = \"sentinel\"",
                "b.toml: line 2: invalid type: string, expected ",
            ),
            (
                "c.toml",
                "clock = \"sentinel\"",
                "c.toml: line 1: unknown variant, expected `machine` or `virtual`",
            ),
            ("d.toml", "sede = 1", "d.toml: line 1: unknown field `sede`"),
            (
                "e.json",
                "{\"seed\": \"sentinel\"}",
                "e.json: invalid type: string, expected u64 at line 1",
            ),
        ] {
            let path = directory.path().join(name);
            std::fs::write(&path, text).unwrap();
            let problem = format!("{:#}", File::read(&path).unwrap_err());
            assert!(problem.starts_with("cannot use the settings file "), "{problem}");
            assert!(problem.contains(words) && !problem.contains("sentinel"), "{problem}");
        }
    }

    #[test]
    fn what_a_file_may_not_say_is_reported() {
        for (text, words) in [
            ("sede = 1", "unknown field `sede`"),
            ("clock = \"lunar\"", "unknown variant `lunar`"),
            ("[[faults]]\nfault = \"thunder\"", "there is no fault `thunder`"),
            ("[[projects]]\nid = 1\nkey = \"secret\"", "unknown field `key`"),
        ] {
            let error = toml::from_str::<File>(text).unwrap_err().to_string();
            assert!(error.contains(words), "{text}: {error}");
        }
        for (text, problem) in [
            (
                "[[projects]]\nid = 1\ncallback_url = \"localhost:8000/cb\"",
                "cannot use the settings of project 1: setting `callback_url`: `localhost:8000/cb` has no scheme; write \
                 http://localhost:8000/cb",
            ),
            (
                "[[projects]]\nid = 7\nconfirmation_url = \"http://\"",
                "cannot use the settings of project 7: setting `confirmation_url`: `http://` has no host \
                 that can be used: the host is empty",
            ),
            (
                "public_url = \"127.0.0.1:8080\"",
                "setting `public_url`: `127.0.0.1:8080` has no scheme; write http://127.0.0.1:8080",
            ),
            (
                "host_names = [\"http://sandbox\"]",
                "setting `host_names`: `http://sandbox` is more than a host; write sandbox, without scheme, \
                 port and path",
            ),
            (
                "allowed_hosts = [\"shop.test:8000\"]",
                "setting `allowed_hosts`: `shop.test:8000` is more than a host; write shop.test, without \
                 scheme, port and path",
            ),
            ("error_status = 99", "`error_status` must be an HTTP status from 200 to 599"),
        ] {
            let file: File = toml::from_str(text).unwrap();
            let error = file.apply(Config::new()).unwrap_err();
            assert_eq!(format!("{error:#}"), problem);
        }
        for text in ["[[projects]]\nid = 0", "[[projects]]\nid = 1\nbalances = { EUR = -1 }"] {
            let file: File = toml::from_str(text).unwrap();
            assert!(file.apply(Config::new()).is_err(), "{text}");
        }
    }
}
