//! Sending over SMTP.

#[cfg(feature = "mail")]
mod session;

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use ecp_core::Sensitive;
use serde::Deserialize;

use crate::mail::{Letter, MailError, SendMail, Sender};

/// Settings for sending e-mails through an SMTP server: its host and port, TLS, login and the
/// sender. [`Smtp::new`] takes them.
///
/// ```
/// use ecp_core::Sensitive;
/// use ecp_reports::{SmtpSettings, Tls};
///
/// let password = Sensitive::new("secret".to_owned()); // from the environment
/// let settings = SmtpSettings::new("smtp.shop.example", "Shop <reports@shop.example>".parse()?)
///     .tls(Tls::StartTls)
///     .login("reports", password);
/// assert!(!format!("{settings:?}").contains("secret"));
/// # Ok::<(), ecp_reports::InvalidAddress>(())
/// ```
#[derive(Clone, Debug)]
#[cfg_attr(not(feature = "mail"), expect(dead_code, reason = "read by what sends"))]
pub struct SmtpSettings {
    host: String,
    port: Option<u16>,
    tls: Tls,
    login: Option<Login>,
    from: Sender,
    roots: Option<Vec<u8>>,
    timeout: Duration,
}

#[derive(Clone)]
#[cfg_attr(not(feature = "mail"), expect(dead_code, reason = "read by what sends"))]
struct Login {
    user: Sensitive<String>,
    password: Sensitive<String>,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login(..)")
    }
}

/// Protection of a connection to an SMTP server: TLS from the first byte on, `STARTTLS` or none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tls {
    /// TLS from the first byte on, on port 465 by default.
    #[default]
    Implicit,
    /// TLS after the command `STARTTLS`, on port 587 by default. If the server does not offer it,
    /// sending fails, and neither password nor mail goes to the server.
    StartTls,
    /// No TLS, on port 25 by default, and only to a server on this machine: with another host,
    /// [`Smtp::new`] returns an error.
    None,
}

impl Tls {
    /// The usual port of an SMTP server with this protection, such as 465. It is used if the
    /// settings name no port.
    pub const fn port(self) -> u16 {
        match self {
            Self::Implicit => 465,
            Self::StartTls => 587,
            Self::None => 25,
        }
    }
}

impl FromStr for Tls {
    type Err = InvalidSmtp;

    fn from_str(text: &str) -> Result<Self, InvalidSmtp> {
        match text {
            "implicit" => Ok(Self::Implicit),
            "starttls" => Ok(Self::StartTls),
            "none" => Ok(Self::None),
            other => Err(InvalidSmtp::UnknownTls(other.to_owned())),
        }
    }
}

/// Why SMTP settings cannot be used to send mail.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSmtp {
    /// The host is neither a name nor an IP address. A scheme or a port is no part of it.
    #[error(
        "`{0}` is not the host of a mail server: give a name or an IP address, without scheme and port"
    )]
    Host(String),
    /// A text names no TLS mode: the modes are `implicit`, `starttls` and `none`.
    #[error("there is no TLS mode `{0}`: use `implicit`, `starttls` or `none`")]
    UnknownTls(String),
    /// The settings name a server on another machine, and no TLS.
    #[error(
        "the mail server `{0}` is not on this machine, so the connection needs TLS: use the TLS mode \
         `implicit` or `starttls`"
    )]
    Unprotected(String),
    /// The root certificates ([`SmtpSettings::root_certificates`]) are not in PEM form.
    #[error(
        "the root certificates for the mail server (`root_certificates`) are not in PEM form: give a file of `BEGIN CERTIFICATE` blocks"
    )]
    Certificates,
    /// TLS cannot be set up, for example because this machine trusts no certificates.
    #[error(
        "TLS with the mail server cannot be set up: {0}; if this machine trusts no certificates, \
         install them (Debian's package `ca-certificates`), or give `root_certificates`"
    )]
    NoTls(String),
    /// The library was built without the feature `mail`.
    #[error("this build sends no e-mail: build it with the feature `mail`")]
    NotBuilt,
}

impl SmtpSettings {
    /// Makes settings for an SMTP server, by its name or IP address, and for the sender of the
    /// e-mails. The defaults are [`Tls::Implicit`], no login, and a wait of at most 30 seconds for
    /// each answer of the server.
    pub fn new(host: impl Into<String>, from: Sender) -> Self {
        Self {
            host: host.into(),
            port: None,
            tls: Tls::default(),
            login: None,
            from,
            roots: None,
            timeout: Duration::from_secs(30),
        }
    }

    /// Sets the port of the SMTP server. By default it depends on the protection of the connection
    /// ([`Tls::port`]).
    pub fn port(self, port: u16) -> Self {
        Self { port: Some(port), ..self }
    }

    /// Sets the protection of the connection to the SMTP server, [`Tls::Implicit`] by default.
    pub fn tls(self, tls: Tls) -> Self {
        Self { tls, ..self }
    }

    /// Sets the user and the password with which to log in to the SMTP server. By default there is
    /// no login.
    pub fn login(self, user: impl Into<String>, password: Sensitive<String>) -> Self {
        Self { login: Some(Login { user: Sensitive::new(user.into()), password }), ..self }
    }

    /// Trusts these root certificates in PEM form for TLS with the SMTP server, besides those that
    /// the machine trusts. A second call replaces the first.
    pub fn root_certificates(self, pem: impl Into<Vec<u8>>) -> Self {
        Self { roots: Some(pem.into()), ..self }
    }

    /// Sets the longest wait for each answer of the SMTP server, 30 seconds by default.
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    fn check(&self) -> Result<(), InvalidSmtp> {
        let address = self.host.parse::<IpAddr>();
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        let is_host = address.is_ok() || (!self.host.is_empty() && self.host.bytes().all(is_name));
        if !is_host {
            return Err(InvalidSmtp::Host(self.host.clone()));
        }
        let is_local = address.map_or_else(
            |_| self.host.eq_ignore_ascii_case("localhost"),
            |address| address.is_loopback(),
        );
        if self.tls == Tls::None && !is_local {
            return Err(InvalidSmtp::Unprotected(self.host.clone()));
        }
        Ok(())
    }
}

/// Sends letters (e-mails) over SMTP, each over a connection of its own.
#[derive(Clone)]
pub struct Smtp {
    settings: SmtpSettings,
    #[cfg(feature = "mail")]
    tls: session::Protection,
}

impl Smtp {
    /// Checks the settings of the SMTP server, and prepares TLS. No connection is made yet.
    /// Settings that cannot be used are an error; in a build without the feature `mail`, all are.
    #[cfg_attr(
        not(feature = "mail"),
        expect(clippy::needless_pass_by_value, reason = "kept where mail is built")
    )]
    pub fn new(settings: SmtpSettings) -> Result<Self, InvalidSmtp> {
        settings.check()?;
        #[cfg(feature = "mail")]
        return Ok(Self { tls: session::Protection::of(&settings)?, settings });
        #[cfg(not(feature = "mail"))]
        Err(InvalidSmtp::NotBuilt)
    }
}

impl SendMail for Smtp {
    fn send(&self, letter: &Letter) -> Result<(), MailError> {
        #[cfg(feature = "mail")]
        return session::send(&self.settings, &self.tls, letter);
        #[cfg(not(feature = "mail"))]
        Err(MailError::permanent(format!("{}: {letter:?}", InvalidSmtp::NotBuilt)))
    }
}

impl fmt::Debug for Smtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Smtp").field(&self.settings).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(host: &str) -> SmtpSettings {
        SmtpSettings::new(host, "reports@shop.example".parse().unwrap())
    }

    #[test]
    fn without_tls_only_a_server_on_this_machine_is_used() {
        for host in ["localhost", "LOCALHOST", "127.0.0.1", "127.1.2.3", "::1"] {
            assert_eq!(settings(host).tls(Tls::None).check(), Ok(()), "{host}");
        }
        for host in ["smtp.shop.example", "192.0.2.1", "localhost.evil.example", "127.0.0.1.nip.io"]
        {
            let error = settings(host).tls(Tls::None).check().unwrap_err();
            assert_eq!(error, InvalidSmtp::Unprotected(host.to_owned()));
            assert!(
                error.to_string().contains("use the TLS mode `implicit` or `starttls`"),
                "{error}"
            );
            assert_eq!(settings(host).check(), Ok(()), "{host}");
        }
        for host in ["", "smtp.shop.example:465", "smtps://shop.example", "a b", "a\nb"] {
            assert_eq!(settings(host).check(), Err(InvalidSmtp::Host(host.to_owned())));
        }
    }

    #[test]
    fn neither_the_password_nor_an_address_is_printed() {
        let from = "Shop <sentinel@shop.example>".parse().unwrap();
        let password = Sensitive::new("sentinel".to_owned());
        let settings = SmtpSettings::new("smtp.shop.example", from).login("sentinel", password);
        let printed = format!("{settings:?} {:?}", Smtp::new(settings.clone()));
        assert!(!printed.contains("sentinel"), "{printed}");
    }

    #[cfg(not(feature = "mail"))]
    #[test]
    fn a_build_without_mail_says_so_before_anything_is_sent() {
        let error = Smtp::new(settings("smtp.shop.example")).unwrap_err();
        assert_eq!(error, InvalidSmtp::NotBuilt);
        assert!(error.to_string().contains("the feature `mail`"), "{error}");
    }

    #[test]
    fn a_mode_is_one_of_three() {
        for (text, tls) in
            [("implicit", Tls::Implicit), ("starttls", Tls::StartTls), ("none", Tls::None)]
        {
            assert_eq!(text.parse(), Ok(tls));
        }
        let error = "ssl".parse::<Tls>().unwrap_err().to_string();
        assert_eq!(error, "there is no TLS mode `ssl`: use `implicit`, `starttls` or `none`");
    }
}
