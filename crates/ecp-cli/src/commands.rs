//! One module a command.

pub(crate) mod demo;
pub(crate) mod inbox;
pub(crate) mod methods;
pub(crate) mod payouts;
pub(crate) mod sandbox;
pub(crate) mod sign;
pub(crate) mod verify;
