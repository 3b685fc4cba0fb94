//! A session with an SMTP server, over lettre. Each step's failure is described by itself.

use std::error::Error as _;
use std::io;

use lettre::address::Envelope;
use lettre::message::header::{ContentTransferEncoding, ContentType};
use lettre::message::{Attachment, Body, Mailbox, Message, MultiPart, SinglePart};
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{Certificate, SmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;

use super::{InvalidSmtp, SmtpSettings, Tls};
use crate::mail::{Letter, MailAddress, MailError};

/// TLS of the connections to one server; `None` without TLS.
#[derive(Clone)]
pub(super) struct Protection(Option<TlsParameters>);

impl Protection {
    pub(super) fn of(settings: &SmtpSettings) -> Result<Self, InvalidSmtp> {
        if settings.tls == Tls::None {
            return Ok(Self(None));
        }
        let mut builder = TlsParameters::builder(settings.host.clone());
        if let Some(pem) = &settings.roots {
            let is_certificate =
                |pem: &[u8]| String::from_utf8_lossy(pem).contains("-----BEGIN CERTIFICATE-----");
            let roots = Certificate::from_pem(pem).ok().filter(|_| is_certificate(pem));
            builder = builder.add_root_certificate(roots.ok_or(InvalidSmtp::Certificates)?);
        }
        let parameters = builder.build().map_err(|error| InvalidSmtp::NoTls(error.to_string()))?;
        Ok(Self(Some(parameters)))
    }
}

/// Sends a letter over a connection of its own.
pub(super) fn send(
    settings: &SmtpSettings,
    protection: &Protection,
    letter: &Letter,
) -> Result<(), MailError> {
    let message = message(settings, letter)?;
    let SmtpSettings { host, port, tls, login, timeout, .. } = settings;
    let port = port.unwrap_or(tls.port());
    let from_the_start = protection.0.as_ref().filter(|_| *tls == Tls::Implicit);
    let step = Step { settings, letter };
    let name = ClientId::default();
    let connected =
        SmtpConnection::connect((&**host, port), Some(*timeout), &name, from_the_start, None);
    let mut server = connected
        .map_err(|error| step.failed(&format!("cannot connect to {host}:{port}"), &error))?;
    if *tls == Tls::StartTls
        && let Some(parameters) = &protection.0
    {
        if !server.can_starttls() {
            server.abort();
            return Err(MailError::permanent(format!(
                "{host}:{port} offers no STARTTLS, so nothing was sent: use the TLS mode `implicit`, or \
                 another port"
            )));
        }
        server
            .starttls(parameters, &name)
            .map_err(|error| step.failed(&format!("TLS with {host}:{port} failed"), &error))?;
    }
    if let Some(login) = login {
        let mechanisms = [Mechanism::Plain, Mechanism::Login];
        if mechanisms.iter().all(|way| !server.server_info().supports_auth_mechanism(*way)) {
            server.abort();
            return Err(MailError::permanent(format!(
                "{host}:{port} offers no login by PLAIN or LOGIN: try another port or TLS mode"
            )));
        }
        let credentials =
            Credentials::new(login.user.expose().clone(), login.password.expose().clone());
        let refused = "the server does not accept the user and the password";
        let result = server.auth(&mechanisms, &credentials);
        result.map_err(|error| {
            server.abort();
            step.failed(refused, &error)
        })?;
    }
    let envelope = message.envelope();
    let (from, to) = addresses(envelope)?;
    let command = |words: &str, result: Result<_, Error>, server: &mut SmtpConnection| {
        result.map_err(|error| {
            server.abort();
            step.failed(words, &error)
        })
    };
    let result = server.command(Mail::new(Some(from), Vec::new()));
    command("the server refuses the sender (`from`)", result, &mut server)?;
    let result = server.command(Rcpt::new(to, Vec::new()));
    command("the server refuses the recipient", result, &mut server)?;
    let result = server.command(Data);
    command("the server accepts no mail", result, &mut server)?;
    let result = server.message(&message.formatted());
    let words = match &result {
        Err(error) if error.status().is_none() => {
            "the server has not confirmed the mail, which may have arrived"
        }
        _ => "the server refuses the mail",
    };
    command(words, result, &mut server)?;
    // The server has taken it, whatever comes after.
    let _ = server.quit();
    Ok(())
}

fn addresses(envelope: &Envelope) -> Result<(lettre::Address, lettre::Address), MailError> {
    match (envelope.from(), envelope.to()) {
        (Some(from), [to]) => Ok((from.clone(), to.clone())),
        _ => Err(MailError::permanent("the mail has no sender or no recipient")),
    }
}

fn message(settings: &SmtpSettings, letter: &Letter) -> Result<Message, MailError> {
    let impossible =
        |what: &str| MailError::permanent(format!("the mail cannot be written: {what}"));
    let address = |address: &MailAddress| {
        let parsed = address.as_str().parse::<lettre::Address>();
        parsed.map_err(|_| {
            impossible("the address of the sender or recipient cannot be used with SMTP")
        })
    };
    let from = address(&settings.from.address)?;
    let id = format!("<{}@{}>", letter.id, from.domain());
    let builder = Message::builder()
        .from(Mailbox::new(settings.from.name.clone(), from))
        .to(Mailbox::new(None, address(&letter.to)?))
        .subject(letter.subject.clone())
        .message_id(Some(id))
        .date_now();
    let text = SinglePart::plain(letter.text.clone());
    let Some(file) = &letter.attachment else {
        return builder.singlepart(text).map_err(|error| impossible(&error.to_string()));
    };
    let media_type = ContentType::parse(file.format.media_type());
    let media_type = media_type.map_err(|error| impossible(&error.to_string()))?;
    // Any other encoding may change the ends of lines.
    let body = Body::new_with_encoding(file.bytes.to_vec(), ContentTransferEncoding::Base64);
    let body = body.map_err(|_| {
        impossible("the attached file cannot be encoded in base64; please report it")
    })?;
    let attachment = Attachment::new(file.name.clone()).body(body, media_type);
    let parts = MultiPart::mixed().singlepart(text).singlepart(attachment);
    builder.multipart(parts).map_err(|error| impossible(&error.to_string()))
}

/// A step of a session, for its errors.
struct Step<'s> {
    settings: &'s SmtpSettings,
    letter: &'s Letter,
}

impl Step<'_> {
    fn failed(&self, what: &str, error: &Error) -> MailError {
        let reason = if error.is_timeout() {
            format!("no answer in {} seconds", self.settings.timeout.as_secs())
        } else if let Some(code) = error.status() {
            let text = error.source().map(ToString::to_string).unwrap_or_default();
            format!("{code} {}", self.without_addresses(&text)).trim_end().to_owned()
        } else if error.is_response() {
            "the connection was closed, or the answer is not SMTP".to_owned()
        } else {
            let cause = cause(error);
            format!("{cause}{}", advice(&cause))
        };
        let problem = format!("{what}: {reason}");
        let is_final = error.is_permanent() || error.is_client() || is_refused_certificate(error);
        if is_final { MailError::permanent(problem) } else { MailError::temporary(problem) }
    }

    /// The server's words on one line, shortened, without the addresses and the user.
    fn without_addresses(&self, text: &str) -> String {
        const LONGEST: usize = 300;
        let login = self.settings.login.as_ref();
        let from = self.settings.from.address.as_str();
        let hidden = [self.letter.to.as_str(), from].into_iter();
        let hidden = hidden.chain(login.map(|login| login.user.expose().as_str()));
        let mut text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for hidden in hidden.filter(|hidden| !hidden.is_empty()) {
            text = replaced(&text, hidden);
        }
        text.chars().filter(|c| !c.is_control()).take(LONGEST).collect()
    }
}

/// The text with every occurrence of a word, in any ASCII case, replaced.
fn replaced(text: &str, word: &str) -> String {
    let (lower, word) = (text.to_ascii_lowercase(), word.to_ascii_lowercase());
    let (mut written, mut end) = (String::new(), 0);
    for (place, found) in lower.match_indices(&word) {
        written.push_str(&text[end..place]);
        written.push_str("[hidden]");
        end = place + found.len();
    }
    written.push_str(&text[end..]);
    written
}

/// The innermost cause: `connection refused`.
fn cause(error: &Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    match cause.downcast_ref::<io::Error>().map(io::Error::kind) {
        Some(kind) if kind != io::ErrorKind::Other && kind != io::ErrorKind::InvalidData => {
            kind.to_string()
        }
        _ => cause.to_string(),
    }
}

/// Advice after a cause of rustls that does not say what to do; empty after others.
fn advice(cause: &str) -> &'static str {
    if cause.contains("UnknownIssuer") {
        "; if this is the right server, trust the issuer of its certificate by `root_certificates`"
    } else if cause.contains("corrupt message") {
        "; the server may expect another TLS mode on this port: check `tls` and `port`"
    } else {
        ""
    }
}

/// Whether TLS failed, which another attempt will repeat.
fn is_refused_certificate(error: &Error) -> bool {
    error.is_tls() || cause(error).contains("certificate")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_replaced_in_any_case() {
        assert_eq!(
            replaced("<A@b.example> and a@B.example?", "a@b.example"),
            "<[hidden]> and [hidden]?"
        );
        assert_eq!(replaced("İ a@b", "a@b"), "İ [hidden]");
        assert_eq!(replaced("nothing", "a@b"), "nothing");
    }
}
