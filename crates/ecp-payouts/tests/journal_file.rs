//! A journal whose file is removed, moved or replaced while a run has it.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ecp_core::SecretKey;
use ecp_methods::Registry;
use ecp_payouts::{Counts, Journal, JournalError, Layout, Owner, Payer, Plan, Settings, Stop};
use ecp_sandbox::{Config, EventKind, Sandbox};
use ecp_testkit::{Fault, FaultTransport};
use ecp_transport::{Gate, RetryBudget, RetryPolicy, SendPolicy, TowerTransport};

const ROWS: usize = 60;

/// After how many requests something happens to the journal.
const BEFORE: usize = 10;

fn plan() -> Plan {
    let row = |row| format!("jeton,P-{row},{},EUR,account,192.0.2.1\n", 1000 + row);
    let head = "method,general.payment_id,payment.amount,payment.currency,account.number,\
                customer.ip_address\n";
    let file = head.to_owned() + &(0..ROWS).map(row).collect::<String>();
    Plan::read(file.into(), &Layout::new(), &Registry::builtin(), Config::DEMO_PROJECT).unwrap()
}

async fn run(
    sandbox: &Sandbox,
    journal: &Path,
    happens: impl Fn() + Send + Sync + 'static,
) -> Result<Counts, JournalError> {
    let faults = FaultTransport::new(TowerTransport::new(sandbox.router()), move |number, _| {
        if number == BEFORE {
            happens();
        }
        Fault::None
    });
    let key = SecretKey::new(Config::DEMO_KEY).unwrap();
    let gate = Gate::new(Config::DEMO_PROJECT, &key, Arc::new(faults));
    let retry = RetryPolicy::new()
        .budget(RetryBudget::new(100, 10_000))
        .pauses(Duration::from_millis(1), Duration::from_millis(10));
    let policy = SendPolicy::new().rate(None).retry(retry);
    let settings = Settings::new()
        .policy(policy)
        .not_found_after(Duration::from_millis(50))
        .first_question(Duration::from_millis(1));
    let owner = Owner::new(Config::DEMO_PROJECT, "http://localhost");
    let payer = Payer::new(gate, Journal::open(journal, &owner)?, settings);
    let counts = payer.run(&plan(), &Stop::new(), &()).await;
    // The thread that writes ends after the last who could ask it to.
    tokio::time::sleep(Duration::from_millis(100)).await;
    counts
}

/// How often each payment was begun.
fn begun(sandbox: &Sandbox) -> BTreeMap<String, usize> {
    let mut begun = BTreeMap::new();
    for event in sandbox.events() {
        let EventKind::PaymentChanged(status) = &event.kind else { continue };
        if status.as_str() == "processing" {
            let payment = event.payment_id.as_ref().unwrap().to_string();
            *begun.entry(payment).or_default() += 1;
        }
    }
    begun
}

fn wal(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

#[tokio::test]
async fn a_run_ends_when_its_journal_is_gone_and_goes_on_when_it_is_back() {
    type Change = (&'static str, fn(&Path), fn(&Path));
    let table: [Change; 3] = [
        (
            "moved away and back",
            |path| fs::rename(path, path.with_extension("away")).unwrap(),
            |path| fs::rename(path.with_extension("away"), path).unwrap(),
        ),
        (
            "replaced, and put back",
            |path| {
                fs::rename(path, path.with_extension("away")).unwrap();
                fs::write(path, "").unwrap();
            },
            |path| fs::rename(path.with_extension("away"), path).unwrap(),
        ),
        // What is in it goes to the file when the run ends.
        ("without its log", |path| fs::remove_file(wal(path)).unwrap(), |_| ()),
    ];
    for (what, happens, mended) in table {
        let folder = tempfile::tempdir().unwrap();
        let journal = folder.path().join("journal");
        let sandbox = Sandbox::new(Config::demo().event_history(1_000_000));
        let path = journal.clone();
        let error = run(&sandbox, &journal, move || happens(&path)).await.unwrap_err();
        assert!(matches!(error, JournalError::Removed), "{what}: {error}");
        let before = begun(&sandbox);
        assert!(before.len() < ROWS, "{what}: rows went on without a journal");
        mended(&journal);
        let counts = run(&sandbox, &journal, || ()).await.unwrap();
        assert!(counts.is_complete(), "{what}: {counts:?}");
        let after = begun(&sandbox);
        assert_eq!(after.len(), ROWS, "{what}");
        assert!(after.values().all(|times| *times == 1), "{what}: {after:?}");
    }
}

#[tokio::test]
async fn no_row_goes_out_whose_intent_has_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let sandbox = Sandbox::new(Config::demo().event_history(1_000_000));
    let away = folder.path().join("away");
    let (from, to) = (journal.clone(), away.clone());
    let error = run(&sandbox, &journal, move || {
        fs::rename(&from, &to).unwrap();
        fs::rename(wal(&from), wal(&to)).unwrap();
    })
    .await
    .unwrap_err();
    assert!(matches!(error, JournalError::Removed));
    assert!(!journal.exists());
    let known = Journal::read(&away).unwrap();
    for payment in begun(&sandbox).into_keys() {
        assert!(
            known.keys().any(|id| id.payment_id().as_str() == payment),
            "{payment} went out unseen"
        );
    }
    assert!(error.to_string().contains("put them back"));
}

#[test]
fn a_journal_begins_in_no_file_of_something_else() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().unwrap();
    let owner = Owner::new(Config::DEMO_PROJECT, "http://localhost");
    let database = |name: &str, sql: &str| {
        let path = folder.path().join(name);
        rusqlite::Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        path
    };
    let text = folder.path().join("text.csv");
    fs::write(&text, "id,note\n".repeat(1000)).unwrap();
    for path in [
        database("other", "CREATE TABLE other (id INTEGER)"),
        database("wal", "PRAGMA journal_mode = WAL; CREATE TABLE other (id INTEGER)"),
        database("view", "CREATE VIEW payouts AS SELECT 1"),
        database("same-names", "CREATE TABLE owner (name TEXT); CREATE TABLE payouts (id TEXT)"),
        database("more", "CREATE TABLE payouts (payment_id TEXT PRIMARY KEY, state TEXT)"),
        text,
    ] {
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let before = fs::read(&path).unwrap();
        let error = Journal::open(&path, &owner).unwrap_err();
        assert!(matches!(error, JournalError::NotAJournal), "{path:?}: {error}");
        assert_eq!(fs::read(&path).unwrap(), before, "{path:?}");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o644, "{path:?}");
        let error = Journal::read(&path).unwrap_err();
        assert!(matches!(error, JournalError::NotAJournal), "{path:?}: {error}");
    }
    // What a run that ended at once leaves is a beginning.
    for path in [folder.path().join("missing"), database("empty", ""), database("vacuum", "VACUUM")]
    {
        Journal::open(&path, &owner).unwrap();
    }
}
