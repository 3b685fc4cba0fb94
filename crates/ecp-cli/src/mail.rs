//! The section `[mail]` of configuration files: an SMTP server for reports.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use ecp_reports::{InvalidSmtp, Retries, Smtp, SmtpSettings, Tls};
use serde::Deserialize;

use crate::key::{password_from_environment, password_from_file};

/// Settings of an SMTP server: the section `[mail]` of a file. The file holds no password, but the
/// name of the variable or file with the password.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MailSection {
    host: String,
    port: Option<u16>,
    #[serde(default)]
    tls: Tls,
    user: Option<String>,
    password_env: Option<String>,
    password_file: Option<PathBuf>,
    from: From,
    root_certificates: Option<PathBuf>,
    timeout_seconds: Option<u64>,
    attempts: Option<u32>,
    pause_seconds: Option<u64>,
}

/// The sender, which is personal data where it is a person.
#[derive(Deserialize)]
#[serde(transparent)]
struct From(String);

impl std::fmt::Debug for From {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[sensitive]")
    }
}

impl MailSection {
    /// Checks the settings and returns the mail server. Sends nothing. An error calls the file that
    /// has the section `file`.
    pub(crate) fn smtp(&self, file: &str) -> anyhow::Result<Smtp> {
        let server = self.settings().and_then(smtp);
        server.with_context(|| format!("cannot use the section [mail] of {file}"))
    }

    fn settings(&self) -> anyhow::Result<SmtpSettings> {
        let from = self
            .from
            .0
            .parse()
            .map_err(|error| anyhow!("`from`, the sender's address: {error}"))?;
        let mut settings = SmtpSettings::new(&self.host, from).tls(self.tls);
        if let Some(port) = self.port {
            settings = settings.port(port);
        }
        if let Some(seconds) = self.timeout_seconds {
            settings = settings.timeout(Duration::from_secs(seconds.max(1)));
        }
        if let Some(path) = &self.root_certificates {
            let pem = std::fs::read(path);
            let pem = pem.with_context(|| {
                format!("cannot read the file of `root_certificates`, {}", path.display())
            })?;
            settings = settings.root_certificates(pem);
        }
        let password = match (&self.password_env, &self.password_file) {
            (Some(name), None) => Some(password_from_environment(name, "`password_env`")?),
            (None, Some(path)) => Some(password_from_file(path)?),
            (None, None) => None,
            (Some(_), Some(_)) => {
                bail!("`password_env` and `password_file` are both given: keep one of them")
            }
        };
        match (&self.user, password) {
            (Some(user), Some(password)) => Ok(settings.login(user, password)),
            (None, None) => Ok(settings),
            _ => bail!(
                "the login to the mail server is incomplete: give `user`, and `password_env` or \
                 `password_file`, or none of them"
            ),
        }
    }

    /// Returns how often, and after which pauses, a mail is sent again.
    pub(crate) fn retries(&self) -> Retries {
        let mut retries = Retries::default();
        if let Some(attempts) = self.attempts {
            retries = retries.attempts(attempts);
        }
        match self.pause_seconds {
            Some(seconds) => retries.pause(Duration::from_secs(seconds)),
            None => retries,
        }
    }
}

fn smtp(settings: SmtpSettings) -> anyhow::Result<Smtp> {
    Smtp::new(settings).map_err(|error| match error {
        InvalidSmtp::NotBuilt => anyhow!(
            "this `ecp` cannot send e-mail: build it with the feature `mail`, as by `cargo install \
             --path crates/ecp-cli --features mail`"
        ),
        error => error.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> String {
        let section: MailSection = toml::from_str(text).unwrap();
        assert!(!format!("{section:?}").contains("mary"));
        format!("{:#}", section.smtp("the settings file").unwrap_err())
    }

    #[test]
    fn what_is_wrong_with_a_server_is_said_without_its_secrets() {
        let head = "host = \"smtp.shop.example\"\nfrom = \"mary@shop.example\"\n";
        for (more, expected) in [
            (
                "tls = \"none\"",
                "cannot use the section [mail] of the settings file: the mail server \
                 `smtp.shop.example` is not on this machine",
            ),
            (
                "user = \"reports\"",
                "the login to the mail server is incomplete: give `user`, and `password_env` or",
            ),
            (
                "password_env = \"NO_SUCH_PASSWORD\"",
                "the environment variable NO_SUCH_PASSWORD is missing: set it to the password",
            ),
            (
                "password_env = \"hunter2-sentinel\"",
                "there is no environment variable of that name (not shown",
            ),
            ("password_env = \"A\"\npassword_file = \"b\"", "are both given: keep one"),
            (
                "root_certificates = \"no-such.pem\"",
                "cannot read the file of `root_certificates`, no-such.pem",
            ),
        ] {
            let problem = problem(&format!("{head}{more}"));
            assert!(problem.contains(expected) && !problem.contains("sentinel"), "{problem}");
        }
        let from = problem("host = \"smtp.shop.example\"\nfrom = \"mary\"");
        assert!(
            from.starts_with(
                "cannot use the section [mail] of the settings file: `from`, the sender's \
                 address: the e-mail address is not valid: it has no @"
            ),
            "{from}"
        );
        for (text, words) in [
            ("host = \"a\"\nfrom = \"b\"\npassword = \"c\"", "unknown field `password`"),
            ("host = \"a\"\nfrom = \"b\"\ntls = \"ssl\"", "unknown variant `ssl`"),
        ] {
            let error = toml::from_str::<MailSection>(text).unwrap_err();
            assert!(error.message().contains(words), "{error}");
        }
    }
}
