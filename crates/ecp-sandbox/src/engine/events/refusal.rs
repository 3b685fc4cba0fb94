//! Why something is not sent to a merchant.

use std::fmt;

/// Reason why the sandbox does not send a callback, a confirmation request, or operations for a
/// Data API query to the merchant at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CallbackRefusal {
    /// The host in the address is neither this machine nor allowed by
    /// [`Config::allow_callback_host`](crate::Config::allow_callback_host).
    HostNotAllowed,
    /// A fault rule with [`Fault::LoseCallback`](crate::Fault::LoseCallback) applied to the
    /// message, so that it is never sent.
    Lost,
    /// Neither the request nor the project names an address: set
    /// [`Project::callback_url`](crate::Project::callback_url).
    NoAddress,
    /// The address is not an absolute URL such as `http://127.0.0.1:8000/callback`.
    NoUrl,
    /// The address does not begin with `http://`. The sandbox has no TLS, so it cannot send to
    /// `https://`.
    NotPlainHttp,
    /// The address leads to the sandbox itself, where no merchant would receive the message. Use
    /// the address of your own receiver.
    OwnAddress,
    /// The sandbox is already sending 100 pages of operations to addresses in Data API queries,
    /// which is the maximum. Send the query again when some of them have ended.
    TooMany,
}

impl fmt::Display for CallbackRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::HostNotAllowed => {
                "the host is not this machine and is not allowed: add the host to `allowed_hosts`, \
                 or use --allow-host"
            }
            Self::Lost => "the fault `lose_callback` dropped the message",
            Self::NoAddress => {
                "neither the payment's request nor the project names an address: set the project's \
                 `callback_url` (--callback-url), or for confirmation requests `confirmation_url` \
                 (--confirmation-url)"
            }
            Self::NoUrl => "the address is not an absolute URL such as http://127.0.0.1:8000/",
            Self::NotPlainHttp => "the address must begin with http://: the sandbox has no TLS",
            Self::OwnAddress => {
                "the address leads to the sandbox itself: use the address of your receiver"
            }
            Self::TooMany => {
                "100 deliveries of operations are in progress, which is the maximum: send the \
                 query again when some have ended"
            }
        })
    }
}
