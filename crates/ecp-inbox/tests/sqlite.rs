//! The embedded store.

#![cfg(feature = "sqlite")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use async_trait::async_trait;
use ecp_core::Clock;
use ecp_inbox::conformance::Stage;
use ecp_inbox::sqlite::SqliteOptions;
use ecp_inbox::{Hold, Inbox};
use tempfile::TempDir;

struct File(TempDir);

#[async_trait]
impl Stage for File {
    async fn open_holding(&self, clock: Arc<dyn Clock>, hold: Hold) -> Arc<dyn Inbox> {
        let path = self.0.path().join("inbox.sqlite");
        Arc::new(SqliteOptions::new().clock(clock).hold(hold).open(path).await.unwrap())
    }
}

ecp_inbox::conformance!(File(tempfile::tempdir().unwrap()));

/// What only the embedded store does.
mod embedded {
    use std::path::PathBuf;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use ecp_core::observe::Observation;
    use ecp_inbox::conformance::{Body, clock};
    use ecp_inbox::sqlite::{SqliteInbox, rusqlite};
    use ecp_inbox::{
        Accepted, Claim, Delivery, EntryId, EntryState, Finish, HandlerError, InboxErrorKind,
        Query, Worker,
    };
    use rusqlite::Connection;
    use tokio::task::JoinSet;
    use tokio::time::{sleep, timeout};

    use super::*;

    fn place() -> (TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("inbox.sqlite");
        (folder, path)
    }

    async fn open(path: &PathBuf) -> SqliteInbox {
        SqliteInbox::open(path).await.unwrap()
    }

    async fn accept(inbox: &SqliteInbox, payment: &str) -> EntryId {
        match inbox.accept(&Body::new(payment, 1, "success").verified()).await.unwrap() {
            Accepted::New(id) => id,
            other => panic!("{other:?}"),
        }
    }

    async fn run_until_nothing_waits(worker: &Worker, inbox: &SqliteInbox) {
        let nothing_waits = async {
            while inbox.stats().await.unwrap().waiting > 0 {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(Duration::from_secs(30), worker.run(nothing_waits)).await.unwrap();
    }

    async fn count(inbox: &SqliteInbox, sql: &'static str) -> i64 {
        inbox.transaction(move |c| Ok(c.query_row(sql, [], |row| row.get(0))?)).await.unwrap()
    }

    const LEDGER: &str = "CREATE TABLE ledger (id INTEGER, attempt INTEGER)";

    fn write_down(connection: &Connection, delivery: &Delivery) -> Result<(), HandlerError> {
        connection.execute(
            "INSERT INTO ledger VALUES (?1, ?2)",
            rusqlite::params![delivery.id.get(), delivery.attempt],
        )?;
        Ok(())
    }

    #[tokio::test]
    async fn a_handler_in_the_transaction_has_its_effect_once() {
        let (_folder, path) = place();
        let inbox = open(&path).await;
        inbox.transaction(|c| Ok(c.execute_batch(LEDGER)?)).await.unwrap();
        for number in 0..50 {
            accept(&inbox, &format!("X{number}")).await;
        }
        // Every third attempt fails after it has written, by an error or by a panic.
        let calls = AtomicU32::new(0);
        let pause = Duration::from_millis(5);
        let worker = inbox
            .worker(move |connection, delivery| {
                write_down(connection, delivery)?;
                let call = calls.fetch_add(1, Ordering::SeqCst);
                assert!(!call.is_multiple_of(6), "configured to panic");
                if call % 6 == 3 { Err("configured to fail".into()) } else { Ok(()) }
            })
            .pauses(pause, pause)
            .poll(pause);
        run_until_nothing_waits(&worker, &inbox).await;
        assert_eq!(inbox.stats().await.unwrap().done, 50);
        assert_eq!(count(&inbox, "SELECT count(*) FROM ledger").await, 50);
        assert_eq!(count(&inbox, "SELECT count(DISTINCT id) FROM ledger").await, 50);
        assert!(count(&inbox, "SELECT max(attempt) FROM ledger").await > 1);
    }

    #[tokio::test]
    async fn a_handler_whose_lease_is_lost_writes_nothing() {
        let (_folder, path) = place();
        let clock = clock();
        let inbox = SqliteOptions::new().clock(clock.clone()).open(&path).await.unwrap();
        inbox.transaction(|c| Ok(c.execute_batch(LEDGER)?)).await.unwrap();
        let id = accept(&inbox, "X1").await;
        // Another replica claims in the moment between the claim and the handler.
        let thief = inbox.clone();
        let claim = Claim::new(1, Duration::from_mins(1)).attempts(20);
        let stolen = Arc::new(std::sync::Mutex::new(None));
        let keep = stolen.clone();
        let worker = inbox.worker(write_down).observer(move |seen: &Observation<'_>| {
            if seen.labels == [("ecp.inbox.operation", "claim"), ("ecp.outcome", "claimed")] {
                clock.advance(Duration::from_secs(31));
                let thief = thief.clone();
                let stolen = std::thread::spawn(move || {
                    let runtime =
                        tokio::runtime::Builder::new_current_thread().enable_all().build();
                    runtime.unwrap().block_on(thief.claim(&claim)).unwrap()
                });
                *keep.lock().unwrap() = Some(stolen.join().unwrap());
            }
        });
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let running = tokio::spawn(async move { worker.run(async { drop(stopped.await) }).await });
        sleep(Duration::from_millis(300)).await;
        stop.send(()).unwrap();
        running.await.unwrap();
        assert_eq!(count(&inbox, "SELECT count(*) FROM ledger").await, 0);
        let delivery = stolen.lock().unwrap().take().unwrap().deliveries.pop().unwrap();
        assert_eq!((delivery.id, delivery.attempt), (id, 2));
        assert!(inbox.finish(&delivery, Finish::Done).await.unwrap());
    }

    #[tokio::test]
    async fn a_handler_that_ends_the_transaction_is_found_out() {
        let (_folder, path) = place();
        let inbox = open(&path).await;
        let id = accept(&inbox, "X1").await;
        let worker = inbox.worker(|c, _| Ok(c.execute_batch("COMMIT")?)).attempts(1);
        run_until_nothing_waits(&worker, &inbox).await;
        let entry = inbox.entry(id).await.unwrap().unwrap();
        assert_eq!(entry.state, EntryState::Dead);
        assert_eq!(
            entry.error.as_deref(),
            Some("the handler ended the transaction: it must neither commit nor roll back")
        );
        assert!(accept(&inbox, "X2").await > id, "and the store goes on");
    }

    #[tokio::test]
    async fn one_that_fails_does_not_fail_its_neighbours() {
        let (_folder, path) = place();
        let inbox = open(&path).await;
        inbox.transaction(|c| Ok(c.execute_batch(LEDGER)?)).await.unwrap();
        let mut tasks = JoinSet::new();
        for number in 0..200 {
            let inbox = inbox.clone();
            tasks.spawn(async move {
                let written = inbox.transaction(move |c| {
                    c.execute("INSERT INTO ledger VALUES (?1, 1)", [number])?;
                    match number % 10 {
                        3 => Err("configured to fail".into()),
                        5 => panic!("configured to panic"),
                        // The whole transaction is lost, with what the others wrote.
                        7 => Ok(c.execute_batch("ROLLBACK")?),
                        _ => Ok(()),
                    }
                });
                assert_eq!(written.await.is_ok(), ![3, 5, 7].contains(&(number % 10)), "{number}");
            });
        }
        tasks.join_all().await;
        assert_eq!(count(&inbox, "SELECT count(*) FROM ledger").await, 140);
        assert_eq!(count(&inbox, "SELECT count(DISTINCT id) FROM ledger").await, 140);
    }

    #[tokio::test]
    async fn a_full_disk_refuses_and_recovers() {
        let (_folder, path) = place();
        let inbox = SqliteOptions::new().largest(200 * 1024).open(&path).await.unwrap();
        let big = |number: u32| {
            Body::new(format!("X{number}"), 1, "success").described("x".repeat(20_000)).verified()
        };
        let mut stored = Vec::new();
        let error = loop {
            let number = u32::try_from(stored.len()).unwrap();
            match inbox.accept(&big(number)).await {
                Ok(Accepted::New(id)) => stored.push(id),
                Ok(other) => panic!("{other:?}"),
                Err(error) => break error,
            }
            assert!(stored.len() < 50);
        };
        assert_eq!(error.kind(), InboxErrorKind::Full);
        assert_eq!(
            error.to_string(),
            "storing a callback failed: no space left for the database: its disk is full, or the file \
             has reached `SqliteOptions::largest`; free space or raise the limit"
        );
        assert!(stored.len() > 3);
        assert_eq!(inbox.stats().await.unwrap().waiting, stored.len() as u64);
        // Somebody makes room.
        let roomier = open(&path).await;
        let claim = Claim::new(2, Duration::from_secs(9)).attempts(20);
        for delivery in roomier.claim(&claim).await.unwrap().deliveries {
            assert!(roomier.finish(&delivery, Finish::Done).await.unwrap());
        }
        let later = ecp_core::Timestamp::from_unix_seconds(9_000_000_000).unwrap();
        assert_eq!(roomier.remove_bodies(later).await.unwrap(), 2);
        let number = u32::try_from(stored.len()).unwrap();
        assert!(matches!(inbox.accept(&big(number)).await, Ok(Accepted::New(_))));
    }

    #[tokio::test]
    async fn a_lock_of_another_process_is_waited_for_and_then_reported() {
        let (_folder, path) = place();
        let busy = Duration::from_millis(200);
        let inbox = SqliteOptions::new().busy_timeout(busy).open(&path).await.unwrap();
        let other = Connection::open(&path).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let callback = Body::new("X1", 1, "success").verified();
        let error = inbox.accept(&callback).await.unwrap_err();
        assert_eq!(error.kind(), InboxErrorKind::Busy);
        // Reading goes on meanwhile.
        assert_eq!(inbox.stats().await.unwrap().waiting, 0);
        let (accepted, ()) = tokio::join!(inbox.accept(&callback), async {
            sleep(busy / 2).await;
            other.execute_batch("COMMIT").unwrap();
        });
        assert!(matches!(accepted, Ok(Accepted::New(_))));
    }

    #[tokio::test]
    async fn what_is_no_inbox_or_not_ours_to_change_is_refused() {
        let (folder, path) = place();
        let existing = SqliteOptions::new().existing_only();
        let kind = async |options: &SqliteOptions, path: PathBuf| {
            options.clone().open(path).await.unwrap_err().kind()
        };
        assert_eq!(kind(&existing, path.clone()).await, InboxErrorKind::Unavailable);
        assert!(!path.exists(), "a tool made a file");

        let text = folder.path().join("notes.txt");
        std::fs::write(&text, "no database, and long enough to be looked at. ".repeat(100))
            .unwrap();
        let mine = folder.path().join("mine.sqlite");
        Connection::open(&mine).unwrap().execute_batch("CREATE TABLE mine (a)").unwrap();
        let before = std::fs::read(&mine).unwrap();
        for path in [&text, &mine] {
            assert_eq!(kind(&existing, path.clone()).await, InboxErrorKind::NoInbox);
        }
        assert_eq!(std::fs::read(&mine).unwrap(), before, "a tool changed a file");
        assert_eq!(kind(&SqliteOptions::new(), text).await, InboxErrorKind::NoInbox);
        for path in ["", ":memory:"] {
            assert_eq!(kind(&SqliteOptions::new(), path.into()).await, InboxErrorKind::NoInbox);
        }

        // A merchant's own database may hold an inbox too.
        let inbox = open(&mine).await;
        accept(&inbox, "X1").await;
        assert_eq!(count(&inbox, "SELECT count(*) FROM mine").await, 0);
        let newer = "UPDATE ecp_inbox_schema SET version = 99";
        inbox.transaction(move |c| Ok(c.execute_batch(newer)?)).await.unwrap();
        drop(inbox);
        for options in [existing, SqliteOptions::new()] {
            assert_eq!(kind(&options, mine.clone()).await, InboxErrorKind::Newer);
        }
    }

    #[tokio::test]
    async fn a_database_of_version_1_is_read_and_goes_on() {
        let (_folder, path) = place();
        let script = include_str!("data/version-1.sql");
        Connection::open(&path).unwrap().execute_batch(script).unwrap();
        let inbox = open(&path).await;
        let entries = inbox.entries(&Query::default()).await.unwrap();
        let states: Vec<_> = entries.iter().rev().map(|entry| entry.state).collect();
        assert_eq!(
            states,
            [
                EntryState::Done,
                EntryState::Repeated,
                EntryState::Waiting,
                EntryState::Held,
                EntryState::Dead
            ]
        );
        assert_eq!(entries[1].ambiguous, ["payment.description"]);
        // What it knew it still knows.
        let known = Body::new("V1", 1, "success");
        let accepted = inbox.accept(&known.verified()).await.unwrap();
        assert_eq!(accepted, Accepted::Repeated(entries[4].id));
        let reworded = inbox.accept(&known.described("anew").verified()).await.unwrap();
        assert!(
            matches!(reworded, Accepted::SameOperation { first, .. } if first == entries[4].id)
        );
        let claim = Claim::new(9, Duration::from_secs(9)).attempts(20);
        let claimed = inbox.claim(&claim).await.unwrap();
        assert_eq!(claimed.deliveries[0].id, entries[2].id);
        assert!(claimed.deliveries[0].payment.is_some());
    }

    #[tokio::test]
    async fn removed_bodies_are_not_on_the_disk_any_more() {
        let (_folder, path) = place();
        let inbox = open(&path).await;
        let body = Body::new("X1", 1, "success").described("sentinel-of-a-customer");
        inbox.accept(&body.verified()).await.unwrap();
        let claim = Claim::new(2, Duration::from_secs(9)).attempts(20);
        let delivery = inbox.claim(&claim).await.unwrap().deliveries.pop().unwrap();
        inbox.finish(&delivery, Finish::Done).await.unwrap();
        let on_disk = || {
            let files = std::fs::read_dir(path.parent().unwrap()).unwrap();
            files
                .map(|file| std::fs::read(file.unwrap().path()).unwrap())
                .any(|bytes| bytes.windows(22).any(|window| window == b"sentinel-of-a-customer"))
        };
        assert!(on_disk());
        let later = ecp_core::Timestamp::from_unix_seconds(9_000_000_000).unwrap();
        assert_eq!(inbox.remove_bodies(later).await.unwrap(), 1);
        assert!(!on_disk());
    }

    #[tokio::test]
    async fn many_accepts_share_a_wait_for_the_disk() {
        let (_folder, path) = place();
        let inbox = open(&path).await;
        let callbacks: Vec<_> = (0..500)
            .map(|number| Body::new(format!("X{number}"), 1, "success").verified())
            .collect();
        let mut tasks = JoinSet::new();
        for callback in callbacks {
            let inbox = inbox.clone();
            tasks.spawn(async move { inbox.accept(&callback).await.unwrap() });
        }
        assert_eq!(tasks.join_all().await.len(), 500);
        // Each commit ends with one frame of the log that says so: its database size is not 0.
        let log = std::fs::read(path.with_extension("sqlite-wal")).unwrap();
        let commits = log[32..].chunks(24 + 4096).filter(|frame| frame[4..8] != [0; 4]).count();
        assert!(commits < 50, "{commits} commits for 500 callbacks");
    }

    #[tokio::test]
    async fn an_observed_inbox_and_its_worker_tell_what_they_do() {
        let (_folder, path) = place();
        let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
        let note = |seen: &Arc<std::sync::Mutex<Vec<String>>>| {
            let seen = seen.clone();
            move |observed: &Observation<'_>| {
                let words: Vec<_> = observed.labels.iter().map(|(_, word)| *word).collect();
                seen.lock().unwrap().push(format!(
                    "{} {}",
                    observed.metric.name(),
                    words.join(" ")
                ));
                // Only what is listed, with the labels that are listed.
                assert!(ecp_inbox::METRICS.contains(&observed.metric));
                let listed = |(name, _): &(&str, _)| observed.metric.labels().contains(name);
                assert!(observed.labels.iter().all(listed), "{observed:?}");
            }
        };
        let observed = ecp_inbox::Observed::new(open(&path).await, note(&seen));
        let callback = Body::new("X1", 1, "success").verified();
        observed.accept(&callback).await.unwrap();
        observed.accept(&callback).await.unwrap();
        observed.accept(&Body::new("X2", 2, "success").verified()).await.unwrap();
        let inbox = open(&path).await;
        let worker = inbox
            .worker(|_, delivery| match delivery.attempt {
                2 if delivery.id.get() == 1 => Ok(()),
                _ => Err("no".into()),
            })
            .attempts(2)
            .pauses(Duration::ZERO, Duration::ZERO)
            .poll(Duration::from_millis(5))
            .observer(note(&seen));
        run_until_nothing_waits(&worker, &inbox).await;
        let later = ecp_core::Timestamp::from_unix_seconds(9_000_000_000).unwrap();
        observed.remove_bodies(later).await.unwrap();

        let mut times = std::collections::BTreeMap::new();
        for line in seen.lock().unwrap().iter().filter(|line| !line.ends_with("claim nothing")) {
            *times.entry(line.clone()).or_insert(0) += 1;
        }
        // How many claims there are is a matter of time.
        assert!(times.remove("ecp.inbox.operation.duration claim claimed") >= Some(2));
        let times: Vec<String> =
            times.iter().map(|(line, times)| format!("{times} {line}")).collect();
        assert_eq!(
            times,
            [
                "1 ecp.inbox.bodies_removed ",
                "1 ecp.inbox.dead handler",
                "1 ecp.inbox.handler.duration dead handler",
                "1 ecp.inbox.handler.duration done",
                "2 ecp.inbox.handler.duration retry handler",
                "2 ecp.inbox.operation.duration accept new",
                "1 ecp.inbox.operation.duration accept repeated",
                "1 ecp.inbox.operation.duration finish dead",
                "2 ecp.inbox.operation.duration finish retry",
                "1 ecp.inbox.operation.duration remove_bodies done",
            ]
        );
    }
}
