//! A shop that sells credit: `main.rs` says what it shows and how it is run.

mod callbacks;
mod follow_up;
mod orders;
mod pages;
mod sending;
mod steps;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::http::HeaderName;
use ecp_core::PaymentId;
use ecp_inbox::Hold;
use ecp_inbox::sqlite::rusqlite::{Connection, OpenFlags};
use ecp_inbox::sqlite::{SqliteInbox, SqliteOptions};
use ecp_methods::Registry;
use ecp_notify::Verifier;
use ecp_transport::Gate;
use tokio::net::TcpListener;
use tokio::sync::watch;

use self::orders::Order;

/// Any error of the shop.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// The example's only customer. In a shop with accounts it is that of the session.
const CUSTOMER: &str = "customer-1";

/// Settings of a shop.
#[derive(Debug)]
pub struct Settings {
    /// The Gate for requests.
    pub gate: Gate,
    /// The keys of the project.
    pub verifier: Verifier,
    /// The payment methods.
    pub registry: Registry,
    /// The file of orders and callbacks.
    pub database: PathBuf,
    /// Policy for holding callbacks until Gate confirms them.
    pub hold: Hold,
    /// The shop's address for customers, such as `https://shop.example`.
    pub url: String,
    /// The header in which a proxy sends the customer's address, such as `x-real-ip`. Set it only
    /// if there is a proxy that sets it: anyone can send a header.
    pub address_header: Option<HeaderName>,
}

/// A shop. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Shop {
    settings: Arc<Settings>,
    inbox: SqliteInbox,
}

impl Shop {
    /// Opens the database, or creates it.
    pub async fn open(settings: Settings) -> Result<Self, Error> {
        let inbox = SqliteOptions::new().hold(settings.hold).open(&settings.database).await?;
        inbox.transaction(orders::prepare).await?;
        Ok(Self { settings: Arc::new(settings), inbox })
    }

    /// Serves pages, receives callbacks, and follows up overdue results, until `stop` is ready.
    /// Work in progress is finished first; waiting work is on disk.
    pub async fn serve(
        &self,
        listener: TcpListener,
        stop: impl Future<Output = ()>,
    ) -> Result<(), Error> {
        let (running, receiver) = watch::channel(());
        let stopped = || {
            let mut receiver = receiver.clone();
            // Nothing is ever sent: it ends.
            async move { drop(receiver.changed().await) }
        };
        let routes = self.routes().into_make_service_with_connect_info::<SocketAddr>();
        let server = axum::serve(listener, routes).with_graceful_shutdown(stopped());
        let worker = self.worker();
        let (ended, (), (), ()) = tokio::join!(
            server.into_future(),
            worker.run(stopped()),
            self.follow_up_until(stopped()),
            async {
                stop.await;
                drop(running);
            }
        );
        Ok(ended?)
    }

    /// Changes orders. The change is on disk when this returns.
    async fn write<T: Send + 'static>(
        &self,
        work: impl FnMut(&Connection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.inbox.transaction(work).await
    }

    /// Changes one order, if it exists.
    async fn change(
        &self,
        id: PaymentId,
        work: impl Fn(&mut Order) + Send + 'static,
    ) -> Result<(), Error> {
        self.write(move |connection| {
            let Some(mut order) = Order::load(connection, &id)? else { return Ok(()) };
            work(&mut order);
            order.save(connection)
        })
        .await
    }

    /// Reads orders, concurrently with writers. A busy shop would keep the connections.
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let settings = self.settings.clone();
        // Creates no file: a removed one must be noticed.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
        let work = move || work(&Connection::open_with_flags(&settings.database, flags)?);
        tokio::task::spawn_blocking(work).await?
    }

    async fn order(&self, id: PaymentId) -> Result<Option<Order>, Error> {
        self.read(move |connection| Order::load(connection, &id)).await
    }
}

fn seconds(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs().cast_signed())
}
