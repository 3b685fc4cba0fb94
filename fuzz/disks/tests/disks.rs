//! Some seeds, and the mistakes that seeds have found. `cargo xtask disks --seeds N` plays more.
//!
//! Where disks cannot be mounted, one line says so, in CI too: whether a container has FUSE is not
//! in the hands of this repository. A mount that fails although the device is there is an error.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::PathBuf;

use ecp_crash::history::Histories;
use ecp_crash::process::Process;
use ecp_disks::disk::{Disk, Refusal};
use ecp_disks::faults::{Faults, Operation};
use ecp_disks::mount::{self, Mount};
use ecp_disks::{Plan, payouts, run};
use fastrand::Rng;

fn program() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_ecp-disks"))
}

fn can_mount() -> bool {
    let missing = mount::missing();
    if let Some(missing) = &missing {
        eprintln!("left out: disks that fail and lose power ({missing})");
    }
    missing.is_none()
}

#[test]
fn an_inbox_loses_nothing_and_does_nothing_twice_over_a_disk_that_fails() {
    if !can_mount() {
        return;
    }
    // Two at a time.
    std::thread::scope(|scope| {
        for _ in 0..2 {
            let seed = fastrand::u64(..u64::MAX / 2);
            scope.spawn(move || {
                let plan = Plan { program: program(), seed, seeds: 60, is_lying: false };
                let summary = run(&plan).unwrap();
                println!("{summary}");
                assert!(summary.accepted > 0 && summary.refused > 0 && summary.power_losses > 0);
            });
        }
    });
}

#[test]
fn a_disk_that_reports_syncs_it_has_not_made_is_noticed() {
    if can_mount() {
        run(&Plan { program: program(), seed: 1, seeds: 40, is_lying: true }).unwrap_err();
    }
}

#[test]
fn a_payer_has_every_intent_on_a_disk_that_fails_before_its_request() {
    if can_mount() {
        let seed = fastrand::u64(..u64::MAX / 2);
        let plan = Plan { program: program(), seed, seeds: 60, is_lying: false };
        let paid = payouts::run(&plan).unwrap();
        println!("{paid}");
        assert!(paid.faults > 0 && paid.power_losses > 0 && paid.payouts > 0);
    }
}

#[test]
fn an_intent_that_is_not_on_disk_is_noticed() {
    if can_mount() {
        payouts::run(&Plan { program: program(), seed: 1, seeds: 60, is_lying: true }).unwrap_err();
    }
}

#[test]
fn a_journal_is_opened_only_when_its_mode_is_on_disk() {
    if !can_mount() {
        return;
    }
    let mount = Mount::new(Disk::new(1)).unwrap();
    let journal = mount.folder().join("payouts.journal").display().to_string();
    let books = tempfile::NamedTempFile::new().unwrap();
    let arguments = ["payer".to_owned(), journal, books.path().display().to_string()];
    // SQLite reports the mode before it commits the change.
    mount.disk().set_faults(Faults::failing(Operation::Sync, 0, 1));
    let mut child = Process::start(&program(), &arguments).unwrap();
    assert!(child.ask("pay 1").unwrap()[0].starts_with("error "));
    assert!(child.ask("pay 1").unwrap()[0].contains("success: 1"));
    drop(child.kill());
    let mut child = Process::start(&program(), &arguments).unwrap();
    assert_eq!(child.ask("read").unwrap(), ["P-0 1 success"]);
    drop(child.kill());
}

#[test]
fn a_rollback_journal_that_was_not_seen_undoes_no_intent() {
    // The removal of a rollback journal failed, and so did SQLite's look for it afterwards.
    if can_mount() {
        payouts::run(&Plan { program: program(), seed: 1317, seeds: 1, is_lying: false }).unwrap();
    }
}

/// An inbox over a disk.
struct Stage {
    mount: Mount,
    child: Option<Process>,
    bodies: Vec<String>,
}

impl Stage {
    fn new(seed: u64) -> Self {
        let mount = Mount::new(Disk::new(seed)).unwrap();
        let mut bodies = Histories::of(0, 4, &mut Rng::with_seed(seed)).sent;
        bodies.dedup();
        Self { mount, child: None, bodies }
    }

    fn fail(&self, faults: Faults) {
        self.mount.disk().set_faults(faults);
    }

    fn ask(&mut self, command: &str) -> Vec<String> {
        self.child.as_mut().unwrap().ask(command).unwrap()
    }

    fn open(&mut self) -> Vec<String> {
        let file = self.mount.folder().join("inbox.db").display().to_string();
        self.child = Some(Process::start(&program(), &[file]).unwrap());
        self.ask("open")
    }

    /// The process ends as by `kill -9`; what the system has of the disk in memory stays.
    fn kill(&mut self) {
        drop(self.child.take().map(Process::kill));
        self.fail(Faults::default());
    }

    fn lose_power(&mut self) {
        self.kill();
        self.mount.disk().lose_power();
    }

    fn status(&mut self, body: usize) -> String {
        let sent = format!("accept {body} {}", self.bodies[body]);
        self.ask(&sent)[0].split(' ').nth(1).unwrap().to_owned()
    }

    fn has(&mut self, body: usize) -> bool {
        let body = self.bodies[body].clone();
        self.ask("stored").iter().any(|line| line.ends_with(&body))
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // Before the disk is unmounted.
        self.child = None;
    }
}

#[test]
fn a_commit_that_was_not_synced_takes_no_later_one_with_it() {
    if !can_mount() {
        return;
    }
    // Which part of a sync that failed is on the disk, is chance.
    for seed in 0..12 {
        let mut stage = Stage::new(seed);
        assert!(stage.open().is_empty());
        assert_eq!(stage.status(0), "200");
        stage.fail(Faults::failing(Operation::Sync, 0, 1));
        assert_eq!(stage.status(1), "503");
        // What the failed commit has left in the log is read as a commit by the next process.
        stage.kill();
        assert!(stage.open().is_empty());
        assert_eq!(stage.status(2), "200");
        stage.lose_power();
        assert!(stage.open().is_empty());
        assert!(stage.has(0) && stage.has(2), "seed {seed}");
        assert_eq!(stage.ask("check"), ["ok"]);
    }
}

#[test]
fn a_log_that_cannot_be_written_once_more_is_not_used() {
    if !can_mount() {
        return;
    }
    for seed in 0..12 {
        let mut stage = Stage::new(seed);
        assert!(stage.open().is_empty());
        assert_eq!(stage.status(0), "200");
        stage.fail(Faults::failing(Operation::Sync, 0, 1));
        assert_eq!(stage.status(1), "503");
        stage.kill();
        stage.fail(Faults::failing(Operation::Sync, 0, 1));
        assert!(stage.open()[0].contains("writing the log to disk once more"));
        assert!(stage.ask("open").is_empty());
        assert_eq!(stage.ask("check"), ["ok"], "seed {seed}");
        assert_eq!(stage.status(2), "200");
        stage.lose_power();
        assert!(stage.open().is_empty());
        assert!(stage.has(0) && stage.has(2), "seed {seed}");
        assert_eq!(stage.ask("check"), ["ok"]);
    }
}

#[test]
fn an_inbox_is_opened_only_when_the_names_of_its_files_are_on_disk() {
    if !can_mount() {
        return;
    }
    for seed in 0..12 {
        let mut stage = Stage::new(seed);
        // SQLite syncs the folder for its journals.
        stage.fail(Faults::failing(Operation::SyncFolder, 0, u32::MAX));
        let opened = stage.open();
        assert!(opened[0].contains("writing the log's name to disk"), "{opened:?}");
        stage.fail(Faults::default());
        assert!(stage.ask("open").is_empty());
        assert_eq!(stage.status(0), "200");
        stage.lose_power();
        assert!(stage.open().is_empty());
        assert!(stage.has(0), "seed {seed}");
    }
}

#[test]
fn a_disk_keeps_what_was_synced_and_by_chance_a_part_of_the_rest() {
    let (mut kept, mut lost, mut torn) = (false, false, false);
    for seed in 0..200 {
        let mut disk = Disk::new(seed);
        let file = disk.create("file", 0o600).unwrap().number;
        disk.write(file, 0, &[1; 10_000], false).unwrap();
        disk.sync(file).unwrap();
        disk.sync_folder().unwrap();
        disk.write(file, 5000, &[2; 10_000], false).unwrap();
        disk.lose_power();
        let file = disk.look_up("file").unwrap().number;
        let bytes = disk.read(file, 0, 20_000).unwrap();
        assert_eq!(bytes[..5000], [1; 5000]);
        assert!(bytes.len() == 10_000 || bytes.len() > 10_000 && bytes.len() <= 15_000);
        let has = |value: u8| bytes[5000..10_000].contains(&value);
        kept |= !has(1);
        lost |= !has(2);
        torn |= has(1) && has(2);
    }
    assert!(kept && lost && torn);
}

#[test]
fn a_sync_after_one_that_failed_succeeds_and_stores_nothing() {
    let mut lost = 0;
    for seed in 0..50 {
        let mut disk = Disk::new(seed);
        let file = disk.create("file", 0o600).unwrap().number;
        disk.sync_folder().unwrap();
        disk.write(file, 0, &[1; 4096], false).unwrap();
        disk.set_faults(Faults::failing(Operation::Sync, 0, 1));
        assert_eq!(disk.sync(file), Err(Refusal::Failed));
        assert_eq!(disk.sync(file), Ok(()));
        disk.lose_power();
        let file = disk.look_up("file").unwrap().number;
        lost += u32::from(disk.read(file, 0, 4096).unwrap() != [1; 4096]);
    }
    assert!((1..50).contains(&lost), "{lost}");
}

#[test]
fn names_are_lost_with_the_power_until_their_folder_is_synced() {
    let mut found = [0_u32; 3];
    for seed in 0..100 {
        let mut disk = Disk::new(seed);
        let file = disk.create("old", 0o600).unwrap().number;
        disk.sync(file).unwrap();
        disk.sync_folder().unwrap();
        disk.rename("old", "new").unwrap();
        disk.create("other", 0o600).unwrap();
        disk.lose_power();
        let has = |disk: &mut Disk, name: &str| u32::from(disk.look_up(name).is_ok());
        assert_eq!(has(&mut disk, "old") + has(&mut disk, "new"), 1);
        for (count, name) in found.iter_mut().zip(["old", "new", "other"]) {
            *count += has(&mut disk, name);
        }
    }
    assert!(found.iter().all(|count| (1..100).contains(count)), "{found:?}");
}
