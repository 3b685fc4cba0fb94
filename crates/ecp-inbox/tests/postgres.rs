//! The tests of every store, over a real Postgres server, with named statements. Without them they
//! run in `pooler.rs`.

#![cfg(all(feature = "postgres", unix))]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use ecp_core::Clock;
use ecp_inbox::conformance::Stage;
use ecp_inbox::postgres::PostgresOptions;
use ecp_inbox::{Hold, Inbox};
use ecp_testkit::postgres::Server;

pub(crate) static SERVER: LazyLock<Option<Server>> =
    LazyLock::new(|| Server::start_or_skip("the inbox's tests over Postgres"));

struct Database(String);

impl Database {
    fn new() -> Option<Self> {
        SERVER.as_ref().map(|server| Self(server.database().unwrap()))
    }
}

#[async_trait]
impl Stage for Database {
    async fn open_holding(&self, clock: Arc<dyn Clock>, hold: Hold) -> Arc<dyn Inbox> {
        let options =
            PostgresOptions::new().connections(4).clock(clock).hold(hold).named_statements();
        Arc::new(options.open(self.0.parse().unwrap()).await.unwrap())
    }
}

ecp_inbox::conformance!(match Database::new() {
    Some(database) => database,
    None => return,
});
