//! Why something is not sent to a merchant.

use std::fmt;

/// Why a callback, a question or a page of operations is not even tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CallbackRefusal {
    /// The host is neither the own machine nor allowed by
    /// [`Config::allow_callback_host`](crate::Config::allow_callback_host).
    HostNotAllowed,
    /// A fault lost it.
    Lost,
    /// Neither the request nor the project names an address.
    NoAddress,
    /// The address is not an absolute URL.
    NoUrl,
    /// The address is not plain `http`: the sandbox has no TLS.
    NotPlainHttp,
    /// The address is the sandbox's own, in whatever spelling.
    OwnAddress,
    /// As many deliveries of operations as are kept are on their way: each holds its page.
    TooMany,
}

impl fmt::Display for CallbackRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::HostNotAllowed => "this host is not allowed: only the own machine is by default",
            Self::Lost => "a fault lost it",
            Self::NoAddress => "neither the request nor the project names an address",
            Self::NoUrl => "the address is not an absolute URL",
            Self::NotPlainHttp => "the address must begin with http://: the sandbox has no TLS",
            Self::OwnAddress => "the address is the sandbox's own",
            Self::TooMany => "100 deliveries of operations are on their way already",
        })
    }
}
