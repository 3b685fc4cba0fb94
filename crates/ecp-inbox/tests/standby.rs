//! A primary and its synchronous standby: what is answered while the standby is not there.

#![cfg(all(feature = "postgres", unix))]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use ecp_core::signature::{self, Place, Rules, SigningKey};
use ecp_core::{ProjectId, SecretKey};
use ecp_inbox::postgres::tokio_postgres::Config;
use ecp_inbox::postgres::{PostgresInbox, PostgresOptions};
use ecp_inbox::{Finding, Inbox, Level, Topic};
use ecp_notify::{Receiver, Verifier};
use ecp_testkit::postgres::{Pooler, Server};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::checkup::{has, of};
use crate::pooler::Ledger;

/// A primary, and its standby while that is there.
struct Pair {
    primary: Server,
    standby: Server,
    database: String,
}

impl Pair {
    fn start_or_skip(left_out: &str) -> Option<Self> {
        let primary = Server::start_or_skip(left_out)?;
        let database = primary.database().unwrap();
        let standby = primary.standby().unwrap();
        primary.wait_for_standbys().unwrap();
        Some(Self { primary, standby, database })
    }

    /// Ends each wait for the standby by a function of the server, such as `pg_cancel_backend`, until
    /// the answers are there. Returns them.
    async fn end_waits(&self, function: &str, answers: Vec<JoinHandle<u16>>) -> Vec<u16> {
        let end =
            format!("SELECT {function}(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'");
        while !answers.iter().all(JoinHandle::is_finished) {
            self.primary.run(&[&end]).unwrap();
            sleep(Duration::from_millis(5)).await;
        }
        let mut statuses = Vec::new();
        for answer in answers {
            statuses.push(answer.await.unwrap());
        }
        statuses
    }

    async fn examine(&self, database: &str) -> Vec<Finding> {
        PostgresOptions::new().examine(database.parse().unwrap()).await
    }

    fn count(&self, sql: &str) -> String {
        self.primary.run_in(&self.database, &[sql]).unwrap()
    }
}

fn body(payment: &str) -> Vec<u8> {
    let json = format!(
        r#"{{"project_id":1236,"payment":{{"id":"{payment}","status":"success"}},
        "operation":{{"id":1,"type":"sale","status":"success"}}}}"#
    );
    let key = SigningKey::new(&SecretKey::new("secret").unwrap());
    signature::sign_document(&key, json.as_bytes(), Place::Root, Rules::private()).unwrap()
}

/// The answer to a POST with a callback.
fn post(inbox: &PostgresInbox, payment: &str) -> JoinHandle<u16> {
    let verifier =
        Verifier::new().key(ProjectId::new(1236).unwrap(), &SecretKey::new("secret").unwrap());
    let receiver = Receiver::new(verifier, inbox.clone()).store_deadline(Duration::from_mins(1));
    let body = body(payment);
    tokio::spawn(async move { receiver.receive(&body).await.status })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_is_on_one_server_only_is_no_acknowledgement() {
    let left_out = "a cancelled wait for a standby";
    let Some(mut pair) = Pair::start_or_skip(left_out) else { return };
    let pooler = Pooler::start_or_skip(&pair.primary, 4, left_out);
    let through = pooler.as_ref().map(|pooler| pooler.before(&pair.database));
    let ways: Vec<Config> = [Some(pair.database.clone()), through]
        .iter()
        .flatten()
        .map(|way| way.parse().unwrap())
        .collect();
    let mut inboxes = Vec::new();
    for way in ways {
        inboxes.push(PostgresInbox::open(way).await.unwrap());
    }
    pair.count("CREATE TABLE ledger (callback bigint)");
    for inbox in &inboxes {
        assert_eq!(post(inbox, "before").await.unwrap(), 200);
    }
    let findings = pair.examine(&pair.database).await;
    assert_eq!(of(&findings, Level::Problem), [""; 0]);
    assert_eq!(of(&findings, Level::Warning), [""; 0]);
    has(&findings, Level::Fine, Topic::Replicas, "walreceiver: streaming, sync");
    let findings = pair.examine(&pair.standby.same_database(&pair.database)).await;
    has(&findings, Level::Problem, Topic::Replicas, "the server is a standby");
    pair.standby.crash().unwrap();
    let findings = pair.examine(&pair.database).await;
    has(&findings, Level::Problem, Topic::Replicas, "no such standby is connected");

    for (number, inbox) in inboxes.iter().enumerate() {
        // The server answers a commit whose wait is cancelled with a success and a warning.
        let payment = format!("cancelled-{number}");
        let answers = vec![post(inbox, &payment)];
        assert_eq!(pair.end_waits("pg_cancel_backend", answers).await, [503]);
        let there = format!("SELECT count(*) FROM ecp_inbox.payments WHERE payment = '{payment}'");
        assert_eq!(pair.count(&there), "1", "it is on the primary");
        // The repetition changes the stored callback, so that its commit waits as well.
        let answers = vec![post(inbox, &payment)];
        assert_eq!(pair.end_waits("pg_cancel_backend", answers).await, [503]);

        let answers = vec![post(inbox, &format!("terminated-{number}"))];
        assert_eq!(pair.end_waits("pg_terminate_backend", answers).await, [503]);
    }
    // Callbacks that are stored together, behind the first ones, which are stored alone.
    let answers = (0..12).map(|number| post(&inboxes[0], &format!("many-{number}"))).collect();
    assert_eq!(pair.end_waits("pg_cancel_backend", answers).await, [503; 12]);
    assert!(format!("{:?}", inboxes[0]).contains("redone: 0"), "{:?}", inboxes[0]);

    // A worker does nothing twice meanwhile.
    let worker =
        inboxes[0].worker(Ledger).lease(Duration::from_millis(500)).poll(Duration::from_millis(20));
    let worker = tokio::spawn(async move { worker.run(std::future::pending()).await });
    let answers = (0..4).map(|number| post(&inboxes[0], &format!("worked-{number}"))).collect();
    assert_eq!(pair.end_waits("pg_cancel_backend", answers).await, [503; 4]);

    pair.standby.restart().unwrap();
    for payment in ["before", "cancelled-0", "terminated-0", "many-0", "many-11", "worked-3"] {
        assert_eq!(post(&inboxes[0], payment).await.unwrap(), 200);
    }
    let stats = loop {
        let stats = inboxes[0].stats().await.unwrap();
        if stats.waiting == 0 {
            break stats;
        }
        sleep(Duration::from_millis(20)).await;
    };
    worker.abort();
    assert_eq!(stats.done, stats.payments);
    let written = pair.count("SELECT count(*), count(DISTINCT callback) FROM ledger");
    assert_eq!(written, format!("{0}|{0}", stats.done));

    let reload = "SELECT pg_reload_conf()";
    let unsafe_settings =
        ["ALTER SYSTEM SET fsync = off", "ALTER SYSTEM SET full_page_writes = off"];
    let hasty = "ALTER SYSTEM SET synchronous_commit = local";
    pair.primary.run(&[unsafe_settings[0], unsafe_settings[1], hasty, reload]).unwrap();
    let findings = pair.examine(&pair.database).await;
    has(&findings, Level::Problem, Topic::Durability, "fsync is off");
    has(&findings, Level::Warning, Topic::Durability, "full_page_writes is off");
    has(&findings, Level::Warning, Topic::Durability, "do not wait for the synchronous standby");
    pair.primary.wait_for_no_standby().unwrap();
    let findings = pair.examine(&pair.database).await;
    has(&findings, Level::Warning, Topic::Replicas, "1 replicas and no synchronous one");
}
