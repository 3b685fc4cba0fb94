//! The sandbox's pages in a real browser.
//!
//! [`Browser`] drives Debian's `chromium-headless-shell` or `chromium` by its `chromedriver`;
//! [`World`] is a sandbox and a merchant, both on sockets of this machine. The tests and the
//! `screenshots` program use both.

mod browser;
mod merchant;
mod world;

pub use self::browser::{Browser, Required};
pub use self::merchant::Merchant;
pub use self::world::World;
