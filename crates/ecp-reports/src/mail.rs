//! E-mail: addresses, letters and those who send them.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use ecp_core::Sensitive;
use serde::{Deserialize, Serialize};

use crate::delivery::Delivery;
use crate::format::Format;

/// An e-mail address, such as `mary@shop.example`. It is personal data, which `Debug` does not
/// print.
///
/// The form is the usual one: ASCII, one `@`, no quotes and no comments.
///
/// ```
/// use ecp_reports::MailAddress;
///
/// let address: MailAddress = "mary@shop.example".parse()?;
/// assert_eq!(address.as_str(), "mary@shop.example");
/// assert_eq!(format!("{address:?}"), "MailAddress([sensitive])");
/// assert!("mary".parse::<MailAddress>().is_err());
/// # Ok::<(), ecp_reports::InvalidAddress>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MailAddress(Sensitive<String>);

/// Error of a text that is not a valid e-mail address. The error does not print the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the e-mail address is not valid: {0}")]
pub struct InvalidAddress(&'static str);

impl MailAddress {
    /// The e-mail address as text. It is personal data, which the caller must protect from here on.
    pub fn as_str(&self) -> &str {
        self.0.expose()
    }

    fn check(text: &str) -> Result<(), InvalidAddress> {
        let problem = |text| Err(InvalidAddress(text));
        let Some((user, host)) = text.rsplit_once('@') else {
            return problem("it has no @; write it as mary@shop.example");
        };
        if user.is_empty() || host.is_empty() {
            return problem("there must be text before and after the @");
        }
        if text.len() > 254 || user.len() > 64 {
            return problem("it is longer than 254 characters, or than 64 before the @");
        }
        if !text.is_ascii() {
            return problem("it has characters beyond ASCII; write the host in its xn-- form");
        }
        let is_user =
            |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&byte);
        if !user.bytes().all(is_user) || user.split('.').any(str::is_empty) {
            return problem(
                "before the @ are letters, digits and !#$%&'*+-/=?^_`{|}~, with single points \
                 between them",
            );
        }
        let is_label = |label: &str| {
            !label.is_empty()
                && label.len() <= 63
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        if !host.split('.').all(is_label) {
            return problem("after the @ is the name of a host, such as shop.example");
        }
        Ok(())
    }
}

impl FromStr for MailAddress {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        Self::check(text).map(|()| Self(Sensitive::new(text.to_owned())))
    }
}

impl TryFrom<String> for MailAddress {
    type Error = InvalidAddress;

    fn try_from(text: String) -> Result<Self, InvalidAddress> {
        text.parse()
    }
}

impl From<MailAddress> for String {
    fn from(address: MailAddress) -> Self {
        address.as_str().to_owned()
    }
}

impl fmt::Debug for MailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MailAddress([sensitive])")
    }
}

/// The sender of letters (e-mails): an address, with or without a name, such as
/// `Reports <reports@shop.example>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender {
    pub(crate) name: Option<String>,
    pub(crate) address: MailAddress,
}

impl Sender {
    /// The sender's e-mail address.
    pub const fn address(&self) -> &MailAddress {
        &self.address
    }

    /// The sender's name; `None` if the sender is only an address.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }
}

impl FromStr for Sender {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        let text = text.trim();
        let Some(rest) = text.strip_suffix('>') else {
            return Ok(Self { name: None, address: text.parse()? });
        };
        let (name, address) =
            rest.split_once('<').ok_or(InvalidAddress("it ends in > and has no <"))?;
        if name.chars().any(char::is_control) {
            return Err(InvalidAddress("its name holds a control character"));
        }
        let name = Some(name.trim().to_owned()).filter(|name| !name.is_empty());
        Ok(Self { name, address: address.parse()? })
    }
}

/// A letter (an e-mail) to one recipient, so that no recipient sees the address of another.
/// [`SendMail::send`] sends it. `Debug` leaves out its contents.
#[derive(Clone)]
#[non_exhaustive]
pub struct Letter {
    /// The recipient of the letter.
    pub to: MailAddress,
    /// Id of the letter: every attempt to send it has the same `Message-ID`, by which mail programs
    /// can recognise a second copy.
    pub id: String,
    /// The subject of the letter.
    pub subject: String,
    /// The text of the letter, as plain text.
    pub text: String,
    /// The file attached to the letter, such as a report; `None` if the letter has only its text.
    pub attachment: Option<Attachment>,
}

/// A file attached to a letter (an e-mail). Clones share its bytes.
#[derive(Clone)]
#[non_exhaustive]
pub struct Attachment {
    /// The file's name as the recipient sees it, such as `january.csv`.
    pub name: String,
    /// The file's format, which gives its media type in the e-mail.
    pub format: Format,
    /// The file's contents.
    pub bytes: Arc<[u8]>,
}

impl Letter {
    /// Makes the letter (an e-mail) to the recipient of a delivery, without an attached file. The
    /// letter has the id of the delivery.
    pub fn new(delivery: &Delivery, subject: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            to: delivery.to().clone(),
            id: delivery.id().to_owned(),
            subject: subject.into(),
            text: text.into(),
            attachment: None,
        }
    }

    /// Sets the file attached to the letter (an e-mail). `None` removes it; by default no file is
    /// attached.
    pub fn attachment(self, attachment: impl Into<Option<Attachment>>) -> Self {
        Self { attachment: attachment.into(), ..self }
    }
}

impl Attachment {
    /// Makes an attachment from a file's name, format and contents.
    pub fn new(name: impl Into<String>, format: Format, bytes: impl Into<Arc<[u8]>>) -> Self {
        Self { name: name.into(), format, bytes: bytes.into() }
    }
}

impl fmt::Debug for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Letter").field("id", &self.id).finish_non_exhaustive()
    }
}

impl fmt::Debug for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attachment").field("bytes", &self.bytes.len()).finish_non_exhaustive()
    }
}

/// A way to send letters (e-mails), such as [`Smtp`](crate::Smtp). Implement it to send them by
/// something else than an SMTP server.
pub trait SendMail: fmt::Debug + Send + Sync + 'static {
    /// Makes one attempt to send a letter. The call blocks its thread until the server has
    /// answered.
    fn send(&self, letter: &Letter) -> Result<(), MailError>;
}

/// Error of an attempt to send a letter (an e-mail): the letter was not sent, or it is unknown
/// whether it was. [`Delivery::record`] says whether and when to try again; a second copy has the
/// same id, so that mail programs can recognize it. The text of the error contains no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct MailError {
    problem: String,
    is_final: bool,
}

impl MailError {
    /// Makes an error after which sending is not attempted again, because the next attempt would
    /// fail in the same way: for example a wrong password.
    pub fn permanent(problem: impl Into<String>) -> Self {
        Self { problem: problem.into(), is_final: true }
    }

    /// Makes an error after which sending is attempted again, such as a server that cannot be
    /// reached.
    pub fn temporary(problem: impl Into<String>) -> Self {
        Self { problem: problem.into(), is_final: false }
    }

    /// Whether another attempt to send would fail in the same way, so that none is made; `false` if
    /// another attempt may succeed.
    pub const fn is_permanent(&self) -> bool {
        self.is_final
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_user_and_a_host_in_ascii() {
        for text in ["a@b", "mary.smith+reports@shop.example", "o'neill@x-y.example", "a@localhost"]
        {
            assert_eq!(text.parse::<MailAddress>().unwrap().as_str(), text);
        }
        for (text, problem) in [
            ("mary", "it has no @"),
            ("", "it has no @"),
            ("@shop.example", "before and after the @"),
            ("mary@", "before and after the @"),
            ("mary@shop@example", "before the @ are letters"),
            ("a..b@shop.example", "single points"),
            (".a@shop.example", "single points"),
            ("\"a b\"@shop.example", "before the @ are letters"),
            ("mary@shop.example\r\nBcc: eve@evil.example", "before the @ are letters"),
            ("mary@shop.example\n", "the name of a host"),
            ("mary@shop..example", "the name of a host"),
            ("mary@-shop.example", "the name of a host"),
            ("mary@shop.example>", "the name of a host"),
            ("mary@магазин.рф", "xn--"),
            (&format!("{}@shop.example", "a".repeat(65)), "longer than"),
        ] {
            let error = text.parse::<MailAddress>().unwrap_err().to_string();
            assert!(error.starts_with("the e-mail address is not valid: "), "{error}");
            assert!(error.contains(problem), "{text}: {error}");
            assert!(!error.contains("evil"), "{error}");
        }
    }

    #[test]
    fn a_sender_has_a_name_or_none() {
        let sender: Sender = "Shop, reports <reports@shop.example>".parse().unwrap();
        assert_eq!(sender.name(), Some("Shop, reports"));
        assert_eq!(sender.address().as_str(), "reports@shop.example");
        let sender: Sender = "reports@shop.example".parse().unwrap();
        assert_eq!((sender.name(), sender.address().as_str()), (None, "reports@shop.example"));
        for text in ["Shop", "Shop reports@shop.example>", "A\n<a@b.example>", "Shop <>"] {
            assert!(text.parse::<Sender>().is_err(), "{text}");
        }
    }

    #[test]
    fn no_address_and_no_text_of_a_letter_is_printed() {
        let delivery = Delivery::new("sentinel@shop.example".parse().unwrap());
        let file = Attachment::new("sentinel.csv", Format::Csv, b"sentinel".as_slice());
        let letter = Letter::new(&delivery, "sentinel", "sentinel").attachment(file);
        let sender: Sender = "Shop <sentinel@shop.example>".parse().unwrap();
        let printed = format!("{letter:?} {:?} {sender:?} {delivery:?}", letter.attachment);
        assert!(!printed.contains("sentinel"), "{printed}");
    }
}
