//! What the stores of `ecp-inbox` and `ecp-payouts` in Postgres have in common. A service uses those
//! crates, and this one through them.
//!
//! - [`PoolOptions`] connects, with TLS by the feature `tls`, and notices machines that are gone.
//! - A [`Session`] is a connection from the [`Pool`]. Its commits are on the disk when they return, and
//!   its end says whether they are on the synchronous standby too.
//! - [`Migrations`] bring the tables of a schema up to date, also if several processes start at once.
//! - `PostgresAddress` (feature `tls`) reads an address in the words of libpq.

#[cfg(feature = "tls")]
mod address;
mod connect;
mod migrations;
mod pool;
mod session;
#[cfg(feature = "tls")]
mod tls;

pub use deadpool_postgres;
pub use tokio_postgres;

#[cfg(feature = "tls")]
pub use self::address::{AddressError, PostgresAddress};
pub use self::migrations::{MigrationError, Migrations};
pub use self::pool::{Pool, PoolOptions};
pub use self::session::{DURABLE, Parameter, Session, shown_message};
