//! The corpus and every sample of the documents, whole and cut at each byte, satisfy the oracles.

use std::path::{Path, PathBuf};

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

fn inputs() -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = [root.join("corpus"), root.join("../crates/ecp-core/tests/samples")];
    let inputs: Vec<_> = folders
        .iter()
        .flat_map(|folder| files(folder))
        .map(|path| std::fs::read(path).unwrap())
        .collect();
    assert!(inputs.len() > 40, "{} inputs", inputs.len());
    inputs
}

#[test]
fn what_is_done_fast_comes_out_as_it_does_slowly() {
    for input in inputs() {
        for length in (0..input.len()).step_by(7).chain([input.len()]) {
            ecp_fuzz::fast(&input[..length]);
        }
    }
}

#[test]
fn the_canonical_string_is_that_of_the_plain_canonicaliser() {
    inputs().iter().for_each(|input| ecp_fuzz::canonical(input));
}

#[test]
fn what_is_signed_verifies_and_nothing_else_does() {
    for input in inputs() {
        ecp_fuzz::verify(&input);
        for length in (0..input.len()).step_by(7) {
            ecp_fuzz::verify(&input[..length]);
        }
    }
}

#[test]
fn another_reading_of_a_text_is_found() {
    let readings: usize = inputs().iter().map(|input| ecp_fuzz::reading(input)).sum();
    assert!(readings >= 6, "{readings}: the corpus holds documents with other readings");
}

#[test]
fn a_customer_is_sent_where_the_message_says() {
    inputs().iter().for_each(|input| ecp_fuzz::redirect(input));
}

#[test]
fn a_payment_ends_alike_in_any_order() {
    for input in inputs() {
        ecp_fuzz::state(&input);
    }
}
