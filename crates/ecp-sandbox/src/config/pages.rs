//! The configuration of pages.

use std::sync::Arc;

use ecp_core::ProjectId;
use ecp_reports::SendMail;
use http::Uri;

use super::Config;
use crate::wire::address::origin;

impl Config {
    /// Makes the Payment Page refuse URLs without the parameter `customer_id`. The documents
    /// require the parameter, but shop systems leave it out for customers without an account
    /// (guests); the platform's reaction is not known. Without this setting the page opens, and the
    /// event [`EventKind::PageOpened`](crate::EventKind::PageOpened) names the missing parameter in
    /// `notice`.
    pub fn refuse_guests(self) -> Self {
        Self { refuse_guests: true, ..self }
    }

    /// Sets the mailer that sends the Dashboard's reports by e-mail, such as an
    /// [`Smtp`](ecp_reports::Smtp). Without a mailer a report cannot have recipients.
    ///
    /// After a temporary error an e-mail is sent again, with the number of attempts and the pauses
    /// of [`Retries::default`](ecp_reports::Retries). The pauses use the sandbox's clock: with
    /// virtual time an e-mail is sent when virtual time reaches its moment, and time moves on when
    /// the mail server has answered.
    ///
    /// ```
    /// use ecp_reports::{Smtp, SmtpSettings, Tls};
    /// use ecp_sandbox::Config;
    ///
    /// let settings = SmtpSettings::new("localhost", "sandbox@shop.example".parse()?)
    ///     .port(2525)
    ///     .tls(Tls::None);
    /// let config = Config::demo().mailer(Smtp::new(settings)?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn mailer(self, mailer: impl SendMail) -> Self {
        Self { mailer: Some(Arc::new(mailer)), ..self }
    }

    /// Whether the sandbox's owner allows callbacks of the project to this host and port: the
    /// project's own addresses, an allowed host, or a function in place of the network.
    pub(crate) fn is_callback_address(&self, project: ProjectId, address: &str) -> bool {
        if self.merchant.is_some() {
            return true;
        }
        let Ok(address) = address.parse::<Uri>() else { return false };
        let host = address.host().map(str::to_ascii_lowercase);
        if host.is_some_and(|host| self.callback_hosts.contains(&host)) {
            return true;
        }
        let project = self.projects.get(&project);
        let configured = project.map(|project| [&project.callback_url, &project.confirmation_url]);
        configured
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|own| own.parse::<Uri>().ok())
            .any(|own| origin(&own) == origin(&address))
    }
}
