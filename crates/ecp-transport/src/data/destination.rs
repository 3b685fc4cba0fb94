//! Addresses that pages of operations are sent to.

use std::fmt;

use ecp_core::Sensitive;
use http::Uri;

use super::query::OperationsQuery;
use crate::address::{is_loopback, is_plain};

/// An address of yours to which the platform sends pages of operations
/// ([`DataApi::request_delivery`](super::DataApi::request_delivery)).
///
/// A delivered page does not say which query it belongs to, nor the time of that query. Give each
/// query its own address with a part that cannot be guessed: the address then identifies the query,
/// and others cannot post to it. `Debug` hides the address.
#[derive(Clone)]
pub struct Destination(Sensitive<String>);

/// Error for an address to which no operations can be sent, for example because it is not a URL
/// with `https`. The error's text says what to correct.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("operations cannot be sent to this address: {0}")]
pub struct InvalidDestination(&'static str);

impl Destination {
    /// Checks an address: a URL with `https` of at most 2000 bytes, without a user name, `#` or
    /// `;`. Plain HTTP is allowed only to this machine, because the pages of operations that the
    /// platform sends to the address hold personal data.
    ///
    /// ```
    /// use ecp_transport::Destination;
    ///
    /// assert!(Destination::new("https://shop.example/operations/5fe1c9").is_ok());
    /// let error = Destination::new("http://shop.example/operations").unwrap_err();
    /// assert!(error.to_string().ends_with("plain HTTP is only allowed to this machine"));
    /// ```
    pub fn new(url: &str) -> Result<Self, InvalidDestination> {
        const LONGEST: usize = 2000;
        let uri: Uri = url.parse().map_err(|_| {
            InvalidDestination("it is not a URL such as https://shop.example/operations")
        })?;
        let Some(authority) = uri.authority() else {
            return Err(InvalidDestination(
                "it has no scheme or no host: write it as https://shop.example/operations",
            ));
        };
        if authority.as_str().contains('@') {
            return Err(InvalidDestination("it holds a user name: leave it out"));
        }
        if !is_plain(authority) {
            return Err(InvalidDestination("its host or port is not valid"));
        }
        match uri.scheme_str() {
            Some("https") => {}
            Some("http") if is_loopback(authority) => {}
            Some("http") => {
                return Err(InvalidDestination("plain HTTP is only allowed to this machine"));
            }
            _ => return Err(InvalidDestination("its scheme must be https")),
        }
        // Signed texts are joined by `;` unescaped.
        if url.contains(['#', ';']) {
            return Err(InvalidDestination("it holds `#` or `;`: leave them out"));
        }
        if url.len() > LONGEST {
            return Err(InvalidDestination("it is longer than 2000 bytes"));
        }
        Ok(Self(Sensitive::new(url.to_owned())))
    }

    pub(super) fn as_str(&self) -> &str {
        self.0.expose()
    }
}

impl fmt::Debug for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Destination")
    }
}

/// The platform's answer to [`DataApi::request_delivery`](super::DataApi::request_delivery): how
/// many operations the page has and which query is next, as far as the answer shows it. The page
/// itself goes to the [`Destination`].
#[derive(Debug)]
#[non_exhaustive]
pub struct Requested {
    /// Number of operations in the platform's answer. `None` if the answer does not list them; then
    /// only the receiver of the page knows the number.
    pub operations: Option<usize>,
    /// The query for the next page, to be passed to
    /// [`DataApi::request_delivery`](super::DataApi::request_delivery); `None` if this page was not
    /// full, and so was the last. If the platform's answer does not list the operations, this is
    /// always a query: pass it on only if the page that your receiver got was full.
    pub next: Option<OperationsQuery>,
}
