//! Checks that no test is left out: most crates link their tests into one program, which names its
//! modules.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::metadata;

/// Every Rust file below a folder.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The files that are neither a test program nor a module of another file.
fn left_out(files: &[PathBuf], programs: &BTreeSet<PathBuf>) -> Vec<PathBuf> {
    let texts: Vec<String> = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    let is_named = |file: &&PathBuf| {
        let name = match file.file_stem().unwrap().to_str().unwrap() {
            "mod" => file.parent().unwrap().file_name().unwrap().to_str().unwrap(),
            stem => stem,
        };
        let line = format!("mod {name};");
        texts.iter().any(|text| text.lines().any(|code| code.ends_with(&line)))
    };
    files.iter().filter(|file| !programs.contains(*file) && !is_named(file)).cloned().collect()
}

#[test]
fn every_file_of_tests_belongs_to_a_program() {
    let metadata = metadata::workspace();
    let mut looked_at = 0;
    for package in metadata.workspace_packages() {
        let tests = package.manifest_path.parent().unwrap().join("tests");
        let programs = package.targets.iter().filter(|target| target.is_test());
        let programs = programs.map(|target| target.src_path.clone().into_std_path_buf()).collect();
        let mut files = Vec::new();
        sources(tests.as_std_path(), &mut files);
        // These programs must not compile.
        files.retain(|file| !file.starts_with(tests.join("cases")));
        looked_at += files.len();
        let left_out = left_out(&files, &programs);
        assert!(left_out.is_empty(), "no program has these: {left_out:#?}");
    }
    assert!(looked_at > 100, "{looked_at}");
}

/// A target that is built without unit tests must not have any.
#[test]
fn what_is_not_built_as_a_test_has_no_tests() {
    let metadata = metadata::workspace();
    let mut looked_at = 0;
    for package in metadata.workspace_packages() {
        let untested = package.targets.iter().filter(|target| !target.test && !target.is_bench());
        for target in untested {
            let folder = target.src_path.parent().unwrap();
            let mut files = Vec::new();
            // The library of the examples is at the top of the package.
            if folder != package.manifest_path.parent().unwrap() {
                sources(folder.as_std_path(), &mut files);
            }
            files.push(target.src_path.clone().into_std_path_buf());
            for file in files {
                let text = fs::read_to_string(&file).unwrap();
                let is_test =
                    |line: &&str| line.trim().starts_with("#[") && line.trim().ends_with("test]");
                let found = text.lines().find(is_test);
                assert_eq!(found, None, "{}", file.display());
                looked_at += 1;
            }
        }
    }
    assert!(looked_at > 30, "{looked_at}");
}

#[test]
fn a_file_that_no_program_has_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::create_dir(path("support")).unwrap();
    for (name, text) in [
        ("main.rs", "mod a;\npub(crate) mod support;\n// mod b;x\n"),
        ("a.rs", ""),
        ("b.rs", ""),
        ("support/mod.rs", ""),
    ] {
        fs::write(path(name), text).unwrap();
    }
    let mut files = Vec::new();
    sources(folder.path(), &mut files);
    assert_eq!(files.len(), 4);
    assert_eq!(left_out(&files, &BTreeSet::from([path("main.rs")])), [path("b.rs")]);
}
