//! A shop that sells credit through every method of the registry, pays it out where a method has
//! payouts, and gives payments back where it has refunds.
//!
//! `cargo run -p ecp-example-shop` runs it against a sandbox in the same process, on free ports,
//! and prints the address to open. With these variables it takes payments on the platform:
//!
//! | variable | |
//! |---|---|
//! | `ECP_PROJECT` | the project's number |
//! | `ECP_KEY` | the project's key |
//! | `ECP_SHOP_URL` | where customers reach the shop, such as `https://shop.example` |
//! | `ECP_SHOP_LISTEN` | where it listens, `127.0.0.1:8080` by default |
//! | `ECP_SHOP_DATABASE` | the file of orders and callbacks, `shop.db` by default |
//! | `ECP_SHOP_HOLD` | `finals`: no callback ends a payment before Gate says the same. Otherwise only those wait whose signature proves more than one reading |
//! | `ECP_SHOP_ADDRESS_HEADER` | the header in which your proxy tells the customer's address |
//!
//! A proxy with TLS belongs in front of it, with deadlines for requests. The platform must be set
//! to send callbacks, and the question about voucher amounts, to `/callbacks`.
//!
//! Worth copying:
//!
//! - `sending.rs`: an order is on disk under its payment id before its request is sent. A refusal
//!   is final; a request that never left is sent again under the same id; any other stays pending
//!   and is never sent again, and its status is requested.
//! - `callbacks.rs`: callbacks are verified, stored, and only then answered. The handler moves
//!   orders in the inbox's own transaction, so each callback has its effect once. The worker asks
//!   Gate about those that are held.
//! - `orders.rs`: a success counts only if sum, method and kind are the order's; anything else is
//!   flagged for a person.
//! - `follow_up.rs`: status requests for overdue results; bodies are removed after 30 days.
//! - `pages.rs`: the forms come from the specs. Where the customer returns to decides nothing.
//!
//! Left out: accounts with their sessions and tokens against forged forms, mail, and a desk
//! for flagged orders.

use std::env::{self, VarError};
use std::path::PathBuf;

use ecp_core::{ProjectId, SecretKey, Sensitive};
use ecp_example_shop::{Error, Settings, Shop};
use ecp_inbox::Hold;
use ecp_methods::Registry;
use ecp_notify::Verifier;
use ecp_sandbox::{Config, Project, Sandbox};
use ecp_transport::{Gate, ReqwestTransport};
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).init();
    match variable("ECP_PROJECT")? {
        Some(project) => on_the_platform(project.parse()?).await,
        None => on_a_sandbox().await,
    }
}

async fn on_the_platform(project: ProjectId) -> Result<(), Error> {
    let key = SecretKey::new(needed("ECP_KEY")?)?;
    if let Some(edges) = key.edges() {
        tracing::warn!("the key in ECP_KEY {edges}: remove that unless it belongs to the key");
    }
    let listen = variable("ECP_SHOP_LISTEN")?.unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let database = variable("ECP_SHOP_DATABASE")?.unwrap_or_else(|| "shop.db".to_owned());
    let header = variable("ECP_SHOP_ADDRESS_HEADER")?;
    let hold = match variable("ECP_SHOP_HOLD")?.as_deref() {
        Some("finals") => Hold::Finals,
        Some(other) => {
            return Err(format!("ECP_SHOP_HOLD is `finals` or unset, not `{other}`").into());
        }
        None => Hold::Ambiguous,
    };
    let settings = Settings {
        gate: Gate::new(project, &key, ReqwestTransport::new()?),
        verifier: Verifier::new().key(project, &key),
        registry: Registry::builtin(),
        database: PathBuf::from(database),
        hold,
        url: needed("ECP_SHOP_URL")?.trim_end_matches('/').to_owned(),
        address_header: header.map(|name| name.parse()).transpose()?,
    };
    let listener = TcpListener::bind(listen).await?;
    println!("the shop is at {}", settings.url);
    Shop::open(settings).await?.serve(listener, signal()).await
}

async fn on_a_sandbox() -> Result<(), Error> {
    let folder = tempfile::tempdir()?;
    let (shop, platform) =
        (TcpListener::bind("127.0.0.1:0").await?, TcpListener::bind("127.0.0.1:0").await?);
    let (shop_url, platform_url) =
        (format!("http://{}", shop.local_addr()?), format!("http://{}", platform.local_addr()?));

    let callbacks = format!("{shop_url}/callbacks");
    let project = Project::new(Config::DEMO_PROJECT, Sensitive::new(Config::DEMO_KEY.to_owned()))
        .callback_url(&callbacks)
        .confirmation_url(&callbacks);
    let sandbox = Sandbox::new(Config::new().project(project).public_url(&platform_url));
    let served = tokio::spawn(sandbox.serve(platform));

    let key = SecretKey::new(Config::DEMO_KEY)?;
    let gate = Gate::new(Config::DEMO_PROJECT, &key, ReqwestTransport::plain_http()?);
    let settings = Settings {
        gate: gate.base_url(&platform_url)?,
        verifier: Verifier::new().key(Config::DEMO_PROJECT, &key),
        registry: Registry::builtin(),
        database: folder.path().join("shop.db"),
        hold: Hold::Finals,
        url: shop_url,
        address_header: None,
    };
    println!("a sandbox takes the place of the platform: no money moves, and nothing is kept");
    println!("open {}", settings.url);
    Shop::open(settings).await?.serve(shop, signal()).await?;
    sandbox.shutdown();
    Ok(served.await??)
}

fn variable(name: &str) -> Result<Option<String>, Error> {
    match env::var(name) {
        Ok(value) => Ok(Some(value)),
        Err(VarError::NotPresent) => Ok(None),
        Err(error) => Err(format!("{name}: {error}").into()),
    }
}

fn needed(name: &str) -> Result<String, Error> {
    variable(name)?.ok_or_else(|| format!("set {name} too").into())
}

/// Ready when the process is asked to end.
async fn signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            return;
        }
    }
    drop(tokio::signal::ctrl_c().await);
}
