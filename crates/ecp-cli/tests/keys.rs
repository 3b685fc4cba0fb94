//! Keys that were copied with something at their edges, or are not the key, as a shell sees them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Write;
use std::path::Path;
use std::process::{Output, Stdio};

use crate::support::{ecp, stderr, stdout};
use ecp_core::SecretKey;
use ecp_core::signature::{self, Place, Rules, SigningKey};

const KEY: &str = "sandbox-key-not-a-secret";

fn signed_with(key: &str) -> String {
    let key = SigningKey::new(&SecretKey::new(key).unwrap());
    let body = br#"{"project_id":1,"payment":{"id":"C-1","status":"success"}}"#;
    let signed = signature::sign_document(&key, body, Place::Root, Rules::private());
    String::from_utf8(signed.unwrap()).unwrap()
}

/// Runs a command on a document with a key in the variable `KN` or in a file.
fn run(folder: &Path, command: &str, key: &[u8], in_file: bool, document: &str) -> Output {
    let mut ecp = ecp(folder, &[command]);
    if in_file {
        std::fs::write(folder.join("key.txt"), key).unwrap();
        ecp.args(["--key-file", "key.txt"]);
    } else {
        ecp.args(["--key-env", "KN"]).env("KN", std::str::from_utf8(key).unwrap());
    }
    let ecp = ecp.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = ecp.spawn().unwrap();
    // A command that refuses its key does not read its input.
    let _ = child.stdin.take().unwrap().write_all(document.as_bytes());
    child.wait_with_output().unwrap()
}

#[test]
fn one_line_break_at_the_end_does_not_count_in_a_variable_and_in_a_file_alike() {
    let folder = tempfile::tempdir().unwrap();
    for end in ["", "\n", "\r\n"] {
        for in_file in [false, true] {
            let key = format!("{KEY}{end}");
            let output = run(folder.path(), "verify", key.as_bytes(), in_file, &signed_with(KEY));
            assert!(output.status.success(), "{end:?}: {}", stdout(&output));
            assert_eq!(stderr(&output), "", "{end:?}");
        }
    }
}

#[test]
fn what_else_stands_at_the_edges_is_named_at_load_and_explained() {
    let folder = tempfile::tempdir().unwrap();
    let table = [
        ("\u{feff}K\n", "begins with a byte order mark", "without its byte order mark"),
        ("K\n\n", "ends with a line break", "without the line break at its end"),
        ("K ", "ends with a space", "without the white space at its edges"),
        ("\tK", "begins with a tab", "without the white space at its edges"),
        ("K\u{a0}", "ends with white space", "without the white space at its edges"),
        ("\"K\"", "begins and ends with a quotation mark", "without the quotation marks around it"),
        (
            "\u{201c}K\u{201d}",
            "begins and ends with a quotation mark",
            "without the quotation marks around it",
        ),
        (
            "\u{feff}\"K\"\r\n",
            "begins with a byte order mark and ends with a quotation mark",
            "without the characters at its edges (white space, marks, quotation marks)",
        ),
        ("\u{200b}K", "begins with an invisible character", "without its byte order mark"),
    ];
    for (key, edges, guess) in table {
        let key = key.replace('K', KEY);
        for in_file in [false, true] {
            let name = if in_file { "key.txt" } else { "KN" };
            let warning = format!("WARNING: the key in {name} {edges}; ");
            for command in ["verify", "explain"] {
                let output =
                    run(folder.path(), command, key.as_bytes(), in_file, &signed_with(KEY));
                assert_eq!(output.status.code(), Some(1), "{edges}");
                assert!(stderr(&output).starts_with(&warning), "{}", stderr(&output));
                let said = format!("{}{}", stderr(&output), stdout(&output));
                assert!(!said.contains(KEY), "{said}");
                if command == "explain" {
                    let line = format!("  with the key in {name} {guess}\n");
                    assert!(said.ends_with(&line), "{said}");
                }
            }
            // A key may have such edges: then it is used as it is.
            let meant = key.strip_suffix("\r\n").or(key.strip_suffix('\n')).unwrap_or(&key);
            let output = run(folder.path(), "verify", key.as_bytes(), in_file, &signed_with(meant));
            assert!(output.status.success(), "{edges}: {}", stdout(&output));
        }
    }
}

#[test]
fn another_form_of_the_key_that_fits_is_found() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("real.key"), format!("{KEY}\n")).unwrap();
    let encoded = "c2FuZGJveC1rZXktbm90LWEtc2VjcmV0";
    let encoded_with_break = "c2FuZGJveC1rZXktbm90LWEtc2VjcmV0Cg==";
    let hex = "73616e64626f782d6b65792d6e6f742d612d736563726574";
    let table = [
        (encoded, KEY, "decoded from base64"),
        (encoded_with_break, KEY, "decoded from base64"),
        (KEY, encoded, "encoded as base64"),
        (hex, KEY, "decoded from hexadecimal"),
        ("real.key", KEY, "taken from the file that it names"),
        ("./real.key", KEY, "taken from the file that it names"),
        ("REAL_KEY", KEY, "taken from the variable that it names"),
        ("${REAL_KEY}", KEY, "taken from the variable that it names"),
        (
            "export ECP_KEY=\"sandbox-key-not-a-secret\"",
            KEY,
            "from its first `=` or `:` on: it is a whole assignment",
        ),
        (
            "key: sandbox-key-not-a-secret",
            KEY,
            "from its first `=` or `:` on: it is a whole assignment",
        ),
        ("sandbox-key-not-a-secret\\n", KEY, "without the `\\n` that is written out at its end"),
        ("sandbox-key-not-a-secret\nother", KEY, "as its first line alone"),
        ("# the key\nsandbox-key-not-a-secret", KEY, "as its last line alone"),
        ("sandbox%2Dkey%2Dnot-a-secret", KEY, "with its percent escapes resolved"),
        ("Sandbox-Key-Not-A-Secret", KEY, "in lower case"),
        (KEY, "sandbox-key-not-a-secret\n", "and a line break after it: the signer's key has one"),
        (KEY, "\"sandbox-key-not-a-secret\"", "in quotation marks: the signer's key has them"),
    ];
    for (key, signer, guess) in table {
        std::fs::write(folder.path().join("key.txt"), key).unwrap();
        let mut child = ecp(folder.path(), &["explain", "--key-file", "key.txt"])
            .env("REAL_KEY", KEY)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(signed_with(signer).as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{guess}");
        let line = format!("it would match\n  with the key in key.txt {guess}\n");
        assert!(stdout(&output).ends_with(&line), "{guess}: {}", stdout(&output));
        assert!(!stdout(&output).contains(KEY), "{}", stdout(&output));
    }
    let output = run(folder.path(), "explain", b"another", false, &signed_with(KEY));
    assert!(
        stdout(&output).contains("nor another form of a key explains it"),
        "{}",
        stdout(&output)
    );
}

#[test]
fn files_in_other_encodings_and_empty_keys_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let utf16: Vec<u8> = "\u{feff}key".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (key, words) in [
        (utf16.as_slice(), "error: the key file key.txt is UTF-16: save it as UTF-8"),
        (b"k\xe9y", "error: the key file key.txt is not UTF-8: save it as UTF-8"),
        (b"\n", "error: there is no key in key.txt: the secret key is empty"),
        (b"", "error: there is no key in key.txt: the secret key is empty"),
    ] {
        let output = run(folder.path(), "verify", key, true, &signed_with(KEY));
        assert_eq!(output.status.code(), Some(1));
        assert!(stderr(&output).starts_with(words), "{}", stderr(&output));
    }
}

#[test]
fn a_key_in_place_of_its_name_is_not_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let keys = [
        KEY,
        "aB3/x+9Kkey=",
        "/x+9Kkey=",
        "aB3x.9Kkey",
        "ABCDEF0123456789ABCDEF0123456789",
        "AB12CD34EF56AB78",
        "ABCDEFGHIJKLMNOPQRSTU",
        "7_STARTS_WITH_A_DIGIT",
    ];
    for key in keys {
        for option in ["--key-env", "--key-file"] {
            let output = ecp(folder.path(), &["verify", option, key]).output().unwrap();
            assert_eq!(output.status.code(), Some(1));
            assert!(stderr(&output).contains("it may be the key itself"), "{}", stderr(&output));
            assert!(!stderr(&output).contains(key), "{}", stderr(&output));
        }
    }
    // The setting is named in place of the variable.
    let output = ecp(folder.path(), &["verify", "--key-env", KEY]).output().unwrap();
    assert!(stderr(&output).starts_with("error: cannot use --key-env: "), "{}", stderr(&output));
    let profile = "[shop]\nproject = 1\nkey_env = \"aB3x.9Kkey\"\n";
    std::fs::write(folder.path().join("key.toml"), profile).unwrap();
    let output =
        ecp(folder.path(), &["status", "--profiles", "key.toml", "--profile", "shop", "P"])
            .output()
            .unwrap();
    let words = "error: cannot use `key_env` of profile `shop`: there is no environment variable";
    assert!(stderr(&output).starts_with(words), "{}", stderr(&output));
    for name in ["NO_SUCH_KEY", "NO_SUCH_KEY_2", "NOSUCHKEY"] {
        let output = ecp(folder.path(), &["verify", "--key-env", name]).output().unwrap();
        let words = format!("the environment variable {name} is missing: set it to the key");
        assert!(stderr(&output).contains(&words), "{}", stderr(&output));
    }
    std::fs::create_dir(folder.path().join("keys")).unwrap();
    for name in ["keys", "keys/none.key", "./none.key", "../none.key"] {
        let output = ecp(folder.path(), &["verify", "--key-file", name]).output().unwrap();
        let words = format!("cannot read the key file {name}");
        assert!(stderr(&output).contains(&words), "{}", stderr(&output));
    }
}

#[test]
fn keys_and_tokens_of_profiles_and_of_the_sandbox_are_looked_at_too() {
    let folder = tempfile::tempdir().unwrap();
    let profiles = "[shop]\nproject = 1\nkey_env = \"KN\"\ntest = true\n\
                    gate_url = \"http://127.0.0.1:9\"\ndata_token_env = \"TN\"\n\
                    data_key_env = \"DN\"\n\
                    [filed]\nproject = 1\nkey_file = \"key.txt\"\n";
    std::fs::write(folder.path().join("profiles.toml"), profiles).unwrap();
    std::fs::write(folder.path().join("key.txt"), format!("{KEY}\n\n")).unwrap();
    let all = ["page-url", "jeton", "X", "1.00 EUR", "--field", "customer.id=7", "--profiles"];
    let output = ecp(folder.path(), &all)
        .args(["profiles.toml", "--profile", "shop"])
        .env("KN", format!("{KEY} "))
        .env("TN", "'token'")
        .env("DN", "\u{feff}data")
        .output()
        .unwrap();
    for words in [
        "KN ends with a space;",
        "TN begins and ends with a quotation mark;",
        "DN begins with a byte",
    ] {
        assert!(stderr(&output).contains(words), "{}", stderr(&output));
    }
    let filed = ecp(folder.path(), &all).args(["profiles.toml", "--profile", "filed"]).output();
    assert!(stderr(&filed.unwrap()).contains("key.txt ends with a line break;"));
    let config = "[[projects]]\nid = 1\nkey_env = \"KN\"\ncallback_url = \"x\"\n";
    std::fs::write(folder.path().join("sandbox.toml"), config).unwrap();
    let output = ecp(folder.path(), &["sandbox", "--config", "sandbox.toml"])
        .env("KN", "\"key\"")
        .output()
        .unwrap();
    assert!(stderr(&output).contains("the key in KN begins and ends with a quotation mark;"));
}
