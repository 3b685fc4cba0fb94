//! One module a command.

pub(crate) mod sign;
pub(crate) mod verify;
