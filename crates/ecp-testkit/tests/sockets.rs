//! What only real connections do: refuse, and go stale in a pool. What a sender does after every
//! other failure, over sockets too, is in `adapters.rs`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use ecp_core::SecretKey;
use ecp_sandbox::{Config, Sandbox};
use ecp_testkit::{Fault, FaultServer};
use ecp_transport::{Gate, Outcome, ReqwestTransport, SendPolicy, Sender, Sent, TowerTransport};

use crate::common::{payout, policy};

fn sender(url: &str, policy: SendPolicy) -> Sender {
    let key = SecretKey::new(Config::DEMO_KEY).unwrap();
    let transport = ReqwestTransport::plain_http().unwrap();
    let gate = Gate::new(Config::DEMO_PROJECT, &key, transport).base_url(url).unwrap();
    Sender::new(gate, policy)
}

/// The sandbox behind a server on which requests go wrong by their places.
async fn server(plan: impl Fn(usize) -> Fault + Send + Sync + 'static) -> FaultServer {
    let platform = TowerTransport::new(Sandbox::new(Config::demo()).router());
    FaultServer::start(platform, move |number, _| plan(number)).await.unwrap()
}

/// The last parts of the requests' paths.
fn asked(server: &FaultServer) -> Vec<String> {
    let exchanges = server.exchanges();
    exchanges.iter().map(|seen| seen.path.rsplit('/').next().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn no_server_listens() {
    let url = server(|_| Fault::None).await.url();
    // The server is gone.
    tokio::time::sleep(Duration::from_millis(20)).await;
    let error = sender(&url, policy()).send(&payout("P-17")).await.unwrap_err();
    assert_eq!((error.outcome(), error.sends()), (Outcome::NotSent, 4), "{error}");
}

#[tokio::test]
async fn a_pooled_connection_that_has_gone_stale_is_harmless() {
    // The platform closes each connection after its answer and says nothing of it.
    let closing = server(|_| Fault::Stale).await;
    let client = sender(&closing.url(), policy());
    for number in 0..5 {
        let sent = client.send(&payout(&format!("P-{number}"))).await;
        assert!(matches!(sent, Ok(Sent::Registered(_) | Sent::Found(_))), "{sent:?}");
        // Time for the close to arrive.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let payouts = asked(&closing).iter().filter(|path| *path == "payout").count();
    assert_eq!(payouts, 5, "{:?}", asked(&closing));
    assert!(closing.connections() >= 5, "{}", closing.connections());

    // It closes the connection in the moment in which the next request is written to it.
    let racing = server(|number| if number == 2 { Fault::ResetBefore } else { Fault::None }).await;
    let client = sender(&racing.url(), policy());
    for id in ["P-1", "P-2", "P-3", "P-4"] {
        let sent = client.send(&payout(id)).await;
        assert!(matches!(sent, Ok(Sent::Registered(_))), "{id}: {sent:?}");
    }
    // So it was one from the pool that failed.
    assert_eq!(racing.connections(), 2, "{:?}", asked(&racing));
}
