//! What happens to an inbox whose file is removed, moved or replaced while it is open, and who may
//! read its files.

#![cfg(all(feature = "sqlite", unix))]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::{Debug, Write as _};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use ecp_inbox::conformance::Body;
use ecp_inbox::sqlite::rusqlite::Connection;
use ecp_inbox::sqlite::{SqliteInbox, SqliteOptions};
use ecp_inbox::{Accepted, Claim, Hold, Inbox, InboxError, InboxErrorKind, Query, Release};
use tempfile::TempDir;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

struct Place {
    folder: TempDir,
    inbox: SqliteInbox,
}

impl Place {
    /// An inbox with one callback, of the payment `first`.
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let inbox = open(&folder.path().join("inbox.sqlite")).await;
        accept(&inbox, "first").await.unwrap();
        Self { folder, inbox }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn file(&self) -> PathBuf {
        self.path("inbox.sqlite")
    }

    /// Nothing is stored, claimed or read, and nothing is made.
    async fn is_lost(&self, kind: InboxErrorKind) {
        assert_eq!(accept(&self.inbox, "lost").await.unwrap_err().kind(), kind);
        assert_eq!(self.inbox.claim(&claim()).await.unwrap_err().kind(), kind);
        assert_eq!(payment(&self.inbox, "first").await.unwrap_err().kind(), kind);
        assert_eq!(self.inbox.stats().await.unwrap_err().kind(), kind);
        assert_eq!(self.inbox.entries(&Query::default()).await.unwrap_err().kind(), kind);
    }

    /// Everything that was accepted is there, for this process and for the next one.
    async fn holds(&self, payments: &[&str]) {
        let next = open(&self.file()).await;
        for inbox in [&self.inbox, &next] {
            let mut found: Vec<String> = inbox
                .entries(&Query::default())
                .await
                .unwrap()
                .into_iter()
                .map(|entry| entry.payment.unwrap().to_string())
                .collect();
            found.sort();
            assert_eq!(found, payments);
        }
        drop(next);
        let connection = Connection::open(self.file()).unwrap();
        let check = "PRAGMA integrity_check";
        let checked: String = connection.query_row(check, [], |row| row.get(0)).unwrap();
        assert_eq!(checked, "ok");
    }
}

async fn open(path: &Path) -> SqliteInbox {
    SqliteOptions::new().busy_timeout(Duration::from_secs(5)).open(path).await.unwrap()
}

async fn accept(inbox: &SqliteInbox, payment: &str) -> Result<Accepted, InboxError> {
    inbox.accept(&Body::new(payment, 1, "success").verified()).await
}

async fn payment(inbox: &SqliteInbox, payment: &str) -> Result<bool, InboxError> {
    let callback = Body::new(payment, 1, "success").verified();
    let state = inbox.payment(callback.project(), callback.payment_id().unwrap()).await?;
    Ok(state.is_some())
}

fn claim() -> Claim {
    Claim::new(9, Duration::from_secs(9)).attempts(9)
}

fn with(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

/// A copy in one file, as a backup is made, of an inbox that holds a payment.
async fn backup(path: &Path, payment: &str) {
    let folder = tempfile::tempdir().unwrap();
    let inbox = open(&folder.path().join("other.sqlite")).await;
    accept(&inbox, payment).await.unwrap();
    let connection = Connection::open(folder.path().join("other.sqlite")).unwrap();
    connection.execute("VACUUM INTO ?1", [path.to_str().unwrap()]).unwrap();
}

#[tokio::test]
async fn a_file_that_was_removed_is_missed_and_not_made_anew() {
    for others in [false, true] {
        let place = Place::new().await;
        fs::remove_file(place.file()).unwrap();
        if others {
            fs::remove_file(with(&place.file(), "-wal")).unwrap();
            fs::remove_file(with(&place.file(), "-shm")).unwrap();
        }
        place.is_lost(InboxErrorKind::Removed).await;
        assert!(!place.file().exists());
    }
}

#[tokio::test]
async fn a_file_that_was_moved_away_and_back_is_gone_on_with() {
    let place = Place::new().await;
    let (away, wal) = (place.path("away"), with(&place.file(), "-wal"));
    fs::rename(place.file(), &away).unwrap();
    place.is_lost(InboxErrorKind::Removed).await;
    fs::rename(&wal, with(&away, "-wal")).unwrap();
    place.is_lost(InboxErrorKind::Removed).await;
    fs::rename(&away, place.file()).unwrap();
    fs::rename(with(&away, "-wal"), &wal).unwrap();
    accept(&place.inbox, "second").await.unwrap();
    assert!(payment(&place.inbox, "first").await.unwrap());
    assert_eq!(place.inbox.claim(&claim()).await.unwrap().deliveries.len(), 2);
    place.holds(&["first", "second"]).await;
}

#[tokio::test]
async fn an_inbox_in_its_place_is_opened() {
    let place = Place::new().await;
    let restored = place.path("restored");
    backup(&restored, "backup").await;
    let away = place.path("away");
    fs::rename(place.file(), &away).unwrap();
    fs::rename(&restored, place.file()).unwrap();
    // Reading finds it too.
    assert!(payment(&place.inbox, "backup").await.unwrap());
    assert!(!payment(&place.inbox, "first").await.unwrap());
    accept(&place.inbox, "second").await.unwrap();
    place.holds(&["backup", "second"]).await;
    // The one that was moved away has everything that was accepted into it, without its log.
    let moved = open(&away).await;
    assert!(payment(&moved, "first").await.unwrap());
    assert_eq!(moved.stats().await.unwrap().waiting, 1);
}

#[tokio::test]
async fn an_inbox_that_is_put_over_it_is_opened() {
    let place = Place::new().await;
    for (round, name) in ["a", "b", "c"].into_iter().enumerate() {
        let restored = place.path("restored");
        backup(&restored, name).await;
        fs::rename(&restored, place.file()).unwrap();
        accept(&place.inbox, &format!("{name}-{round}")).await.unwrap();
        place.holds(&[name, &format!("{name}-{round}")]).await;
    }
}

/// The events of the log of [`SqliteInbox`], whichever thread they are of.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("ecp_inbox")
    }

    fn event(&self, event: &Event<'_>) {
        struct Line(String);
        impl Visit for Line {
            fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
                write!(self.0, " {field}={value:?}").unwrap();
            }
        }
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn the_log_says_that_another_inbox_was_opened_and_where_the_old_log_is() {
    // The thread that writes is another one. Tests beside this one write here too.
    let log = Log::default();
    let _ = tracing::subscriber::set_global_default(log.clone());
    let place = Place::new().await;
    let wal = with(&place.file(), "-wal");
    let before = fs::read(&wal).unwrap();
    let mut renamed = Vec::new();
    for name in ["a", "b"] {
        let restored = place.path("restored");
        backup(&restored, name).await;
        fs::rename(&restored, place.file()).unwrap();
        accept(&place.inbox, "second").await.unwrap();
        place.holds(&[name, "second"]).await;
        let begin = format!("{}.of-replaced-", wal.display());
        renamed = fs::read_dir(place.folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.display().to_string().starts_with(&begin))
            .collect();
    }
    assert_eq!(renamed.len(), 2);
    assert!(renamed.iter().any(|path| fs::read(path).unwrap() == before));
    for path in &renamed {
        assert_eq!(mode(path) & 0o007, 0);
        let lines = log.0.lock().unwrap();
        let of_it: Vec<_> =
            lines.iter().filter(|line| line.contains(&path.display().to_string())).collect();
        assert_eq!(of_it.len(), 1);
        assert!(of_it[0].starts_with("ERROR"), "{of_it:?}");
        assert!(of_it[0].contains("must be reconciled"), "{of_it:?}");
    }
}

#[tokio::test]
async fn what_a_released_callback_reports_is_logged() {
    let log = Log::default();
    let _guard = tracing::subscriber::set_default(log.clone());
    let folder = tempfile::tempdir().unwrap();
    let options = SqliteOptions::new().hold(Hold::Finals);
    let inbox = options.open(folder.path().join("inbox.sqlite")).await.unwrap();
    for status in ["success", "decline"] {
        let body = Body { operation_status: status, ..Body::new("X1", 1, "processing") };
        let accepted = inbox.accept(&body.verified()).await.unwrap();
        let Accepted::Held(id) = accepted else { panic!("{accepted:?}") };
        assert_eq!(inbox.release(id, &body.answer()).await.unwrap(), Release::Released);
    }
    let lines = log.0.lock().unwrap();
    let contradictions = lines.iter().filter(|line| line.contains("as success and as failure"));
    assert_eq!(contradictions.count(), 1, "{lines:?}");
}

/// Ends the transaction that it runs in, as a failure of the disk would.
async fn fail_to_commit(inbox: &SqliteInbox) {
    let commit = |connection: &Connection| Ok(connection.execute_batch("COMMIT")?);
    inbox.transaction(commit).await.unwrap_err();
}

#[tokio::test]
async fn the_log_of_an_inbox_that_failed_to_commit_is_not_read_into_another() {
    for moved in [false, true] {
        let place = Place::new().await;
        // Somebody who looks into the file: its log stays when the service closes it.
        let looking = Connection::open(place.file()).unwrap();
        let count = "SELECT count(*) FROM ecp_inbox_callbacks";
        assert_eq!(looking.query_row(count, [], |row| row.get(0)), Ok(1));
        let restored = place.path("restored");
        backup(&restored, "backup").await;
        fail_to_commit(&place.inbox).await;
        assert!(fs::metadata(with(&place.file(), "-wal")).unwrap().len() > 0);
        if moved {
            fs::rename(place.file(), place.path("away")).unwrap();
        }
        fs::rename(&restored, place.file()).unwrap();
        accept(&place.inbox, "second").await.unwrap();
        place.holds(&["backup", "second"]).await;
        drop(looking);
        place.holds(&["backup", "second"]).await;
        if moved {
            assert!(payment(&open(&place.path("away")).await, "first").await.unwrap());
        }
    }
}

#[tokio::test]
async fn an_inbox_that_failed_to_commit_is_opened_again() {
    let place = Place::new().await;
    for payment in ["second", "third"] {
        fail_to_commit(&place.inbox).await;
        accept(&place.inbox, payment).await.unwrap();
    }
    fail_to_commit(&place.inbox).await;
    fs::rename(place.file(), place.path("away")).unwrap();
    place.is_lost(InboxErrorKind::Removed).await;
    fs::rename(place.path("away"), place.file()).unwrap();
    place.holds(&["first", "second", "third"]).await;
}

#[tokio::test]
async fn an_inbox_with_its_log_in_its_place_is_opened() {
    let place = Place::new().await;
    let other = place.path("other.sqlite");
    let kept = open(&other).await;
    accept(&kept, "other").await.unwrap();
    // A copy of file and log, as a snapshot of the disk has them. The index is made anew.
    let copy = place.path("copy.sqlite");
    fs::copy(&other, &copy).unwrap();
    fs::copy(with(&other, "-wal"), with(&copy, "-wal")).unwrap();
    for end in ["", "-wal"] {
        fs::rename(with(&copy, end), with(&place.file(), end)).unwrap();
    }
    fs::remove_file(with(&place.file(), "-shm")).unwrap();
    accept(&place.inbox, "second").await.unwrap();
    place.holds(&["other", "second"]).await;
}

#[tokio::test]
async fn what_is_no_inbox_is_left_alone_until_one_takes_its_place() {
    let place = Place::new().await;
    // An empty file would become a new inbox where one may be made.
    fs::rename(place.file(), place.path("away")).unwrap();
    fs::write(place.file(), "").unwrap();
    place.is_lost(InboxErrorKind::NoInbox).await;
    assert_eq!(fs::metadata(place.file()).unwrap().len(), 0);

    fs::remove_file(place.file()).unwrap();
    fs::write(place.file(), "no database at all".repeat(100)).unwrap();
    place.is_lost(InboxErrorKind::NoInbox).await;

    fs::remove_file(place.file()).unwrap();
    let other = Connection::open(place.file()).unwrap();
    other.execute_batch("CREATE TABLE shop (id INTEGER); INSERT INTO shop VALUES (7)").unwrap();
    place.is_lost(InboxErrorKind::NoInbox).await;
    assert_eq!(other.query_row("SELECT id FROM shop", [], |row| row.get(0)), Ok(7));
    drop(other);

    fs::remove_file(place.file()).unwrap();
    fs::create_dir(place.file()).unwrap();
    assert!(accept(&place.inbox, "lost").await.is_err());
    fs::remove_dir(place.file()).unwrap();
    place.is_lost(InboxErrorKind::Removed).await;

    fs::rename(place.path("away"), place.file()).unwrap();
    accept(&place.inbox, "second").await.unwrap();
    place.holds(&["first", "second"]).await;
}

#[tokio::test]
async fn a_log_that_was_removed_costs_nothing() {
    for ends in [&["-wal"][..], &["-shm"], &["-wal", "-shm"]] {
        let place = Place::new().await;
        for round in 0..3 {
            for end in ends {
                fs::remove_file(with(&place.file(), end)).unwrap();
            }
            if round == 1 {
                assert!(payment(&place.inbox, "first").await.unwrap());
            }
            accept(&place.inbox, &format!("next-{round}")).await.unwrap();
            assert_eq!(place.inbox.stats().await.unwrap().waiting, round + 2);
        }
        place.holds(&["first", "next-0", "next-1", "next-2"]).await;
    }
}

const OTHER: &str = "ECP_TEST_OTHER_PROCESS";

/// Accepts the payments that are named on its input, for
/// [`two_processes_find_each_others_files_after_a_removal`], in a process of its own.
#[tokio::test]
async fn another_process() {
    let Some(path) = std::env::var_os(OTHER) else { return };
    let inbox = open(Path::new(&path)).await;
    for line in std::io::stdin().lines() {
        let line = line.unwrap();
        match accept(&inbox, &line).await {
            Ok(_) => eprintln!("accepted {line}"),
            Err(error) => eprintln!("{error} {line}"),
        }
    }
}

struct Other {
    process: Child,
    answers: BufReader<ChildStderr>,
}

impl Other {
    fn start(path: &Path) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "sqlite_file::another_process", "--nocapture"])
            .env(OTHER, path)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let answers = BufReader::new(process.stderr.take().unwrap());
        Self { process, answers }
    }

    fn accept(&mut self, payment: &str) {
        writeln!(self.process.stdin.as_ref().unwrap(), "{payment}").unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        assert_eq!(answer, format!("accepted {payment}\n"));
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        self.process.wait().unwrap();
    }
}

#[tokio::test]
async fn two_processes_find_each_others_files_after_a_removal() {
    let place = Place::new().await;
    let mut other = Other::start(&place.file());
    other.accept("other-0");
    for (round, ends) in [&["-wal"][..], &["-shm"], &["-wal", "-shm"]].into_iter().enumerate() {
        for end in ends {
            fs::remove_file(with(&place.file(), end)).unwrap();
        }
        let names = [format!("place-{}", round + 1), format!("other-{}", round + 1)];
        if round == 1 {
            other.accept(&names[1]);
            accept(&place.inbox, &names[0]).await.unwrap();
        } else {
            accept(&place.inbox, &names[0]).await.unwrap();
            other.accept(&names[1]);
        }
        assert_eq!(place.inbox.stats().await.unwrap().waiting, 2 * (round as u64 + 2));
    }
    let all =
        ["first", "other-0", "other-1", "other-2", "other-3", "place-1", "place-2", "place-3"];
    place.holds(&all).await;
    for name in ["a", "b"] {
        let restored = place.path("restored");
        backup(&restored, name).await;
        fs::rename(&restored, place.file()).unwrap();
        accept(&place.inbox, "place").await.unwrap();
        other.accept("other");
        place.holds(&[name, "other", "place"]).await;
    }
}

/// Two inboxes of one process share what SQLite keeps of the file, so that a new index of the log
/// is there only when each of them has looked.
#[tokio::test]
async fn two_inboxes_of_one_process_come_back_once_both_have_looked() {
    let place = Place::new().await;
    let other = open(&place.file()).await;
    accept(&other, "other").await.unwrap();
    for (round, end) in ["-wal", "-shm", "-wal"].into_iter().enumerate() {
        fs::remove_file(with(&place.file(), end)).unwrap();
        for (name, inbox) in [("a", &place.inbox), ("b", &other)] {
            let _ = accept(inbox, &format!("{name}-{round}")).await;
        }
        for (name, inbox) in [("a", &place.inbox), ("b", &other)] {
            accept(inbox, &format!("{name}-{round}")).await.unwrap();
        }
    }
    place.holds(&["a-0", "a-1", "a-2", "b-0", "b-1", "b-2", "first", "other"]).await;
}

#[tokio::test]
async fn a_folder_that_was_removed_or_moved_is_missed() {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("data");
    fs::create_dir(&folder).unwrap();
    let inbox = open(&folder.join("inbox.sqlite")).await;
    accept(&inbox, "first").await.unwrap();
    let away = outer.path().join("away");
    fs::rename(&folder, &away).unwrap();
    assert_eq!(accept(&inbox, "lost").await.unwrap_err().kind(), InboxErrorKind::Removed);
    fs::create_dir(&folder).unwrap();
    assert_eq!(accept(&inbox, "lost").await.unwrap_err().kind(), InboxErrorKind::Removed);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    fs::remove_dir(&folder).unwrap();
    fs::rename(&away, &folder).unwrap();
    accept(&inbox, "second").await.unwrap();
    fs::remove_dir_all(&folder).unwrap();
    assert_eq!(accept(&inbox, "lost").await.unwrap_err().kind(), InboxErrorKind::Removed);
}

#[tokio::test]
async fn a_link_is_followed_to_where_it_leads_now() {
    let place = Place::new().await;
    let link = place.path("link.sqlite");
    symlink(place.file(), &link).unwrap();
    let inbox = open(&link).await;
    accept(&inbox, "second").await.unwrap();
    let other = place.path("other.sqlite");
    backup(&other, "other").await;
    fs::remove_file(&link).unwrap();
    assert_eq!(accept(&inbox, "lost").await.unwrap_err().kind(), InboxErrorKind::Removed);
    symlink(&other, &link).unwrap();
    accept(&inbox, "third").await.unwrap();
    assert_eq!(inbox.stats().await.unwrap().waiting, 2);
    // Nothing of the other inbox was in the way, and it is as it was.
    place.holds(&["first", "second"]).await;
}

/// Takes the file away after the look before the commit, and before the commit.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_committed_to_a_file_without_a_name_is_not_said_to_be_stored() {
    let place = Place::new().await;
    let away = place.path("away");
    // Holds up the thread that writes, so that the next two are one transaction.
    let (go, wait) = mpsc::channel::<()>();
    let (inbox, other) = (place.inbox.clone(), place.inbox.clone());
    let (started, has_started) = tokio::sync::oneshot::channel();
    let mut started = Some(started);
    let blocked = tokio::spawn(async move {
        let hold = move |_: &Connection| {
            started.take().map(|started| started.send(()));
            wait.recv()?;
            Ok(())
        };
        inbox.transaction(hold).await
    });
    has_started.await.unwrap();
    let (file, to) = (place.file(), away.clone());
    let removal =
        tokio::spawn(async move { other.transaction(move |_| Ok(fs::rename(&file, &to)?)).await });
    tokio::time::sleep(Duration::from_millis(50)).await;
    let inbox = place.inbox.clone();
    let accepted = tokio::spawn(async move { accept(&inbox, "between").await });
    tokio::time::sleep(Duration::from_millis(50)).await;
    go.send(()).unwrap();
    blocked.await.unwrap().unwrap();
    let error = accepted.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), InboxErrorKind::Removed);
    removal.await.unwrap().unwrap_err();
    // It was committed all the same, which is found when the file comes back and the callback too.
    fs::rename(&away, place.file()).unwrap();
    assert!(matches!(accept(&place.inbox, "between").await.unwrap(), Accepted::Repeated(_)));
    place.holds(&["between", "first"]).await;
}

const UMASK: &str = "ECP_TEST_UMASK_FOLDER";

/// Makes an inbox where [`files_are_for_their_owner_whatever_the_umask`] says, in a process of its
/// own.
#[tokio::test]
async fn an_inbox_is_made_under_another_umask() {
    let Some(folder) = std::env::var_os(UMASK) else { return };
    let path = Path::new(&folder).join("inbox.sqlite");
    let inbox = open(&path).await;
    accept(&inbox, "first").await.unwrap();
    for end in ["", "-wal", "-shm"] {
        assert_eq!(mode(&with(&path, end)), 0o600, "{end}");
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn files_are_for_their_owner_whatever_the_umask() {
    for umask in ["000", "022"] {
        let folder = tempfile::tempdir().unwrap();
        let made = Command::new("sh")
            .args(["-c", "umask \"$0\"; exec \"$@\"", umask])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "sqlite_file::an_inbox_is_made_under_another_umask"])
            .env(UMASK, folder.path())
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stdout));
        assert_eq!(mode(&folder.path().join("inbox.sqlite")), 0o600);
    }
}

#[tokio::test]
async fn a_file_of_before_is_closed_to_others_and_left_to_its_group() {
    let place = Place::new().await;
    let reader = SqliteOptions::new().existing_only();
    for (rights, by_reader, by_service) in [(0o644, 0o644, 0o640), (0o660, 0o660, 0o660)] {
        fs::set_permissions(place.file(), fs::Permissions::from_mode(rights)).unwrap();
        reader.clone().open(place.file()).await.unwrap();
        assert_eq!(mode(&place.file()), by_reader);
        open(&place.file()).await;
        assert_eq!(mode(&place.file()), by_service);
    }
}
