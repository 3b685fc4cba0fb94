//! Rights under any umask are tested where processes can be given one: in the tests of `ecp`.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use ecp_files::{
    Found, OpenFiles, Replacement, append, create, prepare_database, refuse_rollback, rewrite,
    sync_names, tighten,
};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn what_is_made_is_for_its_owner() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    create(&file).unwrap();
    assert_eq!(mode(&file), 0o600);
    assert_eq!(create(&file).unwrap_err().kind(), ErrorKind::AlreadyExists);
    let log = folder.path().join("log");
    append(&log).unwrap().write_all(b"one").unwrap();
    assert_eq!(mode(&log), 0o600);
    append(&log).unwrap().write_all(b"two").unwrap();
    assert_eq!(fs::read(&log).unwrap(), b"onetwo");
}

#[test]
fn what_exists_loses_the_rights_of_others_only() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    for (before, after) in [(0o644, 0o640), (0o666, 0o660), (0o600, 0o600), (0o640, 0o640)] {
        fs::set_permissions(&file, fs::Permissions::from_mode(before)).unwrap();
        assert_eq!(tighten(&file).unwrap(), before != after);
        assert_eq!(mode(&file), after);
    }
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    append(&file).unwrap();
    assert_eq!(mode(&file), 0o640);
    tighten(&folder.path().join("none")).unwrap_err();
    assert!(!tighten(Path::new("/dev/null")).unwrap());
}

#[test]
fn a_file_that_is_written_once_more_keeps_its_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    for length in [0_usize, 1, 65_535, 65_536, 65_537, 200_001] {
        let bytes: Vec<u8> = (0..length).map(|at| u8::try_from(at % 251).unwrap()).collect();
        fs::write(&file, &bytes).unwrap();
        rewrite(&file).unwrap();
        assert_eq!(fs::read(&file).unwrap(), bytes);
    }
    let error = rewrite(&folder.path().join("none")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[test]
fn names_are_synced_in_the_folder_that_a_link_leads_to() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    sync_names(&file).unwrap();
    let link = folder.path().join("link");
    symlink(&file, &link).unwrap();
    sync_names(&link).unwrap();
    let error = sync_names(&folder.path().join("none")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[test]
fn a_rollback_journal_beside_a_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (file, link) = (folder.path().join("file"), folder.path().join("link"));
    fs::write(&file, "").unwrap();
    symlink(&file, &link).unwrap();
    refuse_rollback(&link).unwrap();
    for over in ["", "\0\0"] {
        fs::write(folder.path().join("file-journal"), over).unwrap();
        refuse_rollback(&link).unwrap();
    }
    fs::write(folder.path().join("file-journal"), b"\xd9\xd5\x05\xf9").unwrap();
    for path in [&file, &link] {
        let error = refuse_rollback(path).unwrap_err().to_string();
        assert!(error.contains("file-journal"), "{error}");
    }
}

const LOG: &str = "ECP_TEST_LOG";

/// Appends to the log that is named, for
/// [`a_log_of_another_owner_that_the_group_may_write_is_written`], in a process of another user.
#[test]
fn another_user() {
    let Some(path) = std::env::var_os(LOG) else { return };
    append(Path::new(&path)).unwrap().write_all(b"other").unwrap();
}

#[test]
fn a_log_of_another_owner_that_the_group_may_write_is_written() {
    use std::os::unix::fs::MetadataExt;
    use std::os::unix::process::CommandExt;

    let folder = tempfile::tempdir().unwrap();
    let metadata = fs::metadata(folder.path()).unwrap();
    if metadata.uid() != 0 {
        // Only root can be another user.
        return;
    }
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let (log, test) = (folder.path().join("log"), folder.path().join("test"));
    fs::copy(std::env::current_exe().unwrap(), &test).unwrap();
    fs::write(&log, "owner").unwrap();
    fs::set_permissions(&log, fs::Permissions::from_mode(0o666)).unwrap();
    let status = std::process::Command::new(&test)
        .args(["--exact", "another_user"])
        .env(LOG, &log)
        .current_dir(folder.path())
        .uid(65534)
        .gid(65534)
        .status();
    assert!(status.unwrap().success());
    assert_eq!(fs::read(&log).unwrap(), b"ownerother");
    assert_eq!(mode(&log), 0o666);
}

#[test]
fn a_database_and_what_is_beside_it_are_for_their_owner() {
    let folder = tempfile::tempdir().unwrap();
    let (link, file) = (folder.path().join("link"), folder.path().join("file"));
    symlink(&file, &link).unwrap();
    assert_eq!(prepare_database(&link).unwrap(), None);
    assert_eq!((mode(&file), fs::metadata(&file).unwrap().len()), (0o600, 0));
    let log = folder.path().join("file-wal");
    fs::write(&log, "").unwrap();
    for path in [&file, &log] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o646)).unwrap();
    }
    assert_eq!(prepare_database(&link).unwrap(), None);
    assert_eq!((mode(&file), mode(&log)), (0o640, 0o640));
    prepare_database(&folder.path().join("none/file")).unwrap_err();
    let noted = OpenFiles::note_database(&link, &["-wal"]).unwrap();
    assert_eq!(noted.names().collect::<Vec<_>>(), [link.as_path(), &log]);
    assert_eq!((noted.found_under(&file), noted.found_under(&log)), (Found::Same, Found::Other));
}

#[test]
fn a_replacement_is_whole_or_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("results.csv");
    fs::write(&path, "before").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let mut file = Replacement::create(&path).unwrap();
    file.write_all(b"half").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"before");
    drop(file);
    assert_eq!(names(folder.path()), ["results.csv"]);
    let mut file = Replacement::create(&path).unwrap();
    let mut other = Replacement::create(&path).unwrap();
    other.write_all(b"other").unwrap();
    file.write_all(b"whole").unwrap();
    file.finish().unwrap();
    assert_eq!((fs::read(&path).unwrap(), mode(&path)), (b"whole".to_vec(), 0o600));
    other.finish().unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"other");
    assert_eq!(names(folder.path()), ["results.csv"]);
    assert_eq!(Replacement::create(folder.path()).unwrap_err().kind(), ErrorKind::IsADirectory);
    let mut null = Replacement::create(Path::new("/dev/null")).unwrap();
    null.write_all(b"nothing").unwrap();
    null.finish().unwrap();
    assert!(!Path::new("/dev/null").is_file());
}

#[test]
fn links_are_followed_and_stay() {
    let folder = tempfile::tempdir().unwrap();
    let (reports, links) = (folder.path().join("reports"), folder.path().join("links"));
    fs::create_dir(&reports).unwrap();
    fs::create_dir(&links).unwrap();
    let target = reports.join("january.csv");
    symlink("../reports/january.csv", links.join("month.csv")).unwrap();
    symlink("month.csv", links.join("latest.csv")).unwrap();
    // At first nothing is there.
    for content in ["first", "second"] {
        let mut file = Replacement::create(&links.join("latest.csv")).unwrap();
        file.write_all(content.as_bytes()).unwrap();
        assert_eq!(names(&links), ["latest.csv", "month.csv"]);
        file.finish().unwrap();
        assert_eq!(fs::read(&target).unwrap(), content.as_bytes());
        assert_eq!((names(&reports), mode(&target)), (vec!["january.csv".to_owned()], 0o600));
        for link in ["latest.csv", "month.csv"] {
            assert!(fs::symlink_metadata(links.join(link)).unwrap().is_symlink());
        }
    }
    symlink("b", links.join("a")).unwrap();
    symlink("a", links.join("b")).unwrap();
    Replacement::create(&links.join("a")).unwrap_err();
    symlink(&reports, links.join("folder")).unwrap();
    let folder = Replacement::create(&links.join("folder")).unwrap_err();
    assert_eq!(folder.kind(), ErrorKind::IsADirectory);
}

#[cfg(target_os = "linux")]
#[test]
fn what_is_open_already_is_written_and_not_replaced() {
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::MetadataExt;

    let folder = tempfile::tempdir().unwrap();
    let redirected = folder.path().join("redirected");
    let open = fs::File::create(&redirected).unwrap();
    let inode = open.metadata().unwrap().ino();
    // As `/dev/stdout` is a link to `/proc/self/fd/1`.
    let link = folder.path().join("stdout");
    symlink(format!("/proc/self/fd/{}", open.as_raw_fd()), &link).unwrap();
    for (path, content, whole) in [
        (link.clone(), "first", "first"),
        (format!("/dev/fd/{}", open.as_raw_fd()).into(), "second", "firstsecond"),
    ] {
        let mut file = Replacement::create(&path).unwrap();
        file.write_all(content.as_bytes()).unwrap();
        file.finish().unwrap();
        assert_eq!(fs::read(&redirected).unwrap(), whole.as_bytes());
    }
    assert_eq!(fs::metadata(&redirected).unwrap().ino(), inode);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(names(folder.path()), ["redirected", "stdout"]);
    // Not everything in `/dev` is a device.
    if let Ok(memory) = tempfile::tempdir_in("/dev/shm") {
        let path = memory.path().join("results.csv");
        Replacement::create(&path).unwrap().finish().unwrap();
        assert_eq!(mode(&path), 0o600);
    }
}

#[test]
fn a_link_under_the_temporary_name_is_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let victim = folder.path().join("victim");
    fs::write(&victim, "untouched").unwrap();
    let path = folder.path().join("results.csv");
    for number in 0..3 {
        let name = format!("results.csv.{}-{number}.unfinished", std::process::id());
        symlink(&victim, folder.path().join(name)).unwrap();
    }
    symlink(folder.path().join("nothing"), folder.path().join("results.csv.unfinished")).unwrap();
    let mut file = Replacement::create(&path).unwrap();
    file.write_all(b"results").unwrap();
    file.finish().unwrap();
    assert_eq!(fs::read(&victim).unwrap(), b"untouched");
    assert_eq!(fs::read(&path).unwrap(), b"results");
    assert!(fs::symlink_metadata(&path).unwrap().is_file());
    let dangling = folder.path().join("results.csv.unfinished");
    assert_eq!(create(&dangling).unwrap_err().kind(), ErrorKind::AlreadyExists);
}

#[test]
fn names_that_lead_elsewhere_are_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    let link = folder.path().join("link");
    fs::write(&first, "1").unwrap();
    fs::write(&second, "2").unwrap();
    symlink(&first, &link).unwrap();
    let _open = (fs::File::open(&first).unwrap(), fs::File::open(&second).unwrap());
    let files = OpenFiles::note([link.clone(), second.clone()]).unwrap();
    let found = || files.found().collect::<Vec<_>>();
    assert_eq!(files.names().collect::<Vec<_>>(), [link.as_path(), second.as_path()]);
    assert!(files.are_same());
    fs::write(&first, "the same file, written").unwrap();
    assert_eq!(found(), [Found::Same, Found::Same]);

    let away = folder.path().join("away");
    fs::rename(&second, &away).unwrap();
    assert_eq!(found(), [Found::Same, Found::Nothing]);
    fs::write(&second, "another").unwrap();
    assert_eq!(found(), [Found::Same, Found::Other]);
    assert!(!files.are_same());
    fs::rename(&away, &second).unwrap();
    assert!(files.are_same());

    fs::remove_file(&link).unwrap();
    symlink(&second, &link).unwrap();
    assert_eq!(found(), [Found::Other, Found::Same]);
    fs::remove_file(&link).unwrap();
    assert_eq!(found(), [Found::Nothing, Found::Same]);
    OpenFiles::note([link]).unwrap_err();
}

#[test]
fn no_database_is_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let beginnings: [(&str, &[u8]); 4] = [
        ("database", b"SQLite format 3\0\x10\0"),
        ("log", b"\x37\x7f\x06\x82"),
        ("other log", b"\x37\x7f\x06\x83"),
        ("rollback", b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7"),
    ];
    for (name, beginning) in beginnings {
        let path = folder.path().join(name);
        fs::write(&path, beginning).unwrap();
        let errors = [Replacement::create(&path).unwrap_err(), append(&path).unwrap_err()];
        for error in errors {
            assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{name}: {error}");
        }
        assert_eq!(fs::read(&path).unwrap(), beginning);
    }
    for (name, text) in [("empty", ""), ("short", "SQL"), ("text", "SQLite format 3 is a format")] {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        Replacement::create(&path).unwrap();
        append(&path).unwrap();
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 7);
}
