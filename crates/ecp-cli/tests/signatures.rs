//! `ecp sign` and `ecp verify`, as a shell sees them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Write;
use std::process::{Command, Output, Stdio};

fn ecp(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_ecp"))
        .args(arguments)
        .env("ECP_KEY", "secret")
        .env("EMPTY_KEY", "")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that refuses its arguments does not read its input.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

#[derive(serde::Deserialize)]
struct Vector {
    name: String,
    key: String,
    input: String,
    string: String,
    signature: String,
}

#[test]
fn every_published_vector_signs_and_verifies() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../ecp-core/tests/data/vectors.json");
    let vectors: Vec<Vector> =
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert!(vectors.len() >= 17, "{} vectors", vectors.len());
    let key_file = tempfile::NamedTempFile::new().unwrap();
    let key_path = key_file.path().to_str().unwrap();
    for vector in vectors {
        std::fs::write(key_path, format!("{}\n", vector.key)).unwrap();
        let string = ecp(&["sign", "--string"], &vector.input);
        assert_eq!(stdout(&string).trim_end(), vector.string, "{}", vector.name);
        let signature = ecp(&["sign", "--key-file", key_path], &vector.input);
        assert_eq!(stdout(&signature).trim_end(), vector.signature, "{}", vector.name);

        let closing = vector.input.rfind('}').unwrap();
        let signed =
            format!("{},\"signature\":\"{}\"}}", &vector.input[..closing], vector.signature);
        let verified = ecp(&["verify", "--key-file", key_path], &signed);
        let line = format!("ok: key {key_path}, natural order, reading unique");
        let rest = stdout(&verified).strip_prefix(&line).unwrap();
        // Some have members that no signature covers.
        let leaves_out = ["frame_mode", "signature"].iter().any(|name| vector.input.contains(name));
        let is_listed = rest.starts_with("; not signed: ") && rest.ends_with('\n');
        assert!(if leaves_out { is_listed } else { rest == "\n" }, "{}: {rest}", vector.name);
        assert!(verified.status.success());
    }
}

#[test]
fn lines_are_signed_one_by_one_and_keep_their_places() {
    let output =
        ecp(&["sign", "--string", "--jsonl"], "{\"b\":1,\"a\":true}\n\n{\"a\":1.5}\n{\"c\":null}");
    assert_eq!(stdout(&output), "a:1;b:1\n\nc:\n");
    assert_eq!(
        stderr(&output),
        "error: line 3: cannot sign the member `a`: a number must be an integer; send fractions as text\n\
         hint: `ecp sign --help` says how to sign such a document anyway\n"
    );
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn signing_is_as_strict_as_its_options_say() {
    let semicolon = r#"{"a":"x;y"}"#;
    let output = ecp(&["sign", "--string"], semicolon);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("`a`: a name or text must not hold `;` on the Payment Page"));
    assert_eq!(stdout(&ecp(&["sign", "--string", "--private"], semicolon)), "a:x;y\n");

    let duplicate = r#"{"a":1,"a":2.50}"#;
    assert!(
        stderr(&ecp(&["sign", "--string"], duplicate)).contains("`a`: the member appears twice")
    );
    assert_eq!(stdout(&ecp(&["sign", "--string", "--allow-ambiguous"], duplicate)), "a:2.5\n");
    let never = ecp(&["sign", "--string", "--allow-ambiguous"], r#"{"0":1}"#);
    assert!(
        stderr(&never).contains("the top-level member `0` needs another name"),
        "{}",
        stderr(&never)
    );
}

#[test]
fn verifying_says_which_key_matched_or_why_none_did() {
    let signed = r#"{"payment":{"id":"000049","status":"success"},"signature":"/3TrhHVz9BHaLfgLyhoxO7dsQNzbzZa/TdO3pxQocXWwgVM6tGlzMLVfpOxFNTnkR9iiFVK/77ZedMcbkCjmng=="}"#;
    let lines = format!("{signed}\n{}\n{{}}\n[]\nx\n", signed.replace("success", "decline"));
    let output = ecp(&["verify", "--jsonl", "--key-env", "HOME", "--key-env", "ECP_KEY"], &lines);
    assert_eq!(
        stdout(&output),
        "ok: key ECP_KEY, natural order, reading unique\n\
         failed: the signature does not match: the document was signed with a key that is not among the given ones, or was changed since; `ecp explain` looks for the cause\n\
         failed: no signature: neither `signature` nor `general.signature` is there\n\
         failed: the document must be a JSON object, found a list\n\
         failed: JSON document, line 1, column 1: expected a value\n"
    );
    assert_eq!(output.status.code(), Some(1));
    let json = ["verify", "--jsonl", "--json", "--key-env", "ECP_KEY"];
    let json = ecp(&json, &format!("{signed}\nx\n"));
    assert_eq!(json.status.code(), Some(1));
    assert_eq!(
        stdout(&json),
        "{\"genuine\":true,\"key\":\"ECP_KEY\",\"order\":\"natural\",\"reading\":\"unique\",\"ambiguous\":[],\"uncovered\":[]}\n\
         {\"genuine\":false,\"error\":\"JSON document, line 1, column 1: expected a value\"}\n"
    );
    assert!(ecp(&["verify", "--key-env", "ECP_KEY"], signed).status.success());
    assert!(!ecp(&["verify", "--jsonl", "--key-env", "ECP_KEY"], "").status.success());
}

/// Genuine documents with a text that somebody chose, and what was cut out of them.
#[test]
fn the_reading_is_said_and_can_be_required() {
    let path =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../ecp-notify/tests/data/cut-and-swallowed.jsonl");
    let bodies = std::fs::read_to_string(path).unwrap();
    let key_file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(key_file.path(), "sandbox-key-not-a-secret").unwrap();
    let key = key_file.path().to_str().unwrap();
    let line = |word: &str, reading: &str| format!("{word}: key {key}, natural order, {reading}\n");
    let ambiguous =
        ["account.number", "zz", "payment.description", "payment.stz", "billing_city", "pb"];
    let lines = |word: &str| -> String {
        ambiguous.map(|path| line(word, &format!("reading ambiguous: {path}"))).concat()
    };

    let all = ecp(&["verify", "--jsonl", "--key-file", key], &bodies);
    assert_eq!((stdout(&all), all.status.code()), (lines("ok").as_str(), Some(0)));
    let strict = ecp(&["verify", "--jsonl", "--unique", "--key-file", key], &bodies);
    assert_eq!((stdout(&strict), strict.status.code()), (lines("failed").as_str(), Some(1)));
    let json = ecp(&["verify", "--jsonl", "--unique", "--json", "--key-file", key], &bodies);
    let said: Vec<serde_json::Value> =
        stdout(&json).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(said.len(), 6);
    for (said, path) in said.iter().zip(ambiguous) {
        assert_eq!(said["genuine"], true);
        assert_eq!((&said["reading"], &said["ambiguous"][0]), (&"ambiguous".into(), &path.into()));
    }
    assert_eq!(json.status.code(), Some(1));

    let signed = r#"{"payment":{"id":"000049","status":"success"},"signature":"/3TrhHVz9BHaLfgLyhoxO7dsQNzbzZa/TdO3pxQocXWwgVM6tGlzMLVfpOxFNTnkR9iiFVK/77ZedMcbkCjmng=="}"#;
    let unique = ecp(&["verify", "--unique", "--key-env", "ECP_KEY"], signed);
    assert_eq!(stdout(&unique), "ok: key ECP_KEY, natural order, reading unique\n");
    assert!(unique.status.success());

    // What anybody can add.
    for (added, path) in [
        (r#""frame_mode":{"payment":{"status":"decline"}},"#, "frame_mode"),
        (r#""general":{"frame_mode":"q"},"#, "general.frame_mode"),
        (r#""x":{"signature":{"a":1}},"#, "x.signature"),
        (r#""general":{"signature":"a"},"#, "general.signature"),
    ] {
        let with = signed.replacen('{', &format!("{{{added}"), 1);
        let said = ecp(&["verify", "--key-env", "ECP_KEY"], &with);
        let line = format!("key ECP_KEY, natural order, reading unique; not signed: {path}\n");
        assert_eq!(stdout(&said), format!("ok: {line}"));
        assert!(said.status.success());
        let strict = ecp(&["verify", "--unique", "--key-env", "ECP_KEY"], &with);
        assert_eq!(stdout(&strict), format!("failed: {line}"));
        assert_eq!(strict.status.code(), Some(1));
        let json = ecp(&["verify", "--json", "--key-env", "ECP_KEY"], &with);
        let json: serde_json::Value = serde_json::from_str(stdout(&json)).unwrap();
        assert_eq!(json["uncovered"], serde_json::json!([path]));
    }
}

#[test]
fn a_wrong_command_line_says_what_to_do() {
    let table: [(&[&str], i32, &str); 7] = [
        (&["sign"], 2, "error: no key is given: add --key-env NAME or --key-file PATH\n"),
        (&["verify"], 2, "error: no key is given: add --key-env NAME or --key-file PATH\n"),
        (
            &["sign", "--key-env", "ECP_NO_SUCH"],
            1,
            "error: the environment variable ECP_NO_SUCH is missing: set it to the key\n",
        ),
        (
            &["sign", "--key-env", "EMPTY_KEY"],
            1,
            "error: there is no key in EMPTY_KEY: the secret key is empty: set the variable or fill the file that it is read from\n",
        ),
        (
            &["sign", "--key-env", "ECP_KEY", "--key-env", "ECP_KEY"],
            2,
            "error: more than one key is given: keep one --key-env or one --key-file\n",
        ),
        (
            &["sign", "--key-file", "./no-such-file"],
            1,
            "error: cannot read the key file ./no-such-file: ",
        ),
        (&["sign", "--key", "secret"], 2, "error: unexpected argument '--key' found"),
    ];
    for (arguments, code, message) in table {
        let output = ecp(arguments, "{}");
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
        assert!(stderr(&output).starts_with(message), "{arguments:?}: {}", stderr(&output));
        assert_eq!(stdout(&output), "", "{arguments:?}");
    }
}

#[test]
fn a_key_that_is_no_text_is_not_printed() {
    use std::os::unix::ffi::OsStrExt;

    let key = std::ffi::OsStr::from_bytes(b"k\xffsentinel");
    let output = Command::new(env!("CARGO_BIN_EXE_ecp"))
        .args(["sign", "--key-env", "ODD_KEY"])
        .env("ODD_KEY", key)
        .output()
        .unwrap();
    assert_eq!(
        stderr(&output),
        "error: the environment variable ODD_KEY is not UTF-8: set it to the key in UTF-8\n"
    );
}

#[test]
fn a_line_that_is_too_long_costs_only_itself() {
    let long = format!("{{\"a\":1}}\n{{\"b\":\"{}\"}}\n{{\"c\":1}}\n", "x".repeat(17 << 20));
    let output = ecp(&["sign", "--string", "--jsonl"], &long);
    assert_eq!(stdout(&output), "a:1\n\nc:1\n");
    assert!(stderr(&output).starts_with("error: line 2: the document has "), "{}", stderr(&output));
}
