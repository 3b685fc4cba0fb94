//! Profiles: a project with its addresses and keys.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, anyhow};
use clap::Args;
use ecp_core::{ProjectId, SecretKey, Sensitive};
use ecp_sandbox::Config;
use ecp_transport::{
    DATA_API_URL, DataApi, GATE_URL, Gate, PAYMENT_PAGE_URL, PaymentPage, ReqwestTransport,
    SendPolicy, Sender, TransportError, normal_base_url,
};
use serde::Deserialize;

use crate::address::{
    Target, TargetParser, is_loopback, is_plain_http, local_address, transport_to,
};
use crate::connection::{Side, reason, unreachable};
use crate::duration::duration;
use crate::key::{secret_from_environment, secret_from_file, token_from_environment};
use crate::nearest::did_you_mean;
use crate::output::shell_word;
use crate::settings::without_value;

/// Options that select a profile.
#[derive(Args, Clone)]
pub(crate) struct ProfileOptions {
    /// Use this profile: `sandbox` for `ecp sandbox` on this machine, or one of the profiles file
    #[arg(long, value_name = "NAME", env = "ECP_PROFILE", default_value = SANDBOX)]
    profile: String,

    /// Read profiles from this file instead of `ecp/profiles.toml` in $XDG_CONFIG_HOME or
    /// ~/.config; docs/payouts.md explains it
    #[arg(long, value_name = "PATH", env = "ECP_PROFILES")]
    profiles: Option<PathBuf>,

    /// Send requests to Gate at this base address, instead of the profile's
    #[arg(long, value_name = "URL", env = "ECP_GATE_URL", value_parser = TargetParser)]
    gate_url: Option<Target>,
}

const SANDBOX: &str = "sandbox";
const SANDBOX_URL: &str = "http://127.0.0.1:8080";

/// Whether an address is the default address of the sandbox.
pub(crate) fn is_default_address(url: &str) -> bool {
    url.trim_end_matches('/') == SANDBOX_URL
}

/// A profile with its keys: a project on the platform or in the sandbox.
pub(crate) struct Profile {
    pub(crate) name: String,
    pub(crate) project: ProjectId,
    pub(crate) key: SecretKey,
    pub(crate) gate_url: String,
    /// The address of the Payment Page. `None` if the profile names none, and Gate's address is
    /// neither the platform's nor the sandbox's.
    pub(crate) page_url: Option<String>,
    /// Whether the profile is the built-in `sandbox`: `ecp sandbox` with its public key, where Gate
    /// and Payment Page have the same address.
    is_sandbox: bool,
    /// Whether it is a test project, where no real money moves.
    pub(crate) test: bool,
    pub(crate) not_found_after: Duration,
    pub(crate) first_question: Option<Duration>,
    pub(crate) rate: Option<NonZeroU32>,
    /// Token, key and address of the Data API; `None` if the profile has no token and key.
    data: Option<(Sensitive<String>, SecretKey, String)>,
}

/// A profile in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    project: u64,
    key_env: Option<String>,
    key_file: Option<PathBuf>,
    gate_url: Option<String>,
    page_url: Option<String>,
    #[serde(default)]
    test: bool,
    not_found_after: Option<String>,
    first_question_after: Option<String>,
    rate: Option<NonZeroU32>,
    data_token_env: Option<String>,
    data_key_env: Option<String>,
    data_url: Option<String>,
}

/// Returns the names of all profiles that need no `--profiles`. A file that cannot be read has none.
pub(crate) fn profile_names() -> Vec<String> {
    let options =
        ProfileOptions { profile: SANDBOX.to_owned(), profiles: variable_path(), gate_url: None };
    let mut names: Vec<String> = options.sections().unwrap_or_default().into_keys().collect();
    names.push(SANDBOX.to_owned());
    names.sort();
    names.dedup();
    names
}

fn variable_path() -> Option<PathBuf> {
    std::env::var_os("ECP_PROFILES").filter(|path| !path.is_empty()).map(PathBuf::from)
}

impl ProfileOptions {
    /// Returns the options as flags for a suggested command, without the options that environment
    /// variables set.
    pub(crate) fn flags(&self) -> String {
        let profile = Some(self.profile.as_str()).filter(|name| *name != SANDBOX);
        let profiles = self.profiles.as_ref().map(|path| path.to_string_lossy());
        let gate_url = self.gate_url.as_ref().map(Target::as_str);
        let options = [
            ("--profile", "ECP_PROFILE", profile),
            ("--profiles", "ECP_PROFILES", profiles.as_deref()),
            ("--gate-url", "ECP_GATE_URL", gate_url),
        ];
        let is_set =
            |variable: &str, value: &str| std::env::var(variable).is_ok_and(|set| set == value);
        let mut flags = String::new();
        for (flag, variable, value) in options {
            if let Some(value) = value.filter(|value| !is_set(variable, value)) {
                flags.extend([" ", flag, " ", &shell_word(value)]);
            }
        }
        flags
    }

    /// Whether the profile `sandbox` is selected, with the default address of the sandbox.
    pub(crate) fn is_sandbox(&self) -> bool {
        let is_usual = |url: &Target| is_default_address(url.as_str());
        self.profile == SANDBOX && self.gate_url.as_ref().is_none_or(is_usual)
    }

    /// Loads the selected profile.
    pub(crate) fn load(&self) -> anyhow::Result<Profile> {
        let mut sections = self.sections()?;
        let profile = match sections.remove(&self.profile) {
            Some(section) => self.read(section)?,
            None => self.sandbox(sections.keys().chain([&SANDBOX.to_owned()]))?,
        };
        let url = self.gate_url.as_ref().map_or(profile.gate_url.as_str(), |url| url.as_str());
        // The address is stored and shown in one spelling.
        let gate_url = normal_base_url(url).with_context(|| match self.gate_url {
            Some(_) => "cannot use the address of --gate-url".to_owned(),
            None => format!("cannot use `gate_url` of profile `{}`", self.profile),
        })?;
        // The platform's page goes with the platform's Gate, and the sandbox's with the sandbox.
        let page_url = match profile.page_url {
            None if profile.is_sandbox => Some(gate_url.clone()),
            None if gate_url == normal_base_url(GATE_URL)? => Some(PAYMENT_PAGE_URL.to_owned()),
            page_url => page_url,
        };
        Ok(Profile { gate_url, page_url, ..profile })
    }

    /// `ecp sandbox` with its public key. A profile of that name in the file takes precedence.
    fn sandbox<'n>(&self, names: impl Iterator<Item = &'n String>) -> anyhow::Result<Profile> {
        if self.profile != SANDBOX {
            return Err(match self.path() {
                Some(path) if !path.exists() => {
                    anyhow!(
                        "there is no profile `{}` in {}, which does not exist: make this file with the profile \
                         (docs/payouts.md explains it), or name another one with --profile{}",
                        self.profile,
                        path.display(),
                        did_you_mean(&self.profile, names.map(String::as_str))
                    )
                }
                Some(path) => {
                    anyhow!(
                        "there is no profile `{}` in {}: add it, or name another one with --profile{}",
                        self.profile,
                        path.display(),
                        did_you_mean(&self.profile, names.map(String::as_str))
                    )
                }
                None => anyhow!(
                    "there is no profile `{}`: neither HOME nor XDG_CONFIG_HOME is set, so there is no default \
                     profiles file; name one with --profiles or ECP_PROFILES",
                    self.profile
                ),
            });
        }
        Ok(Profile {
            name: SANDBOX.to_owned(),
            project: Config::DEMO_PROJECT,
            key: SecretKey::new(Config::DEMO_KEY)?,
            gate_url: SANDBOX_URL.to_owned(),
            page_url: None,
            is_sandbox: true,
            test: true,
            // There is no network between this machine and itself.
            not_found_after: Duration::from_secs(10),
            first_question: Some(Duration::from_millis(200)),
            rate: None,
            data: Some((
                Sensitive::new(Config::DEMO_TOKEN.to_owned()),
                SecretKey::new(Config::DEMO_TOKEN_KEY)?,
                self.gate_url.as_ref().map_or(SANDBOX_URL, Target::as_str).to_owned(),
            )),
        })
    }

    fn read(&self, section: Section) -> anyhow::Result<Profile> {
        let name = &self.profile;
        for (member, url) in [
            ("gate_url", &section.gate_url),
            ("page_url", &section.page_url),
            ("data_url", &section.data_url),
        ] {
            if let Some(Err(problem)) = url.as_deref().map(Target::new) {
                return Err(anyhow!("`{member}` of profile `{name}`: {problem}"));
            }
        }
        let setting = |member: &str| format!("`{member}` of profile `{name}`");
        let key = match (&section.key_env, &section.key_file) {
            (Some(variable), None) => secret_from_environment(variable, &setting("key_env"))?,
            (None, Some(path)) => secret_from_file(path)
                .with_context(|| format!("cannot use `key_file` of profile `{name}`"))?,
            _ => {
                return Err(anyhow!(
                    "profile `{name}` needs one of `key_env` and `key_file`, not both"
                ));
            }
        };
        let data = match (&section.data_token_env, &section.data_key_env) {
            (Some(token), Some(key)) => {
                let url = section.data_url.unwrap_or_else(|| DATA_API_URL.to_owned());
                let token =
                    Sensitive::new(token_from_environment(token, &setting("data_token_env"))?);
                Some((token, secret_from_environment(key, &setting("data_key_env"))?, url))
            }
            (None, None) => None,
            _ => {
                return Err(anyhow!(
                    "profile `{name}` has only one of `data_token_env` and `data_key_env`: give both, or \
                     none"
                ));
            }
        };
        let not_found_after = section.not_found_after.as_deref().map(duration).transpose();
        let first_question = section.first_question_after.as_deref().map(duration).transpose();
        Ok(Profile {
            project: ProjectId::new(section.project)
                .with_context(|| format!("cannot use `project` of profile `{name}`"))?,
            key,
            gate_url: section.gate_url.unwrap_or_else(|| GATE_URL.to_owned()),
            page_url: section.page_url,
            is_sandbox: false,
            test: section.test,
            not_found_after: not_found_after
                .with_context(|| format!("cannot use `not_found_after` of profile `{name}`"))?
                .unwrap_or(Duration::from_mins(5)),
            first_question: first_question.with_context(|| {
                format!("cannot use `first_question_after` of profile `{name}`")
            })?,
            rate: section.rate.or(NonZeroU32::new(50)),
            data,
            name: name.clone(),
        })
    }

    /// The sections of the profiles file, empty if there is no file.
    fn sections(&self) -> anyhow::Result<BTreeMap<String, Section>> {
        let Some(path) = self.path() else { return Ok(BTreeMap::new()) };
        if self.profiles.is_none() && !path.exists() {
            return Ok(BTreeMap::new());
        }
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read the profiles file {}", path.display()))?;
        toml::from_str(&text).map_err(|error| {
            // The error's own text would quote the file, and its message a value.
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            anyhow!(
                "cannot use the profiles file {}, line {line}: {}",
                path.display(),
                without_value(error.message())
            )
        })
    }

    fn path(&self) -> Option<PathBuf> {
        let in_home = || {
            let folder = |name: &str| std::env::var_os(name).filter(|path| !path.is_empty());
            let home = || folder("HOME").map(|home| PathBuf::from(home).join(".config"));
            let configuration = folder("XDG_CONFIG_HOME").map(PathBuf::from).or_else(home)?;
            Some(configuration.join("ecp/profiles.toml"))
        };
        self.profiles.clone().or_else(in_home)
    }
}

impl Profile {
    /// Returns a client for the profile's Gate.
    pub(crate) fn gate(&self) -> anyhow::Result<Gate> {
        let transport = transport_to(&self.gate_url)?;
        Ok(Gate::new(self.project, &self.key, transport).base_url(&self.gate_url)?)
    }

    /// Returns a sender for the profile's Gate, which repeats requests where that is safe.
    pub(crate) fn sender(&self) -> anyhow::Result<Sender> {
        Ok(Sender::new(self.gate()?, self.policy()))
    }

    pub(crate) fn policy(&self) -> SendPolicy {
        SendPolicy::new().not_found_after(self.not_found_after).rate(self.rate)
    }

    /// Describes the error of a request that was not sent, with advice for the sandbox.
    pub(crate) fn cannot_connect(&self, error: &TransportError, attempts: u32) -> String {
        let attempts = if attempts > 1 { format!(" ({attempts} attempts)") } else { String::new() };
        format!(
            "cannot connect to {}: {}{attempts}{}",
            self.gate_url,
            reason(error),
            self.sandbox_hint(&self.gate_url)
        )
    }

    /// Adds the address to an error whose cause is that no connection could be made to the Data API
    /// or to Gate. Other errors are returned unchanged.
    pub(crate) fn with_address(&self, error: anyhow::Error) -> anyhow::Error {
        let (cause, url) = match unreachable(&error) {
            Some((cause, Side::Gate)) => (cause, self.gate_url.as_str()),
            Some((cause, Side::Data)) => {
                (cause, self.data.as_ref().map_or("the Data API", |(_, _, url)| url.as_str()))
            }
            None => return error,
        };
        anyhow!("cannot connect to {url}: {}{}", reason(cause), self.sandbox_hint(url))
    }

    /// The advice to start a sandbox at an address; empty for an address where no sandbox is
    /// expected.
    pub(crate) fn sandbox_hint(&self, url: &str) -> String {
        if !self.is_sandbox && !is_loopback(url) {
            return String::new();
        }
        let address = local_address(url).filter(|_| !is_default_address(url));
        let address = address.map(|address| format!(" --addr {address}")).unwrap_or_default();
        format!(". If a sandbox should answer there, start one by: ecp sandbox{address}")
    }

    /// Whether the profile's Gate is a sandbox, as far as can be known: the profile `sandbox`, or a
    /// test project on this machine.
    pub(crate) fn has_sandbox_pages(&self) -> bool {
        self.is_sandbox || (self.test && is_loopback(&self.gate_url))
    }

    /// Whether example values may be sent: only to addresses of this machine, where sandboxes run.
    pub(crate) fn takes_examples(&self) -> bool {
        is_loopback(&self.gate_url)
    }

    /// Whether the profile has a token and key for the Data API.
    pub(crate) const fn has_data_api(&self) -> bool {
        self.data.is_some()
    }

    /// Returns a client for the profile's Data API. Fails if the profile has no token and key for
    /// it.
    pub(crate) fn data_api(&self) -> anyhow::Result<DataApi> {
        let Some((token, key, url)) = &self.data else {
            return Err(anyhow!(
                "profile `{}` has no token and key for the Data API: add `data_token_env` and \
                 `data_key_env` to the profile",
                self.name
            ));
        };
        let transport = if is_plain_http(url) {
            ReqwestTransport::plain_http()?.response_limit(32 << 20)
        } else {
            ReqwestTransport::for_data_api()?
        };
        DataApi::new(token.clone(), key, transport)
            .base_url(url)
            .with_context(|| format!("cannot use `data_url` of profile `{}`", self.name))
    }

    /// Returns the signer of the profile's Payment Page. Fails if the profile has no address of a
    /// page.
    pub(crate) fn page(&self) -> anyhow::Result<PaymentPage> {
        let Some(page_url) = &self.page_url else {
            return Err(anyhow!(
                "profile `{}` sends to {gate}, and no Payment Page is known for that Gate: add `page_url` \
                 to the profile whose `gate_url` is {gate}: the same address if it is a sandbox, otherwise \
                 {PAYMENT_PAGE_URL} or your own domain that leads to it",
                self.name,
                gate = self.gate_url
            ));
        };
        PaymentPage::new(self.project, &self.key)
            .base_url(page_url)
            .with_context(|| format!("cannot use `page_url` of profile `{}`", self.name))
    }

    /// Prints a warning on standard error if the profile is not a test project, so that real money
    /// moves.
    pub(crate) fn warn(&self) {
        if !self.test {
            note!(
                "WARNING: profile `{}` is not a test project: project {} at {} moves real money",
                self.name,
                self.project,
                self.gate_url
            );
        }
    }
}
