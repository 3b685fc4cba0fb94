//! The sandbox's pages, gone through as people do.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod accessible;
mod addresses;
mod checkout;
mod console;
mod dashboard;
mod hostile;
mod own_addresses;
mod sites;

/// Opens a browser, or ends the test where there is none and none is needed.
macro_rules! browser {
    () => {
        match ecp_browser_tests::Browser::open().await.unwrap() {
            Some(browser) => browser,
            None => return,
        }
    };
}
pub(crate) use browser;
