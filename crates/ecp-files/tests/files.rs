//! Rights under any umask are tested where processes can be given one: in the tests of `ecp`.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use ecp_files::{Found, OpenFiles, Replacement, append, create, prepare_database, tighten};

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
