//! The surfaces of a sandbox: its APIs and its pages.

pub(crate) mod checkout;
pub(crate) mod control;
mod cut;
pub(crate) mod dashboard;
pub(crate) mod data_api;
mod exchange;
pub(crate) mod gate;
pub(crate) mod guard;
pub(crate) mod i18n;
mod late;
pub(crate) mod page;
pub(crate) mod provider;
pub(crate) mod server;
pub(crate) mod visit;
