//! The configuration of pages.

use ecp_core::ProjectId;
use http::Uri;

use super::Config;
use crate::wire::address::origin;

impl Config {
    /// Refuses addresses of the Payment Page without `customer_id`. The documents require it, and
    /// shop systems leave it out for guests; the platform's reaction is not known. Without this
    /// setting such a page opens, and the payment's history has a notice.
    pub fn refuse_guests(self) -> Self {
        Self { refuse_guests: true, ..self }
    }

    /// Whether the sandbox's owner has callbacks of the project go to this host and port.
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
