//! The scripts of docs/operations that back inboxes up with the databases' own tools, while a
//! service writes, and what is there after a restore.

#![cfg(all(feature = "sqlite", feature = "postgres", unix))]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use ecp_inbox::conformance::Body;
use ecp_inbox::postgres::tokio_postgres::{Config, NoTls};
use ecp_inbox::postgres::{PostgresInbox, PostgresOptions};
use ecp_inbox::sqlite::SqliteInbox;
use ecp_inbox::sqlite::rusqlite::Connection;
use ecp_inbox::{Accepted, Claim, EntryId, Finish, Inbox, Query};

use crate::postgres::SERVER;

/// Whether the programs are installed. They must be in CI.
fn has(programs: &[&str]) -> bool {
    let is_there = |program: &&str| Command::new(program).arg("--version").output().is_ok();
    let missing: Vec<_> = programs.iter().filter(|program| !is_there(program)).collect();
    assert!(missing.is_empty() || std::env::var_os("CI").is_none(), "not installed: {missing:?}");
    if !missing.is_empty() {
        eprintln!("left out: backups, because these are not installed: {missing:?}");
    }
    missing.is_empty()
}

fn run(program: &str, arguments: &[&str]) -> Output {
    Command::new(program).args(arguments).output().unwrap()
}

fn succeeds(program: &str, arguments: &[&str]) -> String {
    let output = run(program, arguments);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// Runs a script of docs/operations. Returns the path of the backup, which it prints.
fn backup(script: &str, database: &str, arguments: &[&str]) -> PathBuf {
    let script = format!("{}/../../docs/operations/{script}", env!("CARGO_MANIFEST_DIR"));
    let printed = succeeds(&script, &[&[database], arguments].concat());
    let path = PathBuf::from(printed.trim_end());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let beside = fs::read_dir(path.parent().unwrap()).unwrap().count();
    assert_eq!(beside, 1, "something is left beside {}", path.display());
    path
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn body(payment: &str) -> Body {
    Body::new(payment, 1, "success").described("the customer's body")
}

/// Callbacks in three states: `done` was handled, `held` waits for Gate, `waiting` for a handler.
async fn fill(inbox: &dyn Inbox) {
    inbox.accept(&body("done").verified()).await.unwrap();
    let claim = Claim::new(9, Duration::from_secs(9)).attempts(9);
    let delivery = inbox.claim(&claim).await.unwrap().deliveries.pop().unwrap();
    assert!(inbox.finish(&delivery, Finish::Done).await.unwrap());
    inbox.accept(&Body::new("held", 1, "success").doubtful().verified()).await.unwrap();
    inbox.accept(&body("waiting").verified()).await.unwrap();
}

/// Everything that an inbox has, with the bodies.
async fn contents(inbox: &dyn Inbox) -> Vec<String> {
    let mut contents = vec![format!("{:?}", inbox.stats().await.unwrap())];
    for entry in inbox.entries(&Query::default()).await.unwrap() {
        let entry = inbox.entry(entry.id).await.unwrap().unwrap();
        let payment = inbox.payment(entry.project, entry.payment.as_ref().unwrap()).await.unwrap();
        let body = entry.raw.as_ref().unwrap().expose();
        contents.push(format!("{entry:?} {payment:?} {}", String::from_utf8_lossy(body)));
    }
    contents
}

/// A restored inbox goes on where the backup was made: it has what came before, and takes what came
/// after as new, under the number of a callback that was lost.
async fn goes_on(inbox: &dyn Inbox, lost: EntryId) {
    let repeated = inbox.accept(&body("done").verified()).await.unwrap();
    assert!(matches!(repeated, Accepted::Repeated(_)), "{repeated:?}");
    let new = inbox.accept(&body("after").verified()).await.unwrap();
    assert!(matches!(new, Accepted::New(id) if id == lost), "{new:?}, not {lost}");
    let claim = Claim::new(9, Duration::from_secs(9)).attempts(9);
    let claimed = inbox.claim(&claim).await.unwrap().deliveries;
    let payments = claimed.iter().map(|delivery| delivery.callback.payment_id().unwrap().as_str());
    assert_eq!(payments.collect::<Vec<_>>(), ["waiting", "after"]);
}

#[tokio::test]
async fn a_copy_of_an_sqlite_inbox_is_restored_beside_it_and_under_the_running_service() {
    if !has(&["sqlite3"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("inbox.sqlite");
    let inbox = SqliteInbox::open(&file).await.unwrap();
    fill(&inbox).await;
    let orders = "CREATE TABLE orders (id TEXT); INSERT INTO orders VALUES ('done')";
    inbox.transaction(move |connection| Ok(connection.execute_batch(orders)?)).await.unwrap();
    let before = contents(&inbox).await;

    // An apostrophe in a path is no end of a text.
    let copies = folder.path().join("the day's");
    let copy = backup("backup-sqlite.sh", text(&file), &[text(&copies)]);
    let lost = inbox.accept(&body("after").verified()).await.unwrap().id();
    let later = "INSERT INTO orders VALUES ('after')";
    inbox.transaction(move |connection| Ok(connection.execute_batch(later)?)).await.unwrap();

    let elsewhere = folder.path().join("elsewhere.sqlite");
    fs::copy(&copy, &elsewhere).unwrap();
    let restored = SqliteInbox::open(&elsewhere).await.unwrap();
    assert_eq!(contents(&restored).await, before);
    let count = "SELECT count(*) FROM orders";
    let orders: i64 =
        Connection::open(&elsewhere).unwrap().query_row(count, [], |row| row.get(0)).unwrap();
    assert_eq!(orders, 1, "the orders are of another moment than the callbacks");
    goes_on(&restored, lost).await;

    fs::rename(&copy, &file).unwrap();
    assert_eq!(contents(&inbox).await, before);
    goes_on(&inbox, lost).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_of_an_sqlite_inbox_is_of_one_moment_while_callbacks_come() {
    if !has(&["sqlite3"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("inbox.sqlite");
    let inbox = SqliteInbox::open(&file).await.unwrap();
    inbox.accept(&body("0").verified()).await.unwrap();
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let writer = tokio::spawn(async move {
        let mut accepted = 1_u64;
        while stopped.try_recv().is_err() {
            inbox.accept(&body(&accepted.to_string()).verified()).await.unwrap();
            accepted += 1;
        }
        accepted
    });
    let (from, to) = (file.clone(), folder.path().join("copies"));
    let copy =
        tokio::task::spawn_blocking(move || backup("backup-sqlite.sh", text(&from), &[text(&to)]));
    let copy = copy.await.unwrap();
    stop.send(()).unwrap();
    let accepted = writer.await.unwrap();
    let restored = SqliteInbox::open(&copy).await.unwrap();
    let stats = restored.stats().await.unwrap();
    assert!((1..=accepted).contains(&stats.waiting), "{} of {accepted}", stats.waiting);
    assert_eq!(stats.payments, stats.waiting, "a callback without its payment, or the reverse");
}

#[test]
fn what_is_no_database_is_not_backed_up() {
    if !has(&["sqlite3"]) {
        return;
    }
    let script = format!("{}/../../docs/operations/backup-sqlite.sh", env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    let (file, copies) = (folder.path().join("inbox.sqlite"), folder.path().join("copies"));
    let refused = run(&script, &[text(&file), text(&copies)]);
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("there is no database"));
    assert!(!file.exists(), "a database was made under a wrong name");
    fs::write(&file, "no database at all".repeat(100)).unwrap();
    assert!(!run(&script, &[text(&file), text(&copies)]).status.success());
    assert_eq!(fs::read_dir(&copies).unwrap().count(), 0);
}

async fn execute(database: &str, statements: &str) {
    let (client, connection) = database.parse::<Config>().unwrap().connect(NoTls).await.unwrap();
    let connection = tokio::spawn(connection);
    client.batch_execute(statements).await.unwrap();
    drop(client);
    connection.await.unwrap().unwrap();
}

async fn open(database: &str) -> PostgresInbox {
    PostgresOptions::new().existing_only().open(database.parse().unwrap()).await.unwrap()
}

#[tokio::test]
async fn a_dump_of_a_postgres_inbox_is_restored_with_the_orders_and_alone() {
    let Some(server) = &*SERVER else { return };
    if !has(&["pg_dump", "pg_restore"]) {
        return;
    }
    let database = server.database().unwrap();
    let inbox = PostgresInbox::open(database.parse().unwrap()).await.unwrap();
    fill(&inbox).await;
    execute(&database, "CREATE TABLE orders (id text); INSERT INTO orders VALUES ('done')").await;
    let before = contents(&inbox).await;

    let folder = tempfile::tempdir().unwrap();
    let (all, alone) = (folder.path().join("all"), folder.path().join("alone"));
    let all = backup("backup-postgres.sh", &database, &[text(&all)]);
    let alone = backup("backup-postgres.sh", &database, &[text(&alone), "ecp_inbox"]);
    let lost = inbox.accept(&body("after").verified()).await.unwrap().id();
    execute(&database, "INSERT INTO orders VALUES ('after')").await;

    let restore = ["--exit-on-error", "--single-transaction", "--dbname"];
    for (dump, has_orders) in [(&all, true), (&alone, false)] {
        let other = server.database().unwrap();
        succeeds("pg_restore", &[&restore[..], &[&other, text(dump)]].concat());
        let restored = open(&other).await;
        assert_eq!(contents(&restored).await, before);
        goes_on(&restored, lost).await;
        let table = "DO $$ BEGIN ASSERT (to_regclass('public.orders') IS NULL) = $1; END $$";
        execute(&other, &table.replace("$1", if has_orders { "false" } else { "true" })).await;
    }

    // The inbox alone in its place, over what came after. The orders stay.
    let clean = ["--clean", "--if-exists", "--schema=ecp_inbox"];
    let into = [&database, text(&all)];
    succeeds("pg_restore", &[&restore[..2], &clean, &restore[2..], &into].concat());
    let restored = open(&database).await;
    assert_eq!(contents(&restored).await, before);
    goes_on(&restored, lost).await;
    let orders = "DO $$ BEGIN ASSERT (SELECT count(*) FROM orders) = 2; END $$";
    execute(&database, orders).await;

    let script = format!("{}/../../docs/operations/backup-postgres.sh", env!("CARGO_MANIFEST_DIR"));
    let none = folder.path().join("none");
    let refused = run(&script, &[&database, text(&none), "no_such_schema"]);
    assert!(!refused.status.success(), "a schema that is not there was left out");
    assert_eq!(fs::read_dir(&none).unwrap().count(), 0);
}
