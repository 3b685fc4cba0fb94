//! The surfaces of a sandbox: its APIs and its pages.

#[cfg(feature = "pages")]
pub(crate) mod checkout;
pub(crate) mod control;
mod cut;
#[cfg(feature = "pages")]
pub(crate) mod dashboard;
pub(crate) mod data_api;
mod exchange;
pub(crate) mod gate;
pub(crate) mod guard;
#[cfg(feature = "pages")]
pub(crate) mod i18n;
mod late;
#[cfg(feature = "pages")]
pub(crate) mod page;
#[cfg(feature = "pages")]
pub(crate) mod provider;
pub(crate) mod server;
#[cfg(feature = "pages")]
pub(crate) mod visit;
