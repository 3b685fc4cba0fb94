//! Every test of `ecp-inbox` from outside, in one program: linking one is quicker than linking many.
//! A file that is not named here is not run; `xtask/tests` looks for such.

mod backup;
mod batches;
mod checkup;
mod pooler;
mod postgres;
mod postgres_alone;
mod receiver;
mod sqlite;
mod sqlite_file;
mod standby;
mod state;
mod tls;
